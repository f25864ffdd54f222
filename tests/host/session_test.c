/* SPDX-License-Identifier: MIT */
/* Sessions: what is a call by one and what is not, and how the server learns of their end. */
#include "calls.h"

static void every_operation_of_the_kernel_on_a_session_is_a_call(void **state)
{
    (void)state;
    for (unsigned i = 0; i < INTERFACE_OPERATION_COUNT; i++) {
        const struct interface_operation *operation = &interface_operations[i];

        if (operation->type == WK_TYPE_NONE)
            continue;
        assert_status(call_as(client, session, operation->number, i), NOT_ANSWERED);
        assert_ok(receive_as(server, endpoint));
        assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, operation->number, i);
        assert_ok(reply_as(server, endpoint, WK_OK, 0));
    }
}

static void operations_that_nobody_knows_are_calls(void **state)
{
    (void)state;
    assert_status(call_as(client, session, WK_MESSAGE_OPERATION, 3), NOT_ANSWERED);
    assert_ok(receive_as(server, endpoint));
    assert_received(server, WK_MESSAGE_KIND_CALL, BADGE, WK_MESSAGE_OPERATION, 3);
}

static void what_can_be_done_with_any_capability_acts_on_the_slot(void **state)
{
    uint64_t type, rights, borrowed, lent, badge, identity;
    const wk_handle below = lend(session, WK_SESSION_RIGHT_CALL);

    (void)state;
    assert_ok(wk_capability_info(below, &type, &rights, &borrowed, &lent, &badge, &identity));
    assert_int_equal(type, WK_TYPE_SESSION);
    assert_int_equal(rights, WK_SESSION_RIGHT_CALL);
    assert_int_equal(borrowed, 1);
    assert_int_equal(badge, BADGE);
    assert_ok(wk_capability_check(session));
    assert_ok(wk_capability_dup(below, ALL_RIGHTS, &(wk_handle){0}));
    assert_ok(wk_capability_revoke(session));
    assert_status(wk_capability_check(below), WK_BAD_HANDLE);
    assert_ok(wk_capability_delete(session));
}

static void an_endpoint_has_no_badge(void **state)
{
    uint64_t type, rights, borrowed, lent, badge, identity;

    (void)state;
    assert_ok(wk_capability_info(endpoint, &type, &rights, &borrowed, &lent, &badge, &identity));
    assert_int_equal(type, WK_TYPE_ENDPOINT);
    assert_int_equal(badge, 0);
}

static void who_wants_the_kernel_is_not_answered_by_a_process(void **state)
{
    (void)state;
    begin_receive(server, endpoint);
    assert_error_at(call_as(client, session, WK_EVENT_SIGNAL | WK_MESSAGE_KERNEL_ONLY, 1), WK_WRONG_TYPE, 0);
    assert_error_at(call_as(client, session, ASK | WK_MESSAGE_KERNEL_ONLY, 1), WK_WRONG_TYPE, 0);
    assert_true(is_waiting(server));
    assert_ok(call_as(client, session, WK_CAPABILITY_CHECK | WK_MESSAGE_KERNEL_ONLY, 0));
    assert_ok(call_as(client, make_event(BOOT_BANK), WK_EVENT_SIGNAL | WK_MESSAGE_KERNEL_ONLY, 1));
}

static void nobody_calls_without_the_right(void **state)
{
    const wk_handle weak = duplicate(session, ALL_RIGHTS & ~(uint64_t)WK_SESSION_RIGHT_CALL);

    (void)state;
    begin_receive(server, endpoint);
    assert_error_at(call_as(client, weak, ASK, 1), WK_NO_RIGHT, 0);
    assert_error_at(call_as(client, weak, WK_EVENT_SIGNAL, 1), WK_NO_RIGHT, 0);
    assert_true(is_waiting(server));
}

static void a_call_needs_a_session(void **state)
{
    (void)state;
    assert_status(call_as(client, endpoint, ASK, 1), WK_NO_SUCH_OPERATION);
    assert_error_at(call_as(client, session + 100, ASK, 1), WK_BAD_HANDLE, 0);
}

/* ---- their end ---- */

static void the_end_of_a_session_is_told_once_its_last_capability_goes(void **state)
{
    const wk_handle twin = duplicate(session, ALL_RIGHTS);

    (void)state;
    begin_receive(server, endpoint);
    assert_ok(wk_capability_delete(session));
    assert_true(is_waiting(server));
    assert_ok(wk_capability_delete(twin));
    assert_received(server, WK_MESSAGE_KIND_CLOSED, BADGE, 0, 0);
    assert_status(reply_as(server, endpoint, WK_OK, 0), WK_NO_CALLER);
    begin_receive(server, endpoint);
}

static void ends_that_nobody_waited_for_are_told_in_their_order(void **state)
{
    const wk_handle second = make_session(endpoint, 8);

    (void)state;
    assert_ok(wk_capability_delete(second));
    assert_ok(wk_capability_delete(session));
    assert_ok(receive_as(server, endpoint));
    assert_received(server, WK_MESSAGE_KIND_CLOSED, 8, 0, 0);
    assert_ok(receive_as(server, endpoint));
    assert_received(server, WK_MESSAGE_KIND_CLOSED, BADGE, 0, 0);
    begin_receive(server, endpoint);
}

