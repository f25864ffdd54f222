/* SPDX-License-Identifier: MIT */
/* Messages in threads' contexts, and the capabilities that travel with them: see message.c. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "deadline.h"
#include "invoke.h"

#include <winkle/message.h>

/* Where a message stands in a context: its words from A1 on. */
enum { REGISTER_T0 = 5, REGISTER_A1 = 11, REGISTER_A7 = 17 };

struct endpoint;

enum message_purpose { MESSAGE_OF_CALL, MESSAGE_OF_ANSWER };

/* Keeps the invocation's message in its thread's context. */
void message_store(struct invocation *invocation, uint64_t badge, const uint64_t words[6]);
/* The words of the message that a thread sends, as they stand in its context, and what came in a7. */
static inline const uint64_t *message_words(const struct thread *thread)
{
    return arch_context_words(&thread->context);
}

uint64_t message_operation(const struct thread *thread);

/* The deadline that the current invocation names, or DEADLINE_NEVER. */
static inline uint64_t message_deadline(uint64_t operation)
{
    return operation & WK_MESSAGE_DEADLINE ? arch_invocation_deadline(hart_current()) : DEADLINE_NEVER;
}
/* Sets the deadline of the thread's call, which is stored, or clears what is left of an earlier one. */
void message_arm_deadline(struct thread *thread);

/* Whether the words that are marked as capabilities are some, of those types and not more than that; the invocation says which is not. */
enum wk_status message_check(struct invocation *invocation, const uint64_t words[6], uint16_t types, unsigned count);
/* Begins an operation of the thread that moves the capabilities of its message to `partner`. WK_CONTINUE. */
enum wk_status message_begin(struct thread *thread, enum wk_status (*step)(struct operation *operation),
                             struct thread *partner, uint64_t operation);
/* Moves one; its handle there takes its word. WK_CONTINUE; else an error, and nothing was moved. */
enum wk_status message_move_next(struct operation *operation, struct process *to, enum message_purpose purpose);
/* What the operation answers in the end, when what it lent has been taken back. */
enum wk_status message_fail(struct operation *operation, enum wk_status status);
/* The thread's call ends, and is answered: before it goes on, what it lent is taken back. */
void message_end_loans(struct thread *thread);

/* In one piece, if that is simple; else false, and nothing has changed: lends what the register of the server's context says,
 * as the caller's only loan, if it is of those types; takes back a call's only loan. */
bool message_lend_at_once(struct thread *caller, struct thread *server, uint16_t types, unsigned number);
bool message_end_loan_at_once(struct thread *caller);

#endif
