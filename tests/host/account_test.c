/* SPDX-License-Identifier: MIT */
/* One account of processor time, alone on a processor. */
#include "account.h"
#include "account_record.h"
#include "harness.h"

static void assert_replenishment(const struct account *account, uint32_t place, uint64_t time_ns, uint64_t amount_ns)
{
    assert_true(place < account->count);
    assert_int_equal(account_replenishment(account, place)->time_ns, time_ns);
    assert_int_equal(account_replenishment(account, place)->amount_ns, amount_ns);
}

static uint64_t lesser(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

static void charge(struct account *account, uint64_t start_ns, uint64_t used_ns)
{
    account_charge(account, start_ns, used_ns);
    check_account(account);
}

static void what_is_used_comes_back_one_period_after_the_start(void **state)
{
    struct account account;

    (void)state;
    account_init(&account, 10, 100, 5);
    check_account(&account);
    assert_int_equal(account_available(&account, 4), 0);
    assert_int_equal(account_next(&account), 5);
    assert_int_equal(account_available(&account, 5), 10);
    charge(&account, 7, 10);
    assert_int_equal(account_available(&account, 106), 0);
    assert_int_equal(account_next(&account), 107);
    assert_int_equal(account_available(&account, 107), 10);
}

static void a_run_goes_on_with_what_falls_due_and_comes_back_whole(void **state)
{
    struct account account;

    (void)state;
    account_init(&account, 10, 100, 0);
    charge(&account, 0, 3);
    charge(&account, 4, 4);
    charge(&account, 9, 3);
    assert_int_equal(account.count, 3);
    assert_int_equal(account_available(&account, 100), 3); /* the next 4 are due at 104, too late by 1 */
    assert_int_equal(account_available(&account, 101), 7);
    assert_int_equal(account_available(&account, 102), 10);
    charge(&account, 102, 9);
    assert_int_equal(account.count, 2);
    assert_replenishment(&account, 0, 111, 1);
    assert_replenishment(&account, 1, 202, 9);
}

static void a_run_charged_in_parts_is_one_run(void **state)
{
    struct account account;

    (void)state;
    account_init(&account, 10, 100, 0);
    charge(&account, 0, 3);
    charge(&account, 3, 4);
    assert_int_equal(account.count, 2);
    assert_replenishment(&account, 0, 7, 3);
    assert_replenishment(&account, 1, 100, 7);
    charge(&account, 7, 3);
    assert_int_equal(account.count, 1);
    assert_replenishment(&account, 0, 100, 10);
}

static void what_was_taken_early_is_part_of_the_next_run(void **state)
{
    struct account account;

    (void)state;
    account_init(&account, 10, 100, 0);
    charge(&account, 0, 4);
    charge(&account, 50, 6);
    charge(&account, 100, 7); /* 4 in time */
    assert_int_equal(account.count, 2);
    assert_replenishment(&account, 0, 150, 6);
    assert_replenishment(&account, 1, 200, 4);
    assert_int_equal(account_next(&account), 153); /* as if the 3 had run from 150 on */
    assert_int_equal(account_available(&account, 152), 0);
    assert_int_equal(account_available(&account, 153), 3);
    charge(&account, 160, 2); /* as if 5 from 157 on */
    assert_int_equal(account.count, 3);
    assert_replenishment(&account, 0, 162, 1);
    assert_replenishment(&account, 2, 257, 5);
    assert_int_equal(account_next(&account), 162);
}

static void who_always_stops_late_has_one_replenishment(void **state)
{
    struct account account;
    uint64_t now_ns = 0;

    (void)state;
    account_init(&account, 10, 100, 0);
    for (unsigned i = 0; i < 20; i++) {
        const uint64_t available_ns = account_available(&account, now_ns);

        assert_int_equal(available_ns, i == 0 ? 10 : 8);
        charge(&account, now_ns, available_ns + 2);
        assert_int_equal(account.count, 1);
        assert_int_equal(account_next(&account), 100 * (i + 1) + 2);
        now_ns = account_next(&account);
    }
}

static void who_used_more_than_there_is_waits_until_it_is_earned(void **state)
{
    struct account account;

    (void)state;
    account_init(&account, 10, 100, 0);
    charge(&account, 0, 35); /* 10 in time, 25 more than that: 3 periods' worth */
    assert_int_equal(account.count, 1);
    assert_replenishment(&account, 0, 400, 10);

    account_init(&account, 10, 100, 0);
    charge(&account, 0, 4);
    charge(&account, 10, 15); /* 6 in time; 9: the 4, and 5 of the 6 */
    assert_int_equal(account.count, 2);
    assert_replenishment(&account, 0, 110, 6);
    assert_replenishment(&account, 1, 200, 4);
    assert_int_equal(account_next(&account), 115);

    account_init(&account, 1, ACCOUNT_PERIOD_MAX_NS, 0);
    for (unsigned i = 0; i < 100; i++)
        charge(&account, 0, ACCOUNT_FOREVER_NS - 1);
    assert_true(account_next(&account) >= ACCOUNT_FOREVER_NS);
    assert_true(account_next(&account) < 2 * ACCOUNT_FOREVER_NS);
}

static void little_that_is_due_late_does_not_hold_up_the_rest(void **state)
{
    struct account account, guest;

    (void)state;
    account_init(&account, 1000, 2000, 0);
    assert_true(split_account(&account, &guest, 10000, 1000000, 0));
    charge(&guest, 0, 10000);
    merge_account(&account, &guest, 0);
    charge(&account, 0, 5000); /* 980 in time: the other 20 are due in the guest's period */
    assert_int_equal(account.count, 2);
    assert_replenishment(&account, 0, 12000, 980); /* 4020 more than that: 5 periods' worth */
    assert_true(account_replenishment(&account, 1)->time_ns >= 1000000);
    assert_int_equal(account_replenishment(&account, 1)->amount_ns, 20);
}

static void a_full_account_is_not_charged(void **state)
{
    struct account account;

    (void)state;
    account_init(&account, 100, 100, 50);
    assert_false(account_is_full(&account, 49));
    assert_true(account_is_full(&account, 50));
    assert_int_equal(account_available(&account, 49), 0);
    assert_int_equal(account_available(&account, 50), UINT64_MAX);
    charge(&account, 60, 1000);
    assert_true(account_is_full(&account, 60));
}

static void an_account_of_all_time_is_full_again_however_it_is_used(void **state)
{
    struct account account, guest;

    (void)state;
    account_init(&account, 100, 100, 0);
    assert_true(split_account(&account, &guest, 30, 100, 0));
    charge(&guest, 0, 30);
    merge_account(&account, &guest, 60);
    for (uint64_t now_ns = 60; now_ns < 110; now_ns += 10) {
        assert_false(account_is_full(&account, now_ns));
        charge(&account, now_ns, 5);
    }
    assert_true(account_is_full(&account, 110));
}

static void an_account_of_all_time_is_full_when_its_debt_is_paid(void **state)
{
    struct account account;

    (void)state;
    account_init(&account, 100, 100, 50);
    charge(&account, 40, 5);
    assert_false(account_is_full(&account, 54));
    assert_true(account_is_full(&account, 55));

    account_init(&account, 99, 100, 0);
    assert_false(account_is_full(&account, 100));
    assert_int_equal(account_available(&account, 100), 99);
}

static void an_account_without_capacity_is_dry_forever(void **state)
{
    struct account account;

    (void)state;
    account_init(&account, 0, 100, 0);
    check_account(&account);
    assert_int_equal(account_available(&account, 1000), 0);
    assert_int_equal(account_next(&account), UINT64_MAX);
    charge(&account, 0, 1);
    assert_int_equal(account.count, 0);
}

static void where_there_is_no_room_the_least_is_delayed_least(void **state)
{
    static const uint64_t amounts[] = {2, 4, 3, 1, 1, 3, 4}; /* with the rest, 8 */
    const uint64_t us = 1024;                                /* less than a quarter of that is not told apart */
    struct account account;
    uint64_t time_ns = 0;

    (void)state;
    account_init(&account, 20 * us, 1000 * us, 0);
    for (unsigned i = 0; i < sizeof(amounts) / sizeof(*amounts); i++, time_ns += 10 * us)
        charge(&account, time_ns, amounts[i] * us);
    assert_int_equal(account.count, 8);
    charge(&account, 70 * us, 1 * us);
    assert_int_equal(account.count, 8);
    assert_replenishment(&account, 0, 71 * us, 1 * us); /* the first stays */
    assert_replenishment(&account, 1, 1000 * us, 2 * us);
    assert_replenishment(&account, 3, 1020 * us, 3 * us);
    assert_replenishment(&account, 4, 1039 * us, 2 * us); /* 1 that was due at 1030, and then 1 from 1040 on */
    assert_replenishment(&account, 5, 1050 * us, 3 * us);
    assert_replenishment(&account, 7, 1070 * us, 1 * us);
}

/* So that a charge at the end of a run finds room. What is due by then is one for nothing. */
static void room_is_made_before_a_run(void **state)
{
    struct account account;

    (void)state;
    account_init(&account, 1000, 100000, 0);
    for (uint64_t time_ns = 0; account.count < ACCOUNT_REPLENISHMENTS_MAX - 1; time_ns += 1000) {
        const uint32_t count = account.count;

        account_make_room(&account, time_ns);
        assert_int_equal(account.count, count);
        charge(&account, time_ns, 10);
    }
    account_make_room(&account, 50000);
    check_account(&account);
    assert_int_equal(account.count, ACCOUNT_REPLENISHMENTS_MAX - 2);
    charge(&account, 50000, 10);
    assert_int_equal(account.count, ACCOUNT_REPLENISHMENTS_MAX - 1);
    account_make_room(&account, 104000);
    assert_int_equal(account.count, 3);
    assert_replenishment(&account, 0, 104000, 980);
}

/* Parts of a long period that came and went leave a little that is due very late. It must not draw more after it. */
static void what_is_due_soon_is_not_put_off_to_what_is_due_late(void **state)
{
    const uint64_t ms = 1000000;
    struct account whole, part;
    uint64_t now_ns = 20 * ms;
    uint64_t late_ns = 0;

    (void)state;
    account_init(&whole, 10 * ms, 10 * ms, 0);
    for (unsigned i = 0; i < 10; i++, now_ns += 3000) {
        assert_true(split_account(&whole, &part, 1000, 100000 * ms, now_ns));
        charge(&part, now_ns, 1000);
        merge_account(&whole, &part, now_ns + 1000);
        check_account(&whole);
    }
    for (unsigned i = 0; i < 2000; i++, now_ns += 100000)
        charge(&whole, now_ns, lesser(account_available(&whole, now_ns), 90000));
    for (unsigned i = 0; i < whole.count; i++)
        if (account_replenishment(&whole, i)->time_ns > now_ns + 1000 * ms)
            late_ns += account_replenishment(&whole, i)->amount_ns;
    assert_true(late_ns <= 10);
}

/* ---- runs without end ---- */

static struct record alone;
static uint64_t early_ns[RECORD_RUNS_MAX]; /* what each run took early */

/* It may sleep between runs; a run that uses all there is may stop late. Returns when the last ended. */
static uint64_t run_alone(struct account *account, uint64_t run_most_ns, uint64_t sleep_most_ns, uint64_t late_most_ns,
                          unsigned runs)
{
    uint64_t now_ns = 0;

    alone.count = 0;
    for (unsigned run = 0; run < runs; run++) {
        uint64_t available_ns, used_ns;

        now_ns += random_below(sleep_most_ns + 1);
        now_ns = now_ns > account_next(account) ? now_ns : account_next(account);
        available_ns = account_available(account, now_ns);
        used_ns = 1 + random_below(run_most_ns);
        if (used_ns >= available_ns)
            used_ns = available_ns + random_below(late_most_ns + 1);
        early_ns[run] = used_ns > available_ns ? used_ns - available_ns : 0;
        record_add(&alone, now_ns, used_ns);
        charge(account, now_ns, used_ns);
        now_ns += used_ns;
    }
    return now_ns;
}

static void an_account_gets_what_it_has(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 20; set++) {
        const uint64_t capacity_ns = 500 + 20 * set;
        struct account account;
        uint64_t end_ns;

        random_begin(set);
        account_init(&account, capacity_ns, 1000, 0);
        end_ns = run_alone(&account, 1 + random_magnitude(1000), 0, 0, 3000);
        assert_true(record_until(&alone, end_ns) >= end_ns / 1000 * capacity_ns);
    }
}

