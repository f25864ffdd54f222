/* SPDX-License-Identifier: MIT */
/* The tree of budgets: what may be split off, changed and ended, and what that means for the threads. */
#include "calls.h"

#include "schedule.h"

#define MS UINT64_C(1000000)

/* A budget of five of ten milliseconds. */
static wk_handle budget;

static wk_handle split(wk_handle from, uint64_t capacity_ns, uint64_t period_ns, uint64_t priority,
                       uint64_t deadline_ns)
{
    wk_handle part;

    assert_ok(wk_budget_split(from, BOOT_BANK, capacity_ns, period_ns, priority, deadline_ns, &part));
    return part;
}

static enum wk_status try_split(wk_handle from, uint64_t capacity_ns, uint64_t period_ns, uint64_t priority,
                                uint64_t deadline_ns)
{
    wk_handle part;

    return wk_budget_split(from, BOOT_BANK, capacity_ns, period_ns, priority, deadline_ns, &part);
}

static int setup(void **state)
{
    call_setup(state);
    budget = split(BOOT_BUDGET, 5 * MS, 10 * MS, 100, 0);
    return 0;
}

#define budget_test(function) cmocka_unit_test_setup(function, setup)

static uint64_t capacity_of(wk_handle of)
{
    uint64_t capacity, period, priority, deadline, hart, threads;

    assert_ok(wk_budget_info(of, &capacity, &period, &priority, &deadline, &hart, &threads));
    return capacity;
}

static uint64_t threads_of(wk_handle of)
{
    uint64_t capacity, period, priority, deadline, hart, threads;

    assert_ok(wk_budget_info(of, &capacity, &period, &priority, &deadline, &hart, &threads));
    return threads;
}

static uint64_t available_of(wk_handle of)
{
    uint64_t used, exhausted, available, next;

    assert_ok(wk_budget_usage(of, &used, &exhausted, &available, &next));
    return available;
}

/* ---- split ---- */

static void info_tells_what_was_split_off(void **state)
{
    const wk_handle part = split(budget, MS, 20 * MS, 60, 15 * MS);
    uint64_t capacity, period, priority, deadline, hart, threads;

    (void)state;
    assert_ok(wk_budget_info(part, &capacity, &period, &priority, &deadline, &hart, &threads));
    assert_int_equal(capacity, MS);
    assert_int_equal(period, 20 * MS);
    assert_int_equal(priority, 60);
    assert_int_equal(deadline, 15 * MS);
    assert_int_equal(hart, 0);
    assert_int_equal(threads, 0);
    assert_int_equal(capacity_of(budget), 5 * MS - MS / 2); /* half of it in each of its own, shorter periods */
    assert_int_equal(capacity_of(BOOT_BUDGET), 5 * MS);
}

static void the_parts_are_the_whole_at_most(void **state)
{
    (void)state;
    assert_status(try_split(budget, 5 * MS + 1, 10 * MS, 10, 0), WK_NOT_ADMITTED);
    split(budget, 3 * MS, 10 * MS, 10, 0);
    assert_status(try_split(budget, 2 * MS + 1, 10 * MS, 10, 0), WK_NOT_ADMITTED);
    split(budget, 2 * MS, 10 * MS, 10, 0);
    assert_int_equal(capacity_of(budget), 0);
    assert_status(try_split(budget, 1, 10 * MS, 10, 0), WK_NOT_ADMITTED);
    assert_status(try_split(budget, 1, 1000 * MS, 10, 0), WK_NOT_ADMITTED); /* rounded up */
    split(budget, 0, 0, 10, 0);                                             /* but shared it may be */
}

static void parts_of_other_periods_take_their_share_rounded_up(void **state)
{
    (void)state;
    split(budget, MS, 3 * MS, 10, 0);
    assert_int_equal(capacity_of(budget), 5 * MS - 3333334);
    assert_status(try_split(budget, 1666667, 10 * MS, 10, 0), WK_NOT_ADMITTED);
    split(budget, 1666666, 10 * MS, 10, 0);
    assert_int_equal(capacity_of(budget), 0);
}

