/* SPDX-License-Identifier: MIT */
/*
 * The reapers: one thread a hart, without process and without user code. It finishes what nobody else can: the end of a
 * process that ends itself or faults, what an operation condemned that would end its own doer, and objects that lingered
 * for somebody else's operation. It runs at the highest priority among those it works for, and sleeps otherwise.
 */
#include "assert.h"
#include "bank.h"
#include "event.h"
#include "process.h"
#include "schedule.h"
#include "thread.h"

struct reaper {
    struct thread thread;
    struct list processes; /* struct process, reap_link; referenced */
};

_Static_assert(sizeof(struct reaper) <= BANK_RECORD_BYTES_MAX && sizeof(struct reaper) > 192,
               "a reaper is a record, and of a class that lies zeroed");

static struct reaper *reaper_here(void)
{
    return container_of(hart_current()->reaper, struct reaper, thread);
}

static enum wk_status reaper_step(struct operation *operation)
{
    struct reaper *reaper = container_of(operation->thread, struct reaper, thread);
    struct process *process;

    if (!list_is_empty(&operation->condemned))
        return object_dismantle_step(operation);
    if (list_is_empty(&reaper->processes)) {
        reaper->thread.own_priority = 0;
        reaper->thread.stop |= THREAD_WAITING; /* unqueued by the end of its operation */
        return WK_OK;
    }
    process = container_of(reaper->processes.next, struct process, reap_link);
    if (process_end_step(process, operation) == WK_OK) {
        list_remove(&process->reap_link);
        object_unreference(&process->object);
    }
    return WK_CONTINUE;
}

void reaper_init(struct hart *hart)
{
    struct reaper *reaper = bank_record(bank_first, sizeof(struct reaper));
    struct thread *thread;

    if (reaper == NULL)
        panic("the machine has too little memory");
    thread = &reaper->thread;
    list_init(&reaper->processes);
    list_init(&thread->ready_link);
    list_init(&thread->process_link);
    event_thread_init(thread);
    operation_init(&thread->operation, thread);
    thread->object.type = WK_TYPE_THREAD;
    thread->hart = hart;
    thread->stop = THREAD_WAITING;
    hart->reaper = thread;
}

/* There is work for this hart's reaper, on behalf of a thread of that priority. */
static void reaper_wake(struct reaper *reaper, uint8_t priority)
{
    struct thread *thread = &reaper->thread;

    if (thread->own_priority < priority) {
        thread->own_priority = priority;
        if (thread->priority < priority)
            schedule_set_priority(thread, priority);
    }
    if (thread->operation.step == NULL)
        operation_begin(&thread->operation, reaper_step, NULL);
    thread_clear_stop(thread, THREAD_WAITING);
}

void reaper_take_object(struct object *object)
{
    struct reaper *reaper = reaper_here();

    list_remove(&object->dying_link);
    list_append(&reaper->thread.operation.condemned, &object->dying_link);
    reaper_wake(reaper, hart_current()->current == NULL ? 0 : hart_current()->current->priority);
}

void reaper_take(struct operation *operation)
{
    struct reaper *reaper = reaper_here();
    struct list *condemned = &reaper->thread.operation.condemned;

    assert(operation != &reaper->thread.operation);
    thread_end(operation->thread);
    if (list_is_empty(&operation->condemned))
        return;
    /* The whole list, in its order, before what the reaper has. */
    operation->condemned.previous->next = condemned->next;
    condemned->next->previous = operation->condemned.previous;
    condemned->next = operation->condemned.next;
    condemned->next->previous = condemned;
    list_init(&operation->condemned);
    reaper_wake(reaper, operation->thread->priority);
}

void reaper_end_process(struct process *process, uint8_t priority)
{
    struct reaper *reaper = reaper_here();

    if (!list_is_empty(&process->reap_link))
        return;
    object_reference(&process->object);
    list_append(&reaper->processes, &process->reap_link);
    reaper_wake(reaper, priority);
}
