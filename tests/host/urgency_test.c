/* SPDX-License-Identifier: MIT */
/* Of the deadlines that are due on a hart the most urgent class comes first, and those less urgent than who runs wait until
 * nobody more urgent does. */
#include "calls.h"

#include "deadline.h"
#include "trap.h"

#define SERVED (1 + SERVED_MAX) /* one by the interrupt, the others on the way out */
#define MANY (SERVED + 2)
#define LOW_PRIORITY 66
#define URGENT_PRIORITY 200
#define DUE (host_time_ns + 1000)

static struct thread *low[MANY], *urgent, *first;
static wk_handle low_handles[MANY], urgent_handle, other;

/* The server, which is as urgent as most, runs when the first thread rests; one is more urgent. */
static void all_but_one_wait(void)
{
    first = actor();
    other = make_event(BOOT_BANK);
    for (unsigned i = 0; i < MANY; i++) {
        low[i] = spawn(LOW_PRIORITY, &low_handles[i]);
        begin_wait(low[i], event, 2, DUE);
    }
    urgent = spawn(URGENT_PRIORITY, &urgent_handle);
}

static unsigned count_waiting(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < MANY; i++)
        count += is_waiting(low[i]);
    return count;
}

static void the_most_urgent_one_wakes(void)
{
    all_but_one_wait();
    begin_wait(urgent, other, 4, DUE);
    rest();
    pass_to(DUE);
    assert_runs(urgent);
}

static void the_most_urgent_thread_wakes_first_and_the_others_when_it_rests(void **state)
{
    (void)state;
    the_most_urgent_one_wakes();
    assert_int_equal(urgent->hart->timer_ns, NEVER); /* and no interrupt is due to them */
    pass_to(host_time_ns + 5000);
    assert_int_equal(count_waiting(), MANY);
    begin_wait(urgent, other, 4, NEVER);
    pass_to(host_time_ns + PUT_OFF_NS);
    assert_int_equal(count_waiting(), 0);
}

static void they_wait_no_more_when_it_becomes_less_urgent(void **state)
{
    (void)state;
    the_most_urgent_one_wakes();
    act_as(urgent);
    assert_ok(wk_thread_set_priority(urgent_handle, LOW_PRIORITY));
    pass_to(host_time_ns + PUT_OFF_NS);
    assert_int_equal(count_waiting(), 0);
}

static void so_does_one_that_became_urgent_while_it_waits(void **state)
{
    (void)state;
    all_but_one_wait();
    assert_ok(wk_thread_set_priority(low_handles[MANY - 1], URGENT_PRIORITY));
    rest();
    begin_wait(urgent, other, 4, NEVER);
    pass_to(DUE);
    assert_runs(low[MANY - 1]);
    assert_int_equal(count_waiting(), MANY - 1);
}

static void a_deadline_that_is_left_from_an_earlier_wait_becomes_as_urgent(void **state)
{
    uint64_t due_ns;

    (void)state;
    all_but_one_wait();
    due_ns = DUE;
    assert_ok(wk_event_signal(event, 2));
    assert_ok(wk_thread_set_priority(urgent_handle, LOW_PRIORITY));
    begin_wait(urgent, other, 4, due_ns);
    assert_ok(wk_event_signal(other, 4));
    assert_ok(wk_thread_set_priority(urgent_handle, URGENT_PRIORITY));
    begin_wait(urgent, other, 4, due_ns);
    rest();
    pass_to(due_ns);
    assert_runs(urgent);
}

static void a_timer_is_as_urgent_as_who_set_it(void **state)
{
    wk_handle timer;
    uint64_t due_ns;

    (void)state;
    all_but_one_wait();
    due_ns = DUE;
    assert_ok(wk_timer_create(BOOT_BANK, &timer));
    assert_ok(wk_timer_bind(timer, other, 1));
    act_as(urgent);
    assert_ok(wk_timer_set(timer, due_ns, 0));
    act_as(first);
    begin_wait(urgent, other, 1, NEVER);
    rest();
    pass_to(due_ns);
    assert_runs(urgent);
    assert_int_equal(count_waiting(), MANY);
}

/* The server, which is passive, waits on the client's time until a time that concerns nobody more urgent than the client; then
 * the urgent thread comes to wait for the server, while a third one runs. */
