/* SPDX-License-Identifier: MIT */
/*
 * Out-of-memory injection: each operation that takes memory is made to fail at its first allocation, its second, and so
 * on, until it succeeds. Each failure must leave everything as it was.
 */
#include "harness.h"

#define BASE UINT64_C(0x100000)
#define PAGE WK_PAGE_BYTES
#define LARGE_BASE (4 * WK_LARGE_PAGE_BYTES)

static wk_handle bank;
static wk_handle process;
static wk_handle thread;
static wk_handle memory; /* nine pages, some shared with a clone */
static wk_handle demand; /* twenty pages, none present */

static int setup(void **state)
{
    wk_handle clone;

    machine_setup(state);
    bank = make_bank(BOOT_BANK, 5000);
    memory = make_memory(bank, 9, 0);
    demand = make_memory(bank, 20, ON_DEMAND);
    assert_ok(wk_memory_clone(memory, bank, &clone));
    assert_ok(wk_process_create(bank, 0, 0, &process));
    assert_ok(wk_thread_create(process, 10, &thread));
    assert_ok(wk_memory_map(memory, process, LARGE_BASE, 0, 9, READ));
    return 0;
}

/* Fills the acting thread's table up to a page's end, so that the next capability needs a page. */
static void fill_table(void)
{
    while (slot_of(BOOT_BANK) != NULL && actor()->process->table.made % CAPABILITIES_PER_PAGE != 0)
        duplicate(BOOT_BANK, ALL_RIGHTS);
}

/* Tries `act` with the n-th allocation failing, for all n that it comes to; it must fail at least once. */
static void fail_each_allocation(enum wk_status (*act)(void))
{
    for (unsigned n = 0;; n++) {
        char *before = check_state_text();
        enum wk_status status;

        host_allocations_left = n;
        status = act();
        if (host_allocations_left != UINT64_MAX) {
            host_allocations_left = UINT64_MAX;
            assert_int_equal(status, WK_OK);
            assert_true(n > 0);
            return;
        }
        assert_int_equal(status, WK_NO_MEMORY);
        assert_state_is(before);
    }
}

static wk_handle made;

static enum wk_status act_split(void)
{
    return wk_bank_split(bank, 10, WK_BANK_KIND_RAM, &made);
}

static enum wk_status act_event(void)
{
    return wk_event_create(bank, &made);
}

static enum wk_status act_mailbox(void)
{
    return wk_mailbox_create(bank, 4, &made);
}

static enum wk_status act_timer(void)
{
    return wk_timer_create(bank, &made);
}

static enum wk_status act_memory(void)
{
    return wk_memory_create(bank, 3, 0, &made);
}

static enum wk_status act_memory_with_tables(void)
{
    return wk_memory_create(bank, 600, 0, &made);
}

static enum wk_status act_memory_on_demand(void)
{
    return wk_memory_create(bank, 600, ON_DEMAND, &made);
}

static enum wk_status act_memory_large(void)
{
    return wk_memory_create(bank, 512, LARGE, &made);
}

static enum wk_status act_clone(void)
{
    return wk_memory_clone(memory, bank, &made);
}

static enum wk_status act_process(void)
{
    return wk_process_create(bank, 0, 0, &made);
}

static enum wk_status act_thread(void)
{
    return wk_thread_create(process, 10, &made);
}

static enum wk_status act_dup(void)
{
    return wk_capability_dup(BOOT_BANK, ALL_RIGHTS, &made);
}

static enum wk_status act_lend(void)
{
    return wk_capability_lend(BOOT_BANK, ALL_RIGHTS, &made);
}

static enum wk_status act_grant(void)
{
    return wk_process_grant(process, BOOT_BANK, WK_TRANSFER_LEND, ALL_RIGHTS, &made);
}

static enum wk_status act_claim_region(void)
{
    return wk_machine_claim_region(BOOT_MACHINE, bank, HOST_DEVICE_PHYSICAL, 3, &made);
}

static enum wk_status act_claim_irq(void)
{
    return wk_machine_claim_irq(BOOT_MACHINE, bank, 3, &made);
}

/* With the table full to a page's end, and without. */
static void operations_that_make_a_capability(void **state)
{
    enum wk_status (*const acts[])(void) = {
        act_split,
        act_event,
        act_timer,
        act_mailbox,
        act_memory,
        act_memory_with_tables,
        act_memory_on_demand,
        act_memory_large,
        act_clone,
        act_process,
        act_thread,
        act_dup,
        act_lend,
        act_claim_region,
        act_claim_irq,
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
        fill_table();
        fail_each_allocation(acts[i]);
        assert_ok(wk_capability_delete(made));
    }
}

