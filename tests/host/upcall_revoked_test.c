/* SPDX-License-Identifier: MIT */
/* Frames of upcalls in pages that are taken back: the frames go with them, and nobody writes to the page afterwards. */
#include "upcall_program.h"

#include "lock.h"
#include "memory_table.h"

/* A program whose frames lie in the middle one of three pages. */
static void make_program_with_frames_between(void)
{
    make_upcall_program();
    act_as(boot);
    assert_ok(wk_process_unmap(program.process, FRAMES, 1));
    frames = make_memory(program.bank, 3, 0);
    assert_ok(wk_memory_map(frames, program.process, FRAMES, 1, 1, READ | WRITE));
    assert_ok(wk_thread_set_frames(program.thread, frames, 1, FRAMES));
}

static void assert_pinned(void)
{
    assert_int_equal(memory_of(frames)->pin_count, 1);
    assert_ptr_equal(program.thread_record->call_frame, frame_pointer(memory_page(memory_of(frames), 1)));
}

static void assert_unpinned(void)
{
    assert_int_equal(memory_of(frames)->pin_count, 0);
    assert_null(program.thread_record->call_frame);
}

static void call_and_end(void)
{
    act_as(program.thread_record);
    user_foreign_call(77);
    assert_ended(WK_END_REASON_FOREIGN_CALL, 77);
}

static void frames_stay_while_the_pages_around_them_go(void **state)
{
    (void)state;
    make_program_with_frames_between();
    assert_ok(wk_memory_decommit(frames, 0, 1));
    assert_ok(wk_memory_decommit(frames, 2, 1));
    assert_ok(wk_memory_resize(frames, 2));
    assert_ok(wk_memory_resize(frames, 700));
    assert_pinned();
    act_as(program.thread_record);
    user_foreign_call(77);
    assert_int_equal(user_register(PC), ENTRY);
    assert_int_equal(CALL(busy), 1);
}

static void frames_go_with_a_page_that_is_decommitted(void **state)
{
    (void)state;
    make_program_with_frames_between();
    assert_ok(wk_memory_decommit(frames, 1, 1));
    assert_unpinned();
    call_and_end();
}

static void frames_go_with_a_page_that_is_cut_off(void **state)
{
    (void)state;
    make_program_with_frames_between();
    assert_ok(wk_memory_resize(frames, 1));
    assert_unpinned();
    call_and_end();
}

static void frames_go_with_their_memory(void **state)
{
    uint64_t identity;

    (void)state;
    make_program_with_frames_between();
    identity = identity_of(frames);
    assert_ok(wk_capability_delete(frames));
    assert_false(object_exists(identity));
    assert_null(program.thread_record->call_frame);
    call_and_end();
}

/* What is the process's own doing it may do: the kernel's pointer needs no mapping. */
static void frames_stay_where_they_are_not_mapped(void **state)
{
    (void)state;
    make_program_with_frames_between();
    assert_ok(wk_process_unmap(program.process, FRAMES, 1));
    assert_pinned();
    act_as(program.thread_record);
    user_foreign_call(77);
    assert_int_equal(user_register(PC), ENTRY);
    assert_int_equal(program.thread_record->call_frame->busy, 1);
}

static void memory_with_frames_is_not_cloned_before_they_are_gone(void **state)
{
    wk_handle clone;

    (void)state;
    make_program_with_frames_between();
    assert_status(wk_memory_clone(frames, BOOT_BANK, &clone), WK_BUSY);
    assert_ok(wk_memory_decommit(frames, 1, 1));
    assert_ok(wk_memory_clone(frames, BOOT_BANK, &clone));
}

/* ---- on another hart ---- */

static void make_program_on_another_hart(void)
{
    make_program_with_frames_between();
    assert_ptr_not_equal(program.thread_record->hart, boot->hart);
    make_current(program.thread_record);
}

static int setup_two_harts(void **state)
{
    const struct host_machine machine = {.harts = 2, .seed = 3};

    (void)state;
    machine_start(&machine);
    return 0;
}

/* That hart's assembly may be writing to the frame just now, and has to pass a flush before the page is another's. */
static void a_page_with_frames_waits_for_the_hart_that_may_be_at_them(void **state)
{
    struct memory *memory;
    uint64_t waiting;

    (void)state;
    make_program_on_another_hart();
    assert_ok(wk_process_unmap(program.process, FRAMES, 1));
    memory = memory_of(frames);
    make_current(program.thread_record);
    waiting = frame_quarantine_count();
    kernel_lock_acquire();
    memory_revoke_pins(memory, 1, 2);
    memory_drop_pages(memory, 1, 2);
    assert_int_equal(frame_quarantine_count(), waiting + 1);
    kernel_lock_release();
    assert_null(program.thread_record->call_frame);
    assert_ok(wk_capability_check(frames));
    assert_ok(wk_capability_check(frames));
    assert_int_equal(frame_quarantine_count(), waiting);
}

static void so_does_the_page_whose_place_another_takes(void **state)
{
    wk_handle others;
    uint64_t waiting;

    (void)state;
    make_program_on_another_hart();
    assert_ok(wk_process_unmap(program.process, FRAMES, 1));
    make_current(program.thread_record);
    others = make_memory(program.bank, 1, 0);
    waiting = frame_quarantine_count();
    assert_ok(wk_thread_set_frames(program.thread, others, 0, FRAMES));
    kernel_lock_acquire();
    memory_drop_pages(memory_of(frames), 1, 2);
    assert_int_equal(frame_quarantine_count(), waiting + 1);
    kernel_lock_release();
}

static unsigned points_left;

/* At that preemption point of the first hart, the program makes a foreign call on the other. */
static void call_meanwhile(void)
{
    struct arch_hart *processor = &program.thread_record->hart->arch;

    if (host_hart != boot->hart || points_left-- != 0)
        return;
    host_preemption_hook = NULL;
    if (processor->state != HOST_STATE_USER)
        return;
    processor->x[17] = 77;
    processor->trap = HOST_TRAP_ECALL;
    processor->state = HOST_STATE_KERNEL;
}

/* Either the handler was called before the page went, or the process ended; and the page that went holds nothing. */
static void a_call_on_one_hart_while_another_takes_the_page(void **state)
{
    (void)state;
    for (unsigned points = 0; points < 12; points++) {
        make_program_on_another_hart();
        points_left = points;
        host_preemption_hook = call_meanwhile;
        assert_ok(wk_memory_decommit(frames, 1, 1));
        host_preemption_hook = NULL;
        settle();
        assert_unpinned();
        if (program.process_record->state < WK_PROCESS_STATE_ENDING) {
            act_as(program.thread_record);
            if (user_register(PC) != ENTRY) /* it did not come to call */
                user_foreign_call(77);
            else
                assert_int_equal(user_word(FRAMES), 0);
        }
        act_as(boot);
        assert_ok(wk_bank_destroy(program.bank));
    }
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(frames_stay_while_the_pages_around_them_go),
        machine_test(frames_go_with_a_page_that_is_decommitted),
        machine_test(frames_go_with_a_page_that_is_cut_off),
        machine_test(frames_go_with_their_memory),
        machine_test(frames_stay_where_they_are_not_mapped),
        machine_test(memory_with_frames_is_not_cloned_before_they_are_gone),
        cmocka_unit_test_setup(a_page_with_frames_waits_for_the_hart_that_may_be_at_them, setup_two_harts),
        cmocka_unit_test_setup(so_does_the_page_whose_place_another_takes, setup_two_harts),
        cmocka_unit_test_setup(a_call_on_one_hart_while_another_takes_the_page, setup_two_harts),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
