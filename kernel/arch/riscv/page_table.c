/* SPDX-License-Identifier: MIT */
/*
 * The kernel's half of every address space (README.md has the map): image and what boot allocates in the 2 MiB at
 * KERNEL_BASE, page by page with the protection of each part; stacks and devices in the window before them. Nothing is
 * both writable and executable. Written at boot only, by the boot hart.
 *
 * The image, and what boot allocates behind it, is in one piece in memory, but not by address: where the last address is
 * reached, it goes on at KERNEL_BASE.
 */
#include "page_table.h"

#include "riscv.h"

struct page_table kernel_root;
static struct page_table kernel_middle; /* the GiB of image and window */
static struct page_table image_leaves;
static struct page_table window_leaves;

uint64_t kernel_satp;
static uint64_t image_start; /* the image's physical address */
static uint64_t boot_pages_next;
static uint64_t boot_pages_limit_address;
static uint64_t window_next = STACKS * STACK_STRIDE / PAGE_BYTES; /* first page of the window for devices */

/* Where something of the image is while address translation is off. */
static void *at(uint64_t image, const void *pointer)
{
    return (void *)(image + ((uint64_t)pointer - (uint64_t)image_header) % KERNEL_BYTES);
}

struct physical image_physical(const void *pointer)
{
    return (struct physical){(uint64_t)at(image_start, pointer)};
}

void *image_pointer(struct physical physical)
{
    return (void *)(KERNEL_BASE + (physical.address - image_start + (uint64_t)image_header) % KERNEL_BYTES);
}

static uint64_t image_leaf_index(uint64_t offset)
{
    return ((uint64_t)image_header + offset) / PAGE_BYTES % TABLE_ENTRIES;
}

/* Called with address translation off: nothing is at its symbol's address. Maps the image and the boot hart's stack.
 * Returns satp. */
uint64_t page_tables_begin(uint64_t image)
{
    const uint64_t text_bytes = (uint64_t)(kernel_text_end - image_header);
    const uint64_t constant_bytes = (uint64_t)(kernel_rodata_end - image_header);
    struct page_table *root = at(image, &kernel_root);
    struct page_table *middle = at(image, &kernel_middle);
    struct page_table *leaves = at(image, &image_leaves);
    struct page_table *window = at(image, &window_leaves);

    root->entries[KERNEL_BASE / GIANT_BYTES % TABLE_ENTRIES] = arch_entry_table((struct physical){(uint64_t)middle});
    middle->entries[KERNEL_BASE / LARGE_BYTES % TABLE_ENTRIES] = arch_entry_table((struct physical){(uint64_t)leaves});
    middle->entries[WINDOW_BASE / LARGE_BYTES % TABLE_ENTRIES] = arch_entry_table((struct physical){(uint64_t)window});
    for (uint64_t offset = 0; offset < (uint64_t)kernel_memory_bytes; offset += PAGE_BYTES)
        leaves->entries[image_leaf_index(offset)] =
            kernel_entry_leaf(image + offset, offset < text_bytes       ? KERNEL_TEXT
                                              : offset < constant_bytes ? KERNEL_CONSTANT
                                                                        : KERNEL_DATA);
    for (uint64_t page = 0; page < STACK_PAGES; page++)
        window->entries[1 + page] = kernel_entry_leaf((uint64_t)at(image, boot_stack) + page * PAGE_BYTES, KERNEL_DATA);
    return SATP_SV39 | (uint64_t)root / PAGE_BYTES;
}

void page_tables_go_on(uint64_t image)
{
    image_start = image;
    boot_pages_next = image + (uint64_t)kernel_memory_bytes;
    boot_pages_limit_address = image + KERNEL_BYTES;
    kernel_satp = SATP_SV39 | image_physical(&kernel_root).address / PAGE_BYTES;
}

void boot_pages_limit(struct physical end)
{
    if (end.address < boot_pages_limit_address)
        boot_pages_limit_address = end.address;
}

struct physical boot_pages_end(void)
{
    return (struct physical){boot_pages_next};
}

uint64_t boot_pages_left(void)
{
    return (boot_pages_limit_address - boot_pages_next) / PAGE_BYTES;
}

void *boot_pages(uint64_t count)
{
    char *first = image_pointer(boot_pages_end());

    if (count > boot_pages_left())
        panic("no room behind the kernel's image");
    for (uint64_t i = 0; i < count; i++, boot_pages_next += PAGE_BYTES)
        image_leaves.entries[image_leaf_index(boot_pages_next - image_start)] =
            kernel_entry_leaf(boot_pages_next, KERNEL_DATA);
    arch_flush_all();
    for (uint64_t i = 0; i < count; i++)
        arch_page_zero(first + i * PAGE_BYTES);
    return first;
}

void window_map_stack(unsigned index, struct physical stack)
{
    uint64_t *entry = &window_leaves.entries[index * STACK_STRIDE / PAGE_BYTES + 1];

    for (uint64_t page = 0; page < STACK_PAGES; page++)
        entry[page] = kernel_entry_leaf(stack.address + page * PAGE_BYTES, KERNEL_DATA);
    arch_flush_all();
}

volatile uint32_t *window_map_device(uint64_t physical)
{
    const uint64_t page = window_next++;

    window_leaves.entries[page] = kernel_entry_leaf(physical & -PAGE_BYTES, KERNEL_DATA);
    arch_flush_all();
    return (volatile uint32_t *)(WINDOW_BASE + page * PAGE_BYTES + physical % PAGE_BYTES);
}
