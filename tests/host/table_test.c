/* SPDX-License-Identifier: MIT */
/* Tables of capabilities at their limits: slots that are free, and tables without any. */
#include "fault_program.h"

#include "lock.h"

/* Numbers that look like what the kernel may keep in a free slot, or in one that was never made. */
static void a_forged_handle_finds_no_free_slot(void **state)
{
    const wk_handle stale = make_event(BOOT_BANK);
    const wk_handle twin = duplicate(BOOT_BANK, ALL_RIGHTS);
    const uint64_t slots[] = {
        stale & (CAPABILITY_INDEX_LIMIT - 1), twin & (CAPABILITY_INDEX_LIMIT - 1), 63, 64, 200, 40000,
        CAPABILITY_INDEX_LIMIT - 1,
    };
    uint64_t words[6] = {0};

    (void)state;
    assert_ok(wk_capability_delete(stale));
    assert_ok(wk_capability_delete(twin));
    for (unsigned i = 0; i < sizeof(slots) / sizeof(*slots); i++)
        for (unsigned bit = 0; bit < 46; bit++)
            for (uint64_t generation = 0; generation < 3; generation++) {
                const wk_handle forged = (UINT64_C(1) << bit | generation) << HANDLE_INDEX_BITS | slots[i];

                if (slot_of(forged) == NULL || slot_of(forged)->object == NULL)
                    assert_status(wk_trap(WK_CAPABILITY_CHECK, forged, words), WK_BAD_HANDLE);
            }
}

/* Makes all slots that the table can have, each with its generations used up but those in use already. */
static void retire_all_slots(void)
{
    struct process *process = actor()->process;
    struct capability_table *table = &process->table;

    kernel_lock_acquire();
    while (table->made != CAPABILITY_INDEX_LIMIT) {
        if (table->made == table->paged) {
            kernel_lock_release();
            while (!frame_stock_is_full(host_hart))
                frame_stock_add(host_hart);
            kernel_lock_acquire();
            assert_int_equal(capability_reserve_page(process), WK_AGAIN);
        }
        capability_slot(table, table->made++)->generation = CAPABILITY_GENERATION_LIMIT | CAPABILITY_FREE;
    }
    table->free_head = NULL;
    for (uint32_t i = 0; i < CAPABILITIES_PER_PAGE; i++) {
        struct capability *slot = capability_slot(table, i);

        if (slot->object == NULL)
            slot->generation = CAPABILITY_GENERATION_LIMIT | CAPABILITY_FREE;
    }
    kernel_lock_release();
    check_kernel();
}

static void a_full_table_takes_nothing_more(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 4, 0);
    const wk_handle served = make_endpoint(BOOT_BANK);
    const wk_handle posted = make_event(BOOT_BANK);
    wk_handle process, mailbox, made;
    uint64_t ticket;
    char *before;

    (void)state;
    assert_ok(wk_process_create(BOOT_BANK, 0, 0, &process));
    assert_ok(wk_mailbox_create(BOOT_BANK, 2, &mailbox));
    assert_ok(wk_mailbox_post(mailbox, posted, WK_TRANSFER_LEND, ALL_RIGHTS, &ticket));
    assert_status(call_as(spawn(1, NULL), make_session(served, 1), 0x2000, 0), NOT_ANSWERED);
    assert_ok(receive_as(actor(), served));
    retire_all_slots();
    before = check_state_text();
    assert_status(wk_bank_split(BOOT_BANK, 1, WK_BANK_KIND_RAM, &made), WK_TABLE_FULL);
    assert_status(wk_bank_split_with_payer(BOOT_TIM, BOOT_BANK, 1, &made), WK_TABLE_FULL);
    assert_status(wk_event_create(BOOT_BANK, &made), WK_TABLE_FULL);
    assert_status(wk_timer_create(BOOT_BANK, &made), WK_TABLE_FULL);
    assert_status(wk_memory_create(BOOT_BANK, 1, 0, &made), WK_TABLE_FULL);
    assert_status(wk_memory_clone(memory, BOOT_BANK, &made), WK_TABLE_FULL);
    assert_status(wk_process_create(BOOT_BANK, 0, 0, &made), WK_TABLE_FULL);
    assert_status(wk_thread_create(process, 1, &made), WK_TABLE_FULL);
    assert_status(wk_process_grant(BOOT_PROCESS, BOOT_BANK, WK_TRANSFER_DUP, ALL_RIGHTS, &made), WK_TABLE_FULL);
    assert_status(wk_capability_dup(BOOT_BANK, ALL_RIGHTS, &made), WK_TABLE_FULL);
    assert_status(wk_capability_lend(BOOT_BANK, ALL_RIGHTS, &made), WK_TABLE_FULL);
    assert_status(wk_machine_claim_region(BOOT_MACHINE, BOOT_BANK, HOST_DEVICE_PHYSICAL, 1, &made), WK_TABLE_FULL);
    assert_status(wk_machine_claim_irq(BOOT_MACHINE, BOOT_BANK, 7, &made), WK_TABLE_FULL);
    assert_status(wk_budget_split(BOOT_BUDGET, BOOT_BANK, 0, 0, 1, 0, &made), WK_TABLE_FULL);
    assert_status(wk_endpoint_create(BOOT_BANK, &made), WK_TABLE_FULL);
    assert_status(wk_endpoint_mint(served, 2, 0, &made), WK_TABLE_FULL);
    assert_status(wk_endpoint_reply_save(served, &made), WK_TABLE_FULL);
    assert_status(wk_mailbox_create(BOOT_BANK, 2, &made), WK_TABLE_FULL);
    assert_status(wk_mailbox_take(mailbox, ticket, 0xffff, &made), WK_TABLE_FULL);
    assert_status(wk_mailbox_withdraw(mailbox, ticket, &made), WK_TABLE_FULL);
    assert_status(wk_ring_create(BOOT_BANK, memory, 4, 4, 1, 0, &made), WK_TABLE_FULL);
    assert_state_is(before);
}

static void nor_the_thread_whose_fault_is_served(void **state)
{
    wk_handle thread;

    (void)state;
    fault_at(WK_UPCALL_CAUSE_BREAKPOINT, 1);
    assert_ok(receive_as(boot, endpoint));
    retire_all_slots();
    assert_status(wk_process_faulting_thread(program.process, &thread), WK_TABLE_FULL);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(a_forged_handle_finds_no_free_slot),
        machine_test(a_full_table_takes_nothing_more),
        fault_test(nor_the_thread_whose_fault_is_served),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
