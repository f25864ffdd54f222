/* SPDX-License-Identifier: MIT */
/* Copies of memory objects: clones that share pages until either side writes, and copies of bytes. */
#include "harness.h"
#include "mapping.h"

#define BASE UINT64_C(0x100000)
#define LARGE_BASE (4 * WK_LARGE_PAGE_BYTES)

/* ---- clone ---- */

static void a_clone_shares_until_either_side_writes(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 3, 0);
    wk_handle clone;

    (void)state;
    map(memory, BASE, READ | WRITE);
    for (unsigned i = 0; i < 3; i++)
        user_set_word(BASE + i * WK_PAGE_BYTES, 100 + i);
    assert_ok(wk_memory_clone(memory, BOOT_BANK, &clone));
    map(clone, BASE * 2, READ | WRITE);
    assert_ptr_equal(memory_page(memory_of(clone), 1), memory_page(memory_of(memory), 1));

    user_set_word(BASE, 1);                     /* the original first */
    user_set_word(BASE * 2 + WK_PAGE_BYTES, 2); /* the clone first */
    assert_int_equal(user_word(BASE), 1);
    assert_int_equal(user_word(BASE * 2), 100);
    assert_int_equal(user_word(BASE + WK_PAGE_BYTES), 101);
    assert_int_equal(user_word(BASE * 2 + WK_PAGE_BYTES), 2);
    assert_int_equal(user_word(BASE * 2 + 2 * WK_PAGE_BYTES), 102);
    assert_ptr_not_equal(memory_page(memory_of(clone), 1), memory_page(memory_of(memory), 1));
    assert_ptr_equal(memory_page(memory_of(clone), 2), memory_page(memory_of(memory), 2));
}

static void a_clone_is_charged_in_full_so_that_writing_cannot_fail(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 6, 0);
    const wk_handle bank = bank_with(6);
    wk_handle clone;

    (void)state;
    assert_ok(wk_memory_clone(memory, bank, &clone));
    assert_int_equal(bank_left(bank), 0);
    map(clone, BASE, READ | WRITE);
    for (unsigned i = 0; i < 6; i++)
        user_set_word(BASE + i * WK_PAGE_BYTES, i);
    assert_int_equal(bank_left(bank), 0);
}

static void clone_fails_when_the_bank_cannot_pay(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 6, 0);
    const wk_handle bank = bank_with(5);
    char *before = check_state_text();
    wk_handle clone;

    (void)state;
    assert_status(wk_memory_clone(memory, bank, &clone), WK_NO_MEMORY);
    assert_state_is(before);
}

/* While the operation has the memory, a page of it has all the sharers that can be. */
static struct memory *crowded;

static void crowd(void)
{
    memory_page(crowded, 1)->references = crowded->busy != NULL ? FRAME_SHARERS : 1;
}

static void a_page_with_too_many_sharers_is_not_cloned(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 3, 0);
    char *before = check_state_text();
    wk_handle clone;

    (void)state;
    crowded = memory_of(memory);
    host_preemption_hook = crowd;
    assert_error_at(wk_memory_clone(memory, BOOT_BANK, &clone), WK_NO_MEMORY, 0);
    host_preemption_hook = NULL;
    assert_state_is(before);
    assert_ok(wk_memory_clone(memory, BOOT_BANK, &clone));
}

static void a_clone_of_sparse_memory_has_the_same_pages(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 5000, ON_DEMAND);
    const uint64_t places[] = {0, 511, 512, 1023, 4095, 4096, 4999};
    wk_handle clone;

    (void)state;
    map(memory, LARGE_BASE, READ | WRITE);
    for (unsigned i = 0; i < 7; i++)
        user_set_word(LARGE_BASE + places[i] * WK_PAGE_BYTES, places[i] + 1);
    assert_ok(wk_memory_clone(memory, BOOT_BANK, &clone));
    assert_int_equal(present_pages_of(clone), 7);
    assert_int_equal(pages_of(clone), 5000);
    map(clone, LARGE_BASE * 16, READ | WRITE);
    for (unsigned i = 0; i < 7; i++)
        assert_int_equal(user_word(LARGE_BASE * 16 + places[i] * WK_PAGE_BYTES), places[i] + 1);
    assert_int_equal(user_word(LARGE_BASE * 16 + 600 * WK_PAGE_BYTES), 0);
}

