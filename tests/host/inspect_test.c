/* SPDX-License-Identifier: MIT */
/* What the machine capability lets its holder see: the machine, every object, every table. */
#include "harness.h"

#include <string.h>

static void info_tells_what_the_machine_is(void **state)
{
    const struct host_machine machine = {.harts = 3, .asid_bits = 8, .ram_bytes = UINT64_C(32) << 20};
    uint64_t harts_told, timebase, ram, free_before, free_after, now, asid_bits;

    (void)state;
    machine_start(&machine);
    host_time_pass_to(12345);
    assert_ok(wk_machine_info(BOOT_MACHINE, &harts_told, &timebase, &ram, &free_before, &now, &asid_bits));
    assert_int_equal(harts_told, 3);
    assert_int_equal(timebase, boot_information.timebase_hz);
    assert_int_equal(ram, (32 << 20) / WK_PAGE_BYTES);
    assert_int_equal(now, 12345);
    assert_int_equal(asid_bits, 8);
    make_memory(BOOT_BANK, 100, 0);
    assert_ok(wk_machine_info(BOOT_MACHINE, &harts_told, &timebase, &ram, &free_after, &now, &asid_bits));
    assert_true(free_before - free_after >= 100);
}

static void a_kernel_without_meters_has_none(void **state)
{
    uint64_t value;

    (void)state;
    assert_status(wk_machine_read_meter(BOOT_MACHINE, WK_METER_LOCK_HOLD, 0, 0, &value), WK_NOT_AVAILABLE);
    assert_error_at(wk_machine_read_meter(BOOT_MACHINE, WK_METER_LOCK_HOLD, 0, 2, &value), WK_BAD_ARGUMENT, 3);
}

struct sight {
    uint64_t type, identity, bank, capabilities, pages, detail;
};

static enum wk_status look(struct sight *sight)
{
    return wk_machine_inspect_object(BOOT_MACHINE, &sight->type, &sight->identity, &sight->bank, &sight->capabilities,
                                     &sight->pages, &sight->detail);
}

/* Walks until the object that the handle names. */
static struct sight look_for(wk_handle handle)
{
    struct sight sight;

    do
        assert_ok(look(&sight));
    while (sight.identity != identity_of(handle));
    return sight;
}

static void the_walk_tells_of_every_object(void **state)
{
    wk_handle bank = make_bank(BOOT_BANK, 100);
    wk_handle memory = make_memory(bank, 5, ON_DEMAND);
    wk_handle event = make_event(bank);
    struct program program = program_make(50, 10);
    struct sight sight;
    wk_handle timer, irq, region;

    (void)state;
    assert_ok(wk_timer_create(bank, &timer));
    assert_ok(wk_timer_set(timer, 5000, 0));
    assert_ok(wk_machine_claim_irq(BOOT_MACHINE, bank, 3, &irq));
    assert_ok(wk_machine_claim_region(BOOT_MACHINE, BOOT_BANK, HOST_DEVICE_PHYSICAL, 3, &region));
    assert_ok(wk_machine_inspect_start(BOOT_MACHINE));
    sight = look_for(bank);
    assert_int_equal(sight.type, WK_TYPE_BANK);
    assert_int_equal(sight.bank, identity_of(BOOT_BANK));
    assert_int_equal(sight.pages, 100);
    assert_int_equal(sight.detail, bank_used(bank));
    sight = look_for(memory);
    assert_int_equal(sight.type, WK_TYPE_MEMORY);
    assert_int_equal(sight.bank, identity_of(bank));
    assert_int_equal(sight.capabilities, 1);
    assert_int_equal(sight.pages, 0);
    assert_int_equal(sight.detail, 5);
    assert_int_equal(look_for(event).type, WK_TYPE_EVENT);
    sight = look_for(program.process);
    assert_int_equal(sight.type, WK_TYPE_PROCESS);
    assert_int_equal(sight.pages, 0);
    sight = look_for(program.thread);
    assert_int_equal(sight.type, WK_TYPE_THREAD);
    assert_int_equal(sight.detail, identity_of(program.process));
    sight = look_for(timer);
    assert_int_equal(sight.type, WK_TYPE_TIMER);
    assert_int_equal(sight.detail, 5000);
    assert_int_equal(look_for(irq).type, WK_TYPE_IRQ);
    assert_int_equal(look_for(region).type, WK_TYPE_MEMORY);
    assert_status(look(&sight), WK_WOULD_BLOCK);
    assert_status(look(&sight), WK_WOULD_BLOCK);
}

static void the_walk_sees_the_roots(void **state)
{
    struct sight sight;
    unsigned seen[INTERFACE_TYPE_COUNT] = {0};

    (void)state;
    assert_ok(wk_machine_inspect_start(BOOT_MACHINE));
    while (look(&sight) == WK_OK) {
        assert_true(sight.type >= WK_TYPE_BANK && sight.type < INTERFACE_TYPE_COUNT);
        seen[sight.type]++;
        if (sight.identity == identity_of(BOOT_BANK))
            assert_int_equal(sight.bank, 0);
        if (sight.type == WK_TYPE_MACHINE || sight.type == WK_TYPE_TRACE)
            assert_int_equal(sight.bank, 0);
    }
    assert_int_equal(seen[WK_TYPE_MACHINE], 1);
    assert_int_equal(seen[WK_TYPE_TRACE], 1);
    assert_int_equal(seen[WK_TYPE_PROCESS], 1);
}

