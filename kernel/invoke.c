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
static SLOW_PATH enum wk_status refusal(struct invocation *invocation, const struct capability *capability,
                                        uint32_t needs)
{
    const uint32_t missing = capability == NULL ? 0 : needs & ~capability->word;

    invocation->wrong_argument = 0;
    if (capability == NULL)
        return WK_BAD_HANDLE;
    if (missing & 0xff0000)
        return WK_WRONG_TYPE;
    return missing & 0xffff ? WK_NO_RIGHT : WK_REVOKED;
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
                                                    const struct capability *capability, uint32_t needs)
{
    invocation->refusal = refusal(invocation, capability, needs);
    invocation->wrong_argument = number;
    return NULL;
}

struct capability *invocation_argument(struct invocation *invocation, unsigned number, uint64_t handle, uint32_t needs)
{
    struct capability *capability = capability_find(&invocation->process->table, handle);

    if (__builtin_expect(
            capability != NULL && capability_has(capability, needs) && capability->object->state == OBJECT_LIVE, 1))
        return capability;
    return refuse_argument(invocation, number, capability, needs);
}

SLOW_PATH struct capability *invocation_stored_argument(struct invocation *invocation, uint32_t number_and_needs)
{
    const unsigned number = number_and_needs >> ARGUMENT_NUMBER_SHIFT;

    return invocation_argument(invocation, number, invocation->arguments[number - 1],
                               number_and_needs & ((1u << ARGUMENT_NUMBER_SHIFT) - 1));
}

enum wk_status invocation_bad_argument(struct invocation *invocation, unsigned number)
{
    invocation->wrong_argument = number;
    return WK_BAD_ARGUMENT;
}

/* Whatever is invoked on a session is a call, but for what can be done with any capability. */
static bool is_call(const struct capability *capability, uint32_t needs)
{
    return capability != NULL && capability->type == WK_TYPE_SESSION && (needs & 0xff0000) != 0;
}

static SLOW_PATH enum wk_status call(struct invocation *invocation, const struct capability *capability,
                                     const uint64_t words[6])
{
    const uint32_t needs = OPERATION_NEEDS(WK_TYPE_SESSION, WK_SESSION_RIGHT_CALL);

    if (invocation->operation & WK_MESSAGE_KERNEL_ONLY)
        return WK_WRONG_TYPE;
    if (!capability_has(capability, needs) || capability->object->state != OBJECT_LIVE)
        return refusal(invocation, capability, needs);
    slot_cache_fill(&invocation->thread->call_slot, invocation->handle, capability);
    return endpoint_call(invocation, container_of(capability->object, struct session, object), words);
}

/* Bits above the operation's number are for calls and messages. */
static bool has_strange_bits(uint64_t operation, uint32_t needs)
{
    const uint64_t known = WK_MESSAGE_OPERATION | WK_MESSAGE_KERNEL_ONLY | WK_MESSAGE_QUICK;

    return (operation & ~known) != 0 && !(needs & OPERATION_MESSAGE);
}

enum wk_status invoke(struct invocation *invocation, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3,
                      uint64_t word4, uint64_t word5)
{
    const uint64_t distance = invocation_number(invocation) - WK_OPERATION_FIRST;
    const uint64_t index = distance < OPERATION_SLOTS ? distance : OPERATION_SLOTS;
    const uint32_t needs = operation_needs[index];
    struct capability *capability = capability_find(&invocation->process->table, invocation->handle);

    if (is_call(capability, needs))
        return call(invocation, capability, (const uint64_t[]){word0, word1, word2, word3, word4, word5});
    if (needs == OPERATION_FREE || has_strange_bits(invocation->operation, needs))
        return capability == NULL ? WK_BAD_HANDLE : WK_NO_SUCH_OPERATION; /* it may have named a session */
    if (capability == NULL || !capability_has(capability, needs) || capability->object->state != OBJECT_LIVE)
        return refusal(invocation, capability, needs);
    invocation->capability = capability;
    meter_operation(invocation->thread, (unsigned)index);
    return ((operation_wrapper *)(intptr_t)operation_wrappers[index])(invocation, word0, word1, word2, word3, word4,
                                                                      word5);
}
