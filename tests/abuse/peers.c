/* SPDX-License-Identifier: MIT */
/*
 * Everything is taken from a running peer: this process starts itself again, and while that one works with all that
 * it was lent, takes back its memory, thread, bank and process in an order that the word says. Then it does the same
 * to itself.
 */
#include "../system/actors.h"

#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/threads.h>

#define PEERS 6

/* Uses what it has without end. */
__attribute__((noreturn)) static void play_peer(void)
{
    for (;;) {
        wk_handle memory, lent;
        void *address;

        if (wk_map_new(4, WK_MEMORY_OPTIONS_ON_DEMAND, &memory, &address) == WK_OK) {
            *(volatile uint64_t *)address = 1;
            if (wk_capability_lend(memory, WK_RIGHTS_ALL, &lent) == WK_OK)
                wk_event_signal(wk_named_handle("event"), 1);
            wk_capability_delete(memory);
        }
    }
}

static void take(const struct actor *actor, unsigned what)
{
    switch (what % 6) {
    case 0:
        EXPECT(WK_OK, wk_capability_revoke(actor->child.memory));
        break;
    case 1:
        EXPECT(WK_OK, wk_capability_delete(actor->child.thread));
        break;
    case 2:
        EXPECT(WK_OK, wk_capability_revoke(actor->child.process));
        break;
    case 3:
        EXPECT(WK_OK, wk_capability_revoke(actor->bank));
        break;
    case 4:
        EXPECT(WK_OK, wk_capability_delete(actor->child.memory));
        break;
    default:
        EXPECT(WK_OK, wk_bank_destroy(actor->bank));
        break;
    }
}

static void against_peers(void)
{
    for (unsigned first = 0; first < PEERS; first++) {
        struct actor actor;
        wk_handle event;
        uint64_t bits;

        EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
        actor_prepare(&actor, 128);
        actor.priority = 50;
        actor_lend(&actor, "event", event, WK_RIGHTS_ALL);
        actor_play(&actor, "peer");
        EXPECT(WK_OK, wk_event_wait(event, 1, wk_after_ns(ACTOR_PATIENCE_NS), &bits));
        take(&actor, first);
        EXPECT(WK_OK, wk_capability_revoke(event));
        wk_child_release(&actor.child);
        wk_bank_destroy(actor.bank);
        wk_capability_delete(actor.bank);
        EXPECT(WK_OK, wk_capability_delete(actor.event));
        EXPECT(WK_OK, wk_capability_delete(event));
    }
}

int main(int argc, char **argv)
{
    if (plays(argc, argv, "peer"))
        play_peer();
    against_peers();
    if (argc > 1) {
        /* What is left of a process that drops all it has: code in borrowed pages, which can only stop. */
        wk_capability_delete(wk_self.bank);
        wk_capability_delete(wk_self.machine);
        wk_capability_delete(wk_self.start->thread);
        wk_capability_delete(wk_self.process);
    }
    return 0;
}
