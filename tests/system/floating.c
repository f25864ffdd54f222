/* SPDX-License-Identifier: MIT */
/*
 * Floating-point state: each thread keeps its own while others run, in one process and in several, and what a new
 * process finds in its registers is nothing of anybody else's.
 */
#include "actors.h"

#include <winkle/endpoint.h>
#include <winkle/event.h>
#include <winkle/serve.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define STACK_PAGES 4
#define PLAYERS 3
#define ROUNDS 300000
#define CALLS 20
#define SWITCHES 2000
#define OTHER_BIT 2    /* nobody waits for that */
#define NOTHING 0x2000 /* what the server is asked: to do nothing, */
#define FIND 0x2001    /* to use floating point for the first time */

/* Loads all 32 from `values`, waits `turns` turns, stores them into `after`. */
static void hold_registers(const uint64_t values[32], uint64_t after[32], uint64_t turns)
{
#define EACH(act)                                                                                                      \
    act(0) act(1) act(2) act(3) act(4) act(5) act(6) act(7) act(8) act(9) act(10) act(11) act(12) act(13) act(14)      \
        act(15) act(16) act(17) act(18) act(19) act(20) act(21) act(22) act(23) act(24) act(25) act(26) act(27)        \
            act(28) act(29) act(30) act(31)
#define LOAD(number) "fld f" #number ", 8*" #number "(%1)\n\t"
#define STORE(number) "fsd f" #number ", 8*" #number "(%2)\n\t"
/* The same around an invocation. */
#define LOAD_S(number) "fld f" #number ", 8*" #number "(%4)\n\t"
#define STORE_S(number) "fsd f" #number ", 8*" #number "(%5)\n\t"
    __asm__ volatile(EACH(LOAD) "1: addi %0, %0, -1\n\tbnez %0, 1b\n\t" EACH(STORE)
                     : "+r"(turns)
                     : "r"(values), "r"(after)
                     : "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "ft8", "ft9", "ft10", "ft11", "fa0",
                       "fa1", "fa2", "fa3", "fa4", "fa5", "fa6", "fa7", "fs0", "fs1", "fs2", "fs3", "fs4", "fs5", "fs6",
                       "fs7", "fs8", "fs9", "fs10", "fs11", "memory");
}

/* For a while, over many preemptions. */
static int hold(uint64_t seed)
{
    uint64_t values[32], after[32];
    const uint64_t end = wk_after_ns(WK_NS_PER_SECOND / 4);

    while (wk_now_ns() < end) {
        for (uint64_t i = 0; i < 32; i++)
            values[i] = seed * 0x9e3779b97f4a7c15 + i;
        seed++;
        hold_registers(values, after, ROUNDS);
        if (memcmp(values, after, sizeof(values)) != 0)
            return 1;
    }
    return 0;
}

/* What the registers hold before this process has used them. */
static int find_nothing(void)
{
    uint64_t found[32] = {0};

#define MOVE(number) "fsd f" #number ", 8*" #number "(%0)\n\t"
    __asm__ volatile(EACH(MOVE) : : "r"(found) : "memory");
    for (int i = 0; i < 32; i++) {
        if (found[i] != 0)
            return 1;
    }
    return 0;
}

static volatile int thread_failures;

static void hold_in_thread(void *argument)
{
    if (hold((uint64_t)argument) != 0)
        thread_failures++;
}

/* The rounding mode is a thread's own too. */
static void set_rounding(uint64_t mode)
{
    __asm__ volatile("fsrm %0" : : "r"(mode));
}

static uint64_t rounding(void)
{
    uint64_t mode;

    __asm__ volatile("frrm %0" : "=r"(mode));
    return mode;
}

static void run_players(void)
{
    struct actor actors[PLAYERS];
    struct wk_thread threads[PLAYERS];

    for (uint64_t i = 0; i < PLAYERS; i++) {
        actor_prepare(&actors[i], ACTOR_BANK_PAGES);
        actor_play(&actors[i], "hold");
        EXPECT(WK_OK, wk_thread_run(&threads[i], hold_in_thread, (void *)(i + 77), STACK_PAGES, ACTOR_PRIORITY));
    }
    for (uint64_t i = 0; i < PLAYERS; i++) {
        EXPECT(WK_OK, wk_thread_join(&threads[i], WK_FOREVER));
        actor_end_well(&actors[i], 0);
    }
    EQUAL(0, thread_failures);
}

static void handle(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer)
{
    (void)service;
    if (message->operation == FIND)
        answer->words[0] = (uint64_t)find_nothing();
}

static void serve(void *argument)
{
    struct wk_service service = {.endpoint = *(const wk_handle *)argument, .handle = handle};

    (void)wk_serve_passively(&service);
}

