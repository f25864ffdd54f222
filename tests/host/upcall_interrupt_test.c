/* SPDX-License-Identifier: MIT */
/* Interrupts of threads: when the handler is called, and what happens to waits. */
#include "upcall_program.h"

static void interrupt(void)
{
    struct thread *before = actor();

    act_as(boot);
    assert_ok(wk_thread_interrupt(program.thread));
    act_as(before);
}

/* An event that the program may wait for, as it names it. */
static wk_handle give_event(void)
{
    wk_handle event;

    act_as(boot);
    event = program_grant(&program, make_event(BOOT_BANK), WK_TRANSFER_GIVE, ALL_RIGHTS);
    act_as(program.thread_record);
    return event;
}

static void an_interrupt_is_delivered_before_anything_more_is_executed(void **state)
{
    (void)state;
    make_upcall_program();
    set_registers(0x10110, 0x5000);
    interrupt();
    make_current(actor());
    assert_int_equal(user_register(PC), ENTRY);
    assert_int_equal(user_register(T0), CALL_FRAME);
    assert_int_equal(CALL(cause), WK_UPCALL_CAUSE_INTERRUPT);
    assert_int_equal(CALL(full), 1);
    assert_int_equal(CALL(busy), 1);
    assert_int_equal(CALL(interrupt_pending), 0);
    set_registers(ENTRY, 0x9000);
    return_from(CALL_FRAME);
    assert_registers(0x10110, 0x5000);
}

static void an_interrupt_waits_for_the_handlers_return(void **state)
{
    (void)state;
    make_upcall_program();
    user_set_register(PC, 0x10100);
    user_foreign_call(9);
    interrupt();
    make_current(actor());
    assert_int_equal(CALL(interrupt_pending), 1);
    assert_int_equal(CALL(cause), WK_UPCALL_CAUSE_FOREIGN_CALL);
    return_from(CALL_FRAME);
    assert_int_equal(user_register(PC), ENTRY);
    assert_int_equal(CALL(cause), WK_UPCALL_CAUSE_INTERRUPT);
    assert_int_equal(CALL(pc), 0x10104);
    assert_int_equal(CALL(interrupt_pending), 0);
    return_from(CALL_FRAME);
    assert_int_equal(user_register(PC), 0x10104);
}

static void a_masked_interrupt_waits_until_it_is_allowed(void **state)
{
    (void)state;
    make_upcall_program();
    user_set_word(FIELD(CALL_FRAME, interrupt_masked), 1);
    user_set_register(PC, 0x10100);
    interrupt();
    make_current(actor());
    assert_int_equal(user_register(PC), 0x10100);
    assert_int_equal(CALL(interrupt_pending), 1);
    user_set_word(FIELD(CALL_FRAME, interrupt_masked), 0);
    user_foreign_call(9); /* whatever takes it into the kernel; the call comes boot */
    assert_int_equal(CALL(cause), WK_UPCALL_CAUSE_FOREIGN_CALL);
    return_from(CALL_FRAME);
    assert_int_equal(CALL(cause), WK_UPCALL_CAUSE_INTERRUPT);
}

static void an_interrupt_without_handler_only_ends_the_wait(void **state)
{
    wk_handle event;
    uint64_t bits;

    (void)state;
    make_bare_program();
    event = give_event();
    assert_status(wk_event_wait(event, 1, NEVER, &bits), NOT_ANSWERED);
    interrupt();
    make_current(actor());
    assert_int_equal(late_answer(actor()), WK_INTERRUPTED);
    assert_false(thread_is_owed_interrupt(actor()));
    assert_status(wk_event_wait(event, 1, NEVER, &bits), NOT_ANSWERED);
}

static void an_interrupted_wait_is_answered_and_then_the_handler_called(void **state)
{
    wk_handle event;
    uint64_t bits;

    (void)state;
    make_upcall_program();
    event = give_event();
    assert_status(wk_event_wait(event, 1, NEVER, &bits), NOT_ANSWERED);
    interrupt();
    make_current(actor());
    assert_int_equal(user_register(PC), ENTRY);
    assert_int_equal(user_word(FIELD(CALL_FRAME, x[A0])), WK_INTERRUPTED);
}

