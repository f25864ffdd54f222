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
#include <winkle/queue.h>
#include <winkle/ring.h>
#include <winkle/start.h>

#define OPERATIONS 3200
#define ENTRIES 64
#define PENDING 64
/* The count is a constant where it is used: no loop of the measurement for a batch of one. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

static struct wk_queue queue;

/* Prepares, submits and takes back that many. */
ALWAYS_INLINE void round_of(unsigned count)
{
    struct wk_completion completion;
    unsigned done = 0;

    for (unsigned i = 0; i < count; i++)
        (void)wk_ring_noop_prepare(&queue, i, queue.ring);
    expect("entering the ring", wk_queue_enter(&queue, 0, WK_NO_DEADLINE));
    while (done < count && wk_queue_read(&queue, &completion) && completion.answer == WK_OK)
        done++;
    if (done != count)
        wk_fail("a ring did not do all that it was to do", WK_OK);
}

ALWAYS_INLINE void measure_rounds(const struct benchmark *benchmark, unsigned count)
{
    struct samples samples;

    expect("a ring", wk_queue_create(&queue, ENTRIES, ENTRIES, PENDING, 0));
    round_of(count);
    for (unsigned i = 0; i < BATCHES; i++) {
        const uint64_t start = wk_instructions();

        for (unsigned done = 0; done < OPERATIONS; done += count)
            round_of(count);
        samples.value[i] = (wk_instructions() - start) / OPERATIONS;
    }
    print_samples(benchmark, &samples);
    wk_queue_destroy(&queue);
}

void measure_ring_noop_1(const struct benchmark *benchmark)
{
    measure_rounds(benchmark, 1);
}

void measure_ring_noop_32(const struct benchmark *benchmark)
{
    measure_rounds(benchmark, 32);
}
