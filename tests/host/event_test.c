/* SPDX-License-Identifier: MIT */
/* Events: signals, waits and their ends, sources, destruction. */
#include "harness.h"

#include "lock.h"
#include "upcall.h"

#define NEVER UINT64_MAX

/* The first process's first thread, which does everything that no other thread is named for. */
static struct thread *first_thread(void)
{
    return thread_of(BOOT_THREAD);
}

/* A further thread of the first process. */
static struct thread *spawn_named(unsigned priority, wk_handle *thread)
{
    assert_ok(wk_thread_create(BOOT_PROCESS, priority, thread));
    assert_ok(wk_thread_start(*thread, 0x10100, 0, 0, 0, 0));
    return thread_of(*thread);
}

static struct thread *spawn(unsigned priority)
{
    wk_handle thread;

    return spawn_named(priority, &thread);
}

/* Has the thread wait; the first thread acts again afterwards. */
static void begin_wait(struct thread *thread, wk_handle event, uint64_t mask, uint64_t deadline)
{
    struct thread *before = actor();
    uint64_t bits;

    act_as(thread);
    assert_status(wk_event_wait(event, mask, deadline, &bits), NOT_ANSWERED);
    act_as(before);
}

static void assert_answered(struct thread *thread, enum wk_status status, uint64_t bits)
{
    assert_int_equal(late_answer(thread), status);
    assert_int_equal(answer_words[0], bits);
}

static void a_new_event_has_no_bits(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    uint64_t bits;

    (void)state;
    assert_status(wk_event_poll(event, ~UINT64_C(0), &bits), WK_WOULD_BLOCK);
}

static void create_needs_memory_of_the_bank(void **state)
{
    wk_handle bank = make_bank(BOOT_BANK, 1);
    wk_handle event;
    enum wk_status status;

    (void)state;
    do
        status = wk_event_create(bank, &event);
    while (status == WK_OK);
    assert_int_equal(status, WK_NO_MEMORY);
}

static void poll_takes_the_bits_of_its_mask(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    uint64_t bits;

    (void)state;
    assert_ok(wk_event_signal(event, 0x8000000000000006));
    assert_ok(wk_event_signal(event, 0x2));
    assert_ok(wk_event_poll(event, 0x3, &bits));
    assert_int_equal(bits, 0x2);
    assert_status(wk_event_poll(event, 0x3, &bits), WK_WOULD_BLOCK);
    assert_ok(wk_event_poll(event, ~UINT64_C(0), &bits));
    assert_int_equal(bits, 0x8000000000000004);
}

static void wait_takes_what_is_pending_at_once(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    uint64_t bits;

    (void)state;
    assert_ok(wk_event_signal(event, 0x7));
    assert_ok(wk_event_wait(event, 0x5, NEVER, &bits));
    assert_int_equal(bits, 0x5);
    assert_int_equal(event_of(event)->pending, 0x2);
}

static void a_mask_without_bits_is_refused(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    uint64_t bits;

    (void)state;
    assert_error_at(wk_event_wait(event, 0, NEVER, &bits), WK_BAD_ARGUMENT, 1);
    assert_error_at(wk_event_poll(event, 0, &bits), WK_BAD_ARGUMENT, 1);
}

static void a_signal_ends_a_wait_for_one_of_its_bits(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    struct thread *waiter = spawn(10);

    (void)state;
    begin_wait(waiter, event, 0x6, NEVER);
    assert_ok(wk_event_signal(event, 0x8));
    assert_true(is_waiting(waiter));
    assert_ok(wk_event_signal(event, 0x5));
    assert_answered(waiter, WK_OK, 0x4);
    assert_int_equal(event_of(event)->pending, 0x9);
}

static void a_signal_without_bits_does_nothing(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    struct thread *waiter = spawn(10);

    (void)state;
    begin_wait(waiter, event, ~UINT64_C(0), NEVER);
    assert_ok(wk_event_signal(event, 0));
    assert_true(is_waiting(waiter));
}

static void the_most_urgent_waiter_gets_the_bit(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    struct thread *low = spawn(10);
    struct thread *high = spawn(30);
    struct thread *middle = spawn(20);

    (void)state;
    begin_wait(low, event, 1, NEVER);
    begin_wait(high, event, 1, NEVER);
    begin_wait(middle, event, 1, NEVER);
    assert_ok(wk_event_signal(event, 1));
    assert_answered(high, WK_OK, 1);
    assert_true(is_waiting(middle) && is_waiting(low));
    assert_ok(wk_event_signal(event, 1));
    assert_answered(middle, WK_OK, 1);
    assert_true(is_waiting(low));
    assert_ok(wk_event_signal(event, 1));
    assert_answered(low, WK_OK, 1);
}

