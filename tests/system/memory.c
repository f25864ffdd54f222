/* SPDX-License-Identifier: MIT */
/* Memory objects: on demand and eager, mapped, protected, cloned, copied, resized, released; and what the bank is
 * charged. */
#include "check.h"

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/text.h>
#include <winkle/upcalls.h>

#define PAGES 20 /* more than fit into the object itself */

/* The last fault that `probe` met. */
static volatile uint64_t fault_cause, fault_address;
static volatile bool faulted;

static bool on_fault(struct wk_frame *frame)
{
    faulted = true;
    fault_cause = frame->cause;
    fault_address = frame->detail;
    frame->pc += 4; /* the probes' instructions are not compressed */
    return true;
}

static const struct wk_upcall_handlers handlers = {.fault = on_fault};

static bool load_faults(const volatile void *address)
{
    faulted = false;
    __asm__ volatile(".option push; .option norvc; lb zero, (%0); .option pop" : : "r"(address) : "memory");
    return faulted;
}

static bool store_faults(volatile void *address)
{
    faulted = false;
    __asm__ volatile(".option push; .option norvc; sb zero, (%0); .option pop" : : "r"(address) : "memory");
    return faulted;
}

static uint64_t present(wk_handle memory)
{
    uint64_t pages, present_pages, options, mappings, identity, attributes;

    EXPECT(WK_OK, wk_memory_info(memory, &pages, &present_pages, &options, &mappings, &identity, &attributes));
    return present_pages;
}

static uint64_t size(wk_handle memory)
{
    uint64_t pages, present_pages, options, mappings, identity, attributes;

    EXPECT(WK_OK, wk_memory_info(memory, &pages, &present_pages, &options, &mappings, &identity, &attributes));
    return pages;
}

static uint64_t *word(void *address, uint64_t page)
{
    return (uint64_t *)(void *)((uint8_t *)address + page * WK_PAGE_BYTES);
}

static void *map_new(uint64_t options, wk_handle *memory)
{
    void *address;

    EXPECT(WK_OK, wk_map_new(PAGES, options, memory, &address));
    return address;
}

static void *map(wk_handle memory, uint64_t protection)
{
    void *address;

    EXPECT(WK_OK, wk_map(memory, 0, PAGES, protection, &address));
    return address;
}

static void on_demand(void)
{
    wk_handle memory;
    void *address = map_new(WK_MEMORY_OPTIONS_ON_DEMAND, &memory);

    EQUAL(0, present(memory));
    EQUAL(0, *word(address, 3));
    EQUAL(1, present(memory));
    *word(address, PAGES - 1) = 5;
    EQUAL(2, present(memory));
    EXPECT(WK_OK, wk_memory_decommit(memory, 0, PAGES));
    EQUAL(0, present(memory));
    EQUAL(0, *word(address, PAGES - 1));
    wk_unmap_delete(memory, address, PAGES);
    CHECK(load_faults(address));
    EQUAL(WK_UPCALL_CAUSE_LOAD_FAULT, fault_cause);
    EQUAL(address, fault_address);
}

static void eager(void)
{
    wk_handle memory;
    void *address = map_new(0, &memory);

    EQUAL(PAGES, present(memory));
    for (uint64_t page = 0; page < PAGES; page++)
        EQUAL(0, *word(address, page));
    wk_unmap_delete(memory, address, PAGES);
}

static void protection(void)
{
    wk_handle memory, reader;
    void *address = map_new(0, &memory);

    CHECK(!store_faults(address));
    EXPECT(WK_OK, wk_process_protect(wk_self.process, (uint64_t)address, 1, WK_PROTECTION_READ));
    CHECK(store_faults(address));
    EQUAL(WK_UPCALL_CAUSE_STORE_FAULT, fault_cause);
    CHECK(!load_faults(address));
    CHECK(!store_faults(word(address, 1)));
    EXPECT(WK_OK, wk_process_protect(wk_self.process, (uint64_t)address, PAGES, WK_READ_WRITE));
    CHECK(!store_faults(address));
    EXPECT(WK_BAD_ARGUMENT, wk_memory_map(memory, wk_self.process, 0x7000000, 0, 1, WK_PROTECTION_WRITE));
    EXPECT(WK_BAD_ARGUMENT,
           wk_memory_map(memory, wk_self.process, 0x7000000, 0, 1, WK_READ_WRITE | WK_PROTECTION_EXECUTE));
    EXPECT(WK_ALREADY_MAPPED, wk_memory_map(memory, wk_self.process, (uint64_t)address, 0, 1, WK_PROTECTION_READ));
    EXPECT(WK_OK, wk_capability_lend(memory, WK_MEMORY_RIGHT_READ, &reader));
    EXPECT(WK_NO_RIGHT, wk_memory_map(reader, wk_self.process, 0x7000000, 0, 1, WK_READ_WRITE));
    EXPECT(WK_OK, wk_memory_map(reader, wk_self.process, 0x7000000, 0, 1, WK_PROTECTION_READ));
    EXPECT(WK_NO_RIGHT, wk_process_protect(wk_self.process, 0x7000000, 1, WK_READ_WRITE));
    EXPECT(WK_OK, wk_capability_revoke(memory));
    CHECK(load_faults((void *)0x7000000));
    CHECK(load_faults(address));
    EXPECT(WK_OK, wk_capability_delete(memory));
}

