/* SPDX-License-Identifier: MIT */
/*
 * From a machine whose memory and harts are known to the first process: the pool of frames, the first bank, the reapers,
 * then a process with the capabilities and memories that interfaces/winkle/boot.h promises. Runs on the boot hart, before
 * any other hart enters the kernel's loop; the lock is held as the objects require it.
 */
#include "assert.h"
#include "bank.h"
#include "budget.h"
#include "boot.h"
#include "capability.h"
#include "console.h"
#include "handlers.h"
#include "invoke.h"
#include "lock.h"
#include "machine.h"
#include "memory.h"
#include "process.h"
#include "string.h"
#include "thread.h"
#include "trace.h"

#include <winkle/boot.h>

/* Above programs, and in their class of deadlines. */
#define FIRST_PRIORITY 127
#define RIGHTS_READ_ONLY ((uint16_t)(WK_RIGHTS_ALL & ~(unsigned)(WK_MEMORY_RIGHT_WRITE | WK_MEMORY_RIGHT_EXECUTE)))
/* What the archive has may be executed where it lies. */
#define RIGHTS_ARCHIVE ((uint16_t)(WK_RIGHTS_ALL & ~(unsigned)WK_MEMORY_RIGHT_WRITE))

struct boot_information boot_information;

static uint64_t range_end(const struct boot_range *range)
{
    return range->start.address + range->bytes;
}

/* The reserved range that ends last among those that overlap [start, start + bytes), or NULL. */
static const struct boot_range *overlapping(uint64_t start, uint64_t bytes)
{
    const struct boot_range *last = NULL;

    for (unsigned i = 0; i < boot_information.reserved_count; i++) {
        const struct boot_range *range = &boot_information.reserved[i];

        if (range->start.address < start + bytes && range_end(range) > start &&
            (last == NULL || range_end(range) > range_end(last)))
            last = range;
    }
    return last;
}

/* Reserves the first free part of RAM that is large enough. */
static void *reserve(uint64_t bytes)
{
    const struct boot_range *obstacle;
    uint64_t start = boot_information.ram.start.address;

    while ((obstacle = overlapping(start, bytes)) != NULL)
        start = (range_end(obstacle) + WK_PAGE_BYTES - 1) & ~(uint64_t)(WK_PAGE_BYTES - 1);
    if (start + bytes > range_end(&boot_information.ram) || boot_information.reserved_count == BOOT_RANGES_MAX)
        panic("the machine has too little memory");
    boot_information.reserved[boot_information.reserved_count++] =
        (struct boot_range){{start}, (bytes + WK_PAGE_BYTES - 1) & ~(uint64_t)(WK_PAGE_BYTES - 1)};
    return arch_pointer((struct physical){start});
}

/* Gives the pool what is not reserved: the gaps, from the lowest address on. */
static void add_free_ram(void)
{
    uint64_t start = boot_information.ram.start.address;
    const uint64_t end = range_end(&boot_information.ram);

    while (start < end) {
        const struct boot_range *in_the_way = overlapping(start, 1);
        uint64_t stop = end;

        if (in_the_way != NULL) {
            start = range_end(in_the_way);
            continue;
        }
        for (unsigned i = 0; i < boot_information.reserved_count; i++) {
            const uint64_t other = boot_information.reserved[i].start.address;

            if (other > start && other < stop)
                stop = other;
        }
        frame_add_free((struct physical){start}, stop - start);
        start = stop;
    }
}

/* Between steps of booting: the stock is filled without the lock. */
static void refill(void)
{
    kernel_lock_release();
    while (!frame_stock_is_full(hart_current()))
        frame_stock_add(hart_current());
    kernel_lock_acquire();
}

static struct capability *give_first(struct process *process, struct object *object, uint16_t rights)
{
    enum wk_status status;

    do {
        refill();
        status = capability_reserve(&process->table, process);
    } while (status == WK_AGAIN);
    if (object == NULL || status != WK_OK)
        panic("the machine has too little memory");
    return capability_make(process, object, rights, NULL);
}

/* Fills pages of a memory object from the kernel's image. */
static void fill(struct memory *memory, uint64_t page, const char *from, uint64_t bytes)
{
    struct frame *frame;

    for (; bytes != 0; page++) {
        const uint64_t part = bytes < WK_PAGE_BYTES ? bytes : WK_PAGE_BYTES;

        refill();
        frame = memory_make_present(memory, page);
        if (frame == NULL)
            panic("the machine has too little memory");
        arch_bytes_copy(frame_pointer(frame), from, part);
        from += part;
        bytes -= part;
    }
}

/* Maps by the operation itself. Nothing is entered yet: the pages come by faults. */
static void map(struct thread *thread, struct capability *memory, struct capability *process, uint64_t address,
                uint64_t offset_pages, uint64_t pages, uint64_t protection)
{
    struct invocation invocation = {.thread = thread, .process = thread->process, .capability = memory};
    const struct wk_memory_map_in in = {
        .process = 0, .address = address, .offset_pages = offset_pages, .pages = pages, .protection = protection};

    refill();
    if (pages != 0 &&
        memory_map(&invocation, container_of(memory->object, struct memory, object), process, &in) != WK_OK)
        panic("the machine has too little memory");
    invoke_check_commit(WK_OK);
}

