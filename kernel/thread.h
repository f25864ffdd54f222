/* SPDX-License-Identifier: MIT */
#ifndef THREAD_H
#define THREAD_H

#include "arch/arch.h"
#include "capability.h"
#include "deadline.h"
#include "memory.h"
#include "object.h"
#include "operation.h"

struct bank;
struct budget;
struct endpoint;
struct process;
struct event;
struct reply;
struct ring;
struct wk_frame;

/* Why a thread does not run. */
enum thread_stop {
    THREAD_RUNS = 0,       /* or is ready */
    THREAD_CREATED = 1,    /* not started */
    THREAD_WAITING = 2,    /* waits for an event or a time */
    THREAD_SUSPENDED = 4,  /* its process is suspended */
    THREAD_ENDED = 8,      /* will not run again */
    THREAD_CALLING = 16,   /* its call has not been answered */
    THREAD_RECEIVING = 32, /* waits for a message */
    THREAD_FAULTING = 64,  /* its call is for a fault: see fault.h */
    THREAD_WAITS = THREAD_WAITING | THREAD_CALLING | THREAD_RECEIVING
};

/* Why calls and answers of a thread do not take the fast path (fast.h). */
enum thread_hindrance {
    HINDERED_BY_FP = 1,       /* it uses floating point: make_current has to switch the registers */
    HINDERED_BY_DEADLINE = 2, /* it waits, or waited last, until wait_until_ns */
    HINDERED_BY_LOANS = 4,    /* its call lent something */
    HINDERED_BY_BUDGET = 8,   /* it serves a call with a budget of its own */
    HINDERED_BY_HELPERS = 16, /* `helpers` is not empty */
    HINDERED_BY_SPACE = 32,   /* its address space has no identifier of its own */
    HINDERED_BY_HART = 64,    /* it waits, and its hart, which has not chosen anew, still has it for current; or had */
    HINDERED_BY_INTERRUPT = 128 /* an upcall with cause `interrupt` is to be delivered */
};

/* Of these, what keeps the hart from being handed over (hand_over.c): more than registers and an address space would have
 * to be looked after. */
#define HINDERED_STRAIGHT (HINDERED_BY_HELPERS | HINDERED_BY_SPACE | HINDERED_BY_HART | HINDERED_BY_INTERRUPT)

/* The two as they stand in thread->obstacles. */
#define THREAD_OBSTACLES(stop, hindrance) ((uint32_t)(stop) << 16 | (uint32_t)(hindrance) << 24)

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
    struct endpoint *endpoint; /* at which its call is queued; NULL: it is served, or does not call */
    struct thread *callee;     /* while CALLING: who serves its call; NULL: queued, or saved */
    struct thread *caller;     /* unless RECEIVING: whose call it serves, or NULL */
    struct serving *serving;   /* of the endpoint from which it received last */
    union {
        struct list server_link; /* serving->servers */
        struct list ring_link;   /* of a ring's worker, which serves nobody: ring->workers */
    };
    struct reply *reply;         /* while CALLING: the saved right to answer its call */
    struct thread *partner;      /* while RECEIVING: who brings it capabilities */
    uint64_t badge;              /* of the session of its call */
    struct tree_node queue_node; /* endpoint->callers */
};

/* What a thread that is a ring's worker has instead of a frame: see ring.h. */
struct ring_work {
    struct memory *no_pin; /* NULL: where a frame's pin would stand there is none */
    struct ring *ring;     /* whose worker it is, until it has ended */
    struct list link;      /* ring->free, or behind whom it is linked to */
    /* The straight paths write these four as one word. */
    union {
        struct {
            uint32_t tag;
            bool is_pending; /* its entry is owed a completion */
            bool fails;      /* it is to be completed as `cancelled` when it is started */
            bool follows;    /* it stands behind a call, and is the next one: INV-RING-5 */
            bool is_due;     /* it is to be started when its process goes on */
        };
        uint64_t state;
    };
};

/* The tag, and nothing but that it is pending; and that it follows. */
#define RING_WORK_PENDING (UINT64_C(1) << 32)
#define RING_WORK_FOLLOWS (UINT64_C(1) << 48)

