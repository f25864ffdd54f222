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
    slli    t2, a7, DESCRIPTOR_SHIFT
    add     t1, t1, t2              /* t1: descriptor */
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
    lw      t4, DESCRIPTOR_MASK(t1)
    lw      t5, DESCRIPTOR_EXPECTED(t1)
    and     t3, t3, t4
    bne     t3, t5, invocation_crooked
    ld      t3, CAPABILITY_OBJECT(t2)
    lbu     t3, OBJECT_STATE(t3)
    bnez    t3, invocation_crooked  /* not OBJECT_LIVE */
    ld      t1, DESCRIPTOR_WRAPPER(t1)
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
    addi    t0, t0, QUICK_YIELD - QUICK_SIGNAL
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
/*
 * The fast path of calls: fast.c says what it does and why it may. It does not take sscratch for a sign that the kernel
 * runs, for nothing in it can trap. tp: hart; t0 is in hart->arch, its tp in sscratch; a0: handle, a1 to a6: words, a7:
 * operation, all to stay; t1 to t6 are free; ra and sp are, once they are in the context.
 */
/* Takes the lock and finds the handle in the thread's cache. t0: thread, t1: where the lock is released, t2: 1, t3: the
 * slot. The load that reserves also drops a reservation of the invoker's. */
    .macro  fast_begin, cache, refused=fast_refused
    ld      t0, HART_CURRENT(tp)
    ld      t1, HART_LOCK(tp)
    li      t2, 1
    amoadd.w t3, t2, (t1)           /* t3: our ticket */
    addi    t1, t1, LOCK_SERVING
    lr.w.aq t4, (t1)
    bne     t3, t4, fast_contended
    ld      t4, \cache + CACHE_HANDLE(t0)
    ld      t3, \cache + CACHE_SLOT(t0)
    bne     t4, a0, \refused
    ld      t4, \cache + CACHE_KEY(t0)
    ld      t5, CAPABILITY_KEY(t3)
    bne     t4, t5, \refused
    .endm

/* What remains to be looked at: the hart's attention, and whether it has met the address space of t5, the thread to go on.
 * ra: its process. */
    .macro  fast_check_hart
    ld      t6, HART_ATTENTION(tp)
    bnez    t6, fast_refused
    sd      ra, RA(t0)
    sd      sp, SP(t0)
    ld      ra, THREAD_PROCESS(t5)
    ld      sp, PROCESS_HARTS(ra)
    ld      t6, HART_BIT(tp)
    and     sp, sp, t6
    beqz    sp, fast_refused_late
    .endm

/* t5 is current from now on, on this hart, with its address space. ra: its process; sp: lost. */
    .macro  fast_make_current
    sd      tp, THREAD_HART(t5)
    sd      t5, HART_CURRENT(tp)
    sd      ra, HART_PROCESS(tp)
    ld      sp, PROCESS_SWITCH_WORD(ra)
    csrw    satp, sp
    addi    ra, ra, PROCESS_SPACE
    sd      ra, HART_SPACE(tp)
    .endm

/* The server t0 receives again, and its caller t5 goes on. t4: the endpoint's part; t6, sp: lost. */
    .macro  fast_receive
    li      t6, STOP_RECEIVING
    sb      t6, THREAD_STOP(t0)
    sb      zero, THREAD_STOP(t5)
    sd      t0, SERVING_READY(t4)
    fast_make_current
    .endm

fast_call:
    fast_begin THREAD_CALL_SLOT
    ld      t3, CAPABILITY_OBJECT(t3) /* t3: session */
    ld      t4, SESSION_ENDPOINT(t3)
    ld      t5, ENDPOINT_READY(t4)
    beqz    t5, fast_refused        /* t5: the server */
    fast_check_hart
    lw      t6, THREAD_DEPTH(t0)    /* with 0, stop and hindrance above it */
    sltiu   sp, t6, DEPTH_MAX       /* neither of them, and below the most */
    beqz    sp, fast_refused_late
    addi    t6, t6, 1
    sw      t6, THREAD_DEPTH(t5)    /* runs, one deeper */
    sd      a7, X(17)(t0)           /* the answer is not to find another's accepted types */
    sd      zero, ENDPOINT_READY(t4)
    sd      t0, THREAD_CALLER(t5)
    sd      t5, THREAD_CALLEE(t0)
    li      t6, STOP_CALLING
    sb      t6, THREAD_STOP(t0)
    ld      t3, SESSION_BADGE(t3)   /* t3: the badge */
    fast_make_current

