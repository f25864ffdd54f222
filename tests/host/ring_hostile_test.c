/* SPDX-License-Identifier: MIT */
/* Entries that nobody would write by mistake, and rings that end in the middle of what they do. */
#include "ring_user.h"

#include "process.h"

/* Word 0 of an entry that is nothing: neither an operation nor a handle. */
static void zero(uint32_t tag)
{
    put(0, 0, 0, tag, 0, 0, 0);
}

static void nothing_is_no_operation(void **state)
{
    (void)state;
    zero(1);
    assert_ok(enter(1, 0));
    assert_completed(1, WK_BAD_HANDLE);
}

/* What is remembered of the entry before is not taken for that of nothing. */
static void nothing_is_not_what_was_before(void **state)
{
    (void)state;
    put(WK_EVENT_SIGNAL, 0, event, 1, 1, 0, 0);
    put(WK_BANK_INFO, WK_RING_LINK, BOOT_BANK, 2, 0, 0, 0);
    zero(3);
    zero(4);
    assert_ok(enter(4, 0));
    assert_completed(1, WK_OK);
    assert_completed(2, WK_OK);
    assert_completed(3, WK_BAD_HANDLE);
    assert_completed(4, WK_BAD_HANDLE);
}

/* ---- while it is made ---- */

/* Leaves another thread in the midst of making a ring of some pages. */
static struct thread *begin_making(wk_handle its_memory, wk_handle budget, unsigned points)
{
    struct thread *maker = spawn(30, NULL);

    begin_operation(maker, WK_RING_CREATE, BOOT_BANK, (uint64_t[6]){its_memory, 256, 64, 6, budget}, points);
    return maker;
}

static void its_memory_may_become_smaller_while_it_is_made(void **state)
{
    const wk_handle its_memory = make_memory(BOOT_BANK, 8, 0);
    struct thread *maker = begin_making(its_memory, 0, 1);

    (void)state;
    assert_ok(wk_memory_resize(its_memory, 3));
    assert_status(finish_operation(maker), WK_REVOKED);
    assert_int_equal(present_pages_of(its_memory), 3);
    assert_int_equal(memory_of(its_memory)->pin_count, 0);
}

static void its_budget_may_become_less_urgent_while_it_is_made(void **state)
{
    wk_handle budget;
    struct thread *maker;

    (void)state;
    assert_ok(wk_budget_split(BOOT_BUDGET, BOOT_BANK, 0, 0, 40, 0, &budget));
    maker = begin_making(make_memory(BOOT_BANK, 8, 0), budget, 9);
    assert_ok(wk_budget_adjust(budget, 0, 0, 20, 0));
    assert_status(finish_operation(maker), WK_OK);
    check_kernel();
}

/* ---- times of what comes next ---- */

static void a_linked_time_ends_a_wait(void **state)
{
    (void)state;
    put(WK_RING_TIMEOUT, WK_RING_LINK, ring, 1, host_time_ns + 1000, 0, 0);
    put(WK_EVENT_WAIT, 0, event, 2, 1, NEVER, 0);
    assert_ok(enter(2, 0));
    assert_completed(1, WK_OK);
    pass_to(host_time_ns + 2000);
    assert_completed(2, WK_TIMED_OUT);
}

static void a_linked_time_is_for_the_next_entry_alone(void **state)
{
    (void)state;
    put(WK_RING_TIMEOUT, WK_RING_LINK, ring, 1, host_time_ns + 1000, 0, 0);
    put(WK_CAPABILITY_CHECK, 0, event, 2, 0, 0, 0);
    put(ASK, 0, session, 3, 5, 0, 0);
    assert_ok(enter(3, 0));
    assert_completed(1, WK_OK);
    assert_completed(2, WK_OK);
    pass_to(host_time_ns + 2000);
    assert_none();
}

/* ---- who enters ---- */

/* An operation under way comes to its end whatever stops its thread; but this one could go on for ever, with others who put
 * entries. */
