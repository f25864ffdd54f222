/* SPDX-License-Identifier: MIT */
/*
 * Tightly-integrated memory: scratchpads and cache ways presented as memory. What there is, the device tree or the
 * machine's file tells; on a machine without any, RAM can stand in, for tests, as the command line's `tim=SIZE` wants it.
 */
#include "console.h"
#include "frame.h"
#include "page_table.h"
#include "riscv.h"
#include "string.h"
#include "tree_nodes.h"

#define TABLES_MAX (TIM_SUPERFRAMES_MAX + 2) /* of the direct map, behind RAM */
#define STAND_IN                                                                                                       \
    (WK_MEMORY_ATTRIBUTES_CACHED | WK_MEMORY_ATTRIBUTES_ATOMICS | WK_MEMORY_ATTRIBUTES_EXECUTABLE |                    \
     WK_MEMORY_ATTRIBUTES_STAND_IN)

static uint64_t superframes;
static uint64_t last_place; /* where the kernel sees the last region */
static uint64_t kernel_pages_most, kernel_pages_taken;

void tim_add(uint64_t start, uint64_t end, uint64_t attributes)
{
    uint64_t *all = &boot_information.tim_attributes;
    const uint64_t room = (TIM_SUPERFRAMES_MAX - superframes) * LARGE_BYTES;

    start = (start + PAGE_BYTES - 1) & -PAGE_BYTES;
    end &= -PAGE_BYTES;
    if (start >= end || boot_information.tim_count == BOOT_TIM_MAX || room == 0 ||
        range_overlaps(boot_information.tim, boot_information.tim_count, start, end))
        return;
    tree_keep(start, end);
    *all = boot_information.tim_count == 0 ? attributes : *all & attributes;
    end = end - start > room ? start + room : end;
    superframes += frame_tim_superframes(end - start);
    boot_information.tim[boot_information.tim_count++] = (struct boot_range){{start}, end - start};
}

static void add_cache_memory(const struct known_cache *cache)
{
    if (cache->controller == 0)
        return;
    tree_keep(cache->controller, cache->controller + PAGE_BYTES);
    tree_keep(cache->memory, cache->memory + cache->memory_bytes_max);
    tim_add(cache->memory, cache->memory + known_cache_memory_bytes(cache, window_map_device(cache->controller)),
            machine.known->cache_attributes);
}

static void add_stand_in(uint64_t bytes)
{
    const uint64_t pages = bytes / PAGE_BYTES;
    uint64_t start;

    if (pages == 0)
        return;
    if (boot_information.tim_count != 0 || pages + TABLES_MAX + machine.hart_count * HART_PAGES > boot_pages_left()) {
        console_print("tim: no RAM stands in: there %s\n", boot_information.tim_count != 0 ? "is some" : "is no room");
        return;
    }
    start = image_physical(boot_pages(pages)).address;
    tim_add(start, start + pages * PAGE_BYTES, STAND_IN);
}

/* Maps all of it where frame.c will look for it. */
static void map_and_tell(void)
{
    const bool is_stand_in = boot_information.tim_attributes & WK_MEMORY_ATTRIBUTES_STAND_IN;
    struct physical place = frame_tim_place(boot_information.ram.start, boot_information.ram.bytes);

    for (unsigned i = 0; i < boot_information.tim_count; i++) {
        const struct boot_range *range = &boot_information.tim[i];

        direct_map_add(place, range->start, range->bytes);
        last_place = place.address;
        place.address += frame_tim_superframes(range->bytes) * LARGE_BYTES;
        if (!console_quiet)
            console_print("tim: %lu KiB at 0x%lx%s\n", range->bytes / 1024, range->start.address,
                          is_stand_in ? ": RAM that stands in" : "");
    }
}

/* From the last region's end, so that no region comes to lie elsewhere in the direct map. */
void *tim_kernel_pages(uint64_t count, struct physical *physical)
{
    struct boot_range *last;
    void *pages;

    if (boot_information.tim_count == 0 || count > kernel_pages_most - kernel_pages_taken)
        return NULL;
    last = &boot_information.tim[boot_information.tim_count - 1];
    if (count > last->bytes / PAGE_BYTES)
        return NULL;
    kernel_pages_taken += count;
    last->bytes -= count * PAGE_BYTES;
    physical->address = last->start.address + last->bytes;
    pages = arch_pointer((struct physical){last_place + last->bytes});
    memset(pages, 0, count * PAGE_BYTES);
    return pages;
}

void tim_tell_kernel_pages(uint64_t wanted)
{
    if (kernel_pages_most != 0 && (!console_quiet || kernel_pages_taken == 0))
        console_print("kernel-tim: holds %lu of the %lu KiB that harts take\n", kernel_pages_taken * PAGE_BYTES / 1024,
                      wanted * PAGE_BYTES / 1024);
}

void tim_init(uint64_t stand_in_bytes, uint64_t kernel_pages)
{
    if (machine.known != NULL)
        add_cache_memory(&machine.known->cache);
    for (unsigned i = 0; i < boot_information.tim_count; i++)
        if (tree_memory_overlaps(boot_information.tim[i].start.address,
                                 boot_information.tim[i].start.address + boot_information.tim[i].bytes))
            panic("the device tree has RAM where tightly-integrated memory is");
    add_stand_in(stand_in_bytes);
    map_and_tell();
    kernel_pages_most = kernel_pages;
}
