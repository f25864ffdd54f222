/* SPDX-License-Identifier: MIT */
/* Threads: their beginning, their registers, priority and frames, and how they are stopped. */
#include "programs.h"

#define BASE UINT64_C(0x100000)
#define PAGE WK_PAGE_BYTES

static wk_handle event; /* that the program may wait for, by `event_there` */
static wk_handle event_there;

static int setup(void **state)
{
    program_setup(state);
    event = make_event(BOOT_BANK);
    event_there = program_grant(&program, event, WK_TRANSFER_LEND, ALL_RIGHTS);
    return 0;
}

static enum wk_thread_state state_of(wk_handle thread)
{
    enum wk_thread_state state;
    uint64_t priority, hart;

    assert_ok(wk_thread_info(thread, &state, &priority, &hart));
    return state;
}

static wk_handle make_thread(unsigned priority)
{
    wk_handle thread;

    assert_ok(wk_thread_create(program.process, priority, &thread));
    return thread;
}

/* The program's thread waits for its event. */
static void program_waits(void)
{
    uint64_t bits;

    act_as(program.thread_record);
    assert_status(wk_event_wait(event_there, 1, UINT64_MAX, &bits), NOT_ANSWERED);
    act_as(boot);
}

/* ---- beginning ---- */

static void a_thread_begins_with_what_start_says(void **state)
{
    const wk_handle thread = make_thread(9);

    (void)state;
    assert_int_equal(state_of(thread), WK_THREAD_STATE_CREATED);
    assert_ok(wk_thread_start(thread, 0x10200, 0x7000, 0x8008, 11, 12));
    assert_int_equal(state_of(thread), WK_THREAD_STATE_READY);
    act_as(thread_of(thread));
    for (unsigned number = 0; number < 32; number++)
        assert_int_equal(user_register(number), number == 0    ? 0x10200
                                                : number == 2  ? 0x7000
                                                : number == 4  ? 0x8008
                                                : number == 10 ? 11
                                                : number == 11 ? 12
                                                               : 0);
}

static void a_thread_starts_once(void **state)
{
    (void)state;
    assert_status(wk_thread_start(program.thread, 0x10100, 0, 0, 0, 0), WK_ALREADY_STARTED);
}

static void no_thread_is_more_urgent_than_its_budget(void **state)
{
    wk_handle budget, creator, thread;

    (void)state;
    spawn(10, &creator);
    assert_ok(wk_budget_split(BOOT_BUDGET, BOOT_BANK, 0, 0, 9, 0, &budget));
    assert_error_at(wk_thread_set_budget(program.thread, budget), WK_BAD_ARGUMENT, 1);
    assert_ok(wk_thread_set_priority(creator, 9));
    assert_ok(wk_thread_set_budget(creator, budget));
    assert_error_at(wk_thread_set_priority(creator, 10), WK_BAD_ARGUMENT, 1);
    act_as(thread_of(creator));
    assert_error_at(wk_thread_create(BOOT_PROCESS, 10, &thread), WK_BAD_ARGUMENT, 1);
    assert_ok(wk_thread_create(BOOT_PROCESS, 9, &thread));
    act_as(boot);
    assert_ok(wk_thread_set_priority(program.thread, 4));
    assert_int_equal(program.thread_record->priority, 4);
}

static void a_thread_is_paid_by_its_processs_bank(void **state)
{
    const wk_handle bank = make_bank(BOOT_BANK, 4);
    wk_handle process, thread;
    enum wk_status status;

    (void)state;
    assert_ok(wk_process_create(bank, 0, 0, &process));
    do
        status = wk_thread_create(process, 10, &thread);
    while (status == WK_OK);
    assert_int_equal(status, WK_NO_MEMORY);
    assert_int_equal(bank_left(bank), 0);
}

