/* SPDX-License-Identifier: MIT */
/* Upcalls: delivery by both frames, returns, interrupts, and the ends of processes that cannot take theirs. */
#include "harness.h"

#include "lock.h"
#include "upcall.h"

#include <string.h>

#define NEVER UINT64_MAX
#define FRAMES UINT64_C(0x300000)
#define CALL_FRAME FRAMES
#define FAULT_FRAME (FRAMES + WK_FRAME_BYTES)
#define ENTRY UINT64_C(0x20000)
#define RETURN UINT64_C(0x20040)
#define FIELD(frame, field) ((frame) + offsetof(struct wk_frame, field))

enum { PC = 0, T0 = 5, A0 = 10, A7 = 17 };

static struct program program;
static wk_handle frames; /* as the first process names it */
static struct thread *first;

/* A program of its own with handler and frames; acts as its thread. */
static void make_program(void)
{
    first = actor();
    program = program_make(100, 100);
    frames = make_memory(program.bank, 1, 0);
    assert_ok(wk_memory_map(frames, program.process, FRAMES, 0, 1, READ | WRITE));
    assert_ok(wk_thread_set_frames(program.thread, frames, 0, FRAMES));
    assert_ok(wk_process_set_upcall(program.process, ENTRY, RETURN));
    act_as(program.thread_record);
}

static uint64_t call_word(size_t offset)
{
    return user_word(CALL_FRAME + offset);
}

static uint64_t fault_word(size_t offset)
{
    return user_word(FAULT_FRAME + offset);
}

#define CALL(field) call_word(offsetof(struct wk_frame, field))
#define FAULT(field) fault_word(offsetof(struct wk_frame, field))

/* Registers that nobody could mistake for another's. */
static void set_registers(uint64_t pc, uint64_t salt)
{
    user_set_register(PC, pc);
    for (unsigned number = 1; number < 32; number++)
        user_set_register(number, salt + number);
}

static void assert_registers(uint64_t pc, uint64_t salt)
{
    assert_int_equal(user_register(PC), pc);
    for (unsigned number = 1; number < 32; number++)
        assert_int_equal(user_register(number), salt + number);
}

static void fault(enum wk_upcall_cause cause, uint64_t detail)
{
    make_current(actor());
    host_fault(actor()->hart, cause, detail);
    if (!check_operation_under_way()) /* the reaper may have work now */
        check_kernel();
}

/* The handler returns on that frame. */
static void return_from(uint64_t frame)
{
    make_current(actor());
    user_set_register(PC, RETURN);
    user_set_register(T0, frame);
    user_foreign_call(0);
}

static enum wk_end_reason end_reason(uint64_t *detail)
{
    enum wk_process_state process_state;
    enum wk_end_reason reason;
    uint64_t counter, threads, capabilities;

    act_as(first);
    assert_ok(wk_capability_check(BOOT_BANK)); /* lets the reaper finish */
    assert_ok(wk_process_info(program.process, &process_state, &reason, detail, &counter, &threads, &capabilities));
    assert_int_equal(process_state, WK_PROCESS_STATE_ENDED);
    return reason;
}

static void assert_ended(enum wk_end_reason reason, uint64_t detail)
{
    uint64_t told;

    assert_int_equal(end_reason(&told), reason);
    assert_int_equal(told, detail);
}

/* ---- faults ---- */

static void a_fault_is_delivered_with_all_registers(void **state)
{
    (void)state;
    make_program();
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
    make_program();
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
    make_program();
    make_current(actor());
    host_hart->arch.f[7] = 4711;
    host_hart->arch.fcsr = 3;
    host_hart->arch.fp_dirty = true;
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
    make_program();
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
    make_program();
    fault(WK_UPCALL_CAUSE_BREAKPOINT, 0x10104);
    fault(WK_UPCALL_CAUSE_LOAD_FAULT, 0x1234);
    assert_ended(WK_END_REASON_FAULT_IN_HANDLER, 0x1234);
}

static void a_call_handler_may_fault(void **state)
{
    (void)state;
    make_program();
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
    first = actor();
    for (unsigned i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        program = program_make(100, 100);
        act_as(program.thread_record);
        fault(pairs[i].cause, 0x4000 + i);
        assert_ended(pairs[i].reason, 0x4000 + i);
    }
}

static void a_handler_without_frames_is_none(void **state)
{
    (void)state;
    first = actor();
    program = program_make(100, 100);
    assert_ok(wk_process_set_upcall(program.process, ENTRY, RETURN));
    act_as(program.thread_record);
    fault(WK_UPCALL_CAUSE_BREAKPOINT, 0x77);
    assert_ended(WK_END_REASON_BREAKPOINT, 0x77);
}

static void frames_without_handler_are_none(void **state)
{
    (void)state;
    make_program();
    act_as(first);
    assert_ok(wk_process_set_upcall(program.process, 0, 0));
    act_as(program.thread_record);
    fault(WK_UPCALL_CAUSE_BREAKPOINT, 0x77);
    assert_ended(WK_END_REASON_BREAKPOINT, 0x77);
}

static void frames_that_were_taken_back_are_none(void **state)
{
    (void)state;
    make_program();
    act_as(first);
    assert_ok(wk_capability_delete(frames));
    assert_null(program.thread_record->call_frame);
    act_as(program.thread_record);
    fault(WK_UPCALL_CAUSE_BREAKPOINT, 0x77);
    assert_ended(WK_END_REASON_BREAKPOINT, 0x77);
}

/* ---- foreign calls ---- */

static void a_foreign_call_keeps_all_registers_but_two(void **state)
{
    (void)state;
    make_program();
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
    first = actor();
    program = program_make(100, 100);
    act_as(program.thread_record);
    user_foreign_call(4095);
    assert_ended(WK_END_REASON_FOREIGN_CALL, 4095);
}

