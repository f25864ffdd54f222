/* SPDX-License-Identifier: MIT */
/* A chain of calls changes under who runs at its end: a payer never goes on paying for what it does not wait for. */
#include "calls.h"

static void a_server_that_saves_its_call_runs_on_by_itself(void **state)
{
    wk_handle reply;

    (void)state;
    begin_receive(server, endpoint);
    rest();
    begin_call(high, session, 1);
    assert_runs_for(server, high);
    assert_ok(save_as(server, endpoint, &reply));
    assert_runs(middle);
}

static void a_server_that_answered_is_helped_by_who_is_still_queued(void **state)
{
    (void)state;
    be_served();
    rest();
    begin_call(high, session, 2);
    assert_runs_for(server, high);
    assert_ok(reply_as(server, endpoint, WK_OK, 0));
    assert_runs_for(server, high);
    assert_ok(receive_as(server, endpoint));
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, 2);
    assert_runs_for(server, high);
}

/* `high` called the passive server, whose call waits at an endpoint that `client` serves. */
static wk_handle beyond;

static void have_client_hold_the_servers_call(uint64_t deadline_ns)
{
    const wk_handle beyond_session = (beyond = make_endpoint(BOOT_BANK), make_session(beyond, 3));
    struct thread *other = spawn(10, NULL);

    begin_call(other, beyond_session, 1);
    assert_ok(receive_as(client, beyond));
    make_server_passive();
    rest();
    begin_call(high, session, 1);
    assert_runs_for(server, high);
    begin_call_until(server, beyond_session, 2, deadline_ns);
    assert_runs_for(client, high);
}

/* `high` called the passive server, and `client` receives at an endpoint, of which a session is returned. */
static wk_handle have_client_receive_beyond(void)
{
    const wk_handle beyond_session = (beyond = make_endpoint(BOOT_BANK), make_session(beyond, 3));

    begin_receive(client, beyond);
    make_server_passive();
    rest();
    begin_call(high, session, 1);
    return beyond_session;
}

static void a_passive_servers_queued_call_times_out(void **state)
{
    (void)state;
    have_client_hold_the_servers_call(host_time_ns + 1000);
    pass_to(host_time_ns + 1000);
    assert_runs_for(server, high);
    assert_answered(server, WK_TIMED_OUT, 0);
}

static void a_passive_servers_queued_call_is_taken_by_another(void **state)
{
    struct thread *another = spawn(20, NULL);

    (void)state;
    have_client_hold_the_servers_call(NEVER);
    assert_ok(receive_as(another, beyond));
    assert_runs_for(another, high);
    assert_ok(reply_as(another, beyond, WK_OK, 0));
    assert_runs_for(server, high);
}

static void a_passive_servers_call_that_is_served_times_out(void **state)
{
    const wk_handle beyond_session = have_client_receive_beyond();

    (void)state;
    begin_call_until(server, beyond_session, 2, host_time_ns + 1000);
    assert_runs_for(client, high);
    pass_to(host_time_ns + 1000);
    assert_runs_for(server, high);
    assert_answered(server, WK_TIMED_OUT, 0);
}

static void when_the_first_server_leaves_the_next_is_helped(void **state)
{
    const wk_handle another = make_endpoint(BOOT_BANK);
    struct thread *second = spawn(20, NULL);
    struct thread *low = spawn(10, NULL);

    (void)state;
    be_served();
    begin_call(low, session, 2);
    assert_ok(receive_as(second, endpoint));
    rest();
    begin_call(high, session, 3);
    assert_runs_for(server, high);
    begin_receive(server, another);
    assert_runs_for(second, high);
    assert_ok(receive_as(second, endpoint));
    assert_received(second, WK_MESSAGE_KIND_CALL, BADGE, ASK, 3);
    assert_runs_for(second, high);
}

/* A passive thread's server, with a budget, answers and goes on. */
static void a_passive_thread_goes_on_as_soon_as_it_is_answered(void **state)
{
    const wk_handle beyond_session = have_client_receive_beyond();

    (void)state;
    begin_call(server, beyond_session, 2);
    assert_runs_for(client, high);
    assert_ok(reply_as(client, beyond, WK_OK, 0));
    assert_runs_for(server, high);
}

/* Nobody runs for `high`, since the thread at the end of its chain waits for an event. */
static void a_passive_threads_call_of_a_server_that_waits_times_out(void **state)
{
    const wk_handle beyond_session = have_client_receive_beyond();

    (void)state;
    begin_call_until(server, beyond_session, 2, host_time_ns + 1000);
    begin_wait(client, event, 2, NEVER);
    assert_runs_for(middle, middle);
    pass_to(host_time_ns + 1000);
    assert_runs_for(server, high);
}

static void who_is_killed_while_served_leaves_the_server_to_itself(void **state)
{
    (void)state;
    begin_receive(server, endpoint);
    rest();
    begin_call(high, session, 1);
    assert_runs_for(server, high);
    act_as(middle);
    assert_ok(wk_thread_stop(high_handle));
    assert_runs(middle);
    assert_status(reply_as(server, endpoint, WK_OK, 0), WK_NO_CALLER);
    act_as(boot);
}

/* `high` waits for `server`, whose call is queued where `client` serves. */
static void a_thread_in_the_middle_of_a_chain_is_stopped(void **state)
{
    const wk_handle there = make_endpoint(BOOT_BANK);
    const wk_handle there_session = make_session(there, 3);

    (void)state;
    begin_call(spawn(5, NULL), there_session, 1);
    assert_ok(receive_as(client, there));
    begin_call(spawn(5, NULL), session, 1);
    assert_ok(receive_as(server, endpoint));
    begin_call(server, there_session, 2);
    rest();
    begin_call(high, session, 3);
    assert_runs_for(client, high);
    act_as(client);
    assert_ok(wk_thread_stop(server_handle));
    assert_runs_for(middle, middle);
    act_as(boot);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        helping_test(a_server_that_saves_its_call_runs_on_by_itself),
        helping_test(a_server_that_answered_is_helped_by_who_is_still_queued),
        helping_test(a_passive_servers_queued_call_times_out),
        helping_test(a_passive_servers_queued_call_is_taken_by_another),
        helping_test(a_passive_servers_call_that_is_served_times_out),
        helping_test(when_the_first_server_leaves_the_next_is_helped),
        helping_test(a_passive_thread_goes_on_as_soon_as_it_is_answered),
        helping_test(a_passive_threads_call_of_a_server_that_waits_times_out),
        helping_test(who_is_killed_while_served_leaves_the_server_to_itself),
        helping_test(a_thread_in_the_middle_of_a_chain_is_stopped),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