static void clones_of_clones_share_the_same_frames(void **state)
{
    wk_handle memory = make_memory(BOOT_BANK, 2, 0);
    const uint64_t free_frames = frame_free_count();
    wk_handle clones[20];

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        assert_ok(wk_memory_clone(i == 0 ? memory : clones[i - 1], BOOT_BANK, &clones[i]));
    assert_int_equal(frame_sharers(memory_page(memory_of(memory), 0)), 21);
    assert_true(free_frames - frame_free_count() < 12); /* records only */
    for (unsigned i = 0; i < 20; i += 2)
        assert_ok(wk_capability_delete(clones[i]));
    assert_int_equal(frame_sharers(memory_page(memory_of(memory), 0)), 11);
}

static void empty_memory_is_cloned_at_once(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 100, ON_DEMAND);
    wk_handle clone;

    (void)state;
    assert_ok(wk_memory_clone(memory, BOOT_BANK, &clone));
    assert_int_equal(pages_of(clone), 100);
    assert_int_equal(present_pages_of(clone), 0);
}

static void large_memory_is_cloned_page_by_page(void **state)
{
    wk_handle memory, clone;

    (void)state;
    assert_ok(wk_memory_create(BOOT_BANK, 512, LARGE, &memory));
    map(memory, LARGE_BASE, READ | WRITE);
    user_set_word(LARGE_BASE + 511 * WK_PAGE_BYTES, 5);
    assert_ok(wk_memory_clone(memory, BOOT_BANK, &clone));
    assert_false(memory_is_large_at(memory_of(memory), 0));
    map(clone, 2 * LARGE_BASE, READ | WRITE);
    user_set_word(2 * LARGE_BASE + 511 * WK_PAGE_BYTES, 6);
    user_set_word(LARGE_BASE + 510 * WK_PAGE_BYTES, 7);
    assert_int_equal(user_word(LARGE_BASE + 511 * WK_PAGE_BYTES), 5);
    assert_int_equal(user_word(2 * LARGE_BASE + 510 * WK_PAGE_BYTES), 0);
}

static void device_memory_cannot_be_cloned_resized_copied_or_decommitted(void **state)
{
    wk_handle device, other;

    (void)state;
    assert_ok(wk_machine_claim_region(BOOT_MACHINE, BOOT_BANK, HOST_DEVICE_PHYSICAL, 2, &device));
    other = make_memory(BOOT_BANK, 2, 0);
    assert_status(wk_memory_clone(device, BOOT_BANK, &other), WK_NOT_AVAILABLE);
    assert_status(wk_memory_resize(device, 3), WK_NOT_AVAILABLE);
    assert_status(wk_memory_decommit(device, 0, 1), WK_NOT_AVAILABLE);
    assert_status(wk_memory_copy(device, 0, other, 0, 8), WK_NOT_AVAILABLE);
    assert_status(wk_memory_copy(other, 0, device, 0, 8), WK_NOT_AVAILABLE);
}

/* ---- mappings of a child ---- */

#define RANGE_PAGES (3 * BASE / WK_PAGE_BYTES)

static void a_child_has_what_is_mapped_with_a_clone_in_place_of_the_original(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 3, 0), shared = make_memory(BOOT_BANK, 1, 0);
    const struct process *record;
    wk_handle clone, child, there;

    (void)state;
    map(memory, BASE, READ | WRITE);
    map(shared, BASE * 2, READ);
    map(shared, BASE * 4, READ);
    assert_ok(wk_memory_clone(memory, BOOT_BANK, &clone));
    assert_ok(wk_process_create(BOOT_BANK, 0, 0, &child));
    assert_ok(wk_process_grant(child, clone, WK_TRANSFER_GIVE, ALL_RIGHTS, &there));
    record = process_of(child);
    assert_ok(wk_process_clone_mappings(child, BASE, RANGE_PAGES, memory, there));
    assert_int_equal(record->mapping_count, 2);
    assert_ptr_equal(mapping_find(record, BASE)->node.parent, capability_find(&record->table, there));
    assert_int_equal(mapping_find(record, BASE)->pages, 3);
    assert_int_equal(mapping_find(record, BASE)->protection, READ | WRITE);
    assert_ptr_equal(mapping_find(record, BASE * 2)->node.parent, slot_of(shared));
    assert_int_equal(mapping_find(record, BASE * 2)->protection, READ);
    assert_ok(wk_process_clone_mappings(child, BASE, 1, memory, there)); /* what is there stays */
    assert_int_equal(record->mapping_count, 2);
    assert_ok(wk_capability_delete(shared));
    assert_int_equal(record->mapping_count, 1);
}

