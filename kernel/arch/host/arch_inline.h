/* SPDX-License-Identifier: MIT */
/*
 * The host port: a simulated machine inside an ordinary program, for tests. What it simulates is chosen to catch what
 * real machines punish rarely: a TLB that forgets nothing by itself, page-table entries that look unlike RISC-V's,
 * several harts that are interleaved at every point where the kernel asks the architecture something.
 *
 * host.h is the tests' side of it.
 */
#ifndef ARCH_INLINE_H
#define ARCH_INLINE_H

#define ARCH_TABLE_LEVELS 3

typedef intptr_t arch_code;

#define HOST_RAM_PHYSICAL UINT64_C(0x80000000)
#define HOST_TIM_PHYSICAL UINT64_C(0x8000000)
#define HOST_TLB_ENTRIES 256
#define HOST_FETCHED_ENTRIES 64

/* A leaf entry has HOST_ENTRY_LEAF; its protection is at HOST_ENTRY_PROTECTION_SHIFT, the address from bit 12 up. */
#define HOST_ENTRY_PRESENT UINT64_C(0x400)
#define HOST_ENTRY_LEAF UINT64_C(0x800)
#define HOST_ENTRY_DEVICE UINT64_C(0x200)
#define HOST_ENTRY_PROTECTION_SHIFT 4
#define HOST_ENTRY_ADDRESS UINT64_C(0x00fffffffffff000)

/* What a hart's TLB remembers of a page; nothing drops it but a flush or the need for its place. */
struct host_tlb_entry {
    uint64_t asid;
    uint64_t page;  /* virtual address; large entries are remembered page by page */
    uint64_t frame; /* physical address of that page */
    uint64_t entry; /* as it stood in the page table; 0: nothing remembered */
    bool large;
};

/* What a hart's instruction cache holds of a page: its first word when it was fetched. Only a fence drops it. */
struct host_fetched {
    uint64_t page; /* physical; 0: nothing */
    uint64_t word;
};

enum host_state {
    HOST_STATE_OFF,    /* not started */
    HOST_STATE_USER,   /* runs user code: hart->current's registers are in it */
    HOST_STATE_ASLEEP, /* in arch_idle */
    HOST_STATE_KERNEL, /* in the kernel, interleaved with other harts */
};

enum host_trap {
    HOST_TRAP_START,
    HOST_TRAP_ECALL,
    HOST_TRAP_PAGE_FAULT,
    HOST_TRAP_FAULT,
    HOST_TRAP_INTERRUPT,
};

/* The simulated processor. */
struct arch_panic {
    bool unused;
};

struct arch_hart {
    uint64_t x[32]; /* x[0] is the program counter */
    uint64_t f[32];
    uint64_t fcsr;
    bool fp_dirty; /* f or fcsr changed since they were loaded */

    struct physical root; /* of the current address space */
    uint64_t asid;
    struct host_tlb_entry tlb[HOST_TLB_ENTRIES];
    struct host_fetched fetched[HOST_FETCHED_ENTRIES];
    uint64_t fetch_fences; /* so many were executed */

    uint64_t timer_ns; /* a timer interrupt waits from then on */
    bool software_interrupt;

    enum host_state state;
    enum host_trap trap; /* what took it into the kernel */
    uint64_t trap_cause; /* enum arch_access or enum wk_upcall_cause */
    uint64_t trap_detail;
    uint64_t points; /* preemption points since the machine was last let run */
    struct host_fiber *fiber;
};

struct arch_context {
    uint64_t x[32];
    uint64_t f[32];
    uint64_t fcsr;
    uint64_t fp_valid; /* the thread has used floating point */
};

extern char *host_ram; /* where HOST_RAM_PHYSICAL lies in this program */
extern uint64_t host_ram_bytes;
extern uint64_t host_tim_bytes;
extern struct hart *host_hart; /* whose code runs */
extern uint64_t host_instructions;
extern uint64_t host_allocations_left; /* so many charges go well, then one fails; UINT64_MAX: none fails */

/* A point at which other harts may run. */
void host_interleave(void);
uint64_t host_interrupts_waiting(struct hart *hart);
void host_tlb_flush(uint64_t asid, uint64_t address, bool any_asid, bool any_address);
void host_fetch_fence(void);
void host_space_switch(struct physical root, uint64_t asid);
void host_fail(const char *message) __attribute__((noreturn));

/* Where tightly-integrated memory lies in this program: where the kernel is promised to see it (frame_tim_place). */
char *host_tim(void);

