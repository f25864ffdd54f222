/* SPDX-License-Identifier: MIT */
/*
 * What an endpoint is made of and how it ends: endpoints, sessions, saved rights to reply. Their life is in endpoint.c.
 * Guarded by the kernel lock. Invariants: see endpoint.h.
 */
#include "assert.h"
#include "bank.h"
#include "endpoint.h"
#include "handlers.h"
#include "invoke.h"
#include "schedule.h"

#define ENDS_PER_STEP 2

bool session_find_to_call(struct thread *caller, uint64_t handle)
{
    const uint32_t needs = OPERATION_NEEDS(WK_TYPE_SESSION, WK_SESSION_RIGHT_CALL);
    const struct capability *capability = capability_find(&caller->process->table, handle);

    if (capability == NULL || !capability_has(capability, needs) || !object_is_live(capability->object))
        return false;
    caller->quick_slot = caller->call_slot; /* who asks one and the other in turn has both */
    slot_cache_fill(&caller->call_slot, handle, capability);
    return true;
}

enum wk_status endpoint_create(struct invocation *invocation, struct bank *bank, struct wk_endpoint_create_out *out)
{
    enum wk_status status = capability_reserve(&invocation->process->table, invocation->process);
    struct endpoint *endpoint;

    if (status != WK_OK)
        return status;
    endpoint = object_create(WK_TYPE_ENDPOINT, sizeof *endpoint, bank);
    if (endpoint == NULL)
        return WK_NO_MEMORY;

    op_commit();
    list_init(&endpoint->receivers);
    list_init(&endpoint->filling);
    list_init(&endpoint->serving.servers);
    list_init(&endpoint->serving.stalled);
    list_init(&endpoint->sessions);
    list_init(&endpoint->closed);
    out->endpoint = capability_handle(capability_make(invocation->process, &endpoint->object, WK_RIGHTS_ALL, NULL));
    return WK_OK;
}

enum wk_status endpoint_mint(struct invocation *invocation, struct endpoint *endpoint,
                             const struct wk_endpoint_mint_in *in, struct wk_endpoint_mint_out *out)
{
    enum wk_status status = capability_reserve(&invocation->process->table, invocation->process);
    struct session *session;

    if (status != WK_OK)
        return status;
    session = object_create(WK_TYPE_SESSION, sizeof *session, endpoint->object.bank);
    if (session == NULL)
        return WK_NO_MEMORY;

    op_commit();
    session->endpoint = endpoint;
    session->badge = in->badge;
    session->notify = in->notify != 0;
    list_init(&session->queued);
    list_append(&endpoint->sessions, &session->link);
    out->session = capability_handle(capability_make(invocation->process, &session->object, WK_RIGHTS_ALL, NULL));
    return WK_OK;
}

enum wk_status endpoint_accept(struct invocation *invocation, struct endpoint *endpoint,
                               const struct wk_endpoint_accept_in *in)
{
    (void)invocation;

    op_commit();
    endpoint->accept_types = (uint16_t)in->types;
    endpoint->accept_count = (uint8_t)in->count;
    return WK_OK;
}

static void unbind(struct endpoint *endpoint)
{
    if (endpoint->event != NULL)
        endpoint->event->endpoint = NULL;
    endpoint->event = NULL;
}

void endpoint_event_gone(struct endpoint *endpoint)
{
    unbind(endpoint);
}

enum wk_status endpoint_bind(struct invocation *invocation, struct endpoint *endpoint, struct capability *capability,
                             const struct wk_endpoint_bind_in *in)
{
    struct event *event = capability == NULL ? NULL : container_of(capability->object, struct event, object);

    (void)invocation;
    if (event != NULL && event->endpoint != NULL && event->endpoint != endpoint)
        return WK_BUSY;

    op_commit();
    unbind(endpoint);
    if (event == NULL)
        return WK_OK;
    endpoint->event = event;
    endpoint->event_mask = in->mask;
    event->endpoint = endpoint;
    endpoint_event_pending(endpoint);
    return WK_OK;
}

/* ---- ends ---- */

/* Ends what the sessions of an endpoint still have to do with it. True when it is done. */
static bool end_sessions(struct endpoint *endpoint, struct operation *operation)
{
    struct session *session;

    if (!list_is_empty(&endpoint->sessions)) {
        session = container_of(endpoint->sessions.next, struct session, link);
        list_remove(&session->link);
        session->endpoint = &endpoint_gone;
        object_condemn(&session->object, operation);
        return false;
    }
    if (list_is_empty(&endpoint->closed))
        return true;
    session = container_of(endpoint->closed.next, struct session, link);
    list_remove(&session->link);
    session->endpoint = &endpoint_gone;
    object_unreference(&session->object); /* INV-ENDPOINT-5 */
    return false;
}

enum wk_status endpoint_dismantle(struct object *object, struct operation *operation)
{
    struct endpoint *endpoint = container_of(object, struct endpoint, object);
    struct list *receivers;

    unbind(endpoint);
    endpoint_unready(endpoint);
    receivers = list_is_empty(&endpoint->receivers) ? &endpoint->filling : &endpoint->receivers;
    for (unsigned i = 0; i < ENDS_PER_STEP && endpoint->callers.first != NULL; i++)
        endpoint_call_end(container_of(endpoint->callers.first, struct thread, calls.queue_node), WK_REVOKED);
    if (endpoint->callers.first != NULL)
        return WK_CONTINUE;
    if (!list_is_empty(receivers)) {
        endpoint_receive_end(container_of(receivers->next, struct thread, wait_link), WK_REVOKED);
        return WK_CONTINUE;
    }
    while (!list_is_empty(&endpoint->serving.servers)) { /* WK_ENDPOINT_SERVERS_MAX at most */
        struct thread *server = container_of(endpoint->serving.servers.next, struct thread, calls.server_link);

        list_remove(&server->calls.server_link);
        server->calls.serving = NULL;
    }
    schedule_unpark(&endpoint->serving.stalled);
    return end_sessions(endpoint, operation) ? WK_OK : WK_CONTINUE;
}

/* Its queued calls end with it; then its end is told, if that was wanted. */
enum wk_status session_dismantle(struct object *object, struct operation *operation)
{
    struct session *session = container_of(object, struct session, object);
    struct endpoint *endpoint = session->endpoint;

    (void)operation;
    for (unsigned i = 0; i < ENDS_PER_STEP && !list_is_empty(&session->queued); i++)
        endpoint_call_end(container_of(session->queued.next, struct thread, wait_link), WK_REVOKED);
    if (!list_is_empty(&session->queued))
        return WK_CONTINUE;
    list_remove(&session->link);
    if (!session->notify || !object_is_live(&endpoint->object))
        return WK_OK;
    object_reference(&session->object);
    list_append(&endpoint->closed, &session->link);
    endpoint_session_closed(endpoint);
    return WK_OK;
}

enum wk_status reply_dismantle(struct object *object, struct operation *operation)
{
    struct reply *reply = container_of(object, struct reply, object);

    (void)operation;
    if (reply->caller != NULL)
        endpoint_call_end(reply->caller, WK_ABANDONED);
    return WK_OK;
}
