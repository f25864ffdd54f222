/* SPDX-License-Identifier: MIT */
/*
 * Budgets: who has used one up waits, and nobody else; servers run on what their callers bring and on no more; deadlines
 * order equals; budgets change and go while threads run on them.
 *
 * usage: test-budgets [exact]   `exact`: instructions are counted as time (--icount), so that no stall of the emulator
 * counts as use, and the sums are checked too.
 */
#include "actors.h"

#include <winkle/budget.h>
#include <winkle/endpoint.h>
#include <winkle/harts.h>
#include <winkle/serve.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define STACK_PAGES 4
#define MILLISECOND UINT64_C(1000000)
#define NEVER_AGAIN_NS (1000 * WK_NS_PER_SECOND) /* a period that does not end within this test */
#define WHOLE_PERIOD_NS (10 * MILLISECOND)
#define SLACK_NS (MILLISECOND / 10) /* what a run may exceed by, before its end is noticed */
#define HIGH 90
#define LOW 40
#define WORK 0x2000
#define PAUSES_MAX 10000

static wk_handle whole; /* what this test's threads share on its hart */
static wk_handle dry;   /* event: a budget has nothing left */
static bool is_exact;

/* ---- tools ---- */

static void pause_for(uint64_t ns)
{
    EXPECT(WK_OK, wk_thread_sleep(wk_self.start->thread, wk_after_ns(ns)));
}

static wk_handle split(wk_handle of, uint64_t capacity_ns, uint64_t period_ns, uint64_t priority, uint64_t deadline_ns)
{
    wk_handle budget;

    EXPECT(WK_OK, wk_budget_split(of, wk_self.bank, capacity_ns, period_ns, priority, deadline_ns, &budget));
    return budget;
}

static uint64_t used_of(wk_handle budget)
{
    uint64_t used, exhausted, available, next;

    EXPECT(WK_OK, wk_budget_usage(budget, &used, &exhausted, &available, &next));
    return used;
}

static uint64_t exhausted_of(wk_handle budget)
{
    uint64_t used, exhausted, available, next;

    EXPECT(WK_OK, wk_budget_usage(budget, &used, &exhausted, &available, &next));
    return exhausted;
}

/* A budget that has so much once, and no more as long as this test runs. At first it has what its share is worth in the
 * parent's period: all else comes a period of its own later. The share itself may come in pieces. */
static wk_handle split_once(wk_handle of, uint64_t amount_ns)
{
    const wk_handle budget = split(of, NEVER_AGAIN_NS / WHOLE_PERIOD_NS * amount_ns, NEVER_AGAIN_NS, HIGH, 0);
    uint64_t used, exhausted, available = 0, next;

    for (unsigned pauses = 0; available < amount_ns; pauses++) {
        CHECK(pauses < PAUSES_MAX);
        pause_for(MILLISECOND);
        EXPECT(WK_OK, wk_budget_usage(budget, &used, &exhausted, &available, &next));
    }
    EQUAL(amount_ns, available);
    return budget;
}

static void count(void *counter)
{
    for (;;)
        ++*(volatile uint64_t *)counter;
}

/* Others run until the counter has moved on. */
static void await_progress(const volatile uint64_t *counter)
{
    const uint64_t before = *counter;

    for (unsigned pauses = 0; *counter == before; pauses++) {
        CHECK(pauses < PAUSES_MAX);
        pause_for(MILLISECOND);
    }
}

static void expect_no_progress(const volatile uint64_t *counter)
{
    const uint64_t before = *counter;

    pause_for(5 * MILLISECOND);
    EQUAL(before, *counter);
}

/* From now on: what is left of an earlier budget's does not count. */
static void report_exhaustion(wk_handle budget)
{
    uint64_t bits;

    wk_event_poll(dry, UINT64_MAX, &bits);
    EXPECT(WK_OK, wk_budget_bind(budget, dry, 1));
}

static void await_exhaustion(void)
{
    uint64_t bits;

    EXPECT(WK_OK, wk_event_wait(dry, 1, wk_after_ns(ACTOR_PATIENCE_NS), &bits));
}

/* ---- running dry ---- */

/* The more urgent thread never stops by itself: the other gets on only because that one's budget ends. */
static void only_the_owner_waits(void)
{
    const wk_handle budget = split(whole, MILLISECOND, 20 * MILLISECOND, HIGH, 0);
    volatile uint64_t counts[2] = {0};
    struct wk_thread threads[2];
    uint64_t start_ns, used_ns, periods;

    report_exhaustion(budget);
    EXPECT(WK_OK, wk_thread_run_on(budget, &threads[0], count, (void *)&counts[0], STACK_PAGES, HIGH));
    EXPECT(WK_OK, wk_thread_run_on(whole, &threads[1], count, (void *)&counts[1], STACK_PAGES, LOW));
    start_ns = wk_now_ns();
    for (unsigned i = 0; i < 5; i++) {
        await_exhaustion();
        await_progress(&counts[1]);
        await_progress(&counts[0]);
    }
    used_ns = used_of(budget);
    periods = (wk_now_ns() - start_ns) / (20 * MILLISECOND) + 1;
    CHECK(exhausted_of(budget) >= 5);
    if (is_exact)
        CHECK(used_ns >= (periods - 2) * MILLISECOND && used_ns <= periods * MILLISECOND + SLACK_NS);
    wk_thread_abandon(&threads[0]);
    wk_thread_abandon(&threads[1]);
    EXPECT(WK_OK, wk_capability_delete(budget));
}

