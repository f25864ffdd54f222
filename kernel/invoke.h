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
 * (any: masked out), the rights, and not being doomed, in one comparison.
 */
#define OPERATION_MASK(type, rights) ((uint32_t)(rights) | ((type) == WK_TYPE_NONE ? 0 : 0xff0000u) | 0x1000000u)
#define OPERATION_EXPECTED(type, rights) ((uint32_t)(rights) | (uint32_t)(type) << 16)

struct operation_descriptor {
    enum wk_status (*wrapper)(struct invocation *invocation); /* NULL: retired */
    uint32_t mask;
    uint32_t expected;
};

/* The invoker wants no process to answer in an object's place. Every object is the kernel's, so nothing to check yet. */
#define OPERATION_KERNEL_ONLY (UINT64_C(1) << 16)

extern const struct operation_descriptor operation_table[];

/* Looks up argument `number` (from 1): WK_BAD_HANDLE, WK_WRONG_TYPE, WK_NO_RIGHT with result word 0, WK_REVOKED. */
enum wk_status invocation_capability(struct invocation *invocation, unsigned number, uint64_t handle,
                                     enum wk_type type, uint16_t rights, struct capability **capability);
/* Answers WK_BAD_ARGUMENT for argument `number`. */
enum wk_status invocation_bad_argument(struct invocation *invocation, unsigned number);

/* Why a look-up failed: the operation needs what the slot does not have. */
enum wk_status invoke_refusal(struct invocation *invocation, const struct capability *capability, uint32_t mask,
                              uint32_t expected);
/* What every operation does once it was executed, where something can be wrong. */
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
 * Decodes and executes. The answer's words are in invocation->words. Requires: the lock, a full stock. Inline, since the
 * trap path is the only caller and lives off it.
 */
static inline enum wk_status invoke(struct invocation *invocation, uint64_t operation, uint64_t handle)
{
    const uint64_t index = (operation & ~OPERATION_KERNEL_ONLY) - WK_OPERATION_FIRST;
    const struct operation_descriptor *descriptor = &operation_table[index];
    struct capability *capability;
    enum wk_status status;

    if (__builtin_expect(index >= OPERATION_COUNT, 0))
        return WK_NO_SUCH_OPERATION;
    capability = capability_find(&invocation->process->table, handle);
    if (__builtin_expect(capability == NULL, 0))
        return invoke_refusal(invocation, NULL, 0, 0);
    if (__builtin_expect((capability_word(capability) & descriptor->mask) != descriptor->expected ||
                             capability->object->state != OBJECT_LIVE,
                         0))
        return invoke_refusal(invocation, capability, descriptor->mask, descriptor->expected);
    invocation->capability = capability;
    status = descriptor->wrapper(invocation);
    invoke_check_commit(status);
    return __builtin_expect(status == WK_OK, 1) ? WK_OK : invoke_failed(invocation, status);
}

#endif
