/* SPDX-License-Identifier: MIT */
#include "two_programs.h"

struct thread *boot;
struct program program;
struct program one;
struct program other;

int program_setup(void **state)
{
    machine_setup(state);
    boot = actor();
    program = program_make(500, 10);
    return 0;
}

int two_programs_setup(void **state)
{
    machine_setup(state);
    boot = actor();
    one = program_make(2000, 10);
    other = program_make(2000, 10);
    return 0;
}

void map_there(wk_handle memory, uint64_t address, uint64_t offset, uint64_t pages, uint64_t protection)
{
    assert_ok(wk_memory_map(memory, program.process, address, offset, pages, protection));
}

void assert_ended(enum wk_end_reason reason, uint64_t detail)
{
    enum wk_process_state state;
    enum wk_end_reason found;
    uint64_t found_detail, counter, threads, capabilities;

    act_as(boot);
    settle();
    assert_ok(wk_process_info(program.process, &state, &found, &found_detail, &counter, &threads, &capabilities));
    assert_int_equal(state, WK_PROCESS_STATE_ENDED);
    assert_int_equal(found, reason);
    assert_int_equal(found_detail, detail);
    assert_int_equal(threads, 0);
    assert_int_equal(capabilities, 0);
}
