/* SPDX-License-Identifier: MIT */
/* The poller, which takes entries by itself. */
#include "ring_user.h"

static void a_poller_needs_a_record(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= PENDING; i++)
        put(WK_EVENT_WAIT, 0, event, i, 1, NEVER, 0);
    for (unsigned i = 0; i < WK_EVENT_WAITERS_MAX && taken() <= PENDING; i++)
        assert_ok(enter(1, 0));
    assert_status(wk_ring_poll(ring, 1000), WK_BUSY);
}

/* Each of its steps, until it sleeps or so many were made. */
static void let_poll(unsigned steps)
{
    struct thread *poller = container_of(object_of(ring), struct ring, object)->poller;

    step_partly(poller, steps, spawn(240, NULL));
}

static void let_poller_sleep(void)
{
    let_poll(3);
    host_time_pass_to(host_time_ns + 1000);
    settle_ring();
}

static void the_poller_takes_entries_by_itself(void **state)
{
    (void)state;
    assert_ok(wk_ring_poll(ring, 1000000));
    put(WK_EVENT_SIGNAL, 0, event, 1, 4, 0, 0);
    let_poll(20);
    assert_completed(1, WK_OK);
    assert_int_equal(entries->consumer.sleeps % 2, 0);
}

static void an_idle_poller_sleeps_until_somebody_enters(void **state)
{
    (void)state;
    assert_ok(wk_ring_poll(ring, 1));
    let_poller_sleep();
    assert_int_equal(entries->consumer.sleeps % 2, 1);
    put(WK_EVENT_SIGNAL, 0, event, 1, 4, 0, 0);
    settle_ring();
    assert_none();
    assert_ok(enter(0, 0));
    assert_int_equal(entries->consumer.sleeps % 2, 0);
    let_poll(5);
    assert_completed(1, WK_OK);
}

static void the_poller_can_be_ended(void **state)
{
    (void)state;
    assert_ok(wk_ring_poll(ring, 1000000));
    assert_ok(wk_ring_poll(ring, 0));
    let_poll(5);
    assert_null(container_of(object_of(ring), struct ring, object)->poller);
    assert_ok(wk_ring_poll(ring, 1));
    let_poller_sleep();
    assert_ok(wk_ring_poll(ring, 0));
    assert_null(container_of(object_of(ring), struct ring, object)->poller);
}

static void a_polled_ring_can_be_deleted(void **state)
{
    (void)state;
    assert_ok(wk_ring_poll(ring, 1000000));
    assert_ok(wk_capability_delete(ring));
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        ring_test(a_poller_needs_a_record),
        ring_test(the_poller_takes_entries_by_itself),
        ring_test(an_idle_poller_sleeps_until_somebody_enters),
        ring_test(the_poller_can_be_ended),
        ring_test(a_polled_ring_can_be_deleted),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(tests[0]));
}
