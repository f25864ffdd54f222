/* SPDX-License-Identifier: MIT */
/*
 * What it costs that a budget is used up and comes back, while others wait for theirs. Another process has a crowd of
 * threads, each with a budget that it has used up and whose return is far away, and a more urgent thread that uses up
 * its own again and again. The measuring thread runs meanwhile. All instructions that neither of the two executed are
 * the kernel's: for each event two interrupts of the timer, two choices, two switches, and all that is kept about time.
 */
#include "bench.h"
#include "partner.h"
#include "stamps.h"

#include <winkle/budget.h>
#include <winkle/capability.h>
#include <winkle/event.h>
#include <winkle/thread.h>

#define RUNS 50
#define CAPACITY_NS 10000
#define PERIOD_NS 100000
#define CROWD_CAPACITY_NS 1000
#define CROWD_PERIOD_NS WK_NS_PER_SECOND
#define PAGES 256
#define PRIORITY 120
#define CROWD_PRIORITY 130
#define PROBE_PRIORITY 140
#define POLL_NS 1000000
/* When all that a crowd used has come back to the budget from which its budgets were split. */
#define SETTLE_NS (4 * CROWD_PERIOD_NS)

static uint64_t crowd_count;

static wk_handle probe_budget;

static void split_budget(uint64_t capacity_ns, uint64_t period_ns, uint64_t priority, wk_handle *budget)
{
    expect("a budget", wk_budget_split(wk_self.budget, wk_self.bank, capacity_ns, period_ns, priority, 0, budget));
}

/* A thread that counts, on that budget. */
static void start_counter(wk_handle budget, uint64_t priority, volatile uint64_t *counter)
{
    wk_handle thread;

    expect("a thread", wk_thread_create(wk_self.process, priority, &thread));
    expect("giving it a budget", wk_thread_set_budget(thread, budget));
    expect("starting it", wk_thread_start(thread, (uint64_t)count_for_ever, 0, 0, (uint64_t)counter, 0));
}

void play_crowd(void)
{
    struct shared *shared = partner_shared();
    wk_handle event, budget;
    uint64_t bits;

    expect("an event", wk_event_create(wk_self.bank, &event));
    for (uint64_t i = 0; i < shared->crowd; i++) {
        split_budget(CROWD_CAPACITY_NS, CROWD_PERIOD_NS, CROWD_PRIORITY, &budget);
        start_counter(budget, CROWD_PRIORITY, &crowd_count);
    }
    expect("its own priority", wk_thread_set_priority(wk_self.start->thread, CROWD_PRIORITY - 1));
    shared->is_crowd_ready = 1; /* it comes here when all of them have used up what they had */
    start_counter(wk_named_handle("probe"), PROBE_PRIORITY, &shared->count);
    wk_event_wait(event, 1, WK_FOREVER, &bits);
}

static void start_crowd(struct partner *crowd, uint64_t count)
{
    struct shared *shared = partner_shared();

    split_budget(CAPACITY_NS, PERIOD_NS, PROBE_PRIORITY, &probe_budget);
    partner_prepare(crowd, PAGES + 2 * count);
    partner_lend(crowd, "probe", probe_budget);
    shared->crowd = count;
    shared->is_crowd_ready = 0;
    partner_start(crowd, "crowd", PROBE_PRIORITY);
    while (shared->is_crowd_ready == 0)
        expect("sleeping", wk_thread_sleep(wk_self.start->thread, wk_after_ns(POLL_NS)));
}

/* Of the counting thread's budget and of this one's, which is what is left of the hart, together. */
struct usage {
    uint64_t used_ns, exhausted;
};

static void add_usage(wk_handle budget, struct usage *usage)
{
    uint64_t used_ns, exhausted, available_ns, next_ns;

    expect("a budget's usage", wk_budget_usage(budget, &used_ns, &exhausted, &available_ns, &next_ns));
    usage->used_ns += used_ns;
    usage->exhausted += exhausted;
}

static struct usage usage_of_both(void)
{
    struct usage usage = {0};

    add_usage(probe_budget, &usage);
    add_usage(wk_self.budget, &usage);
    return usage;
}

/* From the end of one run of the more urgent thread to that of another one, RUNS later. What both used is what is counted,
 * as an instruction takes a nanosecond here: the hart is idle at times, when this one waits for capacity as well. */
static uint64_t kernel_part(void)
{
    const volatile uint64_t *count = &partner_shared()->count;
    struct usage before, after;
    struct watch watch;
    uint64_t events;

    watch_count(count, 1, &watch);
    before = usage_of_both();
    watch_count(count, RUNS, &watch);
    after = usage_of_both();
    events = after.exhausted - before.exhausted;
    if (events < RUNS)
        wk_fail("a budget is not used up in each run", WK_OK);
    return (after.used_ns - before.used_ns - watch.own - watch.counted * COUNT_LOOP) / events;
}

/* The longest bookkeeping of one event meanwhile: a charge, a return, or that somebody waits for one; 0 if the kernel has no
 * meters. */
static uint64_t longest_event(void)
{
    uint64_t longest;

    if (!read_meter(WK_METER_TIME_EVENT, &longest))
        return 0;
    kernel_part();
    return read_meter(WK_METER_TIME_EVENT, &longest) ? longest : 0;
}

static void measure_crowd(const struct benchmark *benchmark, uint64_t count, uint64_t (*part)(void))
{
    struct samples samples;
    struct partner crowd;

    expect("its priority", wk_thread_set_priority(wk_self.start->thread, PRIORITY));
    start_crowd(&crowd, count);
    for (unsigned i = 0; i < BATCHES; i++)
        samples.value[i] = part();
    partner_end(&crowd);
    expect("destroying a budget", wk_budget_destroy(probe_budget));
    wk_capability_delete(probe_budget);
    expect("sleeping", wk_thread_sleep(wk_self.start->thread, wk_after_ns(SETTLE_NS)));
    if (samples.value[0] != 0)
        print_samples(benchmark, &samples);
    else
        say_no_meters(benchmark);
}

void measure_round_10(const struct benchmark *benchmark)
{
    measure_crowd(benchmark, 10, kernel_part);
}

void measure_round_100(const struct benchmark *benchmark)
{
    measure_crowd(benchmark, 100, kernel_part);
}

void measure_round_1000(const struct benchmark *benchmark)
{
    measure_crowd(benchmark, 1000, kernel_part);
}

void measure_replenish_10(const struct benchmark *benchmark)
{
    measure_crowd(benchmark, 10, longest_event);
}

void measure_replenish_100(const struct benchmark *benchmark)
{
    measure_crowd(benchmark, 100, longest_event);
}

void measure_replenish_1000(const struct benchmark *benchmark)
{
    measure_crowd(benchmark, 1000, longest_event);
}
