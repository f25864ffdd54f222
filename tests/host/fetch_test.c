/* SPDX-License-Identifier: MIT */
/*
 * Code that one hart wrote and another executes: no hart fetches through a new executable entry, or after
 * synchronize_code, what its instruction cache remembers from before.
 */
#include "harness.h"

#define BASE UINT64_C(0x100000)
#define CODE UINT64_C(0x400000)
#define PAGE WK_PAGE_BYTES
#define HARTS_USED 3

/* Two threads of one process on two harts, and what they execute: memory that the first process sees at BASE. */
static struct thread *boot;
static struct thread *here, *there;
static wk_handle bank, process, memory;

static struct thread *make_thread(void)
{
    wk_handle thread;

    assert_ok(wk_thread_create(process, 10, &thread));
    assert_ok(wk_thread_start(thread, 0x10100, 0, 0, 0, 0));
    return thread_of(thread);
}

static void make_threads(unsigned asid_bits)
{
    machine_start(&(struct host_machine){.harts = HARTS_USED, .asid_bits = asid_bits});
    boot = actor();
    bank = make_bank(BOOT_BANK, 1000);
    memory = make_memory(BOOT_BANK, 8, 0);
    map(memory, BASE, READ | WRITE);
    assert_ok(wk_process_create(bank, 0, 0, &process));
    here = make_thread();
    do
        there = make_thread();
    while (there->hart == here->hart || there->hart == boot->hart);
    assert_ptr_not_equal(here->hart, there->hart);
}

/* Stores a word to each page, as another hart sees them that looks too early. */
static void write_code(uint64_t word)
{
    act_as(boot);
    for (unsigned page = 0; page < 8; page++) {
        const struct frame *frame = memory_page(memory_of(memory), page);

        for (unsigned i = 0; i < hart_count && frame != NULL; i++)
            (void)host_fetch(harts[i], arch_physical(frame_pointer(frame)));
        user_set_word(BASE + page * PAGE, word);
    }
}

/* What the thread executes at the address, through page tables, TLB and instruction cache. */
static uint64_t fetched(struct thread *thread, uint64_t address)
{
    struct physical physical;

    act_as(thread);
    assert_true(user_fetch(address));
    assert_true(host_translate(thread->hart, address, ARCH_FETCH, &physical));
    return host_fetch(thread->hart, physical);
}

static void try_new_code(unsigned asid_bits)
{
    make_threads(asid_bits);
    write_code(1);
    assert_ok(wk_memory_map(memory, process, CODE, 0, 8, READ | EXECUTE));
    for (unsigned page = 0; page < 8; page++) {
        assert_int_equal(fetched(here, CODE + page * PAGE), 1);
        assert_int_equal(fetched(there, CODE + page * PAGE), 1);
    }
    for (uint64_t round = 2; round < 6; round++) {
        act_as(boot);
        assert_ok(wk_process_unmap(process, CODE, 8));
        write_code(round);
        assert_ok(wk_memory_map(memory, process, CODE, 0, round == 3 ? 1 : 8, EXECUTE));
        assert_int_equal(fetched(there, CODE), round);
        assert_int_equal(fetched(here, CODE), round);
    }
}

static void code_is_written_before_it_is_mapped(void **state)
{
    (void)state;
    try_new_code(8);
}

static void without_address_space_identifiers_too(void **state)
{
    (void)state;
    try_new_code(0);
}

/* No flush is due, nobody else runs: the hart's own fetches are as little ordered behind its stores. */
static void a_hart_executes_what_it_wrote_itself(void **state)
{
    (void)state;
    machine_start(NULL);
    boot = actor();
    memory = make_memory(BOOT_BANK, 8, 0);
    map(memory, BASE, READ | WRITE);
    write_code(1);
    assert_ok(wk_memory_map(memory, BOOT_PROCESS, CODE, 0, 8, EXECUTE)); /* entered by the operation */
    assert_int_equal(fetched(boot, CODE), 1);
    write_code(2);
    assert_ok(wk_memory_map(memory, BOOT_PROCESS, 2 * CODE, 0, 1, EXECUTE)); /* at once */
    assert_int_equal(fetched(boot, 2 * CODE), 2);
    write_code(3);
    assert_ok(wk_process_synchronize_code(BOOT_PROCESS));
    assert_int_equal(fetched(boot, CODE + PAGE), 3);
}

