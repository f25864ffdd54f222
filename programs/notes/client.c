/* SPDX-License-Identifier: MIT */
/* A client: the same calls one at a time and many at a time, by the session and by a channel. */
#include "notes.h"

#include <channel/async.h>
#include <channel/carrier.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/notes.h>
#include <winkle/notes_client.h>
#include <winkle/pages.h>
#include <winkle/print.h>
#include <winkle/start.h>
#include <winkle/text.h>

#define AT_A_TIME 24
#define EACH_WAY 100
#define WATCH_TAG 1000000
#define AWAIT_TAG 1000001
#define NOTES_IN_ALL (NOTES_CLIENTS * 2 * (1 + EACH_WAY))

/* ---- one at a time ---- */

/* The same function for a session and for a channel. */
static void write_and_read(const struct wk_connection *connection, uint64_t text)
{
    uint64_t number = 0, words[4] = {0};

    expect("adding", wk_notes_add_by(connection, text, 0, 0, ~text, &number));
    expect("reading", wk_notes_read_by(connection, number, &words[0], &words[1], &words[2], &words[3]));
    if (words[0] != text || words[1] != 0 || words[3] != ~text)
        wk_fail("another note", WK_OK);
}

static void expect_refused(const struct wk_connection *connection)
{
    uint64_t words[4];

    if (wk_notes_read_by(connection, WK_NOTES_MAX, &words[0], &words[1], &words[2], &words[3]) != WK_BAD_ARGUMENT ||
        wk_notes_read_by(connection, WK_NOTES_MAX - 1, &words[0], &words[1], &words[2], &words[3]) != WK_NOT_AVAILABLE)
        wk_fail("a note that is not there", WK_OK);
}

/* ---- a channel ---- */

static void open_channel(wk_handle session, struct wk_channel *channel)
{
    struct wk_channel_terms terms = {0};

    expect("connecting", wk_notes_connect(session, &terms.memory, &terms.wait, &terms.signal, &terms.sizes,
                                          &terms.wait_bits, &terms.signal_bits));
    expect("opening the channel", wk_channel_open(channel, &terms));
}

/* Has capabilities travel over it, too. */
static void open_mailboxes(wk_handle session, struct wk_channel *channel, struct wk_carrier *carrier)
{
    struct wk_mailbox_terms terms = {0};

    expect("mailboxes", wk_notes_mailboxes(session, &terms.post, &terms.take, &terms.slots, &terms.types));
    wk_carrier_open(carrier, channel, &terms);
}

/* ---- capabilities ---- */

/* Lends memory, to have the notes written there; and is given the memory where they stand: the one says what the other does. */
static void compare_notes(const struct wk_connection *connection)
{
    const uint64_t pages = wk_pages(WK_NOTES_MAX * 4 * sizeof(uint64_t));
    wk_handle memory = 0, shared = 0;
    void *saved = NULL, *seen = NULL;
    uint64_t count = 0;

    expect("memory", wk_map_new(pages, 0, &memory, &saved));
    expect("saving", wk_notes_save_by(connection, memory, &count));
    expect("sharing", wk_notes_share_by(connection, &shared));
    expect("mapping", wk_map(shared, 0, pages, WK_PROTECTION_READ, &seen));
    if (count == 0 || memcmp(saved, seen, count * 4 * sizeof(uint64_t)) != 0)
        wk_fail("other notes", WK_OK);
    expect("unmapping", wk_unmap(seen, pages));
    expect("deleting", wk_capability_delete(shared));
    wk_unmap_delete(memory, saved, pages);
}

/* ---- many at a time ---- */

/* Notes that are added by one of the connections. */
struct writer {
    const struct wk_connection *connection;
    uint64_t started, done;
};

/* Starts what there is room for; the tag says which note it is. */
static void start_some(struct writer *writer, uint64_t client)
{
    while (writer->started < EACH_WAY && writer->started - writer->done < AT_A_TIME) {
        const uint32_t tag = (uint32_t)writer->started;
        const enum wk_status status = wk_notes_add_start(writer->connection, tag, client + 1, tag, 0, 0);

        if (status == WK_WOULD_BLOCK)
            return;
        expect("starting", status);
        writer->started++;
    }
}

static void finish_one(struct writer *writer, const struct wk_completion *completion)
{
    uint64_t number = 0;

    expect("adding", wk_notes_add_results(completion, &number));
    writer->done++;
}

/* Waits for a note that is not there yet, by a request that is answered late. */
static void await_last(const struct wk_connection *connection)
{
    expect("waiting", wk_notes_await_start(connection, AWAIT_TAG, NOTES_IN_ALL - 1));
}

/* Calls by the ring, requests over the channel and an event, all waited for in one place. */
static void write_both_ways(struct writer *by_session, struct writer *by_channel, wk_handle event, uint64_t client)
{
    struct wk_async async;
    bool saw_event = false;
    unsigned saw_last = 0;

    wk_async_init(&async, by_session->connection->queue);
    expect("waiting for the channel", wk_async_add(&async, by_channel->connection->channel));
    wk_event_wait_prepare(async.queue, WATCH_TAG, event, 1, WK_FOREVER);
    await_last(by_session->connection);
    await_last(by_channel->connection);
    while (by_session->done < EACH_WAY || by_channel->done < EACH_WAY || !saw_event || saw_last < 2) {
        struct wk_completion completion;
        struct wk_channel *from;

        start_some(by_session, client);
        start_some(by_channel, client);
        expect("waiting", wk_async_next(&async, &completion, &from, WK_FOREVER));
        if (completion.tag == AWAIT_TAG)
            saw_last += completion.answer == WK_OK;
        else if (from != NULL)
            finish_one(by_channel, &completion);
        else if (completion.tag != WATCH_TAG)
            finish_one(by_session, &completion);
        else
            saw_event = true;
    }
    expect("leaving the channel", wk_async_remove(&async, by_channel->connection->channel));
}

/* ---- all of it ---- */

static wk_handle watch(const struct wk_connection *connection)
{
    wk_handle event = 0, to_signal = 0;

    expect("an event", wk_event_create(wk_self.bank, &event));
    expect("a part of it", wk_capability_lend(event, WK_EVENT_RIGHT_SIGNAL, &to_signal));
    expect("watching", wk_notes_watch_by(connection, to_signal));
    return event;
}

int client_main(wk_handle session, uint64_t number)
{
    struct wk_queue queue;
    struct wk_channel channel;
    struct wk_carrier carrier;
    const struct wk_connection by_session = {.session = session, .queue = &queue};
    const struct wk_connection by_channel = {.channel = &channel};
    struct writer writers[] = {{.connection = &by_session}, {.connection = &by_channel}};

    expect("a queue", wk_queue_create(&queue, 64, 64, 64, 0));
    open_channel(session, &channel);
    open_mailboxes(session, &channel, &carrier);
    write_and_read(&by_session, 100 + number);
    write_and_read(&by_channel, 200 + number);
    expect_refused(&by_session);
    expect_refused(&by_channel);
    compare_notes(&by_session);
    compare_notes(&by_channel);
    write_both_ways(&writers[0], &writers[1], watch(&by_channel), number);
    wk_channel_close(&channel);
    wk_queue_destroy(&queue);
    wk_print("client %lu: %lu notes by the ring, %lu over the channel\n", number, writers[0].done, writers[1].done);
    return 0;
}
