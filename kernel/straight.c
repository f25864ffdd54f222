/* SPDX-License-Identifier: MIT */
/*
 * Past the loop of trap_leave: an interrupt that comes alone is served in one hold of the kernel lock, and the hart goes
 * straight on, with the thread that ran or the one that was woken; so it does where an invocation has switched already.
 * Where anything else is to be looked after, the loop is taken. Compiled apart from the whole, so that no prologue is shared.
 */
#include "deadline.h"
#include "frame.h"
#include "irq.h"
#include "lock.h"
#include "meter.h"
#include "schedule.h"
#include "trap.h"

/* Something else is to be looked after. Other harts do not wait for that. */
static NOINLINE struct thread *leave_to_loop(void)
{
    struct hart *hart = hart_current();

    if (hart->attention.notify)
        hart_notify_send(hart);
    return NULL;
}

/* The timer is put right, and the hart goes on in user code. */
static inline struct thread *go_on(struct hart *hart, uint64_t now_ns)
{
    if (hart->attention.timer_moved) {
        const uint64_t next_ns = deadline_next(hart, schedule_class(hart));

        if (next_ns <= now_ns)
            return leave_to_loop();
        deadline_write_timer(hart, next_ns);
    }
    meter_first_user();
    meter_left();
    return hart_current()->current;
}

/* If it is only that the stock is not full, there will be time for that. */
static NOINLINE struct thread *look_after(struct hart *hart, uint64_t now_ns)
{
    frame_stock_look(hart);
    if (hart->current == NULL || ATTENTION_BUT_TIMER(hart->attention.any) != 0)
        return leave_to_loop();
    return go_on(hart, now_ns);
}

/* Most often of who is left: that needs no turn of the loop. */
static NOINLINE struct thread *end_slice(struct hart *hart, uint64_t now_ns)
{
    (void)schedule_expire(hart, now_ns);
    return trap_straight_on(now_ns);
}

struct thread *trap_straight_on(uint64_t now_ns)
{
    struct hart *hart = hart_current();

    if (hart->slice_ns <= now_ns)
        return end_slice(hart, now_ns);
    kernel_lock_release_quietly();
    if (hart->current == NULL || ATTENTION_BUT_TIMER(hart->attention.any) != 0)
        return look_after(hart, now_ns);
    return go_on(hart, now_ns);
}

/* Does what is due, which moves the timer. */
static NOINLINE struct thread *timer_alone(void)
{
    enum deadline_turn turn;
    uint64_t now_ns;

    do {
        kernel_lock_acquire();
        now_ns = arch_time_ns();
        hart_current()->timer_ns = 0;
        turn = deadline_expire(hart_current(), schedule_class(hart_current()), now_ns);
        if (turn == DEADLINE_SOON)
            trap_await(hart_current());
    } while (turn == DEADLINE_SOON);
    if (turn == DEADLINE_NONE) {
        hart_current()->attention.timer_moved = true;
        (void)schedule_expire(hart_current(), now_ns);
    }
    return trap_straight_on(now_ns);
}

static NOINLINE struct thread *external_alone(void)
{
    kernel_lock_acquire();
    irq_deliver();
    return trap_straight_on(0);
}

struct thread *trap_interrupt_alone(void)
{
    const uint64_t waiting = arch_interrupts_waiting();

    meter_entered();
    if (waiting == ARCH_INTERRUPT_TIMER)
        return timer_alone();
    if (waiting == ARCH_INTERRUPT_EXTERNAL)
        return external_alone();
    return NULL;
}

struct thread *trap_left(void)
{
    struct thread *thread = trap_straight_on(0);

    return thread == NULL ? trap_leave() : thread;
}
