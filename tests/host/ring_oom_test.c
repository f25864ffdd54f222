/* SPDX-License-Identifier: MIT */
/* Rings when allocations fail, the first, the second, and so on: a ring is made whole or not at all, and what an entry
 * does fails as it does by a trap. */
#include "ring_user.h"

static wk_handle made, its_memory;

/* Fills the acting thread's table up to a page's end, so that the next capability needs a page. */
static void fill_table(void)
{
    while (actor()->process->table.made % CAPABILITIES_PER_PAGE != 0)
        duplicate(BOOT_BANK, ALL_RIGHTS);
}

/* Tries `act` with the n-th allocation failing, for all n that it comes to. */
static void fail_each_allocation(enum wk_status (*act)(void))
{
    for (unsigned n = 0;; n++) {
        const uint64_t used = bank_used(BOOT_BANK), objects = bank_of(BOOT_BANK)->object_count;
        enum wk_status status;
        bool is_enough;

        host_allocations_left = n;
        status = act();
        is_enough = host_allocations_left != UINT64_MAX;
        host_allocations_left = UINT64_MAX;
        if (is_enough) {
            assert_int_equal(status, WK_OK);
            assert_true(n > 0);
            return;
        }
        assert_int_equal(status, WK_NO_MEMORY);
        assert_int_equal(bank_used(BOOT_BANK), used);
        assert_int_equal(bank_of(BOOT_BANK)->object_count, objects);
    }
}

static enum wk_status create(void)
{
    return wk_ring_create(BOOT_BANK, its_memory, 256, 64, 9, 0, &made);
}

static void a_ring_is_made_whole_or_not_at_all(void **state)
{
    (void)state;
    its_memory = make_memory(BOOT_BANK, 8, 0);
    fail_each_allocation(create);
    assert_ok(wk_capability_delete(made));
}

/* Pages that are paid when they are touched stay when others cannot be paid. */
static void memory_on_demand_is_paid_by_its_own_bank(void **state)
{
    const wk_handle small = make_bank(BOOT_BANK, 4);
    uint64_t used;

    (void)state;
    assert_ok(wk_capability_delete(make_memory(small, 8, ON_DEMAND)));
    used = bank_used(small); /* what records lie in stays */
    its_memory = make_memory(small, 8, ON_DEMAND);
    assert_status(create(), WK_NO_MEMORY);
    assert_int_equal(memory_of(its_memory)->pin_count, 0);
    assert_ok(wk_capability_delete(its_memory));
    assert_int_equal(bank_used(small), used);
}

/* ---- entries ---- */

static uint64_t entry_operation, entry_words[3];
static wk_handle entry_handle;

static enum wk_status execute_entry(void)
{
    put(entry_operation, 0, entry_handle, 1, entry_words[0], entry_words[1], entry_words[2]);
    assert_ok(enter(1, 0));
    settle_ring();
    assert_completed_any(1, (enum wk_status)WK_RECEIVED_STATUS(
                                completions->messages[(completions->producer.index - 1) % COMPLETIONS].words[0]));
    completions->consumer.index++;
    made = completion_words[0];
    return (enum wk_status)WK_RECEIVED_STATUS(completion_status);
}

static void try_entry(uint64_t operation, wk_handle handle, uint64_t word0, uint64_t word1)
{
    entry_operation = operation;
    entry_handle = handle;
    entry_words[0] = word0;
    entry_words[1] = word1;
    fill_table();
    fail_each_allocation(execute_entry);
    assert_ok(wk_capability_delete(made));
}

static void entries_fail_as_traps_do(void **state)
{
    const wk_handle large = make_memory(BOOT_BANK, 12, 0);

    (void)state;
    try_entry(WK_EVENT_CREATE, BOOT_BANK, 0, 0);
    try_entry(WK_CAPABILITY_DUP, event, ALL_RIGHTS, 0);
    try_entry(WK_CAPABILITY_LEND, event, ALL_RIGHTS, 0);
    try_entry(WK_MEMORY_CREATE, BOOT_BANK, 9, 0);
    try_entry(WK_MEMORY_CLONE, large, BOOT_BANK, 0);
    try_entry(WK_PROCESS_CREATE, BOOT_BANK, 0, 0);
    try_entry(WK_BANK_SPLIT, BOOT_BANK, 10, WK_BANK_KIND_RAM);
    try_entry(WK_ENDPOINT_CREATE, BOOT_BANK, 0, 0);
    try_entry(WK_ENDPOINT_MINT, endpoint, 5, 1);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        ring_test(a_ring_is_made_whole_or_not_at_all),
        ring_test(memory_on_demand_is_paid_by_its_own_bank),
        ring_test(entries_fail_as_traps_do),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(tests[0]));
}
