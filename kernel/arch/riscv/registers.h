/* SPDX-License-Identifier: MIT */
/* What C and assembly agree on: the kernel's address map, and bits of control and status registers. */
#ifndef REGISTERS_H
#define REGISTERS_H

#ifdef __ASSEMBLER__
#define UL(number) number
#else
#define UL(number) number##ul
#endif

/* All RAM, at its physical address plus this. */
#define DIRECT_MAP UL(0xffffffc000000000)
/* The direct map ends here. */
#define DIRECT_MAP_END UL(0xffffffffc0000000)
/* The window: hart stacks with an unmapped page under each, then the devices that the kernel drives. */
#define WINDOW_BASE UL(0xffffffffffc00000)
#define WINDOW_BYTES UL(0x200000)
/* The last 2 MiB: what boot allocates, from their start on; and up to the last byte, the kernel's image (kernel.ld). */
#define KERNEL_BASE UL(0xffffffffffe00000)
#define KERNEL_BYTES UL(0x200000)

#define PAGE_BYTES UL(0x1000)
#define STACK_PAGES 2
#define STACK_BYTES (STACK_PAGES * PAGE_BYTES)
/* The n-th hart's stack, counted from the boot hart, ends here; below it lies its unmapped page. */
#define STACK_STRIDE (STACK_BYTES + PAGE_BYTES)
#define STACKS (HARTS_MAX + 1) /* the last one for the boot hart, if its stack moves */
#define STACK_END(index) (WINDOW_BASE + ((index) + 1) * STACK_STRIDE)

/* Page-table entries: Privileged Architecture 1.12, 4.3.1 and 4.4.1. */
#define ENTRY_VALID UL(0x01)
#define ENTRY_READ UL(0x02)
#define ENTRY_WRITE UL(0x04)
#define ENTRY_EXECUTE UL(0x08)
#define ENTRY_USER UL(0x10)
#define ENTRY_GLOBAL UL(0x20)
#define ENTRY_ACCESSED UL(0x40)
#define ENTRY_DIRTY UL(0x80)

#define SATP_SV39 (UL(8) << 60)
#define SATP_ASID_SHIFT 44

/* sstatus: 4.1.1. */
#define SSTATUS_FROM_KERNEL UL(0x100)
#define SSTATUS_VS UL(0x600)
#define SSTATUS_FS UL(0x6000)
#define SSTATUS_FS_INITIAL UL(0x2000)
#define SSTATUS_FS_CLEAN UL(0x4000)
#define SSTATUS_FS_DIRTY UL(0x6000)
#define SSTATUS_XS UL(0x18000)
#define SSTATUS_SUM UL(0x40000)
#define SSTATUS_MXR UL(0x80000)

/* sip and sie: 4.1.3. */
#define INTERRUPT_SOFTWARE UL(0x002)
#define INTERRUPT_TIMER UL(0x020)
#define INTERRUPT_EXTERNAL UL(0x200)

/* scause: 4.1.8. */
#define CAUSE_INTERRUPT (UL(1) << 63)
#define CAUSE_FETCH_MISALIGNED 0
#define CAUSE_FETCH_ACCESS 1
#define CAUSE_ILLEGAL_INSTRUCTION 2
#define CAUSE_BREAKPOINT 3
#define CAUSE_LOAD_MISALIGNED 4
#define CAUSE_LOAD_ACCESS 5
#define CAUSE_STORE_MISALIGNED 6
#define CAUSE_STORE_ACCESS 7
#define CAUSE_USER_ECALL 8
#define CAUSE_FETCH_PAGE_FAULT 12
#define CAUSE_LOAD_PAGE_FAULT 13
#define CAUSE_STORE_PAGE_FAULT 15

/* scounteren: user code may read cycle, time and instret. */
#define COUNTERS_ALL 7

/* stimecmp (Sstc), which assemblers do not know by name yet. */
#define CSR_STIMECMP 0x14d

#endif
