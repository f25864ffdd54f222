/* SPDX-License-Identifier: MIT */
/* Helping across harts: a server is pulled over to the hart of whoever is to pay for it. */
#include "calls.h"

#include "lock.h"
#include "schedule.h"

static void start(unsigned harts_wanted)
{
    machine_start(&(struct host_machine){.harts = harts_wanted, .asid_bits = 8});
    boot = actor();
    endpoint = make_endpoint(BOOT_BANK);
    session = make_session(endpoint, BADGE);
    event = make_event(BOOT_BANK);
}

/* A thread on the whole of that hart. */
static struct thread *spawn_on(unsigned hart, unsigned priority, wk_handle *handle)
{
    wk_handle thread;

    assert_ok(wk_thread_create(BOOT_PROCESS, priority, &thread));
    assert_ok(wk_thread_set_budget(thread, WK_FIRST_HANDLE(WK_BOOT_BUDGET + hart)));
    assert_ok(wk_thread_start(thread, 0x10100, 0, 0, 0, 0));
    if (handle != NULL)
        *handle = thread;
    return thread_of(thread);
}

static void assert_runs_on(unsigned hart, const struct thread *thread, const struct thread *payer)
{
    assert_ptr_equal(harts[hart]->current, thread);
    assert_ptr_equal(harts[hart]->payer, payer);
}

/* As an interrupt would, on the first hart. */
static void signal_from_outside(uint64_t bits)
{
    kernel_lock_acquire();
    event_signal_bits(event_of(event), bits);
    kernel_lock_release();
    for (unsigned i = 0; i < hart_count; i++)
        arch_hart_notify(harts[i]);
    host_run();
    check_kernel();
}

static void a_server_that_does_not_run_is_pulled_over(void **state)
{
    struct thread *urgent;

    (void)state;
    start(2);
    server = spawn_on(1, 20, NULL);
    client = spawn_on(1, 10, NULL);
    be_served();
    urgent = spawn_on(1, 30, NULL);
    assert_runs_on(1, urgent, urgent);
    begin_call(boot, session, 2);
    assert_runs_on(0, server, boot);
    assert_ok(reply_receive_as(server, endpoint, 0));
    assert_runs_on(0, server, boot);
    assert_status(reply_receive_as(server, endpoint, 0), NOT_ANSWERED);
    assert_runs_on(0, boot, boot);
    assert_runs_on(1, urgent, urgent);
}

static void a_server_that_runs_elsewhere_is_waited_for(void **state)
{
    struct thread *urgent;

    (void)state;
    start(2);
    urgent = spawn_on(1, 30, NULL);
    begin_wait(urgent, event, 2, NEVER);
    server = spawn_on(1, 20, NULL);
    client = spawn_on(1, 10, NULL);
    be_served();
    assert_runs_on(1, server, server);
    begin_call(boot, session, 2);
    assert_null(harts[0]->current);
    assert_int_equal(boot->place, THREAD_PARKED);
    signal_from_outside(2); /* displaces it there, so it runs here */
    assert_runs_on(1, urgent, urgent);
    assert_runs_on(0, server, boot);
}

static void a_passive_server_runs_on_any_hart(void **state)
{
    struct thread *here, *there;
    wk_handle handle;

    (void)state;
    start(2);
    server = spawn_on(0, 20, &handle);
    begin_receive(server, endpoint);
    make_passive(handle);
    here = spawn_on(0, 30, NULL);
    there = spawn_on(1, 30, NULL);
    begin_wait(boot, event, 1, NEVER);
    begin_call(here, session, 1);
    assert_runs_on(0, server, here);
    assert_status(reply_receive_as(server, endpoint, 0), NOT_ANSWERED);
    begin_call(there, session, 2);
    assert_runs_on(1, server, there);
    assert_status(reply_receive_as(server, endpoint, 0), NOT_ANSWERED);
    assert_runs_on(0, here, here);
    assert_runs_on(1, there, there);
}

/* Two harts wait for the server of a third, which gives it up. */
static void all_who_waited_are_told_when_it_is_displaced(void **state)
{
    struct thread *others[3], *urgent;

    (void)state;
    start(3);
    server = spawn_on(1, 20, NULL);
    client = spawn_on(1, 10, NULL);
    be_served();
    for (unsigned i = 0; i < 3; i++)
        others[i] = spawn_on(i == 1 ? 0 : i, 30 + i, NULL);
    begin_wait(boot, event, 1, NEVER);
    assert_runs_on(1, server, server);
    for (unsigned i = 0; i < 3; i++)
        begin_call(others[i], session, 2);
    assert_null(harts[0]->current);
    assert_null(harts[2]->current);
    signal_from_outside(1);
    urgent = spawn_on(1, 50, NULL);
    assert_runs_on(1, urgent, urgent);
    assert_runs_on(0, boot, boot);
    assert_runs_on(2, server, others[2]);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(others[i]->place, THREAD_READY);
}

static void a_payer_that_waits_for_a_server_elsewhere_lets_others_run(void **state)
{
    struct thread *low;

    (void)state;
    start(2);
    server = spawn_on(1, 20, NULL);
    client = spawn_on(1, 10, NULL);
    low = spawn_on(0, 5, NULL);
    be_served();
    begin_call(boot, session, 2);
    assert_runs_on(0, low, low);
    assert_ok(reply_receive_as(server, endpoint, 0));
    assert_status(reply_receive_as(server, endpoint, 7), NOT_ANSWERED);
    assert_runs_on(0, boot, boot);
    assert_answered(boot, WK_OK, 7);
}

