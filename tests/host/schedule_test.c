/* SPDX-License-Identifier: MIT */
/* Which thread of a hart runs, and for how long. */
#include "harness.h"

#include "deadline.h"
#include "lock.h"
#include "schedule.h"

static wk_handle event;

static struct thread *running(void)
{
    return harts[0]->current;
}

/* Has the thread wait for bits of the event, in its own code. */
static void wait_for(struct thread *thread, uint64_t mask)
{
    begin_wait(thread, event, mask, NEVER);
}

/* As an interrupt would. */
static void signal_from_outside(uint64_t bits)
{
    kernel_lock_acquire();
    event_signal_bits(event_of(event), bits);
    kernel_lock_release();
    arch_hart_notify(harts[0]);
    host_run();
    check_kernel();
}

static void pass(uint64_t time_ns)
{
    host_time_pass_to(host_time_ns + time_ns);
    check_kernel();
}

/* Threads a, b and c of priority 100, of which the first two are ready, c waits for bit 2, and the first thread for bit
 * 0. */
static struct thread *first, *a, *b, *c;
static wk_handle a_handle, b_handle, c_handle;

static void make_threads(void)
{
    event = make_event(BOOT_BANK);
    first = actor();
    c = spawn(100, &c_handle);
    wait_for(c, 4);
    a = spawn(100, &a_handle);
    b = spawn(100, &b_handle);
    assert_ptr_equal(running(), first);
    wait_for(first, 1);
    assert_ptr_equal(running(), a);
}

static void the_most_urgent_ready_thread_runs(void **state)
{
    static const unsigned priorities[] = {0, 1, 63, 64, 65, 127, 5, 64};
    struct thread *threads[8];
    wk_handle handle;

    (void)state;
    event = make_event(BOOT_BANK);
    for (unsigned i = 0; i < 8; i++)
        threads[i] = spawn(priorities[i], &handle);
    wait_for(actor(), 1);
    assert_ptr_equal(running(), threads[5]);
    wait_for(threads[5], 1);
    assert_ptr_equal(running(), threads[4]);
    wait_for(threads[4], 1);
    assert_ptr_equal(running(), threads[3]);
    wait_for(threads[3], 1);
    assert_ptr_equal(running(), threads[7]);
    wait_for(threads[7], 1);
    assert_ptr_equal(running(), threads[2]);
    wait_for(threads[2], 1);
    assert_ptr_equal(running(), threads[6]);
    wait_for(threads[6], 1);
    assert_ptr_equal(running(), threads[1]);
    wait_for(threads[1], 1);
    assert_ptr_equal(running(), threads[0]);
}

static void a_more_urgent_thread_displaces_the_current_one(void **state)
{
    (void)state;
    make_threads();
    signal_from_outside(1);
    assert_ptr_equal(running(), first);
}

static void a_displaced_thread_keeps_its_turn(void **state)
{
    (void)state;
    make_threads();
    signal_from_outside(1);
    wait_for(first, 1);
    assert_ptr_equal(running(), a);
}

static void an_equal_or_less_urgent_thread_does_not_displace(void **state)
{
    (void)state;
    make_threads();
    signal_from_outside(4);
    assert_ptr_equal(running(), a);
}

static void equals_take_turns(void **state)
{
    (void)state;
    make_threads();
    pass(SLICE_NS - 1);
    assert_ptr_equal(running(), a);
    pass(1);
    assert_ptr_equal(running(), b);
    pass(SLICE_NS);
    assert_ptr_equal(running(), a);
    signal_from_outside(4);
    pass(SLICE_NS);
    assert_ptr_equal(running(), b);
    pass(SLICE_NS);
    assert_ptr_equal(running(), c);
    pass(SLICE_NS);
    assert_ptr_equal(running(), a);
}

static void who_runs_alone_is_not_disturbed(void **state)
{
    (void)state;
    make_threads();
    wait_for(b, 2);
    assert_ptr_equal(running(), a);
    pass(2 * SLICE_NS); /* the slice that b was the reason for */
    assert_int_equal(harts[0]->arch.timer_ns, NEVER);
    assert_ptr_equal(running(), a);
    assert_false(harts[0]->turn_over);
}

static void the_slice_runs_on_while_its_thread_is_displaced(void **state)
{
    (void)state;
    make_threads();
    pass(SLICE_NS / 2);
    signal_from_outside(1);
    pass(SLICE_NS);
    assert_ptr_equal(running(), first);
    wait_for(first, 1);
    assert_ptr_equal(running(), b);
}

static void who_follows_a_thread_that_stopped_by_itself_gets_a_full_slice(void **state)
{
    (void)state;
    make_threads();
    signal_from_outside(4);
    pass(SLICE_NS - 10);
    wait_for(a, 2);
    assert_ptr_equal(running(), b);
    pass(SLICE_NS);
    assert_ptr_equal(running(), b);
    pass(SLICE_NS);
    assert_ptr_equal(running(), c);
}

static void yield_lets_equals_run(void **state)
{
    (void)state;
    make_threads();
    act_as(a);
    assert_ok(wk_thread_yield(a_handle));
    assert_ptr_equal(running(), b);
    act_as(b);
    assert_ok(wk_thread_yield(b_handle));
    assert_ptr_equal(running(), a);
}

static void yield_without_equals_goes_on(void **state)
{
    (void)state;
    make_threads();
    signal_from_outside(1);
    assert_ok(wk_thread_yield(BOOT_THREAD));
    assert_ptr_equal(running(), first);
    assert_error_at(wk_thread_yield(a_handle), WK_BAD_ARGUMENT, 0);
}

