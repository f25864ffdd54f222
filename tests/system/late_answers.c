/* SPDX-License-Identifier: MIT */
/*
 * Answers that are put off, by one handler for sessions and channels: in any order, with what was lent for as long,
 * with results that are capabilities; as many as there is room for, and no more; and for clients that are gone when it
 * comes to it.
 */
#include "actors.h"
#include "serving.h"

#include <winkle/process.h>
#include <winkle/thread.h>

#define PUT_OFF_MAX 32
#define HANGER_STATUS 6
#define NONE UINT64_MAX

/* What was put off, by the number that it waits for. */
static struct put_off {
    bool is_used;
    uint64_t number;
    struct wk_answer_path path;
    wk_handle lent;
} put_off[PUT_OFF_MAX];
static unsigned put_off_count;
static uint64_t answered_gone; /* answers for which nobody waited any more */

/* ---- the server ---- */

static struct put_off *remember(uint64_t number)
{
    for (unsigned i = 0; i < PUT_OFF_MAX; i++) {
        if (!put_off[i].is_used) {
            put_off[i] = (struct put_off){.is_used = true, .number = number};
            EXPECT(WK_OK, wk_server_put_off(&server, &put_off[i].path));
            put_off_count++;
            return &put_off[i];
        }
    }
    CHECK(false);
    return NULL;
}

static void forget(struct put_off *item, struct wk_answer *answer)
{
    const enum wk_status status = wk_server_answer(&server, &item->path, answer);

    CHECK(status == WK_OK || status == WK_NO_CALLER);
    answered_gone += status == WK_NO_CALLER;
    EXPECT(WK_NO_CALLER, wk_server_answer(&server, &item->path, answer)); /* once */
    item->is_used = false;
    put_off_count--;
}

static enum wk_status await(struct wk_message *message, const struct wk_notes_await_in *in,
                            struct wk_notes_await_out *out)
{
    struct wk_answer_path again;

    (void)message;
    out->text0 = 4711; /* counts for nothing */
    remember(in->number);
    EXPECT(WK_NO_CALLER, wk_server_put_off(&server, &again));
    return WK_BUSY; /* nor does that */
}

/* Keeps what was lent until it answers: the last two numbers. */
static enum wk_status save(struct wk_message *message, const struct wk_notes_save_in *in, struct wk_notes_save_out *out)
{
    (void)out;
    remember(NONE)->lent = in->memory;
    message->capabilities = 0;
    return WK_OK;
}

static enum wk_status share(struct wk_message *message, struct wk_notes_share_out *out)
{
    (void)message;
    (void)out;
    remember(NONE);
    return WK_OK;
}

static void answer_await(struct put_off *item)
{
    const struct wk_notes_await_out out = {.text0 = item->number, .text3 = ~item->number};
    struct wk_answer answer;

    wk_notes_await_answer(&answer, WK_OK, &out);
    forget(item, &answer);
}

/* For `add`: the note of that number is there, and so all who wait for it are answered; it says how many are still put
 * off. */
static enum wk_status add(struct wk_message *message, const struct wk_notes_add_in *in, struct wk_notes_add_out *out)
{
    (void)message;
    for (unsigned i = 0; i < PUT_OFF_MAX; i++) {
        if (put_off[i].is_used && put_off[i].number == in->text0)
            answer_await(&put_off[i]);
    }
    out->number = put_off_count;
    return WK_OK;
}

/* For `read`: all that carries capabilities is answered; the memory that was lent is still there, and new memory is
 * given. */
static enum wk_status read(struct wk_message *message, const struct wk_notes_read_in *in, struct wk_notes_read_out *out)
{
    (void)message;
    (void)in;
    for (unsigned i = 0; i < PUT_OFF_MAX; i++) {
        struct wk_notes_share_out share_out = {0};
        struct wk_answer answer;

        if (!put_off[i].is_used || put_off[i].number != NONE)
            continue;
        if (put_off[i].lent != 0) {
            EXPECT(WK_OK, wk_memory_decommit(put_off[i].lent, 0, 1));
            EXPECT(WK_OK, wk_capability_delete(put_off[i].lent));
            wk_notes_save_answer(&answer, WK_OK, &(struct wk_notes_save_out){.count = 9});
        } else {
            EXPECT(WK_OK, wk_memory_create(wk_self.bank, 1, 0, &share_out.memory));
            wk_notes_share_answer(&answer, WK_OK, &share_out);
        }
        forget(&put_off[i], &answer);
    }
    out->text0 = put_off_count;
    return WK_OK;
}

