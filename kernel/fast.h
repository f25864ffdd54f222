/* SPDX-License-Identifier: MIT */
/* The straight path of calls and answers: see fast.c. */
#ifndef FAST_H
#define FAST_H

#include "thread.h"

/*
 * A call of `operation`, without anything special, by `handle`, or an answer and the next receiving: makes the other
 * thread current on this hart, with its address space, and returns it; NULL, and nothing has changed, if it is for the slow path. The
 * words stay in the registers; the caller stores the invoker's other registers and loads those of the thread that is
 * returned, with *badge in t0 of one that was called; all of them, of one whose fault is answered.
 * Requires: the lock; interrupts off.
 */
struct thread *fast_call(struct hart *hart, uint64_t handle, uint64_t operation, uint64_t *badge);
struct thread *fast_reply_receive(struct hart *hart, uint64_t handle, const uint64_t words[6]);
/* The same for a yield by a capability to the thread that runs. All of the other thread's registers are to be loaded. */
struct thread *fast_yield(struct hart *hart, uint64_t handle);
/* The same for a signal to who waits, by who waits for the event of `handle` then; the other thread takes its wait_mask. */
struct thread *fast_signal_wait(struct hart *hart, uint64_t handle, const uint64_t words[6]);

#endif
