/* SPDX-License-Identifier: MIT */
/* Memory of kind tim: what there is, who pays, and that its frames and those of RAM never take each other's place. */
#include "harness.h"

#include "lock.h"
#include "machine/known.h"

#include <string.h>

#define BASE UINT64_C(0x100000)
#define TIM_PAGES 16 /* of the usual machine */

static wk_handle split(wk_handle bank, wk_handle payer, uint64_t pages)
{
    wk_handle child;

    assert_ok(wk_bank_split_with_payer(bank, payer, pages, &child));
    return child;
}

static uint64_t attributes_of(wk_handle memory)
{
    uint64_t pages, present, options, mappings, identity, attributes;

    assert_ok(wk_memory_info(memory, &pages, &present, &options, &mappings, &identity, &attributes));
    return attributes;
}

/* Whether each page of the memory, which is mapped at BASE, lies in tightly-integrated memory. */
static bool is_in_tim(wk_handle memory)
{
    uint64_t physical;

    for (uint64_t page = 0; page < pages_of(memory); page++) {
        assert_ok(wk_memory_physical(memory, page, &physical));
        if (physical - HOST_TIM_PHYSICAL >= host_tim_bytes)
            return false;
    }
    return true;
}

static void the_first_bank_of_the_kind_has_all_of_it(void **state)
{
    uint64_t limit_pages, used_pages, objects, children;
    enum wk_bank_kind kind;

    (void)state;
    assert_ok(wk_bank_info(BOOT_TIM, &limit_pages, &used_pages, &objects, &children, &kind));
    assert_int_equal(kind, WK_BANK_KIND_TIM);
    assert_int_equal(limit_pages, TIM_PAGES);
    assert_int_equal(used_pages, 0);
    assert_status(wk_bank_destroy(BOOT_TIM), WK_BUSY);
    assert_ok(wk_capability_delete(duplicate(BOOT_TIM, ALL_RIGHTS)));
}

static void a_machine_without_any_has_an_empty_bank(void **state)
{
    wk_handle made;

    (void)state;
    machine_start(&(struct host_machine){.tim_bytes = UINT64_MAX});
    assert_int_equal(bank_left(BOOT_TIM), 0);
    assert_status(wk_memory_create(BOOT_TIM, 1, 0, &made), WK_NO_MEMORY);
    assert_status(wk_bank_split(BOOT_TIM, 1, WK_BANK_KIND_TIM, &made), WK_NO_MEMORY);
    assert_status(wk_bank_split_with_payer(BOOT_TIM, BOOT_BANK, 1, &made), WK_NO_MEMORY);
}

static void pages_are_zeroed_and_come_back(void **state)
{
    char *before = check_state_text();
    const uint64_t left = bank_left(BOOT_BANK);

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        wk_handle memory = make_memory(BOOT_TIM, TIM_PAGES, 0);

        assert_int_equal(bank_left(BOOT_TIM), 0);
        assert_int_equal(frame_tim_free_count(), 0);
        assert_true(is_in_tim(memory));
        map(memory, BASE, READ | WRITE);
        for (uint64_t word = 0; word < TIM_PAGES * WK_PAGE_BYTES; word += 8) {
            uint64_t found = 1;

            assert_true(user_load(BASE + word, &found, sizeof(found)));
            assert_int_equal(found, 0);
        }
        for (uint64_t page = 0; page < TIM_PAGES; page++)
            user_set_word(BASE + page * WK_PAGE_BYTES, ~page);
        for (uint64_t page = 0; page < TIM_PAGES; page++)
            assert_int_equal(user_word(BASE + page * WK_PAGE_BYTES), ~page);
        assert_ok(wk_capability_delete(memory));
        assert_int_equal(bank_left(BOOT_TIM), TIM_PAGES);
    }
    assert_true(bank_left(BOOT_BANK) >= left);
    assert_state_is(before);
}

