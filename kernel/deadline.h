/* SPDX-License-Identifier: MIT */
/*
 * Deadlines: absolute times at which something is to happen, kept by hart and class of urgency in a tree. A class that is
 * less urgent than who pays on the hart does not count: what would happen concerns nobody who would run, so it happens when
 * the hart comes to that class again. The hardware timer of a hart is written only when the hart's earliest deadline that
 * counts moved. What is more urgent than who pays has a lead: the timer fires so much earlier, at the expense of who pays,
 * and the hart waits for the time itself; so the trap, and what had to be finished before it, are over by then. struct deadline stands in hart.h, for a hart has some itself.
 *
 * INV-DEADLINE-1 deadline->class is the one in whose tree it is, NULL if it is in none.
 * INV-DEADLINE-2 class->first_ns is the time of the class's first deadline, DEADLINE_NEVER if it has none.
 * INV-DEADLINE-3 hart->timer_ns is what the hart's hardware timer is set to. While the hart is in user code or sleeps,
 *                it is no later than deadline_next, the lead included, of the payer's class, or a notification is on its way to the hart, or so
 *                many deadlines were due that the next is put off by a moment (trap.c).
 * INV-DEADLINE-4 the wait_deadline of a thread with a budget, if it is set, is in a class at least as urgent as the thread.
 * INV-DEADLINE-5 no time is less than the lead; to be due then or before is the same, for it is over.
 */
#ifndef DEADLINE_H
#define DEADLINE_H

#include "assert.h"
#include "hart.h"
#include "lock.h"

#define DEADLINE_NEVER UINT64_MAX

static inline void deadline_init(struct deadline *deadline, void (*expired)(struct deadline *, uint64_t))
{
    deadline->class = NULL;
    deadline->expired = expired;
}

/* The class of what concerns somebody of that priority, of each hart's; */
static inline unsigned deadline_class_of(unsigned priority)
{
    return priority / (PRIORITIES / DEADLINE_CLASSES);
}
/* and of one's. */
static inline struct deadline_class *deadline_class(struct hart *hart, unsigned priority)
{
    return &hart->deadlines[deadline_class_of(priority)];
}

/* Sets it in a class, in place of an earlier time. DEADLINE_NEVER only cancels. Requires: the lock. */
void deadline_set(struct deadline *deadline, struct deadline_class *class, uint64_t time_ns);
/* The same with one that is not set, to a time that comes and is no less than the lead. */
void deadline_begin(struct deadline *deadline, struct deadline_class *class, uint64_t time_ns);
void deadline_cancel(struct deadline *deadline);
/* The same of one that is just expiring, on its hart as its class's first; */
void deadline_end(struct deadline *deadline);
/* and only if it is the only one there; false if it is not. */
static inline bool deadline_end_only(struct deadline *deadline)
{
    struct deadline_class *class = deadline->class;

    assert_debug(kernel_lock_is_held() && class->hart == hart_current() && class->tree.first == &deadline->node);
    if (!tree_remove_only(&class->tree, &deadline->node))
        return false;
    deadline->class = NULL;
    class->first_ns = DEADLINE_NEVER; /* INV-DEADLINE-2 */
    hart_current()->attention.timer_moved = true;
    return true;
}
/* Somebody else waits for it as well: if it is set, it goes to that class, unless that is less urgent than its own. */
void deadline_urge(struct deadline *deadline, struct deadline_class *class);
static inline bool deadline_is_set(const struct deadline *deadline)
{
    return deadline->class != NULL;
}
/* What deadline_expire did: it called one; none is due; one is within the lead, and worth waiting for. */
enum deadline_turn { DEADLINE_NONE, DEADLINE_CALLED, DEADLINE_SOON };

/* Calls the first deadline of this hart's most urgent class that has one which has expired by now, if that is `least` or more
 * urgent; if there was one, more may be due. Requires: the lock. Bound: what that deadline does; none does more than
 * take itself out of the tree and wake a thread, or put itself back. */
ALWAYS_INLINE enum deadline_turn deadline_expire(struct hart *hart, const struct deadline_class *least, uint64_t now_ns)
{
    struct deadline_class *class = &hart->deadlines[DEADLINE_CLASSES - 1];
    struct deadline *deadline;

    assert_debug(kernel_lock_is_held() && class >= least);
    while (class != least && class->first_ns > now_ns + ARCH_TIMER_LEAD_NS)
        class --;
    if (class->first_ns > now_ns)
        return class == least ? DEADLINE_NONE : DEADLINE_SOON;
    assert_debug(class->tree.first != NULL); /* INV-DEADLINE-2 */
    deadline = container_of(class->tree.first, struct deadline, node);
    assert_debug(deadline->class == class); /* INV-DEADLINE-1 */
    deadline->expired(deadline, now_ns);
    return DEADLINE_CALLED;
}

static inline uint64_t deadline_earlier(uint64_t one_ns, uint64_t other_ns)
{
    return one_ns < other_ns ? one_ns : other_ns;
}

/* The first time of a class, or the other if that is earlier; needs no lock on this hart. */
static inline uint64_t deadline_class_next(const struct deadline_class *class, uint64_t lead_ns, uint64_t other_ns)
{
    return deadline_earlier(other_ns, __atomic_load_n(&class->first_ns, __ATOMIC_RELAXED) - lead_ns);
}

/* The first time at which the hart has something to do while those count, at the latest the given one; the same holds. */
static inline uint64_t deadline_first(const struct hart *hart, const struct deadline_class *least, uint64_t first_ns)
{
    const struct deadline_class *class = &hart->deadlines[DEADLINE_CLASSES - 1];

    while (class != least) {
        first_ns = deadline_class_next(class, ARCH_TIMER_LEAD_NS, first_ns);
        class --;
        __asm__("" : "+r"(class)); /* not to be reckoned from `least` in the end */
    }
    return deadline_class_next(class, 0, first_ns);
}
/* The same with what else it looks after. */
static inline uint64_t deadline_next(const struct hart *hart, const struct deadline_class *least)
{
    return deadline_first(hart, least,
                          deadline_earlier(__atomic_load_n(&hart->expiry_ns, __ATOMIC_RELAXED),
                                           __atomic_load_n(&hart->slice_ns, __ATOMIC_RELAXED)));
}

/* Writes this hart's hardware timer if that is another time. Called when the kernel is left; needs no lock. */
static inline void deadline_write_timer(struct hart *hart, uint64_t time_ns)
{
    assert_debug(hart == hart_current());
    hart->attention.timer_moved = false;
    if (hart->timer_ns == time_ns)
        return;
    hart->timer_ns = time_ns; /* INV-DEADLINE-3 */
    arch_timer_set(time_ns);
}

#endif
