/* SPDX-License-Identifier: MIT */
/*
 * Every way into the kernel and out again; README.md tells the story. Interrupts are off from entry to sret.
 *
 * While user code runs, sscratch holds the hart's struct; in the kernel it is 0 and tp holds the struct. So a trap that
 * finds 0 comes from the kernel itself, which is a bug and ends in a panic. gp is not used by the kernel: it stays the
 * user's.
 * sstatus.FS always says how things stand for hart->current, so no way out touches sstatus.
 */
#include "offsets.h"
#include "registers.h"

#define OPERATION_GROUP_SHIFT 5 /* the table has whole groups of operations */
#define SERVICE_FIRST 0x2000   /* operations of services */
#define SERVICE_END 0x10000
#define PC THREAD_X
#define X(number) THREAD_X + 8 * (number)
#define RA X(1)
#define SP X(2)
#define TP X(4)
#define T0 X(5)

/* Does `instruction` to each register of the list and its place at `offset` from `base`. */
    .macro  each instruction, offset, base, list:vararg
    .irp    number, \list
    \instruction x\number, \offset + 8 * \number(\base)
    .endr
    .endm
#define GP_AND_CALLEE_SAVED 3, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
#define CALLER_SAVED_BUT_T0_A0 1, 2, 6, 7, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
#define ALL_BUT_TP_T0_T1_A0                                                                                            \
    1, 2, 3, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31

    .section .text.trap, "ax"

/* All registers are the trapped code's. */
    .globl  trap_entry
    .balign 4
trap_entry:
    csrrw   tp, sscratch, tp
    beqz    tp, kernel_trapped
    sd      t0, HART_USER_T(tp)
    csrr    t0, scause
    addi    t0, t0, -CAUSE_USER_ECALL
    bnez    t0, not_an_ecall
    srli    t0, a7, OPERATION_GROUP_SHIFT
    addi    t0, t0, -(OPERATION_FIRST >> OPERATION_GROUP_SHIFT) - OPERATION_GROUPS
    bgez    t0, not_in_table
    addi    t0, t0, OPERATION_GROUPS
    bltz    t0, foreign
    csrrw   t0, sscratch, zero
    sd      t0, HART_USER_TP(tp)

/*
 * An invocation. tp: hart; its tp is in hart->arch.user_tp; t0 to t6 are free. a0: handle, a1 to a6: words, a7:
 * operation, all to be passed on as they are; s0 to s11 and gp stay where they are, and sepc is the ecall's.
 */
    sd      ra, HART_USER_RA(tp)
    sd      sp, HART_USER_SP(tp)
    ld      sp, HART_STACK_END(tp)
#if defined(WINKLE_DEBUG) || defined(WINKLE_MEASURE)
    j       invocation_by_c
#else
/* The straight path of invoke.c: the lock is free, and operation, handle, type, rights and object are good. */
    sd      a7, HART_OPERATION(tp)
    sd      a0, HART_HANDLE(tp)
    ld      t0, HART_LOCK(tp)
    li      t1, 1
    amoadd.w t1, t1, (t0)           /* t1: our ticket */
    lw      t2, LOCK_SERVING(t0)
    fence   r, rw
    bne     t1, t2, lock_contended
invocation_with_lock:
    ld      t1, HART_OPERATIONS(tp)
    slli    t2, a7, 2
    add     t1, t1, t2              /* t1: its place in operation_needs */
    ld      t2, HART_PROCESS(tp)
    srli    t3, a0, CAPABILITY_DIRECTORY_SHIFT - 3
    andi    t3, t3, (DIRECTORIES - 1) << 3
    add     t2, t2, t3
    ld      t2, PROCESS_DIRECTORY(t2)
    srli    t3, a0, CAPABILITY_PAGE_SHIFT
    andi    t3, t3, 511
    slli    t3, t3, 3
    add     t2, t2, t3
    ld      t2, (t2)
    beqz    t2, invocation_crooked
    andi    t3, a0, (1 << CAPABILITY_PAGE_SHIFT) - 1
    slli    t3, t3, CAPABILITY_SHIFT
    add     t2, t2, t3              /* t2: the slot */
    lw      t3, CAPABILITY_GENERATION(t2) /* negative, so no handle's, if it is free */
    srli    t4, a0, HANDLE_INDEX_SHIFT
    bne     t3, t4, invocation_crooked
    beqz    t4, invocation_crooked  /* the generation of slots never made */
    lw      t3, CAPABILITY_WORD(t2)
    lw      t4, (t1)
    and     t3, t3, t4
    bne     t3, t4, invocation_crooked
    ld      t3, CAPABILITY_OBJECT(t2)
    lbu     t3, OBJECT_STATE(t3)
    bnez    t3, invocation_crooked  /* not OBJECT_LIVE */
    lw      t1, NEEDS_BYTES(t1)     /* operation_wrappers comes next (kernel.ld) */
    sd      t2, HART_CAPABILITY(tp)
    addi    a0, tp, HART_INVOCATION
    jalr    t1                      /* a0: status */
    ld      t0, HART_ATTENTION(tp)
    bnez    t0, invocation_executed
    bnez    a0, invocation_not_plain
    ld      t0, HART_SERVING(tp)
    li      t1, 1
    amoadd.w.rl zero, t1, (t0)
