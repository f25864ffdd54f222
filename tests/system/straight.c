/* SPDX-License-Identifier: MIT */
/*
 * Signals, yields and signals with a wait by their straight way into the kernel do what they do by the usual one: each with the
 * hint that opens it and without, and the hint where it can not be followed.
 */
#include "check.h"

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/endpoint.h>
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
#define PASSED 4
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

/* Of Sv39's upper half. What a word has that is no part of an answer is the thread's own from when it was interrupted last, and may be
 * any other number. */
static bool is_of_kernel(uint64_t word)
{
    return word >> 38 == (1 << 26) - 1 && word != UINT64_MAX;
}

/* Signals `other` and waits for `own`. No word of the answer is an address of the kernel's. */
static enum wk_status pass_on(wk_handle own, wk_handle other, uint64_t bits, uint64_t mask, uint64_t deadline_ns)
{
    uint64_t words[6] = {other, bits, mask, deadline_ns};
    const enum wk_status status = (enum wk_status)wk_trap(WK_EVENT_SIGNAL_WAIT | hint, own, words);

    for (unsigned i = 0; i < 6; i++)
        CHECK(!is_of_kernel(words[i]));
    if (status == WK_OK)
        EQUAL(0, words[0] & ~mask);
    return status;
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

/* Of a signal with a wait it remembers both, and one of them where it remembers an endpoint else. */
static void two_capabilities(void)
{
    const wk_handle self = wk_self.start->thread;
    wk_handle to_wait, to_signal, endpoint;
    uint64_t words[6] = {0}, bits;

    EXPECT(WK_OK, wk_capability_lend(event, WK_EVENT_RIGHT_WAIT, &to_wait));
    EXPECT(WK_OK, wk_capability_lend(done, WK_EVENT_RIGHT_SIGNAL, &to_signal));
    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &endpoint));
    EXPECT(WK_OK, signal(event, 1));
    EXPECT(WK_BAD_HANDLE, pass_on(0, event, 2, 2, WK_FOREVER));
    for (unsigned i = 0; i < 3; i++) {
        EXPECT(WK_OK, signal(done, PASSED));
        EXPECT(WK_OK, pass_on(done, event, 4, PASSED, WK_FOREVER));
        EXPECT(WK_NO_RIGHT, pass_on(to_signal, event, 2, PASSED, WK_FOREVER));
        EXPECT(WK_NO_RIGHT, pass_on(done, to_wait, 2, PASSED, WK_FOREVER));
        EXPECT(WK_BAD_ARGUMENT, pass_on(done, event, 2, 0, WK_FOREVER));
        EXPECT(WK_WRONG_TYPE, pass_on(self, event, 2, PASSED, WK_FOREVER));
        EXPECT(WK_OK, yield(self));
        EXPECT(WK_WRONG_TYPE, pass_on(done, self, 2, PASSED, WK_FOREVER));
        EXPECT(WK_WRONG_TYPE, wk_trap(WK_ENDPOINT_REPLY_RECEIVE | hint, done, words));
        EXPECT(WK_OK, signal(done, PASSED));
        EXPECT(WK_OK, pass_on(done, event, 8, PASSED, WK_FOREVER));
        EXPECT(WK_WRONG_TYPE, pass_on(endpoint, event, 2, PASSED, WK_FOREVER));
        EXPECT(WK_TIMED_OUT, pass_on(done, event, 16, PASSED, wk_after_ns(1000)));
    }
    EXPECT(WK_OK, wk_event_poll(event, UINT64_MAX, &bits));
    EQUAL(1 + 4 + 8 + 16, bits);
    EXPECT(WK_OK, wk_capability_delete(to_wait));
    EXPECT(WK_OK, wk_capability_delete(to_signal));
    EXPECT(WK_OK, wk_capability_delete(endpoint));
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

/* ---- two that take turns, and a third that may be ready in between ---- */

struct passer {
    uint64_t deadline_ns; /* of its waits */
    bool uses_floating_point;
};

static wk_handle bell; /* the third one's event */
static volatile uint64_t order, passer_at, third_at;