static void a_part_of_what_shares_is_taken_from_the_pool(void **state)
{
    const wk_handle sharer = split(budget, 0, 0, 90, 0);
    const wk_handle part = split(sharer, 2 * MS, 10 * MS, 90, 0);

    (void)state;
    assert_int_equal(capacity_of(sharer), 0);
    assert_int_equal(capacity_of(budget), 3 * MS);
    assert_status(try_split(sharer, 3 * MS + 1, 10 * MS, 10, 0), WK_NOT_ADMITTED);
    assert_ok(wk_budget_destroy(sharer));
    assert_status(wk_capability_check(part), WK_BAD_HANDLE);
    assert_int_equal(capacity_of(budget), 5 * MS);
}

static void numbers_that_are_no_budget_are_refused(void **state)
{
    (void)state;
    assert_error_at(try_split(budget, 2 * MS, 2 * MS - 1, 10, 0), WK_BAD_ARGUMENT, 2);
    assert_error_at(try_split(budget, 1, 99999, 10, 0), WK_BAD_ARGUMENT, 3);
    assert_ok(try_split(budget, 1, 100000, 10, 0));
    assert_error_at(try_split(budget, 0, 100000, 10, 0), WK_BAD_ARGUMENT, 3);
    assert_error_at(try_split(budget, 0, 0, 101, 0), WK_BAD_ARGUMENT, 4);
    assert_ok(try_split(budget, 0, 0, 100, 0));
    assert_error_at(try_split(budget, MS, 10 * MS, 10, MS - 1), WK_BAD_ARGUMENT, 5);
    assert_error_at(try_split(budget, MS, 10 * MS, 10, 10 * MS + 1), WK_BAD_ARGUMENT, 5);
    assert_ok(try_split(budget, MS, 10 * MS, 10, MS));
    assert_ok(try_split(budget, MS, 10 * MS, 10, 10 * MS));
    assert_ok(try_split(budget, 0, 0, 10, 1));
    assert_ok(try_split(budget, 0, 0, 10, UINT64_MAX));
}

static void a_budget_is_paid_by_the_bank(void **state)
{
    const wk_handle bank = make_bank(BOOT_BANK, 1);
    enum wk_status status;
    wk_handle part;

    (void)state;
    while ((status = wk_budget_split(budget, bank, 0, 0, 10, 0, &part)) == WK_OK)
        continue;
    assert_int_equal(status, WK_NO_MEMORY);
    assert_ok(wk_bank_destroy(bank));
    assert_status(wk_capability_check(part), WK_BAD_HANDLE);
}

/* Its parent or the bank that pays goes while it is being made: nothing is left of it, and its capacity is nowhere else. */
static void a_part_that_is_being_made_ends_with_what_it_is_made_of(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const wk_handle bank = make_bank(BOOT_BANK, 10);
        const wk_handle parent = split(budget, 3 * MS, 10 * MS, 70, 0);
        const uint64_t words[6] = {bank, MS, 20 * MS, 50, 0};

        begin_operation(client, WK_BUDGET_SPLIT, parent, words, 1);
        assert_non_null(client->operation.step);
        act_as(boot);
        assert_status(wk_budget_adjust(parent, 2 * MS, 10 * MS, 70, 0), WK_BUSY);
        assert_ok(i == 0 ? wk_budget_destroy(parent) : wk_bank_destroy(bank));
        assert_int_equal(finish_operation(client), WK_REVOKED);
        act_as(boot);
        if (i == 1)
            assert_ok(wk_budget_destroy(parent));
        assert_int_equal(capacity_of(budget), 5 * MS);
        check_kernel();
    }
}

/* Somebody else is given what was left of the parent. */
static void a_part_that_is_not_admitted_any_more_is_not_made(void **state)
{
    const uint64_t words[6] = {BOOT_BANK, 3 * MS, 10 * MS, 50, 0};

    (void)state;
    begin_operation(client, WK_BUDGET_SPLIT, budget, words, 1);
    assert_non_null(client->operation.step);
    act_as(boot);
    split(budget, 4 * MS, 10 * MS, 50, 0);
    assert_int_equal(finish_operation(client), WK_NOT_ADMITTED);
    act_as(boot);
    assert_int_equal(capacity_of(budget), MS);
    check_kernel();
}

