/* SPDX-License-Identifier: MIT */
/*
 * A server that lies about capabilities, or goes while some are under way. The test plays it, step by step, and is its
 * client as well: an error for that call, or the end of that channel, is all that it can do.
 */
#include "serving.h"

#include <winkle/text.h>

struct liar {
    struct wk_channel channel;
    struct wk_mailboxes mailboxes;
    wk_handle event;
    struct client client; /* without a session */
};

static void liar_begin(struct liar *liar)
{
    struct wk_channel_plan plan = {.sizes = WK_CHANNEL_SIZES(8, 8, 0), .event = new_event(), .wait_bits = 1};
    struct wk_channel_terms terms;
    struct wk_mailbox_terms mailboxes;

    *liar = (struct liar){.event = plan.event};
    EXPECT(WK_OK, wk_channel_create(&liar->channel, &plan, &terms));
    EXPECT(WK_OK, wk_channel_open(&liar->client.channel, &terms));
    EXPECT(WK_OK, wk_mailboxes_create(&liar->mailboxes, 2, &mailboxes));
    mailboxes.types = SERVING_TYPES;
    wk_carrier_open(&liar->client.carrier, &liar->client.channel, &mailboxes);
    liar->client.by_channel = (struct wk_connection){.channel = &liar->client.channel};
}

static void liar_end(struct liar *liar)
{
    wk_channel_close(&liar->client.channel);
    wk_mailboxes_destroy(&liar->mailboxes);
    wk_channel_close(&liar->channel);
    EXPECT(WK_OK, wk_capability_delete(liar->event));
}

/* Answers the next request, whatever it was: a status, words that are said to be capabilities, the first two words. */
static void liar_answer(struct liar *liar, enum wk_status status, uint64_t capabilities, uint64_t word0, uint64_t word1)
{
    struct wk_ring_message message;

    EXPECT(WK_OK, wk_channel_try_receive(&liar->channel, &message));
    message = (struct wk_ring_message){
        .words = {(uint64_t)status | WK_RECEIVED(0, capabilities), WK_RING_TAG(message.words[1]), word0, word1}};
    EXPECT(WK_OK, wk_channel_try_send(&liar->channel, &message));
}

/* What the client makes of it. */
static enum wk_status shared(struct liar *liar, enum wk_status status, uint64_t capabilities, uint64_t word0,
                             uint64_t word1, wk_handle *handle)
{
    struct wk_completion completion;

    EXPECT(WK_OK, wk_notes_share_start(&liar->client.by_channel, 5));
    liar_answer(liar, status, capabilities, word0, word1);
    client_finish(&liar->client.by_channel, &completion);
    return wk_notes_share_results(&completion, handle);
}

/* Results that are not there, or not what they should be. */
static void false_results(struct liar *liar)
{
    const wk_handle post = liar->mailboxes.post;
    wk_handle handle = 77;
    uint64_t ticket, number = 0;
    struct wk_completion completion;

    EXPECT(WK_BAD_HANDLE, shared(liar, WK_OK, 1, 4711, 0, &handle));
    EXPECT(WK_BAD_HANDLE, shared(liar, WK_OK, 1, 0, 0, &handle));
    EQUAL(77, handle);
    EXPECT(WK_OK, shared(liar, WK_OK, 0, 4711, 0, &handle)); /* a number is no handle */
    EQUAL(0, handle);
    for (unsigned i = 0; i < 5; i++) /* more than was asked for: none of it stays, not even in the mailbox */
        EXPECT(WK_NOT_ACCEPTED,
               shared(liar, WK_OK, 3, post_to(post, new_memory()), post_to(post, new_memory()), &handle));
    for (unsigned i = 0; i < 5; i++) { /* one of two is a lie */
        EXPECT(WK_NOT_ACCEPTED, shared(liar, WK_OK, 3, post_to(post, new_memory()), 4711, &handle));
    }
    /* where nothing was asked for */
    ticket = post_to(post, new_memory());
    EXPECT(WK_OK, wk_notes_add_start(&liar->client.by_channel, 5, 1, 2, 3, 4));
    liar_answer(liar, WK_OK, 1, ticket, 0);
    client_finish(&liar->client.by_channel, &completion);
    EQUAL(WK_OK, completion.answer);
    EXPECT(WK_OK, wk_notes_add_results(&completion, &number));
    EQUAL(ticket, number);
    EXPECT(WK_OK, wk_mailbox_withdraw(post, ticket, &handle));
    EXPECT(WK_OK, wk_capability_delete(handle));
}

