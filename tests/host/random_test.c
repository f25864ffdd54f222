/* SPDX-License-Identifier: MIT */
/*
 * Random programs, each with a seed of its own: see world.h. With arguments `FIRST COUNT [HARTS]` it runs those seeds in
 * this process; with `-v SEED [HARTS]` one of them, saying what is done; with `-f FILE [HARTS]` an input of the fuzzer.
 */
#include "harness.h"
#include "world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACTS 300

static void run_seed(uint64_t seed)
{
    struct choices choices = {.seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};

    world_run(&choices, ACTS);
}

static void run_seeds(const struct host_machine *machine, uint64_t first, uint64_t count)
{
    machine_start(machine);
    world_prepare();
    for (uint64_t seed = first; seed < first + count; seed++)
        run_seed(seed);
}

static void one_hart(void **state)
{
    (void)state;
    run_seeds(&(struct host_machine){.asid_bits = 8}, 1, 60);
}

static void one_hart_without_address_space_identifiers(void **state)
{
    (void)state;
    run_seeds(&(struct host_machine){.asid_bits = 0}, 1000, 60);
}

static void two_harts(void **state)
{
    (void)state;
    run_seeds(&(struct host_machine){.harts = 2, .asid_bits = 2, .seed = 1}, 2000, 60);
}

static void four_harts(void **state)
{
    (void)state;
    run_seeds(&(struct host_machine){.harts = 4, .asid_bits = 16, .seed = 2}, 3000, 60);
}

/* ---- by hand ---- */

static int argument_count;
static char **argument_values;

static uint64_t argument(int number, uint64_t otherwise)
{
    return number < argument_count ? strtoull(argument_values[number], NULL, 0) : otherwise;
}

static uint64_t last_seed;

/* However it ends, who looks for the reason wants to know where. */
static void tell_last_seed(void)
{
    fprintf(stderr, "last seed %lu, %lu invocations\n", (unsigned long)last_seed, (unsigned long)world_invocations);
}

static void on_abort(int number)
{
    (void)number;
    tell_last_seed();
}

static void boot_by_hand(uint64_t hart_number)
{
    harness_collects_statuses = true;
    machine_start(&(struct host_machine){
        .harts = (unsigned)hart_number, .asid_bits = hart_number % 2 == 0 ? 2 : 8, .seed = hart_number > 1});
    world_prepare();
}

static void seeds_by_hand(void **state)
{
    const uint64_t first = argument(1, 1);

    (void)state;
    atexit(tell_last_seed);
    signal(SIGABRT, on_abort);
    boot_by_hand(argument(3, 1));
    for (uint64_t seed = first; seed < first + argument(2, 1); seed++) {
        if ((seed - first) % 100 == 0)
            fprintf(stderr, "seed %lu, %lu invocations\n", (unsigned long)seed, (unsigned long)world_invocations);
        last_seed = seed;
        run_seed(seed);
    }
}

static void seed_aloud(void **state)
{
    (void)state;
    world_is_loud = true;
    boot_by_hand(argument(3, 1));
    run_seed(argument(2, 1));
}

static void fuzzers_input_aloud(void **state)
{
    static uint8_t data[1 << 20];
    FILE *file = fopen(argument_values[2], "rb");
    struct choices choices = {.data = data};

    (void)state;
    assert_non_null(file);
    choices.bytes = fread(data, 1, sizeof(data), file);
    fclose(file);
    world_is_loud = true;
    boot_by_hand(argument(3, 1));
    world_run(&choices, FUZZ_ACTS);
}

static int run_by_hand(int count, char **arguments)
{
    const struct CMUnitTest seeds[] = {cmocka_unit_test(seeds_by_hand)};
    const struct CMUnitTest seed[] = {cmocka_unit_test(seed_aloud)};
    const struct CMUnitTest input[] = {cmocka_unit_test(fuzzers_input_aloud)};

    argument_count = count;
    argument_values = arguments;
    if (strcmp(arguments[1], "-v") == 0)
        return cmocka_run_group_tests(seed, NULL, NULL);
    if (strcmp(arguments[1], "-f") == 0)
        return cmocka_run_group_tests(input, NULL, NULL);
    return cmocka_run_group_tests(seeds, NULL, NULL);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_hart),
        cmocka_unit_test(one_hart_without_address_space_identifiers),
        cmocka_unit_test(two_harts),
        cmocka_unit_test(four_harts),
    };

    if (count >= 3)
        return run_by_hand(count, arguments);
    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
