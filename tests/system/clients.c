/* SPDX-License-Identifier: MIT */
/*
 * What clients can do to a passive server, and to each other through it: nothing. Attackers with nothing but the right
 * to call are killed while they call, time out at once, are stopped before the answer comes, send what is not accepted,
 * and call without end. A more urgent victim on their hart waits for one call at most that is not its own: that under
 * way when it comes. The server counts the calls that it begins, so nothing here is measured by the clock.
 */
#include "actors.h"

#include <winkle/endpoint.h>
#include <winkle/harts.h>
#include <winkle/process.h>
#include <winkle/serve.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define STACK_PAGES 4
#define USE 0x2000
#define VICTIM 1
#define ATTACKER 2
#define VICTIM_PRIORITY 90
#define ATTACKER_PRIORITY 40
#define VICTIM_CALLS 60
#define ROUNDS 3
#define WORK 2000
#define PAUSE_NS 300000
#define MILLISECOND UINT64_C(1000000)

static volatile uint64_t begun[ATTACKER + 1];
static volatile uint64_t depth;
static wk_handle victim_session;

/* ---- the server, threads of this process ---- */

static void handle(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer)
{
    (void)service;
    begun[message->badge]++;
    depth++;
    for (volatile unsigned i = 0; i < WORK; i++)
        ;
    EQUAL(1, depth); /* one server thread: its calls do not overlap, whoever goes away meanwhile */
    depth--;
    EQUAL(0, message->capabilities);
    answer->words[0] = message->words[0] + 1;
}

static void serve(void *service)
{
    wk_serve_passively(service);
}

/* What it finishes for clients that have left it, it finishes on that hart. */
static void serve_from(const struct wk_thread *server, unsigned hart)
{
    EXPECT(WK_OK, wk_thread_set_budget(server->handle, wk_hart_budget(hart)));
    EXPECT(WK_OK, wk_thread_set_budget(server->handle, 0));
}

/* ---- attackers, processes of their own ---- */

__attribute__((noreturn)) static void attack(const char *how)
{
    const wk_handle session = wk_named_handle("session");

    for (uint64_t i = 0;; i++) {
        uint64_t words[6] = {i};

        if (strcmp(how, "give-up") == 0) {
            wk_call(session, USE, words, wk_now_ns() + i % 64 * 1000);
        } else if (strcmp(how, "bring") == 0) {
            words[0] = wk_self.bank;
            EXPECT(WK_NOT_ACCEPTED, wk_call(session, USE | WK_MESSAGE_CAPABILITY(0), words, WK_NO_DEADLINE));
        } else {
            EXPECT(WK_OK, wk_call(session, USE, words, WK_NO_DEADLINE));
            EQUAL(i + 1, words[0]);
        }
    }
}

static void start_attacker(struct actor *actor, wk_handle endpoint, const char *how, unsigned hart)
{
    wk_handle session;

    EXPECT(WK_OK, wk_endpoint_mint(endpoint, ATTACKER, 0, &session));
    actor_prepare(actor, ACTOR_BANK_PAGES);
    actor->priority = ATTACKER_PRIORITY;
    actor->budget = wk_hart_budget(hart);
    actor_lend(actor, "session", session, WK_SESSION_RIGHT_CALL);
    actor_play(actor, how);
}

static void kill_attacker(struct actor *actor)
{
    EXPECT(WK_OK, wk_process_kill(actor->child.process, 3));
    actor_end_well(actor, 3);
}

/* ---- the victim, a thread of this process ---- */

struct victim {
    struct wk_thread thread;
    uint64_t calls;
    volatile bool stop;
    uint64_t most_others; /* calls of others that began while one of its own was under way */
};

static void pause_for(uint64_t ns)
{
    EXPECT(WK_OK, wk_thread_sleep(wk_thread_self()->handle, wk_after_ns(ns)));
}

static void be_victim(void *argument)
{
    struct victim *victim = argument;

    for (uint64_t i = 0; i < victim->calls && !victim->stop; i++) {
        uint64_t words[6] = {i};
        uint64_t others = begun[ATTACKER], own = begun[VICTIM];

        EXPECT(WK_OK, wk_call(victim_session, USE, words, WK_NO_DEADLINE));
        EQUAL(i + 1, words[0]);
        EQUAL(own + 1, begun[VICTIM]);
        others = begun[ATTACKER] - others;
        if (others > victim->most_others)
            victim->most_others = others;
        pause_for(PAUSE_NS);
    }
}

