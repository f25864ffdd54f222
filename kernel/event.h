/* SPDX-License-Identifier: MIT */
/*
 * Events: see event.c.
 *
 * INV-EVENT-1 no waiting thread's mask has a pending bit.
 * INV-EVENT-2 `waiters` holds the threads that wait for the event: WK_EVENT_WAITERS_MAX at most, the most urgent first,
 *             among equals in order of arrival.
 * INV-EVENT-3 a waiting thread is in the waiters of its wait_event, or its wait_event is NULL and it is in the list
 *             `granted` of a hart: the bits in its wait_mask have been taken for it and it is about to be woken.
 * INV-EVENT-4 while a hart's list `granted` is not empty, its attention.granted is set.
 * INV-EVENT-5 a thread's wait_deadline may stay set when its wait is over; it does nothing then.
 */
#ifndef EVENT_H
#define EVENT_H

#include "hart.h"
#include "object.h"

struct endpoint;
struct process;
struct thread;

struct event {
    struct object object;
    uint64_t pending;
    struct list waiters; /* struct thread, wait_link */
    unsigned waiter_count;
    struct list bindings;      /* struct event_binding, link */
    struct endpoint *endpoint; /* that receives bits of it as messages, or NULL; its `event` is this */
};

/* A source of signals, part of the source's object. Unbound when the event goes. */
struct event_binding {
    struct event *event; /* NULL: not bound */
    uint64_t bits;
    struct list link; /* event->bindings */
};

void event_binding_init(struct event_binding *binding);
/* Binds in place of an earlier binding. Requires: the event is live. */
void event_bind(struct event_binding *binding, struct event *event, uint64_t bits);
void event_unbind(struct event_binding *binding);
/* Signals the bound event, if there is one, from outside of invocations: the thread that waited for it may be current then. */
void event_binding_signal(struct event_binding *binding);
/* Whether that may concern anybody at once. */
static inline bool event_binding_wakes(const struct event_binding *binding)
{
    return binding->event != NULL && (binding->event->waiter_count != 0 || binding->event->endpoint != NULL);
}
/* The same at the end of a step that is long already: who waited for it is woken in later steps of this hart. */
void event_binding_signal_later(struct event_binding *binding);
void event_signal_bits(struct event *event, uint64_t bits);
/* The same, at the end of an invocation or from outside of one. WK_SWITCHED_OK: the thread that waited for them is current. */
enum wk_status event_signal_at_once(struct event *event, uint64_t bits);
/* `event: signal_wait` straight from the invoker to who waits for the other event, if that one is who the hart would
 * choose and nothing is to be waited for by anybody else. False: nothing has changed. */
bool event_pass_on(struct invocation *invocation, struct event *event, struct event *other,
                   const struct wk_event_signal_wait_in *in);
/* `event: wait` straight from the invoker, which has to wait, to who is ready and comes next, likewise. */
bool event_wait_at_once(const struct invocation *invocation, struct event *event, uint64_t mask, uint64_t deadline_ns);
/* The time limit of a thread's wait has come, or of one that ended before: what its wait_deadline does. */
void event_wait_expired(struct deadline *deadline, uint64_t now_ns);
/* Takes the pending bits of the mask. */
uint64_t event_take(struct event *event, uint64_t mask);

/* Whether the thread may wait for it. */
enum wk_status event_check_wait(struct thread *thread, const struct event *event);
/* It does, by the capability with that handle. WK_WAITS. Requires: event_check_wait. */
enum wk_status event_begin_wait(struct thread *thread, struct event *event, uint64_t handle, uint64_t mask,
                                uint64_t deadline_ns);
/* Ends a thread's wait with a status; with `ok` if the bits have been taken for it already. Requires: it waits. */
void event_wait_end(struct thread *thread, enum wk_status status);
/* The priority of a thread changed: puts it in its place among the waiters, if it is one of them. */
void event_wait_requeue(struct thread *thread);
/*
 * Wakes a few of the threads that this hart granted bits and has still to wake. The hart does so on its way back to user
 * code, until none is left or as much has been served as may come before other work (trap.c, SERVED_MAX); then its timer
 * soon brings it back to the rest. Requires: the lock.
 */
void event_wake_some(struct hart *hart);
/* The same; false if there was none. */
static inline bool event_wake_granted(struct hart *hart)
{
    if (!hart->attention.granted)
        return false;
    event_wake_some(hart);
    return true;
}
/* Prepares a hart's `granted` and a thread's wait: nothing waits yet. */
void event_hart_init(struct hart *hart);
void event_thread_init(struct thread *thread);

enum wk_status event_dismantle(struct object *object, struct operation *operation);

#endif
