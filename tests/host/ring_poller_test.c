/* SPDX-License-Identifier: MIT */
/* The poller, which takes entries by itself. */
#include "ring_user.h"

static void a_poller_needs_a_record(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= PENDING; i++)
        put(WK_EVENT_WAIT, 0, event, i, 1, NEVER, 0);
    for (unsigned i = 0; i < WK_EVENT_WAITERS_MAX && taken() <= PENDING; i++)
        assert_ok(enter(1, 0));
    assert_status(wk_ring_poll(ring, 1000), WK_BUSY);
}

/* Each of its steps, until it sleeps or so many were made. */
static void let_poll(unsigned steps)
{
    struct thread *poller = container_of(object_of(ring), struct ring, object)->poller;

    step_partly(poller, steps, spawn(240, NULL));
}

static void let_poller_sleep(void)
{
    let_poll(3);
    host_time_pass_to(host_time_ns + 1000);
    settle_ring();
}

static void the_poller_takes_entries_by_itself(void **state)
{
    (void)state;
    assert_ok(wk_ring_poll(ring, 1000000));
    put(WK_EVENT_SIGNAL, 0, event, 1, 4, 0, 0);
    let_poll(20);
    assert_completed(1, WK_OK);
    assert_int_equal(entries->consumer.sleeps % 2, 0);
}

static void an_idle_poller_sleeps_until_somebody_enters(void **state)
{
    (void)state;
    assert_ok(wk_ring_poll(ring, 1));
    let_poller_sleep();
    assert_int_equal(entries->consumer.sleeps % 2, 1);
    put(WK_EVENT_SIGNAL, 0, event, 1, 4, 0, 0);
    settle_ring();
    assert_none();
    assert_ok(enter(0, 0));
    assert_int_equal(entries->consumer.sleeps % 2, 0);
    let_poll(5);
    assert_completed(1, WK_OK);
}

static struct thread *poller_of_ring(void)
{
    return container_of(object_of(ring), struct ring, object)->poller;
}

/* Suspends the first process, whose poller is that, from another one; its steps until it has stopped. */
static void suspend(const struct program *other, wk_handle process, struct thread *poller)
{
    act_as(other->thread_record);
    assert_ok(wk_process_suspend(process));
    while (poller->operation.step != NULL)
        step_partly(poller, 1, other->thread_record);
}

/* A program that saw the poller awake did not enter: its entries are taken when the process goes on. */
static void a_suspended_poller_takes_later_what_was_submitted_while_it_was_awake(void **state)
{
    const struct program other = program_make(500, 10);
    const wk_handle process = program_grant(&other, BOOT_PROCESS, WK_TRANSFER_LEND, ALL_RIGHTS);

    (void)state;
    assert_ok(wk_ring_poll(ring, 1000000));
    let_poll(3);
    assert_int_equal(entries->consumer.sleeps % 2, 0);
    put(WK_EVENT_SIGNAL, 0, event, 1, 4, 0, 0);
    suspend(&other, process, poller_of_ring());
    assert_int_equal(taken(), 0);
    assert_ok(wk_process_resume(process));
    act_as(client);
    let_poll(5);
    assert_completed(1, WK_OK);
    assert_int_equal(entries->consumer.sleeps % 2, 0);
}

/* One that another process starts does nothing before that. */
static void a_poller_of_a_suspended_process_waits_for_it(void **state)
{
    const struct program other = program_make(500, 10);
    const wk_handle process = program_grant(&other, BOOT_PROCESS, WK_TRANSFER_LEND, ALL_RIGHTS);
    const wk_handle its_ring = program_grant(&other, ring, WK_TRANSFER_LEND, ALL_RIGHTS);
    struct ring *record = container_of(object_of(ring), struct ring, object);

    (void)state;
    put(WK_EVENT_SIGNAL, 0, event, 1, 4, 0, 0);
    act_as(other.thread_record);
    assert_ok(wk_process_suspend(process));
    assert_ok(wk_ring_poll(its_ring, 1000000));
    step_partly(record->poller, 20, other.thread_record);
    assert_int_equal(taken(), 0);
    assert_ok(wk_ring_poll(its_ring, 0));
    step_partly(record->poller, 20, other.thread_record);
    assert_int_equal(taken(), 0);
    assert_non_null(record->poller);
    assert_ok(wk_process_resume(process));
    step_partly(record->poller, 20, other.thread_record);
    assert_null(record->poller);
    act_as(client);
    assert_completed(1, WK_OK);
}

