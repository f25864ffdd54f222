/* SPDX-License-Identifier: MIT */
/*
 * The reapers: one thread a hart, without process and without user code. It finishes what nobody else can: the end of a
 * process that ends itself or faults, what an operation condemned that would end its own doer, and objects that lingered
 * for somebody else's operation. What it has to do is queued by the priority of those it does it for; it runs at the
 * highest of those, does the most urgent first, and sleeps when nothing is left.
 *
 * All of it stands in hart->reap, linked by dying_link: condemned objects, and processes that are to end but need not go.
 * Only within a step it is the operation's own list of condemned objects.
 */
#include "assert.h"
#include "bank.h"
#include "budget.h"
#include "event.h"
#include "process.h"
#include "schedule.h"
#include "thread.h"

_Static_assert(sizeof(struct thread) <= BANK_RECORD_BYTES_MAX && sizeof(struct thread) > 192,
               "a reaper is a record, and of a class that lies zeroed");

/* A step of what is most urgent. The rest goes back to the queue: something else may be more urgent then. */
static enum wk_status reaper_step(struct operation *operation)
{
    struct thread *thread = operation->thread;
    struct queue *queue = &thread->hart->reap;
    int highest = thread->own_priority;
    struct object *object;

    /* Nothing more urgent has come since the last step: reaper_wake would have changed its priority. */
    if (thread->priority != highest || list_is_empty(&queue->list[highest]))
        highest = queue_highest(queue);

    if (highest == QUEUE_EMPTY) {
        thread->own_priority = 0;
        thread->stop |= THREAD_WAITING; /* unqueued by the end of its operation */
        return WK_OK;
    }
    if (thread->own_priority != highest) {
        thread->own_priority = (uint8_t)highest;
        schedule_set_priority(thread, thread->own_priority);
    }
    object = container_of(queue->list[highest].next, struct object, dying_link);
    if (list_is_empty(&queue->list[highest]) || object->state == OBJECT_DYING) {
        queue_take(queue, (unsigned)highest, &operation->condemned);
        (void)object_dismantle_step(operation);
    } else if (process_end_step(container_of(object, struct process, object), operation) == WK_OK) {
        list_remove(&object->dying_link);
        if (list_is_empty(&queue->list[highest]))
            queue_unmark(queue, (unsigned)highest);
    }
    queue_append(queue, (unsigned)highest, &operation->condemned);
    return WK_CONTINUE;
}

void reaper_init(struct hart *hart)
{
    struct thread *thread = bank_record(bank_first, sizeof(struct thread));

    if (thread == NULL)
        panic("the machine has too little memory");
    queue_init(&hart->reap);
    thread_init(thread, hart->overhead);
    list_init(&thread->process_link);
    thread->object.type = WK_TYPE_THREAD;
    thread->stop = THREAD_WAITING;
    hart->reaper = thread;
}

/* There is work in its queue for somebody of that priority. */
static void reaper_wake(struct thread *thread, uint8_t priority)
{
    if (thread->operation.step == NULL)
        operation_begin(&thread->operation, reaper_step, NULL);
    else if (thread->priority >= priority)
        return;
    schedule_set_priority(thread, priority);
    thread_clear_stop(thread, THREAD_WAITING);
}

/* Puts an object into the queue of this hart's reaper. */
static void reaper_queue(struct object *object, uint8_t priority)
{
    struct hart *hart = hart_current();

    list_append(&hart->reap.list[priority], &object->dying_link);
    queue_mark(&hart->reap, priority);
    reaper_wake(hart->reaper, priority);
}

void reaper_take_object(struct object *object)
{
    const struct thread *current = hart_current()->current;

    reaper_queue(object, current == NULL ? 0 : schedule_urgency(current));
}

void reaper_take_condemned(struct operation *operation)
{
    struct hart *hart = hart_current();
    const uint8_t priority = schedule_urgency(operation->thread);

    assert_debug(operation != &hart->reaper->operation);
    if (list_is_empty(&operation->condemned))
        return;
    queue_append(&hart->reap, priority, &operation->condemned);
    reaper_wake(hart->reaper, priority);
}

void reaper_take(struct operation *operation)
{
    reaper_take_condemned(operation);
    thread_end(operation->thread);
}

void reaper_end_process(struct process *process, uint8_t priority)
{
    /* It may be in a reaper's queue already, or condemned: then it ends by that. Or it has ended, and lingers for others. */
    if (process->state != WK_PROCESS_STATE_ENDED && list_is_empty(&process->object.dying_link))
        reaper_queue(&process->object, priority);
}
