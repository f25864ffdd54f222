/* SPDX-License-Identifier: MIT */
/* Chains of loans as deep as they go, fans of thousands, taken back while other threads lend on. */
#include "../system/check.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/threads.h>

#include <stdbool.h>

#define DEPTH_MAX 1000
#define FAN 5000
#define LENDERS 3
#define ROUNDS 50

static wk_handle root;
static volatile bool stop;

static void deep(void)
{
    wk_handle event, chain[DEPTH_MAX];
    unsigned depth = 0;
    enum wk_status status = WK_OK;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    chain[0] = event;
    while (depth + 1 < DEPTH_MAX &&
           (status = wk_capability_lend(chain[depth], WK_RIGHTS_ALL, &chain[depth + 1])) == WK_OK)
        depth++;
    EXPECT(WK_TABLE_FULL, status);
    CHECK(depth >= 16);
    EXPECT(WK_OK, wk_event_signal(chain[depth], 1));
    EXPECT(WK_OK, wk_capability_delete(event));
    for (unsigned i = 0; i <= depth; i++)
        EXPECT(WK_BAD_HANDLE, wk_capability_check(chain[i]));
}

static void wide(void)
{
    wk_handle event, lent, first = 0;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    for (unsigned i = 0; i < FAN; i++) {
        EXPECT(WK_OK, wk_capability_lend(i % 3 == 0 || first == 0 ? event : first, WK_RIGHTS_ALL, &lent));
        if (first == 0)
            first = lent;
    }
    EXPECT(WK_OK, wk_capability_revoke(event));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(lent));
    EXPECT(WK_OK, wk_capability_delete(event));
}

/* Lends from whatever it got last, and from the root again when that is taken back. */
static void lend_on(void *unused)
{
    wk_handle last = 0;

    (void)unused;
    while (!stop) {
        wk_handle lent;
        enum wk_status status = wk_capability_lend(last == 0 ? root : last, WK_RIGHTS_ALL, &lent);

        CHECK(status == WK_OK || status == WK_BAD_HANDLE || status == WK_REVOKED || status == WK_TABLE_FULL ||
              status == WK_NO_MEMORY);
        last = status == WK_OK ? lent : 0;
    }
}

static void lending_against_revoking(void)
{
    struct wk_thread threads[LENDERS];
    wk_handle event;
    uint64_t bits;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &root));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    for (unsigned i = 0; i < LENDERS; i++)
        EXPECT(WK_OK, wk_thread_run(&threads[i], lend_on, NULL, 4, 80));
    for (unsigned round = 0; round < ROUNDS; round++) {
        EXPECT(WK_TIMED_OUT, wk_event_wait(event, 1, wk_after_ns(1000000), &bits));
        EXPECT(WK_OK, wk_capability_revoke(root));
    }
    stop = true;
    for (unsigned i = 0; i < LENDERS; i++)
        EXPECT(WK_OK, wk_thread_join(&threads[i], WK_FOREVER));
    EXPECT(WK_OK, wk_capability_delete(root));
    EXPECT(WK_OK, wk_capability_delete(event));
}

int main(void)
{
    deep();
    wide();
    lending_against_revoking();
    return 0;
}
