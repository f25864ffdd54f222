/* SPDX-License-Identifier: MIT */
/*
 * Harts: their structs and stacks, and how all but the boot hart are started (SBI 2.0, chapter 9). A started hart waits
 * until the kernel's objects stand.
 */
#include "console.h"
#include "invoke.h"
#include "lock.h"
#include "page_table.h"
#include "riscv.h"
#include "sbi.h"

#include <stdatomic.h>

#define EMERGENCY_STACK_WORDS 256
#define START_POLL_NS 100000
#define START_TIMEOUT_NS UINT64_C(30000000000)

/* A hart's struct, and the stack for panics by a trap, when its own may be the reason. */
struct hart_memory {
    struct hart hart;
    _Alignas(16) uint64_t emergency_stack[EMERGENCY_STACK_WORDS];
};

#define STRUCT_PAGES (HART_PAGES - STACK_PAGES)
_Static_assert(sizeof(struct hart_memory) <= STRUCT_PAGES * PAGE_BYTES, "it fits");

struct hart_memory boot_hart;
/* The hart that is being started, or NULL; in .data since start.S reads it before it knows that .bss is cleared. */
struct hart *_Atomic hart_starting __attribute__((section(".data")));
static atomic_bool released;

/* Sets up a hart that does not run yet, or is the boot hart. Its stack is mapped. */
static void prepare(struct hart_memory *memory, unsigned index, uint64_t hartid)
{
    struct arch_hart *arch = &memory->hart.arch;

    hart_init(&memory->hart, index);
    arch->stack_end = STACK_END(index);
    arch->emergency_stack_end = (uint64_t)(memory->emergency_stack + EMERGENCY_STACK_WORDS);
    arch->hartid = hartid;
    arch->lock = &kernel_lock;
    arch->serving = &kernel_lock.serving;
    clock_prepare(arch);
    arch->operations = (uint64_t)operation_needs - WK_OPERATION_FIRST * sizeof(operation_needs[0]);
}

/* What each hart sets up for itself: no floating point, no vectors, no user memory; counters for user code. */
static void prepare_registers(uint64_t interrupts)
{
    csr_clear(sstatus, SSTATUS_FROM_KERNEL | SSTATUS_FS | SSTATUS_VS | SSTATUS_XS | SSTATUS_SUM | SSTATUS_MXR);
    csr_write(scounteren, COUNTERS_ALL);
    arch_timer_set(UINT64_MAX);
    csr_write(sie, interrupts);
}

void hart_boot_prepare(uint64_t hartid)
{
    prepare(&boot_hart, 0, hartid);
    harts[0] = &boot_hart.hart;
    hart_count = 1;
}

/* Where a hart is told to start. In debug builds every second one comes in by the front, as firmware may have it. */
static uint64_t entry_of(const struct hart *hart)
{
#ifdef WINKLE_DEBUG
    if (hart->index % 2 != 0)
        return image_physical(image_header).address;
#endif
    (void)hart;
    return image_physical((const void *)hart_entry).address;
}

/* Pages of a further hart: in tightly-integrated memory as far as the kernel may use that, else in RAM. */
static void *hart_pages(uint64_t count, struct physical *physical)
{
    void *pages = tim_kernel_pages(count, physical);

    if (pages != NULL)
        return pages;
    pages = boot_pages(count);
    *physical = image_physical(pages);
    return pages;
}

/* Starts one hart and waits until it has come up; later it would find the kernel gone on without it. */
static void start(uint64_t hartid)
{
    const uint64_t give_up_ns = arch_time_ns() + START_TIMEOUT_NS;
    struct physical physical;
    struct hart_memory *memory = hart_pages(STRUCT_PAGES, &physical);

    hart_pages(STACK_PAGES, &physical);
    window_map_stack(hart_count, physical);
    prepare(memory, hart_count, hartid);
    atomic_store_explicit(&hart_starting, &memory->hart, memory_order_release);
    if (!sbi_hart_start(hartid, entry_of(&memory->hart))) {
        atomic_store_explicit(&hart_starting, NULL, memory_order_relaxed);
        console_print("hart %lu does not start\n", hartid);
        return;
    }
    while (__atomic_load_n(&memory->hart.arch.has_started, __ATOMIC_ACQUIRE) == 0) {
        if (arch_time_ns() > give_up_ns)
            panic("a started hart did not come up");
        arch_timer_set(arch_time_ns() + START_POLL_NS); /* and sleep: the other hart may need our processor */
        arch_idle();
    }
    harts[hart_count++] = &memory->hart;
}

/* The boot hart began in the kernel's image. It has done nothing yet that its struct would have to remember; its new stack
 * begins when it leaves the kernel. */
static void move_boot_hart(void)
{
    struct physical physical;
    struct hart_memory *memory = tim_kernel_pages(STRUCT_PAGES, &physical);

    if (memory != NULL) {
        prepare(memory, 0, machine.hartids[0]);
        harts[0] = &memory->hart;
        hart_in_tp = harts[0];
    }
    if (tim_kernel_pages(STACK_PAGES, &physical) != NULL) {
        window_map_stack(STACKS - 1, physical);
        harts[0]->arch.stack_end = STACK_END(STACKS - 1);
    }
}

void harts_start(void)
{
    move_boot_hart();
    prepare_registers(INTERRUPT_SOFTWARE | INTERRUPT_TIMER | INTERRUPT_EXTERNAL);
    for (unsigned i = 1; i < machine.hart_count; i++)
        start(machine.hartids[i]);
    tim_tell_kernel_pages(machine.hart_count * HART_PAGES);
}

void harts_release(void)
{
    atomic_store_explicit(&released, true, memory_order_release);
}

/* start.S jumps here on a further hart. */
_Noreturn void hart_main(void)
{
    prepare_registers(INTERRUPT_SOFTWARE | INTERRUPT_TIMER);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    hart_store(&hart_current()->arch.has_started, 1);
    while (!atomic_load_explicit(&released, memory_order_acquire))
        arch_relax();
    arch_flush_all();
    trap_first_leave();
}

void arch_hart_notify(struct hart *hart)
{
    sbi_send_ipi(hart->arch.hartid);
}

_Noreturn void hart_halt(void)
{
    csr_write(sie, 0);
    for (;;)
        __asm__ volatile("wfi");
}
