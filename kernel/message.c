/* SPDX-License-Identifier: MIT */
/*
 * Messages of calls. A message waits in its sender's context, in the registers in which it came, which the sender has lost
 * by invoking anyway. Capabilities that travel with it move one a step, in an operation of the sender. What fails before anything has moved is
 * an error of the whole; later, a capability that cannot be moved arrives as 0, without its mark.
 *
 * A capability that is lent with a call hangs below a further one in the caller's own table, the loan; when the call
 * ends, whatever way, the caller takes its loans back before it goes on. So the server is never held up by that, and a loan can
 * have been passed on or mapped. With an answer it is lent for good, or given.
 *
 * What is common, one loan that comes back as it was lent, is done in one piece with the call and with its answer.
 */
#include "message.h"

#include "assert.h"
#include "bits.h"
#include "deadline.h"
#include "endpoint.h"
#include "fault.h"

#include <winkle/message.h>

enum { WORDS = 6 };

void message_store(struct invocation *invocation, uint64_t badge, const uint64_t words[6])
{
    struct thread *thread = invocation->thread;

    for (unsigned i = 0; i < WORDS; i++)
        arch_context_set(&thread->context, REGISTER_A1 + i, words[i]);
    arch_context_set(&thread->context, REGISTER_A7, invocation->operation);
    arch_context_set(&thread->context, REGISTER_T0,
                     thread->is_worker ? thread->call_deadline_ns : message_deadline(invocation->operation));
    thread->calls.badge = badge;
}

uint64_t message_operation(const struct thread *thread)
{
    return fault_is_told(thread) ? 0 : arch_context_get(&thread->context, REGISTER_A7);
}

void message_arm_deadline(struct thread *thread)
{
    thread_arm(thread, fault_is_told(thread) ? DEADLINE_NEVER : arch_context_get(&thread->context, REGISTER_T0));
}

/* ---- capabilities ---- */

/* Whether one can be sent. */
static enum wk_status check_one(const struct capability *capability, bool is_given)
{
    if (capability == NULL)
        return WK_BAD_HANDLE;
    if (!capability_is_usable(capability) || !object_is_live(capability->object))
        return WK_REVOKED;
    return is_given && !list_is_empty(&capability->children) ? WK_IS_LENT : WK_OK;
}

enum wk_status message_check(struct invocation *invocation, const uint64_t words[6], uint16_t types, unsigned count)
{
    const uint64_t given = WK_MESSAGE_GIVEN(invocation->operation);

    for (uint64_t left = WK_MESSAGE_CAPABILITIES(invocation->operation); left != 0; left &= left - 1) {
        const unsigned word = bit_lowest(left);
        const struct capability *capability = capability_find(&invocation->process->table, words[word]);
        const enum wk_status status = check_one(capability, given >> word & 1);

        invocation->wrong_argument = word + 1;
        if (status != WK_OK)
            return status;
        if (count-- == 0 || !(types >> capability->type & 1))
            return WK_NOT_ACCEPTED;
    }
    invocation->wrong_argument = 0;
    return WK_OK;
}

enum wk_status message_begin(struct thread *thread, enum wk_status (*step)(struct operation *operation),
                             struct thread *partner, uint64_t operation)
{
    operation_begin(&thread->operation, step, &partner->object);
    thread->operation.cursor[0] = WK_MESSAGE_CAPABILITIES(operation);
    return WK_CONTINUE;
}

/* Puts a capability into the process's table. Both tables have a free slot. */
static uint64_t move(struct operation *operation, struct capability *capability, struct process *to, bool is_given,
                     enum message_purpose purpose)
{
    struct thread *thread = operation->thread;
    struct capability *parent = is_given ? capability->parent : capability;
    uint64_t handle;

    if (!is_given && purpose == MESSAGE_OF_CALL) {
        parent = capability_make(thread->process, capability->object, capability->rights, capability);
        operation->loans[thread->loan_count++] = capability_handle(parent);
        thread->hindrance |= HINDERED_BY_LOANS;
    }
    handle = capability_handle(capability_make(to, capability->object, capability->rights, parent));
    if (is_given)
        capability_free(capability, operation);
    return handle;
}

/* The next one: what is lent goes first, since that can be taken back. */
static unsigned next_word(uint64_t left, uint64_t given)
{
    return bit_lowest((left & ~given) != 0 ? left & ~given : left);
}

/* Slots for what `move` makes; `from` is NULL if it makes no loan there. */
static enum wk_status reserve(struct process *to, struct process *from, const struct capability *capability,
                              bool is_given)
{
    struct capability *parent = is_given ? capability->parent : (struct capability *)capability;
    enum wk_status status = parent == NULL ? WK_OK : capability_check_derive(parent);

    if (status != WK_OK)
        return status;
    if (from == NULL)
        return capability_reserve(&to->table, to);
    if (capability->depth + 1 >= CAPABILITY_DEPTH_LIMIT)
        return WK_TABLE_FULL;
    if (from == to)
        return capability_reserve_two(&to->table, to);
    status = capability_reserve(&to->table, to);
    return status == WK_OK ? capability_reserve(&from->table, from) : status;
}

