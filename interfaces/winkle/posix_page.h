/* SPDX-License-Identifier: MIT */
/*
 * What a process of POSIX can read about itself without asking: the page that the process service keeps for it
 * (interfaces/posix.interface). The service alone writes it; a word may change at any time.
 */
#ifndef WINKLE_POSIX_PAGE_H
#define WINKLE_POSIX_PAGE_H

#include <stdint.h>

struct wk_posix_page {
    uint64_t pending; /* signals that were sent and not taken, signal 1 as bit 0 */
    uint64_t pid, parent, group, session;
};

#endif
