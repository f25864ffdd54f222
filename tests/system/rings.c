/* SPDX-License-Identifier: MIT */
/*
 * usage: test-rings [exact]   `exact`: instructions are counted as time (--icount), so that no stall of the emulator counts as
 * what a budget has used.
 *
 * Kernel rings in a process: what is done at once, what waits, what is linked, what is cancelled, how completions are
 * waited for, and what becomes of a ring that loses its memory or ends. Calls by rings are ring_calls.c.
 */
#include "rings.h"

#include <winkle/budget.h>
#include <winkle/harts.h>
#include <winkle/memory.h>
#include <winkle/pages.h>

#define ENTRIES 32
#define COMPLETIONS 64
#define PENDING 40
#define PRIORITY 60

static struct wk_queue queue;
static wk_handle event;

static void signal(uint64_t bits)
{
    EXPECT(WK_OK, wk_event_signal(event, bits));
}

/* ---- what is done at once ---- */

static void batches(void)
{
    uint64_t bits;

    for (unsigned round = 0; round < 10; round++) {
        for (uint32_t i = 0; i < ENTRIES; i++)
            CHECK(i % 2 == 0 ? wk_ring_noop_prepare(&queue, i, queue.ring)
                             : wk_event_signal_prepare(&queue, i, event, UINT64_C(1) << i));
        submit(&queue);
        for (uint32_t i = 0; i < ENTRIES; i++)
            await_tag(&queue, i, WK_OK);
        await_none(&queue);
        EXPECT(WK_OK, wk_event_poll(event, UINT64_MAX, &bits));
        EQUAL(0xaaaaaaaa, bits);
    }
}

/* More than slots of the table are at hand: the kernel has to make room on the way. */
static void results(void)
{
    static wk_handle made[40 * ENTRIES];
    unsigned count = 0;

    while (count < sizeof(made) / sizeof(*made)) {
        for (uint32_t i = 0; i < ENTRIES; i++)
            CHECK(wk_capability_dup_prepare(&queue, i, event, WK_RIGHTS_ALL));
        submit(&queue);
        for (uint32_t i = 0; i < ENTRIES; i++)
            made[count++] = await_tag(&queue, i, WK_OK).words[0];
    }
    while (count != 0)
        EXPECT(WK_OK, wk_capability_delete(made[--count]));
}

static void errors(void)
{
    CHECK(wk_event_poll_prepare(&queue, 1, event, 1));
    CHECK(wk_event_poll_prepare(&queue, 2, event, 0));
    CHECK(wk_event_poll_prepare(&queue, 3, wk_self.bank, 1));
    CHECK(wk_event_poll_prepare(&queue, 4, 0, 1));
    prepare_call(&queue, 5, queue.ring, WK_RING_ENTER, 0, 1, 0);
    prepare_call(&queue, 6, 0, 0, 0, 0, 0);
    submit(&queue);
    await_tag(&queue, 1, WK_WOULD_BLOCK);
    EQUAL(1, await_tag(&queue, 2, WK_BAD_ARGUMENT).words[0]);
    await_tag(&queue, 3, WK_WRONG_TYPE);
    await_tag(&queue, 4, WK_BAD_HANDLE);
    await_tag(&queue, 5, WK_NO_SUCH_OPERATION);
    await_tag(&queue, 6, WK_BAD_HANDLE);
}

static void long_operations(void)
{
    struct wk_completion done[3];
    wk_handle memory;

    EXPECT(WK_OK, wk_memory_create(wk_self.bank, 40, 0, &memory));
    CHECK(wk_memory_clone_prepare(&queue, 0, memory, wk_self.bank));
    CHECK(wk_memory_create_prepare(&queue, 1, wk_self.bank, 30, 0));
    CHECK(wk_ring_noop_prepare(&queue, 2, queue.ring));
    submit(&queue);
    await_all(&queue, done, 3);
    for (unsigned i = 0; i < 2; i++) {
        EQUAL(WK_OK, done[i].answer);
        EXPECT(WK_OK, wk_capability_delete(done[i].words[0]));
    }
    EXPECT(WK_OK, wk_capability_delete(memory));
}

