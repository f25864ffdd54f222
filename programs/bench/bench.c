/* SPDX-License-Identifier: MIT */
/* What Winkle's operations cost. `bench` measures all, `bench NAME...` those; `bench --full` takes the
 * time that it needs. Run it by `./winkle bench`. */
#include "bench.h"
#include "neighbours.h"
#include "partner.h"

#include <winkle/clock.h>
#include <winkle/print.h>
#include <winkle/start.h>
#include <winkle/text.h>

/* Limits guard what has been reached. Where that is not what is owed, tools/bench.py knows the aim. */
static const struct benchmark benchmarks[] = {
    {"null-invocation", 100, measure_null_invocation},
    {"foreign-call", 160, measure_foreign_call},
    {"call-reply", 220, measure_call_reply},
    {"call-reply-lend", 900, measure_call_reply_lend},
    {"call-reply-slow", 560, measure_call_reply_slow},
    {"fault-handler", 500, measure_fault_handler},
    {"signal", 80, measure_signal},
    {"signal-switch", 220, measure_signal_switch},
    {"signal-switch-promised", 220, measure_signal_switch_promised},
    {"yield-switch", 200, measure_yield_switch},
    {"timer-to-user", 320, measure_timer_to_user},
    {"irq-to-user", 320, measure_irq_to_user},
    {"budget-replenish-10", 250, measure_replenish_10},
    {"budget-replenish-100", 250, measure_replenish_100},
    {"budget-replenish-1000", 250, measure_replenish_1000},
    {"budget-round-10", 2900, measure_round_10},
    {"budget-round-100", 2900, measure_round_100},
    {"budget-round-1000", 2900, measure_round_1000},
    {"wakeup-idle", 500, measure_wakeup_idle},
    {"wakeup-load", 4000, measure_wakeup_load},
    {"wakeup-load-harts", NO_LIMIT, measure_wakeup_load_harts},
    {"ring-noop-1", 260, measure_ring_noop_1},
    {"ring-noop-32", 70, measure_ring_noop_32},
    {"ring-check-32", NO_LIMIT, measure_ring_check_32},
    {"ring-call-32", 240, measure_ring_call_32},
    {"ring-poll-user", 25, measure_ring_poll_user},
    {"demand-fault", 1000, measure_demand_fault},
    {"map-unmap", 700, measure_map_unmap},
    {"capability-lend-delete", 300, measure_lend_delete},
    {"mailbox", 600, measure_mailbox},
    {"mailbox-lend", NO_LIMIT, measure_mailbox_lend},
    {"thread-create-destroy", NO_LIMIT, measure_thread},
    {"process-create-destroy", NO_LIMIT, measure_process},
    {"channel-message", 45, measure_channel_message},
    {"channel-message-single", 90, measure_channel_message_single},
    {"channel-pingpong", 700, measure_channel_pingpong},
    {"throughput-message", NO_LIMIT, measure_throughput_message},
    {"throughput-bulk", NO_LIMIT, measure_throughput_bulk},
    {"interrupts-off", 2000, measure_interrupts_off},
    {"lock-hold", 775, measure_lock_hold},
    {"boot", 600000, measure_boot},
};
#define BENCHMARKS (sizeof(benchmarks) / sizeof(benchmarks[0]))

#define HISTOGRAM_STEP 100
#define FULL "--full"

bool is_full_measurement;

