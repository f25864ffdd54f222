/* SPDX-License-Identifier: MIT */
#ifndef THREAD_H
#define THREAD_H

#include "arch/arch.h"
#include "deadline.h"
#include "memory.h"
#include "object.h"
#include "operation.h"

struct budget;
struct endpoint;
struct process;
struct event;
struct reply;
struct wk_frame;

/* Why a thread does not run; it runs or is ready if none is set. */
enum thread_stop {
    THREAD_CREATED = 1,    /* not started */
    THREAD_WAITING = 2,    /* waits for an event or a time */
    THREAD_SUSPENDED = 4,  /* its process is suspended */
    THREAD_ENDED = 8,      /* will not run again */
    THREAD_CALLING = 16,   /* its call has not been answered */
    THREAD_RECEIVING = 32, /* waits for a message */
    THREAD_WAITS = THREAD_WAITING | THREAD_CALLING | THREAD_RECEIVING
};

/* Why calls and answers of a thread do not take the fast path (fast.h). */
enum thread_hindrance {
    HINDERED_BY_FP = 1,       /* it uses floating point: the registers have to be switched */
    HINDERED_BY_DEADLINE = 2, /* it waits, or waited last, until wait_until_ns */
    HINDERED_BY_LOANS = 4,    /* its call lent something */
    HINDERED_BY_BUDGET = 8,   /* it serves a call with a budget of its own */
    HINDERED_BY_HELPERS = 16, /* `helpers` is not empty */
    HINDERED_BY_SPACE = 32,   /* its address space has no identifier of its own */
    HINDERED_BY_HART = 64     /* it waits, and its hart, which has not chosen anew, still has it for current; or had */
};

/* Where a thread that has a budget stands with its home hart's scheduler. */
enum thread_place {
    THREAD_UNPLACED, /* it cannot run, or pays for what its hart runs */
    THREAD_READY,    /* in a ready queue */
    THREAD_PARKED,   /* found unable to go on, until whoever owns the list says otherwise */
};

/* Those who serve the calls of an endpoint, and those who wait in vain for one. */
struct serving {
    struct list servers; /* threads that received from it last, struct thread, server_link */
    unsigned server_count;
    struct list stalled; /* parked threads that wait for a first server, struct thread, ready_link */
};

/* What a thread has to do with calls; see endpoint.h. */
struct thread_calls {
    struct endpoint *endpoint;   /* at which its call is queued; NULL: it is served, or does not call */
    struct thread *callee;       /* while CALLING: who serves its call; NULL: queued, or saved */
    struct thread *caller;       /* unless RECEIVING: whose call it serves, or NULL */
    struct serving *serving;     /* of the endpoint from which it received last */
    struct list server_link;     /* serving->servers */
    struct reply *reply;         /* while CALLING: the saved right to answer its call */
    struct thread *partner;      /* while RECEIVING: who brings it capabilities */
    uint64_t badge;              /* of the session of its call */
    struct tree_node queue_node; /* endpoint->callers */
    uint8_t loan_count;          /* in the thread's operation */
};

/* The slot that the thread used last: it is still the same, and good for the same use, while its key is. There is one from
 * the beginning, for the fast path looks at its key whenever the handle is the same, which may be 0. */
struct slot_cache {
    uint64_t handle;
    const struct capability *slot; /* stays, since it is of the thread's own table */
    uint64_t key;
};

void slot_cache_fill(struct slot_cache *cache, uint64_t handle, const struct capability *slot);

