/* SPDX-License-Identifier: MIT */
/* A server of `notes` in a thread of the test, and clients of it in the test: each with a session, a ring for it, and a
 * channel by which capabilities travel. */
#ifndef SERVING_H
#define SERVING_H

#include "check.h"

#include <channel/carrier.h>
#include <channel/connection.h>
#include <channel/server.h>
#include <winkle/capability.h>
#include <winkle/endpoint.h>
#include <winkle/event.h>
#include <winkle/mailbox.h>
#include <winkle/memory.h>
#include <winkle/notes.h>
#include <winkle/notes_client.h>
#include <winkle/notes_service.h>
#include <winkle/process.h>
#include <winkle/threads.h>

#define SERVING_PATIENCE_NS (100 * WK_NS_PER_SECOND)
#define SERVING_SIZE 8 /* of the channels */
#define SERVING_SLOTS 4
#define SERVING_TYPES (UINT64_C(1) << WK_TYPE_EVENT | UINT64_C(1) << WK_TYPE_MEMORY)

struct client {
    wk_handle session;
    struct wk_queue queue;
    struct wk_channel channel;
    struct wk_carrier carrier;
    struct wk_connection by_session, by_channel;
};

static struct wk_server server;
static const struct wk_notes_handlers *serving;
static unsigned clients_open;
static struct wk_thread serving_thread;

/* ---- the server ---- */

static inline enum wk_status serve_connect(struct wk_message *message, struct wk_notes_connect_out *out)
{
    return wk_server_connect(&server, message->badge, WK_CHANNEL_SIZES(SERVING_SIZE, SERVING_SIZE, 0),
                             (struct wk_channel_terms *)out);
}

static inline enum wk_status serve_mailboxes(struct wk_message *message, struct wk_notes_mailboxes_out *out)
{
    return wk_server_mailboxes(&server, message->badge, SERVING_SLOTS, (struct wk_mailbox_terms *)out);
}

static inline void serve_one(struct wk_server *self, struct wk_message *message, struct wk_answer *answer)
{
    (void)self;
    wk_notes_dispatch(serving, message, answer);
}

/* When the last client has gone, so does the server. */
static inline void serve_closed(struct wk_server *self, uint64_t badge)
{
    (void)badge;
    self->is_done = --clients_open == 0;
}

static inline void serve_all(void *unused)
{
    (void)unused;
    EXPECT(WK_OK, wk_server_run(&server));
}

static inline void server_begin(const struct wk_notes_handlers *handlers)
{
    server = (struct wk_server){.handle = serve_one, .closed = serve_closed};
    serving = handlers;
    clients_open = 0;
    EXPECT(WK_OK, wk_server_create(&server, 0));
    EXPECT(WK_OK, wk_server_accept(&server, SERVING_TYPES, 2));
}

static inline void server_end(void)
{
    EXPECT(WK_OK, wk_thread_join(&serving_thread, wk_after_ns(SERVING_PATIENCE_NS)));
    wk_server_destroy(&server);
}

/* ---- clients ---- */

static inline wk_handle client_mint(uint64_t badge)
{
    wk_handle session = 0;

    EXPECT(WK_OK, wk_endpoint_mint(server.endpoint, badge, 1, &session));
    clients_open++;
    return session;
}

static inline void client_open_channel(struct client *client)
{
    struct wk_channel_terms terms = {0};
    struct wk_mailbox_terms mailboxes = {0};

    EXPECT(WK_OK, wk_notes_connect(client->session, &terms.memory, &terms.wait, &terms.signal, &terms.sizes,
                                   &terms.wait_bits, &terms.signal_bits));
    EXPECT(WK_OK, wk_channel_open(&client->channel, &terms));
    EXPECT(WK_OK,
           wk_notes_mailboxes(client->session, &mailboxes.post, &mailboxes.take, &mailboxes.slots, &mailboxes.types));
    wk_carrier_open(&client->carrier, &client->channel, &mailboxes);
}

static inline void client_open(struct client *client, wk_handle session)
{
    *client = (struct client){.session = session};
    EXPECT(WK_OK, wk_queue_create(&client->queue, 16, 16, 32, 0));
    client->by_session = (struct wk_connection){.session = session, .queue = &client->queue};
    client->by_channel = (struct wk_connection){.channel = &client->channel};
    client_open_channel(client);
}

static inline void client_close(struct client *client)
{
    wk_channel_close(&client->channel);
    wk_queue_destroy(&client->queue);
    EXPECT(WK_OK, wk_capability_delete(client->session));
}

/* The next completion of what was started. */
static inline void client_finish(const struct wk_connection *connection, struct wk_completion *completion)
{
    struct wk_ring_message message;

    if (connection->channel == NULL) {
        EXPECT(WK_OK, wk_queue_enter(connection->queue, 1, wk_after_ns(SERVING_PATIENCE_NS)));
        CHECK(wk_queue_read(connection->queue, completion));
        return;
    }
    EXPECT(WK_OK, wk_channel_receive(connection->channel, &message, wk_after_ns(SERVING_PATIENCE_NS)));
    wk_carrier_unpack(connection->channel->carrier, &message, completion);
}

/* ---- what travels ---- */

static inline wk_handle new_event(void)
{
    wk_handle event = 0;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    return event;
}

static inline wk_handle new_memory(void)
{
    wk_handle memory = 0;

    EXPECT(WK_OK, wk_memory_create(wk_self.bank, 1, 0, &memory));
    return memory;
}

static inline wk_handle part_of(wk_handle handle)
{
    wk_handle part = 0;

    EXPECT(WK_OK, wk_capability_lend(handle, WK_RIGHTS_ALL, &part));
    return part;
}

static inline bool is_there(wk_handle handle)
{
    return wk_capability_check(handle) == WK_OK;
}

static inline uint64_t post_to(wk_handle mailbox, wk_handle handle)
{
    uint64_t ticket = 0;

    EXPECT(WK_OK, wk_mailbox_post(mailbox, handle, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, &ticket));
    return ticket;
}

/* ---- what is counted ---- */

static inline uint64_t capabilities_held(void)
{
    uint64_t detail, counter, threads, capabilities = 0;
    enum wk_process_state state;
    enum wk_end_reason reason;

    EXPECT(WK_OK, wk_process_info(wk_self.process, &state, &reason, &detail, &counter, &threads, &capabilities));
    return capabilities;
}

/* The first time the library may take what it keeps. */
static inline void leaves_nothing(void (*story)(void))
{
    uint64_t before;

    story();
    before = capabilities_held();
    story();
    EQUAL(before, capabilities_held());
}

#endif
