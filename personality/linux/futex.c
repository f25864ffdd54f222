/* SPDX-License-Identifier: MIT */
/* Futexes between the threads of the process: those who wait are in one list, first come first. And robust lists. */
#include "futex.h"

#include "calls.h"
#include "files.h"
#include "shared_futex.h"

#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/text.h>

#include <linux/futex.h>

#define ROBUST_MAX 2048

struct sleeper {
    struct sleeper *next;
    struct thread *thread;
    uint64_t address;
    uint32_t bitset;
    bool is_woken;
};

static struct sleeper *sleepers; /* under linux_lock */

static void append(struct sleeper *sleeper)
{
    struct sleeper **at = &sleepers;

    while (*at != NULL)
        at = &(*at)->next;
    sleeper->next = NULL;
    *at = sleeper;
}

static void take_out(const struct sleeper *sleeper)
{
    struct sleeper **at = &sleepers;

    while (*at != NULL && *at != sleeper)
        at = &(*at)->next;
    if (*at != NULL)
        *at = sleeper->next;
}

/* Requires: the lock. Wakes those at an address; further ones move to another. How many of both. */
static int64_t wake_and_move(uint64_t address, uint32_t bitset, uint32_t wake, uint32_t move, uint64_t to)
{
    struct sleeper **at = &sleepers;
    int64_t count = 0;

    while (*at != NULL && (wake != 0 || move != 0)) {
        struct sleeper *sleeper = *at;

        if (sleeper->address != address || (sleeper->bitset & bitset) == 0) {
            at = &sleeper->next;
            continue;
        }
        count++;
        if (wake == 0) {
            move--;
            sleeper->address = to;
            at = &sleeper->next;
            continue;
        }
        const wk_handle event = sleeper->thread->event;

        wake--;
        *at = sleeper->next;
        __atomic_store_n(&sleeper->is_woken, true, __ATOMIC_RELEASE); /* from now on it may be gone */
        wk_event_signal(event, 1);
    }
    return count;
}

/* Wakes those of the process alone, or of all that share the memory. */
static int64_t wake(uint64_t address, bool is_private, uint32_t bitset, uint32_t count)
{
    struct futex_key key;
    int64_t woken;

    if (!is_private && shared_futex_key(address, &key))
        return shared_futex_wake(&key, bitset, count);
    wk_lock_take(&linux_lock);
    woken = wake_and_move(address, bitset, count, 0, 0);
    wk_lock_release(&linux_lock);
    return woken;
}

int64_t futex_wake(uint64_t address, uint32_t count)
{
    return wake(address, false, UINT32_MAX, count);
}

void futex_forget_thread(struct thread *thread)
{
    struct sleeper **at = &sleepers;

    wk_lock_take(&linux_lock);
    while (*at != NULL) {
        if ((*at)->thread == thread)
            *at = (*at)->next;
        else
            at = &(*at)->next;
    }
    wk_lock_release(&linux_lock);
}

static int64_t wait(uint64_t address, bool is_private, uint32_t expected, uint32_t bitset, uint64_t deadline)
{
    struct futex_key key;
    struct sleeper sleeper = {.thread = current(), .address = address, .bitset = bitset};
    uint32_t value;
    int64_t result = 0;

    if (bitset == 0)
        return -EINVAL;
    if (!is_private && shared_futex_key(address, &key))
        return shared_futex_wait(&key, address, expected, bitset, deadline);
    wk_lock_take(&linux_lock);
    if (copy_in(&value, address, sizeof(value)) != 0)
        result = -EFAULT;
    else if (value != expected)
        result = -EAGAIN;
    else
        append(&sleeper);
    wk_lock_release(&linux_lock);
    while (result == 0 && !__atomic_load_n(&sleeper.is_woken, __ATOMIC_ACQUIRE))
        result = wait_for_event(deadline);
    if (result == 0 || result == -EFAULT || result == -EAGAIN)
        return result; /* whoever woke it took it out: NOLINT(clang-analyzer-core.StackAddressEscape) */
    wk_lock_take(&linux_lock);
    if (sleeper.is_woken)
        result = 0;
    else
        take_out(&sleeper);
    wk_lock_release(&linux_lock);
    return result;
}

