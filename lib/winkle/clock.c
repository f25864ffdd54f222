/* SPDX-License-Identifier: MIT */
#include <winkle/clock.h>

#include <winkle/calls.h>
#include <winkle/devices.h>
#include <winkle/start.h>

#define PATIENCE_NS (2 * WK_NS_PER_SECOND) /* with a device manager that has not begun to serve */

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

uint64_t wk_wall_ns(wk_handle devices)
{
    uint64_t words[6] = {0};

    if (devices == 0 || wk_call(devices, WK_DEVICES_TIME_OF_DAY, words, wk_after_ns(PATIENCE_NS)) != WK_OK)
        return 0;
    return words[0];
}