/* ---- what waits ---- */

static void waits(void)
{
    CHECK(wk_event_wait_prepare(&queue, 1, event, 6, WK_FOREVER));
    CHECK(wk_event_wait_prepare(&queue, 2, event, 8, wk_after_ns(50 * MILLISECOND)));
    CHECK(wk_ring_noop_prepare(&queue, 3, queue.ring));
    submit(&queue);
    await_tag(&queue, 3, WK_OK);
    await_tag(&queue, 2, WK_TIMED_OUT);
    await_none(&queue);
    EXPECT(WK_TIMED_OUT, wk_queue_enter(&queue, 1, wk_after_ns(MILLISECOND)));
    signal(3);
    EQUAL(2, await_tag(&queue, 1, WK_OK).words[0]);
    signal(4);
    EXPECT(WK_OK, wk_event_poll(event, UINT64_MAX, &(uint64_t){0}));
}

static void sleeps(void)
{
    const uint64_t start = wk_after_ns(20 * MILLISECOND);

    for (uint32_t i = 0; i < 8; i++)
        CHECK(wk_ring_timeout_prepare(&queue, i, queue.ring, start + (8 - i) * MILLISECOND));
    submit(&queue);
    for (uint32_t i = 0; i < 8; i++) {
        await_tag(&queue, 7 - i, WK_OK);
        CHECK(wk_now_ns() >= start + (i + 1) * MILLISECOND);
    }
}

static void signal_later(void *argument)
{
    pause_for(2 * MILLISECOND);
    signal(*(const uint64_t *)argument);
}

static void waits_for_several(void)
{
    struct wk_completion done[8];
    struct wk_thread thread;
    uint64_t bits = 0xff;

    for (uint32_t i = 0; i < 8; i++)
        CHECK(wk_event_wait_prepare(&queue, i, event, 1 << i, WK_FOREVER));
    submit(&queue);
    EXPECT(WK_OK, wk_thread_run(&thread, signal_later, &bits, STACK_PAGES, PRIORITY));
    EXPECT(WK_OK, wk_queue_enter(&queue, 8, patience()));
    await_all(&queue, done, 8);
    EXPECT(WK_OK, wk_thread_join(&thread, patience()));
}

/* Nothing is lost when completions, or records of what is pending, are all in use. */
static void full(void)
{
    const uint64_t start = wk_now_ns();

    for (uint32_t i = 0; i < 3 * ENTRIES; i++) {
        if (i % ENTRIES == 0)
            submit(&queue);
        CHECK(wk_ring_noop_prepare(&queue, i, queue.ring) || i >= COMPLETIONS);
    }
    submit(&queue);
    for (uint32_t i = 0; i < 3 * ENTRIES; i++)
        await_tag(&queue, i, WK_OK);
    for (uint32_t i = 0; i < PENDING + 8; i++) {
        if (i == ENTRIES)
            submit(&queue);
        CHECK(wk_ring_timeout_prepare(&queue, i, queue.ring, start + i * MILLISECOND));
    }
    submit(&queue);
    for (uint32_t i = 0; i < PENDING + 8; i++)
        await(&queue);
    await_none(&queue);
}

/* ---- links ---- */

static void links(void)
{
    uint64_t bits;

    CHECK(wk_event_wait_prepare(&queue, 1, event, 1, WK_FOREVER));
    wk_queue_link(&queue);
    CHECK(wk_event_signal_prepare(&queue, 2, event, 2));
    wk_queue_link(&queue);
    CHECK(wk_event_poll_prepare(&queue, 3, event, 4));
    wk_queue_link(&queue);
    CHECK(wk_event_signal_prepare(&queue, 4, event, 8));
    submit(&queue);
    await_none(&queue);
    signal(1);
    await_tag(&queue, 1, WK_OK);
    await_tag(&queue, 2, WK_OK);
    await_tag(&queue, 3, WK_WOULD_BLOCK);
    await_tag(&queue, 4, WK_CANCELLED);
    EXPECT(WK_OK, wk_event_poll(event, UINT64_MAX, &bits));
    EQUAL(2, bits);
}

