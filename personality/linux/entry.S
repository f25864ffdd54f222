/* SPDX-License-Identifier: MIT */
/*
 * Every way into the personality and out. The kernel enters at linux_entry with t0 = a frame of the thread (winkle/frame.h) and all
 * other registers as the program has them, and takes the thread back by the ecall at linux_return. The personality never uses
 * floating-point registers: they stay the program's, and are saved here only where a program is to see them.
 */
#include "entry.h"

    /* Does `instruction` with each register that C may spoil and its place behind the frame, but t0, t1 and a0. */
    .macro for_spoiled instruction, base
    \instruction ra, CONTEXT_RA(\base)
    \instruction gp, CONTEXT_GP(\base)
    \instruction t2, CONTEXT_T1+8(\base)
    \instruction t3, CONTEXT_T1+16(\base)
    \instruction t4, CONTEXT_T1+24(\base)
    \instruction t5, CONTEXT_T1+32(\base)
    \instruction t6, CONTEXT_T1+40(\base)
    .irp n, 1, 2, 3, 4, 5, 6, 7
    \instruction a\n, CONTEXT_A+\n*8(\base)
    .endr
    \instruction sp, CONTEXT_SP(\base)
    .endm

    .macro for_kept instruction, base, offset
    \instruction s0, \offset+8*8(\base)
    \instruction s1, \offset+9*8(\base)
    .irp n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    \instruction s\n, \offset+(16+\n)*8(\base)
    .endr
    .endm

    /* All but those, tp and t0. */
    .macro for_spoiled_x instruction, base, offset
    .irp n, 1, 2, 3, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
    \instruction x\n, \offset+\n*8(\base)
    .endr
    .endm

    .macro for_floats instruction, base, offset
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \instruction f\n, \offset+\n*8(\base)
    .endr
    .endm

    .macro load_global_pointer
    .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    .endm

    .section .text.linux_entry, "ax"
    .globl linux_entry, linux_return, linux_leave_by_frame
    .balign 4
linux_entry:
    sd      t1, CONTEXT_T1(t0)
    ld      t1, FRAME_FULL(t0)
    bnez    t1, full

/* A Linux call: number in a7, arguments in a0 to a5. The frame holds pc and t0; s0 to s11 stay where they are. */
    for_spoiled sd, t0
    sd      a0, CONTEXT_A(t0)
    sd      tp, CONTEXT_TP(t0)
    ld      sp, CONTEXT_STACK_TOP(t0)
    ld      tp, CONTEXT_THREAD(t0)
    load_global_pointer
    ld      t1, linux_table
    li      t2, LINUX_TABLE_COUNT
    bltu    a7, t2, 1f
    li      a7, LINUX_TABLE_COUNT
1:  slli    a7, a7, 3
    add     t1, t1, a7
    ld      t1, (t1)
    addi    a0, t0, CONTEXT_A
    jalr    t1
    ld      t0, THREAD_FRAME(tp)
    ld      t1, THREAD_ATTENTION(tp)
    bnez    t1, leave_slowly
    for_spoiled ld, t0
    ld      tp, CONTEXT_TP(t0)
    ld      t1, CONTEXT_T1(t0)
    j       linux_return

/* The frame is to hold all registers but the floating-point ones, for linux_leave to change them. a0: the call's result. */
leave_slowly:
    sd      a0, FRAME_X+10*8(t0)
    for_kept sd, t0, FRAME_X
    mv      a0, t0
    call    linux_leave
/* In: tp the thread. Loads all registers from its call frame; the kernel has a slow way to do so, which the frame asks for. */
linux_leave_by_frame:
    ld      t0, THREAD_FRAME(tp)
    ld      t1, FRAME_FULL(t0)
    bnez    t1, 1f
    for_kept ld, t0, FRAME_X
    for_spoiled_x ld, t0, FRAME_X
    ld      tp, FRAME_X+4*8(t0)
    j       linux_return
1:  li      a7, 0
    j       linux_return

