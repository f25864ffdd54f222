/* SPDX-License-Identifier: MIT */
/* What Winkle's operations cost. `bench` measures all, `bench NAME...` those. Run it by `./winkle bench`. */
#include "bench.h"

#include <winkle/clock.h>
#include <winkle/print.h>
#include <winkle/start.h>
#include <winkle/text.h>

static const struct benchmark benchmarks[] = {
    {"null-invocation", 100, measure_null_invocation},
    {"foreign-call", 160, measure_foreign_call},
    {"demand-fault", 1000, measure_demand_fault},
    {"map-unmap", 700, measure_map_unmap},
    {"capability-lend-delete", 300, measure_lend_delete},
    {"thread-create-destroy", NO_LIMIT, measure_thread},
    {"process-create-destroy", NO_LIMIT, measure_process},
    {"interrupts-off", 2000, measure_interrupts_off},
    {"lock-hold", 700, measure_lock_hold},
    {"boot", 600000, measure_boot},
};
#define BENCHMARKS (sizeof(benchmarks) / sizeof(benchmarks[0]))

static void sort(struct samples *samples)
{
    for (unsigned i = 1; i < BATCHES; i++) {
        const uint64_t value = samples->value[i];
        unsigned at = i;

        for (; at > 0 && samples->value[at - 1] > value; at--)
            samples->value[at] = samples->value[at - 1];
        samples->value[at] = value;
    }
}

void print_samples(const struct benchmark *benchmark, struct samples *samples)
{
    sort(samples);
    wk_print("bench %s instructions %lu %lu %lu ", benchmark->name, samples->value[0], samples->value[BATCHES / 2],
             samples->value[BATCHES - 1]);
    if (benchmark->limit == NO_LIMIT)
        wk_print("-\n");
    else
        wk_print("%lu\n", benchmark->limit);
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

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (find(argv[i]) == NULL) {
            wk_print("bench: there is no benchmark '%s'; there are:", argv[i]);
            for (unsigned j = 0; j < BENCHMARKS; j++)
                wk_print(" %s", benchmarks[j].name);
            wk_print("\n");
            return 2;
        }
    }
    for (int i = 1; i < argc; i++)
        find(argv[i])->measure(find(argv[i]));
    for (unsigned i = 0; argc == 1 && i < BENCHMARKS; i++)
        benchmarks[i].measure(&benchmarks[i]);
    return 0;
}
