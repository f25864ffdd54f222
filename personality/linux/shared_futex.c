/* SPDX-License-Identifier: MIT */
#include "shared_futex.h"

#include "files.h"
#include "memory.h"
#include "waiters.h"

#include <winkle/event.h>
#include <winkle/posix.h>

bool shared_futex_key(uint64_t address, struct futex_key *key)
{
    bool is_shared;

    wk_lock_take(&linux_lock);
    is_shared = memory_shared_place(address, &key->identity, &key->offset);
    wk_lock_release(&linux_lock);
    return is_shared;
}

/* Takes the thread out of the queue. False if it was out already: then its event has been signalled, and is no more afterwards. */
static bool leave(uint64_t number)
{
    uint64_t was_parked = 0, bits;

    if (wk_posix_leave(linux_process.posix, number, &was_parked) != WK_OK || was_parked != 0)
        return true;
    wk_event_wait(current()->event, WAITER_BIT_FUTEXES, 0, &bits);
    return false;
}

int64_t shared_futex_wait(const struct futex_key *key, uint64_t address, uint32_t expected, uint32_t bitset,
                          uint64_t deadline)
{
    const uint64_t number = waiter_number(WAITER_FUTEXES, linux_process.posix);
    uint32_t value;
    int64_t result = 0;

    if (number == 0 || wk_posix_park(linux_process.posix, number, key->identity, key->offset, bitset) != WK_OK)
        return -ENOMEM;
    if (copy_in(&value, address, sizeof(value)) != 0)
        result = -EFAULT;
    else if (value != expected)
        result = -EAGAIN;
    if (result == 0)
        result = wait_for_bits(WAITER_BIT_FUTEXES, deadline);
    return result == 0 || !leave(number) ? 0 : result;
}

int64_t shared_futex_wake(const struct futex_key *key, uint32_t bitset, uint32_t count)
{
    uint64_t woken = 0;

    wk_posix_unpark(linux_process.posix, key->identity, key->offset, count, bitset, &woken);
    return (int64_t)woken;
}

int64_t shared_futex_requeue(const struct futex_key *key, uint32_t wake, const struct futex_key *to, uint32_t move)
{
    uint64_t woken = 0, moved = 0;

    wk_posix_requeue(linux_process.posix, key->identity, key->offset, to->identity, to->offset, wake, move, &woken,
                     &moved);
    return (int64_t)(woken + moved);
}
