/* SPDX-License-Identifier: MIT */
/* Among threads of equal priority those with deadlines run earliest deadline first, then the others. */
#include "calls.h"

#include "schedule.h"

#define MS UINT64_C(1000000)
#define PRIORITY 40

/* A budget that shares the whole, for threads whose deadlines are so far away. */
static wk_handle sharer(uint64_t deadline_ns)
{
    wk_handle budget;

    assert_ok(wk_budget_split(BOOT_BUDGET, BOOT_BANK, 0, 0, PRIORITY, deadline_ns, &budget));
    return budget;
}

/* A thread on such a budget, which waits for bit 1 of the event; 0: without a deadline. */
static struct thread *waiter_until(uint64_t deadline_ns, uint64_t mask, uint64_t until_ns)
{
    wk_handle thread;
    struct thread *record = spawn(PRIORITY, &thread);

    if (deadline_ns != 0)
        assert_ok(wk_thread_set_budget(thread, sharer(deadline_ns)));
    begin_wait(record, event, mask, until_ns);
    return record;
}

static struct thread *waiter(uint64_t deadline_ns)
{
    return waiter_until(deadline_ns, 2, NEVER);
}

static void signal_one(void)
{
    assert_ok(wk_event_signal(event, 2));
}

static int setup(void **state)
{
    call_setup(state);
    assert_ok(wk_thread_stop(server_handle));
    assert_ok(wk_thread_stop(client_handle));
    return 0;
}

#define order_test(function) cmocka_unit_test_setup(function, setup)

/* The thread runs, and stops. */
static void assert_next(struct thread *thread)
{
    assert_runs(thread);
    begin_wait(thread, event, 4, NEVER);
}

static void the_earliest_deadline_runs_first_and_those_without_last(void **state)
{
    struct thread *without = waiter(0);
    struct thread *late = waiter(30 * MS);
    struct thread *early = waiter(10 * MS);
    struct thread *middling = waiter(20 * MS);

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        signal_one();
    rest();
    assert_next(early);
    assert_next(middling);
    assert_next(late);
    assert_next(without);
}

static void a_deadline_counts_from_when_the_thread_became_ready(void **state)
{
    struct thread *early = waiter_until(10 * MS, 8, NEVER);
    struct thread *late = waiter(15 * MS);

    (void)state;
    pass_to(host_time_ns + 20 * MS); /* what was due before does not count any more */
    signal_one();
    pass_to(host_time_ns + 6 * MS);
    assert_ok(wk_event_signal(event, 8)); /* due a millisecond after the other */
    rest();
    assert_next(late);
    assert_next(early);
}

static void who_stops_before_its_deadline_keeps_it(void **state)
{
    struct thread *early = waiter_until(10 * MS, 8, NEVER);
    struct thread *late = waiter(15 * MS);

    (void)state;
    signal_one();
    pass_to(host_time_ns + 6 * MS);
    assert_ok(wk_event_signal(event, 8));
    rest();
    assert_next(early);
    assert_next(late);
}

static void one_with_an_earlier_deadline_displaces(void **state)
{
    struct thread *early = waiter_until(10 * MS, 8, host_time_ns + 2 * MS);
    struct thread *late = waiter_until(15 * MS, 8, host_time_ns + MS);
    struct thread *without = waiter(0);

    (void)state;
    signal_one();
    rest();
    assert_runs(without);
    pass_to(host_time_ns + MS);
    assert_runs(late);
    pass_to(host_time_ns + MS);
    assert_runs(early);
    assert_next(early);
    assert_next(late);
    assert_next(without);
}

static void priorities_come_first(void **state)
{
    struct thread *early = waiter(10 * MS);
    struct thread *urgent = spawn(PRIORITY + 1, NULL);
    struct thread *low = spawn(PRIORITY - 1, NULL);

    (void)state;
    signal_one();
    rest();
    assert_next(urgent);
    assert_next(early);
    assert_next(low);
}

static void whoever_has_an_earlier_deadline_need_not_take_turns(void **state)
{
    struct thread *early = waiter(10 * MS);
    struct thread *late = waiter(15 * MS);
    struct thread *without = waiter(0);

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        signal_one();
    rest();
    pass_to(host_time_ns + 3 * SLICE_NS);
    assert_runs(early);
    assert_next(early);
    assert_next(late);
    assert_next(without);
}

