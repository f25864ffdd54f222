/* SPDX-License-Identifier: MIT */
/* Futexes in memory that processes share: their queues are in the process service, by what the memory is. */
#ifndef LINUX_SHARED_FUTEX_H
#define LINUX_SHARED_FUTEX_H

#include "linux.h"

struct futex_key {
    uint64_t identity, offset;
};

/* The key of a word; false if nobody else can have it. */
bool shared_futex_key(uint64_t address, struct futex_key *key);
/* Waits while the word at `address`, which has that key, is as expected. 0 or an error, as linux_futex has them. */
int64_t shared_futex_wait(const struct futex_key *key, uint64_t address, uint32_t expected, uint32_t bitset,
                          uint64_t deadline);
/* Wakes at most so many; how many. */
int64_t shared_futex_wake(const struct futex_key *key, uint32_t bitset, uint32_t count);
/* Wakes some and has others wait at another word. How many of both. */
int64_t shared_futex_requeue(const struct futex_key *key, uint32_t wake, const struct futex_key *to, uint32_t move);

#endif