static void a_thread_does_not_start_in_a_process_that_ended_or_is_being_cloned_into(void **state)
{
    const wk_handle late = make_thread(10);
    wk_handle child, thread, there;

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        program_grant(&program, event, WK_TRANSFER_DUP, ALL_RIGHTS);
    assert_ok(wk_process_create(BOOT_BANK, 0, 0, &child));
    assert_ok(wk_thread_create(child, 10, &thread));
    there = program_grant(&program, child, WK_TRANSFER_DUP, ALL_RIGHTS);
    invoke_partly(program.thread_record, WK_PROCESS_CLONE_TABLE, there, (uint64_t[6]){0}, 2, boot);
    act_as(boot);
    assert_non_null(program.thread_record->operation.step);
    assert_status(wk_thread_start(thread, 0x10100, 0, 0, 0, 0), WK_BUSY);
    assert_ok(wk_process_kill(program.process, 0));
    assert_status(wk_thread_start(late, 0x10100, 0, 0, 0, 0), WK_REVOKED);
}

/* ---- the end ---- */

static void a_thread_that_is_stopped_ends(void **state)
{
    (void)state;
    assert_ok(wk_thread_stop(program.thread));
    assert_int_equal(state_of(program.thread), WK_THREAD_STATE_ENDED);
    assert_false(thread_is_runnable(program.thread_record));
    assert_status(wk_thread_stop(program.thread), WK_NOT_STARTED);
    assert_status(wk_thread_interrupt(program.thread), WK_NOT_STARTED);
    assert_status(wk_thread_set_priority(program.thread, 1), WK_NOT_STARTED);
    assert_status(wk_thread_start(program.thread, 0x10100, 0, 0, 0, 0), WK_ALREADY_STARTED);
}

static void one_that_never_started_can_be_stopped(void **state)
{
    const wk_handle thread = make_thread(10);

    (void)state;
    assert_status(wk_thread_interrupt(thread), WK_NOT_STARTED);
    assert_ok(wk_thread_stop(thread));
    assert_status(wk_thread_start(thread, 0x10100, 0, 0, 0, 0), WK_REVOKED);
}

static void one_that_stops_itself_gets_no_answer(void **state)
{
    const wk_handle self = program_grant(&program, program.thread, WK_TRANSFER_LEND, ALL_RIGHTS);

    (void)state;
    act_as(program.thread_record);
    assert_status(wk_thread_stop(self), NOT_ANSWERED);
    act_as(boot);
    assert_int_equal(state_of(program.thread), WK_THREAD_STATE_ENDED);
    assert_int_equal(program.process_record->state, WK_PROCESS_STATE_RUNNING);
}

static void a_thread_that_waits_is_stopped_in_its_wait(void **state)
{
    (void)state;
    program_waits();
    assert_int_equal(state_of(program.thread), WK_THREAD_STATE_WAITING);
    assert_ok(wk_thread_stop(program.thread));
    assert_int_equal(event_of(event)->waiter_count, 0);
}

static void a_thread_that_runs_elsewhere_is_stopped_before_stop_answers(void **state)
{
    (void)state;
    machine_start(&(struct host_machine){.harts = 2, .asid_bits = 8});
    boot = actor();
    program = program_make(100, 10);
    make_current(program.thread_record);
    assert_ok(wk_thread_stop(program.thread));
    assert_false(thread_is_current(program.thread_record));
}

static void a_thread_goes_with_its_last_capability(void **state)
{
    const uint64_t identity = identity_of(program.thread);

    (void)state;
    assert_ok(wk_capability_delete(program.thread));
    assert_false(object_exists(identity));
    assert_int_equal(program.process_record->thread_count, 0);
}

/* ---- registers ---- */

static void the_registers_of_a_stopped_thread_are_read_and_written(void **state)
{
    uint64_t value[6];

    (void)state;
    act_as(program.thread_record);
    for (unsigned number = 0; number < 32; number++)
        user_set_register(number, 0x500 + number);
    act_as(boot);
    assert_ok(wk_process_suspend(program.process));
    for (unsigned first = 0; first <= 26; first++) {
        assert_ok(wk_thread_read_registers(program.thread, first, &value[0], &value[1], &value[2], &value[3], &value[4],
                                           &value[5]));
        for (unsigned i = 0; i < 6; i++)
            assert_int_equal(value[i], 0x500 + first + i);
    }
    assert_ok(wk_thread_write_register(program.thread, 0, 0x10300));
    assert_ok(wk_thread_write_register(program.thread, 31, 0xabc));
    assert_ok(wk_process_resume(program.process));
    act_as(program.thread_record);
    assert_int_equal(user_register(0), 0x10300);
    assert_int_equal(user_register(31), 0xabc);
    assert_int_equal(user_register(30), 0x500 + 30);
}

