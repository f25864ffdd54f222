/* SPDX-License-Identifier: MIT */
/* A kernel that says how many instructions the firmware took until it handed over, as `handoff` and 16 hexadecimal digits, and
 * ends. Source: RISC-V SBI 2.0, 5.2 (console_putchar) and 10 (system_reset). */
    .globl  _start
_start:
    rdinstret s0
    la      s1, text
0:  lbu     a0, 0(s1)
    beqz    a0, 1f
    li      a7, 1
    ecall
    addi    s1, s1, 1
    j       0b
1:  li      s1, 60
2:  srl     a0, s0, s1
    andi    a0, a0, 15
    sltiu   t0, a0, 10
    addi    a0, a0, 'a' - 10
    beqz    t0, 3f
    addi    a0, a0, '0' - 'a' + 10
3:  li      a7, 1
    ecall
    addi    s1, s1, -4
    bgez    s1, 2b
    li      a0, '\n'
    li      a7, 1
    ecall
    li      a0, 0
    li      a1, 0
    li      a6, 0
    li      a7, 0x53525354
    ecall
4:  j       4b
text:
    .asciz  "handoff "
