/* SPDX-License-Identifier: MIT */
/* Bits of events as messages of an endpoint, and how they take turns with calls. */
#include "calls.h"

static int setup(void **state)
{
    call_setup(state);
    assert_ok(wk_endpoint_bind(endpoint, event, 0xf0));
    return 0;
}

#define bound_test(function) cmocka_unit_test_setup(function, setup)

static void expect_bits(struct thread *thread, uint64_t bits)
{
    assert_ok(receive_as(thread, endpoint));
    assert_received(thread, WK_MESSAGE_KIND_EVENT, 0, 0, bits);
}

static void bits_of_the_mask_are_a_message(void **state)
{
    uint64_t bits;

    (void)state;
    begin_receive(server, endpoint);
    assert_ok(wk_event_signal(event, 0x0f));
    assert_true(is_waiting(server));
    assert_ok(wk_event_signal(event, 0x11));
    assert_received(server, WK_MESSAGE_KIND_EVENT, 0, 0, 0x10);
    assert_ok(wk_event_poll(event, UINT64_MAX, &bits));
    assert_int_equal(bits, 0x0f);
    assert_status(reply_as(server, endpoint, WK_OK, 0), WK_NO_CALLER); /* it is owed no answer */
}

static void bits_that_are_there_already_are_received_at_once_and_together(void **state)
{
    (void)state;
    assert_ok(wk_event_signal(event, 0x10));
    assert_ok(wk_event_signal(event, 0x20));
    expect_bits(server, 0x30);
    begin_receive(server, endpoint);
}

static void binding_takes_what_is_pending(void **state)
{
    (void)state;
    assert_ok(wk_event_signal(event, 0x0f));
    begin_receive(server, endpoint);
    assert_ok(wk_endpoint_bind(endpoint, event, 0x03));
    assert_received(server, WK_MESSAGE_KIND_EVENT, 0, 0, 0x03);
}

static void who_waits_for_the_event_itself_comes_first(void **state)
{
    (void)state;
    begin_receive(server, endpoint);
    begin_wait(client, event, 0x10, NEVER);
    assert_ok(wk_event_signal(event, 0x30));
    assert_answered(client, WK_OK, 0x10);
    assert_received(server, WK_MESSAGE_KIND_EVENT, 0, 0, 0x20);
}

static void calls_and_bits_take_turns(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        begin_call(spawn(10, NULL), session, i);
    assert_ok(wk_event_signal(event, 0x10));
    expect_bits(server, 0x10);
    for (unsigned i = 0; i < 3; i++) {
        assert_ok(wk_event_signal(event, 0x20));
        assert_ok(receive_as(server, endpoint));
        assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, i);
        assert_ok(wk_event_signal(event, 0x40));
        expect_bits(server, 0x60);
    }
    begin_receive(server, endpoint);
}

static void ends_of_sessions_and_calls_take_turns(void **state)
{
    const wk_handle second = make_session(endpoint, 8);

    (void)state;
    begin_call(client, session, 1);
    assert_ok(wk_capability_delete(second));
    assert_ok(wk_capability_delete(make_session(endpoint, 9)));
    assert_ok(receive_as(server, endpoint));
    assert_received(server, WK_MESSAGE_KIND_CLOSED, 8, 0, 0);
    assert_ok(receive_as(server, endpoint));
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, ASK, 1);
    assert_ok(receive_as(server, endpoint));
    assert_received(server, WK_MESSAGE_KIND_CLOSED, 9, 0, 0);
}

static void an_event_is_bound_to_one_endpoint_at_most(void **state)
{
    const wk_handle other = make_endpoint(BOOT_BANK);

    (void)state;
    assert_status(wk_endpoint_bind(other, event, 1), WK_BUSY);
    assert_ok(wk_endpoint_bind(endpoint, event, 1)); /* the same again */
    assert_ok(wk_endpoint_bind(endpoint, 0, 0));
    assert_ok(wk_endpoint_bind(other, event, 1));
    begin_receive(server, endpoint);
    assert_ok(wk_event_signal(event, 1));
    assert_true(is_waiting(server));
    assert_ok(receive_as(client, other));
    assert_received(client, WK_MESSAGE_KIND_EVENT, 0, 0, 1);
}

static void another_event_takes_the_place_of_the_first(void **state)
{
    const wk_handle second = make_event(BOOT_BANK);

    (void)state;
    assert_ok(wk_endpoint_bind(endpoint, second, 1));
    begin_receive(server, endpoint);
    assert_ok(wk_event_signal(event, 0xff));
    assert_true(is_waiting(server));
    assert_ok(wk_event_signal(second, 1));
    assert_received(server, WK_MESSAGE_KIND_EVENT, 0, 0, 1);
}

static void an_event_that_goes_is_not_bound_any_more(void **state)
{
    (void)state;
    begin_receive(server, endpoint);
    assert_ok(wk_capability_delete(event));
    assert_true(is_waiting(server));
    event = make_event(BOOT_BANK);
    assert_ok(wk_endpoint_bind(endpoint, event, 1));
    assert_ok(wk_event_signal(event, 1));
    assert_received(server, WK_MESSAGE_KIND_EVENT, 0, 0, 1);
}

static void an_endpoint_that_goes_leaves_the_event(void **state)
{
    uint64_t bits;

    (void)state;
    assert_ok(wk_capability_delete(endpoint));
    assert_ok(wk_event_signal(event, 0x10));
    assert_ok(wk_event_poll(event, 0x10, &bits));
    endpoint = make_endpoint(BOOT_BANK);
    assert_ok(wk_endpoint_bind(endpoint, event, 0x10));
}

static void a_timer_reaches_a_server(void **state)
{
    wk_handle timer;

    (void)state;
    assert_ok(wk_timer_create(BOOT_BANK, &timer));
    assert_ok(wk_timer_bind(timer, event, 0x80));
    assert_ok(wk_timer_set(timer, host_time_ns + 1000, 0));
    begin_receive(server, endpoint);
    pass_to(host_time_ns + 1000);
    assert_received(server, WK_MESSAGE_KIND_EVENT, 0, 0, 0x80);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        bound_test(bits_of_the_mask_are_a_message),
        bound_test(bits_that_are_there_already_are_received_at_once_and_together),
        bound_test(binding_takes_what_is_pending),
        bound_test(who_waits_for_the_event_itself_comes_first),
        bound_test(calls_and_bits_take_turns),
        bound_test(ends_of_sessions_and_calls_take_turns),
        bound_test(an_event_is_bound_to_one_endpoint_at_most),
        bound_test(another_event_takes_the_place_of_the_first),
        bound_test(an_event_that_goes_is_not_bound_any_more),
        bound_test(an_endpoint_that_goes_leaves_the_event),
        bound_test(a_timer_reaches_a_server),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
