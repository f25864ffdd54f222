/* SPDX-License-Identifier: MIT */
/*
 * Device memory and interrupts on the machine sifive_u: the UART that firmware does not use for the console (FU540-C000
 * manual, chapter 13), at 0x10011000, line 5. It interrupts when its queue of bytes to send runs low.
 */
#include "check.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/irq.h>
#include <winkle/machine.h>
#include <winkle/pages.h>

#define UART_PHYSICAL 0x10011000
#define UART_LINE 5
#define LIM_PHYSICAL 0x8000000
#define CACHE_CONTROLLER_PHYSICAL 0x2010000

enum { TRANSMIT = 0, TRANSMIT_CONTROL = 2, INTERRUPT_ENABLE = 4, INTERRUPT_PENDING = 5 }; /* registers by word */
#define TRANSMIT_ENABLE (1u << 0 | 1u << 16) /* and the watermark: pending while there is less than one byte */
#define TRANSMIT_WATERMARK 1u

int main(void)
{
    wk_handle memory, irq, event;
    volatile uint32_t *uart;
    uint64_t bits;
    void *address;

    EXPECT(WK_NOT_AVAILABLE, wk_machine_claim_region(wk_self.machine, wk_self.bank, LIM_PHYSICAL, 1, &memory));
    EXPECT(WK_NOT_AVAILABLE,
           wk_machine_claim_region(wk_self.machine, wk_self.bank, CACHE_CONTROLLER_PHYSICAL, 1, &memory));
    EXPECT(WK_OK, wk_machine_claim_region(wk_self.machine, wk_self.bank, UART_PHYSICAL, 1, &memory));
    EXPECT(WK_OK, wk_map(memory, 0, 1, WK_READ_WRITE, &address));
    uart = address;
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_machine_claim_irq(wk_self.machine, wk_self.bank, UART_LINE, &irq));
    EXPECT(WK_OK, wk_irq_bind(irq, event, 2));
    for (int turn = 0; turn < 5; turn++) {
        EXPECT(WK_TIMED_OUT, wk_event_wait(event, 2, wk_after_ns(2000000), &bits));
        uart[TRANSMIT_CONTROL] = TRANSMIT_ENABLE;
        uart[INTERRUPT_ENABLE] = TRANSMIT_WATERMARK;
        EXPECT(WK_OK, wk_event_wait(event, 2, wk_after_ns(10 * WK_NS_PER_SECOND), &bits));
        CHECK(uart[INTERRUPT_PENDING] & TRANSMIT_WATERMARK);
        uart[INTERRUPT_ENABLE] = 0;
        uart[TRANSMIT] = 'w';
        EXPECT(WK_OK, wk_irq_acknowledge(irq));
    }
    EXPECT(WK_OK, wk_capability_delete(irq));
    EXPECT(WK_OK, wk_capability_delete(memory));
    wk_print("serial: good\n");
    return 0;
}
