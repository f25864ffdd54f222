/* SPDX-License-Identifier: MIT */
/* Where a signal's handler returns to. Debuggers and unwinders know it by these two instructions. */
    .text
    .globl __vdso_rt_sigreturn
    .type __vdso_rt_sigreturn, @function
    .balign 4
    .option norvc
__vdso_rt_sigreturn:
    .cfi_startproc
    .cfi_signal_frame
    li      a7, 139                 /* rt_sigreturn */
    ecall
    .cfi_endproc
    .size __vdso_rt_sigreturn, . - __vdso_rt_sigreturn
