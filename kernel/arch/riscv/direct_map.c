/* SPDX-License-Identifier: MIT */
/*
 * The direct map: all RAM, in pages as large as can be, never executable. What firmware forbids to map is left out; the
 * kernel's text and constants are read-only here as well.
 */
#include "page_table.h"
#include "riscv.h"

static uint64_t *root_first; /* the root entries in use */
static uint64_t *root_last;

void direct_map_begin(struct physical start, uint64_t bytes)
{
    if (start.address >= DIRECT_MAP_BYTES - bytes)
        panic("the device tree lies too high");
    for (uint64_t at = start.address & -GIANT_BYTES; at < start.address + bytes; at += GIANT_BYTES)
        *kernel_root_entry(DIRECT_MAP + at) = kernel_entry_leaf(at, KERNEL_DATA);
    arch_flush_all();
}

/* The table that `entry` leads to; made if there is none. */
static uint64_t *table_below(uint64_t *entry)
{
    if (*entry == 0)
        *entry = arch_entry_table(image_physical(boot_pages(1)));
    return image_pointer(arch_entry_physical(*entry));
}

/* Fills one table with pages of `bytes` each from `start` on, as far as the table and whole pages go. */
static uint64_t fill(uint64_t *table, uint64_t start, uint64_t end, uint64_t bytes, uint64_t bits)
{
    for (uint64_t i = start / bytes % TABLE_ENTRIES; i < TABLE_ENTRIES && end - start >= bytes; i++, start += bytes)
        table[i] = kernel_entry_leaf(start, bits);
    return start;
}

/* Enters [start, end), whole pages of which nothing is entered yet. */
static void enter(uint64_t start, uint64_t end, uint64_t bits)
{
    while (start < end) {
        uint64_t *entry = kernel_root_entry(DIRECT_MAP + start);
        uint64_t *middle;

        if (start % GIANT_BYTES == 0 && end - start >= GIANT_BYTES) {
            *entry = kernel_entry_leaf(start, bits);
            start += GIANT_BYTES;
            continue;
        }
        middle = table_below(entry);
        if (start % LARGE_BYTES == 0 && end - start >= LARGE_BYTES)
            start = fill(middle, start, end, LARGE_BYTES, bits);
        else
            start = fill(table_below(&middle[start / LARGE_BYTES % TABLE_ENTRIES]), start, end, PAGE_BYTES, bits);
    }
}

/* The lower of two ranges, of those that end behind `from`. */
static struct boot_range lower(struct boot_range known, struct boot_range range, uint64_t from)
{
    const bool is_behind = range.start.address + range.bytes > from;

    return is_behind && range.start.address < known.start.address ? range : known;
}

void direct_map_finish(void)
{
    const uint64_t start = boot_information.ram.start.address;
    const uint64_t end = start + boot_information.ram.bytes;
    const struct boot_range constants = {image_physical(image_header), (uint64_t)(kernel_rodata_end - image_header)};

    root_first = kernel_root_entry(DIRECT_MAP + start);
    root_last = kernel_root_entry(DIRECT_MAP + end - 1);
    for (uint64_t *entry = kernel_root_entry(DIRECT_MAP); entry < kernel_root_entry(DIRECT_MAP_END); entry++)
        *entry = 0;
    for (uint64_t at = start; at < end;) {
        struct boot_range hole = lower((struct boot_range){{end}, 0}, constants, at);

        for (unsigned i = 0; i < machine.unmapped_count; i++)
            hole = lower(hole, machine.unmapped[i], at);
        if (hole.start.address > at)
            enter(at, hole.start.address, KERNEL_DATA);
        at = hole.start.address + hole.bytes;
    }
    enter(constants.start.address, constants.start.address + constants.bytes, KERNEL_CONSTANT);
    arch_flush_all();
}

void direct_map_add(struct physical place, struct physical memory, uint64_t bytes)
{
    for (uint64_t at = 0; at < bytes; at += PAGE_BYTES) {
        const uint64_t address = place.address + at;
        uint64_t *middle = table_below(kernel_root_entry(DIRECT_MAP + address));
        uint64_t *leaves = table_below(&middle[address / LARGE_BYTES % TABLE_ENTRIES]);

        leaves[address / PAGE_BYTES % TABLE_ENTRIES] = kernel_entry_leaf(memory.address + at, KERNEL_DATA);
        root_last = kernel_root_entry(DIRECT_MAP + address);
    }
    arch_flush_all();
}

void arch_space_prepare(void *root_table)
{
    uint64_t *entries = root_table;
    const uint64_t *kernel_half = kernel_root.entries;

    for (uint64_t *entry = root_first; entry <= root_last; entry++)
        entries[entry - kernel_half] = *entry;
    entries[kernel_root_entry(KERNEL_BASE) - kernel_half] = *kernel_root_entry(KERNEL_BASE);
}

struct physical arch_kernel_root(void)
{
    return (struct physical){(kernel_satp & ~SATP_SV39) * PAGE_BYTES};
}
