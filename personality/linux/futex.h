/* SPDX-License-Identifier: MIT */
#ifndef LINUX_FUTEX_H
#define LINUX_FUTEX_H

#include "linux.h"

/* Wakes at most so many threads that wait at an address. How many. */
int64_t futex_wake(uint64_t address, uint32_t count);
/* A thread that has been ended from outside waits no more. */
void futex_forget_thread(struct thread *thread);
/* Marks what a thread held by its robust list as its dead owner's. */
void futex_forget_robust(struct thread *thread);

#endif
