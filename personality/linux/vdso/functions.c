/* SPDX-License-Identifier: MIT */
/*
 * Linux's vDSO: what the C library calls in place of a system call. It is mapped into each process behind a page with a struct
 * vdso_data; what needs more than that is left to the call.
 * Source: Linux's manual page vdso(7), "riscv functions".
 */
#include "data.h"

#include <asm/unistd.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <stdbool.h>
#include <stddef.h>

#define NS_PER_US 1000
#define BIT(clock) (1U << (clock))
#define WALL_CLOCKS (BIT(CLOCK_REALTIME) | BIT(CLOCK_REALTIME_COARSE) | BIT(CLOCK_TAI))
#define CLOCKS                                                                                                         \
    (WALL_CLOCKS | BIT(CLOCK_MONOTONIC) | BIT(CLOCK_MONOTONIC_RAW) | BIT(CLOCK_MONOTONIC_COARSE) | BIT(CLOCK_BOOTTIME))

extern const struct vdso_data vdso_data __attribute__((visibility("hidden"))); /* vdso.ld */

int __vdso_clock_gettime(int clock, struct __kernel_timespec *time);
int __vdso_clock_getres(int clock, struct __kernel_timespec *resolution);
int __vdso_gettimeofday(int64_t time[2], int32_t zone[2]);
int __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);
int __vdso_flush_icache(void *start, void *end, unsigned long flags);

static int call(long number, uint64_t first, uint64_t second, uint64_t third)
{
    register uint64_t a0 __asm__("a0") = first;
    register uint64_t a1 __asm__("a1") = second;
    register uint64_t a2 __asm__("a2") = third;
    register long a7 __asm__("a7") = number;

    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
    return (int)a0;
}

static bool is_among(int clock, unsigned clocks)
{
    return (unsigned)clock < 32 && (clocks >> clock & 1) != 0;
}

int __vdso_clock_gettime(int clock, struct __kernel_timespec *time)
{
    uint64_t ns;

    if (!is_among(clock, CLOCKS))
        return call(__NR_clock_gettime, (uint64_t)(int64_t)clock, (uint64_t)time, 0);
    ns = vdso_now_ns(&vdso_data);
    if (is_among(clock, WALL_CLOCKS))
        ns += vdso_data.wall_ns;
    time->tv_sec = (long long)(ns / VDSO_NS_PER_SECOND);
    time->tv_nsec = (long long)(ns % VDSO_NS_PER_SECOND);
    return 0;
}

int __vdso_clock_getres(int clock, struct __kernel_timespec *resolution)
{
    if (!is_among(clock, CLOCKS))
        return call(__NR_clock_getres, (uint64_t)(int64_t)clock, (uint64_t)resolution, 0);
    if (resolution != NULL)
        *resolution = (struct __kernel_timespec){.tv_nsec = 1};
    return 0;
}

int __vdso_gettimeofday(int64_t time[2], int32_t zone[2])
{
    const uint64_t ns = vdso_now_ns(&vdso_data) + vdso_data.wall_ns;

    if (time != NULL) {
        time[0] = (int64_t)(ns / VDSO_NS_PER_SECOND);
        time[1] = (int64_t)(ns % VDSO_NS_PER_SECOND / NS_PER_US);
    }
    if (zone != NULL)
        zone[0] = zone[1] = 0;
    return 0;
}

int __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
    return call(__NR_getcpu, (uint64_t)cpu, (uint64_t)node, (uint64_t)unused);
}

int __vdso_flush_icache(void *start, void *end, unsigned long flags)
{
    return call(__NR_riscv_flush_icache, (uint64_t)start, (uint64_t)end, flags);
}
