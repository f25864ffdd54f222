/* SPDX-License-Identifier: MIT */
/* On whose budget and how urgently a server runs: helping along chains of calls. */
#include "calls.h"

/* ---- who runs ---- */

static void a_server_is_as_urgent_as_its_caller(void **state)
{
    (void)state;
    begin_receive(server, endpoint);
    rest();
    begin_call(high, session, 1);
    assert_runs_for(server, high);
    assert_ok(reply_as(server, endpoint, WK_OK, 0));
    assert_runs_for(high, high);
}

static void a_server_is_no_less_urgent_than_by_itself(void **state)
{
    struct thread *low = spawn(10, NULL);

    (void)state;
    assert_ok(wk_thread_set_priority(server_handle, HIGH_PRIORITY + 1));
    begin_receive(server, endpoint);
    rest();
    begin_call(low, session, 1);
    assert_runs_for(server, server);
}

static void a_server_held_by_a_less_urgent_client_is_helped_by_who_waits(void **state)
{
    (void)state;
    be_served();
    rest();
    assert_runs(high);
    begin_call(high, session, 2);
    assert_runs_for(server, high);
    assert_ok(reply_receive_as(server, endpoint, 1));
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, 2);
    assert_runs_for(server, high);
    assert_ok(reply_as(server, endpoint, WK_OK, 0));
    assert_runs_for(high, high);
}

/* The client has a receiver set aside for what it brings, and has no time to bring it. */
static void begin_to_bring(unsigned points)
{
    uint64_t words[6];

    for (unsigned i = 0; i < 6; i++)
        words[i] = event;
    assert_ok(wk_endpoint_accept(endpoint, UINT64_C(1) << WK_TYPE_EVENT, 6));
    make_server_passive();
    begin_operation(client, ASK | WK_MESSAGE_CAPABILITIES(UINT64_MAX) * WK_MESSAGE_CAPABILITY(0), session, words,
                    points);
}

static void a_client_that_brings_capabilities_is_helped_by_who_waits_for_the_server(void **state)
{
    (void)state;
    begin_to_bring(2);
    rest();
    assert_runs(high);
    begin_call(high, session, 2);
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, late_answer(server) == WK_OK ? answer_words[0] : 0);
    assert_int_equal(answer_kind >> 4, 0x3f);
    assert_runs_for(server, high);
}

static void who_helped_a_client_that_ends_goes_on_with_the_server(void **state)
{
    (void)state;
    begin_to_bring(2);
    assert_ok(wk_thread_stop(client_handle));
    rest();
    begin_call(high, session, 2);
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, 2);
    assert_runs_for(server, high);
}

static void a_passive_server_runs_on_its_caller_and_so_do_those_that_it_calls(void **state)
{
    const wk_handle beyond = make_endpoint(BOOT_BANK);
    const wk_handle beyond_session = make_session(beyond, 3);
    wk_handle second_handle;
    struct thread *second = spawn(10, &second_handle);

    (void)state;
    make_server_passive();
    begin_receive(second, beyond);
    make_passive(second_handle);
    rest();
    begin_call(high, session, 1);
    assert_runs_for(server, high);
    begin_call(server, beyond_session, 2);
    assert_runs_for(second, high);
    assert_status(reply_receive_as(second, beyond, 0), NOT_ANSWERED);
    assert_runs_for(server, high);
}

/* ---- those who cannot run ---- */

static void a_passive_server_whose_caller_was_killed_goes_on_with_the_next_call(void **state)
{
    (void)state;
    make_server_passive();
    begin_call(client, session, 1);
    assert_ok(late_answer(server));
    assert_ok(wk_thread_stop(client_handle));
    rest();
    assert_runs(high);
    begin_call(high, session, 2);
    assert_runs_for(server, high);
    assert_ok(reply_receive_as(server, endpoint, 0));
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, 2);
    assert_status(reply_receive_as(server, endpoint, 4), NOT_ANSWERED);
    assert_answered(high, WK_OK, 4);
}

