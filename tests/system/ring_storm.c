/* SPDX-License-Identifier: MIT */
/*
 * usage: test-ring_storm SEED OPERATIONS. A thread on each hart, and one more, has a ring, or one with a poller, and puts
 * OPERATIONS entries in all into them, at random: what is done at once, waits, sleeps, calls, links and times, and what is cancelled. Each
 * entry has one completion, which comes once and says what it must, by its tag; between, threads sleep at random.
 */
#include "rings.h"

#include <winkle/endpoint.h>
#include <winkle/harts.h>
#include <winkle/serve.h>
#include <winkle/text.h>

#define ENTRIES 64
#define COMPLETIONS 128
#define PENDING 64
#define THREADS_MAX (WK_HARTS_MAX + 1)
#define ECHO 0x2000
#define PRIORITY 60
#define SLEEP_ONE_IN 400
#define MICROSECOND UINT64_C(1000)

/* What an entry is, which says what its completion must say. */
enum kind { FREE, NOOP, DUP, POLL, WAIT, SLEEP, CALL, TIME, WAIT_TIMED, SIGNAL_LINKED, BAD, KINDS };

struct entry {
    enum kind kind;
    bool is_linked; /* what it follows may have failed */
    uint64_t value;
};

struct player {
    struct wk_thread thread;
    struct wk_queue queue;
    struct entry entries[COMPLETIONS];
    wk_handle event, session;
    uint64_t random, submitted, completed, of_kind[KINDS], cancelled;
    uint32_t free_tags[COMPLETIONS];
    uint32_t free_count;
    bool is_polled;
};

static struct player players[THREADS_MAX];
static uint64_t wanted;

static uint64_t random_of(struct player *player, uint64_t limit)
{
    player->random = player->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (player->random >> 33) % limit;
}

/* ---- the server, a thread of this process ---- */

static void handle(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer)
{
    (void)service;
    for (unsigned i = 0; i < 6; i++)
        answer->words[i] = message->words[i] * 3 + message->badge;
}

static void serve(void *service)
{
    wk_serve_passively(service);
}

/* ---- entries ---- */

static uint32_t new_entry(struct player *player, enum kind kind, uint64_t value)
{
    const uint32_t tag = player->free_tags[--player->free_count];

    EQUAL(FREE, player->entries[tag].kind);
    player->entries[tag] = (struct entry){.kind = kind, .value = value};
    player->submitted++;
    player->of_kind[kind]++;
    return tag;
}

static void put_call(struct player *player)
{
    const uint64_t value = player->random >> 8;
    const uint32_t tag = new_entry(player, CALL, value);

    prepare_call(&player->queue, tag, player->session, ECHO, 0, value, value + 1);
}

/* A wait whose time is linked to it, and a signal that follows it if it succeeds. */
static void put_chain(struct player *player)
{
    struct wk_queue *queue = &player->queue;
    const uint64_t until = wk_after_ns(random_of(player, 300 * MICROSECOND));
    uint32_t tag;

    CHECK(wk_ring_timeout_prepare(queue, new_entry(player, TIME, 0), queue->ring, until));
    wk_queue_link(queue);
    CHECK(wk_event_wait_prepare(queue, new_entry(player, WAIT_TIMED, 0), player->event, 2, WK_FOREVER));
    wk_queue_link(queue);
    tag = new_entry(player, SIGNAL_LINKED, 0);
    player->entries[tag].is_linked = true;
    CHECK(wk_event_signal_prepare(queue, tag, player->event, 4));
}

static void put(struct player *player)
{
    struct wk_queue *queue = &player->queue;

    switch (random_of(player, 16)) {
    case 0:
        CHECK(wk_capability_dup_prepare(queue, new_entry(player, DUP, 0), player->event, WK_RIGHTS_ALL));
        break;
    case 1:
        CHECK(wk_event_poll_prepare(queue, new_entry(player, POLL, 0), player->event, 1 << 20));
        break;
    case 2:
    case 3:
        CHECK(wk_event_wait_prepare(queue, new_entry(player, WAIT, 0), player->event, 1,
                                    wk_after_ns(random_of(player, 3000 * MICROSECOND))));
        break;
    case 4: {
        const uint64_t until = wk_after_ns(random_of(player, 2000 * MICROSECOND));

        CHECK(wk_ring_timeout_prepare(queue, new_entry(player, SLEEP, until), queue->ring, until));
        break;
    }
    case 5:
    case 6:
        put_call(player);
        break;
    case 7:
        put_chain(player);
        break;
    case 8:
        CHECK(wk_event_poll_prepare(queue, new_entry(player, BAD, 0), player->event + (1 << 18), 1));
        break;
    default:
        CHECK(wk_ring_noop_prepare(queue, new_entry(player, NOOP, 0), queue->ring));
        break;
    }
}

/* ---- completions ---- */

