/* SPDX-License-Identifier: MIT */
/* The server: a handler for each operation, and the loop, which the library has. */
#include "notes.h"

#include <channel/server.h>
#include <winkle/capability.h>
#include <winkle/endpoint.h>
#include <winkle/event.h>
#include <winkle/notes_service.h>

#define TEXT_WORDS 4
/* Room for so many requests and answers of a client on its way. */
#define CHANNEL_SIZES WK_CHANNEL_SIZES(32, 32, 0)

static uint64_t texts[WK_NOTES_MAX][TEXT_WORDS];
static uint64_t count;
static wk_handle watchers[NOTES_CLIENTS]; /* by badge: the event that the client wants signalled, or 0 */
static unsigned clients = NOTES_CLIENTS;
static struct wk_server server;

static enum wk_status connect(struct wk_message *message, struct wk_notes_connect_out *out)
{
    return wk_server_connect(&server, message->badge, CHANNEL_SIZES, (struct wk_channel_terms *)out);
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

static const struct wk_notes_handlers handlers = {.connect = connect, .add = add, .read = read, .watch = watch};

static void handle(struct wk_server *self, struct wk_message *message, struct wk_answer *answer)
{
    (void)self;
    wk_notes_dispatch(&handlers, message, answer);
}

static void closed(struct wk_server *self, uint64_t badge)
{
    forget_watcher(badge);
    self->is_done = --clients == 0;
}

static struct wk_server server = {.handle = handle, .closed = closed};

void server_create(wk_handle sessions[NOTES_CLIENTS])
{
    expect("a server", wk_server_create(&server, 0));
    expect("accepting events", wk_endpoint_accept(server.endpoint, UINT64_C(1) << WK_TYPE_EVENT, 1));
    for (unsigned badge = 0; badge < NOTES_CLIENTS; badge++)
        expect("a session", wk_endpoint_mint(server.endpoint, badge, 1, &sessions[badge]));
}

void server_run(void)
{
    expect("serving", wk_server_run(&server));
    wk_server_destroy(&server);
}
