/* SPDX-License-Identifier: MIT */
/* Whatever ends on whichever side while a fault is being answered: the process ends by its fault, or the server is told. */
#include "fault_program.h"

#include "two_programs.h"

/* How far the program's fault has come to the thread of `one`. */
enum stage { QUEUED, SERVED, SAVED, STAGES };

static wk_handle endpoint_bank, endpoint_there, reply_there;
static struct thread *handler;

static void fault_that_is(enum stage stage)
{
    boot = actor();
    one = program_make(200, 20);
    handler = one.thread_record;
    program = program_make(200, 10);
    endpoint_bank = make_bank(BOOT_BANK, 20);
    endpoint = make_endpoint(endpoint_bank);
    endpoint_there = program_grant(&one, endpoint, WK_TRANSFER_DUP, ALL_RIGHTS);
    told_by = program_grant(&program, make_session(endpoint, BADGE), WK_TRANSFER_GIVE, WK_SESSION_RIGHT_FAULT);
    assert_ok(wk_process_set_fault_handler(program.process, told_by));
    fault_at(WK_UPCALL_CAUSE_BREAKPOINT, CODE);
    if (stage >= SERVED)
        assert_ok(receive_as(handler, endpoint_there));
    if (stage >= SAVED)
        assert_ok(save_as(handler, endpoint_there, &reply_there));
    assert_true(is_waiting(faulter));
}

static void clear(char *before)
{
    assert_ok(wk_bank_destroy(endpoint_bank));
    if (slot_of(one.bank) != NULL)
        assert_ok(wk_bank_destroy(one.bank));
    if (slot_of(program.bank) != NULL)
        assert_ok(wk_bank_destroy(program.bank));
    host_console_clear();
    assert_state_is(before);
}

/* The fault's end is the program's: whoever serves it answers nobody. */
static void each_stage_without_program(void (*end)(void))
{
    for (enum stage stage = QUEUED; stage < STAGES; stage++) {
        char *before = check_state_text();

        fault_that_is(stage);
        end();
        if (stage == SERVED)
            assert_status(reply_as(handler, endpoint_there, WK_OK, 0), WK_NO_CALLER);
        if (stage == SAVED)
            assert_status(answer_by(handler, reply_there, WK_OK, 0), WK_NO_CALLER);
        clear(before);
    }
}

static void kill_the_program(void)
{
    assert_ok(wk_process_kill(program.process, 7));
    assert_ended(WK_END_REASON_KILLED, 7);
}

static void the_program_is_killed(void **state)
{
    (void)state;
    each_stage_without_program(kill_the_program);
}

static void destroy_the_programs_bank(void)
{
    assert_ok(wk_bank_destroy(program.bank));
}

static void the_programs_bank_is_destroyed(void **state)
{
    (void)state;
    each_stage_without_program(destroy_the_programs_bank);
}

static void stop_the_thread(void)
{
    assert_ok(wk_thread_stop(program.thread));
    assert_int_equal(program.process_record->state, WK_PROCESS_STATE_RUNNING);
}

static void the_thread_is_stopped_and_its_process_goes_on(void **state)
{
    (void)state;
    each_stage_without_program(stop_the_thread);
}

/* The end is the handler's: the program ends by its fault, or still waits. */
static void each_stage_without_handler(void (*end)(void), const bool ends[STAGES])
{
    for (enum stage stage = QUEUED; stage < STAGES; stage++) {
        char *before = check_state_text();

        fault_that_is(stage);
        end();
        if (ends[stage])
            assert_ends(WK_END_REASON_BREAKPOINT, CODE);
        else
            assert_true(is_waiting(faulter));
        clear(before);
    }
}

static void stop_the_handler(void)
{
    assert_ok(wk_thread_stop(one.thread));
}

static void the_handlers_thread_is_stopped(void **state)
{
    (void)state;
    each_stage_without_handler(stop_the_handler, (bool[]){false, true, false}); /* others may come */
}

static void kill_the_handler(void)
{
    assert_ok(wk_process_kill(one.process, 0));
}

static void the_handlers_process_is_killed(void **state)
{
    (void)state;
    each_stage_without_handler(kill_the_handler, (bool[]){false, true, true});
}

static void destroy_the_handlers_bank(void)
{
    assert_ok(wk_bank_destroy(one.bank));
}

static void the_handlers_bank_is_destroyed(void **state)
{
    (void)state;
    each_stage_without_handler(destroy_the_handlers_bank, (bool[]){false, true, true});
}

static void destroy_the_endpoint(void)
{
    assert_ok(wk_bank_destroy(endpoint_bank));
    endpoint_bank = make_bank(BOOT_BANK, 20);
}

static void the_endpoint_goes(void **state)
{
    (void)state;
    each_stage_without_handler(destroy_the_endpoint, (bool[]){true, false, false});
}

static void receive_again(void)
{
    begin_receive(handler, endpoint_there);
}

static void the_handler_receives_again_without_an_answer(void **state)
{
    (void)state;
    for (enum stage stage = SERVED; stage < SAVED; stage++) {
        char *before = check_state_text();

        fault_that_is(stage);
        receive_again();
        assert_ends(WK_END_REASON_BREAKPOINT, CODE);
        clear(before);
    }
}

static void the_last_capability_of_a_saved_answer_goes(void **state)
{
    (void)state;
    fault_that_is(SAVED);
    delete_as(handler, reply_there);
    assert_ends(WK_END_REASON_BREAKPOINT, CODE);
}

/* The program's thread serves, passively. Returns a session to call it by. */
static wk_handle make_faulter_serve(void)
{
    const wk_handle served = make_endpoint(BOOT_BANK);
    const wk_handle asked = make_session(served, 1);

    begin_receive(faulter, program_grant(&program, served, WK_TRANSFER_DUP, ALL_RIGHTS));
    make_passive(program.thread);
    return asked;
}

static void whom_the_faulting_thread_served_is_told(void **state)
{
    wk_handle asked;

    fault_setup(state);
    asked = make_faulter_serve();
    begin_call(client, asked, 1);
    fault_at(WK_UPCALL_CAUSE_BREAKPOINT, CODE);
    assert_ok(receive_as(boot, endpoint));
    assert_ok(reply_as(boot, endpoint, WK_ABANDONED, 0));
    assert_ends(WK_END_REASON_BREAKPOINT, CODE);
    assert_answered(client, WK_ABANDONED, 0);
}

static void a_fault_of_a_passive_thread_is_answered_at_the_expense_of_whom_it_serves(void **state)
{
    wk_handle asked;

    fault_setup(state);
    asked = make_faulter_serve();
    make_server_passive();
    rest();
    begin_call(client, asked, 1);
    fault_at(WK_UPCALL_CAUSE_BREAKPOINT, CODE);
    assert_runs_for(server, client);
    assert_status(reply_receive_as(server, endpoint, 0), NOT_ANSWERED);
    assert_runs_for(faulter, client);
    assert_goes_on(CODE);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(the_program_is_killed),
        machine_test(the_programs_bank_is_destroyed),
        machine_test(the_thread_is_stopped_and_its_process_goes_on),
        machine_test(the_handlers_thread_is_stopped),
        machine_test(the_handlers_process_is_killed),
        machine_test(the_handlers_bank_is_destroyed),
        machine_test(the_endpoint_goes),
        machine_test(the_handler_receives_again_without_an_answer),
        machine_test(the_last_capability_of_a_saved_answer_goes),
        cmocka_unit_test(whom_the_faulting_thread_served_is_told),
        cmocka_unit_test(a_fault_of_a_passive_thread_is_answered_at_the_expense_of_whom_it_serves),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
