/* SPDX-License-Identifier: MIT */
/*
 * What a pool is charged for while its threads follow one another: that is one run, and whenever somebody asks, or it ends,
 * all that was used is where it belongs: with the thread, with its budget, and with the pool, which never has more than
 * its capacity in any of its periods.
 */
#include "account_record.h"
#include "calls.h"

#include "hart.h"
#include "schedule.h"

#define MS UINT64_C(1000000)
#define TENTH (MS / 10)
#define CAPACITY MS
#define PERIOD (10 * MS)
#define POINTS_TO_A_JOIN 5 /* of a split, until the first two replenishments have become one */

/* A pool of one of ten milliseconds; a part that shares it; a thread on each. */
static wk_handle pool, sharer, above_pool;
static struct thread *first, *second;
static wk_handle first_handle, second_handle;

static wk_handle split(wk_handle from, uint64_t capacity_ns, uint64_t period_ns)
{
    wk_handle part = 0;

    assert_ok(wk_budget_split(from, BOOT_BANK, capacity_ns, period_ns, 100, 0, &part));
    return part;
}

static int setup(void **state)
{
    call_setup(state);
    pool = split(BOOT_BUDGET, CAPACITY, PERIOD);
    sharer = split(pool, 0, 0);
    first = spawn(90, &first_handle);
    second = spawn(91, &second_handle);
    assert_ok(wk_thread_set_budget(first_handle, pool));
    assert_ok(wk_thread_set_budget(second_handle, sharer));
    begin_wait(second, event, 2, NEVER);
    rest();
    assert_runs(first);
    return 0;
}

#define pool_test(function) cmocka_unit_test_setup(function, setup)

struct usage {
    uint64_t used_ns, exhausted, available_ns, next_ns;
};

static struct usage usage_of(wk_handle budget)
{
    struct usage usage = {0};

    assert_ok(wk_budget_usage(budget, &usage.used_ns, &usage.exhausted, &usage.available_ns, &usage.next_ns));
    return usage;
}

static uint64_t used_by(wk_handle thread)
{
    uint64_t used_ns = 0;

    assert_ok(wk_thread_usage(thread, &used_ns));
    return used_ns;
}

static void pass(uint64_t time_ns)
{
    pass_to(host_time_ns + time_ns);
}

/* From the server on, which is less urgent than all others and draws on another pool. */
static void wake_boot(void)
{
    act_as(server);
    assert_ok(wk_event_signal(event, 1));
    act_as(boot);
}

/* `first` wakes `second`, which works for a while and waits again. */
static void let_the_second_run(uint64_t time_ns)
{
    act_as(first);
    assert_ok(wk_event_signal(event, 2));
    assert_runs(second);
    pass(time_ns);
    if (second->hart->current == second)
        begin_wait(second, event, 2, NEVER);
}

static void who_follow_one_another_are_one_run(void **state)
{
    const struct account *account = &first->budget->account;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        pass(TENTH);
        let_the_second_run(TENTH);
        assert_runs(first);
    }
    pass(2 * TENTH - 1);
    assert_runs(first);
    pass(1);
    assert_runs(server);
    assert_int_equal(account->count, 1);
    assert_int_equal(account_replenishment(account, 0)->time_ns, PERIOD);
    act_as(server);
    assert_int_equal(used_by(first_handle), 6 * TENTH);
    assert_int_equal(used_by(second_handle), 4 * TENTH);
    assert_int_equal(usage_of(pool).used_ns, 6 * TENTH);
    assert_int_equal(usage_of(sharer).used_ns, 4 * TENTH);
    assert_int_equal(usage_of(sharer).next_ns, PERIOD);
}

static void whoever_asks_in_the_midst_of_a_run_learns_what_was_used(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 4; i++) {
        pass(TENTH);
        act_as(first);
        assert_ok(wk_event_signal(event, 2));
        pass(TENTH);
        act_as(second);
        assert_int_equal(used_by(first_handle), i * TENTH);
        assert_int_equal(used_by(second_handle), i * TENTH);
        assert_int_equal(usage_of(pool).used_ns, i * TENTH);
        assert_int_equal(usage_of(sharer).used_ns, i * TENTH);
        assert_int_equal(usage_of(pool).available_ns, CAPACITY - 2 * i * TENTH);
        begin_wait(second, event, 2, NEVER);
    }
    assert_int_equal(first->budget->account.count, 2); /* what is left, and what one run used */
}

