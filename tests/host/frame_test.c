/* SPDX-License-Identifier: MIT */
/* Frames: the pool, the harts' stocks of zeroed ones, pins, and the quarantine of those that a TLB may still reach. */
#include "harness.h"

#include "lock.h"
#include "space.h"

#include <string.h>

#define BASE UINT64_C(0x100000)
#define TAKEN (FRAME_STOCK - FRAMES_OF_STEP + 1) /* so that less is left than a step may take */

static struct frame *take(void)
{
    while (!frame_stock_is_full(host_hart))
        frame_stock_add(host_hart);
    return frame_take(NULL);
}

static bool is_zero(const void *page)
{
    const uint64_t *words = page;

    for (unsigned i = 0; i < WK_PAGE_BYTES / 8; i++)
        if (words[i] != 0)
            return false;
    return true;
}

static void frames_are_handed_out_zeroed(void **state)
{
    struct frame *frame;
    const uint64_t free = frame_free_count();

    (void)state;
    kernel_lock_acquire();
    assert_ok(bank_charge(bank_first, 1));
    kernel_lock_release();
    for (unsigned i = 0; i < 20; i++) {
        frame = take();
        assert_true(is_zero(frame_pointer(frame)));
        assert_int_equal(frame->references, 1);
        memset(frame_pointer(frame), 0xa5, WK_PAGE_BYTES);
        kernel_lock_acquire();
        frame_give_back(frame);
        kernel_lock_release();
    }
    kernel_lock_acquire();
    bank_credit(bank_first, 1);
    kernel_lock_release();
    assert_int_equal(frame_free_count(), free);
}

/* Whoever else goes on finds it as it is, as long as a step's frames are there; for less, anybody fills it. */
static void who_took_frames_last_fills_the_stock(void **state)
{
    struct thread *taker = host_hart->payer;
    struct thread *other = taker + 1; /* only compared */
    struct frame *taken[TAKEN];

    (void)state;
    for (unsigned i = 0; i < TAKEN; i++)
        taken[i] = i == 0 ? take() : frame_take(NULL);
    assert_int_equal(host_hart->stock_count, FRAMES_OF_STEP - 1);
    host_hart->payer = other;
    frame_stock_look(host_hart);
    assert_true(host_hart->attention.stock_low);
    frame_stock_add(host_hart);
    frame_stock_look(host_hart);
    assert_false(host_hart->attention.stock_low);
    host_hart->payer = taker;
    frame_stock_look(host_hart);
    assert_true(host_hart->attention.stock_low);
    while (host_hart->attention.stock_low)
        frame_stock_add(host_hart);
    assert_true(frame_stock_is_full(host_hart));
    for (unsigned i = 0; i < TAKEN; i++)
        frame_give_back(taken[i]);
}

static void a_frames_record_and_its_page_name_each_other(void **state)
{
    struct frame *one = take();
    struct frame *two = take();

    (void)state;
    assert_ptr_equal(frame_of(frame_pointer(one)), one);
    assert_ptr_equal(frame_of((char *)frame_pointer(two) + WK_PAGE_BYTES - 1), two);
    assert_int_not_equal(frame_number(one), frame_number(two));
    assert_true(frame_is_memory(arch_physical(frame_pointer(one)), WK_PAGE_BYTES));
    assert_false(frame_is_memory((struct physical){HOST_DEVICE_PHYSICAL}, HOST_DEVICE_BYTES));
    assert_false(frame_is_memory((struct physical){HOST_RAM_PHYSICAL + host_ram_bytes}, 1));
    assert_true(frame_is_memory((struct physical){HOST_RAM_PHYSICAL - 1}, 2));
    frame_give_back(one);
    frame_give_back(two);
}