static void what_is_used_up_is_no_memory(void **state)
{
    wk_handle memory = make_memory(BOOT_TIM, TIM_PAGES - 1, 0);
    wk_handle last, none;

    (void)state;
    assert_status(wk_memory_create(BOOT_TIM, 2, 0, &none), WK_NO_MEMORY);
    last = make_memory(BOOT_TIM, 1, 0);
    assert_status(wk_memory_create(BOOT_TIM, 1, 0, &none), WK_NO_MEMORY);
    assert_ok(wk_capability_delete(last));
    assert_ok(wk_memory_create(BOOT_TIM, 1, 0, &last));
    assert_ok(wk_capability_delete(memory));
}

/* Each is exhausted, and the other has what it had; the census of check_kernel sees that all frames are where they belong. */
static void kinds_never_take_each_others_frames(void **state)
{
    wk_handle poor = make_bank(BOOT_BANK, 40);
    wk_handle tim = split(BOOT_TIM, poor, 4);
    const uint64_t free = frame_tim_free_count();
    wk_handle made;

    (void)state;
    while (wk_memory_create(poor, 2, 0, &made) == WK_OK)
        assert_int_equal(frame_tim_free_count(), free);
    while (wk_memory_create(poor, 1, ON_DEMAND, &made) == WK_OK)
        continue;
    assert_int_equal(bank_left(poor), 0);
    assert_int_equal(bank_left(tim), 4);
    assert_ok(wk_memory_create(tim, 4, 0, &made)); /* its record has room in the slab of its bank */
    assert_true(is_in_tim(made));
    assert_ok(wk_bank_destroy(poor));
    assert_int_equal(frame_tim_free_count(), TIM_PAGES);
}

static void a_bank_of_the_kind_pays_for_memory_and_nothing_else(void **state)
{
    char *before = check_state_text();
    wk_handle made, endpoint;

    (void)state;
    assert_status(wk_event_create(BOOT_TIM, &made), WK_NO_MEMORY);
    assert_status(wk_timer_create(BOOT_TIM, &made), WK_NO_MEMORY);
    assert_status(wk_endpoint_create(BOOT_TIM, &endpoint), WK_NO_MEMORY);
    assert_status(wk_process_create(BOOT_TIM, 0, 0, &made), WK_NO_MEMORY);
    assert_status(wk_budget_split(BOOT_BUDGET, BOOT_TIM, 0, 0, 1, 0, &made), WK_NO_MEMORY);
    assert_status(wk_machine_claim_irq(BOOT_MACHINE, BOOT_TIM, 1, &made), WK_NO_MEMORY);
    assert_status(wk_machine_claim_region(BOOT_MACHINE, BOOT_TIM, HOST_DEVICE_PHYSICAL, 1, &made), WK_NO_MEMORY);
    assert_status(wk_bank_split(BOOT_TIM, 1, WK_BANK_KIND_RAM, &made), WK_NO_MEMORY);
    assert_status(wk_bank_split(BOOT_BANK, 1, WK_BANK_KIND_TIM, &made), WK_NO_MEMORY);
    assert_error_at(wk_bank_split_with_payer(BOOT_BANK, BOOT_BANK, 1, &made), WK_BAD_ARGUMENT, 0);
    assert_error_at(wk_bank_split_with_payer(BOOT_TIM, BOOT_TIM, 1, &made), WK_BAD_ARGUMENT, 1);
    assert_state_is(before);
}

static void memory_of_the_kind_is_eager_and_keeps_its_size(void **state)
{
    wk_handle memory = make_memory(BOOT_TIM, 3, 0);
    wk_handle ram = make_memory(BOOT_BANK, 1, 0);
    wk_handle made;

    (void)state;
    assert_error_at(wk_memory_create(BOOT_TIM, 1, ON_DEMAND, &made), WK_BAD_ARGUMENT, 2);
    assert_error_at(wk_memory_create(BOOT_TIM, 512, LARGE, &made), WK_BAD_ARGUMENT, 2);
    assert_status(wk_memory_clone(memory, BOOT_BANK, &made), WK_NOT_AVAILABLE);
    assert_status(wk_memory_clone(ram, BOOT_TIM, &made), WK_NOT_AVAILABLE);
    assert_status(wk_memory_resize(memory, 2), WK_NOT_AVAILABLE);
    assert_status(wk_memory_decommit(memory, 0, 1), WK_NOT_AVAILABLE);
    assert_int_equal(present_pages_of(memory), 3);
}

