/* SPDX-License-Identifier: MIT */
/*
 * The loop of a server with sessions and channels, and a client that waits for everything in one place: clients that flood,
 * end in the midst or connect again, what cannot go over a channel, and no lost wake-up however the two sides sleep. The
 * service is that of `notes`, with handlers of its own.
 */
#include "actors.h"

#include <channel/async.h>
#include <channel/server.h>
#include <winkle/calls.h>
#include <winkle/endpoint.h>
#include <winkle/notes.h>
#include <winkle/notes_client.h>
#include <winkle/notes_service.h>
#include <winkle/process.h>
#include <winkle/ring.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define CLIENTS 4
#define ROUNDS 300
#define PATIENCE_NS (100 * WK_NS_PER_SECOND)
#define SIZES WK_CHANNEL_SIZES(8, 8, 0)
#define EXTRA_BIT (UINT64_C(1) << 62)

static uint64_t added[CLIENTS], bits_seen;
static unsigned ended;
static struct wk_server server;

/* ---- the server ---- */

static enum wk_status connect(struct wk_message *message, struct wk_notes_connect_out *out)
{
    return wk_server_connect(&server, message->badge, SIZES, (struct wk_channel_terms *)out);
}

/* The text says which of this client's notes it is: they come in order, each once. */
static enum wk_status add(struct wk_message *message, const struct wk_notes_add_in *in, struct wk_notes_add_out *out)
{
    EQUAL(added[message->badge] + 1, in->text0);
    out->number = added[message->badge]++;
    return WK_OK;
}

static enum wk_status watch(struct wk_message *message, const struct wk_notes_watch_in *in)
{
    EQUAL(1, message->capabilities);
    EXPECT(WK_OK, wk_event_signal(in->event, 1));
    return wk_capability_delete(in->event);
}

static const struct wk_notes_handlers handlers = {.connect = connect, .add = add, .watch = watch};

static const struct wk_notes_handlers *serving = &handlers;

static void handle(struct wk_server *self, struct wk_message *message, struct wk_answer *answer)
{
    (void)self;
    wk_notes_dispatch(serving, message, answer);
}

static void closed(struct wk_server *self, uint64_t badge)
{
    CHECK(badge < CLIENTS);
    self->is_done = ++ended == CLIENTS;
}

static void signalled(struct wk_server *self, uint64_t bits)
{
    (void)self;
    bits_seen |= bits;
}

static struct wk_server server = {.handle = handle, .closed = closed, .signalled = signalled};

/* ---- clients ---- */

static void open_channel(struct wk_channel *channel)
{
    struct wk_channel_terms terms = {0};

    EXPECT(WK_OK, wk_notes_connect(wk_named_handle("session"), &terms.memory, &terms.wait, &terms.signal, &terms.sizes,
                                   &terms.wait_bits, &terms.signal_bits));
    EXPECT(WK_OK, wk_channel_open(channel, &terms));
}

/* One at a time or many at a time, by one connection after the other, so that the order is known. */
static void add_many(struct wk_async *async, const struct wk_connection *connection, uint64_t *next, uint64_t most)
{
    const uint64_t end = *next + most;
    uint64_t done = *next;

    while (done < end) {
        struct wk_completion completion;
        struct wk_channel *from = NULL;
        uint64_t number = 0;

        while (*next < end && wk_notes_add_start(connection, (uint32_t)*next, *next + 1, 0, 0, 0) == WK_OK)
            ++*next;
        EXPECT(WK_OK, wk_async_next(async, &completion, &from, wk_after_ns(PATIENCE_NS)));
        CHECK(from == connection->channel);
        EQUAL(done, completion.tag);
        EXPECT(WK_OK, wk_notes_add_results(&completion, &number));
        EQUAL(done++, number);
    }
}

