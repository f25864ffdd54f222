/* SPDX-License-Identifier: MIT */
/*
 * Tells when the machine comes to rest for the first time, and how much memory is free then: `test-rest`, at the lowest priority, so
 * that it runs only while nobody else has anything to do. It looks at the clock all the time; what runs in between is a gap.
 * It prints `rest SINCE_BOOT_NS FREE_PAGES RAM_PAGES`, and does not end.
 */
#include <winkle/clock.h>
#include <winkle/machine.h>
#include <winkle/periodic.h>
#include <winkle/print.h>
#include <winkle/start.h>

#define GAP_NS UINT64_C(20000)
#define REST_NS UINT64_C(15000000)

int main(void)
{
    uint64_t last = wk_now_ns(), begun = last;
    uint64_t harts, timebase_hz, ram_pages, free_pages, since_boot, asid_bits;
    enum wk_status status;

    while (last - begun < REST_NS) {
        const uint64_t now = wk_now_ns();

        if (now - last > GAP_NS)
            begun = now;
        last = now;
    }
    status = wk_machine_info(wk_self.machine, &harts, &timebase_hz, &ram_pages, &free_pages, &since_boot, &asid_bits);
    if (status != WK_OK)
        wk_fail("the machine's information", status);
    wk_print("rest %lu %lu %lu\n", since_boot - (wk_now_ns() - begun), free_pages, ram_pages);
    wk_sleep_until(WK_FOREVER);
    return 0;
}
