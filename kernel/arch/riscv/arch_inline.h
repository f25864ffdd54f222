/* SPDX-License-Identifier: MIT */
/*
 * RISC-V's part of arch.h that is inline: RV64 with Sv39 (Privileged Architecture 1.12, chapter 4). Where the
 * specification leaves a choice: entries have A and D set beforehand, so no hart ever writes a page table.
 */
#ifndef ARCH_INLINE_H
#define ARCH_INLINE_H

#include "assert.h"
#include "registers.h"

#include <winkle/abi.h>

#define ARCH_TABLE_LEVELS 3

/* Where code is; that is in the last 2 GiB. */
typedef int32_t arch_code;

enum fp_state { FP_UNUSED, FP_USED };

struct arch_context {
    uint64_t x[32]; /* x[0] is the program counter */
    uint64_t f[32]; /* with fcsr, valid if the thread uses floating point and the registers are not in a hart, dirty */
    uint64_t fcsr;
    uint64_t fp_state; /* enum fp_state; or, if it uses it, the hart whose registers were loaded from here last */
};

/* What assembly needs of a hart. In small offsets, for they are immediates of loads and stores. */
struct arch_panic {
    uint64_t registers[32]; /* of a trap from the kernel itself; [0] is the program counter */
};

struct arch_hart {
    uint64_t user_t[4]; /* t0 to t3 of the trapped code, until they are in its context */
    uint64_t user_tp;
    uint64_t user_ra; /* during an invocation */
    uint64_t user_sp;
    struct kernel_lock *lock; /* these three lie at fixed addresses, but reading */
    void *serving;            /* in the lock */
    uint64_t operations;      /* where is quicker than to compute it; as if operation_needs began with number 0 */
    uint64_t ns_per_tick[2];  /* a whole part, and a fraction in units of 2^-64 */
    uint64_t stack_end;
    uint64_t emergency_stack_end;
    uint64_t panicking;              /* a trap inside a panic stops at once */
    uint64_t hartid;                 /* the firmware's number */
    uint64_t has_started;            /* it has come up */
    struct arch_context *fp_context; /* from which the floating-point registers were loaded last; read by assembly */
};

/* Width of address space identifiers; 0 if the hardware has none. Written at boot. */
extern unsigned riscv_asid_bits;

static inline void *arch_pointer(struct physical physical)
{
    return (void *)(physical.address + DIRECT_MAP);
}

static inline struct physical arch_physical(const void *pointer)
{
    return (struct physical){(uint64_t)pointer - DIRECT_MAP};
}

/* A global register variable: its fields are reached by an offset from the register itself. */
register struct hart *hart_in_tp __asm__("tp");

static inline struct hart *hart_current(void)
{
    return hart_in_tp;
}

_Static_assert(WK_PROTECTION_READ << 1 == ENTRY_READ && WK_PROTECTION_WRITE << 1 == ENTRY_WRITE &&
                   WK_PROTECTION_EXECUTE << 1 == ENTRY_EXECUTE,
               "a protection is an entry's bits, one to the right");
#define ARCH_ENTRY_PROTECTION (ENTRY_READ | ENTRY_WRITE | ENTRY_EXECUTE)
#define ARCH_ENTRY_ADDRESS_SHIFT 2 /* bits 10 to 53 of an entry are bits 12 to 55 of the address */
#define ARCH_ENTRY_ADDRESS_MASK ((UL(1) << 54) - (UL(1) << 10))

/* Memory and devices look alike: what may be cached is the platform's to know (physical memory attributes, 3.6). */
static inline uint64_t arch_entry_leaf(struct physical page, uint64_t protection, enum arch_leaf_kind kind)
{
    (void)kind;
    assert_debug(protection != 0);
    return page.address >> ARCH_ENTRY_ADDRESS_SHIFT | protection << 1 | ENTRY_VALID | ENTRY_USER | ENTRY_ACCESSED |
           ENTRY_DIRTY;
}

static inline uint64_t arch_entry_table(struct physical table)
{
    return table.address >> ARCH_ENTRY_ADDRESS_SHIFT | ENTRY_VALID;
}

static inline bool arch_entry_is_present(uint64_t entry)
{
    return (entry & ENTRY_VALID) != 0;
}

static inline bool arch_entry_is_leaf(uint64_t entry)
{
    return (entry & ARCH_ENTRY_PROTECTION) != 0;
}

static inline bool arch_entry_is_table(uint64_t entry)
{
    return (entry & (ENTRY_VALID | ARCH_ENTRY_PROTECTION)) == ENTRY_VALID;
}

static inline struct physical arch_entry_physical(uint64_t entry)
{
    return (struct physical){(entry & ARCH_ENTRY_ADDRESS_MASK) << ARCH_ENTRY_ADDRESS_SHIFT};
}

static inline uint64_t *arch_entry_table_pointer(uint64_t entry)
{
    return (uint64_t *)((entry >> 10 << 12) + DIRECT_MAP); /* above the number of the page all is 0 */
}

static inline uint64_t arch_entry_protection(uint64_t entry)
{
    return (entry & ARCH_ENTRY_PROTECTION) >> 1;
}

static inline uint64_t arch_entry_restricted(uint64_t entry, uint64_t protection)
{
    entry &= protection << 1 | ~(uint64_t)ARCH_ENTRY_PROTECTION;
    return arch_entry_is_leaf(entry) ? entry : 0;
}

/*
 * A hart may remember that an entry was not there (4.2.1), and would fault again for ever; only a fence makes it look
 * anew. The entry's address is not known here, so the fence is for all.
 */
static inline void arch_entry_published(void)
{
    __asm__ volatile("sfence.vma" ::: "memory");
}

static inline void arch_flush_all(void)
{
    __asm__ volatile("sfence.vma" ::: "memory");
}

