/* SPDX-License-Identifier: MIT */
/* Faults that another process answers: what it is told, and how the thread goes on, or its process ends. */
#include "fault_program.h"

#include "two_programs.h"

#define BREAKPOINT WK_UPCALL_CAUSE_BREAKPOINT
#define PAGE_ADDRESS UINT64_C(0x700000)

static enum wk_status answer_with(enum wk_status status, uint64_t word)
{
    return reply_as(boot, endpoint, status, word);
}

/* ---- being told ---- */

static void a_fault_is_told_and_answered_and_the_thread_goes_on_with_all_its_registers(void **state)
{
    static const struct {
        enum wk_upcall_cause cause;
        enum wk_end_reason reason;
    } pairs[] = {
        {WK_UPCALL_CAUSE_LOAD_FAULT, WK_END_REASON_LOAD_FAULT},
        {WK_UPCALL_CAUSE_STORE_FAULT, WK_END_REASON_STORE_FAULT},
        {WK_UPCALL_CAUSE_FETCH_FAULT, WK_END_REASON_FETCH_FAULT},
        {WK_UPCALL_CAUSE_ILLEGAL_INSTRUCTION, WK_END_REASON_ILLEGAL_INSTRUCTION},
        {WK_UPCALL_CAUSE_BREAKPOINT, WK_END_REASON_BREAKPOINT},
        {WK_UPCALL_CAUSE_MISALIGNED, WK_END_REASON_MISALIGNED},
        {WK_UPCALL_CAUSE_NO_MEMORY, WK_END_REASON_NO_MEMORY},
        {WK_UPCALL_CAUSE_REVOKED, WK_END_REASON_REVOKED},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        fault_at(pairs[i].cause, 0x4000 + i);
        assert_true(is_waiting(faulter));
        assert_ok(receive_as(boot, endpoint));
        assert_told(boot, pairs[i].cause, 0x4000 + i, pairs[i].reason);
        assert_ok(answer_with(WK_OK, 0));
        assert_goes_on(CODE);
    }
}

static void who_waits_to_receive_is_told_at_once(void **state)
{
    (void)state;
    begin_receive(server, endpoint);
    fault_at(BREAKPOINT, CODE);
    assert_told(server, BREAKPOINT, CODE, WK_END_REASON_BREAKPOINT);
    assert_ok(reply_as(server, endpoint, WK_OK, 0));
    assert_goes_on(CODE);
}

static void an_answer_may_say_where_it_goes_on(void **state)
{
    (void)state;
    fault_at(BREAKPOINT, CODE);
    assert_ok(receive_as(boot, endpoint));
    assert_ok(answer_with(WK_OK, CODE + 2));
    assert_goes_on(CODE + 2);
}

static void another_answer_than_ok_ends_the_process_by_its_fault(void **state)
{
    (void)state;
    fault_at(WK_UPCALL_CAUSE_LOAD_FAULT, 0x1230);
    assert_ok(receive_as(boot, endpoint));
    assert_ok(answer_with(WK_NO_MEMORY, CODE));
    assert_ends(WK_END_REASON_LOAD_FAULT, 0x1230);
    assert_int_equal(program.process_record->end_counter, CODE);
}

static void an_answer_can_be_saved(void **state)
{
    wk_handle reply;

    (void)state;
    fault_at(BREAKPOINT, CODE);
    assert_ok(receive_as(boot, endpoint));
    assert_ok(save_as(boot, endpoint, &reply));
    assert_true(is_waiting(faulter));
    assert_ok(answer_by(boot, reply, WK_OK, 0));
    assert_goes_on(CODE);
}

static void an_answer_carries_no_capabilities(void **state)
{
    (void)state;
    fault_at(BREAKPOINT, CODE);
    assert_ok(receive_as(boot, endpoint));
    assert_status(send_as(boot, WK_ENDPOINT_REPLY | WK_MESSAGE_CAPABILITY(0), endpoint, (uint64_t[6]){BOOT_BANK}, 0),
                  WK_NOT_ACCEPTED);
    assert_ok(answer_with(WK_OK, 0));
    assert_goes_on(CODE);
}

