/* SPDX-License-Identifier: MIT */
/*
 * Endpoints: synchronous calls between processes. Owns endpoints, sessions, saved rights to reply, and of each thread
 * `calls`. Guarded by the kernel lock. Invariants: see endpoint.h.
 *
 * A call's words stay in its caller's context until a receiver takes them, and the answer is written there; so a call
 * needs no memory, and nothing is copied twice. What the caller's budget pays for, and how urgent the server is, is not
 * this file's business: the scheduler follows the chain (schedule.c).
 *
 * The life of a call: queued (in endpoint->callers) or handed over at once; served (caller->calls.callee); answered. With
 * `reply_save` the right to answer moves from the server's thread to an object. On whichever side something ends, the other is told by a status and
 * is free: the caller by `abandoned`, `revoked` or `timed_out`; the server by nobody being there to answer. A passive server then goes on
 * with its reserve until it receives: it may hold what others of its process wait for, who have no call that would help it.
 *
 * Capabilities travel by steps of the sender's own operation (message.c), for which the receiver is set aside.
 */
#include "endpoint.h"

#include "assert.h"
#include "endpoint_parts.h"
#include "fault.h"
#include "handlers.h"
#include "message.h"
#include "ring.h"
#include "schedule.h"

#include <winkle/message.h>

#define ARRIVAL_BITS 56

static struct thread *thread_of_wait_link(struct list *link)
{
    return container_of(link, struct thread, wait_link);
}

static uint64_t queue_key(struct endpoint *endpoint, uint8_t priority)
{
    const uint64_t arrival = endpoint->arrivals++ & ((UINT64_C(1) << ARRIVAL_BITS) - 1);

    return (uint64_t)(PRIORITIES - 1 - priority) << ARRIVAL_BITS | arrival;
}

/* ---- the ends of a call ---- */

/* The caller goes on with that answer, once what it lent is taken back. */
static void answer(struct thread *caller, uint64_t status, const uint64_t words[6])
{
    caller->calls.callee = NULL;
    caller->calls.reply = NULL;
    if (fault_is_told(caller)) {
        fault_answered(caller, status, words);
    } else {
        arch_context_answer(&caller->context, status, words);
        message_end_loans(caller);
    }
    thread_clear_stop(caller, THREAD_CALLING | THREAD_FAULTING);
    if (!thread_is_runnable(caller))
        schedule_unready(caller); /* it is suspended: while it called, another could run for it */
}

struct endpoint endpoint_gone = {.object = {.state = OBJECT_DYING}};

/* Whoever serves the call has nobody to answer any more. */
static void leave_server(struct thread *caller)
{
    struct thread_calls *calls = &caller->calls;

    schedule_chain_breaks(caller);
    if (calls->callee != NULL)
        calls->callee->calls.caller = NULL;
    if (calls->reply != NULL)
        calls->reply->caller = NULL;
}

static void leave_queue(struct thread *caller)
{
    tree_remove(&caller->calls.endpoint->callers, &caller->calls.queue_node);
    list_remove(&caller->wait_link);
    caller->calls.endpoint = NULL;
}

void endpoint_call_end(struct thread *thread, enum wk_status status)
{
    static const uint64_t no_words[6];
    struct thread *server = thread->calls.callee;

    assert_debug(thread->stop & THREAD_CALLING);
    leave_server(thread);
    if (thread->calls.endpoint != NULL)
        leave_queue(thread);
    answer(thread, status, no_words);
    if (server != NULL && status != WK_ABANDONED) /* that is the server's own doing */
        thread_carry_on(server);
}

/* It goes on without a call. */
void endpoint_serve_no_more(struct thread *thread)
{
    thread->calls.caller = NULL;
    thread->depth = 0;
    thread->hindrance &= (uint8_t)~HINDERED_BY_BUDGET;
}

void endpoint_server_changed(struct thread *server)
{
    struct thread *caller = server->stop & THREAD_RECEIVING ? NULL : server->calls.caller;

    if (caller != NULL && caller->is_worker)
        ring_call_served(caller);
}

/* Makes the thread one of the servers of an endpoint, or of none. */
static void join_servers(struct thread *thread, struct serving *serving)
{
    if (thread->calls.serving == serving)
        return;
    if (thread->calls.serving != NULL) {
        thread->calls.serving->server_count--;
        schedule_unpark_helpers(thread); /* those whose calls are queued there wait for another now */
    }
    list_remove(&thread->calls.server_link);
    thread->calls.serving = serving;
    if (serving == NULL)
        return;
    serving->server_count++;
    if (serving->server_count == 2)
        endpoint_server_changed(container_of(serving->servers.next, struct thread, calls.server_link));
    list_append(&serving->servers, &thread->calls.server_link);
    schedule_unpark(&serving->stalled);
}

void endpoint_thread_ends(struct thread *thread)
{
    if (thread->calls.caller != NULL)
        endpoint_call_end(thread->calls.caller, WK_ABANDONED);
    endpoint_serve_no_more(thread);
    join_servers(thread, NULL);
    schedule_unpark_helpers(thread);
}

