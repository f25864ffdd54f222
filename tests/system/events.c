/* SPDX-License-Identifier: MIT */
/* Events between threads and between processes. */
#include "actors.h"

#include <winkle/process.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define MILLISECOND UINT64_C(1000000)
#define STACK_PAGES 4
#define WAITERS 6
#define ROUNDS 500

static wk_handle event;

static uint64_t take(uint64_t mask)
{
    uint64_t bits;

    EXPECT(WK_OK, wk_event_wait(event, mask, WK_FOREVER, &bits));
    return bits;
}

static void pause_for(uint64_t ns)
{
    uint64_t bits;

    EXPECT(WK_TIMED_OUT, wk_event_wait(event, UINT64_C(1) << 63, wk_after_ns(ns), &bits));
}

static void bits_are_kept(void)
{
    uint64_t bits;

    EXPECT(WK_WOULD_BLOCK, wk_event_poll(event, UINT64_MAX, &bits));
    EXPECT(WK_OK, wk_event_signal(event, 5));
    EXPECT(WK_OK, wk_event_signal(event, 6));
    EXPECT(WK_OK, wk_event_poll(event, 1, &bits));
    EQUAL(1, bits);
    EQUAL(6, take(UINT64_MAX));
    EXPECT(WK_OK, wk_event_signal(event, 0));
    EXPECT(WK_WOULD_BLOCK, wk_event_poll(event, UINT64_MAX, &bits));
}

static volatile uint64_t order[WAITERS], woken;

static void wait_in_order(void *argument)
{
    take(1);
    order[woken++] = (uint64_t)argument;
}

/* Until the thread has come so far as to wait. */
static void until_waiting(wk_handle thread)
{
    enum wk_thread_state state;
    uint64_t priority, hart;

    do {
        pause_for(MILLISECOND);
        EXPECT(WK_OK, wk_thread_info(thread, &state, &priority, &hart));
    } while (state != WK_THREAD_STATE_WAITING);
}

/* Each signal wakes one of those that wait for the bit: the most urgent. They all run below this thread, on one hart or
 * several; each is let through alone. */
static void most_urgent_first(void)
{
    struct wk_thread threads[WAITERS];

    woken = 0;
    for (uint64_t i = 0; i < WAITERS; i++) {
        const uint64_t priority = 20 + (i * 5) % WAITERS;

        EXPECT(WK_OK, wk_thread_run(&threads[i], wait_in_order, (void *)priority, STACK_PAGES, priority));
    }
    for (uint64_t i = 0; i < WAITERS; i++)
        until_waiting(threads[i].handle);
    for (uint64_t i = 0; i < WAITERS; i++) {
        EXPECT(WK_OK, wk_event_signal(event, 1));
        while (woken != i + 1)
            pause_for(MILLISECOND);
        EQUAL(20 + WAITERS - 1 - i, order[i]);
    }
    for (uint64_t i = 0; i < WAITERS; i++)
        EXPECT(WK_OK, wk_thread_join(&threads[i], WK_FOREVER));
}

static volatile enum wk_status ended_with;

static void wait_for_end(void *argument)
{
    uint64_t bits;

    ended_with = wk_event_wait((wk_handle)argument, 1, WK_FOREVER, &bits);
}

/* A wait ends when its event goes, when its capability is taken back, and when the thread is interrupted. */
static void waits_end(void)
{
    struct wk_thread thread;
    wk_handle other, lent;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &other));
    EXPECT(WK_OK, wk_capability_lend(other, WK_RIGHTS_ALL, &lent));
    EXPECT(WK_OK, wk_thread_run(&thread, wait_for_end, (void *)lent, STACK_PAGES, 50));
    until_waiting(thread.handle);
    EXPECT(WK_OK, wk_thread_interrupt(thread.handle));
    EXPECT(WK_OK, wk_thread_join(&thread, WK_FOREVER));
    EQUAL(WK_INTERRUPTED, ended_with);

    EXPECT(WK_OK, wk_thread_run(&thread, wait_for_end, (void *)other, STACK_PAGES, 50));
    until_waiting(thread.handle);
    EXPECT(WK_OK, wk_capability_delete(other));
    EXPECT(WK_OK, wk_thread_join(&thread, wk_after_ns(5 * WK_NS_PER_SECOND)));
    EQUAL(WK_REVOKED, ended_with);
}

/* Ping-pong with another process. */
static int play_echo(void)
{
    const wk_handle there = wk_named_handle("event");
    uint64_t bits;

    for (int round = 0; round < ROUNDS; round++) {
        EXPECT(WK_OK, wk_event_wait(there, 1, WK_FOREVER, &bits));
        EXPECT(WK_OK, wk_event_signal(there, 2));
    }
    return 5;
}

static void between_processes(void)
{
    struct actor actor;

    actor_prepare(&actor, ACTOR_BANK_PAGES);
    actor_lend(&actor, "event", event, WK_RIGHTS_ALL);
    actor_play(&actor, "echo");
    for (int round = 0; round < ROUNDS; round++) {
        EXPECT(WK_OK, wk_event_signal(event, 1));
        EQUAL(2, take(2));
    }
    actor_end_well(&actor, 5);
}

int main(int argc, char **argv)
{
    if (plays(argc, argv, "echo"))
        return play_echo();
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    bits_are_kept();
    most_urgent_first();
    waits_end();
    between_processes();
    wk_print("events: good\n");
    return 0;
}