/*
 * What shares number 0 is flushed whole. So are the spaces of harts without identifiers, since the U74, one of them, does
 * not obey a fence for one address (SiFive erratum CIP-1200).
 */
static inline void arch_flush_page(uint64_t asid, uint64_t address)
{
    if (asid == 0)
        arch_flush_all();
    else
        __asm__ volatile("sfence.vma %0, %1" ::"r"(address), "r"(asid) : "memory");
}

static inline void arch_flush_space(uint64_t asid)
{
    if (asid == 0)
        arch_flush_all();
    else
        __asm__ volatile("sfence.vma zero, %0" ::"r"(asid) : "memory");
}

/* Zifencei: of this hart alone. */
static inline void arch_fetch_fence(void)
{
    __asm__ volatile("fence.i" ::: "memory");
}

static inline uint64_t arch_space_word(struct physical root, uint64_t asid)
{
    return SATP_SV39 | asid << SATP_ASID_SHIFT | root.address / PAGE_BYTES;
}

/* To a space that has an identifier. */
static inline void arch_space_switch_tagged(uint64_t word)
{
    __asm__ volatile("csrw satp, %0" ::"r"(word) : "memory");
}

static inline void arch_space_switch(uint64_t word)
{
    arch_space_switch_tagged(word);
    if (riscv_asid_bits == 0)
        arch_flush_all();
}

static inline uint64_t arch_context_get(const struct arch_context *context, unsigned number)
{
    return context->x[number];
}

static inline void arch_context_set(struct arch_context *context, unsigned number, uint64_t value)
{
    context->x[number] = value;
}

static inline void arch_context_answer(struct arch_context *context, uint64_t status, const uint64_t words[6])
{
    uint64_t *x = context->x;

    x[5] = x[6] = x[7] = x[17] = x[28] = x[29] = x[30] = x[31] = 0;
    x[10] = status;
    x[11] = words[0];
    x[12] = words[1];
    x[13] = words[2];
    x[14] = words[3];
    x[15] = words[4];
    x[16] = words[5];
}

/* Of an answer that comes later: all but its status and first word. */
static inline void arch_context_prepare_answer(struct arch_context *context)
{
    static const uint64_t no_words[6];

    arch_context_answer(context, 0, no_words);
}

static inline void arch_context_answer_late(struct arch_context *context, uint64_t status, uint64_t word)
{
    context->x[10] = status;
    context->x[11] = word;
}

static inline const uint64_t *arch_context_words(const struct arch_context *context)
{
    return &context->x[11];
}

static inline void arch_context_deliver(struct arch_context *context, uint64_t status, uint64_t operation,
                                        uint64_t badge, const uint64_t words[6])
{
    arch_context_answer(context, status, words);
    context->x[5] = badge;
    context->x[17] = operation;
}

/* struct arch_hart is a hart's first member. */
static inline uint64_t arch_invocation_deadline(const struct hart *hart)
{
    return ((const struct arch_hart *)(const void *)hart)->user_t[0];
}

/* How this machine's clock is asked, see clock.c. */
extern struct riscv_clock {
    uint64_t ticks_per_ns[2]; /* a whole part, and a fraction in units of 2^-64, rounded down */
    bool has_sstc;
} riscv_clock;
void sbi_set_timer(uint64_t ticks); /* sbi.c */

/* From 2 to that power on nobody waits; below it no conversion overflows. */
#define RISCV_FOREVER_BITS 61

static inline void arch_timer_set(uint64_t time_ns)
{
    uint64_t ticks = UINT64_MAX;

    if (time_ns >> RISCV_FOREVER_BITS == 0)
        ticks = time_ns * riscv_clock.ticks_per_ns[0] +
                (uint64_t)((unsigned __int128)time_ns * riscv_clock.ticks_per_ns[1] >> 64) + 1;
    if (riscv_clock.has_sstc)
        __asm__ volatile("csrw %0, %1" : : "i"(CSR_STIMECMP), "r"(ticks));
    else
        sbi_set_timer(ticks);
}

static inline uint64_t arch_time_ns(void)
{
    const struct arch_hart *arch = (const struct arch_hart *)(const void *)hart_current();
    uint64_t ticks = 0;

    __asm__ volatile("rdtime %0" : "=r"(ticks));
    return ticks * arch->ns_per_tick[0] + (uint64_t)((unsigned __int128)ticks * arch->ns_per_tick[1] >> 64);
}

/* Only the host port makes allocations fail, for tests. */
static inline bool arch_allocation_fails(void)
{
    return false;
}

static inline uint64_t arch_instructions(void)
{
    uint64_t instructions = 0;

    __asm__ volatile("rdinstret %0" : "=r"(instructions));
    return instructions;
}

/* The hint `pause` (Zihintpause), in a form that every assembler takes. */
static inline void arch_relax(void)
{
    __asm__ volatile(".4byte 0x0100000f" ::: "memory");
}

/* A trap from user code, and half of a hold of the lock, take so long at a GHz. A clock of less than 5 MHz does not tell it: who
 * waits for the end of the lead waits for the next tick. */
#define ARCH_TIMER_LEAD_NS 200

#define ARCH_INTERRUPT_SOFTWARE INTERRUPT_SOFTWARE
#define ARCH_INTERRUPT_TIMER INTERRUPT_TIMER
#define ARCH_INTERRUPT_EXTERNAL INTERRUPT_EXTERNAL

static inline uint64_t arch_interrupts_waiting(void)
{
    uint64_t pending = 0;
    uint64_t enabled = 0;

    __asm__ volatile("csrr %0, sip" : "=r"(pending));
    __asm__ volatile("csrr %0, sie" : "=r"(enabled));
    return pending & enabled;
}

#endif
