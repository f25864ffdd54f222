/* SPDX-License-Identifier: MIT */
/*
 * The prologues and epilogues that the compiler calls instead of writing them into each function (-msave-restore), which
 * makes the kernel 2.7 KB smaller. It names them by the number of callee-saved registers, and is as content with one
 * more; libgcc's own are built for another floating-point convention.
 */
    .macro routines even, odd, bytes, registers:vararg
    .globl  __riscv_save_\even, __riscv_save_\odd, __riscv_restore_\even, __riscv_restore_\odd
/* t0: where to go on. */
__riscv_save_\even:
__riscv_save_\odd:
    addi    sp, sp, -\bytes
    .set    place, \bytes
    .irp    register, ra, \registers
    .set    place, place - 8
    sd      \register, place(sp)
    .endr
    jr      t0
/* Returns for its caller. */
__riscv_restore_\even:
__riscv_restore_\odd:
    .set    place, \bytes
    .irp    register, ra, \registers
    .set    place, place - 8
    ld      \register, place(sp)
    .endr
    addi    sp, sp, \bytes
    ret
    .endm

    .text
    routines 0, 1, 16, s0
    routines 2, 3, 32, s0, s1, s2
    routines 4, 5, 48, s0, s1, s2, s3, s4
    routines 6, 7, 64, s0, s1, s2, s3, s4, s5, s6
    routines 8, 9, 80, s0, s1, s2, s3, s4, s5, s6, s7, s8
    routines 10, 11, 96, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10
    routines 12, 13, 112, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11
