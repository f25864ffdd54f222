/* SPDX-License-Identifier: MIT */
/* Capabilities that travel with calls: what arrives, what is refused, and that loans end with the call. */
#include "carrying.h"

#include <string.h>

/* ---- what arrives ---- */

static void what_is_lent_arrives_and_goes_back_with_the_answer(void **state)
{
    wk_handle there;

    (void)state;
    carry_and_take(CARRIES(1));
    there = answer_words[0];
    assert_int_equal(answer_kind >> 4, 1);
    assert_int_equal(answer_words[1], carried[1]); /* that was a number */
    assert_int_equal(slot_in(&one, there)->object->identity, identity_of(events[0]));
    assert_int_equal(slot_in(&one, there)->rights, slot_in(&other, carried[0])->rights);
    assert_non_null(slot_in(&one, there)->parent);
    assert_ok(reply_as(one.thread_record, endpoint_there, WK_OK, 1));
    let_caller_finish();
    assert_null(slot_in(&one, there));
    assert_nothing_is_lent();
    assert_answered(other.thread_record, WK_OK, 1);
}

static void what_is_given_stays(void **state)
{
    wk_handle there;

    (void)state;
    carry_and_take(CARRIES(1) | GIVES(0));
    there = answer_words[0];
    assert_null(slot_in(&other, carried[0]));
    assert_null(slot_in(&one, there)->parent);
    assert_ok(reply_as(one.thread_record, endpoint_there, WK_OK, 1));
    assert_int_equal(slot_in(&one, there)->object->identity, identity_of(events[0]));
    assert_nothing_is_lent();
}

static void what_was_borrowed_and_is_given_stays_below_its_lender(void **state)
{
    wk_handle there;

    (void)state;
    carried[0] = program_grant(&other, events[0], WK_TRANSFER_LEND, ALL_RIGHTS);
    carry_and_take(CARRIES(1) | GIVES(0));
    there = answer_words[0];
    assert_ptr_equal(slot_in(&one, there)->parent, slot_of(events[0]));
    assert_ok(wk_capability_revoke(events[0]));
    assert_null(slot_in(&one, there));
}

static void six_travel_at_once(void **state)
{
    uint64_t there[6];

    (void)state;
    carry_and_take(CARRIES(6) | GIVES(1) | GIVES(4));
    memcpy(there, answer_words, sizeof(there));
    assert_int_equal(answer_kind >> 4, 0x3f);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(slot_in(&one, there[i])->object->identity, identity_of(events[i]));
    assert_ok(reply_as(one.thread_record, endpoint_there, WK_OK, 1));
    let_caller_finish();
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(slot_in(&one, there[i]) != NULL, i == 1 || i == 4);
    assert_nothing_is_lent();
}

static void a_queued_call_brings_what_it_carries(void **state)
{
    (void)state;
    assert_status(carry(CARRIES(3) | GIVES(2)), NOT_ANSWERED);
    assert_nothing_is_lent(); /* it waits in its sender's table */
    (void)receive_as(one.thread_record, endpoint_there);
    (void)finish_operation(other.thread_record);
    assert_brought();
    assert_int_equal(answer_kind >> 4, 7);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(slot_in(&one, answer_words[i])->object->identity, identity_of(events[i]));
}

static void what_is_taken_back_while_queued_arrives_as_nothing(void **state)
{
    (void)state;
    carried[1] = program_grant(&other, events[1], WK_TRANSFER_LEND, ALL_RIGHTS);
    assert_status(carry(CARRIES(3)), NOT_ANSWERED);
    assert_ok(wk_capability_revoke(events[1]));
    (void)receive_as(one.thread_record, endpoint_there);
    (void)finish_operation(other.thread_record);
    assert_brought();
    assert_int_equal(answer_kind >> 4, 5);
    assert_int_equal(answer_words[1], 0);
}

static void if_the_first_was_taken_back_the_call_fails(void **state)
{
    (void)state;
    carried[0] = program_grant(&other, events[0], WK_TRANSFER_LEND, ALL_RIGHTS);
    assert_status(carry(CARRIES(3)), NOT_ANSWERED);
    assert_ok(wk_capability_revoke(events[0]));
    begin_receive(one.thread_record, endpoint_there);
    assert_status(finish_operation(other.thread_record), WK_BAD_HANDLE);
    assert_nothing_is_lent();
    assert_true(is_waiting(one.thread_record));
}

/* ---- what is refused ---- */

static void expect_refusal(uint64_t flags, enum wk_status status, unsigned argument)
{
    char *before;

    assert_ok(call_as(other.thread_record, session_there, WK_CAPABILITY_CHECK, 0)); /* stands behind an invocation */
    before = check_state_text();
    assert_error_at(carry(flags), status, argument);
    assert_state_is(before);
}

