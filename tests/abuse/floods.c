/* SPDX-License-Identifier: MIT */
/* Floods: signals without end, as many timers as there is memory for at the shortest period, more waiters than fit. */
#include "../system/check.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/thread.h>
#include <winkle/threads.h>
#include <winkle/timer.h>

#include <stdbool.h>

#define TIMERS 200
#define PERIOD_NS 10000
#define FLOODERS 3
#define WAITERS (WK_EVENT_WAITERS_MAX + 2)
#define DURATION_NS 100000000

static wk_handle event;
static volatile bool stop;

static void flood(void *unused)
{
    (void)unused;
    while (!stop)
        EXPECT(WK_OK, wk_event_signal(event, UINT64_MAX >> 2));
}

static void signals(void)
{
    struct wk_thread threads[FLOODERS];
    const uint64_t end = wk_after_ns(DURATION_NS);
    uint64_t bits;

    stop = false;
    for (int i = 0; i < FLOODERS; i++)
        EXPECT(WK_OK, wk_thread_run(&threads[i], flood, NULL, 4, 80));
    while (wk_now_ns() < end)
        EXPECT(WK_OK, wk_event_wait(event, 1, WK_FOREVER, &bits));
    stop = true;
    for (int i = 0; i < FLOODERS; i++)
        EXPECT(WK_OK, wk_thread_join(&threads[i], WK_FOREVER));
}

static void timers(void)
{
    wk_handle handles[TIMERS];
    const uint64_t end = wk_after_ns(DURATION_NS);
    uint64_t bits;

    for (int i = 0; i < TIMERS; i++) {
        EXPECT(WK_OK, wk_timer_create(wk_self.bank, &handles[i]));
        EXPECT(WK_OK, wk_timer_bind(handles[i], event, 1));
        EXPECT(WK_OK, wk_timer_set(handles[i], 0, PERIOD_NS));
    }
    while (wk_now_ns() < end)
        EXPECT(WK_OK, wk_event_wait(event, 1, WK_FOREVER, &bits));
    for (int i = 0; i < TIMERS; i++)
        EXPECT(WK_OK, wk_capability_delete(handles[i]));
}

static volatile uint64_t refused;

static void wait_once(void *unused)
{
    uint64_t bits;
    const enum wk_status status = wk_event_wait(event, UINT64_C(1) << 63, WK_FOREVER, &bits);

    (void)unused;
    CHECK(status == WK_OK || status == WK_BUSY);
    if (status == WK_BUSY)
        __atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
}

static void waiters(void)
{
    struct wk_thread threads[WAITERS];
    uint64_t bits, ended = 0;
    wk_handle pause;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &pause));
    for (unsigned i = 0; i < WAITERS; i++)
        EXPECT(WK_OK, wk_thread_run(&threads[i], wait_once, NULL, 2, 80));
    while (refused < 2)
        EXPECT(WK_TIMED_OUT, wk_event_wait(pause, 1, wk_after_ns(1000000), &bits));
    while (ended < WAITERS) {
        EXPECT(WK_OK, wk_event_signal(event, UINT64_C(1) << 63));
        if (wk_thread_join(&threads[ended], wk_after_ns(1000000)) == WK_OK)
            ended++;
    }
    EXPECT(WK_OK, wk_capability_delete(pause));
}

int main(void)
{
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    signals();
    timers();
    waiters();
    return 0;
}
