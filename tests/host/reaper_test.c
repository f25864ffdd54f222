/* SPDX-License-Identifier: MIT */
/* The reapers: what nobody else can finish, with the priority of those for whom they do it. */
#include "programs.h"

#include "lock.h"

static const struct thread *reaper(void)
{
    return harts[0]->reaper;
}

/* The program's thread invokes, and nothing more is run of what that leaves to the reaper. */
static void invoke_and_look(uint64_t operation, wk_handle handle, uint64_t word)
{
    invoke_partly(program.thread_record, operation, handle, (uint64_t[6]){word}, 0, boot);
    act_as(boot);
}

static void a_process_that_kills_itself_is_taken_apart_by_the_reaper(void **state)
{
    const wk_handle self = program_grant(&program, program.process, WK_TRANSFER_LEND, ALL_RIGHTS);

    (void)state;
    for (unsigned i = 0; i < 50; i++)
        program_grant(&program, BOOT_BANK, WK_TRANSFER_LEND, WK_BANK_RIGHT_INSPECT);
    invoke_and_look(WK_PROCESS_KILL, self, 3);
    assert_non_null(reaper()->operation.step);
    assert_int_equal(program.process_record->state, WK_PROCESS_STATE_ENDING);
    settle();
    assert_int_equal(program.process_record->state, WK_PROCESS_STATE_ENDED);
}

static void it_works_at_the_priority_of_whom_it_works_for(void **state)
{
    (void)state;
    kernel_lock_acquire();
    reaper_end_process(program.process_record, 10);
    assert_int_equal(reaper()->priority, 10);
    reaper_end_process(program.process_record, 99); /* it is in its queue already */
    assert_int_equal(reaper()->priority, 10);
    kernel_lock_release();
}

static void it_sleeps_when_nothing_is_left(void **state)
{
    const wk_handle self = program_grant(&program, program.process, WK_TRANSFER_LEND, ALL_RIGHTS);

    (void)state;
    invoke_and_look(WK_PROCESS_KILL, self, 3);
    settle();
    assert_null(reaper()->operation.step);
    assert_int_equal(reaper()->stop, THREAD_WAITING);
    assert_int_equal(reaper()->own_priority, 0);
}

static void who_destroys_its_own_bank_leaves_the_rest_to_the_reaper(void **state)
{
    const wk_handle bank = program_grant(&program, program.bank, WK_TRANSFER_LEND, ALL_RIGHTS);
    const uint64_t process = identity_of(program.process);
    const uint64_t identity = identity_of(program.bank);
    const uint64_t limit = bank_of(BOOT_BANK)->limit_pages;

    (void)state;
    act_as(program.thread_record);
    assert_status(wk_bank_destroy(bank), NOT_ANSWERED);
    act_as(boot);
    assert_false(object_exists(process) || object_exists(identity));
    assert_int_equal(bank_of(BOOT_BANK)->limit_pages, limit + 500);
}

static void a_fault_that_nobody_handles_leaves_the_process_to_the_reaper(void **state)
{
    (void)state;
    act_as(program.thread_record);
    make_current(program.thread_record);
    host_fault(program.thread_record->hart, WK_UPCALL_CAUSE_ILLEGAL_INSTRUCTION, 0x10100);
    settle();
    act_as(boot);
    assert_int_equal(program.process_record->state, WK_PROCESS_STATE_ENDED);
    assert_int_equal(program.process_record->reason, WK_END_REASON_ILLEGAL_INSTRUCTION);
    check_kernel();
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        program_test(a_process_that_kills_itself_is_taken_apart_by_the_reaper),
        program_test(it_works_at_the_priority_of_whom_it_works_for),
        program_test(it_sleeps_when_nothing_is_left),
        program_test(who_destroys_its_own_bank_leaves_the_rest_to_the_reaper),
        program_test(a_fault_that_nobody_handles_leaves_the_process_to_the_reaper),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
