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

#define OPERATION_NEEDS(type, rights) ((uint32_t)(rights) | (uint32_t)(type) << 16)
#define OPERATION_MESSAGE 0x4000000u
#define OPERATION_TRAP_ONLY UINT16_MAX
#define OPERATION_FREE 0xff0000u
#define WK_ANSWERED ((enum wk_status)0x10000)

extern const uint32_t operation_needs[];
extern const uint16_t operation_bounds[];

struct capability *invocation_capability(struct invocation *invocation, unsigned number, uint64_t handle,
                                         enum wk_type type, uint16_t rights);
struct capability *invocation_stored_capability(struct invocation *invocation, unsigned number, enum wk_type type,
                                                uint16_t rights);
enum wk_status invocation_answered(enum wk_status status);
uint64_t invocation_number(const struct invocation *invocation);
enum wk_status invocation_bad_argument(struct invocation *invocation, unsigned number);

#endif
