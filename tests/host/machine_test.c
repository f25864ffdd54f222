/* SPDX-License-Identifier: MIT */
/* The machine: device memory, console, power, and the sight of everything. */
#include "harness.h"

#include <string.h>

#define DEVICE HOST_DEVICE_PHYSICAL
#define PAGE WK_PAGE_BYTES

/* ---- device memory ---- */

static enum wk_status claim(uint64_t first_page, uint64_t pages, wk_handle *region)
{
    return wk_machine_claim_region(BOOT_MACHINE, BOOT_BANK, DEVICE + first_page * PAGE, pages, region);
}

static void claimed_device_memory_can_be_mapped(void **state)
{
    wk_handle region;
    uint64_t byte;

    (void)state;
    assert_ok(claim(3, 2, &region));
    map(region, 0x200000, READ | WRITE);
    assert_true(user_load(0x201000, &byte, 0));
    assert_true(memory_of(region)->is_physical);
    assert_int_equal(memory_of(region)->physical.address, DEVICE + 3 * PAGE);
}

static void regions_do_not_overlap(void **state)
{
    wk_handle region, other;

    (void)state;
    assert_ok(claim(10, 4, &region));
    assert_status(claim(10, 4, &other), WK_NOT_AVAILABLE);
    assert_status(claim(13, 1, &other), WK_NOT_AVAILABLE);
    assert_status(claim(9, 2, &other), WK_NOT_AVAILABLE);
    assert_status(claim(0, 100, &other), WK_NOT_AVAILABLE);
    assert_status(claim(11, 1, &other), WK_NOT_AVAILABLE);
    assert_ok(claim(9, 1, &other));
    assert_ok(claim(14, 1, &other));
    assert_ok(claim(0, 9, &other));
}

static void a_region_can_be_claimed_again_when_it_was_given_up(void **state)
{
    wk_handle region, lent;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_ok(claim(10, 4, &region));
        lent = lend(region, ALL_RIGHTS);
        map(lent, 0x200000, READ | WRITE);
        assert_ok(wk_capability_delete(region));
        assert_null(slot_of(lent));
    }
}

static void a_region_that_another_hart_may_reach_is_not_given_out(void **state)
{
    const struct host_machine machine = {.harts = 3, .asid_bits = 4, .seed = 5};
    struct thread *first, *second;
    struct physical physical;
    wk_handle region, thread;

    (void)state;
    machine_start(&machine);
    first = actor();
    assert_ok(wk_thread_create(BOOT_PROCESS, 10, &thread));
    assert_ok(wk_thread_start(thread, 0x10100, 0, 0, 0, 0));
    second = thread_of(thread);
    assert_ptr_not_equal(first->hart, second->hart);
    assert_ok(claim(10, 4, &region));
    map(region, 0x200000, READ | WRITE);
    act_as(second);
    assert_true(user_load(0x200000, &physical, 0));
    act_as(first);
    assert_ok(wk_capability_delete(region));
    assert_ok(claim(10, 4, &region));
    act_as(second);
    assert_false(host_translate(second->hart, 0x200000, ARCH_LOAD, &physical));
}

static void what_is_no_device_memory_is_not_available(void **state)
{
    wk_handle region;

    (void)state;
    assert_status(wk_machine_claim_region(BOOT_MACHINE, BOOT_BANK, HOST_RAM_PHYSICAL, 1, &region), WK_NOT_AVAILABLE);
    assert_status(claim(0, HOST_DEVICE_BYTES / PAGE + 1, &region), WK_NOT_AVAILABLE);
    assert_status(wk_machine_claim_region(BOOT_MACHINE, BOOT_BANK, DEVICE - PAGE, 2, &region), WK_NOT_AVAILABLE);
    assert_status(wk_machine_claim_region(BOOT_MACHINE, BOOT_BANK, -PAGE, 1, &region), WK_NOT_AVAILABLE);
    assert_status(wk_machine_claim_region(BOOT_MACHINE, BOOT_BANK, -PAGE, 2, &region), WK_NOT_AVAILABLE);
    assert_error_at(wk_machine_claim_region(BOOT_MACHINE, BOOT_BANK, DEVICE + 1, 1, &region), WK_BAD_ARGUMENT, 2);
    assert_error_at(claim(0, 0, &region), WK_BAD_ARGUMENT, 3);
    assert_error_at(claim(0, WK_PAGE_COUNT_MAX + 1, &region), WK_BAD_ARGUMENT, 3);
}

static void a_region_needs_memory_of_the_bank(void **state)
{
    wk_handle bank = make_bank(BOOT_BANK, 1);
    wk_handle region;
    unsigned page = 0;
    enum wk_status status;

    (void)state;
    do
        status = wk_machine_claim_region(BOOT_MACHINE, bank, DEVICE + PAGE * page++, 1, &region);
    while (status == WK_OK);
    assert_int_equal(status, WK_NO_MEMORY);
    assert_ok(claim(page - 1, 1, &region)); /* it has not been claimed */
}

/* ---- the table is full ---- */

/* Every operation that makes a capability refuses if there is no page for the table to grow. */
static void makers_need_a_slot(void **state)
{
    struct program program = program_make(12, 10);
    const wk_handle machine = program_grant(&program, BOOT_MACHINE, WK_TRANSFER_LEND, ALL_RIGHTS);
    const wk_handle bank = program_grant(&program, BOOT_BANK, WK_TRANSFER_LEND, ALL_RIGHTS);
    const wk_handle own = program_grant(&program, program.bank, WK_TRANSFER_LEND, ALL_RIGHTS);
    wk_handle made;

    (void)state;
    act_as(program.thread_record);
    while (program.process_record->table.count % CAPABILITIES_PER_PAGE != 0)
        duplicate(bank, ALL_RIGHTS);
    while (wk_bank_split(own, 1, WK_BANK_KIND_RAM, &made) == WK_OK)
        continue;
    while (program.process_record->table.count % CAPABILITIES_PER_PAGE != 0)
        if (wk_capability_dup(bank, ALL_RIGHTS, &made) != WK_OK)
            break;
    assert_status(wk_machine_claim_region(machine, bank, DEVICE, 1, &made), WK_NO_MEMORY);
    assert_status(wk_machine_claim_irq(machine, bank, 1, &made), WK_NO_MEMORY);
    assert_status(wk_event_create(bank, &made), WK_NO_MEMORY);
    assert_status(wk_timer_create(bank, &made), WK_NO_MEMORY);
}

