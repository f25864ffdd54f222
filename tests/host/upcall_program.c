/* SPDX-License-Identifier: MIT */
#include "upcall_program.h"

wk_handle frames;

void make_bare_program(void)
{
    boot = actor();
    program = program_make(100, 100);
    act_as(program.thread_record);
}

void make_upcall_program(void)
{
    make_bare_program();
    act_as(boot);
    frames = make_memory(program.bank, 1, 0);
    assert_ok(wk_memory_map(frames, program.process, FRAMES, 0, 1, READ | WRITE));
    assert_ok(wk_thread_set_frames(program.thread, frames, 0, FRAMES));
    assert_ok(wk_process_set_upcall(program.process, ENTRY, RETURN));
    act_as(program.thread_record);
}

void set_registers(uint64_t pc, uint64_t salt)
{
    user_set_register(PC, pc);
    for (unsigned number = 1; number < 32; number++)
        user_set_register(number, salt + number);
}

void assert_registers(uint64_t pc, uint64_t salt)
{
    assert_int_equal(user_register(PC), pc);
    for (unsigned number = 1; number < 32; number++)
        assert_int_equal(user_register(number), salt + number);
}

void fault(enum wk_upcall_cause cause, uint64_t detail)
{
    make_current(actor());
    host_fault(actor()->hart, cause, detail);
    if (!check_operation_under_way()) /* the reaper may have work now */
        check_kernel();
}

void return_from(uint64_t frame)
{
    make_current(actor());
    user_set_register(PC, RETURN);
    user_set_register(T0, frame);
    user_foreign_call(0);
}
