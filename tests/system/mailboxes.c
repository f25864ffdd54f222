/* SPDX-License-Identifier: MIT */
/*
 * Two processes that share a page and a mailbox: tickets go through the page, as they would in a channel's messages, and
 * capabilities through the mailbox. What goes wrong with either side costs the other nothing but what it lent.
 */
#include "actors.h"

#include <winkle/mailbox.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/threads.h>

#define MILLISECOND UINT64_C(1000000)
#define SLOTS 8
#define EXCHANGES 500
#define ENDS 12
#define DEPTH 32 /* of borrowing: kernel/capability.h */
#define EVENTS (UINT64_C(1) << WK_TYPE_EVENT)
#define MEMORIES (UINT64_C(1) << WK_TYPE_MEMORY)

/* What both sides see. A side writes its own words only, and then signals the other's event. */
struct page {
    _Atomic uint64_t sent;    /* tickets below this have been written */
    _Atomic uint64_t handled; /* the taker has done with those below this */
    uint64_t tickets[SLOTS];
};

static struct page *page;
static wk_handle memory_of_page, mailbox, for_taker, for_poster;

static void pause_for(uint64_t ns)
{
    wk_handle event;
    uint64_t bits;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_TIMED_OUT, wk_event_wait(event, 1, wk_after_ns(ns), &bits));
    EXPECT(WK_OK, wk_capability_delete(event));
}

static void open_page(wk_handle memory)
{
    void *address;

    EXPECT(WK_OK, wk_map(memory, 0, 1, WK_PROTECTION_READ | WK_PROTECTION_WRITE, &address));
    page = address;
}

/* ---- the taker ---- */

static void open_taker(void)
{
    open_page(wk_named_handle("page"));
    mailbox = wk_named_handle("mailbox");
    for_taker = wk_named_handle("for-taker");
    for_poster = wk_named_handle("for-poster");
}

/* The ticket of the next message. */
static uint64_t receive(void)
{
    const uint64_t next = page->handled;
    uint64_t bits;

    while (page->sent == next)
        EXPECT(WK_OK, wk_event_wait(for_taker, 1, WK_FOREVER, &bits));
    return page->tickets[next % SLOTS];
}

static void done(void)
{
    page->handled++;
    EXPECT(WK_OK, wk_event_signal(for_poster, 1));
}

/* Takes events in turn with memory: signals the ones, reads what the others say, and gives back by deleting. */
static int play_taker(void)
{
    open_taker();
    for (uint64_t i = 0; i < EXCHANGES; i++) {
        const uint64_t ticket = receive();
        wk_handle handle;
        uint64_t word;

        EXPECT(WK_NOT_ACCEPTED, wk_mailbox_take(mailbox, ticket, i % 2 == 0 ? MEMORIES : EVENTS, &handle));
        EXPECT(WK_OK, wk_mailbox_take(mailbox, ticket, EVENTS | MEMORIES, &handle));
        EXPECT(WK_WOULD_BLOCK, wk_mailbox_take(mailbox, ticket, EVENTS | MEMORIES, &handle));
        if (i % 2 == 0) {
            EXPECT(WK_OK, wk_event_signal(handle, i + 1));
        } else {
            const uint64_t *mapped;
            void *address;

            EXPECT(WK_OK, wk_map(handle, 0, 1, WK_PROTECTION_READ, &address));
            mapped = address;
            word = mapped[0];
            CHECK(word == i);
        }
        EXPECT(WK_OK, wk_capability_delete(handle));
        done();
    }
    EXPECT(WK_NO_RIGHT, wk_mailbox_withdraw(mailbox, 1, &mailbox));
    return 7;
}

/* Takes whatever it is told of, as long as it can, and keeps it. */
static int play_keeper(void)
{
    open_taker();
    for (;;) {
        const uint64_t ticket = receive();
        wk_handle handle;
        const enum wk_status status = wk_mailbox_take(mailbox, ticket, EVENTS, &handle);

        CHECK(status == WK_OK || status == WK_WOULD_BLOCK || status == WK_REVOKED || status == WK_BAD_HANDLE);
        if (status == WK_REVOKED || status == WK_BAD_HANDLE)
            return 6;
        done();
    }
}

/* ---- the poster, which is the test ---- */

