/* SPDX-License-Identifier: MIT */
/* event: signal_wait, which hands over; thread: sleep; and what a thread has used. */
#include "calls.h"

static wk_handle other;

static int setup(void **state)
{
    call_setup(state);
    other = make_event(BOOT_BANK);
    return 0;
}

#define wait_test(function) cmocka_unit_test_setup(function, setup)

static enum wk_status signal_wait_as(struct thread *thread, wk_handle to, uint64_t bits, uint64_t mask,
                                     uint64_t deadline_ns)
{
    return send_as(thread, WK_EVENT_SIGNAL_WAIT, event, (uint64_t[6]){to, bits, mask, deadline_ns}, 0);
}

static bool is_pending(wk_handle of, uint64_t mask)
{
    uint64_t bits;

    return wk_event_poll(of, mask, &bits) == WK_OK;
}

static void it_signals_one_and_waits_for_the_other(void **state)
{
    (void)state;
    begin_wait(client, other, 2, NEVER);
    assert_status(signal_wait_as(server, other, 2, 4, NEVER), NOT_ANSWERED);
    assert_answered(client, WK_OK, 2);
    assert_ok(wk_event_signal(event, 6));
    assert_answered(server, WK_OK, 4);
    assert_true(is_pending(event, 2));
}

static void it_takes_what_is_there(void **state)
{
    (void)state;
    assert_ok(wk_event_signal(event, 5));
    assert_ok(signal_wait_as(server, other, 2, 4, NEVER));
    assert_int_equal(answer_words[0], 4);
    assert_true(is_pending(other, 2));
    assert_ok(signal_wait_as(server, event, 8, 8, NEVER)); /* what it signals itself, too */
    assert_int_equal(answer_words[0], 8);
}

static void it_times_out(void **state)
{
    (void)state;
    assert_status(signal_wait_as(server, other, 2, 4, host_time_ns + 1000), NOT_ANSWERED);
    pass_to(host_time_ns + 1000);
    assert_answered(server, WK_TIMED_OUT, 0);
    assert_true(is_pending(other, 2));
}

static void it_ends_with_the_event(void **state)
{
    (void)state;
    assert_status(signal_wait_as(server, other, 2, 4, NEVER), NOT_ANSWERED);
    assert_ok(wk_capability_delete(event));
    assert_answered(server, WK_REVOKED, 0);
}

static void it_is_interrupted(void **state)
{
    (void)state;
    assert_status(signal_wait_as(server, other, 2, 4, NEVER), NOT_ANSWERED);
    assert_ok(wk_thread_interrupt(server_handle));
    assert_answered(server, WK_INTERRUPTED, 0);
    assert_true(is_pending(other, 2));
    assert_ok(wk_thread_interrupt(server_handle)); /* while it does not wait */
    assert_status(signal_wait_as(server, other, 8, 4, NEVER), WK_INTERRUPTED);
    assert_true(is_pending(other, 8));                                       /* only the wait is interrupted */
    assert_status(signal_wait_as(server, other, 2, 4, NEVER), NOT_ANSWERED); /* and only once */
}

static void eight_wait_for_the_event(void)
{
    for (unsigned i = 0; i < WK_EVENT_WAITERS_MAX; i++)
        begin_wait(spawn(10, NULL), event, UINT64_C(1) << 40, NEVER);
}

static void it_does_not_signal_if_too_many_wait(void **state)
{
    (void)state;
    eight_wait_for_the_event();
    assert_status(signal_wait_as(server, other, 2, 4, NEVER), WK_BUSY);
    assert_false(is_pending(other, 2));
    assert_ok(wk_event_signal(event, 4));
    assert_ok(signal_wait_as(server, other, 2, 4, NEVER)); /* it need not wait */
}

/* What it signals itself may be taken by somebody else before it gets there: then it does wait. */
static void it_waits_if_its_own_signal_goes_to_another(void **state)
{
    (void)state;
    assert_ok(wk_endpoint_bind(endpoint, event, 4));
    begin_receive(client, endpoint);
    assert_status(signal_wait_as(server, event, 4, 4, NEVER), NOT_ANSWERED);
    assert_received(client, WK_MESSAGE_KIND_EVENT, 0, 0, 4);
    assert_ok(wk_event_signal(event, 4));
    assert_answered(server, WK_OK, 4);
}

static void it_is_one_too_many_if_its_own_signal_goes_to_another(void **state)
{
    (void)state;
    eight_wait_for_the_event();
    assert_ok(wk_endpoint_bind(endpoint, event, 4));
    begin_receive(client, endpoint);
    assert_status(signal_wait_as(server, event, 4, 4, NEVER), WK_BUSY);
    assert_true(is_waiting(client)); /* nothing was signalled */
}

