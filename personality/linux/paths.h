/* SPDX-License-Identifier: MIT */
/* Paths of the program, on their way to the file service. */
#ifndef LINUX_PATHS_H
#define LINUX_PATHS_H

#include "files.h"

#define PATH_BYTES 4096

struct path {
    wk_handle directory; /* where it starts */
    struct file *file;   /* whose session that is, or NULL */
    uint64_t length;
    uint64_t words[5]; /* the path, if it is short */
    char *text;        /* in the arena */
    bool is_proc;      /* it leads into /proc, which the personality makes up */
};

/* Reads a path that starts at a directory, AT_FDCWD for the current one. 0 or an error; path_end gives back what it took. */
int64_t path_begin(struct path *path, int directory, uint64_t text);
/* The same of a path that the personality has. */
int64_t path_begin_text(struct path *path, int directory, const char *text);
void path_end(struct path *path);

/* Opens a path, options as `directory: open` has them. 0 or an error; *file is a new record. */
int64_t path_open(const struct path *path, uint64_t options, uint32_t permissions, uint32_t flags, struct file **file);

/* Where the process is. The first gives over a session. */
void paths_start(wk_handle root);
/* The session of the root of all that the process can name. */
wk_handle root_session(void);
/* That of its working directory. */
wk_handle working_session(void);
/* That one's path, if it is in /proc, where the personality makes up what there is; else NULL. */
const char *working_made_up(void);
/* Before the text of a path, in linux_getcwd's manner: its length with the zero byte, or an error. */
int64_t path_of(wk_handle session, char *text, uint64_t bytes);
/* That of the working directory. */
int64_t path_of_working(char *text, uint64_t bytes);

#endif