/* ---- threads ---- */

static void no_thread_is_more_urgent_than_its_budget(void **state)
{
    const wk_handle part = split(budget, 0, 0, 72, 0);

    (void)state;
    assert_error_at(wk_thread_set_budget(server_handle, part), WK_BAD_ARGUMENT, 1);
    assert_ok(wk_thread_set_budget(client_handle, part));
    assert_error_at(wk_thread_set_priority(client_handle, 73), WK_BAD_ARGUMENT, 1);
    assert_ok(wk_thread_set_priority(client_handle, 72));
    assert_int_equal(threads_of(part), 1);
}

static void a_new_thread_runs_on_what_its_creator_runs_on(void **state)
{
    wk_handle thread;

    (void)state;
    assert_ok(wk_thread_set_budget(server_handle, budget));
    act_as(server);
    assert_error_at(wk_thread_create(BOOT_PROCESS, 101, &thread), WK_BAD_ARGUMENT, 1);
    assert_ok(wk_thread_create(BOOT_PROCESS, 100, &thread));
    act_as(boot);
    assert_int_equal(threads_of(budget), 2);
}

/* ---- adjust ---- */

static void adjusting_gives_back_and_takes(void **state)
{
    (void)state;
    assert_ok(wk_budget_adjust(budget, 2 * MS, 10 * MS, 100, 0));
    assert_int_equal(capacity_of(BOOT_BUDGET), 8 * MS);
    assert_ok(wk_budget_adjust(budget, 4 * MS, 20 * MS, 100, 0));
    assert_int_equal(capacity_of(BOOT_BUDGET), 8 * MS);
    assert_ok(wk_budget_adjust(budget, 0, 0, 100, 0));
    assert_int_equal(capacity_of(BOOT_BUDGET), 10 * MS);
    assert_ok(wk_budget_adjust(budget, MS, 10 * MS, 100, 0));
    assert_int_equal(capacity_of(BOOT_BUDGET), 9 * MS);
}

static void adjusting_may_take_what_the_parent_has_and_its_own(void **state)
{
    const wk_handle part = split(budget, 2 * MS, 10 * MS, 50, 0);

    (void)state;
    assert_status(wk_budget_adjust(part, 5 * MS + 1, 10 * MS, 50, 0), WK_NOT_ADMITTED);
    assert_ok(wk_budget_adjust(part, 5 * MS, 10 * MS, 50, 0));
    assert_int_equal(capacity_of(budget), 0);
}

static void some_budgets_cannot_be_adjusted(void **state)
{
    const wk_handle part = split(budget, MS, 10 * MS, 70, 0);

    (void)state;
    assert_status(wk_budget_adjust(BOOT_BUDGET, MS, 10 * MS, 10, 0), WK_BUSY);
    assert_status(wk_budget_adjust(budget, MS, 10 * MS, 10, 0), WK_BUSY);
    assert_error_at(wk_budget_adjust(part, MS, 10 * MS, 101, 0), WK_BAD_ARGUMENT, 3);
    assert_error_at(wk_budget_adjust(part, 2, 1, 10, 0), WK_BAD_ARGUMENT, 1);
    assert_error_at(wk_budget_adjust(part, 1, 99, 10, 0), WK_BAD_ARGUMENT, 2);
    assert_error_at(wk_budget_adjust(part, MS, 10 * MS, 10, 1), WK_BAD_ARGUMENT, 4);
    assert_ok(wk_thread_set_budget(client_handle, part));
    assert_status(wk_budget_adjust(part, MS, 10 * MS, 70, 5 * MS), WK_BUSY); /* it would get a deadline */
    make_passive(client_handle);
    begin_receive(client, endpoint);
    assert_ok(wk_budget_adjust(part, MS, 10 * MS, 70, 5 * MS));
    assert_ok(wk_thread_set_budget(client_handle, part));
    assert_ok(wk_budget_adjust(part, MS, 10 * MS, 70, 6 * MS)); /* another it may get */
    assert_status(wk_budget_adjust(part, MS, 10 * MS, 70, 0), WK_BUSY);
}

