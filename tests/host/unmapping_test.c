/* SPDX-License-Identifier: MIT */
/* Unmapping and protecting, by single pages and in the midst of large ones. */
#include "programs.h"

#define BASE UINT64_C(0x100000)
#define LARGE_BASE (4 * WK_LARGE_PAGE_BYTES)
#define PAGE WK_PAGE_BYTES

/* ---- large pages ---- */

static void large_memory_is_entered_by_large_leaves(void **state)
{
    wk_handle memory;
    uint64_t bytes;

    (void)state;
    assert_ok(wk_memory_create(BOOT_BANK, 1024, LARGE, &memory));
    map(memory, LARGE_BASE, READ | WRITE);
    assert_true(space_lookup(&boot->process->space, LARGE_BASE, &bytes) != 0);
    assert_int_equal(bytes, WK_LARGE_PAGE_BYTES);
    user_set_word(LARGE_BASE + 700 * PAGE, 5);
    assert_int_equal(user_word(LARGE_BASE + 700 * PAGE), 5);
}

static void large_memory_at_an_odd_address_is_entered_page_by_page(void **state)
{
    wk_handle memory;
    uint64_t bytes;

    (void)state;
    assert_ok(wk_memory_create(BOOT_BANK, 512, LARGE, &memory));
    map(memory, LARGE_BASE + PAGE, READ | WRITE);
    assert_true(space_lookup(&boot->process->space, LARGE_BASE + PAGE, &bytes) != 0);
    assert_int_equal(bytes, PAGE);
    user_set_word(LARGE_BASE + 512 * PAGE, 5);
}

static void unmapping_within_a_large_leaf_keeps_the_rest(void **state)
{
    wk_handle memory;

    (void)state;
    assert_ok(wk_memory_create(BOOT_BANK, 512, LARGE, &memory));
    assert_ok(wk_memory_map(memory, program.process, LARGE_BASE, 0, 512, READ | WRITE));
    act_as(program.thread_record);
    user_set_word(LARGE_BASE + 99 * PAGE, 1);
    user_set_word(LARGE_BASE + 110 * PAGE, 2);
    act_as(boot);
    assert_ok(wk_process_unmap(program.process, LARGE_BASE + 100 * PAGE, 10));
    act_as(program.thread_record);
    assert_int_equal(user_word(LARGE_BASE + 99 * PAGE), 1);
    assert_int_equal(user_word(LARGE_BASE + 110 * PAGE), 2);
    assert_false(user_fetch(LARGE_BASE + 105 * PAGE));
}

static void a_large_leaf_gets_its_protection_back(void **state)
{
    wk_handle memory;

    (void)state;
    assert_ok(wk_memory_create(BOOT_BANK, 512, LARGE, &memory));
    map(memory, LARGE_BASE, READ | WRITE);
    user_set_word(LARGE_BASE + 7 * PAGE, 1);
    assert_ok(wk_process_protect(BOOT_PROCESS, LARGE_BASE, 512, READ));
    assert_int_equal(user_word(LARGE_BASE + 7 * PAGE), 1);
    assert_ok(wk_process_protect(BOOT_PROCESS, LARGE_BASE, 512, READ | WRITE));
    user_set_word(LARGE_BASE + 7 * PAGE, 2);
    assert_ok(wk_process_protect(BOOT_PROCESS, LARGE_BASE, 512, 0));
    assert_ok(wk_process_protect(BOOT_PROCESS, LARGE_BASE, 512, READ | WRITE));
    user_set_word(LARGE_BASE + 7 * PAGE, 3);
}

/* ---- unmap ---- */

static void unmap_cuts_a_mapping_in_two(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 8, 0);

    (void)state;
    map_there(memory, BASE, 0, 8, READ | WRITE);
    act_as(program.thread_record);
    for (unsigned i = 0; i < 8; i++)
        user_set_word(BASE + i * PAGE, i);
    act_as(boot);
    assert_ok(wk_process_unmap(program.process, BASE + 3 * PAGE, 2));
    assert_int_equal(program.process_record->mapping_count, 2);
    assert_int_equal(memory_of(memory)->mapping_count, 2);
    act_as(program.thread_record);
    for (unsigned i = 0; i < 8; i++)
        if (i < 3 || i >= 5)
            assert_int_equal(user_word(BASE + i * PAGE), i);
    assert_false(user_fetch(BASE + 4 * PAGE));
}

