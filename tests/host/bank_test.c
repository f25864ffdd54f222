/* SPDX-License-Identifier: MIT */
/* The bank's operations: success and each error. */
#include "harness.h"

static void split_moves_allowance_to_a_child(void **state)
{
    const uint64_t limit = bank_of(BOOT_BANK)->limit_pages;
    const uint64_t used = bank_used(BOOT_BANK);
    wk_handle child;
    uint64_t limit_pages, used_pages, objects, children;
    enum wk_bank_kind kind;

    (void)state;
    assert_ok(wk_bank_split(BOOT_BANK, 100, WK_BANK_KIND_RAM, &child));
    assert_int_equal(bank_of(BOOT_BANK)->limit_pages, limit - 100);
    assert_int_equal(bank_used(BOOT_BANK), used);

    assert_ok(wk_bank_info(child, &limit_pages, &used_pages, &objects, &children, &kind));
    assert_int_equal(limit_pages, 100);
    assert_int_equal(used_pages, 1); /* its own record */
    assert_int_equal(objects, 0);
    assert_int_equal(children, 0);
    assert_int_equal(kind, WK_BANK_KIND_RAM);

    assert_ok(wk_bank_info(BOOT_BANK, &limit_pages, &used_pages, &objects, &children, &kind));
    assert_int_equal(limit_pages, limit - 100);
    assert_int_equal(children, 1);
}

static void split_needs_as_many_pages_as_it_moves(void **state)
{
    wk_handle child, grandchild;

    (void)state;
    child = make_bank(BOOT_BANK, 10);
    assert_status(wk_bank_split(child, 10, WK_BANK_KIND_RAM, &grandchild), WK_NO_MEMORY);
    assert_ok(wk_bank_split(child, 9, WK_BANK_KIND_RAM, &grandchild));
    assert_status(wk_bank_split(child, 1, WK_BANK_KIND_RAM, &grandchild), WK_NO_MEMORY);
    assert_status(wk_bank_split(BOOT_BANK, bank_left(BOOT_BANK) + 1, WK_BANK_KIND_RAM, &grandchild), WK_NO_MEMORY);
}

static void a_bank_of_one_page_holds_its_own_record_and_nothing_else(void **state)
{
    wk_handle child, event;

    (void)state;
    child = make_bank(BOOT_BANK, 1);
    assert_int_equal(bank_left(child), 0);
    /* Small records still fit in the page of its own record, as long as they are of that size class. */
    while (wk_event_create(child, &event) == WK_OK)
        continue;
    assert_int_equal(bank_used(child), 1);
    assert_ok(wk_bank_destroy(child));
}

static void split_gives_only_kinds_that_there_are(void **state)
{
    wk_handle child;

    (void)state;
    assert_status(wk_bank_split(BOOT_BANK, 10, WK_BANK_KIND_DMA, &child), WK_NO_MEMORY);
    assert_status(wk_bank_split(BOOT_BANK, 10, WK_BANK_KIND_TIM, &child), WK_NO_MEMORY);
}

static void destroy_returns_everything_to_the_parent(void **state)
{
    char *before = check_state_text();
    wk_handle child;

    (void)state;
    child = make_bank(BOOT_BANK, 1000);
    make_event(child);
    make_memory(child, 20, 0);
    make_memory(child, 600, 0);
    map(make_memory(child, 3, 0), 0x100000, READ | WRITE);
    make_bank(child, 50);
    make_event(make_bank(child, 60));
    assert_ok(wk_bank_destroy(child));
    assert_null(slot_of(child));
    assert_state_is(before);
}

static void destroy_ends_the_processes_that_it_paid_for(void **state)
{
    const uint64_t used = bank_used(BOOT_BANK);
    struct program program = program_make(500, 10);
    const uint64_t identity = program.process_record->object.identity;

    (void)state;
    map(make_memory(program.bank, 3, 0), 0x100000, READ | WRITE);
    assert_ok(wk_bank_destroy(program.bank));
    assert_false(object_exists(identity));
    assert_null(slot_of(program.process));
    assert_int_equal(bank_used(BOOT_BANK), used);
}

