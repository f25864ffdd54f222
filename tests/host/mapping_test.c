/* SPDX-License-Identifier: MIT */
/* Mapping, the faults that follow, and how mappings go when what they were made through is taken back. */
#include "programs.h"

#define BASE UINT64_C(0x100000)
#define LARGE_BASE (4 * WK_LARGE_PAGE_BYTES)
#define PAGE WK_PAGE_BYTES

static void a_mapping_shows_the_memory(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 4, 0);

    (void)state;
    map(memory, BASE, READ | WRITE);
    map_there(memory, 4 * BASE, 1, 2, READ);
    user_set_word(BASE + PAGE, 11);
    user_set_word(BASE + 2 * PAGE + 8, 12);
    act_as(program.thread_record);
    assert_int_equal(user_word(4 * BASE), 11);
    assert_int_equal(user_word(4 * BASE + PAGE + 8), 12);
    act_as(boot);
    user_set_word(BASE + PAGE, 13);
    act_as(program.thread_record);
    assert_int_equal(user_word(4 * BASE), 13);
}

static void map_checks_range_protection_and_rights(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 4, 0);
    const wk_handle read_only = lend(memory, WK_MEMORY_RIGHT_READ);
    char *before = check_state_text();

    (void)state;
    assert_error_at(wk_memory_map(memory, BOOT_PROCESS, BASE, 0, 5, READ), WK_BAD_ARGUMENT, 4);
    assert_error_at(wk_memory_map(memory, BOOT_PROCESS, BASE, 4, 1, READ), WK_BAD_ARGUMENT, 4);
    assert_error_at(wk_memory_map(memory, BOOT_PROCESS, WK_USER_ADDRESS_END - PAGE, 0, 2, READ), WK_BAD_ARGUMENT, 2);
    assert_error_at(wk_memory_map(memory, BOOT_PROCESS, BASE, 0, 1, WRITE), WK_BAD_ARGUMENT, 5);
    assert_error_at(wk_memory_map(memory, BOOT_PROCESS, BASE, 0, 1, READ | WRITE | EXECUTE), WK_BAD_ARGUMENT, 5);
    assert_error_at(wk_memory_map(read_only, BOOT_PROCESS, BASE, 0, 1, READ | WRITE), WK_NO_RIGHT, 0);
    assert_error_at(wk_memory_map(read_only, BOOT_PROCESS, BASE, 0, 1, EXECUTE), WK_NO_RIGHT, 0);
    assert_state_is(before);
    assert_ok(wk_memory_map(memory, BOOT_PROCESS, WK_USER_ADDRESS_END - PAGE, 0, 1, READ));
    assert_int_equal(user_word(WK_USER_ADDRESS_END - 8), 0);
}

static void a_capability_as_deep_as_can_be_maps_nothing(void **state)
{
    wk_handle deepest = make_memory(BOOT_BANK, 1, 0);

    (void)state;
    for (unsigned depth = 0; depth < CAPABILITY_DEPTH_LIMIT; depth++)
        deepest = lend(deepest, ALL_RIGHTS);
    assert_status(wk_memory_map(deepest, BOOT_PROCESS, BASE, 0, 1, READ), WK_TABLE_FULL);
}

static void mappings_do_not_overlap(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 4, 0);

    (void)state;
    assert_ok(wk_memory_map(memory, BOOT_PROCESS, BASE + 4 * PAGE, 0, 4, READ));
    assert_status(wk_memory_map(memory, BOOT_PROCESS, BASE + 4 * PAGE, 0, 1, READ), WK_ALREADY_MAPPED);
    assert_status(wk_memory_map(memory, BOOT_PROCESS, BASE + 7 * PAGE, 0, 4, READ), WK_ALREADY_MAPPED);
    assert_status(wk_memory_map(memory, BOOT_PROCESS, BASE + PAGE, 0, 4, READ), WK_ALREADY_MAPPED);
    assert_ok(wk_memory_map(memory, BOOT_PROCESS, BASE, 0, 4, READ));
    assert_ok(wk_memory_map(memory, BOOT_PROCESS, BASE + 8 * PAGE, 0, 4, READ));
}

static void protection_is_enforced(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 1, 0);
    const uint64_t word = 1;

    (void)state;
    map_there(memory, BASE, 0, 1, READ);
    act_as(program.thread_record);
    assert_int_equal(user_word(BASE), 0);
    assert_false(user_store(BASE + 24, &word, 8));
    assert_ended(WK_END_REASON_STORE_FAULT, BASE + 24);
}