/* A client that takes events only is given memory. */
static void wrong_type(struct liar *liar)
{
    struct wk_ring_message message;
    struct wk_completion completion;

    for (unsigned i = 0; i < 5; i++) {
        wk_notes_share_message(&message, 5);
        message.words[1] = WK_RING_ENTRY_TAG(5, WK_MESSAGE_ACCEPT(UINT64_C(1) << WK_TYPE_EVENT));
        EXPECT(WK_OK, wk_connection_start(&liar->client.by_channel, &message, 1));
        liar_answer(liar, WK_OK, 1, post_to(liar->mailboxes.post, new_memory()), 0);
        client_finish(&liar->client.by_channel, &completion);
        EQUAL(WK_NOT_ACCEPTED, completion.answer);
    }
}

/* What was given and not taken comes back with an error; with `ok` it is the server's, wherever it lets it lie. */
static void untaken(struct liar *liar)
{
    struct wk_completion completion;
    const wk_handle event = new_event();
    wk_handle part;

    for (unsigned i = 0; i < 5; i++) {
        EXPECT(WK_OK, wk_notes_watch_start(&liar->client.by_channel, 5, part_of(event)));
        liar_answer(liar, WK_TABLE_FULL, 0, 0, 0);
        client_finish(&liar->client.by_channel, &completion);
        EQUAL(WK_RECEIVED(0, 1) | WK_TABLE_FULL, completion.answer);
        EXPECT(WK_OK, wk_event_signal(completion.words[0], 1));
        EXPECT(WK_OK, wk_capability_delete(completion.words[0]));
    }
    for (unsigned i = 0; i < 2; i++) {
        EXPECT(WK_OK, wk_notes_watch_start(&liar->client.by_channel, 5, part_of(event)));
        liar_answer(liar, WK_OK, 0, 0, 0);
        client_finish(&liar->client.by_channel, &completion);
        EQUAL(WK_OK, completion.answer);
    }
    part = part_of(event);
    EXPECT(WK_WOULD_BLOCK, wk_notes_watch_start(&liar->client.by_channel, 5, part)); /* its mailbox is full */
    CHECK(is_there(part));
    EXPECT(WK_OK, wk_capability_delete(event)); /* and all that is below it */
}

/* Loans end when the call is answered, or never will be. */
static void unreturned(struct liar *liar)
{
    const wk_handle memory = new_memory();
    struct wk_ring_message message;
    struct wk_completion completion;
    wk_handle taken = 0;

    EXPECT(WK_OK, wk_notes_save_start(&liar->client.by_channel, 5, memory));
    memcpy(&message, wk_ring_message(&liar->channel.in, 0), sizeof(message));
    EXPECT(WK_OK, wk_mailbox_take(liar->mailboxes.take, message.words[2], SERVING_TYPES, &taken));
    CHECK(is_there(taken));
    liar_answer(liar, WK_OK, 0, 0, 0);
    client_finish(&liar->client.by_channel, &completion);
    CHECK(!is_there(taken) && is_there(memory));
    EXPECT(WK_OK, wk_notes_save_start(&liar->client.by_channel, 6, memory));
    EXPECT(WK_OK, wk_channel_try_receive(&liar->channel, &message));
    EXPECT(WK_OK, wk_mailbox_take(liar->mailboxes.take, message.words[2], SERVING_TYPES, &taken));
    CHECK(is_there(taken));
    wk_carrier_abandon(&liar->client.carrier, 6);
    CHECK(!is_there(taken) && is_there(memory));
    EXPECT(WK_OK, wk_capability_delete(memory));
}

static void server_lies(void)
{
    struct liar liar;

    liar_begin(&liar);
    false_results(&liar);
    wrong_type(&liar);
    unreturned(&liar);
    untaken(&liar);
    liar_end(&liar);
}

/* The server goes while calls are under way: what was given is lost with it, what was lent is not. */
static void server_goes(void)
{
    const wk_handle event = new_event(), memory = new_memory(), part = part_of(event);
    struct wk_ring_message message;
    struct liar liar;
    uint64_t count = 0;

    liar_begin(&liar);
    EXPECT(WK_OK, wk_notes_save_start(&liar.client.by_channel, 1, memory));
    EXPECT(WK_OK, wk_notes_watch_start(&liar.client.by_channel, 2, part_of(event)));
    wk_mailboxes_destroy(&liar.mailboxes);
    wk_channel_close(&liar.channel);
    EXPECT(WK_REVOKED, wk_channel_receive(&liar.client.channel, &message, WK_FOREVER));
    EXPECT(WK_REVOKED, wk_notes_save_by(&liar.client.by_channel, memory, &count));
    EXPECT(WK_REVOKED, wk_notes_watch_by(&liar.client.by_channel, part));
    CHECK(is_there(memory) && is_there(part));
    wk_channel_close(&liar.client.channel);
    EXPECT(WK_OK, wk_capability_delete(liar.event));
    EXPECT(WK_OK, wk_capability_delete(memory));
    EXPECT(WK_OK, wk_capability_delete(event));
}

int main(void)
{
    leaves_nothing(server_lies);
    leaves_nothing(server_goes);
    wk_print("carrying_lies: good\n");
    return 0;
}