static void a_run_that_reaches_its_end_in_the_second_stops_it(void **state)
{
    (void)state;
    pass(9 * TENTH);
    let_the_second_run(5 * TENTH);
    assert_runs(server);
    assert_int_equal(second->place, THREAD_PARKED);
    assert_int_equal(second->used_ns, TENTH);
    pass_to(PERIOD);
    assert_runs(second);
}

static void who_goes_to_another_budget_leaves_what_it_used(void **state)
{
    (void)state;
    pass(3 * TENTH);
    act_as(first);
    assert_ok(wk_thread_set_budget(first_handle, BOOT_BUDGET));
    assert_runs(first);
    pass(TENTH);
    assert_int_equal(used_by(first_handle), 4 * TENTH);
    assert_int_equal(usage_of(pool).used_ns, 3 * TENTH);
    assert_int_equal(usage_of(pool).available_ns, CAPACITY - 3 * TENTH);
    assert_ok(wk_event_signal(event, 2));
    pass(7 * TENTH - 1);
    assert_runs(second);
    pass(1);
    assert_runs(first);
}

static void who_is_stopped_leaves_what_it_used(void **state)
{
    (void)state;
    pass(2 * TENTH);
    act_as(first);
    assert_ok(wk_event_signal(event, 2));
    pass(TENTH);
    act_as(second);
    assert_status(wk_thread_stop(second_handle), NOT_ANSWERED);
    assert_runs(first);
    pass(7 * TENTH - 1);
    assert_runs(first);
    pass(1);
    assert_runs(server);
    act_as(server);
    assert_int_equal(usage_of(pool).used_ns, 9 * TENTH);
    assert_int_equal(usage_of(sharer).used_ns, TENTH);
    assert_int_equal(usage_of(pool).next_ns, PERIOD);
}

static void what_a_process_used_that_is_suspended_or_ends_counts(void **state)
{
    struct program other;
    wk_handle run_on;

    (void)state;
    wake_boot();
    other = program_make(40, 95);
    run_on = split(BOOT_BUDGET, CAPACITY, PERIOD);
    assert_ok(wk_thread_set_budget(other.thread, run_on));
    rest();
    assert_runs(other.thread_record);
    pass(4 * TENTH);
    wake_boot();
    assert_ok(wk_process_suspend(other.process));
    assert_int_equal(usage_of(run_on).available_ns, CAPACITY - 4 * TENTH);
    pass(TENTH);
    assert_int_equal(used_by(other.thread), 4 * TENTH);
    assert_ok(wk_process_resume(other.process));
    rest();
    pass(3 * TENTH);
    assert_runs(other.thread_record);
    wake_boot();
    assert_ok(wk_process_kill(other.process, 0));
    settle();
    assert_int_equal(usage_of(run_on).used_ns, 7 * TENTH);
    assert_int_equal(usage_of(run_on).available_ns, CAPACITY - 7 * TENTH);
}

/* How much of the account is due at that time. */
static uint64_t due_at(const struct account *account, uint64_t time_ns)
{
    uint64_t amount_ns = 0;

    for (uint32_t i = 0; i < account->count; i++)
        if (account_replenishment(account, i)->time_ns == time_ns)
            amount_ns += account_replenishment(account, i)->amount_ns;
    return amount_ns;
}

static void what_a_pool_used_that_is_destroyed_is_due_when_it_was_to_the_pool(void **state)
{
    const struct account *above;

    (void)state;
    wake_boot();
    above_pool = split(BOOT_BUDGET, 5 * MS, PERIOD);
    pool = split(above_pool, CAPACITY, PERIOD);
    above = &container_of(object_of(above_pool), struct budget, object)->account;
    assert_ok(wk_thread_set_budget(first_handle, pool));
    assert_ok(wk_thread_set_budget(second_handle, pool));
    rest();
    assert_runs(first);
    pass(3 * TENTH);
    let_the_second_run(TENTH);
    act_as(first); /* in the midst of the run that it ends */
    assert_ok(wk_budget_destroy(pool));
    settle();
    wake_boot();
    assert_null(first->budget);
    assert_null(second->budget);
    assert_int_equal(usage_of(above_pool).available_ns, 5 * MS - 4 * TENTH);
    assert_int_equal(due_at(above, PERIOD), 4 * TENTH);
}

