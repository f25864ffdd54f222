/* SPDX-License-Identifier: MIT */
/*
 * Calls and answers that ask for more than the fast path (fast.c) gives, and still go straight from one thread to the
 * other: with a deadline that has not to be moved, with accepted types or one capability that is lent, by any session, in
 * all builds; and faults that are told by one (fault.c). What it leaves is what the slow path (endpoint.c) would have left,
 * as with the fast path and for the same reasons; what is not so simple is left to that, with nothing changed but registers
 * that nobody has any more. Compiled as hand_over.c is, but for size.
 */
#include "endpoint.h"
#include "fault.h"
#include "handlers.h"
#include "invoke.h"
#include "lock.h"
#include "message.h"
#include "meter.h"
#include "ready.h"
#include "ring.h"
#include "trap.h"

#include <winkle/message.h>

/* Whether the thread can be switched to here by loading registers and the address space's word. */
static inline bool has_met(const struct hart *hart, const struct thread *thread)
{
    return (thread->process->space.harts & hart->bit) != 0;
}

static NOINLINE int64_t switch_floating_point(struct thread *before, struct thread *next)
{
    arch_thread_switch(before, next);
    return (int)WK_SWITCHED;
}

/* Leaves the current thread for the next, for which the payer stays the same. Answers as invocations do. */
static NOINLINE int64_t hand_over(struct hart *hart, struct thread *next)
{
    struct thread *before = hart->current;

    hart->left = before;
    become_current(hart, next);
    return has_floating_point(before, next) ? switch_floating_point(before, next) : (int)WK_SWITCHED;
}

static NOINLINE void fill(struct arch_context *context, uint64_t status, uint64_t number, uint64_t badge,
                          const struct invocation *invocation)
{
    arch_context_deliver(context, status, number, badge, invocation->arguments);
}

/* ---- calls and answers ---- */

/* Lends the call's only capability, one of the first three words. */
static inline bool lends(struct thread *caller, struct thread *server, const struct endpoint *endpoint,
                         uint64_t operation)
{
    const uint64_t marked = WK_MESSAGE_CAPABILITIES(operation);

    return marked != 3 && marked <= 4 && (marked & WK_MESSAGE_GIVEN(operation)) == 0 && endpoint->accept_count != 0 &&
           message_lend_at_once(caller, server, endpoint->accept_types, REGISTER_A1 + (unsigned)(marked >> 1));
}

/* The server, which has the message, is to go on for the caller. */
static inline void begin(struct endpoint *endpoint, struct thread *caller, struct thread *server, enum thread_stop stop)
{
    endpoint->ready = NULL;
    server->calls.caller = caller;
    caller->calls.callee = server;
    caller->stop = (uint8_t)stop;
    server->stop = 0;
    server->depth = (uint8_t)(caller->depth + 1);
}

static NOINLINE int64_t call(struct hart *hart)
{
    const uint64_t operation = hart->invocation.operation;
    const uint64_t marked = WK_MESSAGE_CAPABILITIES(operation);
    struct thread *caller = hart->current;
    const struct session *session = session_to_call(caller, hart->invocation.handle);
    const uint64_t deadline_ns = message_deadline(operation);
    struct endpoint *endpoint;
    struct thread *server;

    if (session == NULL || operation & WK_MESSAGE_KERNEL_ONLY)
        return trap_invocation_kept();
    endpoint = session->endpoint;
    server = endpoint->ready;
    if (server == NULL || !has_met(hart, server) ||
        thread_state(caller, HINDERED_BY_DEADLINE | HINDERED_BY_FP) >= WK_CALL_DEPTH_MAX ||
        thread_has_to_set(caller, deadline_ns))
        return trap_invocation_kept();
    fill(&server->context, WK_RECEIVED(WK_MESSAGE_KIND_CALL, marked), operation & WK_MESSAGE_OPERATION, session->badge,
         &hart->invocation);
    if (marked != 0 && !lends(caller, server, endpoint, operation))
        return trap_invocation_kept();
    arch_context_set(&caller->context, REGISTER_A7, operation);
    thread_wait_until(caller, deadline_ns);
    begin(endpoint, caller, server, THREAD_CALLING);
    return hand_over(hart, server);
}

bool fault_call_at_once(struct thread *thread, const struct session *session)
{
    struct hart *hart = hart_current();
    struct thread *server = session->endpoint->ready;

    if (hart->attention.any != 0 || server == NULL || !has_met(hart, server) ||
        thread_state(thread, HINDERED_BY_DEADLINE | HINDERED_BY_FP) >= WK_CALL_DEPTH_MAX)
        return false;
    fault_write(thread, server);
    thread_wait_until(thread, DEADLINE_NEVER);
    begin(session->endpoint, thread, server, THREAD_CALLING | THREAD_FAULTING); /* INV-FAULT-1 */
    (void)hand_over(hart, server);
    return true;
}

