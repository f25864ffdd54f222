/* SPDX-License-Identifier: MIT */
/*
 * Answering a call: by the thread that serves it, which may receive the next in the same go, or by the right to answer that it
 * saved. Capabilities move by steps of the answering thread's operation (message.c). Guarded by the kernel lock. Invariants: see
 * endpoint.h.
 */
#include "assert.h"
#include "bank.h"
#include "endpoint_parts.h"
#include "handlers.h"
#include "message.h"
#include "schedule.h"

#include <winkle/message.h>

/* Begins to answer a caller. WK_OK: it is answered. WK_CONTINUE: by steps, which find it again in what `by` says: the
 * invoking thread, or a saved right to reply. */
static enum wk_status begin_answer(struct invocation *invocation, struct thread *caller, struct reply *by,
                                   enum wk_status (*step)(struct operation *operation))
{
    const uint64_t *words = invocation->arguments;
    enum wk_status status;

    if (WK_MESSAGE_CAPABILITIES(invocation->operation) == 0) {
        op_commit();
        endpoint_answer_caller(caller, invocation->operation, words);
        return WK_OK;
    }
    status = message_check(invocation, words, (uint16_t)WK_MESSAGE_HIGH(message_operation(caller)), 6);
    if (status != WK_OK)
        return status;

    op_commit();
    message_store(invocation, 0, words);
    message_begin(invocation->thread, step, caller, invocation->operation);
    if (by != NULL)
        operation_also(&invocation->thread->operation, &by->object);
    return WK_CONTINUE;
}

/* Moves what the answer carries, one capability a step, and answers in a further one. */
static enum wk_status answer_step(struct operation *operation)
{
    const struct reply *by = operation->other == NULL ? NULL : container_of(operation->other, struct reply, object);
    struct thread *caller = by != NULL ? by->caller : operation->thread->calls.caller;

    if (caller == NULL || &caller->object != operation->object)
        return WK_NO_CALLER;
    if (operation->cursor[0] != 0)
        return message_move_next(operation, caller->process, MESSAGE_OF_ANSWER);
    endpoint_answer_caller(caller, message_operation(operation->thread), message_words(operation->thread));
    return WK_OK;
}

static enum wk_status reply_step(struct operation *operation)
{
    const enum wk_status status = answer_step(operation);

    if (status == WK_OK && operation->other == NULL)
        endpoint_serve_no_more(operation->thread);
    return status;
}

enum wk_status endpoint_reply(struct invocation *invocation, struct endpoint *endpoint,
                              const struct wk_endpoint_reply_in *in)
{
    struct thread *thread = invocation->thread;
    enum wk_status status;

    (void)endpoint;
    (void)in; /* the invocation has them */
    if (thread->budget == NULL)
        return WK_NO_BUDGET;
    if (thread->calls.caller == NULL)
        return WK_NO_CALLER;
    status = begin_answer(invocation, thread->calls.caller, NULL, reply_step);
    if (status == WK_OK)
        endpoint_serve_no_more(thread);
    return status;
}

enum wk_status reply_send(struct invocation *invocation, struct reply *reply, const struct wk_reply_send_in *in)
{
    (void)in;
    if (reply->caller == NULL)
        return WK_NO_CALLER;
    return begin_answer(invocation, reply->caller, reply, reply_step);
}

/* cursor: 2 the handle of the endpoint, which is found anew, since it may have gone meanwhile; 3 the deadline. */
static enum wk_status reply_receive_step(struct operation *operation)
{
    struct thread *thread = operation->thread;
    const struct capability *capability;
    enum wk_status status = answer_step(operation);

    if (status != WK_OK && status != WK_NO_CALLER)
        return status;
    capability = capability_find(&thread->process->table, operation->cursor[2]);
    if (capability == NULL || !capability_is_usable(capability) || capability->type != WK_TYPE_ENDPOINT)
        return WK_REVOKED;
    status = endpoint_check_receive(thread, container_of(capability->object, struct endpoint, object));
    return status != WK_OK ? status
                           : endpoint_begin_receive(thread, capability, operation->cursor[2], operation->cursor[3]);
}

enum wk_status endpoint_reply_receive(struct invocation *invocation, struct endpoint *endpoint,
                                      const struct wk_endpoint_reply_receive_in *in)
{
    struct thread *thread = invocation->thread;
    const uint64_t deadline_ns = message_deadline(invocation->operation);
    enum wk_status status = endpoint_check_receive(thread, endpoint);

    (void)in;
    if (status != WK_OK)
        return status;
    if (thread->calls.caller != NULL)
        status = begin_answer(invocation, thread->calls.caller, NULL, reply_receive_step);
    else
        op_commit();
    thread->operation.cursor[2] = invocation->handle;
    thread->operation.cursor[3] = deadline_ns;
    return status == WK_OK ? endpoint_begin_receive(thread, invocation->capability, invocation->handle, deadline_ns)
                           : status;
}

enum wk_status endpoint_reply_save(struct invocation *invocation, struct endpoint *endpoint,
                                   struct wk_endpoint_reply_save_out *out)
{
    enum wk_status status = capability_reserve(&invocation->process->table, invocation->process);
    struct thread *thread = invocation->thread;
    struct reply *reply;

    (void)endpoint;
    if (thread->budget == NULL)
        return WK_NO_BUDGET;
    if (thread->calls.caller == NULL)
        return WK_NO_CALLER;
    if (status != WK_OK)
        return status;
    reply = object_create(WK_TYPE_REPLY, sizeof *reply, invocation->process->object.bank);
    if (reply == NULL)
        return WK_NO_MEMORY;

    op_commit();
    schedule_chain_breaks(thread->calls.caller);
    reply->caller = thread->calls.caller;
    reply->caller->calls.callee = NULL;
    reply->caller->calls.reply = reply;
    thread->calls.caller = NULL;
    endpoint_serve_no_more(thread);
    out->reply = capability_handle(capability_make(invocation->process, &reply->object, WK_RIGHTS_ALL, NULL));
    return WK_OK;
}