static void a_part_that_gets_capacity_of_its_own_begins_a_run_of_its_own(void **state)
{
    (void)state;
    pass(2 * TENTH);
    act_as(first);
    assert_ok(wk_event_signal(event, 2));
    pass(TENTH);
    act_as(second);
    assert_ok(wk_budget_adjust(sharer, 5 * TENTH, PERIOD, 100, 0));
    assert_runs(second);
    assert_int_equal(usage_of(pool).available_ns, 5 * TENTH); /* what is due last of the one goes to the other */
    assert_int_equal(usage_of(sharer).available_ns, 2 * TENTH);
    pass(2 * TENTH - 1);
    assert_runs(second);
    pass(1);
    assert_runs(first);
    pass(5 * TENTH);
    assert_runs(server);
}

/* ---- whatever its threads do ---- */

#define ACTS 3000

static struct record record;
static struct thread *outsider;
static wk_handle outsider_handle, outsider_budget;

/* While time passes, what runs at the pool's expense is recorded. */
static void pass_recording(uint64_t time_ns)
{
    const struct hart *hart = harts[0];
    const uint64_t end_ns = host_time_ns + time_ns;

    while (host_time_ns < end_ns) {
        const bool uses_pool = hart->payer == first || hart->payer == second;
        const uint64_t start_ns = host_time_ns;

        pass_to(hart->timer_ns > start_ns && hart->timer_ns < end_ns ? hart->timer_ns : end_ns);
        if (uses_pool)
            record_add(&record, start_ns, host_time_ns - start_ns);
    }
}

static void do_something(struct thread *runner)
{
    const uint64_t bit = runner == first ? 2 : 4;
    uint64_t bits;

    act_as(runner);
    switch (random_below(5)) {
    case 0:
        if (wk_event_poll(event, bit, &bits) == WK_WOULD_BLOCK)
            begin_wait(runner, event, bit, NEVER);
        break;
    case 1:
        assert_ok(wk_event_signal(event, 6));
        break;
    case 2:
        assert_ok(wk_thread_yield(runner == first ? first_handle : second_handle));
        break;
    case 3:
        usage_of(random_below(2) == 0 ? pool : sharer);
        break;
    default:
        assert_ok(wk_thread_set_priority(second_handle, 89 + random_below(3)));
        break;
    }
}

/* Both run on the first hart, with nobody else there; the outsider is on the second. */
static void two_harts_setup(void)
{
    const struct host_machine machine = {.harts = 2};

    machine_start(&machine);
    boot = actor();
    event = make_event(BOOT_BANK);
    pool = split(BOOT_BUDGET, CAPACITY, PERIOD);
    sharer = split(pool, 0, 0);
    first = spawn(90, &first_handle);
    second = spawn(90, &second_handle);
    outsider = spawn(90, &outsider_handle);
    outsider_budget = WK_FIRST_HANDLE(WK_BOOT_BUDGET + 1);
    assert_ok(wk_thread_set_budget(first_handle, pool));
    assert_ok(wk_thread_set_budget(second_handle, sharer));
    assert_ok(wk_thread_set_budget(outsider_handle, outsider_budget));
    rest();
}

static void no_window_has_more_than_the_capacity_and_all_that_was_used_counts(void **state)
{
    uint64_t used_ns;

    (void)state;
    two_harts_setup();
    random_begin(7);
    record.count = 0;
    for (unsigned i = 0; i < ACTS; i++) {
        struct thread *current = harts[0]->current;

        if (current == first || current == second)
            do_something(current);
        pass_recording(random_magnitude(CAPACITY / 2));
        if (random_below(8) == 0) {
            act_as(outsider);
            assert_ok(wk_event_signal(event, 2 + 2 * random_below(3)));
        }
    }
    act_as(outsider);
    used_ns = record_until(&record, host_time_ns);
    assert_true(used_ns > host_time_ns / 20);
    assert_true(record_most(&record, PERIOD) <= CAPACITY);
    assert_int_equal(used_by(first_handle) + used_by(second_handle), used_ns);
    assert_int_equal(usage_of(pool).used_ns + usage_of(sharer).used_ns, used_ns);
}

