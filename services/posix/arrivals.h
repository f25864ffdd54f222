/* SPDX-License-Identifier: MIT */
/* How a process is entered: what it brings is looked at, and it is given its session and its page. */
#ifndef POSIX_ARRIVALS_H
#define POSIX_ARRIVALS_H

#include "process.h"

/* What a process brings; its handles are those of capabilities that are the service's now. */
struct arrival {
    wk_handle process, thread, event;
    uint64_t end_signal;
};

/* What it is given. */
struct welcome {
    wk_handle session, page;
    uint64_t pid;
};

/* Enters a child of `parent`, or a process without one if that is NULL. On failure nothing is left, nor of what it brought. */
enum wk_status arrive(wk_handle endpoint, struct process *parent, const struct arrival *arrival,
                      struct welcome *welcome);
void arrival_drop(const struct arrival *arrival);
/* Whether a handle that a client gave is of that type, WK_BAD_ARGUMENT, and has these rights, WK_NO_RIGHT. */
enum wk_status arrival_check(wk_handle handle, enum wk_type type, uint64_t rights);

#endif
