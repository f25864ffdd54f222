/* SPDX-License-Identifier: MIT */
/*
 * Traps that are a process's own business: delivered to its upcall handler by a frame, see interfaces/winkle/frame.h;
 * without handler or frame the process ends, and its end says why.
 *
 * INV-UPCALL-1 thread->call_frame is the kernel's pointer to a page pinned by thread->frame_pin, or NULL without one.
 */
#ifndef UPCALL_H
#define UPCALL_H

#include "thread.h"

/* All but the last two, and if nothing else is said: the thread has a process, and its context is saved in full. Requires: the lock. */

/* A fault of the current thread, of whose registers only those are saved that a call in C may spoil, and pc: if another
 * process is to be told whose server stands ready, that one is current. False: nothing has changed. */
bool upcall_fault_at_once(struct thread *thread, enum wk_upcall_cause cause, uint64_t detail);
/* Delivers a fault of the current thread, has another process told, or ends its own. */
void upcall_fault(struct thread *thread, enum wk_upcall_cause cause, uint64_t detail);
/* A foreign call, where assembly could not deliver it itself; pc is the ecall's. */
void upcall_foreign_call(struct thread *thread);
/* The ecall at the return address with a fault frame, or where assembly could not return itself. */
void upcall_return(struct thread *thread);
/* Delivers the interrupt that is owed to a thread about to go on in user code, if its frame allows; else the frame says
 * that one is pending. */
void upcall_interrupt(struct thread *thread);

/* What thread: interrupt does: the thread's wait ends, or the next one will; and it is owed an upcall. The caller sees
 * to it that a hart which runs the thread comes into the kernel. */
void upcall_interrupt_latch(struct thread *thread);
/* The pin of the frame's page was taken back. */
void upcall_frames_revoked(struct memory_pin *pin);

#endif