static void bytes_are_copied_between_the_kinds(void **state)
{
    wk_handle memory = make_memory(BOOT_TIM, 2, 0);
    wk_handle ram = make_memory(BOOT_BANK, 2, ON_DEMAND);

    (void)state;
    map(memory, BASE, READ | WRITE);
    map(ram, BASE + 0x10000, READ | WRITE);
    user_set_word(BASE + 0x10000 + 4088, 42);
    assert_ok(wk_memory_copy(memory, 8, ram, 4088, 16));
    assert_int_equal(user_word(BASE + 8), 42);
    user_set_word(BASE + 8, 43);
    assert_ok(wk_memory_copy(ram, 0, memory, 0, 2 * WK_PAGE_BYTES));
    assert_int_equal(user_word(BASE + 0x10000 + 8), 43);
}

#define PLAIN (WK_MEMORY_ATTRIBUTES_CACHED | WK_MEMORY_ATTRIBUTES_ATOMICS | WK_MEMORY_ATTRIBUTES_EXECUTABLE)

static void info_tells_the_attributes(void **state)
{
    wk_handle memory = make_memory(BOOT_TIM, 1, 0);
    wk_handle region;

    (void)state;
    assert_int_equal(attributes_of(memory), WK_MEMORY_ATTRIBUTES_TIM);
    assert_int_equal(attributes_of(make_memory(split(BOOT_TIM, BOOT_BANK, 1), 1, 0)), WK_MEMORY_ATTRIBUTES_TIM);
    assert_int_equal(attributes_of(make_memory(make_bank(BOOT_BANK, 10), 1, 0)), PLAIN);
    assert_ok(wk_machine_claim_region(BOOT_MACHINE, BOOT_BANK, HOST_DEVICE_PHYSICAL, 1, &region));
    assert_int_equal(attributes_of(region), 0);
    assert_status(wk_memory_map(memory, BOOT_PROCESS, BASE, 0, 1, READ | EXECUTE), WK_NO_RIGHT);
}

static void memory_of_the_kind_is_executed_where_it_can_be(void **state)
{
    wk_handle memory;

    (void)state;
    machine_start(&(struct host_machine){.tim_is_plain = true});
    memory = make_memory(BOOT_TIM, 1, 0);
    assert_int_equal(attributes_of(memory), PLAIN | WK_MEMORY_ATTRIBUTES_TIM);
    map(memory, BASE, READ | EXECUTE);
    assert_true(user_fetch(BASE));
}

static void a_payer_that_ends_takes_its_banks_with_it(void **state)
{
    char *before = check_state_text();
    struct program program = program_make(100, 10);
    wk_handle tim = split(BOOT_TIM, program.bank, 10);
    wk_handle inner, handle;

    (void)state;
    assert_ok(wk_bank_split(tim, 3, WK_BANK_KIND_TIM, &inner));
    make_memory(inner, 2, 0);
    map(make_memory(tim, 5, 0), BASE, READ | WRITE);
    user_set_word(BASE, 1);
    handle = program_grant(&program, tim, WK_TRANSFER_LEND, ALL_RIGHTS);
    assert_int_equal(bank_left(BOOT_TIM), TIM_PAGES - 10);
    assert_ok(wk_bank_destroy(program.bank));
    assert_null(slot_of(tim));
    assert_null(slot_of(inner));
    assert_int_equal(bank_left(BOOT_TIM), TIM_PAGES);
    (void)handle;
    assert_state_is(before);
}

