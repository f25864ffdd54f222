/* SPDX-License-Identifier: MIT */
/* What happens when the capacity of a budget is used up: its threads wait for more, and who wants to know is told. */
#include "calls.h"

#include "schedule.h"

#define MILLISECOND UINT64_C(1000000)

/* A budget of one of ten milliseconds, and what runs on it; `server` and `client` are there, and run on the whole. */
static wk_handle budget;
static struct thread *limited;
static wk_handle limited_handle;

static wk_handle split(wk_handle from, uint64_t capacity_ns, uint64_t period_ns, uint64_t priority,
                       uint64_t deadline_ns)
{
    wk_handle part;

    assert_ok(wk_budget_split(from, BOOT_BANK, capacity_ns, period_ns, priority, deadline_ns, &part));
    return part;
}

static int setup(void **state)
{
    call_setup(state);
    budget = split(BOOT_BUDGET, MILLISECOND, 10 * MILLISECOND, 100, 0);
    limited = spawn(90, &limited_handle);
    assert_ok(wk_thread_set_budget(limited_handle, budget));
    return 0;
}

#define exhaustion_test(function) cmocka_unit_test_setup(function, setup)

static void pass(uint64_t time_ns)
{
    pass_to(host_time_ns + time_ns);
}

static void who_has_used_its_capacity_waits_until_it_comes_back(void **state)
{
    (void)state;
    rest();
    assert_runs(limited);
    pass(MILLISECOND - 1);
    assert_runs(limited);
    pass(1);
    assert_runs(server);
    assert_int_equal(limited->place, THREAD_PARKED);
    pass(9 * MILLISECOND - 1);
    assert_runs(server);
    pass(1);
    assert_runs(limited);
    pass(MILLISECOND);
    assert_runs(server);
}

static void capacity_comes_back_one_period_after_it_began_to_be_used(void **state)
{
    (void)state;
    begin_wait(limited, event, 2, NEVER);
    rest();
    pass(3 * MILLISECOND);
    act_as(server);
    assert_ok(wk_event_signal(event, 2));
    assert_runs(limited);
    pass(MILLISECOND);
    assert_runs(server);
    pass(9 * MILLISECOND - 1);
    assert_runs(server);
    pass(1);
    assert_runs(limited);
    act_as(boot);
}

static void who_is_displaced_uses_nothing(void **state)
{
    (void)state;
    rest();
    pass(MILLISECOND / 2);
    act_as(limited);
    assert_ok(wk_event_signal(event, 1));
    assert_runs(boot);
    pass(5 * MILLISECOND);
    rest();
    assert_runs(limited);
    pass(MILLISECOND / 2 - 1);
    assert_runs(limited);
    pass(1);
    assert_runs(server);
    act_as(boot);
}

static void an_event_tells_of_exhaustion(void **state)
{
    (void)state;
    assert_ok(wk_budget_bind(budget, event, 4));
    begin_wait(client, event, 4, NEVER);
    assert_ok(wk_thread_set_priority(client_handle, 95));
    rest();
    assert_runs(limited);
    pass(MILLISECOND);
    assert_runs(client);
    assert_answered(client, WK_OK, 4);
}

static void an_event_tells_of_exhaustion_though_nobody_else_runs(void **state)
{
    (void)state;
    assert_ok(wk_budget_bind(budget, event, 4));
    assert_ok(wk_thread_stop(server_handle));
    begin_wait(client, event, 4, NEVER);
    rest();
    pass(MILLISECOND);
    assert_runs(client);
    assert_answered(client, WK_OK, 4);
}

static void whoever_waits_for_the_event_of_exhaustion_goes_on(void **state)
{
    struct thread *others[3];

    (void)state;
    assert_ok(wk_budget_bind(budget, event, 0x70));
    for (unsigned i = 0; i < 3; i++) {
        others[i] = spawn(20, NULL);
        begin_wait(others[i], event, 0x10u << i, NEVER);
    }
    rest();
    pass(MILLISECOND);
    for (unsigned i = 0; i < 3; i++)
        assert_answered(others[i], WK_OK, 0x10u << i);
}

