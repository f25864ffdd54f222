/* SPDX-License-Identifier: MIT */
/*
 * Channels between processes: whatever is sent arrives, whole, once and in order, however either side sleeps; larger data
 * beside the messages; many clients of one server.
 *
 * usage: test-channels                 all of it, a small number of messages
 *        test-channels storm MESSAGES  only that: so many messages through a channel for each two harts
 */
#include "actors.h"

#include <channel/channel.h>
#include <channel/group.h>
#include <channel/pool.h>
#include <winkle/calls.h>
#include <winkle/endpoint.h>
#include <winkle/harts.h>
#include <winkle/heap.h>
#include <winkle/memory.h>
#include <winkle/process.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define MESSAGES 100000
#define BURST_MAX 32
#define BELL 1
#define PAIRS_MAX 4
#define STACK_PAGES 8
#define PRIORITY 100
#define PATIENCE_NS (100 * WK_NS_PER_SECOND)

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t mixed(uint64_t sequence, unsigned word)
{
    return sequence * UINT64_C(0x9e3779b97f4a7c15) + word;
}

static uint64_t number(const char *text)
{
    uint64_t value = 0;

    CHECK(wk_parse_number(text, strlen(text), &value));
    return value;
}

/* ---- beginning ---- */

/* A channel whose creator owns an event for it alone. */
static void create(struct wk_channel *channel, uint64_t sizes, wk_handle *event, struct wk_channel_terms *terms)
{
    EXPECT(WK_OK, wk_event_create(wk_self.bank, event));
    EXPECT(WK_OK, wk_channel_create(
                      channel, &(struct wk_channel_plan){.sizes = sizes, .event = *event, .wait_bits = BELL}, terms));
}

/* An actor is lent the channel. */
static void give(struct actor *actor, const struct wk_channel_terms *terms)
{
    actor_lend(actor, "memory", terms->memory, WK_RIGHTS_ALL);
    actor_lend(actor, "wait", terms->wait, WK_RIGHTS_ALL);
    actor_lend(actor, "signal", terms->signal, WK_RIGHTS_ALL);
}

static void open(struct wk_channel *channel, uint64_t sizes)
{
    EXPECT(WK_OK, wk_channel_open(channel, &(struct wk_channel_terms){.memory = wk_named_handle("memory"),
                                                                      .wait = wk_named_handle("wait"),
                                                                      .signal = wk_named_handle("signal"),
                                                                      .sizes = sizes,
                                                                      .wait_bits = 1,
                                                                      .signal_bits = BELL}));
}

/* ---- a stream each way ---- */

/* What one side has sent and received. */
struct stream {
    struct wk_channel *channel;
    uint64_t to_send, to_receive;
    uint64_t sent, received;
    uint64_t random;
};

static bool is_blocked(enum wk_status status)
{
    if (status != WK_WOULD_BLOCK)
        EXPECT(WK_OK, status);
    return status == WK_WOULD_BLOCK;
}

static void send_some(struct stream *stream, struct wk_ring_message *messages)
{
    uint64_t count = 1 + random_next(&stream->random) % BURST_MAX;
    uint32_t sent = 0;

    if (count > stream->to_send - stream->sent)
        count = stream->to_send - stream->sent;
    for (uint64_t i = 0; i < count; i++) {
        messages[i].words[0] = stream->sent + i;
        for (unsigned word = 1; word < 8; word++)
            messages[i].words[word] = mixed(stream->sent + i, word);
    }
    if (count == 1)
        sent = is_blocked(wk_channel_try_send(stream->channel, messages)) ? 0 : 1;
    else if (count != 0)
        is_blocked(wk_channel_try_send_many(stream->channel, messages, (uint32_t)count, &sent));
    stream->sent += sent;
}

static void check_message(uint64_t sequence, const struct wk_ring_message *message)
{
    EQUAL(sequence, message->words[0]);
    for (unsigned word = 1; word < 8; word++)
        EQUAL(mixed(sequence, word), message->words[word]);
}