static void who_is_suspended_takes_no_more(void **state)
{
    const struct program other = program_make(500, 10);
    const wk_handle process = program_grant(&other, BOOT_PROCESS, WK_TRANSFER_LEND, ALL_RIGHTS);

    (void)state;
    for (unsigned i = 0; i < ENTRIES; i++)
        put(WK_CAPABILITY_CHECK, WK_RING_LINK, event, i, 0, 0, 0);
    begin_operation(client, WK_RING_ENTER, ring, (uint64_t[6]){ENTRIES, 0, NEVER}, 1);
    act_as(other.thread_record);
    assert_ok(wk_process_suspend(process));
    while (client->operation.step != NULL)
        step_partly(client, 0, NULL);
    assert_true(taken() < ENTRIES);
    assert_ok(wk_process_resume(process));
}

/* ---- workers ---- */

/* One that made steps has been current; what it then called is answered straight away, but nobody goes straight to it. */
static void a_worker_has_no_user_code(void **state)
{
    (void)state;
    make_server_passive();
    assert_ok(wk_endpoint_accept(endpoint, 1 << WK_TYPE_EVENT, 1));
    put_message(ASK, WK_MESSAGE_CAPABILITY(0) | WK_MESSAGE_GIVE(0), session, 1, make_event(BOOT_BANK));
    rest();
    assert_status(enter_as(client, 1, 1, NEVER), NOT_ANSWERED);
    assert_runs_for(server, server->calls.caller);
    assert_true(server->calls.caller->is_worker);
    assert_status(reply_receive_as(server, endpoint, 50), NOT_ANSWERED);
    assert_ok(late_answer(client));
    assert_completed(1, WK_OK);
    assert_false(host_hart->current != NULL && host_hart->current->is_worker);
}

/* ---- links and ends ---- */

/* Three entries, linked: the first waits, by a worker that is made later than those that are held. */
static void put_chain(void)
{
    put(WK_EVENT_WAIT, 0, event, 1, 1, NEVER, 0);
    put(WK_EVENT_WAIT, WK_RING_LINK, event, 2, 2, NEVER, 0);
    put(WK_EVENT_SIGNAL, WK_RING_LINK, event, 3, 4, 0, 0);
    put(WK_EVENT_SIGNAL, 0, event, 4, 8, 0, 0);
    assert_ok(enter(4, 0));
    assert_none();
}

static void a_ring_ends_with_what_it_holds(void **state)
{
    (void)state;
    put_chain();
    assert_ok(wk_capability_delete(ring));
    settle();
    check_kernel();
    assert_int_equal(event_of(event)->waiter_count, 0);
    assert_int_equal(event_of(event)->pending, 0);
}

static void its_bank_takes_what_it_holds(void **state)
{
    (void)state;
    put_chain();
    assert_ok(wk_bank_destroy(bank));
    settle();
    check_kernel();
    assert_int_equal(event_of(event)->waiter_count, 0);
    assert_int_equal(event_of(event)->pending, 0);
}

static void what_is_held_can_be_cancelled_once(void **state)
{
    uint64_t count;

    (void)state;
    put_chain();
    assert_ok(wk_ring_cancel(ring, 3, &count));
    assert_int_equal(count, 1);
    assert_ok(wk_ring_cancel(ring, 3, &count));
    assert_int_equal(count, 0);
    assert_none();
    assert_ok(wk_event_signal(event, 2));
    settle_ring();
    assert_completed(2, WK_OK);
    assert_completed(3, WK_CANCELLED);
    assert_completed(4, WK_CANCELLED);
    assert_none();
    assert_int_equal(event_of(event)->pending, 0);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        ring_test(nothing_is_no_operation),
        ring_test(nothing_is_not_what_was_before),
        ring_test(its_memory_may_become_smaller_while_it_is_made),
        ring_test(its_budget_may_become_less_urgent_while_it_is_made),
        ring_test(a_linked_time_ends_a_wait),
        ring_test(a_linked_time_is_for_the_next_entry_alone),
        ring_test(who_is_suspended_takes_no_more),
        ring_test(a_worker_has_no_user_code),
        ring_test(a_ring_ends_with_what_it_holds),
        ring_test(its_bank_takes_what_it_holds),
        ring_test(what_is_held_can_be_cancelled_once),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(tests[0]));
}
