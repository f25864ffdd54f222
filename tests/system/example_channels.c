/* SPDX-License-Identifier: MIT */
/* The example of docs/channels.md: a server that doubles numbers, and its client, here two threads of one program. */
#include <channel/channel.h>
#include <channel/group.h>
#include <winkle/calls.h>
#include <winkle/capability.h>
#include <winkle/endpoint.h>
#include <winkle/event.h>
#include <winkle/print.h>
#include <winkle/requests.h>
#include <winkle/start.h>
#include <winkle/text.h>
#include <winkle/threads.h>

#define OPEN 0x2000 /* the operation by which a channel is asked for */
#define CLIENTS 64

static void expect(const char *what, enum wk_status status)
{
    if (status != WK_OK)
        wk_fail(what, status);
}

/* ---- the client ---- */

/* Begins with a session of the server. */
static void be_client(wk_handle session)
{
    const uint64_t types = UINT64_C(1) << WK_TYPE_MEMORY | UINT64_C(1) << WK_TYPE_EVENT;
    struct wk_channel_terms terms = {0};
    struct wk_ring_message message = {0};
    struct wk_channel channel;
    uint64_t words[6] = {0};

    expect("asking", wk_call(session, OPEN | WK_MESSAGE_ACCEPT(types), words, WK_NO_DEADLINE));
    memcpy(&terms, words, sizeof(terms));
    expect("opening", wk_channel_open(&channel, &terms));
    for (uint64_t i = 0; i < 10; i++) {
        message.words[0] = i;
        expect("sending", wk_channel_send(&channel, &message, WK_FOREVER));
    }
    for (uint64_t i = 0; i < 10; i++) {
        expect("an answer", wk_channel_receive(&channel, &message, WK_FOREVER));
        wk_print("%lu\n", message.words[0]);
    }
    wk_channel_close(&channel);
}

/* ---- the server ---- */

static wk_handle endpoint;
static struct wk_channel_group group;
static struct wk_channel channels[CLIENTS]; /* by badge */
static bool is_open[CLIENTS];

/* What a client asks for it may be refused, and it may have given up: neither ends the server. */
static void open_for(uint64_t badge)
{
    struct wk_channel_plan plan = {.sizes = WK_CHANNEL_SIZES(64, 64, 0)};
    struct wk_answer answer = {.status = is_open[badge] ? WK_BUSY : wk_channel_group_plan(&group, &plan)};
    struct wk_channel_terms terms;

    if (answer.status == WK_OK)
        answer.status = wk_channel_create(&channels[badge], &plan, &terms);
    if (answer.status != WK_OK) {
        wk_reply(endpoint, &answer);
        return;
    }
    memcpy(answer.words, &terms, sizeof(answer.words));
    answer.capabilities = WK_CHANNEL_TERMS_GIVEN;
    if (wk_reply(endpoint, &answer) != WK_OK) {
        wk_answer_drop(&answer);
        wk_channel_close(&channels[badge]);
        return;
    }
    wk_channel_group_add(&group, &channels[badge]);
    is_open[badge] = true;
}

static void serve_channels(void)
{
    struct wk_ring_message message;
    struct wk_channel *channel;
    enum wk_status status = wk_channel_group_try_receive(&group, &channel, &message);

    while (channel != NULL) {
        if (status == WK_OK) {
            message.words[0] *= 2;
            wk_channel_try_send(channel, &message); /* there is room, see below */
        } else {
            wk_channel_group_remove(&group, channel); /* it has ended */
            wk_channel_close(channel);
            is_open[channel - channels] = false;
        }
        status = wk_channel_group_try_receive(&group, &channel, &message);
    }
}

/* The client with that badge has ended: its session was minted with `notify` 1. */
static void client_ended(uint64_t badge)
{
    if (!is_open[badge])
        return;
    wk_channel_peer_has_ended(&channels[badge]);
    wk_channel_group_signalled(&group, channels[badge].wait_bits);
}

static void serve_one(void)
{
    struct wk_message message;

    expect("receiving", wk_receive(endpoint, &message, WK_NO_DEADLINE));
    if (message.kind == WK_MESSAGE_KIND_CALL)
        open_for(message.badge);
    else if (message.kind == WK_MESSAGE_KIND_EVENT)
        wk_channel_group_signalled(&group, message.words[0]);
    else if (message.kind == WK_MESSAGE_KIND_CLOSED)
        client_ended(message.badge);
    serve_channels();
}

static void be_server(void *unused)
{
    (void)unused;
    for (;;)
        serve_one();
}

/* ---- both ---- */

int main(void)
{
    struct wk_thread server;
    wk_handle session;

    expect("an event", wk_event_create(wk_self.bank, &group.event));
    expect("an endpoint", wk_endpoint_create(wk_self.bank, &endpoint));
    expect("binding", wk_endpoint_bind(endpoint, group.event, UINT64_MAX));
    expect("a session", wk_endpoint_mint(endpoint, 7, 1, &session));
    expect("a thread", wk_thread_run(&server, be_server, NULL, 4, 100));
    be_client(session);
    return 0;
}