static void a_walk_has_to_be_begun(void **state)
{
    struct sight sight;
    uint64_t next, handle, type_and_rights, identity, lender;

    (void)state;
    assert_status(look(&sight), WK_WOULD_BLOCK);
    assert_status(wk_machine_inspect_capability(BOOT_MACHINE, 0, &next, &handle, &type_and_rights, &identity, &lender),
                  WK_WRONG_TYPE);
    assert_ok(wk_machine_inspect_start(BOOT_MACHINE));
    assert_status(wk_machine_inspect_capability(BOOT_MACHINE, 0, &next, &handle, &type_and_rights, &identity, &lender),
                  WK_WRONG_TYPE);
    assert_ok(look(&sight));
    assert_ok(wk_machine_inspect_start(BOOT_MACHINE)); /* anew */
    assert_ok(look(&sight));
    assert_int_equal(sight.identity, identity_of(BOOT_BANK));
}

static void the_walk_survives_the_end_of_what_it_stands_at(void **state)
{
    wk_handle one = make_event(BOOT_BANK), two = make_event(BOOT_BANK), three = make_event(BOOT_BANK);
    struct sight sight;

    (void)state;
    assert_ok(wk_machine_inspect_start(BOOT_MACHINE));
    look_for(one);
    assert_ok(wk_capability_delete(one));
    assert_ok(wk_capability_delete(two));
    assert_ok(look(&sight));
    assert_int_equal(sight.identity, identity_of(three));
}

static void the_table_of_a_process_can_be_listed(void **state)
{
    struct program program = program_make(50, 10);
    const wk_handle event = make_event(BOOT_BANK);
    const wk_handle lent = program_grant(&program, event, WK_TRANSFER_LEND, WK_EVENT_RIGHT_WAIT);
    uint64_t next, handle, type_and_rights, identity, lender;
    wk_handle own;

    (void)state;
    own = program_grant(&program, make_event(BOOT_BANK), WK_TRANSFER_GIVE, ALL_RIGHTS);
    assert_ok(wk_machine_inspect_start(BOOT_MACHINE));
    look_for(program.process);
    assert_ok(wk_machine_inspect_capability(BOOT_MACHINE, 0, &next, &handle, &type_and_rights, &identity, &lender));
    assert_int_equal(next, 1);
    assert_int_equal(handle, lent);
    assert_int_equal(type_and_rights, WK_TYPE_EVENT << 16 | WK_EVENT_RIGHT_WAIT);
    assert_int_equal(identity, identity_of(event));
    assert_int_equal(lender, identity_of(BOOT_PROCESS));
    assert_ok(wk_machine_inspect_capability(BOOT_MACHINE, next, &next, &handle, &type_and_rights, &identity, &lender));
    assert_int_equal(handle, own);
    assert_int_equal(lender, 0);
    assert_status(
        wk_machine_inspect_capability(BOOT_MACHINE, next, &next, &handle, &type_and_rights, &identity, &lender),
        WK_WOULD_BLOCK);
    assert_ok(wk_capability_delete(program.process));
    assert_status(wk_machine_inspect_capability(BOOT_MACHINE, 0, &next, &handle, &type_and_rights, &identity, &lender),
                  WK_WRONG_TYPE);
}

static void a_listing_passes_over_free_slots_some_at_a_time(void **state)
{
    struct program program = program_make(50, 10);
    const wk_handle event = make_event(BOOT_BANK);
    struct thread *first = actor();
    uint64_t next, handle, type_and_rights, identity, lender;
    wk_handle handles[150];

    (void)state;
    for (unsigned i = 0; i < 150; i++)
        handles[i] = program_grant(&program, event, WK_TRANSFER_LEND, ALL_RIGHTS);
    act_as(program.thread_record);
    for (unsigned i = 0; i < 149; i++)
        assert_ok(wk_capability_delete(handles[i]));
    act_as(first);
    assert_ok(wk_machine_inspect_start(BOOT_MACHINE));
    look_for(program.process);
    for (next = 0, handle = 0; handle == 0;) { /* some at a time, and no slot twice */
        const uint64_t before = next;

        assert_ok(
            wk_machine_inspect_capability(BOOT_MACHINE, next, &next, &handle, &type_and_rights, &identity, &lender));
        assert_true(next > before && next - before <= CAPABILITIES_PER_PAGE);
    }
    assert_int_equal(next, 150);
    assert_int_equal(handle, handles[149]);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(info_tells_what_the_machine_is),
        machine_test(a_kernel_without_meters_has_none),
        machine_test(the_walk_tells_of_every_object),
        machine_test(the_walk_sees_the_roots),
        machine_test(a_walk_has_to_be_begun),
        machine_test(the_walk_survives_the_end_of_what_it_stands_at),
        machine_test(the_table_of_a_process_can_be_listed),
        machine_test(a_listing_passes_over_free_slots_some_at_a_time),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
