/* SPDX-License-Identifier: MIT */
/* Memory objects: creation, size, pages that come and go, and what is known of them. */
#include "harness.h"

#define BASE UINT64_C(0x100000)
#define LARGE_BASE (4 * WK_LARGE_PAGE_BYTES)

/* ---- create ---- */

static void eager_memory_is_paid_and_present_at_once(void **state)
{
    const wk_handle bank = bank_with(200);
    const wk_handle memory = make_memory(bank, 5, 0);

    (void)state;
    assert_int_equal(pages_of(memory), 5);
    assert_int_equal(present_pages_of(memory), 5);
    assert_int_equal(bank_left(bank), 200 - 5);
    map(memory, BASE, READ);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(user_word(BASE + i * WK_PAGE_BYTES + 8 * i), 0);
}

static void memory_of_more_than_eight_pages_pays_for_its_tables(void **state)
{
    const wk_handle bank = bank_with(2000);

    (void)state;
    make_memory(bank, 9, 0);
    assert_int_equal(bank_left(bank), 2000 - 10);
    make_memory(bank, 513, 0);
    assert_int_equal(bank_left(bank), 2000 - 10 - 513 - 3);
}

static void memory_on_demand_is_paid_when_touched(void **state)
{
    const wk_handle bank = make_bank(BOOT_BANK, 200);
    const wk_handle memory = make_memory(bank, 100, ON_DEMAND);
    const uint64_t left = bank_left(bank);

    (void)state;
    assert_int_equal(present_pages_of(memory), 0);
    map(memory, BASE, READ | WRITE);
    assert_int_equal(user_word(BASE + 7 * WK_PAGE_BYTES), 0);
    assert_int_equal(present_pages_of(memory), 1);
    assert_int_equal(bank_left(bank), left - 2); /* and its table */
    user_set_word(BASE + 8 * WK_PAGE_BYTES, 1);
    assert_int_equal(bank_left(bank), left - 3);
}

static void memory_of_the_largest_size_can_be_made_on_demand(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, WK_PAGE_COUNT_MAX, ON_DEMAND);

    (void)state;
    assert_ok(wk_memory_map(memory, BOOT_PROCESS, BASE, WK_PAGE_COUNT_MAX - 1, 1, READ | WRITE));
    user_set_word(BASE, 1);
    assert_int_equal(present_pages_of(memory), 1);
    assert_ok(wk_capability_delete(memory));
}

static void create_fails_when_the_bank_cannot_pay(void **state)
{
    const wk_handle bank = bank_with(20);
    wk_handle memory = 0;
    char *before = check_state_text();

    (void)state;
    assert_status(wk_memory_create(bank, 21, 0, &memory), WK_NO_MEMORY);
    assert_status(wk_memory_create(bank, 20, 0, &memory), WK_NO_MEMORY); /* and a table */
    assert_status(wk_memory_create(bank, WK_PAGE_COUNT_MAX, 0, &memory), WK_NO_MEMORY);
    assert_status(wk_memory_create(bank, 512, LARGE, &memory), WK_NO_MEMORY);
    assert_state_is(before);
    assert_ok(wk_memory_create(bank, 19, 0, &memory));
    assert_int_equal(bank_left(bank), 0);
}

static void large_pages_are_eager_and_come_by_512(void **state)
{
    wk_handle memory;

    (void)state;
    assert_error_at(wk_memory_create(BOOT_BANK, 512, LARGE | ON_DEMAND, &memory), WK_BAD_ARGUMENT, 2);
    assert_error_at(wk_memory_create(BOOT_BANK, 511, LARGE, &memory), WK_BAD_ARGUMENT, 2);
    assert_ok(wk_memory_create(BOOT_BANK, 1024, LARGE, &memory));
    assert_int_equal(present_pages_of(memory), 1024);
    assert_true(memory_is_large_at(memory_of(memory), 0));
    assert_true(memory_is_large_at(memory_of(memory), 512));
    assert_ok(wk_capability_delete(memory));
}

