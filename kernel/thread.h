/* SPDX-License-Identifier: MIT */
#ifndef THREAD_H
#define THREAD_H

#include "arch/arch.h"
#include "deadline.h"
#include "memory.h"
#include "object.h"
#include "operation.h"

struct process;
struct event;
struct wk_frame;

/* Why a thread does not run; it runs or is ready if none is set. */
enum thread_stop {
    THREAD_CREATED = 1,   /* not started */
    THREAD_WAITING = 2,   /* waits for an event */
    THREAD_SUSPENDED = 4, /* its process is suspended */
    THREAD_ENDED = 8,     /* will not run again */
};

struct thread {
    struct object object;
    struct arch_context context; /* read and written by assembly */
    struct wk_frame *call_frame; /* the kernel's pointer to the pinned frame, NULL without; read by assembly */
    uint64_t call_frame_address; /* where the process has it mapped; the fault frame lies WK_FRAME_BYTES above */
    struct process *process;     /* read by assembly; referenced */
    struct list process_link;    /* process->threads */
    struct memory_pin frame_pin;
    struct hart *hart;      /* where it runs */
    struct list ready_link; /* hart->ready, empty if not queued */
    uint8_t priority;
    uint8_t own_priority;          /* `priority` may be higher: inherited until the operation under way ends */
    uint8_t stop;                  /* enum thread_stop bits */
    bool interrupt_latched;        /* the next wait answers `interrupted` */
    bool interrupt_owed;           /* an upcall with cause `interrupt` is to be delivered */
    uint64_t wait_mask;            /* while THREAD_WAITING: what it waits for, or once granted, what it gets */
    uint64_t wait_handle;          /* of the capability by which the wait began */
    struct event *wait_event;      /* NULL if it does not wait, or was granted */
    struct list wait_link;         /* event->waiters, or hart->granted */
    struct deadline wait_deadline; /* to be cancelled when the thread ends: it may be set without a wait */
    struct operation operation;
};

/* A thread inside a long operation finishes it whatever else stops it: operations are atomic. */
static inline bool thread_is_runnable(const struct thread *thread)
{
    return thread->stop == 0 ||
           (thread->operation.step != NULL && (thread->stop & (THREAD_CREATED | THREAD_WAITING)) == 0);
}

/* Makes a thread in the process, not started; NULL if the process's bank cannot pay. Takes one frame. */
struct thread *thread_make(struct process *process, uint8_t priority);
/* What thread: start does, once checked. */
void thread_begin(struct thread *thread, uint64_t entry, uint64_t stack, uint64_t thread_pointer, uint64_t argument0,
                  uint64_t argument1);
/* Gives a waiting thread its invocation's answer and makes it ready. */
void thread_answer(struct thread *thread, enum wk_status status, uint64_t word);
/* Sets or clears a reason not to run, and queues or unqueues it accordingly. */
void thread_set_stop(struct thread *thread, enum thread_stop reason);
void thread_clear_stop(struct thread *thread, enum thread_stop reason);
/* Ends it: it waits for nothing any more and will not run in user code again; an operation under way is finished. */
void thread_end(struct thread *thread);
/* An ended thread leaves its process. Requires: thread_end_step answered WK_OK. */
void thread_detach(struct thread *thread);
/* Its operation is over: it loses what it inherited, and stops if it was to stop meanwhile. */
void thread_operation_ended(struct thread *thread);
/* Whether an ended thread is out of every hart. If it still is inside an operation, it inherits the priority of the
 * thread that asks (NULL: none), which gives way to it; the asker comes again (WK_CONTINUE), else WK_OK. */
enum wk_status thread_end_step(struct thread *thread, struct operation *asker);

/* `asker` waits for what `doer`, inside a long operation, is doing: the doer inherits its priority, and it gives way. */
void thread_give_way(struct thread *asker, struct thread *doer);

/* Whether a hart has the thread's registers. */
static inline bool thread_is_current(const struct thread *thread)
{
    return thread->hart->current == thread;
}

/* The reaper of a hart: a thread without process and user code that runs operations only. At boot. */
void reaper_init(struct hart *hart);
/* Leaves the release of a lingering object to this hart's reaper. */
void reaper_take_object(struct object *object);
/* Hands all that an operation has condemned to this hart's reaper, which goes on with the priority of the operation's
 * thread. */
void reaper_take(struct operation *operation);
/* The process, of which this hart's current thread is the last doer, is taken apart by the reaper. */
void reaper_end_process(struct process *process, uint8_t priority);

enum wk_status thread_dismantle(struct object *object, struct operation *operation);

#endif