/* What may not be: no capability over a channel, no second channel over the first, no operation that is not there. */
static void is_refused(const struct wk_connection *by_session, const struct wk_connection *by_channel)
{
    struct wk_ring_message message, answer;
    struct wk_completion completion;
    uint64_t words[6] = {0};
    bool sent;

    EXPECT(WK_NO_SUCH_OPERATION, wk_notes_read_by(by_session, 0, &words[0], &words[1], &words[2], &words[3]));
    EXPECT(WK_NO_SUCH_OPERATION, wk_notes_read_by(by_channel, 0, &words[0], &words[1], &words[2], &words[3]));
    EXPECT(WK_BAD_ARGUMENT, wk_notes_add_by(by_channel, 0, 0, 0, 0, &words[0]));
    EXPECT(WK_NOT_ACCEPTED,
           wk_notes_connect_by(by_channel, &words[0], &words[1], &words[2], &words[3], &words[4], &words[5]));
    EXPECT(WK_NOT_ACCEPTED, wk_notes_watch_by(by_channel, by_session->session));
    wk_notes_watch_message(&message, 5, by_session->session); /* the server does not rely on its clients for that */
    EXPECT(WK_OK, wk_channel_exchange(by_channel->channel, &message, &answer, WK_FOREVER, &sent));
    wk_completion_of(&answer, &completion);
    EXPECT(WK_NOT_ACCEPTED, wk_notes_watch_results(&completion));
    EQUAL(5, completion.tag);
    /* and a number is no capability, nor a capability a number */
    EXPECT(WK_BAD_ARGUMENT, wk_call(by_session->session, WK_NOTES_WATCH, (uint64_t[6]){1}, WK_FOREVER));
}

static void watch_by_session(const struct wk_connection *by_session)
{
    wk_handle event = 0, part = 0;
    uint64_t bits = 0;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_capability_lend(event, WK_EVENT_RIGHT_SIGNAL, &part));
    EXPECT(WK_OK, wk_notes_watch_by(by_session, part));
    EXPECT(WK_OK, wk_event_poll(event, 1, &bits));
    EXPECT(WK_OK, wk_capability_lend(event, WK_EVENT_RIGHT_SIGNAL, &part));
    EXPECT(WK_BAD_ARGUMENT, wk_call(by_session->session, WK_NOTES_ADD | WK_MESSAGE_CAPABILITY(0) | WK_MESSAGE_GIVE(0),
                                    (uint64_t[6]){part}, WK_FOREVER));
    EXPECT(WK_OK, wk_capability_revoke(event)); /* whoever had it */
    EXPECT(WK_OK, wk_capability_delete(event));
}

static int play_client(uint64_t self)
{
    struct wk_queue queue;
    struct wk_async async;
    struct wk_channel channel;
    const struct wk_connection by_session = {.session = wk_named_handle("session"), .queue = &queue};
    const struct wk_connection by_channel = {.channel = &channel};
    struct wk_completion completion;
    struct wk_channel *from = NULL;
    uint64_t next = 0;

    EXPECT(WK_OK, wk_queue_create(&queue, 8, 8, 16, 0));
    wk_async_init(&async, &queue);
    EXPECT(WK_WOULD_BLOCK, wk_async_next(&async, &completion, &from, WK_FOREVER));
    open_channel(&channel);
    is_refused(&by_session, &by_channel);
    watch_by_session(&by_session);
    wk_channel_close(&channel); /* a client may connect again */
    open_channel(&channel);
    EXPECT(WK_OK, wk_async_add(&async, &channel));
    EXPECT(WK_TIMED_OUT, wk_async_next(&async, &completion, &from, wk_after_ns(1000)));
    for (uint64_t i = 0; i < ROUNDS; i++) {
        add_many(&async, i % 2 == 0 ? &by_channel : &by_session, &next, 1 + i % 20);
        if (self % 2 != 0 && i == ROUNDS / 2) /* ends with messages under way */
            return wk_notes_add_start(&by_channel, 0, next + 1, 0, 0, 0) != WK_OK;
    }
    EXPECT(WK_OK, wk_async_remove(&async, &channel));
    EXPECT(WK_WOULD_BLOCK, wk_async_next(&async, &completion, &from, wk_after_ns(PATIENCE_NS)));
    wk_channel_close(&channel);
    return 0;
}

/* Says what a server has served when it was told so often, and the last message of those that ended suddenly. */
static uint64_t expected(unsigned client)
{
    const uint64_t rounds = client % 2 == 0 ? ROUNDS : ROUNDS / 2 + 1;
    uint64_t sum = client % 2;

    for (uint64_t i = 0; i < rounds; i++)
        sum += 1 + i % 20;
    return sum;
}