static void check_result(const struct entry *entry, const struct wk_completion *completion)
{
    const enum wk_status status = (enum wk_status)WK_RECEIVED_STATUS(completion->answer);

    switch (entry->kind) {
    case DUP:
        EQUAL(WK_OK, status);
        EXPECT(WK_OK, wk_capability_delete(completion->words[0]));
        break;
    case POLL:
        EQUAL(WK_WOULD_BLOCK, status);
        break;
    case WAIT:
    case WAIT_TIMED:
        CHECK(status == WK_OK || status == WK_TIMED_OUT || status == WK_CANCELLED || status == WK_BUSY);
        if (status == WK_OK)
            EQUAL(entry->kind == WAIT ? 1 : 2, completion->words[0]);
        break;
    case SLEEP:
        CHECK(status == WK_CANCELLED || (status == WK_OK && wk_now_ns() >= entry->value));
        break;
    case CALL:
        CHECK(status == WK_OK || status == WK_CANCELLED);
        if (status == WK_OK)
            CHECK(completion->words[0] == entry->value * 3 + 5 && completion->words[1] == (entry->value + 1) * 3 + 5);
        break;
    case SIGNAL_LINKED:
        CHECK(status == WK_OK || status == WK_CANCELLED);
        break;
    case BAD:
        EQUAL(WK_BAD_HANDLE, status);
        break;
    case NOOP:
    case TIME:
        EQUAL(WK_OK, status);
        break;
    case FREE:
    case KINDS:
        check_failed(__FILE__, __LINE__, "a completion of no entry");
    }
}

static void take_completions(struct player *player)
{
    struct wk_completion completion;

    while (wk_queue_read(&player->queue, &completion)) {
        CHECK(completion.tag < COMPLETIONS);
        check_result(&player->entries[completion.tag], &completion);
        player->entries[completion.tag].kind = FREE;
        player->free_tags[player->free_count++] = completion.tag;
        player->completed++;
    }
}

/* ---- a player ---- */

/* One that may be pending. */
static void cancel_one(struct player *player)
{
    uint32_t tag = (uint32_t)random_of(player, COMPLETIONS);
    uint64_t count;

    for (unsigned i = 0; i < COMPLETIONS && player->entries[tag].kind == FREE; i++)
        tag = (tag + 1) % COMPLETIONS;
    EXPECT(WK_OK, wk_ring_cancel(player->queue.ring, tag, &count));
    CHECK(count <= 1);
    player->cancelled += count;
}

static void enter(struct player *player)
{
    const uint64_t wait = player->submitted == player->completed ? 0 : random_of(player, 3);
    enum wk_status status;

    if (player->is_polled && random_of(player, 2) == 0)
        status = wk_queue_submit(&player->queue);
    else
        status = wk_queue_enter(&player->queue, wait, wk_after_ns(random_of(player, 2000 * MICROSECOND)));
    CHECK(status == WK_OK || status == WK_TIMED_OUT);
}

static void play_round(struct player *player)
{
    for (uint64_t count = random_of(player, ENTRIES / 2); count != 0; count--)
        if (player->free_count > COMPLETIONS - ENTRIES + 3)
            put(player);
    enter(player);
    take_completions(player);
    switch (random_of(player, 8)) {
    case 0:
        EXPECT(WK_OK, wk_event_signal(player->event, 3));
        break;
    case 1:
        cancel_one(player);
        break;
    case 2:
        (void)wk_event_poll(player->event, 4, &(uint64_t){0});
    }
    if (random_of(player, SLEEP_ONE_IN) == 0)
        pause_for(random_of(player, 1000 * MICROSECOND));
}

static void play(void *argument)
{
    struct player *player = argument;

    while (player->submitted < wanted)
        play_round(player);
    for (unsigned rounds = 0; player->completed != player->submitted; rounds++) {
        CHECK(rounds < 100000);
        EXPECT(WK_OK, wk_event_signal(player->event, 3));
        (void)wk_queue_enter(&player->queue, 1, wk_after_ns(MILLISECOND));
        take_completions(player);
    }
    EQUAL(COMPLETIONS, player->free_count);
}

static void start(struct player *player, unsigned index, uint64_t seed, wk_handle endpoint)
{
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &player->event));
    EXPECT(WK_OK, wk_endpoint_mint(endpoint, 5, 0, &player->session));
    EXPECT(WK_OK, wk_queue_create(&player->queue, ENTRIES, COMPLETIONS, PENDING, wk_hart_budget(index)));
    player->random = seed * 1000 + index;
    player->is_polled = index % 3 == 2;
    while (player->free_count < COMPLETIONS) {
        player->free_tags[player->free_count] = player->free_count;
        player->free_count++;
    }
    if (player->is_polled)
        EXPECT(WK_OK, wk_ring_poll(player->queue.ring, 50 * MICROSECOND));
    EXPECT(WK_OK, wk_thread_run_on(wk_hart_budget(index), &player->thread, play, player, STACK_PAGES, PRIORITY));
}

static void end(struct player *player)
{
    EXPECT(WK_OK, wk_thread_join(&player->thread, WK_FOREVER));
    wk_queue_destroy(&player->queue);
    wk_print("ring-storm: %lu entries", player->completed);
    for (unsigned i = NOOP; i < KINDS; i++)
        wk_print(" %lu", player->of_kind[i]);
    wk_print(", %lu cancelled\n", player->cancelled);
}

int main(int argc, char **argv)
{
    struct wk_service service = {.handle = handle};
    const unsigned count = wk_hart_count() + 1;
    struct wk_thread server;
    uint64_t seed, operations;

    if (argc != 3 || !wk_parse_number(argv[1], strlen(argv[1]), &seed) ||
        !wk_parse_number(argv[2], strlen(argv[2]), &operations)) {
        wk_print("usage: test-ring_storm SEED OPERATIONS\n");
        return 2;
    }
    wanted = operations / count;
    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &service.endpoint));
    EXPECT(WK_OK, wk_thread_run(&server, serve, &service, STACK_PAGES, PRIORITY));
    for (unsigned i = 0; i < count; i++)
        start(&players[i], i % wk_hart_count(), seed + i, service.endpoint);
    for (unsigned i = 0; i < count; i++)
        end(&players[i]);
    wk_thread_abandon(&server);
    wk_print("ring-storm: each came once\n");
    return 0;
}