static void no_number_of_periods_has_more_even_with_runs_that_stop_late(void **state)
{
    static const unsigned periods[] = {1, 2, 3, 10, 50};

    (void)state;
    for (unsigned set = 0; set < 200; set++) {
        uint64_t period_ns, capacity_ns, sleep_most_ns;
        struct account account;

        random_begin(set);
        period_ns = 100 + random_magnitude(10000);
        capacity_ns = random_magnitude(period_ns - 1);
        account_init(&account, capacity_ns, period_ns, 0);
        sleep_most_ns = set % 2 == 0 ? 0 : random_magnitude(period_ns / 20);
        run_alone(&account, random_magnitude(2 * capacity_ns), sleep_most_ns, random_magnitude(4 * capacity_ns), 1000);
        for (unsigned i = 0; i < 2 * alone.count; i++) {
            for (unsigned j = 0; j < sizeof(periods) / sizeof(*periods); j++) {
                const uint64_t start_ns = record_window(&alone, i, periods[j] * period_ns);
                const uint64_t end_ns = start_ns + periods[j] * period_ns;
                const unsigned last = record_last_before(&alone, end_ns);

                assert_true(record_between(&alone, start_ns, end_ns) <= periods[j] * capacity_ns + early_ns[last]);
            }
        }
    }
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_used_comes_back_one_period_after_the_start),
        cmocka_unit_test(a_run_goes_on_with_what_falls_due_and_comes_back_whole),
        cmocka_unit_test(a_run_charged_in_parts_is_one_run),
        cmocka_unit_test(what_was_taken_early_is_part_of_the_next_run),
        cmocka_unit_test(who_always_stops_late_has_one_replenishment),
        cmocka_unit_test(who_used_more_than_there_is_waits_until_it_is_earned),
        cmocka_unit_test(little_that_is_due_late_does_not_hold_up_the_rest),
        cmocka_unit_test(a_full_account_is_not_charged),
        cmocka_unit_test(an_account_of_all_time_is_full_again_however_it_is_used),
        cmocka_unit_test(an_account_of_all_time_is_full_when_its_debt_is_paid),
        cmocka_unit_test(an_account_without_capacity_is_dry_forever),
        cmocka_unit_test(where_there_is_no_room_the_least_is_delayed_least),
        cmocka_unit_test(room_is_made_before_a_run),
        cmocka_unit_test(what_is_due_soon_is_not_put_off_to_what_is_due_late),
        cmocka_unit_test(an_account_gets_what_it_has),
        cmocka_unit_test(no_number_of_periods_has_more_even_with_runs_that_stop_late),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
