/* SPDX-License-Identifier: MIT */
#include <channel/server.h>

#include <channel/connection.h>
#include <winkle/capability.h>
#include <winkle/endpoint.h>
#include <winkle/event.h>
#include <winkle/requests.h>
#include <winkle/serve.h>
#include <winkle/start.h>

/* ---- channels ---- */

static void close_channel(struct wk_server *server, struct wk_server_channel *entry)
{
    wk_channel_group_remove(&server->group, &entry->channel);
    wk_channel_close(&entry->channel);
    wk_mailboxes_destroy(&entry->mailboxes);
    entry->is_open = false;
}

/* The open channel of a client, or NULL. */
static struct wk_server_channel *find(struct wk_server *server, uint64_t badge)
{
    for (unsigned i = 0; i < WK_SERVER_CHANNELS_MAX; i++) {
        if (server->channels[i].is_open && server->channels[i].badge == badge)
            return &server->channels[i];
    }
    return NULL;
}

static struct wk_server_channel *find_free(struct wk_server *server)
{
    for (unsigned i = 0; i < WK_SERVER_CHANNELS_MAX; i++) {
        if (!server->channels[i].is_open)
            return &server->channels[i];
    }
    return NULL;
}

enum wk_status wk_server_connect(struct wk_server *server, uint64_t badge, uint64_t sizes,
                                 struct wk_channel_terms *terms)
{
    struct wk_channel_plan plan = {.sizes = sizes};
    struct wk_server_channel *entry = find(server, badge);
    enum wk_status status;

    if (server->serving.over != NULL)
        return WK_NOT_ACCEPTED;
    if (entry != NULL)
        close_channel(server, entry);
    entry = find_free(server);
    if (entry == NULL)
        return WK_TABLE_FULL;
    status = wk_channel_group_plan(&server->group, &plan);
    if (status == WK_OK)
        status = wk_channel_create(&entry->channel, &plan, terms);
    if (status != WK_OK)
        return status;
    entry->badge = badge;
    entry->opening = ++server->openings;
    entry->is_open = true;
    entry->is_client_gone = false;
    wk_channel_group_add(&server->group, &entry->channel);
    return WK_OK;
}

enum wk_status wk_server_mailboxes(struct wk_server *server, uint64_t badge, uint64_t slots,
                                   struct wk_mailbox_terms *terms)
{
    struct wk_server_channel *entry = find(server, badge);
    enum wk_status status;

    if (server->serving.over != NULL)
        return WK_NOT_ACCEPTED;
    if (entry == NULL)
        return WK_NOT_AVAILABLE;
    if (entry->mailboxes.post != 0)
        return WK_BUSY;
    status = wk_mailboxes_create(&entry->mailboxes, slots, terms);
    terms->types = server->types;
    return status;
}

/* There is room: the group takes a message only if there is, beside what is kept. A peer that has gone is not answered. */
static enum wk_status answer_channel(const struct wk_answer_path *path, struct wk_answer *answer)
{
    struct wk_ring_message message;

    wk_mailboxes_post(&path->over->mailboxes, path->types, answer);
    message.words[0] = (uint64_t)answer->status | WK_RECEIVED(0, WK_MESSAGE_CAPABILITIES(answer->capabilities));
    message.words[1] = path->tag;
    for (unsigned i = 0; i < 6; i++)
        message.words[2 + i] = answer->words[i];
    return wk_channel_try_send(&path->over->channel, &message);
}

static void serve_message(struct wk_server *server, struct wk_server_channel *entry,
                          const struct wk_ring_message *received)
{
    const uint64_t operation = wk_request_operation(received);
    struct wk_message message = {
        .kind = WK_MESSAGE_KIND_CALL, .badge = entry->badge, .operation = operation & WK_MESSAGE_OPERATION};
    struct wk_answer answer = {.status = WK_OK};

    for (unsigned i = 0; i < 6; i++)
        message.words[i] = received->words[2 + i];
    server->serving = (struct wk_answer_path){.over = entry,
                                              .opening = entry->opening,
                                              .tag = WK_RING_TAG(received->words[1]),
                                              .types = (uint16_t)WK_MESSAGE_HIGH(operation)};
    server->is_put_off = false;
    if (WK_MESSAGE_CAPABILITIES(operation) != 0)
        answer.status = wk_mailboxes_take(&entry->mailboxes, server->types, operation, &message, &answer);
    if (answer.status == WK_OK)
        server->handle(server, &message, &answer);
    if (!server->is_put_off)
        answer_channel(&server->serving, &answer);
    server->serving.over = NULL;
}

/* ---- answers that are put off ---- */

enum wk_status wk_server_put_off(struct wk_server *server, struct wk_answer_path *path)
{
    *path = (struct wk_answer_path){0};
    if (server->serving.over == NULL)
        return wk_endpoint_reply_save(server->endpoint, &path->reply);
    if (server->is_put_off)
        return WK_NO_CALLER;
    *path = server->serving;
    path->over->channel.kept++;
    server->is_put_off = true;
    return WK_OK;
}