static void linked_times(void)
{
    CHECK(wk_ring_timeout_prepare(&queue, 1, queue.ring, wk_after_ns(MILLISECOND)));
    wk_queue_link(&queue);
    CHECK(wk_event_wait_prepare(&queue, 2, event, 1, WK_FOREVER));
    submit(&queue);
    await_tag(&queue, 1, WK_OK);
    await_tag(&queue, 2, WK_TIMED_OUT);
}

static void cancelling(void)
{
    uint64_t count;

    for (uint32_t i = 0; i < 6; i++) {
        CHECK(wk_event_wait_prepare(&queue, i % 3, event, 1, WK_FOREVER));
        if (i == 3)
            wk_queue_link(&queue);
    }
    submit(&queue);
    EXPECT(WK_OK, wk_ring_cancel(queue.ring, 1, &count));
    EQUAL(2, count);
    await_tag(&queue, 1, WK_CANCELLED);
    EXPECT(WK_OK, wk_ring_cancel(queue.ring, 0, &count));
    EQUAL(2, count);
    await_tag(&queue, 0, WK_CANCELLED);
    await_tag(&queue, 0, WK_CANCELLED);
    await_tag(&queue, 1, WK_CANCELLED);
    EXPECT(WK_OK, wk_ring_cancel(queue.ring, 7, &count));
    EQUAL(0, count);
    signal(1);
    await_tag(&queue, 2, WK_OK);
    signal(1);
    await_tag(&queue, 2, WK_OK);
}

/* ---- who waits for completions ---- */

static void doorbell(void)
{
    const uint64_t bell = 1 << 10;
    struct wk_thread thread;
    uint64_t bits = 1;

    EXPECT(WK_OK, wk_ring_bind(queue.ring, event, bell));
    CHECK(wk_event_wait_prepare(&queue, 1, event, 1, WK_FOREVER));
    submit(&queue);
    CHECK(wk_queue_sleeps(&queue));
    EXPECT(WK_OK, wk_thread_run(&thread, signal_later, &bits, STACK_PAGES, PRIORITY));
    EXPECT(WK_OK, wk_event_wait(event, bell, patience(), &bits));
    wk_queue_wakes(&queue);
    await_tag(&queue, 1, WK_OK);
    EXPECT(WK_OK, wk_thread_join(&thread, patience()));
    CHECK(wk_ring_noop_prepare(&queue, 2, queue.ring));
    submit(&queue);
    await_tag(&queue, 2, WK_OK);
    EXPECT(WK_WOULD_BLOCK, wk_event_poll(event, bell, &bits));
    EXPECT(WK_OK, wk_ring_bind(queue.ring, 0, 1));
}

static volatile enum wk_status answered;

static void enter_and_wait(void *argument)
{
    answered = wk_queue_enter(argument, 1, WK_NO_DEADLINE);
}

static bool is_waiting(wk_handle thread)
{
    enum wk_thread_state state;
    uint64_t priority, hart;

    EXPECT(WK_OK, wk_thread_info(thread, &state, &priority, &hart));
    return state == WK_THREAD_STATE_WAITING;
}

/* A thread that waits in the queue. */
static void run_waiter(struct wk_thread *thread, struct wk_queue *its)
{
    answered = WK_OK;
    CHECK(wk_event_wait_prepare(its, 1, event, 1, WK_FOREVER));
    EXPECT(WK_OK, wk_thread_run(thread, enter_and_wait, its, STACK_PAGES, PRIORITY));
    while (!is_waiting(thread->handle))
        pause_for(MILLISECOND / 10);
}

