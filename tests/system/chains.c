/* SPDX-License-Identifier: MIT */
/*
 * Servers that call servers: how deep, and that a circle is found; answers that are saved and given in another order;
 * and what a server with a budget of its own receives besides calls.
 */
#include "actors.h"

#include <winkle/endpoint.h>
#include <winkle/serve.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define STACK_PAGES 4
#define SERVERS (WK_CALL_DEPTH_MAX + 2)
#define GO_ON 0x2000
#define SAVE 0x2001
#define ANSWER_SAVED 0x2002
#define ASK 0x2003

/* Server number n calls the next one as long as word 0 is not 0; the last one calls the first. */
struct server {
    struct wk_service service;
    struct wk_thread thread;
    wk_handle session;
    const struct server *next;
};

static struct server servers[SERVERS];

static uint64_t hart_of_this(void)
{
    enum wk_thread_state state;
    uint64_t priority, hart;

    EXPECT(WK_OK, wk_thread_info(wk_thread_self()->handle, &state, &priority, &hart));
    return hart;
}

/* Word 0: how many have answered below; word 1: the status that was the end; word 2: harts that ran them. */
static void go_on(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer)
{
    const struct server *server = (const struct server *)(const void *)service;
    uint64_t words[6] = {message->words[0] - 1};

    answer->words[0] = 1;
    answer->words[2] = UINT64_C(1) << hart_of_this();
    if (message->words[0] == 0)
        return;
    answer->words[1] = wk_call(server->next->session, GO_ON, words, WK_NO_DEADLINE);
    if (answer->words[1] != WK_OK)
        return;
    answer->words[0] += words[0];
    answer->words[1] = words[1];
    answer->words[2] |= words[2];
}

static void serve(void *argument)
{
    struct server *server = argument;

    EXPECT(WK_REVOKED, wk_serve_passively(&server->service));
}

static void start_servers(void)
{
    for (unsigned i = 0; i < SERVERS; i++) {
        struct server *server = &servers[i];

        server->next = &servers[(i + 1) % SERVERS];
        server->service.handle = go_on;
        EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &server->service.endpoint));
        EXPECT(WK_OK, wk_endpoint_mint(server->service.endpoint, i, 0, &server->session));
        EXPECT(WK_OK, wk_thread_run(&server->thread, serve, server, STACK_PAGES, 50));
    }
}

static void stop_servers(void)
{
    for (unsigned i = 0; i < SERVERS; i++) {
        EXPECT(WK_OK, wk_capability_delete(servers[i].service.endpoint));
        EXPECT(WK_BAD_HANDLE, wk_capability_check(servers[i].session));
        wk_thread_abandon(&servers[i].thread);
    }
}

static void chain(unsigned first, uint64_t links, uint64_t answered, enum wk_status end)
{
    uint64_t words[6] = {links};

    EXPECT(WK_OK, wk_call(servers[first].session, GO_ON, words, wk_after_ns(ACTOR_PATIENCE_NS)));
    EQUAL(answered, words[0]);
    EQUAL(end, words[1]);
    EQUAL(UINT64_C(1) << hart_of_this(), words[2]); /* passive servers come to their caller */
}

static void chains(void)
{
    for (unsigned links = 0; links < WK_CALL_DEPTH_MAX; links++)
        chain(links % SERVERS, links, links + 1, WK_OK);
    chain(0, WK_CALL_DEPTH_MAX, WK_CALL_DEPTH_MAX, WK_TOO_DEEP);
    chain(SERVERS - 1, WK_CALL_DEPTH_MAX + 5, WK_CALL_DEPTH_MAX, WK_TOO_DEEP);
}

static void circles(void)
{
    servers[3].next = &servers[1];
    chain(1, 7, 3, WK_DEADLOCK);
    chain(0, 7, 4, WK_DEADLOCK);
    servers[1].next = &servers[1];
    chain(0, 7, 2, WK_DEADLOCK);
    servers[1].next = &servers[2];
    servers[3].next = &servers[4];
    chain(1, 6, 7, WK_OK);
}

/* ---- a server with a budget ---- */

struct asked {
    struct wk_thread thread;
    wk_handle session;
    uint64_t operation, answer;
    enum wk_status status;
};

static void ask(void *argument)
{
    struct asked *asked = argument;
    uint64_t words[6] = {0};

    asked->status = wk_call(asked->session, asked->operation, words, wk_after_ns(ACTOR_PATIENCE_NS));
    asked->answer = words[0];
}

static void ask_in_thread(struct asked *asked, uint64_t operation, wk_handle session)
{
    *asked = (struct asked){.session = session, .operation = operation};
    EXPECT(WK_OK, wk_thread_run(&asked->thread, ask, asked, STACK_PAGES, 40));
}

static void expect_message(wk_handle endpoint, struct wk_message *message, enum wk_message_kind kind)
{
    EXPECT(WK_OK, wk_receive(endpoint, message, wk_after_ns(ACTOR_PATIENCE_NS)));
    EQUAL(kind, message->kind);
}

