/* SPDX-License-Identifier: MIT */
/* The queues of payers that are ready: what schedule.c, choose.c and the straight ways have in common. Nobody else includes this. */
#ifndef READY_H
#define READY_H

#include "process.h"
#include "schedule.h"

/* A deadline in the low bits of a key, the priority above it; beyond 834 days all deadlines are equal. */
#define URGENCY_TIME_BITS 56
#define URGENCY_TIME_MAX ((UINT64_C(1) << URGENCY_TIME_BITS) - 1)

static inline struct hart *home_of(const struct thread *thread)
{
    return thread->budget->hart;
}

static inline bool has_deadline(const struct thread *thread)
{
    return thread->budget->relative_deadline_ns != 0;
}

static inline uint64_t urgency_key(uint8_t priority, uint64_t deadline_ns)
{
    const uint64_t time_ns = deadline_ns < URGENCY_TIME_MAX ? deadline_ns : URGENCY_TIME_MAX;

    return (uint64_t)(PRIORITIES - 1 - priority) << URGENCY_TIME_BITS | time_ns;
}

static inline uint64_t deadline_of(const struct thread *thread)
{
    return thread->urgency_node.key & URGENCY_TIME_MAX;
}

/* Puts a thread into its queue. */
void ready_enqueue_last(struct hart *hart, struct thread *thread);
void ready_enqueue_first(struct hart *hart, struct thread *thread);
/* Takes a thread out of where it stands, ready or parked. */
void ready_remove(struct thread *thread);
/* Whether one of those that are ready goes before a thread of that priority without a deadline, whose equals are in no matter. */
bool ready_has_before(const struct hart *hart, unsigned priority);
/* The most urgent of those that are ready, or NULL. */
struct thread *ready_first(struct hart *hart);

/* Whether `one` is to run before `other`, which runs. */
static inline bool goes_before(const struct thread *one, const struct thread *other)
{
    if (one->priority != other->priority)
        return one->priority > other->priority;
    return has_deadline(one) && (!has_deadline(other) || deadline_of(one) < deadline_of(other));
}

static inline bool has_equal(const struct hart *hart, const struct thread *payer)
{
    return !list_is_empty(&hart->ready.list[payer->priority]) && !has_deadline(payer);
}

/* The thread is no more to be run: the slice goes on without it. */
static inline void forget_slice(struct hart *hart, const struct thread *thread)
{
    if (hart->slice_thread == thread)
        hart->slice_thread = NULL; /* INV-SCHED-5 */
}

static inline void park(struct thread *thread, struct list *where)
{
    thread->place = THREAD_PARKED;
    list_append(where, &thread->ready_link);
}

/* Charges the payer, but not its pool's account yet, whose run goes on. */
static inline void charge_payer_until(struct hart *hart, uint64_t now_ns)
{
    const uint64_t used_ns = now_ns - hart->charged_ns;
    struct thread *payer = hart->payer;

    hart->charged_ns = now_ns;
    if (payer == NULL) {
        hart->idle_ns += used_ns;
        return;
    }
    payer->used_ns += used_ns;
    payer->budget->used_ns += used_ns;
}

static inline void charge_payer(struct hart *hart)
{
    charge_payer_until(hart, arch_time_ns());
}

/* The run of the payer's pool ends, and is to be charged to its account. Requires: the payer has just been charged, and no
 * account is to be charged yet. */
static inline void owe_run(struct hart *hart)
{
    if (hart->payer != NULL) {
        hart->owing = hart->payer->budget->pool;
        hart->owed_ns = hart->run_ns;
    }
    hart->run_ns = hart->charged_ns;
}

/* Whether floating point has to be looked after when the hart goes from `before` (NULL: from nobody) to `next`. */
ALWAYS_INLINE bool has_floating_point(const struct thread *before, const struct thread *next)
{
    return ((next->hindrance | (before == NULL ? 0 : before->hindrance)) & HINDERED_BY_FP) != 0;
}

/* The thread, of a process that the hart has met and whose space has an identifier, is current from now on, but for floating
 * point. */
ALWAYS_INLINE void become_current(struct hart *hart, struct thread *next)
{
    struct process *process = next->process;

    next->hart = hart;
    hart->current = next;
    hart->invocation.process = process;
    if (hart->space != &process->space) {
        hart->space = &process->space;
        arch_space_switch_tagged(process->space.switch_word);
    }
}

/* The same with floating point, which comes last: who calls this and returns needs no registers for it. */
static inline void make_current(struct hart *hart, struct thread *next)
{
    struct thread *before = hart->current;

    become_current(hart, next);
    if (has_floating_point(before, next))
        arch_thread_switch(before, next);
}

/* What was known of the payer's pool is to be found out anew by the choice. */
static inline void schedule_forget_pool(struct hart *hart)
{
    hart->pool = NULL;
    hart->expiry_ns = DEADLINE_NEVER;
}

/* Makes `next` (NULL: nothing) what this hart runs. */
void schedule_switch_to(struct hart *hart, struct thread *next);
/* Has a hart choose again. */
void schedule_ask(struct hart *hart);
/* Whether the thread, which is to pay, has capacity from charged_ns on; if so, its end is looked out for. */
bool schedule_can_pay(struct hart *hart, const struct thread *payer);
/* Begins the payer's slice if none is running. An equal of it is ready. */
void schedule_slice_begin(struct hart *hart, struct thread *payer);

#endif
