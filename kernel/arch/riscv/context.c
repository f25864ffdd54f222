/* SPDX-License-Identifier: MIT */
/*
 * Threads' registers, as far as they are not saved and loaded by trap.S.
 *
 * Floating point belongs to threads that use it. A thread starts with the unit off (sstatus.FS); its first instruction
 * for it traps, is tried again, and finds the unit on with all registers zero. sstatus.FS is right for the hart's
 * current thread whenever arch_thread_switch is not under way: off if the thread never used it, else clean or dirty.
 */
#include "endpoint.h"
#include "fp.h"
#include "riscv.h"
#include "thread.h"

void arch_context_start(struct arch_context *context, uint64_t entry, uint64_t stack, uint64_t thread_pointer,
                        uint64_t argument0, uint64_t argument1)
{
    *context = (struct arch_context){.fp_state = FP_UNUSED};
    context->x[0] = entry;
    context->x[2] = stack;
    context->x[4] = thread_pointer;
    context->x[10] = argument0;
    context->x[11] = argument1;
}

/* The context's copy is brought up to the registers, which stay. */
static void save_if_dirty(struct arch_context *context)
{
    if ((csr_read(sstatus) & SSTATUS_FS) == SSTATUS_FS_DIRTY)
        fp_save(context);
}

bool fp_first_use(struct arch_context *context)
{
    if (!machine.has_fp || (csr_read(sstatus) & SSTATUS_FS) != 0)
        return false;
    context->fp_state = FP_USED;
    hart_current()->current->hindrance |= HINDERED_BY_FP;
    fp_load(context);
    return true;
}

void arch_thread_switch(struct thread *from, struct thread *to)
{
    if (from != NULL)
        save_if_dirty(&from->context);
    if (to != NULL && to->context.fp_state != FP_UNUSED)
        fp_load(&to->context);
    else
        csr_clear(sstatus, SSTATUS_FS);
}

bool arch_context_save_fp(struct thread *thread, uint64_t f[32], uint64_t *fcsr)
{
    struct arch_context *context = &thread->context;

    if (context->fp_state == FP_UNUSED)
        return false;
    if (hart_current()->current == thread)
        save_if_dirty(context);
    for (unsigned i = 0; i < 32; i++)
        f[i] = context->f[i];
    *fcsr = context->fcsr;
    return true;
}

void arch_context_load_fp(struct thread *thread, const uint64_t f[32], uint64_t fcsr)
{
    struct arch_context *context = &thread->context;

    if (!machine.has_fp)
        return;
    for (unsigned i = 0; i < 32; i++)
        context->f[i] = f[i];
    context->fcsr = fcsr;
    context->fp_state = FP_USED;
    endpoint_hinder(thread, HINDERED_BY_FP);
    if (hart_current()->current == thread)
        fp_load(context);
}
