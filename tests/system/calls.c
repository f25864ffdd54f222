/* SPDX-License-Identifier: MIT */
/* Calls between two processes: what a message carries, how a call ends, and who is told. */
#include "actors.h"

#include <winkle/endpoint.h>
#include <winkle/serve.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define STACK_PAGES 4
#define CLIENTS 6
#define CALLS_PER_CLIENT 200
#define BADGE UINT64_C(0x8000000000000001)
#define MILLISECOND UINT64_C(1000000)

/* What the server is asked; further numbers are echoed. */
enum request { ECHO = 0x2000, FAIL, SIGNAL, KEEP, SIGNAL_KEPT, MAKE, OFFER, STALL, DIE, ECHO_LAST = 0xffff };

static wk_handle endpoint;

/* ---- the server, a process of its own ---- */

static void handle(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer)
{
    static wk_handle kept;
    wk_handle event;
    uint64_t bits;

    (void)service;
    EQUAL(WK_MESSAGE_KIND_CALL, message->kind);
    switch (message->operation) {
    case FAIL:
        answer->status = WK_NOT_ADMITTED;
        break;
    case SIGNAL:
        EQUAL(UINT64_C(1) << 2, message->capabilities);
        kept = message->words[2];
        answer->status = wk_event_signal(kept, message->words[0]);
        break;
    case KEEP:
        EQUAL(UINT64_C(1) << 5, message->capabilities);
        kept = message->words[5];
        break;
    case SIGNAL_KEPT:
        answer->status = wk_event_signal(kept, message->words[0]);
        break;
    case MAKE:
    case OFFER:
        EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
        EXPECT(WK_OK, wk_event_signal(event, message->words[0]));
        answer->words[0] = 7;
        answer->words[1] = event;
        answer->capabilities = WK_MESSAGE_CAPABILITY(1) | (message->operation == MAKE ? WK_MESSAGE_GIVE(1) : 0);
        break;
    case STALL:
        EXPECT(WK_OK, wk_event_wait(wk_named_handle("go"), 1, WK_FOREVER, &bits));
        break;
    case DIE:
        wk_exit(5);
    default:
        for (unsigned i = 0; i < 6; i++)
            answer->words[i] = message->words[i] * 3 + message->badge + message->operation;
        break;
    }
}

static int serve(void)
{
    struct wk_service service = {.endpoint = wk_named_handle("endpoint"), .handle = handle};

    EXPECT(WK_REVOKED, wk_serve_passively(&service));
    return 9;
}

/* ---- the client, this process ---- */

static enum wk_status call(wk_handle session, uint64_t operation, uint64_t word0)
{
    uint64_t words[6] = {word0};

    return wk_call(session, operation, words, WK_NO_DEADLINE);
}

static void check_echo(wk_handle session, uint64_t operation, uint64_t badge, uint64_t seed)
{
    uint64_t words[6], sent[6];

    for (unsigned i = 0; i < 6; i++)
        sent[i] = words[i] = seed * 0x9e3779b97f4a7c15 + i;
    EXPECT(WK_OK, wk_call(session, operation, words, WK_NO_DEADLINE));
    for (unsigned i = 0; i < 6; i++)
        EQUAL(sent[i] * 3 + badge + operation, words[i]);
}

static void words_and_badges(wk_handle session)
{
    wk_handle other;

    EXPECT(WK_OK, wk_endpoint_mint(endpoint, 0, 0, &other));
    check_echo(session, ECHO, BADGE, 1);
    check_echo(other, ECHO_LAST, 0, 2);
    check_echo(session, WK_EVENT_SIGNAL, BADGE, 4);
    EXPECT(WK_NOT_ADMITTED, call(session, FAIL, 0));
    EXPECT(WK_WRONG_TYPE, call(session, ECHO | WK_MESSAGE_KERNEL_ONLY, 0));
    EXPECT(WK_OK, wk_capability_delete(other));
    EXPECT(WK_BAD_HANDLE, call(other, ECHO, 0));
    EXPECT(WK_OK, wk_capability_lend(session, 0, &other));
    EXPECT(WK_NO_RIGHT, call(other, ECHO, 0));
    EXPECT(WK_OK, wk_capability_delete(other));
}

/* What a call lends ends with the call; what it gives stays. */
static void capabilities_sent(wk_handle session)
{
    uint64_t words[6] = {4}, bits;
    wk_handle event, given;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    words[2] = event;
    EXPECT(WK_NOT_ACCEPTED, wk_call(session, SIGNAL | WK_MESSAGE_CAPABILITY(2), words, WK_NO_DEADLINE));
    EXPECT(WK_OK, wk_endpoint_accept(endpoint, 1 << WK_TYPE_EVENT, 1));
    words[0] = 4;
    words[2] = event;
    EXPECT(WK_OK, wk_call(session, SIGNAL | WK_MESSAGE_CAPABILITY(2), words, WK_NO_DEADLINE));
    EXPECT(WK_OK, wk_event_poll(event, UINT64_MAX, &bits));
    EQUAL(4, bits);
    EXPECT(WK_BAD_HANDLE, call(session, SIGNAL_KEPT, 8));
    EXPECT(WK_WOULD_BLOCK, wk_event_poll(event, UINT64_MAX, &bits));

    EXPECT(WK_OK, wk_capability_dup(event, WK_RIGHTS_ALL, &given));
    words[5] = given;
    EXPECT(WK_OK, wk_call(session, KEEP | WK_MESSAGE_CAPABILITY(5) | WK_MESSAGE_GIVE(5), words, WK_NO_DEADLINE));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(given));
    EXPECT(WK_OK, call(session, SIGNAL_KEPT, 16));
    EXPECT(WK_OK, wk_event_poll(event, UINT64_MAX, &bits));
    EQUAL(16, bits);

    words[5] = wk_self.bank;
    EXPECT(WK_NOT_ACCEPTED, wk_call(session, KEEP | WK_MESSAGE_CAPABILITY(5), words, WK_NO_DEADLINE));
    words[5] = 12345;
    EXPECT(WK_BAD_HANDLE, wk_call(session, KEEP | WK_MESSAGE_CAPABILITY(5), words, WK_NO_DEADLINE));
    EXPECT(WK_OK, wk_capability_delete(event));
}