static void a_handler_of_its_own_goes_first_and_a_fault_in_it_is_told(void **state)
{
    (void)state;
    frames = make_memory(program.bank, 1, 0);
    map_there(frames, FRAMES, 0, 1, READ | WRITE);
    assert_ok(wk_thread_set_frames(program.thread, frames, 0, FRAMES));
    assert_ok(wk_process_set_upcall(program.process, ENTRY, RETURN));
    fault_at(BREAKPOINT, CODE);
    assert_false(is_waiting(faulter));
    fault_at(WK_UPCALL_CAUSE_LOAD_FAULT, 0x1234);
    assert_ok(receive_as(boot, endpoint));
    assert_told(boot, WK_UPCALL_CAUSE_LOAD_FAULT, 0x1234, WK_END_REASON_FAULT_IN_HANDLER);
    assert_ok(answer_with(WK_OK, 0));
    assert_goes_on(CODE);
    fault_at(WK_UPCALL_CAUSE_LOAD_FAULT, 0x1234);
    assert_ok(receive_as(boot, endpoint));
    assert_ok(answer_with(WK_ABANDONED, 0));
    assert_ends(WK_END_REASON_FAULT_IN_HANDLER, 0x1234);
}

static void foreign_calls_are_told_and_answered_in_registers(void **state)
{
    (void)state;
    act_as(faulter);
    set_registers(CODE, SALT);
    user_foreign_call(93);
    act_as(boot);
    assert_ok(receive_as(boot, endpoint));
    assert_told(boot, WK_UPCALL_CAUSE_FOREIGN_CALL, 93, WK_END_REASON_FOREIGN_CALL);
    assert_ok(wk_thread_write_register(program.thread, A7, SALT + A7));
    assert_ok(answer_with(WK_OK, CODE + 4));
    assert_goes_on(CODE + 4);
    act_as(faulter);
    user_foreign_call(94);
    act_as(boot);
    assert_ok(receive_as(boot, endpoint));
    assert_ok(answer_with(WK_NO_SUCH_OPERATION, 0));
    assert_ends(WK_END_REASON_FOREIGN_CALL, 94);
}

static void a_page_fault_is_tried_again_when_the_page_is_there(void **state)
{
    uint64_t word = 0;

    (void)state;
    act_as(faulter);
    set_registers(CODE, SALT);
    assert_false(user_load(PAGE_ADDRESS + 8, &word, sizeof(word)));
    act_as(boot);
    assert_ok(receive_as(boot, endpoint));
    assert_told(boot, WK_UPCALL_CAUSE_LOAD_FAULT, PAGE_ADDRESS + 8, WK_END_REASON_LOAD_FAULT);
    map_there(make_memory(BOOT_BANK, 1, 0), PAGE_ADDRESS, 0, 1, READ);
    assert_ok(answer_with(WK_OK, 0));
    assert_goes_on(CODE);
    act_as(faulter);
    assert_true(user_load(PAGE_ADDRESS + 8, &word, sizeof(word)));
    assert_false(user_store(PAGE_ADDRESS + 8, &word, sizeof(word)));
    act_as(boot);
    assert_ok(receive_as(boot, endpoint));
    assert_told(boot, WK_UPCALL_CAUSE_STORE_FAULT, PAGE_ADDRESS + 8, WK_END_REASON_STORE_FAULT);
}

/* ---- the thread meanwhile ---- */

static void registers_can_be_read_and_written_meanwhile(void **state)
{
    uint64_t values[6];

    (void)state;
    begin_receive(server, endpoint);
    fault_at(BREAKPOINT, CODE);
    for (unsigned first = 0; first <= 24; first += 6) {
        assert_ok(wk_thread_read_registers(program.thread, first, &values[0], &values[1], &values[2], &values[3],
                                           &values[4], &values[5]));
        for (unsigned i = 0; i < 6; i++)
            assert_int_equal(values[i], first + i == 0 ? CODE : SALT + first + i);
    }
    assert_ok(wk_thread_write_register(program.thread, A0, 4711));
    assert_ok(wk_thread_write_register(program.thread, PC, CODE + 4));
    assert_ok(reply_as(server, endpoint, WK_OK, 0));
    assert_status(wk_thread_write_register(program.thread, A0, 1), WK_BUSY);
    act_as(faulter);
    make_current(faulter);
    assert_int_equal(user_register(A0), 4711);
    user_set_register(A0, SALT + A0);
    assert_registers(CODE + 4, SALT);
}

