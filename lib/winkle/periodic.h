/* SPDX-License-Identifier: MIT */
/* Waiting for a time, and work that is done once in each period. By the calling thread on itself. */
#ifndef WINKLE_PERIODIC_H
#define WINKLE_PERIODIC_H

#include <winkle/abi.h>

/* Waits until an absolute time. WK_INTERRUPTED if the thread was interrupted before. */
enum wk_status wk_sleep_until(uint64_t time_ns);

/* Releases at equal distances: absolute times, so that being late once makes nothing later. */
struct wk_period {
    uint64_t period_ns;
    uint64_t next_ns; /* the release that comes next */
};

/* The first release is one period from now. */
void wk_period_begin(struct wk_period *period, uint64_t period_ns);
/* Waits for the next release that has not passed yet; *missed says how many have, unheeded, since the last wait. */
enum wk_status wk_period_wait(struct wk_period *period, uint64_t *missed);

#endif