static void a_fault_brings_code(void **state)
{
    wk_handle clone;

    (void)state;
    machine_start(NULL);
    boot = actor();
    memory = make_memory(BOOT_BANK, 8, ON_DEMAND);
    map(memory, BASE, READ | WRITE);
    assert_ok(wk_memory_map(memory, BOOT_PROCESS, CODE, 0, 8, EXECUTE)); /* no page is there yet */
    user_set_word(BASE, 1);
    write_code(2);
    assert_int_equal(fetched(boot, CODE), 2);
    assert_ok(wk_memory_clone(memory, BOOT_BANK, &clone)); /* now a store takes the entry away, and copies the page */
    user_set_word(BASE, 3);
    write_code(4);
    assert_int_equal(fetched(boot, CODE), 4);
}

static void code_is_written_before_it_is_made_executable(void **state)
{
    (void)state;
    make_threads(8);
    assert_ok(wk_memory_map(memory, process, CODE, 0, 8, READ | WRITE));
    for (uint64_t round = 1; round < 4; round++) {
        assert_ok(wk_process_protect(process, CODE, 8, READ | WRITE));
        write_code(round);
        assert_ok(wk_process_protect(process, CODE, 8, READ | EXECUTE));
        assert_int_equal(fetched(round % 2 ? here : there, CODE), round);
        assert_int_equal(fetched(round % 2 ? there : here, CODE), round);
        act_as(boot);
    }
}

/* The entry may not be seen before the others have fenced: they may execute it without a fault. */
static void the_others_fence_before_the_entry_is_there(void **state)
{
    struct physical physical;
    uint64_t fences;

    (void)state;
    make_threads(8);
    write_code(1);
    make_current(there);
    act_as(boot);
    assert_ok(wk_memory_map(memory, process, CODE, 0, 8, EXECUTE));
    assert_false(host_translate(there->hart, CODE, ARCH_FETCH, &physical)); /* it waits for a fault */
    fences = there->hart->arch.fetch_fences;
    assert_int_equal(fetched(here, CODE), 1);
    assert_ptr_equal(there->hart->current, there);
    assert_true(there->hart->arch.fetch_fences > fences);
    assert_true(host_translate(there->hart, CODE, ARCH_FETCH, &physical));
    assert_int_equal(host_fetch(there->hart, physical), 1);
}

static void a_hart_that_runs_something_else_fences_when_it_comes_back(void **state)
{
    uint64_t fences;

    (void)state;
    make_threads(8);
    make_current(there);
    act_as(boot);
    assert_ok(wk_process_suspend(process));
    write_code(1);
    fences = there->hart->arch.fetch_fences;
    assert_ok(wk_memory_map(memory, process, CODE, 0, 8, EXECUTE));
    assert_int_equal(there->hart->arch.fetch_fences, fences);
    assert_ok(wk_process_resume(process));
    assert_int_equal(fetched(there, CODE), 1);
    assert_true(there->hart->arch.fetch_fences > fences);
}

static void what_is_no_code_costs_no_fence(void **state)
{
    uint64_t fences;

    (void)state;
    make_threads(8);
    act_as(here);
    act_as(boot);
    assert_ok(wk_memory_map(memory, process, CODE, 0, 8, READ | WRITE));
    fences = here->hart->arch.fetch_fences;
    act_as(here);
    assert_int_equal(user_word(CODE), 0);
    user_set_word(CODE + PAGE, 1);
    assert_int_equal(here->hart->arch.fetch_fences, fences);
}

/* ---- code that changes where it is mapped ---- */

static void synchronized_code_is_seen_by_all(void **state)
{
    (void)state;
    make_threads(8);
    assert_ok(wk_memory_map(memory, process, CODE, 0, 8, EXECUTE));
    for (uint64_t round = 1; round < 4; round++) {
        (void)fetched(here, CODE);
        (void)fetched(there, CODE);
        write_code(round);
        if (round == 2)
            make_current(there);
        assert_ok(wk_process_synchronize_code(process));
        assert_int_equal(fetched(there, CODE), round);
        assert_int_equal(fetched(here, CODE), round);
    }
    act_as(boot);
    assert_ok(wk_process_synchronize_code(BOOT_PROCESS));
    assert_ok(wk_process_kill(process, 0));
    assert_status(wk_process_synchronize_code(process), WK_REVOKED);
}

/* ---- what goes wrong meanwhile ---- */

