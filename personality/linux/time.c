/* SPDX-License-Identifier: MIT */
/* Clocks, sleeping and alarms. The system's clock counts from its start, and so does the time of day, as long as no machine tells it. */
#include "calls.h"
#include "files.h"
#include "signals.h"
#include "vdso.h"

#include <winkle/clock.h>
#include <winkle/posix.h>
#include <winkle/thread.h>

#include <linux/time.h>
#include <linux/times.h>

#define TICKS_PER_SECOND 100
#define NS_PER_US UINT64_C(1000)
#define ALARM_REAL 0

int64_t copy_time_in(uint64_t address, uint64_t *ns)
{
    struct __kernel_timespec time;

    if (copy_in(&time, address, sizeof(time)) != 0)
        return -EFAULT;
    if (time.tv_sec < 0 || time.tv_nsec < 0 || time.tv_nsec >= (long long)WK_NS_PER_SECOND)
        return -EINVAL;
    *ns = (uint64_t)time.tv_sec > WK_FOREVER / WK_NS_PER_SECOND - 1
              ? WK_FOREVER
              : (uint64_t)time.tv_sec * WK_NS_PER_SECOND + (uint64_t)time.tv_nsec;
    return 0;
}

static int64_t tell_ns(uint64_t address, uint64_t ns)
{
    const struct __kernel_timespec time = {(long long)(ns / WK_NS_PER_SECOND), (long long)(ns % WK_NS_PER_SECOND)};

    return copy_out(address, &time, sizeof(time));
}

/* Whether it tells the time of day, as its function in the vDSO does. */
static bool is_wall(int clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

uint64_t clock_of_day(uint64_t ns)
{
    return ns == WK_FOREVER ? ns : ns > vdso_data.wall_ns ? ns - vdso_data.wall_ns : 0;
}

static int64_t read_clock(int clock, uint64_t *ns)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        *ns = vdso_now_ns(&vdso_data) + (is_wall(clock) ? vdso_data.wall_ns : 0);
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
        return error_of(wk_thread_usage(current()->handle, ns));
    default:
        return -EINVAL;
    }
}

int64_t linux_clock_gettime(int clock, uint64_t time)
{
    uint64_t ns = 0;
    const int64_t result = read_clock(clock, &ns);

    return result != 0 ? result : tell_ns(time, ns);
}

int64_t linux_clock_getres(int clock, uint64_t resolution)
{
    uint64_t ns = 0;
    const int64_t result = read_clock(clock, &ns);

    return result != 0 ? result : resolution == 0 ? 0 : tell_ns(resolution, 1);
}

int64_t linux_clock_settime(int clock, uint64_t time)
{
    (void)clock;
    (void)time;
    return -EPERM; /* no capability says otherwise */
}

int64_t linux_gettimeofday(uint64_t time, uint64_t zone)
{
    const uint64_t now = vdso_now_ns(&vdso_data) + vdso_data.wall_ns;
    const int64_t told[2] = {(int64_t)(now / WK_NS_PER_SECOND), (int64_t)(now % WK_NS_PER_SECOND / NS_PER_US)};
    const int32_t none[2] = {0, 0};

    if ((time != 0 && copy_out(time, told, sizeof(told)) != 0) ||
        (zone != 0 && copy_out(zone, none, sizeof(none)) != 0))
        return -EFAULT;
    return 0;
}

int64_t linux_times(uint64_t times)
{
    struct tms told = {0};
    uint64_t used = 0;

    wk_thread_usage(current()->handle, &used);
    told.tms_utime = (long)(used / (WK_NS_PER_SECOND / TICKS_PER_SECOND));
    if (times != 0 && copy_out(times, &told, sizeof(told)) != 0)
        return -EFAULT;
    return (int64_t)(wk_now_ns() / (WK_NS_PER_SECOND / TICKS_PER_SECOND));
}

/* ---- sleeping ---- */

static int64_t sleep_until(uint64_t deadline, uint64_t rest)
{
    int64_t result;

    do
        result = wait_for_event(deadline);
    while (result == 0);
    if (result == -ETIMEDOUT)
        return 0;
    if (rest != 0) {
        const uint64_t now = wk_now_ns();

        tell_ns(rest, deadline > now ? deadline - now : 0);
    }
    return -RESTART_IF_UNHANDLED;
}

