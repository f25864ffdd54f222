/* SPDX-License-Identifier: MIT */
/*
 * The harts that run, and how they call each other. A hart is interrupted because it has to choose another thread,
 * because its first deadline became an earlier one, or to catch up with flushes; the interrupt says no more than that
 * there is something, and it finds out itself.
 *
 * Owns harts[] and hart_count, which boot writes once. A hart's `notify` is its own: a set of harts that it owes an
 * interrupt, collected under the lock and sent when the lock is released.
 */
#include "hart.h"

#include "assert.h"
#include "bits.h"
#include "deadline.h"
#include "event.h"
#include "lock.h"
#include "schedule.h"
#include "space.h"

struct hart *harts[HARTS_MAX];
unsigned hart_count;

void hart_init(struct hart *hart, unsigned index)
{
    assert_debug(index < HARTS_MAX);
    hart->index = index;
    hart->bit = UINT64_C(1) << index;
    hart->others = ~(UINT64_C(1) << index);
    hart->attention.stock_low = true;
    for (unsigned i = 0; i < DEADLINE_CLASSES; i++) {
        hart->deadlines[i].first_ns = DEADLINE_NEVER;
        hart->deadlines[i].hart = hart;
    }
    hart->timer_ns = DEADLINE_NEVER;
    schedule_hart_init(hart);
    event_hart_init(hart);
}

void hart_rest(void)
{
    arch_timer_set(arch_time_ns() + HART_REST_NS);
    arch_idle();
    arch_timer_set(hart_current()->timer_ns); /* INV-DEADLINE-3; 0: it has fired, and does so again */
}

void hart_notify(struct hart *hart)
{
    struct hart *self = hart_current();

    assert_debug(kernel_lock_is_held());
    if (hart != self) {
        self->notify |= UINT64_C(1) << hart->index;
        self->attention.notify = true;
    }
}

/* Bound: one turn for each hart that was woken in one hold of the lock. */
SLOW_PATH void hart_notify_send(struct hart *hart)
{
    uint64_t targets = hart->notify;

    hart->notify = 0;
    hart->attention.notify = false;
    for (; targets != 0; targets &= targets - 1)
        arch_hart_notify(harts[bit_lowest(targets)]);
}

void hart_notified(struct hart *hart)
{
    assert_debug(hart == hart_current());
    space_flush_serve();
    hart->attention.reschedule = true;
    hart->attention.timer_moved = true; /* this hart may have just cleared what another one had set */
}