static void who_calls_a_server_that_waits_for_something_else_gives_room(void **state)
{
    (void)state;
    be_served();
    begin_wait(server, event, 2, NEVER);
    rest();
    begin_call(high, session, 2);
    assert_runs(middle);
    assert_int_equal(high->place, THREAD_PARKED);
    act_as(middle);
    assert_ok(wk_event_signal(event, 2));
    assert_runs_for(server, high);
    act_as(boot);
}

static void nobody_serves_the_endpoint_until_somebody_takes_a_call(void **state)
{
    (void)state;
    rest();
    begin_call(high, session, 1);
    assert_runs(middle);
    assert_ok(receive_as(server, endpoint));
    assert_runs_for(server, high);
}

static void a_suspended_server_is_helped_when_it_is_resumed(void **state)
{
    const struct program other = program_make(200, 70);
    const wk_handle there = program_grant(&other, endpoint, WK_TRANSFER_DUP, ALL_RIGHTS);

    (void)state;
    begin_receive(other.thread_record, there);
    begin_call(client, session, 1);
    assert_ok(late_answer(other.thread_record));
    assert_ok(wk_process_suspend(other.process));
    rest();
    begin_call(high, session, 2);
    assert_runs(middle);
    act_as(middle);
    assert_ok(wk_process_resume(other.process));
    assert_runs_for(other.thread_record, high);
    act_as(boot);
}

static void a_suspended_clients_call_is_served_on_its_budget(void **state)
{
    const struct program other = program_make(200, 70);
    const wk_handle there = program_grant(&other, session, WK_TRANSFER_DUP, ALL_RIGHTS);

    (void)state;
    make_server_passive();
    begin_call(other.thread_record, there, 1);
    assert_ok(wk_process_suspend(other.process));
    assert_ok(wk_thread_stop(middle_handle));
    begin_wait(high, event, 4, NEVER);
    rest();
    assert_runs_for(server, other.thread_record);
    assert_status(reply_receive_as(server, endpoint, 5), NOT_ANSWERED);
    assert_runs(client);
    act_as(client);
    assert_ok(wk_process_resume(other.process));
    assert_answered(other.thread_record, WK_OK, 5);
    act_as(boot);
}

static void a_suspended_client_that_is_answered_is_not_run_for_any_more(void **state)
{
    const struct program other = program_make(200, 30);
    const wk_handle there = program_grant(&other, session, WK_TRANSFER_DUP, ALL_RIGHTS);

    (void)state;
    begin_receive(server, endpoint);
    begin_call(other.thread_record, there, 1);
    assert_ok(wk_process_suspend(other.process));
    assert_int_equal(other.thread_record->place, THREAD_READY);
    assert_ok(reply_as(server, endpoint, WK_OK, 5));
    assert_int_equal(other.thread_record->place, THREAD_UNPLACED);
    assert_ok(wk_process_resume(other.process));
    assert_answered(other.thread_record, WK_OK, 5);
    assert_int_equal(other.thread_record->place, THREAD_READY);
}

/* ---- those who are inside an operation ---- */

/* The thread is in the middle of an operation. */
static void leave_in_an_operation(struct thread *thread)
{
    const wk_handle many = make_event(BOOT_BANK);

    for (unsigned i = 0; i < 40; i++)
        lend(many, ALL_RIGHTS);
    begin_operation(thread, WK_CAPABILITY_REVOKE, many, (uint64_t[6]){0}, 2);
}

static void who_waits_for_an_operation_has_it_done_though_it_has_a_deadline(void **state)
{
    wk_handle budget;

    (void)state;
    leave_in_an_operation(client); /* of less priority than all */
    assert_ok(wk_budget_split(BOOT_BUDGET, BOOT_BANK, 0, 0, SERVER_PRIORITY, 1000, &budget));
    assert_ok(wk_thread_set_budget(server_handle, budget));
    assert_ok(wk_thread_stop(middle_handle));
    assert_ok(call_as(server, client_handle, WK_THREAD_STOP, 0));
    assert_null(client->operation.step);
}

