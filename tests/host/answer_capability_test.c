/* SPDX-License-Identifier: MIT */
/* Capabilities that come with answers: what the caller accepts, what arrives, and what a failed answer leaves. */
#include "carrying.h"

#include <string.h>

/* Events that `one` has, owned. */
static wk_handle offered[6];

static void offer(void)
{
    for (unsigned i = 0; i < 6; i++)
        offered[i] = program_grant(&one, make_event(BOOT_BANK), WK_TRANSFER_GIVE, ALL_RIGHTS);
}

static int setup(void **state)
{
    carrying_setup(state);
    offer();
    return 0;
}

#define answer_test(function) cmocka_unit_test_setup(function, setup)

/* `other` calls and accepts events with the answer; `one` serves. */
static void serve_who_accepts(uint64_t types)
{
    if (!is_waiting(one.thread_record))
        begin_receive(one.thread_record, endpoint_there);
    assert_status(send_as(other.thread_record, ASK | WK_MESSAGE_ACCEPT(types), session_there, carried, 0),
                  NOT_ANSWERED);
    assert_brought();
}

static enum wk_status answer_with(uint64_t operation, wk_handle to)
{
    return send_as(one.thread_record, operation | WK_MESSAGE_STATUS(WK_BUSY), to, offered, 0);
}

/* The three ways to answer. */
static enum wk_status by_reply(uint64_t flags)
{
    return answer_with(WK_ENDPOINT_REPLY | flags, endpoint_there);
}

static enum wk_status by_reply_receive(uint64_t flags)
{
    const enum wk_status status = answer_with(WK_ENDPOINT_REPLY_RECEIVE | flags, endpoint_there);

    return status == NOT_ANSWERED ? WK_OK : status; /* it receives */
}

static enum wk_status by_saved_reply(uint64_t flags)
{
    static wk_handle reply;

    if (one.thread_record->calls.caller != NULL)
        assert_ok(save_as(one.thread_record, endpoint_there, &reply));
    return answer_with(WK_REPLY_SEND | flags, reply);
}

static enum wk_status (*const ways[])(uint64_t flags) = {by_reply, by_reply_receive, by_saved_reply};
#define WAYS (sizeof(ways) / sizeof(*ways))

static void what_is_lent_with_an_answer_is_lent_for_good(void **state)
{
    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        wk_handle there[6];

        serve_who_accepts(TYPE(WK_TYPE_EVENT));
        assert_ok(ways[way](CARRIES(2)));
        assert_int_equal(late_answer(other.thread_record), WK_BUSY);
        assert_int_equal(answer_kind >> 4, 3);
        memcpy(there, answer_words, sizeof(there));
        for (unsigned i = 0; i < 2; i++)
            assert_ptr_equal(slot_in(&other, there[i])->parent, slot_in(&one, offered[i]));
        assert_int_equal(there[2], offered[2]);
        serve_who_accepts(0);
        assert_ok(ways[way](0));
        assert_non_null(slot_in(&other, there[0]));
    }
}

static void what_is_given_with_an_answer_is_the_callers(void **state)
{
    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        serve_who_accepts(TYPE(WK_TYPE_EVENT));
        assert_ok(ways[way](CARRIES(6) | GIVES(0) | GIVES(5)));
        assert_int_equal(late_answer(other.thread_record), WK_BUSY);
        assert_int_equal(answer_kind >> 4, 0x3f);
        for (unsigned i = 0; i < 6; i++) {
            const bool is_given = i == 0 || i == 5;

            assert_int_equal(slot_in(&other, answer_words[i])->parent == NULL, is_given);
            assert_int_equal(slot_in(&one, offered[i]) == NULL, is_given);
        }
        act_as(boot);
        offer();
    }
}

static void types_that_the_caller_did_not_name_are_refused(void **state)
{
    (void)state;
    serve_who_accepts(TYPE(WK_TYPE_MEMORY) | TYPE(WK_TYPE_BANK));
    for (unsigned way = 0; way < WAYS; way++) {
        assert_error_at(ways[way](CARRIES(2)), WK_NOT_ACCEPTED, 1);
        assert_true(is_waiting(other.thread_record)); /* nothing has been answered */
    }
    assert_ok(by_saved_reply(0));
    assert_answered(other.thread_record, WK_BUSY, offered[0]);
}

static void what_is_lent_is_not_given_with_an_answer(void **state)
{
    (void)state;
    act_as(one.thread_record);
    lend(offered[1], ALL_RIGHTS);
    act_as(boot);
    serve_who_accepts(TYPE(WK_TYPE_EVENT));
    for (unsigned way = 0; way < WAYS; way++)
        assert_error_at(ways[way](CARRIES(2) | GIVES(1)), WK_IS_LENT, 2);
    offered[0] = 999;
    for (unsigned way = 1; way < WAYS; way++)
        assert_error_at(by_saved_reply(CARRIES(2)), WK_BAD_HANDLE, 1);
    assert_true(is_waiting(other.thread_record));
}

/* ---- what the caller cannot take ---- */