static void a_bank_that_ends_gives_back_to_both(void **state)
{
    char *before = check_state_text();
    wk_handle payer = make_bank(BOOT_BANK, 20);
    const uint64_t used = bank_used(payer);
    wk_handle tim = split(BOOT_TIM, payer, 12);

    (void)state;
    assert_int_equal(bank_used(payer), used + 1);
    make_memory(tim, 10, 0); /* with a table of pages */
    assert_int_equal(bank_used(payer), used + 2);
    assert_int_equal(bank_used(tim), 10);
    assert_ok(wk_bank_destroy(tim));
    assert_int_equal(bank_used(payer), used);
    assert_int_equal(bank_left(BOOT_TIM), TIM_PAGES);
    assert_ok(wk_bank_destroy(payer));
    assert_state_is(before);
}

static void a_payer_without_room_is_no_memory(void **state)
{
    wk_handle payer = make_bank(BOOT_BANK, 2);
    wk_handle tim = split(BOOT_TIM, payer, 12);
    wk_handle made;

    (void)state;
    assert_status(wk_bank_split_with_payer(BOOT_TIM, payer, 1, &made), WK_NO_MEMORY);
    assert_status(wk_memory_create(tim, 9, 0, &made), WK_NO_MEMORY); /* no room for its table */
    assert_int_equal(bank_used(tim), 0);
    assert_ok(wk_memory_create(tim, 8, 0, &made));
}

/* However the pages are split and used. */
static void what_a_payer_can_lose_is_bounded(void **state)
{
    wk_handle payer = make_bank(BOOT_BANK, 100);
    wk_handle tim = split(BOOT_TIM, payer, TIM_PAGES);
    const uint64_t before = bank_used(payer) - 1; /* without that of the bank itself */
    wk_handle made;

    (void)state;
    for (uint64_t pages = TIM_PAGES; pages > 1; pages--) {
        assert_status(wk_bank_split(tim, pages, WK_BANK_KIND_TIM, &made), WK_NO_MEMORY); /* nothing would be left */
        make_memory(tim, 1, 0);
        assert_ok(wk_bank_split(tim, pages - 1, WK_BANK_KIND_TIM, &tim));
    }
    assert_in_range(bank_used(payer) - before, TIM_PAGES / 2, 2 * TIM_PAGES);
    assert_ok(wk_bank_destroy(payer));
    assert_int_equal(bank_left(BOOT_TIM), TIM_PAGES);
}

static void a_payer_that_is_being_destroyed_pays_nothing(void **state)
{
    const uint64_t words[6] = {0};
    wk_handle payer = make_bank(BOOT_BANK, 200);
    struct thread *destroyer = spawn(1, NULL);
    wk_handle twin = payer, made;

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        twin = duplicate(payer, ALL_RIGHTS);
    begin_operation(destroyer, WK_BANK_DESTROY, payer, words, 2);
    assert_status(wk_bank_split_with_payer(BOOT_TIM, twin, 1, &made), WK_REVOKED);
    assert_ok(finish_operation(destroyer));
}

/* At every preemption point of its making. */
static void memory_that_ends_while_it_is_made_leaves_nothing(void **state)
{
    const uint64_t words[6] = {12, 0};
    wk_handle handle;

    (void)state;
    for (unsigned points = 1; points < 12; points++) {
        char *before = check_state_text();
        wk_handle payer = make_bank(BOOT_BANK, 20);
        wk_handle tim = split(BOOT_TIM, payer, 14);
        struct thread *maker = spawn(1, &handle);

        begin_operation(maker, WK_MEMORY_CREATE, tim, words, points);
        assert_ok(wk_bank_destroy(points % 2 == 0 ? tim : payer));
        assert_status(finish_operation(maker), WK_REVOKED);
        settle();
        if (points % 2 == 0)
            assert_ok(wk_bank_destroy(payer));
        assert_int_equal(frame_tim_free_count(), TIM_PAGES);
        assert_int_equal(bank_left(BOOT_TIM), TIM_PAGES);
        assert_ok(wk_capability_delete(handle));
        assert_state_is(before);
    }
}