static uint64_t run_victim(void)
{
    struct victim victim = {.calls = VICTIM_CALLS};

    EXPECT(WK_OK,
           wk_thread_run_on(wk_hart_budget(0), &victim.thread, be_victim, &victim, STACK_PAGES, VICTIM_PRIORITY));
    EXPECT(WK_OK, wk_thread_join(&victim.thread, wk_after_ns(ACTOR_PATIENCE_NS)));
    return victim.most_others;
}

/* ---- the cases ---- */

/* The victim on the hart of all attackers: the call that has been taken when it comes may still begin. The server's reserve is
 * there too: on another hart it could go on, and begin a second, between the victim's look at the counter and its call. */
static void attackers_on_the_victims_hart(wk_handle endpoint, const char *how)
{
    struct actor attackers[3];

    for (unsigned i = 0; i < 3; i++)
        start_attacker(&attackers[i], endpoint, how, 0);
    CHECK(run_victim() <= 1);
    for (unsigned i = 0; i < 3; i++)
        kill_attacker(&attackers[i]);
    CHECK(run_victim() <= 1); /* who was killed left a call half served: the victim's budget ends it */
    EQUAL(0, run_victim());
}

/* On other harts they go on calling until the victim's call is queued, so how many there are is not said. */
static void attackers_on_all_harts(wk_handle endpoint, const char *how)
{
    struct actor attackers[4];

    for (unsigned i = 0; i < 4; i++)
        start_attacker(&attackers[i], endpoint, how, i % wk_hart_count());
    run_victim();
    for (unsigned i = 0; i < 4; i++)
        kill_attacker(&attackers[i]);
}

/* Two more calls are answered. */
static void victim_goes_on(void)
{
    const uint64_t wanted = begun[VICTIM] + 3;

    for (unsigned pauses = 0; begun[VICTIM] < wanted; pauses++) {
        CHECK(pauses < 100000);
        pause_for(PAUSE_NS);
    }
}

/* Killed and suspended at any moment of their calls, while the victim goes on. */
static void attackers_that_end(wk_handle endpoint)
{
    struct victim victim = {.calls = UINT64_MAX};

    EXPECT(WK_OK,
           wk_thread_run_on(wk_hart_budget(0), &victim.thread, be_victim, &victim, STACK_PAGES, VICTIM_PRIORITY));
    for (unsigned i = 0; i < 3 * ROUNDS; i++) {
        struct actor attacker;

        start_attacker(&attacker, endpoint, "flood", i % wk_hart_count());
        pause_for(MILLISECOND / 2 + i % 5 * MILLISECOND / 3);
        if (i % 2 == 1) {
            EXPECT(WK_OK, wk_process_suspend(attacker.child.process));
            victim_goes_on();
        }
        kill_attacker(&attacker);
        victim_goes_on();
    }
    victim.stop = true;
    EXPECT(WK_OK, wk_thread_join(&victim.thread, wk_after_ns(ACTOR_PATIENCE_NS)));
}

int main(int argc, char **argv)
{
    struct wk_service service = {.handle = handle};
    struct wk_thread server;

    if (argc > 1)
        attack(argv[1]);
    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &service.endpoint));
    EXPECT(WK_OK, wk_endpoint_mint(service.endpoint, VICTIM, 0, &victim_session));
    EXPECT(WK_OK, wk_thread_run_on(wk_hart_budget(0), &server, serve, &service, STACK_PAGES, 10));
    attackers_on_the_victims_hart(service.endpoint, "flood");
    attackers_on_the_victims_hart(service.endpoint, "give-up");
    attackers_on_the_victims_hart(service.endpoint, "bring");
    serve_from(&server, wk_hart_count() - 1);
    attackers_on_all_harts(service.endpoint, "flood");
    attackers_on_all_harts(service.endpoint, "give-up");
    attackers_that_end(service.endpoint);
    CHECK(begun[ATTACKER] > 0);
    wk_thread_abandon(&server);
    wk_print("clients: good\n");
    return 0;
}