int64_t linux_nanosleep(uint64_t time, uint64_t rest)
{
    uint64_t ns = 0;
    const int64_t result = copy_time_in(time, &ns);

    return result != 0 ? result : sleep_until(wk_after_ns(ns), rest);
}

int64_t linux_clock_nanosleep(int clock, int flags, uint64_t time, uint64_t rest)
{
    uint64_t ns = 0, now = 0;
    int64_t result = read_clock(clock, &now);

    if (result == 0 && clock != CLOCK_REALTIME && clock != CLOCK_TAI && clock != CLOCK_MONOTONIC &&
        clock != CLOCK_BOOTTIME)
        result = -EOPNOTSUPP;
    if (result == 0)
        result = copy_time_in(time, &ns);
    if (result != 0)
        return result;
    if ((flags & TIMER_ABSTIME) == 0)
        return sleep_until(wk_after_ns(ns), rest);
    return sleep_until(is_wall(clock) ? clock_of_day(ns) : ns, 0);
}

int64_t linux_sched_yield(void)
{
    wk_thread_yield(current()->handle);
    return 0;
}

/* ---- alarms ---- */

static int64_t to_interval(const int64_t words[4], uint64_t *first, uint64_t *interval)
{
    for (unsigned i = 0; i < 4; i++) {
        if (words[i] < 0 || (i % 2 == 1 && words[i] >= 1000000))
            return -EINVAL;
    }
    *interval = (uint64_t)words[0] * WK_NS_PER_SECOND + (uint64_t)words[1] * NS_PER_US;
    *first = (uint64_t)words[2] * WK_NS_PER_SECOND + (uint64_t)words[3] * NS_PER_US;
    return 0;
}

static void from_interval(int64_t words[4], uint64_t at, uint64_t interval)
{
    const uint64_t now = wk_now_ns(), rest = at == 0 ? 0 : at > now ? at - now : NS_PER_US;

    words[0] = (int64_t)(interval / WK_NS_PER_SECOND);
    words[1] = (int64_t)(interval % WK_NS_PER_SECOND / NS_PER_US);
    words[2] = (int64_t)(rest / WK_NS_PER_SECOND);
    words[3] = (int64_t)(rest % WK_NS_PER_SECOND / NS_PER_US);
}

/* The timers of processor time are not there. */
int64_t linux_setitimer(int which, uint64_t value, uint64_t before)
{
    int64_t words[4] = {0};
    uint64_t first = 0, interval = 0, at, earlier = 0, earlier_interval = 0, overruns;
    int64_t result = 0;

    if (which != ITIMER_REAL)
        return which == ITIMER_VIRTUAL || which == ITIMER_PROF ? -ENOSYS : -EINVAL;
    if (value != 0 && copy_in(words, value, sizeof(words)) != 0)
        return -EFAULT;
    result = to_interval(words, &first, &interval);
    at = first == 0 ? 0 : wk_after_ns(first);
    if (result == 0)
        result = error_of(wk_posix_set_alarm(linux_process.posix, ALARM_REAL, at, interval, SIGNAL_ALRM, 0, &earlier,
                                             &earlier_interval, &overruns));
    if (result != 0)
        return result;
    linux_process.alarm_at = at;
    linux_process.alarm_interval = interval;
    if (before == 0)
        return 0;
    from_interval(words, earlier, earlier_interval);
    return copy_out(before, words, sizeof(words));
}

/* When it comes next; 0: not any more. */
static uint64_t next_alarm(void)
{
    const uint64_t at = linux_process.alarm_at, interval = linux_process.alarm_interval, now = wk_now_ns();

    if (at == 0 || at > now)
        return at;
    return interval == 0 ? 0 : at + ((now - at) / interval + 1) * interval;
}

int64_t linux_getitimer(int which, uint64_t value)
{
    int64_t words[4];

    if (which != ITIMER_REAL)
        return which == ITIMER_VIRTUAL || which == ITIMER_PROF ? -ENOSYS : -EINVAL;
    from_interval(words, next_alarm(), linux_process.alarm_interval);
    return copy_out(value, words, sizeof(words));
}
