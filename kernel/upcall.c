/* SPDX-License-Identifier: MIT */
/*
 * Upcalls: how a process serves its own traps. A trap is written into one of the thread's two frames and the thread
 * goes on at the process's upcall entry, with the frame's address in t0 and every other register as it was. Owns the
 * contents of frames, and of each thread call_frame, call_frame_address and the interrupt_ fields. Guarded by the
 * kernel lock, but for what assembly does alone: foreign calls and returns on the call frame in the common case, on the
 * hart's current thread with interrupts off. Invariants: see upcall.h. Everything is straight line.
 *
 * The frame is the process's memory: other threads of it may write there at any time. The kernel reads a word once, and
 * believes nothing that it reads: `busy` and `interrupt_masked` only tell it what the process wants, and registers are
 * the process's to choose. Its own pointer to the frame, and that an interrupt is owed, it keeps to itself.
 *
 * Frames (design, 2.4): calls and interrupts use the call frame, faults the fault frame behind it, so that a handler
 * may fault itself, once. An interrupt finds the call frame busy while the handler runs, and waits for its return.
 */
#include "upcall.h"

#include "assert.h"
#include "endpoint.h"
#include "event.h"
#include "fault.h"
#include "lock.h"
#include "process.h"
#include "space.h"
#include "trace.h"

#include <winkle/frame.h>

#define FOREIGN_CALL_LIMIT 4096

enum { REGISTER_PC = 0, REGISTER_T0 = 5, REGISTER_A7 = 17, REGISTERS = 32, ECALL_BYTES = 4 };

/* One of a thread's frames: where the kernel has it, and where the process. */
struct upcall_frame {
    volatile struct wk_frame *frame; /* volatile: each word is read and written once, as the code says */
    uint64_t address;
};

static struct upcall_frame call_frame(const struct thread *thread)
{
    return (struct upcall_frame){thread->call_frame, thread->call_frame_address};
}

static struct upcall_frame fault_frame(const struct thread *thread)
{
    char *frame = (char *)thread->call_frame + WK_FRAME_BYTES;

    return (struct upcall_frame){(struct wk_frame *)(void *)frame, thread->call_frame_address + WK_FRAME_BYTES};
}

/* Whether the thread has frames and its process a handler. */
static bool can_deliver(const struct thread *thread)
{
    assert_debug(thread->call_frame == NULL || thread->frame_pin.memory != NULL); /* INV-UPCALL-1 */
    return thread->call_frame != NULL && thread->process->upcall_entry != 0;
}

/* Why a process ends to whose handler this fault could not be delivered. */
static enum wk_end_reason reason_of_cause(enum wk_upcall_cause cause)
{
    switch (cause) {
    case WK_UPCALL_CAUSE_LOAD_FAULT:
        return WK_END_REASON_LOAD_FAULT;
    case WK_UPCALL_CAUSE_STORE_FAULT:
        return WK_END_REASON_STORE_FAULT;
    case WK_UPCALL_CAUSE_FETCH_FAULT:
        return WK_END_REASON_FETCH_FAULT;
    case WK_UPCALL_CAUSE_ILLEGAL_INSTRUCTION:
        return WK_END_REASON_ILLEGAL_INSTRUCTION;
    case WK_UPCALL_CAUSE_BREAKPOINT:
        return WK_END_REASON_BREAKPOINT;
    case WK_UPCALL_CAUSE_MISALIGNED:
        return WK_END_REASON_MISALIGNED;
    case WK_UPCALL_CAUSE_NO_MEMORY:
        return WK_END_REASON_NO_MEMORY;
    case WK_UPCALL_CAUSE_REVOKED:
        return WK_END_REASON_REVOKED;
    case WK_UPCALL_CAUSE_FOREIGN_CALL:
    case WK_UPCALL_CAUSE_INTERRUPT:
        break;
    }
    panic("a cause that is no fault");
}

/* Has the thread go on in its process's handler, on that frame. */
static void enter_handler(struct thread *thread, struct upcall_frame to, enum wk_upcall_cause cause, uint64_t detail)
{
    to.frame->cause = cause;
    to.frame->detail = detail;
    to.frame->busy = 1;
    arch_context_set(&thread->context, REGISTER_PC, thread->process->upcall_entry);
    arch_context_set(&thread->context, REGISTER_T0, to.address);
    trace(WK_TRACE_EVENT_UPCALL, cause, detail);
}

/* Writes all registers of the thread into the frame. */
static void save_registers(struct thread *thread, volatile struct wk_frame *frame)
{
    /* The architecture copies to plain memory; what the process does to it meanwhile is its own affair. */
    struct wk_frame *plain = (struct wk_frame *)frame;

    frame->pc = arch_context_get(&thread->context, REGISTER_PC);
    for (unsigned number = 1; number < REGISTERS; number++)
        frame->x[number] = arch_context_get(&thread->context, number);
    frame->fp_valid = arch_context_save_fp(thread, plain->f, &plain->fcsr) ? 1 : 0;
    frame->full = 1;
}