/* ---- console and power ---- */

static void the_console_writes_bytes_in_order(void **state)
{
    static const char text[40] = "The quick brown fox jumps over the dog.\n";
    uint64_t words[5];

    (void)state;
    memcpy(words, text, sizeof(text));
    host_console_clear();
    assert_ok(wk_machine_console_write(BOOT_MACHINE, 40, words[0], words[1], words[2], words[3], words[4]));
    assert_memory_equal(host_console, text, 40);
    assert_int_equal(strlen(host_console), 40);
    assert_int_equal(answer_words[0], 0);
    host_console_clear();
    assert_ok(wk_machine_console_write(BOOT_MACHINE, 3, words[0], words[1], words[2], words[3], words[4]));
    assert_string_equal(host_console, "The");
    assert_error_at(wk_machine_console_write(BOOT_MACHINE, 0, 0, 0, 0, 0, 0), WK_BAD_ARGUMENT, 1);
    assert_error_at(wk_machine_console_write(BOOT_MACHINE, 41, 0, 0, 0, 0, 0), WK_BAD_ARGUMENT, 1);
}

static void the_console_reads_what_was_typed(void **state)
{
    uint64_t byte;

    (void)state;
    assert_status(wk_machine_console_read(BOOT_MACHINE, &byte), WK_WOULD_BLOCK);
    host_console_type("a\xff");
    assert_ok(wk_machine_console_read(BOOT_MACHINE, &byte));
    assert_int_equal(byte, 'a');
    assert_ok(wk_machine_console_read(BOOT_MACHINE, &byte));
    assert_int_equal(byte, 0xff);
    assert_status(wk_machine_console_read(BOOT_MACHINE, &byte), WK_WOULD_BLOCK);
}

static void the_machine_powers_off_with_a_status(void **state)
{
    (void)state;
    assert_error_at(wk_machine_power_off(BOOT_MACHINE, 256), WK_BAD_ARGUMENT, 1);
    assert_int_equal(host_stopped, HOST_STOP_NONE);
    wk_machine_power_off(BOOT_MACHINE, 7);
    assert_int_equal(host_stopped, HOST_STOP_POWER_OFF);
    assert_int_equal(host_stop_status, 7);
}

static void the_machine_reboots(void **state)
{
    (void)state;
    wk_machine_reboot(BOOT_MACHINE);
    assert_int_equal(host_stopped, HOST_STOP_REBOOT);
}

/* ---- sight ---- */

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
    assert_int_equal(ram, (32 << 20) / PAGE);
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
    assert_status(wk_machine_read_meter(BOOT_MACHINE, WK_METER_LOCK_HOLD, 0, &value), WK_NOT_AVAILABLE);
    assert_error_at(wk_machine_read_meter(BOOT_MACHINE, WK_METER_LOCK_HOLD, 2, &value), WK_BAD_ARGUMENT, 2);
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
    assert_ok(claim(0, 3, &region));
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
    unsigned seen[10] = {0};

    (void)state;
    assert_ok(wk_machine_inspect_start(BOOT_MACHINE));
    while (look(&sight) == WK_OK) {
        assert_true(sight.type >= WK_TYPE_BANK && sight.type <= WK_TYPE_TRACE);
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

static void a_listing_passes_over_free_slots_a_page_at_a_time(void **state)
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
    for (unsigned page = 1; page <= 2; page++) {
        assert_ok(wk_machine_inspect_capability(BOOT_MACHINE, (page - 1) * CAPABILITIES_PER_PAGE, &next, &handle,
                                                &type_and_rights, &identity, &lender));
        assert_int_equal(next, page * CAPABILITIES_PER_PAGE);
        assert_int_equal(handle, 0);
    }
    assert_ok(wk_machine_inspect_capability(BOOT_MACHINE, next, &next, &handle, &type_and_rights, &identity, &lender));
    assert_int_equal(next, 150);
    assert_int_equal(handle, handles[149]);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(claimed_device_memory_can_be_mapped),
        machine_test(regions_do_not_overlap),
        machine_test(a_region_can_be_claimed_again_when_it_was_given_up),
        cmocka_unit_test(a_region_that_another_hart_may_reach_is_not_given_out),
        machine_test(what_is_no_device_memory_is_not_available),
        machine_test(a_region_needs_memory_of_the_bank),
        machine_test(makers_need_a_slot),
        machine_test(the_console_writes_bytes_in_order),
        machine_test(the_console_reads_what_was_typed),
        machine_test(the_machine_powers_off_with_a_status),
        machine_test(the_machine_reboots),
        cmocka_unit_test(info_tells_what_the_machine_is),
        machine_test(a_kernel_without_meters_has_none),
        machine_test(the_walk_tells_of_every_object),
        machine_test(the_walk_sees_the_roots),
        machine_test(a_walk_has_to_be_begun),
        machine_test(the_walk_survives_the_end_of_what_it_stands_at),
        machine_test(the_table_of_a_process_can_be_listed),
        machine_test(a_listing_passes_over_free_slots_a_page_at_a_time),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
