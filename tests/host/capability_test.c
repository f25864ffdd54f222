/* SPDX-License-Identifier: MIT */
/* Operations on any capability, and the derivation forest. */
#include "harness.h"

static void check_tells_whether_a_handle_names_a_capability(void **state)
{
    (void)state;
    assert_ok(wk_capability_check(BOOT_BANK));
    assert_status(wk_capability_check(0), WK_BAD_HANDLE);
    assert_status(wk_capability_check(UINT64_MAX), WK_BAD_HANDLE);
    assert_status(wk_capability_check(BOOT_BANK + (1 << 18)), WK_BAD_HANDLE); /* another generation */
    assert_status(wk_capability_check(WK_FIRST_HANDLE(50)), WK_BAD_HANDLE);
    assert_status(wk_capability_check(WK_FIRST_HANDLE(100000)), WK_BAD_HANDLE);
}

static void info_tells_what_a_capability_is(void **state)
{
    uint64_t type, rights, borrowed, lent, badge, identity, lent_identity;
    wk_handle event, child;

    (void)state;
    event = make_event(BOOT_BANK);
    assert_ok(wk_capability_info(event, &type, &rights, &borrowed, &lent, &badge, &identity));
    assert_int_equal(type, WK_TYPE_EVENT);
    assert_int_equal(rights & (WK_EVENT_RIGHT_SIGNAL | WK_EVENT_RIGHT_WAIT),
                     WK_EVENT_RIGHT_SIGNAL | WK_EVENT_RIGHT_WAIT);
    assert_int_equal(borrowed, 0);
    assert_int_equal(lent, 0);
    assert_int_equal(badge, 0);

    child = lend(event, WK_EVENT_RIGHT_WAIT);
    assert_ok(wk_capability_info(child, &type, &rights, &borrowed, &lent, &badge, &lent_identity));
    assert_int_equal(rights, WK_EVENT_RIGHT_WAIT);
    assert_int_equal(borrowed, 1);
    assert_int_equal(lent_identity, identity);
    assert_ok(wk_capability_info(event, &type, &rights, &borrowed, &lent, &badge, &identity));
    assert_int_equal(lent, 1);
}

static void info_says_lent_of_what_is_mapped(void **state)
{
    uint64_t type, rights, borrowed, lent, badge, identity;
    wk_handle memory;

    (void)state;
    memory = make_memory(BOOT_BANK, 1, 0);
    map(memory, 0x100000, READ);
    assert_ok(wk_capability_info(memory, &type, &rights, &borrowed, &lent, &badge, &identity));
    assert_int_equal(lent, 1);
}

static void rights_only_narrow(void **state)
{
    wk_handle event, waiter, all;

    (void)state;
    event = make_event(BOOT_BANK);
    waiter = duplicate(event, WK_EVENT_RIGHT_WAIT);
    all = duplicate(waiter, ALL_RIGHTS);
    assert_int_equal(slot_of(all)->rights, WK_EVENT_RIGHT_WAIT);
    all = lend(waiter, ALL_RIGHTS);
    assert_int_equal(slot_of(all)->rights, WK_EVENT_RIGHT_WAIT);
    assert_error_at(wk_event_signal(all, 1), WK_NO_RIGHT, 0);
}

static void dup_of_an_owned_one_is_owned_and_outlives_it(void **state)
{
    wk_handle event, twin;

    (void)state;
    event = make_event(BOOT_BANK);
    twin = duplicate(event, ALL_RIGHTS);
    assert_null(slot_of(twin)->parent);
    assert_ok(wk_capability_delete(event));
    assert_ok(wk_event_signal(twin, 1));
}

static void dup_of_a_borrowed_one_is_its_child(void **state)
{
    wk_handle event, borrowed, twin;

    (void)state;
    event = make_event(BOOT_BANK);
    borrowed = lend(event, ALL_RIGHTS);
    twin = duplicate(borrowed, ALL_RIGHTS);
    assert_ptr_equal(slot_of(twin)->parent, slot_of(borrowed));
    assert_ok(wk_capability_delete(borrowed));
    assert_status(wk_capability_check(twin), WK_BAD_HANDLE);
    assert_ok(wk_capability_check(event));
}

