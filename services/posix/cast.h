/* SPDX-License-Identifier: MIT */
/* Signals to one process or many. A signal with the number 0 only looks whether there is anybody. Errors as `kill` has them. */
#ifndef POSIX_CAST_H
#define POSIX_CAST_H

#include "signals.h"

/* To whom `which` means, as `kill` has it. The sender is NULL for the container. */
enum wk_status cast_as_kill(const struct process *sender, uint64_t which, const struct signal *signal);
/* From the container. */
enum wk_status cast_at_group(uint64_t group, const struct signal *signal);
enum wk_status cast_at_session(uint64_t session, const struct signal *signal);

#endif