static void tables_that_cannot_be_paid_are_no_memory(void **state)
{
    (void)state;
    make_threads(8);
    assert_ok(wk_memory_map(memory, process, CODE, 0, 1, EXECUTE));
    make_current(there);
    act_as(boot);
    assert_ok(wk_memory_map(memory, process, UINT64_C(1) << 36, 0, 8, EXECUTE));
    while (bank_left(bank) > 1)
        make_memory(bank, bank_left(bank) > 8 ? bank_left(bank) - 8 : 1, 0);
    make_current(there);
    act_as(here);
    assert_false(user_fetch(UINT64_C(1) << 36));
    act_as(boot);
    assert_int_equal(process_of(process)->reason, WK_END_REASON_NO_MEMORY);
}

/* What another does while a fault waits for the others to fence. */
static void unmap(uint64_t address)
{
    assert_ok(wk_process_unmap(process, address, 1));
}

static void make_plain(uint64_t address)
{
    assert_ok(wk_process_protect(process, address, 1, READ));
}

static void replace_page(uint64_t address)
{
    (void)address;
    assert_ok(wk_memory_decommit(memory, 0, 1));
    write_code(3); /* the new page, which they look at before it is written again */
    write_code(2);
}

static void map_anew(uint64_t address)
{
    assert_ok(wk_process_unmap(process, address, 1));
    write_code(2);
    assert_ok(wk_memory_map(memory, process, address, 0, 1, EXECUTE));
}

static void end_process(uint64_t address)
{
    (void)address;
    assert_ok(wk_process_kill(process, 0));
}

/* Leaves `here` in a fault at `address`; false if it was answered before `points` preemption points. */
static bool leave_in_fault(uint64_t address, unsigned points, struct thread *rival)
{
    make_current(there);
    act_as(boot);
    assert_ok(wk_memory_map(memory, process, address, 0, 1, EXECUTE));
    fault_partly(here, ARCH_FETCH, address, points, rival);
    act_as(boot);
    return here->operation.step != NULL;
}

static void finish_fault(void)
{
    while (here->operation.step != NULL)
        step_partly(here, 0, NULL);
    settle();
    check_kernel();
}

static void try_meanwhile(void (*act)(uint64_t), bool stays)
{
    unsigned left = 0;

    make_threads(8);
    for (unsigned points = 0; points < 8; points++) {
        const uint64_t address = CODE + points * 16 * PAGE;
        struct thread *rival;
        struct physical physical;
        bool was_left;

        do
            rival = make_thread();
        while (rival->hart != here->hart);
        write_code(1);
        was_left = leave_in_fault(address, points, rival);
        if (was_left) {
            left++;
            act(address);
            if (process_of(process)->state == WK_PROCESS_STATE_ENDED)
                return;
            finish_fault();
        }
        make_current(here);
        if (stays)
            assert_int_equal(fetched(here, address), was_left ? 2 : 1);
        else
            assert_int_equal(host_translate(here->hart, address, ARCH_FETCH, &physical), !was_left);
        act_as(boot);
        assert_ok(wk_process_unmap(process, address, 1));
    }
    assert_true(left != 0);
}

static void a_page_is_unmapped_while_the_others_are_asked(void **state)
{
    (void)state;
    try_meanwhile(unmap, false);
}

static void it_is_made_plain_while_the_others_are_asked(void **state)
{
    (void)state;
    try_meanwhile(make_plain, false);
}

static void it_is_replaced_while_the_others_are_asked(void **state)
{
    (void)state;
    try_meanwhile(replace_page, true);
}

static void it_is_mapped_anew_while_the_others_are_asked(void **state)
{
    (void)state;
    try_meanwhile(map_anew, true);
}

static void the_process_ends_while_the_others_are_asked(void **state)
{
    (void)state;
    try_meanwhile(end_process, false);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_is_written_before_it_is_mapped),
        cmocka_unit_test(without_address_space_identifiers_too),
        cmocka_unit_test(a_hart_executes_what_it_wrote_itself),
        cmocka_unit_test(a_fault_brings_code),
        cmocka_unit_test(code_is_written_before_it_is_made_executable),
        cmocka_unit_test(the_others_fence_before_the_entry_is_there),
        cmocka_unit_test(a_hart_that_runs_something_else_fences_when_it_comes_back),
        cmocka_unit_test(what_is_no_code_costs_no_fence),
        cmocka_unit_test(synchronized_code_is_seen_by_all),
        cmocka_unit_test(tables_that_cannot_be_paid_are_no_memory),
        cmocka_unit_test(a_page_is_unmapped_while_the_others_are_asked),
        cmocka_unit_test(it_is_made_plain_while_the_others_are_asked),
        cmocka_unit_test(it_is_replaced_while_the_others_are_asked),
        cmocka_unit_test(it_is_mapped_anew_while_the_others_are_asked),
        cmocka_unit_test(the_process_ends_while_the_others_are_asked),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
