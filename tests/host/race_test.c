/* SPDX-License-Identifier: MIT */
/* What one thread does while another is in the middle of a long operation. */
#include "harness.h"

#define BASE UINT64_C(0x100000)
#define PAGE WK_PAGE_BYTES

static struct thread *boot;
static struct program one;
static struct program other;

static int setup(void **state)
{
    machine_setup(state);
    boot = actor();
    one = program_make(2000, 10);
    other = program_make(2000, 10);
    return 0;
}

/* Leaves the thread in the middle of its invocation, with the boot thread running. */
static void begin(struct thread *thread, uint64_t operation, wk_handle handle, const uint64_t words[6], unsigned points)
{
    invoke_partly(thread, operation, handle, words, points, boot);
    act_as(boot);
    if (thread->operation.step == NULL)
        fail_msg("the operation ended before it could be interrupted");
}

/* Lets it come to its end. */
static enum wk_status end(struct thread *thread)
{
    for (unsigned tries = 0; thread->operation.step != NULL; tries++) {
        if (tries == 1000)
            fail_msg("the operation does not end");
        step_partly(thread, 0, NULL);
    }
    settle();
    check_kernel();
    return late_answer(thread);
}

static void a_grant_into_a_table_that_is_being_cloned(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    wk_handle handle, child;

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        program_grant(&one, event, WK_TRANSFER_DUP, ALL_RIGHTS);
    assert_ok(wk_process_create(BOOT_BANK, 10, 0, 0, &child));
    begin(one.thread_record, WK_PROCESS_CLONE_TABLE, program_grant(&one, child, WK_TRANSFER_DUP, ALL_RIGHTS),
          (uint64_t[6]){0}, 4);
    (void)wk_process_grant(child, event, WK_TRANSFER_DUP, ALL_RIGHTS, &handle);
    (void)end(one.thread_record);
}

static void two_clones_into_the_same_table(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    wk_handle child;

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        program_grant(&one, event, WK_TRANSFER_DUP, ALL_RIGHTS);
    assert_ok(wk_process_create(BOOT_BANK, 10, 0, 0, &child));
    begin(one.thread_record, WK_PROCESS_CLONE_TABLE, program_grant(&one, child, WK_TRANSFER_DUP, ALL_RIGHTS),
          (uint64_t[6]){0}, 1);
    (void)wk_process_clone_table(child);
    (void)end(one.thread_record);
}

static void two_processes_that_kill_each_other(void **state)
{
    const wk_handle there = program_grant(&one, other.process, WK_TRANSFER_DUP, ALL_RIGHTS);
    const wk_handle back = program_grant(&other, one.process, WK_TRANSFER_DUP, ALL_RIGHTS);
    const uint64_t identity = one.process_record->object.identity;

    (void)state;
    begin(one.thread_record, WK_PROCESS_KILL, there, (uint64_t[6]){1}, 1);
    act_as(other.thread_record);
    if (thread_is_runnable(other.thread_record))
        invoke_partly(other.thread_record, WK_PROCESS_KILL, back, (uint64_t[6]){2}, 0, NULL);
    act_as(boot);
    for (unsigned tries = 0; check_operation_under_way(); tries++) {
        if (tries == 100)
            fail_msg("neither comes to its end");
        if (object_exists(identity) && one.thread_record->operation.step != NULL)
            step_partly(one.thread_record, 0, NULL);
        settle();
    }
    assert_int_equal(other.process_record->state, WK_PROCESS_STATE_ENDED);
}

static void mapping_a_page_of_memory_that_is_being_decommitted(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 100, 0);
    const wk_handle there = program_grant(&one, memory, WK_TRANSFER_DUP, ALL_RIGHTS);

    unsigned points;

    (void)state;
    for (points = 1; points < 40; points++) {
        for (unsigned i = 0; i < 100; i++)
            assert_ok(wk_memory_copy(memory, i * PAGE, BOOT_DEVICE_TREE, 0, 64));
        invoke_partly(one.thread_record, WK_MEMORY_DECOMMIT, there, (uint64_t[6]){0, 100}, points, boot);
        act_as(boot);
        if (one.thread_record->operation.step == NULL)
            break;
        assert_ok(wk_memory_map(memory, BOOT_PROCESS, BASE, 99, 1, READ | WRITE));
        assert_int_equal(end(one.thread_record), WK_OK);
        assert_int_equal(user_word(BASE), 0);
        assert_ok(wk_process_unmap(BOOT_PROCESS, BASE, 1));
    }
    assert_true(points > 10);
}

