/* SPDX-License-Identifier: MIT */
/*
 * Where harts enter the kernel. Firmware jumps here in supervisor mode with address translation off: the boot hart at
 * the image's first byte, every further hart at hart_entry (SBI 2.0, chapter 9). But OpenSBI 1.1 lets a hart go
 * before it has written down where to: a hart that happens to be awake while it is started comes in by the image's first
 * byte too, and its a1 means nothing. So the first to come is the boot hart, and all others find themselves in
 * hart_starting.
 */
#include "offsets.h"
#include "registers.h"

/*
 * The header that boot loaders know from Linux (Documentation/riscv/boot-image-header.rst): where they load the image,
 * and how much memory from there on they leave to it.
 */
    .section .text.image_header, "ax"
    .option norvc
    .globl image_header
image_header:
    j       boot_hart_entry
    nop
    .dword  KERNEL_BYTES            /* offset from the start of RAM */
    .dword  kernel_memory_bytes
    .dword  0                       /* flags: little-endian */
    .word   2                       /* header version 0.2 */
    .word   0
    .dword  0
    .ascii  "RISCV\0\0\0"
    .ascii  "RSC\x05"
    .word   0
    .option rvc

/*
 * Turns address translation on and goes on at the next instruction's kernel address. The physical address is nowhere
 * mapped, so the next fetch traps, to where stvec says.
 * Requires: satp in a0. Changes t0, stvec, sepc, scause, stval, sstatus.
 */
    .macro enter_kernel_space
    ld      t0, 1f
    csrw    stvec, t0
    sfence.vma
    csrw    satp, a0
0:  wfi                             /* still here: the hart has no Sv39 */
    j       0b
    .balign 8
1:  .dword  2f
2:
    .endm

    .section .text.start, "ax"
    .option norelax                 /* while translation is off, only distances hold: no address may be used as it is */
/* a0: the firmware's number of this hart; a1: the device tree's physical address. Interrupts are off. */
boot_hart_entry:
    la      t0, boot_has_begun
    li      t1, 1
    amoswap.w.aq t1, t1, (t0)
    bnez    t1, hart_entry
    rdinstret s2
    mv      s0, a0
    mv      s1, a1
    csrw    sie, zero
    la      s3, image_header
    lui     sp, %hi(kernel_memory_bytes)
    addi    sp, sp, %lo(kernel_memory_bytes)
    add     sp, sp, s3              /* the image's end: where the stack ends too */
    la      t0, kernel_bss
0:  sd      zero, 0(t0)
    sd      zero, 8(t0)
    sd      zero, 16(t0)
    sd      zero, 24(t0)
    sd      zero, 32(t0)
    sd      zero, 40(t0)
    sd      zero, 48(t0)
    sd      zero, 56(t0)
    addi    t0, t0, 64
    bltu    t0, sp, 0b
    mv      a0, s3
    jal     page_tables_begin       /* a0: satp */
    .balign 4
    enter_kernel_space
    la      tp, boot_hart
    csrw    sscratch, zero
    la      t0, trap_entry
    csrw    stvec, t0
    li      sp, STACK_END(0)
    la      t0, arch_boot_instructions
    sd      s2, 0(t0)
    mv      a0, s0
    mv      a1, s1
    mv      a2, s3
    li      s0, 0                   /* ends the chain of frame pointers */
    jal     boot_main

/* a0: the firmware's number of this hart. Interrupts are off. Waits until the boot hart starts it. */
    .globl  hart_entry
    .balign 4
hart_entry:
    csrw    sie, zero
    mv      s1, a0
    la      t0, hart_starting
0:  ld      t1, 0(t0)
    beqz    t1, 0b
    fence   r, r
    la      a0, kernel_satp
    ld      a0, 0(a0)
    .balign 4
    enter_kernel_space
    la      t0, hart_starting
0:  ld      tp, 0(t0)
    beqz    tp, 0b
    fence   r, r
    ld      t1, HART_HARTID(tp)
    bne     t1, s1, 0b
    sfence.vma                      /* its stack was mapped meanwhile */
    csrw    sscratch, zero
    la      t0, trap_entry
    csrw    stvec, t0
    ld      sp, HART_STACK_END(tp)
    li      s0, 0
    jal     hart_main

/* Answers in a0 whether the register of Sstc is there: firmware may have left it off. Changes sstatus by a trap. */
    .globl  stimecmp_exists
stimecmp_exists:
    li      a0, 0
    la      t0, 0f
    csrrw   t0, stvec, t0
    csrr    t1, CSR_STIMECMP
    li      a0, 1
    .balign 4
0:  csrw    stvec, t0
    ret

/* Not in .bss: a hart that comes late must not find it cleared. */
    .section .data, "aw"
    .balign 4
boot_has_begun:
    .word   0

    .section .noinit, "aw", @nobits
    .balign PAGE_BYTES
    .globl  boot_stack
boot_stack:
    .skip   STACK_BYTES