static void mappings_are_cloned_no_further_than_rights_reach(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 3, 0);
    wk_handle clone, child, there;

    (void)state;
    map(memory, BASE, READ | WRITE);
    assert_ok(wk_memory_clone(memory, BOOT_BANK, &clone));
    assert_ok(wk_process_create(BOOT_BANK, 0, 0, &child));
    assert_ok(wk_process_grant(child, clone, WK_TRANSFER_DUP, WK_MEMORY_RIGHT_READ, &there));
    assert_ok(wk_process_clone_mappings(child, BASE, RANGE_PAGES, memory, there));
    assert_int_equal(mapping_find(process_of(child), BASE)->protection, READ);
    assert_status(wk_process_clone_mappings(child, BASE, RANGE_PAGES, memory, there + 1), WK_BAD_ARGUMENT);
    assert_ok(wk_process_kill(child, 0));
    assert_status(wk_process_clone_mappings(child, BASE, RANGE_PAGES, memory, there), WK_REVOKED);
}

static void a_child_pays_for_its_mappings(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 3, 0);
    enum wk_status status = WK_NO_MEMORY;
    bool refused = false;

    (void)state;
    map(memory, BASE, READ);
    for (uint64_t pages = 2; status != WK_OK; pages++) {
        const wk_handle bank = make_bank(BOOT_BANK, pages);
        wk_handle child, there;

        assert_true(pages < 20);
        if (wk_process_create(bank, 0, 0, &child) != WK_OK ||
            wk_process_grant(child, memory, WK_TRANSFER_DUP, ALL_RIGHTS, &there) != WK_OK)
            continue;
        status = wk_process_clone_mappings(child, BASE, RANGE_PAGES, memory, there);
        refused = refused || status == WK_NO_MEMORY;
    }
    assert_true(refused);
}

/* ---- copy ---- */

static void fill(uint64_t address, size_t bytes, unsigned seed)
{
    char text[3 * WK_PAGE_BYTES];

    for (size_t i = 0; i < bytes; i++)
        text[i] = (char)(seed + i * 7 + i / 251);
    assert_true(user_store(address, text, bytes));
}

static void copy_moves_bytes_across_page_boundaries(void **state)
{
    const wk_handle from = make_memory(BOOT_BANK, 3, 0);
    const wk_handle to = make_memory(BOOT_BANK, 3, ON_DEMAND);
    char expected[2 * WK_PAGE_BYTES];
    char found[2 * WK_PAGE_BYTES];

    (void)state;
    map(from, BASE, READ | WRITE);
    map(to, 2 * BASE, READ | WRITE);
    fill(BASE, 3 * WK_PAGE_BYTES, 1);
    assert_ok(wk_memory_copy(to, 100, from, 3001, sizeof(found)));
    assert_true(user_load(BASE + 3001, expected, sizeof(expected)));
    assert_true(user_load(2 * BASE + 100, found, sizeof(found)));
    assert_memory_equal(found, expected, sizeof(found));
    assert_int_equal(user_word(2 * BASE + 88), 0);
    assert_int_equal(user_word(2 * BASE + 104 + sizeof(found)), 0);
}

static void copy_of_nothing_is_fine(void **state)
{
    const wk_handle from = make_memory(BOOT_BANK, 1, 0);
    const wk_handle to = make_memory(BOOT_BANK, 1, 0);

    (void)state;
    assert_ok(wk_memory_copy(to, WK_PAGE_BYTES, from, WK_PAGE_BYTES, 0));
}

static void copy_from_an_absent_page_is_zeros(void **state)
{
    const wk_handle from = make_memory(BOOT_BANK, 2, ON_DEMAND);
    const wk_handle to = make_memory(BOOT_BANK, 2, 0);

    (void)state;
    map(to, BASE, READ | WRITE);
    fill(BASE, 2 * WK_PAGE_BYTES, 9);
    assert_ok(wk_memory_copy(to, 8, from, 0, WK_PAGE_BYTES));
    assert_int_equal(user_word(BASE + 8), 0);
    assert_int_equal(user_word(BASE + WK_PAGE_BYTES), 0);
    assert_int_not_equal(user_word(BASE + WK_PAGE_BYTES + 8), 0);
    assert_int_equal(present_pages_of(from), 0);
}

