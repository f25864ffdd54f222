/* SPDX-License-Identifier: MIT */
/*
 * The kernel's half of every address space (README.md has the map): image and what boot allocates in the 2 MiB at
 * KERNEL_BASE, page by page with the protection of each part; stacks and devices in the window behind. Nothing is both
 * writable and executable. Written at boot only, by the boot hart.
 */
#include "page_table.h"

#include "riscv.h"

struct page_table kernel_root;
static struct page_table kernel_middle; /* the GiB of image and window */
static struct page_table image_leaves;
static struct page_table window_leaves;

uint64_t kernel_satp;
static uint64_t image_start; /* the physical address of KERNEL_BASE */
static uint64_t boot_pages_next;
static uint64_t boot_pages_limit_address;
static uint64_t window_next = HARTS_MAX * STACK_STRIDE / PAGE_BYTES; /* first page of the window for devices */

struct physical image_physical(const void *pointer)
{
    return (struct physical){(uint64_t)pointer - KERNEL_BASE + image_start};
}

void *image_pointer(struct physical physical)
{
    return (void *)(physical.address - image_start + KERNEL_BASE);
}

/*
 * Called with address translation off: the address of every symbol is its physical address here, and nothing may be
 * used that holds an address since link time. Maps the image and the boot hart's stack. Returns satp.
 */
uint64_t page_tables_begin(uint64_t image)
{
    const uint64_t text_end = (uint64_t)kernel_text_end;
    const uint64_t rodata_end = (uint64_t)kernel_rodata_end;

    image_start = image;
    boot_pages_next = (uint64_t)kernel_end;
    boot_pages_limit_address = image + KERNEL_BYTES;
    *kernel_root_entry(KERNEL_BASE) = arch_entry_table((struct physical){(uint64_t)&kernel_middle});
    kernel_middle.entries[0] = arch_entry_table((struct physical){(uint64_t)&image_leaves});
    kernel_middle.entries[1] = arch_entry_table((struct physical){(uint64_t)&window_leaves});
    for (uint64_t page = image; page < boot_pages_next; page += PAGE_BYTES)
        image_leaves.entries[(page - image) / PAGE_BYTES] =
            kernel_entry_leaf(page, page < text_end     ? KERNEL_TEXT
                                    : page < rodata_end ? KERNEL_CONSTANT
                                                        : KERNEL_DATA);
    for (uint64_t page = 0; page < STACK_PAGES; page++)
        window_leaves.entries[1 + page] = kernel_entry_leaf((uint64_t)boot_stack + page * PAGE_BYTES, KERNEL_DATA);
    kernel_satp = SATP_SV39 | (uint64_t)&kernel_root / PAGE_BYTES;
    return kernel_satp;
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

void *boot_pages(uint64_t count)
{
    char *first = image_pointer(boot_pages_end());

    if (boot_pages_limit_address < boot_pages_next + count * PAGE_BYTES)
        panic("no room behind the kernel's image");
    for (uint64_t i = 0; i < count; i++, boot_pages_next += PAGE_BYTES)
        image_leaves.entries[(boot_pages_next - image_start) / PAGE_BYTES] =
            kernel_entry_leaf(boot_pages_next, KERNEL_DATA);
    arch_flush_all();
    for (uint64_t i = 0; i < count; i++)
        arch_page_zero(first + i * PAGE_BYTES);
    return first;
}

void window_map_stack(unsigned hart_index, const void *stack)
{
    uint64_t *entry = &window_leaves.entries[hart_index * STACK_STRIDE / PAGE_BYTES + 1];

    for (uint64_t page = 0; page < STACK_PAGES; page++)
        entry[page] = kernel_entry_leaf(image_physical(stack).address + page * PAGE_BYTES, KERNEL_DATA);
    arch_flush_all();
}

volatile uint32_t *window_map_device(uint64_t physical)
{
    const uint64_t page = window_next++;

    window_leaves.entries[page] = kernel_entry_leaf(physical & -PAGE_BYTES, KERNEL_DATA);
    arch_flush_all();
    return (volatile uint32_t *)(WINDOW_BASE + page * PAGE_BYTES + physical % PAGE_BYTES);
}
