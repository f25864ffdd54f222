/* SPDX-License-Identifier: MIT */
/* Privileged instructions and registers: each is an illegal instruction, and nothing of the machine is learnt. */
#include "../system/check.h"

#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/upcalls.h>

#define CSRS 4096
#define CSR_PRIVILEGE(number) ((number) >> 8 & 3)
#define INSTRUCTION_RET 0x00008067
#define CSRRS_A0 0x00002573   /* csrrs a0, CSR, zero */
#define CSRRW_ZERO 0x00001073 /* csrrw zero, CSR, zero */

static volatile uint64_t illegal;

static bool on_fault(struct wk_frame *frame)
{
    if (frame->cause != WK_UPCALL_CAUSE_ILLEGAL_INSTRUCTION)
        return false;
    illegal++;
    frame->pc += 4;
    return true;
}

static const struct wk_upcall_handlers handlers = {.fault = on_fault};

/* Code is written through one mapping and run through another. */
static uint32_t *code;
static void (*run)(void);

static bool is_illegal(uint32_t instruction)
{
    const uint64_t before = illegal;

    code[0] = instruction;
    code[1] = INSTRUCTION_RET;
    __asm__ volatile("fence.i" : : : "memory");
    run();
    return illegal != before;
}

/* sret, mret, sfence.vma, hypervisor loads and fences; wfi may be allowed to wait a little. */
static void instructions(void)
{
    static const uint32_t list[] = {0x10200073, 0x30200073, 0x70200073, 0x12000073, 0x12b50073, 0x16000073,
                                    0x18000073, 0x22000073, 0x62000073, 0x6c004073, 0x68054073, 0x7b200073};

    for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        CHECK(is_illegal(list[i]));
    is_illegal(0x10500073);
}

static void registers(void)
{
    for (uint32_t number = 0; number < CSRS; number++) {
        const bool read = is_illegal(CSRRS_A0 | number << 20);
        const bool written = is_illegal(CSRRW_ZERO | number << 20);

        if (CSR_PRIVILEGE(number) != 0)
            CHECK(read && written);
        if (number >> 10 == 3) /* read-only by its number */
            CHECK(written);
    }
}

int main(void)
{
    wk_handle memory;
    void *writable, *executable;

    EXPECT(WK_OK, wk_upcalls_open(&handlers));
    EXPECT(WK_OK, wk_map_new(1, 0, &memory, &writable));
    EXPECT(WK_OK, wk_map(memory, 0, 1, WK_PROTECTION_READ | WK_PROTECTION_EXECUTE, &executable));
    code = writable;
    run = (void (*)(void))executable;
    instructions();
    registers();
    return 0;
}
