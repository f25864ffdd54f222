/* SPDX-License-Identifier: MIT */
/* The kernel ring: entries that are done at once, that wait, that fail; and what the memory may say. */
#include "ring_user.h"

#include "frame.h"
#include "memory.h"

static void an_entry_is_executed_and_completed(void **state)
{
    (void)state;
    put(WK_EVENT_SIGNAL, 0, event, 7, 5, 0, 0);
    assert_ok(enter(1, 0));
    assert_int_equal(event_of(event)->pending, 5);
    assert_completed(7, WK_OK);
    assert_none();
}

static void results_and_errors_come_in_completions(void **state)
{
    (void)state;
    put(WK_EVENT_CREATE, 0, BOOT_BANK, 1, 0, 0, 0);
    put(WK_EVENT_POLL, 0, event, 2, 1, 0, 0);
    put(WK_EVENT_POLL, 0, event, 3, 0, 0, 0);
    put(WK_EVENT_POLL, 0, BOOT_BANK, 4, 1, 0, 0);
    put(WK_BANK_INFO, 0, BOOT_BANK, 5, 0, 0, 0);
    assert_ok(enter(5, 0));
    assert_completed(1, WK_OK);
    assert_true(slot_of(completion_words[0]) != NULL);
    assert_completed(2, WK_WOULD_BLOCK);
    assert_completed(3, WK_BAD_ARGUMENT);
    assert_int_equal(completion_words[0], 1);
    assert_completed(4, WK_WRONG_TYPE);
    assert_completed(5, WK_OK);
    assert_int_equal(completion_words[1], bank_used(BOOT_BANK));
}

static void what_waits_is_pending_and_holds_up_nothing(void **state)
{
    (void)state;
    put(WK_EVENT_WAIT, 0, event, 1, 6, NEVER, 0);
    put(WK_CAPABILITY_CHECK, 0, event, 2, 0, 0, 0);
    assert_ok(enter(2, 0));
    assert_completed(2, WK_OK);
    assert_none();
    assert_ok(wk_event_signal(event, 3));
    assert_completed(1, WK_OK);
    assert_int_equal(completion_words[0], 2);
    assert_int_equal(event_of(event)->pending, 1);
}

static void a_sleep_ends_at_its_time(void **state)
{
    (void)state;
    put(WK_RING_TIMEOUT, 0, ring, 1, host_time_ns + 1000, 0, 0);
    assert_ok(enter(1, 0));
    assert_none();
    pass_to(host_time_ns + 2000);
    assert_completed(1, WK_OK);
    answer_seen(WK_RING_TIMEOUT, WK_OK);
    assert_error_at(wk_ring_timeout(ring, host_time_ns), WK_BAD_ARGUMENT, 0);
}

static void a_wait_with_a_deadline_times_out(void **state)
{
    (void)state;
    put(WK_EVENT_WAIT, 0, make_event(BOOT_BANK), 1, 6, host_time_ns + 1000, 0);
    assert_ok(enter(1, 0));
    pass_to(host_time_ns + 2000);
    assert_completed(1, WK_TIMED_OUT);
}

static void a_thread_waits_for_completions(void **state)
{
    struct thread *other = spawn(30, NULL);

    (void)state;
    put(WK_EVENT_WAIT, 0, event, 1, 1, NEVER, 0);
    put(WK_EVENT_WAIT, 0, event, 2, 2, NEVER, 0);
    assert_status(enter_as(other, 2, 2, NEVER), NOT_ANSWERED);
    assert_ok(wk_event_signal(event, 1));
    assert_true(is_waiting(other));
    assert_ok(wk_event_signal(event, 2));
    assert_ok(late_answer(other));
    assert_completed(1, WK_OK);
    assert_completed(2, WK_OK);
}

static void nobody_waits_when_nothing_is_pending(void **state)
{
    (void)state;
    put(WK_CAPABILITY_CHECK, 0, ring, 1, 0, 0, 0);
    assert_ok(enter(1, 5));
}

static void a_wait_for_completions_times_out(void **state)
{
    struct thread *other = spawn(30, NULL);

    (void)state;
    put(WK_EVENT_WAIT, 0, make_event(BOOT_BANK), 1, 1, NEVER, 0);
    assert_status(enter_as(other, 1, 1, host_time_ns + 1000), NOT_ANSWERED);
    pass_to(host_time_ns + 2000);
    assert_status(late_answer(other), WK_TIMED_OUT);
}

