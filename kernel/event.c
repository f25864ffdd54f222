/* SPDX-License-Identifier: MIT */
/*
 * Events: 64 bits of pending signals, and the threads that wait for some of them. Owns each event's fields, the wait_
 * fields of each thread, and each hart's `granted`. Guarded by the kernel lock. Invariants: see event.h.
 *
 * Why a signal is bounded. It may concern many waiters, each by other bits, and the kernel lock must not be held for
 * long. So an event has WK_EVENT_WAITERS_MAX waiters at most, and one hold of the lock wakes only a few: a signal goes
 * through the waiters once, in order, and gives each of them its bits, so that it is all done as far as anyone can see;
 * but of those who got bits only the first is woken at once; if a source signals in the midst of other work, none. The
 * others stand, in order, in the list `granted` of the hart that signalled, which wakes them by steps on its way out of
 * the kernel. They belong to the event no more; whatever ends their wait meanwhile finds them answered with `ok`.
 * Rejected: a signal as a long operation of the signalling thread (interrupts, timers and ending processes signal too,
 * and a less urgent signaller could be displaced with urgent threads still to wake); an index of waiters by bit (a node
 * for each bit of each mask).
 *
 * The deadline of a wait that ends early is left in the tree (INV-EVENT-5), and a later one does not move it: only when it
 * expires the thread's is set to what it waits for then. So whoever waits with a time limit again and again, which seldom
 * comes, moves its deadline seldom.
 */
#include "event.h"

#include "assert.h"
#include "bank.h"
#include "endpoint.h"
#include "handlers.h"
#include "invoke.h"
#include "lock.h"
#include "schedule.h"

#define WAKES_PER_STEP 2
#define BINDINGS_PER_STEP 8

static struct thread *waiter_of_link(struct list *link)
{
    return container_of(link, struct thread, wait_link);
}

static bool thread_waits(const struct thread *thread)
{
    return (thread->stop & THREAD_WAITING) != 0;
}

void event_binding_init(struct event_binding *binding)
{
    binding->event = NULL;
    list_init(&binding->link);
}

void event_bind(struct event_binding *binding, struct event *event, uint64_t bits)
{
    assert_debug(object_is_live(&event->object));
    event_unbind(binding);
    binding->event = event;
    binding->bits = bits;
    list_append(&event->bindings, &binding->link);
}

void event_unbind(struct event_binding *binding)
{
    binding->event = NULL;
    list_remove(&binding->link);
}

/* Takes the thread out of the waiters of its event. */
static void waiter_remove(struct thread *thread)
{
    struct event *event = thread->wait_event;

    assert_debug(event->waiter_count != 0); /* INV-EVENT-2 */
    event->waiter_count--;
    thread->wait_event = NULL;
    list_remove(&thread->wait_link);
}

/* Puts the thread behind the waiters that are at least as urgent. Bound: WK_EVENT_WAITERS_MAX looks. */
static void waiter_insert(struct event *event, struct thread *thread)
{
    struct list *position = event->waiters.previous;

    assert_debug(event->waiter_count < WK_EVENT_WAITERS_MAX); /* INV-EVENT-2 */
    while (position != &event->waiters && waiter_of_link(position)->priority < thread->priority)
        position = position->previous;
    list_insert_before(position->next, &thread->wait_link);
    event->waiter_count++;
    thread->wait_event = event;
}

/* The thread was granted its bits: it is woken when this hart leaves the kernel, after those that stand there
 * already. */
static void wake_later(struct thread *thread)
{
    struct hart *hart = hart_current();

    list_append(&hart->granted, &thread->wait_link);
    hart->attention.granted = true; /* INV-EVENT-4 */
}

/* Sets the bits and grants each waiter its own of them. The first to get any is the caller's to wake, if it wants
 * it. */
