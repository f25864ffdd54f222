/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes sequences of invocations: each input is the choices of one world (tests/host/world.h). WINKLE_FUZZ_HARTS says
 * how many harts the machine has; it is booted once, and each world must leave it as it found it. What fails is told by
 * `random_test -f FILE [HARTS]`.
 */
#include "harness.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void tell(void)
{
    fprintf(stderr, "stat::invocations: %lu\n", (unsigned long)world_invocations);
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    const char *wanted = getenv("WINKLE_FUZZ_HARTS");
    const unsigned machine_harts = wanted == NULL ? 1 : (unsigned)atoi(wanted);

    (void)count;
    (void)arguments;
    machine_start(&(struct host_machine){.harts = machine_harts, .asid_bits = machine_harts % 2 == 0 ? 2 : 8});
    world_prepare();
    atexit(tell);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct choices choices = {.data = data, .bytes = bytes};

    world_run(&choices, FUZZ_ACTS);
    return 0;
}
