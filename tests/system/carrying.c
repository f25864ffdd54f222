/* SPDX-License-Identifier: MIT */
/*
 * Capabilities over a channel and by a session, through the same functions of clients and the same handlers: both ways,
 * lent, given and refused, as many as there is room for, and with a client that lies about them. Nothing is lost, and
 * nothing stays where it should not.
 */
#include "serving.h"

#include <winkle/text.h>

static wk_handle kept; /* what the server was lent last */
static bool keeps_loans;
static uint64_t signals;

/* ---- the server ---- */

static enum wk_status watch(struct wk_message *message, const struct wk_notes_watch_in *in)
{
    EQUAL(1, message->capabilities);
    EXPECT(WK_OK, wk_event_signal(in->event, ++signals));
    return wk_capability_delete(in->event);
}

static enum wk_status save(struct wk_message *message, const struct wk_notes_save_in *in, struct wk_notes_save_out *out)
{
    EQUAL(1, message->capabilities);
    kept = in->memory;
    if (keeps_loans)
        message->capabilities = 0;
    out->count = 7;
    return wk_memory_decommit(in->memory, 0, 1) == WK_OK ? WK_OK : WK_NO_RIGHT;
}

static enum wk_status share(struct wk_message *message, struct wk_notes_share_out *out)
{
    (void)message;
    return wk_memory_create(wk_self.bank, 1, 0, &out->memory);
}

static enum wk_status add(struct wk_message *message, const struct wk_notes_add_in *in, struct wk_notes_add_out *out)
{
    (void)message;
    out->number = in->text0;
    return WK_OK;
}

static const struct wk_notes_handlers handlers = {
    .connect = serve_connect, .mailboxes = serve_mailboxes, .watch = watch, .save = save, .share = share, .add = add};

static void begin(struct client *client)
{
    server_begin(&handlers);
    EXPECT(WK_OK, wk_thread_run(&serving_thread, serve_all, NULL, 16, 100));
    client_open(client, client_mint(0));
}

static void end(struct client *client)
{
    client_close(client);
    server_end();
}

/* ---- what travels ---- */

/* Gives one, lends one, is given one. */
static void exchange(const struct wk_connection *connection)
{
    const wk_handle event = new_event(), part = part_of(event), memory = new_memory();
    uint64_t bits = 0, count = 0;
    wk_handle shared = 0;

    EXPECT(WK_OK, wk_notes_watch_by(connection, part));
    EXPECT(WK_OK, wk_event_poll(event, UINT64_MAX, &bits));
    EQUAL(signals, bits);
    CHECK(!is_there(part));
    EXPECT(WK_OK, wk_notes_save_by(connection, memory, &count));
    EQUAL(7, count);
    CHECK(is_there(memory) && !is_there(kept));
    EXPECT(WK_OK, wk_notes_share_by(connection, &shared));
    EXPECT(WK_OK, wk_memory_decommit(shared, 0, 1));
    EXPECT(WK_OK, wk_capability_delete(shared));
    EXPECT(WK_OK, wk_capability_delete(memory));
    EXPECT(WK_OK, wk_capability_delete(event));
}

/* The same as completions. */
static void exchange_later(const struct wk_connection *connection)
{
    const wk_handle event = new_event(), memory = new_memory();
    struct wk_completion completion;
    wk_handle shared = 0;

    EXPECT(WK_OK, wk_notes_watch_start(connection, 1, part_of(event)));
    EXPECT(WK_OK, wk_notes_save_start(connection, 2, memory));
    EXPECT(WK_OK, wk_notes_share_start(connection, 3));
    for (unsigned i = 0; i < 3; i++) {
        client_finish(connection, &completion);
        EQUAL(WK_OK, WK_RECEIVED_STATUS(completion.answer));
        if (completion.tag == 3)
            EXPECT(WK_OK, wk_notes_share_results(&completion, &shared));
    }
    CHECK(!is_there(kept));
    EXPECT(WK_OK, wk_capability_delete(shared));
    EXPECT(WK_OK, wk_capability_delete(memory));
    EXPECT(WK_OK, wk_capability_delete(event));
}