static void receive_some(struct stream *stream, struct wk_ring_message *messages)
{
    const uint64_t most = 1 + random_next(&stream->random) % BURST_MAX;
    uint32_t received = 0;

    if (most == 1)
        received = is_blocked(wk_channel_try_receive(stream->channel, messages)) ? 0 : 1;
    else
        is_blocked(wk_channel_try_receive_many(stream->channel, messages, (uint32_t)most, &received));
    for (uint64_t i = 0; i < received; i++)
        check_message(stream->received++, &messages[i]);
}

/* Sometimes it is away for a while, so that the other side sees the ring full or empty, and sleeps. */
static void rest_sometimes(struct stream *stream, wk_handle thread)
{
    if (random_next(&stream->random) % 4096 == 0)
        EXPECT(WK_OK, wk_thread_sleep(thread, wk_after_ns(random_next(&stream->random) % 200000)));
}

static void run_stream(struct stream *stream, wk_handle thread)
{
    struct wk_ring_message messages[BURST_MAX];

    while (stream->sent < stream->to_send || stream->received < stream->to_receive) {
        const uint64_t sent = stream->sent, received = stream->received;
        unsigned wants = 0;

        send_some(stream, messages);
        if (stream->received < stream->to_receive)
            receive_some(stream, messages);
        rest_sometimes(stream, thread);
        if (stream->sent != sent || stream->received != received)
            continue;
        wants |= stream->sent < stream->to_send ? WK_CHANNEL_ROOM : 0;
        wants |= stream->received < stream->to_receive ? WK_CHANNEL_MESSAGES : 0;
        EXPECT(WK_OK, wk_channel_wait(stream->channel, wants, wk_after_ns(PATIENCE_NS)));
    }
    EQUAL(stream->to_receive, stream->received);
}

/* usage: stream TO_OPENER TO_CREATOR MESSAGES SEED */
static int play_stream(char **argv)
{
    struct wk_channel channel;
    struct stream stream = {
        .channel = &channel, .to_send = number(argv[4]), .to_receive = number(argv[4]), .random = number(argv[5])};

    open(&channel, WK_CHANNEL_SIZES(number(argv[2]), number(argv[3]), 0));
    run_stream(&stream, wk_self.start->thread);
    wk_channel_close(&channel);
    return 0;
}

/* Two streams through one channel, between this process and another. */
struct pair {
    struct wk_thread thread;
    struct wk_channel channel;
    struct actor actor;
    wk_handle event;
    struct stream stream;
};

static void start_pair(struct pair *pair, uint64_t to_opener, uint64_t to_creator, uint64_t messages, uint64_t seed)
{
    char text[4][24];
    struct wk_channel_terms terms;

    create(&pair->channel, WK_CHANNEL_SIZES(to_opener, to_creator, 0), &pair->event, &terms);
    actor_prepare(&pair->actor, ACTOR_BANK_PAGES);
    give(&pair->actor, &terms);
    wk_print_text(text[0], sizeof(text[0]), "%lu", to_opener);
    wk_print_text(text[1], sizeof(text[1]), "%lu", to_creator);
    wk_print_text(text[2], sizeof(text[2]), "%lu", messages);
    wk_print_text(text[3], sizeof(text[3]), "%lu", seed + 1);
    pair->stream =
        (struct stream){.channel = &pair->channel, .to_send = messages, .to_receive = messages, .random = seed};
    actor_start(&pair->actor, 6, (const char *const[]){"test-channels", "stream", text[0], text[1], text[2], text[3]});
}

static void end_pair(struct pair *pair)
{
    actor_end_well(&pair->actor, 0);
    wk_channel_close(&pair->channel);
    EXPECT(WK_OK, wk_capability_delete(pair->event));
}

