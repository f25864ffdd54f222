/* SPDX-License-Identifier: MIT */
/* The part of /proc that programs read, which the personality makes up from what it knows. */
#ifndef LINUX_PROC_H
#define LINUX_PROC_H

#include "files.h"

/* Whether it is a path into /proc. */
bool proc_has(const char *path);
/* Takes `.`, `..` and `/` that is doubled out of an absolute path, in place, where it may lead into /proc; but not `..` behind one of the links there. Its
 * length. */
uint64_t proc_straighten(char *path);
/* From now on none is: the process has another root. */
void proc_hide(void);
/* The descriptor that a path in /proc/self/fd names, or -1. */
int proc_descriptor(const char *path);
int64_t proc_open(const char *path, uint32_t flags, struct file **file);
int64_t proc_status(const char *path, bool follows, struct stat *status);
int64_t proc_read_link(const char *path, char *text, uint64_t bytes);

#endif