static void what_is_pending_can_be_cancelled(void **state)
{
    uint64_t count;

    (void)state;
    put(WK_EVENT_WAIT, 0, event, 1, 1, NEVER, 0);
    put(WK_EVENT_WAIT, 0, event, 2, 1, NEVER, 0);
    put(WK_EVENT_WAIT, 0, event, 2, 1, NEVER, 0);
    put(WK_RING_TIMEOUT, 0, ring, 3, NEVER, 0, 0);
    assert_ok(enter(4, 0));
    assert_ok(wk_ring_cancel(ring, 2, &count));
    assert_int_equal(count, 2);
    assert_completed(2, WK_CANCELLED);
    assert_completed(2, WK_CANCELLED);
    assert_none();
    assert_ok(wk_ring_cancel(ring, 2, &count));
    assert_int_equal(count, 0);
    assert_ok(wk_ring_cancel(ring, 3, &count));
    assert_completed(3, WK_CANCELLED);
}

static void long_operations_go_on_by_themselves(void **state)
{
    const wk_handle large = make_memory(BOOT_BANK, 64, 0);

    (void)state;
    put(WK_MEMORY_CLONE, 0, large, 1, BOOT_BANK, 0, 0);
    put(WK_MEMORY_CREATE, 0, BOOT_BANK, 2, 64, 0, 0);
    assert_ok(enter(2, 2));
    settle_ring();
    assert_completed_any(1, WK_OK);
    assert_int_equal(pages_of(completion_words[0]), 64);
    assert_completed_any(2, WK_OK);
    assert_int_equal(present_pages_of(completion_words[0]), 64);
}

static void full_completions_refuse_entries(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ENTRIES; i++)
        put(WK_CAPABILITY_CHECK, 0, ring, i, 0, 0, 0);
    assert_ok(enter(ENTRIES, 0));
    for (unsigned i = 0; i < ENTRIES; i++)
        put(WK_CAPABILITY_CHECK, 0, ring, ENTRIES + i, 0, 0, 0);
    assert_ok(enter(ENTRIES, 0));
    put(WK_CAPABILITY_CHECK, 0, ring, 99, 0, 0, 0);
    assert_ok(enter(1, 0));
    assert_int_equal(taken(), 2 * ENTRIES);
    assert_completed(0, WK_OK);
    assert_ok(enter(1, 0));
    assert_int_equal(taken(), 2 * ENTRIES + 1);
}

static void no_more_is_pending_than_there_are_records(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= PENDING; i++)
        put(WK_RING_TIMEOUT, 0, ring, i, NEVER, 0, 0);
    put(WK_CAPABILITY_CHECK, 0, event, 50, 0, 0, 0);
    assert_ok(enter(PENDING + 2, 0));
    assert_int_equal(taken(), PENDING + 1);
    assert_ok(wk_ring_cancel(ring, 0, &(uint64_t){0}));
    assert_completed(0, WK_CANCELLED);
    assert_ok(enter(1, 0));
    assert_completed(50, WK_OK);
}

static void strange_indices_are_refused(void **state)
{
    (void)state;
    put(WK_CAPABILITY_CHECK, 0, ring, 1, 0, 0, 0);
    entries->producer.index += ENTRIES;
    assert_status(enter(1, 0), WK_BAD_ARGUMENT);
    entries->producer.index -= ENTRIES;
    completions->consumer.index = 1; /* it cannot have read that */
    assert_status(enter(1, 0), WK_BAD_ARGUMENT);
    completions->consumer.index = 0;
    assert_int_equal(taken(), 0);
    assert_ok(enter(1, 0));
    assert_completed(1, WK_OK);
    entries->producer.index = 0; /* backwards */
    assert_status(enter(1, 0), WK_BAD_ARGUMENT);
}

static void what_is_no_operation_of_a_ring_is_refused(void **state)
{
    (void)state;
    put(WK_RING_ENTER, 0, ring, 1, 1, 0, 0);
    put(WK_ENDPOINT_RECEIVE, 0, make_endpoint(BOOT_BANK), 2, 0, 0, 0);
    put(4095, 0, ring, 3, 0, 0, 0);
    put(0xfff0, 0, ring, 4, 0, 0, 0);
    put(WK_CAPABILITY_CHECK, 0, 0, 5, 0, 0, 0);
    assert_ok(enter(5, 0));
    assert_completed(1, WK_NO_SUCH_OPERATION);
    assert_completed(2, WK_NO_SUCH_OPERATION);
    assert_completed(3, WK_NO_SUCH_OPERATION);
    assert_completed(4, WK_NO_SUCH_OPERATION);
    assert_completed(5, WK_BAD_HANDLE);
}

