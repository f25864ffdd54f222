/* SPDX-License-Identifier: MIT */
/*
 * Signals and yields by their straight way into the kernel do what they do by the usual one: each with the hint that
 * opens it and without, and the hint where it can not be followed.
 */
#include "check.h"

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/message.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#include <stdbool.h>

#define MILLISECOND UINT64_C(1000000)
#define STACK_PAGES 4
#define OWN_PRIORITY 40
#define ROUNDS 200
#define BANK_PAGES 16
/* Bits of `done`. */
#define TAKEN 1
#define NEVER 2
#define SLICES 20
#define TURNS 10
#define PAUSES_MAX 500 /* for an emulator that stands still meanwhile */

static wk_handle event, done;
static uint64_t hint; /* WK_MESSAGE_QUICK, or 0 */

static enum wk_status invoke(uint64_t operation, wk_handle handle, uint64_t word)
{
    uint64_t words[6] = {word};

    return (enum wk_status)wk_trap(operation | hint, handle, words);
}

static enum wk_status signal(wk_handle handle, uint64_t bits)
{
    return invoke(WK_EVENT_SIGNAL, handle, bits);
}

static enum wk_status yield(wk_handle handle)
{
    return invoke(WK_THREAD_YIELD, handle, 0);
}

static uint64_t pending(void)
{
    uint64_t bits;

    return wk_event_poll(event, UINT64_MAX, &bits) == WK_OK ? bits : 0;
}

/* The kernel remembers the capability that was used last; another one is another one, whatever it is. */
static void other_capabilities(void)
{
    const wk_handle self = wk_self.start->thread;
    wk_handle lent, gone;

    EXPECT(WK_OK, wk_capability_lend(event, WK_EVENT_RIGHT_WAIT, &lent));
    EXPECT(WK_OK, wk_capability_lend(event, WK_RIGHTS_ALL, &gone));
    for (unsigned i = 0; i < 3; i++) {
        EXPECT(WK_OK, signal(event, 1));
        EXPECT(WK_WRONG_TYPE, yield(event));
        EXPECT(WK_NO_RIGHT, signal(lent, 2));
        EXPECT(WK_OK, yield(self));
        EXPECT(WK_WRONG_TYPE, signal(self, 4));
        EXPECT(WK_OK, yield(self));
        EXPECT(WK_BAD_HANDLE, signal(0, 8));
        EXPECT(WK_BAD_HANDLE, yield(0));
        EXPECT(WK_OK, signal(gone, 16));
        EXPECT(WK_OK, signal(gone, 32));
        EQUAL(1 + 16 + 32, pending());
    }
    EXPECT(WK_OK, wk_capability_delete(gone));
    EXPECT(WK_BAD_HANDLE, signal(gone, 64));
    EXPECT(WK_OK, wk_capability_delete(lent));
    EQUAL(0, pending());
}

/* What goes takes its capabilities along. */
static void gone_objects(void)
{
    wk_handle bank, other;

    EXPECT(WK_OK, wk_bank_split(wk_self.bank, BANK_PAGES, WK_BANK_KIND_RAM, &bank));
    EXPECT(WK_OK, wk_event_create(bank, &other));
    for (unsigned i = 0; i < 3; i++)
        EXPECT(WK_OK, signal(other, 1));
    EXPECT(WK_OK, wk_bank_destroy(bank));
    EXPECT(WK_BAD_HANDLE, signal(other, 1));
}

struct waiter {
    uint64_t mask;
    uint64_t deadline_ns;
    bool uses_floating_point;
    uint64_t taken; /* so often */
    uint64_t bits;  /* what it took last */
};

static void wait_again_and_again(void *argument)
{
    struct waiter *waiter = argument;
    volatile double number = 1;

    for (;;) {
        EXPECT(WK_OK, wk_event_wait(event, waiter->mask, waiter->deadline_ns, &waiter->bits));
        if (waiter->bits >> 63)
            return;
        if (waiter->uses_floating_point)
            number = number + 1;
        waiter->taken++;
        EXPECT(WK_OK, wk_event_signal(done, TAKEN));
    }
}

