/* SPDX-License-Identifier: MIT */
/* What a trap was about: the part of trap.S that is better said in C. The context is saved in full. */
#include "fp.h"
#include "meter.h"
#include "process.h"
#include "riscv.h"
#include "trap.h"

/* An ecall that trap.S did not answer itself. */
static void foreign_ecall(const struct thread *thread)
{
    if (thread->context.x[0] == thread->process->upcall_return)
        trap_upcall_return();
    else
        trap_foreign_call();
}

static struct thread *exception(struct thread *thread, uint64_t cause, uint64_t value)
{
    const uint64_t pc = thread->context.x[0];

    switch (cause) {
    case CAUSE_USER_ECALL:
        foreign_ecall(thread);
        return trap_leave();
    case CAUSE_BREAKPOINT:
        return trap_fault(WK_UPCALL_CAUSE_BREAKPOINT, pc);
    case CAUSE_FETCH_MISALIGNED:
    case CAUSE_LOAD_MISALIGNED:
    case CAUSE_STORE_MISALIGNED:
        return trap_fault(WK_UPCALL_CAUSE_MISALIGNED, value);
    case CAUSE_FETCH_ACCESS:
        return trap_fault(WK_UPCALL_CAUSE_FETCH_FAULT, value);
    case CAUSE_LOAD_ACCESS:
        return trap_fault(WK_UPCALL_CAUSE_LOAD_FAULT, value);
    case CAUSE_STORE_ACCESS:
        return trap_fault(WK_UPCALL_CAUSE_STORE_FAULT, value);
    default:
        if (cause != CAUSE_ILLEGAL_INSTRUCTION || !fp_first_use(&thread->context))
            return trap_fault(WK_UPCALL_CAUSE_ILLEGAL_INSTRUCTION, pc);
        return trap_leave();
    }
}

enum trap_way trap_page_dispatch(uint64_t cause, uint64_t address)
{
    const enum arch_access access = cause == CAUSE_LOAD_PAGE_FAULT    ? ARCH_LOAD
                                    : cause == CAUSE_STORE_PAGE_FAULT ? ARCH_STORE
                                                                      : ARCH_FETCH;

    return trap_page_fault(access, address);
}

struct thread *trap_page_leave(enum trap_way way)
{
    return way == TRAP_DELIVER ? trap_deliver_page_fault() : trap_leave();
}

struct thread *trap_exception(uint64_t cause)
{
    meter_entered();
    return exception(hart_current()->current, cause, csr_read(stval));
}

void arch_interrupts_take(void)
{
    const uint64_t waiting = csr_read(sip) & csr_read(sie);

    if ((waiting & INTERRUPT_SOFTWARE) != 0) {
        csr_clear(sip, INTERRUPT_SOFTWARE); /* before it is served, so that none is lost */
        panic_stop_if_asked();
        trap_software();
    }
    if ((waiting & INTERRUPT_TIMER) != 0)
        trap_timer();
    if ((waiting & INTERRUPT_EXTERNAL) != 0)
        trap_external();
}

void arch_idle(void)
{
    __asm__ volatile("wfi" ::: "memory");
}