/* ---- another hart ---- */

/* Six short runs, so that the pool remembers much, and one under way that counts on all that comes back meanwhile. */
static void leave_a_long_memory(struct thread *thread, struct thread *waker, wk_handle wake)
{
    act_as(waker);
    for (unsigned i = 0; i < 5; i++) {
        pass(2 * TENTH);
        begin_wait(thread, wake, 1, NEVER);
        pass(i < 4 ? 2 * TENTH : 43 * TENTH);
        assert_ok(wk_event_signal(wake, 1));
        assert_runs(thread);
    }
}

/* A wake-up that goes straight to somebody of another pool leaves the charge for later: until somebody looks, or the hart has
 * something else to look after. */
static void who_is_left_in_haste_is_charged_before_anybody_looks(void **state)
{
    struct usage usage;
    wk_handle alone;

    (void)state;
    wake_boot();
    alone = make_event(BOOT_BANK);
    begin_wait(boot, alone, 1, NEVER);
    assert_runs(first);
    pass(3 * TENTH);
    act_as(first);
    assert_ok(wk_event_signal(alone, 1));
    assert_runs(boot);
    assert_ptr_equal(harts[0]->owing, first->budget);
    check_kernel();
    pass(TENTH);
    act_as(boot);
    usage = usage_of(pool);
    assert_int_equal(usage.used_ns, 3 * TENTH);
    assert_int_equal(usage.available_ns, CAPACITY - 3 * TENTH);
    assert_null(harts[0]->owing);
    rest();
    assert_runs(first);
    pass(7 * TENTH);
    assert_ptr_not_equal(harts[0]->current, first); /* it has had all, and no more */
}

/* Time passes once the budget has been taken away, before the first hart is interrupted. */
static void be_interrupted_late(void)
{
    if (harts[0]->payer != NULL)
        return;
    host_preemption_hook = NULL;
    host_time_ns += TENTH;
}

/* Who is moved by another hart runs on until its own one has been interrupted: the pool that it leaves pays for that, or
 * whoever comes to have what was that pool's. */
static void who_loses_its_budget_to_another_hart_pays_until_it_is_left(void **state)
{
    (void)state;
    two_harts_setup();
    act_as(outsider);
    begin_wait(second, event, 2, NEVER);
    assert_runs(first);
    pass(TENTH);
    for (unsigned i = 1; i < 4; i++) {
        const wk_handle other = split(pool, 0, 0);

        host_preemption_hook = be_interrupted_late;
        assert_ok(wk_thread_set_budget(first_handle, other));
        assert_null(host_preemption_hook);
        assert_runs(first);
        assert_int_equal(usage_of(pool).available_ns, CAPACITY - (i + 1) * TENTH);
    }
    host_preemption_hook = be_interrupted_late;
    assert_ok(wk_thread_set_budget(first_handle, outsider_budget));
    assert_null(host_preemption_hook);
    assert_int_equal(usage_of(pool).available_ns, CAPACITY - 5 * TENTH);
    pass(TENTH);
    assert_int_equal(usage_of(pool).available_ns, CAPACITY - 5 * TENTH);
}

static void who_runs_on_when_its_pool_has_been_destroyed_does_so_at_its_parents_expense(void **state)
{
    (void)state;
    two_harts_setup();
    begin_wait(second, event, 2, NEVER);
    act_as(outsider);
    above_pool = split(BOOT_BUDGET, 5 * MS, PERIOD);
    pool = split(above_pool, CAPACITY, PERIOD);
    assert_ok(wk_thread_set_budget(first_handle, pool));
    assert_runs(first);
    pass(TENTH);
    host_preemption_hook = be_interrupted_late;
    assert_ok(wk_budget_destroy(pool));
    assert_null(host_preemption_hook);
    assert_null(harts[0]->current);
    assert_int_equal(usage_of(above_pool).available_ns, 5 * MS - 2 * TENTH);
}

