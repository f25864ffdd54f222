/* SPDX-License-Identifier: MIT */
/*
 * Calls through a ring, many at a time, by a program with one thread, to a server in another process that knows nothing of
 * rings, with a budget of its own or passive: answers, capabilities both ways, times, cancelling; and what becomes of calls
 * when the server, the client's process, its bank or its budget goes.
 */
#include "rings.h"

#include <winkle/bank.h>
#include <winkle/budget.h>
#include <winkle/endpoint.h>
#include <winkle/harts.h>
#include <winkle/process.h>
#include <winkle/serve.h>

#define OPEN 32
#define BADGE 77
#define EVENT_TYPE (UINT64_C(1) << WK_TYPE_EVENT)

/* What the server is asked. */
enum request { ECHO = 0x2000, SIGNAL, KEEP, SIGNAL_KEPT, MAKE, STALL, DIE };

static struct wk_queue queue;
static wk_handle endpoint, session, go, event;

/* ---- the server, a process of its own ---- */

static void handle(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer)
{
    static wk_handle kept;
    uint64_t bits;

    (void)service;
    EQUAL(BADGE, message->badge);
    switch (message->operation) {
    case SIGNAL:
        EQUAL(2, message->capabilities);
        answer->status = wk_event_signal(message->words[1], message->words[0]);
        break;
    case KEEP:
        EQUAL(2, message->capabilities);
        kept = message->words[1];
        break;
    case SIGNAL_KEPT:
        answer->status = wk_event_signal(kept, message->words[0]);
        break;
    case MAKE:
        answer->status = wk_event_create(wk_self.bank, &answer->words[1]);
        answer->capabilities = WK_MESSAGE_CAPABILITY(1) | WK_MESSAGE_GIVE(1);
        break;
    case STALL:
        EXPECT(WK_OK, wk_event_wait(wk_named_handle("go"), 1, WK_FOREVER, &bits));
        break;
    case DIE:
        wk_exit(5);
    default:
        EQUAL(ECHO, message->operation);
        EQUAL(0, message->words[2]);
        answer->words[0] = message->words[0] * 3;
        answer->words[5] = message->words[1] + 1;
        break;
    }
}

static int serve(const char *how)
{
    struct wk_service service = {.endpoint = wk_named_handle("endpoint"), .handle = handle};

    if (strcmp(how, "passive") == 0)
        EXPECT(WK_REVOKED, wk_serve_passively(&service));
    else
        EXPECT(WK_REVOKED, wk_serve(&service));
    return 9;
}

static void start_server(struct actor *server, const char *how)
{
    actor_prepare(server, ACTOR_BANK_PAGES);
    actor_lend(server, "endpoint", endpoint, WK_RIGHTS_ALL);
    actor_lend(server, "go", go, WK_RIGHTS_ALL);
    actor_play(server, how);
}

/* ---- calls that are answered ---- */

static void many_are_open(void)
{
    static struct wk_completion done[OPEN];

    for (unsigned round = 0; round < 10; round++) {
        for (uint32_t i = 0; i < OPEN; i++)
            prepare_call(&queue, i, session, ECHO, 0, round * 1000 + i, i);
        submit(&queue);
        await_all(&queue, done, OPEN);
        for (uint32_t i = 0; i < OPEN; i++) {
            EQUAL(WK_OK, WK_RECEIVED_STATUS(done[i].answer));
            EQUAL((round * 1000 + i) * 3, done[i].words[0]);
            EQUAL(i + 1, done[i].words[5]);
        }
        await_none(&queue);
    }
}

