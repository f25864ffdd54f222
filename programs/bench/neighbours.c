/* SPDX-License-Identifier: MIT */
/*
 * The worst neighbours: each is a process without any privilege that does again and again what keeps the kernel busy
 * longest, for ever. After each round they say so in the page that they share with the measuring process, and let their
 * equals run.
 */
#include "neighbours.h"
#include "bench.h"
#include "stamps.h"

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/endpoint.h>
#include <winkle/event.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/print.h>
#include <winkle/process.h>
#include <winkle/thread.h>
#include <winkle/timer.h>

#define BANK_PAGES 2560
#define PRIORITY 100
#define OPERATION 0x2000
#define CALLS_A_ROUND 50
#define MAPPED_PAGES 256
#define REVOKED_PAGES 1024
#define LOANS 16
#define BANK_OBJECTS 200
#define DEMAND_PAGES 128
#define SHORTEST_PERIOD_NS 10000
#define TIMERS 16

static void round_done(enum neighbour kind)
{
    partner_shared()->rounds[kind]++;
    expect("yielding", wk_thread_yield(wk_self.start->thread));
}

/* Its server is another process. */
void play_caller(void)
{
    struct wk_registers call = {.a0 = wk_named_handle("session"), .a7 = OPERATION, .words = {1, 2, 3, 4, 5, 6}};

    for (;;) {
        struct wk_registers registers = call;

        loop_calls(CALLS_A_ROUND, &registers);
        expect("calls", (enum wk_status)WK_RECEIVED_STATUS(registers.a0));
        round_done(NEIGHBOUR_CALLER);
    }
}

void play_mapper(void)
{
    wk_handle memory;

    expect("a memory to map", wk_memory_create(wk_self.bank, MAPPED_PAGES, 0, &memory));
    for (;;) {
        void *address;

        expect("mapping", wk_map(memory, 0, MAPPED_PAGES, WK_READ_WRITE, &address));
        expect("unmapping", wk_unmap(address, MAPPED_PAGES));
        round_done(NEIGHBOUR_MAPPER);
    }
}

void play_revoker(void)
{
    wk_handle memory;

    expect("a memory to revoke", wk_memory_create(wk_self.bank, REVOKED_PAGES, 0, &memory));
    for (;;) {
        wk_handle lent, further;
        void *address;

        expect("lending", wk_capability_lend(memory, WK_RIGHTS_ALL, &lent));
        for (unsigned i = 0; i < LOANS; i++)
            expect("lending on", wk_capability_lend(i % 2 == 0 ? memory : lent, WK_RIGHTS_ALL, &further));
        expect("mapping", wk_map(lent, 0, REVOKED_PAGES, WK_READ_WRITE, &address));
        expect("revoking", wk_capability_revoke(memory));
        round_done(NEIGHBOUR_REVOKER);
    }
}

void play_destroyer(void)
{
    for (;;) {
        wk_handle bank, object;

        expect("a bank to destroy", wk_bank_split(wk_self.bank, BANK_OBJECTS, WK_BANK_KIND_RAM, &bank));
        for (unsigned i = 0; i < BANK_OBJECTS; i++)
            expect("an object to destroy", wk_event_create(bank, &object));
        expect("destroying", wk_bank_destroy(bank));
        round_done(NEIGHBOUR_DESTROYER);
    }
}

/* Processes that begin where nothing is mapped, and end by that. */
void play_maker(void)
{
    wk_handle event;

    expect("an event", wk_event_create(wk_self.bank, &event));
    for (;;) {
        wk_handle process, thread;
        uint64_t bits;

        expect("a process", wk_process_create(wk_self.bank, event, 1, &process));
        expect("a thread", wk_thread_create(process, PRIORITY, &thread));
        expect("its start", wk_thread_start(thread, 0, 0, 0, 0, 0));
        expect("its end", wk_event_wait(event, 1, WK_FOREVER, &bits));
        wk_capability_delete(thread);
        expect("deleting the process", wk_capability_delete(process));
        round_done(NEIGHBOUR_MAKER);
    }
}

