/* SPDX-License-Identifier: MIT */
/* Standard input, output and errors as they pass between programs of Linux and native ones, which have them by name (winkle/stream.h). */
#ifndef LINUX_STREAMS_H
#define LINUX_STREAMS_H

#include "files.h"

#include <winkle/launch.h>

#define STREAMS 3

/* What descriptors 0 to 2 are for a native program: grants by name, as many as *count says. Those that it cannot have, as a device that the
 * personality makes up, are left out. 0 or an error. */
int64_t streams_grant(struct wk_grant *grants, unsigned *count);
/* Undoes it, where the program was not started. */
void streams_take_back(const struct wk_grant *grants, unsigned count);
/* Makes descriptors 0 to 2 of what this process was given by name; in the place of what it was not given is its terminal. */
int64_t streams_open(void);

#endif
