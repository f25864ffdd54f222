/* SPDX-License-Identifier: MIT */
/* ppoll and pselect6: each look asks all that is polled, which arms the thread's waiters, and then waits for its event. */
#include "calls.h"
#include "files.h"
#include "signals.h"

#include <winkle/clock.h>
#include <winkle/heap.h>
#include <winkle/text.h>

#include <asm/poll.h>
#include <linux/time_types.h>

#define WORD_BITS 64
#define SET_WORDS (DESCRIPTORS_MAX / WORD_BITS)

/* POLL bits that hold of a descriptor now. */
static uint32_t look(int fd, uint32_t events)
{
    struct file *file = file_of(fd);
    int64_t result =
        (int64_t)(events & (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)); /* files never keep one waiting */

    if (file == NULL)
        return POLLNVAL;
    if (file->operations->poll != NULL)
        result = file->operations->poll(file, events);
    file_drop(file);
    return result < 0 ? POLLERR : (uint32_t)result;
}

static int64_t look_at_all(struct pollfd *polled, uint64_t count)
{
    int64_t ready = 0;

    for (uint64_t i = 0; i < count; i++) {
        polled[i].revents = 0;
        if (polled[i].fd >= 0)
            polled[i].revents = (short)look(polled[i].fd, (uint16_t)polled[i].events);
        if (polled[i].revents != 0)
            ready++;
    }
    return ready;
}

static int64_t deadline_of(uint64_t timeout, uint64_t *deadline)
{
    uint64_t ns;
    int64_t result;

    *deadline = WK_FOREVER;
    if (timeout == 0)
        return 0;
    result = copy_time_in(timeout, &ns);
    if (result == 0 && ns != WK_FOREVER)
        *deadline = wk_after_ns(ns);
    return result;
}

/* Until one is ready, the time is over, or a signal comes. */
static int64_t poll_until(struct pollfd *polled, uint64_t count, uint64_t deadline)
{
    for (;;) {
        int64_t result = look_at_all(polled, count);

        if (result != 0)
            return result;
        if (deadline <= wk_now_ns())
            return 0;
        if (signals_pending()) {
            signals_restart();
            return -RESTART_IF_UNHANDLED;
        }
        result = wait_for_event(deadline);
        if (result == -ETIMEDOUT)
            return look_at_all(polled, count);
        if (result != 0)
            return -RESTART_IF_UNHANDLED;
    }
}

/* As Linux has it, the time-out becomes what is left of it; where it cannot be written, nobody is told. */
static void tell_rest(uint64_t timeout, uint64_t deadline)
{
    const uint64_t now = wk_now_ns(), rest = deadline > now ? deadline - now : 0;
    const struct __kernel_timespec time = {(long long)(rest / WK_NS_PER_SECOND), (long long)(rest % WK_NS_PER_SECOND)};

    if (deadline != WK_FOREVER)
        copy_out(timeout, &time, sizeof(time));
}

static int64_t poll_with_mask(struct pollfd *polled, uint64_t count, uint64_t timeout, uint64_t mask_address)
{
    uint64_t deadline, mask;
    int64_t result = deadline_of(timeout, &deadline);

    if (result == 0 && mask_address != 0)
        result = copy_in(&mask, mask_address, sizeof(mask));
    if (result != 0)
        return result;
    if (mask_address != 0)
        signals_wait_with(mask);
    result = poll_until(polled, count, deadline);
    tell_rest(timeout, deadline);
    if (mask_address != 0)
        signals_wait_done();
    return result;
}

int64_t linux_ppoll(uint64_t list, uint64_t count, uint64_t timeout, uint64_t mask, uint64_t mask_bytes)
{
    const uint64_t bytes = count * sizeof(struct pollfd);
    struct pollfd *polled;
    int64_t result;

    if (count > DESCRIPTORS_MAX || (mask != 0 && mask_bytes != sizeof(uint64_t)))
        return -EINVAL;
    polled = wk_allocate(bytes == 0 ? 1 : bytes);
    if (polled == NULL)
        return -ENOMEM;
    result = copy_in(polled, list, bytes);
    if (result == 0)
        result = poll_with_mask(polled, count, timeout, mask);
    if (result >= 0 && copy_out(list, polled, bytes) != 0)
        result = -EFAULT;
    wk_free(polled);
    return result;
}

