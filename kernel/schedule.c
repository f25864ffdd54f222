/* SPDX-License-Identifier: MIT */
/*
 * The scheduler. What is queued, chosen and charged is a thread with a budget, the *payer*; what then runs is the thread
 * at the end of its chain: itself, or if it waits for an answer, whoever serves its call, or is first among those who
 * could take it, and so on. So a server is as urgent as the most urgent of those who wait for it and still have capacity,
 * runs on the budget of any of them, on the hart of any of them, and nothing is inherited or given back: a call moves no
 * budget, and its end needs no undoing.
 *
 * A payer that is chosen and has nobody to run is *parked* with whoever will tell: at the thread that cannot run now or
 * runs elsewhere (thread->helpers), at the endpoint that nobody serves (serving->stalled), or at the pool that is used up
 * (budget->parked). It is found out when it is chosen, never before; so to stop a server costs nothing but to those who
 * come to be chosen.
 *
 * Payers: 256 priorities, a queue for each, and a bit for each queue that is not empty; those with deadlines are in a
 * tree, and go before their equals without. Owns of each hart who pays, what is charged, slices, `turn_over`,
 * `reschedule` and `current`, and of each thread `place`, `ready_link`, `helpers`, `doer`, `urgency_node`. Guarded by the
 * kernel lock. Invariants: see schedule.h. Every function is O(1), but for deadlines: O(log n) in those of the hart.
 *
 * Turns. Payers as urgent as each other run one after another, each until it stops by itself or its slice is over. The
 * clock is read and a slice begun only when an equal of the payer is ready and no slice is running; so a hart
 * with one payer at its highest priority has no ticks, and those that hand over to each other do not pay for slices.
 * When the one whose slice it is stops by itself, the slice runs on without an owner; at its end the payer of that moment
 * gets a full one. A turn thus lasts at least SLICE_NS and less than twice that. A payer that a more
 * urgent one displaced goes to the front of its queue: it keeps its turn, and its slice runs on meanwhile, so that a
 * thread that is displaced often does not run for ever.
 */
#include "schedule.h"

#include "assert.h"
#include "lock.h"
#include "ready.h"

#define UNPARKS_PER_STEP 4

const struct deadline_class *schedule_next_class(struct hart *hart)
{
    const struct deadline_class *class = schedule_class(hart);
    const struct thread *ready = hart->attention.reschedule ? ready_first(hart) : NULL;

    if (ready != NULL && deadline_class(hart, ready->priority) > class)
        return deadline_class(hart, ready->priority);
    return class;
}

/* ---- when to choose again ---- */

void schedule_ask(struct hart *hart)
{
    hart->attention.reschedule = true; /* INV-SCHED-3 */
    hart_notify(hart);
}

/* Sets a time of a hart. */
static void set_time(struct hart *hart, uint64_t *time, uint64_t time_ns)
{
    hart_store(time, time_ns);
    hart->attention.timer_moved = true;
    hart_notify(hart);
}

void schedule_slice_begin(struct hart *hart, struct thread *payer)
{
    if (hart->slice_ns != DEADLINE_NEVER)
        return;
    hart->slice_thread = payer;
    set_time(hart, &hart->slice_ns, arch_time_ns() + SLICE_NS); /* INV-SCHED-4 */
}

static void slice_expired(struct hart *hart)
{
    struct thread *thread = hart->slice_thread;
    struct thread *payer = hart->payer;

    hart->slice_ns = DEADLINE_NEVER;
    hart->slice_thread = NULL;
    if (thread != NULL && thread == payer) {
        hart->turn_over = true;
        schedule_ask(hart);
        return;
    }
    if (thread != NULL && thread->place == THREAD_READY) {
        ready_remove(thread);
        ready_enqueue_last(hart, thread);
    }
    if (payer != NULL && has_equal(hart, payer))
        schedule_slice_begin(hart, payer); /* INV-SCHED-4 */
}

bool schedule_expire(struct hart *hart, uint64_t now_ns)
{
    if (hart->expiry_ns <= now_ns) {
        schedule_run_anew(hart);
    } else if (hart->slice_ns <= now_ns) {
        slice_expired(hart);
    } else {
        return false;
    }
    return true;
}

void schedule_hart_init(struct hart *hart)
{
    queue_init(&hart->ready);
    list_init(&hart->unparked);
    hart->slice_ns = DEADLINE_NEVER;
    hart->expiry_ns = DEADLINE_NEVER;
}