/* A server that keeps what it was lent finds that it has gone: what is kept is its own handle only. */
static void keep_loan(const struct wk_connection *connection)
{
    const wk_handle memory = new_memory();
    uint64_t count = 0;

    keeps_loans = true;
    EXPECT(WK_OK, wk_notes_save_by(connection, memory, &count));
    keeps_loans = false;
    CHECK(!is_there(kept));
    EXPECT(WK_OK, wk_capability_delete(memory));
}

static void travel(void)
{
    struct client client;
    uint64_t before;

    begin(&client);
    exchange(&client.by_session);
    before = capabilities_held();
    for (unsigned i = 0; i < 20; i++) {
        exchange(i % 2 == 0 ? &client.by_channel : &client.by_session);
        exchange_later(i % 2 == 0 ? &client.by_channel : &client.by_session);
        keep_loan(i % 2 == 0 ? &client.by_channel : &client.by_session);
    }
    EQUAL(before, capabilities_held());
    end(&client);
}

/* ---- what is refused ---- */

/* What the server does not take stays where it is, and so does what cannot be posted. */
static void refuse_at_home(const struct client *client)
{
    const wk_handle memory = new_memory(), event = new_event(), part = part_of(event), part_of_part = part_of(part);
    uint64_t count = 0;

    EXPECT(WK_NOT_ACCEPTED, wk_notes_save_by(&client->by_channel, wk_self.bank, &count));
    EXPECT(WK_NOT_ACCEPTED, wk_notes_save_by(&client->by_session, wk_self.bank, &count));
    EXPECT(WK_BAD_HANDLE, wk_notes_save_by(&client->by_channel, 12345, &count));
    EXPECT(WK_IS_LENT, wk_notes_watch_by(&client->by_channel, part));
    CHECK(is_there(memory) && is_there(part) && is_there(part_of_part));
    EXPECT(WK_OK, wk_notes_save_by(&client->by_channel, memory, &count));
    EXPECT(WK_OK, wk_capability_delete(memory));
    EXPECT(WK_OK, wk_capability_delete(event));
}

/* A message of the client's own making, by tickets; returns what is answered, and words. */
static enum wk_status say(struct client *client, uint64_t operation, uint64_t ticket0, uint64_t ticket1,
                          uint64_t words[static 6])
{
    struct wk_ring_message message = {.words = {WK_RING_OPERATION(operation), WK_RING_ENTRY_TAG(9, operation)}};
    struct wk_completion completion;
    bool sent;

    message.words[2] = ticket0;
    message.words[3] = ticket1;
    EXPECT(WK_OK, wk_channel_exchange(&client->channel, &message, &message, WK_FOREVER, &sent));
    wk_completion_of(&message, &completion);
    EQUAL(9, completion.tag);
    memcpy(words, completion.words, sizeof(completion.words));
    return (enum wk_status)WK_RECEIVED_STATUS(completion.answer);
}

#define GIVES(word) (WK_MESSAGE_CAPABILITY(word) | WK_MESSAGE_GIVE(word))

/* A client that lies gets an error for that message, keeps what it gave if the server did not get it, and leaves
 * nothing behind. */
static void lie_to_server(struct client *client)
{
    const wk_handle post = client->carrier.terms.post;
    uint64_t words[6] = {0}, ticket;
    wk_handle back = 0;

    EXPECT(WK_BAD_HANDLE, say(client, WK_NOTES_WATCH | GIVES(0), 0, 0, words));
    EXPECT(WK_BAD_HANDLE, say(client, WK_NOTES_WATCH | GIVES(0), 4711, 0, words));
    ticket = post_to(post, new_event());
    EXPECT(WK_OK, say(client, WK_NOTES_WATCH | GIVES(0), ticket, 0, words));
    EXPECT(WK_BAD_HANDLE, say(client, WK_NOTES_WATCH | GIVES(0), ticket, 0, words)); /* once each */
    EXPECT(WK_BAD_ARGUMENT, say(client, WK_NOTES_WATCH, ticket, 0, words));          /* a number */
    /* where none is due, it goes, as it does with a call */
    EXPECT(WK_BAD_ARGUMENT, say(client, WK_NOTES_ADD | GIVES(0), post_to(post, new_event()), 0, words));
    EXPECT(WK_BAD_ARGUMENT, say(client, WK_NOTES_WATCH | GIVES(0) | GIVES(1), post_to(post, new_event()),
                                post_to(post, new_event()), words));
    EXPECT(WK_NO_SUCH_OPERATION, say(client, WK_NOTES_READ | GIVES(0), post_to(post, new_event()), 0, words));
    /* of a type that is not taken: it is still there */
    EXPECT(WK_OK, wk_capability_lend(wk_self.bank, 0, &back));
    ticket = post_to(post, back);
    EXPECT(WK_NOT_ACCEPTED, say(client, WK_NOTES_WATCH | GIVES(0), ticket, 0, words));
    EXPECT(WK_OK, wk_mailbox_withdraw(post, ticket, &back));
    EXPECT(WK_OK, wk_capability_delete(back));
    /* one of two is there: it is put back, and the answer says where */
    EXPECT(WK_BAD_HANDLE, say(client, WK_NOTES_WATCH | GIVES(0) | GIVES(1), post_to(post, new_event()), 4711, words));
    EXPECT(WK_OK, wk_mailbox_withdraw(post, words[0], &back));
    EXPECT(WK_OK, wk_capability_delete(back));
    /* a result that the message does not accept is not given */
    EXPECT(WK_NOT_ACCEPTED, say(client, WK_NOTES_SHARE, 0, 0, words));
    for (unsigned i = 0; i < SERVING_SLOTS; i++)
        (void)post_to(post, new_event()); /* never named: they go with the channel */
}