static void unmap_removes_all_mappings_of_a_range_and_cuts_at_its_ends(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 4, 0);

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        map_there(memory, BASE + i * 8 * PAGE, 0, 4, READ);
    assert_ok(wk_process_unmap(program.process, BASE + 2 * PAGE, 32));
    assert_int_equal(program.process_record->mapping_count, 2);
    assert_non_null(mapping_find(program.process_record, BASE + PAGE));
    assert_null(mapping_find(program.process_record, BASE + 2 * PAGE));
    assert_null(mapping_find(program.process_record, BASE + 33 * PAGE));
    assert_non_null(mapping_find(program.process_record, BASE + 34 * PAGE));
}

static void unmap_of_nothing_is_fine(void **state)
{
    (void)state;
    assert_ok(wk_process_unmap(program.process, BASE, 100));
    assert_ok(wk_process_unmap(program.process, 0, WK_USER_ADDRESS_END / PAGE));
    assert_error_at(wk_process_unmap(program.process, PAGE, WK_USER_ADDRESS_END / PAGE), WK_BAD_ARGUMENT, 2);
}

static void unmap_that_cannot_pay_for_the_cut_changes_nothing(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 100, 0);
    char *before;

    (void)state;
    map_there(memory, BASE, 0, 100, READ);
    make_memory(program.bank, bank_left(program.bank) - 2, 0);
    while (wk_process_unmap(program.process, BASE + 2 * program.process_record->mapping_count * PAGE, 1) == WK_OK)
        continue;
    before = check_state_text();
    assert_status(wk_process_unmap(program.process, BASE + 90 * PAGE, 1), WK_NO_MEMORY);
    assert_state_is(before);
}

static void page_tables_return_when_the_last_page_of_theirs_is_unmapped(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 1, 0);
    uint64_t used;
    wk_handle large;

    (void)state;
    map_there(memory, PAGE, 0, 1, READ);
    used = bank_used(program.bank);
    for (uint64_t address = LARGE_BASE; address < WK_USER_ADDRESS_END; address *= 3) {
        map_there(memory, address & ~(PAGE - 1), 0, 1, READ);
        assert_int_equal(bank_used(program.bank), used + 2 - (address < (UINT64_C(1) << 30)));
        assert_ok(wk_process_unmap(program.process, address & ~(PAGE - 1), 1));
        assert_int_equal(bank_used(program.bank), used);
    }
    assert_ok(wk_memory_create(BOOT_BANK, 512, LARGE, &large));
    map_there(large, UINT64_C(5) << 30, 0, 512, READ);
    assert_int_equal(bank_used(program.bank), used + 1);
    assert_ok(wk_process_unmap(program.process, UINT64_C(5) << 30, 512));
    assert_int_equal(bank_used(program.bank), used);
}

/* ---- protect ---- */

static void protect_takes_away_at_once(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 4, 0);
    const uint64_t word = 9;

    (void)state;
    map_there(memory, BASE, 0, 4, READ | WRITE);
    act_as(program.thread_record);
    user_set_word(BASE + PAGE, 5);
    act_as(boot);
    assert_ok(wk_process_protect(program.process, BASE + PAGE, 2, READ));
    assert_int_equal(program.process_record->mapping_count, 3);
    act_as(program.thread_record);
    user_set_word(BASE, 1);
    user_set_word(BASE + 3 * PAGE, 1);
    assert_int_equal(user_word(BASE + PAGE), 5);
    assert_false(user_store(BASE + PAGE, &word, 8));
}

