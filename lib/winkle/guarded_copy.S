/* SPDX-License-Identifier: MIT */
/*
 * wk_guarded_copy copies a2 bytes from a1 to a0; answers 0, or 1 if a byte could not be reached. wk_guarded_swap makes the 32-bit
 * word at a0, if it is a1, a2; answers the same, and in a1 what the word was. A fault between wk_guarded_begin and
 * wk_guarded_end is resumed at wk_guarded_failed by wk_upcall_deliver; therefore no stack and no ra are used here.
 */
    .section .text.wk_guarded_copy, "ax"
    .globl wk_guarded_copy, wk_guarded_text, wk_guarded_swap
    .globl wk_guarded_begin, wk_guarded_end, wk_guarded_failed
wk_guarded_copy:
wk_guarded_begin:
    or      t0, a0, a1
    andi    t0, t0, 7
    bnez    t0, bytes
    li      t1, 32
    bltu    a2, t1, 1f
0:  ld      t0, 0(a1)
    ld      t2, 8(a1)
    ld      t3, 16(a1)
    ld      t4, 24(a1)
    sd      t0, 0(a0)
    sd      t2, 8(a0)
    sd      t3, 16(a0)
    sd      t4, 24(a0)
    addi    a0, a0, 32
    addi    a1, a1, 32
    addi    a2, a2, -32
    bgeu    a2, t1, 0b
1:  li      t1, 8
words:
    bltu    a2, t1, bytes
    ld      t0, 0(a1)
    sd      t0, 0(a0)
    addi    a0, a0, 8
    addi    a1, a1, 8
    addi    a2, a2, -8
    j       words
bytes:
    beqz    a2, done
    lbu     t0, 0(a1)
    sb      t0, 0(a0)
    addi    a0, a0, 1
    addi    a1, a1, 1
    addi    a2, a2, -1
    j       bytes
done:
    li      a0, 0
    ret

/* Copies a text with its zero byte, of at most a2 bytes, likewise: answers 2 more than its length, 0 if it is longer. */
wk_guarded_text:
    mv      t1, a0
    add     t2, a0, a2
0:  beq     a0, t2, done
    lbu     t0, 0(a1)
    sb      t0, 0(a0)
    addi    a0, a0, 1
    addi    a1, a1, 1
    bnez    t0, 0b
    sub     a0, a0, t1
    addi    a0, a0, 1
    ret

wk_guarded_swap:
    lr.w.aqrl t0, (a0)
    bne     t0, a1, 1f
    sc.w.aqrl t1, a2, (a0)
    bnez    t1, wk_guarded_swap
1:  mv      a1, t0
    li      a0, 0
    ret
wk_guarded_end:
wk_guarded_failed:
    li      a0, 1
    ret
