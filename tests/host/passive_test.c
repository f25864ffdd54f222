/* SPDX-License-Identifier: MIT */
/* Threads without a budget: how they become so, what they may not do, what they do not receive, and what they go on with when
 * their caller leaves. */
#include "calls.h"

static int setup(void **state)
{
    call_setup(state);
    assert_ok(wk_endpoint_bind(endpoint, event, 0xff));
    make_server_passive();
    return 0;
}

#define passive_test(function) cmocka_unit_test_setup(function, setup)

static uint64_t threads_on_the_whole(void)
{
    uint64_t capacity, period, priority, deadline, hart, threads;

    assert_ok(wk_budget_info(BOOT_BUDGET, &capacity, &period, &priority, &deadline, &hart, &threads));
    return threads;
}

static void a_thread_that_waits_to_receive_becomes_passive_at_once(void **state)
{
    const uint64_t before = threads_on_the_whole();

    (void)state;
    begin_receive(client, endpoint);
    make_passive(client_handle);
    assert_int_equal(threads_on_the_whole(), before - 1);
}

static void a_thread_that_runs_becomes_passive_when_it_next_receives(void **state)
{
    const uint64_t before = threads_on_the_whole();

    (void)state;
    make_passive(client_handle);
    assert_int_equal(threads_on_the_whole(), before);
    begin_wait(client, event, 0x100, host_time_ns + 1);
    pass_to(host_time_ns + 1);
    assert_int_equal(threads_on_the_whole(), before);
    begin_receive(client, endpoint);
    assert_int_equal(threads_on_the_whole(), before - 1);
}

static void a_thread_that_waits_for_an_answer_keeps_its_budget(void **state)
{
    const uint64_t before = threads_on_the_whole();
    const wk_handle other = make_endpoint(BOOT_BANK);

    (void)state;
    begin_call(client, make_session(other, 1), 1);
    make_passive(client_handle);
    assert_int_equal(threads_on_the_whole(), before);
    assert_ok(receive_as(boot, other));
    make_passive(client_handle);
    assert_ok(reply_as(boot, other, WK_OK, 0));
    assert_int_equal(threads_on_the_whole(), before);
    begin_receive(client, endpoint);
    assert_int_equal(threads_on_the_whole(), before - 1);
}

static void a_thread_that_has_ended_gets_no_budget(void **state)
{
    (void)state;
    assert_ok(wk_thread_stop(client_handle));
    assert_status(wk_thread_set_budget(client_handle, BOOT_BUDGET), WK_NOT_STARTED);
}

static void who_changes_its_mind_stays(void **state)
{
    const uint64_t before = threads_on_the_whole();

    (void)state;
    make_passive(client_handle);
    assert_ok(wk_thread_set_budget(client_handle, BOOT_BUDGET));
    begin_receive(client, endpoint);
    assert_int_equal(threads_on_the_whole(), before);
}

static void a_thread_that_was_not_started_becomes_passive_at_once(void **state)
{
    const uint64_t before = threads_on_the_whole();
    wk_handle thread;

    (void)state;
    assert_ok(wk_thread_create(BOOT_PROCESS, 10, &thread));
    assert_int_equal(threads_on_the_whole(), before + 1);
    make_passive(thread);
    assert_int_equal(threads_on_the_whole(), before);
    assert_ok(wk_thread_start(thread, 0x10100, 0, 0, 0, 0));
    assert_ok(wk_thread_set_budget(thread, BOOT_BUDGET));
    assert_ok(call_as(thread_of(thread), BOOT_THREAD, WK_CAPABILITY_CHECK, 0));
}

static void it_only_replies_to_receive(void **state)
{
    wk_handle reply;

    (void)state;
    begin_call(client, session, 1);
    assert_status(reply_as(server, endpoint, WK_OK, 1), WK_NO_BUDGET);
    assert_status(save_as(server, endpoint, &reply), WK_NO_BUDGET);
    assert_true(is_waiting(client));
    assert_status(reply_receive_as(server, endpoint, 2), NOT_ANSWERED);
    assert_answered(client, WK_OK, 2);
}

static void it_takes_no_bits(void **state)
{
    (void)state;
    assert_ok(wk_event_signal(event, 1));
    assert_true(is_waiting(server));
    begin_call(client, session, 3);
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, 3);
    assert_status(reply_receive_as(server, endpoint, 4), NOT_ANSWERED);
    assert_ok(receive_as(client, endpoint));
    assert_received(client, WK_MESSAGE_KIND_EVENT, 0, 0, 1);
}

static void it_is_not_told_of_sessions_that_end(void **state)
{
    (void)state;
    assert_ok(wk_capability_delete(session));
    assert_true(is_waiting(server));
    assert_ok(receive_as(client, endpoint));
    assert_received(client, WK_MESSAGE_KIND_CLOSED, BADGE, 0, 0);
}