/* Cutting a mapping in the middle. */
static void unmapping_parts(void)
{
    wk_handle memory;
    void *address = map_new(WK_MEMORY_OPTIONS_ON_DEMAND, &memory);

    for (uint64_t page = 0; page < PAGES; page++)
        *word(address, page) = page + 1;
    EXPECT(WK_OK, wk_process_unmap(wk_self.process, (uint64_t)word(address, 5), 3));
    EQUAL(5, *word(address, 4));
    CHECK(load_faults(word(address, 5)));
    CHECK(load_faults(word(address, 7)));
    EQUAL(9, *word(address, 8));
    EXPECT(WK_OK, wk_memory_map(memory, wk_self.process, (uint64_t)word(address, 5), 5, 3, WK_PROTECTION_READ));
    EQUAL(7, *word(address, 6));
    CHECK(store_faults(word(address, 6)));
    EXPECT(WK_NOT_MAPPED, wk_process_protect(wk_self.process, (uint64_t)address, PAGES + 1, WK_PROTECTION_READ));
    wk_unmap_delete(memory, address, PAGES);
}

static void clones(void)
{
    wk_handle memory, clone;
    void *original = map_new(WK_MEMORY_OPTIONS_ON_DEMAND, &memory);
    void *copy;

    for (uint64_t page = 0; page < PAGES; page += 2)
        *word(original, page) = 100 + page;
    EXPECT(WK_OK, wk_memory_clone(memory, wk_self.bank, &clone));
    EQUAL(PAGES / 2, present(clone));
    copy = map(clone, WK_READ_WRITE);
    for (uint64_t page = 0; page < PAGES; page++)
        EQUAL(page % 2 == 0 ? 100 + page : 0, *word(copy, page));
    *word(original, 0) = 1;
    *word(copy, 2) = 2;
    *word(copy, 3) = 3;
    EQUAL(100, *word(copy, 0));
    EQUAL(102, *word(original, 2));
    EQUAL(0, *word(original, 3));
    wk_unmap_delete(memory, original, PAGES);
    EQUAL(100, *word(copy, 0));
    EQUAL(104, *word(copy, 4));
    *word(copy, 4) = 4;
    EQUAL(4, *word(copy, 4));
    wk_unmap_delete(clone, copy, PAGES);
}

static void copies(void)
{
    wk_handle from, to;
    uint8_t *source = map_new(0, &from);
    uint8_t *target = map_new(WK_MEMORY_OPTIONS_ON_DEMAND, &to);
    const uint64_t length = 3 * WK_PAGE_BYTES + 77;

    for (uint64_t i = 0; i < length; i++)
        source[WK_PAGE_BYTES - 5 + i] = (uint8_t)(i * 7 + i / 256);
    EXPECT(WK_OK, wk_memory_copy(to, 3, from, WK_PAGE_BYTES - 5, length));
    CHECK(memcmp(target + 3, source + WK_PAGE_BYTES - 5, length) == 0);
    EQUAL(0, target[2]);
    EQUAL(0, target[3 + length]);
    EXPECT(WK_OK, wk_memory_copy(to, 0, from, 0, 0));
    EXPECT(WK_OK, wk_memory_copy(to, PAGES * WK_PAGE_BYTES - 1, from, 0, 1));
    EXPECT(WK_BAD_ARGUMENT, wk_memory_copy(to, PAGES * WK_PAGE_BYTES - 1, from, 0, 2));
    EXPECT(WK_BAD_ARGUMENT, wk_memory_copy(to, 0, from, UINT64_MAX - 1, 4));
    EXPECT(WK_OK, wk_memory_copy(from, 8 * WK_PAGE_BYTES, from, WK_PAGE_BYTES - 5, length));
    CHECK(memcmp(source + 8 * WK_PAGE_BYTES, source + WK_PAGE_BYTES - 5, length) == 0);
    wk_unmap_delete(from, source, PAGES);
    wk_unmap_delete(to, target, PAGES);
}