static void invoke_holding_registers(wk_handle handle, uint64_t first, uint64_t second, uint64_t operation,
                                     uint64_t *word)
{
    uint64_t values[32], after[32] = {0};
    register uint64_t a0 __asm__("a0") = handle;
    register uint64_t a1 __asm__("a1") = first;
    register uint64_t a2 __asm__("a2") = second;
    register uint64_t a7 __asm__("a7") = operation;

    for (uint64_t i = 0; i < 32; i++)
        values[i] = (handle ^ operation) * 0x9e3779b97f4a7c15 + i;
    __asm__ volatile(EACH(LOAD_S) "ecall\n\t" EACH(STORE_S)
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a7)
                     : "r"(values), "r"(after)
                     : "a3", "a4", "a5", "a6", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "memory");
    *word = a1;
    EQUAL(WK_OK, a0);
    CHECK(memcmp(values, after, sizeof(values)) == 0);
}

static void call_holding_registers(wk_handle session, uint64_t operation)
{
    uint64_t word;

    invoke_holding_registers(session, 0, 0, operation, &word);
    EQUAL(0, word);
}

/* A passive server that uses no floating point, and then does, finds nothing of its callers', whose registers stay. */
static void run_calls(void)
{
    struct wk_thread server;
    wk_handle endpoint, session;

    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &endpoint));
    EXPECT(WK_OK, wk_endpoint_mint(endpoint, 0, 0, &session));
    EXPECT(WK_OK, wk_thread_run(&server, serve, &endpoint, STACK_PAGES, ACTOR_PRIORITY));
    for (unsigned i = 0; i < CALLS; i++)
        call_holding_registers(session, NOTHING);
    for (unsigned i = 0; i < CALLS; i++)
        call_holding_registers(session, FIND);
    wk_thread_abandon(&server);
    EXPECT(WK_OK, wk_capability_delete(endpoint));
}

static wk_handle turns[2]; /* an event for each */

/* Its turn comes and goes, with registers of its own in each invocation that leaves the hart to another. What is invoked a second time
 * can go the fast path. */
static void take_turns(void *argument)
{
    const uint64_t number = (uint64_t)argument;
    uint64_t word;

    for (unsigned i = 0; i < SWITCHES; i++) {
        if (i != 0 || number != 0) {
            invoke_holding_registers(turns[number], 1, WK_FOREVER, WK_EVENT_WAIT, &word);
            EQUAL(1, word);
        }
        for (uint64_t bit = OTHER_BIT; bit != 0; bit >>= 1)
            invoke_holding_registers(wk_thread_self()->handle, 0, 0, WK_THREAD_YIELD | WK_MESSAGE_QUICK, &word);
        for (uint64_t bit = OTHER_BIT; bit != 0; bit >>= 1)
            invoke_holding_registers(turns[number ^ 1], bit, 0, WK_EVENT_SIGNAL | WK_MESSAGE_QUICK, &word);
    }
}

/* It uses no floating point, until it looks what there is. */
static void yield_and_find(void *argument)
{
    for (uint64_t i = 0; i < SWITCHES / 2 + (uint64_t)argument; i++)
        EXPECT(WK_OK, wk_thread_yield(wk_thread_self()->handle));
    EQUAL(0, find_nothing());
}

/* By signals to the more urgent, the equal and the less urgent one, by waits and by yields. */
static void run_switches(uint64_t second_priority)
{
    struct wk_thread threads[4];

    for (unsigned i = 0; i < 2; i++)
        EXPECT(WK_OK, wk_event_create(wk_self.bank, &turns[i]));
    EXPECT(WK_OK, wk_thread_run(&threads[0], take_turns, (void *)0, STACK_PAGES, ACTOR_PRIORITY));
    EXPECT(WK_OK, wk_thread_run(&threads[1], take_turns, (void *)1, STACK_PAGES, second_priority));
    for (uint64_t i = 2; i < 4; i++)
        EXPECT(WK_OK, wk_thread_run(&threads[i], yield_and_find, (void *)i, STACK_PAGES, ACTOR_PRIORITY));
    for (unsigned i = 0; i < 4; i++)
        EXPECT(WK_OK, wk_thread_join(&threads[i], WK_FOREVER));
    for (unsigned i = 0; i < 2; i++)
        EXPECT(WK_OK, wk_capability_delete(turns[i]));
}

int main(int argc, char **argv)
{
    struct actor actor;

    if (plays(argc, argv, "hold"))
        return hold(wk_now_ns());
    if (plays(argc, argv, "nothing"))
        return find_nothing();
    EQUAL(0, find_nothing());
    set_rounding(2);
    run_players();
    EQUAL(2, rounding());
    set_rounding(0);
    run_calls();
    run_switches(ACTOR_PRIORITY);
    run_switches(ACTOR_PRIORITY - 1);
    actor_prepare(&actor, ACTOR_BANK_PAGES);
    actor_play(&actor, "nothing");
    actor_end_well(&actor, 0);
    wk_print("floating: good\n");
    return 0;
}
