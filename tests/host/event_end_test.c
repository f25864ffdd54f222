/* SPDX-License-Identifier: MIT */
/* How waits for events end that nobody signals, or that something else ends just then. */
#include "harness.h"

#include "lock.h"
#include "upcall.h"

static void a_wait_ends_at_its_deadline(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    struct thread *waiter = spawn(70, NULL);
    uint64_t bits;

    (void)state;
    begin_wait(waiter, event, 1, host_time_ns + 1000);
    host_time_pass_to(host_time_ns + 999);
    assert_true(is_waiting(waiter));
    host_time_pass_to(host_time_ns + 1);
    assert_answered(waiter, WK_TIMED_OUT, 0);
    assert_int_equal(event_of(event)->waiter_count, 0);
    assert_ok(wk_event_signal(event, 1));
    assert_ok(wk_event_poll(event, 1, &bits));
}

static void a_deadline_that_has_passed_ends_the_wait_at_once(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    uint64_t bits;

    (void)state;
    host_time_pass_to(host_time_ns + 5000);
    assert_status(wk_event_wait(event, 1, 0, &bits), WK_TIMED_OUT);
    assert_status(wk_event_wait(event, 1, host_time_ns, &bits), WK_TIMED_OUT);
}

static void the_deadline_of_a_wait_that_is_over_does_nothing(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    struct thread *waiter = spawn(70, NULL);

    (void)state;
    begin_wait(waiter, event, 1, host_time_ns + 1000);
    assert_ok(wk_event_signal(event, 1));
    assert_answered(waiter, WK_OK, 1);
    begin_wait(waiter, event, 1, NEVER);
    host_time_pass_to(host_time_ns + 2000);
    assert_true(is_waiting(waiter));
    assert_ok(wk_event_signal(event, 1));
    begin_wait(waiter, event, 1, host_time_ns + 1000);
    assert_ok(wk_event_signal(event, 1));
    act_as(waiter); /* the time passes while it does something else */
    host_time_pass_to(host_time_ns + 2000);
    assert_ok(wk_capability_check(event));
    check_kernel();
}

static void an_interrupt_ends_a_wait(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    wk_handle thread;
    struct thread *waiter = spawn(70, &thread);

    (void)state;
    begin_wait(waiter, event, 1, NEVER);
    assert_ok(wk_thread_interrupt(thread));
    assert_answered(waiter, WK_INTERRUPTED, 0);
    begin_wait(waiter, event, 1, NEVER); /* only that one */
}

static void an_interrupt_ends_the_next_wait_if_there_is_none(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    wk_handle thread;
    struct thread *waiter = spawn(70, &thread);
    uint64_t bits;

    (void)state;
    assert_ok(wk_thread_interrupt(thread));
    act_as(waiter);
    assert_ok(wk_event_signal(event, 1));
    assert_ok(wk_event_wait(event, 1, NEVER, &bits)); /* it does not have to wait */
    assert_status(wk_event_wait(event, 1, NEVER, &bits), WK_INTERRUPTED);
    act_as(thread_of(BOOT_THREAD));
    begin_wait(waiter, event, 1, NEVER);
}

static void a_thread_that_ends_waits_no_more(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    wk_handle thread;
    struct thread *waiter = spawn(70, &thread);

    (void)state;
    begin_wait(waiter, event, 1, host_time_ns + 1000);
    assert_ok(wk_thread_stop(thread));
    assert_int_equal(event_of(event)->waiter_count, 0);
    assert_ok(wk_capability_delete(thread));
    host_time_pass_to(host_time_ns + 2000);
    check_kernel();
}

static void destruction_ends_all_waits(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    struct thread *waiters[WK_EVENT_WAITERS_MAX];

    (void)state;
    for (unsigned i = 0; i < WK_EVENT_WAITERS_MAX; i++) {
        waiters[i] = spawn(70, NULL);
        begin_wait(waiters[i], event, 1, NEVER);
    }
    assert_ok(wk_capability_delete(event));
    for (unsigned i = 0; i < WK_EVENT_WAITERS_MAX; i++)
        assert_answered(waiters[i], WK_REVOKED, 0);
}

static void destruction_unbinds_all_sources(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    wk_handle timers[50];

    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        assert_ok(wk_timer_create(BOOT_BANK, &timers[i]));
        assert_ok(wk_timer_bind(timers[i], event, 1));
        assert_ok(wk_timer_set(timers[i], host_time_ns + 1000, 0));
    }
    assert_ok(wk_capability_delete(event));
    host_time_pass_to(host_time_ns + 2000);
    check_kernel();
}

/* ---- between the signal and the wake-up ---- */

/* A signal that serves more threads than are woken in one hold of the lock, stopped in the middle. */
static void signal_in_two_halves(wk_handle event, uint64_t bits, void (*between)(struct thread *),
                                 struct thread *thread)
{
    kernel_lock_acquire();
    event_signal_bits(event_of(event), bits);
    assert_false(list_is_empty(&host_hart->granted));
    between(thread);
    kernel_lock_release();
    arch_hart_notify(host_hart);
    host_run();
    check_kernel();
}

static void interrupt_it(struct thread *thread)
{
    assert_null(thread->wait_event);
    upcall_interrupt_latch(thread);
}

static void end_it(struct thread *thread)
{
    thread_end(thread);
}

static void bits_that_were_granted_are_not_lost_to_an_interrupt(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    struct thread *waiters[5];
    uint64_t bits;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        waiters[i] = spawn(70, NULL);
        begin_wait(waiters[i], event, UINT64_C(1) << i, NEVER);
    }
    signal_in_two_halves(event, 0x1f, interrupt_it, waiters[4]);
    for (unsigned i = 0; i < 5; i++)
        assert_answered(waiters[i], WK_OK, UINT64_C(1) << i);
    act_as(waiters[4]);
    assert_status(wk_event_wait(event, 1, NEVER, &bits), WK_INTERRUPTED);
}

static void a_thread_may_end_between_grant_and_wake(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    struct thread *waiters[5];

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        waiters[i] = spawn(70, NULL);
        begin_wait(waiters[i], event, UINT64_C(1) << i, NEVER);
    }
    signal_in_two_halves(event, 0x1f, end_it, waiters[3]);
    assert_answered(waiters[2], WK_OK, 4);
    assert_answered(waiters[4], WK_OK, 16);
    assert_true((waiters[3]->stop & THREAD_ENDED) != 0 && !is_waiting(waiters[3]));
}

static void the_last_granted_thread_may_end(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    struct thread *waiters[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        waiters[i] = spawn(70, NULL);
        begin_wait(waiters[i], event, UINT64_C(1) << i, NEVER);
    }
    signal_in_two_halves(event, 0x7, end_it, waiters[2]);
    assert_true(list_is_empty(&host_hart->granted));
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(a_wait_ends_at_its_deadline),
        machine_test(a_deadline_that_has_passed_ends_the_wait_at_once),
        machine_test(the_deadline_of_a_wait_that_is_over_does_nothing),
        machine_test(an_interrupt_ends_a_wait),
        machine_test(an_interrupt_ends_the_next_wait_if_there_is_none),
        machine_test(a_thread_that_ends_waits_no_more),
        machine_test(destruction_ends_all_waits),
        machine_test(destruction_unbinds_all_sources),
        machine_test(bits_that_were_granted_are_not_lost_to_an_interrupt),
        machine_test(a_thread_may_end_between_grant_and_wake),
        machine_test(the_last_granted_thread_may_end),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