static void a_thread_that_yielded_goes_last_although_it_was_displaced_meanwhile(void **state)
{
    (void)state;
    make_threads();
    kernel_lock_acquire();
    schedule_yield(a);
    event_signal_bits(event_of(event), 1);
    kernel_lock_release();
    arch_hart_notify(harts[0]);
    host_run();
    assert_ptr_equal(running(), first);
    wait_for(first, 1);
    assert_ptr_equal(running(), b);
}

static void a_ready_thread_made_more_urgent_displaces(void **state)
{
    (void)state;
    make_threads();
    act_as(a);
    assert_ok(wk_thread_set_priority(b_handle, 110));
    assert_ptr_equal(running(), b);
    act_as(b);
    assert_ok(wk_thread_set_priority(b_handle, 90));
    assert_ptr_equal(running(), a);
    act_as(a);
    assert_ok(wk_thread_set_priority(b_handle, 80)); /* less urgent than before, and than a */
    assert_ptr_equal(running(), a);
}

static void a_current_thread_made_an_equal_of_a_ready_one_takes_turns_with_it(void **state)
{
    (void)state;
    make_threads();
    act_as(a);
    assert_ok(wk_thread_set_priority(b_handle, 90));
    pass(3 * SLICE_NS);
    assert_ok(wk_thread_set_priority(a_handle, 90));
    assert_ptr_equal(running(), a);
    pass(SLICE_NS);
    assert_ptr_equal(running(), b);
}

/* `a` is made less urgent than b, which is stopped before the hart has chosen: then `a` stays, with an equal. */
static void who_stays_because_its_better_is_gone_takes_turns_with_equals(void **state)
{
    (void)state;
    make_threads();
    act_as(a);
    assert_ok(wk_thread_set_priority(b_handle, 90));
    assert_ok(wk_thread_set_priority(c_handle, 80));
    signal_from_outside(4);
    pass(3 * SLICE_NS);
    kernel_lock_acquire();
    a->own_priority = 80;
    schedule_set_priority(a, 80);
    thread_set_stop(b, THREAD_SUSPENDED);
    kernel_lock_release();
    arch_hart_notify(harts[0]);
    host_run();
    check_kernel();
    assert_ptr_equal(running(), a);
    pass(SLICE_NS);
    assert_ptr_equal(running(), c);
    act_as(first);
}

static void a_hart_without_ready_threads_sleeps_in_the_kernels_space(void **state)
{
    (void)state;
    event = make_event(BOOT_BANK);
    first = actor();
    wait_for(first, 1);
    assert_null(running());
    assert_null(harts[0]->space);
    assert_int_equal(harts[0]->arch.state, HOST_STATE_ASLEEP);
    signal_from_outside(1);
    assert_ptr_equal(running(), first);
    assert_ptr_equal(harts[0]->space, &first->process->space);
}

static void threads_of_other_processes_bring_their_space(void **state)
{
    struct program program;

    (void)state;
    event = make_event(BOOT_BANK);
    first = actor();
    program = program_make(50, 100);
    wait_for(first, 1);
    assert_ptr_equal(running(), program.thread_record);
    assert_ptr_equal(harts[0]->space, &program.process_record->space);
    signal_from_outside(1);
    assert_ptr_equal(harts[0]->space, &first->process->space);
}

static void the_slice_forgets_a_thread_that_ends(void **state)
{
    (void)state;
    make_threads();
    assert_ptr_equal(harts[0]->slice_thread, a);
    signal_from_outside(1);
    assert_ok(wk_thread_stop(a_handle));
    assert_ok(wk_capability_delete(a_handle));
    assert_null(harts[0]->slice_thread);
    pass(3 * SLICE_NS);
    wait_for(first, 1);
    assert_ptr_equal(running(), b);
}

static void floating_point_registers_follow_their_thread(void **state)
{
    (void)state;
    make_threads();
    harts[0]->arch.f[3] = 77;
    host_fp_written(harts[0]);
    signal_from_outside(1);
    assert_int_equal(harts[0]->arch.f[3], 0);
    wait_for(first, 1);
    assert_ptr_equal(running(), a);
    assert_int_equal(harts[0]->arch.f[3], 77);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(the_most_urgent_ready_thread_runs),
        machine_test(a_more_urgent_thread_displaces_the_current_one),
        machine_test(a_displaced_thread_keeps_its_turn),
        machine_test(an_equal_or_less_urgent_thread_does_not_displace),
        machine_test(equals_take_turns),
        machine_test(who_runs_alone_is_not_disturbed),
        machine_test(the_slice_runs_on_while_its_thread_is_displaced),
        machine_test(who_follows_a_thread_that_stopped_by_itself_gets_a_full_slice),
        machine_test(yield_lets_equals_run),
        machine_test(yield_without_equals_goes_on),
        machine_test(a_thread_that_yielded_goes_last_although_it_was_displaced_meanwhile),
        machine_test(a_ready_thread_made_more_urgent_displaces),
        machine_test(a_current_thread_made_an_equal_of_a_ready_one_takes_turns_with_it),
        machine_test(who_stays_because_its_better_is_gone_takes_turns_with_equals),
        machine_test(a_hart_without_ready_threads_sleeps_in_the_kernels_space),
        machine_test(threads_of_other_processes_bring_their_space),
        machine_test(the_slice_forgets_a_thread_that_ends),
        machine_test(floating_point_registers_follow_their_thread),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
