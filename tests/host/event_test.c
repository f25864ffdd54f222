/* SPDX-License-Identifier: MIT */
/* Events: their bits, and who gets them. */
#include "harness.h"

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
    struct thread *waiter = spawn(10, NULL);

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
    struct thread *waiter = spawn(10, NULL);

    (void)state;
    begin_wait(waiter, event, ~UINT64_C(0), NEVER);
    assert_ok(wk_event_signal(event, 0));
    assert_true(is_waiting(waiter));
}

static void the_most_urgent_waiter_gets_the_bit(void **state)
{
    wk_handle event = make_event(BOOT_BANK);
    struct thread *low = spawn(10, NULL);
    struct thread *high = spawn(30, NULL);
    struct thread *middle = spawn(20, NULL);

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
    struct thread *one = spawn(10, NULL);
    struct thread *two = spawn(10, NULL);

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
    struct thread *one = spawn(10, &thread);
    struct thread *two = spawn(11, NULL);

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
        waiters[i] = spawn(10 + i % 3, NULL);
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
        begin_wait(spawn(10, NULL), event, 1, NEVER);
    assert_status(wk_event_wait(event, 1, NEVER, &bits), WK_BUSY);
    assert_ok(wk_event_signal(event, 3));
    assert_ok(wk_event_wait(event, 2, NEVER, &bits)); /* what does not have to wait is served */
    begin_wait(spawn(10, NULL), event, 1, NEVER);
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
        waiters[i] = spawn(10, NULL);
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
        cmocka_unit_test(a_signal_reaches_threads_of_other_harts),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