static void serve(void)
{
    static struct actor actors[CLIENTS];
    wk_handle session = 0;

    EXPECT(WK_OK, wk_server_create(&server, EXTRA_BIT));
    EXPECT(WK_OK, wk_endpoint_accept(server.endpoint, UINT64_C(1) << WK_TYPE_EVENT, 1));
    EXPECT(WK_OK, wk_event_signal(server.group.event, EXTRA_BIT));
    for (unsigned i = 0; i < CLIENTS; i++) {
        char text[8];

        actor_prepare(&actors[i], ACTOR_BANK_PAGES);
        EXPECT(WK_OK, wk_endpoint_mint(server.endpoint, i, 1, &session));
        actor_lend(&actors[i], "session", session, WK_SESSION_RIGHT_CALL);
        actors[i].grants[actors[i].grant_count - 1].transfer = WK_TRANSFER_GIVE;
        wk_print_text(text, sizeof(text), "%u", i);
        actor_start(&actors[i], 2, (const char *const[]){"test-services", text});
    }
    EXPECT(WK_OK, wk_server_run(&server));
    EQUAL(EXTRA_BIT, bits_seen);
    for (unsigned i = 0; i < CLIENTS; i++) {
        CHECK(!server.channels[i].is_open);
        EQUAL(expected(i), added[i]);
        actor_end_well(&actors[i], 0);
    }
    wk_server_destroy(&server);
}

/* ---- floods ---- */

#define FLOODER 1
#define QUIET 2
#define FIRST 1
#define LAST 99

static struct wk_channel flood, quiet;
static wk_handle flooding, calling;

/* A channel to the server, by a session of its own. */
static wk_handle open_own(uint64_t badge, struct wk_channel *channel)
{
    struct wk_channel_terms terms = {0};
    wk_handle session = 0;

    EXPECT(WK_OK, wk_endpoint_mint(server.endpoint, badge, 0, &session));
    EXPECT(WK_OK, wk_notes_connect(session, &terms.memory, &terms.wait, &terms.signal, &terms.sizes, &terms.wait_bits,
                                   &terms.signal_bits));
    EXPECT(WK_OK, wk_channel_open(channel, &terms));
    return session;
}

/* The flooder has the next message there before this one is answered, always. */
static enum wk_status add_flooded(struct wk_message *message, const struct wk_notes_add_in *in,
                                  struct wk_notes_add_out *out)
{
    const struct wk_connection connection = {.channel = &flood};
    struct wk_ring_message answer;

    out->number = in->text0;
    server.is_done = in->text0 == LAST;
    if (message->badge != FLOODER && in->text0 != FIRST)
        return WK_OK;
    wk_channel_try_receive(&flood, &answer);
    return wk_notes_add_start(&connection, 0, 2, 0, 0, 0);
}

static void run_server(void *unused)
{
    (void)unused;
    EXPECT(WK_OK, wk_server_run(&server));
}

/* Who calls by a session, and who has one message in a channel, are served while another floods its own. */
static void floods(void)
{
    static const struct wk_notes_handlers flooded = {.connect = connect, .add = add_flooded};
    struct wk_thread thread;
    uint64_t words[6];

    serving = &flooded;
    EXPECT(WK_OK, wk_server_create(&server, 0));
    server.is_done = false;
    EXPECT(WK_OK, wk_thread_run(&thread, run_server, NULL, 16, 100));
    flooding = open_own(FLOODER, &flood);
    calling = open_own(QUIET, &quiet);
    EXPECT(WK_OK, wk_call(calling, WK_NOTES_ADD, (uint64_t[6]){FIRST}, WK_FOREVER)); /* it begins */
    for (uint64_t i = 2; i <= LAST; i++) {
        struct wk_ring_message message;

        wk_notes_add_message(&message, (uint32_t)i, 2, 0, 0, 0);
        EXPECT(WK_OK, wk_channel_try_send(&quiet, &message));
        EXPECT(WK_OK, wk_channel_receive(&quiet, &message, wk_after_ns(PATIENCE_NS)));
        EQUAL(i, WK_RING_TAG(message.words[1]));
        memcpy(words, (uint64_t[6]){i}, sizeof(words));
        EXPECT(WK_OK, wk_call(calling, WK_NOTES_ADD, words, wk_after_ns(PATIENCE_NS)));
        EQUAL(i, words[0]);
    }
    EXPECT(WK_OK, wk_thread_join(&thread, wk_after_ns(PATIENCE_NS)));
    wk_channel_close(&flood);
    wk_channel_close(&quiet);
    wk_server_destroy(&server);
    serving = &handlers;
}

