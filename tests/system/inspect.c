/* SPDX-License-Identifier: MIT */
/* The walk over all objects: what this program made is in it, and the right to walk is needed. */
#include "check.h"

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/event.h>
#include <winkle/machine.h>

#include <stdbool.h>

static uint64_t identity_of(wk_handle handle)
{
    uint64_t type, rights, borrowed, lent, badge, identity;

    EXPECT(WK_OK, wk_capability_info(handle, &type, &rights, &borrowed, &lent, &badge, &identity));
    return identity;
}

struct object {
    uint64_t type, identity, bank, capabilities, pages, detail;
};

static bool next_object(struct object *object)
{
    return wk_machine_inspect_object(wk_self.machine, &object->type, &object->identity, &object->bank,
                                     &object->capabilities, &object->pages, &object->detail) == WK_OK;
}

/* Walks to the object. */
static struct object walk_to(uint64_t identity)
{
    struct object object = {0};

    EXPECT(WK_OK, wk_machine_inspect_start(wk_self.machine));
    while (object.identity != identity)
        CHECK(next_object(&object));
    return object;
}

/* Whether the process at which the walk stands holds that handle, and to which object. */
static bool holds(wk_handle wanted, uint64_t identity)
{
    uint64_t index = 0, handle, type_and_rights, found, lender;

    while (wk_machine_inspect_capability(wk_self.machine, index, &index, &handle, &type_and_rights, &found, &lender) ==
           WK_OK) {
        if (handle == wanted)
            return found == identity;
    }
    return false;
}

int main(void)
{
    wk_handle event, bank, weak;
    struct object object;

    EXPECT(WK_OK, wk_bank_split(wk_self.bank, 8, WK_BANK_KIND_RAM, &bank));
    EXPECT(WK_OK, wk_event_create(bank, &event));
    object = walk_to(identity_of(event));
    EQUAL(WK_TYPE_EVENT, object.type);
    EQUAL(identity_of(bank), object.bank);
    EQUAL(1, object.capabilities);
    object = walk_to(identity_of(bank));
    EQUAL(WK_TYPE_BANK, object.type);
    EQUAL(8, object.pages);
    EQUAL(identity_of(wk_self.bank), object.bank);
    object = walk_to(identity_of(wk_self.process));
    EQUAL(WK_TYPE_PROCESS, object.type);
    CHECK(holds(event, identity_of(event)));
    CHECK(holds(wk_self.process, identity_of(wk_self.process)));
    CHECK(!holds(event + 1, 0));
    /* What is destroyed while the walk stands at it does no harm. */
    walk_to(identity_of(event));
    EXPECT(WK_OK, wk_bank_destroy(bank));
    while (next_object(&object))
        CHECK(object.type != WK_TYPE_NONE);
    EXPECT(WK_OK, wk_capability_lend(wk_self.machine, WK_MACHINE_RIGHT_CONSOLE, &weak));
    EXPECT(WK_NO_RIGHT, wk_machine_inspect_start(weak));
    EXPECT(WK_NO_RIGHT, wk_machine_power_off(weak, 0));
    wk_print("inspect: good\n");
    return 0;
}
