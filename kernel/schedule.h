/* SPDX-License-Identifier: MIT */
/*
 * Which thread a hart runs, and who pays for it: see schedule.c.
 *
 * INV-SCHED-1 a thread that has a budget and is schedulable (schedule_wants) is READY in a queue of its home (the hart of
 *             its budget), PARKED in a list of whoever will tell, or UNPLACED and the payer of its home. All others are
 *             UNPLACED and nobody's payer, but for a payer that stopped: its hart chooses again.
 * INV-SCHED-2 hart->ready has a bit exactly for each list that is not empty.
 * INV-SCHED-3 if another payer is due, or the payer's thread changed, attention.reschedule is set, and if the hart is
 *             another than the one that did it, a notification is on its way to it.
 * INV-SCHED-4 while a thread as urgent as the payer is ready and neither has a deadline, the hart's slice or turn_over is
 *             set.
 * INV-SCHED-5 slice_thread is a schedulable thread of this hart, or NULL.
 * INV-SCHED-6 `current` runs at the end of the payer's chain. It is current on no other hart.
 * INV-SCHED-7 hart->pool is the pool of the payer's budget, or NULL; while it is NULL and there is a payer, the hart chooses
 *             again. The payers since run_ns, one after another, have all drawn on that pool: one run, which its account is
 *             not charged for yet, and which it has capacity for until expiry_ns. Each payer's time until charged_ns counts
 *             in its thread and its budget.
 * INV-SCHED-8 hart->owing is a pool whose run from owed_ns until run_ns its account is not charged for yet, and not hart->pool;
 *             or NULL. While there is no payer it is that of one that was taken away: the run goes on until the hart has chosen.
 *             Whoever looks at accounts of the hart's budgets, or ends them, charges first (schedule_charge).
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "budget.h"
#include "thread.h"

#define SLICE_NS 10000000

/* Prepares a hart's queues. */
void schedule_hart_init(struct hart *hart);
/* Queues a thread behind its equals, which wants to run (schedule_wants) and is UNPLACED and no payer, and has its hart choose again if
 * it is more urgent. */
void schedule_place(struct thread *thread);
/* The thread may run, or waits for the answer of a call: queues it behind its equals, if it has a budget; those who wait
 * for it to run go on as well. Its hart chooses again if that matters. */
void schedule_ready(struct thread *thread);
/* The thread may not run, and does not call: unqueues it; where it is the payer or current, that hart chooses again. */
void schedule_unready(struct thread *thread);
/* The thread's reasons to run or not to run changed. */
void schedule_update(struct thread *thread);
/* Its budget is about to change: takes it out of the old one's hart. schedule_update puts it into the new one's. */
void schedule_leave(struct thread *thread);
/* The current thread's payer goes behind its equals. */
void schedule_yield(struct thread *thread);
/* The same, straight to the next of its equals, which is current then: see hand_over.c. False: nothing has changed. */
bool schedule_yield_at_once(struct hart *hart);
/* The payer, for whom the current thread runs, is about to stop: straight to the thread, whose wait ends, if it is the next; it is current
 * then. False: nothing has changed. Requires: nothing hinders the current thread. */
bool schedule_go_on_with(struct hart *hart, struct thread *next);
/* The current thread, which pays for itself, is about to wait: straight to who serves the call of that one, if it is the next to pay. The
 * same holds. */
bool schedule_go_on_for(struct hart *hart, struct thread *caller);
/* Changes the thread's priority wherever it is queued here; event_wait_requeue does it for events. */
void schedule_set_priority(struct thread *thread, uint8_t priority);
/* The thread's call is about to end, or to be another's to answer: payers that came through it, wherever they stand or what
 * runs for them, look for its chain anew. Bound: the longest chain. */
void schedule_chain_breaks(struct thread *caller);
/* Puts parked threads back into their queues, one now, the others in later steps of this hart. */
void schedule_unpark(struct list *parked);
/* The same with those who wait for the thread. */
void schedule_unpark_helpers(struct thread *thread);
/* Puts some of those back that were left for later. */
void schedule_unpark_some(struct hart *hart);
/* The same; false if there was none. */
static inline bool schedule_unpark_later(struct hart *hart)
{
    if (!hart->attention.unparked)
        return false;
    schedule_unpark_some(hart);
    return true;
}
/* Charges the time of a hart's payer until now. Returns now. */
uint64_t schedule_charge(struct hart *hart);
/* Charges the account of who was left in haste, by a straight wake-up, for what it ran. */
void schedule_settle(struct hart *hart);
/* The same; false if there was none. */
static inline bool schedule_settle_later(struct hart *hart)
{
    if (hart->owing == NULL || hart->payer == NULL)
        return false;
    schedule_settle(hart);
    return true;
}
/* Does what is due when the payer's capacity or a slice ends; false if none has by now. */
bool schedule_expire(struct hart *hart, uint64_t now_ns);
/* What was found out of the payer's pool no longer holds: the hart chooses again, which is the end of the run. */
void schedule_run_anew(struct hart *hart);
/* The capacity of the pool changed, other than by charging: whoever depends on it is looked at again. */
void schedule_pool_changed(struct budget *pool);

/* The deadlines that count are those of this class and more urgent ones: that of who pays; */
static inline const struct deadline_class *schedule_class(const struct hart *hart)
{
    const struct thread *payer = __atomic_load_n(&hart->payer, __ATOMIC_RELAXED); /* another hart may take it away */

    return &hart->deadlines[payer == NULL ? 0 : deadline_class_of(payer->priority)];
}
/* or will when the hart has chosen. */
const struct deadline_class *schedule_next_class(struct hart *hart);

/* How urgent what the thread does is: what its payer has if it runs, else its own priority. */
static inline uint8_t schedule_urgency(const struct thread *thread)
{
    const struct hart *hart = thread->hart;

    return hart->current == thread && hart->payer != NULL ? hart->payer->priority : thread->priority;
}

/* Whether it would use its budget: runs, or has another run for it. */
static inline bool schedule_wants(const struct thread *thread)
{
    return thread->budget != NULL &&
           (thread_is_runnable(thread) || thread_is_calling(thread) || thread_awaits_partner(thread));
}

/* The lock is about to be released before this hart has chosen anew, and its current thread may have begun to wait: until
 * the hart has left it, no other may have it current, not even by the fast path, which does not look (INV-SCHED-6). */
void schedule_stays_current(const struct hart *hart);

/*
 * Chooses this hart's next payer, and makes the thread at the end of its chain current with its address space; NULL if
 * there is none, or the choice is not at its end (attention.reschedule is set then). Without a thread, and for threads
 * without a process, the kernel's own address space is made current, so that no process's space stays current when its
 * last thread has left the hart. Requires: the lock.
 */
struct thread *schedule_choose(struct hart *hart);

#endif