static void pause_for(uint64_t ns)
{
    uint64_t bits;

    EXPECT(WK_TIMED_OUT, wk_event_wait(done, NEVER, wk_after_ns(ns), &bits));
}

static void until_waiting(wk_handle thread)
{
    enum wk_thread_state state;
    uint64_t priority, hart;

    for (;;) {
        EXPECT(WK_OK, wk_thread_info(thread, &state, &priority, &hart));
        if (state == WK_THREAD_STATE_WAITING)
            return;
        pause_for(MILLISECOND / 10);
    }
}

/* Signals to one that waits, which is to run at once or not before this thread waits; others' bits stay. */
static void signal_waiter(struct waiter *waiter, uint64_t priority)
{
    const bool at_once = priority > OWN_PRIORITY;
    struct wk_thread thread;
    uint64_t bits;

    waiter->taken = 0;
    EXPECT(WK_OK, wk_thread_run(&thread, wait_again_and_again, waiter, STACK_PAGES, priority));
    for (unsigned i = 0; i < ROUNDS; i++) {
        until_waiting(thread.handle);
        EXPECT(WK_OK, signal(event, 4));
        EQUAL(i, waiter->taken);
        EXPECT(WK_OK, signal(event, 1 + 8));
        if (at_once)
            EQUAL(i + 1, waiter->taken);
        EXPECT(WK_OK, wk_event_wait(done, TAKEN, WK_FOREVER, &bits));
        EQUAL(i + 1, waiter->taken);
        EQUAL(1, waiter->bits);
        EQUAL(4 + 8, pending());
    }
    EXPECT(WK_OK, signal(event, UINT64_C(1) << 63));
    EXPECT(WK_OK, wk_thread_join(&thread, WK_FOREVER));
}

static void waiters(void)
{
    struct waiter waiter = {.mask = UINT64_C(1) << 63 | 1, .deadline_ns = WK_FOREVER};

    signal_waiter(&waiter, OWN_PRIORITY + 1);
    signal_waiter(&waiter, OWN_PRIORITY);
    signal_waiter(&waiter, OWN_PRIORITY - 1);
    waiter.deadline_ns = wk_after_ns(100 * WK_NS_PER_SECOND);
    signal_waiter(&waiter, OWN_PRIORITY + 1);
    waiter.uses_floating_point = true;
    signal_waiter(&waiter, OWN_PRIORITY + 1);
}

static volatile uint64_t turns[2];
static volatile bool is_over;

static void take_turns(void *argument)
{
    while (!is_over) {
        turns[(uint64_t)argument]++;
        EXPECT(WK_OK, yield(wk_thread_self()->handle));
    }
}

/* Who yields gives each turn to the other; a slice that ends may give it one more. */
static void equals(void)
{
    struct wk_thread threads[2];

    is_over = false;
    turns[0] = turns[1] = 0;
    for (uint64_t i = 0; i < 2; i++)
        EXPECT(WK_OK, wk_thread_run(&threads[i], take_turns, (void *)i, STACK_PAGES, OWN_PRIORITY - 1));
    for (unsigned pauses = 0; turns[0] <= TURNS && pauses < PAUSES_MAX; pauses++)
        pause_for(20 * MILLISECOND);
    is_over = true;
    for (unsigned i = 0; i < 2; i++)
        EXPECT(WK_OK, wk_thread_join(&threads[i], WK_FOREVER));
    CHECK(turns[0] > TURNS && turns[0] <= turns[1] + SLICES && turns[1] <= turns[0] + SLICES);
}

int main(void)
{
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &done));
    EXPECT(WK_OK, wk_thread_set_priority(wk_self.start->thread, OWN_PRIORITY));
    for (unsigned i = 0; i < 2; i++) {
        hint = i == 0 ? 0 : WK_MESSAGE_QUICK;
        other_capabilities();
        gone_objects();
        waiters();
        equals();
    }
    wk_print("straight: good\n");
    return 0;
}