static void who_waits_through_another_makes_its_deadline_as_urgent(void **state)
{
    wk_handle runner_handle;
    struct thread *runner = spawn(URGENT_PRIORITY - 1, &runner_handle);
    uint64_t due_ns;

    (void)state;
    all_but_one_wait();
    due_ns = DUE;
    make_server_passive();
    begin_call(client, session, 1);
    begin_wait(server, other, 4, due_ns);
    begin_call(urgent, session, 2);
    rest();
    assert_runs(runner);
    pass_to(due_ns);
    assert_runs_for(server, urgent);
    assert_int_equal(count_waiting(), MANY);
}

static void who_is_as_urgent_as_those_that_are_due_waits_for_some_of_them(void **state)
{
    (void)state;
    all_but_one_wait();
    begin_wait(urgent, other, 4, NEVER);
    rest();
    assert_runs(server);
    pass_to(DUE);
    assert_runs(server);
    assert_int_equal(count_waiting(), MANY - SERVED);
}

/* One timer signals two threads, of which the second is left for later; the others signal nobody. */
static void who_was_signalled_does_not_wait_for_all_that_is_due(void **state)
{
    struct thread *one = spawn(LOW_PRIORITY, NULL), *two = spawn(LOW_PRIORITY, NULL);
    wk_handle timer;

    (void)state;
    other = make_event(BOOT_BANK);
    for (unsigned i = 0; i < 3 * SERVED; i++) {
        assert_ok(wk_timer_create(BOOT_BANK, &timer));
        if (i == 0)
            assert_ok(wk_timer_bind(timer, other, 3));
        assert_ok(wk_timer_set(timer, DUE, 0));
    }
    begin_wait(one, other, 1, NEVER);
    begin_wait(two, other, 2, NEVER);
    rest();
    pass_to(DUE);
    assert_false(is_waiting(one));
    assert_false(is_waiting(two));
    assert_int_equal(deadline_next(server->hart, server->hart->deadlines), host_time_ns);
}

/* All others wait, and it goes straight to one whose deadlines and those of its equals count. */
static void they_count_when_the_urgent_one_passes_the_hart_on(void **state)
{
    const wk_handle passed = make_event(BOOT_BANK);
    const uint64_t soon_ns = host_time_ns + 500;
    struct thread *next;
    wk_handle next_handle;
    uint64_t due_ns, taken;

    (void)state;
    all_but_one_wait();
    due_ns = DUE;
    next = spawn(LOW_PRIORITY, &next_handle);
    begin_wait(next, passed, 1, NEVER);
    begin_wait(server, other, 8, NEVER);
    begin_wait(client, other, 8, NEVER);
    begin_wait(urgent, other, 4, soon_ns);
    rest();
    pass_to(soon_ns);
    assert_runs(urgent);
    assert_int_equal(urgent->hart->timer_ns, NEVER);
    act_as(urgent);
    (void)wk_event_signal_wait(other, passed, 1, 4, NEVER, &taken);
    settle();
    assert_runs(next);
    assert_int_equal(next->hart->timer_ns, due_ns);
    check_kernel();
}

/* They signal nobody. */
static void even_urgent_timers_let_others_run(void **state)
{
    wk_handle timer;

    (void)state;
    all_but_one_wait();
    act_as(urgent);
    for (unsigned i = 0; i < 2 * URGENT_SERVED_MAX; i++) {
        assert_ok(wk_timer_create(BOOT_BANK, &timer));
        assert_ok(wk_timer_set(timer, DUE, 0));
    }
    act_as(first);
    begin_wait(urgent, other, 4, NEVER);
    rest();
    pass_to(DUE);
    assert_runs(server);
    assert_int_equal(deadline_next(server->hart, server->hart->deadlines), host_time_ns);
    assert_int_equal(server->hart->timer_ns, host_time_ns + PUT_OFF_NS);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        call_test(the_most_urgent_thread_wakes_first_and_the_others_when_it_rests),
        call_test(they_wait_no_more_when_it_becomes_less_urgent),
        call_test(so_does_one_that_became_urgent_while_it_waits),
        call_test(a_deadline_that_is_left_from_an_earlier_wait_becomes_as_urgent),
        call_test(a_timer_is_as_urgent_as_who_set_it),
        call_test(who_waits_through_another_makes_its_deadline_as_urgent),
        call_test(who_is_as_urgent_as_those_that_are_due_waits_for_some_of_them),
        call_test(who_was_signalled_does_not_wait_for_all_that_is_due),
        call_test(they_count_when_the_urgent_one_passes_the_hart_on),
        call_test(even_urgent_timers_let_others_run),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