static void streams(uint64_t to_opener, uint64_t to_creator, uint64_t messages)
{
    struct pair pair;

    start_pair(&pair, to_opener, to_creator, messages, 1 + to_opener * 2 + to_creator);
    run_stream(&pair.stream, wk_self.start->thread);
    end_pair(&pair);
}

static void run_pair(void *argument)
{
    struct pair *pair = argument;

    run_stream(&pair->stream, pair->thread.handle);
}

/* A pair for each two harts, all at a time; half of the messages go each way. */
static void storm(uint64_t messages)
{
    static struct pair pairs[PAIRS_MAX];
    const unsigned harts = wk_hart_count(), count = harts < 4 ? 1 : harts / 2;
    const uint64_t before_ns = wk_now_ns();

    CHECK(count <= PAIRS_MAX);
    for (unsigned i = 0; i < count; i++) {
        start_pair(&pairs[i], 64, 256, messages / 2, 11 + i);
        EXPECT(WK_OK, wk_thread_run(&pairs[i].thread, run_pair, &pairs[i], STACK_PAGES, PRIORITY));
    }
    for (unsigned i = 0; i < count; i++) {
        EXPECT(WK_OK, wk_thread_join(&pairs[i].thread, WK_FOREVER));
        end_pair(&pairs[i]);
    }
    wk_print("channels: %u channels, %lu messages each, %lu ms\n", count, messages / 2 * 2,
             (wk_now_ns() - before_ns) / 1000000);
}

/* ---- round trips ---- */

#define ROUNDS 2000
#define SMALL WK_CHANNEL_SIZES(1, 1, 0)

static int play_echo(void)
{
    struct wk_channel channel;
    struct wk_ring_message message;
    bool sent;

    open(&channel, SMALL);
    EXPECT(WK_OK, wk_channel_receive(&channel, &message, WK_FOREVER));
    for (unsigned i = 1; i < ROUNDS; i++)
        EXPECT(WK_OK, wk_channel_exchange(&channel, &message, &message, WK_FOREVER, &sent));
    EXPECT(WK_OK, wk_channel_send(&channel, &message, WK_FOREVER));
    return 0;
}

static void round_trips(void)
{
    struct wk_channel channel;
    struct wk_channel_terms terms;
    struct wk_ring_message message, answer;
    struct actor actor;
    wk_handle event;
    bool sent;

    create(&channel, SMALL, &event, &terms);
    actor_prepare(&actor, ACTOR_BANK_PAGES);
    give(&actor, &terms);
    EXPECT(WK_WOULD_BLOCK, wk_channel_try_receive(&channel, &message));
    EXPECT(WK_TIMED_OUT, wk_channel_receive(&channel, &message, wk_after_ns(1000)));
    actor_play(&actor, "echo");
    for (uint64_t i = 0; i < ROUNDS; i++) {
        for (unsigned word = 0; word < 8; word++)
            message.words[word] = mixed(i, word);
        EXPECT(WK_OK, wk_channel_exchange(&channel, &message, &answer, wk_after_ns(PATIENCE_NS), &sent));
        CHECK(sent && memcmp(&message, &answer, sizeof(answer)) == 0);
    }
    actor_end_well(&actor, 0);
    wk_channel_close(&channel);
    EXPECT(WK_OK, wk_capability_delete(event));
}

