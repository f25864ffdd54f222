/* SPDX-License-Identifier: MIT */
/* Threads of one process: turns, priorities, locks, the heap between them, registers from outside. */
#include "actors.h"

#include <winkle/budget.h>
#include <winkle/harts.h>
#include <winkle/heap.h>
#include <winkle/lock.h>
#include <winkle/process.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define MILLISECOND UINT64_C(1000000)
#define STACK_PAGES 4
#define THREADS 8
#define TURNS 2000

static struct wk_lock lock;
static uint64_t shared;
static volatile bool stop;

static void add_up(void *unused)
{
    (void)unused;
    for (int turn = 0; turn < TURNS; turn++) {
        wk_lock_take(&lock);
        shared++;
        wk_lock_release(&lock);
    }
}

static void use_heap(void *argument)
{
    uint8_t *blocks[16] = {0};
    const uint8_t mine = (uint8_t)(uint64_t)argument;

    for (unsigned turn = 0; turn < TURNS; turn++) {
        const unsigned slot = turn * 7 % 16;
        const size_t bytes = 1 + turn * 37 % 3000;

        if (blocks[slot] != NULL) {
            CHECK(blocks[slot][0] == mine);
            wk_free(blocks[slot]);
        }
        blocks[slot] = wk_allocate(bytes);
        CHECK(blocks[slot] != NULL && (uint64_t)blocks[slot] % 16 == 0);
        memset(blocks[slot], mine, bytes);
    }
    for (unsigned slot = 0; slot < 16; slot++)
        wk_free(blocks[slot]);
}

static uint64_t count_harts(void)
{
    uint64_t harts, timebase_hz, ram_pages, free_pages, now_ns, asid_bits;

    EXPECT(WK_OK, wk_machine_info(wk_self.machine, &harts, &timebase_hz, &ram_pages, &free_pages, &now_ns, &asid_bits));
    return harts;
}

static uint64_t hart_of(wk_handle thread)
{
    enum wk_thread_state state;
    uint64_t priority, hart;

    EXPECT(WK_OK, wk_thread_info(thread, &state, &priority, &hart));
    return hart;
}

static uint64_t harts_seen;

static void see_hart(void *unused)
{
    (void)unused;
    __atomic_fetch_or(&harts_seen, UINT64_C(1) << hart_of(wk_thread_self()->handle), __ATOMIC_RELAXED);
}

/* Threads and programs go to all harts in turn, and stay where they are put. */
static void spread(uint64_t harts)
{
    struct wk_thread thread;

    EQUAL(harts, wk_hart_count());
    for (unsigned i = 0; i < harts; i++) {
        EXPECT(WK_OK, wk_thread_run(&thread, see_hart, NULL, STACK_PAGES, 60));
        EXPECT(WK_OK, wk_thread_join(&thread, WK_FOREVER));
    }
    EQUAL((UINT64_C(1) << harts) - 1, harts_seen);
    for (unsigned i = 0; i < harts; i++) {
        harts_seen = 0;
        EXPECT(WK_OK, wk_thread_run_on(wk_hart_budget(i), &thread, see_hart, NULL, STACK_PAGES, 60));
        EXPECT(WK_OK, wk_thread_join(&thread, WK_FOREVER));
        EQUAL(UINT64_C(1) << i, harts_seen);
    }
}

/* A program's budget is its ceiling, whoever runs the thread. */
static void ceilings(void)
{
    struct wk_thread thread;
    uint64_t capacity, period, priority, deadline, hart, threads;

    EXPECT(WK_OK, wk_budget_info(wk_self.budget, &capacity, &period, &priority, &deadline, &hart, &threads));
    EQUAL(0, capacity);
    EXPECT(WK_BAD_ARGUMENT, wk_thread_set_priority(wk_self.start->thread, priority + 1));
    EXPECT(WK_BAD_ARGUMENT, wk_thread_run(&thread, see_hart, NULL, STACK_PAGES, priority + 1));
    EXPECT(WK_NO_RIGHT, wk_budget_destroy(wk_self.budget));
}

/* Programs as well. */
static void programs_spread(uint64_t harts)
{
    uint64_t seen = 0;

    for (unsigned i = 0; i < harts; i++) {
        struct actor actor;

        actor_prepare(&actor, ACTOR_BANK_PAGES);
        actor_play(&actor, "hart");
        seen |= UINT64_C(1) << actor_end(&actor).detail;
    }
    EQUAL((UINT64_C(1) << harts) - 1, seen);
}

static void run_all(void (*function)(void *), uint64_t priority)
{
    struct wk_thread threads[THREADS];

    for (uint64_t i = 0; i < THREADS; i++)
        EXPECT(WK_OK, wk_thread_run(&threads[i], function, (void *)(i + 1), STACK_PAGES, priority));
    for (uint64_t i = 0; i < THREADS; i++)
        EXPECT(WK_OK, wk_thread_join(&threads[i], wk_after_ns(60 * WK_NS_PER_SECOND)));
}

static volatile uint64_t counts[2];

static void count(void *argument)
{
    while (!stop)
        ++*(volatile uint64_t *)argument;
}