static void protect_gives_up_to_what_the_capability_allows(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 4, 0);
    const wk_handle readable = lend(memory, WK_MEMORY_RIGHT_READ);

    (void)state;
    map_there(memory, BASE, 0, 2, READ);
    map_there(readable, BASE + 2 * PAGE, 0, 2, READ);
    assert_ok(wk_process_protect(program.process, BASE, 2, READ | WRITE));
    act_as(program.thread_record);
    user_set_word(BASE, 4);
    act_as(boot);
    assert_status(wk_process_protect(program.process, BASE + PAGE, 2, READ | WRITE), WK_NO_RIGHT);
    assert_status(wk_process_protect(program.process, BASE + 2 * PAGE, 1, READ | EXECUTE), WK_NO_RIGHT);
}

static void protect_checks_range_and_protection(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 4, 0);
    char *before;

    (void)state;
    map_there(memory, BASE, 0, 2, READ);
    map_there(memory, BASE + 3 * PAGE, 0, 2, READ);
    before = check_state_text();
    assert_status(wk_process_protect(program.process, BASE, 5, READ), WK_NOT_MAPPED);
    assert_status(wk_process_protect(program.process, BASE + PAGE, 2, READ), WK_NOT_MAPPED);
    assert_status(wk_process_protect(program.process, BASE + 4 * PAGE, 2, READ), WK_NOT_MAPPED);
    assert_status(wk_process_protect(program.process, 0, 1, READ), WK_NOT_MAPPED);
    assert_error_at(wk_process_protect(program.process, BASE, 1, WRITE), WK_BAD_ARGUMENT, 3);
    assert_error_at(wk_process_protect(program.process, BASE, 1, READ | WRITE | EXECUTE), WK_BAD_ARGUMENT, 3);
    assert_error_at(wk_process_protect(program.process, WK_USER_ADDRESS_END, 1, READ), WK_BAD_ARGUMENT, 2);
    assert_state_is(before);
}

static void no_access_at_all_can_be_had(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 1, 0);
    uint64_t word;

    (void)state;
    map_there(memory, BASE, 0, 1, READ | WRITE);
    act_as(program.thread_record);
    user_set_word(BASE, 3);
    act_as(boot);
    assert_ok(wk_process_protect(program.process, BASE, 1, 0));
    assert_ok(wk_process_protect(program.process, BASE, 1, READ));
    act_as(program.thread_record);
    assert_int_equal(user_word(BASE), 3);
    act_as(boot);
    assert_ok(wk_process_protect(program.process, BASE, 1, 0));
    act_as(program.thread_record);
    assert_false(user_load(BASE, &word, 8));
}

static void protect_keeps_copy_on_write(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 1, 0);
    wk_handle clone;

    (void)state;
    map(memory, BASE, READ | WRITE);
    user_set_word(BASE, 3);
    assert_ok(wk_memory_clone(memory, BOOT_BANK, &clone));
    map(clone, 2 * BASE, READ);
    assert_int_equal(user_word(2 * BASE), 3);
    assert_ok(wk_process_protect(BOOT_PROCESS, 2 * BASE, 1, READ | WRITE));
    user_set_word(2 * BASE, 4);
    assert_int_equal(user_word(BASE), 3);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        program_test(large_memory_is_entered_by_large_leaves),
        program_test(large_memory_at_an_odd_address_is_entered_page_by_page),
        program_test(unmapping_within_a_large_leaf_keeps_the_rest),
        program_test(a_large_leaf_gets_its_protection_back),
        program_test(unmap_cuts_a_mapping_in_two),
        program_test(unmap_removes_all_mappings_of_a_range_and_cuts_at_its_ends),
        program_test(unmap_of_nothing_is_fine),
        program_test(unmap_that_cannot_pay_for_the_cut_changes_nothing),
        program_test(page_tables_return_when_the_last_page_of_theirs_is_unmapped),
        program_test(protect_takes_away_at_once),
        program_test(protect_gives_up_to_what_the_capability_allows),
        program_test(protect_checks_range_and_protection),
        program_test(no_access_at_all_can_be_had),
        program_test(protect_keeps_copy_on_write),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