static void resizing(void)
{
    wk_handle memory;
    void *address = map_new(0, &memory);

    *word(address, 0) = 1;
    *word(address, PAGES - 1) = 2;
    EXPECT(WK_OK, wk_memory_resize(memory, 1));
    EQUAL(1, size(memory));
    EQUAL(1, *word(address, 0));
    CHECK(load_faults(word(address, PAGES - 1)));
    EXPECT(WK_OK, wk_memory_resize(memory, PAGES));
    EQUAL(0, *word(address, PAGES - 1));
    EXPECT(WK_OK, wk_memory_resize(memory, 100000));
    EXPECT(WK_OK, wk_memory_resize(memory, 2));
    EQUAL(1, *word(address, 0));
    wk_unmap_delete(memory, address, PAGES);
}

static uint64_t used_pages(wk_handle bank)
{
    uint64_t limit, used, objects, children;
    enum wk_bank_kind kind;

    EXPECT(WK_OK, wk_bank_info(bank, &limit, &used, &objects, &children, &kind));
    return used;
}

static void charges(void)
{
    wk_handle bank, memory, clone;
    uint64_t before;

    EXPECT(WK_OK, wk_bank_split(wk_self.bank, 60, WK_BANK_KIND_RAM, &bank));
    before = used_pages(bank);
    EXPECT(WK_OK, wk_memory_create(bank, 20, 0, &memory));
    CHECK(used_pages(bank) >= before + 20);
    EXPECT(WK_NO_MEMORY, wk_memory_create(bank, 60, 0, &clone));
    EXPECT(WK_OK, wk_memory_clone(memory, bank, &clone));
    CHECK(used_pages(bank) >= before + 40);
    EXPECT(WK_NO_MEMORY, wk_memory_clone(memory, bank, &clone));
    EXPECT(WK_OK, wk_capability_delete(memory));
    EXPECT(WK_OK, wk_bank_destroy(bank));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(clone));
}

/* The bank of demand memory runs dry: the fault says so, and goes on when there is room again. */
static void demand_without_money(void)
{
    wk_handle bank, memory;
    void *address;
    uint64_t page = 0;

    EXPECT(WK_OK, wk_bank_split(wk_self.bank, 24, WK_BANK_KIND_RAM, &bank));
    EXPECT(WK_OK, wk_memory_create(bank, 64, WK_MEMORY_OPTIONS_ON_DEMAND, &memory));
    EXPECT(WK_OK, wk_map(memory, 0, 64, WK_READ_WRITE, &address));
    while (page < 64 && !store_faults(word(address, page)))
        page++;
    CHECK(page > 8 && page < 24);
    EQUAL(WK_UPCALL_CAUSE_NO_MEMORY, fault_cause);
    EQUAL(word(address, page), fault_address);
    EXPECT(WK_OK, wk_memory_decommit(memory, 0, 4));
    CHECK(!store_faults(word(address, page)));
    EXPECT(WK_OK, wk_bank_destroy(bank));
    CHECK(load_faults(address));
}

static void large_pages(void)
{
    wk_handle memory;
    void *address;
    uint64_t *words;
    const enum wk_status status = wk_memory_create(wk_self.bank, 1024, WK_MEMORY_OPTIONS_LARGE, &memory);

    if (status == WK_NO_MEMORY)
        return; /* a small machine */
    EXPECT(WK_OK, status);
    EXPECT(WK_OK, wk_memory_map(memory, wk_self.process, 0x80000000, 0, 1024, WK_READ_WRITE));
    words = (uint64_t *)0x80000000;
    for (uint64_t i = 0; i < 1024; i++) {
        EQUAL(0, words[i * 512]);
        words[i * 512] = i;
    }
    /* One page in the middle goes: the large page has to be taken apart. */
    EXPECT(WK_OK, wk_process_unmap(wk_self.process, 0x80000000 + 700 * WK_PAGE_BYTES, 1));
    CHECK(load_faults(words + 700 * 512));
    EQUAL(699, words[699 * 512]);
    EQUAL(701, words[701 * 512]);
    EXPECT(WK_OK, wk_map(memory, 700, 1, WK_PROTECTION_READ, &address));
    EQUAL(700, *(uint64_t *)address);
    EXPECT(WK_OK, wk_capability_delete(memory));
    CHECK(load_faults(words));
}

int main(void)
{
    EXPECT(WK_OK, wk_upcalls_open(&handlers));
    on_demand();
    eager();
    protection();
    unmapping_parts();
    clones();
    copies();
    resizing();
    charges();
    demand_without_money();
    large_pages();
    wk_print("memory: good\n");
    return 0;
}