static void delete_takes_back_what_was_lent_transitively(void **state)
{
    wk_handle event, chain[10];

    (void)state;
    event = make_event(BOOT_BANK);
    chain[0] = lend(event, ALL_RIGHTS);
    for (unsigned i = 1; i < 10; i++)
        chain[i] = lend(chain[i - 1], ALL_RIGHTS);
    assert_ok(wk_capability_delete(chain[3]));
    for (unsigned i = 0; i < 10; i++)
        assert_status(wk_capability_check(chain[i]), i < 3 ? WK_OK : WK_BAD_HANDLE);
    assert_ok(wk_capability_check(event));
}

static void delete_of_the_last_one_ends_the_object(void **state)
{
    const uint64_t used = bank_used(BOOT_BANK);
    wk_handle memory;
    uint64_t identity;

    (void)state;
    memory = make_memory(BOOT_BANK, 40, 0);
    identity = identity_of(memory);
    lend(memory, ALL_RIGHTS);
    assert_ok(wk_capability_delete(memory));
    assert_false(object_exists(identity));
    assert_int_equal(bank_used(BOOT_BANK), used);
}

static void a_handle_stays_stale_when_its_slot_is_used_again(void **state)
{
    wk_handle event, next;

    (void)state;
    event = make_event(BOOT_BANK);
    assert_ok(wk_capability_delete(event));
    do
        next = make_event(BOOT_BANK);
    while ((next & (CAPABILITY_INDEX_LIMIT - 1)) != (event & (CAPABILITY_INDEX_LIMIT - 1)));
    assert_int_not_equal(next, event);
    assert_status(wk_capability_check(event), WK_BAD_HANDLE);
    assert_status(wk_event_signal(event, 1), WK_BAD_HANDLE);
}

static void slots_are_reused_first_in_first_out(void **state)
{
    wk_handle handles[5];

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        handles[i] = duplicate(BOOT_BANK, ALL_RIGHTS);
    for (unsigned i = 0; i < 5; i++)
        assert_ok(wk_capability_delete(handles[(i * 2) % 5]));
    for (unsigned i = 0; i < 5; i++) {
        const wk_handle again = duplicate(BOOT_BANK, ALL_RIGHTS);

        assert_int_equal(again, handles[(i * 2) % 5] + (1 << 18));
    }
}

static void a_slot_is_retired_when_its_generations_are_used_up(void **state)
{
    wk_handle handle, next;
    struct capability *slot;

    (void)state;
    handle = duplicate(BOOT_BANK, ALL_RIGHTS);
    slot = slot_of(handle);
    slot->generation = CAPABILITY_GENERATION_LIMIT - 1; /* as after 2^26 - 2 uses */
    handle = capability_handle(slot);
    assert_ok(wk_capability_delete(handle));
    for (unsigned i = 0; i < 200; i++) {
        next = duplicate(BOOT_BANK, ALL_RIGHTS);
        assert_ptr_not_equal(slot_of(next), slot);
    }
    assert_status(wk_capability_check(handle), WK_BAD_HANDLE);
}

static void revoke_takes_back_and_keeps(void **state)
{
    wk_handle memory, lent, deeper;

    (void)state;
    memory = make_memory(BOOT_BANK, 1, 0);
    lent = lend(memory, ALL_RIGHTS);
    deeper = lend(lent, ALL_RIGHTS);
    map(lent, 0x100000, READ | WRITE);
    user_set_word(0x100000, 7);
    assert_ok(wk_capability_revoke(memory));
    assert_status(wk_capability_check(lent), WK_BAD_HANDLE);
    assert_status(wk_capability_check(deeper), WK_BAD_HANDLE);
    assert_int_equal(memory_of(memory)->mapping_count, 0);
    assert_ok(wk_capability_revoke(memory));
    lend(memory, ALL_RIGHTS);
}

static void revoke_reaches_other_processes(void **state)
{
    struct thread *boot = actor();
    struct program program = program_make(500, 10);
    wk_handle memory, there, deeper;

    (void)state;
    memory = make_memory(BOOT_BANK, 2, 0);
    there = program_grant(&program, memory, WK_TRANSFER_LEND, ALL_RIGHTS);
    assert_ok(wk_memory_map(memory, program.process, 0x200000, 0, 2, READ | WRITE));
    act_as(program.thread_record);
    deeper = lend(there, ALL_RIGHTS);
    user_set_word(0x200000, 1);
    act_as(boot);
    assert_ok(wk_capability_revoke(memory));
    act_as(program.thread_record);
    assert_status(wk_capability_check(there), WK_BAD_HANDLE);
    assert_status(wk_capability_check(deeper), WK_BAD_HANDLE);
    assert_false(user_load(0x200000, &there, sizeof(there)));
    assert_int_equal(program.process_record->state, WK_PROCESS_STATE_ENDED);
}

