/* SPDX-License-Identifier: MIT */
/*
 * Advisory locks of files, which the file service keeps. Those of `flock` and of F_OFD_... are the open file's, so its session's; those of
 * F_SETLK are the process's, for which a session stands that no other process has.
 */
#ifndef LINUX_LOCKS_H
#define LINUX_LOCKS_H

#include "files.h"

/* The commands of fcntl that are about locks. */
int64_t lock_control(struct file *file, int command, uint64_t argument);
/* A descriptor of the file is closed: with it the process's own locks of it go. */
void locks_close(struct file *file);
/* The process ends: its locks go before its parent learns of it. */
void locks_end(void);
/* A process that begins by fork has none of its parent's. */
void locks_forget(void);

#endif