static void a_foreign_call_in_the_call_handler_ends_the_process(void **state)
{
    (void)state;
    make_program();
    user_foreign_call(1);
    user_set_register(PC, ENTRY + 4);
    user_foreign_call(2);
    assert_ended(WK_END_REASON_FOREIGN_CALL, 2);
}

static void a_return_that_names_no_frame_is_a_foreign_call(void **state)
{
    (void)state;
    make_program();
    return_from(CALL_FRAME + 8);
    assert_int_equal(user_register(PC), ENTRY);
    assert_int_equal(CALL(pc), RETURN + 4);
    assert_int_equal(CALL(t0), CALL_FRAME + 8);
}

static void a_return_without_frames_ends_the_process(void **state)
{
    (void)state;
    first = actor();
    program = program_make(100, 100);
    assert_ok(wk_process_set_upcall(program.process, ENTRY, RETURN));
    act_as(program.thread_record);
    return_from(0);
    assert_ended(WK_END_REASON_FOREIGN_CALL, 0);
}

static void a_return_from_a_frame_that_is_not_busy_loads_it(void **state)
{
    (void)state;
    make_program();
    user_set_word(FIELD(CALL_FRAME, full), 1);
    user_set_word(FIELD(CALL_FRAME, pc), 0x11110);
    user_set_word(FIELD(CALL_FRAME, x[A0]), 42);
    user_set_word(FIELD(CALL_FRAME, fp_valid), 2); /* neither 0 nor 1: no */
    return_from(CALL_FRAME);
    assert_int_equal(user_register(PC), 0x11110);
    assert_int_equal(user_register(A0), 42);
}

/* ---- interrupts ---- */

static void interrupt(void)
{
    struct thread *before = actor();

    act_as(first);
    assert_ok(wk_thread_interrupt(program.thread));
    act_as(before);
}

static void an_interrupt_is_delivered_before_anything_more_is_executed(void **state)
{
    (void)state;
    make_program();
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
    make_program();
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
    make_program();
    user_set_word(FIELD(CALL_FRAME, interrupt_masked), 1);
    user_set_register(PC, 0x10100);
    interrupt();
    make_current(actor());
    assert_int_equal(user_register(PC), 0x10100);
    assert_int_equal(CALL(interrupt_pending), 1);
    user_set_word(FIELD(CALL_FRAME, interrupt_masked), 0);
    user_foreign_call(9); /* whatever takes it into the kernel; the call comes first */
    assert_int_equal(CALL(cause), WK_UPCALL_CAUSE_FOREIGN_CALL);
    return_from(CALL_FRAME);
    assert_int_equal(CALL(cause), WK_UPCALL_CAUSE_INTERRUPT);
}

static void an_interrupt_without_handler_only_ends_the_wait(void **state)
{
    wk_handle event;
    uint64_t bits;

    (void)state;
    first = actor();
    program = program_make(100, 100);
    event = program_grant(&program, make_event(BOOT_BANK), WK_TRANSFER_GIVE, ALL_RIGHTS);
    act_as(program.thread_record);
    assert_status(wk_event_wait(event, 1, NEVER, &bits), NOT_ANSWERED);
    interrupt();
    make_current(actor());
    assert_int_equal(late_answer(actor()), WK_INTERRUPTED);
    assert_false(actor()->interrupt_owed);
    assert_status(wk_event_wait(event, 1, NEVER, &bits), NOT_ANSWERED);
}

static void an_interrupted_wait_is_answered_and_then_the_handler_called(void **state)
{
    wk_handle event;
    uint64_t bits;

    (void)state;
    make_program();
    act_as(first);
    event = program_grant(&program, make_event(BOOT_BANK), WK_TRANSFER_GIVE, ALL_RIGHTS);
    act_as(program.thread_record);
    assert_status(wk_event_wait(event, 1, NEVER, &bits), NOT_ANSWERED);
    interrupt();
    make_current(actor());
    assert_int_equal(user_register(PC), ENTRY);
    assert_int_equal(user_word(FIELD(CALL_FRAME, x[A0])), WK_INTERRUPTED);
}

static void an_interrupt_during_a_handler_ends_only_one_wait_of_it(void **state)
{
    wk_handle event;
    uint64_t bits;

    (void)state;
    make_program();
    act_as(first);
    event = program_grant(&program, make_event(BOOT_BANK), WK_TRANSFER_GIVE, ALL_RIGHTS);
    act_as(program.thread_record);
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
    make_program();
    assert_int_equal(program.thread_record->hart->index, 1);
    make_current(program.thread_record);
    interrupt();
    assert_int_equal(user_register(PC), ENTRY);
    assert_int_equal(CALL(cause), WK_UPCALL_CAUSE_INTERRUPT);
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
        machine_test(a_foreign_call_keeps_all_registers_but_two),
        machine_test(a_foreign_call_without_handler_ends_the_process),
        machine_test(a_foreign_call_in_the_call_handler_ends_the_process),
        machine_test(a_return_that_names_no_frame_is_a_foreign_call),
        machine_test(a_return_without_frames_ends_the_process),
        machine_test(a_return_from_a_frame_that_is_not_busy_loads_it),
        machine_test(an_interrupt_is_delivered_before_anything_more_is_executed),
        machine_test(an_interrupt_waits_for_the_handlers_return),
        machine_test(a_masked_interrupt_waits_until_it_is_allowed),
        machine_test(an_interrupt_without_handler_only_ends_the_wait),
        machine_test(an_interrupted_wait_is_answered_and_then_the_handler_called),
        machine_test(an_interrupt_during_a_handler_ends_only_one_wait_of_it),
        cmocka_unit_test(a_thread_that_runs_on_another_hart_is_interrupted),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
