/* SPDX-License-Identifier: MIT */
/* Trace buffers. */
#include "harness.h"

#include "handlers.h"
#include "invoke.h"
#include "memory_table.h"
#include "trace.h"

#include <string.h>

#define ALL_EVENTS UINT64_MAX
#define EVENT(name) (UINT64_C(1) << WK_TRACE_EVENT_##name)
#define BUFFER UINT64_C(0x400000)

static wk_handle memory;

static void attach(uint64_t pages)
{
    memory = make_memory(BOOT_BANK, pages, 0);
    map(memory, BUFFER, READ | WRITE);
    assert_ok(wk_trace_attach(BOOT_TRACE, memory, 0));
}

static struct trace_record record(uint64_t number)
{
    struct trace_record read;

    assert_true(user_load(BUFFER + number * sizeof(read), &read, sizeof(read)));
    return read;
}

static uint64_t written(void)
{
    return user_word(BUFFER);
}

static void events_are_recorded_in_order(void **state)
{
    wk_handle event;
    uint64_t bits;

    (void)state;
    attach(2);
    assert_int_equal(written(), 0);
    event = make_event(BOOT_BANK);
    assert_int_equal(written(), 0);
    host_time_pass_to(777);
    assert_ok(wk_trace_start(BOOT_TRACE, EVENT(INVOKE)));
    assert_ok(wk_event_signal(event, 5));
    assert_status(wk_event_poll(event, 2, &bits), WK_WOULD_BLOCK);
    assert_ok(wk_trace_stop(BOOT_TRACE));
    assert_int_equal(written(), 3);
    assert_int_equal(record(1).words[0], WK_TRACE_START);
    assert_int_equal(record(2).event, WK_TRACE_EVENT_INVOKE);
    assert_int_equal(record(2).words[0], WK_EVENT_SIGNAL);
    assert_int_equal(record(2).words[1], WK_OK);
    assert_int_equal(record(2).time_ns, 777);
    assert_int_equal(record(2).hart, 0);
    assert_int_equal(record(3).words[0], WK_EVENT_POLL);
    assert_int_equal(record(3).words[1], WK_WOULD_BLOCK);
    assert_int_equal(record(4).event, 0);
}

static void only_the_events_asked_for_are_recorded(void **state)
{
    (void)state;
    attach(1);
    assert_ok(wk_trace_start(BOOT_TRACE, EVENT(SWITCH)));
    make_event(BOOT_BANK);
    assert_ok(wk_trace_stop(BOOT_TRACE));
    assert_int_equal(written(), 0);
}

static void a_full_buffer_begins_anew_behind_the_header(void **state)
{
    (void)state;
    attach(2);
    assert_ok(wk_trace_start(BOOT_TRACE, EVENT(INVOKE)));
    for (unsigned i = 0; i < 299; i++)
        assert_ok(wk_capability_check(BOOT_BANK));
    host_time_pass_to(777);
    assert_ok(wk_capability_check(BOOT_BANK));
    assert_ok(wk_trace_stop(BOOT_TRACE));
    assert_int_equal(written(), 301);
    assert_int_equal(record(255).words[0], WK_CAPABILITY_CHECK);
    assert_int_equal(record(46).time_ns, 777); /* record 301, in rounds of 255 */
    assert_int_equal(record(47).time_ns, 0);
}

static void a_hart_without_buffer_records_nothing(void **state)
{
    (void)state;
    assert_ok(wk_trace_start(BOOT_TRACE, ALL_EVENTS));
    make_event(BOOT_BANK);
    attach(1);
    make_event(BOOT_BANK);
    assert_true(written() > 0);
    assert_ok(wk_trace_detach(BOOT_TRACE, 0));
    make_event(BOOT_BANK);
}