static void signal_and_grant(struct event *event, uint64_t bits, struct thread **first)
{
    struct list *link = event->waiters.next;
    uint64_t pending = event->pending | bits;

    assert_debug(kernel_lock_is_held());
    while (pending != 0 && link != &event->waiters) {
        struct thread *thread = waiter_of_link(link);

        assert_debug(thread->wait_event == event && thread_waits(thread)); /* INV-EVENT-3 */
        link = link->next;
        if ((thread->wait_mask & pending) == 0)
            continue;
        thread->wait_mask &= pending;
        pending &= ~thread->wait_mask; /* INV-EVENT-1 */
        waiter_remove(thread);
        if (first != NULL && *first == NULL)
            *first = thread;
        else
            wake_later(thread);
    }
    event->pending = pending;
    if (event->endpoint != NULL)
        endpoint_event_pending(event->endpoint);
}

uint64_t event_take(struct event *event, uint64_t mask)
{
    const uint64_t bits = event->pending & mask;

    event->pending &= ~bits;
    return bits;
}

SLOW_PATH void event_signal_bits(struct event *event, uint64_t bits)
{
    struct thread *first = NULL;

    signal_and_grant(event, bits, &first);
    if (first != NULL)
        thread_answer(first, WK_OK, first->wait_mask);
}

void event_binding_signal(struct event_binding *binding)
{
    if (binding->event != NULL)
        (void)event_signal_at_once(binding->event, binding->bits);
}

void event_binding_signal_later(struct event_binding *binding)
{
    if (binding->event != NULL)
        signal_and_grant(binding->event, binding->bits, NULL);
}

void event_wake_some(struct hart *hart)
{
    assert_debug(kernel_lock_is_held());
    for (unsigned i = 0; i < WAKES_PER_STEP && !list_is_empty(&hart->granted); i++) {
        struct thread *thread = waiter_of_link(hart->granted.next);

        assert_debug(thread->wait_event == NULL && thread_waits(thread)); /* INV-EVENT-3 */
        event_wait_end(thread, WK_OK);
    }
    hart->attention.granted = !list_is_empty(&hart->granted);
}

void event_hart_init(struct hart *hart)
{
    list_init(&hart->granted);
}

void event_thread_init(struct thread *thread)
{
    thread->wait_event = NULL;
    list_init(&thread->wait_link);
    deadline_init(&thread->wait_deadline, event_wait_expired);
}

void event_wait_end(struct thread *thread, enum wk_status status)
{
    assert_debug(kernel_lock_is_held());
    assert_debug(thread_waits(thread));
    if (thread->wait_event != NULL) {
        waiter_remove(thread);
        thread_answer(thread, status, 0);
    } else {
        list_remove(&thread->wait_link); /* of a hart's `granted`: the bits are its own already */
        thread_answer(thread, WK_OK, thread->wait_mask);
    }
}

void event_wait_requeue(struct thread *thread)
{
    struct event *event = thread->wait_event;

    if (event == NULL)
        return;
    waiter_remove(thread);
    waiter_insert(event, thread);
}

/* Ends the waits, then unbinds the sources, a few a step. */
enum wk_status event_dismantle(struct object *object, struct operation *operation)
{
    struct event *event = container_of(object, struct event, object);

    (void)operation;
    if (event->endpoint != NULL)
        endpoint_event_gone(event->endpoint);
    for (unsigned i = 0; i < WAKES_PER_STEP && !list_is_empty(&event->waiters); i++)
        event_wait_end(waiter_of_link(event->waiters.next), WK_REVOKED);
    if (!list_is_empty(&event->waiters))
        return WK_CONTINUE;
    assert_debug(event->waiter_count == 0); /* INV-EVENT-2 */
    for (unsigned i = 0; i < BINDINGS_PER_STEP && !list_is_empty(&event->bindings); i++)
        event_unbind(container_of(event->bindings.next, struct event_binding, link));
    return list_is_empty(&event->bindings) ? WK_OK : WK_CONTINUE;
}

enum wk_status event_create(struct invocation *invocation, struct bank *bank, struct wk_event_create_out *out)
{
    enum wk_status status = capability_reserve(&invocation->process->table, invocation->process);
    struct event *event;

    if (status != WK_OK)
        return status;
    event = object_create(WK_TYPE_EVENT, sizeof *event, bank);
    if (event == NULL)
        return WK_NO_MEMORY;