static void registers_of_a_thread_that_called_by_itself_cannot_be_written(void **state)
{
    (void)state;
    begin_call(client, session, 1);
    assert_status(wk_thread_write_register(client_handle, A0, 1), WK_BUSY);
}

static void floating_point_stays(void **state)
{
    (void)state;
    make_current(faulter);
    host_hart->arch.f[7] = 4711;
    host_hart->arch.fcsr = 3;
    host_fp_written(host_hart);
    fault_at(BREAKPOINT, CODE);
    assert_ok(receive_as(boot, endpoint));
    host_hart->arch.f[7] = 1;
    host_fp_written(host_hart);
    assert_ok(answer_with(WK_OK, 0));
    assert_goes_on(CODE);
    make_current(faulter);
    assert_int_equal(host_hart->arch.f[7], 4711);
    assert_int_equal(host_hart->arch.fcsr, 3);
}

static void an_interrupt_waits_until_it_goes_on(void **state)
{
    (void)state;
    frames = make_memory(program.bank, 1, 0);
    map_there(frames, FRAMES, 0, 1, READ | WRITE);
    fault_at(BREAKPOINT, CODE);
    assert_ok(wk_thread_set_frames(program.thread, frames, 0, FRAMES));
    assert_ok(wk_process_set_upcall(program.process, ENTRY, RETURN));
    assert_ok(wk_thread_interrupt(program.thread));
    assert_true(is_waiting(faulter));
    assert_ok(receive_as(boot, endpoint));
    assert_ok(answer_with(WK_OK, 0));
    act_as(faulter);
    make_current(faulter);
    assert_int_equal(user_register(PC), ENTRY);
    assert_int_equal(CALL(cause), WK_UPCALL_CAUSE_INTERRUPT);
    assert_int_equal(CALL(pc), CODE);
    assert_int_equal(user_word(FIELD(CALL_FRAME, x[A0])), SALT + A0);
}

static void a_quick_answer_leaves_registers_alone_too(void **state)
{
    (void)state;
    make_server_passive();
    rest();
    for (unsigned i = 0; i < 3; i++) {
        fault_at(BREAKPOINT, CODE);
        assert_runs_for(server, faulter);
        assert_told(server, BREAKPOINT, CODE, WK_END_REASON_BREAKPOINT);
        assert_status(
            send_as(server, WK_ENDPOINT_REPLY_RECEIVE | WK_MESSAGE_QUICK, endpoint, (uint64_t[6]){0, 7, 7, 7}, 0),
            NOT_ANSWERED);
        assert_goes_on(CODE);
    }
}

static void a_suspended_thread_goes_on_when_it_is_resumed(void **state)
{
    (void)state;
    fault_at(BREAKPOINT, CODE);
    assert_ok(wk_process_suspend(program.process));
    assert_ok(receive_as(boot, endpoint));
    assert_ok(answer_with(WK_OK, 0));
    assert_int_equal(faulter->stop, THREAD_SUSPENDED);
    assert_ok(wk_process_resume(program.process));
    assert_goes_on(CODE);
}

static void a_suspended_process_ends_without_being_resumed(void **state)
{
    (void)state;
    fault_at(BREAKPOINT, CODE);
    assert_ok(wk_process_suspend(program.process));
    assert_ok(receive_as(boot, endpoint));
    assert_ok(answer_with(WK_ABANDONED, 0));
    assert_ends(WK_END_REASON_BREAKPOINT, CODE);
}

