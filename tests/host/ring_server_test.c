/* SPDX-License-Identifier: MIT */
/* Calls by entries, and who serves them. */
#include "ring_user.h"

static void a_call_is_answered_in_its_completion(void **state)
{
    (void)state;
    put(ASK, 0, session, 1, 5, 0, 0);
    put(ASK, 0, session, 2, 6, 0, 0);
    assert_ok(enter(2, 0));
    assert_none();
    assert_ok(receive_as(server, endpoint));
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, 5);
    assert_ok(reply_as(server, endpoint, WK_WOULD_BLOCK, 50));
    assert_completed(1, WK_WOULD_BLOCK);
    assert_int_equal(completion_words[0], 50);
    assert_status(receive_as(server, endpoint), NOT_ANSWERED);
    settle_ring(); /* the call that follows is made */
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, 6);
    assert_none();
    assert_ok(reply_as(server, endpoint, WK_OK, 60));
    assert_completed(2, WK_OK);
    assert_int_equal(completion_words[0], 60);
}

static void a_waiting_server_gets_the_call_at_once(void **state)
{
    (void)state;
    begin_receive(server, endpoint);
    put(ASK, 0, session, 1, 5, 0, 0);
    assert_ok(enter(1, 0));
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, 5);
    assert_ok(reply_as(server, endpoint, WK_OK, 50));
    assert_completed(1, WK_OK);
}

static void a_passive_server_runs_on_the_rings_budget(void **state)
{
    (void)state;
    make_server_passive();
    put(ASK, 0, session, 1, 5, 0, 0);
    put(ASK, 0, session, 2, 6, 0, 0);
    assert_ok(enter(2, 0));
    make_current(server);
    assert_int_equal(server->hart->payer->is_worker, true);
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, 5);
    assert_status(reply_receive_as(server, endpoint, 50), NOT_ANSWERED);
    assert_completed(1, WK_OK);
    settle_ring();
    make_current(server);
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, 6);
    assert_status(reply_receive_as(server, endpoint, 60), NOT_ANSWERED);
    assert_completed(2, WK_OK);
}

static void a_call_can_lend(void **state)
{
    (void)state;
    assert_ok(wk_endpoint_accept(endpoint, 1 << WK_TYPE_EVENT, 1));
    put_message(ASK, WK_MESSAGE_CAPABILITY(0), session, 1, event);
    assert_ok(enter(1, 0));
    assert_int_equal(receive_as(server, endpoint), NOT_ANSWERED);
    settle_ring();
    assert_int_equal(late_answer(server), WK_OK);
    assert_non_null(slot_of(answer_words[0]));
    assert_ok(reply_as(server, endpoint, WK_OK, 0));
    settle_ring();
    assert_completed(1, WK_OK);
    assert_true(list_is_empty(&slot_of(event)->children));
}

static void a_served_call_can_be_cancelled(void **state)
{
    uint64_t count;

    (void)state;
    begin_receive(server, endpoint);
    put(ASK, 0, session, 1, 5, 0, 0);
    put(ASK, 0, session, 2, 5, 0, 0);
    assert_ok(enter(2, 0));
    assert_ok(wk_ring_cancel(ring, 1, &count));
    assert_int_equal(count, 1);
    assert_ok(wk_ring_cancel(ring, 2, &count));
    assert_completed(1, WK_CANCELLED);
    assert_completed(2, WK_CANCELLED);
    assert_status(reply_as(server, endpoint, WK_OK, 50), WK_NO_CALLER);
    assert_none();
}

static void calls_that_follow_are_cancelled_with_the_first(void **state)
{
    uint64_t count;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        put(WK_EVENT_WAIT, 0, event, i, 1 << i, NEVER, 0);
    assert_ok(enter(3, 0));
    for (unsigned i = 0; i < 3; i++) { /* so the records are taken in another order than they are walked in */
        assert_ok(wk_event_signal(event, 1 << i));
        assert_completed(i, WK_OK);
    }
    begin_receive(server, endpoint);
    put(ASK, 0, session, 1, 5, 0, 0);
    put(ASK + 1, 0, session, 2, 5, 0, 0);
    put(ASK + 1, 0, session, 2, 6, 0, 0);
    put(ASK + 1, 0, session, 2, 7, 0, 0);
    assert_ok(enter(4, 0));
    assert_ok(wk_ring_cancel(ring, 2, &count));
    assert_int_equal(count, 3);
    settle_ring();
    for (unsigned i = 0; i < 3; i++)
        assert_completed(2, WK_CANCELLED);
    assert_none();
}

static void the_end_of_the_server_is_an_answer(void **state)
{
    (void)state;
    begin_receive(server, endpoint);
    put(ASK, 0, session, 1, 5, 0, 0);
    put(ASK, 0, session, 2, 5, 0, 0);
    assert_ok(enter(2, 0));
    assert_ok(wk_thread_stop(server_handle));
    assert_completed(1, WK_ABANDONED);
    assert_ok(wk_capability_delete(endpoint));
    assert_completed(2, WK_REVOKED);
}

static void the_end_of_the_ring_is_a_servers_freedom(void **state)
{
    (void)state;
    begin_receive(server, endpoint);
    put(ASK, 0, session, 1, 5, 0, 0);
    put(ASK, 0, session, 2, 5, 0, 0);
    assert_ok(enter(2, 0));
    assert_ok(wk_capability_delete(ring));
    assert_status(reply_as(server, endpoint, WK_OK, 50), WK_NO_CALLER);
    assert_status(receive_as(server, endpoint), NOT_ANSWERED);
}

static void a_saved_right_answers_an_entry(void **state)
{
    wk_handle reply;

    (void)state;
    begin_receive(server, endpoint);
    put(ASK, 0, session, 1, 5, 0, 0);
    assert_ok(enter(1, 0));
    assert_ok(save_as(server, endpoint, &reply));
    put_message(WK_REPLY_SEND, WK_MESSAGE_STATUS(WK_OK), reply, 2, 70);
    assert_ok(enter(1, 0));
    settle_ring();
    assert_completed_any(1, WK_OK);
    assert_int_equal(completion_words[0], 70);
    assert_completed_any(2, WK_OK);
}

static void whoever_destroys_the_bank_ends_the_ring(void **state)
{
    (void)state;
    begin_receive(server, endpoint);
    put(ASK, 0, session, 1, 5, 0, 0);
    put(WK_EVENT_WAIT, 0, event, 2, 1, NEVER, 0);
    assert_ok(enter(2, 0));
    assert_ok(wk_bank_destroy(bank));
    settle();
    assert_null(slot_of(ring));
    assert_int_equal(event_of(event)->waiter_count, 0);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        ring_test(a_call_is_answered_in_its_completion),
        ring_test(a_waiting_server_gets_the_call_at_once),
        ring_test(a_passive_server_runs_on_the_rings_budget),
        ring_test(a_call_can_lend),
        ring_test(a_served_call_can_be_cancelled),
        ring_test(calls_that_follow_are_cancelled_with_the_first),
        ring_test(the_end_of_the_server_is_an_answer),
        ring_test(the_end_of_the_ring_is_a_servers_freedom),
        ring_test(a_saved_right_answers_an_entry),
        ring_test(whoever_destroys_the_bank_ends_the_ring),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(tests[0]));
}
