/* SPDX-License-Identifier: MIT */
/*
 * An innocent program, beside which others misbehave. Until it is told to stop it works with all that a program works
 * with, and checks every result: arithmetic in registers and memory, pages, events, timers, a second thread. It is
 * told by bit 0 of the event `stop`; after each round it sets bit 1.
 */
#include "../system/check.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/threads.h>
#include <winkle/timer.h>

#define WORDS 4096
#define STACK_PAGES 4
#define PRIORITY 90
#define STOP 1
#define ROUND_DONE 2

static uint64_t words[WORDS];

static uint64_t next_random(uint64_t random)
{
    return random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
}

/* Fills, sorts a little, sums: the same seed must give the same twice. */
static uint64_t compute(uint64_t seed)
{
    uint64_t random = seed, sum = 0;
    double average = 0;

    for (unsigned i = 0; i < WORDS; i++)
        words[i] = random = next_random(random);
    for (unsigned i = 1; i < WORDS; i++) {
        words[i] ^= words[i - 1] >> 7;
        sum = sum * 31 + words[i];
        average += (double)(words[i] >> 40) / WORDS;
    }
    return sum ^ (uint64_t)average;
}

static void compute_in_thread(void *argument)
{
    uint64_t *random = argument;

    for (int i = 0; i < 2000; i++)
        *random = next_random(*random);
}

static void second_thread(void)
{
    struct wk_thread thread;
    uint64_t random = 1, expected = 1;

    compute_in_thread(&expected);
    EXPECT(WK_OK, wk_thread_run(&thread, compute_in_thread, &random, STACK_PAGES, PRIORITY));
    EXPECT(WK_OK, wk_thread_join(&thread, WK_FOREVER));
    EQUAL(expected, random);
}

static void pages(uint64_t seed)
{
    wk_handle memory, clone;
    uint64_t *original, *copy;
    void *address;

    EXPECT(WK_OK, wk_map_new(8, WK_MEMORY_OPTIONS_ON_DEMAND, &memory, &address));
    original = address;
    for (unsigned page = 0; page < 8; page++) {
        EQUAL(0, original[page * 512]);
        original[page * 512] = seed + page;
    }
    EXPECT(WK_OK, wk_memory_clone(memory, wk_self.bank, &clone));
    EXPECT(WK_OK, wk_map(clone, 0, 8, WK_READ_WRITE, &address));
    copy = address;
    for (unsigned page = 0; page < 8; page++) {
        original[page * 512] = 0;
        EQUAL(seed + page, copy[page * 512]);
    }
    wk_unmap_delete(memory, original, 8);
    wk_unmap_delete(clone, copy, 8);
}

static void timer(void)
{
    wk_handle event, alarm;
    uint64_t bits;
    const uint64_t when = wk_after_ns(1000000);

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_timer_create(wk_self.bank, &alarm));
    EXPECT(WK_OK, wk_timer_bind(alarm, event, 1));
    EXPECT(WK_OK, wk_timer_set(alarm, when, 0));
    EXPECT(WK_OK, wk_event_wait(event, 1, WK_FOREVER, &bits));
    CHECK(wk_now_ns() >= when);
    EXPECT(WK_OK, wk_capability_delete(alarm));
    EXPECT(WK_OK, wk_capability_delete(event));
}

int main(void)
{
    const wk_handle stop = wk_named_handle("stop");
    uint64_t bits;

    for (uint64_t round = 1; wk_event_poll(stop, STOP, &bits) == WK_WOULD_BLOCK; round++) {
        EQUAL(compute(round), compute(round));
        pages(round);
        timer();
        second_thread();
        EXPECT(WK_OK, wk_event_signal(stop, ROUND_DONE));
    }
    return 0;
}
