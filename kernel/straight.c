/* SPDX-License-Identifier: MIT */
/*
 * Past the loop of trap_leave: an interrupt that comes alone is served in one hold of the kernel lock, and the hart goes
 * straight on, with the thread that ran or the one that was woken; so it does where an invocation has switched already.
 * Where anything else is to be looked after, the loop is taken. Compiled apart from the whole, so that no prologue is shared.
 */
#include "deadline.h"
#include "irq.h"
#include "lock.h"
#include "meter.h"
#include "schedule.h"
#include "trap.h"

struct thread *trap_straight_on(struct hart *hart, uint64_t now_ns)
{
    kernel_lock_release();
    if (hart->current == NULL || (hart->attention.any & ~ATTENTION_TIMER_MOVED) != 0)
        return NULL;
    if (hart->attention.timer_moved) {
        const uint64_t next_ns = deadline_next(hart, schedule_class(hart));

        if (next_ns <= now_ns)
            return NULL;
        deadline_write_timer(hart, next_ns);
    }
    meter_first_user();
    meter_left();
    return hart->current;
}

/* Does what is due. */
static inline struct thread *timer_alone(struct hart *hart)
{
    const uint64_t now_ns = arch_time_ns();

    hart->timer_ns = 0;
    hart->attention.timer_moved = true;
    if (!deadline_expire(hart, schedule_class(hart), now_ns))
        (void)schedule_expire(hart, now_ns);
    return trap_straight_on(hart, now_ns);
}

struct thread *trap_interrupt_alone(void)
{
    struct hart *hart = hart_current();
    const uint64_t waiting = arch_interrupts_waiting();

    meter_entered();
    if (waiting != ARCH_INTERRUPT_TIMER && waiting != ARCH_INTERRUPT_EXTERNAL)
        return NULL;
    kernel_lock_acquire();
    if (waiting == ARCH_INTERRUPT_TIMER)
        return timer_alone(hart);
    irq_deliver();
    return trap_straight_on(hart, 0);
}

struct thread *trap_left(void)
{
    struct thread *thread = trap_straight_on(hart_current(), 0);

    return thread == NULL ? trap_leave() : thread;
}
