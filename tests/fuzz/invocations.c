/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes sequences of invocations: each input is the choices of one world (tests/host/world.h). WINKLE_FUZZ_HARTS says
 * how many harts the machine has; it is booted once, and each world must leave it as it found it.
 */
#include "harness.h"
#include "world.h"

#include <stdlib.h>

#define ACTS_MAX 1000

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    const char *wanted = getenv("WINKLE_FUZZ_HARTS");
    const unsigned machine_harts = wanted == NULL ? 1 : (unsigned)atoi(wanted);

    (void)count;
    (void)arguments;
    machine_start(&(struct host_machine){.harts = machine_harts, .asid_bits = machine_harts % 2 == 0 ? 2 : 8});
    world_prepare();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct choices choices = {.data = data, .bytes = bytes};

    world_run(&choices, ACTS_MAX);
    return 0;
}
