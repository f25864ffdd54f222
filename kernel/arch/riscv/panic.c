/* SPDX-License-Identifier: MIT */
/*
 * The end by a bug: what the hart can tell of itself, then power off. tools/symbolise.py reads the lines
 * `  at ADDRESS`.
 */
#include "console.h"
#include "riscv.h"

#include <stdatomic.h>

#define PANIC_STATUS 255
#define BACKTRACE_LINES 32

/* The hart that panics, when one does. */
static struct hart *_Atomic panicking_hart;

void panic_stop_if_asked(void)
{
    if (atomic_load_explicit(&panicking_hart, memory_order_relaxed) != NULL)
        hart_halt();
}

static void print_registers(const struct hart *hart)
{
    static const char names[32][4] = {"pc", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
                                      "a1", "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
                                      "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

    console_print("scause 0x%lx, stval 0x%lx\n", csr_read(scause), csr_read(stval));
    for (unsigned i = 0; i < 32; i++)
        console_print("%s 0x%lx%c", names[i], hart->panic.registers[i], i % 4 == 3 ? '\n' : ' ');
}

/* Prints an address in the kernel's text; true if it was one. */
static bool print_if_text(uint64_t address)
{
    if (address < (uint64_t)image_header || address >= (uint64_t)kernel_text_end)
        return false;
    console_print("  at 0x%lx\n", address);
    return true;
}

#ifdef WINKLE_DEBUG
/* Follows the frame pointers: below each lie the return address and the caller's (RISC-V calling convention). */
static void print_backtrace(uint64_t frame, uint64_t sp, uint64_t stack_end)
{
    for (unsigned i = 0; i < BACKTRACE_LINES && frame > sp && frame <= stack_end && frame % 16 == 0; i++) {
        const uint64_t *words = (const uint64_t *)frame;

        print_if_text(words[-1] - 1);
        if (words[-2] <= frame)
            return;
        frame = words[-2];
    }
}
#else
/* Without frame pointers: every word on the stack that could be a return address. */
static void print_backtrace(uint64_t frame, uint64_t sp, uint64_t stack_end)
{
    unsigned lines = 0;

    (void)frame;
    for (const uint64_t *word = (const uint64_t *)sp; (uint64_t)word < stack_end && lines < BACKTRACE_LINES; word++)
        lines += print_if_text(*word - 1);
}
#endif

static void print_stack(const struct hart *hart, uint64_t frame, uint64_t sp)
{
    const uint64_t end = hart->arch.stack_end;
    const uint64_t start = end - STACK_BYTES;

    if (sp >= start - PAGE_BYTES && sp < start)
        sp = start; /* it ran over into the unmapped page */
    if (sp % 8 == 0 && sp >= start && sp < end)
        print_backtrace(frame, sp, end);
}

/* The first hart that panics stops the others and reports; a panic inside its report only ends it. */
static void panic_begin(struct hart *hart)
{
    struct hart *first = NULL;

    if (!atomic_compare_exchange_strong(&panicking_hart, &first, hart)) {
        if (first == hart)
            arch_power_off(PANIC_STATUS);
        hart_halt();
    }
    for (unsigned i = 0; i < hart_count; i++)
        if (harts[i] != hart)
            arch_hart_notify(harts[i]);
}

_Noreturn void arch_panic_stop(void)
{
    struct hart *hart = hart_current();
    const uint64_t *registers = hart->panic.registers;

    panic_begin(hart);
    console_print("hart %u\n", hart->index);
    if (hart->arch.panicking == 0) {
        print_stack(hart, (uint64_t)__builtin_frame_address(0), (uint64_t)__builtin_frame_address(0) - 16);
    } else {
        print_registers(hart);
        print_if_text(registers[0]);
        print_if_text(registers[1] - 1);
        print_stack(hart, registers[8], registers[2]);
    }
    arch_power_off(PANIC_STATUS);
}

/* On the emergency stack; the trapped registers are in the hart. */
_Noreturn void trap_in_kernel(void)
{
    const struct hart *hart = hart_current();

    if (hart->arch.panicking > 2)
        hart_halt();
    if (hart->arch.panicking > 1)
        arch_power_off(PANIC_STATUS);
    panic("trap in the kernel");
}
