/* SPDX-License-Identifier: MIT */
/* Shared futexes: queues of waiters by keys, the same for whoever has the same memory. A waiter is an event of a process; the
 * queue holds nothing of the process, so that it may end at any time. */
#ifndef POSIX_FUTEXES_H
#define POSIX_FUTEXES_H

#include <winkle/abi.h>

#include <stdbool.h>

struct futex_key {
    uint64_t word[2];
};

void futexes_init(void);
/* A waiter of the process with this badge, and its number, or 0 if there is no room. The event is the waiter's from then on. */
uint64_t futex_enlist(uint64_t owner, wk_handle event, uint64_t bits);
/* False if there is no such waiter. */
bool futex_end(uint64_t number);
/* Errors as `park` and `leave`. */
enum wk_status futex_park(uint64_t owner, uint64_t number, struct futex_key key, uint64_t bitset);
enum wk_status futex_leave(uint64_t owner, uint64_t number, uint64_t *was_parked);
/* Takes all waiters of a process that has ended out of their queues, before their sessions end. */
void futex_leave_all(uint64_t owner);
/* How many were unparked, at most `count`. */
uint64_t futex_unpark(struct futex_key key, uint64_t count, uint64_t bitset);
/* How many were moved, at most `count`. */
uint64_t futex_move(struct futex_key key, struct futex_key to, uint64_t count);

#endif
