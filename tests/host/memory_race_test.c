/* SPDX-License-Identifier: MIT */
/* What one thread does to memory and mappings while another is in the middle of a long operation on them. */
#include "two_programs.h"

#define BASE UINT64_C(0x100000)
#define PAGE WK_PAGE_BYTES

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
        assert_int_equal(finish_operation(one.thread_record), WK_OK);
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
        invoke_partly(one.thread_record, WK_PROCESS_PROTECT, self, (uint64_t[6]){BASE, 100, READ | WRITE}, points,
                      boot);
        if (one.thread_record->operation.step == NULL)
            break;
        assert_ok(wk_process_unmap(one.process, BASE + 98 * PAGE, 1));
        assert_ok(wk_memory_map(readable, one.process, BASE + 98 * PAGE, 0, 1, READ));
        (void)finish_operation(one.thread_record);
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
    act_as(boot);
    begin_operation(one.thread_record, WK_CAPABILITY_DELETE, lent, (uint64_t[6]){0}, 4);
    assert_ok(wk_process_unmap(other.process, BASE, 1));
    assert_int_equal(finish_operation(one.thread_record), WK_OK);
}

static void destroying_a_bank_while_another_fills_memory_from_it(void **state)
{
    const wk_handle bank = make_bank(BOOT_BANK, 1000);
    const wk_handle there = program_grant(&one, bank, WK_TRANSFER_LEND, ALL_RIGHTS);
    const uint64_t limit = bank_of(BOOT_BANK)->limit_pages;

    (void)state;
    begin_operation(one.thread_record, WK_MEMORY_CREATE, there, (uint64_t[6]){500, 0}, 20);
    assert_ok(wk_bank_destroy(bank));
    assert_int_equal(finish_operation(one.thread_record), WK_REVOKED);
    assert_int_equal(bank_of(BOOT_BANK)->limit_pages, limit + 1000);
}

static void memory_that_an_operation_has_for_itself_is_busy(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 60, 0);
    const wk_handle there = program_grant(&one, memory, WK_TRANSFER_DUP, ALL_RIGHTS);
    wk_handle clone;

    (void)state;
    begin_operation(one.thread_record, WK_MEMORY_DECOMMIT, there, (uint64_t[6]){0, 60}, 8);
    assert_non_null(memory_of(memory)->busy);
    assert_status(wk_memory_clone(memory, BOOT_BANK, &clone), WK_BUSY);
    assert_status(wk_memory_resize(memory, 70), WK_BUSY);
    assert_status(wk_memory_decommit(memory, 0, 1), WK_BUSY);
    assert_int_equal(finish_operation(one.thread_record), WK_OK);
    assert_ok(wk_memory_decommit(memory, 0, 1));
}

static void a_fault_waits_for_the_operation_that_has_the_memory(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 60, 0);
    const wk_handle there = program_grant(&one, memory, WK_TRANSFER_DUP, ALL_RIGHTS);
    const uint64_t word = 9;

    (void)state;
    assert_ok(wk_memory_map(memory, other.process, BASE, 0, 60, READ | WRITE));
    begin_operation(one.thread_record, WK_MEMORY_DECOMMIT, there, (uint64_t[6]){0, 60}, 8);
    act_as(other.thread_record);
    assert_true(user_store(BASE + 3 * PAGE, &word, 8)); /* the operation ends on the way */
    assert_null(one.thread_record->operation.step);
    assert_int_equal(user_word(BASE + 3 * PAGE), 9);
    act_as(boot);
    assert_null(memory_page(memory_of(memory), 4));
}

static void what_is_mapped_while_a_clone_is_made_is_shared_too(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 60, 0);
    const wk_handle there = program_grant(&one, memory, WK_TRANSFER_DUP, ALL_RIGHTS);
    const wk_handle bank = program_grant(&one, BOOT_BANK, WK_TRANSFER_LEND, ALL_RIGHTS);
    const wk_handle self = program_grant(&one, one.process, WK_TRANSFER_DUP, ALL_RIGHTS);
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
        assert_int_equal(finish_operation(one.thread_record), WK_OK);
        user_set_word(BASE + 59 * PAGE, 0);
        clone = answer_words[0];
        act_as(one.thread_record);
        assert_ok(wk_memory_map(clone, self, BASE, 0, 60, READ));
        assert_int_equal(user_word(BASE + 59 * PAGE), points);
        assert_ok(wk_capability_delete(clone));
        act_as(boot);
    }
    assert_true(points > 15);
}