static enum wk_status answer_later(struct wk_answer_path *path, struct wk_answer *answer)
{
    if (path->over == NULL || !path->over->is_open || path->over->opening != path->opening) {
        wk_answer_drop(answer);
        return WK_NO_CALLER;
    }
    path->over->channel.kept--;
    return answer_channel(path, answer) == WK_OK ? WK_OK : WK_NO_CALLER;
}

enum wk_status wk_server_answer(struct wk_server *server, struct wk_answer_path *path, struct wk_answer *answer)
{
    enum wk_status status;

    (void)server;
    if (path->reply != 0) {
        status = wk_answer_saved(path->reply, answer);
        wk_capability_delete(path->reply);
    } else {
        status = answer_later(path, answer);
    }
    *path = (struct wk_answer_path){0};
    return status;
}

static void tell_closed(struct wk_server *server, uint64_t badge)
{
    if (server->closed != NULL)
        server->closed(server, badge);
}

static void end_channel(struct wk_server *server, struct wk_server_channel *entry)
{
    close_channel(server, entry);
    if (entry->is_client_gone)
        tell_closed(server, entry->badge);
}

static void serve_channels(struct wk_server *server)
{
    for (unsigned i = 0; i < WK_SERVER_TURN && server->group.ready != 0; i++) {
        struct wk_ring_message message;
        struct wk_channel *channel;
        const enum wk_status status = wk_channel_group_try_receive(&server->group, &channel, &message);
        struct wk_server_channel *entry = (struct wk_server_channel *)channel;

        if (entry == NULL)
            return;
        if (status == WK_OK)
            serve_message(server, entry, &message);
        else
            end_channel(server, entry);
    }
}

/* ---- the endpoint ---- */

static void end_client(struct wk_server *server, uint64_t badge)
{
    struct wk_server_channel *entry = find(server, badge);

    if (entry == NULL) {
        tell_closed(server, badge);
        return;
    }
    entry->is_client_gone = true;
    wk_channel_peer_has_ended(&entry->channel);
    wk_channel_group_signalled(&server->group, entry->channel.wait_bits);
}

static void take_bits(struct wk_server *server, uint64_t bits)
{
    const uint64_t extra = bits & server->group.extra_bits & ~WK_SERVER_TURN_BIT;

    if (bits & WK_SERVER_TURN_BIT)
        server->has_rung = false;
    wk_channel_group_signalled(&server->group, bits);
    if (extra != 0 && server->signalled != NULL)
        server->signalled(server, extra);
}

static void take(struct wk_server *server, struct wk_message *message, struct wk_answer *answer)
{
    switch (message->kind) {
    case WK_MESSAGE_KIND_CALL:
        server->handle(server, message, answer);
        break;
    case WK_MESSAGE_KIND_EVENT:
        take_bits(server, message->words[0]);
        break;
    case WK_MESSAGE_KIND_CLOSED:
        end_client(server, message->badge);
        break;
    case WK_MESSAGE_KIND_FAULT:
        answer->status = WK_NO_SUCH_OPERATION;
        break;
    }
}

/* While a channel is ready the thread is not to wait: the turn's bit, which takes turns with calls, has it go on. A deadline
 * that has passed would do so too, but abandons a call that is about to bring capabilities. */
static void ring_if_ready(struct wk_server *server)
{
    if (server->group.ready == 0 || server->has_rung)
        return;
    wk_event_signal(server->group.event, WK_SERVER_TURN_BIT);
    server->has_rung = true;
}

/* When no channel is ready, all have announced that this side sleeps, so what comes then comes with a bit of the event. */
enum wk_status wk_server_run(struct wk_server *server)
{
    struct wk_answer answer = {.status = WK_OK};
    struct wk_message message;

    while (!server->is_done) {
        enum wk_status status;

        ring_if_ready(server);
        status = wk_answer_and_receive(server->endpoint, &answer, &message, WK_NO_DEADLINE);
        if (status != WK_OK)
            return status;
        answer = (struct wk_answer){.status = WK_OK};
        serve_channels(server);
        take(server, &message, &answer);
    }
    wk_reply(server->endpoint, &answer);
    return WK_OK;
}

/* ---- beginning and end ---- */

enum wk_status wk_server_accept(struct wk_server *server, uint64_t types, uint64_t count)
{
    server->types = count != 0 ? types : 0;
    return wk_endpoint_accept(server->endpoint, types, count);
}

enum wk_status wk_server_create(struct wk_server *server, uint64_t extra_bits)
{
    enum wk_status status = wk_endpoint_create(wk_self.bank, &server->endpoint);

    server->group.extra_bits = extra_bits | WK_SERVER_TURN_BIT;
    server->has_rung = false;
    if (status != WK_OK)
        return status;
    status = wk_event_create(wk_self.bank, &server->group.event);
    if (status == WK_OK)
        status = wk_endpoint_bind(server->endpoint, server->group.event, UINT64_MAX);
    if (status != WK_OK)
        wk_server_destroy(server);
    return status;
}

void wk_server_destroy(struct wk_server *server)
{
    for (unsigned i = 0; i < WK_SERVER_CHANNELS_MAX; i++) {
        if (server->channels[i].is_open)
            close_channel(server, &server->channels[i]);
    }
    wk_capability_delete(server->endpoint);
    if (server->group.event != 0)
        wk_capability_delete(server->group.event);
}