static void several_regions_are_handed_out_as_one(void **state)
{
    wk_handle memory;

    (void)state;
    machine_start(&(struct host_machine){.tim_bytes = 3 * WK_LARGE_PAGE_BYTES + 5 * WK_PAGE_BYTES});
    memory = make_memory(BOOT_TIM, 3 * 512 + 5, 0);
    assert_true(is_in_tim(memory));
    assert_int_equal(bank_left(BOOT_TIM), 0);
    map(memory, WK_LARGE_PAGE_BYTES, READ | WRITE);
    for (uint64_t page = 0; page < 3 * 512 + 5; page += 64)
        user_set_word(WK_LARGE_PAGE_BYTES + page * WK_PAGE_BYTES, page);
    assert_ok(wk_capability_delete(memory));
    assert_int_equal(frame_tim_free_count(), 3 * 512 + 5);
}

static void a_page_of_the_kind_can_be_pinned(void **state)
{
    wk_handle memory = make_memory(BOOT_TIM, 4, 0);
    struct memory_pin pin = {0};

    (void)state;
    kernel_lock_acquire();
    assert_ok(memory_pin_page(memory_of(memory), 2, &pin, NULL));
    assert_ptr_equal(memory_pin_pointer(&pin, 0), frame_pointer(memory_page(memory_of(memory), 2)));
    memory_unpin(&pin);
    kernel_lock_release();
    assert_ok(wk_capability_delete(memory));
}

/* Ways are cache from number 0 to that in the register, and memory from there on. */
static void the_ways_that_are_not_cache_are_memory(void **state)
{
    const struct known_machine *known = known_machine_find("sifive,hifive-unleashed-a00");
    uint32_t registers[3] = {0};

    (void)state;
    assert_non_null(known);
    assert_int_equal(known_cache_memory_bytes(&known->cache, registers), 15 * 128 * 1024);
    registers[2] = 14;
    assert_int_equal(known_cache_memory_bytes(&known->cache, registers), 128 * 1024);
    registers[2] = 15;
    assert_int_equal(known_cache_memory_bytes(&known->cache, registers), 0);
    registers[2] = UINT32_MAX;
    assert_int_equal(known_cache_memory_bytes(&known->cache, registers), 0);
    assert_int_equal(known_machine_find("microchip,mpfs-icicle-kit")->cache.controller, 0);
    assert_null(known_machine_find("riscv-virtio"));
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(the_first_bank_of_the_kind_has_all_of_it),
        cmocka_unit_test(a_machine_without_any_has_an_empty_bank),
        machine_test(pages_are_zeroed_and_come_back),
        machine_test(what_is_used_up_is_no_memory),
        machine_test(kinds_never_take_each_others_frames),
        machine_test(a_bank_of_the_kind_pays_for_memory_and_nothing_else),
        machine_test(memory_of_the_kind_is_eager_and_keeps_its_size),
        machine_test(bytes_are_copied_between_the_kinds),
        machine_test(info_tells_the_attributes),
        cmocka_unit_test(memory_of_the_kind_is_executed_where_it_can_be),
        machine_test(a_payer_that_ends_takes_its_banks_with_it),
        machine_test(a_bank_that_ends_gives_back_to_both),
        machine_test(a_payer_without_room_is_no_memory),
        machine_test(what_a_payer_can_lose_is_bounded),
        machine_test(a_payer_that_is_being_destroyed_pays_nothing),
        machine_test(memory_that_ends_while_it_is_made_leaves_nothing),
        cmocka_unit_test(several_regions_are_handed_out_as_one),
        machine_test(a_page_of_the_kind_can_be_pinned),
        cmocka_unit_test(the_ways_that_are_not_cache_are_memory),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
