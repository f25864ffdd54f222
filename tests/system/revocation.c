/* SPDX-License-Identifier: MIT */
/* What was lent is taken back under a peer that is using it: memory it reads, an event it waits for, a whole bank. */
#include "actors.h"

#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/upcalls.h>

#define MILLISECOND UINT64_C(1000000)
#define PAGES 64
#define ROUNDS 10

static void pause_for(uint64_t ns)
{
    wk_handle event;
    uint64_t bits;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_TIMED_OUT, wk_event_wait(event, 1, wk_after_ns(ns), &bits));
    EXPECT(WK_OK, wk_capability_delete(event));
}

/* Reads by guarded copy until the memory is gone: then there is no byte of it to be had. */
static int play_reader(void)
{
    static const struct wk_upcall_handlers handlers;
    static uint8_t buffer[PAGES * 4096];
    void *address;

    EXPECT(WK_OK, wk_upcalls_open(&handlers));
    EXPECT(WK_OK, wk_map(wk_named_handle("memory"), 0, PAGES, WK_PROTECTION_READ, &address));
    EXPECT(WK_OK, wk_event_signal(wk_named_handle("ready"), 1));
    while (wk_copy_guarded(buffer, address, sizeof(buffer)) == WK_OK)
        continue;
    /* On another hart the revocation may still be under way; it takes page after page, and the capability last. */
    while (wk_copy_guarded(buffer, address, 1) == WK_OK)
        continue;
    while (wk_capability_check(wk_named_handle("memory")) == WK_REVOKED)
        continue;
    EXPECT(WK_BAD_HANDLE, wk_capability_check(wk_named_handle("memory")));
    return 9;
}

/* Touches it without care. */
static int play_careless(void)
{
    void *address;
    uint64_t sum = 0;

    EXPECT(WK_OK, wk_map(wk_named_handle("memory"), 0, PAGES, WK_PROTECTION_READ, &address));
    EXPECT(WK_OK, wk_event_signal(wk_named_handle("ready"), 1));
    for (uint64_t i = 0;; i++)
        sum += *(volatile uint8_t *)((uint8_t *)address + i * 64 % (PAGES * WK_PAGE_BYTES));
    return (int)sum;
}

static int play_waiter(void)
{
    uint64_t bits;
    const enum wk_status status = wk_event_wait(wk_named_handle("event"), 1, WK_FOREVER, &bits);

    return status == WK_REVOKED || status == WK_BAD_HANDLE ? 8 : 1;
}

static void start_reader(struct actor *actor, const char *part, wk_handle memory, wk_handle ready)
{
    uint64_t bits;

    actor_prepare(actor, 2 * ACTOR_BANK_PAGES);
    actor_lend(actor, "memory", memory, WK_RIGHTS_ALL);
    actor_lend(actor, "ready", ready, WK_EVENT_RIGHT_SIGNAL);
    actor_play(actor, part);
    EXPECT(WK_OK, wk_event_wait(ready, 1, WK_FOREVER, &bits));
    pause_for(5 * MILLISECOND);
}

static void memory_of_readers(void)
{
    wk_handle ready;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &ready));
    for (int round = 0; round < ROUNDS; round++) {
        struct actor reader, careless;
        struct wk_end end;
        wk_handle memory;

        EXPECT(WK_OK, wk_memory_create(wk_self.bank, PAGES, 0, &memory));
        start_reader(&reader, "reader", memory, ready);
        start_reader(&careless, "careless", memory, ready);
        EXPECT(WK_OK, round % 2 == 0 ? wk_capability_revoke(memory) : wk_capability_delete(memory));
        actor_end_well(&reader, 9);
        end = actor_end(&careless);
        CHECK(end.reason == WK_END_REASON_LOAD_FAULT || end.reason == WK_END_REASON_REVOKED);
        if (round % 2 == 0)
            EXPECT(WK_OK, wk_capability_delete(memory));
    }
    EXPECT(WK_OK, wk_capability_delete(ready));
}

static void event_of_waiter(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct actor actor;
        wk_handle event;

        EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
        actor_prepare(&actor, ACTOR_BANK_PAGES);
        actor_lend(&actor, "event", event, WK_RIGHTS_ALL);
        actor_play(&actor, "waiter");
        pause_for((uint64_t)round * 2 * MILLISECOND);
        EXPECT(WK_OK, wk_capability_revoke(event));
        actor_end_well(&actor, 8);
        EXPECT(WK_OK, wk_capability_delete(event));
    }
}

/* The bank that pays for memory which a peer has mapped. */
static void bank_of_memory(void)
{
    wk_handle bank, memory, ready;
    struct actor actor;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &ready));
    EXPECT(WK_OK, wk_bank_split(wk_self.bank, PAGES + 16, WK_BANK_KIND_RAM, &bank));
    EXPECT(WK_OK, wk_memory_create(bank, PAGES, 0, &memory));
    start_reader(&actor, "reader", memory, ready);
    EXPECT(WK_OK, wk_bank_destroy(bank));
    actor_end_well(&actor, 9);
    EXPECT(WK_OK, wk_capability_delete(ready));
}

int main(int argc, char **argv)
{
    if (plays(argc, argv, "reader"))
        return play_reader();
    if (plays(argc, argv, "careless"))
        return play_careless();
    if (plays(argc, argv, "waiter"))
        return play_waiter();
    memory_of_readers();
    event_of_waiter();
    bank_of_memory();
    wk_print("revocation: good\n");
    return 0;
}
