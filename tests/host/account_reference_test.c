/* SPDX-License-Identifier: MIT */
/* Accounts of processor time that share a processor, against a reference that has as many replenishments as there are
 * runs, and by how much they let run in any window. */
#include "account.h"
#include "account_record.h"
#include "harness.h"

/* ---- the reference ---- */

#define REFERENCE_MAX 4000

struct reference {
    uint64_t period_ns;
    unsigned count;
    struct replenishment list[REFERENCE_MAX]; /* by time */
};

static uint64_t reference_available(const struct reference *reference, uint64_t now_ns)
{
    uint64_t end_ns = now_ns;

    for (unsigned i = 0; i < reference->count && reference->list[i].time_ns <= end_ns; i++)
        end_ns += reference->list[i].amount_ns;
    return end_ns - now_ns;
}

/* All that has fallen due is one. */
static void reference_settle(struct reference *reference, uint64_t now_ns)
{
    uint64_t due_ns = 0;
    unsigned due = 0;

    for (; due < reference->count && reference->list[due].time_ns <= now_ns; due++)
        due_ns += reference->list[due].amount_ns;
    if (due == 0)
        return;
    reference->list[0] = (struct replenishment){now_ns, due_ns};
    for (unsigned i = due; i < reference->count; i++)
        reference->list[i - due + 1] = reference->list[i];
    reference->count -= due - 1;
}

/* The run stopped in time, so that it comes last. */
static void reference_charge(struct reference *reference, uint64_t start_ns, uint64_t used_ns)
{
    const uint64_t time_ns = start_ns + reference->period_ns;
    uint64_t left_ns = used_ns;
    struct replenishment *last;
    unsigned kept = 0;

    for (unsigned i = 0; i < reference->count; i++) {
        struct replenishment each = reference->list[i];
        const uint64_t taken_ns = each.amount_ns < left_ns ? each.amount_ns : left_ns;

        left_ns -= taken_ns;
        each.amount_ns -= taken_ns;
        if (each.amount_ns > 0)
            reference->list[kept++] = each;
    }
    assert_int_equal(left_ns, 0);
    assert_true(kept < REFERENCE_MAX);
    reference->count = kept;
    reference_settle(reference, start_ns + used_ns);
    last = reference->count > 0 ? &reference->list[reference->count - 1] : NULL;
    if (last != NULL && last->time_ns + last->amount_ns == time_ns)
        last->amount_ns += used_ns; /* it is the same run still */
    else
        reference->list[reference->count++] = (struct replenishment){time_ns, used_ns};
}

static bool reference_equals(const struct reference *reference, const struct account *account, uint64_t now_ns)
{
    if (reference->count != account->count)
        return false;
    for (unsigned i = 0; i < reference->count; i++) {
        const uint64_t time_ns =
            account_replenishment(account, i)->time_ns > now_ns ? account_replenishment(account, i)->time_ns : now_ns;

        if (time_ns != reference->list[i].time_ns ||
            account_replenishment(account, i)->amount_ns != reference->list[i].amount_ns)
            return false;
    }
    return true;
}

/* Whenever the account goes on running, it comes to no nanosecond of its time earlier than the reference does. */
static void assert_no_earlier(const struct account *account, const struct reference *reference)
{
    uint64_t end_ns = 0, reference_end_ns = 0; /* of what has been run */
    uint64_t left_ns = 0, reference_left_ns = 0;
    unsigned i = 0, j = 0;

    while (left_ns > 0 || i < account->count) {
        uint64_t both_ns;

        if (left_ns == 0) {
            end_ns = account_replenishment(account, i)->time_ns > end_ns ? account_replenishment(account, i)->time_ns
                                                                         : end_ns;
            left_ns = account_replenishment(account, i++)->amount_ns;
        }
        if (reference_left_ns == 0) {
            assert_true(j < reference->count);
            reference_end_ns =
                reference->list[j].time_ns > reference_end_ns ? reference->list[j].time_ns : reference_end_ns;
            reference_left_ns = reference->list[j++].amount_ns;
        }
        assert_true(end_ns >= reference_end_ns);
        both_ns = left_ns < reference_left_ns ? left_ns : reference_left_ns;
        left_ns -= both_ns;
        reference_left_ns -= both_ns;
        end_ns += both_ns;
        reference_end_ns += both_ns;
    }
}

/* ---- accounts that share a processor ---- */

#define ACCOUNTS_MAX 6

struct task {
    struct account account;
    struct reference reference;
    bool is_exact; /* nothing was delayed for want of room */
    uint64_t wake_ns;
    uint64_t run_most_ns; /* how long it runs before it sleeps or is preempted, at most */
    uint64_t sleep_most_ns;
    struct record record;
};

static struct task tasks[ACCOUNTS_MAX];
static unsigned exact_charges, delayed_charges;