struct thread {
    struct object object;
    struct arch_context context; /* read and written by assembly */
    struct wk_frame *call_frame; /* the kernel's pointer to the pinned frame, NULL without; read by assembly */
    uint64_t call_frame_address; /* where the process has it mapped; the fault frame lies WK_FRAME_BYTES above */
    struct process *process;     /* read by assembly; referenced */
    struct list process_link;    /* process->threads */
    struct memory_pin frame_pin;
    struct slot_cache call_slot;    /* a session with the right to call */
    struct slot_cache receive_slot; /* an endpoint with the right to serve */
    /* The fast path reads and writes these four as one word: less than a depth if `stop` and `hindrance` are 0. */
    _Alignas(4) uint8_t depth; /* how many callers are above it in its chain */
    uint8_t zero;
    uint8_t stop;          /* enum thread_stop bits */
    uint8_t hindrance;     /* enum thread_hindrance bits */
    struct hart *hart;     /* where it runs, or ran last */
    struct budget *budget; /* what it runs on by itself; NULL: it is passive */
    struct list budget_link;
    struct list ready_link; /* by `place` */
    struct list helpers; /* parked threads that wait for this one to be able to run here, struct thread, ready_link */
    struct thread *doer; /* a passive thread inside an operation for whose end this one waits; referenced */
    struct tree_node urgency_node; /* of a budget with a deadline: hart->urgent; the deadline is in its key */
    uint64_t used_ns;
    uint8_t place; /* enum thread_place */
    uint8_t priority;
    uint8_t own_priority;     /* `priority` may be higher: inherited until the operation under way ends */
    bool becomes_passive;     /* when it next waits to receive */
    bool interrupt_latched;   /* the next wait answers `interrupted` */
    bool interrupt_owed;      /* an upcall with cause `interrupt` is to be delivered */
    uint64_t wait_mask;       /* while THREAD_WAITING: what it waits for, or once granted, what it gets */
    uint64_t wait_handle;     /* of the capability by which the wait began */
    struct event *wait_event; /* NULL if it does not wait, or was granted */
    struct list wait_link;    /* event->waiters, hart->granted, endpoint's receivers, or session->queued */
    uint64_t wait_until_ns;
    struct deadline wait_deadline; /* no later than that while it waits; to be cancelled when the thread ends */
    struct thread_calls calls;
    struct operation operation;
};

/* A thread inside a long operation finishes it whatever else stops it: operations are atomic. */
static inline bool thread_is_runnable(const struct thread *thread)
{
    return thread->stop == 0 ||
           (thread->operation.step != NULL && (thread->stop & (THREAD_CREATED | THREAD_WAITS)) == 0);
}

/* Waits for the answer of a call and for nothing else: whoever serves it runs in its stead, even while it is suspended. */
static inline bool thread_is_calling(const struct thread *thread)
{
    return (thread->stop & ~THREAD_SUSPENDED) == THREAD_CALLING;
}

/* Makes a thread in the process, not started; NULL if the process's bank cannot pay. Takes one frame. */
struct thread *thread_make(struct process *process, uint8_t priority, struct budget *budget);
/* Prepares what is not zero in a record that is; `budget` as above. */
void thread_init(struct thread *thread, struct budget *budget);
/* Runs on `budget` from now on, NULL: on none. */
void thread_change_budget(struct thread *thread, struct budget *budget);
/* It is not to be more urgent than that. */
void thread_limit_priority(struct thread *thread, uint8_t priority);
/* Says until when it waits, for what it begins to wait for; DEADLINE_NEVER: for ever. */
void thread_arm(struct thread *thread, uint64_t deadline_ns);
void thread_disarm(struct thread *thread);
/* Ends whatever it waits for, with that status. */
void thread_wait_end(struct thread *thread, enum wk_status status);
/* Sleeps, rather than waits for an event or a message. */
static inline bool thread_sleeps(const struct thread *thread)
{
    return (thread->stop & THREAD_WAITING) != 0 && thread->wait_event == NULL && list_is_empty(&thread->wait_link);
}
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
/* Hands all that an operation has condemned to this hart's reaper: its thread is about to lose what it runs on. */
void reaper_take_condemned(struct operation *operation);
/* Hands all that an operation has condemned to this hart's reaper, which goes on with the priority of the operation's
 * thread. */
void reaper_take(struct operation *operation);
/* The process, of which this hart's current thread is the last doer, is taken apart by the reaper. */
void reaper_end_process(struct process *process, uint8_t priority);

enum wk_status thread_dismantle(struct object *object, struct operation *operation);

#endif
