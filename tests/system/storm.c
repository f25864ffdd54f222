/* SPDX-License-Identifier: MIT */
/*
 * usage: test-storm SEED OPERATIONS. Players (storm_player.c) on all harts make OPERATIONS invocations in all, at random:
 * they call each other, with capabilities and without, serve, wait, signal, and split budgets. Meanwhile this process, their
 * director, kills them and starts them again, suspends them, and takes away the sessions, endpoints, banks and budgets that
 * they use. In the end no call is without its answer, and memory, objects and budgets are as they were.
 */
#include "actors.h"
#include "storm.h"

#include <winkle/budget.h>
#include <winkle/endpoint.h>
#include <winkle/harts.h>
#include <winkle/heap.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/thread.h>

#define PLAYER_PAGES 512
#define ENDPOINT_PAGES 32
#define MICROSECOND UINT64_C(1000)
#define MILLISECOND UINT64_C(1000000)
#define PATIENCE 10000
#define PATIENT_PAUSE_NS (5 * MILLISECOND)
#define HANDLES_WARM 1024
#define TYPES 16
#define KILLED 3
#define DISRUPTIONS 8
#define OPERATIONS_BETWEEN 3000
#define OPERATIONS_BETWEEN_REPORTS 100000
#define ACCOUNT_ATTEMPTS 100
#define IDLE_MAX 20
#define HART_PERIOD_NS (10 * MILLISECOND)

struct endpoint {
    wk_handle bank, endpoint, session;
};

/* What is to be at the end as it was at the beginning. */
struct account {
    uint64_t limit_pages, used_pages, objects, children;
    uint64_t of_type[TYPES];
    uint64_t has_all_time[WK_HARTS_MAX];
};

static struct shared *shared;
static wk_handle shared_memory;
static struct actor actors[PLAYERS];
static struct endpoint endpoints[ENDPOINTS];
static uint64_t seed, cut_off, disruptions[DISRUPTIONS];

static void pause_for(uint64_t ns)
{
    EXPECT(WK_OK, wk_thread_sleep(wk_self.start->thread, wk_after_ns(ns)));
}

/* ---- players and what they are given ---- */

static wk_handle grant(unsigned player, wk_handle handle, enum wk_transfer transfer, uint64_t rights)
{
    wk_handle there;

    EXPECT(WK_OK, wk_process_grant(actors[player].child.process, handle, transfer, rights, &there));
    return there;
}

/* Every other player gets a session of its own, of whose end the servers are told. */
static void grant_session(unsigned player, unsigned index)
{
    wk_handle session = endpoints[index].session, there;

    if (player % 2 == 0) {
        there = grant(player, session, WK_TRANSFER_LEND, WK_SESSION_RIGHT_CALL);
    } else {
        EXPECT(WK_OK, wk_endpoint_mint(endpoints[index].endpoint, player, 1, &session));
        there = grant(player, session, WK_TRANSFER_GIVE, WK_SESSION_RIGHT_CALL);
    }
    storm_write(&shared->players[player].sessions[index], there);
}

static void grant_endpoint(unsigned player, unsigned index)
{
    grant_session(player, index);
    if (storm_endpoint(player, PASSIVE_SERVER) == index || storm_endpoint(player, ACTIVE_SERVER) == index)
        storm_write(&shared->players[player].endpoints[index],
                    grant(player, endpoints[index].endpoint, WK_TRANSFER_LEND, WK_ENDPOINT_RIGHT_SERVE));
}

static void start(unsigned player)
{
    static uint64_t lives;
    struct actor *actor = &actors[player];
    char index_text[8], seed_text[24];

    wk_print_text(index_text, sizeof(index_text), "%u", player);
    wk_print_text(seed_text, sizeof(seed_text), "%lu", seed * 1000 + lives++);
    actor_prepare(actor, PLAYER_PAGES);
    actor->priority = PLAYER_PRIORITY;
    EXPECT(WK_OK, wk_budget_split(wk_budget_in_turn(), actor->bank, 0, 0, PLAYER_PRIORITY, 0, &actor->budget));
    actor_lend(actor, "shared", shared_memory, WK_MEMORY_RIGHT_READ | WK_MEMORY_RIGHT_WRITE);
    actor_start(actor, 3, (const char *const[]){"test-storm_player", index_text, seed_text});
    for (unsigned i = 0; i < ENDPOINTS; i++)
        grant_endpoint(player, i);
}