static void nothing_is_accepted_unless_the_server_says_so(void **state)
{
    const wk_handle own = make_endpoint(BOOT_BANK);

    (void)state;
    begin_receive(one.thread_record, program_grant(&one, own, WK_TRANSFER_DUP, ALL_RIGHTS));
    session_there = program_grant(&other, make_session(own, 1), WK_TRANSFER_DUP, ALL_RIGHTS);
    expect_refusal(CARRIES(1), WK_NOT_ACCEPTED, 1);
    assert_true(is_waiting(one.thread_record));
}

static void types_and_counts_that_the_server_did_not_name_are_refused(void **state)
{
    (void)state;
    begin_receive(one.thread_record, endpoint_there);
    carried[3] = program_grant(&other, BOOT_BANK, WK_TRANSFER_DUP, ALL_RIGHTS);
    expect_refusal(CARRIES(5), WK_NOT_ACCEPTED, 4);
    assert_ok(wk_endpoint_accept(endpoint, TYPE(WK_TYPE_EVENT) | TYPE(WK_TYPE_BANK), 4));
    expect_refusal(CARRIES(5), WK_NOT_ACCEPTED, 5);
    assert_status(carry(CARRIES(4)), NOT_ANSWERED);
    assert_int_equal(late_answer(one.thread_record), WK_OK);
}

static void what_is_lent_already_is_not_given(void **state)
{
    (void)state;
    act_as(other.thread_record);
    lend(carried[2], ALL_RIGHTS);
    act_as(boot);
    begin_receive(one.thread_record, endpoint_there);
    expect_refusal(CARRIES(4) | GIVES(2), WK_IS_LENT, 3);
    assert_status(carry(CARRIES(4)), NOT_ANSWERED); /* but lent it may be */
}

static void a_word_that_names_nothing_is_refused(void **state)
{
    (void)state;
    begin_receive(one.thread_record, endpoint_there);
    carried[1] = 12345;
    expect_refusal(CARRIES(3), WK_BAD_HANDLE, 2);
    carried[1] = 0;
    expect_refusal(CARRIES(3), WK_BAD_HANDLE, 2);
    assert_true(is_waiting(one.thread_record));
}

/* The server's bank has no page, and its table no slot. */
static void fill_the_servers_table(void)
{
    enum wk_status status;
    wk_handle handle, hold;

    while (one.process_record->table.made < one.process_record->table.paged)
        program_grant(&one, event, WK_TRANSFER_DUP, ALL_RIGHTS);
    do
        status = wk_memory_create(one.bank, bank_left(one.bank) == 0 ? 1 : bank_left(one.bank), 0, &hold);
    while (bank_left(one.bank) != 0 && status == WK_OK);
    while (wk_memory_create(one.bank, 1, 0, &hold) == WK_OK)
        continue;
    assert_status(wk_process_grant(one.process, event, WK_TRANSFER_DUP, ALL_RIGHTS, &handle), WK_NO_MEMORY);
}

static void a_server_that_cannot_pay_for_its_table_gets_no_call(void **state)
{
    (void)state;
    begin_receive(one.thread_record, endpoint_there);
    fill_the_servers_table();
    expect_refusal(CARRIES(2), WK_NO_MEMORY, 0);
    assert_status(carry(0), NOT_ANSWERED); /* without capabilities it does */
    assert_ok(late_answer(one.thread_record));
}

static void a_call_that_fails_leaves_the_receiver_to_the_next(void **state)
{
    (void)state;
    fill_the_servers_table();
    assert_status(carry(CARRIES(1)), NOT_ANSWERED);
    begin_call(spawn(5, NULL), session, 7);
    (void)receive_as(one.thread_record, endpoint_there);
    assert_status(finish_operation(other.thread_record), WK_NO_MEMORY);
    assert_received(one.thread_record, WK_MESSAGE_KIND_CALL, BADGE, ASK, 7);
}

static void chains_of_loans_have_an_end(void **state)
{
    wk_handle deepest = events[0];

    (void)state;
    begin_receive(one.thread_record, endpoint_there);
    for (unsigned depth = 0; depth < CAPABILITY_DEPTH_LIMIT - 2; depth++)
        deepest = lend(deepest, ALL_RIGHTS);
    carried[0] = program_grant(&other, deepest, WK_TRANSFER_LEND, ALL_RIGHTS);
    expect_refusal(CARRIES(1), WK_TABLE_FULL, 0);
}

/* ---- loans end with the call ---- */

/* What the server got lent, and passed on: below it in its own table, and in the first process's; and a mapping of it. */
static wk_handle passed_on[3];
#define MAPPED UINT64_C(0x400000)

