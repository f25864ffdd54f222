/* SPDX-License-Identifier: MIT */
/* The clock, deadlines of waits, timers. */
#include "check.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/machine.h>
#include <winkle/periodic.h>
#include <winkle/timer.h>

#define MILLISECOND UINT64_C(1000000)
/* The emulator may be slow; early it must never be. */
#define LATE_NS (2000 * MILLISECOND)

static wk_handle event;

static uint64_t wait_until(uint64_t mask, uint64_t deadline)
{
    uint64_t bits = 0;
    const enum wk_status status = wk_event_wait(event, mask, deadline, &bits);

    CHECK(status == WK_OK || status == WK_TIMED_OUT);
    return status == WK_OK ? bits : 0;
}

static void clock_moves(void)
{
    uint64_t harts, timebase_hz, ram_pages, free_pages, now_ns, asid_bits;
    const uint64_t before = wk_now_ns();
    uint64_t after;

    EXPECT(WK_OK, wk_machine_info(wk_self.machine, &harts, &timebase_hz, &ram_pages, &free_pages, &now_ns, &asid_bits));
    after = wk_now_ns();
    EQUAL(wk_self.start->timebase_hz, timebase_hz);
    CHECK(now_ns + 1000 >= before && now_ns <= after + 1000);
    CHECK(wk_after_ns(UINT64_MAX) == WK_FOREVER);
}

static void deadlines(void)
{
    for (uint64_t wait = 0; wait < 20 * MILLISECOND; wait = wait * 2 + 1000) {
        const uint64_t deadline = wk_after_ns(wait);

        EQUAL(0, wait_until(1, deadline));
        CHECK(wk_now_ns() >= deadline);
        CHECK(wk_now_ns() < deadline + LATE_NS);
    }
    EQUAL(0, wait_until(1, 0));
    EXPECT(WK_OK, wk_event_signal(event, 6));
    EQUAL(2, wait_until(3, 0));
    EQUAL(4, wait_until(UINT64_MAX, WK_FOREVER));
}

static void timers(void)
{
    wk_handle timer;
    uint64_t was_set, start;

    EXPECT(WK_OK, wk_timer_create(wk_self.bank, &timer));
    EXPECT(WK_OK, wk_timer_bind(timer, event, 4));
    start = wk_now_ns();
    EXPECT(WK_OK, wk_timer_set(timer, start + 5 * MILLISECOND, 0));
    EQUAL(4, wait_until(4, WK_FOREVER));
    CHECK(wk_now_ns() >= start + 5 * MILLISECOND);
    EXPECT(WK_OK, wk_timer_cancel(timer, &was_set));
    EQUAL(0, was_set);

    EXPECT(WK_OK, wk_timer_set(timer, 0, 0)); /* passed long ago */
    EQUAL(4, wait_until(4, wk_after_ns(LATE_NS)));

    EXPECT(WK_OK, wk_timer_set(timer, wk_after_ns(100000 * MILLISECOND), 0));
    EXPECT(WK_OK, wk_timer_cancel(timer, &was_set));
    EQUAL(1, was_set);
    EQUAL(0, wait_until(4, wk_after_ns(2 * MILLISECOND)));

    EXPECT(WK_BAD_ARGUMENT, wk_timer_set(timer, 0, 9999));
    EXPECT(WK_OK, wk_timer_bind(timer, event, 8));
    start = wk_now_ns();
    EXPECT(WK_OK, wk_timer_set(timer, start + MILLISECOND, MILLISECOND));
    for (int turn = 0; turn < 10; turn++)
        EQUAL(8, wait_until(12, wk_after_ns(LATE_NS)));
    CHECK(wk_now_ns() >= start + 10 * MILLISECOND);
    EXPECT(WK_OK, wk_capability_delete(timer));
    wait_until(8, 0);
    EQUAL(0, wait_until(8, wk_after_ns(3 * MILLISECOND)));
}

/* Many at once, set in mixed order: each fires, in the order of their times. */
static void many_timers(void)
{
    wk_handle timer[40];
    const uint64_t start = wk_after_ns(20 * MILLISECOND);
    uint64_t last = 0;

    for (uint64_t i = 0; i < 40; i++) {
        const uint64_t place = i * 17 % 40;

        EXPECT(WK_OK, wk_timer_create(wk_self.bank, &timer[place]));
        EXPECT(WK_OK, wk_timer_bind(timer[place], event, UINT64_C(1) << place));
        EXPECT(WK_OK, wk_timer_set(timer[place], start + place * MILLISECOND / 4, 0));
    }
    while (last != (UINT64_C(1) << 40) - 1) {
        const uint64_t bits = wait_until(UINT64_MAX, wk_after_ns(LATE_NS));

        CHECK(bits != 0);
        last |= bits;
        CHECK((last & (last + 1)) == 0); /* none before one that is due earlier */
    }
    for (uint64_t i = 0; i < 40; i++)
        EXPECT(WK_OK, wk_capability_delete(timer[i]));
}

/* Waits, and checks that it ends at a release, with each between it and the last one counted as missed. */
static uint64_t wait_for_release(struct wk_period *period, uint64_t last_ns)
{
    uint64_t missed, release_ns;

    EXPECT(WK_OK, wk_period_wait(period, &missed));
    release_ns = period->next_ns - period->period_ns;
    CHECK(wk_now_ns() >= release_ns);
    EQUAL(last_ns + (missed + 1) * period->period_ns, release_ns);
    return missed;
}

static void periods(void)
{
    struct wk_period period;
    uint64_t first_ns, last_ns;

    EXPECT(WK_OK, wk_sleep_until(0));
    EXPECT(WK_OK, wk_sleep_until(last_ns = wk_after_ns(MILLISECOND)));
    CHECK(wk_now_ns() >= last_ns);
    wk_period_begin(&period, 2 * MILLISECOND);
    first_ns = last_ns = period.next_ns - period.period_ns;
    CHECK(first_ns <= wk_now_ns());
    for (unsigned i = 0; i < 5; i++) {
        wait_for_release(&period, last_ns);
        last_ns = period.next_ns - period.period_ns;
    }
    EXPECT(WK_OK, wk_sleep_until(last_ns + 7 * MILLISECOND));
    CHECK(wait_for_release(&period, last_ns) >= 3);
    EQUAL(0, (period.next_ns - first_ns) % period.period_ns);
}

int main(void)
{
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    clock_moves();
    deadlines();
    timers();
    many_timers();
    periods();
    wk_print("time: good\n");
    return 0;
}
