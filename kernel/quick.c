/* SPDX-License-Identifier: MIT */
/*
 * The ways on which threads are stopped, woken and switched most often, straight: threads without deadlines whose time is
 * not limited, in processes that this hart has met, without floating point. What is not so simple is left to choose.c and
 * trap_leave, with nothing changed. Compiled for speed, and not at link time, so that no prologue is shared.
 */
#include "assert.h"
#include "deadline.h"
#include "endpoint.h"
#include "lock.h"
#include "meter.h"
#include "process.h"
#include "ready.h"
#include "trace.h"
#include "trap.h"

/* ---- to stop and to wake ---- */

void thread_set_stop(struct thread *thread, enum thread_stop reason)
{
    endpoint_unready_thread(thread);
    thread->stop |= (uint8_t)reason;
    if (!thread_is_runnable(thread))
        schedule_unready(thread);
}

void thread_clear_stop(struct thread *thread, enum thread_stop reason)
{
    const bool was_runnable = thread_is_runnable(thread);

    thread->stop &= (uint8_t)~reason;
    if (!was_runnable && thread_is_runnable(thread))
        schedule_ready(thread);
}

void thread_answer(struct thread *thread, enum wk_status status, uint64_t word)
{
    const uint64_t words[6] = {word};

    arch_context_answer(&thread->context, status, words);
    thread_clear_stop(thread, THREAD_WAITING);
}

static inline void ask(struct hart *hart)
{
    hart->attention.reschedule = true; /* INV-SCHED-3 */
    if (hart != hart_current())
        hart_notify(hart);
}

/* As schedule_place. */
static inline void place_simply(struct hart *home, struct thread *thread)
{
    const struct thread *payer = home->payer;

    if (has_deadline(thread) || (payer != NULL && payer->priority == thread->priority)) {
        schedule_place(thread);
        return;
    }
    thread->place = THREAD_READY;
    list_append(&home->ready.list[thread->priority], &thread->ready_link);
    queue_mark_quickly(&home->ready, thread->priority);
    if (payer == NULL || thread->priority > payer->priority)
        ask(home);
}

static inline void ready_with_budget(struct thread *thread)
{
    struct hart *home = home_of(thread);

    if (thread->place == THREAD_PARKED)
        ready_remove(thread);
    if (home->payer == thread)
        ask(home); /* it goes on itself, or another for it */
    else if (thread->place == THREAD_UNPLACED)
        place_simply(home, thread);
}

void schedule_ready(struct thread *thread)
{
    assert_debug(kernel_lock_is_held());
    if (schedule_wants(thread))
        ready_with_budget(thread);
    if (!list_is_empty(&thread->helpers))
        schedule_unpark_helpers(thread);
}

void schedule_unready(struct thread *thread)
{
    assert_debug(kernel_lock_is_held());
    if (thread->budget != NULL && !schedule_wants(thread)) {
        forget_slice(home_of(thread), thread);
        if (thread->place != THREAD_UNPLACED)
            ready_remove(thread);
        else if (home_of(thread)->payer == thread)
            ask(home_of(thread));
    }
    if (thread_is_current(thread))
        ask(thread->hart);
}

/* ---- the choice ---- */

/* The thread at the end of the payer's chain, if it can run here and nobody needs to be asked. */
static inline struct thread *end_of_chain(const struct hart *hart, struct thread *payer)
{
    struct thread *thread = payer;

    for (unsigned hops = 0; thread->stop == THREAD_CALLING; hops++) {
        if (thread->calls.endpoint != NULL || thread->calls.callee == NULL || hops > WK_CALL_DEPTH_MAX)
            return NULL;
        thread = thread->calls.callee;
    }
    if (thread->stop != 0 || thread->doer != NULL || (thread->hart != hart && thread->hart->current == thread))
        return NULL;
    return thread;
}

/* Its time is not limited, nor ordered by deadlines. */
static inline bool is_simple(const struct hart *hart, const struct thread *payer)
{
    return !has_deadline(payer) && account_is_full(&payer->budget->pool->account, hart->charged_ns);
}

/* Puts the payer, which is to make room, into its queue: in front if its turn is not over. */
static inline void requeue(struct hart *hart, struct thread *payer)
{
    struct list *list = &hart->ready.list[payer->priority];

    payer->place = THREAD_READY;
    list_insert_before(hart->turn_over ? list : list->next, &payer->ready_link);
    queue_mark_quickly(&hart->ready, payer->priority);
}

/* Takes the first of a list of ready ones. */
static inline void dequeue(struct hart *hart, struct thread *thread)
{
    list_remove(&thread->ready_link);
    thread->place = THREAD_UNPLACED;
    if (list_is_empty(&hart->ready.list[thread->priority]))
        queue_unmark(&hart->ready, thread->priority);
}

/* The same as schedule_charge for a payer whose account is full. */
static inline void charge(struct hart *hart)
{
    const uint64_t now_ns = arch_time_ns();
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

static inline void switch_to(struct hart *hart, struct thread *next)
{
    struct process *process = next->process;
    struct thread *before = hart->current;

    if (before != NULL)
        before->hindrance &= (uint8_t)~HINDERED_BY_HART;
    if (next == before)
        return;
    if (process == NULL || !(process->space.harts & hart->bit) || trace_events != 0 ||
        next->hindrance & (HINDERED_BY_FP | HINDERED_BY_SPACE) || before == NULL ||
        before->hindrance & (HINDERED_BY_FP | HINDERED_BY_HELPERS)) {
        schedule_switch_to(hart, next);
        return;
    }
    next->hart = hart;
    hart->current = next;
    hart->invocation.process = process;
    if (hart->space != &process->space) {
        hart->space = &process->space;
        arch_space_switch(process->space.switch_word);
    }
}

struct thread *schedule_choose_simply(struct hart *hart)
{
    struct thread *payer = hart->payer;
    struct thread *chosen = payer;
    struct thread *next;
    const int highest = queue_highest_quickly(&hart->ready);
    const bool wants = payer != NULL && (payer->stop & ~THREAD_CALLING) == 0;

    if (hart->urgent.first != NULL || deadline_is_set(&hart->expiry) ||
        (payer != NULL && (!is_simple(hart, payer) || (!wants && schedule_wants(payer)))))
        return NULL;
    if (!wants || highest > payer->priority || (highest == payer->priority && hart->turn_over)) {
        if (highest == QUEUE_EMPTY)
            return NULL;
        chosen = container_of(hart->ready.list[highest].next, struct thread, ready_link);
        if (!is_simple(hart, chosen))
            return NULL;
    }
    next = end_of_chain(hart, chosen);
    if (next == NULL)
        return NULL;

    if (chosen != payer) {
        dequeue(hart, chosen);
        if (wants)
            requeue(hart, payer);
        else if (payer != NULL)
            forget_slice(hart, payer);
        charge(hart);
        hart->payer = chosen;
    }
    hart->turn_over = false;
    hart->attention.reschedule = false;
    switch_to(hart, next);
    if (!list_is_empty(&hart->ready.list[chosen->priority]))
        schedule_slice_begin(hart, chosen); /* INV-SCHED-4 */
    return next;
}

/* ---- out of the kernel ---- */

struct thread *trap_switch(void)
{
    struct hart *hart = hart_current();
    struct thread *thread = schedule_choose_simply(hart);

    if (thread == NULL)
        schedule_stays_current(hart);
    kernel_lock_release();
    if (thread == NULL || thread->operation.step != NULL || thread->interrupt_owed || hart->attention.any != 0)
        return trap_leave();
    deadline_program(hart);
    meter_first_user();
    meter_left();
    return thread;
}
