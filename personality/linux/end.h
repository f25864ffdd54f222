/* SPDX-License-Identifier: MIT */
/* How the process ends. */
#ifndef LINUX_END_H
#define LINUX_END_H

#include "linux.h"

/* Ends the process with a status as wait4 tells it. */
__attribute__((noreturn)) void end_process(uint32_t wait_status);
/* Ends it by a signal. */
__attribute__((noreturn)) void end_by_signal(int signal);

#endif
