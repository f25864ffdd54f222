/* SPDX-License-Identifier: MIT */
/*
 * Budgets: who may use how much of a hart's time, how urgently; see budget.c.
 *
 * INV-BUDGET-1 a budget's pool is itself, or its nearest ancestor that is its own pool; all are of one hart.
 * INV-BUDGET-2 the capacity of a pool and the shares of the parts split off from it or from what shares it add up to
 *              what it was given; each hart's whole was given its whole period.
 * INV-BUDGET-3 no budget is more urgent than its parent, and no thread than its budget.
 * INV-BUDGET-4 `threads` holds the threads that are bound to it, `reserved` the passive ones whose reserve it is.
 * INV-BUDGET-5 `replenish` is set while `parked` is not empty, unless the pool has no capacity at all.
 */
#ifndef BUDGET_H
#define BUDGET_H

#include "account.h"
#include "event.h"
#include "hart.h"
#include "object.h"

/* The period of a hart's whole. */
#define BUDGET_WHOLE_NS 10000000

struct budget {
    struct object object;
    struct hart *hart;
    struct budget *pool;           /* whose account it draws on */
    uint64_t relative_deadline_ns; /* 0: none */
    uint8_t priority;
    struct list parked;        /* threads that wait for the pool's capacity, struct thread, ready_link */
    struct deadline replenish; /* when they go on */
    struct budget *parent;     /* NULL: it is a hart's whole */
    struct list children;      /* struct budget, sibling */
    struct list sibling;
    struct list threads;  /* struct thread, budget_link */
    struct list reserved; /* likewise */
    uint64_t thread_count;
    uint64_t used_ns;
    uint64_t exhausted; /* so often a thread was parked */
    struct event_binding exhaustion;
    struct account account; /* if it is its own pool */
};

static inline bool budget_is_whole(const struct budget *budget)
{
    return budget->parent == NULL;
}

/* Makes a hart's whole. At boot. */
void budget_init(struct hart *hart);
/* The whole for a new thread of somebody who runs on a whole: that of the hart with the fewest threads, of 16 that are
 * looked at, in turn. */
struct budget *budget_place(void);
/* Adds and removes a thread. */
void budget_bind_thread(struct budget *budget, struct thread *thread);
void budget_unbind_thread(struct thread *thread);
/* The passive thread, which has no reserve, gets the budget for one; and has none any more, if it had. */
void budget_reserve(struct budget *budget, struct thread *thread);
void budget_unreserve(struct thread *thread);

enum wk_status budget_dismantle(struct object *object, struct operation *operation);

#endif
