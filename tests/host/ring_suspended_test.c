/* SPDX-License-Identifier: MIT */
/* Rings of a process that is suspended, of which another one has capabilities. The poller's are in ring_poller_test.c. */
#include "ring_user.h"

#include "process.h"

/* One program suspends the first process, another has its ring and endpoint. */
static struct program suspender, other;
static wk_handle its_process, its_ring, its_endpoint;

static int setup(void **state)
{
    ring_setup(state);
    other = program_make(500, 10);
    suspender = program_make(500, 10);
    its_process = program_grant(&suspender, BOOT_PROCESS, WK_TRANSFER_LEND, ALL_RIGHTS);
    its_ring = program_grant(&other, ring, WK_TRANSFER_LEND, ALL_RIGHTS);
    its_endpoint = program_grant(&other, endpoint, WK_TRANSFER_LEND, ALL_RIGHTS);
    return 0;
}

static void suspend(void)
{
    act_as(suspender.thread_record);
    assert_ok(wk_process_suspend(its_process));
    act_as(other.thread_record);
}

static void resume(void)
{
    act_as(suspender.thread_record);
    assert_ok(wk_process_resume(its_process));
    act_as(client);
}

/* Each worker that has started is. */
static void assert_workers_are_suspended(void)
{
    const struct ring *record = container_of(object_of(its_ring), struct ring, object);

    for (const struct list *link = record->workers.next; link != &record->workers; link = link->next) {
        const struct thread *worker = container_of(link, struct thread, calls.ring_link);

        assert_true((worker->stop & (THREAD_CREATED | THREAD_SUSPENDED)) != 0);
    }
}

static void let_workers_step(void)
{
    act_as(client);
    settle_ring();
    act_as(other.thread_record);
}

/* Who enters for it takes nothing, and does not wait. */
static void nobody_takes_its_entries(void **state)
{
    (void)state;
    put(WK_EVENT_WAIT, 0, event, 1, 1, NEVER, 0);
    assert_ok(enter(1, 0));
    put(WK_EVENT_SIGNAL, 0, event, 2, 2, 0, 0);
    put(WK_EVENT_WAIT, 0, event, 3, 4, NEVER, 0);
    suspend();
    assert_ok(wk_ring_enter(its_ring, 2, 1, NEVER));
    assert_int_equal(taken(), 1);
    assert_workers_are_suspended();
    resume();
    assert_none();
    assert_ok(enter(2, 0));
    assert_int_equal(taken(), 3);
    assert_completed(2, WK_OK);
}

/* Of three calls the first has been taken when its process is suspended. */
static void suspend_amid_calls(void)
{
    put(ASK, 0, session, 1, 5, 0, 0);
    put(ASK, 0, session, 2, 6, 0, 0);
    put(ASK, 0, session, 3, 7, 0, 0);
    assert_ok(enter(3, 0));
    suspend();
    assert_ok(receive_as(other.thread_record, its_endpoint));
}

/* What stands behind a call is made when the process goes on, though the call was taken by a server that could take more. */
static void it_makes_no_calls(void **state)
{
    (void)state;
    suspend_amid_calls();
    assert_received(other.thread_record, WK_MESSAGE_KIND_CALL, BADGE, ASK, 5);
    let_workers_step();
    assert_workers_are_suspended();
    assert_ok(reply_as(other.thread_record, its_endpoint, WK_OK, 50));
    assert_status(receive_as(other.thread_record, its_endpoint), NOT_ANSWERED);
    let_workers_step();
    assert_status(late_answer(other.thread_record), NOT_ANSWERED);
    resume();
    settle_ring();
    assert_received(other.thread_record, WK_MESSAGE_KIND_CALL, BADGE, ASK, 6);
    assert_completed(1, WK_OK);
    assert_ok(reply_as(other.thread_record, its_endpoint, WK_OK, 60));
    assert_completed(2, WK_OK);
    assert_ok(receive_as(other.thread_record, its_endpoint));
    assert_received(other.thread_record, WK_MESSAGE_KIND_CALL, BADGE, ASK, 7);
}

/* One that is to be made later can be cancelled. */
static void what_it_does_not_do_can_be_cancelled(void **state)
{
    uint64_t count;

    (void)state;
    suspend_amid_calls();
    assert_ok(wk_ring_cancel(its_ring, 2, &count));
    assert_int_equal(count, 1);
    let_workers_step();
    resume();
    settle_ring();
    assert_completed(2, WK_CANCELLED);
    assert_none();
}

static void its_bank_takes_what_it_does_not_do(void **state)
{
    const wk_handle its_bank = program_grant(&other, bank, WK_TRANSFER_LEND, ALL_RIGHTS);

    (void)state;
    suspend_amid_calls();
    assert_ok(wk_bank_destroy(its_bank));
    settle();
    check_kernel();
    assert_status(reply_as(other.thread_record, its_endpoint, WK_OK, 50), WK_NO_CALLER);
    resume();
    assert_null(slot_of(ring));
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nobody_takes_its_entries, setup),
        cmocka_unit_test_setup(it_makes_no_calls, setup),
        cmocka_unit_test_setup(what_it_does_not_do_can_be_cancelled, setup),
        cmocka_unit_test_setup(its_bank_takes_what_it_does_not_do, setup),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(tests[0]));
}