static void a_passive_thread_that_waits_for_an_operation_has_it_done_as_urgently_as_its_caller(void **state)
{
    wk_handle passive_handle;
    struct thread *passive = spawn(1, &passive_handle);

    (void)state;
    leave_in_an_operation(client); /* of less priority than all */
    begin_receive(passive, endpoint);
    make_passive(passive_handle);
    rest();
    begin_call(high, session, 1);
    assert_runs_for(passive, high);
    assert_ok(call_as(passive, client_handle, WK_THREAD_STOP, 0));
    assert_null(client->operation.step);
}

static unsigned points;

static void count_point(void)
{
    points++;
}

static void who_waits_for_a_passive_threads_operation_runs_it_when_nobody_else_would(void **state)
{
    (void)state;
    make_server_passive();
    begin_call_until(client, session, 1, 1000);
    leave_in_an_operation(server);
    pass_to(1000);
    assert_answered(client, WK_TIMED_OUT, 0);
    assert_non_null(server->operation.step);
    host_preemption_hook = count_point;
    assert_ok(wk_thread_stop(server_handle));
    assert_null(server->operation.step);
    assert_in_range(points, 1, 200); /* it does not ask again and again meanwhile */
}

/* ---- priorities that change ---- */

static void a_waiters_new_priority_counts(void **state)
{
    struct thread *second = spawn(10, NULL);

    (void)state;
    be_served();
    begin_call(second, session, 2);
    begin_call(high, session, 3);
    assert_ok(wk_thread_set_priority(high_handle, 5));
    rest();
    assert_runs(middle);
    act_as(middle);
    assert_ok(wk_thread_set_priority(high_handle, HIGH_PRIORITY));
    assert_runs_for(server, high);
    act_as(boot);
}

/* Served by a passive thread, `middle` calls; who is queued for its sake moves ahead when `high` comes to need it. */
static void who_is_waited_for_moves_ahead_in_the_queue(void **state)
{
    const wk_handle there = make_endpoint(BOOT_BANK);
    const wk_handle there_session = make_session(there, 3);
    struct thread *holder = spawn(10, NULL);
    struct thread *other = spawn(70, NULL);

    (void)state;
    begin_call(spawn(5, NULL), there_session, 1);
    assert_ok(receive_as(holder, there));
    begin_call(other, there_session, 2);
    make_server_passive();
    begin_call(client, session, 1);
    begin_call(server, there_session, 3); /* as urgent as the client: behind `other` */
    rest();
    begin_call(high, session, 4); /* waits for the server, and so for the holder */
    assert_runs_for(holder, high);
    assert_ok(reply_receive_as(holder, there, 0));
    assert_received(holder, WK_MESSAGE_KIND_CALL, 3, ASK, 3);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        helping_test(a_server_is_as_urgent_as_its_caller),
        helping_test(a_server_is_no_less_urgent_than_by_itself),
        helping_test(a_server_held_by_a_less_urgent_client_is_helped_by_who_waits),
        helping_test(a_client_that_brings_capabilities_is_helped_by_who_waits_for_the_server),
        helping_test(who_helped_a_client_that_ends_goes_on_with_the_server),
        helping_test(a_passive_server_runs_on_its_caller_and_so_do_those_that_it_calls),
        helping_test(a_passive_server_whose_caller_was_killed_goes_on_with_the_next_call),
        helping_test(who_calls_a_server_that_waits_for_something_else_gives_room),
        helping_test(nobody_serves_the_endpoint_until_somebody_takes_a_call),
        helping_test(a_suspended_server_is_helped_when_it_is_resumed),
        helping_test(a_suspended_clients_call_is_served_on_its_budget),
        helping_test(a_suspended_client_that_is_answered_is_not_run_for_any_more),
        helping_test(who_waits_for_an_operation_has_it_done_though_it_has_a_deadline),
        helping_test(a_passive_thread_that_waits_for_an_operation_has_it_done_as_urgently_as_its_caller),
        helping_test(who_waits_for_a_passive_threads_operation_runs_it_when_nobody_else_would),
        helping_test(a_waiters_new_priority_counts),
        helping_test(who_is_waited_for_moves_ahead_in_the_queue),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
