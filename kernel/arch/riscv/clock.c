/* SPDX-License-Identifier: MIT */
/*
 * Time: nanoseconds since the `time` counter was 0, so that user code can reckon the same from rdtime. Conversions are
 * multiplications by fixed-point factors; rounding is such that a timer never fires before arch_time_ns reaches its
 * time.
 */
#include "riscv.h"
#include "sbi.h"

#define NS_PER_SECOND UINT64_C(1000000000)

struct riscv_clock riscv_clock;
static uint64_t ns_per_tick[2]; /* rounded up */

/* A factor as a whole part and a fraction in units of 2^-64, rounded down. Requires: both are below 2^32. */
static void divide(uint64_t factor[2], uint64_t numerator, uint64_t denominator)
{
    const uint64_t rest = numerator % denominator;
    const uint64_t high = (rest << 32) / denominator;
    const uint64_t low = ((rest << 32) % denominator << 32) / denominator;

    factor[0] = numerator / denominator;
    factor[1] = high << 32 | low;
}

void clock_init(uint64_t timebase_hz, bool use_sstc)
{
    if (timebase_hz == 0 || timebase_hz > UINT32_MAX)
        panic("the timebase is no frequency");
    divide(riscv_clock.ticks_per_ns, timebase_hz, NS_PER_SECOND);
    divide(ns_per_tick, NS_PER_SECOND, timebase_hz);
    if (NS_PER_SECOND % timebase_hz != 0)
        ns_per_tick[1]++;
    riscv_clock.has_sstc = use_sstc;
    clock_prepare(&hart_current()->arch);
}

void clock_prepare(struct arch_hart *arch)
{
    arch->ns_per_tick[0] = ns_per_tick[0];
    arch->ns_per_tick[1] = ns_per_tick[1];
}
