/* SPDX-License-Identifier: MIT */
/* Address spaces on several harts: nothing that was taken away is left in any TLB when the operation answers. */
#include "harness.h"

#include "lock.h"
#include "space.h"

#define BASE UINT64_C(0x100000)
#define PAGE WK_PAGE_BYTES
#define MANY_HARTS 40

/* Two threads of one process on two harts, both of which have read and written the page at BASE. */
static struct thread *boot;
static struct thread *here, *there;
static wk_handle process, memory;

static void make_threads(unsigned asid_bits)
{
    struct thread *threads[2];
    const uint64_t word = 5;
    unsigned count = 0;

    machine_start(&(struct host_machine){.harts = 2, .asid_bits = asid_bits});
    boot = actor();
    memory = make_memory(BOOT_BANK, 8, 0);
    assert_ok(wk_process_create(BOOT_BANK, 0, 0, &process));
    while (count < 2) {
        wk_handle thread;

        assert_ok(wk_thread_create(process, 10, &thread));
        if (count == 0 || thread_of(thread)->hart != threads[0]->hart)
            threads[count++] = thread_of(thread);
        assert_ok(wk_thread_start(thread, 0x10100, 0, 0, 0, 0));
    }
    here = threads[0]->hart == boot->hart ? threads[0] : threads[1];
    there = here == threads[0] ? threads[1] : threads[0];
    assert_ok(wk_memory_map(memory, process, BASE, 0, 8, READ | WRITE));
    act_as(there);
    assert_true(user_store(BASE, &word, 8));
    act_as(here);
    assert_true(user_store(BASE + PAGE, &word, 8));
    make_current(there);
    act_as(boot);
}

/* What the other hart's processor finds at the address, without a page fault. */
static bool other_reaches(uint64_t address, enum arch_access access)
{
    struct physical physical;

    assert_ptr_equal(there->hart->current, there);
    return host_translate(there->hart, address, access, &physical);
}

static void try_unmap(unsigned asid_bits)
{
    make_threads(asid_bits);
    assert_true(other_reaches(BASE, ARCH_STORE));
    assert_ok(wk_process_unmap(process, BASE, 1));
    assert_false(other_reaches(BASE, ARCH_LOAD));
    assert_true(other_reaches(BASE + PAGE, ARCH_LOAD));
}

static void unmapping_reaches_the_other_harts(void **state)
{
    (void)state;
    try_unmap(8);
}

static void unmapping_reaches_them_without_address_space_identifiers_too(void **state)
{
    (void)state;
    try_unmap(0);
}

static void protecting_reaches_the_other_harts(void **state)
{
    (void)state;
    make_threads(8);
    assert_ok(wk_process_protect(process, BASE, 8, READ));
    assert_false(other_reaches(BASE, ARCH_STORE));
    assert_true(other_reaches(BASE, ARCH_LOAD));
}

static void revoking_reaches_the_other_harts(void **state)
{
    wk_handle lent;

    (void)state;
    make_threads(8);
    lent = lend(make_memory(BOOT_BANK, 1, 0), ALL_RIGHTS);
    assert_ok(wk_memory_map(lent, process, BASE + 16 * PAGE, 0, 1, READ));
    assert_true(other_reaches(BASE + 16 * PAGE, ARCH_LOAD));
    assert_ok(wk_capability_delete(lent));
    assert_false(other_reaches(BASE + 16 * PAGE, ARCH_LOAD));
}

static void a_clone_takes_the_right_to_store_from_all_harts(void **state)
{
    const uint64_t word = 6;
    wk_handle clone;

    (void)state;
    make_threads(8);
    assert_ok(wk_memory_clone(memory, BOOT_BANK, &clone));
    assert_false(other_reaches(BASE, ARCH_STORE));
    act_as(there);
    assert_true(user_store(BASE, &word, 8));
    act_as(boot);
    map(clone, BASE, READ);
    assert_int_equal(user_word(BASE), 5);
}

static void decommitting_reaches_the_other_harts(void **state)
{
    (void)state;
    make_threads(8);
    assert_ok(wk_memory_decommit(memory, 0, 8));
    assert_false(other_reaches(BASE, ARCH_LOAD));
}

/* A hart that has met the space but runs another is not disturbed: it flushes when it meets the space again. */
static void a_hart_that_runs_something_else_is_not_asked(void **state)
{
    uint64_t asked;

    (void)state;
    make_threads(8);
    assert_ok(wk_process_suspend(process));
    asked = there->hart->flush_asked;
    assert_ok(wk_process_unmap(process, BASE, 1));
    assert_int_equal(there->hart->flush_asked, asked);
    assert_ok(wk_process_resume(process));
    make_current(there);
    assert_false(other_reaches(BASE, ARCH_LOAD));
}

