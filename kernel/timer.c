/* SPDX-License-Identifier: MIT */
/*
 * Timers: absolute times at which an event is signalled. Owns struct timer. Guarded by the kernel lock.
 *
 * A timer lives on the hart that set it, where most often the thread runs that waits for it, and is as urgent as what ran
 * there; a periodic one stays so. It is cancelled or set anew from any hart.
 *
 * INV-TIMER-1 a timer's period is 0 or at least PERIOD_MIN_NS, so that no timer takes a hart for itself.
 */
#include "timer.h"

#include "assert.h"
#include "bank.h"
#include "handlers.h"
#include "invoke.h"
#include "schedule.h"

#define PERIOD_MIN_NS 10000

/* The first time after `now_ns` that is a whole number of periods after `time_ns`; DEADLINE_NEVER beyond the end of
 * time. Requires: time_ns is not after now_ns. */
static uint64_t next_expiry(uint64_t time_ns, uint64_t period_ns, uint64_t now_ns)
{
    const uint64_t late_ns = now_ns - time_ns;
    const uint64_t wait_ns = period_ns - late_ns % period_ns;

    return wait_ns < DEADLINE_NEVER - now_ns ? now_ns + wait_ns : DEADLINE_NEVER;
}

/* In two steps, each a hold of the lock, if somebody is woken: signals, then goes to the next period. The timer may be
 * dying. */
static void timer_expired(struct deadline *deadline, uint64_t now_ns)
{
    struct timer *timer = container_of(deadline, struct timer, deadline);

    if (!timer->is_signalled) {
        timer->is_signalled = event_binding_wakes(&timer->binding);
        event_binding_signal(&timer->binding);
        if (timer->is_signalled)
            return;
    }
    timer->is_signalled = false;
    if (timer->period_ns == 0) {
        deadline_cancel(deadline);
        return;
    }
    assert_debug(timer->period_ns >= PERIOD_MIN_NS); /* INV-TIMER-1 */
    deadline_set(deadline, deadline->class, next_expiry(deadline->node.key, timer->period_ns, now_ns));
}

enum wk_status timer_dismantle(struct object *object, struct operation *operation)
{
    struct timer *timer = container_of(object, struct timer, object);

    (void)operation;
    deadline_cancel(&timer->deadline);
    event_unbind(&timer->binding);
    return WK_OK;
}

enum wk_status timer_create(struct invocation *invocation, struct bank *bank, struct wk_timer_create_out *out)
{
    enum wk_status status = capability_reserve(&invocation->process->table, invocation->process);
    struct timer *timer;

    if (status != WK_OK)
        return status;
    timer = object_create(WK_TYPE_TIMER, sizeof *timer, bank);
    if (timer == NULL)
        return WK_NO_MEMORY;

    op_commit();
    deadline_init(&timer->deadline, timer_expired);
    event_binding_init(&timer->binding);
    out->timer = capability_handle(capability_make(invocation->process, &timer->object, WK_RIGHTS_ALL, NULL));
    return WK_OK;
}

enum wk_status timer_bind(struct invocation *invocation, struct timer *timer, struct capability *event,
                          const struct wk_timer_bind_in *in)
{
    (void)invocation;

    op_commit();
    event_bind(&timer->binding, container_of(event->object, struct event, object), in->bits);
    return WK_OK;
}

enum wk_status timer_set(struct invocation *invocation, struct timer *timer, const struct wk_timer_set_in *in)
{
    if (in->period != 0 && in->period < PERIOD_MIN_NS)
        return invocation_bad_argument(invocation, 2);

    op_commit();
    timer->period_ns = in->period;
    timer->is_signalled = false;
    deadline_set(&timer->deadline, deadline_class(hart_current(), schedule_urgency(invocation->thread)), in->time);
    return WK_OK;
}

enum wk_status timer_cancel(struct invocation *invocation, struct timer *timer, struct wk_timer_cancel_out *out)
{
    (void)invocation;

    op_commit();
    out->was_set = deadline_is_set(&timer->deadline) && !(timer->is_signalled && timer->period_ns == 0);
    timer->is_signalled = false;
    deadline_cancel(&timer->deadline);
    return WK_OK;
}