#endif
invocation_plain:                   /* a0: 0 */
    ld      a1, HART_WORDS(tp)
    sd      zero, HART_WORDS(tp)
    li      a2, 0
    li      a3, 0
    li      a4, 0
    li      a5, 0
    li      a6, 0
invocation_leave:
    csrr    t0, sepc
    addi    t0, t0, 4
    csrw    sepc, t0
    ld      ra, HART_USER_RA(tp)
    ld      sp, HART_USER_SP(tp)
    li      a7, 0
    li      t0, 0
    li      t1, 0
    li      t2, 0
    li      t3, 0
    li      t4, 0
    li      t5, 0
    li      t6, 0
    csrw    sscratch, tp
    ld      tp, HART_USER_TP(tp)
    sret

#if !defined(WINKLE_DEBUG) && !defined(WINKLE_MEASURE)
/* t1: the ticket; a0 to a7 as they came. */
lock_contended:
    sw      t1, HART_TICKET(tp)
    jal     trap_invocation_contended
    j       invocation_returned

/* With the lock; a0 to a7 as they came. */
invocation_crooked:
    jal     trap_invocation_locked
    j       invocation_returned

/* With the lock; a0: status, not WK_OK. More result words need no more than to be loaded. */
invocation_not_plain:
    li      t0, SWITCHED_OK
    beq     a0, t0, invocation_left
    li      t0, ANSWERED
    bne     a0, t0, invocation_executed
    ld      t0, HART_SERVING(tp)
    li      t1, 1
    amoadd.w.rl zero, t1, (t0)
    li      a0, 0
    j       invocation_results

/* With the lock; a0: status. */
invocation_executed:
    jal     trap_invocation_executed
    j       invocation_returned
#endif

/*
 * A number above the table's: a service's operation, an answer on its quick way, or nobody's. tp: hart; t0, which is in
 * hart->arch: how many groups it is above; its tp is in sscratch, all else is the trapped code's.
 */
not_in_table:
#if !defined(WINKLE_DEBUG) && !defined(WINKLE_MEASURE)
    addi    t0, t0, -((SERVICE_FIRST - OPERATION_FIRST) >> OPERATION_GROUP_SHIFT) + OPERATION_GROUPS
    sltiu   t0, t0, (SERVICE_END - SERVICE_FIRST) >> OPERATION_GROUP_SHIFT
    bnez    t0, fast_call
    li      t0, QUICK_REPLY_RECEIVE
    beq     a7, t0, fast_reply_receive
    addi    t0, t0, QUICK_SIGNAL - QUICK_REPLY_RECEIVE
    beq     a7, t0, fast_signal
    addi    t0, t0, QUICK_SIGNAL_WAIT - QUICK_SIGNAL
    beq     a7, t0, fast_signal_wait
    addi    t0, t0, QUICK_YIELD - QUICK_SIGNAL_WAIT
    beq     a7, t0, fast_yield
#endif
    csrrw   t0, sscratch, zero
    sd      t0, HART_USER_TP(tp)
    sd      ra, HART_USER_RA(tp)
    sd      sp, HART_USER_SP(tp)
    ld      sp, HART_STACK_END(tp)

/* a0 to a7 as they came. */
invocation_by_c:
    jal     trap_invocation
invocation_returned:
    beqz    a0, invocation_plain

/* a0: trap_invocation's answer, not 0; tp: hart. */
invocation_answered:
    bltz    a0, invocation_left
    slli    a0, a0, 48
    srli    a0, a0, 48
invocation_results:                 /* a0: status as the invoker gets it */
    each    ld, HART_WORDS - 8 * 11, tp, 11, 12, 13, 14, 15, 16
    .irp    number, 0, 1, 2, 3, 4, 5
    sd      zero, HART_WORDS + 8 * \number(tp)
    .endr
    j       invocation_leave

#if !defined(WINKLE_DEBUG) && !defined(WINKLE_MEASURE)
#include "fast.inc"
#endif