/* t0: the thread that is left, whose ra and sp are saved, t5: the one that goes on; t1, t2: to release the lock; t3: what
 * t0 is to be. */
fast_switch:
    each    sd, THREAD_X, t0, GP_AND_CALLEE_SAVED
    csrrw   t4, sscratch, tp
    sd      t4, TP(t0)
    csrr    t4, sepc
    addi    t4, t4, 4
    sd      t4, PC(t0)
    amoadd.w.rl zero, t2, (t1)
    ld      t4, PC(t5)
    csrw    sepc, t4
    each    ld, THREAD_X, t5, GP_AND_CALLEE_SAVED, 1, 2, 4
    mv      t0, t3
    li      a0, 0
    li      t1, 0
    li      t2, 0
    li      t3, 0
    li      t4, 0
    li      t5, 0
    li      t6, 0
    sret

fast_reply_receive:
    fast_begin THREAD_RECEIVE_SLOT
    ld      t5, THREAD_CALLER(t0)
    beqz    t5, fast_refused        /* t5: the caller */
    ld      t4, THREAD_SERVING(t0)  /* t4: the endpoint's part */
    ld      t6, SERVING_CALLERS(t4)
    bnez    t6, fast_refused
    ld      t6, SERVING_READY(t4)
    bnez    t6, fast_refused
    lbu     t6, THREAD_HINDRANCE(t0)
    bnez    t6, fast_refused
    lhu     t6, THREAD_STOP(t5)     /* with the hindrance behind it */
    addi    t3, t6, -STOP_CALLING
    bnez    t3, 0f
    fast_check_hart
    fast_receive
    li      a7, 0
    j       fast_switch             /* t3: 0 */

/* The caller is stopped by something more: by a fault, whose answer says no more than where it goes on, if elsewhere. */
0:  addi    t3, t3, -STOP_FAULTING
    bnez    t3, fast_refused
    fast_check_hart
    fast_receive
    beqz    a1, fast_switch_wholly
    sd      a1, PC(t5)

/* As fast_switch, but that all registers of t5 are in its context. */
fast_switch_wholly:
    each    sd, THREAD_X, t0, GP_AND_CALLEE_SAVED
    csrr    t4, sepc
    addi    t4, t4, 4
    sd      t4, PC(t0)
    csrrw   t4, sscratch, zero
    sd      t4, TP(t0)
    amoadd.w.rl zero, t2, (t1)
    mv      a0, t5
    j       load_thread

/*
 * The hart goes straight to another thread, as in hand_over.c, where the same is in C: for a signal to the more urgent
 * thread that waits for it alone, and for a yield to an equal. t0: thread; t1, t2: as above; t5: the other; t6: where to
 * go back to, if the one can be left for the other and both draw on one pool, which is full; sp: what the other is
 * stopped by. Then the one has been charged, its ra, sp and answer are in its context, and the other pays and is current.
 * ra, sp and t2: lost.
 */
straight_leave:
    li      ra, NOT_STRAIGHT
    lhu     t2, THREAD_STOP(t5)     /* with the hindrance behind it */
    and     t2, t2, ra
    bne     t2, sp, straight_refused_late
    lhu     t2, THREAD_STOP(t0)
    and     t2, t2, ra
    bnez    t2, straight_refused_late
    ld      ra, HART_PAYER(tp)
    bne     ra, t0, straight_refused_late
    ld      ra, HART_EXPIRY(tp)
    addi    ra, ra, 1
    bnez    ra, straight_refused_late
    ld      ra, THREAD_BUDGET(t5)
    beqz    ra, straight_refused_late
    ld      sp, THREAD_BUDGET(t0)
    ld      t2, BUDGET_DEADLINE(ra)
    bnez    t2, straight_refused_late
    ld      t2, BUDGET_DEADLINE(sp)
    bnez    t2, straight_refused_late
    ld      ra, BUDGET_POOL(ra)     /* the same pool, so the same hart (INV-BUDGET-1) */
    ld      sp, BUDGET_POOL(sp)
    bne     ra, sp, straight_refused_late
    ld      ra, THREAD_PROCESS(t5)
    ld      sp, PROCESS_HARTS(ra)
    ld      t2, HART_BIT(tp)
    and     sp, sp, t2
    beqz    sp, straight_refused_late
    sd      t5, HART_PAYER(tp)
    fast_make_current
    sd      zero, X(10)(t0)
    rdtime  t2
    ld      sp, HART_NS_PER_TICK(tp)
    ld      ra, HART_NS_PER_TICK + 8(tp)
    mul     sp, sp, t2
    mulhu   t2, t2, ra
    add     t2, t2, sp              /* t2: now */
    ld      sp, HART_CHARGED(tp)
    sd      t2, HART_CHARGED(tp)
    sub     t2, t2, sp              /* t2: what was used */
    ld      sp, THREAD_USED(t0)
    ld      ra, THREAD_BUDGET(t0)
    add     sp, sp, t2
    sd      sp, THREAD_USED(t0)
    ld      sp, BUDGET_USED(ra)
    add     sp, sp, t2
    sd      sp, BUDGET_USED(ra)
    li      t2, PLACE_READY
    sb      t2, THREAD_PLACE(t0)
    li      t2, 1
    jr      t6

