/* SPDX-License-Identifier: MIT */
/*
 * The fault endpoint: what a thread cannot answer itself is told to another process, by a call that the kernel makes for the
 * thread. Who serves it runs for the thread as any server does, and everything that is true of calls is true of it. It
 * differs in three things. Its words come from the thread's record, so the registers stay the faulting code's. An answer is
 * no result: `ok` has the thread go on, all else ends its process. And it is made without anybody's invoking it, by a session
 * that whoever controls the process named: by its handle in the process's table, so that it goes as capabilities go.
 *
 * Owns of each process `fault_slot`, of each thread the fault_ fields. Guarded by the kernel lock. Invariants: see
 * fault.h.
 */
#include "fault.h"

#include "assert.h"
#include "endpoint_parts.h"
#include "handlers.h"
#include "process.h"
#include "schedule.h"

enum { REGISTER_PC = 0 };

/* Whether faults may be told by it. */
static bool can_tell(const struct capability *capability)
{
    const uint32_t needs = OPERATION_NEEDS(WK_TYPE_SESSION, WK_SESSION_RIGHT_FAULT);

    return capability != NULL && capability_has(capability, needs) && object_is_live(capability->object);
}

/* The session by which the process's faults are told, while the capability is what it was; or NULL. */
static struct session *session_of(const struct process *process)
{
    const struct slot_cache *cache = &process->fault_slot;
    struct object *object = cache->slot->object;

    return capability_key(cache->slot) == cache->key && object_is_live(object)
               ? container_of(object, struct session, object)
               : NULL;
}

void fault_write(const struct thread *thread, struct thread *receiver)
{
    const uint64_t words[6] = {thread->fault_cause, thread->fault_detail,
                               arch_context_get(&thread->context, REGISTER_PC), thread->object.identity,
                               thread->fault_reason};

    arch_context_deliver(&receiver->context, WK_RECEIVED(WK_MESSAGE_KIND_FAULT, 0), 0, thread->calls.badge, words);
}

/* Has the thread call. False if it cannot. */
static bool tell(struct thread *thread, struct session *session)
{
    if (endpoint_check_call(session->endpoint, thread) != WK_OK)
        return false;
    thread->stop |= THREAD_FAULTING; /* INV-FAULT-1 */
    endpoint_make_call(session->endpoint, session, thread);
    schedule_stays_current(thread->hart);
    return true;
}

/* Ends the process: at once, or once the thread runs again, so that it is at nobody else's expense. */
static enum wk_status end_step(struct operation *operation)
{
    struct thread *thread = operation->thread;

    process_fault(thread, (enum wk_end_reason)thread->fault_reason, thread->fault_detail);
    return WK_NO_ANSWER;
}

bool fault_tell_at_once(struct thread *thread, enum wk_upcall_cause cause, enum wk_end_reason reason, uint64_t detail)
{
    const struct session *session = session_of(thread->process);

    assert_debug(thread_is_current(thread) && thread->operation.step == NULL);
    thread->fault_cause = (uint8_t)cause;
    thread->fault_reason = (uint8_t)reason;
    thread->fault_detail = detail;
    if (session == NULL)
        return false;
    thread->calls.badge = session->badge;
    return fault_call_at_once(thread, session);
}

void fault_unanswered(struct thread *thread, enum wk_upcall_cause cause, enum wk_end_reason reason, uint64_t detail)
{
    struct session *session = session_of(thread->process);

    if (!fault_tell_at_once(thread, cause, reason, detail) && (session == NULL || !tell(thread, session)))
        (void)end_step(&thread->operation);
}

void fault_answered(struct thread *thread, uint64_t status, const uint64_t words[6])
{
    if (status != WK_OK && !(thread->stop & THREAD_ENDED))
        operation_begin(&thread->operation, end_step, NULL);
    if (status == WK_OK)
        fault_go_on(thread, words);
}

enum wk_status process_set_fault_handler(struct invocation *invocation, struct process *process,
                                         const struct wk_process_set_fault_handler_in *in)
{
    const struct capability *capability = capability_find(&process->table, in->session);

    if (in->session != 0 && !can_tell(capability))
        return invocation_bad_argument(invocation, 1);

    op_commit();
    slot_cache_init(&process->fault_slot);
    if (in->session != 0)
        slot_cache_fill(&process->fault_slot, in->session, capability);
    return WK_OK;
}

enum wk_status process_faulting_thread(struct invocation *invocation, struct process *process,
                                       struct wk_process_faulting_thread_out *out)
{
    struct thread *thread = invocation->thread->calls.caller;
    enum wk_status status = capability_reserve(&invocation->process->table, invocation->process);

    if (thread == NULL || thread->process != process || !fault_is_told(thread))
        return WK_NO_CALLER;
    if (!object_is_live(&thread->object))
        return WK_REVOKED;
    if (status != WK_OK)
        return status;

    op_commit();
    out->thread = capability_handle(capability_make(invocation->process, &thread->object, WK_RIGHTS_ALL, NULL));
    return WK_OK;
}
