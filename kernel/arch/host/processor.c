/* SPDX-License-Identifier: MIT */
/*
 * The simulated processor: registers, TLB, and what assembly does on a real machine at the way into and out of the
 * kernel. It does no more than the contract in trap.h demands: registers that assembly would not have saved yet hold
 * HOST_GARBAGE in the thread's context, so that portable code that relies on them is found out.
 */
#include "endpoint.h"
#include "fast.h"
#include "fault.h"
#include "host.h"
#include "lock.h"
#include "process.h"
#include "thread.h"
#include "trap.h"

#include <winkle/message.h>

#include <stdlib.h>
#include <string.h>

#define HOST_GARBAGE HOST_KERNEL_ENTRY

struct hart *host_hart;
bool host_takes_fast_path = true;
bool host_takes_quick_calls = true;
uint64_t host_quick_calls;
uint64_t host_fast_paths;

static bool is_callee_saved(unsigned number)
{
    return number == 8 || number == 9 || (number >= 18 && number <= 27);
}

/* ra, sp, gp, tp: saved before an invocation is looked at. */
static bool is_saved_first(unsigned number)
{
    return number >= 1 && number <= 4;
}

/* ---- TLB and translation ---- */

static struct host_tlb_entry *tlb_place(struct hart *hart, uint64_t asid, uint64_t address)
{
    return &hart->arch.tlb[(address / WK_PAGE_BYTES + asid * 37) % HOST_TLB_ENTRIES];
}

void host_tlb_flush(uint64_t asid, uint64_t address, bool any_asid, bool any_address)
{
    if (arch_asid_bits() == 0)
        any_asid = true;
    for (unsigned i = 0; i < HOST_TLB_ENTRIES; i++) {
        struct host_tlb_entry *entry = &host_hart->arch.tlb[i];
        const uint64_t bytes = entry->large ? WK_LARGE_PAGE_BYTES : WK_PAGE_BYTES;

        if ((any_asid || entry->asid == asid) && (any_address || entry->page / bytes == address / bytes))
            entry->entry = 0;
    }
}

void host_fetch_fence(void)
{
    memset(host_hart->arch.fetched, 0, sizeof(host_hart->arch.fetched));
    host_hart->arch.fetch_fences++;
}

uint64_t host_fetch(struct hart *hart, struct physical page)
{
    const uint64_t start = page.address & ~(uint64_t)(WK_PAGE_BYTES - 1);
    struct host_fetched *fetched = &hart->arch.fetched[start / WK_PAGE_BYTES % HOST_FETCHED_ENTRIES];

    if (fetched->page != start) {
        fetched->page = start;
        memcpy(&fetched->word, arch_pointer((struct physical){start}), sizeof(fetched->word));
    }
    return fetched->word;
}

void host_space_switch(struct physical root, uint64_t asid)
{
    if (asid >> arch_asid_bits() != 0)
        host_fail("arch_space_switch: the ASID is too wide");
    host_hart->arch.root = root;
    host_hart->arch.asid = asid;
}

/* Walks the page tables of the hart's address space. 0 if nothing is there. */
static uint64_t walk(const struct hart *hart, uint64_t address, struct host_tlb_entry *filled)
{
    struct physical table = hart->arch.root;

    for (unsigned level = ARCH_TABLE_LEVELS; level-- > 0;) {
        const unsigned shift = 12 + 9 * level;
        const uint64_t *entries = arch_pointer(table);
        const uint64_t entry = entries[address >> shift & 511];

        if (!arch_entry_is_present(entry))
            return 0;
        if (arch_entry_is_leaf(entry)) {
            const uint64_t inside = address & ((UINT64_C(1) << shift) - 1) & ~(WK_PAGE_BYTES - 1);

            if (level > 1)
                host_fail("a leaf above the level of large pages");
            if ((arch_entry_physical(entry).address & ((UINT64_C(1) << shift) - 1)) != 0)
                host_fail("a large page that is not aligned");
            filled->frame = arch_entry_physical(entry).address + inside;
            filled->large = level == 1;
            return entry;
        }
        table = arch_entry_physical(entry);
    }
    host_fail("a page table below the lowest level");
}

bool host_translate(struct hart *hart, uint64_t address, enum arch_access access, struct physical *physical)
{
    static const uint64_t needed[] = {
        [ARCH_LOAD] = WK_PROTECTION_READ, [ARCH_STORE] = WK_PROTECTION_WRITE, [ARCH_FETCH] = WK_PROTECTION_EXECUTE};
    const uint64_t asid = arch_asid_bits() == 0 ? 0 : hart->arch.asid;
    const uint64_t page = address & ~(WK_PAGE_BYTES - 1);
    struct host_tlb_entry *cached = tlb_place(hart, asid, page);

    if (address >= WK_USER_ADDRESS_END || hart->arch.root.address == 0)
        return false;
    if (cached->entry == 0 || cached->asid != asid || cached->page != page) {
        struct host_tlb_entry filled = {.asid = asid, .page = page};

        filled.entry = walk(hart, address, &filled);
        if (filled.entry == 0)
            return false;
        *cached = filled;
    }
    if ((arch_entry_protection(cached->entry) & needed[access]) == 0)
        return false;
    *physical = (struct physical){cached->frame + (address - page)};
    return true;
}