static void depth_is_limited(void **state)
{
    wk_handle handle, lent, mailbox;
    uint64_t ticket;
    unsigned depth = 0;

    (void)state;
    handle = make_event(BOOT_BANK);
    for (; wk_capability_lend(handle, ALL_RIGHTS, &lent) == WK_OK; depth++)
        handle = lent;
    assert_int_equal(depth, CAPABILITY_DEPTH_LIMIT);
    assert_status(wk_capability_lend(handle, ALL_RIGHTS, &lent), WK_TABLE_FULL);
    assert_status(wk_capability_dup(handle, ALL_RIGHTS, &lent), WK_TABLE_FULL);
    assert_ok(wk_mailbox_create(BOOT_BANK, 1, &mailbox));
    assert_status(wk_mailbox_post(mailbox, handle, WK_TRANSFER_LEND, ALL_RIGHTS, &ticket), WK_TABLE_FULL);
}

static void a_wide_and_deep_tree_is_taken_back(void **state)
{
    wk_handle event, handles[400];
    unsigned count = 0;

    (void)state;
    event = make_event(BOOT_BANK);
    handles[count++] = lend(event, ALL_RIGHTS);
    while (count < 400) {
        handles[count] = lend(handles[count / 3], ALL_RIGHTS);
        count++;
    }
    assert_ok(wk_capability_revoke(event));
    for (unsigned i = 0; i < 400; i++)
        assert_status(wk_capability_check(handles[i]), WK_BAD_HANDLE);
}

static void the_table_grows_by_pages_paid_by_the_process(void **state)
{
    struct program program = program_make(500, 10);
    struct thread *boot = actor();
    wk_handle event = program_grant(&program, make_event(BOOT_BANK), WK_TRANSFER_DUP, ALL_RIGHTS);
    uint64_t used;

    (void)state;
    used = bank_used(program.bank);
    act_as(program.thread_record);
    for (unsigned i = 1; i < CAPABILITIES_PER_PAGE; i++)
        duplicate(event, ALL_RIGHTS);
    act_as(boot);
    assert_int_equal(bank_used(program.bank), used);
    act_as(program.thread_record);
    duplicate(event, ALL_RIGHTS);
    act_as(boot);
    assert_int_equal(bank_used(program.bank), used + 1);
}

static void dup_and_lend_fail_when_the_bank_cannot_pay_for_the_table(void **state)
{
    struct program program = program_make(30, 10);
    wk_handle event = program_grant(&program, make_event(BOOT_BANK), WK_TRANSFER_DUP, ALL_RIGHTS);
    wk_handle made;
    enum wk_status status;

    (void)state;
    act_as(program.thread_record);
    do
        status = wk_capability_dup(event, ALL_RIGHTS, &made);
    while (status == WK_OK);
    assert_int_equal(status, WK_NO_MEMORY);
    assert_status(wk_capability_lend(event, ALL_RIGHTS, &made), WK_NO_MEMORY);
    assert_ok(wk_capability_check(event));
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(check_tells_whether_a_handle_names_a_capability),
        machine_test(info_tells_what_a_capability_is),
        machine_test(info_says_lent_of_what_is_mapped),
        machine_test(rights_only_narrow),
        machine_test(dup_of_an_owned_one_is_owned_and_outlives_it),
        machine_test(dup_of_a_borrowed_one_is_its_child),
        machine_test(delete_takes_back_what_was_lent_transitively),
        machine_test(delete_of_the_last_one_ends_the_object),
        machine_test(a_handle_stays_stale_when_its_slot_is_used_again),
        machine_test(slots_are_reused_first_in_first_out),
        machine_test(a_slot_is_retired_when_its_generations_are_used_up),
        machine_test(revoke_takes_back_and_keeps),
        machine_test(revoke_reaches_other_processes),
        machine_test(depth_is_limited),
        machine_test(a_wide_and_deep_tree_is_taken_back),
        machine_test(the_table_grows_by_pages_paid_by_the_process),
        machine_test(dup_and_lend_fail_when_the_bank_cannot_pay_for_the_table),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
