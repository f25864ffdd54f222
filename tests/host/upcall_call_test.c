/* SPDX-License-Identifier: MIT */
/* Foreign calls: their delivery by the call frame, and the handler's return, which is one itself. */
#include "upcall_program.h"

static void a_foreign_call_keeps_all_registers_but_two(void **state)
{
    (void)state;
    make_upcall_program();
    set_registers(0x10100, 0x5000);
    user_foreign_call(64);
    assert_int_equal(user_register(PC), ENTRY);
    assert_int_equal(user_register(T0), CALL_FRAME);
    assert_int_equal(user_register(A7), 64);
    for (unsigned number = 1; number < 32; number++)
        if (number != T0 && number != A7)
            assert_int_equal(user_register(number), 0x5000 + number);
    assert_int_equal(CALL(pc), 0x10104);
    assert_int_equal(CALL(t0), 0x5000 + T0);
    assert_int_equal(CALL(full), 0);
    assert_int_equal(CALL(busy), 1);
    assert_int_equal(CALL(cause), WK_UPCALL_CAUSE_FOREIGN_CALL);
    set_registers(ENTRY, 0x9000);
    return_from(CALL_FRAME);
    assert_int_equal(user_register(PC), 0x10104);
    assert_int_equal(user_register(T0), 0x5000 + T0);
    assert_int_equal(user_register(A0), 0x9000 + A0);
    assert_int_equal(CALL(busy), 0);
}

static void a_foreign_call_without_handler_ends_the_process(void **state)
{
    (void)state;
    make_bare_program();
    user_foreign_call(4095);
    assert_ended(WK_END_REASON_FOREIGN_CALL, 4095);
}

static void a_foreign_call_in_the_call_handler_ends_the_process(void **state)
{
    (void)state;
    make_upcall_program();
    user_foreign_call(1);
    user_set_register(PC, ENTRY + 4);
    user_foreign_call(2);
    assert_ended(WK_END_REASON_FOREIGN_CALL, 2);
}

static void a_return_that_names_no_frame_is_a_foreign_call(void **state)
{
    (void)state;
    make_upcall_program();
    return_from(CALL_FRAME + 8);
    assert_int_equal(user_register(PC), ENTRY);
    assert_int_equal(CALL(pc), RETURN + 4);
    assert_int_equal(CALL(t0), CALL_FRAME + 8);
}

static void a_return_without_frames_ends_the_process(void **state)
{
    (void)state;
    make_bare_program();
    act_as(boot);
    assert_ok(wk_process_set_upcall(program.process, ENTRY, RETURN));
    act_as(program.thread_record);
    return_from(0);
    assert_ended(WK_END_REASON_FOREIGN_CALL, 0);
}

static void a_return_from_a_frame_that_is_not_busy_loads_it(void **state)
{
    (void)state;
    make_upcall_program();
    user_set_word(FIELD(CALL_FRAME, full), 1);
    user_set_word(FIELD(CALL_FRAME, pc), 0x11110);
    user_set_word(FIELD(CALL_FRAME, x[A0]), 42);
    user_set_word(FIELD(CALL_FRAME, fp_valid), 2); /* neither 0 nor 1: no */
    return_from(CALL_FRAME);
    assert_int_equal(user_register(PC), 0x11110);
    assert_int_equal(user_register(A0), 42);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(a_foreign_call_keeps_all_registers_but_two),
        machine_test(a_foreign_call_without_handler_ends_the_process),
        machine_test(a_foreign_call_in_the_call_handler_ends_the_process),
        machine_test(a_return_that_names_no_frame_is_a_foreign_call),
        machine_test(a_return_without_frames_ends_the_process),
        machine_test(a_return_from_a_frame_that_is_not_busy_loads_it),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