static inline void *arch_pointer(struct physical physical)
{
    if (physical.address - HOST_TIM_PHYSICAL < host_tim_bytes)
        return host_tim() + (physical.address - HOST_TIM_PHYSICAL);
    if (physical.address - HOST_RAM_PHYSICAL >= host_ram_bytes)
        host_fail("arch_pointer: not RAM");
    return host_ram + (physical.address - HOST_RAM_PHYSICAL);
}

static inline struct physical arch_physical(const void *pointer)
{
    const uint64_t offset = (uint64_t)((const char *)pointer - host_ram);

    if (offset >= host_ram_bytes)
        host_fail("arch_physical: not RAM");
    return (struct physical){HOST_RAM_PHYSICAL + offset};
}

static inline struct hart *hart_current(void)
{
    return host_hart;
}

static inline uint64_t arch_entry_leaf(struct physical page, uint64_t protection, enum arch_leaf_kind kind)
{
    return page.address | protection << HOST_ENTRY_PROTECTION_SHIFT | HOST_ENTRY_PRESENT | HOST_ENTRY_LEAF |
           (kind == ARCH_LEAF_DEVICE ? HOST_ENTRY_DEVICE : 0);
}

static inline uint64_t arch_entry_table(struct physical table)
{
    return table.address | HOST_ENTRY_PRESENT;
}

static inline bool arch_entry_is_present(uint64_t entry)
{
    return (entry & HOST_ENTRY_PRESENT) != 0;
}

static inline bool arch_entry_is_leaf(uint64_t entry)
{
    return (entry & HOST_ENTRY_LEAF) != 0;
}

static inline bool arch_entry_is_table(uint64_t entry)
{
    return arch_entry_is_present(entry) && !arch_entry_is_leaf(entry);
}

static inline struct physical arch_entry_physical(uint64_t entry)
{
    return (struct physical){entry & HOST_ENTRY_ADDRESS};
}

static inline uint64_t *arch_entry_table_pointer(uint64_t entry)
{
    return arch_pointer(arch_entry_physical(entry));
}

static inline uint64_t arch_entry_protection(uint64_t entry)
{
    return entry >> HOST_ENTRY_PROTECTION_SHIFT & 7;
}

static inline uint64_t arch_entry_restricted(uint64_t entry, uint64_t protection)
{
    entry &= ~((~protection & 7) << HOST_ENTRY_PROTECTION_SHIFT);
    return arch_entry_protection(entry) == 0 ? 0 : entry;
}

static inline void arch_entry_published(void) {}

static inline void arch_flush_page(uint64_t asid, uint64_t address)
{
    host_tlb_flush(asid, address, false, false);
}

static inline void arch_flush_space(uint64_t asid)
{
    host_tlb_flush(asid, 0, false, true);
}

static inline void arch_flush_all(void)
{
    host_tlb_flush(0, 0, true, true);
}

static inline void arch_fetch_fence(void)
{
    host_fetch_fence();
}

static inline uint64_t arch_space_word(struct physical root, uint64_t asid)
{
    return asid << 44 | root.address / WK_PAGE_BYTES;
}

static inline void arch_space_switch(uint64_t word)
{
    host_space_switch((struct physical){(word & ((UINT64_C(1) << 44) - 1)) * WK_PAGE_BYTES}, word >> 44);
}

static inline void arch_space_switch_tagged(uint64_t word)
{
    arch_space_switch(word);
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
    for (unsigned number = 5; number <= 31; number++)
        if (number <= 7 || number == 17 || number >= 28)
            context->x[number] = 0;
    context->x[10] = status;
    for (unsigned i = 0; i < 6; i++)
        context->x[11 + i] = words[i];
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

uint64_t host_invocation_deadline(const struct hart *hart);

static inline uint64_t arch_invocation_deadline(const struct hart *hart)
{
    return host_invocation_deadline(hart);
}

extern uint64_t host_time_ns;

static inline uint64_t arch_time_ns(void)
{
    return host_time_ns;
}

void host_timer_set(uint64_t time_ns);

static inline void arch_timer_set(uint64_t time_ns)
{
    host_timer_set(time_ns);
}

static inline uint64_t arch_instructions(void)
{
    return ++host_instructions;
}

static inline bool arch_allocation_fails(void)
{
    return host_allocations_left != UINT64_MAX && host_allocations_left-- == 0;
}

static inline void arch_relax(void)
{
    host_interleave();
}

#define ARCH_TIMER_LEAD_NS 0 /* time stands still in the kernel */

#define ARCH_INTERRUPT_SOFTWARE 1
#define ARCH_INTERRUPT_TIMER 2
#define ARCH_INTERRUPT_EXTERNAL 4

static inline uint64_t arch_interrupts_waiting(void)
{
    host_interleave();
    return host_interrupts_waiting(host_hart);
}

#endif