struct thread {
    struct object object;
    struct process *process;     /* read by assembly; referenced */
    struct hart *hart;           /* where it runs, or ran last */
    struct budget *budget;       /* what it runs on by itself; NULL: it is passive */
    struct wk_frame *call_frame; /* the kernel's pointer to the pinned frame, NULL without; read by assembly */
    struct thread *doer;         /* a passive thread inside an operation for whose end this one waits; referenced */
    union {
        uint64_t wait_mask;    /* while THREAD_WAITING: what it waits for, or once granted, what it gets */
        uint64_t fault_detail; /* while THREAD_FAULTING, and until its process ends by it */
    };
    uint64_t wait_handle;     /* of the capability by which the wait began */
    struct event *wait_event; /* NULL if it does not wait, or was granted */
    struct list wait_link;    /* event->waiters, hart->granted, endpoint's receivers, or session->queued */
    uint64_t wait_until_ns;   /* 0: see thread_awaits_partner */
    struct list ready_link;   /* by `place` */
    struct thread_calls calls;
    /* The straight paths read and write these four as one word: less than a depth if `stop` and `hindrance` are 0. */
    union {
        struct {
            uint8_t depth; /* how many callers are above it in its chain */
            uint8_t zero;
            uint8_t stop;      /* enum thread_stop bits */
            uint8_t hindrance; /* enum thread_hindrance bits */
        };
        uint32_t obstacles;
    };
    uint8_t place; /* enum thread_place */
    uint8_t priority;
    uint8_t own_priority;   /* `priority` may be another: INV-THREAD-3 */
    bool becomes_passive;   /* when it next waits to receive */
    bool interrupt_latched; /* the next wait answers `interrupted` */
    bool is_silent : 1;     /* its operation was begun by a fault: it ends without an answer */
    bool gave_way : 1;      /* its fault was not delivered, for something was due: next time it is */
    uint8_t loan_count;     /* of its call, in its operation */
    uint8_t fault_cause;    /* of the last fault that was not its process's own to answer, enum wk_upcall_cause */
    uint8_t fault_reason;   /* by which the process ends if nobody answers it, enum wk_end_reason */
    bool is_worker;         /* of a ring: it has no user code, and no frame */
    uint16_t metered;       /* the operation that it invoked last, or 0; for the meters */
    union {
        uint64_t call_frame_address; /* where the process has it mapped; the fault frame lies WK_FRAME_BYTES above */
        uint64_t call_deadline_ns;   /* a worker's */
    };
    struct list helpers; /* parked threads that wait for this one to be able to run here, struct thread, ready_link */
    struct slot_cache call_slot; /* a session with the right to call */
    struct slot_cache
        receive_slot; /* an endpoint with the right to serve, or by slot_cache_holds_wait an event with that to wait */
    struct slot_cache
        quick_slot; /* an event with the right to signal, the thread itself with that to control, or another session to call */
    struct list process_link; /* process->threads */
    struct list budget_link;
    union {
        struct memory_pin frame_pin;
        struct ring_work work;
    };
    union {
        struct tree_node urgency_node; /* of a budget with a deadline: hart->urgent; the deadline is in its key */
        struct budget *reserve; /* while it is passive: what it goes on with if its caller leaves; NULL: nothing */
    };
    uint64_t used_ns;
    struct deadline wait_deadline; /* no later than that while it waits; to be cancelled when the thread ends */
    struct arch_context context;   /* read and written by assembly */
    struct operation operation;
};

/* The four as that word, without these hindrances. */
static inline uint32_t thread_state(const struct thread *thread, uint32_t but_hindrances)
{
    return thread->obstacles & ~THREAD_OBSTACLES(0, but_hindrances);
}

/* A thread inside a long operation finishes it whatever else stops it: operations are atomic. */
static inline bool thread_is_runnable(const struct thread *thread)
{
    return thread->stop == 0 ||
           (thread->operation.step != NULL && (thread->stop & (THREAD_CREATED | THREAD_WAITS)) == 0);
}

/* Waits for the answer of a call and for nothing else: whoever serves it runs in its stead, even while it is suspended. */
static inline bool thread_is_calling(const struct thread *thread)
{
    return (thread->stop & ~(THREAD_SUSPENDED | THREAD_FAULTING)) == THREAD_CALLING;
}

/* Its time to receive is over, but somebody is bringing a call: it gets that first, and runs that one meanwhile. */
static inline bool thread_awaits_partner(const struct thread *thread)
{
    return thread->wait_until_ns == 0 && (thread->stop & ~THREAD_SUSPENDED) == THREAD_RECEIVING &&
           thread->calls.partner != NULL && !deadline_is_set(&thread->wait_deadline);
}

/* Makes a thread in the process, not started; NULL if the bank cannot pay. Takes one frame. */
struct thread *thread_make(struct process *process, uint8_t priority, struct budget *budget, struct bank *bank);
/* Prepares what is not zero in a record that is; `budget` as above. */
void thread_init(struct thread *thread, struct budget *budget);
/* Runs on `budget` from now on, NULL: on none. */
void thread_change_budget(struct thread *thread, struct budget *budget);
/* Becomes passive, with the budget that it has for its reserve. */
void thread_become_passive(struct thread *thread);
/* Its caller has left it in the midst of a request: if it is passive it goes on with its reserve until it receives. */
void thread_carry_on(struct thread *thread);
/* It is not to be more urgent than that. */
void thread_limit_priority(struct thread *thread, uint8_t priority);
/* Says until when it waits, for what it begins to wait for; DEADLINE_NEVER: for ever. */
void thread_arm(struct thread *thread, uint64_t deadline_ns);
/* Whether waiting until then means that its deadline has to be set. */
static inline bool thread_has_to_set(const struct thread *thread, uint64_t deadline_ns)
{
    const struct deadline *deadline = &thread->wait_deadline;

    return deadline_ns != DEADLINE_NEVER && (!deadline_is_set(deadline) || deadline_ns < deadline->node.key);
}
/* As thread_arm if it has not. */
static inline void thread_wait_until(struct thread *thread, uint64_t deadline_ns)
{
    thread->wait_until_ns = deadline_ns;
    thread->hindrance &= (uint8_t)~HINDERED_BY_DEADLINE;
    if (deadline_ns != DEADLINE_NEVER)
        thread->hindrance |= HINDERED_BY_DEADLINE;
}
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
/* Gives a waiting thread its invocation's answer, which was prepared when it began to wait, and makes it ready. */
void thread_answer(struct thread *thread, enum wk_status status, uint64_t word);
/* The same, at the end of an invocation or from outside of one. WK_SWITCHED_OK: the thread is current. */
enum wk_status thread_answer_at_once(struct thread *thread, enum wk_status status, uint64_t word);
/* Sets or clears a reason not to run, and queues or unqueues it accordingly. */
void thread_set_stop(struct thread *thread, enum thread_stop reason);
void thread_clear_stop(struct thread *thread, enum thread_stop reason);
/* Ends it: it waits for nothing any more and will not run in user code again; an operation under way is finished. */
void thread_end(struct thread *thread);
/* Whether an upcall with cause `interrupt` is to be delivered before it goes on in user code. */
static inline bool thread_is_owed_interrupt(const struct thread *thread)
{
    return (thread->hindrance & HINDERED_BY_INTERRUPT) != 0;
}
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