/* Nobody reads: what does not fit is refused, and what fitted is still there. */
static void back_pressure(void)
{
    struct wk_channel channel, other;
    struct wk_channel_terms terms;
    struct wk_ring_message message = {0};
    wk_handle event;
    bool sent;

    create(&channel, WK_CHANNEL_SIZES(8, 4, 0), &event, &terms);
    EXPECT(WK_OK, wk_channel_open(&other, &terms));
    for (unsigned i = 0; i < 8; i++) {
        message.words[0] = i;
        EXPECT(WK_OK, wk_channel_try_send(&channel, &message));
    }
    EXPECT(WK_WOULD_BLOCK, wk_channel_try_send(&channel, &message));
    EXPECT(WK_TIMED_OUT, wk_channel_send(&channel, &message, wk_after_ns(1000)));
    EXPECT(WK_TIMED_OUT, wk_channel_exchange(&channel, &message, &message, wk_after_ns(1000), &sent));
    CHECK(!sent);
    for (unsigned i = 0; i < 8; i++) {
        EXPECT(WK_OK, wk_channel_try_receive(&other, &message));
        EQUAL(i, message.words[0]);
    }
    EXPECT(WK_WOULD_BLOCK, wk_channel_try_receive(&other, &message));
    EXPECT(WK_OK, wk_channel_try_send(&channel, &message));
    wk_channel_close(&other);
    wk_channel_close(&channel);
    EXPECT(WK_OK, wk_capability_delete(event));
}

/* ---- larger data ---- */

#define BUFFER_BYTES 1024
#define BUFFER_PAGES 4
#define TRANSFERS 2000
#define WITH_BUFFERS WK_CHANNEL_SIZES(16, 16, BUFFER_PAGES)

/* Message: the number of a buffer, how many bytes, their sum. */
static uint64_t fill(uint8_t *bytes, uint64_t length, uint64_t seed)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)mixed(seed + i, 3);
        sum += bytes[i];
    }
    return sum;
}

static int play_reader(void)
{
    struct wk_channel channel;
    struct wk_ring_message message;
    struct wk_buffers buffers;

    open(&channel, WITH_BUFFERS);
    buffers = wk_buffers_of(channel.buffers, channel.buffer_pages * WK_PAGE_BYTES, BUFFER_BYTES);
    for (unsigned i = 0; i < TRANSFERS; i++) {
        const uint8_t *bytes;
        uint64_t sum = 0;

        EXPECT(WK_OK, wk_channel_receive(&channel, &message, WK_FOREVER));
        bytes = wk_buffer(&buffers, message.words[0]);
        CHECK(bytes != NULL && message.words[1] <= BUFFER_BYTES);
        for (uint64_t byte = 0; byte < message.words[1]; byte++)
            sum += bytes[byte];
        EQUAL(message.words[2], sum);
        EXPECT(WK_OK, wk_channel_send(&channel, &message, WK_FOREVER));
    }
    return 0;
}

static void buffers_come_back(struct wk_channel *channel, struct wk_pool *pool, enum wk_status status)
{
    struct wk_ring_message message;

    while (status == WK_OK) {
        status = wk_channel_try_receive(channel, &message);
        if (status == WK_OK)
            EXPECT(WK_OK, wk_pool_give_back(pool, message.words[0]));
    }
    EXPECT(WK_WOULD_BLOCK, status);
}

static void larger_data(void)
{
    struct wk_channel channel;
    struct wk_channel_terms terms;
    struct wk_buffers buffers;
    struct wk_pool pool;
    struct actor actor;
    wk_handle event;

    create(&channel, WITH_BUFFERS, &event, &terms);
    buffers = wk_buffers_of(channel.buffers, channel.buffer_pages * WK_PAGE_BYTES, BUFFER_BYTES);
    wk_pool_init(&pool, &buffers);
    EQUAL(BUFFER_PAGES * WK_PAGE_BYTES / BUFFER_BYTES, pool.free_count);
    EXPECT(WK_BAD_ARGUMENT, wk_pool_give_back(&pool, 3));
    EXPECT(WK_BAD_ARGUMENT, wk_pool_give_back(&pool, pool.free_count));
    CHECK(wk_buffer(&buffers, buffers.count) == NULL && wk_buffer(&buffers, UINT64_MAX) == NULL);
    actor_prepare(&actor, ACTOR_BANK_PAGES);
    give(&actor, &terms);
    actor_play(&actor, "reader");
    for (unsigned i = 0; i < TRANSFERS; i++) {
        struct wk_ring_message message = {.words = {0, i % BUFFER_BYTES + 1}};

        while (wk_pool_take(&pool, &message.words[0]) == WK_WOULD_BLOCK)
            buffers_come_back(&channel, &pool,
                              wk_channel_wait(&channel, WK_CHANNEL_MESSAGES, wk_after_ns(PATIENCE_NS)));
        message.words[2] = fill(wk_buffer(&buffers, message.words[0]), message.words[1], i);
        EXPECT(WK_OK, wk_channel_send(&channel, &message, wk_after_ns(PATIENCE_NS)));
    }
    while (pool.free_count < buffers.count)
        buffers_come_back(&channel, &pool, wk_channel_wait(&channel, WK_CHANNEL_MESSAGES, wk_after_ns(PATIENCE_NS)));
    actor_end_well(&actor, 0);
    wk_channel_close(&channel);
    EXPECT(WK_OK, wk_capability_delete(event));
}

