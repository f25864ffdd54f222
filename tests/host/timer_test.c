/* SPDX-License-Identifier: MIT */
/* Timers and the deadlines below them. */
#include "harness.h"

#include "deadline.h"
#include "lock.h"

#define PERIOD_MIN 10000

static wk_handle timer, event;

/* A timer bound to bit 0 of an event. */
static void make_both(void)
{
    event = make_event(BOOT_BANK);
    assert_ok(wk_timer_create(BOOT_BANK, &timer));
    assert_ok(wk_timer_bind(timer, event, 1));
}

/* Whether the event was signalled since the last question. */
static bool was_signalled(void)
{
    uint64_t bits;

    return wk_event_poll(event, 1, &bits) == WK_OK;
}

static bool is_set(void)
{
    return deadline_is_set(&container_of(object_of(timer), struct timer, object)->deadline);
}

static void create_needs_memory_of_the_bank(void **state)
{
    wk_handle bank = make_bank(BOOT_BANK, 1);
    enum wk_status status;

    (void)state;
    do
        status = wk_timer_create(bank, &timer);
    while (status == WK_OK);
    assert_int_equal(status, WK_NO_MEMORY);
}

static void a_timer_signals_its_event_once(void **state)
{
    (void)state;
    make_both();
    assert_ok(wk_timer_set(timer, host_time_ns + 1000, 0));
    host_time_pass_to(host_time_ns + 999);
    assert_false(was_signalled());
    host_time_pass_to(host_time_ns + 1);
    assert_true(was_signalled());
    assert_false(is_set());
    host_time_pass_to(host_time_ns + 100000);
    assert_false(was_signalled());
}

static void a_time_that_has_passed_expires_at_once(void **state)
{
    (void)state;
    make_both();
    host_time_pass_to(host_time_ns + 5000);
    assert_ok(wk_timer_set(timer, host_time_ns, 0));
    assert_true(was_signalled());
    assert_ok(wk_timer_set(timer, 0, 0));
    assert_true(was_signalled());
}

static void setting_replaces_an_earlier_time(void **state)
{
    (void)state;
    make_both();
    assert_ok(wk_timer_set(timer, host_time_ns + 1000, 0));
    assert_ok(wk_timer_set(timer, host_time_ns + 3000, 0));
    host_time_pass_to(host_time_ns + 2000);
    assert_false(was_signalled());
    assert_ok(wk_timer_set(timer, host_time_ns + 500, 0));
    host_time_pass_to(host_time_ns + 500);
    assert_true(was_signalled());
}

static void a_periodic_timer_goes_on(void **state)
{
    const uint64_t start = host_time_ns;

    (void)state;
    make_both();
    assert_ok(wk_timer_set(timer, start + 500, PERIOD_MIN));
    for (unsigned i = 0; i < 10; i++) {
        host_time_pass_to(start + 500 + i * PERIOD_MIN - 1);
        assert_false(was_signalled());
        host_time_pass_to(start + 500 + i * PERIOD_MIN);
        assert_true(was_signalled());
    }
}

static void missed_periods_are_skipped(void **state)
{
    (void)state;
    make_both();
    host_time_pass_to(1000000);
    assert_ok(wk_timer_set(timer, 5, PERIOD_MIN)); /* long ago: expires at once, then in step with 5 */
    assert_true(was_signalled());
    assert_false(was_signalled());
    host_time_pass_to(1000004);
    assert_false(was_signalled());
    host_time_pass_to(1000005);
    assert_true(was_signalled());
}

static void a_period_that_ends_beyond_time_is_the_last(void **state)
{
    (void)state;
    make_both();
    assert_ok(wk_timer_set(timer, host_time_ns + 1000, NEVER - 2000));
    host_time_pass_to(host_time_ns + 1000);
    assert_true(was_signalled());
    assert_true(is_set());
    assert_ok(wk_timer_set(timer, host_time_ns + 1000, NEVER - 500));
    host_time_pass_to(host_time_ns + 1000);
    assert_true(was_signalled());
    assert_false(is_set());
}