/* The invoking thread does not go straight on. tp: hart; a0: trap_invocation's answer; s0 to s11 and gp: the invoker's. */
invocation_left:
    ld      t1, HART_LEFT(tp)
    addi    a0, a0, 1
    bnez    a0, 0f                  /* SWITCHED or SWITCHED_OK */
    ld      t1, HART_CURRENT(tp)
0:  each    sd, THREAD_X, t1, GP_AND_CALLEE_SAVED
    csrr    t0, sepc
    addi    t0, t0, 4
    sd      t0, PC(t1)
    ld      t0, HART_USER_RA(tp)
    sd      t0, RA(t1)
    ld      t0, HART_USER_SP(tp)
    sd      t0, SP(t1)
    ld      t0, HART_USER_TP(tp)
    sd      t0, TP(t1)
    beqz    a0, left_slowly

/* a0: the answer, plus 1; t1: thread */
    addi    a0, a0, -1 - SWITCHED
    beqz    a0, switched
    sd      zero, X(10)(t1)         /* WK_OK; the others stay as they were when it lost them last */
/* With the lock; tp: hart. */
switched:
#if defined(WINKLE_DEBUG) || defined(WINKLE_MEASURE)
    jal     trap_left
#else
    ld      t0, HART_ATTENTION(tp)
    bnez    t0, invocation_switched_slowly
    ld      t0, HART_SERVING(tp)
    li      t1, 1
    amoadd.w.rl zero, t1, (t0)
    ld      a0, HART_CURRENT(tp)
#endif

/* a0: the thread to run; tp: hart. The store drops a reservation that another thread made (Unprivileged ISA, 8.2). */
load_thread:
    ld      t0, PC(a0)
    addi    t1, a0, PC
    sc.d    zero, t0, (t1)
    csrw    sepc, t0
    csrw    sscratch, tp
    each    ld, THREAD_X, a0, ALL_BUT_TP_T0_T1_A0, 4, 5, 6, 10
    sret

#if !defined(WINKLE_DEBUG) && !defined(WINKLE_MEASURE)
invocation_switched_slowly:
    jal     trap_left
    j       load_thread
#endif

left_slowly:
    jal     trap_leave
    j       load_thread

/* tp: hart; its t0 is in hart->arch, its tp in sscratch; all else is the trapped code's. t0: scause less that
 * of an ecall. */
not_an_ecall:
    addi    t0, t0, CAUSE_USER_ECALL - CAUSE_FETCH_PAGE_FAULT
    sltiu   t0, t0, CAUSE_STORE_PAGE_FAULT - CAUSE_FETCH_PAGE_FAULT + 1
    bnez    t0, page_fault
    csrrw   t0, sscratch, zero
    sd      t0, HART_USER_TP(tp)
full_trap:
    ld      t0, HART_CURRENT(tp)
    each    sd, THREAD_X, t0, ALL_BUT_TP_T0_T1_A0, 6, 10
    ld      t1, HART_USER_T(tp)
    sd      t1, T0(t0)
    ld      t1, HART_USER_TP(tp)
    sd      t1, TP(t0)
    csrr    t1, sepc
    sd      t1, PC(t0)
    ld      sp, HART_STACK_END(tp)
    li      s0, 0
    csrr    a0, scause
    bltz    a0, 0f
    jal     trap_exception          /* a0: the thread to run */
    j       load_thread
0:  jal     trap_interrupt_alone    /* a0: the thread to run, or 0 */
    bnez    a0, load_thread
    j       left_slowly

/*
 * A page fault, most often answered at once: only what C may spoil is saved, and pc. tp: hart; its t0 is in hart->arch, its tp in
 * sscratch; s0 to s11 and gp stay where they are, and sepc is the access's.
 */
page_fault:
    csrrw   t0, sscratch, zero
    sd      t0, HART_USER_TP(tp)
    ld      t0, HART_CURRENT(tp)
    each    sd, THREAD_X, t0, CALLER_SAVED_BUT_T0_A0, 10
    csrr    t1, sepc
    sd      t1, PC(t0)
    ld      sp, HART_STACK_END(tp)
    csrr    a0, scause
    csrr    a1, stval
    jal     trap_page_dispatch      /* a0: enum trap_way */
    ld      t0, HART_CURRENT(tp)
    bnez    a0, page_fault_left
    each    ld, THREAD_X, t0, CALLER_SAVED_BUT_T0_A0, 10
    ld      t0, HART_USER_T(tp)
    csrw    sscratch, tp
    ld      tp, HART_USER_TP(tp)
    sret

/* a0: enum trap_way; t0: the current thread; tp: hart. */
page_fault_left:
    addi    t2, a0, -TRAP_SWITCHED
    bnez    t2, 0f
    ld      t0, HART_LEFT(tp)
