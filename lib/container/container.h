/* SPDX-License-Identifier: MIT */
/*
 * Containers: a program of Linux, with all that it starts, that is given a directory as its root, a terminal, memory and a share of time,
 * and nothing else. The processes of a container have a process service and a pipe service of their own, so those of another do not
 * exist for them; the file service is shared, and they have a view of it that begins at their root.
 *
 * All of a container is paid by one bank, split from the launcher's: with that everything ends. The services have parts of it of their
 * own, so that what the processes take is not missing there. The terminal has no hardware: what is typed and shown passes by the launcher.
 */
#ifndef CONTAINER_CONTAINER_H
#define CONTAINER_CONTAINER_H

#include <winkle/launch.h>

#define CONTAINER_BINDS_MAX 8
#define CONTAINER_WORDS_MAX 32
/* The least that a container has, in pages. */
#define CONTAINER_PAGES_MIN 2048
/* What a container calls at, and what the services in it run at; the launcher's ceiling must be as much. */
#define CONTAINER_PRIORITY 100
#define CONTAINER_CEILING 110

/* Bits of the plan's event, from its first one on. */
enum container_bits {
    CONTAINER_ENDED = 1,  /* its first process has ended */
    CONTAINER_FAILED = 2, /* one of its services has */
    CONTAINER_LINE = 4,   /* there is something to show, or room again for what is typed */
};
#define CONTAINER_BITS 3 /* how many there are */

enum container_part { CONTAINER_POSIX, CONTAINER_PIPES, CONTAINER_TERMINAL, CONTAINER_PARTS };

/* A directory of the whole tree, and where it is found in the container. */
struct container_bind {
    const char *from, *to;
};

struct container_plan {
    const struct wk_archive *archive; /* with the services and the personality */
    wk_handle files;                  /* a session of the file service, by which directories are named */
    const char *root;
    bool is_read_only;
    struct container_bind binds[CONTAINER_BINDS_MAX];
    unsigned bind_count;
    uint64_t pages;   /* of memory, at least CONTAINER_PAGES_MIN */
    uint64_t percent; /* of a hart's time that its processes have at most, 1 to 90; 0: what others leave */
    const char *const *words;
    unsigned word_count; /* the program and its arguments, at most CONTAINER_WORDS_MAX */
    wk_handle event;
    unsigned first_bit;
};

struct container_service {
    wk_handle bank, endpoint;
    struct wk_child child;
};

struct container {
    wk_handle bank;   /* of all of it */
    wk_handle budget; /* 0: it has no share of its own */
    wk_handle line;   /* a session of its terminal, as the driver's */
    struct container_service services[CONTAINER_PARTS];
    wk_handle program_bank;
    struct wk_child program;
};

/* Directories that are not there, root or bound, are made. On failure nothing is left, and *problem says why. */
enum wk_status container_start(const struct container_plan *plan, struct container *container, const char **problem);
/* Ends whatever of it still runs, and takes back all that it had. */
void container_end(struct container *container);

/* A session of one of its services with all authority there, which the caller deletes. */
enum wk_status container_session(const struct container *container, enum container_part part, wk_handle *session);
/* Takes what the container shows, at most 40 bytes; returns how many. */
size_t container_take_shown(const struct container *container, char *bytes);
/* Hands over a byte that was typed; false: there is no room now. */
bool container_type(const struct container *container, char byte);

/* ---- names.c ---- */

/* The session that is a container's root directory. */
enum wk_status container_make_view(const struct container_plan *plan, wk_handle *view, const char **problem);

#endif