static void destroying_the_source_ends_the_making_of_its_clone(void **state)
{
    const wk_handle payer = make_bank(BOOT_BANK, 200);
    const wk_handle there = program_grant(&one, make_memory(payer, 60, 0), WK_TRANSFER_GIVE, ALL_RIGHTS);
    const wk_handle bank = program_grant(&one, one.bank, WK_TRANSFER_LEND, ALL_RIGHTS);
    const uint64_t used = bank_used(one.bank);

    (void)state;
    begin_operation(one.thread_record, WK_MEMORY_CLONE, there, (uint64_t[6]){bank, 0}, 12);
    assert_ok(wk_bank_destroy(payer));
    assert_int_equal(finish_operation(one.thread_record), WK_REVOKED);
    assert_int_equal(bank_used(one.bank), used);
}

/* At whatever point: the original is as it was, nobody shares its pages, and it can be stored to. */
static void destroying_the_payer_ends_the_making_of_its_clone(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 60, 0);
    const wk_handle there = program_grant(&one, memory, WK_TRANSFER_DUP, ALL_RIGHTS);
    unsigned points;

    (void)state;
    map(memory, BASE, READ | WRITE);
    for (points = 1; points < 100; points++) {
        const wk_handle payer = make_bank(BOOT_BANK, 100);
        const wk_handle payer_there = program_grant(&one, payer, WK_TRANSFER_LEND, ALL_RIGHTS);

        user_set_word(BASE + 59 * PAGE, points);
        invoke_partly(one.thread_record, WK_MEMORY_CLONE, there, (uint64_t[6]){payer_there}, points, boot);
        act_as(boot);
        if (one.thread_record->operation.step == NULL)
            break;
        assert_ok(wk_bank_destroy(payer));
        assert_int_equal(finish_operation(one.thread_record), WK_REVOKED);
        assert_null(memory_of(memory)->busy);
        for (unsigned i = 0; i < 60; i++)
            assert_int_equal(memory_page(memory_of(memory), i)->references, 1);
        assert_int_equal(user_word(BASE + 59 * PAGE), points);
        user_set_word(BASE, points);
    }
    assert_true(points > 15);
}

static void destroying_a_bank_while_large_memory_is_made_from_it(void **state)
{
    const uint64_t limit = bank_of(BOOT_BANK)->limit_pages;
    unsigned points;

    (void)state;
    for (points = 10; points < 600; points += 97) {
        const wk_handle bank = make_bank(BOOT_BANK, 1200);
        const wk_handle there = program_grant(&one, bank, WK_TRANSFER_LEND, ALL_RIGHTS);

        begin_operation(one.thread_record, WK_MEMORY_CREATE, there, (uint64_t[6]){1024, LARGE}, points);
        assert_ok(wk_bank_destroy(bank));
        assert_int_equal(finish_operation(one.thread_record), WK_REVOKED);
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
        assert_int_equal(finish_operation(one.thread_record), WK_OK);
        act_as(one.thread_record);
        for (unsigned i = 0; i < 60; i += 7)
            (void)user_word(BASE + i * PAGE);
        act_as(boot);
        assert_ok(wk_process_protect(one.process, BASE, 60, READ | WRITE));
    }
    assert_true(points > 20);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        two_programs_test(mapping_a_page_of_memory_that_is_being_decommitted),
        two_programs_test(protecting_does_not_exceed_what_was_mapped_meanwhile),
        two_programs_test(unmapping_one_page_of_a_mapping_that_is_being_taken_back),
        two_programs_test(destroying_a_bank_while_another_fills_memory_from_it),
        two_programs_test(memory_that_an_operation_has_for_itself_is_busy),
        two_programs_test(a_fault_waits_for_the_operation_that_has_the_memory),
        two_programs_test(what_is_mapped_while_a_clone_is_made_is_shared_too),
        two_programs_test(destroying_the_source_ends_the_making_of_its_clone),
        two_programs_test(destroying_the_payer_ends_the_making_of_its_clone),
        two_programs_test(destroying_a_bank_while_large_memory_is_made_from_it),
        two_programs_test(two_that_protect_the_same_range),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