static void copy_to_a_shared_page_leaves_the_other_sharer_alone(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 2, 0);
    const wk_handle from = make_memory(BOOT_BANK, 1, 0);
    wk_handle clone;

    (void)state;
    map(memory, BASE, READ | WRITE);
    fill(BASE, WK_PAGE_BYTES, 1);
    assert_ok(wk_memory_clone(memory, BOOT_BANK, &clone));
    map(clone, 2 * BASE, READ);
    assert_ok(wk_memory_copy(clone, 16, from, 0, 16));
    assert_int_equal(user_word(2 * BASE + 16), 0);
    assert_int_equal(user_word(2 * BASE + 8), user_word(BASE + 8));
    assert_int_not_equal(user_word(BASE + 16), 0);
}

static void copy_within_one_memory(void **state)
{
    const wk_handle memory = make_memory(BOOT_BANK, 2, 0);

    (void)state;
    map(memory, BASE, READ | WRITE);
    fill(BASE, WK_PAGE_BYTES, 3);
    assert_ok(wk_memory_copy(memory, WK_PAGE_BYTES, memory, 0, WK_PAGE_BYTES));
    assert_int_equal(user_word(BASE + WK_PAGE_BYTES + 800), user_word(BASE + 800));
}

static void copy_checks_both_ranges(void **state)
{
    const wk_handle from = make_memory(BOOT_BANK, 1, 0);
    const wk_handle to = make_memory(BOOT_BANK, 2, 0);

    (void)state;
    assert_status(wk_memory_copy(to, 0, from, 0, WK_PAGE_BYTES + 1), WK_BAD_ARGUMENT);
    assert_status(wk_memory_copy(to, 0, from, 1, WK_PAGE_BYTES), WK_BAD_ARGUMENT);
    assert_status(wk_memory_copy(from, 1, to, 0, WK_PAGE_BYTES), WK_BAD_ARGUMENT);
    assert_status(wk_memory_copy(to, UINT64_MAX, from, 0, 2), WK_BAD_ARGUMENT);
    assert_status(wk_memory_copy(to, 0, from, UINT64_MAX, 2), WK_BAD_ARGUMENT);
    assert_status(wk_memory_copy(to, 0, from, 0, UINT64_MAX), WK_BAD_ARGUMENT);
}

static void copy_says_when_a_page_cannot_be_paid(void **state)
{
    const wk_handle bank = bank_with(2);
    const wk_handle to = make_memory(bank, 5, ON_DEMAND);
    const wk_handle from = make_memory(BOOT_BANK, 5, 0);

    (void)state;
    assert_status(wk_memory_copy(to, 0, from, 0, 5 * WK_PAGE_BYTES), WK_NO_MEMORY);
    assert_int_equal(present_pages_of(to), 2);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(a_clone_shares_until_either_side_writes),
        machine_test(a_clone_is_charged_in_full_so_that_writing_cannot_fail),
        machine_test(clone_fails_when_the_bank_cannot_pay),
        machine_test(a_page_with_too_many_sharers_is_not_cloned),
        machine_test(a_clone_of_sparse_memory_has_the_same_pages),
        machine_test(clones_of_clones_share_the_same_frames),
        machine_test(empty_memory_is_cloned_at_once),
        machine_test(a_child_has_what_is_mapped_with_a_clone_in_place_of_the_original),
        machine_test(mappings_are_cloned_no_further_than_rights_reach),
        machine_test(a_child_pays_for_its_mappings),
        machine_test(large_memory_is_cloned_page_by_page),
        machine_test(device_memory_cannot_be_cloned_resized_copied_or_decommitted),
        machine_test(copy_moves_bytes_across_page_boundaries),
        machine_test(copy_of_nothing_is_fine),
        machine_test(copy_from_an_absent_page_is_zeros),
        machine_test(copy_to_a_shared_page_leaves_the_other_sharer_alone),
        machine_test(copy_within_one_memory),
        machine_test(copy_checks_both_ranges),
        machine_test(copy_says_when_a_page_cannot_be_paid),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
