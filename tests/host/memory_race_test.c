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
    assert_true(points > 6);
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
    assert_true(
        user_store(BASE + 59 * PAGE, &word, 8)); /* where translations go first; the operation ends on the way */
    assert_null(one.thread_record->operation.step);
    assert_int_equal(user_word(BASE + 59 * PAGE), 9);
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
    assert_true(points > 8);
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
    assert_true(points > 8);
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
    assert_true(points > 4);
}

/* ---- operations that a peer would keep going ---- */

#define ROUNDS 200 /* more steps than any of these operations has by itself */
#define SWEPT BASE /* in the other process: mappings that are there when the operation begins */
#define FED (BASE * 16)

/* Maps the memory more often than one step of a sweep passes mappings, and unmaps what it mapped a while ago. */
static void feed(wk_handle memory, unsigned round)
{
    for (unsigned i = 0; i < 8; i++) {
        assert_ok(wk_memory_map(memory, other.process, FED + (round * 8 + i) * PAGE, i, 1, READ | WRITE));
        if (round >= 2 && i < 6)
            assert_ok(wk_process_unmap(other.process, FED + ((round - 2) * 8 + i) * PAGE, 1));
    }
}

/* Cuts mappings that are swept already, that are being swept, and that are not yet. */
static void cut(wk_handle memory, unsigned round)
{
    (void)memory;
    if (round < 12)
        assert_ok(wk_process_unmap(other.process, SWEPT + (round * 5 % 12 * 16 + 1 + round % 6) * PAGE, 1));
}

/* The first program's thread does it, and between any two steps the first process does its worst. The checker looks at
 * every entry of every page table after it. Returns the first result. */
static uint64_t end_in_spite_of(void (*peer)(wk_handle, unsigned), wk_handle memory, uint64_t operation,
                                wk_handle handle, const uint64_t words[6])
{
    uint64_t result;
    unsigned round;

    for (unsigned i = 0; i < 12; i++) {
        (void)wk_process_unmap(other.process, SWEPT + i * 16 * PAGE, 8);
        assert_ok(wk_memory_map(memory, other.process, SWEPT + i * 16 * PAGE, 0, 8, READ | WRITE));
    }
    invoke_partly(one.thread_record, operation, handle, words, 1, boot);
    act_as(boot);
    for (round = 0; one.thread_record->operation.step != NULL; round++) {
        assert_true(round < ROUNDS);
        peer(memory, round);
        step_partly(one.thread_record, 1, boot);
    }
    assert_int_equal(late_answer(one.thread_record), WK_OK);
    result = answer_words[0];
    assert_true(round > 4);
    assert_ok(wk_process_unmap(other.process, FED, ROUNDS * 8));
    return result;
}

/* Pages that are present, private, and hold 1. */
static void fill(wk_handle memory)
{
    map(memory, BASE, READ | WRITE);
    for (unsigned i = 0; i < 8; i++)
        user_set_word(BASE + i * PAGE, 1);
    assert_ok(wk_process_unmap(BOOT_PROCESS, BASE, 8));
}

static uint64_t word_of(wk_handle memory, unsigned page)
{
    uint64_t word;

    assert_ok(wk_memory_map(memory, BOOT_PROCESS, BASE, page, 1, READ));
    word = user_word(BASE);
    assert_ok(wk_process_unmap(BOOT_PROCESS, BASE, 1));
    return word;
}

static void sweeps_end_in_spite_of(void (*peer)(wk_handle, unsigned))
{
    const wk_handle memory = make_memory(BOOT_BANK, 8, 0);
    const wk_handle source = make_memory(BOOT_BANK, 8, 0);
    const wk_handle there = program_grant(&one, memory, WK_TRANSFER_DUP, ALL_RIGHTS);
    const wk_handle bank = program_grant(&one, BOOT_BANK, WK_TRANSFER_LEND, ALL_RIGHTS);
    const wk_handle source_there = program_grant(&one, source, WK_TRANSFER_DUP, ALL_RIGHTS);
    const wk_handle self = program_grant(&one, one.process, WK_TRANSFER_DUP, ALL_RIGHTS);
    wk_handle clone;

    fill(memory);
    clone = end_in_spite_of(peer, memory, WK_MEMORY_CLONE, there, (uint64_t[6]){bank});
    map(memory, BASE, READ | WRITE);
    user_set_word(BASE + PAGE, 2);
    assert_ok(wk_process_unmap(BOOT_PROCESS, BASE, 8));
    end_in_spite_of(peer, memory, WK_MEMORY_COPY, there, (uint64_t[6]){0, source_there, 0, PAGE});
    act_as(one.thread_record);
    assert_ok(wk_memory_map(clone, self, BASE, 0, 8, READ));
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(user_word(BASE + i * PAGE), 1);
    act_as(boot);
    assert_int_equal(word_of(memory, 0), 0);
    assert_int_equal(word_of(memory, 1), 2);

    end_in_spite_of(peer, memory, WK_MEMORY_DECOMMIT, there, (uint64_t[6]){0, 8});
    assert_int_equal(word_of(memory, 1), 0);
    fill(memory);
    end_in_spite_of(peer, memory, WK_MEMORY_DECOMMIT, there, (uint64_t[6]){4, 4});
    assert_int_equal(word_of(memory, 3), 1);
    assert_int_equal(word_of(memory, 4), 0);
}

