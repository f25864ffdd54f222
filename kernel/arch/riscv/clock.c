/* SPDX-License-Identifier: MIT */
/*
 * Time: nanoseconds since the `time` counter was 0, so that user code can reckon the same from rdtime. Conversions are
 * multiplications by fixed-point factors; rounding is such that a timer never fires before arch_time_ns reaches its
 * time.
 */
#include "riscv.h"
#include "sbi.h"

#define NS_PER_SECOND UINT64_C(1000000000)
/* Later than anybody waits; below it no conversion overflows. */
#define FOREVER_NS (UINT64_MAX / 8)

/* A factor as a whole part and a fraction in units of 2^-64. */
struct factor {
    uint64_t whole;
    uint64_t fraction;
};

static struct factor ns_per_tick;  /* rounded up */
static struct factor ticks_per_ns; /* rounded down */
static bool has_sstc;

static uint64_t scale(struct factor factor, uint64_t number)
{
    return number * factor.whole + (uint64_t)((unsigned __int128)number * factor.fraction >> 64);
}

/* Requires: both are below 2^32. */
static struct factor divide(uint64_t numerator, uint64_t denominator)
{
    const uint64_t rest = numerator % denominator;
    const uint64_t high = (rest << 32) / denominator;
    const uint64_t low = ((rest << 32) % denominator << 32) / denominator;

    return (struct factor){numerator / denominator, high << 32 | low};
}

void clock_init(uint64_t timebase_hz, bool use_sstc)
{
    if (timebase_hz == 0 || timebase_hz > UINT32_MAX)
        panic("the timebase is no frequency");
    ticks_per_ns = divide(timebase_hz, NS_PER_SECOND);
    ns_per_tick = divide(NS_PER_SECOND, timebase_hz);
    if (NS_PER_SECOND % timebase_hz != 0)
        ns_per_tick.fraction++;
    has_sstc = use_sstc;
    clock_prepare(&hart_current()->arch);
}

void clock_prepare(struct arch_hart *arch)
{
    arch->ns_per_tick[0] = ns_per_tick.whole;
    arch->ns_per_tick[1] = ns_per_tick.fraction;
}

void arch_timer_set(uint64_t time_ns)
{
    const uint64_t ticks = time_ns >= FOREVER_NS ? UINT64_MAX : scale(ticks_per_ns, time_ns) + 1;

    if (has_sstc)
        csr_write(CSR_STIMECMP, ticks);
    else
        sbi_set_timer(ticks);
}