fast_signal:
    fast_begin THREAD_QUICK_SLOT, straight_refused
    ld      t3, CAPABILITY_OBJECT(t3)
    lhu     t4, OBJECT_TYPE(t3)     /* with the state behind it, which is 0, OBJECT_LIVE */
    li      t5, TYPE_EVENT
    bne     t4, t5, straight_refused    /* t3: the event */
    ld      t4, HART_ATTENTION(tp)
    ld      t5, EVENT_ENDPOINT(t3)
    or      t4, t4, t5
    bnez    t4, straight_refused
    ld      t6, EVENT_PENDING(t3)
    or      t6, t6, a1
    lw      t4, EVENT_WAITER_COUNT(t3)
    bnez    t4, 0f
    sd      t6, EVENT_PENDING(t3)   /* nobody is concerned */
    amoadd.w.rl zero, t2, (t1)
    csrr    t0, sepc
    addi    t0, t0, 4
    csrw    sepc, t0
    csrrw   tp, sscratch, tp
    .irp    number, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
    li      x\number, 0
    .endr
    sret

0:  bne     t4, t2, straight_refused
    ld      t5, EVENT_WAITERS(t3)
    addi    t5, t5, -THREAD_WAIT_LINK
    ld      t4, THREAD_WAIT_MASK(t5)
    and     t4, t4, t6              /* t4: the bits that it takes */
    beqz    t4, straight_refused
    lbu     t2, THREAD_PRIORITY(t0)
    lbu     t6, THREAD_PRIORITY(t5)
    bgeu    t2, t6, straight_refused
    sd      ra, RA(t0)
    sd      sp, SP(t0)
    li      sp, STOP_WAITING
    jal     t6, straight_leave
    ld      t6, EVENT_PENDING(t3)
    or      t6, t6, a1
    xor     t6, t6, t4
    sd      t6, EVENT_PENDING(t3)
    sw      zero, EVENT_WAITER_COUNT(t3)
    addi    t6, t3, EVENT_WAITERS
    sd      t6, EVENT_WAITERS(t3)
    sd      t6, EVENT_WAITERS + 8(t3)
    addi    t6, t5, THREAD_WAIT_LINK
    sd      t6, THREAD_WAIT_LINK(t5)
    sd      t6, THREAD_WAIT_LINK + 8(t5)
    sd      zero, THREAD_WAIT_EVENT(t5)
    sd      t4, THREAD_WAIT_MASK(t5)
    sb      zero, THREAD_STOP(t5)
    mv      a1, t4
    lbu     t4, THREAD_PRIORITY(t0) /* goes to the front of its queue */
    slli    t3, t4, 4
    add     t3, t3, tp
    ld      t6, HART_READY(t3)
    addi    sp, t3, HART_READY
    sd      t6, THREAD_READY_LINK(t0)
    sd      sp, THREAD_READY_LINK + 8(t0)
    addi    sp, t0, THREAD_READY_LINK
    sd      sp, 8(t6)
    sd      sp, HART_READY(t3)
    srli    t3, t4, 6
    slli    t3, t3, 3
    add     t3, t3, tp
    ld      sp, HART_READY_BITS(t3)
    li      t6, -1
    slli    t6, t6, 63
    srl     t6, t6, t4
    or      sp, sp, t6
    sd      sp, HART_READY_BITS(t3)
    .irp    number, 12, 13, 14, 15, 16, 17
    li      x\number, 0
    .endr
    li      t3, 0
    j       fast_switch