/* Its bank has gone already, or goes now. Each of its threads was in one call at most. */
static void clear_away(unsigned player)
{
    struct actor *actor = &actors[player];
    struct player_page *page = &shared->players[player];

    wk_child_release(&actor->child);
    wk_bank_destroy(actor->bank);
    wk_capability_delete(actor->bank);
    wk_capability_delete(actor->budget);
    EXPECT(WK_OK, wk_capability_delete(actor->event));
    cut_off += storm_read(&page->cut_off);
    page->cut_off = 0;
    for (unsigned i = 0; i < PARTS; i++) {
        struct cell *cell = &page->cells[i];

        CHECK(cell->begun == cell->ended || cell->begun == cell->ended + 1);
        cut_off += cell->begun - cell->ended;
        cell->ended = cell->begun;
        cell->done = 0;
    }
    memset(page->sessions, 0, sizeof(page->sessions));
    memset(page->endpoints, 0, sizeof(page->endpoints));
}

/* That a player still runs, or ended by its director's decision. */
static void check_end(unsigned player)
{
    enum wk_process_state state;
    enum wk_end_reason reason;
    uint64_t detail, counter, threads, capabilities;

    EXPECT(WK_OK,
           wk_process_info(actors[player].child.process, &state, &reason, &detail, &counter, &threads, &capabilities));
    if (reason == WK_END_REASON_NONE || (reason == WK_END_REASON_KILLED && detail == KILLED))
        return;
    wk_print("storm: player %u ended: reason %u, %lu at 0x%lx\n", player, reason, detail, counter);
    wk_exit(1);
}

static void kill(unsigned player)
{
    check_end(player);
    EXPECT(WK_OK, wk_process_kill(actors[player].child.process, KILLED));
    check_end(player);
    clear_away(player);
}

static void make_endpoint(unsigned index)
{
    struct endpoint *endpoint = &endpoints[index];

    EXPECT(WK_OK, wk_bank_split(wk_self.bank, ENDPOINT_PAGES, WK_BANK_KIND_RAM, &endpoint->bank));
    EXPECT(WK_OK, wk_endpoint_create(endpoint->bank, &endpoint->endpoint));
    EXPECT(WK_OK, wk_endpoint_accept(endpoint->endpoint, UINT64_C(1) << WK_TYPE_EVENT, 6));
    EXPECT(WK_OK, wk_endpoint_mint(endpoint->endpoint, PLAYERS, 0, &endpoint->session));
}

/* Its parts may have gone already. */
static void end_endpoint(unsigned index)
{
    struct endpoint *endpoint = &endpoints[index];

    wk_capability_delete(endpoint->session);
    wk_capability_delete(endpoint->endpoint);
    wk_bank_destroy(endpoint->bank);
    wk_capability_delete(endpoint->bank);
}

/* ---- disruptions ---- */

static void replace_endpoint(unsigned index)
{
    end_endpoint(index);
    make_endpoint(index);
    for (unsigned player = 0; player < PLAYERS; player++)
        grant_endpoint(player, index);
}

static void revoke_sessions(unsigned index)
{
    EXPECT(WK_OK, wk_capability_revoke(endpoints[index].session));
    for (unsigned player = 0; player < PLAYERS; player += 2)
        grant_session(player, index);
}

static void disturb_budget(unsigned player, uint64_t *random)
{
    const uint64_t period_ns = 10 * MILLISECOND;
    const uint64_t capacity_ns = storm_random(random, 3) * MILLISECOND;

    /* Its parts are in the way, if it has any; and others may have taken all there is. */
    wk_budget_adjust(actors[player].budget, capacity_ns, capacity_ns == 0 ? 0 : period_ns,
                     PLAYER_PRIORITY - storm_random(random, 2), 0);
    pause_for(storm_random(random, 1000) * MICROSECOND);
    wk_budget_adjust(actors[player].budget, 0, 0, PLAYER_PRIORITY, 0);
}

