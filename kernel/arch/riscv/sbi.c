/* SPDX-License-Identifier: MIT */
/* Calls of the firmware: what is older than SBI 0.2 is served by the legacy extensions. */
#include "sbi.h"

#include "console.h"
#include "page_table.h"
#include "riscv.h"

static bool has_time;
static bool has_ipi;
static bool has_hsm;
static bool has_reset;
static bool has_console;

/* All registers but a0 and a1 are preserved (3). */
static struct sbi_answer sbi_call(enum sbi_extension extension, uint64_t function, uint64_t argument0,
                                  uint64_t argument1, uint64_t argument2)
{
    register uint64_t a0 __asm__("a0") = argument0;
    register uint64_t a1 __asm__("a1") = argument1;
    register uint64_t a2 __asm__("a2") = argument2;
    register uint64_t a6 __asm__("a6") = function;
    register uint64_t a7 __asm__("a7") = extension;
#ifdef WINKLE_MEASURE
    const uint64_t before = arch_instructions();
#endif

    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
#ifdef WINKLE_MEASURE
    hart_current()->meters.firmware += arch_instructions() - before;
#endif
    return (struct sbi_answer){(int64_t)a0, a1};
}

static uint64_t base(uint64_t function, uint64_t argument)
{
    return sbi_call(SBI_BASE, function, argument, 0, 0).value;
}

static bool has(enum sbi_extension extension)
{
    return base(3, extension) != 0;
}

void sbi_init(void)
{
    has_time = has(SBI_TIME);
    has_ipi = has(SBI_IPI);
    has_hsm = has(SBI_HSM);
    has_reset = has(SBI_RESET);
    has_console = has(SBI_CONSOLE);
}

void sbi_print(void)
{
    const uint64_t specification = base(0, 0);

    console_print("firmware: SBI %lu.%lu, implementation %lu, version 0x%lx, console %s\n", specification >> 24 & 0x7f,
                  specification & 0xffffff, base(1, 0), base(2, 0), has_console ? "DBCN" : "legacy");
}

void sbi_set_timer(uint64_t ticks)
{
    if (has_time)
        sbi_call(SBI_TIME, 0, ticks, 0, 0);
    else
        sbi_call(SBI_LEGACY_SET_TIMER, 0, ticks, 0, 0);
}

void sbi_send_ipi(uint64_t hartid)
{
    sbi_call(SBI_IPI, 0, 1, hartid, 0);
}

bool sbi_hart_start(uint64_t hartid, uint64_t entry)
{
    return has_hsm && has_ipi && sbi_call(SBI_HSM, 0, hartid, entry, 0).error == 0;
}

void sbi_reset(enum sbi_reset_type type, enum sbi_reset_reason reason)
{
    if (has_reset)
        sbi_call(SBI_RESET, 0, type, reason, 0);
    else if (type == SBI_SHUTDOWN)
        sbi_call(SBI_LEGACY_SHUTDOWN, 0, 0, 0, 0);
}

void arch_console_put(char character)
{
    const uint64_t byte = (unsigned char)character;

    if (has_console)
        sbi_call(SBI_CONSOLE, 2, byte, 0, 0);
    else
        sbi_call(SBI_LEGACY_PUTCHAR, 0, byte, 0, 0);
}

int arch_console_get(void)
{
    static unsigned char byte;
    struct sbi_answer answer;

    if (!has_console)
        return (int)sbi_call(SBI_LEGACY_GETCHAR, 0, 0, 0, 0).error;
    answer = sbi_call(SBI_CONSOLE, 1, 1, image_physical(&byte).address, 0);
    return answer.error == 0 && answer.value == 1 ? byte : -1;
}
