/* SPDX-License-Identifier: MIT */
/*
 * How an invocation is executed: decoding, look-up, rights, then the operation's generated wrapper.
 */
#ifndef INVOKE_H
#define INVOKE_H

#include "capability.h"
#include "operation.h"
#include "process.h"
#include "thread.h"

#include <winkle/message.h>

/* Checks the arguments and calls the operation's handler. */
typedef enum wk_status operation_wrapper(struct invocation *invocation, uint64_t word0, uint64_t word1, uint64_t word2,
                                         uint64_t word3, uint64_t word4, uint64_t word5);

/* By number, from WK_OPERATION_FIRST: what the operation needs, and where its wrapper is, in the architecture's form. */
extern const uint32_t operation_needs[];
extern const arch_code operation_wrappers[];
/* Likewise, for rings: instructions, of one step if it is long; of what cannot be an entry; 0 of free numbers. */
extern const uint16_t operation_bounds[];
#define OPERATION_TRAP_ONLY UINT16_MAX
/* In what an operation needs, and in the word of every slot: it understands the bits above its number (winkle/message.h). */
#define OPERATION_MESSAGE CAPABILITY_IN_TABLE
/* A free number needs what no capability has: a type that is all bits and their inverse. */
#define OPERATION_FREE 0xff0000u

/*
 * Looks up argument `number` (from 1). NULL if it is refused; then invocation->refusal is WK_BAD_HANDLE, WK_WRONG_TYPE,
 * WK_NO_RIGHT or WK_REVOKED.
 */
struct capability *invocation_argument(struct invocation *invocation, unsigned number, uint64_t handle, uint32_t needs);
static inline struct capability *invocation_capability(struct invocation *invocation, unsigned number, uint64_t handle,
                                                       enum wk_type type, uint16_t rights)
{
    return invocation_argument(invocation, number, handle, OPERATION_NEEDS(type, rights));
}
/* Above all that an argument may need: `in_table` is no argument's need. */
#define ARGUMENT_NUMBER_SHIFT 26
/* The same of a word that is stored; what it needs is passed in the fewest instructions. */
struct capability *invocation_stored_argument(struct invocation *invocation, uint32_t number_and_needs);
static inline struct capability *invocation_stored_capability(struct invocation *invocation, unsigned number,
                                                              enum wk_type type, uint16_t rights)
{
    return invocation_stored_argument(invocation,
                                      (uint32_t)number << ARGUMENT_NUMBER_SHIFT | OPERATION_NEEDS(type, rights));
}
/* Answers WK_BAD_ARGUMENT for argument `number`. */
enum wk_status invocation_bad_argument(struct invocation *invocation, unsigned number);

/* The operation's number, without what a message says beside it. */
static inline uint64_t invocation_number(const struct invocation *invocation)
{
    return invocation->operation & WK_MESSAGE_OPERATION;
}

/* What the wrapper of an operation with more than one result word answers. */
static inline enum wk_status invocation_answered(enum wk_status status)
{
    return status == WK_OK ? WK_ANSWERED : status;
}

/* The results are delivered, or come later by another way. */
static inline void invocation_forget_results(struct invocation *invocation)
{
    uint64_t *words = invocation->words;

    words[0] = words[1] = words[2] = words[3] = words[4] = words[5] = 0;
}

/* After an error: gives back what the operation reserved, and fills the result words. */
enum wk_status invoke_failed(struct invocation *invocation, enum wk_status status);
/* In a debug build: nothing fails after the commit. */
void invoke_check_commit(enum wk_status status);

/*
 * Decodes and executes. WK_OK: the first of invocation->words is a result at most; WK_ANSWERED: they all may be; an error:
 * the caller passes it to invoke_failed, which fills the words. Requires: the lock, a full stock.
 */
enum wk_status invoke(struct invocation *invocation, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3,
                      uint64_t word4, uint64_t word5);

#endif
