/* SPDX-License-Identifier: MIT */
/*
 * Long operations. A handler checks, commits, and if work is left stores its record in the invoking thread's `operation`
 * and returns WK_CONTINUE. The kernel then calls `step` until it answers something else, each time with a full stock of
 * frames, and between the steps takes interrupts and lets more urgent threads run. A thread in an operation is never
 * ended in the middle: whoever stops it does its remaining steps first.
 *
 * A step that has to copy a page sets `copy`; the kernel does that without the lock and then steps on.
 */
#ifndef OPERATION_H
#define OPERATION_H

#include "config.h"
#include "list.h"

#include <stdbool.h>
#include <stdint.h>
#include <winkle/abi.h>

struct frame;
struct mapping;
struct object;
struct thread;

/* A handler's or step's answer that stays inside the kernel: there is more to do. */
#define WK_CONTINUE ((enum wk_status) - 1)
/* The thread waits; its answer, which is prepared, comes later, by thread_answer. */
#define WK_WAITS ((enum wk_status) - 2)
/* The invoking thread is no more, or was put off: choose another. */
#define WK_NO_ANSWER ((enum wk_status) - 3)

/* Nothing but what the invocation needs was made ready, which was enough for one hold of the lock: invoke it again. */
#define WK_AGAIN ((enum wk_status) - 4)

/* Another thread is current and takes the hart at once; the invoking one, hart->left, has its answer or waits. */
#define WK_SWITCHED ((enum wk_status) - 5)
/* The same; its answer is WK_OK and nothing else, which it still has to get: assembly gives it. */
#define WK_SWITCHED_OK ((enum wk_status) - 6)

/* WK_OK, with more result words in the invocation than the first; the wrapper of an operation that has them answers it. */
#define WK_ANSWERED ((enum wk_status)0x10000)

/* Whether it is a status that an invoker can get. */
static inline bool status_is_final(enum wk_status status)
{
    return (int64_t)status >= 0;
}

struct page_copy {
    void *to;
    const void *from;  /* NULL: zeros */
    uint32_t bytes;    /* 0: nothing to copy */
    bool step_at_once; /* nothing comes between the copy and the next step, which takes no frames */
};

/* A member of memory->mappings; without a mapping it is the marker of an operation that walks the list. */
struct mapping_link {
    struct list link;
    struct mapping *mapping;
};

struct operation {
    enum wk_status (*step)(struct operation *operation); /* NULL if none is under way */
    struct thread *thread;                               /* whose operation it is */
    struct object *object;                               /* what it works on; referenced */
    struct object *other;                                /* a second object, or NULL; referenced */
    void *pointer;                                       /* further progress, by the operation */
    uint64_t cursor[4];
    uint64_t result;                                     /* result word 0 of the answer */
    enum wk_status (*then)(struct operation *operation); /* the step to go on with; NULL: none */
    union {
        struct {
            /* A page that is made private on the way: */
            uint64_t unshare_page;
            struct frame *unshare_original;
            struct frame *unshare_copy;
            struct frame *pinned[2]; /* pages that are being copied from and to */
            uint64_t sweep_page;     /* progress of a sweep in one mapping */
        };
        uint64_t loans[6]; /* handles of what the thread's call lent, in its own table; also between operations */
    };
    struct mapping_link marker; /* a place in the list of a memory object's mappings */
    struct list condemned;      /* objects that it has to dismantle, struct object, dying_link */
    struct page_copy copy;
    uint64_t epoch; /* flush epoch to wait for at the end; 0: not known yet */
};

/* In a debug build: the handler that runs has passed its commit point. */
extern bool operation_is_committed;
/* Marks the point in a handler after which nothing fails; a debug build asserts it. */
static inline void op_commit(void)
{
    if (CONFIG_DEBUG)
        operation_is_committed = true;
}

/* Prepares the record, which is zeroed. */
void operation_init(struct operation *operation, struct thread *thread);
/* Begins a long operation on `object`, which it references until it ends. Returns WK_CONTINUE. */
enum wk_status operation_begin(struct operation *operation, enum wk_status (*step)(struct operation *),
                               struct object *object);
/* Adds a second object to the operation that has begun. */
void operation_also(struct operation *operation, struct object *other);
/* For a step that could only ask whether another hart has done its part: has this hart be patient. WK_CONTINUE. */
enum wk_status operation_poll(void);
/* Waits until all harts know of everything that was taken away: WK_CONTINUE, then WK_OK. */
enum wk_status operation_await_flush(struct operation *operation);
/* Drops the references and forgets the step; called by the kernel when the step answered something final. */
void operation_end(struct operation *operation);

#endif
