/* SPDX-License-Identifier: MIT */
/* Time: absolute nanoseconds since boot, as every deadline in the system. And the instruction counter. */
#ifndef WINKLE_CLOCK_H
#define WINKLE_CLOCK_H

#include <winkle/abi.h>

#include <stdint.h>

#define WK_FOREVER UINT64_MAX
#define WK_NS_PER_SECOND UINT64_C(1000000000)

/* Now, from the `time` counter: no invocation. */
uint64_t wk_now_ns(void);
/* The time `ns` from now, as a deadline. */
uint64_t wk_after_ns(uint64_t ns);

/* The time of day, in ns since 1970, when the `time` counter was 0, as a session of the device manager tells it; 0 if it does not, or there is no such
 * session. */
uint64_t wk_wall_ns(wk_handle devices);

/* Instructions that this hart has retired. */
static inline uint64_t wk_instructions(void)
{
    uint64_t value;

    __asm__ volatile("rdinstret %0" : "=r"(value));
    return value;
}

#endif