static void task_begin(struct task *task)
{
    const uint64_t period_ns = 100 + random_magnitude(10000);
    const uint64_t capacity_ns = random_below(8) == 0 ? period_ns : 1 + random_below(period_ns);

    account_init(&task->account, capacity_ns, period_ns, 0);
    task->reference.period_ns = period_ns;
    task->reference.count = 1;
    task->reference.list[0] = (struct replenishment){0, capacity_ns};
    task->is_exact = true;
    task->wake_ns = 0;
    task->run_most_ns = random_magnitude(period_ns);
    task->sleep_most_ns = random_magnitude(period_ns);
    task->record.count = 0;
}

/* As before each run. The reference needs none. */
static void task_make_room(struct task *task, uint64_t now_ns)
{
    account_make_room(&task->account, now_ns);
    check_account(&task->account);
    if (task->reference.count >= ACCOUNT_REPLENISHMENTS_MAX - 1)
        task->is_exact = false;
}

/* How long it may run now; compares what the account and the reference say. */
static uint64_t task_available(const struct task *task, uint64_t now_ns)
{
    const uint64_t available_ns = account_available(&task->account, now_ns);

    if (account_is_full(&task->account, now_ns))
        assert_int_equal(available_ns, UINT64_MAX);
    else if (task->is_exact)
        assert_int_equal(available_ns, reference_available(&task->reference, now_ns));
    else
        assert_true(available_ns <= reference_available(&task->reference, now_ns));
    assert_int_equal(available_ns == 0, account_next(&task->account) > now_ns);
    return available_ns;
}

static void task_run(struct task *task, uint64_t start_ns, uint64_t used_ns)
{
    const bool was_full = account_is_full(&task->account, start_ns);

    record_add(&task->record, start_ns, used_ns);
    account_charge(&task->account, start_ns, used_ns);
    check_account(&task->account);
    reference_settle(&task->reference, start_ns);
    if (was_full || (task->account.capacity_ns == task->account.period_ns && task->reference.count == 1 &&
                     task->reference.list[0].time_ns <= start_ns))
        return;
    reference_charge(&task->reference, start_ns, used_ns);
    if (task->reference.count >= ACCOUNT_REPLENISHMENTS_MAX)
        task->is_exact = false;
    if (reference_equals(&task->reference, &task->account, start_ns + used_ns))
        task->is_exact = true;
    assert_true(!task->is_exact || reference_equals(&task->reference, &task->account, start_ns + used_ns));
    assert_no_earlier(&task->account, &task->reference);
    *(task->is_exact ? &exact_charges : &delayed_charges) += 1;
}

/* The first task from a random one on that can run; NULL if none can. */
static struct task *task_choose(unsigned count, uint64_t now_ns)
{
    const unsigned first = (unsigned)random_below(count);

    for (unsigned i = 0; i < count; i++) {
        struct task *task = &tasks[(first + i) % count];

        if (task->wake_ns <= now_ns && task_available(task, now_ns) > 0)
            return task;
    }
    return NULL;
}

static uint64_t first_time(unsigned count)
{
    uint64_t first_ns = UINT64_MAX;

    for (unsigned i = 0; i < count; i++) {
        const uint64_t next_ns = account_next(&tasks[i].account);
        const uint64_t time_ns = next_ns > tasks[i].wake_ns ? next_ns : tasks[i].wake_ns;

        first_ns = time_ns < first_ns ? time_ns : first_ns;
    }
    return first_ns;
}

static void run_tasks(unsigned count, unsigned steps)
{
    uint64_t now_ns = 0;

    for (unsigned step = 0; step < steps; step++) {
        struct task *task = task_choose(count, now_ns);
        uint64_t used_ns, available_ns;

        if (task == NULL) {
            assert_true(first_time(count) > now_ns);
            now_ns = first_time(count);
            continue;
        }
        task_make_room(task, now_ns);
        available_ns = task_available(task, now_ns);
        used_ns = random_below(4) == 0 ? 3 * task->account.period_ns : 1 + random_below(task->run_most_ns);
        used_ns = used_ns < available_ns ? used_ns : available_ns;
        task_run(task, now_ns, used_ns);
        now_ns += used_ns;
        if (random_below(2) == 0)
            task->wake_ns = now_ns + 1 + random_below(task->sleep_most_ns);
    }
}

static void no_window_has_more_than_the_capacity(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 240; set++) {
        const unsigned count = 1 + set % ACCOUNTS_MAX;

        random_begin(set);
        for (unsigned i = 0; i < count; i++)
            task_begin(&tasks[i]);
        run_tasks(count, 4000);
        for (unsigned i = 0; i < count; i++)
            assert_true(record_most(&tasks[i].record, tasks[i].account.period_ns) <= tasks[i].account.capacity_ns);
    }
    assert_true(exact_charges > 10000); /* the comparisons did take place */
    assert_true(delayed_charges > 10000);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_window_has_more_than_the_capacity),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
