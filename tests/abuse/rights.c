/* SPDX-License-Identifier: MIT */
/* Widening rights: what was given with less stays with less, by whatever way it is copied. */
#include "../system/check.h"

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/event.h>
#include <winkle/machine.h>
#include <winkle/memory.h>
#include <winkle/process.h>
#include <winkle/thread.h>
#include <winkle/timer.h>

static uint64_t rights_of(wk_handle handle)
{
    uint64_t type, rights, borrowed, lent, badge, identity;

    EXPECT(WK_OK, wk_capability_info(handle, &type, &rights, &borrowed, &lent, &badge, &identity));
    return rights;
}

static wk_handle without_rights(wk_handle handle)
{
    wk_handle weak;

    EXPECT(WK_OK, wk_capability_lend(handle, 0, &weak));
    return weak;
}

/* Every copy of a capability, asked for with all rights, has at most the rights of the original. */
static void copies(wk_handle handle)
{
    const uint64_t rights = rights_of(handle);
    wk_handle copy;

    EXPECT(WK_OK, wk_capability_dup(handle, UINT64_MAX & WK_RIGHTS_ALL, &copy));
    CHECK((rights_of(copy) & ~rights) == 0);
    EXPECT(WK_OK, wk_capability_delete(copy));
    EXPECT(WK_OK, wk_capability_lend(handle, WK_RIGHTS_ALL, &copy));
    CHECK((rights_of(copy) & ~rights) == 0);
    EXPECT(WK_OK, wk_capability_delete(copy));
    EXPECT(WK_OK, wk_process_grant(wk_self.process, handle, WK_TRANSFER_DUP, WK_RIGHTS_ALL, &copy));
    CHECK((rights_of(copy) & ~rights) == 0);
    EXPECT(WK_OK, wk_process_grant(wk_self.process, copy, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, &copy));
    CHECK((rights_of(copy) & ~rights) == 0);
    EXPECT(WK_OK, wk_capability_delete(copy));
}

/* Every operation that needs a right, on a capability with none: refused, whatever the arguments. Those that need none
 * are few, and do not change the object. */
static void all_operations(wk_handle handle)
{
    const wk_handle weak = without_rights(handle);

    for (uint64_t operation = WK_OPERATION_FIRST; operation <= WK_OPERATION_LAST; operation++) {
        uint64_t words[6] = {1, 1, 1, 1, 1, 1};
        enum wk_status status;

        if (operation == WK_CAPABILITY_DELETE || operation == WK_CAPABILITY_REVOKE || operation == WK_MEMORY_MAP)
            continue;
        status = wk_trap(operation, weak, words);
        if (status == WK_OK)
            CHECK(operation == WK_CAPABILITY_CHECK || operation == WK_CAPABILITY_INFO ||
                  operation == WK_CAPABILITY_DUP || operation == WK_CAPABILITY_LEND || operation == WK_MEMORY_INFO);
        else
            CHECK(status == WK_NO_RIGHT || status == WK_WRONG_TYPE || status == WK_NO_SUCH_OPERATION);
    }
    EXPECT(WK_OK, wk_capability_delete(weak));
}

/* Arguments need their rights too. */
static void arguments(void)
{
    const wk_handle weak_bank = without_rights(wk_self.bank);
    wk_handle event, memory, timer, process, other, weak;

    EXPECT(WK_NO_RIGHT, wk_event_create(weak_bank, &event));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_timer_create(wk_self.bank, &timer));
    EXPECT(WK_OK, wk_memory_create(wk_self.bank, 1, 0, &memory));
    weak = without_rights(event);
    EXPECT(WK_NO_RIGHT, wk_timer_bind(timer, weak, 1));
    EXPECT(WK_NO_RIGHT, wk_process_create(wk_self.bank, weak, 1, &process));
    EXPECT(WK_NO_RIGHT, wk_memory_clone(memory, weak_bank, &other));
    weak = without_rights(memory);
    EXPECT(WK_NO_RIGHT, wk_memory_copy(memory, 0, weak, 0, 1));
    EXPECT(WK_NO_RIGHT, wk_thread_set_frames(wk_self.start->thread, weak, 0, 0x7000000));
    EXPECT(WK_NO_RIGHT, wk_memory_map(weak, wk_self.process, 0x7000000, 0, 1, WK_PROTECTION_READ));
    weak = without_rights(wk_self.process);
    EXPECT(WK_NO_RIGHT, wk_memory_map(memory, weak, 0x7000000, 0, 1, WK_PROTECTION_READ));
    EXPECT(WK_NO_RIGHT, wk_machine_claim_region(wk_self.machine, wk_self.bank, 0x101000, 1, &other));
    EXPECT(WK_NO_RIGHT, wk_machine_power_off(wk_self.machine, 1));
    EXPECT(WK_NO_RIGHT, wk_machine_reboot(wk_self.machine));
    EXPECT(WK_NO_RIGHT, wk_machine_inspect_start(wk_self.machine));
    EXPECT(WK_NO_RIGHT, wk_bank_destroy(wk_self.bank));
    /* More urgent than its creator allowed. */
    CHECK(wk_thread_set_priority(wk_self.start->thread, 255) != WK_OK);
    all_operations(event);
    all_operations(timer);
    all_operations(memory);
    all_operations(wk_self.process);
    all_operations(wk_self.start->thread);
    all_operations(wk_self.bank);
    all_operations(wk_self.machine);
}

int main(void)
{
    copies(wk_self.process);
    copies(wk_self.bank);
    copies(wk_self.machine);
    copies(wk_named_handle("archive"));
    arguments();
    return 0;
}