/* A server that rings for nothing: the wait ends in time all the same. */
static void ring_for_nothing(void *channel)
{
    const struct wk_channel *self = channel;

    while (wk_event_signal(self->signal, self->signal_bits) == WK_OK)
        ;
}

static void doorbells(void)
{
    struct wk_channel_terms terms = {0};
    struct wk_channel ours, theirs, *from = NULL;
    struct wk_completion completion;
    struct wk_thread thread;
    struct wk_queue queue;
    struct wk_async async;
    wk_handle event = 0;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK,
           wk_channel_create(&ours, &(struct wk_channel_plan){.sizes = SIZES, .event = event, .wait_bits = 1}, &terms));
    EXPECT(WK_OK, wk_channel_open(&theirs, &terms));
    EXPECT(WK_OK, wk_queue_create(&queue, 8, 8, 8, 0));
    wk_async_init(&async, &queue);
    EXPECT(WK_OK, wk_async_add(&async, &theirs));
    EXPECT(WK_OK, wk_thread_run(&thread, ring_for_nothing, &ours, 8, 100));
    EXPECT(WK_TIMED_OUT, wk_async_next(&async, &completion, &from, wk_after_ns(5000000)));
    wk_channel_close(&ours);
    EXPECT(WK_OK, wk_thread_join(&thread, wk_after_ns(PATIENCE_NS)));
    EXPECT(WK_REVOKED, wk_async_next(&async, &completion, &from, wk_after_ns(PATIENCE_NS)));
    wk_channel_close(&theirs);
    wk_queue_destroy(&queue);
    EXPECT(WK_OK, wk_capability_delete(event));
}

/* ---- the server ends ---- */

static void answer_one(struct wk_message *message, wk_handle endpoint)
{
    struct wk_answer answer = {.status = WK_OK};

    EXPECT(WK_OK, wk_receive(endpoint, message, wk_after_ns(PATIENCE_NS)));
    handle(&server, message, &answer);
    EXPECT(WK_OK, wk_reply(endpoint, &answer));
}

static void be_asked(void *unused)
{
    struct wk_message message;

    (void)unused;
    answer_one(&message, server.endpoint);
}

/* A client that waits learns that its server's channel ended, and goes on with the rest. */
static void server_ends(void)
{
    struct wk_queue queue;
    struct wk_async async;
    struct wk_channel channel, *from = NULL;
    struct wk_channel_terms terms = {0};
    struct wk_completion completion;
    struct wk_thread thread;
    wk_handle session = 0;

    EXPECT(WK_OK, wk_server_create(&server, 0));
    EXPECT(WK_OK, wk_endpoint_mint(server.endpoint, 0, 0, &session));
    EXPECT(WK_OK, wk_thread_run(&thread, be_asked, NULL, 8, 100));
    EXPECT(WK_OK, wk_notes_connect(session, &terms.memory, &terms.wait, &terms.signal, &terms.sizes, &terms.wait_bits,
                                   &terms.signal_bits));
    EXPECT(WK_OK, wk_thread_join(&thread, wk_after_ns(PATIENCE_NS)));
    EXPECT(WK_OK, wk_channel_open(&channel, &terms));
    EXPECT(WK_OK, wk_queue_create(&queue, 8, 8, 8, 0));
    wk_async_init(&async, &queue);
    EXPECT(WK_OK, wk_async_add(&async, &channel));
    EXPECT(WK_TIMED_OUT, wk_async_next(&async, &completion, &from, wk_after_ns(1000)));
    wk_server_destroy(&server);
    EXPECT(WK_REVOKED, wk_async_next(&async, &completion, &from, wk_after_ns(PATIENCE_NS)));
    CHECK(from == &channel);
    CHECK(wk_ring_noop_prepare(&queue, 3, queue.ring));
    EXPECT(WK_OK, wk_async_next(&async, &completion, &from, wk_after_ns(PATIENCE_NS)));
    CHECK(from == NULL && completion.tag == 3);
    wk_channel_close(&channel);
    wk_queue_destroy(&queue);
}

int main(int argc, char **argv)
{
    uint64_t self = 0;

    if (argc > 1) {
        CHECK(wk_parse_number(argv[1], strlen(argv[1]), &self));
        return play_client(self);
    }
    serve();
    server_ends();
    floods();
    doorbells();
    wk_print("services: good\n");
    return 0;
}
