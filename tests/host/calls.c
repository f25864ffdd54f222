/* SPDX-License-Identifier: MIT */
#include "calls.h"

wk_handle endpoint, session;
struct thread *server, *client;
wk_handle server_handle, client_handle;
wk_handle event;
struct thread *middle, *high;
wk_handle middle_handle, high_handle;

int call_setup(void **state)
{
    machine_setup(state);
    boot = actor();
    endpoint = make_endpoint(BOOT_BANK);
    session = make_session(endpoint, BADGE);
    server = spawn(SERVER_PRIORITY, &server_handle);
    client = spawn(CLIENT_PRIORITY, &client_handle);
    event = make_event(BOOT_BANK);
    return 0;
}

int helping_setup(void **state)
{
    call_setup(state);
    high = spawn(HIGH_PRIORITY, &high_handle);
    middle = spawn(MIDDLE_PRIORITY, &middle_handle);
    return 0;
}

void begin_call(struct thread *thread, wk_handle by, uint64_t word)
{
    assert_status(call_as(thread, by, ASK, word), NOT_ANSWERED);
}

void begin_call_until(struct thread *thread, wk_handle by, uint64_t word, uint64_t deadline_ns)
{
    assert_status(send_as(thread, ASK | WK_MESSAGE_DEADLINE, by, (uint64_t[6]){word}, deadline_ns), NOT_ANSWERED);
}

void begin_receive(struct thread *thread, wk_handle from)
{
    assert_status(receive_as(thread, from), NOT_ANSWERED);
}

void be_served(void)
{
    begin_call(client, session, 1);
    assert_ok(receive_as(server, endpoint));
}

enum wk_status reply_as(struct thread *thread, wk_handle at, enum wk_status status, uint64_t word)
{
    return send_as(thread, WK_ENDPOINT_REPLY | WK_MESSAGE_STATUS(status), at, (uint64_t[6]){word}, 0);
}

enum wk_status save_as(struct thread *thread, wk_handle at, wk_handle *reply)
{
    struct thread *before = actor();
    enum wk_status status;

    act_as(thread);
    status = wk_endpoint_reply_save(at, reply);
    act_as(before);
    return status;
}

enum wk_status answer_by(struct thread *thread, wk_handle reply, enum wk_status status, uint64_t word)
{
    return send_as(thread, WK_REPLY_SEND | WK_MESSAGE_STATUS(status), reply, (uint64_t[6]){word}, 0);
}

void delete_as(struct thread *thread, wk_handle handle)
{
    struct thread *before = actor();

    act_as(thread);
    assert_ok(wk_capability_delete(handle));
    act_as(before);
}

void pass_to(uint64_t time_ns)
{
    host_time_pass_to(time_ns);
    settle();
    check_kernel();
}

void assert_runs(const struct thread *thread)
{
    assert_ptr_equal(thread->hart->current, thread);
}

void assert_runs_for(const struct thread *thread, const struct thread *payer)
{
    assert_runs(thread);
    assert_ptr_equal(thread->hart->payer, payer);
}

void rest(void)
{
    begin_wait(boot, event, 1, NEVER);
}

void make_server_passive(void)
{
    begin_receive(server, endpoint);
    make_passive(server_handle);
}