static void threads_become_as_urgent_as_their_budget(void **state)
{
    enum wk_thread_state thread_state;
    uint64_t priority, hart;

    (void)state;
    assert_ok(wk_thread_set_budget(server_handle, budget));
    assert_ok(wk_thread_set_budget(client_handle, budget));
    assert_ok(wk_budget_adjust(budget, MS, 10 * MS, 72, 0));
    assert_ok(wk_thread_info(server_handle, &thread_state, &priority, &hart));
    assert_int_equal(priority, 72);
    assert_ok(wk_thread_info(client_handle, &thread_state, &priority, &hart));
    assert_int_equal(priority, CLIENT_PRIORITY);
}

static void what_has_been_used_stays_used(void **state)
{
    (void)state;
    assert_ok(wk_thread_set_budget(server_handle, budget));
    rest();
    pass_to(host_time_ns + 3 * MS);
    act_as(client);
    make_current(client);
    assert_ok(wk_budget_adjust(budget, 5 * MS, 10 * MS, 100, 0));
    assert_int_equal(available_of(budget), 2 * MS);
    assert_ok(wk_budget_adjust(budget, 3 * MS, 10 * MS, 100, 0));
    assert_true(available_of(budget) <= 2 * MS);
    act_as(boot);
}

/* ---- the end ---- */

static void threads_of_a_budget_that_ends_become_passive(void **state)
{
    (void)state;
    begin_receive(server, endpoint);
    assert_ok(wk_thread_set_budget(server_handle, budget));
    assert_ok(wk_thread_set_budget(client_handle, budget));
    assert_ok(wk_budget_destroy(budget));
    assert_status(wk_capability_check(budget), WK_BAD_HANDLE);
    assert_int_equal(capacity_of(BOOT_BUDGET), 10 * MS);
    assert_null(server->budget);
    assert_null(client->budget);
    rest();
    assert_null(harts[0]->current); /* nobody pays for the client */
    act_as(boot);
}

static void one_that_ran_goes_on_with_another_budget(void **state)
{
    (void)state;
    assert_ok(wk_thread_set_budget(client_handle, budget));
    assert_ok(wk_budget_destroy(budget));
    assert_ok(wk_thread_set_budget(client_handle, BOOT_BUDGET));
    assert_ok(call_as(client, client_handle, WK_CAPABILITY_CHECK, 0));
}

static void parts_end_with_what_they_were_split_from(void **state)
{
    const wk_handle part = split(budget, MS, 10 * MS, 70, 0);
    const wk_handle part_of_it = split(part, MS / 2, 5 * MS, 70, 0);

    (void)state;
    assert_ok(wk_thread_set_budget(client_handle, part_of_it));
    assert_ok(wk_budget_destroy(budget));
    assert_status(wk_capability_check(part), WK_BAD_HANDLE);
    assert_status(wk_capability_check(part_of_it), WK_BAD_HANDLE);
    assert_null(client->budget);
    assert_int_equal(capacity_of(BOOT_BUDGET), 10 * MS);
}

static void a_budget_ends_with_its_last_capability_or_its_bank(void **state)
{
    const wk_handle bank = make_bank(BOOT_BANK, 10);
    wk_handle part;

    (void)state;
    assert_ok(wk_capability_delete(split(budget, MS, 10 * MS, 70, 0)));
    assert_int_equal(capacity_of(budget), 5 * MS);
    assert_ok(wk_budget_split(budget, bank, MS, 10 * MS, 70, 0, &part));
    assert_int_equal(capacity_of(budget), 4 * MS);
    assert_ok(wk_bank_destroy(bank));
    assert_int_equal(capacity_of(budget), 5 * MS);
}

