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

/*
 * What an operation needs, in the form of the word that a capability's slot has in `rights` and what follows it: the type
 * (any: masked out), the rights, and not being taken back, in one comparison.
 */
#define OPERATION_MASK(type, rights) ((uint32_t)(rights) | ((type) == WK_TYPE_NONE ? 0 : 0xff0000u) | 0x3000000u)
#define OPERATION_EXPECTED(type, rights) ((uint32_t)(rights) | (uint32_t)(type) << 16)

/* Checks the arguments and calls the operation's handler. */
typedef enum wk_status operation_wrapper(struct invocation *invocation, uint64_t word0, uint64_t word1, uint64_t word2,
                                         uint64_t word3, uint64_t word4, uint64_t word5);

struct operation_descriptor {
    operation_wrapper *wrapper; /* NULL: retired */
    uint32_t mask;
    uint32_t expected;
};

/* The invoker wants no process to answer in an object's place. Every object is the kernel's, so nothing to check yet. */
#define OPERATION_KERNEL_ONLY (UINT64_C(1) << 16)

extern const struct operation_descriptor operation_table[];

/* The error of argument `number` (from 1) whose look-up found `capability` (NULL: none). */
enum wk_status invocation_refuse(struct invocation *invocation, unsigned number, const struct capability *capability,
                                 uint32_t mask, uint32_t expected);
/* Looks up argument `number` (from 1): WK_BAD_HANDLE, WK_WRONG_TYPE, WK_NO_RIGHT with result word 0, WK_REVOKED. */
static inline enum wk_status invocation_capability(struct invocation *invocation, unsigned number, uint64_t handle,
                                                   enum wk_type type, uint16_t rights, struct capability **found)
{
    struct capability *capability = capability_find(&invocation->process->table, handle);
    const uint32_t mask = OPERATION_MASK(type, rights);
    const uint32_t expected = OPERATION_EXPECTED(type, rights);

    *found = capability;
    if (__builtin_expect(capability != NULL && (capability->word & mask) == expected &&
                             capability->object->state == OBJECT_LIVE,
                         1))
        return WK_OK;
    return invocation_refuse(invocation, number, capability, mask, expected);
}
/* Answers WK_BAD_ARGUMENT for argument `number`. */
enum wk_status invocation_bad_argument(struct invocation *invocation, unsigned number);

/* After an error: gives back what the operation reserved, and fills the result words. */
enum wk_status invoke_failed(struct invocation *invocation, enum wk_status status);
#ifdef WINKLE_DEBUG
void invoke_check_commit(enum wk_status status);
#else
static inline void invoke_check_commit(enum wk_status status)
{
    (void)status;
}
#endif

/*
 * Decodes and executes. WK_OK: there are no result words; WK_ANSWERED: they are in invocation->words; an error: the caller
 * passes it to invoke_failed, which fills the words. Requires: the lock, a full stock.
 */
enum wk_status invoke(struct invocation *invocation, uint64_t operation, uint64_t handle, const uint64_t words[6]);

#endif
