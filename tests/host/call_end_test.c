/* SPDX-License-Identifier: MIT */
/* Whatever ends on whichever side at whatever moment of a call: the other side is told, and nothing is left of it. */
#include "calls.h"
#include "two_programs.h"

/* How far the call of `other` to `one` has come. */
enum stage { QUEUED, SERVED, SAVED, STAGES };

static wk_handle endpoint_bank, endpoint_there, session_there, reply_there;
static char *before;
static struct thread *caller, *callee;

/* Programs `one`, which serves, and `other`, whose call has come so far. */
static void call_that_is(enum stage stage)
{
    before = check_state_text();
    one = program_make(200, 90);
    other = program_make(200, 80);
    callee = one.thread_record;
    caller = other.thread_record;
    endpoint_bank = make_bank(BOOT_BANK, 20);
    endpoint = make_endpoint(endpoint_bank);
    endpoint_there = program_grant(&one, endpoint, WK_TRANSFER_DUP, ALL_RIGHTS);
    session_there = program_grant(&other, make_session(endpoint, BADGE), WK_TRANSFER_GIVE, ALL_RIGHTS);
    begin_call_until(caller, session_there, 1, host_time_ns + 1000);
    if (stage >= SERVED)
        assert_ok(receive_as(callee, endpoint_there));
    if (stage >= SAVED)
        assert_ok(save_as(callee, endpoint_there, &reply_there));
}

static void clear(void)
{
    assert_ok(wk_bank_destroy(endpoint_bank));
    if (slot_of(one.bank) != NULL)
        assert_ok(wk_bank_destroy(one.bank));
    if (slot_of(other.bank) != NULL)
        assert_ok(wk_bank_destroy(other.bank));
    assert_state_is(before);
}

/* The server finds that nobody waits for an answer. */
static void assert_no_caller(enum stage stage)
{
    switch (stage) {
    case QUEUED:
        break;
    case SERVED:
        assert_status(reply_as(callee, endpoint_there, WK_OK, 0), WK_NO_CALLER);
        break;
    case SAVED:
    case STAGES:
        assert_status(answer_by(callee, reply_there, WK_OK, 0), WK_NO_CALLER);
        break;
    }
}

/* The end is the caller's: the server is told. */
static void each_stage_without_caller(void (*end)(void))
{
    for (enum stage stage = QUEUED; stage < STAGES; stage++) {
        call_that_is(stage);
        end();
        assert_no_caller(stage);
        while (receive_as(callee, endpoint_there) == WK_OK) /* its session may have gone with it */
            assert_int_equal(answer_kind & 0xf, WK_MESSAGE_KIND_CLOSED);
        assert_true(is_waiting(callee));
        clear();
    }
}

static void stop_the_caller(void)
{
    assert_ok(wk_thread_stop(other.thread));
}

static void the_callers_thread_is_stopped(void **state)
{
    (void)state;
    each_stage_without_caller(stop_the_caller);
}

static void kill_the_callers_process(void)
{
    assert_ok(wk_process_kill(other.process, 0));
}

static void the_callers_process_is_killed(void **state)
{
    (void)state;
    each_stage_without_caller(kill_the_callers_process);
}

static void destroy_the_callers_bank(void)
{
    assert_ok(wk_bank_destroy(other.bank));
}

static void the_callers_bank_is_destroyed(void **state)
{
    (void)state;
    each_stage_without_caller(destroy_the_callers_bank);
}

static void let_time_pass(void)
{
    pass_to(host_time_ns + 1000);
    assert_answered(caller, WK_TIMED_OUT, 0);
}

static void the_callers_time_is_over(void **state)
{
    (void)state;
    each_stage_without_caller(let_time_pass);
}

/* The end is the server's: the caller is told so, or waits on (NOT_ANSWERED). */
static void each_stage_without_server(void (*end)(void), const enum wk_status expected[STAGES])
{
    for (enum stage stage = QUEUED; stage < STAGES; stage++) {
        call_that_is(stage);
        end();
        assert_status(late_answer(caller), expected[stage]);
        clear();
    }
}

