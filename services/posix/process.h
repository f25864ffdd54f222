/* SPDX-License-Identifier: MIT */
/*
 * What the service knows of a process of POSIX, and the table of all of them: numbers, groups, sessions.
 *
 * A process is entered by `attach` or `fork`, has ended when its session has, and stays as a zombie until its parent has
 * waited for it.
 */
#ifndef POSIX_PROCESS_H
#define POSIX_PROCESS_H

#include <winkle/abi.h>
#include <winkle/links.h>

#include <stdbool.h>

#define PROCESSES_MAX 1024
#define NAME_WORDS 2
#define PART_WORDS (WK_ARGUMENTS_PART / sizeof(uint64_t))
#define ARGUMENT_PARTS (WK_ARGUMENTS_MAX / WK_ARGUMENTS_PART)

enum state {
    STATE_RUNNING,
    STATE_STOPPED,
    STATE_KILLED, /* it is about to end by SIGKILL, and forks nobody and sends no signals any more */
    STATE_ZOMBIE, /* it has ended, and its parent has not waited for it */
};

/* What there is to be told to who waits for a process that has not ended. */
enum news { NEWS_NONE, NEWS_STOPPED, NEWS_CONTINUED };

struct process {
    uint64_t pid, group, session; /* the latter two are numbers of processes, which may have ended */
    struct process *parent;       /* NULL: none here */
    struct wk_link children;      /* struct process, sibling; zombies first */
    struct wk_link sibling, all, bucket;
    enum state state;
    enum news news;
    uint64_t stop_signal;
    uint64_t end_signal; /* by which its parent is told its end */
    uint64_t end_status; /* as `waitpid` tells it; counts if has_end_status, and once it has ended */
    bool has_end_status;
    bool has_no_zombies;
    bool has_no_stops; /* no SIGCHLD when children stop or go on */
    bool has_notice;   /* it is told of SIGKILL, and has a while to end by itself */
    uint64_t user, owner_group;
    uint64_t name[NAME_WORDS];
    uint64_t arguments[ARGUMENT_PARTS][PART_WORDS]; /* with how it was called, in parts as they travel */
    uint64_t arguments_bytes;

    uint64_t pending, ignored; /* signals, signal 1 as bit 0 */
    struct wk_link signals;    /* what is pending, see signals.c */
    uint64_t signal_count;
    struct wk_link alarms; /* see alarms.c */

    wk_handle process, thread, event; /* its own: 0 when it has ended */
    wk_handle page;                   /* memory to be read, from which the process is lent its page, */
    struct wk_posix_page *told;       /* and the page itself; NULL: there is none */
    uint64_t used, children_used;     /* processor time, once it has ended; of those that it waited for */
    wk_handle watch;                  /* who is to be told that this session's leader has ended; or 0 */
    uint64_t watch_bits;
    struct wk_link to_kill; /* see effects.c */
    uint64_t kill_at_ns;
};

/* The first that was entered, which gets orphans and is immune to what its family sends it; NULL: it has ended. */
extern struct process *first_process;

void processes_init(void);
/* A new process with a number of its own, and nothing else; NULL: there is no room. */
struct process *process_enter(void);
/* Forgets one that is nobody's parent. */
void process_forget(struct process *process);
/* By its record's number, which is its session's badge; by its pid. NULL if there is none. */
struct process *process_of_badge(uint64_t badge);
struct process *process_of_pid(uint64_t pid);
uint64_t process_badge(const struct process *process);
/* The one with the least pid that is not less; NULL. */
struct process *process_at_least(uint64_t pid);
/* All, in the order in which they were entered: the first or next one, or NULL. */
struct process *process_next(const struct process *process);

void process_set_parent(struct process *process, struct process *parent);
/* Among its parent's children it is the first to be looked at. */
void process_to_front(struct process *process);
/* Whether a process, of that session if it is not 0, is in the group. */
bool group_exists(uint64_t group, uint64_t session);

#endif