/* What a call lends ends with it; what it gives stays; what is answered is ours. */
static void capabilities(void)
{
    struct wk_completion done;
    wk_handle given;
    uint64_t bits;

    prepare_call(&queue, 1, session, SIGNAL, WK_MESSAGE_CAPABILITY(1), 4, event);
    await_tag(&queue, 1, WK_OK);
    EXPECT(WK_OK, wk_event_poll(event, 4, &bits));
    prepare_call(&queue, 2, session, KEEP, WK_MESSAGE_CAPABILITY(1), 0, event);
    await_tag(&queue, 2, WK_OK);
    prepare_call(&queue, 3, session, SIGNAL_KEPT, 0, 8, 0);
    await_tag(&queue, 3, WK_BAD_HANDLE);
    EXPECT(WK_OK, wk_capability_dup(event, WK_RIGHTS_ALL, &given));
    prepare_call(&queue, 4, session, KEEP, WK_MESSAGE_CAPABILITY(1) | WK_MESSAGE_GIVE(1), 0, given);
    await_tag(&queue, 4, WK_OK);
    prepare_call(&queue, 5, session, SIGNAL_KEPT, 0, 8, 0);
    await_tag(&queue, 5, WK_OK);
    EXPECT(WK_OK, wk_event_poll(event, 8, &bits));
    prepare_call(&queue, 6, session, MAKE, WK_MESSAGE_ACCEPT(EVENT_TYPE), 0, 0);
    done = await_tag(&queue, 6, WK_OK);
    EQUAL(2, WK_RECEIVED_CAPABILITIES(done.answer));
    EXPECT(WK_OK, wk_event_signal(done.words[1], 1));
    EXPECT(WK_OK, wk_capability_delete(done.words[1]));
}

static void strangers(void)
{
    struct wk_completion done[4];
    wk_handle weak;

    EXPECT(WK_OK, wk_capability_lend(session, 0, &weak));
    prepare_call(&queue, 0, weak, ECHO, 0, 1, 0);
    prepare_call(&queue, 1, session, ECHO, WK_MESSAGE_KERNEL_ONLY, 1, 0);
    prepare_call(&queue, 2, session, KEEP, WK_MESSAGE_CAPABILITY(1), 1, wk_self.bank);
    prepare_call(&queue, 3, endpoint, WK_ENDPOINT_RECEIVE, 0, 0, 0);
    submit(&queue);
    await_all(&queue, done, 4);
    EQUAL(WK_NO_RIGHT, done[0].answer);
    EQUAL(WK_WRONG_TYPE, done[1].answer);
    EQUAL(WK_NOT_ACCEPTED, done[2].answer);
    EQUAL(WK_NO_SUCH_OPERATION, done[3].answer);
    EXPECT(WK_OK, wk_capability_delete(weak));
}

/* ---- calls that are not ---- */

static void stall(uint32_t tag)
{
    prepare_call(&queue, tag, session, STALL, 0, 0, 0);
    submit(&queue);
    pause_for(5 * MILLISECOND); /* it has probably been taken */
}

static void times_pass(void)
{
    stall(0);
    CHECK(wk_ring_timeout_prepare(&queue, 1, queue.ring, wk_after_ns(2 * MILLISECOND)));
    wk_queue_link(&queue);
    prepare_call(&queue, 2, session, ECHO, 0, 5, 0);
    submit(&queue);
    await_tag(&queue, 1, WK_OK);
    await_tag(&queue, 2, WK_TIMED_OUT);
    EXPECT(WK_OK, wk_event_signal(go, 1));
    await_tag(&queue, 0, WK_OK);
    many_are_open();
}

/* The server finds out when it answers, and goes on. */
static void is_cancelled(void)
{
    uint64_t count;

    stall(1);
    prepare_call(&queue, 2, session, ECHO, 0, 5, 0);
    prepare_call(&queue, 2, session, ECHO, 0, 6, 0);
    submit(&queue);
    EXPECT(WK_OK, wk_ring_cancel(queue.ring, 2, &count));
    EQUAL(2, count);
    await_tag(&queue, 2, WK_CANCELLED);
    await_tag(&queue, 2, WK_CANCELLED);
    EXPECT(WK_OK, wk_ring_cancel(queue.ring, 1, &count));
    EQUAL(1, count);
    await_tag(&queue, 1, WK_CANCELLED);
    EXPECT(WK_OK, wk_event_signal(go, 1));
    many_are_open();
}

