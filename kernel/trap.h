/* SPDX-License-Identifier: MIT */
/*
 * The kernel's entries, called by the architecture's trap code with interrupts off and the lock not held, and the way
 * out. The kernel has one stack a hart and keeps nothing on it between traps.
 */
#ifndef TRAP_H
#define TRAP_H

#include "thread.h"

/*
 * An ecall whose operation is 4096 or more. The eight arguments are the registers a0 to a7 as they came. Callee-saved
 * registers are still the user's when this returns; assembly keeps ra, sp and tp in the hart.
 *
 * Returns 0 if the same thread goes straight on with status WK_OK and at most the first of hart->invocation.words not 0,
 * or a positive number if it goes straight on with the number's low 16 bits as status and all those words as results, which
 * assembly sets to 0; every other caller-saved register becomes 0. Otherwise (negative) the answer is in the context's a0
 * to a6 already or will be (arch_context_answer); assembly stores all other registers in the context of
 * hart->current, and calls trap_leave, if it was -1. If it was WK_SWITCHED they
 * are stored in the context of hart->left, and trap_left is called; if it was WK_SWITCHED_OK, with that answer.
 */
int64_t trap_invocation(uint64_t handle, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3, uint64_t word4,
                        uint64_t word5, uint64_t operation);

/*
 * The parts of trap_invocation, for assembly that does the straight path itself: with the lock held; with the hart's ticket
 * drawn and not served yet; with the lock, for what is no message; with the message in hart->invocation, for one that does
 * not go straight to the other thread; after an operation's wrapper has run and answered `status`. They return as trap_invocation.
 */
int64_t trap_invocation_locked(uint64_t handle, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3,
                               uint64_t word4, uint64_t word5, uint64_t operation);
int64_t trap_invocation_contended(uint64_t handle, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3,
                                  uint64_t word4, uint64_t word5, uint64_t operation);
int64_t trap_operation_locked(uint64_t handle, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3,
                              uint64_t word4, uint64_t word5, uint64_t operation);
int64_t trap_invocation_kept(void);
int64_t trap_invocation_executed(enum wk_status status);
/* The same for the answer of a worker's call, kept in the invocation, which no other call follows. */
int64_t trap_worker_answered(void);

/*
 * A page fault. Callee-saved registers need not be in the context yet; they are still the user's when this returns, and
 * says how to go on: straight to the thread, whose access is tried again; with the context in full to trap_leave; or with
 * the context in full to trap_deliver_page_fault.
 */
enum trap_way { TRAP_STRAIGHT_ON, TRAP_SWITCHED, TRAP_LEAVE, TRAP_DELIVER };
enum trap_way trap_page_fault(enum arch_access access, uint64_t address);
struct thread *trap_deliver_page_fault(void);
/* A trap that is never the kernel's own to answer. Returns as trap_leave. */
struct thread *trap_fault(enum wk_upcall_cause cause, uint64_t detail);
/* A foreign call or an upcall's return that assembly did not do itself; pc is that of the ecall. Then trap_leave. */
void trap_foreign_call(void);
void trap_upcall_return(void);
/* Interrupts to user code, with the context saved in full, or to a hart that sleeps. Takes the timer's or the
 * controller's, where it came alone and there is nothing else to do. The thread to go on with; NULL: trap_leave finds it. */
struct thread *trap_interrupt_alone(void);
/* What arch_interrupts_take calls. */
void trap_timer(void);
/* A deadline more urgent than who pays is soon (DEADLINE_SOON): releases the lock and waits for it. */
void trap_await(const struct hart *hart);
void trap_external(void);
void trap_software(void);

/* So many deadlines are served one after another before something else has its turn, those that are more urgent than who
 * goes on included; */
#define SERVED_MAX 4
#define URGENT_SERVED_MAX 16
/* and so long user code goes on then. */
#define PUT_OFF_NS 2000

/*
 * Chooses and prepares what the hart does next: finishes operations step by step, takes interrupts between steps,
 * sleeps if nothing is ready. Returns the thread whose full context assembly then loads.
 */
struct thread *trap_leave(void);
/* The same behind an invocation, with the lock held, when hart->current is to go on, which the invocation has made so. */
struct thread *trap_left(void);

/* With the lock, which it releases: what had to be done at `now_ns` is done. The thread that goes on; NULL if something else is
 * to be looked after first, or was due by then. */
struct thread *trap_straight_on(uint64_t now_ns);

#endif
