/* SPDX-License-Identifier: MIT */
/* Where programs and threads begin: sets the global pointer, ends the chain of frames, goes on in C. */

    .macro load_global_pointer
    .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    .endm

    /* In: a0 the start block, sp the stack. All else is 0. */
    .section .text.start, "ax"
    .globl _start
_start:
    load_global_pointer
    li      ra, 0
    li      s0, 0
    tail    wk_start_launched

    /* In: a0 and tp the struct wk_thread, sp its stack. */
    .section .text.wk_thread_entry, "ax"
    .globl wk_thread_entry
wk_thread_entry:
    load_global_pointer
    li      ra, 0
    li      s0, 0
    tail    wk_thread_body
