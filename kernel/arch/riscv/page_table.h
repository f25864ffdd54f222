/* SPDX-License-Identifier: MIT */
/* The kernel's own page tables, at boot. */
#ifndef PAGE_TABLE_H
#define PAGE_TABLE_H

#include "arch/arch.h"

#define TABLE_ENTRIES 512
#define LARGE_BYTES (TABLE_ENTRIES * PAGE_BYTES)
#define GIANT_BYTES (TABLE_ENTRIES * LARGE_BYTES)
#define DIRECT_MAP_BYTES (DIRECT_MAP_END - DIRECT_MAP)

#define KERNEL_LEAF (ENTRY_VALID | ENTRY_GLOBAL | ENTRY_ACCESSED | ENTRY_DIRTY)
#define KERNEL_TEXT (KERNEL_LEAF | ENTRY_READ | ENTRY_EXECUTE)
#define KERNEL_CONSTANT (KERNEL_LEAF | ENTRY_READ)
#define KERNEL_DATA (KERNEL_LEAF | ENTRY_READ | ENTRY_WRITE)

struct page_table {
    _Alignas(4096) uint64_t entries[TABLE_ENTRIES];
};

/* The root table that the kernel boots with; every address space's kernel half is like it. */
extern struct page_table kernel_root;
/* satp for it. */
extern uint64_t kernel_satp;

static inline uint64_t kernel_entry_leaf(uint64_t physical, uint64_t bits)
{
    return physical >> ARCH_ENTRY_ADDRESS_SHIFT | bits;
}

static inline uint64_t *kernel_root_entry(uint64_t address)
{
    return &kernel_root.entries[address / GIANT_BYTES % TABLE_ENTRIES];
}

/* To be called first when address translation is on; `image` is the image's physical address. */
void page_tables_go_on(uint64_t image);

/* The physical address of what lies in the kernel's image or in boot_pages, and back. */
struct physical image_physical(const void *pointer);
void *image_pointer(struct physical physical);

/* Zeroed pages behind the kernel's image; they stay taken. They end before `end`. */
void *boot_pages(uint64_t count);
void boot_pages_limit(struct physical end);
struct physical boot_pages_end(void);
uint64_t boot_pages_left(void);

/* The stack that ends at STACK_END(index). */
void window_map_stack(unsigned index, struct physical stack);
/* One page of a device's registers. */
volatile uint32_t *window_map_device(uint64_t physical);

/* Maps [start, start + bytes) roughly, until direct_map_finish: to read the device tree. */
void direct_map_begin(struct physical start, uint64_t bytes);
/* Maps boot_information.ram for good. */
void direct_map_finish(void);
/* Maps other memory behind it, in pages: where the direct map would have `place`. */
void direct_map_add(struct physical place, struct physical memory, uint64_t bytes);

#endif