static void large_memory_falls_back_to_pages_when_no_superframe_is_whole(void **state)
{
    wk_handle rest[64], memory;
    unsigned count = 0;

    (void)state;
    /* Uses every superframe up, then gives 512 frames back that are scattered. */
    while (bank_left(BOOT_BANK) > 700)
        rest[count++] = make_memory(BOOT_BANK, 700, 0);
    make_memory(BOOT_BANK, bank_left(BOOT_BANK) - 10, 0);
    assert_ok(wk_memory_decommit(rest[0], 0, 300));
    assert_ok(wk_memory_decommit(rest[5], 350, 350));
    assert_ok(wk_memory_create(BOOT_BANK, 512, LARGE, &memory));
    assert_int_equal(present_pages_of(memory), 512);
    assert_false(memory_is_large_at(memory_of(memory), 0));
    map(memory, LARGE_BASE, READ | WRITE);
    user_set_word(LARGE_BASE + 100 * WK_PAGE_BYTES, 4);
    assert_ok(wk_capability_delete(memory));
}

/* ---- resize and decommit ---- */

static void resize_up_adds_pages_on_demand(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 4, 0);

    (void)state;
    map(memory, BASE, READ | WRITE);
    user_set_word(BASE, 77);
    for (uint64_t pages = 5; pages < 1000000; pages *= 7) {
        assert_ok(wk_memory_resize(memory, pages));
        assert_int_equal(pages_of(memory), pages);
        assert_int_equal(user_word(BASE), 77);
        assert_ok(wk_memory_map(memory, BOOT_PROCESS, 2 * BASE, pages - 1, 1, READ | WRITE));
        user_set_word(2 * BASE, pages);
        assert_ok(wk_process_unmap(BOOT_PROCESS, 2 * BASE, 1));
    }
    assert_ok(wk_capability_delete(memory));
}

static void resize_up_fails_when_tables_cannot_be_paid(void **state)
{
    const wk_handle bank = bank_with(4);
    const wk_handle memory = make_memory(bank, 4, 0);
    char *before = check_state_text();

    (void)state;
    assert_int_equal(bank_left(bank), 0);
    assert_status(wk_memory_resize(memory, 9), WK_NO_MEMORY);
    assert_state_is(before);
    assert_ok(wk_memory_resize(memory, 8));
}

static void resize_down_releases_and_mappings_fault(void **state)
{
    const wk_handle bank = make_bank(BOOT_BANK, 100);
    const wk_handle memory = make_memory(bank, 20, 0);
    const uint64_t left = bank_left(bank);
    char byte;

    (void)state;
    map(memory, BASE, READ | WRITE);
    user_set_word(BASE + 19 * WK_PAGE_BYTES, 1);
    user_set_word(BASE + 9 * WK_PAGE_BYTES, 2);
    assert_ok(wk_memory_resize(memory, 10));
    assert_int_equal(bank_left(bank), left + 10);
    assert_int_equal(user_word(BASE + 9 * WK_PAGE_BYTES), 2);
    assert_ok(wk_memory_resize(memory, 20));
    assert_int_equal(user_word(BASE + 19 * WK_PAGE_BYTES), 0);
    assert_ok(wk_memory_resize(memory, 10));
    assert_false(user_load(BASE + 10 * WK_PAGE_BYTES, &byte, 1));
}

static void decommit_makes_pages_absent_and_zero_again(void **state)
{
    const wk_handle bank = make_bank(BOOT_BANK, 100);
    const wk_handle memory = make_memory(bank, 20, 0);
    const uint64_t left = bank_left(bank);

    (void)state;
    map(memory, BASE, READ | WRITE);
    for (unsigned i = 0; i < 20; i++)
        user_set_word(BASE + i * WK_PAGE_BYTES, i + 1);
    assert_ok(wk_memory_decommit(memory, 5, 10));
    assert_int_equal(present_pages_of(memory), 10);
    assert_int_equal(bank_left(bank), left + 10);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(user_word(BASE + i * WK_PAGE_BYTES), i >= 5 && i < 15 ? 0 : i + 1);
    assert_ok(wk_memory_decommit(memory, 0, 20));
    assert_int_equal(present_pages_of(memory), 0);
}

static void decommit_checks_its_range(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 20, 0);

    (void)state;
    assert_status(wk_memory_decommit(memory, 20, 1), WK_BAD_ARGUMENT);
    assert_status(wk_memory_decommit(memory, 0, 21), WK_BAD_ARGUMENT);
    assert_status(wk_memory_decommit(memory, 19, 2), WK_BAD_ARGUMENT);
}