static void a_ring_ends_with_calls(void)
{
    struct wk_queue its;

    EXPECT(WK_OK, wk_queue_create(&its, 8, 8, 8, 0));
    for (uint32_t i = 0; i < 8; i++)
        prepare_call(&its, i, session, i == 0 ? STALL : SIGNAL, i == 0 ? 0 : WK_MESSAGE_CAPABILITY(1), i, event);
    submit(&its);
    pause_for(2 * MILLISECOND);
    wk_queue_destroy(&its);
    EXPECT(WK_OK, wk_event_signal(go, 1));
    many_are_open();
    EXPECT(WK_WOULD_BLOCK, wk_event_poll(event, UINT64_MAX, &(uint64_t){0}));
}

/* ---- a client, a process of its own, that ends in the middle ---- */

__attribute__((noreturn)) static void be_client(void)
{
    session = wk_named_handle("session");
    EXPECT(WK_OK, wk_queue_create(&queue, OPEN, OPEN, OPEN, 0));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    for (uint32_t round = 0;; round++) {
        for (uint32_t i = 0; i < OPEN / 2; i++) {
            prepare_call(&queue, i, session, i % 4 == 3 ? SIGNAL : ECHO, i % 4 == 3 ? WK_MESSAGE_CAPABILITY(1) : 0, i,
                         i % 4 == 3 ? event : i);
            if (i % 5 == 4)
                wk_queue_link(&queue);
        }
        EXPECT(WK_OK, wk_queue_enter(&queue, round % OPEN / 2, WK_NO_DEADLINE));
        for (uint32_t i = 0; i < OPEN / 2; i++)
            await(&queue);
    }
}

static void clients_end(void)
{
    for (unsigned round = 0; round < 12; round++) {
        struct actor client;

        actor_prepare(&client, ACTOR_BANK_PAGES);
        EXPECT(WK_OK, wk_budget_split(wk_budget_in_turn(), client.bank, 0, 0, ACTOR_PRIORITY, 0, &client.budget));
        actor_lend(&client, "session", session, WK_SESSION_RIGHT_CALL);
        actor_play(&client, "client");
        pause_for(3 * MILLISECOND + round * MILLISECOND / 3);
        if (round % 3 == 2)
            EXPECT(WK_OK, wk_budget_destroy(client.budget));
        if (round % 3 == 1)
            EXPECT(WK_OK, wk_bank_destroy(client.bank));
        else
            EXPECT(WK_OK, wk_process_kill(client.child.process, 3));
        wk_child_release(&client.child);
        wk_bank_destroy(client.bank);
        wk_capability_delete(client.bank);
        wk_capability_delete(client.budget);
        EXPECT(WK_OK, wk_capability_delete(client.event));
        many_are_open();
    }
}

static void the_server_dies(struct actor *server)
{
    prepare_call(&queue, 0, session, DIE, 0, 0, 0);
    for (uint32_t i = 1; i < 8; i++)
        prepare_call(&queue, i, session, ECHO, 0, i, 0);
    submit(&queue);
    await_tag(&queue, 0, WK_ABANDONED);
    await_none(&queue);
    actor_end_well(server, 5);
    EXPECT(WK_OK, wk_capability_delete(endpoint));
    for (uint32_t i = 1; i < 8; i++) { /* those that follow the first are looked up when that is done */
        const uint64_t status = WK_RECEIVED_STATUS(await(&queue).answer);

        CHECK(status == WK_REVOKED || status == WK_BAD_HANDLE);
    }
}

static void with_server(const char *how)
{
    struct actor server;

    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &endpoint));
    EXPECT(WK_OK, wk_endpoint_accept(endpoint, EVENT_TYPE, 2));
    EXPECT(WK_OK, wk_endpoint_mint(endpoint, BADGE, 0, &session));
    start_server(&server, how);
    many_are_open();
    capabilities();
    strangers();
    times_pass();
    is_cancelled();
    a_ring_ends_with_calls();
    clients_end();
    the_server_dies(&server);
    EXPECT(WK_BAD_HANDLE, wk_capability_delete(endpoint));
    wk_capability_delete(session);
}

int main(int argc, char **argv)
{
    if (plays(argc, argv, "client"))
        be_client();
    if (argc > 1)
        return serve(argv[1]);
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &go));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_queue_create(&queue, OPEN, 2 * OPEN, OPEN + 2, 0));
    with_server("passive");
    with_server("active");
    wk_queue_destroy(&queue);
    wk_print("ring-calls: good\n");
    return 0;
}
