/* SPDX-License-Identifier: MIT */
/* Somebody ends while the capabilities of a call are under way: what had been lent comes back, and the others go on. */
#include "carrying.h"

#define POINTS 6 /* at so many moments of the call it is tried */

static uint64_t caller_identity;

/* The call has come so far, with some of six capabilities moved; then `end`, and the call comes to its end. */
static enum wk_status call_in_the_middle_of_which(unsigned points, uint64_t flags, uint64_t deadline_ns,
                                                  void (*end)(void))
{
    carrying_restart();
    caller_identity = other.thread_record->object.identity;
    if (deadline_ns != NEVER)
        assert_status(send_as(one.thread_record, WK_ENDPOINT_RECEIVE | WK_MESSAGE_DEADLINE, endpoint_there,
                              (uint64_t[6]){0}, deadline_ns),
                      NOT_ANSWERED);
    else
        begin_receive(one.thread_record, endpoint_there);
    begin_operation(other.thread_record, ASK | CARRIES(6) | flags, session_there, carried, points);
    end();
    check_kernel();
    if (!object_exists(caller_identity))
        return NOT_ANSWERED;
    return other.thread_record->operation.step == NULL ? late_answer(other.thread_record)
                                                       : finish_operation(other.thread_record);
}

static void at_each_point(uint64_t flags, void (*end)(void), enum wk_status expected, void (*then)(void))
{
    for (unsigned points = 1; points < POINTS; points++) {
        assert_status(call_in_the_middle_of_which(points, flags, NEVER, end), expected);
        then();
    }
}

/* The server waits on, and serves the next. */
static void assert_server_goes_on(void)
{
    assert_true(is_waiting(one.thread_record));
    begin_call(spawn(5, NULL), session, 7);
    assert_received(one.thread_record, WK_MESSAGE_KIND_CALL, BADGE, ASK, 7);
}

static void stop_the_caller(void)
{
    assert_ok(wk_thread_stop(other.thread));
}

static void assert_all_is_back(void)
{
    assert_server_goes_on();
    assert_nothing_is_lent();
    for (unsigned i = 0; i < 6; i++)
        assert_non_null(slot_in(&other, carried[i]));
}

static void the_caller_is_stopped(void **state)
{
    (void)state;
    at_each_point(0, stop_the_caller, NOT_ANSWERED, assert_all_is_back);
    at_each_point(GIVES(0), stop_the_caller, NOT_ANSWERED, assert_server_goes_on); /* it would be the last to go */
}

/* What was given is the server's, which has to know it: the call arrives, though nobody waits for its answer. */
static void what_was_given_before_the_caller_was_stopped_is_told(void **state)
{
    (void)state;
    for (unsigned points = 2; points < POINTS; points++) {
        assert_status(call_in_the_middle_of_which(points, 0x3f * GIVES(0), NEVER, stop_the_caller), NOT_ANSWERED);
        for (unsigned i = 0; i < 6; i++)
            if (slot_in(&other, carried[i]) == NULL)
                assert_brought();
        assert_status(reply_receive_as(one.thread_record, endpoint_there, 0), NOT_ANSWERED);
        assert_server_goes_on();
    }
}

static void kill_the_callers_process(void)
{
    assert_ok(wk_process_kill(other.process, 0));
}

static void the_callers_process_is_killed(void **state)
{
    (void)state;
    at_each_point(GIVES(2), kill_the_callers_process, NOT_ANSWERED, assert_server_goes_on);
}

static void destroy_the_callers_bank(void)
{
    assert_ok(wk_bank_destroy(other.bank));
    other.bank = 0;
}

static void the_callers_bank_is_destroyed(void **state)
{
    (void)state;
    at_each_point(GIVES(2), destroy_the_callers_bank, NOT_ANSWERED, assert_server_goes_on);
}

/* ---- the receiver ---- */

static void assert_lent_is_back(void)
{
    assert_nothing_is_lent();
    assert_ok(call_as(other.thread_record, carried[0], WK_CAPABILITY_CHECK, 0));
}

static void stop_the_server(void)
{
    assert_ok(wk_thread_stop(one.thread));
}

static void the_server_is_stopped(void **state)
{
    (void)state;
    at_each_point(0, stop_the_server, WK_ABANDONED, assert_lent_is_back);
}

static void kill_the_servers_process(void)
{
    assert_ok(wk_process_kill(one.process, 0));
}

static void the_servers_process_is_killed(void **state)
{
    (void)state;
    at_each_point(0, kill_the_servers_process, WK_ABANDONED, assert_lent_is_back);
}