static const struct wk_notes_handlers handlers = {.connect = serve_connect,
                                                  .mailboxes = serve_mailboxes,
                                                  .await = await,
                                                  .save = save,
                                                  .share = share,
                                                  .add = add,
                                                  .read = read};

static void begin(struct client *client)
{
    server_begin(&handlers);
    answered_gone = 0;
    EXPECT(WK_OK, wk_thread_run(&serving_thread, serve_all, NULL, 16, 100));
    client_open(client, client_mint(0));
}

static void end(struct client *client)
{
    client_close(client);
    server_end();
    EQUAL(0, put_off_count);
}

/* Has all answered who wait for that number, and returns how many are put off after that. */
static uint64_t tell(const struct client *client, uint64_t number)
{
    uint64_t left = NONE;

    EXPECT(WK_OK, wk_notes_add(client->session, number, 0, 0, 0, &left));
    return left;
}

static uint64_t tell_capable(const struct client *client)
{
    uint64_t words[4] = {0};

    EXPECT(WK_OK, wk_notes_read(client->session, 0, &words[0], &words[1], &words[2], &words[3]));
    return words[0];
}

/* Waits, leaving time to others, until so many are put off. */
static void until_put_off(const struct client *client, uint64_t count)
{
    while (tell(client, 1000) != count)
        EXPECT(WK_OK, wk_thread_sleep(wk_self.start->thread, wk_after_ns(100000)));
}

static void expect_awaited(const struct wk_connection *connection, uint64_t number)
{
    struct wk_completion completion;
    uint64_t words[4] = {0};

    client_finish(connection, &completion);
    EQUAL(number, completion.tag);
    EXPECT(WK_OK, wk_notes_await_results(&completion, &words[0], &words[1], &words[2], &words[3]));
    EQUAL(number, words[0]);
    EQUAL(0, words[1]);
    EQUAL(~number, words[3]);
}

/* ---- any order ---- */

static void start_awaits(const struct wk_connection *connection, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++)
        EXPECT(WK_OK, wk_notes_await_start(connection, i, i));
    if (connection->channel == NULL)
        EXPECT(WK_OK, wk_queue_enter(connection->queue, 0, 0));
}

/* Backwards, and what came meanwhile over the same connection is answered in between. */
static void in_any_order(const struct client *client, const struct wk_connection *connection)
{
    struct wk_completion completion;
    uint64_t left = 0;

    start_awaits(connection, 5);
    until_put_off(client, 5);
    for (uint64_t i = 5; i > 0; i--) {
        EXPECT(WK_OK, wk_notes_add_start(connection, 99, 1000, 0, 0, 0));
        client_finish(connection, &completion);
        EQUAL(99, completion.tag);
        EXPECT(WK_OK, wk_notes_add_results(&completion, &left));
        EQUAL(i, left);
        EQUAL(i - 1, tell(client, i));
        expect_awaited(connection, i);
    }
}

static void with_capabilities(const struct client *client, const struct wk_connection *connection)
{
    struct wk_completion completion;
    wk_handle memory = 0, shared = 0;
    uint64_t count = 0;

    EXPECT(WK_OK, wk_memory_create(wk_self.bank, 1, 0, &memory));
    EXPECT(WK_OK, wk_notes_save_start(connection, 1, memory));
    EXPECT(WK_OK, wk_notes_share_start(connection, 2));
    if (connection->channel == NULL)
        EXPECT(WK_OK, wk_queue_enter(connection->queue, 0, 0));
    until_put_off(client, 2); /* both have been put off */
    EQUAL(0, tell_capable(client));
    for (unsigned i = 0; i < 2; i++) {
        client_finish(connection, &completion);
        if (completion.tag == 1) {
            EXPECT(WK_OK, wk_notes_save_results(&completion, &count));
            EQUAL(9, count);
        } else {
            EXPECT(WK_OK, wk_notes_share_results(&completion, &shared));
            EXPECT(WK_OK, wk_memory_decommit(shared, 0, 1));
        }
    }
    EXPECT(WK_OK, wk_capability_delete(shared));
    EXPECT(WK_OK, wk_capability_delete(memory));
}

static void orders(void)
{
    struct client client;
    uint64_t before;

    begin(&client);
    in_any_order(&client, &client.by_session);
    before = capabilities_held();
    in_any_order(&client, &client.by_channel);
    for (unsigned i = 0; i < 10; i++) {
        with_capabilities(&client, &client.by_session);
        with_capabilities(&client, &client.by_channel);
    }
    EQUAL(before, capabilities_held());
    EQUAL(0, answered_gone);
    end(&client);
}

/* ---- as many as there is room for ---- */

/* With an answer put off for each message that the ring to the client can hold, the channel is not served, and others
 * are. */