/* Whichever way the answer takes. */
static void assert_interrupted_with_the_answer_of(uint64_t operation)
{
    struct program server;
    wk_handle endpoint, session, served;

    make_upcall_program();
    act_as(boot);
    assert_ok(wk_thread_set_priority(BOOT_THREAD, 1));
    server = program_make(100, 10);
    endpoint = make_endpoint(BOOT_BANK);
    session = program_grant(&program, make_session(endpoint, 1), WK_TRANSFER_GIVE, ALL_RIGHTS);
    served = program_grant(&server, endpoint, WK_TRANSFER_LEND, ALL_RIGHTS);
    assert_status(receive_as(server.thread_record, served), NOT_ANSWERED);
    make_passive(server.thread);
    for (unsigned i = 0; i < 2; i++) {
        assert_status(call_as(program.thread_record, session, operation, 7), NOT_ANSWERED);
        if (i == 1)
            interrupt();
        arch_hart_notify(harts[0]); /* to make a thread act, the harness has changed priorities */
        host_run();
        assert_ptr_equal(harts[0]->current, server.thread_record);
        act_as(server.thread_record);
        assert_status(wk_trap(WK_ENDPOINT_REPLY_RECEIVE, served, (uint64_t[6]){7}), NOT_ANSWERED);
        assert_ptr_equal(harts[0]->current, program.thread_record);
    }
    assert_int_equal(harts[0]->arch.x[PC], ENTRY);
    act_as(program.thread_record);
    assert_int_equal(CALL(cause), WK_UPCALL_CAUSE_INTERRUPT);
    assert_int_equal(user_word(FIELD(CALL_FRAME, x[A0 + 1])), 7);
}

static void an_interrupt_during_a_call_is_delivered_with_its_answer(void **state)
{
    (void)state;
    assert_interrupted_with_the_answer_of(0x2000);
}

static void an_interrupt_during_a_call_off_the_fast_path_too(void **state)
{
    (void)state;
    assert_interrupted_with_the_answer_of(0x2000 | WK_MESSAGE_ACCEPT(1));
}

static void an_interrupt_during_a_handler_ends_only_one_wait_of_it(void **state)
{
    wk_handle event;
    uint64_t bits;

    (void)state;
    make_upcall_program();
    event = give_event();
    user_foreign_call(3);
    interrupt();
    assert_status(wk_event_wait(event, 1, NEVER, &bits), WK_INTERRUPTED);
    assert_status(wk_event_wait(event, 1, NEVER, &bits), NOT_ANSWERED);
}

static void a_thread_that_runs_on_another_hart_is_interrupted(void **state)
{
    const struct host_machine machine = {.harts = 2, .seed = 9};

    (void)state;
    machine_start(&machine);
    make_upcall_program();
    assert_int_equal(program.thread_record->hart->index, 1);
    make_current(program.thread_record);
    interrupt();
    assert_int_equal(user_register(PC), ENTRY);
    assert_int_equal(CALL(cause), WK_UPCALL_CAUSE_INTERRUPT);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(an_interrupt_is_delivered_before_anything_more_is_executed),
        machine_test(an_interrupt_waits_for_the_handlers_return),
        machine_test(a_masked_interrupt_waits_until_it_is_allowed),
        machine_test(an_interrupt_without_handler_only_ends_the_wait),
        machine_test(an_interrupted_wait_is_answered_and_then_the_handler_called),
        machine_test(an_interrupt_during_a_handler_ends_only_one_wait_of_it),
        machine_test(an_interrupt_during_a_call_is_delivered_with_its_answer),
        machine_test(an_interrupt_during_a_call_off_the_fast_path_too),
        cmocka_unit_test(a_thread_that_runs_on_another_hart_is_interrupted),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
