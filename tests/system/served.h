/* SPDX-License-Identifier: MIT */
/* A service of the boot archive, started as init would start it: with a bank and an endpoint of its own. */
#ifndef SERVED_H
#define SERVED_H

#include "actors.h"

#include <winkle/calls.h>
#include <winkle/endpoint.h>
#include <winkle/thread.h>

struct served {
    struct actor actor;
    wk_handle endpoint;
    wk_handle root; /* a session with badge 0 */
};

/* More urgent than who tests it: on one hart it has done what it had to do whenever the test runs. */
#define SERVICE_PRIORITY 140
#define TEST_PRIORITY 100

/* The actor may then be lent more. */
static inline void served_prepare(struct served *served, uint64_t bank_pages)
{
    EXPECT(WK_OK, wk_thread_set_priority(wk_self.start->thread, TEST_PRIORITY));
    actor_prepare(&served->actor, bank_pages);
    served->actor.priority = SERVICE_PRIORITY;
    EXPECT(WK_OK, wk_endpoint_create(served->actor.bank, &served->endpoint));
    EXPECT(WK_OK, wk_endpoint_mint(served->endpoint, 0, 0, &served->root));
    actor_lend(&served->actor, "endpoint", served->endpoint, WK_ENDPOINT_RIGHT_MINT | WK_ENDPOINT_RIGHT_SERVE);
}

/* It has a turn: what carries capabilities is refused until it serves, other calls wait. */
static inline void served_turn(const struct served *served)
{
    uint64_t words[6] = {0};

    EXPECT(WK_NO_SUCH_OPERATION, wk_call(served->root, WK_MESSAGE_OPERATION, words, WK_NO_DEADLINE));
}

static inline void served_run(struct served *served, const char *name)
{
    actor_start(&served->actor, 1, &name);
    served_turn(served);
}

static inline void served_start(struct served *served, const char *name, uint64_t bank_pages)
{
    served_prepare(served, bank_pages);
    served_run(served, name);
}

/* What its bank holds, once it has done what it had to do: when that has not changed while it had some turns. That time has
 * passed tells little: the emulator may not have run its hart. */
static inline uint64_t served_used_pages(const struct served *served, uint64_t *objects)
{
    uint64_t limit, used, children, objects_before = 0, used_before = 0;
    enum wk_bank_kind kind;

    for (unsigned same = 0; same < 10;) {
        served_turn(served);
        EXPECT(WK_OK, wk_bank_info(served->actor.bank, &limit, &used, objects, &children, &kind));
        same = *objects == objects_before && used == used_before ? same + 1 : 0;
        objects_before = *objects;
        used_before = used;
        wk_thread_sleep(wk_self.start->thread, wk_after_ns(5000000));
    }
    return used;
}

/* Ends it, and looks that it was still there. */
static inline void served_end(struct served *served)
{
    uint64_t bits;

    EXPECT(WK_WOULD_BLOCK, wk_event_poll(served->actor.event, 1, &bits));
    wk_child_release(&served->actor.child);
    EXPECT(WK_OK, wk_capability_delete(served->root));
    EXPECT(WK_OK, wk_capability_delete(served->endpoint));
    EXPECT(WK_OK, wk_bank_destroy(served->actor.bank));
    wk_capability_delete(served->actor.bank);
    EXPECT(WK_OK, wk_capability_delete(served->actor.event));
}

#endif
