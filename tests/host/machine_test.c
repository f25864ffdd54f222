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
    wk_handle region;

    (void)state;
    machine_start(&machine);
    first = actor();
    second = spawn(10, NULL);
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
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
