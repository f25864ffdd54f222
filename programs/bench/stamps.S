/* SPDX-License-Identifier: MIT */
/* What stamps.h tells, in assembly, so that nothing stands between an instant and what happens at it. */
#define KIND_FAULT 3 /* WK_MESSAGE_KIND_FAULT, in bits 16 to 19 of a0 */
#define TICK_LOOP 9 /* instructions from one reading of the time to the next */
/* Instructions without effect that the emulator's plugin sees: tools/turns.c. */
#define MARK 0x701
#define BIT_0 0x702
#define BIT_1 0x703
#define END 0x704

    .text

    .globl  invoke_stamped
invoke_stamped:                     /* a0: handle, a1, a2: words, a3: operation, a4: stamps */
    addi    sp, sp, -16
    sd      s0, 0(sp)
    sd      s1, 8(sp)
    mv      s1, a4
    mv      a7, a3
    li      a3, 0
    li      a4, 0
    li      a5, 0
    li      a6, 0
    rdinstret s0
    ecall
    rdinstret t0
    sd      s0, 0(s1)
    sd      t0, 8(s1)
    ld      s0, 0(sp)
    ld      s1, 8(sp)
    addi    sp, sp, 16
    ret

    .globl  invoke_waking
invoke_waking:                      /* a0: handle, a1: word, a2: operation, a3: wake */
    addi    sp, sp, -16
    sd      s0, 0(sp)
    mv      s0, a3
    mv      a7, a2
    li      a2, 0
    li      a3, 0
    ecall
    rdinstret t0
    slti    zero, zero, MARK
    li      t2, -1                  /* t2: the time read last, t3: right before which instruction */
    li      t3, 0
1:  mv      t1, t2                  /* t1, t5: those of the time before */
    mv      t5, t3
2:  rdinstret t3
    rdtime  t2
    rdinstret t4
    sub     t4, t4, t3
    addi    t4, t4, -2
    bnez    t4, 2b                  /* interrupted at it */
    beq     t1, t2, 1b
    sub     t4, t3, t5
    addi    t4, t4, -TICK_LOOP
    bnez    t4, 1b                  /* interrupted since the one before */
    sd      t0, 0(s0)
    sd      t2, 8(s0)
    sd      t3, 16(s0)
    ld      s0, 0(sp)
    addi    sp, sp, 16
    ret

    .globl  tell_emulator
tell_emulator:
    li      t0, 64
1:  bltz    a0, 2f
    slti    zero, zero, BIT_0
    j       3f
2:  slti    zero, zero, BIT_1
3:  slli    a0, a0, 1
    addi    t0, t0, -1
    bnez    t0, 1b
    slti    zero, zero, END
    ret

    .globl  store_stamped
store_stamped:
    rdinstret t0
    sw      zero, 0(a0)
    mv      a0, t0
    ret

    .globl  store_stamps
store_stamps:
    rdinstret t0
    sd      t0, 0(a0)
    j       store_stamps

    .globl  count_for_ever
count_for_ever:
    addi    t0, t0, 1
    sd      t0, 0(a0)
    j       count_for_ever

    .globl  watch_count
watch_count:                        /* a0: counter, a1: changes, a2: watch */
    ld      t0, 0(a0)               /* t0: the count seen last */
    mv      t1, t0                  /* t1: the count at the beginning */
    mv      t2, a1
    li      t3, 0                   /* t3: turns */
    rdinstret t4
1:  ld      t5, 0(a0)
    addi    t3, t3, 1
    beq     t5, t0, 1b
    mv      t0, t5
    addi    a1, a1, -1
    bnez    a1, 1b
    rdinstret t5
    sub     t5, t5, t4
    sd      t5, 0(a2)
    add     t3, t3, t2
    slli    t4, t3, 1
    add     t3, t3, t4              /* three instructions a turn, three more a change */
    sd      t3, 8(a2)
    sub     t0, t0, t1
    sd      t0, 16(a2)
    ret

    /* a0: endpoint, a1: operation. The words stay in a1 to a6; the first time there is nobody to answer. */
    .macro  serve name, status:vararg
    .globl  \name
\name:
    addi    sp, sp, -16
    sd      s0, 0(sp)
    sd      s1, 8(sp)
    mv      s0, a0
    mv      s1, a1
1:  mv      a0, s0
    mv      a7, s1
    ecall
    \status
    beqz    a0, 1b
    ld      s0, 0(sp)
    ld      s1, 8(sp)
    addi    sp, sp, 16
    ret
    .endm

    serve   serve_calls
    serve   serve_loans, andi a0, a0, 0x7ff /* without the marks of capabilities */

    .macro  go_on_behind_it         /* a0: 0 if it was a fault; a3: its pc */
    lui     t1, KIND_FAULT << 4
    xor     a0, a0, t1
    addi    a1, a3, 4
    .endm
    serve   serve_faults, go_on_behind_it

    /* a0: turns, a1: address. */
    .globl  loop_loads
loop_loads:
    rdinstret t0
1:  lw      zero, 0(a1)
    addi    a0, a0, -1
    bnez    a0, 1b
    rdinstret a0
    sub     a0, a0, t0
    ret

    /* a0: turns, a1: registers, as struct wk_registers has them. The words 1 to 5 go round and round. */
    .macro  calls name, call:vararg
    .globl  \name
\name:
    addi    sp, sp, -64
    sd      s0, 0(sp)
    sd      s1, 8(sp)
    sd      s2, 16(sp)
    sd      s3, 24(sp)
    sd      s4, 32(sp)
    sd      s5, 40(sp)
    sd      s6, 48(sp)
    mv      s0, a0
    mv      s1, a1
    ld      s2, 0(s1)
    ld      s3, 8(s1)
    ld      s4, 16(s1)
    ld      s5, 24(s1)
    ld      a2, 32(s1)
    ld      a3, 40(s1)
    ld      a4, 48(s1)
    ld      a5, 56(s1)
    ld      a6, 64(s1)
    rdinstret s6
1:  mv      a0, s2
    mv      a7, s3
    mv      t0, s4
    mv      a1, s5
    \call
    addi    s0, s0, -1
    bnez    s0, 1b
    rdinstret t1
    sd      a0, 0(s1)
    sd      a7, 8(s1)
    sd      t0, 16(s1)
    sd      a1, 24(s1)
    sd      a2, 32(s1)
    sd      a3, 40(s1)
    sd      a4, 48(s1)
    sd      a5, 56(s1)
    sd      a6, 64(s1)
    sub     a0, t1, s6
    ld      s0, 0(sp)
    ld      s1, 8(sp)
    ld      s2, 16(sp)
    ld      s3, 24(sp)
    ld      s4, 32(sp)
    ld      s5, 40(sp)
    ld      s6, 48(sp)
    addi    sp, sp, 64
    ret
    .endm

    calls   loop_calls, ecall
    calls   loop_calls_without
