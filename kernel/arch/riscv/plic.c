/* SPDX-License-Identifier: MIT */
/*
 * The platform-level interrupt controller (RISC-V PLIC specification 1.0.0). All lines go to the boot hart's supervisor
 * mode, at one priority; without a controller there are no lines.
 */
#include "page_table.h"
#include "riscv.h"

/* Byte offsets of the registers (3). */
#define ENABLE(context) (0x2000 + 0x80 * (uint64_t)(context))
#define CONTEXT(context) (0x200000 + 0x1000 * (uint64_t)(context))
#define CONTEXTS_MAX 15872
#define THRESHOLD 0
#define CLAIM 1

static volatile uint32_t *priority; /* by line */
static volatile uint32_t *enable;   /* a bit for each line */
static volatile uint32_t *context;

void plic_init(void)
{
    if (machine.plic_lines == 0)
        return;
    priority = window_map_device(machine.plic);
    enable = window_map_device(machine.plic + ENABLE(machine.plic_context));
    context = window_map_device(machine.plic + CONTEXT(machine.plic_context));
    for (unsigned word = 0; word <= machine.plic_lines / 32; word++)
        enable[word] = 0;
    context[THRESHOLD] = 0;
}

bool plic_has_context(uint64_t bytes, uint64_t number)
{
    return number < CONTEXTS_MAX && CONTEXT(number) + PAGE_BYTES <= bytes;
}

unsigned arch_irq_lines(void)
{
    return machine.plic_lines;
}

void arch_irq_enable(unsigned line)
{
    priority[line] = 1;
    enable[line / 32] |= 1u << line % 32;
}

void arch_irq_disable(unsigned line)
{
    enable[line / 32] &= ~(1u << line % 32);
}

unsigned arch_irq_claim(void)
{
    return hart_current()->index == 0 && machine.plic_lines != 0 ? context[CLAIM] : 0;
}

void arch_irq_complete(unsigned line)
{
    context[CLAIM] = line;
}
