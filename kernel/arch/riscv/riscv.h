/* SPDX-License-Identifier: MIT */
/* What the files of this folder know of each other. Portable code does not include this. */
#ifndef RISCV_H
#define RISCV_H

#include "boot.h"
#include "hart.h"
#include "machine/known.h"

#define CSR_TEXT(name) #name
#define csr_read(name)                                                                                                 \
    __extension__({                                                                                                    \
        uint64_t csr_value = 0;                                                                                        \
        __asm__ volatile("csrr %0, " CSR_TEXT(name) : "=r"(csr_value)::"memory");                                      \
        csr_value;                                                                                                     \
    })
#define csr_write(name, value) __asm__ volatile("csrw " CSR_TEXT(name) ", %0" ::"r"((uint64_t)(value)) : "memory")
#define csr_set(name, bits) __asm__ volatile("csrs " CSR_TEXT(name) ", %0" ::"r"((uint64_t)(bits)) : "memory")
#define csr_clear(name, bits) __asm__ volatile("csrc " CSR_TEXT(name) ", %0" ::"r"((uint64_t)(bits)) : "memory")

/* What the device tree told that only this folder needs (machine.c). */
struct machine {
    const char *isa; /* in the device tree */
    bool has_fp;
    bool has_sstc;
    uint64_t hartids[HARTS_MAX]; /* the boot hart first */
    unsigned hart_count;
    uint64_t plic;                               /* physical address */
    unsigned plic_context;                       /* of the boot hart's supervisor mode */
    unsigned plic_lines;                         /* 0: there is no controller that the kernel could use */
    uint64_t finisher;                           /* physical address, 0: there is none */
    const struct known_machine *known;           /* NULL: nothing is special to it */
    struct boot_range unmapped[BOOT_RANGES_MAX]; /* parts of RAM that firmware forbids to map */
    unsigned unmapped_count;
};
extern struct machine machine;

/* Reads the device tree into boot_information and `machine`; panics if it is unusable. */
void machine_read(struct physical tree, uint64_t boot_hartid);

/* start.S */
extern char image_header[];             /* the image's first byte */
extern char boot_stack[];               /* STACK_BYTES */
void hart_entry(void);                  /* where a further hart starts: address translation off */
bool stimecmp_exists(void);             /* whether Sstc's register can be read */
extern uint64_t arch_boot_instructions; /* instructions retired when the kernel was entered */

/* kernel.ld */
extern char kernel_text_end[], kernel_rodata_end[];
extern char kernel_memory_bytes[]; /* its address is a number: what the image takes in memory */

/* Called by assembly. */
uint64_t page_tables_begin(uint64_t image);
_Noreturn void boot_main(uint64_t hartid, struct physical tree, uint64_t image);
_Noreturn void hart_main(void);
struct thread *trap_exception(uint64_t cause);
/* A page fault by its cause and address; and what follows where the thread does not go straight on. */
enum trap_way trap_page_dispatch(uint64_t cause, uint64_t address);
struct thread *trap_page_leave(enum trap_way way);
_Noreturn void trap_in_kernel(void);

/* trap.S: leaves the kernel for the first time, on an empty stack. */
_Noreturn void trap_first_leave(void);

/* harts.c */
#define HART_PAGES 5 /* for a hart's struct, and its stack */
void hart_boot_prepare(uint64_t hartid);
void harts_start(void);
void harts_release(void);
_Noreturn void hart_halt(void);

/* clock.c */
void clock_init(uint64_t timebase_hz, bool use_sstc);
/* What a hart needs to know to tell the time. */
void clock_prepare(struct arch_hart *arch);

/* tim.c: a range of tightly-integrated memory; and, when all else is mapped, those that the machine's file knows of, or so
 * much RAM instead, and what they are to the kernel: of how many pages it may itself make use. */
void tim_add(uint64_t start, uint64_t end, uint64_t attributes);
void tim_init(uint64_t stand_in_bytes, uint64_t kernel_pages);
/* Pages of it for the kernel itself, zeroed, for as many as tim_init was told; NULL: there are not so many left. */
void *tim_kernel_pages(uint64_t count, struct physical *physical);
/* Says how many it got, of those that it wants in all. */
void tim_tell_kernel_pages(uint64_t wanted);

/* plic.c: takes charge of machine.plic. */
void plic_init(void);
/* Whether a controller with registers of `bytes` has this context. */
bool plic_has_context(uint64_t bytes, uint64_t context);

/* panic.c */
void panic_stop_if_asked(void);

#endif
