/* SPDX-License-Identifier: MIT */
/* Where the first process begins: a0 the boot page, no stack. */

#define STACK_BYTES 32768

    .section .text.init_entry, "ax"
    .globl init_entry
init_entry:
    .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    la      sp, stack + STACK_BYTES
    li      ra, 0
    li      s0, 0
    tail    init_begin

    .section .bss.stack, "aw", @nobits
    .balign 16
stack:
    .skip   STACK_BYTES