/* It says so before it looks for the last time: what was submitted before is taken, and who submits later enters. */
static void a_poller_that_ends_takes_what_was_submitted_before(void **state)
{
    (void)state;
    assert_ok(wk_ring_poll(ring, 1000000));
    let_poll(3);
    put(WK_EVENT_SIGNAL, 0, event, 1, 4, 0, 0);
    assert_ok(wk_ring_poll(ring, 0));
    assert_int_equal(entries->consumer.sleeps % 2, 0);
    let_poll(5);
    assert_null(poller_of_ring());
    assert_int_equal(entries->consumer.sleeps % 2, 1);
    assert_completed(1, WK_OK);
}

/* What cannot be taken, for want of a record, which this is, holds it up no longer. */
static void a_poller_that_ends_leaves_what_cannot_be_taken(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PENDING; i++)
        put(WK_EVENT_WAIT, 0, event, i, 1, NEVER, 0);
    assert_ok(wk_ring_poll(ring, 1000000));
    for (unsigned i = 0; i < PENDING; i++)
        let_poll(5);
    put(WK_EVENT_SIGNAL, 0, event, PENDING, 1, 0, 0);
    let_poll(5);
    assert_int_equal(taken(), PENDING);
    assert_ok(wk_ring_poll(ring, 0));
    let_poll(5);
    assert_null(poller_of_ring());
    assert_int_equal(entries->consumer.sleeps % 2, 1);
    assert_ok(enter(0, 0));
    assert_ok(enter(1, 0));
    assert_int_equal(taken(), PENDING + 1);
}

static bool poller_rests(void)
{
    const struct thread *poller = poller_of_ring();

    return poller->operation.step == NULL && (poller->stop & THREAD_WAITING) != 0;
}

/* Has all records in use, and an entry that needs one; the poller has looked for so long that it is tired of it. */
static void want_a_record(uint64_t idle_ns)
{
    for (unsigned i = 0; i < PENDING; i++)
        put(WK_EVENT_WAIT, 0, event, i, 1 << i, NEVER, 0);
    assert_ok(wk_ring_poll(ring, idle_ns));
    for (unsigned i = 0; i < PENDING; i++)
        let_poll(5);
    put(WK_EVENT_SIGNAL, 0, event, PENDING, 1 << PENDING, 0, 0);
    let_poll(3);
    assert_int_equal(taken(), PENDING);
    assert_false(poller_rests());
    host_time_pass_to(host_time_ns + idle_ns);
    let_poll(3);
}

/* It does not say that it sleeps, so nobody has to wake it: it looks again by itself. */
static void a_poller_rests_while_nothing_can_be_taken(void **state)
{
    (void)state;
    want_a_record(1000);
    assert_int_equal(entries->consumer.sleeps % 2, 0);
    assert_true(poller_rests());
    for (unsigned i = 0; i < 3; i++) {
        pass_to(host_time_ns + 1000000);
        let_poll(3);
        assert_true(poller_rests());
    }
    assert_int_equal(taken(), PENDING);
    assert_ok(wk_event_signal(event, 1));
    assert_int_equal(taken(), PENDING);
    pass_to(host_time_ns + 1000000);
    let_poll(3);
    assert_int_equal(taken(), PENDING + 1);
    assert_completed(0, WK_OK);
    assert_completed(PENDING, WK_OK);
    assert_int_equal(entries->consumer.sleeps % 2, 0);
    assert_false(poller_rests());
    let_poll(3);
    pass_to(host_time_ns + 1000);
    let_poll(3);
    assert_true(poller_rests()); /* there is nothing any more: it sleeps */
    assert_int_equal(entries->consumer.sleeps % 2, 1);
    pass_to(host_time_ns + 10000000);
    assert_true(poller_rests());
    assert_int_equal(entries->consumer.sleeps % 2, 1);
}

