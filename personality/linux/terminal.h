/* SPDX-License-Identifier: MIT */
/* The terminal that the process was given. */
#ifndef LINUX_TERMINAL_H
#define LINUX_TERMINAL_H

#include "files.h"

/* The terminal service's session, 0 if there is none: then the machine's console of last resort stands in. A first process makes it
 * the controlling terminal of its session; another has it if its session does. */
void terminal_start(wk_handle session);
wk_handle terminal_session(void);
/* The group for which the service is asked; 0 where the background is no matter, as to who ignores the signal that tells of it. */
uint64_t terminal_group(int signal);
/* The process leads a session of its own, which has no terminal. */
void terminal_leave(void);
/* Of the first process, which ends: what was written is shown, also if it had been stopped. */
void terminal_show_last(void);
int64_t terminal_open(uint32_t flags, struct file **file);

#endif
