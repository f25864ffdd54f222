/* SPDX-License-Identifier: MIT */
/*
 * The deadlines of each hart, and its hardware timer, which also serves two times that the scheduler keeps. Owns each hart's tree `deadlines`, `first_ns` (both guarded by
 * the kernel lock) and `timer_ns` (the hart's own). Invariants: see deadline.h. Everything is O(log n) in the deadlines
 * of one hart; deadlines of equal time expire in the order in which they were set.
 *
 * A deadline may be set on, and cancelled from, any hart. The hardware timer is per hart and each hart writes only its
 * own: who gives another hart an earlier first deadline notifies it, and that hart writes its timer on its way out of
 * the kernel. Who takes a first deadline away does not: the other hart's timer then fires once for nothing.
 */
#include "deadline.h"

#include "assert.h"
#include "lock.h"

/* The tree changed: finds its first time again, and tells the hart if that is earlier than what it knows. */
static void first_changed(struct hart *hart)
{
    const struct tree_node *first = hart->deadlines.first;
    const uint64_t first_ns = first == NULL ? DEADLINE_NEVER : first->key;
    const bool is_earlier = first_ns < hart->first_ns;

    __atomic_store_n(&hart->first_ns, first_ns, __ATOMIC_RELAXED); /* INV-DEADLINE-2 */
    hart->attention.timer_moved = true;
    if (is_earlier)
        hart_notify(hart);
}

void deadline_cancel(struct deadline *deadline)
{
    struct hart *hart = deadline->hart;

    assert_debug(kernel_lock_is_held());
    if (hart == NULL)
        return;
    assert_debug(hart->first_ns <= deadline->node.key); /* INV-DEADLINE-2 */
    tree_remove(&hart->deadlines, &deadline->node);
    deadline->hart = NULL;
    if (hart->first_ns == deadline->node.key)
        first_changed(hart);
}

void deadline_set(struct deadline *deadline, struct hart *hart, uint64_t time_ns)
{
    assert_debug(kernel_lock_is_held());
    deadline_cancel(deadline);
    if (time_ns == DEADLINE_NEVER)
        return;
    deadline->node.key = time_ns;
    deadline->hart = hart;
    tree_insert(&hart->deadlines, &deadline->node);
    if (time_ns < hart->first_ns)
        first_changed(hart);
}

bool deadline_expire(struct hart *hart, uint64_t now_ns)
{
    struct deadline *deadline;

    assert_debug(kernel_lock_is_held());
    if (hart->first_ns > now_ns)
        return false;
    assert_debug(hart->deadlines.first != NULL); /* INV-DEADLINE-2 */
    deadline = container_of(hart->deadlines.first, struct deadline, node);
    assert_debug(deadline->hart == hart); /* INV-DEADLINE-1 */
    deadline->expired(deadline, now_ns);
    return true;
}

void deadline_write_timer(struct hart *hart, uint64_t time_ns)
{
    assert_debug(hart == hart_current());
    hart->timer_ns = time_ns; /* INV-DEADLINE-3 */
    arch_timer_set(time_ns);
}