static void lend_and_pass_on(enum wk_status (*begin)(void))
{
    const wk_handle self = program_grant(&one, BOOT_PROCESS, WK_TRANSFER_LEND, ALL_RIGHTS);
    const wk_handle own = program_grant(&one, one.process, WK_TRANSFER_LEND, ALL_RIGHTS);
    const wk_handle memory = make_memory(BOOT_BANK, 2, 0);

    assert_ok(wk_endpoint_accept(endpoint, 0xffff, 6));
    carried[1] = program_grant(&other, memory, WK_TRANSFER_DUP, ALL_RIGHTS);
    begin_receive(one.thread_record, endpoint_there);
    (void)begin();
    assert_ok(late_answer(one.thread_record));
    memcpy(passed_on, answer_words, 2 * sizeof(*passed_on));
    act_as(one.thread_record);
    assert_ok(wk_process_grant(self, passed_on[0], WK_TRANSFER_LEND, ALL_RIGHTS, &passed_on[2]));
    lend(passed_on[0], ALL_RIGHTS);
    assert_ok(wk_memory_map(passed_on[1], own, MAPPED, 0, 2, READ));
    act_as(boot);
    assert_non_null(slot_of(passed_on[2]));
}

static void assert_loans_are_over(void)
{
    let_caller_finish();
    assert_null(slot_of(passed_on[2]));
    assert_null(slot_in(&one, passed_on[0]));
    assert_null(slot_in(&one, passed_on[1]));
    assert_null(mapping_find(one.process_record, MAPPED));
    assert_nothing_is_lent();
    assert_int_equal(other.thread_record->loan_count, 0);
}

static enum wk_status call_with_two(void)
{
    return carry(CARRIES(2));
}

static enum wk_status call_with_two_for_a_time(void)
{
    return send_as(other.thread_record, ASK | CARRIES(2) | WK_MESSAGE_DEADLINE, session_there, carried,
                   host_time_ns + 1000);
}

static void loans_end_with_the_answer_though_passed_on_and_mapped(void **state)
{
    (void)state;
    lend_and_pass_on(call_with_two);
    assert_status(reply_receive_as(one.thread_record, endpoint_there, 3), NOT_ANSWERED);
    assert_loans_are_over();
    assert_answered(other.thread_record, WK_OK, 3);
}

static void loans_end_with_the_saved_answer(void **state)
{
    wk_handle reply, second;

    (void)state;
    lend_and_pass_on(call_with_two);
    assert_ok(save_as(one.thread_record, endpoint_there, &reply));
    begin_receive(one.thread_record, endpoint_there);
    assert_non_null(slot_in(&one, passed_on[0]));
    assert_ok(wk_thread_create(one.process, 10, &second));
    assert_ok(wk_thread_start(second, 0x10100, 0, 0, 0, 0));
    assert_ok(answer_by(thread_of(second), reply, WK_OK, 4));
    assert_loans_are_over();
    assert_answered(other.thread_record, WK_OK, 4);
}

static void loans_end_when_time_is_over(void **state)
{
    (void)state;
    lend_and_pass_on(call_with_two_for_a_time);
    pass_to(host_time_ns + 1000);
    assert_loans_are_over();
    assert_answered(other.thread_record, WK_TIMED_OUT, 0);
}

static void loans_end_when_the_server_gives_the_call_up(void **state)
{
    (void)state;
    lend_and_pass_on(call_with_two);
    begin_receive(one.thread_record, endpoint_there);
    assert_loans_are_over();
    assert_answered(other.thread_record, WK_ABANDONED, 0);
}

static void loans_end_with_the_servers_thread(void **state)
{
    (void)state;
    lend_and_pass_on(call_with_two);
    assert_ok(wk_thread_stop(one.thread));
    assert_loans_are_over();
    assert_answered(other.thread_record, WK_ABANDONED, 0);
}

static void loans_end_with_the_callers_thread(void **state)
{
    (void)state;
    lend_and_pass_on(call_with_two);
    assert_ok(wk_thread_stop(other.thread));
    assert_loans_are_over();
}

static void loans_end_with_the_callers_process(void **state)
{
    (void)state;
    lend_and_pass_on(call_with_two);
    assert_ok(wk_process_kill(other.process, 0));
    assert_null(slot_in(&one, passed_on[0]));
    assert_null(mapping_find(one.process_record, MAPPED));
    assert_null(slot_of(passed_on[2]));
}

static void a_loan_that_the_server_deleted_is_over_before(void **state)
{
    (void)state;
    carry_and_take(CARRIES(1));
    delete_as(one.thread_record, answer_words[0]);
    assert_ok(reply_as(one.thread_record, endpoint_there, WK_OK, 1));
    let_caller_finish();
    assert_nothing_is_lent();
    assert_answered(other.thread_record, WK_OK, 1);
}

