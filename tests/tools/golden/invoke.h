/* SPDX-License-Identifier: MIT */
/* What the generated dispatch.c expects of kernel/invoke.h, for tests/tools/dispatch_check.c. */
#ifndef INVOKE_H
#define INVOKE_H

#include <winkle/abi.h>

struct object;

struct capability {
    struct object *object;
};

struct invocation {
    struct capability *capability;
    uint64_t words[6];
};

struct operation_descriptor {
    enum wk_status (*wrapper)(struct invocation *invocation);
    uint16_t type;
    uint16_t rights;
};

extern const struct operation_descriptor operation_table[OPERATION_COUNT];

enum wk_status invocation_capability(struct invocation *invocation, unsigned number, uint64_t handle, enum wk_type type,
                                     uint16_t rights, struct capability **capability);
enum wk_status invocation_bad_argument(struct invocation *invocation, unsigned number);

#endif
