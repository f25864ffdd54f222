/* SPDX-License-Identifier: MIT */
/*
 * Memory of kind tim, as a program gets it: `test-tim none` on a machine that has none, `test-tim stand-in` where RAM stands
 * in, `test-tim real` otherwise. All of it is the test's.
 */
#include "check.h"

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/endpoint.h>
#include <winkle/event.h>
#include <winkle/harts.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/text.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define WORDS_PER_PAGE (WK_PAGE_BYTES / sizeof(uint64_t))
#define RAM_PAGES_CHECKED 4096

static wk_handle tim;
static uint64_t tim_pages;

static uint64_t left(wk_handle bank)
{
    uint64_t limit, used, objects, children;
    enum wk_bank_kind kind;

    EXPECT(WK_OK, wk_bank_info(bank, &limit, &used, &objects, &children, &kind));
    return limit - used;
}

static uint64_t attributes_of(wk_handle memory)
{
    uint64_t pages, present, options, mappings, identity, attributes;

    EXPECT(WK_OK, wk_memory_info(memory, &pages, &present, &options, &mappings, &identity, &attributes));
    return attributes;
}

static uint64_t *new_in_tim(uint64_t pages, wk_handle *memory)
{
    enum wk_bank_kind got;
    void *address;

    EXPECT(WK_OK, wk_map_new_at(WK_PLACE_TIM, pages, memory, &address, &got));
    EQUAL(WK_BANK_KIND_TIM, got);
    return address;
}

static void without_any(void)
{
    enum wk_bank_kind got;
    wk_handle memory;
    void *address;

    EQUAL(0, tim);
    EXPECT(WK_NO_MEMORY, wk_map_new_at(WK_PLACE_TIM, 1, &memory, &address, &got));
    EXPECT(WK_OK, wk_map_new_at(WK_PLACE_TIM_ELSE_RAM, 1, &memory, &address, &got));
    EQUAL(WK_BANK_KIND_RAM, got);
    wk_unmap_delete(memory, address, 1);
    EXPECT(WK_NO_MEMORY, wk_bank_split(wk_self.bank, 1, WK_BANK_KIND_TIM, &memory));
}

/* What the machine says of it, on one line. */
static void print_attributes(void)
{
    wk_handle memory;
    uint64_t attributes;

    new_in_tim(1, &memory);
    attributes = attributes_of(memory);
    CHECK(attributes & WK_MEMORY_ATTRIBUTES_TIM);
    wk_print("tim: %lu pages%s%s%s%s\n", tim_pages, attributes & WK_MEMORY_ATTRIBUTES_CACHED ? ", cached" : "",
             attributes & WK_MEMORY_ATTRIBUTES_ATOMICS ? ", atomics" : "",
             attributes & WK_MEMORY_ATTRIBUTES_EXECUTABLE ? ", executable" : "",
             attributes & WK_MEMORY_ATTRIBUTES_STAND_IN ? ", RAM stands in" : "");
    EXPECT(WK_OK, wk_capability_delete(memory));
    EXPECT(WK_OK, wk_memory_create(wk_self.bank, 1, 0, &memory));
    EQUAL(WK_MEMORY_ATTRIBUTES_CACHED | WK_MEMORY_ATTRIBUTES_ATOMICS | WK_MEMORY_ATTRIBUTES_EXECUTABLE,
          attributes_of(memory));
    EXPECT(WK_OK, wk_capability_delete(memory));
}

/* All of it, written in each word, given back, and found cleared by whoever gets it next. */
static void all_of_it(void)
{
    for (uint64_t round = 1; round <= 3; round++) {
        wk_handle memory, none;
        uint64_t *words = new_in_tim(tim_pages, &memory);

        EQUAL(0, left(tim));
        EXPECT(WK_NO_MEMORY, wk_memory_create(tim, 1, 0, &none));
        EXPECT(WK_NO_MEMORY, wk_bank_split(tim, 1, WK_BANK_KIND_TIM, &none));
        for (uint64_t i = 0; i < tim_pages * WORDS_PER_PAGE; i++) {
            EQUAL(0, words[i]);
            words[i] = i ^ round << 48;
        }
        for (uint64_t i = 0; i < tim_pages * WORDS_PER_PAGE; i++)
            EQUAL(i ^ round << 48, words[i]);
        wk_unmap_delete(memory, words, tim_pages);
        EQUAL(tim_pages, left(tim));
    }
}

/* The lowest and the highest page of a memory object in physical memory. */
static void find_bounds(wk_handle memory, uint64_t pages, uint64_t *lowest, uint64_t *highest)
{
    *lowest = UINT64_MAX;
    *highest = 0;
    for (uint64_t page = 0; page < pages; page++) {
        uint64_t physical;

        EXPECT(WK_OK, wk_memory_physical(memory, page, &physical));
        *lowest = physical < *lowest ? physical : *lowest;
        *highest = physical > *highest ? physical : *highest;
    }
}