/* Three calls are saved; they are answered last first, by nobody, and never. */
static void saved_answers(wk_handle endpoint, wk_handle session)
{
    struct wk_answer answer = {.status = WK_OK, .words = {11}};
    struct wk_message message;
    struct asked asked[3];
    wk_handle replies[3];

    EXPECT(WK_NO_CALLER, wk_reply(endpoint, &answer));
    EXPECT(WK_NO_CALLER, wk_endpoint_reply_save(endpoint, &replies[0]));
    for (unsigned i = 0; i < 3; i++) {
        ask_in_thread(&asked[i], SAVE + i, session);
        expect_message(endpoint, &message, WK_MESSAGE_KIND_CALL);
        EQUAL(SAVE + i, message.operation);
        EXPECT(WK_OK, wk_endpoint_reply_save(endpoint, &replies[i]));
        EXPECT(WK_NO_CALLER, wk_reply(endpoint, &answer));
    }
    EXPECT(WK_OK, wk_reply_send(replies[2], &answer));
    EXPECT(WK_NO_CALLER, wk_reply_send(replies[2], &answer));
    EXPECT(WK_OK, wk_thread_join(&asked[2].thread, wk_after_ns(ACTOR_PATIENCE_NS)));
    EQUAL(WK_OK, asked[2].status);
    EQUAL(11, asked[2].answer);
    EXPECT(WK_OK, wk_capability_delete(replies[0]));
    EXPECT(WK_OK, wk_thread_join(&asked[0].thread, wk_after_ns(ACTOR_PATIENCE_NS)));
    EQUAL(WK_ABANDONED, asked[0].status);
    wk_thread_abandon(&asked[1].thread);
    EXPECT(WK_NO_CALLER, wk_reply_send(replies[1], &answer));
    EXPECT(WK_OK, wk_capability_delete(replies[1]));
    EXPECT(WK_OK, wk_capability_delete(replies[2]));
}

/* Receiving again without an answer is one: `abandoned`. */
static void no_answer(wk_handle endpoint, wk_handle session)
{
    struct wk_message message;
    struct asked asked;

    ask_in_thread(&asked, ASK, session);
    expect_message(endpoint, &message, WK_MESSAGE_KIND_CALL);
    EXPECT(WK_TIMED_OUT, wk_receive(endpoint, &message, 1));
    EXPECT(WK_OK, wk_thread_join(&asked.thread, wk_after_ns(ACTOR_PATIENCE_NS)));
    EQUAL(WK_ABANDONED, asked.status);
}

/* Bits, ends of sessions and calls, none of which keeps the others out. */
static void other_messages(wk_handle endpoint, wk_handle session)
{
    const struct wk_answer answer = {.status = WK_OK};
    bool seen[3] = {false};
    struct wk_message message;
    wk_handle event, other, another;
    struct asked asked;
    uint64_t bits;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_endpoint_bind(endpoint, event, 6));
    EXPECT(WK_OK, wk_endpoint_mint(endpoint, 77, 1, &other));
    EXPECT(WK_OK, wk_capability_dup(other, WK_RIGHTS_ALL, &another));
    ask_in_thread(&asked, ASK, session);
    EXPECT(WK_OK, wk_event_signal(event, 7));
    EXPECT(WK_OK, wk_capability_delete(other));
    EXPECT(WK_OK, wk_capability_delete(another));
    for (unsigned i = 0; i < 3; i++) {
        EXPECT(WK_OK, wk_receive(endpoint, &message, wk_after_ns(ACTOR_PATIENCE_NS)));
        CHECK(message.kind < 3 && !seen[message.kind]);
        seen[message.kind] = true;
        if (message.kind == WK_MESSAGE_KIND_CALL)
            EXPECT(WK_OK, wk_reply(endpoint, &answer));
        else
            EQUAL(message.kind == WK_MESSAGE_KIND_EVENT ? 6 : 77,
                  message.kind == WK_MESSAGE_KIND_EVENT ? message.words[0] : message.badge);
    }
    EXPECT(WK_OK, wk_thread_join(&asked.thread, wk_after_ns(ACTOR_PATIENCE_NS)));
    EQUAL(WK_OK, asked.status);
    EXPECT(WK_TIMED_OUT, wk_receive(endpoint, &message, 1));
    EXPECT(WK_OK, wk_event_poll(event, UINT64_MAX, &bits));
    EQUAL(1, bits);
    EXPECT(WK_OK, wk_capability_delete(event));
}

int main(void)
{
    wk_handle endpoint, session;

    start_servers();
    chains();
    circles();
    chains();
    stop_servers();
    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &endpoint));
    EXPECT(WK_OK, wk_endpoint_mint(endpoint, 1, 0, &session));
    saved_answers(endpoint, session);
    no_answer(endpoint, session);
    other_messages(endpoint, session);
    wk_print("chains: good\n");
    return 0;
}
