/* SPDX-License-Identifier: MIT */
#include <winkle/periodic.h>

#include <winkle/clock.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

enum wk_status wk_sleep_until(uint64_t time_ns)
{
    return wk_thread_sleep(wk_thread_self()->handle, time_ns);
}

void wk_period_begin(struct wk_period *period, uint64_t period_ns)
{
    *period = (struct wk_period){.period_ns = period_ns, .next_ns = wk_after_ns(period_ns)};
}

enum wk_status wk_period_wait(struct wk_period *period, uint64_t *missed)
{
    const uint64_t now_ns = wk_now_ns();
    enum wk_status status;

    *missed = now_ns < period->next_ns ? 0 : (now_ns - period->next_ns) / period->period_ns + 1;
    period->next_ns += *missed * period->period_ns;
    status = wk_sleep_until(period->next_ns);
    if (status == WK_OK)
        period->next_ns += period->period_ns;
    return status;
}
