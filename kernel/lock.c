/* SPDX-License-Identifier: MIT */
/*
 * The kernel lock's slow path. Invariants: see lock.h.
 *
 * A hart that waits for the lock has interrupts off, so a flush request of the holder, or of a hart before it in the
 * queue, would wait for it: therefore it serves them while it spins (design, 2.8).
 */
#include "lock.h"

#include "assert.h"
#include "space.h"

/* Nobody holds the lock for so long whose hart has its processor, nor do three. More spins were worse: where harts have no
 * processor each, those behind whoever rests when its turn comes wait until they rest as well, and it goes on so. */
#define SPINS_MAX 128

struct kernel_lock kernel_lock;

/* Never inlined: whoever takes the lock at once is not to pay for this. */
__attribute__((noinline)) void kernel_lock_wait(uint32_t ticket)
{
    assert_debug((uint32_t)(atomic_load_explicit(&kernel_lock.next, memory_order_relaxed) - ticket) <= hart_count);
    for (unsigned spins = 1; atomic_load_explicit(&kernel_lock.serving, memory_order_acquire) != ticket; spins++) {
        space_flush_serve();
        meter_lock_waits();
        if (spins % SPINS_MAX == 0)
            hart_rest();
        else
            arch_relax();
    }
}