static void destroy_the_servers_bank(void)
{
    assert_ok(wk_bank_destroy(one.bank));
    one.bank = 0;
}

static void the_servers_bank_is_destroyed(void **state)
{
    (void)state;
    at_each_point(0, destroy_the_servers_bank, WK_ABANDONED, assert_lent_is_back);
}

static void end_what_does_not_matter(void)
{
    delete_as(spawn(5, NULL), session);
    assert_ok(wk_process_suspend(one.process));
    assert_ok(wk_process_resume(one.process));
    assert_ok(wk_capability_revoke(endpoint));
}

static void other_ends_do_not_matter(void **state)
{
    (void)state;
    for (unsigned points = 1; points < POINTS; points++) {
        assert_status(call_in_the_middle_of_which(points, GIVES(1), NEVER, end_what_does_not_matter), NOT_ANSWERED);
        assert_brought();
        assert_ok(reply_as(one.thread_record, endpoint_there, WK_OK, 2));
        let_caller_finish();
        assert_answered(other.thread_record, WK_OK, 2);
        assert_nothing_is_lent();
        session = make_session(endpoint, BADGE);
    }
}

static void delete_the_endpoint(void)
{
    assert_ok(wk_bank_destroy(endpoint_bank));
}

static void time_passes(void)
{
    pass_to(host_time_ns + 1000);
}

/* The call that is under way arrives all the same, whole. */
static void the_receivers_time_is_over(void **state)
{
    (void)state;
    for (unsigned points = 1; points < POINTS; points++) {
        assert_status(call_in_the_middle_of_which(points, 0, host_time_ns + 1000, time_passes), NOT_ANSWERED);
        assert_brought();
        assert_int_equal(answer_kind >> 4, 0x3f);
        assert_status(reply_receive_as(one.thread_record, endpoint_there, 0), NOT_ANSWERED);
        let_caller_finish();
        assert_answered(other.thread_record, WK_OK, 0);
        assert_all_is_back();
    }
}

/* ---- the receiver's time is over, and somebody more urgent keeps the caller from going on ---- */

static wk_handle busy_handle;
static struct thread *busy;

/* The server receives until soon. In the middle of its call the caller is to make room for one that always wants to run, and
 * is less urgent than the server. */
static void begin_and_be_displaced(unsigned points)
{
    carrying_restart();
    delete_as(other.thread_record, carried[0]);
    carried[0] = program_grant(&other, events[0], WK_TRANSFER_LEND, ALL_RIGHTS);
    busy = spawn(60, &busy_handle);
    assert_ok(wk_thread_set_priority(other.thread, 50));
    assert_status(send_as(one.thread_record, WK_ENDPOINT_RECEIVE | WK_MESSAGE_DEADLINE, endpoint_there,
                          (uint64_t[6]){0}, host_time_ns + 1000),
                  NOT_ANSWERED);
    begin_operation(other.thread_record, ASK | CARRIES(6), session_there, carried, points);
}

static void let_the_busy_run(void)
{
    rest();
    assert_runs(busy);
    assert_non_null(other.thread_record->operation.step);
}

static void wake_boot(void)
{
    act_as(busy);
    assert_ok(wk_event_signal(event, 1));
    act_as(boot);
    assert_ok(wk_thread_stop(busy_handle));
}

static wk_handle make_share(void)
{
    wk_handle budget = 0;

    assert_ok(wk_budget_split(BOOT_BUDGET, BOOT_BANK, 0, 0, 100, 0, &budget));
    return budget;
}

static void whose_time_is_over_has_its_caller_run(void **state)
{
    (void)state;
    for (unsigned points = 1; points < POINTS; points++) {
        begin_and_be_displaced(points);
        let_the_busy_run();
        time_passes();
        assert_runs(one.thread_record); /* at its own expense it has been brought the call */
        assert_brought();
        assert_int_equal(answer_kind >> 4, 0x3f);
        wake_boot();
    }
}

static void whose_time_is_over_has_a_suspended_caller_run(void **state)
{
    (void)state;
    for (unsigned points = 1; points < POINTS; points++) {
        begin_and_be_displaced(points);
        assert_ok(wk_process_suspend(other.process));
        let_the_busy_run();
        time_passes();
        assert_runs(one.thread_record);
        assert_brought();
        wake_boot();
    }
}

static void whose_time_is_over_is_told_so_if_the_call_fails(void **state)
{
    (void)state;
    begin_and_be_displaced(1);
    assert_ok(wk_capability_revoke(events[0]));
    let_the_busy_run();
    time_passes();
    assert_answered(one.thread_record, WK_TIMED_OUT, 0);
    assert_status(late_answer(other.thread_record), WK_BAD_HANDLE);
    wake_boot();
}