static void stop_the_server(void)
{
    assert_ok(wk_thread_stop(one.thread));
}

static void the_servers_thread_is_stopped(void **state)
{
    (void)state;
    each_stage_without_server(stop_the_server,
                              (enum wk_status[]){NOT_ANSWERED, WK_ABANDONED, NOT_ANSWERED}); /* others may come */
}

static void kill_the_servers_process(void)
{
    assert_ok(wk_process_kill(one.process, 0));
}

static void the_servers_process_is_killed(void **state)
{
    (void)state;
    each_stage_without_server(kill_the_servers_process, (enum wk_status[]){NOT_ANSWERED, WK_ABANDONED, WK_ABANDONED});
}

static void destroy_the_servers_bank(void)
{
    assert_ok(wk_bank_destroy(one.bank));
}

static void the_servers_bank_is_destroyed(void **state)
{
    (void)state;
    each_stage_without_server(destroy_the_servers_bank, (enum wk_status[]){NOT_ANSWERED, WK_ABANDONED, WK_ABANDONED});
}

static void destroy_the_endpoint(void)
{
    assert_ok(wk_bank_destroy(endpoint_bank));
    endpoint_bank = make_bank(BOOT_BANK, 20);
}

static void the_endpoint_goes(void **state)
{
    (void)state;
    each_stage_without_server(destroy_the_endpoint, (enum wk_status[]){WK_REVOKED, NOT_ANSWERED, NOT_ANSWERED});
}

static void a_call_that_was_taken_outlives_its_endpoint(void **state)
{
    (void)state;
    call_that_is(SERVED);
    destroy_the_endpoint();
    endpoint_there = program_grant(&one, make_endpoint(endpoint_bank), WK_TRANSFER_DUP, ALL_RIGHTS);
    assert_ok(reply_as(callee, endpoint_there, WK_OK, 5)); /* by any endpoint that it may serve */
    assert_answered(caller, WK_OK, 5);
    clear();
    call_that_is(SAVED);
    destroy_the_endpoint();
    assert_ok(answer_by(callee, reply_there, WK_OK, 6));
    assert_answered(caller, WK_OK, 6);
    clear();
}

static void delete_the_session(void)
{
    struct thread *second;
    wk_handle handle;

    assert_ok(wk_thread_create(other.process, 10, &handle));
    assert_ok(wk_thread_start(handle, 0x10100, 0, 0, 0, 0));
    second = thread_of(handle);
    delete_as(second, session_there);
}

static void the_session_goes(void **state)
{
    (void)state;
    each_stage_without_server(delete_the_session, (enum wk_status[]){WK_REVOKED, NOT_ANSWERED, NOT_ANSWERED});
}

static void the_last_capability_of_a_reply_goes(void **state)
{
    (void)state;
    call_that_is(SAVED);
    delete_as(callee, reply_there);
    assert_answered(caller, WK_ABANDONED, 0);
    clear();
}

static void a_reply_with_another_capability_stays(void **state)
{
    (void)state;
    call_that_is(SAVED);
    act_as(callee);
    assert_ok(wk_capability_dup(reply_there, ALL_RIGHTS, &(wk_handle){0}));
    assert_ok(wk_capability_delete(reply_there));
    act_as(boot);
    assert_true(is_waiting(caller));
    kill_the_servers_process();
    assert_answered(caller, WK_ABANDONED, 0);
    clear();
}

/* ---- who waits to receive ---- */

/* `one` waits to receive, passive or not. */
static void receiver_that_is_passive(bool passive)
{
    call_that_is(SERVED);
    assert_status(reply_receive_as(callee, endpoint_there, 0), NOT_ANSWERED);
    if (passive)
        make_passive(one.thread);
}