/* What FUTEX_WAKE_OP makes of a word. */
static uint32_t changed_word(uint32_t kind, uint32_t before, uint32_t argument)
{
    switch (kind) {
    case FUTEX_OP_SET:
        return argument;
    case FUTEX_OP_ADD:
        return before + argument;
    case FUTEX_OP_OR:
        return before | argument;
    case FUTEX_OP_ANDN:
        return before & ~argument;
    default:
        return before ^ argument;
    }
}

static bool compare(uint32_t comparison, int32_t was, int32_t compared)
{
    switch (comparison) {
    case FUTEX_OP_CMP_EQ:
        return was == compared;
    case FUTEX_OP_CMP_NE:
        return was != compared;
    case FUTEX_OP_CMP_LT:
        return was < compared;
    case FUTEX_OP_CMP_LE:
        return was <= compared;
    case FUTEX_OP_CMP_GT:
        return was > compared;
    default:
        return was >= compared;
    }
}

/* FUTEX_WAKE_OP's change of the second word, and whether the comparison held of what it was. */
static int64_t change_word(uint64_t address, uint32_t operation, bool *holds)
{
    const uint32_t kind = operation >> 28 & 7, comparison = operation >> 24 & 15;
    int32_t argument = (int32_t)(operation << 8) >> 20;
    const int32_t compared = (int32_t)(operation << 20) >> 20;
    uint32_t expected, before;

    if ((address & 3) != 0 || kind > FUTEX_OP_XOR || comparison > FUTEX_OP_CMP_GE)
        return (address & 3) != 0 ? -EINVAL : -ENOSYS;
    if ((operation >> 28 & FUTEX_OP_OPARG_SHIFT) != 0)
        argument = (int32_t)(1U << (argument & 31));
    if (copy_in(&before, address, sizeof(before)) != 0)
        return -EFAULT;
    do {
        expected = before;
        if (swap_word(address, expected, changed_word(kind, expected, (uint32_t)argument), &before) != 0)
            return -EFAULT;
    } while (before != expected);
    *holds = compare(comparison, (int32_t)before, compared);
    return 0;
}

static int64_t wake_and_change(uint64_t address, bool is_private, uint32_t count, uint64_t second,
                               uint32_t second_count, uint32_t operation)
{
    bool holds = false;
    int64_t result = change_word(second, operation, &holds);

    if (result != 0)
        return result;
    result = wake(address, is_private, UINT32_MAX, count);
    return holds ? result + wake(second, is_private, UINT32_MAX, second_count) : result;
}

static int64_t requeue_own(uint64_t address, uint32_t wake, uint64_t second, uint32_t move, const uint32_t *expected)
{
    uint32_t value;
    int64_t result = 0;

    wk_lock_take(&linux_lock);
    if (expected != NULL && copy_in(&value, address, sizeof(value)) != 0)
        result = -EFAULT;
    else if (expected != NULL && value != *expected)
        result = -EAGAIN;
    else
        result = wake_and_move(address, UINT32_MAX, wake, move, second);
    wk_lock_release(&linux_lock);
    return result;
}

static int64_t requeue(uint64_t address, bool is_private, uint32_t count, uint64_t second, uint32_t move,
                       const uint32_t *expected)
{
    struct futex_key key, to;
    uint32_t value;

    if (is_private || !shared_futex_key(address, &key))
        return requeue_own(address, count, second, move, expected);
    if (expected != NULL && copy_in(&value, address, sizeof(value)) != 0)
        return -EFAULT;
    if (expected != NULL && value != *expected)
        return -EAGAIN;
    if (shared_futex_key(second, &to))
        return shared_futex_requeue(&key, count, &to, move);
    /* Between the two kinds of queue nobody can be moved: who wakes for nothing looks at the word again. */
    return shared_futex_wake(&key, UINT32_MAX, count > UINT32_MAX - move ? UINT32_MAX : count + move);
}