static void the_last_register_is_the_latched_interrupt(void **state)
{
    const wk_handle frames = make_memory(BOOT_BANK, 1, 0);
    uint64_t value[6];

    (void)state;
    assert_ok(wk_thread_set_frames(program.thread, frames, 0, BASE));
    assert_ok(wk_process_set_upcall(program.process, 0x10000, 0x10010));
    assert_ok(wk_process_suspend(program.process));
    for (unsigned owed = 0; owed < 2; owed++) {
        assert_ok(wk_thread_read_registers(program.thread, 27, &value[0], &value[1], &value[2], &value[3], &value[4],
                                           &value[5]));
        assert_int_equal(value[5], owed);
        assert_ok(wk_thread_interrupt(program.thread));
    }
}

static void a_thread_that_runs_keeps_its_registers_to_itself(void **state)
{
    uint64_t value[6];

    (void)state;
    assert_status(
        wk_thread_read_registers(program.thread, 0, &value[0], &value[1], &value[2], &value[3], &value[4], &value[5]),
        WK_BUSY);
    assert_status(wk_thread_write_register(program.thread, 1, 1), WK_BUSY);
}

static void a_thread_that_waits_shows_its_registers_but_they_are_the_answers(void **state)
{
    uint64_t value[6];

    (void)state;
    program_waits();
    assert_ok(
        wk_thread_read_registers(program.thread, 0, &value[0], &value[1], &value[2], &value[3], &value[4], &value[5]));
    assert_status(wk_thread_write_register(program.thread, 10, 1), WK_BUSY);
}

/* ---- priority and turns ---- */

static void a_new_priority_counts_at_once(void **state)
{
    const wk_handle other = make_thread(5);

    (void)state;
    assert_ok(wk_thread_start(other, 0x10100, 0, 0, 0, 0));
    assert_ok(wk_thread_set_priority(program.thread, 3));
    assert_int_equal(program.thread_record->priority, 3);
    assert_ptr_equal(container_of(program.thread_record->hart->ready.list[3].next, struct thread, ready_link),
                     program.thread_record);
}

static void only_a_thread_itself_can_yield(void **state)
{
    const wk_handle self = program_grant(&program, program.thread, WK_TRANSFER_LEND, ALL_RIGHTS);

    (void)state;
    assert_error_at(wk_thread_yield(program.thread), WK_BAD_ARGUMENT, 0);
    act_as(program.thread_record);
    assert_ok(wk_thread_yield(self));
}

static void info_tells_state_priority_and_hart(void **state)
{
    enum wk_thread_state thread_state;
    uint64_t priority, hart;

    (void)state;
    assert_ok(wk_thread_info(program.thread, &thread_state, &priority, &hart));
    assert_int_equal(thread_state, WK_THREAD_STATE_READY);
    assert_int_equal(priority, 10);
    assert_int_equal(hart, 0);
    assert_ok(wk_process_suspend(program.process));
    assert_int_equal(state_of(program.thread), WK_THREAD_STATE_SUSPENDED);
}

/* ---- frames ---- */

static void frames_are_pinned_until_others_take_their_place(void **state)
{
    const wk_handle one = make_memory(BOOT_BANK, 2, 0);
    const wk_handle two = make_memory(BOOT_BANK, 1, ON_DEMAND);

    (void)state;
    assert_ok(wk_thread_set_frames(program.thread, one, 1, BASE));
    assert_int_equal(memory_of(one)->pin_count, 1);
    assert_ok(wk_thread_set_frames(program.thread, two, 0, BASE));
    assert_int_equal(memory_of(one)->pin_count, 0);
    assert_int_equal(memory_of(two)->pin_count, 1);
    assert_int_equal(memory_of(two)->present_pages, 1);
    assert_ok(wk_thread_stop(program.thread));
    assert_ok(wk_capability_delete(program.thread));
    assert_int_equal(memory_of(two)->pin_count, 0);
}