0:  each    sd, THREAD_X, t0, GP_AND_CALLEE_SAVED
    ld      t1, HART_USER_T(tp)
    sd      t1, T0(t0)
    ld      t1, HART_USER_TP(tp)
    sd      t1, TP(t0)
    li      s0, 0
    beqz    t2, switched
    jal     trap_page_leave         /* a0: the thread to run */
    j       load_thread

/*
 * An ecall that is not Winkle's. tp: hart; t0 is in hart->arch, its tp in sscratch, all else is the trapped code's, and a
 * word of the frame is the process's own and trusted for nothing.
 */
foreign:
    csrrw   t0, sscratch, zero
    sd      t0, HART_USER_TP(tp)
    sd      t1, HART_USER_T + 8(tp)
    sd      t2, HART_USER_T + 16(tp)
    sd      t3, HART_USER_T + 24(tp)
    csrr    t0, sepc
    ld      t1, HART_CURRENT(tp)
    ld      t2, THREAD_PROCESS(t1)
    ld      t3, PROCESS_UPCALL_RETURN(t2)
    beq     t0, t3, upcall_return

/* A foreign call. t0: its pc, t1: thread, t2: process. */
    ld      t2, PROCESS_UPCALL_ENTRY(t2)
    ld      t3, THREAD_CALL_FRAME(t1)
    beqz    t2, foreign_slowly
    beqz    t3, foreign_slowly
    csrw    sepc, t2
    ld      t2, FRAME_BUSY(t3)
    bnez    t2, foreign_busy
    addi    t0, t0, 4
    sd      t0, FRAME_PC(t3)
    ld      t0, HART_USER_T(tp)
    sd      t0, FRAME_T0(t3)
    li      t2, 1
    sd      t2, FRAME_BUSY(t3)
    sd      zero, FRAME_FULL(t3)
    sd      zero, FRAME_CAUSE(t3)
    sd      zero, FRAME_DETAIL(t3)
    ld      t0, THREAD_CALL_FRAME_ADDRESS(t1)
    j       foreign_leave

/* A handler's return. t0: its pc, t1: thread. Here only from a foreign call, with no interrupt latched. */
upcall_return:
    ld      t2, THREAD_CALL_FRAME(t1)
    beqz    t2, foreign_slowly
    ld      t1, THREAD_CALL_FRAME_ADDRESS(t1)
    ld      t3, HART_USER_T(tp)
    bne     t1, t3, foreign_slowly
    ld      t1, FRAME_FULL(t2)
    bnez    t1, foreign_slowly
    ld      t1, FRAME_BUSY(t2)
    beqz    t1, foreign_slowly
    ld      t1, FRAME_INTERRUPT_PENDING(t2)
    bnez    t1, foreign_slowly
    ld      t1, FRAME_PC(t2)
    csrw    sepc, t1
    sd      zero, FRAME_BUSY(t2)
    ld      t0, FRAME_T0(t2)

/* t0 is set; all but t1, t2, t3 and tp are the user's. */
foreign_leave:
    ld      t1, HART_USER_T + 8(tp)
    ld      t2, HART_USER_T + 16(tp)
    ld      t3, HART_USER_T + 24(tp)
    csrw    sscratch, tp
    ld      tp, HART_USER_TP(tp)
    sret

/* t0: the pc, no longer in sepc. */
foreign_busy:
    csrw    sepc, t0
foreign_slowly:
    ld      t1, HART_USER_T + 8(tp)
    ld      t2, HART_USER_T + 16(tp)
    ld      t3, HART_USER_T + 24(tp)
    j       full_trap

/* The kernel's first exit on a hart. tp: hart. */
    .globl  trap_first_leave
trap_first_leave:
    ld      sp, HART_STACK_END(tp)
    li      s0, 0
    jal     trap_leave
    j       load_thread

/* tp: 0; sscratch: hart; all else as it was in the kernel. The stack pointer may be the reason for the trap. */
kernel_trapped:
    csrrw   tp, sscratch, zero
    sd      t0, HART_USER_T(tp)
    ld      t0, HART_PANICKING(tp)
    addi    t0, t0, 1
    sd      t0, HART_PANICKING(tp)
    addi    t0, t0, -1
    bnez    t0, 0f                  /* keep the registers of the first one */
    ld      t0, HART_USER_T(tp)
    each    sd, HART_KERNEL_REGISTERS, tp, ALL_BUT_TP_T0_T1_A0, 4, 5, 6, 10
    csrr    t0, sepc
    sd      t0, HART_KERNEL_REGISTERS(tp)
0:  ld      sp, HART_EMERGENCY_STACK_END(tp)
    li      s0, 0
    jal     trap_in_kernel