/* The kernel's root table lies at the very start of RAM, where firmware is. */
struct physical arch_kernel_root(void)
{
    return (struct physical){HOST_RAM_PHYSICAL};
}

/* ---- contexts ---- */

void arch_space_prepare(void *root_table)
{
    uint64_t *entries = root_table;

    /* The kernel's half: nothing in the simulation, but portable code must leave it alone. */
    for (unsigned i = 256; i < 512; i++)
        entries[i] = HOST_GARBAGE;
}

void arch_context_start(struct arch_context *context, uint64_t entry, uint64_t stack, uint64_t thread_pointer,
                        uint64_t argument0, uint64_t argument1)
{
    *context = (struct arch_context){0};
    context->x[0] = entry;
    context->x[2] = stack;
    context->x[4] = thread_pointer;
    context->x[10] = argument0;
    context->x[11] = argument1;
}

void host_fp_written(struct hart *hart)
{
    hart->arch.fp_dirty = true;
    endpoint_hinder(hart->current, HINDERED_BY_FP);
}

static void fp_save(struct thread *thread)
{
    struct arch_hart *processor = &host_hart->arch;

    if (!processor->fp_dirty)
        return;
    memcpy(thread->context.f, processor->f, sizeof(processor->f));
    thread->context.fcsr = processor->fcsr;
    thread->context.fp_valid = 1;
    endpoint_hinder(thread, HINDERED_BY_FP);
    processor->fp_dirty = false;
}

static void fp_load(const struct thread *thread)
{
    static const struct arch_context unused;
    const struct arch_context *context = thread == NULL ? &unused : &thread->context;
    struct arch_hart *processor = &host_hart->arch;

    /* A thread without floating-point state finds zeros: nothing of another process is left in the registers, also not
     * of one before the hart was idle. */
    memcpy(processor->f, context->f, sizeof(processor->f));
    processor->fcsr = context->fcsr;
    processor->fp_dirty = false;
}

void arch_thread_switch(struct thread *from, struct thread *to)
{
    if (from != NULL)
        fp_save(from);
    fp_load(to);
}

bool arch_context_save_fp(struct thread *thread, uint64_t f[32], uint64_t *fcsr)
{
    if (host_hart->current == thread)
        fp_save(thread);
    if (!thread->context.fp_valid)
        return false;
    memcpy(f, thread->context.f, sizeof(thread->context.f));
    *fcsr = thread->context.fcsr;
    return true;
}

void arch_context_load_fp(struct thread *thread, const uint64_t f[32], uint64_t fcsr)
{
    memcpy(thread->context.f, f, sizeof(thread->context.f));
    thread->context.fcsr = fcsr;
    thread->context.fp_valid = 1;
    endpoint_hinder(thread, HINDERED_BY_FP);
    if (host_hart->current == thread)
        fp_load(thread);
}

/* ---- into the kernel and out of it ---- */

static void leave_to(const struct thread *thread)
{
    if (thread != host_hart->current)
        host_fail("trap_leave returned a thread that is not current");
    if (host_hart->arch.root.address == 0 ||
        host_hart->arch.root.address != arch_physical(thread->process->space.root).address)
        host_fail("trap_leave returned a thread whose address space is not current");
    memcpy(host_hart->arch.x, thread->context.x, sizeof(thread->context.x));
}

static void leave(void)
{
    leave_to(trap_leave());
}

static void context_save(struct thread *thread)
{
    memcpy(thread->context.x, host_hart->arch.x, sizeof(thread->context.x));
}

/* Calls and answers without anything special, as the assembly of a real machine has them. True if it was one. */
static bool take_fast_path(struct thread *thread)
{
    uint64_t *x = host_hart->arch.x;
    uint64_t words[6];
    uint64_t badge = 0;
    struct thread *next = NULL;
    const uint64_t operation = x[17];
    const bool yields = operation == (WK_THREAD_YIELD | WK_MESSAGE_QUICK);
    const bool passes_on = operation == (WK_EVENT_SIGNAL_WAIT | WK_MESSAGE_QUICK);
    bool faulted = false;

    if (!host_takes_fast_path)
        return false;
    memcpy(words, &x[11], sizeof(words));
    kernel_lock_acquire();
    if (operation >= 0x2000 && operation < 0x10000) {
        next = fast_call(host_hart, x[10], operation, &badge);
    } else if ((operation & ~WK_MESSAGE_QUICK) == WK_ENDPOINT_REPLY_RECEIVE) {
        faulted = thread->calls.caller != NULL && fault_is_told(thread->calls.caller);
        next = fast_reply_receive(host_hart, x[10], words);
    } else if (yields) {
        next = fast_yield(host_hart, x[10]);
    } else if (passes_on) {
        next = fast_signal_wait(host_hart, x[10], words);
    }
    kernel_lock_release();
    if (next == NULL)
        return false;
    host_fast_paths++;
    for (unsigned number = 1; number < 32; number++)
        if (is_callee_saved(number) || is_saved_first(number))
            thread->context.x[number] = x[number];
    thread->context.x[0] = x[0] + 4;
    memcpy(x, next->context.x, sizeof(next->context.x));
    if (yields || passes_on)
        arch_context_prepare_answer(&thread->context);
    if (yields || passes_on || faulted)
        return true;
    arch_context_deliver(&next->context, WK_OK, operation >= 0x10000 || operation < 0x2000 ? 0 : operation, badge,
                         words);
    for (unsigned number = 0; number < 32; number++)
        if (!is_callee_saved(number) && !is_saved_first(number))
            x[number] = next->context.x[number];
    return true;
}

