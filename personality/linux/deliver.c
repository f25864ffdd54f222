/* SPDX-License-Identifier: MIT */
/* What is to be done when a call returns and not all is as it was, and what comes unasked: faults and interrupts. */
#include "calls.h"
#include "linux.h"
#include "memory.h"
#include "signals.h"
#include "threads.h"

#include <winkle/text.h>
#include <winkle/thread.h>

#include <asm/siginfo.h>
#include <asm/signal.h>

#define FOREIGN_CALLS 4096 /* numbers in a7 below it are no calls of Winkle */

/* guarded_copy.S of the native library */
extern const char wk_guarded_begin[], wk_guarded_end[], wk_guarded_failed[];

/* entry.S has put there what C keeps, and the result in a0. */
static void complete(struct entry_frame *frame)
{
    uint64_t *x = frame->frame.x;
    const struct context *context = &frame->context;

    x[1] = context->ra;
    x[2] = context->sp;
    x[3] = context->gp;
    x[4] = context->tp;
    x[5] = frame->frame.t0;
    x[6] = context->t1_to_t6[0];
    x[7] = context->t1_to_t6[1];
    memcpy(&x[11], &context->a[1], 7 * sizeof(uint64_t));
    memcpy(&x[28], &context->t1_to_t6[2], 4 * sizeof(uint64_t));
}

/* Registers of a program that begins: all are 0. */
static void begin_program(struct wk_frame *frame)
{
    memset(frame->x, 0, sizeof(frame->x));
    memset(frame->f, 0, sizeof(frame->f));
    frame->fcsr = 0;
    frame->fp_valid = 1;
    frame->full = 1;
    frame->pc = linux_process.entry;
    frame->x[2] = linux_process.stack;
}

/* Has the personality load the registers itself as it leaves. The kernel would take the last ecall for one of its own if the program
 * has such a number in a7: then the kernel loads them all. */
static void choose_way(struct wk_frame *frame)
{
    frame->t0 = frame->x[5];
    frame->fp_valid = 0;
    frame->full = frame->x[17] < FOREIGN_CALLS ? 0 : 1;
}

void linux_leave(struct entry_frame *frame)
{
    struct thread *self = current();
    const uint64_t attention = self->attention;
    int64_t result = (int64_t)frame->frame.x[10];

    self->attention = 0;
    complete(frame);
    if ((attention & ATTENTION_CLONE) != 0)
        frame->frame.x[10] = (uint64_t)thread_begin_clone(frame);
    if ((attention & ATTENTION_RETURN) != 0) {
        signals_return(frame);
        result = 0;
    }
    if ((attention & ATTENTION_PROGRAM) != 0) {
        begin_program(&frame->frame);
        result = 0;
    }
    signals_handle(frame, result);
    if ((attention & ATTENTION_PROGRAM) == 0)
        choose_way(&frame->frame);
    self->attention = 0;
}

/* Whether nothing is mapped at an address of the program, or it may not be reached in that way. */
static int32_t code_of(uint64_t address)
{
    bool is_mapped;

    wk_lock_take(&linux_lock);
    is_mapped = memory_is_mapped(address & ~PAGE_MASK, WK_PAGE_BYTES);
    wk_lock_release(&linux_lock);
    return is_mapped ? SEGV_ACCERR : SEGV_MAPERR;
}

static void deliver_fault(struct entry_frame *frame)
{
    const uint64_t pc = frame->frame.pc, detail = frame->frame.detail;

    if (pc >= (uint64_t)wk_guarded_begin && pc < (uint64_t)wk_guarded_end) {
        frame->frame.pc = (uint64_t)wk_guarded_failed;
        return;
    }
    if (pc >= (uint64_t)linux_guarded_begin && pc < (uint64_t)linux_guarded_end) {
        frame->frame.pc = (uint64_t)linux_guarded_failed;
        return;
    }
    if (current()->frame->frame.busy != 0)
        linux_die("a fault of the personality itself", WK_BAD_ARGUMENT);
    switch ((enum wk_upcall_cause)frame->frame.cause) {
    case WK_UPCALL_CAUSE_LOAD_FAULT:
    case WK_UPCALL_CAUSE_STORE_FAULT:
    case WK_UPCALL_CAUSE_FETCH_FAULT:
        signal_fault(frame, SIGNAL_SEGV, code_of(detail), detail);
        break;
    case WK_UPCALL_CAUSE_ILLEGAL_INSTRUCTION:
        signal_fault(frame, SIGNAL_ILL, ILL_ILLOPC, detail);
        break;
    case WK_UPCALL_CAUSE_BREAKPOINT:
        signal_fault(frame, SIGNAL_TRAP, TRAP_BRKPT, detail);
        break;
    case WK_UPCALL_CAUSE_MISALIGNED:
        signal_fault(frame, SIGNAL_BUS, BUS_ADRALN, detail);
        break;
    case WK_UPCALL_CAUSE_NO_MEMORY:
    case WK_UPCALL_CAUSE_REVOKED:
        signal_fault(frame, SIGNAL_BUS, BUS_ADRERR, detail);
        break;
    case WK_UPCALL_CAUSE_FOREIGN_CALL:
    case WK_UPCALL_CAUSE_INTERRUPT:
        break;
    }
}

void linux_deliver(struct entry_frame *frame)
{
    if (frame->frame.cause == WK_UPCALL_CAUSE_INTERRUPT)
        signals_handle(frame, 0);
    else
        deliver_fault(frame);
}
