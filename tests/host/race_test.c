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
    unsigned points;

    (void)state;
    for (points = 1; points < 100; points++) {
        struct mapping *mapping;

        act_as(boot);
        assert_ok(wk_process_unmap(one.process, BASE, 100));
        assert_ok(wk_memory_map(writable, one.process, BASE, 0, 100, READ));
        invoke_partly(one.thread_record, WK_PROCESS_PROTECT, self, (uint64_t[6]){BASE, 100, READ | WRITE}, points, boot);
        if (one.thread_record->operation.step == NULL)
            break;
        assert_ok(wk_process_unmap(one.process, BASE + 98 * PAGE, 1));
        assert_ok(wk_memory_map(readable, one.process, BASE + 98 * PAGE, 0, 1, READ));
        (void)end(one.thread_record);
        mapping = mapping_find(one.process_record, BASE + 98 * PAGE);
        assert_ptr_equal(mapping->node.parent, slot_of(readable));
        assert_int_equal(mapping->protection, READ);
    }
    assert_true(points > 40);
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

/* ---- operations that have a memory for themselves ---- */

static void memory_that_an_operation_has_for_itself_is_busy(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 60, 0);
    const wk_handle there = program_grant(&one, memory, WK_TRANSFER_DUP, ALL_RIGHTS);
    wk_handle clone;

    (void)state;
    begin(one.thread_record, WK_MEMORY_DECOMMIT, there, (uint64_t[6]){0, 60}, 20);
    assert_non_null(memory_of(memory)->busy);
    assert_status(wk_memory_clone(memory, BOOT_BANK, &clone), WK_BUSY);
    assert_status(wk_memory_resize(memory, 70), WK_BUSY);
    assert_status(wk_memory_decommit(memory, 0, 1), WK_BUSY);
    assert_int_equal(end(one.thread_record), WK_OK);
    assert_ok(wk_memory_decommit(memory, 0, 1));
}

static void a_fault_waits_for_the_operation_that_has_the_memory(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 60, 0);
    const wk_handle there = program_grant(&one, memory, WK_TRANSFER_DUP, ALL_RIGHTS);
    const uint64_t word = 9;

    (void)state;
    assert_ok(wk_memory_map(memory, other.process, BASE, 0, 60, READ | WRITE));
    begin(one.thread_record, WK_MEMORY_DECOMMIT, there, (uint64_t[6]){0, 60}, 60);
    act_as(other.thread_record);
    assert_true(user_store(BASE + 3 * PAGE, &word, 8)); /* the operation ends on the way */
    assert_null(one.thread_record->operation.step);
    assert_int_equal(user_word(BASE + 3 * PAGE), 9);
    assert_int_equal(memory_page(memory_of(memory), 4) == NULL, 1);
}

static void what_is_mapped_while_a_clone_is_made_is_shared_too(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 60, 0);
    const wk_handle there = program_grant(&one, memory, WK_TRANSFER_DUP, ALL_RIGHTS);
    const wk_handle bank = program_grant(&one, BOOT_BANK, WK_TRANSFER_LEND, ALL_RIGHTS);
    unsigned points;

    (void)state;
    map(memory, BASE, READ | WRITE);
    for (points = 1; points < 200; points++) {
        wk_handle clone;

        user_set_word(BASE + 59 * PAGE, points);
        assert_ok(wk_process_unmap(BOOT_PROCESS, BASE, 60));
        invoke_partly(one.thread_record, WK_MEMORY_CLONE, there, (uint64_t[6]){bank, 0}, points, boot);
        act_as(boot);
        map(memory, BASE, READ | WRITE);
        if (one.thread_record->operation.step == NULL)
            break;
        assert_int_equal(end(one.thread_record), WK_OK);
        user_set_word(BASE + 59 * PAGE, 0);
        clone = answer_words[0];
        act_as(one.thread_record);
        assert_ok(wk_memory_map(clone, program_grant(&one, one.process, WK_TRANSFER_DUP, ALL_RIGHTS), BASE, 0, 60, READ));
        assert_int_equal(user_word(BASE + 59 * PAGE), points);
        assert_ok(wk_capability_delete(clone));
        act_as(boot);
    }
    assert_true(points > 30);
}

static void destroying_the_source_ends_the_making_of_its_clone(void **state)
{
    const wk_handle payer = make_bank(BOOT_BANK, 200);
    const wk_handle there = program_grant(&one, make_memory(payer, 60, 0), WK_TRANSFER_GIVE, ALL_RIGHTS);
    const wk_handle bank = program_grant(&one, one.bank, WK_TRANSFER_LEND, ALL_RIGHTS);
    const uint64_t used = bank_used(one.bank);

    (void)state;
    begin(one.thread_record, WK_MEMORY_CLONE, there, (uint64_t[6]){bank, 0}, 12);
    assert_ok(wk_bank_destroy(payer));
    assert_int_equal(end(one.thread_record), WK_REVOKED);
    assert_int_equal(bank_used(one.bank), used);
}

