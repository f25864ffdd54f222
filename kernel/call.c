/* SPDX-License-Identifier: MIT */
/*
 * Making a call: what is refused, and how the capabilities that it carries are brought. They move by steps of the caller's
 * own operation (message.c), for which a receiver is set aside; whoever waits for the receiver meanwhile runs the caller.
 * Guarded by the kernel lock. Invariants: see endpoint.h.
 */
#include "assert.h"
#include "endpoint_parts.h"
#include "message.h"
#include "schedule.h"

#include <winkle/message.h>

/* The call cannot be made; the receiver waits on, if it has time. */
static enum wk_status bring_failed(struct operation *operation, struct thread *receiver, enum wk_status status)
{
    struct thread *thread = operation->thread;

    if (receiver->calls.partner == thread && thread_awaits_partner(receiver)) {
        endpoint_receive_end(receiver, WK_TIMED_OUT);
    } else if (receiver->calls.partner == thread) {
        struct endpoint *endpoint = endpoint_of_server(receiver);

        endpoint_forget_partner(receiver);
        list_remove(&receiver->wait_link);
        list_append(&endpoint->receivers, &receiver->wait_link);
        endpoint_give_next(endpoint, receiver);
    }
    return message_fail(operation, status);
}

/* The caller ends in the midst of it. If it has given something, the receiver gets the call as far as it came, for nobody:
 * else its table would fill with what it does not know of. */
static enum wk_status bring_ended(struct operation *operation, struct thread *receiver)
{
    struct thread *thread = operation->thread;
    const uint64_t left = operation->cursor[0];
    const uint64_t came = message_operation(thread) & ~(left * WK_MESSAGE_CAPABILITY(0));
    const uint64_t given = WK_MESSAGE_GIVEN(came);
    uint64_t words[6];

    if ((WK_MESSAGE_CAPABILITIES(came) & given) == 0)
        return bring_failed(operation, receiver, WK_REVOKED);
    for (unsigned i = 0; i < 6; i++)
        words[i] = left >> i & 1 ? 0 : message_words(thread)[i];
    endpoint_serve_no_more(receiver);
    endpoint_deliver(receiver, WK_MESSAGE_KIND_CALL, came, thread->calls.badge, words);
    thread_carry_on(receiver);
    return message_fail(operation, WK_REVOKED);
}

/* One capability, or at the end the call itself. */
static enum wk_status bring_step(struct operation *operation)
{
    struct thread *thread = operation->thread;
    struct thread *receiver = container_of(operation->object, struct thread, object);
    enum wk_status status;

    if (receiver->calls.partner != thread)
        return message_fail(operation, WK_ABANDONED);
    if (thread->stop & THREAD_ENDED)
        return bring_ended(operation, receiver);
    if (operation->cursor[0] != 0) {
        status = message_move_next(operation, receiver->process, MESSAGE_OF_CALL);
        return status == WK_CONTINUE ? WK_CONTINUE : bring_failed(operation, receiver, status);
    }
    endpoint_hand_over(thread, receiver);
    return WK_WAITS;
}

/* Has the receiver wait for what the caller, in an operation of its own, brings. */
static void set_aside(struct endpoint *endpoint, struct thread *caller, struct thread *receiver)
{
    list_remove(&receiver->wait_link);
    list_append(&endpoint->filling, &receiver->wait_link);
    receiver->calls.partner = caller;
    message_begin(caller, bring_step, receiver, message_operation(caller));
    thread_clear_stop(caller, THREAD_CALLING);
}

/* The call, in no queue, goes to the receiver, which waits. */
void endpoint_begin_call(struct endpoint *endpoint, struct thread *caller, struct thread *receiver)
{
    if (WK_MESSAGE_CAPABILITIES(message_operation(caller)) != 0)
        set_aside(endpoint, caller, receiver);
    else
        endpoint_hand_over(caller, receiver);
}

/* Whether the one who would serve a call of the thread waits, by whatever chain, for the thread. */
static bool is_deadlock(const struct endpoint *endpoint, const struct thread *thread)
{
    const struct list *servers = &endpoint->serving.servers;

    for (unsigned hops = 0; hops <= WK_CALL_DEPTH_MAX; hops++) {
        const struct thread *server;

        if (list_is_empty(servers) || servers->next->next != servers)
            return false; /* none, or another may come */
        server = container_of(servers->next, struct thread, calls.server_link);
        while (server != thread && server->stop & THREAD_CALLING && server->calls.callee != NULL &&
               hops++ <= WK_CALL_DEPTH_MAX)
            server = server->calls.callee;
        if (server == thread)
            return true;
        if (!(server->stop & THREAD_CALLING) || server->calls.endpoint == NULL)
            return false;
        servers = &server->calls.endpoint->serving.servers;
    }
    return false;
}

enum wk_status endpoint_check_call(struct endpoint *endpoint, const struct thread *thread)
{
    if (!object_is_live(&endpoint->object) || thread->stop & THREAD_ENDED)
        return WK_REVOKED;
    if (thread->depth == WK_CALL_DEPTH_MAX)
        return WK_TOO_DEEP;
    endpoint_unready(endpoint);
    return list_is_empty(&endpoint->receivers) && is_deadlock(endpoint, thread) ? WK_DEADLOCK : WK_OK;
}

void endpoint_make_call(struct endpoint *endpoint, struct session *session, struct thread *thread)
{
    if (!list_is_empty(&endpoint->receivers)) {
        endpoint_begin_call(endpoint, thread, container_of(endpoint->receivers.next, struct thread, wait_link));
        return;
    }
    endpoint_queue_call(thread, endpoint, session);
    message_arm_deadline(thread);
    thread_set_stop(thread, THREAD_CALLING);
}

enum wk_status endpoint_call(struct invocation *invocation, struct session *session, const uint64_t words[6])
{
    struct endpoint *endpoint = session->endpoint;
    struct thread *thread = invocation->thread;
    enum wk_status status = endpoint_check_call(endpoint, thread);

    if (status == WK_OK)
        status = message_check(invocation, words, endpoint->accept_types, endpoint->accept_count);
    if (status != WK_OK)
        return status;

    op_commit();
    message_store(invocation, session->badge, words);
    endpoint_make_call(endpoint, session, thread);
    return thread->operation.step == NULL ? WK_WAITS : WK_CONTINUE;
}
