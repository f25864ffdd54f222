/* SPDX-License-Identifier: MIT */
/*
 * What tests of accounts share: a record of what ran when on a simulated processor, which says how much ran in any
 * window; the invariants; random numbers that are the same everywhere.
 */
#ifndef ACCOUNT_RECORD_H
#define ACCOUNT_RECORD_H

#include "account.h"

#define RECORD_RUNS_MAX 40000

struct record {
    unsigned count;
    struct {
        uint64_t start_ns;
        uint64_t end_ns;
        uint64_t before_ns; /* how much ran before it */
    } runs[RECORD_RUNS_MAX];
};

/* Runs come in order and do not overlap. */
void record_add(struct record *record, uint64_t start_ns, uint64_t used_ns);
/* How much ran before that time, and in that window. */
uint64_t record_until(const struct record *record, uint64_t time_ns);
uint64_t record_between(const struct record *record, uint64_t start_ns, uint64_t end_ns);
/* The number of the last run that began before that time, or record->count if none did. */
unsigned record_last_before(const struct record *record, uint64_t time_ns);
/*
 * What runs in a window of that length is most in one that begins with a run, or ends with one. This is the start of
 * the window that begins with run i / 2, or ends with it (i odd); 0 if it would be earlier. i < 2 * record->count.
 */
uint64_t record_window(const struct record *record, unsigned i, uint64_t length_ns);
/* The most that ran in any window of that length. */
uint64_t record_most(const struct record *record, uint64_t length_ns);

/* INV-ACCOUNT-1, INV-ACCOUNT-2. */
void check_account(const struct account *account);

/* Makes a child, if the parent has that much; else false, and nothing happens. */
bool split_account(struct account *parent, struct account *child, uint64_t capacity_ns, uint64_t period_ns,
                   uint64_t now_ns);
/* Ends it. */
void merge_account(struct account *parent, struct account *child, uint64_t now_ns);

void random_begin(uint64_t seed);
/* From 0 to limit - 1. */
uint64_t random_below(uint64_t limit);
/* From 1 to `limit`, and small numbers are as likely as large ones. */
uint64_t random_magnitude(uint64_t limit);

#endif