/* ---- a server on its callers' budgets ---- */

static volatile uint64_t server_counter;
static volatile bool finish;
static wk_handle session;

/* Long work, which ends when it is told to. */
static void handle(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer)
{
    (void)service;
    (void)message;
    (void)answer;
    while (!finish)
        server_counter++;
}

static void serve(void *service)
{
    wk_serve_passively(service);
}

struct client {
    struct wk_thread thread;
    volatile uint64_t answered;
};

static void call(void *argument)
{
    struct client *client = argument;
    uint64_t words[6] = {0};

    EXPECT(WK_OK, wk_call(session, WORK, words, WK_NO_DEADLINE));
    client->answered = 1;
}

/* A client that can pay for less than the server does: the server stands still, and goes on when another comes. How often
 * the client is found dry is not told: each time that its call gets on otherwise it is looked at again. */
static void nobody_pays_more_than_he_has(wk_handle harts_budget)
{
    const wk_handle budget = split_once(harts_budget, MILLISECOND);
    const uint64_t served = server_counter;
    struct client poor = {.answered = 0}, rich = {.answered = 0};
    uint64_t used_ns;

    finish = false;
    report_exhaustion(budget);
    EXPECT(WK_OK, wk_thread_run_on(budget, &poor.thread, call, &poor, STACK_PAGES, HIGH));
    await_exhaustion();
    used_ns = used_of(budget);
    expect_no_progress(&server_counter);
    EQUAL(used_ns, used_of(budget));
    CHECK(used_ns >= MILLISECOND);
    if (is_exact)
        CHECK(server_counter > served && used_ns <= MILLISECOND + SLACK_NS);
    EXPECT(WK_OK, wk_thread_run_on(whole, &rich.thread, call, &rich, STACK_PAGES, LOW));
    await_progress(&server_counter);
    await_progress(&server_counter);
    EQUAL(used_ns, used_of(budget));
    finish = true;
    EXPECT(WK_OK, wk_thread_join(&rich.thread, wk_after_ns(ACTOR_PATIENCE_NS)));
    EQUAL(1, rich.answered);
    EQUAL(0, poor.answered); /* it is, but has no time to find out */
    EXPECT(WK_OK, wk_thread_set_budget(poor.thread.handle, whole));
    EXPECT(WK_OK, wk_thread_join(&poor.thread, wk_after_ns(ACTOR_PATIENCE_NS)));
    EQUAL(1, poor.answered);
    EXPECT(WK_OK, wk_capability_delete(budget));
}

/* A budget that is destroyed under a call, and a client that ends under it: the server goes on, and is there for the next. */
static void the_payer_goes(void)
{
    const wk_handle budget = split(whole, 0, 0, HIGH, 0);
    struct client first = {.answered = 0}, second = {.answered = 0};

    finish = false;
    EXPECT(WK_OK, wk_thread_run_on(budget, &first.thread, call, &first, STACK_PAGES, LOW));
    await_progress(&server_counter);
    EXPECT(WK_OK, wk_budget_destroy(budget));
    expect_no_progress(&server_counter);
    EXPECT(WK_OK, wk_thread_set_budget(first.thread.handle, whole));
    await_progress(&server_counter);
    wk_thread_abandon(&first.thread);
    await_progress(&server_counter); /* with the budget that it had before it became passive */
    EXPECT(WK_OK, wk_thread_run_on(whole, &second.thread, call, &second, STACK_PAGES, LOW));
    await_progress(&server_counter);
    finish = true;
    EXPECT(WK_OK, wk_thread_join(&second.thread, wk_after_ns(ACTOR_PATIENCE_NS)));
    EQUAL(1, second.answered);
}

static void servers(void)
{
    struct wk_service service = {.handle = handle};
    struct wk_thread server;

    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &service.endpoint));
    EXPECT(WK_OK, wk_endpoint_mint(service.endpoint, 0, 0, &session));
    EXPECT(WK_OK, wk_thread_run_on(whole, &server, serve, &service, STACK_PAGES, HIGH));
    for (unsigned hart = 0; hart < wk_hart_count(); hart++)
        nobody_pays_more_than_he_has(wk_hart_budget(hart));
    the_payer_goes();
    wk_thread_abandon(&server);
    EXPECT(WK_OK, wk_capability_delete(service.endpoint));
}

/* ---- deadlines ---- */

static unsigned order[4], place;

static void take_place(void *number)
{
    order[place++] = (unsigned)(uint64_t)number;
}