static void the_binding_may_be_replaced_and_taken_away(void **state)
{
    const wk_handle other = make_event(BOOT_BANK);
    uint64_t bits;

    (void)state;
    assert_ok(wk_budget_bind(budget, event, 4));
    assert_ok(wk_budget_bind(budget, other, 8));
    rest();
    pass(MILLISECOND);
    act_as(server);
    assert_status(wk_event_poll(event, 4, &bits), WK_WOULD_BLOCK);
    assert_ok(wk_event_poll(other, 8, &bits));
    assert_ok(wk_budget_bind(budget, 0, 0));
    pass(10 * MILLISECOND);
    assert_status(wk_event_poll(other, 8, &bits), WK_WOULD_BLOCK);
    act_as(boot);
}

static void several_threads_share_a_budget(void **state)
{
    wk_handle second_handle;
    struct thread *second = spawn(91, &second_handle);

    (void)state;
    assert_ok(wk_thread_set_budget(second_handle, budget));
    rest();
    pass(MILLISECOND / 2);
    assert_runs(second);
    begin_wait(second, event, 2, NEVER);
    assert_runs(limited);
    pass(MILLISECOND / 2);
    assert_runs(server);
    act_as(server);
    assert_ok(wk_event_signal(event, 2));
    assert_runs(server);
    pass(9 * MILLISECOND);
    assert_runs(second);
    assert_int_equal(limited->place, THREAD_READY);
    act_as(boot);
}

static void a_part_without_capacity_draws_on_what_it_was_split_from(void **state)
{
    const wk_handle sharer = split(budget, 0, 0, 95, 0);
    uint64_t used, exhausted, available, next;

    (void)state;
    assert_ok(wk_thread_set_budget(client_handle, sharer));
    assert_ok(wk_thread_set_priority(client_handle, 95));
    rest();
    assert_runs(client);
    pass(MILLISECOND);
    assert_runs(server);
    assert_int_equal(limited->place, THREAD_PARKED); /* it came to be chosen, and found nothing left */
    act_as(server);
    assert_ok(wk_budget_usage(sharer, &used, &exhausted, &available, &next));
    assert_int_equal(used, MILLISECOND);
    assert_int_equal(exhausted, 1);
    assert_int_equal(available, 0);
    assert_ok(wk_budget_usage(budget, &used, &exhausted, &available, &next));
    assert_int_equal(used, 0);
    assert_int_equal(available, 0);
    pass(10 * MILLISECOND);
    act_as(boot);
}

static void usage_tells_what_is_left_and_when_more_comes(void **state)
{
    uint64_t used, exhausted, available, next;

    (void)state;
    assert_ok(wk_budget_usage(budget, &used, &exhausted, &available, &next));
    assert_int_equal(used, 0);
    assert_int_equal(exhausted, 0);
    assert_int_equal(available, MILLISECOND);
    rest();
    pass(MILLISECOND / 4);
    act_as(limited);
    assert_ok(wk_budget_usage(budget, &used, &exhausted, &available, &next));
    assert_int_equal(used, MILLISECOND / 4);
    assert_int_equal(exhausted, 0);
    assert_int_equal(available, MILLISECOND - MILLISECOND / 4);
    pass(MILLISECOND);
    act_as(server);
    assert_ok(wk_budget_usage(budget, &used, &exhausted, &available, &next));
    assert_int_equal(used, MILLISECOND);
    assert_int_equal(exhausted, 1);
    assert_int_equal(available, 0);
    assert_int_equal(next, 10 * MILLISECOND);
    assert_ok(wk_budget_usage(BOOT_BUDGET, &used, &exhausted, &available, &next));
    act_as(boot);
}

/* ---- when the capacity changes ---- */

