/* SPDX-License-Identifier: MIT */
/* Mutual exclusion between threads of one process. Without contention no invocation is made. */
#ifndef WINKLE_LOCK_H
#define WINKLE_LOCK_H

#include <winkle/abi.h>

#include <stdbool.h>

/* Zeroed: free, for a program with one thread. */
struct wk_lock {
    uint32_t state;  /* 0 free, 1 taken, 2 taken and somebody waits */
    wk_handle event; /* where waiters wait; 0 until wk_lock_prepare */
};

/* Makes a lock ready for several threads; to be called before the second thread starts. May be called again. */
enum wk_status wk_lock_prepare(struct wk_lock *lock);
/* Gives back what wk_lock_prepare made. */
void wk_lock_discard(struct wk_lock *lock);

/* Where threads meet: what the two below leave to these. */
void wk_lock_wait(struct wk_lock *lock);
void wk_lock_tell(struct wk_lock *lock);

/* Blocks until the lock is free, and takes it. Not recursive. */
static inline void wk_lock_take(struct wk_lock *lock)
{
    uint32_t expected = 0;

    if (!__atomic_compare_exchange_n(&lock->state, &expected, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        wk_lock_wait(lock);
}

static inline void wk_lock_release(struct wk_lock *lock)
{
    if (__atomic_exchange_n(&lock->state, 0, __ATOMIC_RELEASE) == 2)
        wk_lock_tell(lock);
}

#endif
