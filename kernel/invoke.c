/* SPDX-License-Identifier: MIT */
/*
 * From a message to an operation: the number, the handle, the type, the rights; then the generated wrapper of the
 * operation, which checks the arguments and calls what a person wrote. Requires the kernel lock.
 */
#include "invoke.h"

#include "assert.h"

#define OPERATION_BITS 16
/* The invoker wants no process to answer in an object's place. Every object is the kernel's, so nothing to check yet. */
#define OPERATION_KERNEL_ONLY (UINT64_C(1) << OPERATION_BITS)

#ifdef WINKLE_DEBUG
static bool committed;

void op_commit(void)
{
    committed = true;
}

/* Boot calls a handler without an invocation, and nobody checked its commit. */
static void forget_commit(void)
{
    committed = false;
}

/* Nothing fails after the commit. */
static void check_commit(enum wk_status status)
{
    assert(!committed || status == WK_OK || status == WK_CONTINUE || status == WK_WAITS || status == WK_NO_ANSWER);
    committed = false;
}
#else
static void forget_commit(void)
{
}

static void check_commit(enum wk_status status)
{
    (void)status;
}
#endif

/* Finds a capability of a type with rights. */
static inline enum wk_status find(const struct process *process, uint64_t handle, unsigned type, uint16_t rights,
                                  struct capability **found)
{
    struct capability *capability = capability_find(&process->table, handle);

    if (__builtin_expect(capability == NULL, 0))
        return WK_BAD_HANDLE;
    *found = capability;
    if (__builtin_expect(capability->object->type != type && type != WK_TYPE_NONE, 0))
        return WK_WRONG_TYPE;
    if (__builtin_expect((capability->rights & rights) != rights, 0))
        return WK_NO_RIGHT;
    if (__builtin_expect(capability->flags & CAPABILITY_DOOMED || capability->object->state != OBJECT_LIVE, 0))
        return WK_REVOKED;
    return WK_OK;
}

enum wk_status invocation_capability(struct invocation *invocation, unsigned number, uint64_t handle,
                                     enum wk_type type, uint16_t rights, struct capability **capability)
{
    enum wk_status status = find(invocation->process, handle, type, rights, capability);

    if (status != WK_OK)
        invocation->words[0] = number;
    return status;
}

enum wk_status invocation_bad_argument(struct invocation *invocation, unsigned number)
{
    invocation->words[0] = number;
    return WK_BAD_ARGUMENT;
}

enum wk_status invoke(struct invocation *invocation, uint64_t operation, uint64_t handle)
{
    const uint64_t index = (operation & ~OPERATION_KERNEL_ONLY) - WK_OPERATION_FIRST;
    const struct operation_descriptor *descriptor = &operation_table[index];
    enum wk_status status;

    if (__builtin_expect(index >= OPERATION_COUNT || descriptor->wrapper == NULL, 0))
        return WK_NO_SUCH_OPERATION;
    status = find(invocation->process, handle, descriptor->type, descriptor->rights, &invocation->capability);
    if (__builtin_expect(status != WK_OK, 0)) {
        invocation->words[0] = 0;
        return status;
    }
    forget_commit();
    status = descriptor->wrapper(invocation);
    check_commit(status);
    if (__builtin_expect(status != WK_OK && status < WK_NO_ANSWER, 0))
        capability_unreserve(invocation->process);
    return status;
}
