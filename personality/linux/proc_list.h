/* SPDX-License-Identifier: MIT */
/* The directories of /proc. */
#ifndef LINUX_PROC_LIST_H
#define LINUX_PROC_LIST_H

#include "files.h"

/* A directory: /proc itself if `pid` is 0, else a process's, or where its own descriptors are. `path` is what it is called. 0 or an error. */
enum proc_directory { PROC_DIRECTORY_SYSTEM, PROC_DIRECTORY_PROCESS, PROC_DIRECTORY_DESCRIPTORS };
int64_t proc_open_directory(enum proc_directory directory, uint64_t pid, const char *path, uint32_t flags,
                            struct file **file);
/* The names of its links in a process's. */
#define PROC_LINKS 3
extern const char *const proc_links[PROC_LINKS];
/* Whether a file is one; then `text` is its path, without an end. */
bool proc_is_directory(const struct file *file);

#endif
