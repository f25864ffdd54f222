/* SPDX-License-Identifier: MIT */
/* Chains of calls: how long they may be, and that no chain waits for itself. */
#include "calls.h"

/* Endpoints with a session and a thread for each. */
#define MANY (WK_CALL_DEPTH_MAX + 2)
static struct {
    wk_handle endpoint, session, thread_handle;
    struct thread *thread;
} node[MANY];

static int setup(void **state)
{
    call_setup(state);
    for (unsigned i = 0; i < MANY; i++) {
        node[i].endpoint = make_endpoint(BOOT_BANK);
        node[i].session = make_session(node[i].endpoint, i);
        node[i].thread = spawn(10, &node[i].thread_handle);
    }
    return 0;
}

#define chain_test(function) cmocka_unit_test_setup(function, setup)

/* The thread of a node holds a call of its endpoint, from a thread made for that. */
static void hold(unsigned index)
{
    begin_call(spawn(10, NULL), node[index].session, 1);
    assert_ok(receive_as(node[index].thread, node[index].endpoint));
}

static enum wk_status call_from_to(unsigned from, unsigned to)
{
    return call_as(node[from].thread, node[to].session, ASK, from);
}

static void a_chain_of_calls_may_be_so_long(void **state)
{
    (void)state;
    for (unsigned i = 1; i < MANY; i++)
        begin_receive(node[i].thread, node[i].endpoint);
    for (unsigned i = 0; i < WK_CALL_DEPTH_MAX; i++)
        assert_status(call_from_to(i, i + 1), NOT_ANSWERED);
    assert_status(call_from_to(WK_CALL_DEPTH_MAX, WK_CALL_DEPTH_MAX + 1), WK_TOO_DEEP);
    for (unsigned i = WK_CALL_DEPTH_MAX; i > 0; i--) {
        assert_status(reply_receive_as(node[i].thread, node[i].endpoint, i), NOT_ANSWERED);
        assert_answered(node[i - 1].thread, WK_OK, i);
    }
}

static void who_saved_its_call_begins_a_chain_of_its_own(void **state)
{
    wk_handle reply;

    (void)state;
    for (unsigned i = 1; i < MANY; i++)
        begin_receive(node[i].thread, node[i].endpoint);
    for (unsigned i = 0; i < WK_CALL_DEPTH_MAX; i++)
        assert_status(call_from_to(i, i + 1), NOT_ANSWERED);
    assert_ok(save_as(node[WK_CALL_DEPTH_MAX].thread, node[WK_CALL_DEPTH_MAX].endpoint, &reply));
    assert_status(call_from_to(WK_CALL_DEPTH_MAX, WK_CALL_DEPTH_MAX + 1), NOT_ANSWERED);
}

static void whoever_answered_may_call_again(void **state)
{
    (void)state;
    begin_receive(node[1].thread, node[1].endpoint);
    begin_receive(node[2].thread, node[2].endpoint);
    for (unsigned i = 0; i < 2 * WK_CALL_DEPTH_MAX; i++) {
        assert_status(call_from_to(0, 1), NOT_ANSWERED);
        assert_status(call_from_to(1, 2), NOT_ANSWERED);
        assert_status(reply_receive_as(node[2].thread, node[2].endpoint, 2), NOT_ANSWERED);
        assert_status(reply_receive_as(node[1].thread, node[1].endpoint, 1), NOT_ANSWERED);
        assert_answered(node[0].thread, WK_OK, 1);
    }
}

/* ---- deadlock ---- */

static void a_server_that_calls_itself_is_told(void **state)
{
    (void)state;
    hold(0);
    assert_status(call_from_to(0, 0), WK_DEADLOCK);
}

static void two_that_serve_each_other_are_told(void **state)
{
    (void)state;
    hold(0);
    begin_receive(node[1].thread, node[1].endpoint);
    assert_status(call_from_to(0, 1), NOT_ANSWERED);
    assert_status(call_from_to(1, 0), WK_DEADLOCK);
    assert_status(reply_receive_as(node[1].thread, node[1].endpoint, 4), NOT_ANSWERED);
    assert_answered(node[0].thread, WK_OK, 4);
}

static void so_are_those_whose_calls_are_queued(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        hold(i);
    assert_status(call_from_to(0, 1), NOT_ANSWERED);
    assert_status(call_from_to(1, 2), NOT_ANSWERED);
    assert_status(call_from_to(2, 0), WK_DEADLOCK);
}

static void a_chain_through_served_and_queued_calls_is_followed(void **state)
{
    (void)state;
    hold(0);
    hold(2);
    begin_receive(node[1].thread, node[1].endpoint);
    assert_status(call_from_to(0, 1), NOT_ANSWERED);
    assert_status(call_from_to(1, 2), NOT_ANSWERED);
    assert_status(call_from_to(2, 0), WK_DEADLOCK);
}

static void a_server_with_another_thread_that_could_come_is_no_deadlock(void **state)
{
    struct thread *other = spawn(10, NULL);

    (void)state;
    hold(0);
    begin_call(client, node[0].session, 1);
    assert_ok(receive_as(other, node[0].endpoint));
    assert_status(call_from_to(0, 0), NOT_ANSWERED);
    assert_ok(reply_receive_as(other, node[0].endpoint, 0));
    assert_received(other, WK_MESSAGE_KIND_CALL, 0, ASK, 0);
    assert_ok(reply_as(other, node[0].endpoint, WK_OK, 3));
    assert_answered(node[0].thread, WK_OK, 3);
}

static void a_server_that_receives_is_no_deadlock(void **state)
{
    struct thread *other = spawn(10, NULL);

    (void)state;
    hold(0);
    begin_receive(other, node[0].endpoint);
    assert_status(call_from_to(0, 0), NOT_ANSWERED);
    assert_received(other, WK_MESSAGE_KIND_CALL, 0, ASK, 0);
}

static void who_waits_for_something_else_is_no_deadlock(void **state)
{
    (void)state;
    hold(0);
    hold(1);
    begin_wait(node[1].thread, make_event(BOOT_BANK), 1, NEVER);
    assert_status(call_from_to(0, 1), NOT_ANSWERED);
}

static void who_lost_its_caller_still_is_the_one_who_serves(void **state)
{
    wk_handle caller_handle;
    struct thread *caller = spawn(10, &caller_handle);

    (void)state;
    begin_call(caller, node[0].session, 1);
    assert_ok(receive_as(node[0].thread, node[0].endpoint));
    assert_ok(wk_thread_stop(caller_handle));
    assert_status(call_from_to(0, 0), WK_DEADLOCK);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        chain_test(a_chain_of_calls_may_be_so_long),
        chain_test(who_saved_its_call_begins_a_chain_of_its_own),
        chain_test(whoever_answered_may_call_again),
        chain_test(a_server_that_calls_itself_is_told),
        chain_test(two_that_serve_each_other_are_told),
        chain_test(so_are_those_whose_calls_are_queued),
        chain_test(a_chain_through_served_and_queued_calls_is_followed),
        chain_test(a_server_with_another_thread_that_could_come_is_no_deadlock),
        chain_test(a_server_that_receives_is_no_deadlock),
        chain_test(who_waits_for_something_else_is_no_deadlock),
        chain_test(who_lost_its_caller_still_is_the_one_who_serves),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