static void who_runs_on_less_from_now_on_stops_sooner(void **state)
{
    const wk_handle sharer = split(budget, 0, 0, 95, 0);

    (void)state;
    assert_ok(wk_thread_set_budget(limited_handle, sharer));
    rest();
    assert_runs(limited);
    act_as(limited);
    assert_ok(wk_budget_adjust(sharer, MILLISECOND / 5, 10 * MILLISECOND, 95, 0));
    act_as(boot);
    pass(MILLISECOND / 5 - 1);
    assert_runs(limited);
    pass(1);
    assert_runs(server);
}

static void who_waits_for_capacity_goes_on_when_it_may_share_more(void **state)
{
    (void)state;
    rest();
    pass(MILLISECOND);
    assert_runs(server);
    act_as(server);
    assert_ok(wk_budget_adjust(budget, 0, 0, 100, 0));
    assert_runs(limited);
    act_as(boot);
}

static void who_shares_from_now_on_has_what_there_is(void **state)
{
    (void)state;
    rest();
    pass(MILLISECOND / 2);
    act_as(limited);
    assert_ok(wk_budget_adjust(budget, 0, 0, 100, 0));
    act_as(boot);
    pass(5 * MILLISECOND);
    assert_runs(limited);
}

/* ---- with calls ---- */

static void a_passive_server_stops_with_its_caller_and_is_helped_by_the_next(void **state)
{
    (void)state;
    begin_receive(server, endpoint);
    make_passive(server_handle);
    rest();
    begin_call(limited, session, 1);
    assert_runs(server);
    pass(MILLISECOND);
    assert_runs(client);
    begin_call(client, session, 2);
    assert_runs(server);
    assert_ptr_equal(server->hart->payer, client);
    assert_ok(reply_receive_as(server, endpoint, 0));
    assert_int_equal(limited->used_ns, MILLISECOND);
    act_as(boot);
}

static void a_server_uses_its_callers_budget_first(void **state)
{
    uint64_t used;

    (void)state;
    begin_receive(server, endpoint);
    rest();
    begin_call(limited, session, 1);
    pass(MILLISECOND / 2);
    assert_int_equal(server->hart->payer->object.identity, limited->object.identity);
    act_as(server);
    assert_ok(wk_thread_usage(limited_handle, &used));
    assert_int_equal(used, MILLISECOND / 2);
    assert_ok(wk_thread_usage(server_handle, &used));
    assert_int_equal(used, 0);
    pass(MILLISECOND);
    assert_runs(server); /* on its own now */
    assert_ptr_equal(server->hart->payer, server);
    assert_ok(wk_thread_usage(server_handle, &used));
    assert_int_equal(used, MILLISECOND / 2);
    act_as(boot);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        exhaustion_test(who_has_used_its_capacity_waits_until_it_comes_back),
        exhaustion_test(capacity_comes_back_one_period_after_it_began_to_be_used),
        exhaustion_test(who_is_displaced_uses_nothing),
        exhaustion_test(an_event_tells_of_exhaustion),
        exhaustion_test(an_event_tells_of_exhaustion_though_nobody_else_runs),
        exhaustion_test(whoever_waits_for_the_event_of_exhaustion_goes_on),
        exhaustion_test(the_binding_may_be_replaced_and_taken_away),
        exhaustion_test(several_threads_share_a_budget),
        exhaustion_test(a_part_without_capacity_draws_on_what_it_was_split_from),
        exhaustion_test(usage_tells_what_is_left_and_when_more_comes),
        exhaustion_test(who_runs_on_less_from_now_on_stops_sooner),
        exhaustion_test(who_waits_for_capacity_goes_on_when_it_may_share_more),
        exhaustion_test(who_shares_from_now_on_has_what_there_is),
        exhaustion_test(a_passive_server_stops_with_its_caller_and_is_helped_by_the_next),
        exhaustion_test(a_server_uses_its_callers_budget_first),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
