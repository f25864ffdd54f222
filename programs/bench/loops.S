/* SPDX-License-Identifier: MIT */
/* Loops whose turns differ by exactly one `ecall`. Each answers the instructions that all its turns took. */
#define FOREIGN_NUMBER 173

    .text

    /* a0: turns, a1: handle, a2: operation, a3: a word. s0 to s4 hold what the ecall would lose. */
    .macro  invocations name, call:vararg
    .globl  \name
\name:
    addi    sp, sp, -48
    sd      s0, 0(sp)
    sd      s1, 8(sp)
    sd      s2, 16(sp)
    sd      s3, 24(sp)
    sd      s4, 32(sp)
    mv      s0, a0
    mv      s1, a1
    mv      s3, a2
    mv      s4, a3
    rdinstret s2
1:  mv      a0, s1
    mv      a1, s4
    mv      a7, s3
    \call
    addi    s0, s0, -1
    bnez    s0, 1b
    rdinstret a0
    sub     a0, a0, s2
    ld      s0, 0(sp)
    ld      s1, 8(sp)
    ld      s2, 16(sp)
    ld      s3, 24(sp)
    ld      s4, 32(sp)
    addi    sp, sp, 48
    ret
    .endm

    invocations loop_invocations, ecall
    invocations loop_invocations_without

    /* a0: turns; a foreign call loses a0 alone. */
    .macro  foreign_calls name, call:vararg
    .globl  \name
\name:
    mv      t0, a0
    rdinstret t1
    li      a7, FOREIGN_NUMBER
1:  \call
    addi    t0, t0, -1
    bnez    t0, 1b
    rdinstret a0
    sub     a0, a0, t1
    ret
    .endm

    foreign_calls loop_foreign_calls, ecall
    foreign_calls loop_foreign_calls_without

    /* What answers the foreign calls. */
    .globl  empty_handler, empty_handler_return
    .balign 4
empty_handler:
    li      a0, 0
    .balign 4
empty_handler_return:
    ecall