static void memory_that_is_not_executable_is_not_fetched(void **state)
{
    (void)state;
    map_there(make_memory(BOOT_BANK, 1, 0), BASE, 0, 1, READ | WRITE);
    act_as(program.thread_record);
    assert_false(user_fetch(BASE));
    assert_ended(WK_END_REASON_FETCH_FAULT, BASE);
}

static void executable_memory_is_fetched(void **state)
{
    (void)state;
    map_there(make_memory(BOOT_BANK, 1, 0), BASE, 0, 1, READ | EXECUTE);
    act_as(program.thread_record);
    assert_true(user_fetch(BASE));
}

static void a_load_outside_of_mappings_ends_the_process(void **state)
{
    uint64_t word;

    (void)state;
    act_as(program.thread_record);
    assert_false(user_load(BASE, &word, 8));
    assert_ended(WK_END_REASON_LOAD_FAULT, BASE);
}

static void a_load_of_a_kernel_address_ends_the_process(void **state)
{
    uint64_t word;

    (void)state;
    act_as(program.thread_record);
    assert_false(user_load(UINT64_C(0xffffffc000000000), &word, 8));
    assert_ended(WK_END_REASON_LOAD_FAULT, UINT64_C(0xffffffc000000000));
}

static void demand_memory_that_cannot_be_paid_ends_the_process(void **state)
{
    const wk_handle bank = make_bank(BOOT_BANK, 4);
    const wk_handle memory = make_memory(bank, 8, ON_DEMAND);
    const uint64_t left = bank_left(bank);

    (void)state;
    map_there(memory, BASE, 0, 8, READ | WRITE);
    act_as(program.thread_record);
    for (uint64_t i = 0; i < left; i++)
        user_set_word(BASE + i * PAGE, i);
    assert_false(user_store(BASE + left * PAGE, &left, 8));
    assert_ended(WK_END_REASON_NO_MEMORY, BASE + left * PAGE);
}

static void page_tables_that_cannot_be_paid_end_the_process(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 8, ON_DEMAND);
    uint64_t left, address;

    (void)state;
    map_there(memory, LARGE_BASE * 64, 0, 8, READ | WRITE);
    left = bank_left(program.bank);
    make_memory(program.bank, left - 2, 0); /* with its table */
    act_as(program.thread_record);
    address = LARGE_BASE * 64;
    assert_false(user_load(address, &left, 8));
    assert_ended(WK_END_REASON_NO_MEMORY, address);
}

static void map_fails_when_the_process_cannot_pay_for_its_record(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 8, 0);
    enum wk_status status = WK_OK;
    char *before;
    unsigned count;

    (void)state;
    make_memory(program.bank, bank_left(program.bank) - 4, 0);
    for (count = 0; status == WK_OK; count++)
        status = wk_memory_map(memory, program.process, BASE + count * 16 * PAGE, 0, 1, READ);
    assert_int_equal(status, WK_NO_MEMORY);
    before = check_state_text();
    assert_status(wk_memory_map(memory, program.process, BASE + count * 16 * PAGE, 0, 1, READ), WK_NO_MEMORY);
    assert_state_is(before);
}

/* ---- revocation ---- */

static void revoking_the_capability_takes_the_mapping_away(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 40, 0);
    const wk_handle lent = lend(memory, ALL_RIGHTS);
    uint64_t word;

    (void)state;
    map_there(lent, BASE, 0, 40, READ | WRITE);
    act_as(program.thread_record);
    user_set_word(BASE + 39 * PAGE, 3);
    act_as(boot);
    assert_ok(wk_capability_revoke(memory));
    assert_int_equal(program.process_record->mapping_count, 0);
    act_as(program.thread_record);
    assert_false(user_load(BASE + 39 * PAGE, &word, 8));
}

static void frames_are_reused_only_after_nobody_can_reach_them(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 40, 0);
    const uint64_t free_frames = frame_free_count();

    (void)state;
    map_there(memory, BASE, 0, 40, READ | WRITE);
    act_as(program.thread_record);
    for (unsigned i = 0; i < 40; i++)
        user_set_word(BASE + i * PAGE, 1);
    act_as(boot);
    assert_ok(wk_capability_delete(memory));
    assert_true(frame_free_count() >= free_frames + 40);
}