/* Whatever it is invoked on, alone or linked to what is pending. */
static void what_only_traps_invoke_is_no_entry(void **state)
{
    (void)state;
    for (unsigned i = 0; i < INTERFACE_OPERATION_COUNT; i++) {
        const struct interface_operation *operation = &interface_operations[i];

        if (!operation->is_trap_only)
            continue;
        put(operation->number, 0, ring, 1, 1, NEVER, 0);
        put(WK_EVENT_WAIT, WK_RING_LINK, event, 2, 1, NEVER, 0);
        put(operation->number, 0, event, 3, 1, NEVER, 0);
        assert_ok(enter(3, 0));
        assert_completed(1, WK_NO_SUCH_OPERATION);
        assert_ok(wk_event_signal(event, 1));
        settle_ring();
        assert_completed(2, WK_OK);
        assert_completed(3, WK_NO_SUCH_OPERATION);
    }
}

static void a_ring_without_its_memory_is_dead(void **state)
{
    struct thread *other = spawn(30, NULL);

    (void)state;
    put(WK_EVENT_WAIT, 0, event, 1, 1, NEVER, 0);
    assert_status(enter_as(other, 1, 1, NEVER), NOT_ANSWERED);
    assert_ok(wk_capability_delete(memory));
    assert_status(late_answer(other), WK_REVOKED);
    assert_status(enter(1, 0), WK_REVOKED);
    assert_ok(wk_event_signal(event, 1));
    assert_ok(wk_capability_delete(ring));
}

static void an_entry_may_take_the_memory_away(void **state)
{
    (void)state;
    put(WK_CAPABILITY_DELETE, 0, memory, 1, 0, 0, 0);
    put(WK_CAPABILITY_CHECK, 0, ring, 2, 0, 0, 0);
    (void)enter(2, 1);
    settle_ring();
    assert_status(enter(1, 0), WK_REVOKED);
}

static void nobody_waits_for_a_ring_whose_memory_an_entry_took(void **state)
{
    struct thread *other = spawn(30, NULL);

    (void)state;
    put(WK_EVENT_WAIT, 0, event, 1, 1, NEVER, 0);
    put(WK_MEMORY_DECOMMIT, 0, memory, 2, 0, 1, 0);
    (void)enter_as(other, 2, 1, NEVER);
    settle_ring();
    assert_status(late_answer(other), WK_REVOKED);
}

/* A ring of several pages, and of which words the user's side has a message. */
static struct wk_ring_message *message_at(wk_handle its_memory, uint64_t place)
{
    const uint64_t offset = place * WK_RING_MESSAGE_BYTES;

    return (struct wk_ring_message *)(void *)((char *)frame_pointer(
                                                  memory_page(memory_of(its_memory), offset / WK_PAGE_BYTES)) +
                                              offset % WK_PAGE_BYTES);
}

static void messages_go_on_from_page_to_page(void **state)
{
    enum { SIZE = 128, COMPLETIONS_BEGIN = SIZE + 2, BATCH = 40 };
    const wk_handle its_memory = make_memory(BOOT_BANK, 5, 0);
    struct wk_ring *its_entries = frame_pointer(memory_page(memory_of(its_memory), 0));
    wk_handle another;

    (void)state;
    assert_ok(wk_ring_create(BOOT_BANK, its_memory, SIZE, SIZE, 2, 0, &another));
    for (uint32_t tag = 0; tag < 10 * BATCH; tag += BATCH) {
        for (uint32_t i = tag; i < tag + BATCH; i++)
            *message_at(its_memory, 2 + i % SIZE) = (struct wk_ring_message){
                {WK_RING_ENTRY(i % 3 == 0 ? WK_CAPABILITY_CHECK : WK_RING_NOOP, 0, another), WK_RING_ENTRY_TAG(i, 0)}};
        its_entries->producer.index += BATCH;
        assert_ok(wk_ring_enter(another, BATCH, 0, NEVER));
        assert_int_equal(its_entries->consumer.index, tag + BATCH);
        for (uint32_t i = tag; i < tag + BATCH; i++) {
            const struct wk_ring_message *message = message_at(its_memory, COMPLETIONS_BEGIN + 2 + i % SIZE);

            assert_int_equal(message->words[0], WK_OK);
            assert_int_equal(message->words[1], i);
        }
        ((struct wk_ring *)message_at(its_memory, COMPLETIONS_BEGIN))->consumer.index += BATCH;
        check_kernel();
    }
}

