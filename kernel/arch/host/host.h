/* SPDX-License-Identifier: MIT */
/*
 * The control panel of the simulated machine, for tests. Tests run outside of all harts; a hart runs kernel code only
 * inside host_run, which returns when every hart runs user code or sleeps and no interrupt waits. What user code does is
 * the test's to say: it loads registers, raises traps, and accesses memory through a hart's page tables and TLB.
 *
 * Time stands still unless a test moves it.
 */
#ifndef HOST_H
#define HOST_H

#include "boot.h"
#include "hart.h"

#define HOST_IRQ_LINES 31
#define HOST_DEVICE_PHYSICAL UINT64_C(0x10000000) /* device memory that nobody in the kernel uses */
#define HOST_DEVICE_BYTES UINT64_C(0x400000)
#define HOST_INIT_BYTES UINT64_C(0x3000) /* of the first program's image */
#define HOST_CONSOLE_BYTES 65536
/* What stands in the kernel's half of each root table, which portable code must leave alone. */
#define HOST_KERNEL_ENTRY UINT64_C(0xbad0bad0bad0bad0)

struct host_machine {
    uint64_t ram_bytes; /* 0: 64 MiB */
    unsigned harts;     /* 0: one */
    unsigned asid_bits;
    uint64_t archive_bytes; /* of a boot archive; 0: none */
    uint64_t tim_bytes;     /* of tightly-integrated memory; 0: 16 pages, UINT64_MAX: none */
    bool tim_is_plain;      /* it can be executed and is cached, and so on */
    bool bad_image;         /* the first program's image is none */
    uint64_t seed;          /* 0: harts take turns in order; else in an order drawn from it */
};

/* Makes the machine and boots the kernel on it: afterwards the first thread runs on hart 0. Once in a process's life. */
void host_boot(const struct host_machine *machine);

/* Runs all harts that have something to do in the kernel, until none has. A hart may be left in the kernel: one that only
 * spins, because it waits for an operation of a thread that does not run anywhere. */
void host_run(void);
/* Calls and answers without anything special take the fast path (fast.h); tests turn it off to compare. */
extern bool host_takes_fast_path;
extern uint64_t host_fast_paths; /* so many did */
/* Those that are somewhat special go by quick_call.c; likewise. */
extern bool host_takes_quick_calls;
extern uint64_t host_quick_calls;
/* Called at every preemption point of the kernel, if set; runs on the hart that asks. */
extern void (*host_preemption_hook)(void);

/* The processor of a hart in user code: raises a trap and runs the machine until nothing is left to do. */
void host_ecall(struct hart *hart); /* with the registers in hart->arch.x; invocations, foreign calls, upcall returns */
void host_fault(struct hart *hart, enum wk_upcall_cause cause, uint64_t detail);
/* The thread that runs there has written floating-point registers, in hart->arch. */
void host_fp_written(struct hart *hart);
/* Translates as the hart's processor would. False: a page fault is due. */
bool host_translate(struct hart *hart, uint64_t address, enum arch_access access, struct physical *physical);
void host_page_fault(struct hart *hart, enum arch_access access, uint64_t address);
/* What the hart's processor would execute as the first word of the page, which its instruction cache may remember from
 * an earlier time. A processor may look at any page, at any time. */
uint64_t host_fetch(struct hart *hart, struct physical page);

/* Time, and what happens when it passes. */
extern uint64_t host_time_ns;
void host_time_pass_to(uint64_t time_ns);

/* Interrupt lines: a device raises its line; the rest is the controller's. */
void host_irq_raise(unsigned line);
bool host_irq_is_enabled(unsigned line);
bool host_irq_is_claimed(unsigned line);

/* What was printed so far, as a string, and what is typed. */
extern char host_console[HOST_CONSOLE_BYTES];
void host_console_clear(void);
void host_console_type(const char *text);

/* How the machine stopped, if it did. A panic that no test expects ends the program. */
enum host_stop { HOST_STOP_NONE, HOST_STOP_PANIC, HOST_STOP_POWER_OFF, HOST_STOP_REBOOT };
extern enum host_stop host_stopped;
extern unsigned host_stop_status;
/* Calls `act`; true if the machine panicked in it. Nothing can be done with the machine afterwards. */
bool host_panics(void (*act)(void));

/* The interface between the parts of the host port. */
struct host_fiber;
struct host_fiber *host_fiber_make(void (*run)(void));
void host_fiber_resume(struct host_fiber *fiber); /* from outside of all fibers; returns when it yields */
void host_fiber_yield(void);                      /* out of the fiber that runs */
bool host_fiber_runs(void);
_Noreturn void host_stop(enum host_stop how, unsigned status);
void host_processor_start(struct hart *hart);
bool host_irq_waits(const struct hart *hart);

#endif