static void pause_for(uint64_t ns)
{
    uint64_t bits;

    EXPECT(WK_TIMED_OUT, wk_event_wait(lock.event, 2, wk_after_ns(ns), &bits));
}

/* Two threads that never stop by themselves both get their turns. */
static void equals_take_turns(void)
{
    struct wk_thread threads[2];

    stop = false;
    for (int i = 0; i < 2; i++)
        EXPECT(WK_OK, wk_thread_run(&threads[i], count, (void *)&counts[i], STACK_PAGES, 60));
    for (int patience = 0; (counts[0] == 0 || counts[1] == 0) && patience < 1000; patience++)
        pause_for(10 * MILLISECOND);
    CHECK(counts[0] != 0 && counts[1] != 0);
    stop = true;
    for (int i = 0; i < 2; i++)
        EXPECT(WK_OK, wk_thread_join(&threads[i], WK_FOREVER));
}

static volatile uint64_t spun;

static void spin(void *unused)
{
    (void)unused;
    for (;;)
        spun++;
}

static void stopped_from_outside(void)
{
    struct wk_thread thread;
    uint64_t before;

    EXPECT(WK_OK, wk_thread_run(&thread, spin, NULL, STACK_PAGES, 60));
    EXPECT(WK_TIMED_OUT, wk_thread_join(&thread, wk_after_ns(20 * MILLISECOND)));
    wk_thread_abandon(&thread);
    before = spun;
    CHECK(before != 0);
    pause_for(20 * MILLISECOND);
    CHECK(spun == before);
}

/* Another process's thread, suspended: its registers can be read, and changed. */
static int play_registers(void)
{
    register uint64_t marker __asm__("s5") = 0x1122334455667788;
    register uint64_t way_out __asm__("s6") = 0;

    __asm__ volatile("1: beqz s6, 1b" : "+r"(way_out) : "r"(marker));
    return (int)way_out;
}

static void registers(void)
{
    struct actor actor;
    uint64_t values[6];
    enum wk_thread_state state;
    uint64_t priority, hart;

    actor_prepare(&actor, ACTOR_BANK_PAGES);
    actor_play(&actor, "registers");
    pause_for(50 * MILLISECOND);
    EXPECT(WK_BUSY, wk_thread_read_registers(actor.child.thread, 20, &values[0], &values[1], &values[2], &values[3],
                                             &values[4], &values[5]));
    EXPECT(WK_OK, wk_process_suspend(actor.child.process));
    EXPECT(WK_OK, wk_thread_info(actor.child.thread, &state, &priority, &hart));
    EQUAL(WK_THREAD_STATE_SUSPENDED, state);
    EQUAL(ACTOR_PRIORITY, priority);
    EXPECT(WK_OK, wk_thread_read_registers(actor.child.thread, 20, &values[0], &values[1], &values[2], &values[3],
                                           &values[4], &values[5]));
    EQUAL(0x1122334455667788, values[1]);
    EQUAL(0, values[2]);
    EXPECT(WK_OK, wk_thread_write_register(actor.child.thread, 22, 33));
    EXPECT(WK_OK, wk_process_resume(actor.child.process));
    actor_end_well(&actor, 33);
}

static void states(void)
{
    wk_handle thread;
    enum wk_thread_state state;
    uint64_t priority, hart;

    EXPECT(WK_OK, wk_thread_create(wk_self.process, 1, &thread));
    EXPECT(WK_OK, wk_thread_info(thread, &state, &priority, &hart));
    EQUAL(WK_THREAD_STATE_CREATED, state);
    EXPECT(WK_NOT_STARTED, wk_thread_interrupt(thread));
    EXPECT(WK_BAD_ARGUMENT, wk_thread_yield(thread));
    EXPECT(WK_OK, wk_thread_yield(wk_self.start->thread));
    EXPECT(WK_OK, wk_thread_stop(thread));
    EXPECT(WK_NOT_STARTED, wk_thread_stop(thread));
    EXPECT(WK_OK, wk_capability_delete(thread));
}

static void heap(void)
{
    uint8_t *large = wk_allocate(100000), *zeroed = wk_allocate_zeroed(50);

    CHECK(large != NULL && zeroed != NULL);
    memset(large, 1, 100000);
    for (int i = 0; i < 50; i++)
        CHECK(zeroed[i] == 0);
    wk_free(large);
    wk_free(zeroed);
    wk_free(NULL);
    CHECK(wk_allocate(SIZE_MAX) == NULL);
    CHECK(wk_allocate(UINT64_C(1) << 50) == NULL);
}

int main(int argc, char **argv)
{
    uint64_t harts;

    if (plays(argc, argv, "registers"))
        return play_registers();
    if (plays(argc, argv, "hart"))
        return (int)hart_of(wk_self.start->thread);
    harts = count_harts();
    EXPECT(WK_OK, wk_lock_prepare(&lock));
    heap();
    run_all(add_up, 60);
    EQUAL(THREADS * TURNS, shared);
    run_all(use_heap, 60);
    equals_take_turns();
    stopped_from_outside();
    states();
    registers();
    spread(harts);
    programs_spread(harts);
    ceilings();
    wk_print("threads: good\n");
    return 0;
}