/* Answers a call that is being served. */
void endpoint_answer_caller(struct thread *caller, uint64_t operation, const uint64_t words[6])
{
    const uint64_t status = WK_MESSAGE_HIGH(operation) | WK_RECEIVED(0, WK_MESSAGE_CAPABILITIES(operation));

    leave_server(caller);
    answer(caller, status, words);
}

/* ---- queued calls and waiting receivers ---- */

void endpoint_queue_call(struct thread *thread, struct endpoint *endpoint, struct session *session)
{
    thread->calls.endpoint = endpoint;
    thread->calls.callee = NULL;
    thread->calls.reply = NULL;
    thread->calls.queue_node.key = queue_key(endpoint, schedule_urgency(thread));
    tree_insert(&endpoint->callers, &thread->calls.queue_node);
    list_append(&session->queued, &thread->wait_link);
}

void endpoint_urge(struct thread *thread, uint8_t priority)
{
    struct endpoint *endpoint = thread->calls.endpoint;

    if (PRIORITIES - 1 - (thread->calls.queue_node.key >> ARRIVAL_BITS) >= priority)
        return;
    tree_remove(&endpoint->callers, &thread->calls.queue_node);
    thread->calls.queue_node.key = queue_key(endpoint, priority);
    tree_insert(&endpoint->callers, &thread->calls.queue_node);
}

void endpoint_unready(struct endpoint *endpoint)
{
    struct thread *thread = endpoint->ready;

    if (thread == NULL)
        return;
    endpoint->ready = NULL;
    thread->calls.caller = NULL;
    thread->depth = 0;
    thread->wait_handle = thread->receive_slot.handle;
    list_prepend(&endpoint->receivers, &thread->wait_link);
}

void endpoint_unready_thread(struct thread *thread)
{
    if (thread->stop & THREAD_RECEIVING && endpoint_of_server(thread)->ready == thread)
        endpoint_unready(endpoint_of_server(thread));
}

void endpoint_hinder(struct thread *thread, enum thread_hindrance hindrance)
{
    endpoint_unready_thread(thread);
    thread->hindrance |= (uint8_t)hindrance;
}

/* A receiver becomes `ready`, if none is and nothing hinders it. */
static void make_ready(struct endpoint *endpoint, struct thread *thread)
{
    if (thread->budget != NULL || thread->stop != THREAD_RECEIVING || thread->hindrance != 0 ||
        endpoint->ready != NULL || thread->calls.partner != NULL)
        return;
    list_remove(&thread->wait_link);
    endpoint->ready = thread; /* INV-ENDPOINT-6 */
}

/* Whoever waits for the receiver has no reason any more to help its partner. */
void endpoint_forget_partner(struct thread *receiver)
{
    if (receiver->calls.partner != NULL)
        schedule_chain_breaks(receiver);
    receiver->calls.partner = NULL;
}

/* The thread is no receiver any more, and goes on. */
static void receiver_remove(struct thread *thread)
{
    endpoint_unready_thread(thread);
    endpoint_forget_partner(thread);
    list_remove(&thread->wait_link);
    thread_clear_stop(thread, THREAD_RECEIVING);
    if (!thread_is_runnable(thread))
        schedule_unready(thread); /* it may have had its partner run */
}

void endpoint_receive_end(struct thread *thread, enum wk_status status)
{
    static const uint64_t no_words[6];

    arch_context_answer(&thread->context, status, no_words);
    receiver_remove(thread);
}

void endpoint_receive_expired(struct thread *thread)
{
    if (thread->calls.partner == NULL) {
        endpoint_receive_end(thread, WK_TIMED_OUT);
        return;
    }
    thread_wait_until(thread, 0);
    schedule_ready(thread);
}

/* Gives a receiver a message, and has it go on. */
void endpoint_deliver(struct thread *thread, enum wk_message_kind kind, uint64_t operation, uint64_t badge,
                      const uint64_t words[6])
{
    const uint64_t first = WK_RECEIVED(kind, WK_MESSAGE_CAPABILITIES(operation));

    arch_context_deliver(&thread->context, first, operation & WK_MESSAGE_OPERATION, badge, words);
    receiver_remove(thread);
}

/* The receiver takes a call, whose caller is in no queue. */
void endpoint_hand_over(struct thread *caller, struct thread *receiver)
{
    caller->calls.callee = receiver;
    caller->calls.reply = NULL;
    receiver->calls.partner = NULL;
    receiver->calls.caller = caller;
    receiver->depth = (uint8_t)(caller->depth + 1);
    if (receiver->budget != NULL)
        receiver->hindrance |= HINDERED_BY_BUDGET;
    message_arm_deadline(caller);
    thread_set_stop(caller, THREAD_CALLING);
    schedule_ready(caller); /* by another way than before, if it has been queued */
    if (fault_is_told(caller)) {
        fault_write(caller, receiver);
        receiver_remove(receiver);
    } else {
        endpoint_deliver(receiver, WK_MESSAGE_KIND_CALL, message_operation(caller), caller->calls.badge,
                         message_words(caller));
    }
    if (caller->is_worker)
        ring_call_served(caller);
}

