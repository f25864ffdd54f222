/* SPDX-License-Identifier: MIT */
/* Calls and answers: what arrives, in which order, and when nobody comes. */
#include "calls.h"

#include "deadline.h"

static const uint64_t six[6] = {11, 22, 33, 44, 55, 66};

static void words_badge_and_operation_arrive_and_the_answer_comes_back(void **state)
{
    (void)state;
    begin_receive(server, endpoint);
    assert_status(send_as(client, 0x2abc, session, six, 0), NOT_ANSWERED);
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, 0x2abc, 11);
    assert_memory_equal(answer_words, six, sizeof(six));
    assert_int_equal(answer_kind >> 4, 0); /* no capability came with it */
    assert_ok(send_as(server, WK_ENDPOINT_REPLY, endpoint, six, 0));
    assert_ok(late_answer(client));
    assert_memory_equal(answer_words, six, sizeof(six));
    assert_int_equal(answer_kind, 0);
    assert_int_equal(answer_badge, 0);
    assert_int_equal(answer_operation, 0);
}

static void a_call_waits_for_a_receiver(void **state)
{
    (void)state;
    begin_call(client, session, 5);
    assert_ok(receive_as(server, endpoint));
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, 5);
    assert_true(is_waiting(client));
    assert_status(reply_receive_as(server, endpoint, 6), NOT_ANSWERED);
    assert_answered(client, WK_OK, 6);
    assert_true(is_waiting(server));
}

static void the_answer_carries_a_status(void **state)
{
    (void)state;
    be_served();
    assert_ok(reply_as(server, endpoint, WK_WOULD_BLOCK, 9));
    assert_answered(client, WK_WOULD_BLOCK, 9);
    be_served();
    assert_status(send_as(server, WK_ENDPOINT_REPLY_RECEIVE | WK_MESSAGE_STATUS(WK_NOT_ADMITTED), endpoint, six, 0),
                  NOT_ANSWERED);
    assert_answered(client, WK_NOT_ADMITTED, 11);
}

static void a_saved_call_is_answered_later_by_anyone(void **state)
{
    wk_handle reply;

    (void)state;
    be_served();
    assert_ok(save_as(server, endpoint, &reply));
    assert_status(reply_as(server, endpoint, WK_OK, 0), WK_NO_CALLER);
    assert_status(save_as(server, endpoint, &reply), WK_NO_CALLER);
    assert_true(is_waiting(client));
    begin_receive(server, endpoint);
    assert_ok(answer_by(boot, reply, WK_BUSY, 8));
    assert_answered(client, WK_BUSY, 8);
    assert_status(answer_by(boot, reply, WK_OK, 8), WK_NO_CALLER);
}

static void the_server_serves_another_call_while_one_is_saved(void **state)
{
    struct thread *second = spawn(10, NULL);
    wk_handle first_reply, second_reply;

    (void)state;
    be_served();
    assert_ok(save_as(server, endpoint, &first_reply));
    begin_call(second, session, 2);
    assert_ok(receive_as(server, endpoint));
    assert_ok(save_as(server, endpoint, &second_reply));
    assert_ok(answer_by(server, second_reply, WK_OK, 20));
    assert_ok(answer_by(server, first_reply, WK_OK, 10));
    assert_answered(client, WK_OK, 10);
    assert_answered(second, WK_OK, 20);
}

static void nobody_to_answer_is_told(void **state)
{
    wk_handle reply;

    (void)state;
    assert_status(reply_as(server, endpoint, WK_OK, 0), WK_NO_CALLER);
    assert_status(save_as(server, endpoint, &reply), WK_NO_CALLER);
    assert_status(reply_receive_as(server, endpoint, 0), NOT_ANSWERED); /* that only receives */
}

static void to_receive_without_an_answer_abandons_the_call(void **state)
{
    (void)state;
    be_served();
    begin_receive(server, endpoint);
    assert_answered(client, WK_ABANDONED, 0);
}

