/* SPDX-License-Identifier: MIT */
/* Capacity of processor time is divided among accounts: shares, and what of them has been used. */
#include "account.h"
#include "account_record.h"
#include "harness.h"

#include <string.h>

/* ---- what a share is ---- */

static uint64_t share(uint64_t parent_period_ns, uint64_t capacity_ns, uint64_t period_ns)
{
    struct account parent;

    account_init(&parent, parent_period_ns, parent_period_ns, 0);
    return account_share(&parent, capacity_ns, period_ns);
}

static void a_share_is_in_proportion_rounded_up(void **state)
{
    const uint64_t most_ns = ACCOUNT_PERIOD_MAX_NS;

    (void)state;
    assert_int_equal(share(100, 0, 10), 0);
    assert_int_equal(share(100, 1, 10), 10);
    assert_int_equal(share(10, 10, 100), 1);
    assert_int_equal(share(10, 11, 100), 2);
    assert_int_equal(share(100, 100, 100), 100);
    assert_int_equal(share(most_ns, most_ns, most_ns), most_ns);
    assert_int_equal(share(most_ns, 1, most_ns), 1);
    assert_int_equal(share(1, 1, most_ns), 1);
    assert_int_equal(share(100, 11, 10), UINT64_MAX);
    assert_int_equal(share(100, 0, 0), 0);
    assert_int_equal(share(100, 1, most_ns + 1), UINT64_MAX);
    assert_int_equal(share(100, UINT64_MAX, UINT64_MAX), UINT64_MAX);
    random_begin(0);
    for (unsigned i = 0; i < 100000; i++) {
        const uint64_t parent_ns = random_magnitude(most_ns);
        const uint64_t period_ns = random_magnitude(most_ns);
        const uint64_t capacity_ns = random_below(period_ns + 1);
        const unsigned __int128 product = (unsigned __int128)capacity_ns * parent_ns;

        assert_true(share(parent_ns, capacity_ns, period_ns) == (product + period_ns - 1) / period_ns);
    }
}

/* Asks for about as much as is left. `left_ns` is what remains of the parent, by the test's own account. */
static void split_off(struct account *parent, uint64_t *left_ns)
{
    const uint64_t period_ns = random_magnitude(ACCOUNT_PERIOD_MAX_NS);
    const uint64_t whole_ns =
        (uint64_t)((unsigned __int128)*left_ns * period_ns / parent->period_ns >> (random_below(4) == 0));
    const uint64_t most_ns = (whole_ns >> random_below(20)) + random_below(3);
    const uint64_t capacity_ns = most_ns < period_ns ? most_ns : period_ns;
    const unsigned __int128 product = (unsigned __int128)capacity_ns * parent->period_ns;
    const uint64_t share_ns = (uint64_t)((product + period_ns - 1) / period_ns);
    const struct account before = *parent;
    struct account child;

    if (split_account(parent, &child, capacity_ns, period_ns, 0)) {
        assert_true(share_ns <= *left_ns);
        *left_ns -= share_ns;
        check_account(&child);
        assert_int_equal(child.capacity_ns, capacity_ns);
        assert_int_equal(child.period_ns, period_ns);
    } else {
        assert_true(share_ns > *left_ns);
        assert_memory_equal(parent, &before, sizeof(before));
    }
    check_account(parent);
    assert_int_equal(parent->capacity_ns, *left_ns);
}

static void exactly_what_exceeds_the_whole_is_refused(void **state)
{
    struct account parent;

    (void)state;
    random_begin(1);
    for (unsigned set = 0; set < 1000; set++) {
        const uint64_t period_ns = random_magnitude(ACCOUNT_PERIOD_MAX_NS);
        uint64_t left_ns = 1 + random_below(period_ns);

        memset(&parent, 0, sizeof(parent));
        account_init(&parent, left_ns, period_ns, 0);
        for (unsigned i = 0; i < 40; i++)
            split_off(&parent, &left_ns);
    }
}

/* ---- what has been used ---- */

static void assert_list(const struct account *account, uint32_t count, const struct replenishment *list)
{
    check_account(account);
    assert_int_equal(account->count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(account_replenishment(account, i)->time_ns, list[i].time_ns);
        assert_int_equal(account_replenishment(account, i)->amount_ns, list[i].amount_ns);
    }
}

#define assert_list_is(account, ...)                                                                                   \
    assert_list(account, sizeof((struct replenishment[]){__VA_ARGS__}) / sizeof(struct replenishment),                 \
                (struct replenishment[]){__VA_ARGS__})

/* An account of 60 of 100, of which 20 were used at 0 and 15 at 30. */
static struct account used_account(void)
{
    struct account account;

    account_init(&account, 60, 100, 0);
    account_charge(&account, 0, 20);
    account_charge(&account, 30, 15);
    assert_list_is(&account, {45, 25}, {100, 20}, {130, 15});
    return account;
}

static void a_child_gets_what_is_due_last(void **state)
{
    struct account parent = used_account();
    struct account child;

    (void)state;
    assert_true(split_account(&parent, &child, 40, 100, 50));
    assert_list_is(&parent, {50, 20});
    assert_list_is(&child, {50, 5}, {100, 20}, {130, 15});
    merge_account(&parent, &child, 60);
    assert_list_is(&parent, {60, 25}, {100, 20}, {130, 15});
    assert_int_equal(child.capacity_ns, 0);
    check_account(&child);
}