static void destroy_of_the_first_bank_is_refused(void **state)
{
    (void)state;
    assert_status(wk_bank_destroy(BOOT_BANK), WK_BUSY);
}

static void a_bank_goes_with_its_last_capability(void **state)
{
    const uint64_t left = bank_left(BOOT_BANK);
    wk_handle child, twin;
    uint64_t identity;

    (void)state;
    child = make_bank(BOOT_BANK, 100);
    identity = identity_of(child);
    make_event(child);
    twin = duplicate(child, ALL_RIGHTS);
    assert_ok(wk_capability_delete(child));
    assert_true(object_exists(identity));
    assert_ok(wk_capability_delete(twin));
    assert_false(object_exists(identity));
    assert_int_equal(bank_left(BOOT_BANK), left);
}

static void capabilities_to_what_a_destroyed_bank_paid_for_are_gone_everywhere(void **state)
{
    struct program program = program_make(500, 10);
    wk_handle child, event, granted;

    (void)state;
    child = make_bank(BOOT_BANK, 100);
    event = make_event(child);
    granted = program_grant(&program, event, WK_TRANSFER_DUP, ALL_RIGHTS);
    assert_ok(wk_bank_destroy(child));
    assert_status(wk_capability_check(event), WK_BAD_HANDLE);
    act_as(program.thread_record);
    assert_status(wk_capability_check(granted), WK_BAD_HANDLE);
}

static void the_invokers_own_process_may_go_with_its_bank(void **state)
{
    struct thread *boot_thread = actor();
    struct program program = program_make(500, 10);
    const uint64_t identity = program.process_record->object.identity;
    const uint64_t used = bank_used(BOOT_BANK);
    wk_handle own_bank = program_grant(&program, program.bank, WK_TRANSFER_DUP, ALL_RIGHTS);

    (void)state;
    act_as(program.thread_record);
    assert_status(wk_bank_destroy(own_bank), NOT_ANSWERED);
    assert_false(object_exists(identity));
    act_as(boot_thread);
    assert_null(slot_of(program.bank));
    assert_ok(wk_capability_check(BOOT_BANK));
    assert_int_equal(bank_used(BOOT_BANK), used);
}

static void small_records_share_pages(void **state)
{
    wk_handle child;
    uint64_t used;

    (void)state;
    child = make_bank(BOOT_BANK, 100);
    make_event(child);
    used = bank_used(child);
    make_event(child);
    make_event(child);
    assert_int_equal(bank_used(child), used);
}

static void the_pages_of_records_return_when_the_records_are_gone(void **state)
{
    wk_handle child, events[200];
    uint64_t used;

    (void)state;
    child = make_bank(BOOT_BANK, 100);
    used = bank_used(child);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 200; i++)
            events[i] = make_event(child);
        assert_true(bank_used(child) > used + 5);
        for (unsigned i = 0; i < 200; i++)
            assert_ok(wk_capability_delete(events[round % 2 == 0 ? i : 199 - i]));
        assert_int_equal(bank_used(child), used);
    }
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(split_moves_allowance_to_a_child),
        machine_test(split_needs_as_many_pages_as_it_moves),
        machine_test(a_bank_of_one_page_holds_its_own_record_and_nothing_else),
        machine_test(split_gives_only_kinds_that_there_are),
        machine_test(destroy_returns_everything_to_the_parent),
        machine_test(destroy_ends_the_processes_that_it_paid_for),
        machine_test(destroy_of_the_first_bank_is_refused),
        machine_test(a_bank_goes_with_its_last_capability),
        machine_test(capabilities_to_what_a_destroyed_bank_paid_for_are_gone_everywhere),
        machine_test(the_invokers_own_process_may_go_with_its_bank),
        machine_test(small_records_share_pages),
        machine_test(the_pages_of_records_return_when_the_records_are_gone),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