/* The clocks of two harts differ by a tick at most: what one has charged, the other does not charge as a run without end. */
static void whoever_asks_on_a_hart_whose_clock_is_ahead_takes_nothing(void **state)
{
    (void)state;
    two_harts_setup();
    begin_wait(second, event, 2, NEVER);
    begin_wait(first, event, 2, NEVER);
    pass(2 * PERIOD);
    act_as(outsider);
    assert_ok(wk_event_signal(event, 2));
    assert_runs(second);
    pass(TENTH);
    assert_int_equal(usage_of(pool).available_ns, CAPACITY - TENTH);
    host_time_ns--;
    begin_wait(second, event, 2, NEVER);
    host_time_ns++;
    assert_int_equal(usage_of(pool).available_ns, CAPACITY - TENTH);
}

/* What two that are to exchange capacity remember is made less, in steps. Who runs on one of them meanwhile does not count
 * on what comes later from then on: the checker sees to that. */
static void who_runs_while_its_pool_is_made_ready_for_a_split_learns_what_is_left(void **state)
{
    const struct host_machine machine = {.harts = 2};
    struct thread *runner, *splitter, *rival;
    wk_handle runner_handle, splitter_handle, rival_handle, wake, half;
    struct account *account;

    (void)state;
    machine_start(&machine);
    boot = actor();
    event = make_event(BOOT_BANK);
    wake = make_event(BOOT_BANK);
    half = split(BOOT_BUDGET, 5 * MS, PERIOD);
    runner = spawn(90, &runner_handle);
    assert_ok(wk_thread_set_budget(runner_handle, half));
    rival = spawn(80, &rival_handle);
    assert_ok(wk_thread_set_budget(rival_handle, WK_FIRST_HANDLE(WK_BOOT_BUDGET + 1)));
    splitter = spawn(90, &splitter_handle);
    assert_ok(wk_thread_set_budget(splitter_handle, WK_FIRST_HANDLE(WK_BOOT_BUDGET + 1)));
    rest();
    leave_a_long_memory(runner, splitter, wake);
    account = &runner->budget->account;
    assert_true(account->count > ACCOUNT_TOGETHER_MAX);
    assert_int_equal(harts[0]->expiry_ns, PERIOD + 3 * TENTH);
    invoke_partly(splitter, WK_BUDGET_SPLIT, half, (uint64_t[6]){BOOT_BANK, MS, PERIOD, 100, 0, 0}, POINTS_TO_A_JOIN,
                  rival);
    assert_non_null(splitter->operation.step);
    assert_int_equal(account->count, ACCOUNT_TOGETHER_MAX + 1);
    check_kernel();
    pass_to(PERIOD + TENTH);
    assert_null(harts[0]->current);
    pass(2 * PERIOD);
    act_as(boot);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        pool_test(who_is_left_in_haste_is_charged_before_anybody_looks),
        cmocka_unit_test(who_loses_its_budget_to_another_hart_pays_until_it_is_left),
        cmocka_unit_test(who_runs_on_when_its_pool_has_been_destroyed_does_so_at_its_parents_expense),
        cmocka_unit_test(whoever_asks_on_a_hart_whose_clock_is_ahead_takes_nothing),
        pool_test(who_follow_one_another_are_one_run),
        pool_test(whoever_asks_in_the_midst_of_a_run_learns_what_was_used),
        pool_test(a_run_that_reaches_its_end_in_the_second_stops_it),
        pool_test(who_goes_to_another_budget_leaves_what_it_used),
        pool_test(who_is_stopped_leaves_what_it_used),
        pool_test(what_a_process_used_that_is_suspended_or_ends_counts),
        pool_test(what_a_pool_used_that_is_destroyed_is_due_when_it_was_to_the_pool),
        pool_test(a_part_that_gets_capacity_of_its_own_begins_a_run_of_its_own),
        cmocka_unit_test(no_window_has_more_than_the_capacity_and_all_that_was_used_counts),
        cmocka_unit_test(who_runs_while_its_pool_is_made_ready_for_a_split_learns_what_is_left),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