/* RAM is never made of it, although it is free, and the other way round. */
static void kinds_stay_apart(void)
{
    const uint64_t ram_left = left(wk_self.bank);
    const uint64_t pages = ram_left / 2 < RAM_PAGES_CHECKED ? ram_left / 2 : RAM_PAGES_CHECKED;
    uint64_t lowest, highest, physical;
    wk_handle memory, ram, made;

    EXPECT(WK_OK, wk_memory_create(tim, tim_pages, 0, &memory));
    find_bounds(memory, tim_pages, &lowest, &highest);
    EXPECT(WK_OK, wk_capability_delete(memory));
    EXPECT(WK_OK, wk_memory_create(wk_self.bank, pages, 0, &ram));
    for (uint64_t page = 0; page < pages; page++) {
        EXPECT(WK_OK, wk_memory_physical(ram, page, &physical));
        CHECK(physical < lowest || physical > highest);
    }
    EQUAL(tim_pages, left(tim));
    EXPECT(WK_NO_MEMORY, wk_event_create(tim, &made));
    EXPECT(WK_NO_MEMORY, wk_endpoint_create(tim, &made));
    EXPECT(WK_NO_MEMORY, wk_process_create(tim, 0, 0, &made));
    EXPECT(WK_NO_MEMORY, wk_bank_split(tim, 1, WK_BANK_KIND_RAM, &made));
    EXPECT(WK_NO_MEMORY, wk_bank_split(wk_self.bank, 1, WK_BANK_KIND_TIM, &made));
    EXPECT(WK_NOT_AVAILABLE, wk_memory_clone(ram, tim, &made));
    EXPECT(WK_OK, wk_capability_delete(ram));
}

/* A part for somebody else, whose bank pays for the records and takes it along when it ends. */
static void parts(void)
{
    wk_handle bank, part, memory;
    uint64_t *words = new_in_tim(1, &memory);

    words[7] = 7;
    EXPECT(WK_OK, wk_bank_split(wk_self.bank, 20, WK_BANK_KIND_RAM, &bank));
    EXPECT(WK_OK, wk_bank_split_with_payer(tim, bank, tim_pages - 1, &part));
    EQUAL(0, left(tim));
    EXPECT(WK_OK, wk_memory_create(part, tim_pages - 1, 0, &memory));
    EXPECT(WK_OK, wk_bank_destroy(bank));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(part));
    EQUAL(tim_pages - 1, left(tim));
    EQUAL(7, words[7]);
    EXPECT(WK_OK, wk_unmap(words, 1));
}

static void copies(void)
{
    static const char text[] = "copied without a mapping";
    enum wk_bank_kind got;
    wk_handle memory, ram;
    void *address;
    const char *in_tim = (const char *)new_in_tim(2, &memory);

    EXPECT(WK_OK, wk_map_new_at(WK_PLACE_RAM, 1, &ram, &address, &got));
    EQUAL(WK_BANK_KIND_RAM, got);
    memcpy(address, text, sizeof(text));
    EXPECT(WK_OK, wk_memory_copy(memory, WK_PAGE_BYTES - 8, ram, 0, sizeof(text)));
    EQUAL(0, memcmp(in_tim + WK_PAGE_BYTES - 8, text, sizeof(text)));
    wk_unmap_delete(ram, address, 1);
    wk_unmap_delete(memory, in_tim, 2);
}

/* Executed, if it can be: `li a0, 42; ret`. */
static void execution(void)
{
    static const uint32_t code[] = {0x02a00513, 0x00008067};
    wk_handle memory;
    void *address;
    void *words = new_in_tim(1, &memory);
    const bool can = attributes_of(memory) & WK_MEMORY_ATTRIBUTES_EXECUTABLE;

    memcpy(words, code, sizeof(code));
    EXPECT(can ? WK_OK : WK_NO_RIGHT, wk_map(memory, 0, 1, WK_PROTECTION_READ | WK_PROTECTION_EXECUTE, &address));
    if (can) {
        EXPECT(WK_OK, wk_process_synchronize_code(wk_self.process));
        EQUAL(42, ((uint64_t(*)(void))address)());
        EXPECT(WK_OK, wk_unmap(address, 1));
    }
    wk_unmap_delete(memory, words, 1);
}

/* A message to another hart and back, by loads, stores and fences, which all such memory has. */
struct exchange {
    uint64_t question, asked;
    uint64_t answer, answered;
};

static void answer(void *argument)
{
    struct exchange *exchange = argument;

    while (__atomic_load_n(&exchange->asked, __ATOMIC_ACQUIRE) == 0)
        wk_thread_yield(wk_thread_self()->handle);
    exchange->answer = exchange->question + 1;
    __atomic_store_n(&exchange->answered, 1, __ATOMIC_RELEASE);
}

static void messages(void)
{
    const unsigned harts = wk_hart_count();
    struct wk_thread thread;
    wk_handle memory;
    struct exchange *exchange = (struct exchange *)new_in_tim(1, &memory);

    EXPECT(WK_OK, wk_thread_run_on(wk_hart_budget(harts - 1), &thread, answer, exchange, 4, 100));
    exchange->question = 41;
    __atomic_store_n(&exchange->asked, 1, __ATOMIC_RELEASE);
    EXPECT(WK_OK, wk_thread_join(&thread, WK_FOREVER));
    EQUAL(1, exchange->answered);
    EQUAL(42, exchange->answer);
    wk_unmap_delete(memory, exchange, 1);
}

int main(int argc, char **argv)
{
    const bool is_none = argc == 2 && strcmp(argv[1], "none") == 0;
    const bool is_stand_in = argc == 2 && strcmp(argv[1], "stand-in") == 0;

    CHECK(is_none || is_stand_in || (argc == 2 && strcmp(argv[1], "real") == 0));
    tim = wk_named_handle("tim");
    if (is_none) {
        without_any();
    } else {
        tim_pages = left(tim);
        print_attributes();
        all_of_it();
        kinds_stay_apart();
        parts();
        copies();
        execution();
        messages();
    }
    wk_print("tim: good\n");
    return 0;
}
