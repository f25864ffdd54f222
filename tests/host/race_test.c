/* SPDX-License-Identifier: MIT */
/* What one thread does to processes, threads and tables while another is in the middle of a long operation on them. */
#include "two_programs.h"

#define BASE UINT64_C(0x100000)
#define PAGE WK_PAGE_BYTES

static void a_grant_into_a_table_that_is_being_cloned(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    wk_handle handle, child;

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        program_grant(&one, event, WK_TRANSFER_DUP, ALL_RIGHTS);
    assert_ok(wk_process_create(BOOT_BANK, 0, 0, &child));
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
    assert_ok(wk_process_create(BOOT_BANK, 0, 0, &child));
    begin_operation(one.thread_record, WK_PROCESS_CLONE_TABLE, program_grant(&one, child, WK_TRANSFER_DUP, ALL_RIGHTS),
                    (uint64_t[6]){0}, 1);
    (void)wk_process_clone_table(child);
    (void)finish_operation(one.thread_record);
}

/* ---- a table that cannot be cloned whole ---- */

static wk_handle child;     /* whose bank cannot pay for all of the program's table */
static uint64_t only_there; /* the identity of an event that only what is copied already still names */

static void begin_clone_that_fails(void)
{
    const wk_handle event = make_event(BOOT_BANK);
    const wk_handle event_there = program_grant(&one, event, WK_TRANSFER_DUP, ALL_RIGHTS);
    wk_handle there, thread;

    only_there = identity_of(event);
    assert_ok(wk_process_create(make_bank(BOOT_BANK, 5), 0, 0, &child));
    there = program_grant(&one, child, WK_TRANSFER_DUP, ALL_RIGHTS);
    for (unsigned i = 0; i < 300; i++)
        program_grant(&one, BOOT_BANK, WK_TRANSFER_DUP, ALL_RIGHTS);
    assert_ok(wk_thread_create(one.process, 10, &thread));
    assert_ok(wk_thread_start(thread, 0x10100, 0, 0, 0, 0));
    begin_operation(one.thread_record, WK_PROCESS_CLONE_TABLE, there, (uint64_t[6]){0}, 8);
    assert_ok(wk_capability_delete(event));
    act_as(thread_of(thread));
    assert_ok(wk_capability_delete(event_there));
    act_as(boot);
    assert_true(object_exists(only_there));
}

static void assert_clone_left_nothing(void)
{
    wk_handle handle;

    assert_false(object_exists(only_there));
    assert_int_equal(process_of(child)->table.paged, 0);
    assert_ok(wk_process_grant(child, BOOT_BANK, WK_TRANSFER_DUP, ALL_RIGHTS, &handle));
}

static void what_only_an_unfinished_table_names_goes_with_it(void **state)
{
    (void)state;
    begin_clone_that_fails();
    assert_int_equal(finish_operation(one.thread_record), WK_NO_MEMORY);
    assert_clone_left_nothing();
}

static void who_is_stopped_while_it_empties_a_table_leaves_the_rest_to_the_reaper(void **state)
{
    (void)state;
    begin_clone_that_fails();
    assert_ok(wk_thread_stop(one.thread));
    assert_clone_left_nothing();
}

/* ---- ends ---- */

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
        two_programs_test(a_grant_into_a_table_that_is_being_cloned),
        two_programs_test(two_clones_into_the_same_table),
        two_programs_test(what_only_an_unfinished_table_names_goes_with_it),
        two_programs_test(who_is_stopped_while_it_empties_a_table_leaves_the_rest_to_the_reaper),
        two_programs_test(two_processes_that_kill_each_other),
        two_programs_test(a_wait_ends_when_the_capability_it_was_made_through_is_taken_back),
        two_programs_test(what_is_lent_after_a_revocation_stays),
        two_programs_test(a_thread_that_is_stopped_finishes_its_operation_first),
        two_programs_test(who_waits_for_an_operation_lends_it_its_priority),
        two_programs_test(an_object_lingers_until_the_operation_on_it_is_done),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
