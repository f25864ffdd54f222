/* SPDX-License-Identifier: MIT */
/*
 * The queues of payers that are ready: see schedule.c for the whole. Compiled apart from it, with prologues of its own, as
 * what wakes a thread or puts one back comes through here.
 */
#include "ready.h"

#include "assert.h"

/* By its deadline; if that has passed, or it has none yet, the next is as far away as its budget says. */
static void enqueue_by_deadline(struct hart *hart, struct thread *thread)
{
    const uint64_t now_ns = arch_time_ns();
    uint64_t deadline_ns = deadline_of(thread);

    if (deadline_ns <= now_ns)
        deadline_ns = now_ns + thread->budget->relative_deadline_ns;
    thread->urgency_node.key = urgency_key(thread->priority, deadline_ns);
    tree_insert(&hart->urgent, &thread->urgency_node);
}

/* Puts it before `position` in the list of its priority, or where its deadline belongs. */
static void enqueue(struct hart *hart, struct thread *thread, struct list *position)
{
    thread->place = THREAD_READY;
    if (has_deadline(thread)) {
        enqueue_by_deadline(hart, thread);
        return;
    }
    list_insert_before(position, &thread->ready_link);
    queue_mark_quickly(&hart->ready, thread->priority);
}

void ready_enqueue_last(struct hart *hart, struct thread *thread)
{
    enqueue(hart, thread, &hart->ready.list[thread->priority]);
}

void ready_enqueue_first(struct hart *hart, struct thread *thread)
{
    enqueue(hart, thread, hart->ready.list[thread->priority].next);
}

void ready_remove(struct thread *thread)
{
    struct hart *hart = home_of(thread);
    const unsigned priority = thread->priority;

    if (thread->place == THREAD_READY && has_deadline(thread)) {
        tree_remove(&hart->urgent, &thread->urgency_node);
    } else {
        list_remove(&thread->ready_link);
        if (thread->place == THREAD_READY && list_is_empty(&hart->ready.list[priority]))
            queue_unmark(&hart->ready, priority); /* INV-SCHED-2 */
    }
    thread->place = THREAD_UNPLACED;
}

static struct thread *first_with_deadline(const struct hart *hart)
{
    struct tree_node *first = hart->urgent.first;

    return first == NULL ? NULL : container_of(first, struct thread, urgency_node);
}

bool ready_has_before(const struct hart *hart, unsigned priority)
{
    const uint64_t *bits = hart->ready.bits;

    for (unsigned word = PRIORITIES / 64 - 1; word > priority / 64; word--)
        if (bits[word] != 0)
            return true;
    return (bits[priority / 64] & (queue_bit(priority) - 1)) != 0 || hart->urgent.first != NULL;
}

struct thread *ready_first(struct hart *hart)
{
    const int highest = queue_highest(&hart->ready);
    struct thread *urgent = first_with_deadline(hart);

    if (urgent != NULL && urgent->priority >= highest)
        return urgent;
    return highest == QUEUE_EMPTY ? NULL : container_of(hart->ready.list[highest].next, struct thread, ready_link);
}

/* A thread was queued, or made more urgent in its queue: the payer may have to give way, now or after its turn. */
static void compare_with_payer(struct hart *hart, const struct thread *thread)
{
    struct thread *payer = hart->payer;

    if (payer == NULL || goes_before(thread, payer))
        schedule_ask(hart);
    else if (payer->priority == thread->priority && !has_deadline(payer) && !has_deadline(thread))
        schedule_slice_begin(hart, payer);
}

void schedule_place(struct thread *thread)
{
    ready_enqueue_last(home_of(thread), thread);
    compare_with_payer(home_of(thread), thread);
}