static void one_with_a_budget_behind_it_does_and_is(void **state)
{
    (void)state;
    begin_receive(client, endpoint);
    assert_ok(wk_event_signal(event, 6));
    assert_received(client, WK_MESSAGE_KIND_EVENT, 0, 0, 6);
    begin_receive(client, endpoint);
    assert_ok(wk_capability_delete(session));
    assert_received(client, WK_MESSAGE_KIND_CLOSED, BADGE, 0, 0);
    assert_true(is_waiting(server));
}

static void bits_wait_for_a_receiver_that_gets_a_budget(void **state)
{
    (void)state;
    assert_ok(wk_event_signal(event, 1));
    assert_ok(wk_thread_set_budget(server_handle, BOOT_BUDGET));
    assert_received(server, WK_MESSAGE_KIND_EVENT, 0, 0, 1);
}

static void so_do_ends_of_sessions(void **state)
{
    (void)state;
    assert_ok(wk_capability_delete(session));
    assert_ok(wk_thread_set_budget(server_handle, BOOT_BUDGET));
    assert_received(server, WK_MESSAGE_KIND_CLOSED, BADGE, 0, 0);
}

static void a_thread_that_it_makes_has_no_budget_either(void **state)
{
    uint64_t before;
    wk_handle thread;

    (void)state;
    before = threads_on_the_whole();
    begin_call(client, session, 1);
    act_as(server);
    assert_ok(wk_thread_create(BOOT_PROCESS, 10, &thread));
    act_as(boot);
    assert_int_equal(threads_on_the_whole(), before);
    assert_null(thread_of(thread)->budget);
}

/* The server waits for bits inside the client's call. */
static void it_waits_inside_a_call(void)
{
    begin_call(client, session, 1);
    begin_wait(server, event, 0x100, UINT64_MAX);
    assert_int_equal(server->priority, CLIENT_PRIORITY);
}

static void it_may_be_of_any_priority_and_is_only_as_urgent_as_its_caller(void **state)
{
    wk_handle thread;

    (void)state;
    it_waits_inside_a_call();
    assert_ok(wk_thread_set_priority(server_handle, 255));
    assert_int_equal(server->priority, CLIENT_PRIORITY);
    assert_ok(wk_event_signal(event, 0x100));
    act_as(server);
    assert_ok(wk_thread_create(BOOT_PROCESS, 255, &thread));
    act_as(boot);
    assert_int_equal(thread_of(thread)->priority, 0);
}

static void its_priority_is_bounded_by_a_budget_that_it_gets(void **state)
{
    wk_handle budget;

    (void)state;
    assert_ok(wk_budget_split(BOOT_BUDGET, BOOT_BANK, 0, 0, 20, 0, &budget));
    it_waits_inside_a_call();
    assert_ok(wk_thread_set_priority(server_handle, 21));
    assert_error_at(wk_thread_set_budget(server_handle, budget), WK_BAD_ARGUMENT, 1);
    assert_ok(wk_thread_set_priority(server_handle, 20));
    assert_ok(wk_thread_set_budget(server_handle, budget));
    assert_int_equal(server->priority, 20);
}

static void its_receive_times_out_and_it_goes_on_when_it_gets_a_budget(void **state)
{
    (void)state;
    begin_call(client, session, 1);
    assert_status(send_as(server, WK_ENDPOINT_REPLY_RECEIVE | WK_MESSAGE_DEADLINE, endpoint, (uint64_t[6]){0},
                          host_time_ns + 1000),
                  NOT_ANSWERED);
    pass_to(host_time_ns + 1000);
    assert_answered(server, WK_TIMED_OUT, 0);
    assert_ok(wk_thread_set_budget(server_handle, BOOT_BUDGET));
    assert_ok(call_as(server, server_handle, WK_CAPABILITY_CHECK, 0));
}

/* ---- a caller that leaves ---- */

static void assert_passive_once_it_receives(uint64_t threads)
{
    assert_int_equal(threads_on_the_whole(), threads + 1);
    begin_receive(server, endpoint);
    assert_int_equal(threads_on_the_whole(), threads);
    assert_null(server->budget);
    begin_call(client, session, 5);
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, 5);
    assert_null(server->budget);
}

static void its_caller_gives_up_and_it_goes_on_with_what_it_had(void **state)
{
    const uint64_t threads = threads_on_the_whole();

    (void)state;
    begin_call_until(client, session, 1, host_time_ns + 1000);
    assert_null(server->budget);
    pass_to(host_time_ns + 1000);
    assert_answered(client, WK_TIMED_OUT, 0);
    assert_status(reply_as(server, endpoint, WK_OK, 1), WK_NO_CALLER);
    assert_passive_once_it_receives(threads);
}

