/* SPDX-License-Identifier: MIT */
/*
 * usage: test-storm_player INDEX SEED. One of the storm's players: two servers and some clients that invoke at random, and
 * a main thread that now and then ends one of them in the midst of whatever it does, and starts it again. Anything may be
 * gone at any moment, so most statuses are as good as any other; but an answer must be that to the call that was made.
 */
#include "actors.h"
#include "storm.h"

#include <winkle/budget.h>
#include <winkle/endpoint.h>
#include <winkle/harts.h>
#include <winkle/pages.h>
#include <winkle/serve.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define STACK_PAGES 4
#define MICROSECOND UINT64_C(1000)
#define EVENTS 2
#define EVENT_TYPE (UINT64_C(1) << WK_TYPE_EVENT)
#define REPLIES 4
#define BUDGET_CALLS 4
#define ENDS_ONE_IN 600

struct actor_part {
    struct wk_service service; /* first; of the passive server */
    struct wk_thread thread;
    enum part part;
    bool runs;
    uint64_t random;
    wk_handle served; /* the endpoint */
    wk_handle budget; /* a client's own, which goes with it: else what it was promised would be missing */
};

static struct shared *shared;
static struct player_page *page;
static unsigned player;
static struct actor_part parts[PARTS];
static wk_handle events[EVENTS];

static void count(struct actor_part *part)
{
    storm_add(&page->cells[part->part].operations);
}

static bool one_in(struct actor_part *part, uint64_t limit)
{
    return storm_random(&part->random, limit) == 0;
}

static uint64_t soon(struct actor_part *part, uint64_t limit_us)
{
    return wk_after_ns(storm_random(&part->random, limit_us * MICROSECOND));
}

/* ---- clients ---- */

/* A handle is answered with what was asked plus one, whoever answers. */
static enum wk_status call(struct actor_part *part, wk_handle session, uint64_t flags, const uint64_t handles[2],
                           uint64_t deadline_ns)
{
    struct cell *cell = &page->cells[part->part];
    const uint64_t asked = storm_random(&part->random, UINT64_C(1) << 31) << 20 | storm_read(&cell->begun) % (1 << 20);
    struct wk_registers registers = {
        .a0 = session,
        .a7 = OPERATION | flags | WK_MESSAGE_ACCEPT(EVENT_TYPE) | wk_deadline_flag(deadline_ns),
        .t0 = deadline_ns,
        .words = {asked, handles[0], handles[1], part->random >> 40},
    };
    enum wk_status status;

    count(part);
    storm_add(&cell->begun);
    wk_trap_registers(&registers);
    storm_add(&cell->ended);
    status = (enum wk_status)WK_RECEIVED_STATUS(registers.a0);
    if (status != WK_OK)
        return status;
    storm_add(&cell->answered);
    EQUAL(asked + 1, registers.words[0]);
    for (unsigned i = 0; i < 6; i++) {
        if (WK_RECEIVED_CAPABILITIES(registers.a0) >> i & 1)
            wk_capability_delete(registers.words[i]);
    }
    return status;
}

static enum wk_status call_words(struct actor_part *part, unsigned endpoint)
{
    const uint64_t nothing[2] = {0};
    const bool for_ever = endpoint == LEAF && !one_in(part, 4);

    return call(part, storm_read(&page->sessions[endpoint]), 0, nothing, for_ever ? WK_NO_DEADLINE : soon(part, 1000));
}

/* Two events: lent, or one of them given away. */
static void call_with_capabilities(struct actor_part *part, unsigned endpoint)
{
    uint64_t flags = WK_MESSAGE_CAPABILITY(1), handles[2] = {0};

    count(part);
    if (wk_event_create(wk_self.bank, &handles[0]) != WK_OK)
        return;
    if (one_in(part, 2))
        flags |= WK_MESSAGE_GIVE(1);
    if (one_in(part, 2)) {
        handles[1] = events[0];
        flags |= WK_MESSAGE_CAPABILITY(2);
    }
    call(part, storm_read(&page->sessions[endpoint]), flags, handles, soon(part, 1000));
    count(part);
    wk_capability_delete(handles[0]); /* unless it is gone */
}

/* By a further loan of the session, which is taken back or not. */
static void call_by_loan(struct actor_part *part, unsigned endpoint)
{
    const uint64_t nothing[2] = {0};
    wk_handle lent;

    count(part);
    if (wk_capability_lend(storm_read(&page->sessions[endpoint]), WK_RIGHTS_ALL, &lent) != WK_OK)
        return;
    call(part, lent, 0, nothing, soon(part, 500));
    count(part);
    if (one_in(part, 8))
        wk_capability_revoke(lent);
    wk_capability_delete(lent);
}

