/* SPDX-License-Identifier: MIT */
#include <winkle/clock.h>

#include <winkle/start.h>

uint64_t wk_now_ns(void)
{
    const uint64_t hz = wk_self.start->timebase_hz;
    uint64_t ticks;

    __asm__ volatile("rdtime %0" : "=r"(ticks));
    return ticks / hz * WK_NS_PER_SECOND + ticks % hz * WK_NS_PER_SECOND / hz;
}

uint64_t wk_after_ns(uint64_t ns)
{
    const uint64_t now = wk_now_ns();

    return ns > WK_FOREVER - now ? WK_FOREVER : now + ns;
}