/* ---- a server and its clients ---- */

#define CLIENTS 5
#define REQUESTS 1500
#define OPEN 0x2000
#define SIZES WK_CHANNEL_SIZES(16, 16, 0)

/* Asks the server for a channel, keeps several requests under way, and has each answered. Odd clients end in the midst. */
static int play_client(char **argv)
{
    const uint64_t self = number(argv[2]), requests = self % 2 == 0 ? REQUESTS : REQUESTS / 3;
    struct wk_channel_terms terms;
    struct wk_channel channel;
    uint64_t *words = (uint64_t *)&terms, asked = 0, answered = 0;
    struct wk_ring_message message;

    memset(&terms, 0, sizeof(terms));
    EXPECT(WK_OK, wk_call(wk_named_handle("session"),
                          OPEN | WK_MESSAGE_ACCEPT(UINT64_C(1) << WK_TYPE_MEMORY | UINT64_C(1) << WK_TYPE_EVENT), words,
                          wk_after_ns(PATIENCE_NS)));
    EXPECT(WK_OK, wk_channel_open(&channel, &terms));
    EXPECT(WK_BUSY, wk_call(wk_named_handle("session"), OPEN, (uint64_t[6]){0}, wk_after_ns(PATIENCE_NS)));
    while (answered < requests) {
        message.words[0] = asked;
        message.words[1] = self;
        if (asked < requests && asked - answered < 12 && wk_channel_try_send(&channel, &message) == WK_OK) {
            asked++;
            continue;
        }
        EXPECT(WK_OK, wk_channel_receive(&channel, &message, wk_after_ns(PATIENCE_NS)));
        EQUAL(answered, message.words[0]);
        EQUAL(mixed(answered++, (unsigned)self), message.words[1]);
    }
    return 0;
}

struct client {
    struct actor actor;
    struct wk_channel channel;
    bool is_open;
    uint64_t served;
};

static struct client clients[CLIENTS];
static struct wk_channel_group group;
static wk_handle endpoint;

/* A call for a channel: the badge says whose. A second one is refused: a channel that is open cannot be made anew. */
static void answer_open(uint64_t badge)
{
    struct client *client = &clients[badge];
    struct wk_channel_plan plan = {.sizes = SIZES};
    struct wk_channel_terms terms;
    struct wk_answer answer = {.status = WK_OK, .capabilities = WK_CHANNEL_TERMS_GIVEN};

    if (client->is_open) {
        EXPECT(WK_OK, wk_reply(endpoint, &(struct wk_answer){.status = WK_BUSY}));
        return;
    }
    EXPECT(WK_OK, wk_channel_group_plan(&group, &plan));
    EXPECT(WK_OK, wk_channel_create(&client->channel, &plan, &terms));
    memcpy(answer.words, &terms, sizeof(answer.words));
    EXPECT(WK_OK, wk_reply(endpoint, &answer));
    client->is_open = true;
    wk_channel_group_add(&group, &client->channel);
}

static void close_client(struct client *client)
{
    wk_channel_group_remove(&group, &client->channel);
    wk_channel_close(&client->channel);
    client->is_open = false;
}

