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

/* Less than 256 ns is not told apart; the product of two that are no longer than the longest period is a word. With a delay
 * of more than that, by a debt of many periods, another pair may become one than the cheapest. */
#define COST_UNIT_BITS 8

static inline uint64_t lesser(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

static struct replenishment *at(struct account *account, uint32_t n)
{
    return &account->ring[(account->first + n) % ACCOUNT_REPLENISHMENTS_MAX];
}

static inline struct replenishment *after(struct account *account, struct replenishment *one)
{
    return one == &account->ring[ACCOUNT_REPLENISHMENTS_MAX - 1] ? account->ring : one + 1;
}

static inline struct replenishment *before(struct account *account, struct replenishment *one)
{
    return one == account->ring ? &account->ring[ACCOUNT_REPLENISHMENTS_MAX - 1] : one - 1;
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
static NOINLINE void join_cheapest(struct account *account)
{
    const struct replenishment *last = at(account, account->count - 1);
    struct replenishment *joined = at(account, 1), *next;
    struct replenishment *cheapest = joined;
    int64_t least_cost = INT64_MAX;

    do {
        const uint64_t end_ns = joined->time_ns + joined->amount_ns;
        int64_t delay_ns, cost;

        next = after(account, joined);
        delay_ns = (int64_t)(next->time_ns - end_ns); /* less than 0 is as good as 0 */
        cost = (int64_t)(joined->amount_ns >> COST_UNIT_BITS) * (delay_ns >> COST_UNIT_BITS);
        if (cost < least_cost) {
            least_cost = cost;
            cheapest = joined;
        }
        joined = next;
    } while (next != last);
    next = after(account, cheapest);
    cheapest->time_ns += delay_to(cheapest, next);
    cheapest->amount_ns += next->amount_ns;
    for (; next != last; next = joined) {
        joined = after(account, next);
        *next = *joined;
    }
    account->count--;
}

/* Adds a replenishment. One that is due when the one before it is used up, if that is used at once, becomes one with
 * it: they come from one run, which was charged in parts. */
static void add(struct account *account, uint64_t time_ns, uint64_t amount_ns)
{
    struct replenishment *earlier, *free, *place;
    uint32_t later = 0;

    if (amount_ns == 0)
        return; /* INV-ACCOUNT-2 */
    if (account->count == ACCOUNT_REPLENISHMENTS_MAX)
        join_cheapest(account);
    free = at(account, account->count);
    for (place = free; later < account->count; later++, place = earlier) {
        earlier = before(account, place);
        if (earlier->time_ns > time_ns)
            continue;
        if (earlier->time_ns == time_ns || earlier->time_ns + earlier->amount_ns == time_ns) {
            earlier->amount_ns += amount_ns;
            return;
        }
        break;
    }
    account->count++;
    for (; free != place; free = earlier) {
        earlier = before(account, free);
        *free = *earlier;
    }
    *place = (struct replenishment){.time_ns = time_ns, .amount_ns = amount_ns};
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

/* Takes what a run used of what was due in time. Returns how much that is. */
static uint64_t take_due(struct account *account, uint64_t start_ns, uint64_t used_ns)
{
    uint64_t taken_ns = 0;

    while (account->count > 0) {
        struct replenishment *first = at(account, 0);

        if (first->time_ns > start_ns + taken_ns)
            break;
        if (first->amount_ns > used_ns - taken_ns) {
            first->amount_ns -= used_ns - taken_ns;
            return used_ns;
        }
        taken_ns += first->amount_ns;
        drop_first(account, 1);
    }
    return taken_ns;
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
 * A debt of no less than what is due next counts as if it had run when that was due, and what is due after that within a
 * period. If all of these are too little, they come back after as many periods as earn the debt. What is due later is not
 * touched: the others would have to wait for it.
 */
static NOINLINE void pay_wholly(struct account *account)
{
    struct replenishment *first = at(account, 0);
    uint64_t start_ns, taken_ns = 0, periods = 1;
    bool is_earned;

    do {
        start_ns = first->time_ns;
        taken_ns += first->amount_ns;
        drop_first(account, 1);
        first = at(account, 0);
        is_earned = account->count == 0 || first->time_ns > start_ns + account->period_ns;
    } while (!is_earned && first->amount_ns <= account->debt_ns - taken_ns);
    assert(taken_ns != 0); /* no replenishment is of nothing */
    if (is_earned)
        periods = (account->debt_ns + taken_ns - 1) / taken_ns;
    account->debt_ns = is_earned ? 0 : account->debt_ns - taken_ns;
    periods = lesser(periods, ACCOUNT_FOREVER_NS / account->period_ns);
    settle(account, start_ns + taken_ns);
    add(account, lesser(start_ns + periods * account->period_ns, ACCOUNT_FOREVER_NS), taken_ns);
}

/* The same of one that is less. */
static void pay_in_part(struct account *account)
{
    struct replenishment *first = at(account, 0);
    const uint64_t start_ns = first->time_ns, debt_ns = account->debt_ns;

    account->debt_ns = 0;
    first->amount_ns -= debt_ns;
    settle(account, start_ns + debt_ns);
    add(account, start_ns + account->period_ns, debt_ns);
}

void account_init(struct account *account, uint64_t capacity_ns, uint64_t period_ns, uint64_t time_ns)
{
    assert_debug(capacity_ns <= period_ns);
    account->capacity_ns = capacity_ns;
    account->period_ns = period_ns;
    account->share_ns = 0;
    account->debt_ns = 0;
    account->first = 0;
    account->count = 0;
    add(account, time_ns, capacity_ns);
}

uint64_t account_available(const struct account *account, uint64_t now_ns)
{
    uint64_t end_ns;

    if (account_is_full(account, now_ns))
        return UINT64_MAX;
    end_ns = account_end(account, now_ns);
    return end_ns > now_ns ? end_ns - now_ns : 0;
}

void account_make_room(struct account *account, uint64_t now_ns)
{
    if (account_has_room(account))
        return;
    settle(account, now_ns - account->debt_ns);
    if (!account_has_room(account))
        join_cheapest(account);
}

void account_charge(struct account *account, uint64_t start_ns, uint64_t used_ns)
{
    if (account->count == 0 || account_is_full(account, start_ns))
        return;
    start_ns -= account->debt_ns;
    used_ns += account->debt_ns;
    account->debt_ns = 0;
    if (account->capacity_ns == account->period_ns) { /* nobody else has any of the time */
        account->debt_ns = used_ns - lesser(account_available(account, start_ns), used_ns);
        settle(account, start_ns + used_ns - account->debt_ns);
    } else {
        const uint64_t taken_ns = take_due(account, start_ns, used_ns);

        settle(account, start_ns + taken_ns);
        add(account, start_ns + account->period_ns, taken_ns);
        account->debt_ns = used_ns - taken_ns;
    }
    if (account->debt_ns >= at(account, 0)->amount_ns)
        pay_wholly(account); /* INV-ACCOUNT-3 */
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
    pay_in_part(parent);
    pay_in_part(child);
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