static void short_periods_are_refused(void **state)
{
    (void)state;
    make_both();
    assert_error_at(wk_timer_set(timer, 0, PERIOD_MIN - 1), WK_BAD_ARGUMENT, 2);
    assert_error_at(wk_timer_set(timer, 0, 1), WK_BAD_ARGUMENT, 2);
    assert_false(is_set());
}

static void the_end_of_time_is_never(void **state)
{
    (void)state;
    make_both();
    assert_ok(wk_timer_set(timer, host_time_ns + 1000, 0));
    assert_ok(wk_timer_set(timer, NEVER, 0));
    assert_false(is_set());
    host_time_pass_to(host_time_ns + 2000);
    assert_false(was_signalled());
}

static void cancel_tells_whether_it_was_set(void **state)
{
    uint64_t was_set;

    (void)state;
    make_both();
    assert_ok(wk_timer_cancel(timer, &was_set));
    assert_int_equal(was_set, 0);
    assert_ok(wk_timer_set(timer, host_time_ns + 1000, PERIOD_MIN));
    assert_ok(wk_timer_cancel(timer, &was_set));
    assert_int_equal(was_set, 1);
    host_time_pass_to(host_time_ns + 100000);
    assert_false(was_signalled());
}

static void binding_replaces_an_earlier_one(void **state)
{
    wk_handle other = make_event(BOOT_BANK);
    uint64_t bits;

    (void)state;
    make_both();
    assert_ok(wk_timer_bind(timer, other, 6));
    assert_ok(wk_timer_set(timer, host_time_ns + 1000, 0));
    host_time_pass_to(host_time_ns + 1000);
    assert_false(was_signalled());
    assert_ok(wk_event_poll(other, 7, &bits));
    assert_int_equal(bits, 6);
}

static void binding_needs_bits_and_the_right_to_signal(void **state)
{
    (void)state;
    make_both();
    assert_error_at(wk_timer_bind(timer, event, 0), WK_BAD_ARGUMENT, 2);
    assert_error_at(wk_timer_bind(timer, lend(event, WK_EVENT_RIGHT_WAIT), 1), WK_NO_RIGHT, 1);
}

static void a_timer_without_event_expires_quietly(void **state)
{
    (void)state;
    make_both();
    assert_ok(wk_timer_set(timer, host_time_ns + 1000, PERIOD_MIN));
    assert_ok(wk_capability_delete(event));
    host_time_pass_to(host_time_ns + 50000);
    assert_true(is_set());
}

static void a_destroyed_timer_does_not_expire(void **state)
{
    (void)state;
    make_both();
    assert_ok(wk_timer_set(timer, host_time_ns + 1000, PERIOD_MIN));
    assert_ok(wk_capability_delete(timer));
    host_time_pass_to(host_time_ns + 50000);
    assert_false(was_signalled());
}

static void many_timers_expire_in_order(void **state)
{
    wk_handle timers[60];
    uint64_t bits;

    (void)state;
    make_both();
    for (unsigned i = 0; i < 60; i++) {
        assert_ok(wk_timer_create(BOOT_BANK, &timers[i]));
        assert_ok(wk_timer_bind(timers[i], event, UINT64_C(1) << i));
        assert_ok(wk_timer_set(timers[i], 1000000 + 1000 * (i * 7 % 60), 0));
    }
    for (unsigned i = 0; i < 60; i++) {
        host_time_pass_to(1000000 + 1000 * i);
        assert_ok(wk_event_poll(event, ~UINT64_C(0), &bits));
        assert_int_equal(bits, UINT64_C(1) << i * 43 % 60); /* 7 * 43 = 1 modulo 60 */
    }
}

