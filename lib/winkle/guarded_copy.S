/* SPDX-License-Identifier: MIT */
/*
 * wk_guarded_copy copies a2 bytes from a1 to a0; answers 0, or 1 if a byte could not be reached. wk_guarded_swap makes the 32-bit
 * word at a0, if it is a1, a2; answers the same, and in a1 what the word was. A fault between wk_guarded_begin and
 * wk_guarded_end is resumed at wk_guarded_failed by wk_upcall_deliver; therefore no stack and no ra are used here.
 */
    .set    BLOCK, 256              /* so that a page is in few turns */
    .macro  each_of_four instruction, base
    \instruction t0, at + 0(\base)
    \instruction t2, at + 8(\base)
    \instruction t3, at + 16(\base)
    \instruction t4, at + 24(\base)
    .endm

    .section .text.wk_guarded_copy, "ax"
    .globl wk_guarded_copy, wk_guarded_text, wk_guarded_swap
    .globl wk_guarded_begin, wk_guarded_end, wk_guarded_failed
wk_guarded_copy:
wk_guarded_begin:
    or      t0, a0, a1
    andi    t0, t0, 7
    bnez    t0, crooked
straight:
    andi    t1, a2, -BLOCK
    beqz    t1, 1f
    add     t1, t1, a0              /* end of whole blocks */
0:
    .set    at, 0
    .rept   BLOCK / 32
    each_of_four ld, a1
    each_of_four sd, a0
    .set    at, at + 32
    .endr
    addi    a0, a0, BLOCK
    addi    a1, a1, BLOCK
    bne     a0, t1, 0b
    andi    a2, a2, BLOCK - 1
1:  li      t1, 32
    bltu    a2, t1, 1f
0:
    .set    at, 0
    each_of_four ld, a1
    each_of_four sd, a0
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
/* Often it is a word of 32 bits. */
bytes:
    li      t1, 4
    bne     a2, t1, 0f
    or      t0, a0, a1
    andi    t0, t0, 3
    bnez    t0, 0f
    lw      t0, 0(a1)
    sw      t0, 0(a0)
    li      a2, 0
0:  beqz    a2, done
    lbu     t0, 0(a1)
    sb      t0, 0(a0)
    addi    a0, a0, 1
    addi    a1, a1, 1
    addi    a2, a2, -1
    j       0b
done:
    li      a0, 0
    ret

/* Equally crooked, they become straight. */
crooked:
    xor     t0, a0, a1
    andi    t0, t0, 7
    bnez    t0, bytes
    li      t1, 8
    bltu    a2, t1, bytes
0:  lbu     t0, 0(a1)
    sb      t0, 0(a0)
    addi    a0, a0, 1
    addi    a1, a1, 1
    addi    a2, a2, -1
    andi    t0, a0, 7
    bnez    t0, 0b
    j       straight

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