void play_faulter(void)
{
    wk_handle memory;
    void *address;

    expect("memory on demand", wk_map_new(DEMAND_PAGES, WK_MEMORY_OPTIONS_ON_DEMAND, &memory, &address));
    for (;;) {
        for (unsigned i = 0; i < DEMAND_PAGES; i++)
            *(volatile uint8_t *)((uint8_t *)address + i * WK_PAGE_BYTES) = 1;
        expect("decommitting", wk_memory_decommit(memory, 0, DEMAND_PAGES));
        round_done(NEIGHBOUR_FAULTER);
    }
}

/* Many expiries, one after another, and every second time as many at once as a program can have; its own thread wakes
 * for some of them. */
void play_timekeeper(void)
{
    wk_handle event, timers[TIMERS];

    expect("an event", wk_event_create(wk_self.bank, &event));
    for (unsigned i = 0; i < TIMERS; i++) {
        expect("a timer", wk_timer_create(wk_self.bank, &timers[i]));
        expect("binding it", wk_timer_bind(timers[i], event, UINT64_C(1) << i));
    }
    for (uint64_t round = 0;; round++) {
        const uint64_t now_ns = wk_now_ns();
        uint64_t bits;

        for (unsigned i = 0; i < TIMERS; i++) {
            const uint64_t factor = i == 0 || round % 2 == 0 ? 1 : 4 * i;

            expect("setting a timer", wk_timer_set(timers[i], now_ns, factor * SHORTEST_PERIOD_NS));
        }
        expect("an expiry", wk_event_wait(event, UINT64_MAX, WK_FOREVER, &bits));
        round_done(NEIGHBOUR_TIMEKEEPER);
    }
}

static const struct {
    const char *part, *rounds;
} kinds[NEIGHBOURS] = {
    [NEIGHBOUR_CALLER] = {"caller", "times 50 calls"},
    [NEIGHBOUR_MAPPER] = {"mapper", "mappings of 256 pages"},
    [NEIGHBOUR_REVOKER] = {"revoker", "revocations of 1,024 pages"},
    [NEIGHBOUR_DESTROYER] = {"destroyer", "destroyed banks of 200 objects"},
    [NEIGHBOUR_MAKER] = {"maker", "processes"},
    [NEIGHBOUR_FAULTER] = {"faulter", "times 128 page faults"},
    [NEIGHBOUR_TIMEKEEPER] = {"timekeeper", "timers' events"},
};

void neighbours_start(struct neighbours *all, unsigned count, wk_handle budget)
{
    all->kinds = count;
    expect("an endpoint", wk_endpoint_create(wk_self.bank, &all->endpoint));
    expect("a session", wk_endpoint_mint(all->endpoint, 1, 0, &all->session));
    partner_prepare(&all->server, BANK_PAGES);
    all->server.budget = budget;
    partner_lend(&all->server, "endpoint", all->endpoint);
    partner_start(&all->server, "server", PRIORITY);
    for (unsigned kind = 0; kind < count; kind++) {
        partner_prepare(&all->partners[kind], BANK_PAGES);
        all->partners[kind].budget = budget;
        if (kind == NEIGHBOUR_CALLER)
            partner_lend(&all->partners[kind], "session", all->session);
        partner_start(&all->partners[kind], kinds[kind].part, PRIORITY);
    }
}

void neighbours_end(struct neighbours *all, const char *name)
{
    for (unsigned kind = 0; kind < all->kinds; kind++) {
        const uint64_t rounds = partner_shared()->rounds[kind];

        wk_print("%s: meanwhile %lu %s\n", name, rounds, kinds[kind].rounds);
        if (rounds == 0)
            wk_fail("a neighbour did nothing", WK_OK);
        partner_end(&all->partners[kind]);
    }
    partner_end(&all->server);
    expect("deleting a session", wk_capability_delete(all->session));
    expect("deleting an endpoint", wk_capability_delete(all->endpoint));
}