/* cursor: 0 the words left, 1 is 1 when something has been moved. */
enum wk_status message_move_next(struct operation *operation, struct process *to, enum message_purpose purpose)
{
    struct thread *thread = operation->thread;
    const uint64_t a7 = arch_context_get(&thread->context, REGISTER_A7);
    const unsigned word = next_word(operation->cursor[0], WK_MESSAGE_GIVEN(a7));
    const bool is_given = WK_MESSAGE_GIVEN(a7) >> word & 1;
    struct capability *capability =
        capability_find(&thread->process->table, arch_context_get(&thread->context, REGISTER_A1 + word));
    enum wk_status status = check_one(capability, is_given);
    uint64_t handle = 0;

    if (status == WK_OK)
        status = reserve(to, is_given || purpose == MESSAGE_OF_ANSWER ? NULL : thread->process, capability, is_given);
    if (status == WK_AGAIN)
        return WK_CONTINUE;
    if (status != WK_OK && operation->cursor[1] == 0)
        return status;
    if (status == WK_OK)
        handle = move(operation, capability, to, is_given, purpose);
    else
        arch_context_set(&thread->context, REGISTER_A7, a7 & ~WK_MESSAGE_CAPABILITY(word));
    arch_context_set(&thread->context, REGISTER_A1 + word, handle);
    operation->cursor[0] &= ~(UINT64_C(1) << word);
    operation->cursor[1] = 1;
    return WK_CONTINUE;
}

/* ---- the end of loans ---- */

/* Takes back the last loan; cursor[3]: what is answered in the end, if the answer does not stand in the context. */
static enum wk_status end_loans_step(struct operation *operation)
{
    struct thread *thread = operation->thread;
    struct capability *loan;
    enum wk_status status;

    if (thread->loan_count == 0) {
        thread->hindrance &= (uint8_t)~HINDERED_BY_LOANS;
        status = object_dismantle_and_flush_step(operation);
        return status == WK_OK ? (enum wk_status)operation->cursor[3] : status;
    }
    loan = capability_find(&thread->process->table, operation->loans[thread->loan_count - 1]);
    if (loan != NULL) {
        capability_doom(loan);
        if (capability_revoke_step(loan, operation) == WK_CONTINUE)
            return WK_CONTINUE;
        capability_free(loan, operation);
    }
    thread->loan_count--;
    return WK_CONTINUE;
}

enum wk_status message_fail(struct operation *operation, enum wk_status status)
{
    if (operation->thread->loan_count == 0)
        return status;
    operation->step = end_loans_step;
    operation->cursor[3] = status;
    return WK_CONTINUE;
}

void message_end_loans(struct thread *thread)
{
    if (thread->loan_count == 0)
        return;
    operation_begin(&thread->operation, end_loans_step, NULL);
    thread->is_silent = true;
}

/* ---- the common case: one loan, in one piece ---- */

bool message_lend_at_once(struct thread *caller, struct thread *server, uint16_t types, unsigned number)
{
    struct capability_table *from = &caller->process->table;
    struct capability_table *to = &server->process->table;
    struct capability *capability = capability_find(from, arch_context_get(&server->context, number));
    struct capability *loan = from->free_head;

    if (capability == NULL || !object_is_live(capability->object) || !(types >> capability->type & 1) ||
        capability->depth + 1 >= CAPABILITY_DEPTH_LIMIT || capability_check_derive(capability) != WK_OK || from == to ||
        loan == NULL || to->free_head == NULL)
        return false;
    caller->loan_count = 1;
    caller->hindrance |= HINDERED_BY_LOANS;
    caller->operation.loans[0] = capability_lend_quickly(from, capability, WK_RIGHTS_ALL);
    arch_context_set(&server->context, number, capability_lend_quickly(to, loan, WK_RIGHTS_ALL));
    return true;
}

/* Whether the end of a capability to it is to be told, or awaited, nowhere. */
static inline bool ends_quietly(struct object *object)
{
    switch (object->type) {
    case WK_TYPE_ENDPOINT:
        return false;
    case WK_TYPE_EVENT:
        return container_of(object, struct event, object)->waiter_count == 0;
    case WK_TYPE_MEMORY:
        return space_flush_done_slowly(space_flush_epoch());
    default:
        return true;
    }
}

/* Takes back the caller's only loan, if the receiver has it as it came, or has deleted it. */
bool message_end_loan_at_once(struct thread *caller)
{
    struct capability *loan = capability_find(&caller->process->table, caller->operation.loans[0]);
    struct capability *lent;

    if (caller->loan_count != 1 || loan == NULL || !ends_quietly(loan->object))
        return false;
    lent = container_of(loan->children.next, struct capability, sibling);
    if (list_is_empty(&loan->children)) {
        if (!capability_has(loan, CAPABILITY_USABLE | CAPABILITY_IN_TABLE))
            return false;
    } else {
        if (lent->sibling.next != &loan->children || !capability_has(lent, CAPABILITY_USABLE | CAPABILITY_IN_TABLE) ||
            !list_is_empty(&lent->children))
            return false;
        loan->object->capabilities--;
        capability_empty(lent, capability_handle(lent));
    }
    list_unlink(&loan->sibling);
    loan->object->capabilities--; /* what was lent has one still */
    capability_empty(loan, caller->operation.loans[0]);
    caller->loan_count = 0;
    caller->hindrance &= (uint8_t)~HINDERED_BY_LOANS;
    return true;
}