static void a_poller_rests_while_there_is_no_room(void **state)
{
    (void)state;
    assert_ok(wk_ring_poll(ring, 1000));
    for (unsigned i = 0; i <= COMPLETIONS; i++) {
        put(WK_EVENT_SIGNAL, 0, event, i, 1, 0, 0);
        let_poll(3);
    }
    assert_int_equal(taken(), COMPLETIONS);
    pass_to(host_time_ns + 1000);
    let_poll(3);
    assert_true(poller_rests());
    assert_completed(0, WK_OK);
    pass_to(host_time_ns + 1000000);
    let_poll(3);
    assert_int_equal(taken(), COMPLETIONS + 1);
}

/* Whoever enters, ends it, or suspends its process and has it go on, does not wait for it. */
static void a_poller_that_rests_is_woken(void **state)
{
    const struct program other = program_make(500, 10);
    const wk_handle process = program_grant(&other, BOOT_PROCESS, WK_TRANSFER_LEND, ALL_RIGHTS);

    (void)state;
    want_a_record(1000);
    assert_true(poller_rests());
    assert_ok(enter(0, 0));
    assert_false(poller_rests());
    let_poll(3);
    host_time_pass_to(host_time_ns + 1000);
    let_poll(3);
    assert_true(poller_rests());
    act_as(other.thread_record);
    assert_ok(wk_process_suspend(process));
    pass_to(host_time_ns + 1000000);
    assert_ok(wk_process_resume(process));
    act_as(client);
    assert_false(poller_rests());
    let_poll(3);
    assert_true(poller_rests());
    assert_ok(wk_ring_poll(ring, 0));
    let_poll(5);
    assert_null(poller_of_ring());
    pass_to(host_time_ns + 1000000);
    assert_null(poller_of_ring());
    assert_int_equal(taken(), PENDING);
}

static void the_poller_can_be_ended(void **state)
{
    (void)state;
    assert_ok(wk_ring_poll(ring, 1000000));
    assert_ok(wk_ring_poll(ring, 0));
    let_poll(5);
    assert_null(poller_of_ring());
    assert_ok(wk_ring_poll(ring, 0));
    assert_null(poller_of_ring());
    assert_ok(wk_ring_poll(ring, 1));
    let_poller_sleep();
    assert_ok(wk_ring_poll(ring, 0));
    let_poll(5);
    assert_null(poller_of_ring());
}

static void a_polled_ring_can_be_deleted(void **state)
{
    (void)state;
    assert_ok(wk_ring_poll(ring, 1000000));
    assert_ok(wk_capability_delete(ring));
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        ring_test(a_poller_needs_a_record),
        ring_test(the_poller_takes_entries_by_itself),
        ring_test(an_idle_poller_sleeps_until_somebody_enters),
        ring_test(a_suspended_poller_takes_later_what_was_submitted_while_it_was_awake),
        ring_test(a_poller_of_a_suspended_process_waits_for_it),
        ring_test(a_poller_that_ends_takes_what_was_submitted_before),
        ring_test(a_poller_that_ends_leaves_what_cannot_be_taken),
        ring_test(a_poller_rests_while_nothing_can_be_taken),
        ring_test(a_poller_rests_while_there_is_no_room),
        ring_test(a_poller_that_rests_is_woken),
        ring_test(the_poller_can_be_ended),
        ring_test(a_polled_ring_can_be_deleted),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(tests[0]));
}