/* The parts that partners play. */
static const struct {
    const char *name;
    void (*play)(void);
} parts[] = {
    {"server", play_server},
    {"borrower", play_borrower},
    {"waiter", play_waiter},
    {"yielder", play_yielder},
    {"stamper", play_stamper},
    {"handler", play_handler},
    {"crowd", play_crowd},
    {"caller", play_caller},
    {"mapper", play_mapper},
    {"revoker", play_revoker},
    {"destroyer", play_destroyer},
    {"maker", play_maker},
    {"faulter", play_faulter},
    {"timekeeper", play_timekeeper},
    {"fault-server", play_fault_server},
    {"echo", play_echo},
    {"message-sink", play_message_sink},
    {"bulk-sink", play_bulk_sink},
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

/* Shell's, with Knuth's gaps. */
static void sort(uint64_t *values, unsigned count)
{
    unsigned gap = 1;

    while (gap < count / 3)
        gap = 3 * gap + 1;
    for (; gap > 0; gap /= 3) {
        for (unsigned i = gap; i < count; i++) {
            const uint64_t value = values[i];
            unsigned at = i;

            for (; at >= gap && values[at - gap] > value; at -= gap)
                values[at] = values[at - gap];
            values[at] = value;
        }
    }
}

static void print_sorted(const struct benchmark *benchmark, const char *unit, const uint64_t *values, unsigned count)
{
    wk_print("bench %s %s %lu %lu %lu ", benchmark->name, unit, values[0], values[count / 2], values[count - 1]);
    if (benchmark->limit == NO_LIMIT)
        wk_print("-\n");
    else
        wk_print("%lu\n", benchmark->limit);
}

void print_samples(const struct benchmark *benchmark, struct samples *samples)
{
    sort(samples->value, BATCHES);
    print_sorted(benchmark, "instructions", samples->value, BATCHES);
}

void print_times(const struct benchmark *benchmark, struct samples *samples)
{
    sort(samples->value, BATCHES);
    print_sorted(benchmark, "ns", samples->value, BATCHES);
}

void print_distribution(const struct benchmark *benchmark, uint64_t *values, unsigned count)
{
    unsigned from = 0;

    sort(values, count);
    print_sorted(benchmark, "instructions", values, count);
    wk_print("bench-tail %s %lu\n", benchmark->name, values[(uint64_t)count * 999 / 1000]);
    while (from < count) {
        const uint64_t least = values[from] / HISTOGRAM_STEP * HISTOGRAM_STEP;
        unsigned to = from;

        while (to < count && values[to] < least + HISTOGRAM_STEP)
            to++;
        wk_print("bench-histogram %s %lu %u\n", benchmark->name, least, to - from);
        from = to;
    }
}

void print_figure(const struct benchmark *benchmark, uint64_t value)
{
    struct samples samples;

    for (unsigned i = 0; i < BATCHES; i++)
        samples.value[i] = value;
    print_samples(benchmark, &samples);
}

static enum wk_status nothing(void)
{
    return WK_OK;
}

/* Instructions of `count` calls. */
static uint64_t batch(const struct benchmark *benchmark, unsigned count, enum wk_status (*volatile operation)(void))
{
    const uint64_t before = wk_instructions();

    for (unsigned i = 0; i < count; i++) {
        const enum wk_status status = operation();

        if (status != WK_OK)
            wk_fail(benchmark->name, status);
    }
    return wk_instructions() - before;
}

void measure_operation(const struct benchmark *benchmark, unsigned count, enum wk_status (*operation)(void))
{
    struct samples samples;

    batch(benchmark, count, operation);
    for (unsigned i = 0; i < BATCHES; i++) {
        const uint64_t loop = batch(benchmark, count, nothing);
        const uint64_t all = batch(benchmark, count, operation);

        samples.value[i] = (all - loop) / count;
    }
    print_samples(benchmark, &samples);
}

static const struct benchmark *find(const char *name)
{
    for (unsigned i = 0; i < BENCHMARKS; i++) {
        if (strcmp(benchmarks[i].name, name) == 0)
            return &benchmarks[i];
    }
    return NULL;
}

static void play(const char *part)
{
    for (unsigned i = 0; i < PARTS; i++) {
        if (strcmp(parts[i].name, part) == 0)
            parts[i].play();
    }
    wk_fail("there is no such part, or it is over", WK_OK);
}

static bool are_known(int count, char **names)
{
    for (int i = 0; i < count; i++) {
        if (find(names[i]) == NULL) {
            wk_print("bench: there is no benchmark '%s'; there are:", names[i]);
            for (unsigned j = 0; j < BENCHMARKS; j++)
                wk_print(" %s", benchmarks[j].name);
            wk_print("\n");
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    char **names = argv + 1;
    int count = argc - 1;

    if (partner_part(argc, argv) != NULL)
        play(partner_part(argc, argv));
    if (count > 0 && strcmp(names[0], FULL) == 0) {
        is_full_measurement = true;
        names++;
        count--;
    }
    if (!are_known(count, names))
        return 2;
    for (int i = 0; i < count; i++)
        find(names[i])->measure(find(names[i]));
    for (unsigned i = 0; count == 0 && i < BENCHMARKS; i++)
        benchmarks[i].measure(&benchmarks[i]);
    return 0;
}
