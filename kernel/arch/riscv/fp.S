/* SPDX-License-Identifier: MIT */
/* The floating-point registers. The kernel is compiled without any; this file alone knows them. */
#include "offsets.h"
#include "registers.h"

    .attribute arch, "rv64imafdc"

    .macro  each_fp instruction
    .irp    number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    \instruction f\number, CONTEXT_F + 8 * \number(a0)
    .endr
    .irp    number, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \instruction f\number, CONTEXT_F + 8 * \number(a0)
    .endr
    .endm

    .text
/* a0: struct arch_context. Requires: sstatus.FS is dirty; it is clean then. t6: lost, and nothing else. */
    .globl  fp_save
fp_save:
    each_fp fsd
    frcsr   t6
    sd      t6, CONTEXT_FCSR(a0)
    j       fp_clean

/*
 * a0: struct arch_context; tp: the hart. Turns the unit on with its registers, which the hart may still have: a thread that
 * called a server which knows no floating point finds them as they were. t6: lost, and nothing else.
 */
    .globl  fp_load
fp_load:
    li      t6, SSTATUS_FS_CLEAN
    csrs    sstatus, t6
    ld      t6, HART_FP_CONTEXT(tp)
    bne     t6, a0, 1f
    ld      t6, CONTEXT_FP_STATE(a0)
    bne     t6, tp, 1f
    ret
1:  sd      a0, HART_FP_CONTEXT(tp)
    sd      tp, CONTEXT_FP_STATE(a0)
    each_fp fld
    ld      t6, CONTEXT_FCSR(a0)
    fscsr   t6
fp_clean:
    li      t6, SSTATUS_FS_DIRTY ^ SSTATUS_FS_CLEAN
    csrc    sstatus, t6
    ret
