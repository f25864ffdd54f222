/* SPDX-License-Identifier: MIT */
/* Futexes between the threads of the process: those who wait are in one list, first come first. */
#include "futex.h"

#include "calls.h"
#include "files.h"

#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/text.h>

#include <linux/futex.h>
#include <linux/time_types.h>

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
        wake--;
        *at = sleeper->next;
        sleeper->is_woken = true;
        wk_event_signal(sleeper->thread->event, 1);
    }
    return count;
}

int64_t futex_wake(uint64_t address, uint32_t count)
{
    int64_t woken;

    wk_lock_take(&linux_lock);
    woken = wake_and_move(address, UINT32_MAX, count, 0, 0);
    wk_lock_release(&linux_lock);
    return woken;
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

static int64_t wait(uint64_t address, uint32_t expected, uint32_t bitset, uint64_t deadline)
{
    struct sleeper sleeper = {.thread = current(), .address = address, .bitset = bitset};
    uint32_t value;
    int64_t result = 0;

    if (bitset == 0)
        return -EINVAL;
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
    if (result == -EFAULT || result == -EAGAIN)
        return result;
    wk_lock_take(&linux_lock);
    if (sleeper.is_woken)
        result = 0;
    else
        take_out(&sleeper);
    wk_lock_release(&linux_lock);
    return result;
}

/* FUTEX_WAKE_OP's change of the second word, and whether the comparison held of what it was. */
static int64_t change_word(uint64_t address, uint32_t operation, bool *holds)
{
    const uint32_t kind = operation >> 28 & 7, comparison = operation >> 24 & 15;
    int32_t argument = (int32_t)(operation << 8) >> 20;
    const int32_t compared = (int32_t)(operation << 20) >> 20;
    uint32_t before, after;

    if ((operation >> 28 & FUTEX_OP_OPARG_SHIFT) != 0)
        argument = (int32_t)(1U << (argument & 31));
    if (copy_in(&before, address, sizeof(before)) != 0)
        return -EFAULT;
    after = kind == FUTEX_OP_SET    ? (uint32_t)argument
            : kind == FUTEX_OP_ADD  ? before + (uint32_t)argument
            : kind == FUTEX_OP_OR   ? before | (uint32_t)argument
            : kind == FUTEX_OP_ANDN ? before & ~(uint32_t)argument
                                    : before ^ (uint32_t)argument;
    while (
        !__atomic_compare_exchange_n((uint32_t *)address, &before, after, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        after = kind == FUTEX_OP_SET    ? (uint32_t)argument
                : kind == FUTEX_OP_ADD  ? before + (uint32_t)argument
                : kind == FUTEX_OP_OR   ? before | (uint32_t)argument
                : kind == FUTEX_OP_ANDN ? before & ~(uint32_t)argument
                                        : before ^ (uint32_t)argument;
    }
    const int32_t was = (int32_t)before;

    *holds = comparison == FUTEX_OP_CMP_EQ   ? was == compared
             : comparison == FUTEX_OP_CMP_NE ? was != compared
             : comparison == FUTEX_OP_CMP_LT ? was < compared
             : comparison == FUTEX_OP_CMP_LE ? was <= compared
             : comparison == FUTEX_OP_CMP_GT ? was > compared
                                             : was >= compared;
    return 0;
}

static int64_t requeue(uint64_t address, uint32_t wake, uint64_t second, uint32_t move, const uint32_t *expected)
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

/* Absolute nanoseconds of the system's clock, by which all waits go; FUTEX_WAIT's time is relative. */
static int64_t deadline_of(uint64_t timeout, bool is_relative, uint64_t *deadline)
{
    struct __kernel_timespec time;

    *deadline = WK_FOREVER;
    if (timeout == 0)
        return 0;
    if (copy_in(&time, timeout, sizeof(time)) != 0)
        return -EFAULT;
    if (time.tv_sec < 0 || time.tv_nsec < 0 || time.tv_nsec >= (long long)WK_NS_PER_SECOND)
        return -EINVAL;
    *deadline = (uint64_t)time.tv_sec * WK_NS_PER_SECOND + (uint64_t)time.tv_nsec;
    if (is_relative)
        *deadline = wk_after_ns(*deadline);
    return 0;
}

int64_t linux_futex(uint64_t address, int operation, uint64_t value, uint64_t timeout, uint64_t second, uint64_t value3)
{
    const uint32_t first = (uint32_t)value, third = (uint32_t)value3;
    uint64_t deadline;
    bool holds;
    int64_t result;

    if ((address & 3) != 0)
        return -EINVAL;
    switch (operation & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
        result = deadline_of(timeout, (operation & FUTEX_CMD_MASK) == FUTEX_WAIT, &deadline);
        if (result != 0)
            return result;
        return wait(address, first, (operation & FUTEX_CMD_MASK) == FUTEX_WAIT ? FUTEX_BITSET_MATCH_ANY : third,
                    deadline);
    case FUTEX_WAKE:
        return futex_wake(address, first);
    case FUTEX_WAKE_BITSET:
        wk_lock_take(&linux_lock);
        result = wake_and_move(address, third, first, 0, 0);
        wk_lock_release(&linux_lock);
        return result;
    case FUTEX_REQUEUE:
        return requeue(address, first, second, (uint32_t)timeout, NULL);
    case FUTEX_CMP_REQUEUE:
        return requeue(address, first, second, (uint32_t)timeout, &third);
    case FUTEX_WAKE_OP:
        wk_lock_take(&linux_lock);
        result = change_word(second, third, &holds);
        if (result == 0) {
            result = wake_and_move(address, UINT32_MAX, first, 0, 0);
            if (holds)
                result += wake_and_move(second, UINT32_MAX, (uint32_t)timeout, 0, 0);
        }
        wk_lock_release(&linux_lock);
        return result;
    default:
        return -ENOSYS;
    }
}

/* Source: Linux's Documentation/locking/robust-futex-ABI.rst. */
void futex_forget_robust(struct thread *thread)
{
    uint64_t head[3], entry;

    if (thread->robust_list == 0 || copy_in(head, thread->robust_list, sizeof(head)) != 0)
        return;
    entry = head[0];
    for (unsigned i = 0; i < ROBUST_MAX && entry != thread->robust_list && entry != 0; i++) {
        const uint64_t address = (entry & ~UINT64_C(1)) + head[1];
        uint32_t word;

        if (copy_in(&word, address, sizeof(word)) == 0 && (word & FUTEX_TID_MASK) == (uint32_t)thread->tid) {
            const uint32_t left = (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED;

            if (copy_out(address, &left, sizeof(left)) == 0 && (word & FUTEX_WAITERS) != 0)
                futex_wake(address, 1);
        }
        if (copy_in(&entry, entry & ~UINT64_C(1), sizeof(entry)) != 0)
            break;
    }
    thread->robust_list = 0;
}
