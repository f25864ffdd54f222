/* SPDX-License-Identifier: MIT */
/*
 * Endpoints, sessions and saved rights to reply: see endpoint.c.
 *
 * INV-ENDPOINT-1 a thread that is CALLING has a callee, whose caller it is; or a reply, whose caller it is; or it is in
 *                `callers` of its endpoint and in `queued` of a session of it.
 * INV-ENDPOINT-2 a thread that is RECEIVING is in `receivers` or `filling` of the endpoint that it serves, or is `ready`.
 * INV-ENDPOINT-3 serving.servers are the threads whose calls.serving is this endpoint's, WK_ENDPOINT_SERVERS_MAX at most.
 * INV-ENDPOINT-4 no thread is in `receivers` or `ready` while there is a call in `callers`, nor one with a budget while
 *                there are bits of the mask pending or sessions in `closed`.
 * INV-ENDPOINT-6 `ready` is a passive thread that nothing stops but RECEIVING and nothing hinders.
 * INV-ENDPOINT-5 a session in `closed` is dying, and referenced by its endpoint.
 */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include "event.h"
#include "thread.h"

struct endpoint {
    struct object object;
    struct tree callers; /* struct thread, calls.queue_node: the most urgent first, among equals in order of arrival */
    uint64_t arrivals;
    struct thread *ready;  /* a receiver for the fast path, or NULL; in no list */
    struct list receivers; /* struct thread, wait_link */
    struct list filling;   /* those that are set aside for a caller that brings capabilities, likewise */
    struct serving serving;
    struct list sessions; /* struct session, link */
    struct list closed;   /* struct session, link: ended, and still to be told of */
    struct event *event;  /* NULL: none is bound; its `endpoint` is this */
    uint64_t event_mask;
    uint16_t accept_types; /* which capabilities calls may carry, a bit by type */
    uint8_t accept_count;
    bool owes_call; /* the last message was no call: one goes first now */
};

struct session {
    struct object object;
    struct endpoint *endpoint; /* endpoint_gone: it has gone, or this stands in no list of it */
    uint64_t badge;
    bool notify;
    struct list link;   /* endpoint->sessions or endpoint->closed */
    struct list queued; /* calls by it that nobody has taken, struct thread, wait_link */
};

struct reply {
    struct object object;
    struct thread *caller; /* NULL: answered, or gave up */
};

/* An endpoint that is dead and has no receivers: the fast path need not look whether there is one. */
extern struct endpoint endpoint_gone;
static inline struct endpoint *endpoint_of_server(const struct thread *thread)
{
    return container_of(thread->calls.serving, struct endpoint, serving);
}

/* Looks up the session by which the thread calls. False: it may not. */
bool session_find_to_call(struct thread *caller, uint64_t handle);
/* The same, but if it is the same as last time; NULL: it may not. */
static inline struct session *session_to_call(struct thread *caller, uint64_t handle)
{
    const struct slot_cache *cache = &caller->call_slot;

    if (!slot_cache_holds(cache, handle) && !session_find_to_call(caller, handle))
        return NULL;
    return container_of(cache->slot->object, struct session, object);
}

/* A call by a session: any operation that is invoked on it. The words are those of the invocation. */
enum wk_status endpoint_call(struct invocation *invocation, struct session *session, const uint64_t words[6]);
/* The thread, which is CALLING, gets that answer without its server, which goes on without a caller. */
void endpoint_call_end(struct thread *thread, enum wk_status status);
/* The same for one that waits to receive. */
void endpoint_receive_end(struct thread *thread, enum wk_status status);
/* Its time to receive is over: `timed_out`, unless a call is being brought to it. Then it gets that, or `timed_out` if that
 * fails; with a budget of its own it runs its partner until then. */
void endpoint_receive_expired(struct thread *thread);
/* The thread ends: whoever it serves is answered `abandoned`. */
void endpoint_thread_ends(struct thread *thread);
/* If the thread is `ready` of its endpoint it becomes an ordinary receiver: something about it is about to change. */
void endpoint_unready_thread(struct thread *thread);
void endpoint_unready(struct endpoint *endpoint);
/* Something hinders the thread from now on. */
void endpoint_hinder(struct thread *thread, enum thread_hindrance hindrance);
/* A queued call is wanted by somebody of that priority. */
void endpoint_urge(struct thread *thread, uint8_t priority);
/* The bound event has pending bits. */
void endpoint_event_pending(struct endpoint *endpoint);
/* A session is in `closed`. */
void endpoint_session_closed(struct endpoint *endpoint);
/* The thread is not the only server any more, or has a budget now: it need not answer before another call is taken. */
void endpoint_server_changed(struct thread *server);
/* A receiver has a budget now. */
void endpoint_receiver_paid(struct endpoint *endpoint);
/* The event goes. */
void endpoint_event_gone(struct endpoint *endpoint);

enum wk_status endpoint_dismantle(struct object *object, struct operation *operation);
enum wk_status session_dismantle(struct object *object, struct operation *operation);
enum wk_status reply_dismantle(struct object *object, struct operation *operation);

#endif
