/* SPDX-License-Identifier: MIT */
/* What is special to machines that the device tree names and does not describe in full: tightly-integrated memory. */
#ifndef MACHINE_KNOWN_H
#define MACHINE_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

/* A level-2 cache with ways that are memory (LIM, loosely-integrated memory) until firmware makes them cache. */
struct known_cache {
    uint64_t controller; /* physical address of its registers; 0: there is no such cache, or its memory is firmware's */
    uint64_t memory;     /* where the memory begins; ways become cache from its end on */
    uint64_t memory_bytes_max; /* the addresses kept for it */
    uint64_t way_bytes;
    uint32_t ways;
};

struct known_machine {
    const char *compatible; /* of the device tree's root */
    struct known_cache cache;
    uint64_t cache_attributes; /* flags wk_memory_attributes of the cache's memory, */
    uint64_t sram_attributes;  /* and of memory whose nodes are compatible with mmio-sram, */
    bool has_sram;             /* if that is given away */
};

/* NULL if it is none of these. */
const struct known_machine *known_machine_find(const char *compatible);
/* How much of the cache is memory. `registers` are the controller's. */
uint64_t known_cache_memory_bytes(const struct known_cache *cache, const volatile uint32_t *registers);

#endif