static void a_thread_destroys_the_budget_that_it_runs_on(void **state)
{
    (void)state;
    assert_ok(wk_thread_set_budget(client_handle, budget));
    assert_ok(call_as(client, budget, WK_BUDGET_DESTROY, 0));
    assert_null(client->budget);
    assert_int_equal(capacity_of(BOOT_BUDGET), 10 * MS);
    rest();
    assert_runs(server);
    act_as(boot);
}

static void the_whole_of_a_hart_stays(void **state)
{
    (void)state;
    assert_error_at(wk_budget_destroy(BOOT_BUDGET), WK_BAD_ARGUMENT, 0);
    assert_ok(wk_capability_delete(BOOT_BUDGET));
    assert_ok(wk_capability_check(BOOT_THREAD)); /* whoever runs on it goes on */
}

static void who_waits_for_what_was_all_split_off_goes_on_when_it_comes_back(void **state)
{
    const wk_handle part = split(budget, 5 * MS, 10 * MS, 70, 0);

    (void)state;
    assert_ok(wk_thread_set_budget(server_handle, budget));
    rest();
    assert_runs(client);
    assert_int_equal(server->place, THREAD_PARKED);
    pass_to(host_time_ns + 100 * MS);
    assert_runs(client);
    act_as(client);
    assert_ok(wk_budget_destroy(part));
    assert_runs(server);
    act_as(boot);
}

/* Over and over a part is made, used up and destroyed. */
static void to_destroy_and_split_again_buys_nothing(void **state)
{
    const uint64_t begin_ns = host_time_ns;
    uint64_t used;

    (void)state;
    assert_ok(wk_thread_set_priority(server_handle, 90));
    assert_ok(wk_thread_stop(client_handle));
    for (unsigned i = 0; i < 200; i++) {
        const uint64_t capacity = MS + i % 7 * 100000;
        const uint64_t period = i < 150 ? 10 * MS : (5 + i % 11) * MS;
        wk_handle part;

        act_as(boot);
        make_current(boot);
        if (wk_budget_split(budget, BOOT_BANK, capacity, period, 95, 0, &part) != WK_OK)
            continue;
        assert_ok(wk_thread_set_budget(server_handle, part));
        begin_wait(boot, event, 1, host_time_ns + 300000 + i % 5 * 333333);
        pass_to(host_time_ns + 300000 + i % 5 * 333333);
        assert_ok(wk_budget_destroy(part));
    }
    assert_ok(wk_thread_usage(server_handle, &used));
    assert_true(used >= 10 * MS); /* it is not that nothing runs */
    assert_true(used <= 5 * MS * ((host_time_ns - begin_ns) / (10 * MS) + 2));
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        budget_test(info_tells_what_was_split_off),
        budget_test(the_parts_are_the_whole_at_most),
        budget_test(parts_of_other_periods_take_their_share_rounded_up),
        budget_test(a_part_of_what_shares_is_taken_from_the_pool),
        budget_test(numbers_that_are_no_budget_are_refused),
        budget_test(a_budget_is_paid_by_the_bank),
        budget_test(a_part_that_is_being_made_ends_with_what_it_is_made_of),
        budget_test(a_part_that_is_not_admitted_any_more_is_not_made),
        budget_test(no_thread_is_more_urgent_than_its_budget),
        budget_test(a_new_thread_runs_on_what_its_creator_runs_on),
        budget_test(adjusting_gives_back_and_takes),
        budget_test(adjusting_may_take_what_the_parent_has_and_its_own),
        budget_test(some_budgets_cannot_be_adjusted),
        budget_test(threads_become_as_urgent_as_their_budget),
        budget_test(what_has_been_used_stays_used),
        budget_test(threads_of_a_budget_that_ends_become_passive),
        budget_test(one_that_ran_goes_on_with_another_budget),
        budget_test(parts_end_with_what_they_were_split_from),
        budget_test(a_budget_ends_with_its_last_capability_or_its_bank),
        budget_test(a_thread_destroys_the_budget_that_it_runs_on),
        budget_test(the_whole_of_a_hart_stays),
        budget_test(who_waits_for_what_was_all_split_off_goes_on_when_it_comes_back),
        budget_test(to_destroy_and_split_again_buys_nothing),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
