/* SPDX-License-Identifier: MIT */
#include "account_record.h"

#include "check.h"

#include <stddef.h>

static uint64_t random_state = 1;

void record_add(struct record *record, uint64_t start_ns, uint64_t used_ns)
{
    const unsigned count = record->count;
    const bool first = count == 0;

    CHECK("test", count < RECORD_RUNS_MAX);
    CHECK("test", first || record->runs[count - 1].end_ns <= start_ns);
    record->runs[count].before_ns =
        first ? 0
              : record->runs[count - 1].before_ns + record->runs[count - 1].end_ns - record->runs[count - 1].start_ns;
    record->runs[count].start_ns = start_ns;
    record->runs[count].end_ns = start_ns + used_ns;
    record->count++;
}

unsigned record_last_before(const struct record *record, uint64_t time_ns)
{
    unsigned low = 0; /* all before it began before that time */
    unsigned high = record->count;

    while (low < high) {
        const unsigned middle = (low + high) / 2;

        if (record->runs[middle].start_ns < time_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? record->count : low - 1;
}

uint64_t record_until(const struct record *record, uint64_t time_ns)
{
    const unsigned last = record_last_before(record, time_ns);
    uint64_t end_ns;

    if (last == record->count)
        return 0;
    end_ns = record->runs[last].end_ns < time_ns ? record->runs[last].end_ns : time_ns;
    return record->runs[last].before_ns + end_ns - record->runs[last].start_ns;
}

uint64_t record_between(const struct record *record, uint64_t start_ns, uint64_t end_ns)
{
    return record_until(record, end_ns) - record_until(record, start_ns);
}

uint64_t record_window(const struct record *record, unsigned i, uint64_t length_ns)
{
    const uint64_t end_ns = record->runs[i / 2].end_ns;

    if (i % 2 == 0)
        return record->runs[i / 2].start_ns;
    return end_ns < length_ns ? 0 : end_ns - length_ns;
}

uint64_t record_most(const struct record *record, uint64_t length_ns)
{
    uint64_t most_ns = 0;

    for (unsigned i = 0; i < 2 * record->count; i++) {
        const uint64_t start_ns = record_window(record, i, length_ns);
        const uint64_t used_ns = record_between(record, start_ns, start_ns + length_ns);

        if (used_ns > most_ns)
            most_ns = used_ns;
    }
    return most_ns;
}

void check_account(const struct account *account)
{
    uint64_t sum_ns = 0;

    CHECK("INV-ACCOUNT-1", account->count <= ACCOUNT_REPLENISHMENTS_MAX);
    CHECK("INV-ACCOUNT-1", (account->count == 0) == (account->capacity_ns == 0));
    for (uint32_t i = 0; i < account->count; i++) {
        CHECK("INV-ACCOUNT-2", account_replenishment(account, i)->amount_ns > 0);
        CHECK("INV-ACCOUNT-2",
              i == 0 || account_replenishment(account, i - 1)->time_ns <= account_replenishment(account, i)->time_ns);
        sum_ns += account_replenishment(account, i)->amount_ns;
    }
    CHECK("INV-ACCOUNT-1", sum_ns == account->capacity_ns);
    CHECK("INV-ACCOUNT-3", account->debt_ns == 0 || account->debt_ns < account_replenishment(account, 0)->amount_ns);
    CHECK("INV-ACCOUNT-1", account->capacity_ns <= account->period_ns);
}

bool split_account(struct account *parent, struct account *child, uint64_t capacity_ns, uint64_t period_ns,
                   uint64_t now_ns)
{
    if (account_share(parent, capacity_ns, period_ns) > parent->capacity_ns)
        return false;
    account_init(child, 0, 0, now_ns);
    account_adjust(parent, child, capacity_ns, period_ns, now_ns);
    return true;
}

void merge_account(struct account *parent, struct account *child, uint64_t now_ns)
{
    account_adjust(parent, child, 0, 0, now_ns);
}

void random_begin(uint64_t seed)
{
    random_state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 16) % limit;
}

uint64_t random_magnitude(uint64_t limit)
{
    unsigned bits = 1;
    uint64_t lower;

    while (limit >> bits != 0)
        bits++;
    lower = UINT64_C(1) << random_below(bits);
    return lower + random_below(2 * lower <= limit ? lower : limit + 1 - lower);
}
