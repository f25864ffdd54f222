/* SPDX-License-Identifier: MIT */
/* Pages filled and copied, in as few instructions as plain loads and stores allow. */
#include "registers.h"

    .text
/* a0: the page. 524 instructions. As far as offsets allow, the stores are short ones, for which zero is no register. */
    .globl  arch_page_zero
arch_page_zero:
    li      t0, PAGE_BYTES
    add     t0, t0, a0
    li      a1, 0
0:
    .set    offset, 0
    .rept   128
    sd      a1, offset(a0)
    .set    offset, offset + 8
    .endr
    addi    a0, a0, 1024
    bltu    a0, t0, 0b
    ret

/* a0: to, a1: from, a2: bytes; they do not overlap. */
    .globl  arch_bytes_copy
arch_bytes_copy:
    or      t0, a0, a1
    andi    t0, t0, 7
    bnez    t0, copy_bytes
    andi    t1, a2, -256
    add     t1, t1, a0              /* end of whole blocks of 256 bytes */
    beq     a0, t1, copy_words
0:                                  /* short instructions, as far as offsets and registers go */
    .set    offset, 0
    .rept   16
    ld      a3, offset(a1)
    ld      a4, offset + 8(a1)
    sd      a3, offset(a0)
    sd      a4, offset + 8(a0)
    .set    offset, offset + 16
    .endr
    addi    a0, a0, 256
    addi    a1, a1, 256
    bltu    a0, t1, 0b
    andi    a2, a2, 255
copy_words:
    addi    a2, a2, -8
    bltz    a2, copy_rest
    ld      a3, 0(a1)
    sd      a3, 0(a0)
    addi    a0, a0, 8
    addi    a1, a1, 8
    j       copy_words
copy_rest:
    addi    a2, a2, 8
copy_bytes:
    beqz    a2, copied
    lb      a3, 0(a1)
    sb      a3, 0(a0)
    addi    a0, a0, 1
    addi    a1, a1, 1
    addi    a2, a2, -1
    j       copy_bytes
copied:
    ret