static void decommit_of_a_shared_page_leaves_it_to_the_other(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 1, 0);
    wk_handle clone;

    (void)state;
    map(memory, BASE, READ | WRITE);
    user_set_word(BASE, 5);
    assert_ok(wk_memory_clone(memory, BOOT_BANK, &clone));
    assert_ok(wk_memory_decommit(memory, 0, 1));
    map(clone, 2 * BASE, READ | WRITE);
    assert_int_equal(user_word(2 * BASE), 5);
    assert_int_equal(user_word(BASE), 0);
}

static void decommit_breaks_large_pages(void **state)
{
    wk_handle memory;

    (void)state;
    assert_ok(wk_memory_create(BOOT_BANK, 512, LARGE, &memory));
    map(memory, LARGE_BASE, READ | WRITE);
    user_set_word(LARGE_BASE, 1);
    user_set_word(LARGE_BASE + 100 * WK_PAGE_BYTES, 2);
    assert_ok(wk_memory_decommit(memory, 100, 1));
    assert_int_equal(user_word(LARGE_BASE), 1);
    assert_int_equal(user_word(LARGE_BASE + 100 * WK_PAGE_BYTES), 0);
    assert_ok(wk_memory_resize(memory, 50));
    assert_ok(wk_capability_delete(memory));
}

/* ---- physical ---- */

static void physical_tells_where_a_page_lies(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 2, 0);
    const wk_handle absent = make_memory(BOOT_BANK, 2, ON_DEMAND);
    wk_handle device;
    wk_handle clone;
    uint64_t physical;

    (void)state;
    map(memory, BASE, READ | WRITE);
    user_set_word(BASE + WK_PAGE_BYTES, 42);
    assert_ok(wk_memory_physical(memory, 1, &physical));
    assert_int_equal(*(uint64_t *)arch_pointer((struct physical){physical}), 42);
    assert_error_at(wk_memory_physical(memory, 2, &physical), WK_BAD_ARGUMENT, 1);
    assert_status(wk_memory_physical(absent, 0, &physical), WK_WOULD_BLOCK);
    assert_ok(wk_memory_clone(memory, BOOT_BANK, &clone));
    assert_status(wk_memory_physical(clone, 1, &physical), WK_BUSY); /* a device would store to the original */
    assert_ok(wk_machine_claim_region(BOOT_MACHINE, BOOT_BANK, HOST_DEVICE_PHYSICAL, 2, &device));
    assert_ok(wk_memory_physical(device, 1, &physical));
    assert_int_equal(physical, HOST_DEVICE_PHYSICAL + WK_PAGE_BYTES);
}

static void info_tells_options_mappings_and_identity(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 2, ON_DEMAND);
    uint64_t pages, present, options, mappings, identity, attributes;

    (void)state;
    map(memory, BASE, READ);
    map(memory, 2 * BASE, READ);
    assert_ok(wk_memory_info(memory, &pages, &present, &options, &mappings, &identity, &attributes));
    assert_int_equal(options, ON_DEMAND);
    assert_int_equal(mappings, 2);
    assert_int_equal(identity, identity_of(memory));
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(eager_memory_is_paid_and_present_at_once),
        machine_test(memory_of_more_than_eight_pages_pays_for_its_tables),
        machine_test(memory_on_demand_is_paid_when_touched),
        machine_test(memory_of_the_largest_size_can_be_made_on_demand),
        machine_test(create_fails_when_the_bank_cannot_pay),
        machine_test(large_pages_are_eager_and_come_by_512),
        machine_test(large_memory_falls_back_to_pages_when_no_superframe_is_whole),
        machine_test(resize_up_adds_pages_on_demand),
        machine_test(resize_up_fails_when_tables_cannot_be_paid),
        machine_test(resize_down_releases_and_mappings_fault),
        machine_test(decommit_makes_pages_absent_and_zero_again),
        machine_test(decommit_checks_its_range),
        machine_test(decommit_of_a_shared_page_leaves_it_to_the_other),
        machine_test(decommit_breaks_large_pages),
        machine_test(physical_tells_where_a_page_lies),
        machine_test(info_tells_options_mappings_and_identity),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