/* ---- pselect6: sets of bits become a list and the other way round ---- */

enum set { SET_READ, SET_WRITE, SET_EXCEPT, SETS };

static const uint32_t set_events[SETS] = {POLLIN | POLLRDNORM, POLLOUT | POLLWRNORM, POLLPRI};
static const uint32_t set_results[SETS] = {POLLIN | POLLRDNORM | POLLHUP | POLLERR, POLLOUT | POLLWRNORM | POLLERR,
                                           POLLPRI};

static uint64_t list_sets(uint64_t sets[SETS][SET_WORDS], int end, struct pollfd *polled)
{
    uint64_t count = 0;

    for (int fd = 0; fd < end; fd++) {
        uint32_t events = 0;

        for (unsigned set = 0; set < SETS; set++) {
            if ((sets[set][fd / WORD_BITS] >> fd % WORD_BITS & 1) != 0)
                events |= set_events[set];
        }
        if (events != 0)
            polled[count++] = (struct pollfd){.fd = fd, .events = (short)events};
    }
    return count;
}

/* How many bits are set; -EBADF if one of them was open nowhere. */
static int64_t fill_sets(uint64_t sets[SETS][SET_WORDS], const struct pollfd *polled, uint64_t count)
{
    int64_t bits = 0;

    memset(sets, 0, SETS * sizeof(sets[0]));
    for (uint64_t i = 0; i < count; i++) {
        const uint32_t results = (uint16_t)polled[i].revents;

        if ((results & POLLNVAL) != 0)
            return -EBADF;
        for (unsigned set = 0; set < SETS; set++) {
            if (((uint32_t)polled[i].events & set_events[set]) == 0 || (results & set_results[set]) == 0)
                continue;
            sets[set][polled[i].fd / WORD_BITS] |= UINT64_C(1) << polled[i].fd % WORD_BITS;
            bits++;
        }
    }
    return bits;
}

static int64_t select_sets(int end, const uint64_t addresses[SETS], uint64_t timeout, uint64_t mask,
                           struct pollfd *polled)
{
    const uint64_t bytes = ((uint64_t)end + WORD_BITS - 1) / WORD_BITS * sizeof(uint64_t);
    uint64_t sets[SETS][SET_WORDS] = {{0}};
    uint64_t count;
    int64_t result = 0;

    for (unsigned set = 0; set < SETS && result == 0; set++) {
        if (addresses[set] != 0)
            result = copy_in(sets[set], addresses[set], bytes);
    }
    if (result != 0)
        return result;
    count = list_sets(sets, end, polled);
    result = poll_with_mask(polled, count, timeout, mask);
    if (result >= 0)
        result = fill_sets(sets, polled, count);
    for (unsigned set = 0; set < SETS && result >= 0; set++) {
        if (addresses[set] != 0 && copy_out(addresses[set], sets[set], bytes) != 0)
            result = -EFAULT;
    }
    return result;
}

int64_t linux_pselect6(int end, uint64_t read, uint64_t write, uint64_t except, uint64_t timeout, uint64_t mask)
{
    const uint64_t addresses[SETS] = {read, write, except};
    uint64_t set[2] = {0, 0};
    struct pollfd *polled;
    int64_t result = 0;

    if (end < 0)
        return -EINVAL;
    if (end > DESCRIPTORS_MAX)
        end = DESCRIPTORS_MAX;
    if (mask != 0 && copy_in(set, mask, sizeof(set)) != 0)
        return -EFAULT;
    if (set[0] != 0 && set[1] != sizeof(uint64_t))
        return -EINVAL;
    polled = wk_allocate((size_t)(end + 1) * sizeof(*polled));
    if (polled == NULL)
        return -ENOMEM;
    result = select_sets(end, addresses, timeout, set[0], polled);
    wk_free(polled);
    return result;
}