/* All of one priority, started in the opposite order: earliest deadline first, and who has none last. */
static void earliest_deadline_first(void)
{
    static const uint64_t deadlines_s[] = {0, 900, 500, 100};
    struct wk_thread threads[4];
    wk_handle budgets[4];

    place = 0;
    for (uint64_t i = 0; i < 4; i++) {
        budgets[i] = split(whole, 0, 0, LOW, deadlines_s[i] * WK_NS_PER_SECOND);
        EXPECT(WK_OK, wk_thread_run_on(budgets[i], &threads[i], take_place, (void *)i, STACK_PAGES, LOW));
    }
    for (unsigned i = 0; i < 4; i++)
        EXPECT(WK_OK, wk_thread_join(&threads[i], wk_after_ns(ACTOR_PATIENCE_NS)));
    for (unsigned i = 0; i < 4; i++) {
        EQUAL(3 - i, order[i]);
        EXPECT(WK_OK, wk_capability_delete(budgets[i]));
    }
}

/* ---- changes ---- */

static void admission(void)
{
    const wk_handle half = split(whole, 5 * MILLISECOND, 10 * MILLISECOND, HIGH, 0);
    uint64_t capacity, period, priority, deadline, hart, threads;
    wk_handle budget;

    EXPECT(WK_NOT_ADMITTED, wk_budget_split(whole, wk_self.bank, 6 * MILLISECOND, 10 * MILLISECOND, LOW, 0, &budget));
    EXPECT(WK_NOT_ADMITTED, wk_budget_split(half, wk_self.bank, 6 * MILLISECOND, 10 * MILLISECOND, LOW, 0, &budget));
    EXPECT(WK_BAD_ARGUMENT, wk_budget_split(half, wk_self.bank, 0, 0, HIGH + 1, 0, &budget));
    EXPECT(WK_BAD_ARGUMENT, wk_budget_split(half, wk_self.bank, 2, 1, HIGH, 0, &budget));
    EXPECT(WK_BAD_ARGUMENT, wk_budget_split(half, wk_self.bank, 1, 99999, HIGH, 0, &budget));
    budget = split(half, 2 * MILLISECOND, 8 * MILLISECOND, HIGH, 3 * MILLISECOND);
    EXPECT(WK_BUSY, wk_budget_adjust(half, MILLISECOND, 10 * MILLISECOND, HIGH, 0));
    EXPECT(WK_NOT_ADMITTED, wk_budget_adjust(budget, 6 * MILLISECOND, 10 * MILLISECOND, HIGH, 0));
    EXPECT(WK_OK, wk_budget_adjust(budget, 3 * MILLISECOND, 10 * MILLISECOND, LOW, 0));
    EXPECT(WK_OK, wk_budget_info(budget, &capacity, &period, &priority, &deadline, &hart, &threads));
    EQUAL(3 * MILLISECOND, capacity);
    EQUAL(LOW, priority);
    EXPECT(WK_OK, wk_budget_info(half, &capacity, &period, &priority, &deadline, &hart, &threads));
    EQUAL(2 * MILLISECOND, capacity);
    EXPECT(WK_OK, wk_budget_destroy(half));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(budget));
    budget = split(whole, 9 * MILLISECOND, 10 * MILLISECOND, HIGH, 0);
    EXPECT(WK_OK, wk_budget_destroy(budget));
}

/* The hart that runs it hears of it a moment later. */
static void await_hart(wk_handle thread, uint64_t wanted)
{
    enum wk_thread_state state;
    uint64_t priority, hart = UINT64_MAX;

    for (unsigned pauses = 0; hart != wanted; pauses++) {
        CHECK(pauses < PAUSES_MAX);
        pause_for(MILLISECOND);
        EXPECT(WK_OK, wk_thread_info(thread, &state, &priority, &hart));
    }
}

/* A thread follows its budget's priority down, stops when the budget goes, and goes on with another. */
static void under_a_thread(void)
{
    const wk_handle budget = split(whole, 0, 0, HIGH, 0);
    volatile uint64_t counter = 0;
    enum wk_thread_state state;
    struct wk_thread thread;
    uint64_t priority, hart;

    EXPECT(WK_OK, wk_thread_run_on(budget, &thread, count, (void *)&counter, STACK_PAGES, HIGH));
    await_progress(&counter);
    EXPECT(WK_OK, wk_budget_adjust(budget, 0, 0, LOW, 0));
    EXPECT(WK_OK, wk_thread_info(thread.handle, &state, &priority, &hart));
    EQUAL(LOW, priority);
    EXPECT(WK_BAD_ARGUMENT, wk_thread_set_priority(thread.handle, LOW + 1));
    await_progress(&counter);
    EXPECT(WK_OK, wk_budget_destroy(budget));
    expect_no_progress(&counter);
    for (unsigned to = 0; to < 2 * wk_hart_count(); to++) {
        EXPECT(WK_OK, wk_thread_set_budget(thread.handle, wk_hart_budget(to % wk_hart_count())));
        await_hart(thread.handle, to % wk_hart_count());
        await_progress(&counter);
    }
    wk_thread_abandon(&thread);
}

int main(int argc, char **argv)
{
    is_exact = plays(argc, argv, "exact");
    whole = wk_hart_budget(0);
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &dry));
    only_the_owner_waits();
    servers();
    earliest_deadline_first();
    admission();
    under_a_thread();
    wk_print("budgets: good\n");
    return 0;
}
