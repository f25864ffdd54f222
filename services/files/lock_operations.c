/* SPDX-License-Identifier: MIT */
/* The operations of `file` that are about locks, and about who waits for them. */
#include "files.h"

#include "locks.h"

#include <winkle/capability.h>

#define TYPE_MASK 0xffU
#define PROCESS_SHIFT 32

enum wk_status lock_enlist(struct wk_message *message, const struct wk_file_enlist_in *in,
                           struct wk_file_enlist_out *out)
{
    struct session *session = session_with(message->badge), *waiter;
    enum wk_status status = WK_REVOKED;

    if (session != NULL)
        status = give_session(session->view, &session->view->root, 0, &waiter, &out->waiter);
    if (status == WK_OK) {
        status = locks_enlist(waiter, in->event, in->bits);
        if (status == WK_OK)
            out->number = session_ticket(waiter);
        else
            wk_capability_delete(out->waiter); /* whose end comes as that of any other */
    }
    if (status != WK_OK) {
        out->waiter = 0;
        wk_capability_delete(in->event);
    }
    return status;
}

/* What a call asks for, which two operations say alike. */
static enum wk_status request_of(const struct wk_message *message, const struct wk_file_lock_in *in,
                                 struct session **session, struct lock_request *request)
{
    const uint64_t type = in->type_process & TYPE_MASK;
    const bool is_whole = (in->options & WK_LOCK_OPTIONS_WHOLE) != 0;

    *session = session_with(message->badge);
    if (*session == NULL)
        return WK_REVOKED;
    *request = (struct lock_request){
        .holder = in->owner == 0 ? *session : session_of_ticket(in->owner),
        .node = (*session)->place.node,
        .first = is_whole ? 0 : in->first,
        .last = is_whole ? LOCK_LAST : in->last,
        .pid = in->owner == 0 ? 0 : (uint32_t)(in->type_process >> PROCESS_SHIFT),
        .space = is_whole ? LOCK_WHOLE : LOCK_RANGES,
        .is_lock = type != WK_LOCK_TYPE_NONE,
        .is_exclusive = type == WK_LOCK_TYPE_EXCLUSIVE,
    };
    return type > WK_LOCK_TYPE_EXCLUSIVE || request->holder == NULL || request->last < request->first ? WK_BAD_ARGUMENT
                                                                                                      : WK_OK;
}

static bool may_lock(const struct session *session, const struct lock_request *request)
{
    if (!request->is_lock)
        return true;
    if (request->space == LOCK_WHOLE)
        return session->rights != 0;
    return (session->rights & (request->is_exclusive ? SESSION_WRITE : SESSION_READ)) != 0;
}

/* The answer if something stands in the way: who is named is told when that may have gone, or when it is sure. */
static enum wk_status would_block(const struct lock_request *request, uint64_t number, uint64_t options)
{
    struct session *waiter = session_of_ticket(number);

    if (number == 0)
        return WK_WOULD_BLOCK;
    if (waiter == NULL)
        return WK_BAD_ARGUMENT;
    if ((options & WK_LOCK_OPTIONS_WHEN_SURE) == 0)
        return locks_wait(request, waiter);
    files_look_now();
    return locks_wait_for_ends(waiter);
}

enum wk_status lock_set(struct wk_message *message, const struct wk_file_lock_in *in)
{
    struct session *session;
    struct lock_request request;
    enum wk_status status = request_of(message, in, &session, &request);

    if (status == WK_OK && !may_lock(session, &request))
        status = WK_NO_RIGHT;
    if (status == WK_OK)
        status = locks_set(&request);
    return status == WK_WOULD_BLOCK ? would_block(&request, in->waiter, in->options) : status;
}

enum wk_status lock_in_the_way(struct wk_message *message, const struct wk_file_lock_in_the_way_in *in,
                               struct wk_file_lock_in_the_way_out *out)
{
    struct session *session;
    struct lock_request request;
    enum wk_status status = request_of(message, (const struct wk_file_lock_in *)in, &session, &request);
    const struct lock *lock = status == WK_OK ? locks_conflict(&request) : NULL;

    if (lock != NULL && in->waiter != 0 && (in->options & WK_LOCK_OPTIONS_WHEN_SURE) != 0)
        return would_block(&request, in->waiter, in->options);
    if (lock == NULL)
        return status;
    out->type = lock->is_exclusive ? WK_LOCK_TYPE_EXCLUSIVE : WK_LOCK_TYPE_SHARED;
    out->first = lock->first;
    out->last = lock->last;
    out->process = lock->pid;
    return WK_OK;
}

enum wk_status lock_give_up(struct wk_message *message, const struct wk_file_unlock_in *in)
{
    const struct session *session = session_with(message->badge);
    struct session *owner = session_of_ticket(in->owner);

    if (session == NULL)
        return WK_REVOKED;
    if (owner == NULL)
        return WK_BAD_ARGUMENT;
    locks_give_up(owner, in->is_everywhere != 0 ? NULL : session->place.node);
    return WK_OK;
}

enum wk_status lock_wait_no_more(struct wk_message *message, const struct wk_file_wait_no_more_in *in)
{
    struct session *waiter = session_of_ticket(in->waiter);

    if (session_with(message->badge) == NULL)
        return WK_REVOKED;
    if (waiter == NULL)
        return WK_BAD_ARGUMENT;
    locks_wait_no_more(waiter);
    return WK_OK;
}