/* Loads all registers of the thread from the frame. */
static void load_registers(struct thread *thread, const volatile struct wk_frame *frame)
{
    const struct wk_frame *plain = (const struct wk_frame *)frame;

    arch_context_set(&thread->context, REGISTER_PC, frame->pc);
    for (unsigned number = 1; number < REGISTERS; number++)
        arch_context_set(&thread->context, number, frame->x[number]);
    if (frame->fp_valid == 1)
        arch_context_load_fp(thread, plain->f, frame->fcsr);
}

bool upcall_fault_at_once(struct thread *thread, enum wk_upcall_cause cause, uint64_t detail)
{
    return !can_deliver(thread) && fault_tell_at_once(thread, cause, reason_of_cause(cause), detail);
}

void upcall_fault(struct thread *thread, enum wk_upcall_cause cause, uint64_t detail)
{
    assert_debug(kernel_lock_is_held());
    if (!can_deliver(thread)) {
        fault_unanswered(thread, cause, reason_of_cause(cause), detail);
    } else if (fault_frame(thread).frame->busy != 0) {
        fault_unanswered(thread, cause, WK_END_REASON_FAULT_IN_HANDLER, detail);
    } else {
        save_registers(thread, fault_frame(thread).frame);
        enter_handler(thread, fault_frame(thread), cause, detail);
    }
}

/* The registers stay where they are: the handler preserves them itself. */
void upcall_foreign_call(struct thread *thread)
{
    const uint64_t number = arch_context_get(&thread->context, REGISTER_A7);
    const struct upcall_frame to = call_frame(thread);

    assert_debug(kernel_lock_is_held());
    assert_debug(number < FOREIGN_CALL_LIMIT);
    if (!can_deliver(thread) || to.frame->busy != 0) {
        fault_unanswered(thread, WK_UPCALL_CAUSE_FOREIGN_CALL, WK_END_REASON_FOREIGN_CALL, number);
        return;
    }
    to.frame->pc = arch_context_get(&thread->context, REGISTER_PC) + ECALL_BYTES;
    to.frame->t0 = arch_context_get(&thread->context, REGISTER_T0);
    to.frame->full = 0;
    enter_handler(thread, to, WK_UPCALL_CAUSE_FOREIGN_CALL, 0);
}

/* A return that names no frame of the thread is a foreign call like any other. */
void upcall_return(struct thread *thread)
{
    const uint64_t address = arch_context_get(&thread->context, REGISTER_T0);
    struct upcall_frame from = call_frame(thread);

    assert_debug(kernel_lock_is_held());
    if (address != from.address && thread->call_frame != NULL)
        from = fault_frame(thread);
    if (thread->call_frame == NULL || address != from.address) {
        upcall_foreign_call(thread);
        return;
    }
    if (from.frame->full == 0) {
        arch_context_set(&thread->context, REGISTER_PC, from.frame->pc);
        arch_context_set(&thread->context, REGISTER_T0, from.frame->t0);
    } else {
        load_registers(thread, from.frame);
    }
    from.frame->busy = 0;
    upcall_interrupt(thread);
}

void upcall_interrupt(struct thread *thread)
{
    const struct upcall_frame to = call_frame(thread);

    assert_debug(kernel_lock_is_held());
    if (!thread_is_owed_interrupt(thread))
        return;
    if (!can_deliver(thread)) {
        thread->hindrance &= (uint8_t)~HINDERED_BY_INTERRUPT;
    } else if (to.frame->busy != 0 || to.frame->interrupt_masked != 0) {
        to.frame->interrupt_pending = 1;
    } else {
        thread->hindrance &= (uint8_t)~HINDERED_BY_INTERRUPT;
        thread->interrupt_latched = false;
        to.frame->interrupt_pending = 0;
        save_registers(thread, to.frame);
        enter_handler(thread, to, WK_UPCALL_CAUSE_INTERRUPT, 0);
    }
}

/* A thread that was granted bits no longer waits, though it still has to be woken: the next wait is the one that
 * ends. */
void upcall_interrupt_latch(struct thread *thread)
{
    assert_debug(kernel_lock_is_held());
    endpoint_hinder(thread, HINDERED_BY_INTERRUPT);
    if (thread->wait_event != NULL || thread_sleeps(thread))
        thread_wait_end(thread, WK_INTERRUPTED);
    else
        thread->interrupt_latched = true;
}

void upcall_frames_revoked(struct memory_pin *pin)
{
    struct thread *thread = container_of(pin, struct thread, frame_pin);

    thread->call_frame = NULL;
    thread->call_frame_address = 0;
    if (thread_is_current(thread))
        space_flush_hart(thread->hart); /* its assembly may be at the frame: the page is not reused before it is done */
}
