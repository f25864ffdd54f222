/* SPDX-License-Identifier: MIT */
/*
 * The fast path of calls: from a client to a passive server that waits, and back; and of a yield. Each is one
 * predicate, then straight code that cannot fail: no loop, and for calls no clock and no queue. What it leaves is what the
 * slow path (endpoint.c) would have left, but for which of two places says that a thread receives (endpoint->ready) and
 * pointers that mean nothing in that state; tests/host/fast_test.c compares the two over random states.
 *
 * Why no queue and no clock: the payer stays the payer, its chain has become longer or shorter by one. Whatever could make
 * that wrong has been noted beforehand where it happened, in the threads' hindrance, in endpoint->ready, in the hart's
 * attention.
 *
 * fast.inc has the same in assembly, for builds without checks; the host port and its tests run this.
 */
#include "fast.h"

#include "endpoint.h"
#include "fault.h"
#include "hart.h"
#include "message.h"
#include "process.h"
#include "schedule.h"

/* Whether the thread can be switched to here by loading registers and the address space's word. */
static bool has_met(const struct hart *hart, const struct thread *thread)
{
    return (thread->process->space.harts & hart->bit) != 0;
}

static void make_current(struct hart *hart, struct thread *thread)
{
    struct process *process = thread->process;

    thread->hart = hart;
    hart->current = thread;
    hart->invocation.process = process;
    hart->space = &process->space;
    arch_space_switch(process->space.switch_word);
}

struct thread *fast_call(struct hart *hart, uint64_t handle, uint64_t operation, uint64_t *badge)
{
    struct thread *caller = hart->current;
    const struct session *session;
    struct endpoint *endpoint;
    struct thread *server;

    if (!slot_cache_holds(&caller->call_slot, handle))
        return NULL;
    session = container_of(caller->call_slot.slot->object, struct session, object);
    endpoint = session->endpoint;
    server = endpoint->ready;
    if (server == NULL || hart->attention.any != 0 || caller->hindrance != 0 || caller->depth == WK_CALL_DEPTH_MAX ||
        !has_met(hart, server))
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

struct thread *fast_reply_receive(struct hart *hart, uint64_t handle, const uint64_t words[6])
{
    struct thread *server = hart->current;
    struct thread *caller = server->calls.caller;
    struct endpoint *endpoint;

    if (!slot_cache_holds(&server->receive_slot, handle) || caller == NULL)
        return NULL;
    endpoint = endpoint_of_server(server);
    if (endpoint->callers.first != NULL || endpoint->ready != NULL || hart->attention.any != 0 ||
        server->hindrance != 0 || (caller->stop & ~THREAD_FAULTING) != THREAD_CALLING || caller->hindrance != 0 ||
        !has_met(hart, caller))
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