static void equals_are_served_in_order_of_arrival(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    struct thread *one = spawn(10);
    struct thread *two = spawn(10);

    (void)state;
    begin_wait(one, event, 1, NEVER);
    begin_wait(two, event, 1, NEVER);
    assert_ok(wk_event_signal(event, 1));
    assert_answered(one, WK_OK, 1);
    assert_true(is_waiting(two));
}

static void a_waiter_moves_when_its_priority_changes(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    wk_handle thread;
    struct thread *one = spawn_named(10, &thread);
    struct thread *two = spawn(11);

    (void)state;
    begin_wait(one, event, 1, NEVER);
    begin_wait(two, event, 1, NEVER);
    assert_ok(wk_thread_set_priority(thread, 12));
    assert_ok(wk_event_signal(event, 1));
    assert_answered(one, WK_OK, 1);
    assert_true(is_waiting(two));
}

static void one_signal_serves_as_many_waiters_as_it_has_bits(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    struct thread *waiters[WK_EVENT_WAITERS_MAX];

    (void)state;
    for (unsigned i = 0; i < WK_EVENT_WAITERS_MAX; i++) {
        waiters[i] = spawn(10 + i % 3);
        begin_wait(waiters[i], event, UINT64_C(3) << 2 * i, NEVER);
    }
    assert_ok(wk_event_signal(event, 0x5555555555555555 >> (64 - 2 * WK_EVENT_WAITERS_MAX)));
    assert_int_equal(event_of(event)->waiter_count, 0);
    assert_int_equal(event_of(event)->pending, 0);
    for (unsigned i = 0; i < WK_EVENT_WAITERS_MAX; i++)
        assert_int_equal(late_answer(waiters[i]), WK_OK);
}

static void a_crowded_event_is_busy(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    uint64_t bits;

    (void)state;
    for (unsigned i = 0; i < WK_EVENT_WAITERS_MAX; i++)
        begin_wait(spawn(10), event, 1, NEVER);
    assert_status(wk_event_wait(event, 1, NEVER, &bits), WK_BUSY);
    assert_ok(wk_event_signal(event, 3));
    assert_ok(wk_event_wait(event, 2, NEVER, &bits)); /* what does not have to wait is served */
    begin_wait(spawn(10), event, 1, NEVER);
}

static void a_wait_ends_at_its_deadline(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    struct thread *waiter = spawn(10);
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
    struct thread *waiter = spawn(10);

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
    struct thread *waiter = spawn_named(10, &thread);

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
    struct thread *waiter = spawn_named(10, &thread);
    uint64_t bits;

    (void)state;
    assert_ok(wk_thread_interrupt(thread));
    act_as(waiter);
    assert_ok(wk_event_signal(event, 1));
    assert_ok(wk_event_wait(event, 1, NEVER, &bits)); /* it does not have to wait */
    assert_status(wk_event_wait(event, 1, NEVER, &bits), WK_INTERRUPTED);
    act_as(first_thread());
    begin_wait(waiter, event, 1, NEVER);
}

static void a_thread_that_ends_waits_no_more(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    wk_handle thread;
    struct thread *waiter = spawn_named(10, &thread);

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
        waiters[i] = spawn(10);
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
        waiters[i] = spawn(10);
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
        waiters[i] = spawn(10);
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
        waiters[i] = spawn(10);
        begin_wait(waiters[i], event, UINT64_C(1) << i, NEVER);
    }
    signal_in_two_halves(event, 0x7, end_it, waiters[2]);
    assert_true(list_is_empty(&host_hart->granted));
}

static void a_signal_reaches_threads_of_other_harts(void **state)
{
    const struct host_machine machine = {.harts = 4, .seed = 7};
    struct thread *waiters[8];
    wk_handle event;

    (void)state;
    machine_start(&machine);
    event = make_event(BOOT_BANK);
    for (unsigned i = 0; i < 8; i++) {
        waiters[i] = spawn(10);
        begin_wait(waiters[i], event, UINT64_C(3) << i, host_time_ns + 100000 + i);
    }
    assert_ok(wk_event_signal(event, 0x1ff));
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(late_answer(waiters[i]), WK_OK);
    host_time_pass_to(host_time_ns + 200000);
    check_kernel();
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(a_new_event_has_no_bits),
        machine_test(create_needs_memory_of_the_bank),
        machine_test(poll_takes_the_bits_of_its_mask),
        machine_test(wait_takes_what_is_pending_at_once),
        machine_test(a_mask_without_bits_is_refused),
        machine_test(a_signal_ends_a_wait_for_one_of_its_bits),
        machine_test(a_signal_without_bits_does_nothing),
        machine_test(the_most_urgent_waiter_gets_the_bit),
        machine_test(equals_are_served_in_order_of_arrival),
        machine_test(a_waiter_moves_when_its_priority_changes),
        machine_test(one_signal_serves_as_many_waiters_as_it_has_bits),
        machine_test(a_crowded_event_is_busy),
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
        cmocka_unit_test(a_signal_reaches_threads_of_other_harts),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