static void pass_back(void *argument)
{
    const struct passer *passer = argument;
    volatile double number = 1;
    uint64_t bits;

    EXPECT(WK_OK, wk_event_wait(event, 1, passer->deadline_ns, &bits));
    while (!is_over) {
        passer_at = ++order;
        if (passer->uses_floating_point)
            number = number + 1;
        EXPECT(WK_OK, pass_on(event, done, PASSED, 1, passer->deadline_ns));
    }
    EXPECT(WK_OK, wk_event_signal(done, PASSED));
}

static void be_third(void *argument)
{
    uint64_t bits;

    (void)argument;
    for (;;) {
        EXPECT(WK_OK, wk_event_wait(bell, 1, WK_FOREVER, &bits));
        if (is_over)
            return;
        third_at = ++order;
    }
}

static uint64_t used_by(wk_handle thread)
{
    uint64_t ns;

    EXPECT(WK_OK, wk_thread_usage(thread, &ns));
    return ns;
}

/* The third one, an equal of this thread, is ready before the passer, and so goes before it unless that is more urgent: then only where
 * this thread's slice ended between its two signals, as it does now and then in an emulator that has to wait for its own processor. All
 * of the time is somebody's. */
static void pass_to_and_fro(struct passer *passer, uint64_t priority)
{
    struct wk_thread threads[2];
    uint64_t begun_ns, used_ns, slices = 0;

    is_over = false;
    EXPECT(WK_OK, wk_thread_run(&threads[0], pass_back, passer, STACK_PAGES, priority));
    EXPECT(WK_OK, wk_thread_run(&threads[1], be_third, NULL, STACK_PAGES, OWN_PRIORITY));
    until_waiting(threads[0].handle);
    until_waiting(threads[1].handle);
    begun_ns = wk_now_ns();
    used_ns = used_by(wk_self.start->thread) + used_by(threads[0].handle) + used_by(threads[1].handle);
    for (unsigned i = 0; i < ROUNDS; i++) {
        const bool has_third = i % 3 == 0;

        order = third_at = passer_at = 0;
        if (has_third)
            EXPECT(WK_OK, signal(bell, 1));
        EXPECT(WK_OK, pass_on(done, event, 1 + 2, PASSED, WK_FOREVER));
        if (has_third && priority > OWN_PRIORITY && third_at == 1)
            slices++;
        else if (has_third && priority <= OWN_PRIORITY)
            EQUAL(1, third_at);
        EQUAL(has_third && third_at == 1 ? 2 : 1, passer_at);
    }
    CHECK(slices <= SLICES);
    used_ns = used_by(wk_self.start->thread) + used_by(threads[0].handle) + used_by(threads[1].handle) - used_ns;
    CHECK(used_ns <= wk_now_ns() - begun_ns && used_ns >= (wk_now_ns() - begun_ns) / 2);
    EQUAL(2, pending());
    is_over = true;
    EXPECT(WK_OK, pass_on(done, event, 1, PASSED, WK_FOREVER));
    EXPECT(WK_OK, signal(bell, 1));
    for (unsigned i = 0; i < 2; i++)
        EXPECT(WK_OK, wk_thread_join(&threads[i], WK_FOREVER));
}

static void passers(void)
{
    struct passer passer = {.deadline_ns = WK_FOREVER};

    for (uint64_t priority = OWN_PRIORITY - 1; priority <= OWN_PRIORITY + 1; priority++)
        pass_to_and_fro(&passer, priority);
    passer.deadline_ns = wk_after_ns(100 * WK_NS_PER_SECOND);
    pass_to_and_fro(&passer, OWN_PRIORITY + 1);
    passer.uses_floating_point = true;
    pass_to_and_fro(&passer, OWN_PRIORITY);
}

int main(void)
{
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &bell));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &done));
    EXPECT(WK_OK, wk_thread_set_priority(wk_self.start->thread, OWN_PRIORITY));
    for (unsigned i = 0; i < 2; i++) {
        hint = i == 0 ? WK_MESSAGE_QUICK : 0; /* the first finds nothing remembered */
        other_capabilities();
        two_capabilities();
        gone_objects();
        waiters();
        equals();
        passers();
    }
    wk_print("straight: good\n");
    return 0;
}