static void two_mappings_of_a_page_in_one_process(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 2, 0);

    (void)state;
    map(memory, BASE, READ | WRITE);
    map(memory, 2 * BASE, READ | WRITE);
    user_set_word(BASE, 1);
    assert_int_equal(user_word(2 * BASE), 1);
    assert_ok(wk_process_unmap(BOOT_PROCESS, BASE, 2));
    assert_int_equal(user_word(2 * BASE), 1);
}

static void device_memory_is_mapped(void **state)
{
    wk_handle device;

    (void)state;
    assert_ok(wk_machine_claim_region(BOOT_MACHINE, BOOT_BANK, HOST_DEVICE_PHYSICAL, 4, &device));
    map_there(device, BASE, 1, 2, READ | WRITE);
    act_as(program.thread_record);
    assert_true(user_fetch(BASE) == false);
}

/* Through the capability that the process has itself: it stays when the invoker's goes. */
static void a_process_is_mapped_to_through_its_own_capability(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 4, 0);
    const wk_handle theirs = program_grant(&program, memory, WK_TRANSFER_DUP, READ | WRITE);
    const wk_handle event = program_grant(&program, make_event(BOOT_BANK), WK_TRANSFER_GIVE, ALL_RIGHTS);

    (void)state;
    map(memory, 8 * BASE, READ | WRITE);
    user_set_word(8 * BASE + PAGE, 11);
    assert_error_at(wk_process_map(program.process, 0, BASE, 0, 1, READ), WK_BAD_ARGUMENT, 1);
    assert_error_at(wk_process_map(program.process, event, BASE, 0, 1, READ), WK_BAD_ARGUMENT, 1);
    assert_error_at(wk_process_map(program.process, theirs, BASE, 3, 2, READ), WK_BAD_ARGUMENT, 4);
    assert_status(wk_process_map(program.process, theirs, BASE, 0, 1, EXECUTE), WK_NO_RIGHT);
    assert_ok(wk_process_map(program.process, theirs, BASE, 1, 2, READ));
    assert_status(wk_process_map(program.process, theirs, BASE + PAGE, 1, 2, READ), WK_ALREADY_MAPPED);
    assert_ok(wk_capability_delete(memory));
    act_as(program.thread_record);
    assert_int_equal(user_word(BASE), 11);
    assert_ok(wk_capability_delete(theirs));
    act_as(boot);
}

static void process_map_fails_as_memory_map_does(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 1, 0);
    wk_handle deepest = make_memory(BOOT_BANK, 1, 0);
    enum wk_status status = WK_OK;

    (void)state;
    for (unsigned depth = 0; depth + 1 < CAPABILITY_DEPTH_LIMIT; depth++)
        deepest = lend(deepest, ALL_RIGHTS);
    deepest = program_grant(&program, deepest, WK_TRANSFER_LEND, ALL_RIGHTS);
    assert_status(wk_process_map(program.process, deepest, BASE, 0, 1, READ), WK_TABLE_FULL);
    const wk_handle theirs = program_grant(&program, memory, WK_TRANSFER_DUP, READ);

    for (uint64_t at = 1; status == WK_OK; at++)
        status = wk_process_map(program.process, theirs, at * 16 * BASE, 0, 1, READ);
    assert_status(status, WK_NO_MEMORY);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        program_test(a_mapping_shows_the_memory),
        program_test(map_checks_range_protection_and_rights),
        program_test(a_capability_as_deep_as_can_be_maps_nothing),
        program_test(mappings_do_not_overlap),
        program_test(protection_is_enforced),
        program_test(memory_that_is_not_executable_is_not_fetched),
        program_test(executable_memory_is_fetched),
        program_test(a_load_outside_of_mappings_ends_the_process),
        program_test(a_load_of_a_kernel_address_ends_the_process),
        program_test(demand_memory_that_cannot_be_paid_ends_the_process),
        program_test(page_tables_that_cannot_be_paid_end_the_process),
        program_test(map_fails_when_the_process_cannot_pay_for_its_record),
        program_test(revoking_the_capability_takes_the_mapping_away),
        program_test(frames_are_reused_only_after_nobody_can_reach_them),
        program_test(two_mappings_of_a_page_in_one_process),
        program_test(device_memory_is_mapped),
        program_test(a_process_is_mapped_to_through_its_own_capability),
        program_test(process_map_fails_as_memory_map_does),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
