/* SPDX-License-Identifier: MIT */
/* The vDSO: code that the program calls in place of a system call, and the page that it reads (vdso/data.h). */
#ifndef LINUX_VDSO_H
#define LINUX_VDSO_H

#include "linux.h"
#include "vdso/data.h"

extern struct vdso_data vdso_data;

/* Makes its memory. At the first process's start; others have it from their parents. */
enum wk_status vdso_start(void);
/* Maps it for a program that begins, with linux_lock held; linux_process.vdso tells where. */
void vdso_map(void);

#endif