/* With more harts than one step asks about, or looks at for a new thread. */
static void many_harts_are_reached(void **state)
{
    struct thread *threads[MANY_HARTS - 1];
    uint64_t reached;
    wk_handle handle;

    (void)state;
    machine_start(&(struct host_machine){.harts = MANY_HARTS, .asid_bits = 8});
    boot = actor();
    reached = UINT64_C(1) << boot->hart->index;
    memory = make_memory(BOOT_BANK, 2, 0);
    assert_ok(wk_process_create(BOOT_BANK, 0, 0, &process));
    assert_ok(wk_memory_map(memory, process, BASE, 0, 2, READ | WRITE));
    for (unsigned i = 0; i < MANY_HARTS - 1;) {
        struct thread *thread;

        assert_ok(wk_thread_create(process, 10, &handle));
        thread = thread_of(handle);
        if (reached >> thread->hart->index & 1)
            continue;
        reached |= UINT64_C(1) << thread->hart->index;
        assert_ok(wk_thread_start(handle, 0x10100, 0, 0, 0, 0));
        threads[i++] = thread;
        act_as(thread);
        assert_int_equal(user_word(BASE), 0);
        act_as(boot);
    }
    assert_ok(wk_process_unmap(process, BASE, 1));
    for (unsigned i = 0; i < MANY_HARTS - 1; i++) {
        there = threads[i];
        assert_false(other_reaches(BASE, ARCH_LOAD));
    }
    assert_ok(wk_process_suspend(process));
    for (unsigned i = 0; i < MANY_HARTS - 1; i++)
        assert_null(threads[i]->hart->current);
    assert_ok(wk_process_kill(process, 0));
}

/* ---- identifiers ---- */

/* The identifier of a new process whose space this hart has run for a moment: that is when it gets one. */
static uint64_t identifier_of_new(wk_handle *handle)
{
    struct space *own = &actor()->process->space;
    struct space *space;

    assert_ok(wk_process_create(BOOT_BANK, 0, 0, handle));
    space = &process_of(*handle)->space;
    assert_int_equal(space->asid, 0);
    kernel_lock_acquire();
    space_activate(space);
    space_activate(own);
    kernel_lock_release();
    return space->asid;
}

static void each_space_has_an_identifier_of_its_own_while_there_are_any(void **state)
{
    wk_handle handles[4];
    uint64_t seen;

    (void)state;
    machine_start(&(struct host_machine){.asid_bits = 2});
    seen = 1 | UINT64_C(1) << actor()->process->space.asid;
    for (unsigned i = 0; i < 2; i++) {
        const uint64_t asid = identifier_of_new(&handles[i]);

        assert_int_equal(seen >> asid & 1, 0);
        seen |= UINT64_C(1) << asid;
    }
    assert_int_equal(identifier_of_new(&handles[2]), 0); /* shared, flushed at each switch */
    assert_ok(wk_process_kill(handles[0], 0));
    assert_int_not_equal(identifier_of_new(&handles[3]), 0);
}

static void identifiers_are_used_again_in_great_number(void **state)
{
    wk_handle handles[150];

    (void)state;
    machine_start(&(struct host_machine){.asid_bits = 7});
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 150; i++)
            assert_int_equal(identifier_of_new(&handles[i]) != 0, i < 126);
        for (unsigned i = 0; i < 150; i++)
            assert_ok(wk_capability_delete(handles[i]));
    }
}

/* The other hart has met the space under number 0, and still remembers what the identifier's last owner had. */
static void an_identifier_that_comes_late_brings_no_old_entries(void **state)
{
    const uint64_t word = 5;
    struct physical physical;
    struct program late;
    wk_handle handle;

    (void)state;
    make_threads(2);
    assert_int_not_equal(identifier_of_new(&handle), 0); /* the last one */
    do
        late = program_make(100, 10);
    while (late.thread_record->hart != there->hart);
    make_current(late.thread_record);
    assert_int_equal(late.process_record->space.asid, 0);
    act_as(there);
    assert_true(user_store(BASE, &word, 8));
    act_as(boot);
    assert_ok(wk_process_suspend(late.process));
    assert_ok(wk_process_kill(process, 0));
    assert_ok(wk_process_resume(late.process));
    make_current(late.thread_record);
    assert_int_not_equal(late.process_record->space.asid, 0);
    assert_false(host_translate(late.thread_record->hart, BASE, ARCH_LOAD, &physical));
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(unmapping_reaches_the_other_harts),
        cmocka_unit_test(unmapping_reaches_them_without_address_space_identifiers_too),
        cmocka_unit_test(protecting_reaches_the_other_harts),
        cmocka_unit_test(revoking_reaches_the_other_harts),
        cmocka_unit_test(a_clone_takes_the_right_to_store_from_all_harts),
        cmocka_unit_test(decommitting_reaches_the_other_harts),
        cmocka_unit_test(a_hart_that_runs_something_else_is_not_asked),
        cmocka_unit_test(many_harts_are_reached),
        cmocka_unit_test(each_space_has_an_identifier_of_its_own_while_there_are_any),
        cmocka_unit_test(identifiers_are_used_again_in_great_number),
        cmocka_unit_test(an_identifier_that_comes_late_brings_no_old_entries),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
