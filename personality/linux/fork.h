/* SPDX-License-Identifier: MIT */
#ifndef LINUX_FORK_H
#define LINUX_FORK_H

#include "linux.h"

/* The memory object of the personality's code; at the process's start. */
void fork_start(wk_handle image_memory);
/*
 * Makes a child with a copy of everything. Returns its number in the parent, 0 in the child, or an error.
 * @flags: clone's: with CLONE_VFORK it answers once the child has another program or has ended; with CLONE_VM beside it, the
 *   program's memory is the parent's until then, else a copy
 * @end_signal: what the parent is told by when it ends
 * @stack: the child's stack pointer; 0: as the parent's
 * @set_tid, @clear_tid: where the child has its number written, and cleared at its end; 0: nowhere
 */
int64_t fork_process(uint64_t flags, uint64_t end_signal, uint64_t stack, uint64_t set_tid, uint64_t clear_tid,
                     uint64_t *child_pid);

#endif