static void is_interrupted(void)
{
    struct wk_thread thread;

    run_waiter(&thread, &queue);
    EXPECT(WK_OK, wk_thread_interrupt(thread.handle));
    EXPECT(WK_OK, wk_thread_join(&thread, patience()));
    EQUAL(WK_INTERRUPTED, answered);
    signal(1);
    await_tag(&queue, 1, WK_OK);
}

static void one_waits_at_a_time(void)
{
    struct wk_thread thread;

    run_waiter(&thread, &queue);
    EXPECT(WK_BUSY, wk_ring_enter(queue.ring, 0, 1, WK_NO_DEADLINE));
    signal(1);
    EXPECT(WK_OK, wk_thread_join(&thread, patience()));
    EQUAL(WK_OK, answered);
    await_tag(&queue, 1, WK_OK);
}

/* One ring's entry ends what another waits for; and what many rings have does not mix. */
static void several(void)
{
    struct wk_queue others[6];

    for (unsigned i = 0; i < 6; i++) {
        EXPECT(WK_OK, wk_queue_create(&others[i], 4, 8, 4, 0));
        CHECK(wk_event_wait_prepare(&others[i], i, event, 1 << i, WK_FOREVER));
        submit(&others[i]);
    }
    for (unsigned i = 0; i < 6; i++)
        CHECK(wk_event_signal_prepare(&queue, i, event, 1 << i));
    submit(&queue);
    for (unsigned i = 0; i < 6; i++) {
        await_tag(&queue, i, WK_OK);
        await_tag(&others[i], i, WK_OK);
        await_none(&others[i]);
        wk_queue_destroy(&others[i]);
    }
}

static void polled(void)
{
    struct wk_queue its;

    EXPECT(WK_OK, wk_queue_create(&its, 8, 16, 4, 0));
    EXPECT(WK_OK, wk_ring_poll(its.ring, MILLISECOND));
    for (unsigned round = 0; round < 20; round++) {
        struct wk_completion completion;

        for (uint32_t i = 0; i < 8; i++)
            CHECK(wk_event_signal_prepare(&its, i, event, 1));
        EXPECT(WK_OK, wk_queue_submit(&its));
        for (uint32_t i = 0; i < 8;) {
            if (!wk_queue_read(&its, &completion)) {
                pause_for(MILLISECOND / 10);
                continue;
            }
            EQUAL(i++, completion.tag);
            EQUAL(WK_OK, completion.answer);
        }
        if (round % 4 == 0)
            pause_for(3 * MILLISECOND); /* it falls asleep */
    }
    EXPECT(WK_OK, wk_event_poll(event, 1, &(uint64_t){0}));
    wk_queue_destroy(&its);
}

/* ---- ends ---- */

static void memory_goes(void)
{
    struct wk_thread thread;
    struct wk_queue its;

    EXPECT(WK_OK, wk_queue_create(&its, 8, 16, 4, 0));
    run_waiter(&thread, &its);
    EXPECT(WK_OK, wk_capability_delete(its.memory));
    EXPECT(WK_OK, wk_thread_join(&thread, patience()));
    EQUAL(WK_REVOKED, answered);
    EXPECT(WK_REVOKED, wk_ring_enter(its.ring, 1, 0, WK_NO_DEADLINE));
    signal(1);
    EXPECT(WK_OK, wk_capability_delete(its.ring));
}

static void ring_goes(void)
{
    struct wk_thread thread;
    struct wk_queue its;

    EXPECT(WK_OK, wk_queue_create(&its, 8, 16, 4, 0));
    CHECK(wk_event_wait_prepare(&its, 1, event, 1, WK_FOREVER));
    wk_queue_link(&its);
    CHECK(wk_event_signal_prepare(&its, 1, event, 2));
    run_waiter(&thread, &its);
    EXPECT(WK_OK, wk_capability_delete(its.ring));
    EXPECT(WK_OK, wk_thread_join(&thread, patience()));
    EQUAL(WK_REVOKED, answered);
    EXPECT(WK_BAD_HANDLE, wk_ring_enter(its.ring, 1, 0, WK_NO_DEADLINE));
    EXPECT(WK_WOULD_BLOCK, wk_event_poll(event, 2, &(uint64_t){0}));
    wk_queue_destroy(&its);
    signal(1);
    EXPECT(WK_OK, wk_event_poll(event, 1, &(uint64_t){0}));
}