fast_yield:
    fast_begin THREAD_QUICK_SLOT, straight_refused
    ld      t3, CAPABILITY_OBJECT(t3)
    bne     t3, t0, straight_refused
    lbu     t4, THREAD_PRIORITY(t0)
    slli    t4, t4, 4
    add     t4, t4, tp
    addi    t3, t4, HART_READY      /* t3: the list of its equals */
    ld      t5, HART_READY(t4)
    beq     t5, t3, straight_refused
    addi    t5, t5, -THREAD_READY_LINK
    ld      t6, HART_SLICE(tp)
    addi    t6, t6, 1
    beqz    t6, straight_refused        /* one has to begin */
    ld      t6, HART_ATTENTION(tp)
    ld      t4, THREAD_STEP(t5)
    or      t6, t6, t4
    bnez    t6, straight_refused
    ld      t6, THREAD_HART(t5)
    ld      t6, HART_CURRENT(t6)
    beq     t6, t5, straight_refused
    sd      ra, RA(t0)
    sd      sp, SP(t0)
    li      sp, 0
    jal     t6, straight_leave
    ld      sp, THREAD_READY_LINK(t5)
    sd      t3, 8(sp)
    sd      sp, (t3)
    addi    t4, t5, THREAD_READY_LINK
    sd      t4, THREAD_READY_LINK(t5)
    sd      t4, THREAD_READY_LINK + 8(t5)
    sb      zero, THREAD_PLACE(t5)
    ld      sp, 8(t3)               /* behind the last */
    addi    t4, t0, THREAD_READY_LINK
    sd      t4, (sp)
    sd      t4, 8(t3)
    sd      sp, THREAD_READY_LINK + 8(t0)
    sd      t3, THREAD_READY_LINK(t0)
    ld      t4, HART_SLICE_THREAD(tp)
    bne     t4, t0, fast_switch_wholly
    sd      zero, HART_SLICE_THREAD(tp)
    j       fast_switch_wholly

/* With the lock; a0 to a7 as they came: the usual way, without the hint. */
straight_refused_late:
    ld      ra, RA(t0)
    ld      sp, SP(t0)
straight_refused:
    csrrw   t0, sscratch, zero
    sd      t0, HART_USER_TP(tp)
    sd      ra, HART_USER_RA(tp)
    sd      sp, HART_USER_SP(tp)
    ld      sp, HART_STACK_END(tp)
    slli    a7, a7, 64 - QUICK_SHIFT
    srli    a7, a7, 64 - QUICK_SHIFT
    sd      a7, HART_OPERATION(tp)
    sd      a0, HART_HANDLE(tp)
    j       invocation_with_lock

/* With the lock; a0 to a7 as they came. */
fast_refused_late:
    ld      ra, RA(t0)
    ld      sp, SP(t0)
fast_refused:
    la      t1, trap_invocation_locked
    j       fast_leave
/* t3: the ticket; a0 to a7 as they came. */
fast_contended:
    sw      t3, HART_TICKET(tp)
    la      t1, trap_invocation_contended
fast_leave:
    csrrw   t0, sscratch, zero
    sd      t0, HART_USER_TP(tp)
    sd      ra, HART_USER_RA(tp)
    sd      sp, HART_USER_SP(tp)
    ld      sp, HART_STACK_END(tp)
    jalr    t1
    j       invocation_returned
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

/* tp: hart; t0 is in hart->arch, its tp in sscratch; all else is the trapped code's. */
not_an_ecall:
    csrrw   t0, sscratch, zero
    sd      t0, HART_USER_TP(tp)
    csrr    t0, scause
    addi    t0, t0, -CAUSE_FETCH_PAGE_FAULT
    sltiu   t0, t0, CAUSE_STORE_PAGE_FAULT - CAUSE_FETCH_PAGE_FAULT + 1
    bnez    t0, page_fault
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
    beqz    a0, left_slowly
    j       load_thread

/*
 * A page fault, most often answered at once: only what C may spoil is saved, and pc. tp: hart; t0 and tp are in hart->arch; s0
 * to s11 and gp stay where they are, and sepc is the access's.
 */
page_fault:
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