/* ---- order ---- */

static void expect_call(uint64_t word)
{
    assert_ok(receive_as(server, endpoint));
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, word);
    assert_ok(reply_as(server, endpoint, WK_OK, 0));
}

static void the_most_urgent_call_comes_first_and_among_equals_the_earliest(void **state)
{
    static const unsigned priorities[] = {10, 20, 30, 20, 10, 30};

    (void)state;
    for (unsigned i = 0; i < 6; i++)
        begin_call(spawn(priorities[i], NULL), session, i);
    expect_call(2);
    expect_call(5);
    expect_call(1);
    expect_call(3);
    expect_call(0);
    expect_call(4);
}

static void a_call_goes_to_who_waits_longest(void **state)
{
    struct thread *other = spawn(70, NULL);

    (void)state;
    begin_receive(server, endpoint);
    begin_receive(other, endpoint);
    begin_call(client, session, 1);
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, 1);
    assert_true(is_waiting(other));
}

static void sessions_are_told_apart_by_their_badges(void **state)
{
    const wk_handle another = make_session(endpoint, UINT64_MAX);
    struct thread *second = spawn(10, NULL);

    (void)state;
    begin_call(second, another, 2);
    begin_call(client, session, 1);
    expect_call(1);
    assert_ok(receive_as(server, endpoint));
    assert_received(server, WK_MESSAGE_KIND_CALL, UINT64_MAX, ASK, 2);
}

/* ---- deadlines ---- */

static void a_call_that_nobody_takes_times_out(void **state)
{
    (void)state;
    begin_call_until(client, session, 1, host_time_ns + 1000);
    pass_to(host_time_ns + 999);
    assert_true(is_waiting(client));
    pass_to(host_time_ns + 1);
    assert_answered(client, WK_TIMED_OUT, 0);
    begin_receive(server, endpoint); /* and finds nothing of it */
}

static void a_deadline_that_has_passed_ends_the_call_at_once(void **state)
{
    (void)state;
    pass_to(5000);
    assert_status(send_as(client, ASK | WK_MESSAGE_DEADLINE, session, six, 4000), WK_TIMED_OUT);
    begin_receive(server, endpoint);
    assert_status(send_as(client, ASK | WK_MESSAGE_DEADLINE, session, six, 4000), WK_TIMED_OUT);
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, 11); /* it had a receiver, who finds nobody to answer */
    assert_status(reply_as(server, endpoint, WK_OK, 0), WK_NO_CALLER);
}

static void a_call_that_is_served_times_out(void **state)
{
    (void)state;
    begin_receive(server, endpoint);
    begin_call_until(client, session, 1, host_time_ns + 1000);
    assert_ok(late_answer(server));
    pass_to(host_time_ns + 1000);
    assert_answered(client, WK_TIMED_OUT, 0);
    assert_status(reply_as(server, endpoint, WK_OK, 0), WK_NO_CALLER);
    begin_call(client, session, 2);
    assert_ok(reply_receive_as(server, endpoint, 0)); /* with nobody to answer it receives */
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, 2);
}

static void a_call_keeps_its_deadline_in_the_queue_and_when_saved(void **state)
{
    wk_handle reply;

    (void)state;
    begin_call_until(client, session, 1, host_time_ns + 1000);
    assert_ok(receive_as(server, endpoint));
    assert_ok(save_as(server, endpoint, &reply));
    pass_to(host_time_ns + 1000);
    assert_answered(client, WK_TIMED_OUT, 0);
    assert_status(answer_by(server, reply, WK_OK, 0), WK_NO_CALLER);
}

static void a_deadline_ends_no_later_call(void **state)
{
    (void)state;
    begin_receive(server, endpoint);
    begin_call_until(client, session, 1, host_time_ns + 1000);
    assert_status(reply_receive_as(server, endpoint, 3), NOT_ANSWERED);
    assert_answered(client, WK_OK, 3);
    begin_call(client, session, 2);
    pass_to(host_time_ns + 2000);
    assert_true(is_waiting(client));
    assert_status(reply_receive_as(server, endpoint, 4), NOT_ANSWERED);
    assert_answered(client, WK_OK, 4);
    assert_status(reply_receive_as(boot, endpoint, 0), NOT_ANSWERED);
}