static void start_taker(struct actor *actor, const char *part)
{
    EXPECT(WK_OK, wk_mailbox_create(wk_self.bank, SLOTS, &mailbox));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &for_taker));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &for_poster));
    page->sent = page->handled = 0;
    actor_prepare(actor, ACTOR_BANK_PAGES);
    actor_lend(actor, "page", memory_of_page, WK_RIGHTS_ALL);
    actor_lend(actor, "mailbox", mailbox, WK_MAILBOX_RIGHT_TAKE);
    actor_lend(actor, "for-taker", for_taker, WK_EVENT_RIGHT_WAIT);
    actor_lend(actor, "for-poster", for_poster, WK_EVENT_RIGHT_SIGNAL);
    actor_play(actor, part);
}

static void forget_taker(void)
{
    EXPECT(WK_OK, wk_capability_delete(for_taker));
    EXPECT(WK_OK, wk_capability_delete(for_poster));
}

static void send(uint64_t ticket)
{
    page->tickets[page->sent % SLOTS] = ticket;
    page->sent++;
    EXPECT(WK_OK, wk_event_signal(for_taker, 1));
}

static void await_handled(uint64_t count)
{
    uint64_t bits;

    while (page->handled < count)
        EXPECT(WK_OK, wk_event_wait(for_poster, 1, WK_FOREVER, &bits));
}

static wk_handle new_event(void)
{
    wk_handle event;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    return event;
}

static uint64_t post(wk_handle handle, enum wk_transfer transfer, uint64_t rights)
{
    uint64_t ticket;

    EXPECT(WK_OK, wk_mailbox_post(mailbox, handle, transfer, rights, &ticket));
    return ticket;
}

static void exchange(void)
{
    const wk_handle event = new_event();
    struct actor taker;

    start_taker(&taker, "taker");
    for (uint64_t i = 0; i < EXCHANGES; i++) {
        wk_handle memory;
        uint64_t *mapped;
        uint64_t bits;
        void *address;

        if (i % 2 == 0) {
            send(post(event, WK_TRANSFER_LEND, WK_EVENT_RIGHT_SIGNAL));
            EXPECT(WK_OK, wk_event_wait(event, UINT64_MAX, WK_FOREVER, &bits));
            EQUAL(i + 1, bits);
        } else {
            EXPECT(WK_OK, wk_memory_create(wk_self.bank, 1, 0, &memory));
            EXPECT(WK_OK, wk_map(memory, 0, 1, WK_PROTECTION_READ | WK_PROTECTION_WRITE, &address));
            mapped = address;
            mapped[0] = i;
            EXPECT(WK_OK, wk_unmap(address, 1));
            send(post(memory, WK_TRANSFER_GIVE, WK_MEMORY_RIGHT_READ));
        }
        await_handled(i + 1);
    }
    actor_end_well(&taker, 7);
    EXPECT(WK_OK, wk_capability_delete(event));
    EXPECT(WK_OK, wk_capability_delete(mailbox));
    forget_taker();
}

/* Both ends are held here: what was lent and revoked is nowhere, what is not taken comes back. */
static void revoked_and_withdrawn(void)
{
    const wk_handle event = new_event();
    uint64_t tickets[SLOTS], ticket;
    wk_handle handle;

    EXPECT(WK_OK, wk_mailbox_create(wk_self.bank, SLOTS, &mailbox));
    for (int i = 0; i < SLOTS; i++)
        tickets[i] = post(event, WK_TRANSFER_LEND, WK_RIGHTS_ALL);
    EXPECT(WK_WOULD_BLOCK, wk_mailbox_post(mailbox, event, WK_TRANSFER_LEND, WK_RIGHTS_ALL, &ticket));
    EXPECT(WK_OK, wk_mailbox_take(mailbox, tickets[3], EVENTS, &handle));
    EXPECT(WK_OK, wk_capability_revoke(event));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(handle));
    for (int i = 0; i < SLOTS; i++)
        EXPECT(WK_WOULD_BLOCK, wk_mailbox_take(mailbox, tickets[i], EVENTS, &handle));
    ticket = post(event, WK_TRANSFER_GIVE, WK_RIGHTS_ALL);
    EXPECT(WK_BAD_HANDLE, wk_capability_check(event));
    EXPECT(WK_OK, wk_mailbox_withdraw(mailbox, ticket, &handle));
    EXPECT(WK_OK, wk_event_signal(handle, 1));
    EXPECT(WK_OK, wk_capability_delete(handle));
    EXPECT(WK_OK, wk_capability_delete(mailbox));
}

