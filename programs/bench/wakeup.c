/* SPDX-License-Identifier: MIT */
/*
 * How late the most urgent thread wakes: it sleeps from one time to the next, and looks how many instructions after the
 * due time its first one came. An instruction takes a nanosecond here, but the `time` counter has ticks of 100: so it
 * waits for the next tick, which it sees at most nine instructions late, and counts back from there. It has a budget of its
 * own, as whoever needs promises has: those who share one may find it used up by the others.
 */
#include "bench.h"
#include "neighbours.h"
#include "partner.h"
#include "stamps.h"

#include <winkle/budget.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/harts.h>
#include <winkle/thread.h>

#define PERIODS 10000
#define PERIOD_NS 1000000
/* Under load, unless a full measurement is asked for: idle time is skipped in the emulator, work is not. */
#define SHORT_PERIOD_NS 100000
#define WARM_UP_NS 20000000
#define BUDGET_CAPACITY_NS 20000
#define BUDGET_PERIOD_NS 100000
#define PRIORITY 150

static uint64_t latencies[PERIODS];

static uint64_t tick_ns(void)
{
    return WK_NS_PER_SECOND / wk_self.start->timebase_hz;
}

/* Sleeps until then; how late the first instruction after it came. */
static uint64_t sleep_until(uint64_t due_ns)
{
    struct wake wake;
    uint64_t woken_ns;

    expect("sleeping", invoke_waking(wk_self.start->thread, due_ns, WK_THREAD_SLEEP, &wake));
    woken_ns = wake.tick * tick_ns() - (wake.tick_seen - wake.first);
    if (woken_ns < due_ns)
        wk_fail("it woke before it was due", WK_OK);
    return woken_ns - due_ns;
}

/* Due times are whole ticks, and not in step with anything: up to half a period is added at random. Who is late already
 * leaves out what was due meanwhile. */
static uint64_t next_due_ns(uint64_t due_ns, uint64_t period_ns, uint64_t *random)
{
    const uint64_t now_ns = wk_now_ns(), from_ns = now_ns < due_ns + period_ns / 2 ? due_ns : now_ns;
    const uint64_t wait_ns = period_ns - period_ns / 4 + (*random >> 33) % (period_ns / 2);

    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (from_ns + wait_ns) / tick_ns() * tick_ns();
}

static void measure_periods(uint64_t period_ns)
{
    uint64_t due_ns = wk_after_ns(WARM_UP_NS) / tick_ns() * tick_ns(), random = 1;

    sleep_until(due_ns);
    for (unsigned i = 0; i < PERIODS; i++) {
        due_ns = next_due_ns(due_ns, period_ns, &random);
        latencies[i] = sleep_until(due_ns);
        tell_emulator(latencies[i]);
    }
}

static void measure_promised(uint64_t period_ns)
{
    wk_handle budget;

    expect("a budget",
           wk_budget_split(wk_self.budget, wk_self.bank, BUDGET_CAPACITY_NS, BUDGET_PERIOD_NS, PRIORITY, 0, &budget));
    expect("its priority", wk_thread_set_priority(wk_self.start->thread, PRIORITY));
    expect("taking it", wk_thread_set_budget(wk_self.start->thread, budget));
    measure_periods(period_ns);
    expect("its former budget", wk_thread_set_budget(wk_self.start->thread, wk_self.budget));
    expect("destroying the budget", wk_budget_destroy(budget));
    wk_capability_delete(budget);
}

void measure_wakeup_idle(const struct benchmark *benchmark)
{
    measure_promised(PERIOD_NS);
    print_distribution(benchmark, latencies, PERIODS);
}

void measure_wakeup_load(const struct benchmark *benchmark)
{
    static struct neighbours neighbours;

    neighbours_start(&neighbours, NEIGHBOURS, 0);
    measure_promised(is_full_measurement ? PERIOD_NS : SHORT_PERIOD_NS);
    print_distribution(benchmark, latencies, PERIODS);
    neighbours_end(&neighbours, benchmark->name);
}

/* On each hart neighbours of all kinds but the one that sets timers: where harts take turns, time goes on while others have
 * theirs, and timers that are always due leave nothing for anybody else. What is printed is what the emulator's plugin
 * tells (tools/bench.py): the clock here has the others' turns in it. */
void measure_wakeup_load_harts(const struct benchmark *benchmark)
{
    static struct neighbours neighbours[WK_HARTS_MAX];
    const unsigned harts = wk_hart_count();

    for (unsigned hart = 0; hart < harts; hart++)
        neighbours_start(&neighbours[hart], NEIGHBOUR_TIMEKEEPER, wk_hart_budget(hart));
    expect("its priority", wk_thread_set_priority(wk_self.start->thread, PRIORITY));
    measure_periods(SHORT_PERIOD_NS);
    for (unsigned hart = 0; hart < harts; hart++)
        neighbours_end(&neighbours[hart], benchmark->name);
}