static void detach_needs_a_buffer(void **state)
{
    (void)state;
    assert_status(wk_trace_detach(BOOT_TRACE, 0), WK_WOULD_BLOCK);
    assert_status(wk_trace_detach(BOOT_TRACE, 63), WK_WOULD_BLOCK);
    assert_error_at(wk_trace_detach(BOOT_TRACE, 64), WK_BAD_ARGUMENT, 1);
    attach(1);
    assert_ok(wk_trace_detach(BOOT_TRACE, 0));
    assert_status(wk_trace_detach(BOOT_TRACE, 0), WK_WOULD_BLOCK);
    assert_ok(wk_trace_attach(BOOT_TRACE, memory, 0));
}

static void only_small_eager_memory_will_do(void **state)
{
    wk_handle device;

    (void)state;
    assert_error_at(wk_trace_attach(BOOT_TRACE, make_memory(BOOT_BANK, 17, 0), 0), WK_BAD_ARGUMENT, 1);
    assert_error_at(wk_trace_attach(BOOT_TRACE, make_memory(BOOT_BANK, 1, ON_DEMAND), 0), WK_BAD_ARGUMENT, 1);
    assert_ok(wk_machine_claim_region(BOOT_MACHINE, BOOT_BANK, HOST_DEVICE_PHYSICAL, 1, &device));
    assert_error_at(wk_trace_attach(BOOT_TRACE, device, 0), WK_BAD_ARGUMENT, 1);
    assert_error_at(wk_trace_attach(BOOT_TRACE, make_memory(BOOT_BANK, 1, 0), 1), WK_BAD_ARGUMENT, 2);
    assert_ok(wk_trace_attach(BOOT_TRACE, make_memory(BOOT_BANK, 16, 0), 0));
}

static void a_hart_has_one_buffer(void **state)
{
    (void)state;
    attach(1);
    assert_status(wk_trace_attach(BOOT_TRACE, make_memory(BOOT_BANK, 1, 0), 0), WK_BUSY);
}

static void shared_pages_cannot_be_written(void **state)
{
    wk_handle clone;

    (void)state;
    memory = make_memory(BOOT_BANK, 3, 0);
    assert_ok(wk_memory_clone(memory, BOOT_BANK, &clone));
    assert_status(wk_trace_attach(BOOT_TRACE, memory, 0), WK_BUSY);
    assert_ok(wk_capability_delete(clone));
    assert_ok(wk_trace_attach(BOOT_TRACE, memory, 0));
}

static void the_record_is_paid_by_the_memorys_bank(void **state)
{
    wk_handle bank = make_bank(BOOT_BANK, 2);

    (void)state;
    memory = make_memory(bank, 1, 0);
    assert_int_equal(bank_left(bank), 0);
    assert_status(wk_trace_attach(BOOT_TRACE, memory, 0), WK_NO_MEMORY);
}

static void memory_that_goes_takes_the_buffer_along(void **state)
{
    char *before = check_state_text();
    char *after;

    (void)state;
    attach(16);
    assert_ok(wk_trace_start(BOOT_TRACE, ALL_EVENTS));
    assert_ok(wk_capability_delete(memory));
    assert_null(harts[0]->trace);
    assert_status(wk_trace_detach(BOOT_TRACE, 0), WK_WOULD_BLOCK);
    assert_ok(wk_trace_stop(BOOT_TRACE));
    after = check_state_text();
    assert_string_equal(before, after);
}

static void a_bank_that_goes_takes_the_buffer_along(void **state)
{
    wk_handle bank = make_bank(BOOT_BANK, 40);

    (void)state;
    assert_ok(wk_trace_start(BOOT_TRACE, ALL_EVENTS));
    assert_ok(wk_trace_attach(BOOT_TRACE, make_memory(bank, 16, 0), 0));
    assert_ok(wk_bank_destroy(bank));
    assert_null(harts[0]->trace);
}

