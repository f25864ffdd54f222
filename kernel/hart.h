/* SPDX-License-Identifier: MIT */
/*
 * What each hart has of its own. Fields are guarded by the kernel lock unless they say otherwise.
 */
#ifndef HART_H
#define HART_H

#include "arch/arch.h"
#include "list.h"
#include "queue.h"
#include "tree.h"

#include <winkle/abi.h>

#define HARTS_MAX 64
#define HART_REST_NS 2000
#define DEADLINE_CLASSES 4
/* Zeroed frames that each hart holds ready, so that nothing is zeroed under the lock; and the most that one step can take: as
 * long as so many are there, filling the stock can wait for what is due. */
#define FRAME_STOCK 16
#define FRAMES_OF_STEP 8

struct budget;
struct capability;
struct process;
struct thread;
struct space;
struct trace_buffer;

/* What a hart measures of itself; kept by that hart alone, reset by anyone. */
struct meters {
    uint64_t value[8];         /* by enum wk_meter */
    uint64_t firmware;         /* instructions ever spent in firmware, */
    uint64_t firmware_entered; /* the same at kernel_entered, */
    uint64_t own;              /* and in the meters themselves, or somewhat fewer */
    uint64_t kernel_entered;   /* instructions, less these two, at the last entry or preemption point, */
    uint64_t lock_taken;       /* when the lock was taken, */
    uint64_t step_begun;       /* when a step of a long operation began, */
    uint64_t event_begun;      /* the bookkeeping of an event, */
    uint64_t entry_begun;      /* and the execution of a ring's entry */
    uint64_t entries;          /* instructions ever spent in executing entries, less these two; */
    uint64_t entries_entered;  /* the same at kernel_entered, */
    uint64_t entries_stepped;  /* and at step_begun */
    bool had_company;          /* since kernel_entered another hart ran */
};

/* See deadline.h. */
struct deadline {
    struct tree_node node;        /* key is the time in ns */
    struct deadline_class *class; /* whose tree it is in; NULL: in none */
    /* Called at `now_ns`, which is not before the deadline, with the lock held and the deadline still in the tree.
     * Cancels or moves it, or does a part of its work and will be called again. */
    void (*expired)(struct deadline *deadline, uint64_t now_ns);
};

/* Those of a hart that concern threads of about the same priority. */
struct deadline_class {
    struct tree tree;  /* struct deadline by time */
    uint64_t first_ns; /* of the first, or DEADLINE_NEVER; also read without the lock by its hart */
    struct hart *hart;
};

/* What a hart has to look at before it goes back to user code: the whole is 0 if nothing. Each byte is written
 * alone. */
union attention {
    struct {
        bool reschedule;  /* something more urgent may be ready, or the current thread has an interrupt to take */
        bool notify;      /* other harts are to be notified */
        bool tracing;     /* invocations are recorded */
        bool in_ring;     /* what a ring's entry wakes waits until the thread that runs comes out of its invocation */
        bool stock_low;   /* the stock of frames is to be filled */
        bool granted;     /* the list `granted` may have members */
        bool unparked;    /* so may `unparked` */
        bool timer_moved; /* the hardware timer may have to be written */
    };
    uint64_t any;
};

/* Parts of attention.any, the first byte in the lowest bits: the first four do not let the hart go straight from thread to
 * thread, the others can wait until it has gone there; all but the last, the timer's, shifted to the top. */
#define ATTENTION_AT_ONCE UINT64_C(0xffffffff)
#define ATTENTION_IN_RING (UINT64_C(1) << 24)
#define ATTENTION_STOCK_LOW (UINT64_C(1) << 32)
#define ATTENTION_BUT_TIMER(any) ((any) << 8)
_Static_assert(offsetof(union attention, in_ring) == 3 && offsetof(union attention, stock_low) == 4 &&
                   offsetof(union attention, timer_moved) == 7,
               "as it says");

/* An invocation in the hart. `thread` and `process` are those of the current thread. */
struct invocation {
    struct thread *thread;         /* who invokes; first: it is the hart's `current` */
    struct process *process;       /* its process */
    struct capability *capability; /* what is invoked: found, of the right type, with the rights needed */
    uint64_t handle;               /* by which it was named */
    uint64_t words[6];             /* results; read by assembly. All 0 but from a handler to its answer */
    uint64_t operation;
    uint64_t arguments[6];   /* as many as the operation has, for its handler */
    uint64_t wrong_argument; /* of an error: which argument it is about, 0 for the invoked capability or none */
    enum wk_status refusal;  /* why the last look-up of an argument failed */
    bool is_again;           /* it was answered WK_AGAIN once */
};

