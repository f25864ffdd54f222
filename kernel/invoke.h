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

struct invocation {
    struct thread *thread;         /* who invokes */
    struct process *process;       /* its process */
    struct capability *capability; /* what is invoked: found, of the right type, with the rights needed */
    uint64_t words[6];             /* arguments, then results */
};

struct operation_descriptor {
    enum wk_status (*wrapper)(struct invocation *invocation); /* NULL: retired */
    uint16_t type;                                            /* enum wk_type; WK_TYPE_NONE: any */
    uint16_t rights;
};

extern const struct operation_descriptor operation_table[];

/* Looks up argument `number` (from 1): WK_BAD_HANDLE, WK_WRONG_TYPE, WK_NO_RIGHT with result word 0, WK_REVOKED. */
enum wk_status invocation_capability(struct invocation *invocation, unsigned number, uint64_t handle,
                                     enum wk_type type, uint16_t rights, struct capability **capability);
/* Answers WK_BAD_ARGUMENT for argument `number`. */
enum wk_status invocation_bad_argument(struct invocation *invocation, unsigned number);

/* Decodes and executes. The answer's words are in invocation->words. Requires: the lock, a full stock. */
enum wk_status invoke(struct invocation *invocation, uint64_t operation, uint64_t handle);

#endif