/* A fault or an interrupt: the frame holds all registers. */
full:
    ld      sp, CONTEXT_STACK_TOP(t0)
    ld      tp, CONTEXT_THREAD(t0)
    load_global_pointer
    addi    sp, sp, -16
    sd      t0, 0(sp)
    mv      a0, t0
    call    linux_deliver
    ld      t0, 0(sp)
    li      a7, 0

    .balign 4
linux_return:
    ecall
    ebreak

/*
 * uint64_t linux_capture(struct capture *capture): keeps what a call's return needs, and all floating-point registers; answers 0.
 * linux_resume, where a thread in a copy of the memory begins with a0 = the capture, answers a1 in its place.
 */
    .section .text.linux_capture, "ax"
    .globl linux_capture, linux_resume
linux_capture:
    sd      ra, CAPTURE_X+1*8(a0)
    sd      sp, CAPTURE_X+2*8(a0)
    sd      gp, CAPTURE_X+3*8(a0)
    sd      tp, CAPTURE_X+4*8(a0)
    for_kept sd, a0, CAPTURE_X
    for_floats fsd, a0, CAPTURE_F
    frcsr   t0
    sd      t0, CAPTURE_FCSR(a0)
    li      a0, 0
    ret

linux_resume:
    ld      ra, CAPTURE_X+1*8(a0)
    ld      sp, CAPTURE_X+2*8(a0)
    ld      gp, CAPTURE_X+3*8(a0)
    ld      tp, CAPTURE_X+4*8(a0)
    for_kept ld, a0, CAPTURE_X
    for_floats fld, a0, CAPTURE_F
    ld      t0, CAPTURE_FCSR(a0)
    fscsr   t0
    mv      a0, a1
    ret

/* Where a signal's handler returns to. Debuggers and unwinders know it by these two instructions. */
    .section .text.linux_signal_return, "ax"
    .globl linux_signal_return
    .balign 4
linux_signal_return:
    li      a7, 139                 /* rt_sigreturn */
    ecall

/*
 * uint64_t linux_push_registers(uint64_t context, const struct wk_frame *frame): writes pc and all registers as a struct sigcontext,
 * the floating-point ones as they are; linux_pop_registers reads it back. Both answer 0, or 1 if a byte could not be reached:
 * linux_deliver goes on at linux_guarded_failed. Therefore no stack and no ra are used here.
 */
    .section .text.linux_guarded, "ax"
    .globl linux_push_registers, linux_pop_registers, linux_guarded_begin, linux_guarded_end, linux_guarded_failed
linux_guarded_begin:
linux_push_registers:
    ld      t0, FRAME_PC(a1)
    sd      t0, 0(a0)
    .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ld      t0, FRAME_X+\n*8(a1)
    sd      t0, \n*8(a0)
    .endr
    for_floats fsd, a0, SIGCONTEXT_F
    frcsr   t0
    sd      t0, SIGCONTEXT_FCSR(a0)
    sw      zero, SIGCONTEXT_EXTENSIONS(a0)
    sd      zero, SIGCONTEXT_EXTENSIONS+4(a0)
    li      a0, 0
    ret
linux_pop_registers:
    ld      t0, 0(a0)
    sd      t0, FRAME_PC(a1)
    .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ld      t0, \n*8(a0)
    sd      t0, FRAME_X+\n*8(a1)
    .endr
    for_floats fld, a0, SIGCONTEXT_F
    lwu     t0, SIGCONTEXT_FCSR(a0)
    fscsr   t0
    li      a0, 0
    ret
linux_guarded_end:
linux_guarded_failed:
    li      a0, 1
    ret

/* void linux_save_floats(struct wk_frame *frame) */
    .section .text.linux_save_floats, "ax"
    .globl linux_save_floats
linux_save_floats:
    for_floats fsd, a0, FRAME_F
    frcsr   t0
    sd      t0, FRAME_FCSR(a0)
    li      t0, 1
    sd      t0, FRAME_FP_VALID(a0)
    ret
