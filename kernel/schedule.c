/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: fixed priorities, a queue for each, and a bit for each queue that is not empty. Owns each hart's
 * `ready`, `slice`, `slice_thread`, `turn_over`, `reschedule` and `current`. Guarded by the kernel lock.
 * Invariants: see schedule.h. Every function is O(1), but for the slice's deadline: O(log n) in the deadlines of the
 * hart.
 *
 * Turns. Threads as urgent as each other run one after another, each until it stops by itself or its slice is over. The
 * clock is read and a slice begun only when an equal of the current thread is ready and no slice is running; so a hart
 * with one thread at its highest priority has no ticks, and threads that hand over to each other do not pay for slices.
 * When the thread whose slice it is stops by itself, the slice runs on without an owner; at its end the thread that is
 * current then gets a full one. A turn thus lasts at least SLICE_NS and less than twice that. A thread that a more
 * urgent one displaced goes to the front of its queue: it keeps its turn, and its slice runs on meanwhile, so that a
 * thread that is displaced often does not run for ever.
 */
#include "schedule.h"

#include "assert.h"
#include "lock.h"
#include "process.h"
#include "trace.h"

#define PLACES_MAX 16 /* harts that are looked at for a new thread */

static void enqueue_last(struct hart *hart, struct thread *thread)
{
    list_append(&hart->ready.list[thread->priority], &thread->ready_link);
    queue_mark(&hart->ready, thread->priority);
}

static void enqueue_first(struct hart *hart, struct thread *thread)
{
    list_prepend(&hart->ready.list[thread->priority], &thread->ready_link);
    queue_mark(&hart->ready, thread->priority);
}

static void dequeue(struct hart *hart, struct thread *thread)
{
    const unsigned priority = thread->priority;

    list_remove(&thread->ready_link);
    if (list_is_empty(&hart->ready.list[priority]))
        queue_unmark(&hart->ready, priority); /* INV-SCHED-2 */
}

/* Has a hart choose again. */
static void ask_to_choose(struct hart *hart)
{
    hart->attention.reschedule = true; /* INV-SCHED-3 */
    hart_notify(hart);
}

/* Begins the thread's slice if none is running. An equal of it is ready, and it is current. */
static void slice_begin(struct hart *hart, struct thread *thread)
{
    if (deadline_is_set(&hart->slice))
        return;
    hart->slice_thread = thread;
    deadline_set(&hart->slice, hart, arch_time_ns() + SLICE_NS); /* INV-SCHED-4 */
}

static void slice_expired(struct deadline *deadline, uint64_t now_ns)
{
    struct hart *hart = container_of(deadline, struct hart, slice);
    struct thread *thread = hart->slice_thread;
    struct thread *current = hart->current;

    (void)now_ns;
    deadline_cancel(deadline);
    hart->slice_thread = NULL;
    if (thread == NULL) {
        if (current != NULL && !list_is_empty(&hart->ready.list[current->priority]))
            slice_begin(hart, current);
    } else if (thread == current) {
        hart->turn_over = true;
        ask_to_choose(hart);
    } else {
        assert(!list_is_empty(&thread->ready_link)); /* INV-SCHED-5 */
        dequeue(hart, thread);
        enqueue_last(hart, thread);
        if (current != NULL && !list_is_empty(&hart->ready.list[current->priority]))
            slice_begin(hart, current); /* INV-SCHED-4 */
    }
}

/* The thread is no more to be run: the slice goes on without it. */
static void forget_slice(struct hart *hart, const struct thread *thread)
{
    if (hart->slice_thread == thread)
        hart->slice_thread = NULL; /* INV-SCHED-5 */
}

void schedule_hart_init(struct hart *hart)
{
    queue_init(&hart->ready);
    deadline_init(&hart->slice, slice_expired);
}

/* Of many harts, the next ones in turn are looked at. */
struct hart *schedule_place(void)
{
    static unsigned next;
    struct hart *best = harts[next];

    for (unsigned i = 0; i < hart_count && i < PLACES_MAX; i++) {
        if (harts[next]->thread_count < best->thread_count)
            best = harts[next];
        next = next + 1 == hart_count ? 0 : next + 1;
    }
    return best;
}

/* A thread was queued, or made more urgent in its queue: the current one may have to give way, now or after its
 * turn. */
static void compare_with_current(struct hart *hart, const struct thread *thread)
{
    struct thread *current = hart->current;

    if (current == NULL || current->priority < thread->priority)
        ask_to_choose(hart);
    else if (current->priority == thread->priority)
        slice_begin(hart, current);
}