/* ---- messages for a receiver ---- */

static bool give_call(struct endpoint *endpoint, struct thread *receiver)
{
    struct thread *caller;

    if (endpoint->callers.first == NULL)
        return false;
    caller = container_of(endpoint->callers.first, struct thread, calls.queue_node);
    schedule_chain_breaks(caller);
    leave_queue(caller);
    endpoint->owes_call = false;
    endpoint_begin_call(endpoint, caller, receiver);
    return true;
}

static bool give_bits(struct endpoint *endpoint, struct thread *receiver)
{
    struct event *event = endpoint->event;
    const uint64_t words[6] = {event == NULL ? 0 : event_take(event, endpoint->event_mask)};

    if (words[0] == 0)
        return false;
    endpoint_deliver(receiver, WK_MESSAGE_KIND_EVENT, 0, 0, words);
    return true;
}

static bool give_closed(struct endpoint *endpoint, struct thread *receiver)
{
    static const uint64_t no_words[6];
    struct session *session;

    if (list_is_empty(&endpoint->closed))
        return false;
    session = container_of(endpoint->closed.next, struct session, link);
    list_remove(&session->link);
    endpoint_deliver(receiver, WK_MESSAGE_KIND_CLOSED, 0, session->badge, no_words);
    object_unreference(&session->object); /* INV-ENDPOINT-5 */
    return true;
}

/* Gives a receiver what there is for it. */
void endpoint_give_next(struct endpoint *endpoint, struct thread *receiver)
{
    if (receiver->budget == NULL) {
        (void)give_call(endpoint, receiver);
        return;
    }
    if (endpoint->owes_call && give_call(endpoint, receiver))
        return;
    if (give_bits(endpoint, receiver) || give_closed(endpoint, receiver))
        endpoint->owes_call = true;
    else
        (void)give_call(endpoint, receiver);
}

/* A receiver with a budget of its own, or NULL. Bound: WK_ENDPOINT_SERVERS_MAX looks. */
static struct thread *receiver_with_budget(const struct endpoint *endpoint)
{
    for (struct list *link = endpoint->receivers.next; link != &endpoint->receivers; link = link->next)
        if (thread_of_wait_link(link)->budget != NULL)
            return thread_of_wait_link(link);
    return NULL;
}

/* There is something new that is no call. */
static void wake_receiver(struct endpoint *endpoint)
{
    struct thread *receiver = receiver_with_budget(endpoint);

    if (receiver != NULL)
        endpoint_give_next(endpoint, receiver);
}

void endpoint_session_closed(struct endpoint *endpoint)
{
    wake_receiver(endpoint);
}

void endpoint_receiver_paid(struct endpoint *endpoint)
{
    wake_receiver(endpoint);
}

void endpoint_event_pending(struct endpoint *endpoint)
{
    if ((endpoint->event->pending & endpoint->event_mask) != 0)
        wake_receiver(endpoint);
}

/* ---- receiving ---- */

enum wk_status endpoint_check_receive(const struct thread *thread, const struct endpoint *endpoint)
{
    if (!object_is_live(&endpoint->object) || thread->stop & THREAD_ENDED)
        return WK_REVOKED;
    if (thread->calls.serving == &endpoint->serving || endpoint->serving.server_count < WK_ENDPOINT_SERVERS_MAX)
        return WK_OK;
    return WK_BUSY;
}

/* The thread receives from now on. Requires: check_receive. */
enum wk_status endpoint_begin_receive(struct thread *thread, const struct capability *capability, uint64_t handle,
                                      uint64_t deadline_ns)
{
    struct endpoint *endpoint = container_of(capability->object, struct endpoint, object);

    if (thread->calls.caller != NULL)
        endpoint_call_end(thread->calls.caller, WK_ABANDONED);
    endpoint_serve_no_more(thread);
    if (thread->becomes_passive)
        thread_become_passive(thread);
    endpoint_unready(endpoint);
    thread->wait_handle = handle;
    slot_cache_fill(&thread->receive_slot, handle, capability);
    join_servers(thread, &endpoint->serving);
    list_append(&endpoint->receivers, &thread->wait_link);
    thread_wait_until(thread, deadline_ns);
    thread_set_stop(thread, THREAD_RECEIVING);
    endpoint_give_next(endpoint, thread);
    if (thread->stop & THREAD_RECEIVING) {
        thread_arm(thread, deadline_ns); /* seldom, and too much in one hold of the lock with what it gets at once */
        make_ready(endpoint, thread);
    }
    return WK_WAITS;
}

enum wk_status endpoint_receive(struct invocation *invocation, struct endpoint *endpoint)
{
    const enum wk_status status = endpoint_check_receive(invocation->thread, endpoint);

    if (status != WK_OK)
        return status;

    op_commit();
    return endpoint_begin_receive(invocation->thread, invocation->capability, invocation->handle,
                                  message_deadline(invocation->operation));
}