static void a_sweep_ends_though_others_map_on(void **state)
{
    (void)state;
    sweeps_end_in_spite_of(feed);
}

static void a_sweep_finds_both_parts_of_what_is_cut_meanwhile(void **state)
{
    (void)state;
    sweeps_end_in_spite_of(cut);
}

/* Maps whatever is free of the range. */
static void fill_range(wk_handle memory, unsigned round)
{
    (void)round;
    for (unsigned i = 0; i < 24; i++)
        (void)wk_memory_map(memory, other.process, SWEPT + i * PAGE, i % 8, 1, READ | WRITE);
}

static void unmapping_a_range_ends_though_others_map_there(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 8, 0);
    const wk_handle meanwhile = make_memory(BOOT_BANK, 8, 0);
    const wk_handle target = program_grant(&one, other.process, WK_TRANSFER_DUP, ALL_RIGHTS);
    unsigned round;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_ok(wk_memory_map(memory, other.process, SWEPT + i * 8 * PAGE, 0, 8, READ | WRITE));
    invoke_partly(one.thread_record, WK_PROCESS_UNMAP, target, (uint64_t[6]){SWEPT + 2 * PAGE, 21}, 1, boot);
    act_as(boot);
    for (round = 0; one.thread_record->operation.step != NULL; round++) {
        assert_true(round < ROUNDS);
        fill_range(meanwhile, round);
        step_partly(one.thread_record, 1, boot);
    }
    assert_int_equal(late_answer(one.thread_record), WK_OK);
    for (unsigned i = 0; i < 24; i++) {
        const struct mapping *mapping = mapping_find(other.process_record, SWEPT + i * PAGE);

        if (i < 2 || i == 23)
            assert_ptr_equal(mapping->node.object, object_of(memory));
        else
            assert_true(mapping == NULL || mapping->node.object == object_of(meanwhile));
    }
    assert_non_null(mapping_find(other.process_record, SWEPT + 22 * PAGE)); /* what came behind the operation stays */
}

/* Until it is gone, a mapping that is being removed keeps its first page, so that no other is made at its place. */
static void nothing_is_mapped_where_a_mapping_is_not_gone_yet(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 8, 0);
    const wk_handle target = program_grant(&one, other.process, WK_TRANSFER_DUP, ALL_RIGHTS);
    unsigned points;

    (void)state;
    for (points = 0; points < 20; points++) {
        assert_ok(wk_memory_map(memory, other.process, SWEPT, 0, 8, READ | WRITE));
        invoke_partly(one.thread_record, WK_PROCESS_UNMAP, target, (uint64_t[6]){SWEPT, 8}, points, boot);
        act_as(boot);
        if (other.process_record->mapping_count == 0)
            break;
        assert_status(wk_memory_map(memory, other.process, SWEPT, 0, 1, READ), WK_ALREADY_MAPPED);
        assert_int_equal(finish_operation(one.thread_record), WK_OK);
    }
    assert_true(points > 3);
}

/* ---- patience ---- */

static const struct memory *watched;
static unsigned looks; /* at a hart that makes progress with the memory watched */
static unsigned polls; /* that it had noted */

/* On hart 0, between two steps of releasing the pages. */
static void look_at_polls(void)
{
    if (host_hart->index != 0 || watched->present_pages == 0 || watched->present_pages == watched->pages)
        return;
    looks++;
    polls += harts[0]->polls;
}

/* Its frames wait in quarantine for the other hart, but the operation does not: it goes on. */
static void a_hart_that_makes_progress_does_not_rest(void **state)
{
    wk_handle memory;

    (void)state;
    machine_start(&(struct host_machine){.harts = 2, .asid_bits = 8});
    program = program_make(100, 10);
    memory = make_memory(BOOT_BANK, 60, 0);
    assert_ok(wk_memory_map(memory, program.process, BASE, 0, 60, READ | WRITE));
    assert_int_equal(program.thread_record->hart->index, 1);
    make_current(program.thread_record);
    watched = memory_of(memory);
    host_preemption_hook = look_at_polls;
    assert_ok(wk_memory_decommit(memory, 0, 60));
    host_preemption_hook = NULL;
    assert_true(looks > 10);
    assert_int_equal(polls, 0);
    assert_int_equal(harts[0]->polls, 0); /* it went to user code */
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
        two_programs_test(a_sweep_ends_though_others_map_on),
        two_programs_test(a_sweep_finds_both_parts_of_what_is_cut_meanwhile),
        two_programs_test(unmapping_a_range_ends_though_others_map_there),
        two_programs_test(nothing_is_mapped_where_a_mapping_is_not_gone_yet),
        cmocka_unit_test(a_hart_that_makes_progress_does_not_rest),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
