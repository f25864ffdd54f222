/* SPDX-License-Identifier: MIT */
/*
 * From a message to an operation: what is not in the straight path of invoke.h, and the look-up of capabilities that are
 * arguments. Requires the kernel lock.
 */
#include "invoke.h"

#include "assert.h"
#include "endpoint.h"
#include "meter.h"

bool operation_is_committed;

void invoke_check_commit(enum wk_status status)
{
    if (!CONFIG_DEBUG)
        return;
    assert_debug(!operation_is_committed || status == WK_OK || status == WK_ANSWERED || !status_is_final(status));
    operation_is_committed = false;
}

/* Why a look-up failed: the operation needs what the slot does not have. */
static enum wk_status refusal(struct invocation *invocation, const struct capability *capability, uint32_t mask,
                              uint32_t expected)
{
    const uint32_t differs = capability == NULL ? 0 : (capability->word ^ expected) & mask;

    invocation->wrong_argument = 0;
    if (capability == NULL)
        return WK_BAD_HANDLE;
    if (differs & 0xff0000)
        return WK_WRONG_TYPE;
    return differs & 0xffff ? WK_NO_RIGHT : WK_REVOKED;
}

enum wk_status invoke_failed(struct invocation *invocation, enum wk_status status)
{
    capability_unreserve(invocation->process);
    invocation_forget_results(invocation);
    invocation->words[0] = invocation->wrong_argument;
    invocation->wrong_argument = 0;
    return status;
}

static SLOW_PATH struct capability *refuse_argument(struct invocation *invocation, unsigned number,
                                                    const struct capability *capability, uint32_t mask,
                                                    uint32_t expected)
{
    invocation->refusal = refusal(invocation, capability, mask, expected);
    invocation->wrong_argument = number;
    return NULL;
}

struct capability *invocation_argument(struct invocation *invocation, unsigned number, uint64_t handle, uint32_t mask,
                                       uint32_t expected)
{
    struct capability *capability = capability_find(&invocation->process->table, handle);

    if (__builtin_expect(
            capability != NULL && (capability->word & mask) == expected && capability->object->state == OBJECT_LIVE, 1))
        return capability;
    return refuse_argument(invocation, number, capability, mask, expected);
}

SLOW_PATH struct capability *invocation_stored_argument(struct invocation *invocation, uint32_t number_and_expected)
{
    const unsigned number = number_and_expected >> 24;
    const uint32_t expected = number_and_expected & 0xffffff;

    return invocation_argument(invocation, number, invocation->arguments[number - 1],
                               OPERATION_MASK(expected >> 16, expected & 0xffff), expected);
}

enum wk_status invocation_bad_argument(struct invocation *invocation, unsigned number)
{
    invocation->wrong_argument = number;
    return WK_BAD_ARGUMENT;
}

/* Whatever is invoked on a session is a call, but for what can be done with any capability. */
static bool is_call(const struct capability *capability, const struct operation_descriptor *descriptor)
{
    return capability != NULL && capability->type == WK_TYPE_SESSION &&
           (descriptor == NULL || descriptor->wrapper == NULL || (descriptor->mask & 0xff0000) != 0);
}

static SLOW_PATH enum wk_status call(struct invocation *invocation, const struct capability *capability,
                                     const uint64_t words[6])
{
    const uint32_t mask = OPERATION_MASK(WK_TYPE_SESSION, WK_SESSION_RIGHT_CALL);
    const uint32_t expected = OPERATION_EXPECTED(WK_TYPE_SESSION, WK_SESSION_RIGHT_CALL);

    if (invocation->operation & WK_MESSAGE_KERNEL_ONLY)
        return WK_WRONG_TYPE;
    if ((capability->word & mask) != expected || capability->object->state != OBJECT_LIVE)
        return refusal(invocation, capability, mask, expected);
    slot_cache_fill(&invocation->thread->call_slot, invocation->handle, capability);
    return endpoint_call(invocation, container_of(capability->object, struct session, object), words);
}

/* Bits above the operation's number are for calls and messages. */
static bool has_strange_bits(uint64_t operation, const struct operation_descriptor *descriptor)
{
    const uint64_t known = WK_MESSAGE_OPERATION | WK_MESSAGE_KERNEL_ONLY | WK_MESSAGE_QUICK;

    return (operation & ~known) != 0 && !(descriptor->mask & OPERATION_MESSAGE);
}

enum wk_status invoke(struct invocation *invocation, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3,
                      uint64_t word4, uint64_t word5)
{
    const uint64_t index = invocation_number(invocation) - WK_OPERATION_FIRST;
    const struct operation_descriptor *descriptor = index < OPERATION_SLOTS ? &operation_table[index] : NULL;
    struct capability *capability = capability_find(&invocation->process->table, invocation->handle);

    if (is_call(capability, descriptor))
        return call(invocation, capability, (const uint64_t[]){word0, word1, word2, word3, word4, word5});
    if (descriptor == NULL || descriptor->wrapper == NULL || has_strange_bits(invocation->operation, descriptor))
        return capability == NULL ? WK_BAD_HANDLE : WK_NO_SUCH_OPERATION; /* it may have named a session */
    if (capability == NULL || (capability->word & descriptor->mask) != descriptor->expected ||
        capability->object->state != OBJECT_LIVE)
        return refusal(invocation, capability, descriptor->mask, descriptor->expected);
    invocation->capability = capability;
    meter_operation(invocation->thread, (unsigned)index);
    return descriptor->wrapper(invocation, word0, word1, word2, word3, word4, word5);
}
