/* SPDX-License-Identifier: MIT */
/*
 * RAM, what of it is taken, and what the boot loader says (Devicetree Specification 0.4, 3.4 to 3.6 and 5.3). The
 * kernel uses the contiguous RAM that it lies in.
 */
#include "frame.h"
#include "page_table.h"
#include "riscv.h"
#include "string.h"
#include "tree_nodes.h"

#define RAM_RANGES_MAX 16
/* Memory of kind tim follows RAM in the direct map (frame_tim_place). */
#define DIRECT_MAP_RAM_BYTES (DIRECT_MAP_BYTES - (TIM_SUPERFRAMES_MAX + 2) * LARGE_BYTES)

static struct boot_range ram[RAM_RANGES_MAX];
static unsigned ram_count;

void range_add(struct boot_range *ranges, unsigned *count, unsigned limit, uint64_t start, uint64_t end)
{
    if (start >= end)
        return;
    if (*count == limit)
        panic("too many ranges in the device tree");
    ranges[(*count)++] = (struct boot_range){{start}, end - start};
}

bool range_overlaps(const struct boot_range *ranges, unsigned count, uint64_t start, uint64_t end)
{
    for (unsigned i = 0; i < count; i++)
        if (ranges[i].start.address < end && start < ranges[i].start.address + ranges[i].bytes)
            return true;
    return false;
}

/* Enters the whole pages around [start, start + bytes). */
static void add_pages_around(struct boot_range *ranges, unsigned *count, uint64_t start, uint64_t bytes)
{
    range_add(ranges, count, BOOT_RANGES_MAX, start & -PAGE_BYTES, (start + bytes + PAGE_BYTES - 1) & -PAGE_BYTES);
}

static void reserve(uint64_t start, uint64_t bytes)
{
    add_pages_around(boot_information.reserved, &boot_information.reserved_count, start, bytes);
}

void tree_memory_node(const struct device_node *node)
{
    uint64_t start;
    uint64_t bytes;

    for (uint32_t i = 0; device_node_region(node, i, &start, &bytes); i++)
        range_add(ram, &ram_count, RAM_RANGES_MAX, (start + PAGE_BYTES - 1) & -PAGE_BYTES,
                  (start + bytes) & -PAGE_BYTES);
}

void tree_reserved_node(const struct device_node *node)
{
    uint64_t start;
    uint64_t bytes;

    for (uint32_t i = 0; node_is_okay(node) && device_node_region(node, i, &start, &bytes); i++) {
        reserve(start, bytes);
        if (node->values[PROPERTY_NO_MAP].data != NULL)
            add_pages_around(machine.unmapped, &machine.unmapped_count, start, bytes);
    }
}

static bool whole_number(struct device_value value, uint64_t *number)
{
    return device_value_number(value, 0, value.bytes / sizeof(uint32_t), number);
}

void tree_chosen_node(const struct device_node *node)
{
    const char *words = device_value_text(node->values[PROPERTY_BOOTARGS]);
    uint64_t start;
    uint64_t end;

    memcpy(boot_information.command_line, words, strnlen(words, BOOT_COMMAND_LINE_BYTES - 1));
    if (whole_number(node->values[PROPERTY_INITRD_START], &start) &&
        whole_number(node->values[PROPERTY_INITRD_END], &end) && start < end)
        boot_information.archive = (struct boot_range){{start}, end - start};
}

/* The RAM around an address, put together from ranges that touch; bytes 0 if there is none. */
static struct boot_range ram_around(uint64_t address)
{
    uint64_t start = address;
    uint64_t end = address;

    for (unsigned turn = 0; turn < ram_count; turn++)
        for (unsigned i = 0; i < ram_count; i++) {
            const uint64_t first = ram[i].start.address;
            const uint64_t last = first + ram[i].bytes;

            if (first <= end && last >= start) {
                start = first < start ? first : start;
                end = last > end ? last : end;
            }
        }
    return (struct boot_range){{start}, end - start};
}

static void choose_ram(void)
{
    const uint64_t image = image_physical(image_header).address;
    const uint64_t image_end = boot_pages_end().address;
    struct boot_range range = ram_around(image);
    uint64_t end = range.start.address + range.bytes;

    end = end < DIRECT_MAP_RAM_BYTES ? end : DIRECT_MAP_RAM_BYTES;
    if (end < image_end || range.start.address > image)
        panic("the device tree has no RAM where the kernel is");
    boot_information.ram = (struct boot_range){range.start, end - range.start.address};
    if (!range_overlaps(boot_information.reserved, boot_information.reserved_count, range.start.address, image))
        reserve(range.start.address, image - range.start.address); /* the firmware, which did not say where it is */
    boot_pages_limit((struct physical){end});
}

/* Nothing that is taken may be in the way of boot_pages. */
static void limit_boot_pages(void)
{
    const uint64_t image_end = boot_pages_end().address;

    for (unsigned i = 0; i < boot_information.reserved_count; i++) {
        const struct boot_range *range = &boot_information.reserved[i];

        if (range->start.address + range->bytes > image_end)
            boot_pages_limit(range->start);
    }
}

void tree_memory_finish(const void *tree)
{
    struct boot_range *archive = &boot_information.archive;
    uint64_t start;
    uint64_t bytes;

    for (uint32_t i = 0; device_tree_reservation(tree, i, &start, &bytes); i++)
        reserve(start, bytes);
    choose_ram();
    boot_information.device_tree = (struct boot_range){arch_physical(tree), device_tree_bytes(tree)};
    reserve(boot_information.device_tree.start.address, boot_information.device_tree.bytes);
    if (!range_overlaps(&boot_information.ram, 1, archive->start.address, archive->start.address + archive->bytes))
        archive->bytes = 0;
    if (archive->bytes != 0)
        reserve(archive->start.address, archive->bytes);
    limit_boot_pages();
}

bool tree_memory_overlaps(uint64_t start, uint64_t end)
{
    return range_overlaps(ram, ram_count, start, end);
}

uint64_t tree_memory_elsewhere(void)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < ram_count; i++)
        bytes += ram[i].bytes;
    return bytes - boot_information.ram.bytes;
}