static void destroying_a_bank_while_large_memory_is_made_from_it(void **state)
{
    const uint64_t limit = bank_of(BOOT_BANK)->limit_pages;
    unsigned points;

    (void)state;
    for (points = 10; points < 600; points += 97) {
        const wk_handle bank = make_bank(BOOT_BANK, 1200);
        const wk_handle there = program_grant(&one, bank, WK_TRANSFER_LEND, ALL_RIGHTS);

        begin(one.thread_record, WK_MEMORY_CREATE, there, (uint64_t[6]){1024, LARGE}, points);
        assert_ok(wk_bank_destroy(bank));
        assert_int_equal(end(one.thread_record), WK_REVOKED);
        assert_int_equal(bank_of(BOOT_BANK)->limit_pages, limit);
    }
}

/* Whoever comes last, what page tables allow is no more than what the mapping says (the checker sees to that). */
static void two_that_protect_the_same_range(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 60, 0);
    const wk_handle self = program_grant(&one, one.process, WK_TRANSFER_DUP, ALL_RIGHTS);
    unsigned points;

    (void)state;
    assert_ok(wk_memory_map(memory, one.process, BASE, 0, 60, READ | WRITE));
    for (points = 1; points < 100; points++) {
        invoke_partly(one.thread_record, WK_PROCESS_PROTECT, self, (uint64_t[6]){BASE, 60, READ}, points, boot);
        act_as(boot);
        if (one.thread_record->operation.step == NULL)
            break;
        assert_ok(wk_process_protect(one.process, BASE, 60, READ | WRITE));
        act_as(other.thread_record);
        act_as(boot);
        assert_int_equal(end(one.thread_record), WK_OK);
        act_as(one.thread_record);
        for (unsigned i = 0; i < 60; i += 7)
            (void)user_word(BASE + i * PAGE);
        act_as(boot);
        assert_ok(wk_process_protect(one.process, BASE, 60, READ | WRITE));
    }
    assert_true(points > 20);
}

/* ---- stopping who is inside an operation ---- */

static void a_thread_that_is_stopped_finishes_its_operation_first(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 60, 0);
    const wk_handle there = program_grant(&one, memory, WK_TRANSFER_DUP, ALL_RIGHTS);

    (void)state;
    begin(one.thread_record, WK_MEMORY_DECOMMIT, there, (uint64_t[6]){0, 60}, 20);
    assert_ok(wk_thread_stop(one.thread));
    assert_null(one.thread_record->operation.step);
    assert_int_equal(memory_of(memory)->present_pages, 0);
}

static void who_waits_for_an_operation_lends_it_its_priority(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 60, 0);
    const wk_handle there = program_grant(&one, memory, WK_TRANSFER_DUP, ALL_RIGHTS);

    (void)state;
    begin(one.thread_record, WK_MEMORY_DECOMMIT, there, (uint64_t[6]){0, 60}, 20);
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
    struct memory *memory = container_of(capability_find(&one.process_record->table, there)->object, struct memory, object);
    const uint64_t identity = memory->object.identity;
    const uint64_t left = bank_left(BOOT_BANK);

    (void)state;
    begin(one.thread_record, WK_MEMORY_DECOMMIT, there, (uint64_t[6]){0, 60}, 20);
    assert_ok(wk_bank_destroy(bank));
    assert_true(object_exists(identity) && object_exists(bank_identity));
    assert_true(memory->object.lingers);
    (void)end(one.thread_record);
    assert_false(object_exists(identity) || object_exists(bank_identity));
    assert_int_equal(bank_left(BOOT_BANK), left + 200);
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
        cmocka_unit_test_setup(memory_that_an_operation_has_for_itself_is_busy, setup),
        cmocka_unit_test_setup(a_fault_waits_for_the_operation_that_has_the_memory, setup),
        cmocka_unit_test_setup(what_is_mapped_while_a_clone_is_made_is_shared_too, setup),
        cmocka_unit_test_setup(destroying_the_source_ends_the_making_of_its_clone, setup),
        cmocka_unit_test_setup(destroying_a_bank_while_large_memory_is_made_from_it, setup),
        cmocka_unit_test_setup(two_that_protect_the_same_range, setup),
        cmocka_unit_test_setup(a_thread_that_is_stopped_finishes_its_operation_first, setup),
        cmocka_unit_test_setup(who_waits_for_an_operation_lends_it_its_priority, setup),
        cmocka_unit_test_setup(an_object_lingers_until_the_operation_on_it_is_done, setup),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