/* An answer's capabilities are the caller's from then on, if it said that it takes such. */
static void capabilities_received(wk_handle session)
{
    const uint64_t accept = WK_MESSAGE_ACCEPT(1 << WK_TYPE_EVENT);
    uint64_t words[6] = {32}, type, rights, borrowed, lent, badge, identity, bits;

    EXPECT(WK_OK, wk_call(session, MAKE | accept, words, WK_NO_DEADLINE));
    EQUAL(7, words[0]);
    EXPECT(WK_OK, wk_event_poll(words[1], UINT64_MAX, &bits));
    EQUAL(32, bits);
    EXPECT(WK_OK, wk_capability_info(words[1], &type, &rights, &borrowed, &lent, &badge, &identity));
    EQUAL(0, borrowed);
    EXPECT(WK_OK, wk_capability_delete(words[1]));

    words[0] = 64;
    EXPECT(WK_OK, wk_call(session, OFFER | accept, words, WK_NO_DEADLINE));
    EXPECT(WK_OK, wk_event_poll(words[1], UINT64_MAX, &bits));
    EQUAL(64, bits);
    EXPECT(WK_OK, wk_capability_info(words[1], &type, &rights, &borrowed, &lent, &badge, &identity));
    EQUAL(1, borrowed);
    EXPECT(WK_OK, wk_capability_delete(words[1]));

    words[0] = 1;
    EXPECT(WK_NOT_ACCEPTED, wk_call(session, MAKE, words, WK_NO_DEADLINE));
    EXPECT(WK_NOT_ACCEPTED, wk_call(session, OFFER | WK_MESSAGE_ACCEPT(1 << WK_TYPE_BANK), words, WK_NO_DEADLINE));
}

/* A caller that gives up, before and after the server took the call. The server goes on. */
static void deadlines(wk_handle session, wk_handle go)
{
    uint64_t words[6] = {0};

    EXPECT(WK_TIMED_OUT, wk_call(session, STALL, words, wk_after_ns(5 * MILLISECOND)));
    EXPECT(WK_TIMED_OUT, wk_call(session, ECHO, words, wk_after_ns(5 * MILLISECOND)));
    EXPECT(WK_TIMED_OUT, wk_call(session, ECHO, words, 1));
    EXPECT(WK_OK, wk_event_signal(go, 1));
    check_echo(session, ECHO, BADGE, 5);
    EXPECT(WK_OK, wk_call(session, ECHO, words, wk_after_ns(ACTOR_PATIENCE_NS)));
}

struct client {
    struct wk_thread thread;
    wk_handle session;
    uint64_t badge;
};

static void call_often(void *argument)
{
    const struct client *client = argument;

    for (unsigned i = 0; i < CALLS_PER_CLIENT; i++)
        check_echo(client->session, ECHO + 16 + client->badge, client->badge, i);
}

static void many_clients(void)
{
    struct client clients[CLIENTS];

    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i].badge = i * 1000;
        EXPECT(WK_OK, wk_endpoint_mint(endpoint, clients[i].badge, 0, &clients[i].session));
        EXPECT(WK_OK, wk_thread_run(&clients[i].thread, call_often, &clients[i], STACK_PAGES, 60 + i));
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        EXPECT(WK_OK, wk_thread_join(&clients[i].thread, wk_after_ns(ACTOR_PATIENCE_NS)));
        EXPECT(WK_OK, wk_capability_delete(clients[i].session));
    }
}

int main(int argc, char **argv)
{
    wk_handle session, go;
    struct actor server;

    if (plays(argc, argv, "serve"))
        return serve();
    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &endpoint));
    EXPECT(WK_OK, wk_endpoint_mint(endpoint, BADGE, 0, &session));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &go));
    actor_prepare(&server, ACTOR_BANK_PAGES);
    actor_lend(&server, "endpoint", endpoint, WK_ENDPOINT_RIGHT_SERVE);
    actor_lend(&server, "go", go, WK_EVENT_RIGHT_WAIT);
    actor_play(&server, "serve");
    words_and_badges(session);
    capabilities_sent(session);
    capabilities_received(session);
    deadlines(session, go);
    many_clients();
    EXPECT(WK_ABANDONED, call(session, DIE, 0));
    actor_end_well(&server, 5);
    actor_prepare(&server, ACTOR_BANK_PAGES);
    actor_lend(&server, "endpoint", endpoint, WK_ENDPOINT_RIGHT_SERVE);
    actor_play(&server, "serve");
    check_echo(session, ECHO, BADGE, 6);
    EXPECT(WK_OK, wk_capability_delete(endpoint));
    EXPECT(WK_BAD_HANDLE, call(session, ECHO, 0));
    wk_print("calls: good\n");
    return 0;
}