static void protecting_does_not_exceed_what_was_mapped_meanwhile(void **state)
{
    const wk_handle writable = make_memory(BOOT_BANK, 100, 0);
    const wk_handle readable = lend(make_memory(BOOT_BANK, 1, 0), WK_MEMORY_RIGHT_READ);
    const wk_handle self = program_grant(&one, one.process, WK_TRANSFER_DUP, ALL_RIGHTS);
    const uint64_t word = 1;

    (void)state;
    assert_ok(wk_memory_map(writable, one.process, BASE, 0, 100, READ));
    begin(one.thread_record, WK_PROCESS_PROTECT, self, (uint64_t[6]){BASE, 100, READ | WRITE}, 5);
    assert_ok(wk_process_unmap(one.process, BASE + 98 * PAGE, 1));
    assert_ok(wk_memory_map(readable, one.process, BASE + 98 * PAGE, 0, 1, READ));
    (void)end(one.thread_record);
    act_as(one.thread_record);
    assert_false(user_store(BASE + 98 * PAGE, &word, 8));
}

static void unmapping_one_page_of_a_mapping_that_is_being_taken_back(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 100, 0);
    const wk_handle lent = program_grant(&one, memory, WK_TRANSFER_LEND, ALL_RIGHTS);
    const wk_handle target = program_grant(&one, other.process, WK_TRANSFER_DUP, ALL_RIGHTS);

    (void)state;
    act_as(one.thread_record);
    assert_ok(wk_memory_map(lent, target, BASE, 0, 100, READ));
    begin(one.thread_record, WK_CAPABILITY_DELETE, lent, (uint64_t[6]){0}, 4);
    assert_ok(wk_process_unmap(other.process, BASE, 1));
    assert_int_equal(end(one.thread_record), WK_OK);
}

static void a_wait_ends_when_the_capability_it_was_made_through_is_taken_back(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    const wk_handle there = program_grant(&one, event, WK_TRANSFER_LEND, ALL_RIGHTS);

    (void)state;
    act_as(one.thread_record);
    assert_status(wk_event_wait(there, 1, UINT64_MAX, &(uint64_t){0}), NOT_ANSWERED);
    act_as(boot);
    assert_ok(wk_capability_revoke(event));
    assert_int_equal(late_answer(one.thread_record), WK_REVOKED);
}

static void destroying_a_bank_while_another_fills_memory_from_it(void **state)
{
    const wk_handle bank = make_bank(BOOT_BANK, 1000);
    const wk_handle there = program_grant(&one, bank, WK_TRANSFER_LEND, ALL_RIGHTS);
    const uint64_t limit = bank_of(BOOT_BANK)->limit_pages;

    (void)state;
    begin(one.thread_record, WK_MEMORY_CREATE, there, (uint64_t[6]){500, 0}, 20);
    assert_ok(wk_bank_destroy(bank));
    assert_int_equal(end(one.thread_record), WK_REVOKED);
    assert_int_equal(bank_of(BOOT_BANK)->limit_pages, limit + 1000);
}

static void what_is_lent_after_a_revocation_stays(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    const wk_handle there = program_grant(&one, event, WK_TRANSFER_DUP, ALL_RIGHTS);
    wk_handle lent;

    (void)state;
    act_as(one.thread_record);
    for (unsigned i = 0; i < 100; i++)
        lend(there, ALL_RIGHTS);
    begin(one.thread_record, WK_CAPABILITY_REVOKE, there, (uint64_t[6]){0}, 6);
    act_as(one.thread_record);
    (void)end(one.thread_record);
    act_as(one.thread_record);
    lent = lend(there, ALL_RIGHTS);
    assert_ok(wk_capability_check(lent));
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_grant_into_a_table_that_is_being_cloned, setup),
        cmocka_unit_test_setup(two_clones_into_the_same_table, setup),
        cmocka_unit_test_setup(two_processes_that_kill_each_other, setup),
        cmocka_unit_test_setup(mapping_a_page_of_memory_that_is_being_decommitted, setup),
        cmocka_unit_test_setup(protecting_does_not_exceed_what_was_mapped_meanwhile, setup),
        cmocka_unit_test_setup(unmapping_one_page_of_a_mapping_that_is_being_taken_back, setup),
        cmocka_unit_test_setup(a_wait_ends_when_the_capability_it_was_made_through_is_taken_back, setup),
        cmocka_unit_test_setup(destroying_a_bank_while_another_fills_memory_from_it, setup),
        cmocka_unit_test_setup(what_is_lent_after_a_revocation_stays, setup),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
