/* SPDX-License-Identifier: MIT */
#include <channel/connection.h>

#include <winkle/clock.h>

/* Whether the message can go over a channel: it carries no capability. */
static bool is_plain(const struct wk_ring_message *message)
{
    return WK_MESSAGE_CAPABILITIES(wk_request_operation(message)) == 0;
}

static void call_session(wk_handle session, const struct wk_ring_message *message, struct wk_completion *completion)
{
    completion->tag = WK_RING_TAG(message->words[1]);
    for (unsigned i = 0; i < 6; i++)
        completion->words[i] = message->words[2 + i];
    completion->answer = wk_trap(wk_request_operation(message), session, completion->words);
}

static enum wk_status call_channel(struct wk_channel *channel, const struct wk_ring_message *message,
                                   struct wk_completion *completion)
{
    struct wk_ring_message answer;
    bool sent;
    enum wk_status status;

    if (!is_plain(message))
        return WK_NOT_ACCEPTED;
    status = wk_channel_exchange(channel, message, &answer, WK_FOREVER, &sent);
    while (status == WK_INTERRUPTED && sent) /* the answer still comes, and would be taken for another's */
        status = wk_channel_receive(channel, &answer, WK_FOREVER);
    if (status == WK_OK)
        wk_completion_of(&answer, completion);
    return status;
}

enum wk_status wk_connection_call(const struct wk_connection *connection, const struct wk_ring_message *message,
                                  struct wk_completion *completion)
{
    if (connection->channel != NULL)
        return call_channel(connection->channel, message, completion);
    call_session(connection->session, message, completion);
    return WK_OK;
}

static enum wk_status prepare(struct wk_queue *queue, wk_handle session, const struct wk_ring_message *message)
{
    uint64_t *words;

    if (!wk_queue_has_room(queue))
        return WK_WOULD_BLOCK;
    words = wk_queue_next(queue);
    words[0] = WK_RING_ENTRY(message->words[0], 0, session);
    for (unsigned i = 1; i < 8; i++)
        words[i] = message->words[i];
    return WK_OK;
}

enum wk_status wk_connection_start(const struct wk_connection *connection, const struct wk_ring_message *message)
{
    if (connection->channel == NULL)
        return prepare(connection->queue, connection->session, message);
    return is_plain(message) ? wk_channel_try_send(connection->channel, message) : WK_NOT_ACCEPTED;
}
