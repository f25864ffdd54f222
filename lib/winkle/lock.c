/* SPDX-License-Identifier: MIT */
#include <winkle/lock.h>

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/start.h>

enum wk_status wk_lock_prepare(struct wk_lock *lock)
{
    return lock->event != 0 ? WK_OK : wk_event_create(wk_self.bank, &lock->event);
}

void wk_lock_discard(struct wk_lock *lock)
{
    if (lock->event != 0)
        wk_capability_delete(lock->event);
    lock->event = 0;
}

void wk_lock_wait(struct wk_lock *lock)
{
    while (__atomic_exchange_n(&lock->state, 2, __ATOMIC_ACQUIRE) != 0) {
        uint64_t bits;

        wk_event_wait(lock->event, 1, WK_FOREVER, &bits);
    }
}

void wk_lock_tell(struct wk_lock *lock)
{
    wk_event_signal(lock->event, 1);
}
