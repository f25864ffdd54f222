/* SPDX-License-Identifier: MIT */
/*
 * What an architecture must provide. Portable kernel code includes this header and nothing else of arch/; arch/riscv and
 * arch/host implement it. `arch_inline.h`, found by the include path, defines the types and the inline functions marked
 * (inline) here. It also has the type `arch_code` and the table `operation_wrappers` (invoke.h) of where operations are.
 *
 * Page tables have the shape that all 64-bit machines share: ARCH_TABLE_LEVELS levels of 512 entries of 64 bits. The
 * portable code walks them; the architecture says what an entry looks like.
 */
#ifndef ARCH_H
#define ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <winkle/abi.h>

struct hart;
struct thread;
struct space;

/* A physical address, distinct from kernel pointers and from user addresses. */
struct physical {
    uint64_t address;
};

/* What an access needs, as enum wk_protection has it. */
enum arch_access {
    ARCH_LOAD = WK_PROTECTION_READ,
    ARCH_STORE = WK_PROTECTION_WRITE,
    ARCH_FETCH = WK_PROTECTION_EXECUTE
};

/* Attributes of a leaf entry beside its protection (enum wk_protection bits). */
enum arch_leaf_kind { ARCH_LEAF_MEMORY, ARCH_LEAF_DEVICE };

/*
 * A thread's registers. x[0] is the program counter; x[1] to x[31] the general registers (by the RISC-V numbering, which
 * the host port keeps). The floating-point state is the architecture's own.
 */
struct arch_context;

#include "arch_inline.h" /* struct arch_context, struct arch_hart, struct arch_panic, and: */

/* (inline) The kernel's pointer to a physical address in RAM, and back. */
static inline void *arch_pointer(struct physical physical);
static inline struct physical arch_physical(const void *pointer);

/* (inline) The hart that runs this code. */
static inline struct hart *hart_current(void);

/* (inline) Page-table entries. A present entry is a leaf or points to a table. */
static inline uint64_t arch_entry_leaf(struct physical page, uint64_t protection, enum arch_leaf_kind kind);
static inline uint64_t arch_entry_table(struct physical table);
static inline bool arch_entry_is_present(uint64_t entry);
static inline bool arch_entry_is_leaf(uint64_t entry);
static inline bool arch_entry_is_table(uint64_t entry);
static inline uint64_t *arch_entry_table_pointer(uint64_t entry); /* of an entry that points to a table */
static inline struct physical arch_entry_physical(uint64_t entry);
static inline uint64_t arch_entry_protection(uint64_t entry);
/* (inline) A leaf that allows nothing beyond `protection` any more; 0 if it would allow nothing. */
static inline uint64_t arch_entry_restricted(uint64_t entry, uint64_t protection);
/* (inline) Orders earlier entry writes before later page-table walks of this hart, after a not-present entry became
 * present (no flush of other harts is needed for that; a spurious fault retries). */
static inline void arch_entry_published(void);

/* (inline) Drops what this hart's TLB holds: of one page of an address space, of one address space, of everything. */
static inline void arch_flush_page(uint64_t asid, uint64_t address);
static inline void arch_flush_space(uint64_t asid);
static inline void arch_flush_all(void);
/* (inline) This hart's later instruction fetches see all stores that it sees now. */
static inline void arch_fetch_fence(void);
/* (inline) Makes an address space current on this hart. */
static inline void arch_space_switch(uint64_t word);
/* (inline) What says so: the root table and the number. */
static inline uint64_t arch_space_word(struct physical root, uint64_t asid);

/* (inline) The context of a thread. */
static inline uint64_t arch_context_get(const struct arch_context *context, unsigned number); /* 0 is pc, 1..31 */
static inline void arch_context_set(struct arch_context *context, unsigned number, uint64_t value);
/* (inline) Sets what an invocation answers, for a thread whose context was saved inside its ecall: status and six words;
 * every other caller-saved register becomes 0. */
static inline void arch_context_answer(struct arch_context *context, uint64_t status, const uint64_t words[6]);