/* What is slow most often is looked at first: it is long, and this is in the same hold of the lock. */
static inline bool may_go_back(const struct thread *server)
{
    const struct endpoint *endpoint;

    if (server->calls.serving == NULL)
        return false;
    endpoint = endpoint_of_server(server);
    return endpoint->callers.first == NULL && endpoint->ready == NULL;
}

/* The caller may be a ring's worker, whose next call the server gets in the same go. */
static NOINLINE bool answer_worker(struct hart *hart, struct thread *caller)
{
    struct invocation *invocation = &hart->invocation;
    uint64_t *words = invocation->arguments;
    const struct thread *next;

    if (!caller->is_worker)
        return false;
    next = ring_answer_at_once(caller, words, WK_MESSAGE_HIGH(invocation->operation));
    if (next == NULL)
        return ring_finish_at_once(hart, caller);
    hart->left = hart->current;
    for (unsigned i = 0; i < 6; i++)
        words[i] = message_words(next)[i];
    fill(&hart->left->context, WK_RECEIVED(WK_MESSAGE_KIND_CALL, 0), WK_RING_OPERATION(next->calls.badge),
         caller->calls.badge, invocation);
    return true;
}

static NOINLINE int64_t answer(struct hart *hart)
{
    const uint64_t operation = hart->invocation.operation;
    struct thread *server = hart->current;
    struct thread *caller = server->calls.caller;
    uint32_t state;

    if (!slot_cache_holds(&server->receive_slot, hart->invocation.handle) || caller == NULL ||
        operation & WK_MESSAGE_DEADLINE || WK_MESSAGE_CAPABILITIES(operation) != 0)
        return trap_invocation_kept();
    if (thread_state(server, 0) > WK_CALL_DEPTH_MAX || !has_met(hart, caller))
        return trap_invocation_kept();
    state = thread_state(caller, HINDERED_BY_DEADLINE | HINDERED_BY_LOANS | HINDERED_BY_FP) >> 16;
    if (state == (THREAD_CALLING | THREAD_FAULTING)) {
        if (WK_MESSAGE_HIGH(operation) != WK_OK)
            return trap_invocation_kept();
        fault_go_on(caller, hart->invocation.arguments);
    } else {
        if (state != THREAD_CALLING)
            return answer_worker(hart, caller) ? (int)WK_SWITCHED : trap_invocation_kept();
        if (caller->hindrance & HINDERED_BY_LOANS && !message_end_loan_at_once(caller))
            return trap_invocation_kept();
        fill(&caller->context, WK_MESSAGE_HIGH(operation), 0, 0, &hart->invocation);
    }

    server->stop = THREAD_RECEIVING;
    caller->stop = 0;
    endpoint_of_server(server)->ready = server;
    return hand_over(hart, caller);
}

/* ---- the entries ---- */

/* The message is kept in the invocation: so the registers are free, and nothing is saved for nothing. */
int64_t trap_invocation_locked(uint64_t handle, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3,
                               uint64_t word4, uint64_t word5, uint64_t operation)
{
    struct hart *hart = hart_current();
    struct invocation *invocation = &hart->invocation;
    uint64_t *words = invocation->arguments;
    const uint64_t number = operation & WK_MESSAGE_OPERATION;
    const bool is_operation = number - WK_OPERATION_FIRST < OPERATION_SLOTS;

    if (is_operation && (number != WK_ENDPOINT_REPLY_RECEIVE || !may_go_back(hart->current)))
        return trap_operation_locked(handle, word0, word1, word2, word3, word4, word5, operation);
    invocation->handle = handle;
    invocation->operation = operation;
    words[0] = word0;
    words[1] = word1;
    words[2] = word2;
    words[3] = word3;
    words[4] = word4;
    words[5] = word5;
    if (hart->attention.any != 0)
        return trap_invocation_kept();
    return is_operation ? answer(hart) : call(hart);
}

int64_t trap_worker_answered(void)
{
    struct hart *hart = hart_current();

    if (ring_finish_at_once(hart, hart->current->calls.caller))
        return (int)WK_SWITCHED;
    return trap_invocation_kept();
}

int64_t trap_invocation_contended(uint64_t handle, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3,
                                  uint64_t word4, uint64_t word5, uint64_t operation)
{
    kernel_lock_wait(hart_current()->ticket);
    meter_lock_taken();
    return trap_invocation_locked(handle, word0, word1, word2, word3, word4, word5, operation);
}

int64_t trap_invocation(uint64_t handle, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3, uint64_t word4,
                        uint64_t word5, uint64_t operation)
{
    meter_entered();
    meter_invocation();
    if (!kernel_lock_acquire_at_once())
        return trap_invocation_contended(handle, word0, word1, word2, word3, word4, word5, operation);
    return trap_invocation_locked(handle, word0, word1, word2, word3, word4, word5, operation);
}