static void frames_lie_in_a_page_that_there_is(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 2, 0);

    (void)state;
    assert_error_at(wk_thread_set_frames(program.thread, memory, 2, BASE), WK_BAD_ARGUMENT, 2);
}

static void frames_lie_in_memory_that_can_be_pinned(void **state)
{
    const wk_handle shared = make_memory(BOOT_BANK, 1, 0);
    wk_handle device, clone;

    (void)state;
    assert_ok(wk_machine_claim_region(BOOT_MACHINE, BOOT_BANK, HOST_DEVICE_PHYSICAL, 1, &device));
    assert_status(wk_thread_set_frames(program.thread, device, 0, BASE), WK_NOT_AVAILABLE);
    assert_ok(wk_memory_clone(shared, BOOT_BANK, &clone));
    assert_status(wk_thread_set_frames(program.thread, shared, 0, BASE), WK_BUSY);
}

static void a_memory_holds_frames_of_sixteen_threads(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 17, 0);

    (void)state;
    for (unsigned i = 0; i < MEMORY_PINS_MAX; i++)
        assert_ok(wk_thread_set_frames(make_thread(10), memory, i, BASE));
    assert_status(wk_thread_set_frames(program.thread, memory, 16, BASE), WK_BUSY);
}

static void a_thread_whose_process_ended_takes_no_frames(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 1, 0);

    (void)state;
    assert_ok(wk_process_kill(program.process, 0));
    assert_status(wk_thread_set_frames(program.thread, memory, 0, BASE), WK_REVOKED);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_thread_begins_with_what_start_says, setup),
        cmocka_unit_test_setup(a_thread_starts_once, setup),
        cmocka_unit_test_setup(no_thread_is_more_urgent_than_its_budget, setup),
        cmocka_unit_test_setup(a_thread_is_paid_by_its_processs_bank, setup),
        cmocka_unit_test_setup(a_thread_does_not_start_in_a_process_that_ended_or_is_being_cloned_into, setup),
        cmocka_unit_test_setup(a_thread_that_is_stopped_ends, setup),
        cmocka_unit_test_setup(one_that_never_started_can_be_stopped, setup),
        cmocka_unit_test_setup(one_that_stops_itself_gets_no_answer, setup),
        cmocka_unit_test_setup(a_thread_that_waits_is_stopped_in_its_wait, setup),
        cmocka_unit_test(a_thread_that_runs_elsewhere_is_stopped_before_stop_answers),
        cmocka_unit_test_setup(a_thread_goes_with_its_last_capability, setup),
        cmocka_unit_test_setup(the_registers_of_a_stopped_thread_are_read_and_written, setup),
        cmocka_unit_test_setup(the_last_register_is_the_latched_interrupt, setup),
        cmocka_unit_test_setup(a_thread_that_runs_keeps_its_registers_to_itself, setup),
        cmocka_unit_test_setup(a_thread_that_waits_shows_its_registers_but_they_are_the_answers, setup),
        cmocka_unit_test_setup(a_new_priority_counts_at_once, setup),
        cmocka_unit_test_setup(only_a_thread_itself_can_yield, setup),
        cmocka_unit_test_setup(info_tells_state_priority_and_hart, setup),
        cmocka_unit_test_setup(frames_are_pinned_until_others_take_their_place, setup),
        cmocka_unit_test_setup(frames_lie_in_a_page_that_there_is, setup),
        cmocka_unit_test_setup(frames_lie_in_memory_that_can_be_pinned, setup),
        cmocka_unit_test_setup(a_memory_holds_frames_of_sixteen_threads, setup),
        cmocka_unit_test_setup(a_thread_whose_process_ended_takes_no_frames, setup),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
