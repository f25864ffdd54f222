/* SPDX-License-Identifier: MIT */
/*
 * The kernel knows what is mapped; the library keeps no list. It proposes ever higher addresses from a cursor that
 * several threads may advance, starts again at the bottom when it has reached the top, and lets the kernel refuse
 * what is taken.
 */
#include <winkle/pages.h>

#include <winkle/capability.h>
#include <winkle/memory.h>
#include <winkle/process.h>
#include <winkle/start.h>

#define CHOSEN_FIRST ((uint64_t)bounds[0])
#define CHOSEN_END ((uint64_t)bounds[1])
#define ATTEMPTS 64

/* The linker script's: the addresses between which mappings are to lie. They are farther from the code than an instruction
 * reaches, so they are read from memory. */
extern const char wk_map_first[], wk_map_end[];
static const char *const volatile bounds[] = {wk_map_first, wk_map_end};

static uint64_t cursor;

/* Reserves nothing: proposes. 0 if the range is too large. */
static uint64_t propose(uint64_t pages)
{
    const uint64_t bytes = (pages + 1) * WK_PAGE_BYTES;
    uint64_t address;

    if (pages >= (CHOSEN_END - CHOSEN_FIRST) / WK_PAGE_BYTES)
        return 0;
    for (;;) {
        address = CHOSEN_FIRST + __atomic_fetch_add(&cursor, bytes, __ATOMIC_RELAXED);
        if (address < CHOSEN_END && bytes <= CHOSEN_END - address)
            return address;
        __atomic_store_n(&cursor, 0, __ATOMIC_RELAXED);
    }
}

enum wk_status wk_map(wk_handle memory, uint64_t offset_pages, uint64_t pages, uint64_t protection, void **address)
{
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        const uint64_t proposed = propose(pages);
        enum wk_status status;

        if (proposed == 0)
            break;
        status = wk_memory_map(memory, wk_self.process, proposed, offset_pages, pages, protection);
        if (status == WK_ALREADY_MAPPED)
            continue;
        *address = (void *)proposed;
        return status;
    }
    return WK_NO_MEMORY;
}

enum wk_status wk_unmap(const void *address, uint64_t pages)
{
    return wk_process_unmap(wk_self.process, (uint64_t)address, pages);
}

static enum wk_status map_new(wk_handle bank, uint64_t pages, uint64_t options, wk_handle *memory, void **address)
{
    enum wk_status status = wk_memory_create(bank, pages, options, memory);

    if (status != WK_OK)
        return status;
    status = wk_map(*memory, 0, pages, WK_READ_WRITE, address);
    if (status != WK_OK)
        wk_capability_delete(*memory);
    return status;
}

enum wk_status wk_map_new(uint64_t pages, uint64_t options, wk_handle *memory, void **address)
{
    return map_new(wk_self.bank, pages, options, memory, address);
}

enum wk_status wk_map_new_at(enum wk_place place, uint64_t pages, wk_handle *memory, void **address,
                             enum wk_bank_kind *got)
{
    const wk_handle tim = wk_named_handle("tim");
    enum wk_status status = tim == 0 ? WK_NO_MEMORY : WK_OK;

    *got = WK_BANK_KIND_TIM;
    if (place != WK_PLACE_RAM && status == WK_OK)
        status = map_new(tim, pages, 0, memory, address);
    if (place == WK_PLACE_TIM || (place == WK_PLACE_TIM_ELSE_RAM && status != WK_NO_MEMORY))
        return status;
    *got = WK_BANK_KIND_RAM;
    return map_new(wk_self.bank, pages, 0, memory, address);
}

void wk_unmap_delete(wk_handle memory, const void *address, uint64_t pages)
{
    wk_unmap(address, pages);
    wk_capability_delete(memory);
}