static void limit(void)
{
    struct client client;
    struct wk_ring_message message;

    begin(&client);
    for (unsigned round = 0; round < 3; round++) {
        start_awaits(&client.by_channel, SERVING_SIZE);
        until_put_off(&client, SERVING_SIZE);
        for (uint32_t i = 0; i < SERVING_SIZE; i++)
            EXPECT(WK_OK, wk_notes_await_start(&client.by_channel, 100 + i, 100 + i));
        EXPECT(WK_WOULD_BLOCK, wk_notes_await_start(&client.by_channel, 7, 7));
        for (unsigned i = 0; i < 10; i++)
            EQUAL(SERVING_SIZE, tell(&client, 1000));
        EXPECT(WK_WOULD_BLOCK, wk_channel_try_receive(&client.channel, &message));
        for (uint32_t i = 1; i <= SERVING_SIZE; i++) {
            EQUAL(SERVING_SIZE - 1, tell(&client, i)); /* no room yet, for the answer has not been read */
            expect_awaited(&client.by_channel, i);
            until_put_off(&client, SERVING_SIZE); /* the next one has been taken */
        }
        for (uint32_t i = SERVING_SIZE; i > 0; i--) {
            EQUAL(i - 1, tell(&client, 99 + i));
            expect_awaited(&client.by_channel, 99 + i);
        }
    }
    EQUAL(0, answered_gone);
    end(&client);
}

/* ---- clients that go ---- */

/* Asks by both, and does not wait to be answered. */
static void play_hanger(void)
{
    struct client client;

    client_open(&client, wk_named_handle("session"));
    EXPECT(WK_OK, wk_notes_await_start(&client.by_session, 1, 1));
    EXPECT(WK_OK, wk_queue_enter(&client.queue, 0, 0));
    EXPECT(WK_OK, wk_notes_await_start(&client.by_channel, 2, 2));
    EXPECT(WK_OK, wk_notes_share_start(&client.by_channel, 3));
    for (;;)
        tell(&client, 1000);
}

static void go(void)
{
    struct client client;
    struct actor actor;
    uint64_t before;

    begin(&client);
    before = capabilities_held();
    actor_prepare(&actor, ACTOR_BANK_PAGES);
    actor_lend(&actor, "session", client_mint(1), WK_SESSION_RIGHT_CALL);
    actor.grants[actor.grant_count - 1].transfer = WK_TRANSFER_GIVE;
    actor_start(&actor, 2, (const char *const[]){"test-late_answers", "hanger"});
    until_put_off(&client, 3);
    EXPECT(WK_OK, wk_process_kill(actor.child.process, HANGER_STATUS));
    actor_end_well(&actor, HANGER_STATUS);
    EQUAL(2, tell(&client, 1));                      /* the session's */
    while (*(volatile unsigned *)&clients_open != 1) /* its end has not been told yet */
        EXPECT(WK_OK, wk_thread_sleep(wk_self.start->thread, wk_after_ns(100000)));
    EQUAL(1, tell(&client, 2));
    EQUAL(0, tell_capable(&client)); /* what was to be given goes */
    EQUAL(3, answered_gone);
    EQUAL(before, capabilities_held());
    end(&client);
}

/* A client that connects anew gets no answers of its old channel. */
static void reconnect(void)
{
    struct client client;
    struct wk_ring_message message;

    begin(&client);
    start_awaits(&client.by_channel, 2);
    until_put_off(&client, 2);
    wk_channel_close(&client.channel);
    client_open_channel(&client);
    EQUAL(1, tell(&client, 1));
    EQUAL(1, answered_gone);
    EXPECT(WK_WOULD_BLOCK, wk_channel_try_receive(&client.channel, &message));
    for (unsigned i = 0; i < 3; i++) { /* nor does room stay kept for them */
        start_awaits(&client.by_channel, SERVING_SIZE);
        until_put_off(&client, SERVING_SIZE + (i == 0));
        EQUAL(SERVING_SIZE - 1, tell(&client, 2));
        for (uint32_t number = 1; number <= SERVING_SIZE; number++) {
            if (number != 2)
                tell(&client, number);
        }
        for (unsigned answer = 0; answer < SERVING_SIZE; answer++)
            EXPECT(WK_OK, wk_channel_receive(&client.channel, &message, wk_after_ns(SERVING_PATIENCE_NS)));
    }
    EQUAL(2, answered_gone);
    end(&client);
}

int main(int argc, char **argv)
{
    if (plays(argc, argv, "hanger"))
        play_hanger();
    CHECK(argc == 1);
    orders();
    limit();
    go();
    reconnect();
    wk_print("late_answers: good\n");
    return 0;
}