/* Its bank has nothing left, and its table no slot. */
static void use_all_up(const struct program *owner)
{
    wk_handle hold;

    while (owner->process_record->table.made < owner->process_record->table.paged)
        program_grant(owner, event, WK_TRANSFER_DUP, ALL_RIGHTS);
    while (bank_left(owner->bank) > 8 && wk_memory_create(owner->bank, bank_left(owner->bank) - 8, 0, &hold) == WK_OK)
        continue;
    while (wk_memory_create(owner->bank, 1, 0, &hold) == WK_OK)
        continue;
    while (wk_event_create(owner->bank, &hold) == WK_OK)
        continue;
}

static void a_server_that_cannot_pay_saves_no_call(void **state)
{
    wk_handle reply;

    (void)state;
    serve_who_accepts(0);
    use_all_up(&one);
    assert_status(save_as(one.thread_record, endpoint_there, &reply), WK_NO_MEMORY);
    assert_ok(by_reply(0));
}

static void a_caller_that_cannot_pay_for_its_table_gets_no_capability(void **state)
{
    (void)state;
    use_all_up(&other);
    serve_who_accepts(TYPE(WK_TYPE_EVENT));
    for (unsigned way = 0; way < WAYS; way++)
        assert_status(ways[way](CARRIES(2) | GIVES(1)), WK_NO_MEMORY);
    assert_true(is_waiting(other.thread_record));
    assert_non_null(slot_in(&one, offered[1]));
    assert_ok(by_saved_reply(0));
}

static void a_capability_that_is_lent_too_deep_already_does_not_come(void **state)
{
    (void)state;
    act_as(one.thread_record);
    for (unsigned depth = 0; depth < CAPABILITY_DEPTH_LIMIT; depth++)
        offered[0] = lend(offered[0], ALL_RIGHTS);
    act_as(boot);
    serve_who_accepts(TYPE(WK_TYPE_EVENT));
    for (unsigned way = 0; way < WAYS; way++)
        assert_status(ways[way](CARRIES(1)), WK_TABLE_FULL);
    assert_true(is_waiting(other.thread_record));
}

/* ---- in the middle ---- */

/* The answer has been given in part when `end` happens. */
static enum wk_status answer_in_the_middle_of_which(unsigned way, unsigned points, void (*end)(void))
{
    static const uint64_t operations[] = {WK_ENDPOINT_REPLY, WK_ENDPOINT_REPLY_RECEIVE, WK_REPLY_SEND};
    wk_handle to = endpoint_there;

    serve_who_accepts(TYPE(WK_TYPE_EVENT));
    if (operations[way] == WK_REPLY_SEND)
        assert_ok(save_as(one.thread_record, endpoint_there, &to));
    begin_operation(one.thread_record, operations[way] | CARRIES(6) | GIVES(3), to, offered, points);
    end();
    if (one.thread_record->operation.step == NULL)
        return NOT_ANSWERED;
    return finish_operation(one.thread_record);
}

static void stop_the_caller(void)
{
    assert_ok(wk_thread_stop(other.thread));
}

static void the_caller_ends_while_it_is_answered(void **state)
{
    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        carrying_restart();
        offer();
        /* To reply_receive it does not matter. */
        assert_status(answer_in_the_middle_of_which(way, 2, stop_the_caller),
                      ways[way] == by_reply_receive ? NOT_ANSWERED : WK_NO_CALLER);
        assert_int_equal(is_waiting(one.thread_record), ways[way] == by_reply_receive);
    }
}

static void stop_the_server(void)
{
    assert_ok(wk_thread_stop(one.thread));
}

static void the_server_ends_while_it_answers(void **state)
{
    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        carrying_restart();
        offer();
        (void)answer_in_the_middle_of_which(way, 2, stop_the_server);
        assert_status(late_answer(other.thread_record), ways[way] == by_saved_reply ? WK_OK : WK_ABANDONED);
    }
}

static void destroy_the_endpoint(void)
{
    assert_ok(wk_capability_delete(endpoint));
}

static void the_endpoint_goes_while_the_server_answers(void **state)
{
    (void)state;
    for (unsigned way = 0; way < WAYS; way++) {
        carrying_restart();
        offer();
        endpoint = make_endpoint(BOOT_BANK);
        session_there = program_grant(&other, make_session(endpoint, 1), WK_TRANSFER_DUP, ALL_RIGHTS);
        endpoint_there = program_grant(&one, endpoint, WK_TRANSFER_LEND, ALL_RIGHTS);
        assert_status(answer_in_the_middle_of_which(way, 2, destroy_the_endpoint),
                      ways[way] == by_reply_receive ? WK_REVOKED : WK_OK);
        assert_ok(late_answer(other.thread_record)); /* it has been answered */
    }
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        answer_test(what_is_lent_with_an_answer_is_lent_for_good),
        answer_test(what_is_given_with_an_answer_is_the_callers),
        answer_test(types_that_the_caller_did_not_name_are_refused),
        answer_test(what_is_lent_is_not_given_with_an_answer),
        answer_test(a_server_that_cannot_pay_saves_no_call),
        answer_test(a_caller_that_cannot_pay_for_its_table_gets_no_capability),
        answer_test(a_capability_that_is_lent_too_deep_already_does_not_come),
        answer_test(the_caller_ends_while_it_is_answered),
        answer_test(the_server_ends_while_it_answers),
        answer_test(the_endpoint_goes_while_the_server_answers),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
