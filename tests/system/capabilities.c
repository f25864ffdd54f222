/* SPDX-License-Identifier: MIT */
/* Handles and capabilities: what they answer, what narrows, what goes with what. */
#include "check.h"

#include <winkle/capability.h>
#include <winkle/event.h>
#include <winkle/process.h>

struct facts {
    uint64_t type, rights, borrowed, lent, badge, identity;
};

static struct facts facts_of(wk_handle handle)
{
    struct facts facts;

    EXPECT(WK_OK, wk_capability_info(handle, &facts.type, &facts.rights, &facts.borrowed, &facts.lent, &facts.badge,
                                     &facts.identity));
    return facts;
}

static wk_handle new_event(void)
{
    wk_handle event;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    return event;
}

static wk_handle lend(wk_handle handle, uint64_t rights)
{
    wk_handle lent;

    EXPECT(WK_OK, wk_capability_lend(handle, rights, &lent));
    return lent;
}

static wk_handle dup(wk_handle handle, uint64_t rights)
{
    wk_handle copy;

    EXPECT(WK_OK, wk_capability_dup(handle, rights, &copy));
    return copy;
}

static void stale_handles(void)
{
    const wk_handle first = new_event();

    EXPECT(WK_OK, wk_capability_check(first));
    EXPECT(WK_OK, wk_capability_delete(first));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(first));
    for (int i = 0; i < 300; i++) {
        const wk_handle other = new_event();

        CHECK(other != first);
        EXPECT(WK_BAD_HANDLE, wk_capability_check(first));
        EXPECT(WK_OK, wk_capability_delete(other));
    }
    EXPECT(WK_BAD_HANDLE, wk_capability_check(0));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(UINT64_MAX));
}

static void rights_only_narrow(void)
{
    const wk_handle event = new_event();
    const wk_handle signaller = lend(event, WK_EVENT_RIGHT_SIGNAL);
    const wk_handle again = lend(signaller, WK_RIGHTS_ALL);
    const wk_handle copy = dup(signaller, WK_RIGHTS_ALL);
    uint64_t bits;

    EQUAL(WK_EVENT_RIGHT_SIGNAL, facts_of(signaller).rights);
    EQUAL(WK_EVENT_RIGHT_SIGNAL, facts_of(again).rights);
    EQUAL(WK_EVENT_RIGHT_SIGNAL, facts_of(copy).rights);
    EXPECT(WK_OK, wk_event_signal(again, 1));
    EXPECT(WK_NO_RIGHT, wk_event_poll(again, 1, &bits));
    EXPECT(WK_OK, wk_event_poll(event, 1, &bits));
    EXPECT(WK_OK, wk_capability_delete(event));
}

static void owned_and_borrowed(void)
{
    const wk_handle event = new_event();
    const wk_handle sibling = dup(event, WK_RIGHTS_ALL);
    const wk_handle child = lend(event, WK_RIGHTS_ALL);
    const wk_handle grandchild = dup(child, WK_RIGHTS_ALL);

    EQUAL(WK_TYPE_EVENT, facts_of(event).type);
    EQUAL(0, facts_of(event).borrowed);
    EQUAL(1, facts_of(event).lent);
    EQUAL(0, facts_of(sibling).borrowed);
    EQUAL(1, facts_of(child).borrowed);
    EQUAL(1, facts_of(grandchild).borrowed);
    EQUAL(facts_of(event).identity, facts_of(grandchild).identity);
    EXPECT(WK_OK, wk_capability_delete(event));
    EXPECT(WK_OK, wk_capability_check(sibling));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(child));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(grandchild));
    EXPECT(WK_OK, wk_capability_delete(sibling));
}

static void revoking_is_transitive(void)
{
    const wk_handle event = new_event();
    wk_handle chain[20];

    chain[0] = event;
    for (int i = 1; i < 20; i++)
        chain[i] = lend(chain[i - 1], WK_RIGHTS_ALL);
    EXPECT(WK_OK, wk_capability_revoke(chain[10]));
    EXPECT(WK_OK, wk_capability_check(chain[10]));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(chain[11]));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(chain[19]));
    EXPECT(WK_OK, wk_capability_revoke(event));
    EXPECT(WK_OK, wk_capability_check(event));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(chain[1]));
    EQUAL(0, facts_of(event).lent);
    EXPECT(WK_OK, wk_capability_delete(event));
}

static void giving(void)
{
    wk_handle process, there, event = new_event(), lent = lend(event, WK_RIGHTS_ALL);

    EXPECT(WK_OK, wk_process_create(wk_self.bank, 0, 0, &process));
    EXPECT(WK_IS_LENT, wk_process_grant(process, event, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, &there));
    EXPECT(WK_OK, wk_process_grant(process, lent, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, &there));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(lent));
    EQUAL(1, facts_of(event).lent);
    EXPECT(WK_OK, wk_capability_revoke(event));
    EXPECT(WK_OK, wk_process_grant(process, event, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, &there));
    EXPECT(WK_BAD_HANDLE, wk_capability_check(event));
    EXPECT(WK_OK, wk_capability_delete(process));
}

static void wrong_types(void)
{
    const wk_handle event = new_event();
    uint64_t bits;

    EXPECT(WK_WRONG_TYPE, wk_process_suspend(event));
    EXPECT(WK_WRONG_TYPE, wk_event_poll(wk_self.process, 1, &bits));
    EXPECT(WK_NO_SUCH_OPERATION, wk_trap(WK_OPERATION_LAST + 1, event, (uint64_t[6]){0}));
    EXPECT(WK_NO_SUCH_OPERATION, wk_trap(UINT64_MAX, event, (uint64_t[6]){0}));
    EXPECT(WK_BAD_ARGUMENT, wk_event_poll(event, 0, &bits));
    EXPECT(WK_OK, wk_capability_delete(event));
}

int main(void)
{
    stale_handles();
    rights_only_narrow();
    owned_and_borrowed();
    revoking_is_transitive();
    giving();
    wrong_types();
    wk_print("capabilities: good\n");
    return 0;
}
