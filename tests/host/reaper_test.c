/* SPDX-License-Identifier: MIT */
/* The reapers: what nobody else can finish, with the priority of those for whom they do it. */
#include "programs.h"

#include "lock.h"
#include "queue.h"

#include <stdio.h>
#include <string.h>

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

/* Steps of the reaper of hart 0, with the first process's thread coming between any two; false if it has nothing to do. */
static bool step_reaper(void)
{
    if (reaper()->operation.step == NULL)
        return false;
    step_partly(harts[0]->reaper, 1, boot);
    return true;
}

static void the_most_urgent_comes_first(void **state)
{
    const struct program urgent = program_make(500, 20);

    (void)state;
    for (unsigned i = 0; i < 50; i++)
        program_grant(&program, BOOT_BANK, WK_TRANSFER_LEND, ALL_RIGHTS);
    kernel_lock_acquire();
    process_begin_end(program.process_record, WK_END_REASON_KILLED, 0, 0);
    reaper_end_process(program.process_record, 10);
    kernel_lock_release();
    step_reaper();
    kernel_lock_acquire();
    process_begin_end(urgent.process_record, WK_END_REASON_KILLED, 0, 0);
    reaper_end_process(urgent.process_record, 20);
    assert_int_equal(reaper()->priority, 20);
    kernel_lock_release();
    while (urgent.process_record->state != WK_PROCESS_STATE_ENDED)
        assert_true(step_reaper());
    assert_int_not_equal(program.process_record->state, WK_PROCESS_STATE_ENDED);
    assert_int_equal(queue_highest(&harts[0]->reap), 10);
    settle();
    assert_int_equal(program.process_record->state, WK_PROCESS_STATE_ENDED);
    check_kernel();
}

static void who_takes_over_a_process_from_the_reaper_ends_it(void **state)
{
    const wk_handle self = program_grant(&program, program.process, WK_TRANSFER_LEND, ALL_RIGHTS);
    const uint64_t identity = identity_of(program.process);

    (void)state;
    invoke_and_look(WK_PROCESS_KILL, self, 3);
    assert_ok(wk_capability_delete(program.process));
    assert_false(object_exists(identity));
    assert_null(reaper()->operation.step);
}

/*
 * The one it kills ends by the destruction of its bank, and lingers only for the killer, which is killed meanwhile and
 * leaves the reaper what it has condemned: the event of which the killed one had the last capability.
 */
static void what_lingers_is_queued_once(void **state)
{
    (void)state;
    for (unsigned points = 0; points < 5; points++) {
        const struct program killer = program_make(100, 10);
        const struct program killed = program_make(100, 10);
        const uint64_t identity = identity_of(killed.process);
        const wk_handle other = program_grant(&killer, killed.process, WK_TRANSFER_DUP, ALL_RIGHTS);
        wk_handle event;

        assert_ok(wk_event_create(BOOT_BANK, &event));
        program_grant(&killed, event, WK_TRANSFER_GIVE, ALL_RIGHTS);
        begin_operation(killer.thread_record, WK_PROCESS_KILL, other, (uint64_t[6]){0}, points);
        assert_ok(wk_bank_destroy(killed.bank));
        assert_ok(wk_process_kill(killer.process, 0));
        settle();
        check_kernel();
        assert_false(object_exists(identity));
    }
}

/* ---- reports ---- */

static size_t reported;
static size_t longest; /* characters that came at once */

static void look_at_report(void)
{
    const size_t now = strlen(host_console);

    if (now - reported > longest)
        longest = now - reported;
    reported = now;
}

static void crash(const struct program *crashing, enum wk_upcall_cause cause, uint64_t detail)
{
    act_as(crashing->thread_record);
    make_current(crashing->thread_record);
    user_set_register(0, 0xfedcba9876543210);
    host_fault(crashing->thread_record->hart, cause, detail);
    act_as(boot);
}

static void an_end_that_nobody_listens_for_is_reported_a_character_a_step(void **state)
{
    char expected[100];

    (void)state;
    (void)snprintf(expected, sizeof(expected), "winkle: process %lu ended: load fault at 0x0, pc 0xfedcba9876543210\n",
                   (unsigned long)identity_of(program.process));
    host_console_clear();
    host_preemption_hook = look_at_report;
    crash(&program, WK_UPCALL_CAUSE_LOAD_FAULT, 0);
    settle();
    host_preemption_hook = NULL;
    assert_string_equal(host_console, expected);
    assert_in_range(longest, 1, 2); /* the number of the process comes at once */
}

static void an_end_that_somebody_listens_for_is_not(void **state)
{
    const wk_handle event = make_event(BOOT_BANK);

    (void)state;
    kernel_lock_acquire();
    event_bind(&program.process_record->end, event_of(event), 1);
    kernel_lock_release();
    host_console_clear();
    crash(&program, WK_UPCALL_CAUSE_LOAD_FAULT, 0);
    settle();
    assert_string_equal(host_console, "");
}

static void reports_do_not_mix(void **state)
{
    struct program crashing[6];
    char expected[100];

    (void)state;
    machine_start(&(struct host_machine){.harts = 3, .asid_bits = 8, .seed = 5});
    boot = actor();
    for (unsigned i = 0; i < 6; i++)
        crashing[i] = program_make(100, 10 + i % 2);
    host_console_clear();
    for (unsigned i = 0; i < 6; i++)
        crash(&crashing[i], WK_UPCALL_CAUSE_BREAKPOINT, 0x10000 + i);
    settle();
    for (unsigned i = 0; i < 6; i++) {
        (void)snprintf(expected, sizeof(expected),
                       "winkle: process %lu ended: breakpoint at 0x1000%u, pc 0xfedcba9876543210\n",
                       (unsigned long)crashing[i].process_record->object.identity, i);
        assert_non_null(strstr(host_console, expected));
    }
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
        program_test(the_most_urgent_comes_first),
        program_test(who_takes_over_a_process_from_the_reaper_ends_it),
        program_test(what_lingers_is_queued_once),
        program_test(an_end_that_nobody_listens_for_is_reported_a_character_a_step),
        program_test(an_end_that_somebody_listens_for_is_not),
        cmocka_unit_test(reports_do_not_mix),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