static void an_entry_may_delete_the_ring(void **state)
{
    (void)state;
    put(WK_CAPABILITY_DELETE, 0, ring, 1, 0, 0, 0);
    (void)enter(1, 1);
    settle_ring();
    assert_status(enter(1, 0), WK_BAD_HANDLE);
}

static void all_that_a_ring_took_comes_back(void **state)
{
    const uint64_t before = bank_used(bank);

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        wk_handle another;
        const wk_handle its_memory = make_memory(bank, 1, 0);

        assert_ok(wk_ring_create(bank, its_memory, 4, 4, 9, 0, &another));
        assert_ok(wk_capability_delete(another));
        assert_ok(wk_capability_delete(its_memory));
    }
    put(WK_EVENT_WAIT, 0, event, 1, 1, NEVER, 0);
    assert_ok(enter(1, 0));
    assert_ok(wk_capability_delete(ring));
    assert_int_equal(event_of(event)->waiter_count, 0);
    assert_int_equal(bank_used(bank), before - ring_bank_pages);
}

static void creation_fails_whole(void **state)
{
    const uint64_t identity = object_of(ring)->identity;
    const wk_handle small = make_bank(BOOT_BANK, 6);
    const wk_handle its_memory = make_memory(BOOT_BANK, 2, 0);
    const uint64_t used = bank_used(small);

    (void)state;
    assert_true(object_exists(identity));
    assert_status(wk_ring_create(small, its_memory, 4, 4, 60, 0, &(wk_handle){0}), WK_NO_MEMORY);
    assert_int_equal(bank_used(small), used);
    assert_error_at(wk_ring_create(small, its_memory, 3, 4, 1, 0, &(wk_handle){0}), WK_BAD_ARGUMENT, 2);
    assert_error_at(wk_ring_create(small, its_memory, 4, 6, 1, 0, &(wk_handle){0}), WK_BAD_ARGUMENT, 3);
    assert_error_at(wk_ring_create(small, its_memory, 64, 64, 1, 0, &(wk_handle){0}), WK_BAD_ARGUMENT, 1);
    assert_int_equal(memory_of(its_memory)->pin_count, 0);
}

static void what_cannot_be_a_rings_memory_or_budget_is_refused(void **state)
{
    const wk_handle shared = make_memory(BOOT_BANK, 1, 0);
    wk_handle clone, device, own, another;
    struct thread *passive = spawn(10, &own);

    (void)state;
    assert_ok(wk_memory_clone(shared, BOOT_BANK, &clone));
    assert_status(wk_ring_create(BOOT_BANK, shared, 4, 4, 1, 0, &another), WK_BUSY);
    assert_ok(wk_machine_claim_region(BOOT_MACHINE, BOOT_BANK, HOST_DEVICE_PHYSICAL, 1, &device));
    assert_status(wk_ring_create(BOOT_BANK, device, 4, 4, 1, 0, &another), WK_NOT_AVAILABLE);
    begin_receive(passive, endpoint);
    make_passive(own);
    put(ASK, 0, session, 1, 0, 0, 0);
    assert_ok(enter(1, 0));
    make_current(passive);
    assert_status(send_as(passive, WK_RING_CREATE, BOOT_BANK, (uint64_t[6]){make_memory(BOOT_BANK, 1, 0), 4, 4, 1}, 0),
                  WK_NO_BUDGET);
}

static void one_thread_waits_for_a_ring_and_can_be_interrupted(void **state)
{
    struct thread *other = spawn(30, NULL);
    wk_handle third_handle;
    struct thread *third = spawn(31, &third_handle);

    (void)state;
    put(WK_EVENT_WAIT, 0, event, 1, 1, NEVER, 0);
    assert_status(enter_as(other, 1, 1, NEVER), NOT_ANSWERED);
    assert_status(enter_as(third, 0, 1, NEVER), WK_BUSY);
    assert_ok(wk_ring_noop(ring));
    assert_ok(wk_event_signal(event, 1));
    assert_ok(late_answer(other));
    put(WK_EVENT_WAIT, 0, event, 2, 1, NEVER, 0);
    assert_status(enter_as(third, 1, 2, NEVER), NOT_ANSWERED);
    assert_ok(wk_thread_interrupt(third_handle));
    assert_status(late_answer(third), WK_INTERRUPTED);
}

