/* SPDX-License-Identifier: MIT */
/*
 * From a trap to the program's handlers in C and back. The kernel enters at wk_upcall_entry with t0 = the frame and all
 * other registers as the trapped code left them, and takes the thread back by the ecall at wk_upcall_return.
 */

#define FRAME_FULL 24
#define FRAME_FP_VALID 584

/* struct context of upcalls.c, behind the frame */
#define CONTEXT 592
#define CONTEXT_STACK_TOP (CONTEXT + 0)
#define CONTEXT_THREAD (CONTEXT + 8)
#define CONTEXT_A (CONTEXT + 16)
#define CONTEXT_RA (CONTEXT + 80)
#define CONTEXT_SP (CONTEXT + 88)
#define CONTEXT_GP (CONTEXT + 96)
#define CONTEXT_TP (CONTEXT + 104)
#define CONTEXT_T1 (CONTEXT + 112)
#define CONTEXT_F (CONTEXT + 160)
#define CONTEXT_FCSR (CONTEXT + 320)

    /* Does `instruction` with each caller-saved register and its place; \base holds the frame. */
    .macro for_integers instruction, base
    \instruction ra, CONTEXT_RA(\base)
    \instruction gp, CONTEXT_GP(\base)
    \instruction tp, CONTEXT_TP(\base)
    \instruction t2, CONTEXT_T1+8(\base)
    \instruction t3, CONTEXT_T1+16(\base)
    \instruction t4, CONTEXT_T1+24(\base)
    \instruction t5, CONTEXT_T1+32(\base)
    \instruction t6, CONTEXT_T1+40(\base)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    \instruction a\n, CONTEXT_A+\n*8(\base)
    .endr
    \instruction sp, CONTEXT_SP(\base)
    .endm

    .macro for_floats instruction, base
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    \instruction fa\n, CONTEXT_F+\n*8(\base)
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    \instruction ft\n, CONTEXT_F+64+\n*8(\base)
    .endr
    .endm

    .macro save_floats base, scratch
    for_floats fsd, \base
    frcsr   \scratch
    sd      \scratch, CONTEXT_FCSR(\base)
    .endm

    .macro restore_floats base, scratch
    for_floats fld, \base
    ld      \scratch, CONTEXT_FCSR(\base)
    fscsr   \scratch
    .endm

    /* In: t0 the frame. Out: sp the handler's stack, with the frame's address on it; gp, tp the program's own. */
    .macro enter_c
    ld      sp, CONTEXT_STACK_TOP(t0)
    ld      tp, CONTEXT_THREAD(t0)
    .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    addi    sp, sp, -16
    sd      t0, 0(sp)
    .endm

    .section .text.wk_upcall_entry, "ax"
    .globl wk_upcall_entry, wk_upcall_return
    .balign 4
wk_upcall_entry:
    sd      t1, CONTEXT_T1(t0)
    ld      t1, FRAME_FULL(t0)
    bnez    t1, full

    /* A foreign call: the frame holds pc and t0 only, the rest is preserved here. */
    for_integers sd, t0
    save_floats t0, t1
    enter_c
    mv      a0, t0
    addi    a1, t0, CONTEXT
    call    wk_upcall_foreign_call
    ld      t0, 0(sp)
    restore_floats t0, t1
    for_integers ld, t0
    ld      t1, CONTEXT_T1(t0)
    j       wk_upcall_return

    /* All else: the frame holds every integer register, and the floating-point ones if it says so. */
full:
    enter_c
    ld      t1, FRAME_FP_VALID(t0)
    bnez    t1, 1f
    save_floats t0, t1
1:  mv      a0, t0
    call    wk_upcall_deliver
    ld      t0, 0(sp)
    ld      t1, FRAME_FP_VALID(t0)
    bnez    t1, 2f
    restore_floats t0, t1
2:  li      a7, 0

    .balign 4
wk_upcall_return:
    ecall
    ebreak