static void each_receiver(void (*end)(void), enum wk_status expected)
{
    for (unsigned passive = 0; passive < 2; passive++) {
        receiver_that_is_passive(passive != 0);
        end();
        if (expected != NOT_ANSWERED && !passive)
            assert_answered(callee, expected, 0);
        else if (expected != NOT_ANSWERED)
            assert_int_equal(callee->stop, 0); /* it goes on as soon as somebody pays */
        clear();
    }
}

static void a_receiver_is_stopped_and_the_next_call_is_queued(void **state)
{
    (void)state;
    for (unsigned passive = 0; passive < 2; passive++) {
        receiver_that_is_passive(passive != 0);
        stop_the_server();
        begin_call(caller, session_there, 2);
        assert_ok(receive_as(boot, endpoint));
        assert_received(boot, WK_MESSAGE_KIND_CALL, BADGE, ASK, 2);
        assert_ok(reply_as(boot, endpoint, WK_OK, 3));
        assert_answered(caller, WK_OK, 3);
        clear();
    }
}

static void a_receivers_process_is_killed(void **state)
{
    (void)state;
    each_receiver(kill_the_servers_process, NOT_ANSWERED);
}

static void a_receivers_endpoint_goes(void **state)
{
    (void)state;
    each_receiver(destroy_the_endpoint, WK_REVOKED);
}

static void a_receivers_capability_is_taken_back(void **state)
{
    wk_handle lent;

    (void)state;
    call_that_is(SERVED);
    lent = program_grant(&one, endpoint, WK_TRANSFER_LEND, ALL_RIGHTS);
    assert_status(reply_receive_as(callee, lent, 0), NOT_ANSWERED);
    assert_ok(wk_capability_revoke(endpoint));
    assert_answered(callee, WK_REVOKED, 0);
    begin_receive(callee, endpoint_there); /* by another capability it may still */
    clear();
}

static void a_ready_receivers_capability_is_taken_back(void **state)
{
    wk_handle lent;

    (void)state;
    call_that_is(SERVED);
    make_passive(one.thread);
    lent = program_grant(&one, endpoint, WK_TRANSFER_LEND, ALL_RIGHTS);
    assert_status(reply_receive_as(callee, lent, 0), NOT_ANSWERED);
    assert_ok(wk_capability_revoke(endpoint));
    assert_false(is_waiting(callee));
    begin_call(caller, session_there, 2); /* by helping it comes to know */
    assert_answered(callee, WK_REVOKED, 0);
    clear();
}

static void a_suspended_receiver_gets_its_call_and_runs_later(void **state)
{
    (void)state;
    for (unsigned passive = 0; passive < 2; passive++) {
        receiver_that_is_passive(passive != 0);
        assert_ok(wk_process_suspend(one.process));
        begin_call(caller, session_there, 2);
        assert_ok(wk_process_resume(one.process));
        assert_received(callee, WK_MESSAGE_KIND_CALL, BADGE, ASK, 2);
        clear();
    }
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        call_test(the_callers_thread_is_stopped),
        call_test(the_callers_process_is_killed),
        call_test(the_callers_bank_is_destroyed),
        call_test(the_callers_time_is_over),
        call_test(the_servers_thread_is_stopped),
        call_test(the_servers_process_is_killed),
        call_test(the_servers_bank_is_destroyed),
        call_test(the_endpoint_goes),
        call_test(a_call_that_was_taken_outlives_its_endpoint),
        call_test(the_session_goes),
        call_test(the_last_capability_of_a_reply_goes),
        call_test(a_reply_with_another_capability_stays),
        call_test(a_receiver_is_stopped_and_the_next_call_is_queued),
        call_test(a_receivers_process_is_killed),
        call_test(a_receivers_endpoint_goes),
        call_test(a_receivers_capability_is_taken_back),
        call_test(a_ready_receivers_capability_is_taken_back),
        call_test(a_suspended_receiver_gets_its_call_and_runs_later),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