static void a_server_has_its_callers_deadline(void **state)
{
    struct thread *early = waiter(10 * MS);
    struct thread *late = waiter(15 * MS);
    wk_handle handle;
    struct thread *passive = spawn(1, &handle);

    (void)state;
    begin_receive(passive, endpoint);
    make_passive(handle);
    signal_one();
    signal_one();
    rest();
    begin_call(early, session, 1);
    assert_runs_for(passive, early);
    assert_status(reply_receive_as(passive, endpoint, 0), NOT_ANSWERED);
    assert_next(early);
    assert_next(late);
}

/* ---- a set of periodic tasks ---- */

struct task {
    uint64_t period_ns, work_ns, left_ns, release_ns;
    struct thread *thread;
    wk_handle handle;
    unsigned done, missed;
};

static void sleep_until(struct task *task, uint64_t time_ns)
{
    act_as(task->thread);
    (void)wk_thread_sleep(task->handle, time_ns);
    act_as(boot);
}

static struct task *running_task(struct task *tasks, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (harts[0]->current == tasks[i].thread)
            return &tasks[i];
    assert_null(harts[0]->current);
    return NULL;
}

/* Has whoever runs do its work until it is done or the next timer comes. */
static void advance(struct task *tasks, unsigned count)
{
    struct task *task = running_task(tasks, count);
    const uint64_t timer_ns = harts[0]->arch.timer_ns;
    uint64_t next_ns = task == NULL ? timer_ns : host_time_ns + task->left_ns;
    const uint64_t now_ns = host_time_ns;

    if (timer_ns < next_ns)
        next_ns = timer_ns;
    pass_to(next_ns);
    if (task == NULL)
        return;
    task->left_ns -= next_ns - now_ns;
    if (task->left_ns != 0)
        return;
    task->done++;
    task->missed += host_time_ns > task->release_ns + task->period_ns;
    task->release_ns += task->period_ns;
    task->left_ns = task->work_ns;
    sleep_until(task, task->release_ns);
}

static void run_tasks(struct task *tasks, unsigned count, uint64_t time_ns)
{
    const uint64_t begin_ns = host_time_ns + MS;

    for (unsigned i = 0; i < count; i++) {
        tasks[i].release_ns = begin_ns;
        tasks[i].left_ns = tasks[i].work_ns;
        sleep_until(&tasks[i], begin_ns);
    }
    rest();
    while (host_time_ns < begin_ns + time_ns)
        advance(tasks, count);
}

/* Together 95 % of the hart. */
#define TASKS 3
static void prepare_tasks(struct task tasks[TASKS])
{
    static const uint64_t periods_ms[TASKS] = {10, 14, 35};
    static const uint64_t work_us[TASKS] = {4000, 4900, 7000};

    for (unsigned i = 0; i < TASKS; i++)
        tasks[i] = (struct task){.period_ns = periods_ms[i] * MS, .work_ns = work_us[i] * 1000};
}

static void earliest_deadline_first_misses_none_at_95_percent(void **state)
{
    struct task tasks[TASKS];

    (void)state;
    prepare_tasks(tasks);
    for (unsigned i = 0; i < TASKS; i++) {
        tasks[i].thread = spawn(PRIORITY, &tasks[i].handle);
        assert_ok(wk_thread_set_budget(tasks[i].handle, sharer(tasks[i].period_ns)));
    }
    run_tasks(tasks, TASKS, 700 * MS);
    for (unsigned i = 0; i < TASKS; i++) {
        assert_true(tasks[i].done >= 700 * MS / tasks[i].period_ns);
        assert_int_equal(tasks[i].missed, 0);
    }
}

static void priorities_by_rate_miss_some(void **state)
{
    struct task tasks[TASKS];

    (void)state;
    prepare_tasks(tasks);
    for (unsigned i = 0; i < TASKS; i++)
        tasks[i].thread = spawn(PRIORITY - i, &tasks[i].handle);
    run_tasks(tasks, TASKS, 700 * MS);
    assert_int_equal(tasks[0].missed, 0);
    assert_true(tasks[2].missed > 0);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        order_test(the_earliest_deadline_runs_first_and_those_without_last),
        order_test(a_deadline_counts_from_when_the_thread_became_ready),
        order_test(who_stops_before_its_deadline_keeps_it),
        order_test(one_with_an_earlier_deadline_displaces),
        order_test(priorities_come_first),
        order_test(whoever_has_an_earlier_deadline_need_not_take_turns),
        order_test(a_server_has_its_callers_deadline),
        order_test(earliest_deadline_first_misses_none_at_95_percent),
        order_test(priorities_by_rate_miss_some),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