static void refusals(void)
{
    uint64_t before;
    struct client client;

    begin(&client);
    before = capabilities_held();
    refuse_at_home(&client);
    lie_to_server(&client);
    EQUAL(before, capabilities_held());
    end(&client);
}

/* ---- as many as there is room for ---- */

static void crowd(const struct client *client)
{
    const struct wk_connection *connection = &client->by_channel;
    const wk_handle event = new_event(), last = part_of(event), memory = new_memory();
    struct wk_completion completion;

    for (uint32_t i = 0; i < SERVING_SLOTS; i++)
        EXPECT(WK_OK, wk_notes_watch_start(connection, i, part_of(event)));
    EXPECT(WK_WOULD_BLOCK, wk_notes_watch_start(connection, 4, last));
    EXPECT(WK_WOULD_BLOCK, wk_notes_save_start(connection, 4, memory));
    EXPECT(WK_BUSY, wk_notes_watch_start(connection, 3, last)); /* that tag is another's */
    CHECK(is_there(last) && is_there(memory));
    client_finish(connection, &completion);
    EXPECT(WK_OK, wk_notes_watch_start(connection, 4, last));
    for (uint32_t i = 1; i < SERVING_SLOTS + 1; i++) {
        client_finish(connection, &completion);
        EQUAL(i, completion.tag);
        EXPECT(WK_OK, wk_notes_watch_results(&completion));
    }
    for (uint32_t i = 0; i < SERVING_SLOTS; i++)
        EXPECT(WK_OK, wk_notes_share_start(connection, i));
    EXPECT(WK_WOULD_BLOCK, wk_notes_share_start(connection, 4));
    for (uint32_t i = 0; i < SERVING_SLOTS; i++) {
        wk_handle shared = 0;

        client_finish(connection, &completion);
        EXPECT(WK_OK, wk_notes_share_results(&completion, &shared));
        EXPECT(WK_OK, wk_capability_delete(shared));
    }
    EXPECT(WK_OK, wk_capability_delete(memory));
    EXPECT(WK_OK, wk_capability_delete(event));
}

/* A client that never takes what it is given: it is answered so, and what was made for it goes. */
static void take_nothing(struct client *client)
{
    const uint64_t accept_all = WK_MESSAGE_ACCEPT(0xffff);
    uint64_t words[6] = {0};

    for (unsigned i = 0; i < SERVING_SLOTS; i++)
        EXPECT(WK_OK, say(client, WK_NOTES_SHARE | accept_all, 0, 0, words));
    for (unsigned i = 0; i < 3; i++)
        EXPECT(WK_WOULD_BLOCK, say(client, WK_NOTES_SHARE | accept_all, 0, 0, words));
}

static void crowds(void)
{
    struct client client;
    uint64_t before;

    begin(&client);
    crowd(&client);
    before = capabilities_held();
    crowd(&client);
    take_nothing(&client);
    EQUAL(before, capabilities_held());
    end(&client);
}

/* ---- all ---- */

int main(void)
{
    travel();
    refusals();
    crowds();
    wk_print("carrying: good\n");
    return 0;
}
