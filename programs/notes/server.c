/* SPDX-License-Identifier: MIT */
/* The server: a handler for each operation, and the loop, which the library has. */
#include "notes.h"

#include <channel/server.h>
#include <winkle/capability.h>
#include <winkle/endpoint.h>
#include <winkle/event.h>
#include <winkle/memory.h>
#include <winkle/notes_service.h>
#include <winkle/pages.h>
#include <winkle/start.h>

#define TEXT_WORDS 4
#define TEXT_BYTES (TEXT_WORDS * sizeof(uint64_t))
/* Room for so many requests and answers of a client on its way, and for so many capabilities. */
#define CHANNEL_SIZES WK_CHANNEL_SIZES(32, 32, 0)
#define MAILBOX_SLOTS 8
#define WAITERS_MAX 32 /* of each client, so that none takes another's place */

/* Who waits for a note that is not there yet. */
struct waiter {
    bool is_used;
    uint64_t number;
    struct wk_answer_path path;
};

static uint64_t (*texts)[TEXT_WORDS]; /* in memory that clients may read */
static wk_handle memory_of_texts;
static uint64_t count;
static struct waiter waiters[NOTES_CLIENTS][WAITERS_MAX]; /* by badge */
static wk_handle watchers[NOTES_CLIENTS]; /* by badge: the event that the client wants signalled, or 0 */
static unsigned clients = NOTES_CLIENTS;
static struct wk_server server;

static enum wk_status connect(struct wk_message *message, struct wk_notes_connect_out *out)
{
    return wk_server_connect(&server, message->badge, CHANNEL_SIZES, (struct wk_channel_terms *)out);
}

static enum wk_status mailboxes(struct wk_message *message, struct wk_notes_mailboxes_out *out)
{
    return wk_server_mailboxes(&server, message->badge, MAILBOX_SLOTS, (struct wk_mailbox_terms *)out);
}

static void copy_text(uint64_t number, struct wk_notes_await_out *out)
{
    const uint64_t *text = texts[number];

    *out = (struct wk_notes_await_out){.text0 = text[0], .text1 = text[1], .text2 = text[2], .text3 = text[3]};
}

/* Those of a client who wait for the note that was just added; one that has gone meanwhile is no matter. */
static void answer_waiters(uint64_t badge, uint64_t number)
{
    for (struct waiter *waiter = waiters[badge]; waiter != waiters[badge] + WAITERS_MAX; waiter++) {
        struct wk_notes_await_out out;
        struct wk_answer answer;

        if (!waiter->is_used || waiter->number != number)
            continue;
        copy_text(number, &out);
        wk_notes_await_answer(&answer, WK_OK, &out);
        wk_server_answer(&server, &waiter->path, &answer);
        waiter->is_used = false;
    }
}

static void forget_waiters(uint64_t badge)
{
    for (struct waiter *waiter = waiters[badge]; waiter != waiters[badge] + WAITERS_MAX; waiter++) {
        if (waiter->is_used)
            wk_server_answer(&server, &waiter->path, &(struct wk_answer){.status = WK_REVOKED});
        waiter->is_used = false;
    }
}

static enum wk_status await(struct wk_message *message, const struct wk_notes_await_in *in,
                            struct wk_notes_await_out *out)
{
    struct waiter *waiter = waiters[message->badge], *const end = waiter + WAITERS_MAX;

    if (in->number < count) {
        copy_text(in->number, out);
        return WK_OK;
    }
    while (waiter != end && waiter->is_used)
        waiter++;
    if (waiter == end)
        return WK_WOULD_BLOCK;
    waiter->number = in->number;
    waiter->is_used = wk_server_put_off(&server, &waiter->path) == WK_OK;
    return waiter->is_used ? WK_OK : WK_WOULD_BLOCK;
}

static enum wk_status add(struct wk_message *message, const struct wk_notes_add_in *in, struct wk_notes_add_out *out)
{
    (void)message;
    if (count == WK_NOTES_MAX)
        return WK_NO_MEMORY;
    texts[count][0] = in->text0;
    texts[count][1] = in->text1;
    texts[count][2] = in->text2;
    texts[count][3] = in->text3;
    out->number = count++;
    for (unsigned i = 0; i < NOTES_CLIENTS; i++) {
        answer_waiters(i, out->number);
        if (watchers[i] != 0)
            wk_event_signal(watchers[i], 1); /* the client may have taken it back: that is its loss */
    }
    return WK_OK;
}

static enum wk_status read(struct wk_message *message, const struct wk_notes_read_in *in, struct wk_notes_read_out *out)
{
    (void)message;
    if (in->number >= count)
        return WK_NOT_AVAILABLE;
    out->text0 = texts[in->number][0];
    out->text1 = texts[in->number][1];
    out->text2 = texts[in->number][2];
    out->text3 = texts[in->number][3];
    return WK_OK;
}

static void forget_watcher(uint64_t badge)
{
    if (watchers[badge] != 0)
        wk_capability_delete(watchers[badge]);
    watchers[badge] = 0;
}

static enum wk_status watch(struct wk_message *message, const struct wk_notes_watch_in *in)
{
    forget_watcher(message->badge);
    watchers[message->badge] = in->event;
    return WK_OK;
}

static enum wk_status share(struct wk_message *message, struct wk_notes_share_out *out)
{
    (void)message;
    return wk_capability_lend(memory_of_texts, WK_MEMORY_RIGHT_READ, &out->memory);
}

static enum wk_status save(struct wk_message *message, const struct wk_notes_save_in *in, struct wk_notes_save_out *out)
{
    (void)message;
    out->count = count;
    return count == 0 ? WK_OK : wk_memory_copy(in->memory, 0, memory_of_texts, 0, count * TEXT_BYTES);
}

static const struct wk_notes_handlers handlers = {
    .connect = connect,
    .mailboxes = mailboxes,
    .add = add,
    .read = read,
    .await = await,
    .watch = watch,
    .share = share,
    .save = save,
};

static void handle(struct wk_server *self, struct wk_message *message, struct wk_answer *answer)
{
    (void)self;
    wk_notes_dispatch(&handlers, message, answer);
}

static void closed(struct wk_server *self, uint64_t badge)
{
    forget_watcher(badge);
    forget_waiters(badge);
    self->is_done = --clients == 0;
}

static struct wk_server server = {.handle = handle, .closed = closed};

void server_create(wk_handle sessions[NOTES_CLIENTS])
{
    void *address = NULL;

    expect("memory", wk_map_new(wk_pages(WK_NOTES_MAX * TEXT_BYTES), 0, &memory_of_texts, &address));
    texts = address;
    expect("a server", wk_server_create(&server, 0));
    expect("accepting", wk_server_accept(&server, UINT64_C(1) << WK_TYPE_EVENT | UINT64_C(1) << WK_TYPE_MEMORY, 1));
    for (unsigned badge = 0; badge < NOTES_CLIENTS; badge++)
        expect("a session", wk_endpoint_mint(server.endpoint, badge, 1, &sessions[badge]));
}

void server_run(void)
{
    expect("serving", wk_server_run(&server));
    wk_server_destroy(&server);
}
