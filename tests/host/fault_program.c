/* SPDX-License-Identifier: MIT */
#include "fault_program.h"
#include "harness_parts.h"

wk_handle told_by;

int fault_setup(void **state)
{
    call_setup(state);
    program = program_make(100, 100);
    told_by = program_grant(&program, session, WK_TRANSFER_LEND, WK_SESSION_RIGHT_FAULT);
    assert_ok(wk_process_set_fault_handler(program.process, told_by));
    return 0;
}

void fault_at(enum wk_upcall_cause cause, uint64_t detail)
{
    act_as(faulter);
    set_registers(CODE, SALT);
    fault(cause, detail);
    act_as(boot);
}

void assert_told(struct thread *by, enum wk_upcall_cause cause, uint64_t detail, enum wk_end_reason reason)
{
    assert_received(by, WK_MESSAGE_KIND_FAULT, BADGE, 0, cause);
    assert_int_equal(answer_words[1], detail);
    assert_int_equal(answer_words[2], CODE);
    assert_int_equal(answer_words[3], faulter->object.identity);
    assert_int_equal(answer_words[4], reason);
    assert_int_equal(answer_words[5], 0);
}

void assert_goes_on(uint64_t pc)
{
    assert_int_equal(faulter->stop, 0);
    act_as(faulter);
    make_current(faulter);
    assert_registers(pc, SALT);
    act_as(boot);
}

void assert_ends(enum wk_end_reason reason, uint64_t detail)
{
    while (faulter->operation.step != NULL)
        harness_urge(faulter);
    assert_ended(reason, detail);
}
