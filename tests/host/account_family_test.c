/* SPDX-License-Identifier: MIT */
/* Families of accounts that share a processor, and come and go: nobody gains by it. */
#include "account.h"
#include "account_record.h"
#include "harness.h"

#include <string.h>

/* ---- families that share a processor ---- */

#define MEMBERS_MAX 12
#define LIVES_MAX 40000

enum periods { SAME_PERIOD, OTHER_PERIODS };
enum depth { CHILDREN_ONLY, ANY_DEPTH };

struct life {
    uint64_t born_ns;
    uint64_t ended_ns;
    uint64_t capacity_ns;
    uint64_t share_ns;
    uint64_t period_ns;
};

static struct member {
    struct account account;
    struct member *parent;
    struct life *life;  /* NULL: there is no such member */
    uint64_t lent_ns;   /* the shares of its children */
} members[MEMBERS_MAX]; /* the first is the parent of all */

static struct life lives[LIVES_MAX];
static unsigned life_count;
static struct record family;
static uint64_t carried_ns[RECORD_RUNS_MAX]; /* the capacities of all members when a run began */

static uint64_t check_family(void)
{
    uint64_t sum_ns = 0;

    for (unsigned i = 0; i < MEMBERS_MAX; i++) {
        if (members[i].life == NULL)
            continue;
        check_account(&members[i].account);
        assert_int_equal(members[i].account.capacity_ns + members[i].lent_ns, members[i].life->capacity_ns);
        sum_ns += members[i].account.capacity_ns;
    }
    return sum_ns;
}

static struct life *life_begin(uint64_t now_ns, const struct account *account, uint64_t share_ns)
{
    struct life *life = &lives[life_count++];

    assert_true(life_count < LIVES_MAX);
    *life = (struct life){now_ns, UINT64_MAX, account->capacity_ns, share_ns, account->period_ns};
    return life;
}

static void family_begin(uint64_t capacity_ns, uint64_t period_ns)
{
    memset(members, 0, sizeof(members));
    life_count = 0;
    family.count = 0;
    account_init(&members[0].account, capacity_ns, period_ns, 0);
    members[0].life = life_begin(0, &members[0].account, capacity_ns);
}

/* Any of those there are. */
static struct member *choose_member(void)
{
    struct member *member;

    do {
        member = &members[random_below(MEMBERS_MAX)];
    } while (member->life == NULL);
    return member;
}

static void family_split(enum periods periods, enum depth depth, uint64_t now_ns)
{
    struct member *parent = depth == ANY_DEPTH ? choose_member() : &members[0];
    struct member *child = &members[1 + random_below(MEMBERS_MAX - 1)];
    const uint64_t parent_ns = parent->account.period_ns;
    const uint64_t period_ns =
        periods == SAME_PERIOD ? parent_ns : 1 + random_magnitude(20 * members[0].life->period_ns);
    const uint64_t most_ns = parent->account.capacity_ns * period_ns / parent_ns;
    const uint64_t capacity_ns = random_below(2) == 0 ? most_ns : random_below(most_ns + 1);
    const uint64_t share_ns = account_share(&parent->account, capacity_ns, period_ns);

    if (child->life != NULL)
        return;
    assert_true(split_account(&parent->account, &child->account, capacity_ns, period_ns, now_ns));
    parent->lent_ns += share_ns;
    child->parent = parent;
    child->lent_ns = 0;
    child->life = life_begin(now_ns, &child->account, share_ns);
}

static bool has_children(const struct member *member)
{
    for (unsigned i = 0; i < MEMBERS_MAX; i++)
        if (members[i].life != NULL && members[i].parent == member)
            return true;
    return false;
}

static void family_merge(uint64_t now_ns)
{
    struct member *child = choose_member();

    if (child == &members[0] || has_children(child))
        return;
    merge_account(&child->parent->account, &child->account, now_ns);
    assert_int_equal(child->account.capacity_ns, 0);
    child->parent->lent_ns -= child->life->share_ns;
    child->life->ended_ns = now_ns;
    child->life = NULL;
}

/* Adjusts one without children, at times as a kernel does that has few replenishments moved at once. */
static void family_adjust(enum periods periods, uint64_t now_ns)
{
    struct member *child = choose_member();
    struct account *account = &child->account;
    struct account *parent;
    uint64_t period_ns, most_ns, capacity_ns;

    if (child == &members[0] || has_children(child))
        return;
    parent = &child->parent->account;
    period_ns = periods == SAME_PERIOD || random_below(2) == 0 ? account->period_ns
                                                               : 1 + random_magnitude(20 * members[0].life->period_ns);
    most_ns = (parent->capacity_ns + account->share_ns) * period_ns / parent->period_ns;
    capacity_ns = random_below(4) == 0 ? most_ns : random_below(most_ns + 1);
    while (random_below(3) != 0 && account_join(account, parent))
        ;
    child->parent->lent_ns -= account->share_ns;
    account_adjust(parent, account, capacity_ns, period_ns, now_ns);
    child->parent->lent_ns += account->share_ns;
    child->life->ended_ns = now_ns;
    child->life = life_begin(now_ns, account, account->share_ns);
}