static void a_superframe_is_whole_again_when_its_last_frame_returns(void **state)
{
    const wk_handle large = make_memory(BOOT_BANK, 512, LARGE);
    const uint64_t free = frame_free_count();
    void *first = frame_pointer(memory_page(memory_of(large), 0));
    wk_handle again;

    (void)state;
    assert_int_equal((uintptr_t)first % WK_LARGE_PAGE_BYTES, 0);
    assert_ok(wk_memory_decommit(large, 3, 1));
    assert_int_equal(frame_free_count(), free + 1);
    assert_ok(wk_capability_delete(large));
    again = make_memory(BOOT_BANK, 512, LARGE);
    assert_true(memory_is_large_at(memory_of(again), 0));
}

static void a_pinned_frame_outlives_its_last_reference(void **state)
{
    const uint64_t used = bank_first->used_pages;
    struct frame *frame;

    (void)state;
    kernel_lock_acquire();
    assert_ok(bank_charge(bank_first, 1));
    kernel_lock_release();
    frame = take();
    kernel_lock_acquire();
    frame_pin(frame);
    frame_drop(frame, bank_first);
    assert_int_equal(bank_first->used_pages, used + 1);
    frame_unpin(frame);
    assert_int_equal(bank_first->used_pages, used);
    kernel_lock_release();
    check_kernel();
}

/* Takes a page away from a space that, as far as a shoot-down can tell, is current on the other hart too. */
static void ask_other_hart_to_flush(void)
{
    struct space *space = &actor()->process->space;

    space->harts |= 2;
    harts[1]->space = space;
    space_remove(space, BASE);
    harts[1]->space = NULL;
    assert_false(space_flush_done(space_flush_epoch()));
}

static void frames_stay_in_quarantine_until_every_hart_has_flushed(void **state)
{
    struct frame *frames[12];
    uint64_t used;

    (void)state;
    machine_start(&(struct host_machine){.harts = 2, .asid_bits = 8});
    map(make_memory(BOOT_BANK, 2, 0), BASE, READ); /* two pages, so that their table stays */
    used = bank_first->used_pages;
    for (unsigned i = 0; i < 12; i++)
        frames[i] = take();
    kernel_lock_acquire();
    assert_ok(bank_charge(bank_first, 12));
    ask_other_hart_to_flush();
    for (unsigned i = 0; i < 12; i++)
        frame_drop(frames[i], bank_first);
    frame_quarantine_release();
    assert_int_equal(frame_quarantine_count(), 12);
    assert_int_equal(bank_first->used_pages, used + 12);
    harts[1]->flush_seen = harts[1]->flush_asked; /* it has */
    frame_quarantine_release();
    assert_in_range(frame_quarantine_count(), 1, 11); /* some at a time */
    frame_quarantine_release();
    assert_int_equal(frame_quarantine_count(), 0);
    assert_int_equal(bank_first->used_pages, used);
    kernel_lock_release();
}

/* What others gave back is not all released before the thread goes on. */
static void a_long_quarantine_does_not_keep_a_hart_in_the_kernel(void **state)
{
    struct frame *frames[200];

    (void)state;
    machine_start(&(struct host_machine){.harts = 2, .asid_bits = 8});
    map(make_memory(BOOT_BANK, 2, 0), BASE, READ);
    for (unsigned i = 0; i < 200; i++)
        frames[i] = take();
    kernel_lock_acquire();
    assert_ok(bank_charge(bank_first, 200));
    ask_other_hart_to_flush();
    for (unsigned i = 0; i < 200; i++)
        frame_drop(frames[i], bank_first);
    harts[1]->flush_seen = harts[1]->flush_asked;
    kernel_lock_release();
    hart_current()->attention.reschedule = true;
    assert_ok(wk_capability_check(BOOT_BANK));
    assert_in_range(frame_quarantine_count(), 1, 199);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(frames_are_handed_out_zeroed),
        machine_test(who_took_frames_last_fills_the_stock),
        machine_test(a_frames_record_and_its_page_name_each_other),
        machine_test(a_superframe_is_whole_again_when_its_last_frame_returns),
        machine_test(a_pinned_frame_outlives_its_last_reference),
        cmocka_unit_test(frames_stay_in_quarantine_until_every_hart_has_flushed),
        cmocka_unit_test(a_long_quarantine_does_not_keep_a_hart_in_the_kernel),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
