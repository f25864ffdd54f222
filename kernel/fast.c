/* SPDX-License-Identifier: MIT */
/*
 * The fast path of calls: from a client to a passive server that waits, and back; of a yield; and of a signal by who then waits
 * itself. Each is one predicate, then straight code that cannot fail: no loop, and for calls no clock and no queue. What it
 * leaves is what the slow path (endpoint.c, event.c) would have left, but for which of two places says that a thread receives
 * (endpoint->ready) and pointers that mean nothing in that state; tests/host/fast_test.c and hand_over_test.c compare the two over
 * random states.
 *
 * Why calls need no queue and no clock: the payer stays the payer, its chain has become longer or shorter by one. Whatever could make
 * that wrong has been noted beforehand where it happened, in the threads' hindrance, in endpoint->ready, in the hart's
 * attention.
 *
 * fast.inc has the same in assembly, for builds without checks; the host port and its tests run this.
 */
#include "fast.h"

#include "assert.h"
#include "deadline.h"
#include "endpoint.h"
#include "event.h"
#include "fault.h"
#include "handlers.h"
#include "hart.h"
#include "message.h"
#include "process.h"
#include "ready.h"

/* Whether the thread can be switched to here by loading registers and the address space's word. */
static bool has_met(const struct hart *hart, const struct thread *thread)
{
    return (thread->process->space.harts & hart->bit) != 0;
}

/* The session with that handle, if the thread's last call was by it, or its last call by another one; NULL otherwise. */
static const struct session *session_known(const struct thread *caller, uint64_t handle)
{
    const struct object *object;

    if (slot_cache_holds(&caller->call_slot, handle))
        return container_of(caller->call_slot.slot->object, struct session, object);
    if (!slot_cache_holds(&caller->quick_slot, handle))
        return NULL;
    object = caller->quick_slot.slot->object;
    return object->type == WK_TYPE_SESSION && object->state == OBJECT_LIVE
               ? container_of(object, const struct session, object)
               : NULL;
}

struct thread *fast_call(struct hart *hart, uint64_t handle, uint64_t operation, uint64_t *badge)
{
    struct thread *caller = hart->current;
    const struct session *session = session_known(caller, handle);
    struct endpoint *endpoint;
    struct thread *server;

    if (session == NULL)
        return NULL;
    endpoint = session->endpoint;
    server = endpoint->ready;
    if (server == NULL || hart->attention.any != 0 || (caller->hindrance & ~HINDERED_BY_FP) != 0 ||
        caller->depth == WK_CALL_DEPTH_MAX || !has_met(hart, server))
        return NULL;

    arch_context_set(&caller->context, REGISTER_A7, operation); /* the answer is not to find another's accepted types */
    endpoint->ready = NULL;
    server->calls.caller = caller;
    caller->calls.callee = server;
    caller->stop = THREAD_CALLING;
    server->stop = 0;
    server->depth = (uint8_t)(caller->depth + 1);
    *badge = session->badge;
    make_current(hart, server);
    return server;
}

/* A call, by who may use floating point, or a fault that was told. */
static bool may_be_answered(const struct thread *caller)
{
    return caller->stop == THREAD_CALLING
               ? (caller->hindrance & ~HINDERED_BY_FP) == 0
               : caller->stop == (THREAD_CALLING | THREAD_FAULTING) && caller->hindrance == 0;
}

struct thread *fast_reply_receive(struct hart *hart, uint64_t handle, const uint64_t words[6])
{
    struct thread *server = hart->current;
    struct thread *caller = server->calls.caller;
    struct endpoint *endpoint;

    if (!slot_cache_holds(&server->receive_slot, handle) || caller == NULL)
        return NULL;
    endpoint = endpoint_of_server(server);
    if (endpoint->callers.first != NULL || endpoint->ready != NULL || hart->attention.any != 0 ||
        server->hindrance != 0 || !may_be_answered(caller) || !has_met(hart, caller))
        return NULL;
    if (fault_is_told(caller))
        fault_go_on(caller, words);

    server->stop = THREAD_RECEIVING;
    caller->stop = 0;
    endpoint->ready = server;
    make_current(hart, caller);
    return caller;
}

struct thread *fast_yield(struct hart *hart, uint64_t handle)
{
    struct thread *thread = hart->current;

    if (!slot_cache_holds(&thread->quick_slot, handle) || thread->quick_slot.slot->object != &thread->object ||
        hart->attention.any != 0 || !schedule_yield_at_once(hart))
        return NULL;
    return hart->current;
}

/*
 * Whether the hart is to go from `before`, which waits for `event` for ever, to `next`, which waits alone for the other one:
 * - both events live, and bits of the other one are no messages;
 * - `before` does have to wait, as the first, and may; nothing else has to be looked after when it is left;
 * - `next` gets a bit, and nothing but registers and address space has to be loaded to go on with it;
 * - no more deadlines count for it (decision 20);
 * - it is who the hart would choose. A more urgent one is, for nobody who is ready is more urgent than `before` (INV-SCHED-3); for
 *   the same reason only a third equal could come before an equal;
 * - both draw on the pool whose run is under way: what `before` used is noted, and that is all.
 */
static bool can_pass_on(const struct hart *hart, const struct thread *before, const struct event *event,
                        const struct event *other, const struct thread *next, const struct wk_event_signal_wait_in *in)
{
    if (event->object.state != OBJECT_LIVE || other->object.state != OBJECT_LIVE || other->endpoint != NULL ||
        other->waiter_count != 1)
        return false;
    if (in->mask == 0 || in->deadline != DEADLINE_NEVER || (event->pending & in->mask) != 0 ||
        event->waiter_count != 0 || before->interrupt_latched || before->stop != 0 || before->hindrance != 0 ||
        hart->attention.any != 0)
        return false;
    if ((next->wait_mask & (other->pending | in->bits)) == 0 || next->stop != THREAD_WAITING ||
        (next->hindrance & ~HINDERED_BY_DEADLINE) != 0 || !has_met(hart, next))
        return false;
    if (deadline_class_of(next->priority) < deadline_class_of(before->priority))
        return false;
    if (next->priority <= before->priority &&
        (hart->urgent.root != NULL || queue_highest_quickly(&hart->ready) >= (int)next->priority))
        return false;
    return hart->payer == before && next->budget != NULL && next->budget->pool == hart->pool && !has_deadline(before) &&
           !has_deadline(next);
}

struct thread *fast_signal_wait(struct hart *hart, uint64_t handle, const uint64_t words[6])
{
    const struct wk_event_signal_wait_in in = {.bits = words[1], .mask = words[2], .deadline = words[3]};
    struct thread *before = hart->current;
    struct event *event, *other;

    if (!slot_cache_holds_wait(&before->receive_slot, handle) || !slot_cache_holds(&before->quick_slot, words[0]) ||
        before->quick_slot.slot->object->type != WK_TYPE_EVENT)
        return NULL;
    event = container_of(before->receive_slot.slot->object, struct event, object);
    other = container_of(before->quick_slot.slot->object, struct event, object);
    if (!can_pass_on(hart, before, event, other, container_of(other->waiters.next, struct thread, wait_link), &in))
        return NULL;
    hart->invocation.handle = handle;
    assert(event_pass_on(&hart->invocation, event, other, &in));
    return hart->current;
}