struct hart {
    struct arch_hart arch; /* first: assembly finds it at the hart's address */
    /* What C uses most comes next: short instructions reach less than 256 bytes. */
    struct thread *payer; /* whose turn it is: `current` is it, or serves it, or is what it waits for */
    union attention attention;
    struct thread *left; /* who was current before an invocation that answered WK_SWITCHED */
    struct space *space; /* the address space that is current; NULL: the kernel's own */
    unsigned index;      /* 0 for the boot hart */
    bool turn_over;      /* the payer is to go behind its equals */
    uint64_t bit;        /* in a set of harts by index: this one, */
    uint64_t others;     /* and all but this one */
    uint64_t charged_ns; /* up to when the payer's time has been charged to it and its budget, */
    uint64_t run_ns;     /* and to the account of its pool */
    struct budget *pool; /* the payer's, or NULL: whether that has capacity is to be found out (INV-SCHED-7) */
    struct thread *slice_thread;
    uint64_t timer_ns; /* what the hardware timer is set to; this hart's alone */
    uint64_t served;   /* deadlines and wake-ups since anything else went on */
    uint64_t notify;   /* harts, by index, to be notified when this hart releases the lock; this hart's alone */
    union {
        struct thread *current; /* the thread whose registers are in the hart, or NULL; written by the hart alone */
        struct invocation invocation; /* by that thread */
    };

    uint64_t stock_count;
    uint64_t taken_count;
    const struct thread *taker; /* who paid when frames were taken last, which fills the stock; only compared */
    uint32_t fault_cause;       /* of a page fault that is to be delivered, enum wk_upcall_cause */
    uint64_t fault_address;
    uint32_t polls;       /* steps in a row, and nothing else, that only asked whether another hart has done its part */
    bool polled;          /* the step did */
    uint32_t ticket;      /* of the kernel lock, while the hart waits for it */
    uint64_t flush_asked; /* the last flush epoch in which this hart was asked to flush; written under the lock */
    uint64_t flush_seen;  /* the flush epoch this hart has caught up with; written by it alone, read by all */
    struct meters meters;

    struct tree urgent;      /* those that have deadlines, by priority and deadline; struct thread, urgency_node */
    struct budget *whole;    /* all of this hart's time */
    struct budget *overhead; /* what its reaper runs on, which nobody is charged for */
    uint64_t idle_ns;        /* time in which nobody was the payer */
    struct budget *owing;    /* the pool of a payer that was left in haste, or taken away, or NULL: it is still to be */
    uint64_t owed_ns;        /* charged for what ran from then on until run_ns (INV-SCHED-8) */
    /* Two times that change often stand beside the tree of deadlines; DEADLINE_NEVER: there is none. Also read without
     * the lock by this hart. */
    uint64_t expiry_ns; /* when the payer's pool is used up, if it can be */
    uint64_t slice_ns;  /* the end of slice_thread's turn */

    struct deadline_class deadlines[DEADLINE_CLASSES]; /* the most urgent last */
    struct list granted;                               /* threads that this hart has still to wake; see event.c */
    struct list unparked; /* threads that this hart has to put back into ready queues, struct thread, ready_link */

    struct thread *reaper; /* finishes what nobody else can: processes and threads that end themselves */

    struct trace_buffer *trace; /* NULL: this hart's events are not recorded */

    void *stock[FRAME_STOCK]; /* first zeroed frames, and at its end those that are to become such */

    struct arch_panic panic;

    /* Large, so at the end, where they are in nobody's way. */
    struct queue ready; /* threads of this hart's budgets whose turn it is to come */
    struct queue reap;  /* what the reaper has to do, struct object, dying_link; see reaper.c */
};

/* All harts that run; set up before any leaves its boot code. */
extern struct hart *harts[HARTS_MAX];
extern unsigned hart_count;

/* Stores to a field that is read without the lock. A hart may lie in memory that has no atomic operations, and an atomic store
 * is an `amoswap` to GCC before 13. */
static inline void hart_store(uint64_t *field, uint64_t value)
{
    *(volatile uint64_t *)field = value;
}

/* Prepares a hart's struct (zeroed memory, but for `arch`). */
void hart_init(struct hart *hart, unsigned index);
/* Sleeps for HART_REST_NS at most, in the midst of waiting for another hart: where harts are themselves threads of
 * another system, that one may be waiting for this one's processor. */
void hart_rest(void);
/* Interrupts another hart as soon as this one releases the lock; nothing if it is this one. Requires: the lock. */
void hart_notify(struct hart *hart);
/* Sends what hart_notify collected. Called when the lock is released. */
void hart_notify_send(struct hart *hart);
/* An inter-processor interrupt arrived: catches up with flushes, notes that a choice of thread is due. Without the
 * lock. */
void hart_notified(struct hart *hart);

#endif