static void use_event(struct actor_part *part)
{
    const wk_handle event = events[storm_random(&part->random, EVENTS)];
    uint64_t bits;

    count(part);
    switch (storm_random(&part->random, 4)) {
    case 0:
        wk_event_wait(event, 1 + storm_random(&part->random, 15), soon(part, 100), &bits);
        break;
    case 1:
        wk_event_poll(event, 15, &bits);
        break;
    case 2:
        wk_event_signal_wait(event, events[0], 1 + storm_random(&part->random, 15), 3, soon(part, 100), &bits);
        break;
    default:
        wk_event_signal(event, 1 + storm_random(&part->random, 15));
        break;
    }
}

/* Calls a few times on a budget of its own, which runs dry, changes and goes. With much less than that, hardly anything
 * would be left beside what the switches take. */
static void use_budget(struct actor_part *part)
{
    const wk_handle thread = part->thread.handle;
    const uint64_t period_ns = 1000 * MICROSECOND << storm_random(&part->random, 4);
    const uint64_t capacity_ns = one_in(part, 3) ? 0 : period_ns / (16 + storm_random(&part->random, 8));
    wk_handle budget;

    count(part);
    if (wk_budget_split(wk_budget_in_turn(), wk_self.bank, capacity_ns, capacity_ns == 0 ? 0 : period_ns,
                        PLAYER_PRIORITY - 1, 0, &budget) != WK_OK)
        return;
    part->budget = budget;
    count(part);
    wk_thread_set_budget(thread, budget);
    for (unsigned i = 0; i < BUDGET_CALLS; i++)
        call_words(part, (unsigned)storm_random(&part->random, ENDPOINTS));
    count(part);
    wk_budget_adjust(budget, capacity_ns / 4 * 3, capacity_ns == 0 ? 0 : period_ns, PLAYER_PRIORITY - 2, 0);
    call_words(part, LEAF);
    count(part);
    EXPECT(WK_OK, wk_thread_set_budget(thread, wk_budget_in_turn()));
    count(part);
    if (one_in(part, 2))
        wk_budget_destroy(budget);
    wk_capability_delete(budget);
    part->budget = 0;
}

static void use_time(struct actor_part *part)
{
    count(part);
    switch (storm_random(&part->random, 3)) {
    case 0:
        wk_thread_sleep(part->thread.handle, soon(part, 50));
        break;
    case 1:
        wk_thread_set_priority(part->thread.handle, 20 + storm_random(&part->random, 70));
        break;
    default:
        wk_thread_yield(part->thread.handle);
        break;
    }
}

static void be_client(void *argument)
{
    struct actor_part *part = argument;

    while (storm_read(&shared->stop) == 0) {
        const unsigned endpoint = (unsigned)storm_random(&part->random, ENDPOINTS);
        const uint64_t act = storm_random(&part->random, 32);

        if (act < 18)
            call_words(part, endpoint);
        else if (act < 22)
            call_with_capabilities(part, endpoint);
        else if (act < 24)
            call_by_loan(part, endpoint);
        else if (act < 29)
            use_event(part);
        else if (act < 30)
            use_budget(part);
        else
            use_time(part);
    }
    storm_write(&page->cells[part->part].done, 1);
}

/* ---- servers ---- */

/* What came with the call is used and dropped; sometimes another server is asked first, and something comes back. */
static void make_answer(struct actor_part *part, const struct wk_message *message, struct wk_answer *answer)
{
    for (unsigned i = 0; i < 6; i++) {
        if (message->capabilities >> i & 1) {
            wk_event_signal(message->words[i], 1);
            wk_capability_delete(message->words[i]);
            count(part);
        }
    }
    if (part->served != storm_read(&page->endpoints[LEAF]) && one_in(part, 4))
        call_words(part, (unsigned)storm_random(&part->random, ENDPOINTS));
    answer->words[0] = message->words[0] + 1;
    if (one_in(part, 16) && wk_event_create(wk_self.bank, &answer->words[1]) == WK_OK)
        answer->capabilities = WK_MESSAGE_CAPABILITY(1) | WK_MESSAGE_GIVE(1);
}

static void handle(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer)
{
    struct actor_part *part = (struct actor_part *)(void *)service;

    count(part);
    make_answer(part, message, answer);
}

static void be_passive_server(void *argument)
{
    struct actor_part *part = argument;

    wk_serve_passively(&part->service);
}

/* A saved right to answer is good for one answer. */
static void send_saved(struct actor_part *part, wk_handle *reply, uint64_t asked)
{
    const struct wk_answer answer = {.status = WK_OK, .words = {asked + 1}};

    count(part);
    if (wk_reply_send(*reply, &answer) == WK_OK) {
        count(part);
        EXPECT(WK_NO_CALLER, wk_reply_send(*reply, &answer));
    }
    count(part);
    EXPECT(WK_OK, wk_capability_delete(*reply));
    *reply = 0;
}