static void grant(void **state)
{
    (void)state;
    fail_each_allocation(act_grant);
}

static enum wk_status act_clone_table(void)
{
    return wk_process_clone_table(process);
}

static void clone_table(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++)
        duplicate(BOOT_BANK, ALL_RIGHTS);
    fail_each_allocation(act_clone_table);
}

static enum wk_status act_map_eager(void)
{
    return wk_memory_map(memory, process, BASE, 0, 9, READ);
}

static void map_eager(void **state)
{
    enum wk_status status;
    char *before = check_state_text();

    (void)state;
    host_allocations_left = 0;
    assert_status(act_map_eager(), WK_NO_MEMORY);
    assert_state_is(before);
    /* What page tables lack is made up for by faults. */
    for (unsigned n = 1; n < 4; n++) {
        host_allocations_left = n;
        status = act_map_eager();
        host_allocations_left = UINT64_MAX;
        assert_ok(status);
        assert_ok(wk_process_unmap(process, BASE, 9));
    }
}

static enum wk_status act_unmap_middle(void)
{
    return wk_process_unmap(process, LARGE_BASE + 3 * PAGE, 3);
}

static enum wk_status act_protect_middle(void)
{
    return wk_process_protect(process, LARGE_BASE + 3 * PAGE, 3, 0);
}

static void unmap_in_the_middle(void **state)
{
    (void)state;
    fail_each_allocation(act_unmap_middle);
}

static void protect_in_the_middle(void **state)
{
    (void)state;
    fail_each_allocation(act_protect_middle);
}

static enum wk_status act_resize(void)
{
    return wk_memory_resize(memory, 600);
}

static enum wk_status act_resize_empty(void)
{
    return wk_memory_resize(demand, 600);
}

static void resize_up(void **state)
{
    (void)state;
    fail_each_allocation(act_resize);
    assert_ok(act_resize_empty());
}

static wk_handle memory_to_trace;

static enum wk_status act_frames(void)
{
    return wk_thread_set_frames(thread, demand, 15, BASE);
}

static void set_frames_on_demand(void **state)
{
    (void)state;
    fail_each_allocation(act_frames);
}

static enum wk_status act_attach(void)
{
    return wk_trace_attach(BOOT_TRACE, memory_to_trace, 0);
}

static void attach(void **state)
{
    (void)state;
    memory_to_trace = make_memory(make_bank(BOOT_BANK, 20), 3, 0);
    fail_each_allocation(act_attach);
}

static void a_copy_to_demand_memory_stops_where_it_cannot_be_paid(void **state)
{
    enum wk_status status;

    (void)state;
    for (unsigned n = 0; n < 6; n++) {
        host_allocations_left = n;
        status = wk_memory_copy(demand, 0, memory, 0, 4 * PAGE);
        if (host_allocations_left != UINT64_MAX)
            assert_int_equal(status, WK_OK);
        else
            assert_true(status == WK_NO_MEMORY || n >= 5);
        host_allocations_left = UINT64_MAX;
        assert_ok(wk_memory_decommit(demand, 0, 20));
    }
}

static void faults_on_demand_memory(void **state)
{
    const uint64_t word = 7;

    (void)state;
    map(demand, BASE, READ | WRITE);
    /* The table of the object, the page, two page tables: each failure ends the process but once it is paid it stays. */
    for (unsigned n = 0; n < 4; n++) {
        struct program program = program_make(500, 10);
        struct thread *boot = actor();

        assert_ok(wk_memory_map(demand, program.process, BASE * 8 + n * WK_LARGE_PAGE_BYTES, n, 1, READ | WRITE));
        act_as(program.thread_record);
        make_current(program.thread_record);
        host_allocations_left = n;
        (void)user_store(BASE * 8 + n * WK_LARGE_PAGE_BYTES, &word, 8);
        host_allocations_left = UINT64_MAX;
        act_as(boot);
        assert_ok(wk_bank_destroy(program.bank));
    }
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(operations_that_make_a_capability, setup),
        cmocka_unit_test_setup(grant, setup),
        cmocka_unit_test_setup(clone_table, setup),
        cmocka_unit_test_setup(map_eager, setup),
        cmocka_unit_test_setup(unmap_in_the_middle, setup),
        cmocka_unit_test_setup(protect_in_the_middle, setup),
        cmocka_unit_test_setup(resize_up, setup),
        cmocka_unit_test_setup(set_frames_on_demand, setup),
        cmocka_unit_test_setup(attach, setup),
        cmocka_unit_test_setup(a_copy_to_demand_memory_stops_where_it_cannot_be_paid, setup),
        cmocka_unit_test_setup(faults_on_demand_memory, setup),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
