/* SPDX-License-Identifier: MIT */
/* Operations that others interrupt between two steps: what they leave to do is done all the same. */
#include "harness.h"
#include "harness_parts.h"
#include "lock.h"

#define BASE UINT64_C(0x400000)
#define PAGES 100

static struct thread *boot;
static struct program other;

static int setup(void **state)
{
    machine_setup(state);
    boot = actor();
    other = program_make(3000, 10);
    return 0;
}

static int setup_two_harts(void **state)
{
    static const struct host_machine machine = {.harts = 2};

    (void)state;
    machine_start(&machine);
    boot = actor();
    return 0;
}

static void finish(struct thread *thread)
{
    for (unsigned step = 0; thread->operation.step != NULL; step++) {
        if (step == 3000)
            fail_msg("the operation does not end");
        step_partly(thread, 0, NULL);
    }
    settle();
}

/* Decommitting goes through both mappings, also when the one that it is at is unmapped meanwhile. */
static void a_mapping_that_goes_does_not_hide_the_next(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, PAGES, 0);
    const wk_handle there = program_grant(&other, memory, WK_TRANSFER_DUP, ALL_RIGHTS);
    struct physical physical;

    (void)state;
    assert_ok(wk_memory_map(memory, BOOT_PROCESS, BASE, 0, PAGES, READ | WRITE));
    assert_ok(wk_memory_map(memory, BOOT_PROCESS, 2 * BASE, 0, PAGES, READ | WRITE));
    for (unsigned i = 0; i < PAGES; i++)
        user_set_word(2 * BASE + i * WK_PAGE_BYTES, i);
    invoke_partly(other.thread_record, WK_MEMORY_DECOMMIT, there, (uint64_t[6]){0, PAGES}, 20, boot);
    act_as(boot);
    assert_int_not_equal(other.thread_record->operation.sweep_page, 0);
    assert_ok(wk_process_unmap(BOOT_PROCESS, BASE, PAGES));
    finish(other.thread_record);
    act_as(boot);
    make_current(boot);
    assert_int_equal(memory_of(memory)->present_pages, 0);
    for (unsigned i = 0; i < PAGES; i++)
        assert_false(host_translate(boot->hart, 2 * BASE + i * WK_PAGE_BYTES, ARCH_STORE, &physical));
}

/* A thread that was ended from another hart, whose interrupt has not come yet, does not begin to wait. */
static void an_ended_thread_begins_no_wait(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);
    const wk_handle bank = make_bank(BOOT_BANK, 500);
    wk_handle process, thread, event_there;
    struct thread *victim;
    uint64_t *x;

    (void)state;
    assert_ok(wk_process_create(bank, 0, 0, &process));
    do
        assert_ok(wk_thread_create(process, 10, &thread));
    while (thread_of(thread)->hart->index != 1);
    assert_ok(wk_thread_start(thread, 0x10100, 0, 0, 0, 0));
    assert_ok(wk_process_grant(process, event, WK_TRANSFER_DUP, ALL_RIGHTS, &event_there));
    victim = thread_of(thread);
    host_run();
    make_current(victim);
    kernel_lock_acquire();
    thread_end(victim);
    kernel_lock_release_quietly();
    x = victim->hart->arch.x;
    x[10] = event_there;
    x[11] = 1;
    x[12] = UINT64_MAX;
    x[13] = x[14] = x[15] = x[16] = 0;
    x[17] = WK_EVENT_WAIT;
    host_ecall(victim->hart);
    assert_int_equal(event_of(event)->waiter_count, 0);
    act_as(boot);
    assert_ok(wk_bank_destroy(bank));
    assert_ok(wk_event_signal(event, 1));
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_mapping_that_goes_does_not_hide_the_next, setup),
        cmocka_unit_test_setup(an_ended_thread_begins_no_wait, setup_two_harts),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(tests[0]));
}