/* ---- parking ---- */

static struct thread *take_first(struct list *parked)
{
    struct thread *thread = container_of(parked->next, struct thread, ready_link);

    assert_debug(thread->place == THREAD_PARKED);
    list_remove(&thread->ready_link);
    return thread;
}

/* Leaves them to later steps of this hart. */
static void unpark_later(struct list *parked)
{
    struct hart *hart = hart_current();

    if (list_is_empty(parked))
        return;
    list_move(&hart->unparked, parked);
    hart->attention.unparked = true;
}

void schedule_unpark(struct list *parked)
{
    struct thread *first;

    if (list_is_empty(parked))
        return;
    first = take_first(parked);
    unpark_later(parked);
    schedule_place(first);
}

void schedule_unpark_helpers(struct thread *thread)
{
    thread->hindrance &= (uint8_t)~HINDERED_BY_HELPERS;
    schedule_unpark(&thread->helpers);
}

void schedule_unpark_some(struct hart *hart)
{
    assert_debug(kernel_lock_is_held());
    for (unsigned i = 0; i < UNPARKS_PER_STEP && !list_is_empty(&hart->unparked); i++)
        schedule_place(take_first(&hart->unparked));
    hart->attention.unparked = !list_is_empty(&hart->unparked);
}

/* ---- who may run ---- */

static void ready_with_budget(struct thread *thread)
{
    struct hart *home = home_of(thread);

    if (thread->place == THREAD_PARKED)
        ready_remove(thread);
    if (home->payer == thread)
        schedule_ask(home); /* it goes on itself, or another for it */
    else if (thread->place == THREAD_UNPLACED)
        schedule_place(thread);
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
            schedule_ask(home_of(thread));
    }
    if (thread_is_current(thread))
        schedule_ask(thread->hart);
}

void schedule_update(struct thread *thread)
{
    if (thread_is_runnable(thread) || thread_is_calling(thread))
        schedule_ready(thread);
    if (!thread_is_runnable(thread))
        schedule_unready(thread);
}

void schedule_leave(struct thread *thread)
{
    struct hart *hart = home_of(thread);

    forget_slice(hart, thread);
    if (thread->place != THREAD_UNPLACED)
        ready_remove(thread);
    if (hart->payer != thread)
        return;
    schedule_charge(hart);
    hart->owing = thread->budget->pool; /* INV-SCHED-8 */
    hart->payer = NULL;
    schedule_forget_pool(hart);
    schedule_ask(hart);
}

void schedule_yield(struct thread *thread)
{
    struct hart *hart = thread->hart;

    assert_debug(hart->current == thread);
    if (hart->payer == NULL || list_is_empty(&hart->ready.list[hart->payer->priority]))
        return;
    forget_slice(hart, hart->payer);
    hart->turn_over = true;
    schedule_ask(hart);
}

void schedule_set_priority(struct thread *thread, uint8_t priority)
{
    struct thread *ready;
    struct hart *hart;

    if (thread->budget == NULL || (thread->place == THREAD_PARKED && priority < thread->priority)) {
        thread->priority = priority;
        return;
    }
    hart = home_of(thread);
    if (thread->place != THREAD_UNPLACED) { /* whoever it waits for learns of it when it is chosen */
        ready_remove(thread);
        thread->priority = priority;
        schedule_place(thread);
        return;
    }
    thread->priority = priority;
    if (hart->payer != thread)
        return;
    hart->attention.timer_moved = true; /* others count */
    hart_notify(hart);
    ready = ready_first(hart);
    if (ready != NULL && goes_before(ready, thread))
        schedule_ask(hart);
    else if (has_equal(hart, thread))
        schedule_slice_begin(hart, thread);
}

void schedule_run_anew(struct hart *hart)
{
    if (hart->pool == NULL)
        return;
    schedule_forget_pool(hart);
    schedule_ask(hart); /* INV-SCHED-7 */
}

void schedule_pool_changed(struct budget *pool)
{
    deadline_cancel(&pool->replenish);
    unpark_later(&pool->parked);
    if (pool->hart->owing == pool)
        pool->hart->owing = pool->pool; /* it may be no pool any more */
    if (pool->hart->pool == pool)
        schedule_run_anew(pool->hart);
}