static void a_call_times_out_while_its_server_runs_for_it_elsewhere(void **state)
{
    struct thread *there;
    wk_handle beyond, beyond_session, handle;

    (void)state;
    start(2);
    beyond = make_endpoint(BOOT_BANK);
    beyond_session = make_session(beyond, 3);
    client = spawn_on(0, 10, NULL); /* serves beyond */
    begin_receive(client, beyond);
    server = spawn_on(0, 20, &handle);
    begin_receive(server, endpoint);
    make_passive(handle);
    there = spawn_on(1, 30, NULL);
    begin_call(there, session, 1);
    assert_runs_on(1, server, there);
    begin_call_until(server, beyond_session, 2, host_time_ns + 1000);
    assert_runs_on(1, client, there);
    pass_to(host_time_ns + 1000);
    assert_runs_on(1, server, there);
    assert_answered(server, WK_TIMED_OUT, 0);
}

/* The passive `server` called a thread that runs on another hart than that of the payer who waits for it. */
static void a_call_is_saved_by_a_server_that_others_wait_for(void **state)
{
    struct thread *there, *low, *saver;
    wk_handle beyond, beyond_session, server_handle_here, reply, boot_session;

    (void)state;
    start(2);
    beyond = make_endpoint(BOOT_BANK);
    beyond_session = make_session(beyond, 3);
    boot_session = make_session(endpoint, 4);
    saver = spawn_on(0, 40, NULL);
    begin_receive(saver, beyond);
    server = spawn_on(0, 20, &server_handle_here);
    begin_receive(server, endpoint);
    make_passive(server_handle_here);
    client = spawn_on(0, 30, &client_handle);
    there = spawn_on(1, 30, NULL);
    low = spawn_on(1, 10, NULL);
    begin_wait(boot, event, 1, NEVER);
    begin_call(client, session, 1);
    begin_call(server, beyond_session, 2);
    assert_runs_on(0, saver, saver);
    begin_call(there, boot_session, 3);
    assert_runs_on(1, low, low);
    assert_ok(save_as(saver, beyond, &reply));
    act_as(low);
    assert_ok(wk_thread_stop(client_handle));
    act_as(boot);
    assert_ok(answer_by(low, reply, WK_OK, 0));
    assert_runs_on(1, server, there);
    assert_runs_on(0, saver, saver);
}

static void a_thread_moves_to_the_hart_of_its_new_budget(void **state)
{
    wk_handle handle;
    uint64_t priority, hart;
    enum wk_thread_state thread_state;
    struct thread *thread;

    (void)state;
    start(2);
    thread = spawn_on(1, 20, &handle);
    assert_runs_on(1, thread, thread);
    assert_ok(wk_thread_set_budget(handle, BOOT_BUDGET));
    assert_null(harts[1]->current);
    begin_wait(boot, event, 1, NEVER);
    assert_runs_on(0, thread, thread);
    act_as(thread);
    assert_ok(wk_thread_set_budget(handle, WK_FIRST_HANDLE(WK_BOOT_BUDGET + 1)));
    assert_runs_on(1, thread, thread);
    assert_null(harts[0]->current);
    assert_ok(wk_thread_info(handle, &thread_state, &priority, &hart));
    assert_int_equal(hart, 1);
}

static bool was_on_two_harts;

/* While the first hart has not chosen anew, the client on the other has all the time to call. */
static void call_meanwhile(void)
{
    struct arch_hart *processor = &harts[1]->arch;

    if (host_hart != harts[0] || harts[0]->current != server || server->stop != THREAD_RECEIVING)
        return;
    host_preemption_hook = NULL;
    processor->x[10] = session;
    processor->x[17] = ASK;
    processor->trap = HOST_TRAP_ECALL;
    processor->state = HOST_STATE_KERNEL;
    for (unsigned i = 0; i < 200 && harts[0]->current == server; i++) {
        host_interleave();
        was_on_two_harts |= harts[0]->current == server && harts[1]->current == server;
    }
}

static void a_server_that_its_hart_has_not_left_is_not_called_elsewhere(void **state)
{
    struct thread *elsewhere;

    (void)state;
    start(2);
    server = spawn_on(0, 20, &server_handle);
    client = spawn_on(0, 10, NULL);
    elsewhere = spawn_on(1, 10, NULL);
    make_passive(server_handle);
    begin_receive(server, endpoint);
    for (unsigned i = 0; i < 2; i++) {
        begin_call(elsewhere, session, 1);
        assert_status(reply_receive_as(server, endpoint, 0), NOT_ANSWERED);
    }
    rest();
    begin_call(client, session, 2);
    assert_runs_on(0, server, client);
    assert_runs_on(1, elsewhere, elsewhere);
    harts[0]->attention.unparked = true; /* so it does something else first */
    host_preemption_hook = call_meanwhile;
    (void)reply_receive_as(server, endpoint, 0);
    assert_null(host_preemption_hook);
    assert_false(was_on_two_harts);
    assert_runs_on(1, server, elsewhere);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_does_not_run_is_pulled_over),
        cmocka_unit_test(a_server_that_runs_elsewhere_is_waited_for),
        cmocka_unit_test(a_passive_server_runs_on_any_hart),
        cmocka_unit_test(all_who_waited_are_told_when_it_is_displaced),
        cmocka_unit_test(a_payer_that_waits_for_a_server_elsewhere_lets_others_run),
        cmocka_unit_test(a_call_times_out_while_its_server_runs_for_it_elsewhere),
        cmocka_unit_test(a_call_is_saved_by_a_server_that_others_wait_for),
        cmocka_unit_test(a_thread_moves_to_the_hart_of_its_new_budget),
        cmocka_unit_test(a_server_that_its_hart_has_not_left_is_not_called_elsewhere),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