static void whose_time_is_over_may_be_suspended_and_lose_its_budget(void **state)
{
    (void)state;
    begin_and_be_displaced(2);
    assert_ok(wk_process_suspend(one.process));
    make_passive(one.thread);
    let_the_busy_run();
    time_passes();
    assert_runs(busy);
    assert_true(is_waiting(one.thread_record)); /* it runs nobody */
    wake_boot();
    let_caller_finish();
    assert_ok(wk_process_resume(one.process));
    assert_brought();
}

/* It waits for its turn to run the caller, which comes to its turn before that. */
static void whose_time_is_over_may_be_brought_the_call_by_the_caller(void **state)
{
    (void)state;
    begin_and_be_displaced(2);
    assert_ok(wk_process_suspend(one.process));
    assert_ok(wk_thread_set_priority(one.thread, 40));
    let_the_busy_run();
    time_passes();
    assert_int_equal(one.thread_record->place, THREAD_READY);
    act_as(busy);
    assert_ok(wk_thread_set_budget(one.thread, make_share()));
    assert_int_equal(one.thread_record->place, THREAD_READY);
    wake_boot();
    let_caller_finish();
    assert_int_equal(one.thread_record->place, THREAD_UNPLACED);
    assert_ok(wk_process_resume(one.process));
    assert_brought();
}

static void whose_time_is_over_may_end(void **state)
{
    static void (*const ends[])(void) = {stop_the_server, kill_the_servers_process, delete_the_endpoint};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        begin_and_be_displaced(2);
        assert_ok(wk_thread_set_priority(one.thread, 40)); /* it waits for its turn to run the caller */
        let_the_busy_run();
        time_passes();
        assert_runs(busy);
        assert_int_equal(one.thread_record->place, THREAD_READY);
        act_as(busy);
        ends[i]();
        wake_boot();
        let_caller_finish();
        assert_status(late_answer(other.thread_record), WK_ABANDONED);
        assert_lent_is_back();
    }
}

static void the_endpoint_goes(void **state)
{
    (void)state;
    for (unsigned points = 1; points < POINTS; points++) {
        assert_status(call_in_the_middle_of_which(points, 0, NEVER, delete_the_endpoint), WK_ABANDONED);
        assert_answered(one.thread_record, WK_REVOKED, 0);
        assert_lent_is_back();
    }
}

/* ---- one table is both sides' ---- */

static void fill_table_but_for(unsigned slots)
{
    const struct capability_table *table = &boot->process->table;

    while (table->free_head != NULL || table->paged - table->made != slots)
        program_grant(&(struct program){.process = BOOT_PROCESS}, event, WK_TRANSFER_DUP, ALL_RIGHTS);
}

static void a_process_that_lends_to_itself_has_room_for_both(void **state)
{
    (void)state;
    for (unsigned slots = 1; slots < 4; slots++) {
        struct thread *receiver = spawn(SERVER_PRIORITY, NULL);
        struct thread *caller = spawn(CLIENT_PRIORITY, NULL);
        const uint64_t words[6] = {event, event};

        begin_receive(receiver, endpoint);
        fill_table_but_for(slots);
        assert_status(send_as(caller, ASK | CARRIES(2), session, words, 0), NOT_ANSWERED);
        assert_ok(late_answer(receiver));
        assert_int_equal(answer_kind >> 4, 3);
        assert_ok(reply_as(receiver, endpoint, WK_OK, 1));
        assert_ok(finish_operation(caller)); /* it takes back what it lent */
        assert_int_equal(answer_words[0], 1);
    }
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        carrying_test(the_caller_is_stopped),
        carrying_test(what_was_given_before_the_caller_was_stopped_is_told),
        carrying_test(the_callers_process_is_killed),
        carrying_test(the_callers_bank_is_destroyed),
        carrying_test(the_server_is_stopped),
        carrying_test(the_servers_process_is_killed),
        carrying_test(the_servers_bank_is_destroyed),
        carrying_test(other_ends_do_not_matter),
        carrying_test(the_receivers_time_is_over),
        carrying_test(whose_time_is_over_has_its_caller_run),
        carrying_test(whose_time_is_over_has_a_suspended_caller_run),
        carrying_test(whose_time_is_over_is_told_so_if_the_call_fails),
        carrying_test(whose_time_is_over_may_be_suspended_and_lose_its_budget),
        carrying_test(whose_time_is_over_may_be_brought_the_call_by_the_caller),
        carrying_test(whose_time_is_over_may_end),
        carrying_test(the_endpoint_goes),
        carrying_test(a_process_that_lends_to_itself_has_room_for_both),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