static void disrupt(uint64_t *random)
{
    const unsigned player = (unsigned)storm_random(random, PLAYERS), index = (unsigned)storm_random(random, ENDPOINTS);
    const uint64_t kind = storm_random(random, DISRUPTIONS);

    disruptions[kind]++;
    switch (kind) {
    case 0:
        kill(player);
        start(player);
        break;
    case 1:
        check_end(player);
        EXPECT(WK_OK, wk_bank_destroy(actors[player].bank));
        clear_away(player);
        start(player);
        break;
    case 2:
        EXPECT(WK_OK, wk_budget_destroy(actors[player].budget));
        pause_for(storm_random(random, 1000) * MICROSECOND);
        kill(player);
        start(player);
        break;
    case 3:
        revoke_sessions(index);
        break;
    case 4:
        EXPECT(WK_OK, wk_capability_delete(endpoints[index].endpoint));
        replace_endpoint(index);
        break;
    case 5:
        EXPECT(WK_OK, wk_bank_destroy(endpoints[index].bank));
        replace_endpoint(index);
        break;
    case 6:
        EXPECT(WK_OK, wk_process_suspend(actors[player].child.process));
        pause_for(storm_random(random, 1000) * MICROSECOND);
        EXPECT(WK_OK, wk_process_resume(actors[player].child.process));
        break;
    default:
        disturb_budget(player, random);
        break;
    }
}

/* ---- what is counted ---- */

static uint64_t sum(size_t offset)
{
    uint64_t all = 0;

    for (unsigned player = 0; player < PLAYERS; player++) {
        for (unsigned i = 0; i < PARTS; i++)
            all += storm_read(
                (const uint64_t *)(const void *)((const uint8_t *)&shared->players[player].cells[i] + offset));
    }
    return all;
}

/* A long storm tells that it goes on. */
static void report_progress(uint64_t before, uint64_t now)
{
    if (before / OPERATIONS_BETWEEN_REPORTS != now / OPERATIONS_BETWEEN_REPORTS)
        wk_print("storm: %lu operations after %lu s\n", now, wk_now_ns() / WK_NS_PER_SECOND);
}

/* Disrupts after some operations, or when there were none for a while. */
static void disrupt_until(uint64_t operations, uint64_t *random)
{
    uint64_t done = 0, next = 0, idle = 0;

    while (done < operations) {
        const uint64_t now = sum(offsetof(struct cell, operations));

        idle = now == done ? idle + 1 : 0;
        CHECK(idle < PATIENCE); /* else nobody does anything any more */
        report_progress(done, now);
        done = now;
        if (done < next && idle % IDLE_MAX != IDLE_MAX - 1) {
            pause_for(MILLISECOND);
            continue;
        }
        disrupt(random);
        next = done + storm_random(random, 2 * OPERATIONS_BETWEEN);
    }
}

/* Clients end with the call that they make, which has its answer. */
static void let_clients_stop(void)
{
    storm_write(&shared->stop, 1);
    for (unsigned player = 0; player < PLAYERS; player++) {
        for (unsigned i = FIRST_CLIENT; i < PARTS; i++) {
            struct cell *cell = &shared->players[player].cells[i];

            for (unsigned pauses = 0; storm_read(&cell->done) == 0; pauses++) {
                if (pauses == PATIENCE)
                    wk_print("storm: client %u of player %u got no answer to a call\n", i, player);
                CHECK(pauses < PATIENCE);
                pause_for(PATIENT_PAUSE_NS);
            }
            EQUAL(cell->begun, cell->ended);
        }
    }
}

/* Whether all of the hart's time is in the budget that this process shares, and due. */
static uint64_t has_all_time(unsigned hart)
{
    uint64_t used_ns, exhausted, available_ns, next_ns;

    EXPECT(WK_OK, wk_budget_usage(wk_hart_budget(hart), &used_ns, &exhausted, &available_ns, &next_ns));
    return available_ns >= HART_PERIOD_NS;
}