static void the_end_is_not_told_if_that_was_not_wanted(void **state)
{
    wk_handle silent;

    (void)state;
    assert_ok(wk_endpoint_mint(endpoint, 9, 0, &silent));
    begin_receive(server, endpoint);
    assert_ok(wk_capability_delete(silent));
    assert_true(is_waiting(server));
}

static void a_session_that_ends_with_its_process_is_told_of(void **state)
{
    const struct program other = program_make(200, 10);

    (void)state;
    program_grant(&other, session, WK_TRANSFER_GIVE, ALL_RIGHTS);
    begin_receive(server, endpoint);
    assert_ok(wk_process_kill(other.process, 0));
    assert_received(server, WK_MESSAGE_KIND_CLOSED, BADGE, 0, 0);
}

static void queued_calls_end_with_their_session(void **state)
{
    const wk_handle another = make_session(endpoint, 8);
    struct thread *callers[5];

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        begin_call(callers[i] = spawn(10, NULL), session, i);
    begin_call(client, another, 1);
    assert_ok(wk_capability_delete(session));
    for (unsigned i = 0; i < 5; i++)
        assert_answered(callers[i], WK_REVOKED, 0);
    assert_true(is_waiting(client));
}

static void a_call_that_is_served_outlives_its_session(void **state)
{
    (void)state;
    be_served();
    assert_ok(wk_capability_delete(session));
    assert_ok(reply_as(server, endpoint, WK_OK, 4));
    assert_answered(client, WK_OK, 4);
}

static void a_borrowed_session_that_is_taken_back_ends_no_call(void **state)
{
    const wk_handle below = lend(session, ALL_RIGHTS);

    (void)state;
    begin_call(client, below, 1);
    assert_ok(wk_capability_revoke(session));
    assert_true(is_waiting(client));
    assert_error_at(call_as(spawn(10, NULL), below, WK_EVENT_SIGNAL, 1), WK_BAD_HANDLE, 0);
    assert_ok(receive_as(server, endpoint));
    assert_ok(reply_as(server, endpoint, WK_OK, 4));
    assert_answered(client, WK_OK, 4);
}

static void sessions_go_with_their_endpoint(void **state)
{
    (void)state;
    assert_ok(wk_capability_delete(endpoint));
    assert_status(call_as(client, session, ASK, 1), WK_BAD_HANDLE);
}

static void ends_still_to_be_told_go_with_the_endpoint(void **state)
{
    char *before;
    wk_handle own, sessions[3];

    (void)state;
    before = check_state_text();
    own = make_endpoint(BOOT_BANK);
    for (unsigned i = 0; i < 3; i++)
        sessions[i] = make_session(own, i);
    assert_ok(wk_capability_delete(sessions[0]));
    assert_ok(wk_capability_delete(sessions[1]));
    assert_ok(wk_capability_delete(own));
    assert_state_is(before);
}

static void sessions_are_paid_by_the_endpoints_bank(void **state)
{
    const wk_handle bank = make_bank(BOOT_BANK, 2);
    const wk_handle own = make_endpoint(bank);
    enum wk_status status;
    wk_handle handle;
    unsigned made = 0;

    (void)state;
    while ((status = wk_endpoint_mint(own, made, 1, &handle)) == WK_OK)
        made++;
    assert_int_equal(status, WK_NO_MEMORY);
    assert_true(made > 0);
    while ((status = wk_endpoint_create(bank, &handle)) == WK_OK)
        continue;
    assert_int_equal(status, WK_NO_MEMORY);
    assert_ok(wk_bank_destroy(bank));
    assert_status(wk_capability_check(own), WK_BAD_HANDLE);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        call_test(every_operation_of_the_kernel_on_a_session_is_a_call),
        call_test(operations_that_nobody_knows_are_calls),
        call_test(what_can_be_done_with_any_capability_acts_on_the_slot),
        call_test(an_endpoint_has_no_badge),
        call_test(who_wants_the_kernel_is_not_answered_by_a_process),
        call_test(nobody_calls_without_the_right),
        call_test(a_call_needs_a_session),
        call_test(the_end_of_a_session_is_told_once_its_last_capability_goes),
        call_test(ends_that_nobody_waited_for_are_told_in_their_order),
        call_test(the_end_is_not_told_if_that_was_not_wanted),
        call_test(a_session_that_ends_with_its_process_is_told_of),
        call_test(queued_calls_end_with_their_session),
        call_test(a_call_that_is_served_outlives_its_session),
        call_test(a_borrowed_session_that_is_taken_back_ends_no_call),
        call_test(sessions_go_with_their_endpoint),
        call_test(ends_still_to_be_told_go_with_the_endpoint),
        call_test(sessions_are_paid_by_the_endpoints_bank),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