static void the_hardware_timer_is_written_only_when_the_first_deadline_moves(void **state)
{
    wk_handle later;

    (void)state;
    make_both();
    assert_ok(wk_timer_create(BOOT_BANK, &later));
    assert_int_equal(host_hart->arch.timer_ns, NEVER);
    assert_ok(wk_timer_set(timer, host_time_ns + 1000, 0));
    assert_int_equal(host_hart->arch.timer_ns, host_time_ns + 1000);
    host_hart->arch.timer_ns++; /* a needless write would put it right */
    deadline_write_timer(host_hart, host_time_ns + 1000);
    assert_int_equal(host_hart->arch.timer_ns, host_time_ns + 1001);
    host_hart->arch.timer_ns--;
    assert_ok(wk_timer_set(later, host_time_ns + 2000, 0));
    assert_int_equal(host_hart->arch.timer_ns, host_time_ns + 1000);
    assert_ok(wk_timer_cancel(timer, &(uint64_t){0}));
    assert_int_equal(host_hart->arch.timer_ns, host_time_ns + 2000);
}

/* A thread of the first process on hart 1. */
static struct thread *thread_of_the_other_hart(void)
{
    const struct host_machine machine = {.harts = 2, .seed = 3};
    struct thread *thread;

    machine_start(&machine);
    thread = spawn(10, NULL);
    assert_int_equal(thread->hart->index, 1);
    return thread;
}

static void a_timer_lives_on_the_hart_that_set_it(void **state)
{
    struct thread *first;
    struct thread *other = thread_of_the_other_hart();
    uint64_t was_set;

    (void)state;
    first = actor();
    make_both();
    act_as(other);
    assert_ok(wk_timer_set(timer, host_time_ns + 1000, 0));
    assert_int_equal(harts[1]->arch.timer_ns, host_time_ns + 1000);
    host_time_pass_to(host_time_ns + 1000);
    assert_true(was_signalled());
    assert_ok(wk_timer_set(timer, host_time_ns + 1000, 0));
    act_as(first);
    assert_ok(wk_timer_cancel(timer, &was_set));
    assert_int_equal(was_set, 1);
    host_time_pass_to(host_time_ns + 2000);
    assert_false(was_signalled());
}

static void another_hart_learns_of_an_earlier_deadline(void **state)
{
    static struct deadline deadline;
    struct thread *other = thread_of_the_other_hart();

    (void)state;
    deadline_init(&deadline, NULL);
    kernel_lock_acquire();
    deadline_set(&deadline, deadline_class(other->hart, 0), host_time_ns + 1000);
    kernel_lock_release();
    host_run();
    assert_int_equal(other->hart->arch.timer_ns, host_time_ns + 1000);
    kernel_lock_acquire();
    deadline_cancel(&deadline);
    deadline_cancel(&deadline);
    kernel_lock_release();
    host_time_pass_to(host_time_ns + 2000); /* fires once for nothing */
    assert_int_equal(other->hart->arch.timer_ns, NEVER);
    check_kernel();
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(create_needs_memory_of_the_bank),
        machine_test(a_timer_signals_its_event_once),
        machine_test(a_time_that_has_passed_expires_at_once),
        machine_test(setting_replaces_an_earlier_time),
        machine_test(a_periodic_timer_goes_on),
        machine_test(missed_periods_are_skipped),
        machine_test(a_period_that_ends_beyond_time_is_the_last),
        machine_test(short_periods_are_refused),
        machine_test(the_end_of_time_is_never),
        machine_test(cancel_tells_whether_it_was_set),
        machine_test(binding_replaces_an_earlier_one),
        machine_test(binding_needs_bits_and_the_right_to_signal),
        machine_test(a_timer_without_event_expires_quietly),
        machine_test(a_destroyed_timer_does_not_expire),
        machine_test(many_timers_expire_in_order),
        machine_test(the_hardware_timer_is_written_only_when_the_first_deadline_moves),
        cmocka_unit_test(a_timer_lives_on_the_hart_that_set_it),
        cmocka_unit_test(another_hart_learns_of_an_earlier_deadline),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
