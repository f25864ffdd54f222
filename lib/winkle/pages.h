/* SPDX-License-Identifier: MIT */
/* Memory objects in the program's own address space. */
#ifndef WINKLE_PAGES_H
#define WINKLE_PAGES_H

#include <winkle/abi.h>

#define WK_READ_WRITE (WK_PROTECTION_READ | WK_PROTECTION_WRITE)

/* Whole pages that hold `bytes`. */
static inline uint64_t wk_pages(uint64_t bytes)
{
    return bytes / WK_PAGE_BYTES + (bytes % WK_PAGE_BYTES != 0);
}

/* Maps pages of a memory object at an address that the library chooses; the page below and the one above it stay
 * unmapped, so that running over an end faults. Errors as `memory: map`; WK_NO_MEMORY also if no free range was found
 * in 64 attempts. Blocks until the pages are entered. */
enum wk_status wk_map(wk_handle memory, uint64_t offset_pages, uint64_t pages, uint64_t protection, void **address);
/* Undoes wk_map. */
enum wk_status wk_unmap(const void *address, uint64_t pages);

/* Makes a memory object of the program's own bank, and maps it to read and write. Options as `memory: create`. */
enum wk_status wk_map_new(uint64_t pages, uint64_t options, wk_handle *memory, void **address);
/* As wk_map_new, eager, where the caller says: in RAM; in tightly-integrated memory of the bank that the program was given
 * under the name "tim", which is WK_NO_MEMORY if it was given none; or there if it can be, else in RAM. `*got` is where. */
enum wk_place { WK_PLACE_RAM, WK_PLACE_TIM, WK_PLACE_TIM_ELSE_RAM };
enum wk_status wk_map_new_at(enum wk_place place, uint64_t pages, wk_handle *memory, void **address,
                             enum wk_bank_kind *got);
/* Undoes wk_map_new and wk_map_new_at. */
void wk_unmap_delete(wk_handle memory, const void *address, uint64_t pages);

#endif
