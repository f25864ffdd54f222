/* SPDX-License-Identifier: MIT */
/* Reading the low half of the time latches the high one (Goldfish virtual hardware, TIMER_TIME_LOW and TIMER_TIME_HIGH). */
#include <winkle/clock.h>
#include <winkle/clock_reading.h>
#include <winkle/pages.h>
#include <winkle/start.h>

enum { TIME_LOW = 0, TIME_HIGH = 1 }; /* by words */

static void *map(const char *name, uint64_t protection)
{
    const struct wk_named *named = wk_named_find(name);
    enum wk_status status = WK_NOT_AVAILABLE;
    void *address;

    if (named != NULL)
        status = wk_map(named->handle, 0, wk_pages(named->offset + named->bytes), protection, &address);
    if (status != WK_OK)
        wk_fail(name, status);
    return (char *)address + named->offset;
}

int main(void)
{
    const volatile uint32_t *registers = map("registers", WK_READ_WRITE);
    struct wk_clock_reading *reading = map("reading", WK_READ_WRITE);
    const uint64_t low = registers[TIME_LOW], high = registers[TIME_HIGH];

    *reading = (struct wk_clock_reading){.wall_ns = high << 32 | low, .counter_ns = wk_now_ns()};
    return 0;
}