static void wait_for(void *event)
{
    uint64_t bits;

    while (wk_event_wait(*(wk_handle *)event, 1, WK_FOREVER, &bits) == WK_BUSY)
        pause_for(MILLISECOND); /* who looks whether all wait has the last place for a moment */
}

/* A post that has much to look at: it gives what is as deeply borrowed as can be, of an event for which as many wait as
 * may, and the slot that it tries last is the only free one. */
static void the_longest_post(void)
{
    wk_handle chain[DEPTH], handle;
    struct wk_thread waiters[WK_EVENT_WAITERS_MAX];
    uint64_t tickets[WK_MAILBOX_SLOTS_MAX];

    EXPECT(WK_OK, wk_mailbox_create(wk_self.bank, WK_MAILBOX_SLOTS_MAX, &mailbox));
    chain[0] = new_event();
    for (int i = 1; i < DEPTH; i++)
        EXPECT(WK_OK, wk_capability_lend(chain[i - 1], WK_RIGHTS_ALL, &chain[i]));
    EXPECT(WK_TABLE_FULL, wk_capability_lend(chain[DEPTH - 1], WK_RIGHTS_ALL, &handle));
    for (unsigned i = 0; i < WK_EVENT_WAITERS_MAX; i++)
        EXPECT(WK_OK, wk_thread_run(&waiters[i], wait_for, &chain[0], 2, ACTOR_PRIORITY));
    while (wk_event_wait(chain[0], 1, wk_now_ns(), &tickets[0]) == WK_TIMED_OUT)
        pause_for(5 * MILLISECOND);
    EXPECT(WK_BUSY, wk_event_wait(chain[0], 1, WK_FOREVER, &tickets[0]));
    for (unsigned i = 0; i < WK_MAILBOX_SLOTS_MAX; i++)
        tickets[i] = post(chain[0], WK_TRANSFER_DUP, WK_RIGHTS_ALL);
    EXPECT(WK_OK, wk_mailbox_take(mailbox, tickets[WK_MAILBOX_SLOTS_MAX - 1], EVENTS, &handle));
    tickets[0] = post(chain[DEPTH - 1], WK_TRANSFER_GIVE, WK_RIGHTS_ALL);
    EXPECT(WK_BAD_HANDLE, wk_capability_check(chain[DEPTH - 1]));
    EXPECT(WK_OK, wk_mailbox_take(mailbox, tickets[0], EVENTS, &handle));
    for (unsigned i = 0; i < WK_EVENT_WAITERS_MAX; i++) {
        EXPECT(WK_OK, wk_event_signal(handle, 1));
        pause_for(MILLISECOND);
    }
    for (unsigned i = 0; i < WK_EVENT_WAITERS_MAX; i++)
        EXPECT(WK_OK, wk_thread_join(&waiters[i], WK_FOREVER));
    EXPECT(WK_OK, wk_capability_delete(mailbox));
    EXPECT(WK_OK, wk_capability_delete(chain[0]));
}

/* Posts for a while, now what it lends, now what it gives; who was told and when is a matter of luck. */
static void keep_posting(wk_handle event)
{
    const uint64_t end_ns = wk_after_ns(2 * MILLISECOND);

    while (wk_now_ns() < end_ns) {
        const wk_handle given = new_event();
        uint64_t ticket;

        if (wk_mailbox_post(mailbox, event, WK_TRANSFER_LEND, WK_RIGHTS_ALL, &ticket) == WK_OK)
            send(ticket);
        if (wk_mailbox_post(mailbox, given, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, &ticket) == WK_OK)
            send(ticket);
        else
            EXPECT(WK_OK, wk_capability_delete(given));
        if (page->sent - page->handled >= SLOTS)
            pause_for(MILLISECOND / 10);
    }
}

