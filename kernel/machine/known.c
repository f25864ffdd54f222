/* SPDX-License-Identifier: MIT */
#include "known.h"

#include "string.h"

#include <winkle/abi.h>

#define WAY_ENABLE 2 /* the register's word: the number of the last way that is cache (FU540-C000 manual, 11.4.2) */

static const struct known_machine machines[] = {
    /*
     * HiFive Unleashed, and QEMU's sifive_u, whose cache controller reads as 0: all ways but the first are memory. That is
     * not cached by the harts (FU540-C000 manual, chapter 5), and atomic instructions are not relied upon.
     */
    {
        .compatible = "sifive,hifive-unleashed-a00",
        .cache = {.controller = 0x2010000,
                  .memory = 0x8000000,
                  .memory_bytes_max = 0x2000000,
                  .way_bytes = 0x20000,
                  .ways = 16},
        .cache_attributes = WK_MEMORY_ATTRIBUTES_EXECUTABLE,
    },
    /*
     * PolarFire SoC Icicle Kit. Its firmware (HSS) lives in the same cache's memory, so only what the boot loader's tree
     * gives away by nodes is taken; such memory is not cached, and has no atomic instructions.
     */
    {
        .compatible = "microchip,mpfs-icicle-kit",
        .has_sram = true,
    },
};

const struct known_machine *known_machine_find(const char *compatible)
{
    for (unsigned i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
        if (strcmp(machines[i].compatible, compatible) == 0)
            return &machines[i];
    return NULL;
}

uint64_t known_cache_memory_bytes(const struct known_cache *cache, const volatile uint32_t *registers)
{
    const uint32_t last = registers[WAY_ENABLE];

    return last < cache->ways ? (cache->ways - 1 - last) * cache->way_bytes : 0;
}
