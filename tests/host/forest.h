/* SPDX-License-Identifier: MIT */
/*
 * A model of capabilities: which exist, to what, with which rights, derived from which. Before an invocation the model is
 * taken from the kernel and told what is to be done; afterwards it says what there must be.
 */
#ifndef FOREST_H
#define FOREST_H

#include <stdint.h>
#include <winkle/abi.h>

struct process;

/* A thread of `process` is about to invoke. Says nothing while long operations are under way. */
void forest_expect(const struct process *process, uint64_t operation, uint64_t handle, const uint64_t words[6]);
/* It was answered; `result` is the first result word. */
void forest_compare(enum wk_status status, uint64_t result);

#endif