/* What it holds is a lock of user space: who has taken another call, with a budget, waits for that. */
static void its_caller_ends_while_another_server_waits_for_it(void **state)
{
    wk_handle killed_handle, other_handle;
    struct thread *killed = spawn(CLIENT_PRIORITY, &killed_handle);
    struct thread *other = spawn(SERVER_PRIORITY + 1, &other_handle);

    (void)state;
    begin_call(killed, session, 1);
    begin_receive(other, endpoint);
    begin_call(client, session, 2);
    assert_received(other, WK_MESSAGE_KIND_CALL, BADGE, ASK, 2);
    begin_wait(other, event, 0x100, NEVER);
    assert_ok(wk_thread_stop(killed_handle));
    rest();
    assert_runs_for(server, server);
    assert_ok(call_as(server, event, WK_EVENT_SIGNAL, 0x100));
    assert_runs(other);
    assert_ok(reply_as(other, endpoint, WK_OK, 3));
    assert_answered(client, WK_OK, 3);
}

static void its_caller_ends_while_it_calls_itself(void **state)
{
    const wk_handle deep = make_endpoint(BOOT_BANK);
    wk_handle deeper;
    struct thread *last = spawn(1, &deeper);

    (void)state;
    begin_receive(last, deep);
    make_passive(deeper);
    begin_call(client, session, 1);
    begin_call(server, make_session(deep, 9), 2);
    assert_received(last, WK_MESSAGE_KIND_CALL, 9, ASK, 2);
    assert_ok(wk_thread_stop(client_handle));
    assert_null(last->budget);
    rest();
    assert_runs_for(last, server);
    assert_status(reply_receive_as(last, deep, 4), NOT_ANSWERED);
    assert_answered(server, WK_OK, 4);
    assert_runs_for(server, server);
}

static void it_is_no_more_urgent_than_that_is_by_then(void **state)
{
    wk_handle budget;

    (void)state;
    assert_ok(wk_budget_split(BOOT_BUDGET, BOOT_BANK, 0, 0, 90, 0, &budget));
    assert_ok(wk_thread_set_budget(server_handle, budget));
    make_passive(server_handle);
    assert_ok(wk_thread_set_priority(server_handle, 85));
    begin_call(client, session, 1);
    assert_ok(wk_budget_adjust(budget, 0, 0, 40, 0));
    assert_ok(wk_thread_stop(client_handle));
    assert_int_equal(server->priority, 40);
    assert_status(wk_thread_set_priority(server_handle, 41), WK_BAD_ARGUMENT);
}

static void it_stands_if_that_has_gone(void **state)
{
    wk_handle budget;

    (void)state;
    assert_ok(wk_budget_split(BOOT_BUDGET, BOOT_BANK, 0, 0, 90, 0, &budget));
    assert_ok(wk_thread_set_budget(server_handle, budget));
    make_passive(server_handle);
    begin_call(client, session, 1);
    assert_ok(wk_budget_destroy(budget));
    assert_ok(wk_thread_stop(client_handle));
    assert_null(server->budget);
    begin_call(boot, session, 2);
    assert_runs_for(server, boot);
}

/* Nor does it leave anything behind with it when it ends. */
static void it_ends_before_that_goes(void **state)
{
    wk_handle budget;

    (void)state;
    assert_ok(wk_budget_split(BOOT_BUDGET, BOOT_BANK, 0, 0, 90, 0, &budget));
    assert_ok(wk_thread_set_budget(server_handle, budget));
    make_passive(server_handle);
    assert_ok(wk_thread_stop(server_handle));
    assert_ok(wk_capability_delete(server_handle));
    check_kernel();
    assert_ok(wk_budget_destroy(budget));
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        passive_test(a_thread_that_waits_to_receive_becomes_passive_at_once),
        passive_test(a_thread_that_runs_becomes_passive_when_it_next_receives),
        passive_test(a_thread_that_waits_for_an_answer_keeps_its_budget),
        passive_test(a_thread_that_has_ended_gets_no_budget),
        passive_test(who_changes_its_mind_stays),
        passive_test(a_thread_that_was_not_started_becomes_passive_at_once),
        passive_test(it_only_replies_to_receive),
        passive_test(it_takes_no_bits),
        passive_test(it_is_not_told_of_sessions_that_end),
        passive_test(one_with_a_budget_behind_it_does_and_is),
        passive_test(bits_wait_for_a_receiver_that_gets_a_budget),
        passive_test(so_do_ends_of_sessions),
        passive_test(a_thread_that_it_makes_has_no_budget_either),
        passive_test(it_may_be_of_any_priority_and_is_only_as_urgent_as_its_caller),
        passive_test(its_priority_is_bounded_by_a_budget_that_it_gets),
        passive_test(its_receive_times_out_and_it_goes_on_when_it_gets_a_budget),
        passive_test(its_caller_gives_up_and_it_goes_on_with_what_it_had),
        passive_test(its_caller_ends_while_another_server_waits_for_it),
        passive_test(its_caller_ends_while_it_calls_itself),
        passive_test(it_is_no_more_urgent_than_that_is_by_then),
        passive_test(it_stands_if_that_has_gone),
        passive_test(it_ends_before_that_goes),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