static void count_objects(uint64_t of_type[TYPES])
{
    uint64_t type, identity, bank, capabilities, pages, detail;

    memset(of_type, 0, TYPES * sizeof(of_type[0]));
    EXPECT(WK_OK, wk_machine_inspect_start(wk_self.machine));
    while (wk_machine_inspect_object(wk_self.machine, &type, &identity, &bank, &capabilities, &pages, &detail) ==
           WK_OK) {
        CHECK(type < TYPES);
        of_type[type]++;
        CHECK(type != WK_TYPE_BANK || detail <= pages); /* no bank exceeds its limit */
    }
}

static void read_account(struct account *account)
{
    enum wk_bank_kind kind;

    memset(account, 0, sizeof(*account));
    for (unsigned hart = 0; hart < wk_hart_count(); hart++)
        account->has_all_time[hart] = has_all_time(hart);
    count_objects(account->of_type);
    EXPECT(WK_OK, wk_bank_info(wk_self.bank, &account->limit_pages, &account->used_pages, &account->objects,
                               &account->children, &kind));
}

static void print_account(const char *when, const struct account *account)
{
    wk_print("storm: %s: %lu pages, %lu objects, %lu banks;", when, account->used_pages, account->objects,
             account->children);
    for (unsigned type = 1; type < TYPES; type++)
        wk_print(" %lu", account->of_type[type]);
    for (unsigned hart = 0; hart < wk_hart_count(); hart++)
        wk_print("; %s", account->has_all_time[hart] ? "all time" : "some time");
    wk_print("\n");
}

/* Frames come back, and reapers end, after a moment. */
static void check_account(const struct account *before)
{
    struct account after;

    for (unsigned i = 0; i < ACCOUNT_ATTEMPTS; i++) {
        read_account(&after);
        if (memcmp(before, &after, sizeof(after)) == 0)
            return;
        pause_for(100 * MILLISECOND);
    }
    print_account("before", before);
    print_account("after", &after);
    wk_exit(1);
}

/* What stays once it is there comes first: the pages of this process's table and data. */
static void warm_up(void)
{
    static wk_handle handles[HANDLES_WARM];
    unsigned count = 0;

    while (count < HANDLES_WARM && wk_capability_dup(wk_self.bank, 0, &handles[count]) == WK_OK)
        count++;
    while (count > 0)
        wk_capability_delete(handles[--count]);
    wk_heap_prepare();
    actor_archive();
}

static void play(uint64_t operations, uint64_t *random)
{
    for (unsigned i = 0; i < ENDPOINTS; i++)
        make_endpoint(i);
    for (unsigned player = 0; player < PLAYERS; player++)
        start(player);
    disrupt_until(operations, random);
    let_clients_stop();
    for (unsigned player = 0; player < PLAYERS; player++)
        kill(player);
    for (unsigned i = 0; i < ENDPOINTS; i++)
        end_endpoint(i);
}

int main(int argc, char **argv)
{
    uint64_t operations, random;
    struct account before;
    void *address;

    CHECK(argc == 3 && wk_parse_number(argv[1], strlen(argv[1]), &seed) &&
          wk_parse_number(argv[2], strlen(argv[2]), &operations));
    random = seed;
    EXPECT(WK_OK, wk_map_new(SHARED_PAGES, 0, &shared_memory, &address));
    shared = address;
    warm_up();
    play(0, &random);
    memset(shared, 0, sizeof(*shared));
    pause_for(100 * MILLISECOND);
    read_account(&before);
    for (unsigned hart = 0; hart < wk_hart_count(); hart++)
        CHECK(before.has_all_time[hart]);
    play(operations, &random);
    check_account(&before);
    wk_print("storm: seed %lu, %u harts: %lu operations, %lu calls, %lu answered, %lu cut off; disruptions", seed,
             wk_hart_count(), sum(offsetof(struct cell, operations)), sum(offsetof(struct cell, begun)),
             sum(offsetof(struct cell, answered)), cut_off);
    for (unsigned i = 0; i < DISRUPTIONS; i++)
        wk_print(" %lu", disruptions[i]);
    wk_print("; all came back\n");
    return 0;
}
