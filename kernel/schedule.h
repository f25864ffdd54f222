/* SPDX-License-Identifier: MIT */
/*
 * Which thread a hart runs: the most urgent ready one; threads of equal priority take turns by a time slice. Data is
 * per hart; the choice is O(1).
 *
 * INV-SCHED-1 a thread is in hart->ready, at its priority, exactly if it is runnable (thread_is_runnable) and not that hart's
 *             current thread.
 * INV-SCHED-2 hart->ready has a bit exactly for each list that is not empty.
 * INV-SCHED-3 if a ready thread is to run in place of the current one, hart->reschedule is set, and if the hart is
 *             another than the one that did it, a notification is on its way to it.
 * INV-SCHED-4 while a thread as urgent as the current one is ready, the hart's slice or turn_over is set.
 * INV-SCHED-5 slice_thread is a runnable thread of this hart, or NULL.
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "thread.h"

#define SLICE_NS 10000000

/* Prepares a hart's queues. */
void schedule_hart_init(struct hart *hart);
/* The hart on which a new thread is to run: the one with the fewest of 16 that are looked at, in turn. Whoever makes the
 * thread counts it in hart->thread_count. */
struct hart *schedule_place(void);
/* The thread may run: queues it behind its equals, and asks its hart to choose again if it is more urgent. */
void schedule_ready(struct thread *thread);
/* The thread may not run: unqueues it; if it is current somewhere, asks that hart to choose again. */
void schedule_unready(struct thread *thread);
/* The current thread goes behind its equals. */
void schedule_yield(struct thread *thread);
/* Changes the thread's priority wherever it is queued here; event_wait_requeue does it for events. */
void schedule_set_priority(struct thread *thread, uint8_t priority);
/*
 * Chooses this hart's next thread and makes it current with its address space; NULL if none is ready. Without a thread,
 * and for threads without a process, the kernel's own address space is made current, so that no process's space stays
 * current when its last thread has left the hart. Requires: the lock.
 */
struct thread *schedule_choose(struct hart *hart);

#endif