static void enter_invocation(struct thread *thread)
{
    uint64_t *x = host_hart->arch.x;
    int64_t status;

    if (take_fast_path(thread))
        return;

    for (unsigned number = 1; number < 32; number++)
        thread->context.x[number] = is_saved_first(number) ? x[number] : HOST_GARBAGE;
    thread->context.x[0] = x[0] + 4;
    host_hart->attention.notify |= !host_takes_quick_calls;
    status = trap_invocation(x[10], x[11], x[12], x[13], x[14], x[15], x[16], x[17]);
    if (status >= 0) {
        arch_context_answer(&thread->context, (uint64_t)status & 0xffff, host_hart->invocation.words);
        memset(host_hart->invocation.words, 0, sizeof(host_hart->invocation.words));
        for (unsigned number = 0; number < 32; number++)
            if (!is_callee_saved(number))
                x[number] = thread->context.x[number];
        return;
    }
    host_quick_calls += status == (int)WK_SWITCHED;
    host_interleave();
    for (unsigned number = 0; number < 32; number++)
        if (is_callee_saved(number))
            thread->context.x[number] = x[number];
    if (status == (int)WK_SWITCHED_OK)
        arch_context_prepare_answer(&thread->context);
    leave_to(status == -1 ? trap_leave() : trap_left());
}

uint64_t host_invocation_deadline(const struct hart *hart)
{
    return hart->arch.x[5];
}

static void enter_page_fault(enum arch_access access, uint64_t address)
{
    const enum trap_way way = trap_page_fault(access, address);

    if (way == TRAP_STRAIGHT_ON)
        return;
    if (way == TRAP_SWITCHED)
        leave_to(trap_left());
    else
        leave_to(way == TRAP_DELIVER ? trap_deliver_page_fault() : trap_leave());
}

static void enter_ecall(struct thread *thread)
{
    if (host_hart->arch.x[17] >= 4096) {
        enter_invocation(thread);
        return;
    }
    context_save(thread);
    if (thread->process->upcall_entry != 0 && host_hart->arch.x[0] == thread->process->upcall_return)
        trap_upcall_return();
    else
        trap_foreign_call();
    leave();
}

/* A hart from its start to the machine's end. */
static void processor_run(void)
{
    for (;;) {
        struct arch_hart *processor = &host_hart->arch;
        struct thread *thread = host_hart->current;

        switch (processor->trap) {
        case HOST_TRAP_START:
            leave();
            break;
        case HOST_TRAP_ECALL:
            enter_ecall(thread);
            break;
        case HOST_TRAP_PAGE_FAULT:
            context_save(thread);
            enter_page_fault((enum arch_access)processor->trap_cause, processor->trap_detail);
            break;
        case HOST_TRAP_FAULT:
            context_save(thread);
            host_hart->attention.notify |= !host_takes_quick_calls;
            leave_to(trap_fault((enum wk_upcall_cause)processor->trap_cause, processor->trap_detail));
            break;
        case HOST_TRAP_INTERRUPT:
            context_save(thread);
            /* One that another hart sent comes to nothing there, and would be a preemption point more. */
            thread = processor->software_interrupt ? NULL : trap_interrupt_alone();
            leave_to(thread != NULL ? thread : trap_leave());
            break;
        }
        processor->state = HOST_STATE_USER;
        host_fiber_yield();
    }
}

void host_processor_start(struct hart *hart)
{
    hart->arch.timer_ns = UINT64_MAX;
    hart->arch.trap = HOST_TRAP_START;
    hart->arch.state = HOST_STATE_KERNEL;
    hart->arch.fiber = host_fiber_make(processor_run);
}

static void enter(struct hart *hart, enum host_trap trap, uint64_t cause, uint64_t detail)
{
    if (hart->arch.state != HOST_STATE_USER)
        host_fail("a trap from user code on a hart that does not run any");
    hart->arch.trap = trap;
    hart->arch.trap_cause = cause;
    hart->arch.trap_detail = detail;
    hart->arch.state = HOST_STATE_KERNEL;
    host_run();
}

void host_ecall(struct hart *hart)
{
    enter(hart, HOST_TRAP_ECALL, 0, 0);
}

void host_fault(struct hart *hart, enum wk_upcall_cause cause, uint64_t detail)
{
    enter(hart, HOST_TRAP_FAULT, cause, detail);
}

void host_page_fault(struct hart *hart, enum arch_access access, uint64_t address)
{
    enter(hart, HOST_TRAP_PAGE_FAULT, access, address);
}
