/* SPDX-License-Identifier: MIT */
/* What the personality tells the vDSO, in the page before it, and how both read the clock. */
#ifndef LINUX_VDSO_DATA_H
#define LINUX_VDSO_DATA_H

#include <stdint.h>

#define VDSO_NS_PER_SECOND UINT64_C(1000000000)

/* A tick of the `time` counter lasts `whole` nanoseconds and `fraction` times 2 to the power -64 of one. */
struct vdso_data {
    uint64_t whole, fraction;
    uint64_t wall_ns; /* the time of day when the counter was 0 */
};

static inline uint64_t vdso_now_ns(const struct vdso_data *data)
{
    uint64_t ticks;

    __asm__ volatile("rdtime %0" : "=r"(ticks));
    return ticks * data->whole + (uint64_t)((unsigned __int128)ticks * data->fraction >> 64);
}

#endif
