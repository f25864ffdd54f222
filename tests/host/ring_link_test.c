/* SPDX-License-Identifier: MIT */
/* Entries that are linked to others, and times that are. */
#include "ring_user.h"

static void a_linked_entry_follows_success(void **state)
{
    const wk_handle other = make_event(BOOT_BANK);

    (void)state;
    put(WK_EVENT_WAIT, WK_RING_LINK, event, 1, 1, NEVER, 0);
    put(WK_EVENT_SIGNAL, WK_RING_LINK, other, 2, 4, 0, 0);
    put(WK_EVENT_SIGNAL, 0, other, 3, 8, 0, 0);
    put(WK_EVENT_SIGNAL, 0, other, 4, 16, 0, 0);
    assert_ok(enter(4, 0));
    assert_completed(4, WK_OK);
    assert_none();
    assert_int_equal(event_of(other)->pending, 16);
    assert_ok(wk_event_signal(event, 1));
    settle_ring();
    assert_completed(1, WK_OK);
    assert_completed(2, WK_OK);
    assert_completed(3, WK_OK);
    assert_int_equal(event_of(other)->pending, 28);
}

static void what_is_linked_to_a_failure_is_cancelled(void **state)
{
    uint64_t count;

    (void)state;
    put(WK_EVENT_POLL, WK_RING_LINK, event, 1, 1, 0, 0);
    put(WK_EVENT_SIGNAL, WK_RING_LINK, event, 2, 4, 0, 0);
    put(WK_EVENT_SIGNAL, 0, event, 3, 8, 0, 0);
    put(WK_EVENT_WAIT, WK_RING_LINK, event, 4, 1, NEVER, 0);
    put(WK_EVENT_SIGNAL, WK_RING_LINK, event, 5, 4, 0, 0);
    put(WK_EVENT_SIGNAL, 0, event, 6, 4, 0, 0);
    assert_ok(enter(6, 0));
    assert_completed(1, WK_WOULD_BLOCK);
    assert_completed(2, WK_CANCELLED);
    assert_completed(3, WK_CANCELLED);
    assert_none();
    assert_ok(wk_ring_cancel(ring, 4, &count));
    settle_ring();
    assert_completed(4, WK_CANCELLED);
    assert_completed(5, WK_CANCELLED);
    assert_completed(6, WK_CANCELLED);
    assert_int_equal(event_of(event)->pending, 0);
}

static void a_linked_time_stays_with_an_entry_that_is_executed_again(void **state)
{
    const struct capability_table *table = &actor()->process->table;

    (void)state;
    while (table->free_head != NULL || table->made != table->paged)
        (void)make_event(BOOT_BANK);
    put(WK_RING_TIMEOUT, WK_RING_LINK, ring, 1, host_time_ns + 1000, 0, 0);
    put(WK_EVENT_CREATE, 0, BOOT_BANK, 2, 0, 0, 0);
    put(ASK, 0, session, 3, 5, 0, 0);
    assert_ok(enter(3, 0));
    assert_completed(1, WK_OK);
    assert_completed(2, WK_OK);
    pass_to(host_time_ns + 2000);
    assert_none();
}

static void a_linked_time_goes_with_what_is_cancelled(void **state)
{
    uint64_t count;

    (void)state;
    put(WK_EVENT_WAIT, WK_RING_LINK, event, 1, 1, NEVER, 0);
    put(WK_RING_TIMEOUT, WK_RING_LINK, ring, 2, host_time_ns + 1000, 0, 0);
    assert_ok(enter(2, 0));
    assert_ok(wk_ring_cancel(ring, 1, &count));
    put(WK_EVENT_SIGNAL, 0, event, 3, 1, 0, 0);
    put(ASK, 0, session, 4, 5, 0, 0);
    assert_ok(enter(2, 0));
    assert_completed(2, WK_OK);
    assert_completed(1, WK_CANCELLED);
    assert_completed(3, WK_CANCELLED);
    pass_to(host_time_ns + 2000);
    assert_none();
}

static void a_held_sleep_does_not_begin_when_its_ring_ends(void **state)
{
    wk_handle another;

    (void)state;
    assert_ok(wk_ring_create(BOOT_BANK, make_memory(BOOT_BANK, 1, 0), 8, 16, 2, 0, &another));
    put(WK_EVENT_WAIT, WK_RING_LINK, event, 1, 1, NEVER, 0);
    put(WK_RING_TIMEOUT, 0, another, 2, NEVER, 0, 0);
    assert_ok(enter(2, 0));
    assert_ok(wk_event_signal(event, 1));
    assert_ok(wk_capability_delete(ring));
    settle();
}

static void a_call_with_a_linked_time_times_out(void **state)
{
    (void)state;
    put(WK_RING_TIMEOUT, WK_RING_LINK, ring, 1, host_time_ns + 1000, 0, 0);
    put(ASK, 0, session, 2, 5, 0, 0);
    put(ASK, 0, session, 3, 5, 0, 0);
    assert_ok(enter(3, 0));
    assert_completed(1, WK_OK);
    pass_to(host_time_ns + 2000);
    assert_completed(2, WK_TIMED_OUT);
    assert_none();
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        ring_test(a_linked_entry_follows_success),
        ring_test(what_is_linked_to_a_failure_is_cancelled),
        ring_test(a_linked_time_stays_with_an_entry_that_is_executed_again),
        ring_test(a_linked_time_goes_with_what_is_cancelled),
        ring_test(a_held_sleep_does_not_begin_when_its_ring_ends),
        ring_test(a_call_with_a_linked_time_times_out),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(tests[0]));
}