static void what_was_lent_may_be_taken_back_during_the_call(void **state)
{
    wk_handle there;

    (void)state;
    carried[0] = program_grant(&other, events[0], WK_TRANSFER_LEND, ALL_RIGHTS);
    carry_and_take(CARRIES(1));
    there = answer_words[0];
    assert_ok(wk_capability_revoke(events[0]));
    assert_null(slot_in(&one, there));
    assert_ok(reply_as(one.thread_record, endpoint_there, WK_OK, 1));
    let_caller_finish();
    assert_answered(other.thread_record, WK_OK, 1);
}

static void a_mapping_through_a_loan_is_no_slot(void **state)
{
    wk_handle memory, self, second, there;

    (void)state;
    assert_ok(wk_endpoint_accept(endpoint, 0xffff, 6));
    memory = make_memory(BOOT_BANK, 2, 0);
    carried[0] = program_grant(&other, memory, WK_TRANSFER_DUP, ALL_RIGHTS);
    self = program_grant(&other, other.process, WK_TRANSFER_LEND, ALL_RIGHTS);
    assert_ok(wk_thread_create(other.process, 10, &second));
    assert_ok(wk_thread_start(second, 0x10100, 0, 0, 0, 0));
    assert_ok(wk_thread_set_budget(one.thread, 0));
    carry_and_take(CARRIES(1));
    there = answer_words[0];
    act_as(thread_of(second));
    assert_ok(wk_memory_map(capability_handle(slot_in(&one, there)->parent), self, MAPPED, 0, 2, READ));
    act_as(one.thread_record);
    assert_ok(wk_capability_delete(there));
    act_as(boot);
    host_quick_calls = 0;
    assert_ok(wk_thread_set_priority(second, 0));
    assert_ok(wk_thread_set_priority(BOOT_THREAD, 0));
    arch_hart_notify(harts[0]);
    host_run();
    assert_status(reply_receive_as(one.thread_record, endpoint_there, 3), NOT_ANSWERED);
    let_caller_finish();
    assert_null(mapping_find(other.process_record, MAPPED));
    check_kernel();
}

static void a_loan_that_stands_in_a_mailbox_is_taken_back(void **state)
{
    wk_handle mailbox, there;
    uint64_t ticket;

    (void)state;
    assert_ok(wk_mailbox_create(BOOT_BANK, 1, &mailbox));
    there = program_grant(&one, mailbox, WK_TRANSFER_LEND, WK_MAILBOX_RIGHT_POST);
    assert_ok(wk_thread_set_budget(one.thread, 0));
    carry_and_take(CARRIES(1));
    act_as(one.thread_record);
    assert_ok(wk_mailbox_post(there, answer_words[0], WK_TRANSFER_GIVE, ALL_RIGHTS, &ticket));
    act_as(boot);
    assert_ok(wk_thread_set_priority(BOOT_THREAD, 0));
    arch_hart_notify(harts[0]);
    host_run();
    assert_status(reply_receive_as(one.thread_record, endpoint_there, 3), NOT_ANSWERED);
    let_caller_finish();
    assert_answered(other.thread_record, WK_OK, 3);
    assert_nothing_is_lent();
    act_as(boot);
    assert_status(wk_mailbox_take(mailbox, ticket, 0xffff, &there), WK_WOULD_BLOCK);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        carrying_test(what_is_lent_arrives_and_goes_back_with_the_answer),
        carrying_test(what_is_given_stays),
        carrying_test(what_was_borrowed_and_is_given_stays_below_its_lender),
        carrying_test(six_travel_at_once),
        carrying_test(a_queued_call_brings_what_it_carries),
        carrying_test(what_is_taken_back_while_queued_arrives_as_nothing),
        carrying_test(if_the_first_was_taken_back_the_call_fails),
        carrying_test(nothing_is_accepted_unless_the_server_says_so),
        carrying_test(types_and_counts_that_the_server_did_not_name_are_refused),
        carrying_test(what_is_lent_already_is_not_given),
        carrying_test(a_word_that_names_nothing_is_refused),
        carrying_test(a_server_that_cannot_pay_for_its_table_gets_no_call),
        carrying_test(a_call_that_fails_leaves_the_receiver_to_the_next),
        carrying_test(chains_of_loans_have_an_end),
        carrying_test(loans_end_with_the_answer_though_passed_on_and_mapped),
        carrying_test(loans_end_with_the_saved_answer),
        carrying_test(loans_end_when_time_is_over),
        carrying_test(loans_end_when_the_server_gives_the_call_up),
        carrying_test(loans_end_with_the_servers_thread),
        carrying_test(loans_end_with_the_callers_thread),
        carrying_test(loans_end_with_the_callers_process),
        carrying_test(a_loan_that_the_server_deleted_is_over_before),
        carrying_test(a_mapping_through_a_loan_is_no_slot),
        carrying_test(a_loan_that_stands_in_a_mailbox_is_taken_back),
        carrying_test(what_was_lent_may_be_taken_back_during_the_call),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
