/* SPDX-License-Identifier: MIT */
/*
 * Accounts of processor time: a capacity for each period, kept as a sporadic server keeps it. What is used comes back
 * one period after the run that used it began; until then the account has less, and may be dry. Capacity is divided
 * among accounts as a tree: a child's is taken out of its parent's, and goes back there when the child ends. Here is
 * only the arithmetic: who runs, locks, and timers are the caller's.
 *
 * INV-ACCOUNT-1 The amounts of the replenishments add up to capacity_ns; there is none only if capacity_ns is 0.
 * INV-ACCOUNT-2 The times of the replenishments do not decrease, and no amount is 0.
 * INV-ACCOUNT-3 debt_ns is less than the first amount; it is 0 if there is none.
 *
 * What holds if every run is charged when it ends, and the runs of an account and its descendants do not overlap (they
 * are on one processor):
 * - In any window of one period, the runs of an account take no more than its capacity, if each of them stopped in time
 *   (account_available). For what a run uses that begins in the window comes back after its end. At most one run began
 *   before the window, x earlier: what it used, u in all, may come back in the last x of the window and be used again,
 *   but for no longer than x; and of its first use no more than u - x is in the window.
 * - A run that did not stop in time counts as if it had stopped, and had gone on when what it took early was due, or later,
 *   right before the next run, which does not begin before that is over. So n periods have no more than n capacities, and
 *   what the run at their end took early.
 * - The same for an account and all its descendants together, whoever came and went, if all have its period. A child of
 *   another period adds what it may carry into the window: its capacity, if its period is shorter; if it is longer, by
 *   how much its capacity is more than its share, and only if it was there when the window began.
 * - In any time, a family of any periods has no more than its rate allows, and once the capacities of those who were
 *   there when it began. (Why: see the tests, account_family_test.c.)
 * On several processors at once, what a family used may come back and be used again in the same window, but only once.
 */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#define ACCOUNT_REPLENISHMENTS_MAX 8
#define ACCOUNT_TOGETHER_MAX 4 /* that is few for two that exchange */
#define ACCOUNT_PERIOD_MAX_NS (UINT64_C(1) << 40)
/* A time that never comes; real ones are earlier. */
#define ACCOUNT_FOREVER_NS (UINT64_C(1) << 62)

struct replenishment {
    uint64_t time_ns;
    uint64_t amount_ns;
};

struct account {
    uint64_t capacity_ns;
    uint64_t period_ns;
    uint64_t share_ns; /* what it took of its parent's capacity */
    uint64_t debt_ns;  /* what it used and did not have, and has still to be taken from it */
    uint32_t first;    /* of `count` in the ring, in the order in which they are due */
    uint32_t count;
    struct replenishment ring[ACCOUNT_REPLENISHMENTS_MAX];
};

/* The n-th that is due, from 0 on. */
static inline const struct replenishment *account_replenishment(const struct account *account, uint32_t n)
{
    return &account->ring[(account->first + n) % ACCOUNT_REPLENISHMENTS_MAX];
}

/* Makes an account whose whole capacity is available from `time_ns` on.
 * Requires: capacity_ns <= period_ns; 0 < period_ns <= ACCOUNT_PERIOD_MAX_NS. */
void account_init(struct account *account, uint64_t capacity_ns, uint64_t period_ns, uint64_t time_ns);

/* Whether it has all of the time and never runs dry: what it uses need not be charged. An account of all the time that
 * shared in others' debts becomes so when all is due and it is charged once, for it forgets what it uses in time. */
static inline bool account_is_full(const struct account *account, uint64_t now_ns)
{
    return account->capacity_ns == account->period_ns && account->count == 1 &&
           account_replenishment(account, 0)->time_ns + account->debt_ns <= now_ns;
}

/* Until when it can run from now on without a break; not later than now if it is dry. What falls due while it runs counts.
 * Requires: it is not full. Bound: the replenishments, 8. */
static inline uint64_t account_end(const struct account *account, uint64_t now_ns)
{
    const struct replenishment *each = account_replenishment(account, 0);
    uint64_t end_ns = now_ns - account->debt_ns;

    for (uint32_t left = account->count; left != 0 && each->time_ns <= end_ns; left--) {
        end_ns += each->amount_ns;
        each = each == &account->ring[ACCOUNT_REPLENISHMENTS_MAX - 1] ? account->ring : each + 1;
    }
    return end_ns;
}

/* For how long; UINT64_MAX if it is full, 0 if it is dry. */
uint64_t account_available(const struct account *account, uint64_t now_ns);

/* Whether there is room for two more replenishments, so that the charge at the end of a run is short and joins nothing. */
static inline bool account_has_room(const struct account *account)
{
    return account->count < ACCOUNT_REPLENISHMENTS_MAX - 1;
}

/* Makes it before a run begins: those that are due become one, or two others do. */
void account_make_room(struct account *account, uint64_t now_ns);

/* When its first replenishment is due: if it is dry, the time at which it may run again; UINT64_MAX if it has none. */
static inline uint64_t account_next(const struct account *account)
{
    return account->count == 0 ? UINT64_MAX : account_replenishment(account, 0)->time_ns + account->debt_ns;
}

/*
 * It ran without a break for `used_ns` from `start_ns` on. That much comes back one period after the start. If the run
 * goes on where the last one that was charged ended, the two are one.
 * - Where there is no room, two replenishments become one, so that nothing comes earlier than it was due. The first is
 *   never delayed by that.
 * - What it used and did not have is its debt. The next run counts as if it had begun so much earlier, and both come back
 *   as one; the account is dry until that is not before the first replenishment is due.
 * - A debt of no less than the first replenishment counts at once, as if the account had run when that was due, and those
 *   due after it within a period. If they are less than the debt in all, they come back 1, 2, 3, … periods later: after so
 *   many as earn it. Those that are due still later (they came from an account of a longer period) are no part of this,
 *   and stay.
 * A full account stays full, and one without capacity is left as it is: it forgets what it uses.
 * Requires: start_ns + used_ns is not in the future. Bound: 8 replenishments.
 */
void account_charge(struct account *account, uint64_t start_ns, uint64_t used_ns);

/* What a child takes of its parent's capacity: its own in proportion to the periods, rounded up. UINT64_MAX if there is
 * no parent that has so much, or no such period. Any two numbers may be asked for. */
uint64_t account_share(const struct account *parent, uint64_t capacity_ns, uint64_t period_ns);

/*
 * Gives a child another capacity and period: one that is to be made has capacity 0 before, one that ends has it after. Its
 * share becomes account_share of that. What the share gains is what is due last of the parent's, what it loses is what is
 * due last of the child's; each is due to the one when it would have been due to the other. Where the periods are not the
 * same, and the child has less capacity than its share, that is the latest of the share; if it has more, the rest is due
 * one period later than the last. So it is the other way round with the capacity it had before.
 * Requires: the parent has that much, with the share of before; both have been charged for what they ran, and what they
 * run from now on is another run; the child's own children have ended.
 * Bound: 8 replenishments, and a join for each for which there is no room.
 */
void account_adjust(struct account *parent, struct account *child, uint64_t capacity_ns, uint64_t period_ns,
                    uint64_t now_ns);

/* Before an adjustment, so that it is short: if the two have more than a few replenishments, two of one become one.
 * False if they have few. */
bool account_join(struct account *one, struct account *other);

#endif
