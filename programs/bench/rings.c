/* SPDX-License-Identifier: MIT */
/*
 * The kernel ring: invocations that do nothing (ring: noop), prepared, submitted in batches of 32 or one by one, and
 * their completions read; all of the program's and of the kernel's side.
 */
#include "bench.h"
#include "partner.h"

#include <winkle/capability.h>
#include <winkle/calls.h>
#include <winkle/clock.h>
#include <winkle/harts.h>
#include <winkle/queue.h>
#include <winkle/ring.h>
#include <winkle/start.h>
#include <winkle/thread.h>

#define OPERATIONS 3200
#define ENTRIES 64
#define PENDING 64
#define BATCH 32
#define POLLER_IDLE_NS 1000000000
#define PAUSE_NS 10000
/* The count is a constant where it is used: no loop of the measurement for a batch of one. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

#define OPERATION 0x2000

static struct wk_queue queue;
static wk_handle session;

enum kind { NOOP, CHECK, CALL };

/* The session is no interface's: its operation is the server's own, which answers with the words that it got. */
ALWAYS_INLINE bool prepare_call(uint32_t tag)
{
    uint64_t *words;

    if (!wk_queue_has_room(&queue))
        return false;
    words = wk_queue_next(&queue);
    words[0] = WK_RING_ENTRY(OPERATION, 0, session);
    words[1] = tag;
    for (unsigned i = 0; i < 6; i++)
        words[2 + i] = i;
    return true;
}

ALWAYS_INLINE void prepare(enum kind kind, uint32_t tag)
{
    switch (kind) {
    case NOOP:
        (void)wk_ring_noop_prepare(&queue, tag, queue.ring);
        break;
    case CHECK:
        (void)wk_capability_check_prepare(&queue, tag, queue.ring);
        break;
    case CALL:
        (void)prepare_call(tag);
        break;
    }
}

/* Prepares, submits and takes back that many. */
ALWAYS_INLINE void round_of(enum kind kind, unsigned count)
{
    struct wk_completion completion;
    unsigned done = 0;

    for (unsigned i = 0; i < count; i++)
        prepare(kind, i);
    expect("entering the ring", wk_queue_enter(&queue, kind == CALL ? count : 0, WK_NO_DEADLINE));
    while (done < count && wk_queue_read(&queue, &completion) && completion.answer == WK_OK)
        done++;
    if (done != count)
        wk_fail("a ring did not do all that it was to do", WK_OK);
}

ALWAYS_INLINE void measure_rounds(const struct benchmark *benchmark, enum kind kind, unsigned count)
{
    struct samples samples;

    expect("a ring", wk_queue_create(&queue, ENTRIES, ENTRIES, PENDING, 0));
    round_of(kind, count);
    for (unsigned i = 0; i < BATCHES; i++) {
        const uint64_t start = wk_instructions();

        for (unsigned done = 0; done < OPERATIONS; done += count)
            round_of(kind, count);
        samples.value[i] = (wk_instructions() - start) / OPERATIONS;
    }
    print_samples(benchmark, &samples);
    wk_queue_destroy(&queue);
}

void measure_ring_noop_1(const struct benchmark *benchmark)
{
    measure_rounds(benchmark, NOOP, 1);
}

void measure_ring_noop_32(const struct benchmark *benchmark)
{
    measure_rounds(benchmark, NOOP, BATCH);
}

void measure_ring_check_32(const struct benchmark *benchmark)
{
    measure_rounds(benchmark, CHECK, BATCH);
}

void measure_ring_call_32(const struct benchmark *benchmark)
{
    open_server("server");
    session = server_session();
    measure_rounds(benchmark, CALL, BATCH);
    close_server();
}

/* Instructions that the program spends on a batch that a poller on another hart executes: to prepare and submit it, and to
 * read its completions; not to wait for them. A trap would be among them. */
static uint64_t polled_batch(void)
{
    struct wk_completion completion;
    const wk_handle ring = queue.ring;
    uint64_t start = wk_instructions(), spent;
    unsigned done = 0;

    for (unsigned i = 0; i < BATCH; i++)
        (void)wk_ring_noop_prepare(&queue, i, ring);
    expect("submitting", wk_queue_submit(&queue));
    spent = wk_instructions() - start;
    while (wk_queue_completed(&queue) < BATCH) /* harts of an emulator that counts take turns, and long ones */
        expect("sleeping", wk_thread_sleep(wk_self.start->thread, wk_after_ns(PAUSE_NS)));
    start = wk_instructions();
    while (done < BATCH && wk_queue_read(&queue, &completion) && completion.answer == WK_OK)
        done++;
    if (done != BATCH)
        wk_fail("a poller did not do all that it was to do", WK_OK);
    return spent + wk_instructions() - start;
}

void measure_ring_poll_user(const struct benchmark *benchmark)
{
    struct samples samples;

    if (wk_hart_count() < 2)
        wk_fail("there is no second hart for a poller; start the machine with `--harts 2`", WK_OK);
    expect("a ring", wk_queue_create(&queue, ENTRIES, ENTRIES, PENDING, wk_hart_budget(1)));
    expect("a poller", wk_ring_poll(queue.ring, POLLER_IDLE_NS));
    (void)polled_batch();
    for (unsigned i = 0; i < BATCHES; i++) {
        samples.value[i] = 0;
        for (unsigned done = 0; done < OPERATIONS; done += BATCH)
            samples.value[i] += polled_batch();
        samples.value[i] /= OPERATIONS;
    }
    print_samples(benchmark, &samples);
    wk_queue_destroy(&queue);
}
