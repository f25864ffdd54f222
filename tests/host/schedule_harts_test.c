/* SPDX-License-Identifier: MIT */
/* Several harts: where threads run, how harts tell each other, and how they wait for each other. */
#include "harness.h"

#include "lock.h"
#include "schedule.h"

static void threads_are_spread_over_the_harts(void **state)
{
    const struct host_machine machine = {.harts = 3};
    wk_handle handle;

    (void)state;
    machine_start(&machine);
    for (unsigned i = 0; i < 8; i++)
        spawn(10, &handle);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(harts[i]->whole->thread_count, 3);
    assert_ok(wk_thread_stop(handle));
    assert_ok(wk_capability_delete(handle));
    assert_int_equal(harts[0]->whole->thread_count + harts[1]->whole->thread_count + harts[2]->whole->thread_count, 8);
}

static void other_harts_are_notified(void **state)
{
    const struct host_machine machine = {.harts = 2, .seed = 11};
    struct thread *slow, *fast;
    wk_handle slow_handle, fast_handle, event;

    (void)state;
    machine_start(&machine);
    event = make_event(BOOT_BANK);
    fast = spawn(50, &fast_handle);
    assert_int_equal(fast->hart->index, 1);
    assert_ptr_equal(harts[1]->current, fast);
    begin_wait(fast, event, 2, NEVER);
    assert_null(harts[1]->current);
    do
        slow = spawn(40, &slow_handle);
    while (slow->hart != harts[1]);
    assert_ptr_equal(harts[1]->current, slow);
    assert_ok(wk_event_signal(event, 2)); /* displaces it there */
    assert_ptr_equal(harts[1]->current, fast);
    assert_ok(wk_thread_set_priority(slow_handle, 60));
    assert_ptr_equal(harts[1]->current, slow);
    assert_ok(wk_thread_set_priority(fast_handle, 60)); /* an equal now: turns begin there */
    host_time_pass_to(host_time_ns + SLICE_NS);
    assert_ptr_equal(harts[1]->current, fast);
    assert_ok(wk_thread_stop(fast_handle));
    assert_ptr_equal(harts[1]->current, slow);
}

/* With the lock held on one hart, the other comes and wants it. */
static void hold_the_lock_for_a_while(void)
{
    if (host_hart != harts[0])
        return;
    host_preemption_hook = NULL;
    kernel_lock_acquire();
    arch_hart_notify(harts[1]);
    for (unsigned i = 0; i < 100; i++)
        host_interleave();
    assert_int_equal(kernel_lock.next - kernel_lock.serving, 2); /* this hart's ticket, and the other's */
    kernel_lock_release();
}

static void harts_wait_for_the_lock(void **state)
{
    const struct host_machine machine = {.harts = 2};
    wk_handle handle, event;

    (void)state;
    machine_start(&machine);
    assert_int_equal(spawn(10, &handle)->hart->index, 1);
    host_preemption_hook = hold_the_lock_for_a_while;
    event = make_event(BOOT_BANK);
    begin_wait(actor(), event, 1, NEVER);
    assert_null(host_preemption_hook);
    check_kernel();
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_are_spread_over_the_harts),
        cmocka_unit_test(other_harts_are_notified),
        cmocka_unit_test(harts_wait_for_the_lock),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
