/* SPDX-License-Identifier: MIT */
/*
 * Descriptors and what is behind them. A struct file is the process's own record of something open; what the something is its
 * operations know. What processes share of it, as the position, the service behind its session keeps.
 */
#ifndef LINUX_FILES_H
#define LINUX_FILES_H

#include "linux.h"
#include "window.h"

#include <winkle/stream.h>

#define POSITION_CURRENT UINT64_MAX
#define DESCRIPTORS_MAX 1024
/* Descriptors are made below it, RLIMIT_NOFILE. */
extern int descriptors_limit;

struct file;
struct stat;

struct file_operations {
    /* Bytes at a position, or the current one, to or from the program's memory. How many, or an error; -EAGAIN if it would have
     * to wait, and then `arm` has the thread's event signalled when it is worth while to try again. */
    int64_t (*read)(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position);
    int64_t (*write)(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position);
    int64_t (*seek)(struct file *file, int64_t offset, int whence);
    int64_t (*status)(struct file *file, struct stat *status);
    int64_t (*control)(struct file *file, uint64_t request, uint64_t argument);
    /* POLL bits that hold now; if none of `events` does, the thread's event is signalled when one may. */
    int64_t (*poll)(struct file *file, uint32_t events);
    /* Entries of a directory that the personality makes up, as getdents64 has them. */
    int64_t (*list)(struct file *file, uint64_t buffer, uint64_t bytes);
    void (*release)(struct file *file);
    /* WK_DESCRIPTION_FLAGS_*, which a service keeps with the session; NULL: they are the process's own. */
    enum wk_status (*get_flags)(wk_handle session, uint64_t *flags);
    enum wk_status (*set_flags)(wk_handle session, uint64_t flags);
    enum wk_stream_kind stream; /* what its session is for a native program */
};

struct file {
    uint64_t references;
    const struct file_operations *operations;
    wk_handle session;
    wk_handle writer;   /* of a pipe that is open for both: the end to write to; 0 */
    wk_handle memory;   /* a node's bytes, once they were asked for; 0 */
    bool has_no_memory; /* they are not to be had that way */
    struct window window;
    bool is_node;      /* its session is the file service's */
    bool was_awaited;  /* a pipe: a reader has had to wait */
    bool is_locked;    /* locks were made by it that are the open file's, not the process's */
    uint32_t flags;    /* O_ACCMODE, O_PATH; O_NONBLOCK and so on as they were when the service was last asked */
    uint64_t key;      /* by which its session can be emptied (spares.h); 0: it cannot, or is mapped */
    uint64_t forks;    /* how many there had been when it was opened */
    uint64_t kind;     /* enum wk_node_kind */
    uint64_t device;   /* its number, of a device */
    uint64_t position; /* of files that the personality makes up */
    char *text;        /* their bytes, from wk_allocate */
    uint64_t text_bytes;
};

enum way { WAY_READ, WAY_WRITE };
#define TRANSFER_MAX UINT64_C(0x7ffff000) /* no call moves more */

/* Moves bytes between a file and the program's memory: once, and again whenever the file says that it is worth while, unless it is not to be
 * waited for. How many, or an error. */
int64_t file_transfer(struct file *file, enum way way, uint64_t buffer, uint64_t bytes, uint64_t position);

/* A new record with one reference, its session given to it; NULL: no memory, and the session is deleted. */
struct file *file_make(const struct file_operations *operations, wk_handle session, uint32_t flags);
/* What a descriptor stands for, with a reference more; NULL if there is none. */
struct file *file_of(int fd);
void file_drop(struct file *file);
/* What a descriptor stands for, while the caller holds linux_lock; NULL if there is none. */
struct file *descriptor_file(int fd);

/* Tells the service the flags of what has just been opened, if there is any that it does not know. */
void file_tell_flags(struct file *file);

/* Takes a reference over and gives the lowest descriptor from `least` on that is free, or an error; then the reference is dropped. */
int64_t descriptor_make(struct file *file, int least, bool close_on_exec);
/* The descriptor's further flag FD_CLOEXEC; -EBADF. */
int64_t descriptor_flags(int fd);
int64_t descriptor_set_flags(int fd, bool close_on_exec);
/* A child of fork begins: nothing is mapped that was mapped for a file. */
void descriptors_begin_child(void);
/* What execve closes. */
void descriptors_close_on_exec(void);
/* At the process's end: what may be locked is given up, before its parent learns of it. */
void descriptors_close_locked(void);

/* Maps a file's bytes, for mmap; with linux_lock held. */
int64_t files_map(uint64_t start, uint64_t length, uint32_t protection, bool is_shared, int fd, uint64_t offset);

/* Waits until the thread's event is signalled: 0, -RESTART if a signal came, -ETIMEDOUT. */
int64_t wait_for_event(uint64_t deadline_ns);

#endif
