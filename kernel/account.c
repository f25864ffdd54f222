/* SPDX-License-Identifier: MIT */
/*
 * Accounts of processor time. Owns nothing; callers hold the lock of whatever owns the account. Invariants, and what
 * they are good for: see account.h.
 *
 * All of it rests on two rules. No time is made or lost: what leaves the list of an account comes back to it, or goes to
 * another account as its share, or instead of it. And none comes earlier than it was due: neither where capacity changes
 * hands nor where two replenishments become one. Of the latter only what is left of the first when the second was due
 * counts, for one processor uses no more than that.
 */
#include "account.h"

#include "assert.h"
#include "config.h"

#include <stddef.h>

/* Less than that is not told apart; the product of two that are no longer than the longest period is a word. With a delay of
 * more than that, by a debt of many periods, another pair may become one than the cheapest. */
#define COST_UNIT_NS 256

static inline uint64_t lesser(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

static struct replenishment *at(struct account *account, uint32_t n)
{
    return &account->ring[(account->first + n) % ACCOUNT_REPLENISHMENTS_MAX];
}

static void drop_first(struct account *account, uint32_t dropped)
{
    account->first += dropped;
    account->count -= dropped;
}

/* How much later one must be due so that who uses it at once does not come to the next before that is due. */
static uint64_t delay_to(const struct replenishment *one, const struct replenishment *next)
{
    const uint64_t end_ns = one->time_ns + one->amount_ns;

    return end_ns < next->time_ns ? next->time_ns - end_ns : 0;
}

/*
 * Two neighbours become one: those where the least time is delayed by the least, so that what is due soon is not put
 * off to what is due much later. It is due so late that who uses it at once does not come to the second before that was
 * due, and not before the first was. The first of all stays as it is, for that may be what the account runs on.
 */
static SLOW_PATH void join_cheapest(struct account *account)
{
    uint64_t cheapest = UINT64_MAX;
    uint32_t place = 1;
    struct replenishment *joined = at(account, 1);
    struct replenishment *next;

    for (uint32_t i = 1; i + 1 < account->count; i++, joined = next) {
        uint64_t cost;

        next = at(account, i + 1);
        cost = joined->amount_ns / COST_UNIT_NS * (delay_to(joined, next) / COST_UNIT_NS);
        if (cost < cheapest) {
            cheapest = cost;
            place = i;
        }
    }
    joined = at(account, place);
    next = at(account, place + 1);
    joined->time_ns += delay_to(joined, next);
    joined->amount_ns += next->amount_ns;
    account->count--;
    for (uint32_t i = place + 1; i < account->count; i++, next = joined) {
        joined = at(account, i + 1);
        *next = *joined;
    }
}

/* Adds a replenishment. One that is due when the one before it is used up, if that is used at once, becomes one with
 * it: they come from one run, which was charged in parts. */
static void add(struct account *account, uint64_t time_ns, uint64_t amount_ns)
{
    struct replenishment *free, *before;
    uint32_t place;

    if (amount_ns == 0)
        return; /* INV-ACCOUNT-2 */
    if (account->count == ACCOUNT_REPLENISHMENTS_MAX)
        join_cheapest(account);
    for (place = account->count; place > 0; place--) {
        before = at(account, place - 1);
        if (before->time_ns <= time_ns)
            break;
    }
    if (place > 0 && (before->time_ns == time_ns || before->time_ns + before->amount_ns == time_ns)) {
        before->amount_ns += amount_ns;
        return;
    }
    free = at(account, account->count);
    for (uint32_t i = account->count++; i > place; i--, free = before) {
        before = at(account, i - 1);
        *free = *before;
    }
    *free = (struct replenishment){.time_ns = time_ns, .amount_ns = amount_ns};
}

/* What is due by that time becomes one replenishment, due then. */
static void settle(struct account *account, uint64_t time_ns)
{
    struct replenishment *first = at(account, 0);

    if (account->count == 0 || first->time_ns > time_ns)
        return;
    for (; account->count > 1; drop_first(account, 1)) {
        struct replenishment *second = at(account, 1);

        if (second->time_ns > time_ns)
            break;
        second->amount_ns += first->amount_ns;
        first = second;
    }
    first->time_ns = time_ns;
}

/* Takes that much, more than 0, from the first replenishments. */
static void take_first(struct account *account, uint64_t amount_ns)
{
    struct replenishment *first = at(account, 0);

    while (first->amount_ns <= amount_ns) {
        amount_ns -= first->amount_ns;
        drop_first(account, 1);
        if (amount_ns == 0)
            return;
        assert_debug(account->count > 0); /* INV-ACCOUNT-1 */
        first = at(account, 0);
    }
    first->amount_ns -= amount_ns;
}

bool account_join(struct account *one, struct account *other)
{
    if (one->count + other->count <= ACCOUNT_TOGETHER_MAX)
        return false;
    join_cheapest(one->count > other->count ? one : other);
    return true;
}

/* Moves what is due last to another account, which has the same period; what is due first of it goes first, so that each
 * comes to stand near the end. */
static void move_last(struct account *from, struct account *to, uint64_t amount_ns)
{
    const uint32_t count = from->count;
    uint64_t kept_ns = from->capacity_ns - amount_ns;

    from->capacity_ns = kept_ns;
    to->capacity_ns += amount_ns;
    for (uint32_t i = 0; i < count; i++) {
        struct replenishment *each = at(from, i);
        const uint64_t part_ns = lesser(each->amount_ns, kept_ns);

        kept_ns -= part_ns;
        add(to, each->time_ns, each->amount_ns - part_ns);
        each->amount_ns = part_ns;
        if (part_ns == 0)
            from->count--;
    }
}

/*
 * Turns the account's capacity into another of the same rate in another period. In the longer period an amount is worth
 * as much as less of it in the other, where it comes back sooner: the worth of an amount falls with its time, and more
 * steeply if the period is short. So where there is less than before, it must be due as late as the latest; and where
 * there is more, the rest one period later still.
 */
static void convert(struct account *account, uint64_t capacity_ns, uint64_t period_ns)
{
    if (capacity_ns < account->capacity_ns)
        take_first(account, account->capacity_ns - capacity_ns);
    else if (capacity_ns > account->capacity_ns) /* INV-ACCOUNT-1: a share is 0 only of capacity 0 */
        add(account, at(account, account->count - 1)->time_ns + period_ns, capacity_ns - account->capacity_ns);
    account->capacity_ns = capacity_ns;
    account->period_ns = period_ns;
}

/*
 * It ran for `used_ns` when nothing was due. That counts as if it had run when the replenishments to come were due, for
 * as many periods as earn that much; what is left is not due before the end of that. A replenishment that is due after
 * it all is earned is not touched: the others would have to wait for it.
 */
static SLOW_PATH void charge_early(struct account *account, uint64_t used_ns)
{
    uint64_t start_ns, taken_ns = 0, delay_ns;
    uint32_t next = 0;

    do {
        start_ns = at(account, next)->time_ns;
        taken_ns += at(account, next)->amount_ns;
        delay_ns = account->period_ns;
        for (uint64_t earned_ns = taken_ns; earned_ns < used_ns && delay_ns < ACCOUNT_FOREVER_NS; earned_ns *= 2)
            delay_ns *= 2;
        next++;
    } while (taken_ns < used_ns && next < account->count && at(account, next)->time_ns <= start_ns + delay_ns);
    taken_ns = lesser(used_ns, taken_ns);
    take_first(account, taken_ns);
    settle(account, start_ns + taken_ns);
    add(account, lesser(start_ns + delay_ns, ACCOUNT_FOREVER_NS), taken_ns);
}

void account_init(struct account *account, uint64_t capacity_ns, uint64_t period_ns, uint64_t time_ns)
{
    assert_debug(capacity_ns <= period_ns);
    account->capacity_ns = capacity_ns;
    account->period_ns = period_ns;
    account->share_ns = 0;
    account->first = 0;
    account->count = 0;
    add(account, time_ns, capacity_ns);
}

uint64_t account_available(const struct account *account, uint64_t now_ns)
{
    uint64_t available_ns = 0;

    if (account_is_full(account, now_ns))
        return UINT64_MAX;
    for (uint32_t i = 0; i < account->count; i++) {
        const struct replenishment *each = account_replenishment(account, i);

        if (each->time_ns > now_ns + available_ns)
            break;
        available_ns += each->amount_ns;
    }
    return available_ns;
}

void account_charge(struct account *account, uint64_t start_ns, uint64_t used_ns)
{
    const uint64_t in_time_ns = lesser(account_available(account, start_ns), used_ns);

    if (account->count == 0 || account_is_full(account, start_ns))
        return;
    if (account->capacity_ns == account->period_ns) {
        settle(account, start_ns + in_time_ns); /* nobody else has any of the time */
    } else if (in_time_ns > 0) {
        take_first(account, in_time_ns);
        settle(account, start_ns + in_time_ns);
        add(account, start_ns + account->period_ns, in_time_ns);
    }
    if (used_ns > in_time_ns)
        charge_early(account, used_ns - in_time_ns);
}

/* In two steps, as on paper, of 20 bits of the parent's period each: no number exceeds 61 bits. */
uint64_t account_share(const struct account *parent, uint64_t capacity_ns, uint64_t period_ns)
{
    const uint64_t low_mask = (UINT64_C(1) << 20) - 1;
    uint64_t high, low;

    if (capacity_ns == 0)
        return 0;
    if (period_ns == 0 || period_ns > ACCOUNT_PERIOD_MAX_NS || capacity_ns > period_ns)
        return UINT64_MAX;
    high = capacity_ns * (parent->period_ns >> 20);
    low = (high % period_ns << 20) + capacity_ns * (parent->period_ns & low_mask);
    return (high / period_ns << 20) + (low + period_ns - 1) / period_ns;
}

void account_adjust(struct account *parent, struct account *child, uint64_t capacity_ns, uint64_t period_ns,
                    uint64_t now_ns)
{
    const uint64_t share_ns = account_share(parent, capacity_ns, period_ns);
    const uint64_t before_ns = child->share_ns;

    assert_debug(share_ns <= parent->capacity_ns + before_ns);
    settle(parent, now_ns);
    settle(child, now_ns);
    convert(child, before_ns, parent->period_ns);
    if (share_ns < before_ns)
        move_last(child, parent, before_ns - share_ns);
    else
        move_last(parent, child, share_ns - before_ns);
    convert(child, capacity_ns, period_ns);
    child->share_ns = share_ns;
}
