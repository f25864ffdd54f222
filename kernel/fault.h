/* SPDX-License-Identifier: MIT */
/*
 * Faults that another process answers: see fault.c.
 *
 * INV-FAULT-1 a thread is FAULTING exactly while it is CALLING for a fault: its registers are its code's, the message is in
 *             the fault_ fields, without deadline or capabilities.
 */
#ifndef FAULT_H
#define FAULT_H

#include "thread.h"

struct session;

/* The current thread, whose context is saved in full, cannot go on: it calls its process's fault handler, or the process
 * ends for that reason. Requires: the lock. */
void fault_unanswered(struct thread *thread, enum wk_upcall_cause cause, enum wk_end_reason reason, uint64_t detail);
/* The same where a server stands ready, which is current then; false if none does. Of the thread's context, only pc has
 * to be saved. */
bool fault_tell_at_once(struct thread *thread, enum wk_upcall_cause cause, enum wk_end_reason reason, uint64_t detail);
/* Writes the message of such a call into the registers of its receiver. */
void fault_write(const struct thread *thread, struct thread *receiver);
/* Such a call is over: the thread goes on, or its process ends. It is about to be CALLING no more. */
void fault_answered(struct thread *thread, uint64_t status, const uint64_t words[6]);

/* The current thread has called by the session, whose server stood ready and is current now. False: nothing has changed.
 * See quick_call.c. */
bool fault_call_at_once(struct thread *thread, const struct session *session);

/* Such a call is answered `ok`: the thread goes on, elsewhere if word 0 says where. */
static inline void fault_go_on(struct thread *thread, const uint64_t words[6])
{
    if (words[0] != 0)
        arch_context_set(&thread->context, 0, words[0]);
}

/* Whether the thread waits in such a call. */
static inline bool fault_is_told(const struct thread *thread)
{
    return (thread->stop & THREAD_FAULTING) != 0;
}

#endif