static void the_most_urgent_fault_comes_first(void **state)
{
    struct thread *second;
    wk_handle handle;

    (void)state;
    assert_ok(wk_thread_create(program.process, 20, &handle));
    assert_ok(wk_thread_start(handle, CODE, 0, 0, 0, 0));
    second = thread_of(handle);
    act_as(second);
    fault(BREAKPOINT, 1);
    act_as(boot);
    begin_call(client, session, 1);
    fault_at(BREAKPOINT, 2);
    assert_ok(receive_as(boot, endpoint));
    assert_told(boot, BREAKPOINT, 2, WK_END_REASON_BREAKPOINT);
    assert_ok(answer_with(WK_OK, 0));
    assert_ok(receive_as(boot, endpoint));
    assert_received(boot, WK_MESSAGE_KIND_CALL, BADGE, ASK, 1);
    assert_ok(answer_with(WK_OK, 0));
    assert_ok(receive_as(boot, endpoint));
    assert_received(boot, WK_MESSAGE_KIND_FAULT, BADGE, 0, BREAKPOINT);
    assert_int_equal(answer_words[3], second->object.identity);
}

/* ---- naming the thread ---- */

static void who_serves_a_fault_can_name_its_thread(void **state)
{
    wk_handle thread;

    (void)state;
    assert_status(wk_process_faulting_thread(program.process, &thread), WK_NO_CALLER);
    fault_at(BREAKPOINT, CODE);
    assert_status(wk_process_faulting_thread(program.process, &thread), WK_NO_CALLER);
    assert_ok(receive_as(boot, endpoint));
    assert_ok(wk_process_faulting_thread(program.process, &thread));
    assert_ptr_equal(thread_of(thread), faulter);
    assert_status(wk_process_faulting_thread(BOOT_PROCESS, &thread), WK_NO_CALLER);
    assert_ok(answer_with(WK_OK, 0));
    assert_status(wk_process_faulting_thread(program.process, &thread), WK_NO_CALLER);
}

static void a_server_that_cannot_pay_for_its_table_cannot_name_it(void **state)
{
    wk_handle thread;

    (void)state;
    fault_at(BREAKPOINT, CODE);
    assert_ok(receive_as(boot, endpoint));
    while (actor()->process->table.made % CAPABILITIES_PER_PAGE != 0)
        duplicate(BOOT_BANK, ALL_RIGHTS);
    host_allocations_left = 0;
    assert_status(wk_process_faulting_thread(program.process, &thread), WK_NO_MEMORY);
    host_allocations_left = UINT64_MAX;
    assert_ok(wk_process_faulting_thread(program.process, &thread));
}

static void a_thread_that_called_by_itself_is_no_faulting_one(void **state)
{
    wk_handle thread;

    (void)state;
    begin_call(client, session, 1);
    assert_ok(receive_as(boot, endpoint));
    assert_status(wk_process_faulting_thread(BOOT_PROCESS, &thread), WK_NO_CALLER);
}

/* ---- which session ---- */

static void the_handle_names_a_session_with_the_right_or_is_refused(void **state)
{
    const wk_handle bank = program_grant(&program, program.bank, WK_TRANSFER_LEND, ALL_RIGHTS);
    const wk_handle weak = program_grant(&program, session, WK_TRANSFER_LEND, WK_SESSION_RIGHT_CALL);

    (void)state;
    assert_error_at(wk_process_set_fault_handler(program.process, bank), WK_BAD_ARGUMENT, 1);
    assert_error_at(wk_process_set_fault_handler(program.process, weak), WK_BAD_ARGUMENT, 1);
    assert_error_at(wk_process_set_fault_handler(program.process, UINT64_MAX), WK_BAD_ARGUMENT, 1);
    assert_int_equal(program.process_record->fault_slot.handle, told_by);
    assert_ok(wk_process_set_fault_handler(program.process, 0));
    fault_at(BREAKPOINT, CODE);
    assert_ends(WK_END_REASON_BREAKPOINT, CODE);
}

static void the_process_itself_cannot_call_by_it(void **state)
{
    (void)state;
    assert_status(call_as(faulter, told_by, ASK, 0), WK_NO_RIGHT);
}

static void revoke_the_session(void)
{
    assert_ok(wk_capability_revoke(session));
}

static void delete_the_session(void)
{
    assert_ok(wk_capability_delete(session));
}

static void delete_the_endpoint(void)
{
    assert_ok(wk_capability_delete(endpoint));
}