static void to_receive_times_out(void **state)
{
    (void)state;
    assert_status(send_as(server, WK_ENDPOINT_RECEIVE | WK_MESSAGE_DEADLINE, endpoint, six, host_time_ns + 1000),
                  NOT_ANSWERED);
    pass_to(host_time_ns + 999);
    assert_true(is_waiting(server));
    pass_to(host_time_ns + 1);
    assert_answered(server, WK_TIMED_OUT, 0);
    be_served();
    assert_status(send_as(server, WK_ENDPOINT_REPLY_RECEIVE | WK_MESSAGE_DEADLINE, endpoint, six, host_time_ns + 1000),
                  NOT_ANSWERED);
    assert_answered(client, WK_OK, 11);
    pass_to(host_time_ns + 1000);
    assert_answered(server, WK_TIMED_OUT, 0);
    begin_receive(server, endpoint); /* and this has none */
    pass_to(host_time_ns + 5000);
    assert_true(is_waiting(server));
}

/* ---- how many ---- */

static void so_many_may_serve_at_a_time(void **state)
{
    const wk_handle full = make_endpoint(BOOT_BANK);
    wk_handle last_handle;

    (void)state;
    for (unsigned i = 0; i < WK_ENDPOINT_SERVERS_MAX; i++)
        begin_receive(spawn(10, &last_handle), full);
    assert_status(receive_as(boot, full), WK_BUSY);
    be_served();
    assert_status(reply_receive_as(server, full, 1), WK_BUSY);
    assert_true(is_waiting(client)); /* nothing has been answered */
    assert_ok(wk_thread_stop(last_handle));
    assert_status(reply_receive_as(server, full, 2), NOT_ANSWERED); /* there is room again */
    assert_answered(client, WK_OK, 2);
    assert_status(receive_as(boot, full), WK_BUSY);
}

static void who_serves_may_receive_again(void **state)
{
    const wk_handle full_session = make_session(endpoint, 1);

    (void)state;
    for (unsigned i = 0; i < WK_ENDPOINT_SERVERS_MAX - 1; i++)
        begin_receive(spawn(10, NULL), endpoint);
    begin_receive(server, endpoint);
    for (unsigned i = 0; i < WK_ENDPOINT_SERVERS_MAX; i++)
        begin_call(spawn(5, NULL), full_session, i);
    assert_ok(late_answer(server));
    assert_status(receive_as(boot, endpoint), WK_BUSY);
    assert_status(reply_receive_as(server, endpoint, 0), NOT_ANSWERED);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        call_test(words_badge_and_operation_arrive_and_the_answer_comes_back),
        call_test(a_call_waits_for_a_receiver),
        call_test(the_answer_carries_a_status),
        call_test(a_saved_call_is_answered_later_by_anyone),
        call_test(the_server_serves_another_call_while_one_is_saved),
        call_test(nobody_to_answer_is_told),
        call_test(to_receive_without_an_answer_abandons_the_call),
        call_test(the_most_urgent_call_comes_first_and_among_equals_the_earliest),
        call_test(a_call_goes_to_who_waits_longest),
        call_test(sessions_are_told_apart_by_their_badges),
        call_test(a_call_that_nobody_takes_times_out),
        call_test(a_deadline_that_has_passed_ends_the_call_at_once),
        call_test(a_call_that_is_served_times_out),
        call_test(a_call_keeps_its_deadline_in_the_queue_and_when_saved),
        call_test(a_deadline_ends_no_later_call),
        call_test(to_receive_times_out),
        call_test(so_many_may_serve_at_a_time),
        call_test(who_serves_may_receive_again),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
