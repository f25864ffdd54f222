/* SPDX-License-Identifier: MIT */
/* The floating-point registers. The kernel is compiled without any; this file alone knows them. */
#include "offsets.h"

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
/* a0: struct arch_context. Requires: sstatus.FS is not off. */
    .globl  fp_save
fp_save:
    each_fp fsd
    frcsr   t0
    sd      t0, CONTEXT_FCSR(a0)
    ret

/* a0: struct arch_context. Requires: sstatus.FS is not off. */
    .globl  fp_load
fp_load:
    each_fp fld
    ld      t0, CONTEXT_FCSR(a0)
    fscsr   t0
    ret