    op_commit();
    list_init(&event->waiters);
    list_init(&event->bindings);
    out->event = capability_handle(capability_make(invocation->process, &event->object, WK_RIGHTS_ALL, NULL));
    return WK_OK;
}

enum wk_status event_signal(struct invocation *invocation, struct event *event, const struct wk_event_signal_in *in)
{
    slot_cache_fill(&invocation->thread->quick_slot, invocation->handle, invocation->capability);

    op_commit();
    if (event->waiter_count == 0 && event->endpoint == NULL)
        event->pending |= in->bits; /* nobody is concerned */
    else
        return event_signal_at_once(event, in->bits);
    return WK_OK;
}

enum wk_status event_check_wait(struct thread *thread, const struct event *event)
{
    if (thread->interrupt_latched)
        return WK_INTERRUPTED;
    if (event->waiter_count == WK_EVENT_WAITERS_MAX)
        return WK_BUSY;
    /* Ended from another hart, whose interrupt has not come yet: nothing would end the wait. */
    return thread->stop & THREAD_ENDED ? WK_REVOKED : WK_OK;
}

enum wk_status event_begin_wait(struct thread *thread, struct event *event, uint64_t handle, uint64_t mask,
                                uint64_t deadline_ns)
{
    arch_context_prepare_answer(&thread->context);
    thread->wait_mask = mask;
    thread->wait_handle = handle;
    thread_arm(thread, deadline_ns);
    if (thread->budget == NULL)
        thread->priority = schedule_urgency(thread);
    waiter_insert(event, thread);
    thread_set_stop(thread, THREAD_WAITING);
    return WK_WAITS;
}

enum wk_status event_wait(struct invocation *invocation, struct event *event, const struct wk_event_wait_in *in,
                          struct wk_event_wait_out *out)
{
    enum wk_status status;

    out->bits = event_take(event, in->mask);
    if (out->bits != 0)
        return WK_OK;
    status = event_check_wait(invocation->thread, event);
    if (status == WK_INTERRUPTED)
        invocation->thread->interrupt_latched = false;
    if (status != WK_OK)
        return status;

    op_commit();
    if (event_wait_at_once(invocation, event, in->mask, in->deadline))
        return WK_SWITCHED_OK;
    return event_begin_wait(invocation->thread, event, invocation->handle, in->mask, in->deadline);
}

enum wk_status event_signal_wait(struct invocation *invocation, struct event *event, struct capability *other,
                                 const struct wk_event_signal_wait_in *in, struct wk_event_signal_wait_out *out)
{
    struct thread *thread = invocation->thread;
    struct event *signalled = container_of(other->object, struct event, object);
    /* Bits that it sets in the event itself may go to others. */
    const enum wk_status status = (event->pending & in->mask) == 0 ? event_check_wait(thread, event) : WK_OK;

    if (status == WK_BUSY || status == WK_REVOKED)
        return status;
    slot_cache_fill(&thread->quick_slot, invocation->arguments[0], other);
    slot_cache_fill(&thread->receive_slot, invocation->handle, invocation->capability);
    thread->receive_slot.key -= SLOT_CACHE_WAIT_PAST;

    op_commit();
    if (status == WK_OK && (event->pending & in->mask) == 0 && event_pass_on(invocation, event, signalled, in))
        return WK_SWITCHED_OK;
    event_signal_bits(signalled, in->bits);
    out->taken = event_take(event, in->mask);
    if (out->taken != 0)
        return WK_OK;
    if (status == WK_INTERRUPTED) {
        operation_is_committed = false; /* the signal stays, as is said: only the wait is interrupted */
        thread->interrupt_latched = false;
        return WK_INTERRUPTED;
    }
    return event_begin_wait(invocation->thread, event, invocation->handle, in->mask, in->deadline);
}

enum wk_status event_poll(struct invocation *invocation, struct event *event, const struct wk_event_poll_in *in,
                          struct wk_event_poll_out *out)
{
    (void)invocation;
    out->bits = event_take(event, in->mask);
    return out->bits != 0 ? WK_OK : WK_WOULD_BLOCK;
}