/* (inline) The registers a1 to a6. */
static inline const uint64_t *arch_context_words(const struct arch_context *context);
/* (inline) What a receiver gets: the words in place of an answer's, and the operation and the badge in their registers. */
static inline void arch_context_deliver(struct arch_context *context, uint64_t status, uint64_t operation,
                                        uint64_t badge, const uint64_t words[6]);
/* (inline) The deadline register of the invocation that this hart executes. */
static inline uint64_t arch_invocation_deadline(const struct hart *hart);

/* (inline) Instructions retired by this hart, for the meters. */
static inline uint64_t arch_instructions(void);
/* Instructions retired when the kernel was entered. */
extern uint64_t arch_boot_instructions;
/* (inline) Out-of-memory injection for tests: true if this charge is to fail. Constant false but on the host. */
static inline bool arch_allocation_fails(void);
/* (inline) Says to a spinning hart that it spins. */
static inline void arch_relax(void);
/* (inline) Which interrupts wait that this hart would take, ARCH_INTERRUPT_SOFTWARE, _TIMER and _EXTERNAL: a preemption
 * point's question. */
static inline uint64_t arch_interrupts_waiting(void);

/* (inline) Nanoseconds since boot. The clocks of two harts may differ by a tick. */
static inline uint64_t arch_time_ns(void);
/* (inline) ARCH_TIMER_LEAD_NS: how much earlier the timer is to fire than what is urgent is due, see deadline.h. */
/* (inline) Asks for a timer interrupt on this hart at that time; UINT64_MAX for none. Called only when the time changed. */
static inline void arch_timer_set(uint64_t time_ns);
/* Sends an inter-processor interrupt; the receiver calls `hart_notified`. */
void arch_hart_notify(struct hart *hart);
/* Takes the interrupts that wait, as if they had trapped: calls trap_timer, trap_external, trap_software. A preemption
 * point's act; without the lock. */
void arch_interrupts_take(void);
/* Sleeps until an interrupt waits. Called without the lock; interrupts stay off. */
void arch_idle(void);
/* Width of address space identifiers; 0 if there are none. */
unsigned arch_asid_bits(void);

/* The root table of the kernel's own part alone. */
struct physical arch_kernel_root(void);
/* Prepares a new address space's root table (a zeroed page): enters the kernel's own part. */
void arch_space_prepare(void *root_table);
/* Prepares a thread's first context. */
void arch_context_start(struct arch_context *context, uint64_t entry, uint64_t stack, uint64_t thread_pointer,
                        uint64_t argument0, uint64_t argument1);
/*
 * The hart goes from running `from` to running `to` (either may be NULL): saves the floating-point state of `from` if it
 * is dirty, restores that of `to`. Address spaces are the caller's business.
 */
void arch_thread_switch(struct thread *from, struct thread *to);
/* Copies the thread's floating-point state out of or into an upcall frame's f and fcsr. */
bool arch_context_save_fp(struct thread *thread, uint64_t f[32], uint64_t *fcsr); /* false if it has none */
void arch_context_load_fp(struct thread *thread, const uint64_t f[32], uint64_t fcsr);

/* One page, filled with zeros or copied; up to 4096 bytes copied. Called without the lock. */
void arch_page_zero(void *page);
void arch_bytes_copy(void *to, const void *from, size_t bytes);

/* Interrupt lines: claim order, masking and completion are the controller's. `line` is 1..arch_irq_lines(). */
unsigned arch_irq_lines(void);
void arch_irq_enable(unsigned line); /* lets the line interrupt the boot hart */
void arch_irq_disable(unsigned line);
unsigned arch_irq_claim(void);         /* the line that interrupts this hart now, 0 if none */
void arch_irq_complete(unsigned line); /* ends a claim */

/* The console of last resort, and power. */
void arch_console_put(char character);
int arch_console_get(void); /* -1 if nothing was typed */
_Noreturn void arch_power_off(unsigned status);
_Noreturn void arch_reboot(void);
/* Prints registers and a backtrace for a panic, stops the other harts and this one. */
_Noreturn void arch_panic_stop(void);

/* True if [physical, physical + bytes) is claimable device memory: no RAM, nothing the kernel drives itself. */
bool arch_region_is_device(struct physical physical, uint64_t bytes);

#endif
