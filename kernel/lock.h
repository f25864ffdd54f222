/* SPDX-License-Identifier: MIT */
/*
 * The kernel lock: one fair (ticket) lock around all kernel objects. Interrupts are off while it is held. Pages are
 * zeroed and copied, and user code and rings run, without it. Who spins serves flush requests, so that a holder may
 * wait for no one. Harts that the holder woke are interrupted once it has released the lock: they would only spin.
 *
 * INV-LOCK-1 tickets from `serving` up to `next` are given out; the hart whose ticket is `serving` holds the lock.
 */
#ifndef LOCK_H
#define LOCK_H

#include "config.h"
#include "hart.h"
#include "meter.h"

#include <stdatomic.h>

struct kernel_lock {
    _Atomic uint32_t next;
    _Atomic uint32_t serving;
};

extern struct kernel_lock kernel_lock;

/* Spins until `ticket` is served. */
void kernel_lock_wait(uint32_t ticket);

/* Takes a ticket; true if the lock is ours at once. Otherwise the ticket is in the hart, for kernel_lock_wait. */
static inline bool kernel_lock_acquire_at_once(void)
{
    struct kernel_lock *lock = &kernel_lock;
    int32_t ticket;

    __asm__("" : "+r"(lock)); /* one address serves for both members */
    ticket = (int32_t)atomic_fetch_add_explicit(&lock->next, 1, memory_order_relaxed);
    if (__builtin_expect((int32_t)atomic_load_explicit(&lock->serving, memory_order_acquire) != ticket, 0)) {
        hart_current()->ticket = (uint32_t)ticket;
        return false;
    }
    meter_lock_taken();
    return true;
}

static inline void kernel_lock_acquire(void)
{
    if (!kernel_lock_acquire_at_once()) {
        kernel_lock_wait(hart_current()->ticket);
        meter_lock_taken();
    }
}

/* Releases it where nobody is to be notified. */
static inline void kernel_lock_release_quietly(void)
{
    meter_lock_released();
    atomic_fetch_add_explicit(&kernel_lock.serving, 1, memory_order_release);
}

/* Releases it, and notifies. */
ALWAYS_INLINE void kernel_lock_release_in_line(struct hart *hart)
{
    kernel_lock_release_quietly();
    if (__builtin_expect(hart->attention.notify, 0))
        hart_notify_send(hart);
}

static inline void kernel_lock_release(void)
{
    kernel_lock_release_in_line(hart_current());
}

/* For assertions: whether anybody holds the lock. */
static inline bool kernel_lock_is_held(void)
{
    return atomic_load_explicit(&kernel_lock.next, memory_order_relaxed) !=
           atomic_load_explicit(&kernel_lock.serving, memory_order_relaxed);
}

#endif
