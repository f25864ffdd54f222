/* SPDX-License-Identifier: MIT */
/* Pages on demand, mapped and unmapped. */
#include "bench.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/start.h>

#define FAULTS 64
#define PAIRS 200

/* Instructions of a store to each of FAULTS pages. */
static uint64_t touch_pages(uint8_t *address)
{
    const uint64_t before = wk_instructions();

    for (unsigned i = 0; i < FAULTS; i++)
        *(volatile uint64_t *)(void *)(address + i * WK_PAGE_BYTES) = i;
    return wk_instructions() - before;
}

void measure_demand_fault(const struct benchmark *benchmark)
{
    struct samples samples;

    for (unsigned i = 0; i < BATCHES; i++) {
        wk_handle memory;
        void *address;
        uint64_t with_faults;
        const enum wk_status status = wk_map_new(FAULTS, WK_MEMORY_OPTIONS_ON_DEMAND, &memory, &address);

        if (status != WK_OK)
            wk_fail(benchmark->name, status);
        with_faults = touch_pages(address);
        samples.value[i] = (with_faults - touch_pages(address)) / FAULTS;
        wk_unmap_delete(memory, address, FAULTS);
    }
    print_samples(benchmark, &samples);
}

static wk_handle mapped_memory;
static uint64_t mapped_address;

static enum wk_status map_unmap(void)
{
    const enum wk_status status = wk_memory_map(mapped_memory, wk_self.process, mapped_address, 0, 1, WK_READ_WRITE);

    return status == WK_OK ? wk_process_unmap(wk_self.process, mapped_address, 1) : status;
}

void measure_map_unmap(const struct benchmark *benchmark)
{
    void *first;
    enum wk_status status = wk_map_new(1, 0, &mapped_memory, &first);

    if (status != WK_OK)
        wk_fail(benchmark->name, status);
    /* Beside a page that stays, so that no page table comes and goes with it. */
    mapped_address = (uint64_t)first + 2 * WK_PAGE_BYTES;
    measure_operation(benchmark, PAIRS, map_unmap);
    wk_unmap_delete(mapped_memory, first, 1);
}