static struct client *client_of(const struct wk_channel *channel)
{
    struct client *client = clients;

    while (&client->channel != channel)
        client++;
    return client;
}

/* Answers all requests that there are. */
static void serve_channels(void)
{
    struct wk_ring_message message;
    struct wk_channel *channel;
    enum wk_status status = wk_channel_group_try_receive(&group, &channel, &message);

    while (channel != NULL) {
        struct client *client = client_of(channel);

        if (status == WK_OK) {
            EQUAL(client->served, message.words[0]);
            message.words[1] = mixed(message.words[0], (unsigned)message.words[1]);
            client->served++;
            EXPECT(WK_OK, wk_channel_try_send(channel, &message));
        } else {
            EXPECT(WK_REVOKED, status);
            close_client(client);
        }
        status = wk_channel_group_try_receive(&group, &channel, &message);
    }
    EXPECT(WK_WOULD_BLOCK, status);
}

static unsigned serve_one(unsigned ended)
{
    struct wk_message message;

    EXPECT(WK_OK, wk_receive(endpoint, &message, wk_after_ns(PATIENCE_NS)));
    switch (message.kind) {
    case WK_MESSAGE_KIND_CALL:
        EQUAL(OPEN, message.operation);
        answer_open(message.badge);
        break;
    case WK_MESSAGE_KIND_EVENT:
        wk_channel_group_signalled(&group, message.words[0]);
        break;
    case WK_MESSAGE_KIND_CLOSED:
        wk_channel_peer_has_ended(&clients[message.badge].channel);
        wk_channel_group_signalled(&group, clients[message.badge].channel.wait_bits);
        ended++;
        break;
    case WK_MESSAGE_KIND_FAULT:
        CHECK(false);
    }
    serve_channels();
    return ended;
}

static void many_clients(void)
{
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &group.event));
    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &endpoint));
    EXPECT(WK_OK, wk_endpoint_bind(endpoint, group.event, UINT64_MAX));
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct actor *actor = &clients[i].actor;
        wk_handle session;
        char text[8];

        actor_prepare(actor, ACTOR_BANK_PAGES);
        EXPECT(WK_OK, wk_endpoint_mint(endpoint, i, 1, &session));
        actor_lend(actor, "session", session, WK_SESSION_RIGHT_CALL);
        actor->grants[actor->grant_count - 1].transfer = WK_TRANSFER_GIVE;
        wk_print_text(text, sizeof(text), "%u", i);
        actor_start(actor, 3, (const char *const[]){"test-channels", "client", text});
    }
    for (unsigned ended = 0; ended < CLIENTS;)
        ended = serve_one(ended);
    for (unsigned i = 0; i < CLIENTS; i++) {
        CHECK(!clients[i].is_open);
        EQUAL(i % 2 == 0 ? REQUESTS : REQUESTS / 3, clients[i].served);
        actor_end_well(&clients[i].actor, 0);
    }
    EXPECT(WK_OK, wk_capability_delete(endpoint));
    EXPECT(WK_OK, wk_capability_delete(group.event));
}

/* ---- all ---- */

static int play(char **argv)
{
    if (strcmp(argv[1], "stream") == 0)
        return play_stream(argv);
    if (strcmp(argv[1], "echo") == 0)
        return play_echo();
    if (strcmp(argv[1], "reader") == 0)
        return play_reader();
    if (strcmp(argv[1], "client") == 0)
        return play_client(argv);
    EQUAL(0, strcmp(argv[1], "storm"));
    storm(number(argv[2]));
    wk_print("channels: good\n");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return play(argv);
    back_pressure();
    round_trips();
    streams(1, 1, MESSAGES / 100);
    streams(4, 64, MESSAGES / 10);
    larger_data();
    many_clients();
    storm(MESSAGES);
    wk_print("channels: good\n");
    return 0;
}