/* The taker is killed, what it uses revoked, or the mailbox destroyed, while capabilities are on their way. */
static void ends_of_all_kinds(void)
{
    for (int round = 0; round < ENDS; round++) {
        const wk_handle event = new_event();
        struct actor keeper;
        struct wk_end end;

        start_taker(&keeper, "keeper");
        keep_posting(event);
        switch (round % 3) {
        case 0:
            EXPECT(WK_OK, wk_process_kill(keeper.child.process, 5));
            break;
        case 1:
            EXPECT(WK_OK, wk_capability_revoke(event));
            EXPECT(WK_OK, wk_capability_revoke(mailbox));
            break;
        default:
            EXPECT(WK_OK, wk_capability_delete(mailbox));
            break;
        }
        page->sent++; /* a last ticket, whatever it is */
        EXPECT(WK_OK, wk_event_signal(for_taker, 1));
        end = actor_end(&keeper);
        EQUAL(WK_END_REASON_KILLED, end.reason);
        EQUAL(round % 3 == 0 ? 5 : 6, end.detail);
        if (round % 3 != 2)
            EXPECT(WK_OK, wk_capability_delete(mailbox));
        EXPECT(WK_OK, wk_capability_delete(event));
        forget_taker();
    }
}

/* A poster ends with the mailbox full: what it gave is still there. */
static int play_giver(void)
{
    mailbox = wk_named_handle("mailbox");
    for (int i = 0; i < SLOTS; i++)
        post(wk_named_handle("event"), i % 2 == 0 ? WK_TRANSFER_LEND : WK_TRANSFER_DUP, WK_RIGHTS_ALL);
    return 5;
}

static void a_poster_that_ended(void)
{
    const wk_handle event = new_event();
    struct actor giver;
    wk_handle handle = 0;

    EXPECT(WK_OK, wk_mailbox_create(wk_self.bank, SLOTS, &mailbox));
    actor_prepare(&giver, ACTOR_BANK_PAGES);
    actor_lend(&giver, "mailbox", mailbox, WK_MAILBOX_RIGHT_POST);
    actor_lend(&giver, "event", event, WK_RIGHTS_ALL);
    giver.grants[giver.grant_count - 1].transfer = WK_TRANSFER_DUP;
    actor_play(&giver, "giver");
    actor_end_well(&giver, 5);
    for (uint64_t ticket = 1; ticket <= SLOTS; ticket++)
        EXPECT(ticket % 2 != 0 ? WK_WOULD_BLOCK : WK_OK, wk_mailbox_take(mailbox, ticket, EVENTS, &handle));
    EXPECT(WK_OK, wk_event_signal(handle, 1));
    EXPECT(WK_OK, wk_capability_delete(mailbox));
    EXPECT(WK_OK, wk_capability_delete(event));
}

static uint64_t pages_used(void)
{
    uint64_t limit, used, objects, children;
    enum wk_bank_kind kind;

    EXPECT(WK_OK, wk_bank_info(wk_self.bank, &limit, &used, &objects, &children, &kind));
    return used;
}

/* A mailbox whose bank is destroyed while it is full: what only it named goes too. */
static void a_bank_with_a_full_mailbox(void)
{
    uint64_t used = 0;

    for (int i = 0; i < ENDS; i++) {
        wk_handle bank;

        EXPECT(WK_OK, wk_bank_split(wk_self.bank, 4, WK_BANK_KIND_RAM, &bank));
        EXPECT(WK_OK, wk_mailbox_create(bank, SLOTS, &mailbox));
        for (int slot = 0; slot < SLOTS; slot++) {
            wk_handle memory;

            EXPECT(WK_OK, wk_memory_create(wk_self.bank, 2, 0, &memory));
            post(memory, WK_TRANSFER_GIVE, WK_RIGHTS_ALL);
        }
        EXPECT(WK_OK, wk_bank_destroy(bank));
        EXPECT(WK_BAD_HANDLE, wk_capability_check(mailbox));
        if (i == 0)
            used = pages_used();
    }
    EQUAL(used, pages_used());
}

int main(int argc, char **argv)
{
    void *address;

    if (plays(argc, argv, "taker"))
        return play_taker();
    if (plays(argc, argv, "keeper"))
        return play_keeper();
    if (plays(argc, argv, "giver"))
        return play_giver();
    EXPECT(WK_OK, wk_memory_create(wk_self.bank, 1, 0, &memory_of_page));
    EXPECT(WK_OK, wk_map(memory_of_page, 0, 1, WK_PROTECTION_READ | WK_PROTECTION_WRITE, &address));
    page = address;
    exchange();
    revoked_and_withdrawn();
    the_longest_post();
    ends_of_all_kinds();
    a_poster_that_ended();
    a_bank_with_a_full_mailbox();
    wk_print("mailboxes: good\n");
    return 0;
}