static void delete_it_in_the_program(void)
{
    delete_as(faulter, told_by);
}

static void the_handler_goes_as_its_capability_goes(void **state)
{
    static void (*const ways[])(void) = {revoke_the_session, delete_the_session, delete_the_endpoint,
                                         delete_it_in_the_program};

    (void)state;
    for (unsigned i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        endpoint = make_endpoint(BOOT_BANK);
        session = make_session(endpoint, BADGE);
        program = program_make(100, 100);
        told_by = program_grant(&program, session, WK_TRANSFER_LEND, WK_SESSION_RIGHT_FAULT);
        assert_ok(wk_process_set_fault_handler(program.process, told_by));
        ways[i]();
        fault_at(BREAKPOINT, CODE);
        assert_ends(WK_END_REASON_BREAKPOINT, CODE);
    }
}

/* ---- what cannot be told ---- */

static void a_server_that_faults_by_its_own_endpoint_ends(void **state)
{
    const wk_handle there = program_grant(&program, endpoint, WK_TRANSFER_DUP, ALL_RIGHTS);

    (void)state;
    begin_call(client, session, 1);
    assert_ok(receive_as(faulter, there));
    fault_at(BREAKPOINT, CODE);
    assert_ends(WK_END_REASON_BREAKPOINT, CODE);
    assert_answered(client, WK_ABANDONED, 0);
}

static void a_server_that_faults_while_its_handler_waits_for_it_ends(void **state)
{
    const wk_handle served = make_endpoint(BOOT_BANK);
    const wk_handle asked = make_session(served, 1);
    const wk_handle there = program_grant(&program, served, WK_TRANSFER_DUP, ALL_RIGHTS);

    (void)state;
    begin_receive(server, endpoint);
    begin_receive(faulter, there);
    begin_call(client, session, 1);
    begin_call(server, asked, 2);
    fault_at(BREAKPOINT, CODE);
    assert_ends(WK_END_REASON_BREAKPOINT, CODE);
    assert_answered(server, WK_ABANDONED, 0);
}

static void a_chain_as_long_as_may_be_is_not_made_longer(void **state)
{
    (void)state;
    faulter->depth = WK_CALL_DEPTH_MAX;
    fault_at(BREAKPOINT, CODE);
    assert_ends(WK_END_REASON_BREAKPOINT, CODE);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        fault_test(a_fault_is_told_and_answered_and_the_thread_goes_on_with_all_its_registers),
        fault_test(who_waits_to_receive_is_told_at_once),
        fault_test(an_answer_may_say_where_it_goes_on),
        fault_test(another_answer_than_ok_ends_the_process_by_its_fault),
        fault_test(an_answer_can_be_saved),
        fault_test(an_answer_carries_no_capabilities),
        fault_test(a_handler_of_its_own_goes_first_and_a_fault_in_it_is_told),
        fault_test(foreign_calls_are_told_and_answered_in_registers),
        fault_test(a_page_fault_is_tried_again_when_the_page_is_there),
        fault_test(registers_can_be_read_and_written_meanwhile),
        fault_test(registers_of_a_thread_that_called_by_itself_cannot_be_written),
        fault_test(floating_point_stays),
        fault_test(an_interrupt_waits_until_it_goes_on),
        fault_test(a_quick_answer_leaves_registers_alone_too),
        fault_test(a_suspended_thread_goes_on_when_it_is_resumed),
        fault_test(a_suspended_process_ends_without_being_resumed),
        fault_test(the_most_urgent_fault_comes_first),
        fault_test(who_serves_a_fault_can_name_its_thread),
        fault_test(a_server_that_cannot_pay_for_its_table_cannot_name_it),
        fault_test(a_thread_that_called_by_itself_is_no_faulting_one),
        fault_test(the_handle_names_a_session_with_the_right_or_is_refused),
        fault_test(the_process_itself_cannot_call_by_it),
        fault_test(the_handler_goes_as_its_capability_goes),
        fault_test(a_server_that_faults_by_its_own_endpoint_ends),
        fault_test(a_server_that_faults_while_its_handler_waits_for_it_ends),
        fault_test(a_chain_as_long_as_may_be_is_not_made_longer),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
