/* SPDX-License-Identifier: MIT */
/*
 * What happened to Mars Pathfinder in 1997: the least urgent thread holds what the most urgent one waits for, and one of
 * middle urgency, which has nothing to do with either, runs for ever. Here what is held is a passive server, and its
 * callers help it on: the urgent one is answered. With a lock made of an event, which knows no holder, it is not: so
 * this test can fail.
 *
 * Nothing here depends on how fast the machine is: the middle one runs until the urgent one is done, so if that needed
 * a turn of the least urgent it would wait until its deadline, however late.
 */
#include "actors.h"

#include <winkle/endpoint.h>
#include <winkle/harts.h>
#include <winkle/serve.h>
#include <winkle/threads.h>

#define STACK_PAGES 4
#define USE 0x2000
#define LEAST_URGENT 50
#define MIDDLE 70
#define URGENT 90
#define WORK 300000
#define LONG_NS (60 * WK_NS_PER_SECOND)
#define SHORT_NS (WK_NS_PER_SECOND / 4)
#define INSIDE 1
#define FREE 1

static wk_handle session, inside, lock_event;
static volatile bool first_is_inside, stop;
static volatile uint64_t turns_of_middle;
static uint64_t deadline_ns;

struct outcome {
    enum wk_status status;
    uint64_t turns_before, turns_after;
};

static void work(void)
{
    for (volatile unsigned i = 0; i < WORK; i++)
        ;
}

/* Who comes first stays until the others are there too. */
static void hold(void)
{
    if (!first_is_inside) {
        first_is_inside = true;
        EXPECT(WK_OK, wk_event_signal(inside, INSIDE));
    }
    work();
}

static void handle(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer)
{
    (void)service;
    (void)message;
    (void)answer;
    hold();
}

static void serve(void *service)
{
    EXPECT(WK_REVOKED, wk_serve_passively(service));
}

static enum wk_status use_server(uint64_t until_ns)
{
    uint64_t words[6] = {0};

    return wk_call(session, USE, words, until_ns);
}

static enum wk_status use_lock(uint64_t until_ns)
{
    uint64_t bits;
    const enum wk_status status = wk_event_wait(lock_event, FREE, until_ns, &bits);

    if (status != WK_OK)
        return status;
    hold();
    return wk_event_signal(lock_event, FREE);
}

static enum wk_status (*use)(uint64_t until_ns);

static void be_least_urgent(void *unused)
{
    (void)unused;
    EXPECT(WK_OK, use(WK_NO_DEADLINE));
}

static void be_middle(void *unused)
{
    (void)unused;
    while (!stop)
        turns_of_middle++;
}

static void be_urgent(void *argument)
{
    struct outcome *outcome = argument;

    outcome->turns_before = turns_of_middle;
    outcome->status = use(deadline_ns);
    outcome->turns_after = turns_of_middle;
    stop = true;
}

/* The urgent one on the hart of the others, or on another. */
static struct outcome play(wk_handle urgent_budget, uint64_t patience_ns)
{
    const wk_handle budget = wk_hart_budget(0);
    struct wk_thread least, middle, urgent;
    struct outcome outcome;
    uint64_t bits;

    first_is_inside = stop = false;
    turns_of_middle = 0;
    EXPECT(WK_OK, wk_thread_run_on(budget, &least, be_least_urgent, NULL, STACK_PAGES, LEAST_URGENT));
    EXPECT(WK_OK, wk_event_wait(inside, INSIDE, WK_FOREVER, &bits));
    deadline_ns = wk_after_ns(patience_ns);
    EXPECT(WK_OK, wk_thread_run_on(budget, &middle, be_middle, NULL, STACK_PAGES, MIDDLE));
    EXPECT(WK_OK, wk_thread_run_on(urgent_budget, &urgent, be_urgent, &outcome, STACK_PAGES, URGENT));
    EXPECT(WK_OK, wk_thread_join(&urgent, WK_FOREVER));
    EXPECT(WK_OK, wk_thread_join(&middle, WK_FOREVER));
    EXPECT(WK_OK, wk_thread_join(&least, WK_FOREVER));
    return outcome;
}

static void with_a_server(void)
{
    struct outcome outcome;
    struct wk_thread server;
    struct wk_service service = {.handle = handle};

    use = use_server;
    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &service.endpoint));
    EXPECT(WK_OK, wk_endpoint_mint(service.endpoint, 0, 0, &session));
    EXPECT(WK_OK, wk_thread_run(&server, serve, &service, STACK_PAGES, LEAST_URGENT));
    for (unsigned hart = 0; hart < wk_hart_count(); hart++) {
        outcome = play(wk_hart_budget(hart), LONG_NS);
        EQUAL(WK_OK, outcome.status);
        if (hart == 0)
            EQUAL(outcome.turns_before, outcome.turns_after);
    }
    wk_thread_abandon(&server);
    EXPECT(WK_OK, wk_capability_delete(service.endpoint));
}

static void with_a_lock_that_has_no_holder(void)
{
    struct outcome outcome;

    use = use_lock;
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &lock_event));
    EXPECT(WK_OK, wk_event_signal(lock_event, FREE));
    for (unsigned hart = 0; hart < wk_hart_count(); hart++) {
        outcome = play(wk_hart_budget(hart), SHORT_NS);
        EQUAL(WK_TIMED_OUT, outcome.status);
        CHECK(outcome.turns_after != outcome.turns_before);
    }
}

int main(void)
{
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &inside));
    with_a_server();
    with_a_lock_that_has_no_holder();
    wk_print("inversion: good\n");
    return 0;
}
