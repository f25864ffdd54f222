/* SPDX-License-Identifier: MIT */
/* What one thread does to processes, threads and tables while another is in the middle of a long operation on them. */
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

static void a_grant_into_a_table_that_is_being_cloned(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    wk_handle handle, child;

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        program_grant(&one, event, WK_TRANSFER_DUP, ALL_RIGHTS);
    assert_ok(wk_process_create(BOOT_BANK, 10, 0, 0, &child));
    begin_operation(one.thread_record, WK_PROCESS_CLONE_TABLE, program_grant(&one, child, WK_TRANSFER_DUP, ALL_RIGHTS),
                    (uint64_t[6]){0}, 4);
    (void)wk_process_grant(child, event, WK_TRANSFER_DUP, ALL_RIGHTS, &handle);
    (void)finish_operation(one.thread_record);
}

static void two_clones_into_the_same_table(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    wk_handle child;

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        program_grant(&one, event, WK_TRANSFER_DUP, ALL_RIGHTS);
    assert_ok(wk_process_create(BOOT_BANK, 10, 0, 0, &child));
    begin_operation(one.thread_record, WK_PROCESS_CLONE_TABLE, program_grant(&one, child, WK_TRANSFER_DUP, ALL_RIGHTS),
                    (uint64_t[6]){0}, 1);
    (void)wk_process_clone_table(child);
    (void)finish_operation(one.thread_record);
}

static void two_processes_that_kill_each_other(void **state)
{
    const wk_handle there = program_grant(&one, other.process, WK_TRANSFER_DUP, ALL_RIGHTS);
    const wk_handle back = program_grant(&other, one.process, WK_TRANSFER_DUP, ALL_RIGHTS);
    const uint64_t identity = one.process_record->object.identity;

    (void)state;
    begin_operation(one.thread_record, WK_PROCESS_KILL, there, (uint64_t[6]){1}, 1);
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

static void what_is_lent_after_a_revocation_stays(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    const wk_handle there = program_grant(&one, event, WK_TRANSFER_DUP, ALL_RIGHTS);
    wk_handle lent;

    (void)state;
    act_as(one.thread_record);
    for (unsigned i = 0; i < 100; i++)
        lend(there, ALL_RIGHTS);
    act_as(boot);
    begin_operation(one.thread_record, WK_CAPABILITY_REVOKE, there, (uint64_t[6]){0}, 6);
    act_as(one.thread_record);
    (void)finish_operation(one.thread_record);
    act_as(one.thread_record);
    lent = lend(there, ALL_RIGHTS);
    assert_ok(wk_capability_check(lent));
}

/* ---- stopping who is inside an operation ---- */

static void a_thread_that_is_stopped_finishes_its_operation_first(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 60, 0);
    const wk_handle there = program_grant(&one, memory, WK_TRANSFER_DUP, ALL_RIGHTS);

    (void)state;
    begin_operation(one.thread_record, WK_MEMORY_DECOMMIT, there, (uint64_t[6]){0, 60}, 8);
    assert_ok(wk_thread_stop(one.thread));
    assert_null(one.thread_record->operation.step);
    assert_int_equal(memory_of(memory)->present_pages, 0);
}

static void who_waits_for_an_operation_lends_it_its_priority(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 60, 0);
    const wk_handle there = program_grant(&one, memory, WK_TRANSFER_DUP, ALL_RIGHTS);

    (void)state;
    begin_operation(one.thread_record, WK_MEMORY_DECOMMIT, there, (uint64_t[6]){0, 60}, 8);
    invoke_partly(boot, WK_THREAD_STOP, one.thread, (uint64_t[6]){0}, 0, other.thread_record);
    act_as(boot);
    while (boot->operation.step != NULL)
        step_partly(boot, 0, NULL);
    assert_int_equal(one.thread_record->priority, one.thread_record->own_priority);
    assert_int_equal(memory_of(memory)->present_pages, 0);
}

static void an_object_lingers_until_the_operation_on_it_is_done(void **state)
{
    const wk_handle bank = make_bank(BOOT_BANK, 200);
    const wk_handle there = program_grant(&one, make_memory(bank, 60, 0), WK_TRANSFER_GIVE, ALL_RIGHTS);
    const uint64_t bank_identity = identity_of(bank);
    struct memory *memory =
        container_of(capability_find(&one.process_record->table, there)->object, struct memory, object);
    const uint64_t identity = memory->object.identity;
    const uint64_t left = bank_left(BOOT_BANK);

    (void)state;
    begin_operation(one.thread_record, WK_MEMORY_DECOMMIT, there, (uint64_t[6]){0, 60}, 8);
    assert_ok(wk_bank_destroy(bank));
    assert_true(object_exists(identity) && object_exists(bank_identity));
    assert_true(memory->object.lingers);
    (void)finish_operation(one.thread_record);
    assert_false(object_exists(identity) || object_exists(bank_identity));
    assert_int_equal(bank_left(BOOT_BANK), left + 200);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_grant_into_a_table_that_is_being_cloned, setup),
        cmocka_unit_test_setup(two_clones_into_the_same_table, setup),
        cmocka_unit_test_setup(two_processes_that_kill_each_other, setup),
        cmocka_unit_test_setup(a_wait_ends_when_the_capability_it_was_made_through_is_taken_back, setup),
        cmocka_unit_test_setup(what_is_lent_after_a_revocation_stays, setup),
        cmocka_unit_test_setup(a_thread_that_is_stopped_finishes_its_operation_first, setup),
        cmocka_unit_test_setup(who_waits_for_an_operation_lends_it_its_priority, setup),
        cmocka_unit_test_setup(an_object_lingers_until_the_operation_on_it_is_done, setup),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
