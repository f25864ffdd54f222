/* SPDX-License-Identifier: MIT */
/*
 * Device memory and interrupts, on the real-time clock of QEMU's machine virt ("goldfish", at 0x101000, line 11): who
 * may claim what, and an interrupt that arrives as an event.
 */
#include "check.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/irq.h>
#include <winkle/machine.h>
#include <winkle/memory.h>
#include <winkle/pages.h>

#define RTC_PHYSICAL 0x101000
#define RTC_LINE 11
#define RAM_PHYSICAL 0x80200000
#define INTERRUPT_CONTROLLER_PHYSICAL 0xc000000

/* Registers by 32-bit word: docs/specs of QEMU's hw/rtc/goldfish_rtc.c. Reading the low time latches the high one. */
enum {
    TIME_LOW = 0,
    TIME_HIGH = 1,
    ALARM_LOW = 2,
    ALARM_HIGH = 3,
    IRQ_ENABLED = 4,
    CLEAR_ALARM = 5,
    CLEAR_INTERRUPT = 7
};

static volatile uint32_t *rtc;

static uint64_t rtc_ns(void)
{
    const uint64_t low = rtc[TIME_LOW];

    return (uint64_t)rtc[TIME_HIGH] << 32 | low;
}

static void set_alarm(uint64_t ns)
{
    rtc[IRQ_ENABLED] = 1;
    rtc[ALARM_HIGH] = (uint32_t)(ns >> 32);
    rtc[ALARM_LOW] = (uint32_t)ns;
}

static enum wk_status claim(wk_handle machine, uint64_t physical, uint64_t pages, wk_handle *memory)
{
    return wk_machine_claim_region(machine, wk_self.bank, physical, pages, memory);
}

static void regions(void)
{
    wk_handle memory, other, weak;
    void *address;

    EXPECT(WK_OK, wk_capability_lend(wk_self.machine, WK_MACHINE_RIGHT_CONSOLE, &weak));
    EXPECT(WK_NO_RIGHT, claim(weak, RTC_PHYSICAL, 1, &memory));
    EXPECT(WK_OK, wk_capability_delete(weak));
    EXPECT(WK_NOT_AVAILABLE, claim(wk_self.machine, RAM_PHYSICAL, 1, &other));
    EXPECT(WK_NOT_AVAILABLE, claim(wk_self.machine, INTERRUPT_CONTROLLER_PHYSICAL, 1, &other));
    EXPECT(WK_NOT_AVAILABLE, claim(wk_self.machine, 0, 0x8000000, &other)); /* with RAM in the middle */
    EXPECT(WK_BAD_ARGUMENT, claim(wk_self.machine, RTC_PHYSICAL + 1, 1, &other));
    EXPECT(WK_OK, claim(wk_self.machine, RTC_PHYSICAL, 1, &memory));
    EXPECT(WK_NOT_AVAILABLE, claim(wk_self.machine, RTC_PHYSICAL, 1, &other));
    EXPECT(WK_NOT_AVAILABLE, claim(wk_self.machine, RTC_PHYSICAL - 0x1000, 3, &other));
    EXPECT(WK_NOT_AVAILABLE, wk_memory_clone(memory, wk_self.bank, &other));
    EXPECT(WK_NOT_AVAILABLE, wk_memory_resize(memory, 2));
    EXPECT(WK_NOT_AVAILABLE, wk_memory_decommit(memory, 0, 1));
    EXPECT(WK_OK, wk_capability_delete(memory));
    EXPECT(WK_OK, claim(wk_self.machine, RTC_PHYSICAL, 1, &memory));
    EXPECT(WK_OK, wk_map(memory, 0, 1, WK_READ_WRITE, &address));
    rtc = address;
    CHECK(rtc_ns() > WK_NS_PER_SECOND);
}

static void interrupts(void)
{
    wk_handle irq, other, event;
    uint64_t bits;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_NOT_AVAILABLE, wk_machine_claim_irq(wk_self.machine, wk_self.bank, 1023, &other));
    EXPECT(WK_BAD_ARGUMENT, wk_machine_claim_irq(wk_self.machine, wk_self.bank, 0, &other));
    EXPECT(WK_OK, wk_machine_claim_irq(wk_self.machine, wk_self.bank, RTC_LINE, &irq));
    EXPECT(WK_NOT_AVAILABLE, wk_machine_claim_irq(wk_self.machine, wk_self.bank, RTC_LINE, &other));
    EXPECT(WK_WOULD_BLOCK, wk_irq_acknowledge(irq));
    EXPECT(WK_OK, wk_irq_bind(irq, event, 16));
    for (int turn = 0; turn < 5; turn++) {
        set_alarm(rtc_ns() + 2000000);
        EXPECT(WK_OK, wk_event_wait(event, 16, wk_after_ns(10 * WK_NS_PER_SECOND), &bits));
        rtc[CLEAR_INTERRUPT] = 1;
        EXPECT(WK_OK, wk_irq_acknowledge(irq));
        EXPECT(WK_WOULD_BLOCK, wk_irq_acknowledge(irq));
    }
    /* Not acknowledged: silent. */
    set_alarm(rtc_ns());
    EXPECT(WK_OK, wk_event_wait(event, 16, wk_after_ns(10 * WK_NS_PER_SECOND), &bits));
    EXPECT(WK_TIMED_OUT, wk_event_wait(event, 16, wk_after_ns(5000000), &bits));
    rtc[CLEAR_INTERRUPT] = 1;
    EXPECT(WK_OK, wk_capability_delete(irq));
    EXPECT(WK_OK, wk_machine_claim_irq(wk_self.machine, wk_self.bank, RTC_LINE, &irq));
    EXPECT(WK_OK, wk_capability_delete(irq));
    EXPECT(WK_OK, wk_capability_delete(event));
}

int main(void)
{
    regions();
    interrupts();
    wk_print("devices: good\n");
    return 0;
}