static void event_goes(void)
{
    wk_handle other;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &other));
    CHECK(wk_event_wait_prepare(&queue, 1, other, 1, WK_FOREVER));
    submit(&queue);
    EXPECT(WK_OK, wk_capability_delete(other));
    await_tag(&queue, 1, WK_REVOKED);
}

/* ---- accounts ---- */

static uint64_t used_pages(void)
{
    uint64_t limit, used, objects, children;
    enum wk_bank_kind kind;

    EXPECT(WK_OK, wk_bank_info(wk_self.bank, &limit, &used, &objects, &children, &kind));
    return used;
}

/* Ten thousand operations that are pending, and cancelled: in portions of what a ring holds. */
static void cancelled_leaves_nothing(void)
{
    struct wk_queue its;
    uint64_t used = 0, count;

    for (unsigned round = 0; round < 42; round++) {
        EXPECT(WK_OK, wk_queue_create(&its, 256, 512, 240, 0));
        for (uint32_t i = 0; i < 240; i++)
            CHECK(i % 30 == 0 ? wk_event_wait_prepare(&its, 5, event, 1, WK_FOREVER)
                              : wk_ring_timeout_prepare(&its, 5, its.ring, WK_FOREVER));
        submit(&its);
        if (round % 2 == 0) {
            EXPECT(WK_OK, wk_ring_cancel(its.ring, 5, &count));
            EQUAL(240, count);
            for (uint32_t i = 0; i < 240; i++)
                CHECK(await(&its).tag == 5);
        }
        wk_queue_destroy(&its);
        if (round == 1)
            used = used_pages();
    }
    EQUAL(used, used_pages());
}

/* A poller that never sleeps, and steps of long operations, have what their budget has, and no more. */
static void the_budget_holds(bool is_exact)
{
    const uint64_t period = 10 * MILLISECOND, start = wk_now_ns();
    uint64_t used, exhausted, available, next, periods;
    struct wk_queue its;
    wk_handle budget;

    EXPECT(WK_OK, wk_budget_split(wk_budget_in_turn(), wk_self.bank, period / 10, period, PRIORITY, 0, &budget));
    EXPECT(WK_OK, wk_queue_create(&its, 8, 16, 4, budget));
    EXPECT(WK_OK, wk_ring_poll(its.ring, WK_FOREVER));
    for (unsigned i = 0; i < 10; i++) {
        struct wk_completion done;

        CHECK(wk_memory_create_prepare(&its, i, wk_self.bank, 100, 0));
        EXPECT(WK_OK, wk_queue_submit(&its));
        pause_for(period);
        if (wk_queue_read(&its, &done))
            EXPECT(WK_OK, wk_capability_delete(done.words[0]));
    }
    EXPECT(WK_OK, wk_budget_usage(budget, &used, &exhausted, &available, &next));
    periods = (wk_now_ns() - start) / period;
    CHECK(used > 0 && exhausted > 0);
    CHECK(!is_exact || used <= (periods + 2) * period / 10);
    wk_queue_destroy(&its);
    EXPECT(WK_OK, wk_budget_destroy(budget));
}

int main(int argc, char **argv)
{
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_queue_create(&queue, ENTRIES, COMPLETIONS, PENDING, 0));
    batches();
    results();
    errors();
    long_operations();
    waits();
    sleeps();
    waits_for_several();
    full();
    links();
    linked_times();
    cancelling();
    doorbell();
    is_interrupted();
    one_waits_at_a_time();
    several();
    polled();
    memory_goes();
    ring_goes();
    event_goes();
    cancelled_leaves_nothing();
    the_budget_holds(plays(argc, argv, "exact"));
    wk_queue_destroy(&queue);
    wk_print("rings: good\n");
    return 0;
}