static void the_latest_of_a_share_counts_if_the_period_is_shorter(void **state)
{
    struct account parent = used_account();
    struct account child;

    (void)state;
    assert_true(split_account(&parent, &child, 4, 10, 50));
    assert_list_is(&parent, {50, 20});
    assert_list_is(&child, {130, 4});
    account_charge(&child, 200, 3);
    merge_account(&parent, &child, 204);
    assert_list_is(&parent, {204, 21}, {210, 3}, {310, 36});
}

static void the_rest_is_due_a_period_later_if_the_period_is_longer(void **state)
{
    struct account parent = used_account();
    struct account child;

    (void)state;
    assert_true(split_account(&parent, &child, 100, 1000, 50));
    assert_list_is(&parent, {50, 25}, {100, 20}, {130, 5});
    assert_list_is(&child, {130, 10}, {1130, 90});
    account_charge(&child, 2000, 95);
    merge_account(&parent, &child, 2200);
    assert_list_is(&parent, {2200, 50}, {3000, 10});
}

/* It keeps what it has, takes the latest of the parent's, and gives the latest of its own. */
static void what_changes_hands_by_an_adjustment_is_due_last(void **state)
{
    struct account parent = used_account();
    struct account child;

    (void)state;
    assert_true(split_account(&parent, &child, 20, 100, 50));
    assert_list_is(&parent, {50, 25}, {100, 15});
    assert_list_is(&child, {100, 5}, {130, 15});
    account_adjust(&parent, &child, 40, 100, 60);
    assert_list_is(&parent, {60, 20});
    assert_list_is(&child, {60, 5}, {100, 20}, {130, 15});
    account_adjust(&parent, &child, 10, 100, 70);
    assert_list_is(&parent, {70, 20}, {100, 15}, {130, 15});
    assert_list_is(&child, {70, 5}, {100, 5});
    account_adjust(&parent, &child, 3, 30, 80);
    assert_list_is(&child, {100, 3});
    account_adjust(&parent, &child, 20, 200, 90);
    assert_list_is(&child, {100, 3}, {200, 7}, {400, 10});
    assert_int_equal(child.share_ns, 10);
    check_account(&parent);
}

/* So that few are moved at once: those of the one that has more become fewer, and nothing else changes. */
static void two_accounts_that_exchange_have_few(void **state)
{
    struct account parent, child;
    unsigned joined = 0;

    (void)state;
    account_init(&parent, 80, 1000, 0);
    assert_true(split_account(&parent, &child, 40, 1000, 0));
    for (uint64_t time_ns = 0; time_ns < 70; time_ns += 10) {
        account_charge(&child, time_ns, 1);
        account_charge(&parent, time_ns + 5, 1);
    }
    assert_int_equal(parent.count + child.count, 16);
    while (account_join(&parent, &child)) {
        joined++;
        check_account(&parent);
        check_account(&child);
    }
    assert_int_equal(joined, 16 - ACCOUNT_TOGETHER_MAX);
    assert_true(parent.count >= 2 && child.count >= 2);
    assert_int_equal(account_available(&parent, 70), 33);
    assert_int_equal(account_available(&child, 70), 33);
}

static void an_account_can_be_given_away_whole(void **state)
{
    struct account parent, child, grandchild;

    (void)state;
    account_init(&parent, 100, 100, 0);
    assert_true(split_account(&parent, &child, 10, 10, 5));
    check_account(&parent);
    assert_int_equal(parent.capacity_ns, 0);
    assert_int_equal(account_available(&parent, 1000), 0);
    assert_true(account_is_full(&child, 5));
    assert_true(split_account(&child, &grandchild, 0, 10, 5));
    assert_true(account_is_full(&child, 5));
    assert_int_equal(account_next(&grandchild), UINT64_MAX);
    merge_account(&child, &grandchild, 6);
    assert_true(account_is_full(&child, 6));
    merge_account(&parent, &child, 7);
    assert_list_is(&parent, {7, 10}, {107, 90});
    assert_false(account_is_full(&parent, 7));
    assert_int_equal(account_available(&parent, 7), 10);
    account_charge(&parent, 200, 50); /* all of it is due, and it is full */
    assert_true(account_is_full(&parent, 250));
}

/* A child uses at once what its long period earned, and ends; another child of a shorter period does not get it again. */
static void a_debt_is_not_escaped_by_way_of_another_period(void **state)
{
    struct account parent, child;

    (void)state;
    account_init(&parent, 50, 100, 0);
    assert_true(split_account(&parent, &child, 5000, 10000, 0));
    account_charge(&child, 20000, 5000);
    merge_account(&parent, &child, 25000);
    assert_list_is(&parent, {30000, 50});
    assert_true(split_account(&parent, &child, 100, 200, 25000));
    assert_list_is(&child, {30000, 50}, {30200, 50});
    merge_account(&parent, &child, 25000);
    assert_true(split_account(&parent, &child, 5, 10, 25000));
    assert_list_is(&child, {30200, 5});
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_is_in_proportion_rounded_up),
        cmocka_unit_test(exactly_what_exceeds_the_whole_is_refused),
        cmocka_unit_test(a_child_gets_what_is_due_last),
        cmocka_unit_test(the_latest_of_a_share_counts_if_the_period_is_shorter),
        cmocka_unit_test(the_rest_is_due_a_period_later_if_the_period_is_longer),
        cmocka_unit_test(a_debt_is_not_escaped_by_way_of_another_period),
        cmocka_unit_test(what_changes_hands_by_an_adjustment_is_due_last),
        cmocka_unit_test(two_accounts_that_exchange_have_few),
        cmocka_unit_test(an_account_can_be_given_away_whole),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
