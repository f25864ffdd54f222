/* SPDX-License-Identifier: MIT */
/*
 * Random programs, each with a seed of its own: see world.h. With arguments `FIRST COUNT [HARTS]` it runs those seeds in
 * this process; with `-v SEED [HARTS]` one of them, saying what is done.
 */
#include "harness.h"
#include "world.h"

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

static int run_by_hand(int count, char **arguments)
{
    const bool loud = strcmp(arguments[1], "-v") == 0;
    const uint64_t first = strtoull(arguments[1 + loud], NULL, 0);
    const unsigned hart_number = count > 3 ? (unsigned)atoi(arguments[3]) : 1;
    const struct host_machine machine = {
        .harts = hart_number, .asid_bits = hart_number == 2 ? 2 : 8, .seed = hart_number > 1};

    world_is_loud = loud;
    harness_collects_statuses = true;
    machine_start(&machine);
    world_prepare();
    for (uint64_t seed = first; seed < first + (loud ? 1 : strtoull(arguments[2], NULL, 0)); seed++) {
        fprintf(stderr, "\rseed %lu, %lu invocations ", (unsigned long)seed, (unsigned long)world_invocations);
        run_seed(seed);
    }
    fprintf(stderr, "done\n");
    return 0;
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
