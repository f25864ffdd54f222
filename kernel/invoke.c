/* SPDX-License-Identifier: MIT */
/*
 * From a message to an operation: what is not in the straight path of invoke.h, and the look-up of capabilities that are
 * arguments. Requires the kernel lock.
 */
#include "invoke.h"

#include "assert.h"

#ifdef WINKLE_DEBUG
static bool committed;

void op_commit(void)
{
    committed = true;
}

/* Nothing fails after the commit. */
void invoke_check_commit(enum wk_status status)
{
    assert(!committed || status == WK_OK || !status_is_final(status));
    committed = false;
}
#endif

enum wk_status invoke_refusal(struct invocation *invocation, const struct capability *capability, uint32_t mask,
                              uint32_t expected)
{
    const uint32_t differs = capability == NULL ? 0 : (capability_word(capability) ^ expected) & mask;

    invocation->words[0] = 0;
    if (capability == NULL)
        return WK_BAD_HANDLE;
    if (differs & 0xff0000)
        return WK_WRONG_TYPE;
    return differs & 0xffff ? WK_NO_RIGHT : WK_REVOKED;
}

enum wk_status invoke_failed(struct invocation *invocation, enum wk_status status)
{
    if (status_is_final(status))
        capability_unreserve(invocation->process);
    return status;
}

enum wk_status invocation_capability(struct invocation *invocation, unsigned number, uint64_t handle,
                                     enum wk_type type, uint16_t rights, struct capability **found)
{
    struct capability *capability = capability_find(&invocation->process->table, handle);
    const uint32_t mask = OPERATION_MASK(type, rights);
    const uint32_t expected = OPERATION_EXPECTED(type, rights);
    enum wk_status status;

    *found = capability;
    if (__builtin_expect(capability != NULL && (capability_word(capability) & mask) == expected &&
                             capability->object->state == OBJECT_LIVE,
                         1))
        return WK_OK;
    status = invoke_refusal(invocation, capability, mask, expected);
    invocation->words[0] = number;
    return status;
}

enum wk_status invocation_bad_argument(struct invocation *invocation, unsigned number)
{
    invocation->words[0] = number;
    return WK_BAD_ARGUMENT;
}
