/* SPDX-License-Identifier: MIT */
/* Native programs, as execve finds them. */
#ifndef LINUX_NATIVE_H
#define LINUX_NATIVE_H

#include "exec.h"

/* Program header by which lib/winkle/program.ld tells them from programs of Linux. */
#define NATIVE_HEADER 0x6b6e6977

/* Makes a process of the file's program with these arguments, which does not run yet. 0 or an error. */
int64_t native_prepare(struct file *file, const struct strings *arguments);
/* Runs it in this process's stead, whose program's memory has gone. */
__attribute__((noreturn)) void native_run(void);

#endif
