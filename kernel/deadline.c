/* SPDX-License-Identifier: MIT */
/*
 * The deadlines of each hart, and its hardware timer, which also serves two times that the scheduler keeps. Owns each
 * hart's `deadlines` (guarded by the kernel lock) and `timer_ns` (the hart's own). Invariants: see deadline.h. Everything
 * is O(log n) in the deadlines of one hart. Of those that are due the most urgent class comes first, within it the
 * earliest; deadlines of equal class and time expire in the order in which they were set.
 *
 * A deadline may be set on, and cancelled from, any hart. The hardware timer is per hart and each hart writes only its
 * own: who gives another hart an earlier first deadline notifies it, and that hart writes its timer on its way out of
 * the kernel. Who takes a first deadline away does not: the other hart's timer then fires once for nothing. So it does
 * once where a more urgent thread has begun to run since it was written, and the deadline no longer counts.
 */
#include "deadline.h"

#include "assert.h"
#include "lock.h"

static inline uint64_t later(uint64_t one_ns, uint64_t other_ns)
{
    return one_ns > other_ns ? one_ns : other_ns;
}

/* The tree changed: finds its first time again, and tells the hart if that is earlier than what it knows. */
static void first_changed(struct deadline_class *class)
{
    const struct tree_node *first = class->tree.first;
    const uint64_t first_ns = first == NULL ? DEADLINE_NEVER : first->key;
    const bool is_earlier = first_ns < class->first_ns;

    hart_store(&class->first_ns, first_ns); /* INV-DEADLINE-2 */
    class->hart->attention.timer_moved = true;
    if (is_earlier)
        hart_notify(class->hart);
}

void deadline_cancel(struct deadline *deadline)
{
    struct deadline_class *class = deadline->class;

    assert_debug(kernel_lock_is_held());
    if (class == NULL)
        return;
    assert_debug(class->first_ns <= deadline->node.key); /* INV-DEADLINE-2 */
    tree_remove(&class->tree, &deadline->node);
    deadline->class = NULL;
    if (class->first_ns == deadline->node.key)
        first_changed(class);
}

void deadline_end(struct deadline *deadline)
{
    struct deadline_class *class = deadline->class;

    assert_debug(kernel_lock_is_held() && class->hart == hart_current() && class->tree.first == &deadline->node);
    tree_remove_first(&class->tree);
    deadline->class = NULL;
    hart_store(&class->first_ns,
               class->tree.first == NULL ? DEADLINE_NEVER : class->tree.first->key); /* INV-DEADLINE-2 */
    class->hart->attention.timer_moved = true;
}

void deadline_begin(struct deadline *deadline, struct deadline_class *class, uint64_t time_ns)
{
    assert_debug(kernel_lock_is_held() && deadline->class == NULL && time_ns != DEADLINE_NEVER);
    assert_debug(later(time_ns, ARCH_TIMER_LEAD_NS) == time_ns); /* INV-DEADLINE-5 */
    deadline->node.key = time_ns;
    deadline->class = class;
    tree_insert(&class->tree, &deadline->node);
    if (class->tree.first == &deadline->node)
        first_changed(class);
}

void deadline_set(struct deadline *deadline, struct deadline_class *class, uint64_t time_ns)
{
    if (deadline->class != NULL)
        deadline_cancel(deadline);
    if (time_ns != DEADLINE_NEVER)
        deadline_begin(deadline, class, later(time_ns, ARCH_TIMER_LEAD_NS)); /* INV-DEADLINE-5 */
}

void deadline_urge(struct deadline *deadline, struct deadline_class *class)
{
    const struct deadline_class *before = deadline->class;

    if (before != NULL && before != class && class - class->hart->deadlines >= before - before->hart->deadlines)
        deadline_set(deadline, class, deadline->node.key);
}