/* Absolute nanoseconds of the system's clock, by which all waits go; FUTEX_WAIT's time is relative, others may be of day. */
static int64_t deadline_of(uint64_t timeout, int operation, uint64_t *deadline)
{
    int64_t result;

    *deadline = WK_FOREVER;
    if (timeout == 0)
        return 0;
    result = copy_time_in(timeout, deadline);
    if (result != 0)
        return result;
    if ((operation & FUTEX_CMD_MASK) == FUTEX_WAIT)
        *deadline = wk_after_ns(*deadline);
    else if ((operation & FUTEX_CLOCK_REALTIME) != 0)
        *deadline = clock_of_day(*deadline);
    return 0;
}

/* What is seldom asked for: apart, so that waking and waiting do not save registers for it. */
static __attribute__((noinline)) int64_t change_or_move(uint64_t address, int operation, uint32_t first, uint32_t count,
                                                        uint64_t second, uint32_t third)
{
    const bool is_private = (operation & FUTEX_PRIVATE_FLAG) != 0;

    switch (operation & FUTEX_CMD_MASK) {
    case FUTEX_REQUEUE:
        return requeue(address, is_private, first, second, count, NULL);
    case FUTEX_CMP_REQUEUE:
        return requeue(address, is_private, first, second, count, &third);
    case FUTEX_WAKE_OP:
        return wake_and_change(address, is_private, first, second, count, third);
    default:
        return -ENOSYS;
    }
}

static __attribute__((noinline)) int64_t wait_until(uint64_t address, int operation, uint32_t expected,
                                                    uint64_t timeout, uint32_t bitset)
{
    uint64_t deadline;
    const int64_t result = deadline_of(timeout, operation, &deadline);

    return result != 0 ? result : wait(address, (operation & FUTEX_PRIVATE_FLAG) != 0, expected, bitset, deadline);
}

int64_t linux_futex(uint64_t address, int operation, uint64_t value, uint64_t timeout, uint64_t second, uint64_t value3)
{
    const bool is_private = (operation & FUTEX_PRIVATE_FLAG) != 0;
    const uint32_t first = (uint32_t)value, third = (uint32_t)value3;

    if ((address & 3) != 0)
        return -EINVAL;
    switch (operation & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
        return wait_until(address, operation, first, timeout, FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAIT_BITSET:
        return wait_until(address, operation, first, timeout, third);
    case FUTEX_WAKE:
        return wake(address, is_private, FUTEX_BITSET_MATCH_ANY, first);
    case FUTEX_WAKE_BITSET:
        return third == 0 ? -EINVAL : wake(address, is_private, third, first);
    default:
        return change_or_move(address, operation, first, (uint32_t)timeout, second, third);
    }
}

/* ---- robust lists ---- */

/* Marks a word as its dead owner's, if the thread owned it, and wakes one who waits. Of the word that the thread was about to
 * take or had just given back it is only known that somebody may wait. */
static void end_ownership(const struct thread *thread, uint64_t address, bool is_uncertain)
{
    uint32_t word, was;

    if ((address & 3) != 0 || copy_in(&was, address, sizeof(was)) != 0)
        return;
    if (is_uncertain && was == 0)
        futex_wake(address, 1);
    do {
        word = was;
        if ((word & FUTEX_TID_MASK) != (uint32_t)thread->tid ||
            swap_word(address, word, (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &was) != 0)
            return;
    } while (was != word);
    if ((word & FUTEX_WAITERS) != 0)
        futex_wake(address, 1);
}

/* Source: Linux's Documentation/locking/robust-futex-ABI.rst. */
void futex_forget_robust(struct thread *thread)
{
    const uint64_t list = thread->robust_list;
    struct {
        uint64_t first, offset, pending;
    } head;
    uint64_t entry;

    thread->robust_list = 0;
    if (list == 0 || copy_in(&head, list, sizeof(head)) != 0)
        return;
    entry = head.first;
    for (unsigned i = 0; i < ROBUST_MAX && (entry & ~UINT64_C(1)) != list; i++) {
        const uint64_t here = entry & ~UINT64_C(1);

        if (copy_in(&entry, here, sizeof(entry)) != 0)
            break;
        if (here != (head.pending & ~UINT64_C(1)))
            end_ownership(thread, here + head.offset, false);
    }
    if ((head.pending & ~UINT64_C(1)) != 0)
        end_ownership(thread, (head.pending & ~UINT64_C(1)) + head.offset, true);
}