static void check_image(const struct wk_init_header *header)
{
    const uint64_t loaded = header->text_bytes + header->data_bytes;

    if (boot_information.init_image_bytes < sizeof(*header) || header->magic != WK_INIT_MAGIC ||
        header->text_bytes % WK_PAGE_BYTES != 0 || header->data_bytes % WK_PAGE_BYTES != 0 ||
        header->bss_bytes % WK_PAGE_BYTES != 0 || header->text_bytes == 0 || boot_information.init_image_bytes > loaded)
        panic("the first program's image is malformed");
}

static void fill_boot_page(struct memory *memory)
{
    struct wk_boot_page *page;
    struct frame *frame;

    refill();
    frame = memory_make_present(memory, 0);
    if (frame == NULL)
        panic("the machine has too little memory");
    page = frame_pointer(frame);
    page->archive_offset = boot_information.archive.start.address % WK_PAGE_BYTES;
    page->archive_bytes = boot_information.archive.bytes;
    page->device_tree_offset = boot_information.device_tree.start.address % WK_PAGE_BYTES;
    page->device_tree_bytes = boot_information.device_tree.bytes;
    page->timebase_hz = boot_information.timebase_hz;
    page->harts = hart_count;
    memcpy(page->command_line, boot_information.command_line, sizeof(page->command_line));
}

/* Memory over what the loader left in RAM, in whole pages. */
static struct object *loaded_memory(const struct boot_range *range)
{
    const uint64_t start = range->start.address & ~(uint64_t)(WK_PAGE_BYTES - 1);
    const uint64_t pages = (range_end(range) - start + WK_PAGE_BYTES - 1) / WK_PAGE_BYTES;
    struct memory *memory;

    refill();
    memory = memory_create_physical(bank_first, (struct physical){start}, pages, ARCH_LEAF_MEMORY);
    return memory == NULL ? NULL : &memory->object;
}

static struct object *loaded_memory_or(const struct boot_range *range, struct object *other)
{
    return range->bytes == 0 ? other : loaded_memory(range);
}

static void start_first_process(void)
{
    const struct wk_init_header *header = boot_information.init_image;
    const uint64_t text_pages = header->text_bytes / WK_PAGE_BYTES;
    const uint64_t data_pages = (header->data_bytes + header->bss_bytes) / WK_PAGE_BYTES;
    struct process *process = process_make(bank_first);
    struct thread *thread = process == NULL ? NULL : thread_make(process, FIRST_PRIORITY, harts[0]->whole, bank_first);
    struct memory *image = memory_make(bank_first, text_pages + data_pages, WK_MEMORY_OPTIONS_ON_DEMAND);
    struct memory *page = memory_make(bank_first, 1, 0);
    struct capability *self;
    struct capability *program;
    struct capability *boot_page;
    struct capability *archive;

    if (thread == NULL || image == NULL || page == NULL)
        panic("the machine has too little memory");
    self = give_first(process, &process->object, WK_RIGHTS_ALL);
    give_first(process, &thread->object, WK_RIGHTS_ALL);
    give_first(process, &bank_first->object, WK_RIGHTS_ALL);
    give_first(process, machine_object(), WK_RIGHTS_ALL);
    give_first(process, trace_object(), WK_RIGHTS_ALL);
    program = give_first(process, &image->object, WK_RIGHTS_ALL);
    boot_page = give_first(process, &page->object, RIGHTS_READ_ONLY);
    give_first(process, loaded_memory(&boot_information.device_tree), RIGHTS_READ_ONLY);
    give_first(process, &bank_tim->object, WK_RIGHTS_ALL);
    archive = give_first(process, loaded_memory_or(&boot_information.archive, &page->object), RIGHTS_ARCHIVE);
    for (unsigned i = 0; i < hart_count; i++)
        give_first(process, &harts[i]->whole->object, WK_RIGHTS_ALL);
    if (boot_information.archive.bytes == 0)
        capability_free(archive, &thread->operation); /* the place was kept for the budgets' sake */
    map(thread, program, self, WK_INIT_ADDRESS, 0, text_pages, WK_PROTECTION_READ | WK_PROTECTION_EXECUTE);
    map(thread, program, self, WK_INIT_ADDRESS + header->text_bytes, text_pages, data_pages,
        WK_PROTECTION_READ | WK_PROTECTION_WRITE);
    map(thread, boot_page, self, WK_BOOT_PAGE_ADDRESS, 0, 1, WK_PROTECTION_READ);
    fill(image, 0, boot_information.init_image, boot_information.init_image_bytes);
    fill_boot_page(page);
    thread_begin(thread, header->entry, 0, 0, WK_BOOT_PAGE_ADDRESS, 0);
}

void kernel_start(void)
{
    const struct boot_range *ram = &boot_information.ram;
    const struct boot_range *tim = boot_information.tim;
    unsigned tim_superframes = 0;

    check_image(boot_information.init_image);
    for (unsigned i = 0; i < boot_information.tim_count; i++)
        tim_superframes += frame_tim_superframes(tim[i].bytes);
    frame_init(ram->start, ram->bytes, tim_superframes, reserve(frame_records_bytes(ram->bytes, tim_superframes)));
    for (unsigned i = 0; i < boot_information.tim_count; i++)
        frame_add_tim(tim[i].start, tim[i].bytes);
    add_free_ram();
    kernel_lock_acquire();
    refill();
    bank_init(boot_information.tim_attributes);
    for (unsigned i = 0; i < hart_count; i++) {
        refill();
        budget_init(harts[i]);
        reaper_init(harts[i]);
    }
    refill();
    start_first_process();
    kernel_lock_release();
}
