/* SPDX-License-Identifier: MIT */
/*
 * Deadlines: absolute times at which something is to happen, kept by hart in a tree. The hardware timer of a hart is
 * written only when the hart's earliest deadline moved. struct deadline stands in hart.h, for a hart has some itself.
 *
 * INV-DEADLINE-1 deadline->hart names the hart whose tree holds it, NULL if none does.
 * INV-DEADLINE-2 hart->first_ns is the time of the hart's first deadline, DEADLINE_NEVER if it has none.
 * INV-DEADLINE-3 hart->timer_ns is what the hart's hardware timer is set to. While the hart is in user code or sleeps,
 *                it is no later than deadline_next, or a notification is on its way to the hart, or so many deadlines were
 *                due that the next is put off by a moment (trap.c).
 */
#ifndef DEADLINE_H
#define DEADLINE_H

#include "hart.h"

#define DEADLINE_NEVER UINT64_MAX

static inline void deadline_init(struct deadline *deadline, void (*expired)(struct deadline *, uint64_t))
{
    deadline->hart = NULL;
    deadline->expired = expired;
}

/* Sets it on a hart, in place of an earlier time. DEADLINE_NEVER only cancels. Requires: the lock. */
void deadline_set(struct deadline *deadline, struct hart *hart, uint64_t time_ns);
void deadline_cancel(struct deadline *deadline);
static inline bool deadline_is_set(const struct deadline *deadline)
{
    return deadline->hart != NULL;
}
/* Calls the first deadline of this hart if it has expired by now; true if it did, and more may be due. Requires: the lock.
 * Bound: what that deadline does; none does more than take itself out of the tree and wake a thread, or put itself
 * back. */
bool deadline_expire(struct hart *hart, uint64_t now_ns);

static inline uint64_t deadline_earlier(uint64_t one_ns, uint64_t other_ns)
{
    return one_ns < other_ns ? one_ns : other_ns;
}

/* The first time at which the hart has something to do; needs no lock on this hart. */
static inline uint64_t deadline_next(const struct hart *hart)
{
    const uint64_t own_ns = deadline_earlier(__atomic_load_n(&hart->expiry_ns, __ATOMIC_RELAXED),
                                             __atomic_load_n(&hart->slice_ns, __ATOMIC_RELAXED));

    return deadline_earlier(own_ns, __atomic_load_n(&hart->first_ns, __ATOMIC_RELAXED));
}

/* Writes this hart's hardware timer if that time moved. Called when the kernel is left; needs no lock. */
void deadline_write_timer(struct hart *hart, uint64_t time_ns);
static inline void deadline_program(struct hart *hart)
{
    uint64_t next_ns;

    hart->attention.timer_moved = false;
    next_ns = deadline_next(hart);
    if (__builtin_expect(next_ns != hart->timer_ns, 0))
        deadline_write_timer(hart, next_ns);
}

#endif