/* Answers, or saves the answer in the place of an earlier one. */
static void answer_or_save(struct actor_part *part, const struct wk_message *message, wk_handle *reply, uint64_t *asked)
{
    struct wk_answer answer = {.status = WK_OK};

    if (*reply != 0)
        send_saved(part, reply, *asked);
    make_answer(part, message, &answer);
    count(part);
    if (one_in(part, 3) && wk_endpoint_reply_save(part->served, reply) == WK_OK) {
        *asked = message->words[0];
        if (answer.capabilities != 0)
            wk_capability_delete(answer.words[1]);
        return;
    }
    count(part);
    if (wk_reply(part->served, &answer) != WK_OK && answer.capabilities != 0)
        wk_capability_delete(answer.words[1]);
}

static void be_active_server(void *argument)
{
    struct actor_part *part = argument;
    wk_handle replies[REPLIES] = {0};
    uint64_t asked[REPLIES];

    for (;;) {
        const uint64_t i = storm_random(&part->random, REPLIES);
        struct wk_message message;
        enum wk_status status;

        part->served = storm_read(&page->endpoints[storm_endpoint(player, ACTIVE_SERVER)]);
        count(part);
        status = wk_receive(part->served, &message, soon(part, storm_read(&shared->stop) == 0 ? 300 : 20000));
        if (status == WK_OK && message.kind == WK_MESSAGE_KIND_CALL)
            answer_or_save(part, &message, &replies[i], &asked[i]);
        else if (replies[i] != 0)
            send_saved(part, &replies[i], asked[i]);
        else if (status != WK_OK)
            wk_thread_sleep(part->thread.handle, soon(part, 1000));
    }
}

/* ---- the main thread ---- */

static void run(struct actor_part *part)
{
    static void (*const functions[])(void *) = {be_passive_server, be_active_server, be_client};
    void (*function)(void *) = functions[part->part < FIRST_CLIENT ? part->part : FIRST_CLIENT];

    if (part->part == PASSIVE_SERVER) {
        part->served = storm_read(&page->endpoints[storm_endpoint(player, PASSIVE_SERVER)]);
        part->service = (struct wk_service){.endpoint = part->served, .handle = handle};
    }
    part->random = part->random * 3 + 1;
    part->runs =
        wk_thread_run(&part->thread, function, part, STACK_PAGES, 20 + storm_random(&part->random, 70)) == WK_OK;
}

static void end(struct actor_part *part)
{
    struct cell *cell = &page->cells[part->part];

    wk_thread_abandon(&part->thread);
    part->runs = false;
    if (part->budget != 0)
        wk_capability_delete(part->budget);
    part->budget = 0;
    if (storm_read(&cell->begun) == storm_read(&cell->ended))
        return;
    EQUAL(storm_read(&cell->begun), storm_read(&cell->ended) + 1);
    storm_add(&cell->ended);
    storm_add(&page->cut_off);
}

/* A passive server does not see its endpoint end; the others come to an end only by this. */
static void look_after(struct actor_part *part, uint64_t *random)
{
    const bool has_lost_endpoint = part->part == PASSIVE_SERVER &&
                                   part->served != storm_read(&page->endpoints[storm_endpoint(player, PASSIVE_SERVER)]);

    if (part->runs && (has_lost_endpoint || (storm_read(&shared->stop) == 0 && storm_random(random, ENDS_ONE_IN) == 0)))
        end(part);
    if (!part->runs && (part->part < FIRST_CLIENT || storm_read(&shared->stop) == 0))
        run(part);
    if (!part->runs)
        storm_write(&page->cells[part->part].done, 1);
}

int main(int argc, char **argv)
{
    uint64_t index, random;
    void *address;

    CHECK(argc == 3 && wk_parse_number(argv[1], strlen(argv[1]), &index) && index < PLAYERS &&
          wk_parse_number(argv[2], strlen(argv[2]), &random));
    EXPECT(WK_OK, wk_map(wk_named_handle("shared"), 0, SHARED_PAGES, WK_READ_WRITE, &address));
    shared = address;
    player = (unsigned)index;
    page = &shared->players[player];
    for (unsigned i = 0; i < EVENTS; i++)
        EXPECT(WK_OK, wk_event_create(wk_self.bank, &events[i]));
    for (unsigned i = 0; i < PARTS; i++) {
        parts[i].part = (enum part)i;
        parts[i].random = random + i;
    }
    for (;;) {
        for (unsigned i = 0; i < PARTS; i++)
            look_after(&parts[i], &random);
        wk_thread_sleep(
            wk_thread_self()->handle,
            wk_after_ns(storm_random(&random, storm_read(&shared->stop) == 0 ? 2000 : 50000) * MICROSECOND));
    }
}
