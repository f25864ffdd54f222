/* SPDX-License-Identifier: MIT */
/* What the generated dispatch.c expects of kernel/invoke.h, for tests/tools/dispatch_check.c. */
#ifndef INVOKE_H
#define INVOKE_H

#include <stddef.h>
#include <winkle/abi.h>

struct object;

struct capability {
    struct object *object;
};

struct invocation {
    struct capability *capability;
    uint64_t words[6];
    uint64_t operation;
    uint64_t arguments[6];
    enum wk_status refusal;
};

/* Descriptors with type and rights apart are easier to check. */
#define OPERATION_MASK(type, rights) (type)
#define OPERATION_EXPECTED(type, rights) (rights)
#define WK_ANSWERED ((enum wk_status)0x10000)

struct operation_descriptor {
    enum wk_status (*wrapper)(struct invocation *invocation, uint64_t word0, uint64_t word1, uint64_t word2,
                              uint64_t word3, uint64_t word4, uint64_t word5);
    uint32_t mask;
    uint32_t expected;
};

extern const struct operation_descriptor operation_table[OPERATION_SLOTS];

struct capability *invocation_capability(struct invocation *invocation, unsigned number, uint64_t handle,
                                         enum wk_type type, uint16_t rights);
struct capability *invocation_stored_capability(struct invocation *invocation, unsigned number, enum wk_type type,
                                                uint16_t rights);
enum wk_status invocation_answered(enum wk_status status);
uint64_t invocation_number(const struct invocation *invocation);
enum wk_status invocation_bad_argument(struct invocation *invocation, unsigned number);

#endif
