/* SPDX-License-Identifier: MIT */
/* Faults: their delivery by the fault frame, and the ends of processes that cannot take theirs. */
#include "upcall_program.h"

static void a_fault_is_delivered_with_all_registers(void **state)
{
    (void)state;
    make_upcall_program();
    set_registers(0x10104, 0x5000);
    fault(WK_UPCALL_CAUSE_ILLEGAL_INSTRUCTION, 0x10104);
    assert_int_equal(user_register(PC), ENTRY);
    assert_int_equal(user_register(T0), FAULT_FRAME);
    for (unsigned number = 1; number < 32; number++)
        if (number != T0)
            assert_int_equal(user_register(number), 0x5000 + number);
    assert_int_equal(FAULT(busy), 1);
    assert_int_equal(FAULT(full), 1);
    assert_int_equal(FAULT(cause), WK_UPCALL_CAUSE_ILLEGAL_INSTRUCTION);
    assert_int_equal(FAULT(detail), 0x10104);
    assert_int_equal(FAULT(pc), 0x10104);
    for (unsigned number = 1; number < 32; number++)
        assert_int_equal(user_word(FIELD(FAULT_FRAME, x[number])), 0x5000 + number);
    assert_int_equal(FAULT(fp_valid), 0);
    assert_int_equal(CALL(busy), 0);
}

static void a_return_loads_all_registers(void **state)
{
    (void)state;
    make_upcall_program();
    set_registers(0x10104, 0x5000);
    fault(WK_UPCALL_CAUSE_BREAKPOINT, 0x10104);
    set_registers(0x20010, 0x7000);
    user_set_word(FIELD(FAULT_FRAME, pc), 0x10106);
    user_set_word(FIELD(FAULT_FRAME, x[A0]), 0xabcd);
    return_from(FAULT_FRAME);
    assert_int_equal(user_register(PC), 0x10106);
    assert_int_equal(user_register(A0), 0xabcd);
    user_set_register(A0, 0x5000 + A0);
    assert_registers(0x10106, 0x5000);
    assert_int_equal(FAULT(busy), 0);
}

static void floating_point_goes_with_it(void **state)
{
    (void)state;
    make_upcall_program();
    make_current(actor());
    host_hart->arch.f[7] = 4711;
    host_hart->arch.fcsr = 3;
    host_fp_written(host_hart);
    fault(WK_UPCALL_CAUSE_BREAKPOINT, 0x10104);
    assert_int_equal(FAULT(fp_valid), 1);
    assert_int_equal(user_word(FIELD(FAULT_FRAME, f[7])), 4711);
    assert_int_equal(FAULT(fcsr), 3);
    user_set_word(FIELD(FAULT_FRAME, f[7]), 4712);
    return_from(FAULT_FRAME);
    make_current(actor());
    assert_int_equal(host_hart->arch.f[7], 4712);
    assert_int_equal(host_hart->arch.fcsr, 3);
}

static void page_faults_that_nothing_answers_are_delivered(void **state)
{
    uint64_t word;

    (void)state;
    make_upcall_program();
    assert_false(user_load(0x700008, &word, sizeof(word)));
    assert_int_equal(FAULT(cause), WK_UPCALL_CAUSE_LOAD_FAULT);
    assert_int_equal(FAULT(detail), 0x700008);
    return_from(FAULT_FRAME);
    assert_false(user_store(0x700010, &word, sizeof(word)));
    assert_int_equal(FAULT(cause), WK_UPCALL_CAUSE_STORE_FAULT);
    return_from(FAULT_FRAME);
    assert_false(user_fetch(FRAMES));
    assert_int_equal(FAULT(cause), WK_UPCALL_CAUSE_FETCH_FAULT);
    assert_int_equal(FAULT(detail), FRAMES);
}

static void a_fault_in_the_fault_handler_ends_the_process(void **state)
{
    (void)state;
    make_upcall_program();
    fault(WK_UPCALL_CAUSE_BREAKPOINT, 0x10104);
    fault(WK_UPCALL_CAUSE_LOAD_FAULT, 0x1234);
    assert_ended(WK_END_REASON_FAULT_IN_HANDLER, 0x1234);
}

static void a_call_handler_may_fault(void **state)
{
    (void)state;
    make_upcall_program();
    user_set_register(PC, 0x10100);
    user_foreign_call(5);
    assert_int_equal(user_register(T0), CALL_FRAME);
    fault(WK_UPCALL_CAUSE_MISALIGNED, 0x999);
    assert_int_equal(user_register(T0), FAULT_FRAME);
    return_from(FAULT_FRAME);
    assert_int_equal(user_register(PC), ENTRY);
    assert_int_equal(user_register(T0), CALL_FRAME);
}

/* Every cause, to a process without handler. */
static void faults_without_handler_end_the_process_and_its_end_says_why(void **state)
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
        make_bare_program();
        fault(pairs[i].cause, 0x4000 + i);
        assert_ended(pairs[i].reason, 0x4000 + i);
    }
}

static void a_handler_without_frames_is_none(void **state)
{
    (void)state;
    make_bare_program();
    act_as(boot);
    assert_ok(wk_process_set_upcall(program.process, ENTRY, RETURN));
    act_as(program.thread_record);
    fault(WK_UPCALL_CAUSE_BREAKPOINT, 0x77);
    assert_ended(WK_END_REASON_BREAKPOINT, 0x77);
}

static void frames_without_handler_are_none(void **state)
{
    (void)state;
    make_upcall_program();
    act_as(boot);
    assert_ok(wk_process_set_upcall(program.process, 0, 0));
    act_as(program.thread_record);
    fault(WK_UPCALL_CAUSE_BREAKPOINT, 0x77);
    assert_ended(WK_END_REASON_BREAKPOINT, 0x77);
}

static void frames_that_were_taken_back_are_none(void **state)
{
    (void)state;
    make_upcall_program();
    act_as(boot);
    assert_ok(wk_capability_delete(frames));
    assert_null(program.thread_record->call_frame);
    act_as(program.thread_record);
    fault(WK_UPCALL_CAUSE_BREAKPOINT, 0x77);
    assert_ended(WK_END_REASON_BREAKPOINT, 0x77);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(a_fault_is_delivered_with_all_registers),
        machine_test(a_return_loads_all_registers),
        machine_test(floating_point_goes_with_it),
        machine_test(page_faults_that_nothing_answers_are_delivered),
        machine_test(a_fault_in_the_fault_handler_ends_the_process),
        machine_test(a_call_handler_may_fault),
        machine_test(faults_without_handler_end_the_process_and_its_end_says_why),
        machine_test(a_handler_without_frames_is_none),
        machine_test(frames_without_handler_are_none),
        machine_test(frames_that_were_taken_back_are_none),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