static void a_page_taken_back_ends_the_recording(void **state)
{
    (void)state;
    attach(4);
    assert_ok(wk_trace_start(BOOT_TRACE, ALL_EVENTS));
    assert_ok(wk_memory_decommit(memory, 2, 1));
    assert_null(harts[0]->trace);
    assert_status(wk_trace_detach(BOOT_TRACE, 0), WK_WOULD_BLOCK);
    assert_int_equal(memory_of(memory)->pin_count, 3);
    assert_ok(wk_trace_attach(BOOT_TRACE, memory, 0)); /* puts an end to the first buffer */
    assert_int_equal(memory_of(memory)->pin_count, 4);
    assert_non_null(harts[0]->trace);
}

/* Acts in the middle of attaching, when three pages are pinned. */
static void shrink(void)
{
    struct memory *record = memory_of(memory);

    if (record->pin_count == 3)
        record->pages = 2;
    if (record->pages == 2 && record->pin_count == 0) {
        record->pages = 8;
        host_preemption_hook = NULL;
    }
}

static void take_page_back(void)
{
    if (memory_of(memory)->pin_count != 3)
        return;
    memory_revoke_pins(memory_of(memory), 0, 1);
    host_preemption_hook = NULL;
}

static void take_all_back(void)
{
    if (memory_of(memory)->pin_count != 3)
        return;
    memory_revoke_pins(memory_of(memory), 0, 8);
    host_preemption_hook = NULL;
}

static void attaching_fails_if_a_page_is_taken_back_meanwhile(void **state)
{
    static void (*const acts[])(void) = {shrink, take_page_back, take_all_back};

    (void)state;
    memory = make_memory(BOOT_BANK, 8, 0);
    for (unsigned i = 0; i < 3; i++) {
        host_preemption_hook = acts[i];
        assert_status(wk_trace_attach(BOOT_TRACE, memory, 0), WK_REVOKED);
        assert_null(host_preemption_hook);
        assert_int_equal(memory_of(memory)->pin_count, 0);
        assert_null(harts[0]->trace);
        assert_status(wk_trace_detach(BOOT_TRACE, 0), WK_WOULD_BLOCK);
    }
    assert_ok(wk_trace_attach(BOOT_TRACE, memory, 0));
}

static enum wk_status detach_meanwhile, attach_meanwhile;

/* Another thread's operations, while one that attaches is under way. */
static void attach_and_detach(void)
{
    const struct wk_trace_detach_in detach_in = {.hart = 0};
    const struct wk_trace_attach_in attach_in = {.memory = memory, .hart = 0};
    struct invocation invocation = {.thread = actor(), .process = actor()->process};

    if (memory_of(memory)->pin_count != 3)
        return;
    host_preemption_hook = NULL;
    detach_meanwhile = trace_detach(&invocation, NULL, &detach_in);
    attach_meanwhile = trace_attach(&invocation, NULL, slot_of(memory), &attach_in);
}

static void a_buffer_that_is_being_attached_is_not_there_yet(void **state)
{
    (void)state;
    memory = make_memory(BOOT_BANK, 8, 0);
    host_preemption_hook = attach_and_detach;
    assert_ok(wk_trace_attach(BOOT_TRACE, memory, 0));
    assert_int_equal(detach_meanwhile, WK_WOULD_BLOCK);
    assert_int_equal(attach_meanwhile, WK_BUSY);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        machine_test(events_are_recorded_in_order),
        machine_test(only_the_events_asked_for_are_recorded),
        machine_test(a_full_buffer_begins_anew_behind_the_header),
        machine_test(a_hart_without_buffer_records_nothing),
        machine_test(detach_needs_a_buffer),
        machine_test(only_small_eager_memory_will_do),
        machine_test(a_hart_has_one_buffer),
        machine_test(shared_pages_cannot_be_written),
        machine_test(the_record_is_paid_by_the_memorys_bank),
        machine_test(memory_that_goes_takes_the_buffer_along),
        machine_test(a_bank_that_goes_takes_the_buffer_along),
        machine_test(a_page_taken_back_ends_the_recording),
        machine_test(attaching_fails_if_a_page_is_taken_back_meanwhile),
        machine_test(a_buffer_that_is_being_attached_is_not_there_yet),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
