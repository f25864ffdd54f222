/* SPDX-License-Identifier: MIT */
/* How a thread waits: for its event, which services signal that it has named a waiter to. */
#ifndef LINUX_WAITERS_H
#define LINUX_WAITERS_H

#include "linux.h"

enum waiter_kind { WAITER_PIPES, WAITER_TERMINAL, WAITER_FUTEXES, WAITER_FILES, WAITER_KINDS };

/* With which bits of the event. */
#define WAITER_BIT 1
#define WAITER_BIT_FUTEXES 2
#define WAITER_BIT_LOAN 4  /* loan.h */
#define WAITER_BIT_START 8 /* of a parked thread, threads.c */

/* The number by which a service knows the calling thread's event; it is enlisted at the first call. 0 if that cannot be. */
uint64_t waiter_number(enum waiter_kind kind, wk_handle session);
/* What a thread's copy after fork does not have, and what goes with a thread. */
void waiters_forget(struct thread *thread);
/* As wait_for_event, for some of its bits. */
int64_t wait_for_bits(uint64_t bits, uint64_t deadline_ns);

#endif