/* Runs one that can run, at times longer than it can; false if none can. */
static bool family_run(uint64_t late_most_ns, uint64_t *now_ns)
{
    const unsigned first = (unsigned)random_below(MEMBERS_MAX);

    for (unsigned i = 0; i < MEMBERS_MAX; i++) {
        struct member *member = &members[(first + i) % MEMBERS_MAX];
        const uint64_t available_ns = member->life == NULL ? 0 : account_available(&member->account, *now_ns);
        const uint64_t most_ns = random_below(2) == 0 ? 1 + random_below(100) : 1000;
        const uint64_t used_ns = most_ns < available_ns ? most_ns : available_ns + random_below(late_most_ns + 1);

        if (available_ns == 0)
            continue;
        carried_ns[family.count] = check_family();
        record_add(&family, *now_ns, used_ns);
        account_charge(&member->account, *now_ns, used_ns);
        *now_ns += used_ns;
        return true;
    }
    return false;
}

static void run_family(enum periods periods, enum depth depth, uint64_t late_most_ns, unsigned steps)
{
    const unsigned changes = 2 + (unsigned)random_below(20); /* one step in so many is one */
    const unsigned gap_most_ns = 1 + (unsigned)random_magnitude(300);
    uint64_t now_ns = 0;

    for (unsigned step = 0; step < steps; step++) {
        if (random_below(changes) == 0)
            family_split(periods, depth, now_ns);
        if (random_below(changes) == 0)
            family_merge(now_ns);
        if (random_below(changes) == 0)
            family_adjust(periods, now_ns);
        if (!family_run(late_most_ns, &now_ns) || random_below(20) == 0)
            now_ns += 1 + random_below(gap_most_ns);
        check_family();
    }
}

static void a_family_of_one_period_has_no_more_than_its_first_member_had(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 200; set++) {
        const uint64_t capacity_ns = 10 + 4 * set;

        random_begin(set);
        family_begin(capacity_ns, 1000);
        run_family(SAME_PERIOD, ANY_DEPTH, 0, 3000);
        assert_int_equal(check_family(), capacity_ns);
        assert_true(record_most(&family, 1000) <= capacity_ns);
    }
}

/*
 * What all children that were there in a window may add to it. Each unit of the parent's capacity is used once in a
 * window of its period, for it comes back one such period after its use; also if it was a child of a longer period that
 * used it, or if a child passed it on. What more there is:
 * - a child of a longer period has capacity beyond its share, at the earliest one of its periods after it came, so it
 *   was there when the window began;
 * - a child of a shorter period has less than its share, and uses it several times. If u of its capacity c came used, by
 *   the rule of the latest it can use only c - u, and so in a time t at most (c - u) (t / period + 1), of which the first
 *   part is less than the share, less u, if t is a whole period of the parent. The rest is at most c.
 */
static uint64_t carried_into(uint64_t start_ns, uint64_t end_ns)
{
    uint64_t sum_ns = 0;

    for (unsigned i = 1; i < life_count; i++) {
        const struct life *life = &lives[i];

        if (life->born_ns >= end_ns || life->ended_ns <= start_ns)
            continue;
        if (life->period_ns < lives[0].period_ns)
            sum_ns += life->capacity_ns;
        else if (life->born_ns < start_ns)
            sum_ns += life->capacity_ns - life->share_ns;
    }
    return sum_ns;
}

static void children_of_other_periods_add_what_they_carry(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 200; set++) {
        const uint64_t capacity_ns = 10 + 4 * set;

        random_begin(set);
        family_begin(capacity_ns, 1000);
        run_family(OTHER_PERIODS, CHILDREN_ONLY, 0, 1000);
        for (unsigned i = 0; i < 2 * family.count; i++) {
            const uint64_t start_ns = record_window(&family, i, 1000);
            const uint64_t used_ns = record_between(&family, start_ns, start_ns + 1000);

            assert_true(used_ns <= capacity_ns + carried_into(start_ns, start_ns + 1000));
        }
    }
}

/*
 * In any time t, however long, a family uses no more than its rate allows, and once the capacities of those who were
 * there when it began. For an amount a that is due at d in an account of period p can be used a ((end - d) / p + 1)
 * before the end, 0 if it is due after it. What is used, comes, or goes does not increase the sum of that. At the end each
 * may have taken something early once.
 */
static void no_family_ever_exceeds_its_rate(void **state)
{
    static const uint64_t lengths_ns[] = {200, 1000, 5000, 100000};

    (void)state;
    for (unsigned set = 0; set < 200; set++) {
        const uint64_t capacity_ns = 10 + 4 * set;
        const uint64_t late_most_ns = set % 4 == 0 ? set / 8 : 0;

        random_begin(set);
        family_begin(capacity_ns, 1000);
        run_family(OTHER_PERIODS, ANY_DEPTH, late_most_ns, 3000);
        for (unsigned i = 0; i < family.count; i++) {
            const uint64_t start_ns = family.runs[i].start_ns;

            for (unsigned j = 0; j < sizeof(lengths_ns) / sizeof(*lengths_ns); j++)
                assert_true(record_between(&family, start_ns, start_ns + lengths_ns[j]) <=
                            carried_ns[i] + lengths_ns[j] * capacity_ns / 1000 + MEMBERS_MAX * late_most_ns);
        }
    }
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_of_one_period_has_no_more_than_its_first_member_had),
        cmocka_unit_test(children_of_other_periods_add_what_they_carry),
        cmocka_unit_test(no_family_ever_exceeds_its_rate),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
