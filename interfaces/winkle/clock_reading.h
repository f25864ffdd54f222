/* SPDX-License-Identifier: MIT */
/* What the driver of a machine's clock writes for the device manager before it ends. */
#ifndef WINKLE_CLOCK_READING_H
#define WINKLE_CLOCK_READING_H

#include <stdint.h>

struct wk_clock_reading {
    uint64_t wall_ns;    /* the time of day, since 1970; 0: it is not known */
    uint64_t counter_ns; /* the time since the machine's start at which it was read */
};

#endif