void schedule_ready(struct thread *thread)
{
    struct hart *hart = thread->hart;

    assert_debug(kernel_lock_is_held());
    assert(thread_is_runnable(thread) && list_is_empty(&thread->ready_link)); /* INV-SCHED-1 */
    if (hart->current == thread)
        return;
    enqueue_last(hart, thread);
    compare_with_current(hart, thread);
}

void schedule_unready(struct thread *thread)
{
    struct hart *hart = thread->hart;

    assert_debug(kernel_lock_is_held());
    assert(!thread_is_runnable(thread)); /* INV-SCHED-1 */
    forget_slice(hart, thread);
    if (!list_is_empty(&thread->ready_link))
        dequeue(hart, thread);
    else if (hart->current == thread)
        ask_to_choose(hart);
}

void schedule_yield(struct thread *thread)
{
    struct hart *hart = thread->hart;

    assert(hart->current == thread);
    if (list_is_empty(&hart->ready.list[thread->priority]))
        return;
    forget_slice(hart, thread);
    hart->turn_over = true;
    ask_to_choose(hart);
}

void schedule_set_priority(struct thread *thread, uint8_t priority)
{
    struct hart *hart = thread->hart;

    if (!list_is_empty(&thread->ready_link)) {
        dequeue(hart, thread);
        thread->priority = priority;
        enqueue_last(hart, thread);
        compare_with_current(hart, thread);
        return;
    }
    thread->priority = priority;
    if (hart->current != thread)
        return;
    if (queue_highest(&hart->ready) > priority)
        ask_to_choose(hart);
    else if (!list_is_empty(&hart->ready.list[priority]))
        slice_begin(hart, thread);
}

/* Whether the current thread, which is runnable, is to be displaced by one of priority `highest`. */
static bool gives_way(const struct hart *hart, const struct thread *current, int highest)
{
    return highest > current->priority || (highest == current->priority && hart->turn_over);
}

/* Takes the next thread to run out of its queue; NULL if none is ready. */
static struct thread *take_next(struct hart *hart)
{
    const int highest = queue_highest(&hart->ready);
    struct thread *thread;

    if (highest == QUEUE_EMPTY)
        return NULL;
    assert(!list_is_empty(&hart->ready.list[highest])); /* INV-SCHED-2 */
    thread = container_of(hart->ready.list[highest].next, struct thread, ready_link);
    dequeue(hart, thread);
    return thread;
}

/* Makes `next` (or nothing) what this hart runs. */
static void switch_to(struct hart *hart, struct thread *next)
{
    struct process *process = next == NULL ? NULL : next->process;

    assert(next == NULL || (next->hart == hart && thread_is_runnable(next)));
    arch_thread_switch(hart->current, next);
    hart->current = next;
    hart->invocation.thread = next;
    hart->invocation.process = process;
    if (process != NULL && hart->space != &process->space)
        space_activate(&process->space);
    else if (process == NULL && hart->space != NULL)
        space_kernel_activate();
    trace(WK_TRACE_EVENT_SWITCH, next == NULL ? 0 : next->object.identity,
          process == NULL ? 0 : process->object.identity);
}

struct thread *schedule_choose(struct hart *hart)
{
    struct thread *current = hart->current;
    const bool had_its_turn = hart->turn_over;
    struct thread *next;

    assert_debug(kernel_lock_is_held() && hart == hart_current());
    if (!hart->attention.reschedule && current != NULL && thread_is_runnable(current))
        return current; /* INV-SCHED-3 */
    hart->attention.reschedule = false;
    if (current != NULL && thread_is_runnable(current)) {
        const bool stays = !gives_way(hart, current, queue_highest(&hart->ready));

        hart->turn_over = false;
        if (stays) {
            if (!list_is_empty(&hart->ready.list[current->priority]))
                slice_begin(hart, current); /* INV-SCHED-4: a better one may have gone before this choice */
            return current;
        }
        assert(list_is_empty(&current->ready_link)); /* INV-SCHED-1 */
        if (had_its_turn)
            enqueue_last(hart, current);
        else
            enqueue_first(hart, current);
    } else if (current != NULL) {
        forget_slice(hart, current);
    }
    hart->turn_over = false;
    next = take_next(hart);
    if (next != current)
        switch_to(hart, next);
    if (next != NULL && !list_is_empty(&hart->ready.list[next->priority]))
        slice_begin(hart, next);
    return next;
}