static void it_is_interrupted_if_its_own_signal_goes_to_another(void **state)
{
    (void)state;
    assert_ok(wk_endpoint_bind(endpoint, event, 4));
    begin_receive(client, endpoint);
    assert_ok(wk_thread_interrupt(server_handle));
    assert_status(signal_wait_as(server, event, 4, 4, NEVER), WK_INTERRUPTED);
    assert_received(client, WK_MESSAGE_KIND_EVENT, 0, 0, 4);
}

/* ---- sleep ---- */

static enum wk_status sleep_as(struct thread *thread, wk_handle handle, uint64_t until_ns)
{
    return send_as(thread, WK_THREAD_SLEEP, handle, (uint64_t[6]){until_ns}, 0);
}

static void a_thread_sleeps_until_a_time(void **state)
{
    enum wk_thread_state thread_state;
    uint64_t priority, hart;

    (void)state;
    assert_status(sleep_as(server, server_handle, host_time_ns + 1000), NOT_ANSWERED);
    assert_ok(wk_thread_info(server_handle, &thread_state, &priority, &hart));
    assert_int_equal(thread_state, WK_THREAD_STATE_WAITING);
    pass_to(host_time_ns + 999);
    assert_true(is_waiting(server));
    pass_to(host_time_ns + 1);
    assert_answered(server, WK_OK, 0);
    assert_ok(sleep_as(server, server_handle, host_time_ns - 1)); /* that has come */
}

static void nobody_puts_another_to_sleep(void **state)
{
    (void)state;
    assert_error_at(sleep_as(server, client_handle, host_time_ns + 1000), WK_BAD_ARGUMENT, 0);
    assert_false(is_waiting(client));
}

static void sleep_is_interrupted(void **state)
{
    (void)state;
    assert_status(sleep_as(server, server_handle, NEVER), NOT_ANSWERED);
    assert_ok(wk_thread_interrupt(server_handle));
    assert_answered(server, WK_INTERRUPTED, 0);
    assert_ok(wk_thread_interrupt(server_handle));
    assert_status(sleep_as(server, server_handle, NEVER), WK_INTERRUPTED);
}

static void who_sleeps_may_be_stopped_and_suspended(void **state)
{
    const struct program sleeper = program_make(200, 80);
    const wk_handle own = program_grant(&sleeper, sleeper.thread, WK_TRANSFER_DUP, ALL_RIGHTS);

    (void)state;
    assert_status(sleep_as(sleeper.thread_record, own, host_time_ns + 1000), NOT_ANSWERED);
    assert_ok(wk_process_suspend(sleeper.process));
    pass_to(host_time_ns + 1000);
    assert_ok(wk_process_resume(sleeper.process));
    assert_answered(sleeper.thread_record, WK_OK, 0);
    assert_status(sleep_as(sleeper.thread_record, own, NEVER), NOT_ANSWERED);
    assert_ok(wk_thread_stop(sleeper.thread));
    assert_ok(wk_process_kill(sleeper.process, 0));
}

static void a_call_is_not_interrupted(void **state)
{
    (void)state;
    begin_call(client, session, 1);
    assert_ok(wk_thread_interrupt(client_handle));
    assert_true(is_waiting(client));
    begin_receive(server, make_endpoint(BOOT_BANK));
    assert_ok(wk_thread_interrupt(server_handle));
    assert_true(is_waiting(server));
}

/* ---- usage ---- */

static void a_thread_is_charged_for_itself_and_whom_it_calls(void **state)
{
    uint64_t used;

    (void)state;
    begin_receive(server, endpoint);
    assert_ok(wk_thread_set_priority(client_handle, SERVER_PRIORITY + 1));
    rest();
    pass_to(host_time_ns + 3000);
    begin_call(client, session, 1);
    assert_runs_for(server, client);
    pass_to(host_time_ns + 2000);
    act_as(server);
    assert_ok(wk_thread_usage(client_handle, &used));
    assert_int_equal(used, 5000);
    assert_ok(wk_thread_usage(server_handle, &used));
    assert_int_equal(used, 0);
    assert_ok(wk_thread_usage(BOOT_THREAD, &used));
    assert_int_equal(used, 0);
    act_as(boot);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        wait_test(it_signals_one_and_waits_for_the_other),
        wait_test(it_takes_what_is_there),
        wait_test(it_times_out),
        wait_test(it_ends_with_the_event),
        wait_test(it_is_interrupted),
        wait_test(it_does_not_signal_if_too_many_wait),
        wait_test(it_waits_if_its_own_signal_goes_to_another),
        wait_test(it_is_one_too_many_if_its_own_signal_goes_to_another),
        wait_test(it_is_interrupted_if_its_own_signal_goes_to_another),
        wait_test(a_thread_sleeps_until_a_time),
        wait_test(nobody_puts_another_to_sleep),
        wait_test(sleep_is_interrupted),
        wait_test(who_sleeps_may_be_stopped_and_suspended),
        wait_test(a_call_is_not_interrupted),
        wait_test(a_thread_is_charged_for_itself_and_whom_it_calls),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