static void the_end_of_the_process_takes_the_workers_too(void **state)
{
    const struct program its = program_make(100, 10);
    const wk_handle its_bank = program_grant(&its, bank, WK_TRANSFER_LEND, ALL_RIGHTS);
    const wk_handle its_memory = program_grant(&its, make_memory(BOOT_BANK, 1, 0), WK_TRANSFER_LEND, ALL_RIGHTS);
    const uint64_t objects = bank_of(bank)->object_count, used = bank_used(bank);
    struct thread *before = actor();

    (void)state;
    act_as(its.thread_record);
    assert_ok(wk_ring_create(its_bank, its_memory, 8, 16, 20, 0, &(wk_handle){0}));
    act_as(before);
    assert_ok(wk_process_kill(its.process, 0));
    settle();
    assert_int_equal(bank_of(bank)->object_count, objects);
    assert_int_equal(bank_used(bank), used);
}

static void one_cancel_is_under_way_at_a_time(void **state)
{
    struct thread *other = spawn(30, NULL);
    uint64_t count;

    (void)state;
    for (unsigned i = 0; i < 6; i++)
        put(WK_EVENT_WAIT, 0, event, 51, 1, NEVER, 0);
    assert_ok(enter(6, 0));
    begin_operation(other, WK_RING_CANCEL, ring, (uint64_t[6]){51}, 1);
    assert_status(wk_ring_cancel(ring, 51, &count), WK_BUSY);
    assert_ok(finish_operation(other));
    assert_int_equal(answer_words[0], 6);
    assert_ok(wk_ring_cancel(ring, 51, &count));
    assert_int_equal(count, 0);
}

static void the_doorbell_rings_once_for_each_sleep(void **state)
{
    const wk_handle bell = make_event(BOOT_BANK);

    (void)state;
    assert_ok(wk_ring_bind(ring, bell, 8));
    put(WK_EVENT_WAIT, 0, event, 1, 1, NEVER, 0);
    put(WK_EVENT_WAIT, 0, event, 2, 2, NEVER, 0);
    assert_ok(enter(2, 0));
    assert_int_equal(event_of(bell)->pending, 0);
    completions->consumer.sleeps = 1;
    assert_ok(wk_event_signal(event, 1));
    assert_int_equal(event_of(bell)->pending, 8);
    assert_ok(wk_event_poll(bell, 8, &(uint64_t){0}));
    assert_ok(wk_event_signal(event, 2));
    assert_int_equal(event_of(bell)->pending, 0);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        ring_test(an_entry_is_executed_and_completed),
        ring_test(results_and_errors_come_in_completions),
        ring_test(what_waits_is_pending_and_holds_up_nothing),
        ring_test(a_sleep_ends_at_its_time),
        ring_test(a_wait_with_a_deadline_times_out),
        ring_test(a_thread_waits_for_completions),
        ring_test(nobody_waits_when_nothing_is_pending),
        ring_test(a_wait_for_completions_times_out),
        ring_test(what_is_pending_can_be_cancelled),
        ring_test(long_operations_go_on_by_themselves),
        ring_test(full_completions_refuse_entries),
        ring_test(no_more_is_pending_than_there_are_records),
        ring_test(strange_indices_are_refused),
        ring_test(what_is_no_operation_of_a_ring_is_refused),
        ring_test(what_only_traps_invoke_is_no_entry),
        ring_test(a_ring_without_its_memory_is_dead),
        ring_test(an_entry_may_take_the_memory_away),
        ring_test(nobody_waits_for_a_ring_whose_memory_an_entry_took),
        ring_test(messages_go_on_from_page_to_page),
        ring_test(an_entry_may_delete_the_ring),
        ring_test(all_that_a_ring_took_comes_back),
        ring_test(creation_fails_whole),
        ring_test(what_cannot_be_a_rings_memory_or_budget_is_refused),
        ring_test(one_thread_waits_for_a_ring_and_can_be_interrupted),
        ring_test(the_end_of_the_process_takes_the_workers_too),
        ring_test(one_cancel_is_under_way_at_a_time),
        ring_test(the_doorbell_rings_once_for_each_sleep),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(tests[0]));
}
