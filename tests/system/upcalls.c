/* SPDX-License-Identifier: MIT */
/* A process serves its own traps: foreign calls, faults, faults in handlers, interrupts. */
#include "actors.h"

#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/thread.h>
#include <winkle/upcalls.h>

#define NOWHERE 0xdead000
#define STACK_PAGES 4
#define PRIORITY 100

static volatile uint64_t last_cause, last_detail, faults, interrupts, nested;

static void on_foreign_call(struct wk_foreign_call *call)
{
    if (call->a[7] == 2000) {
        /* A fault while the call frame is in use: it has a frame of its own. */
        __asm__ volatile(".option push; .option norvc; lb zero, (%0); .option pop" : : "r"(NOWHERE) : "a0", "memory");
        nested++;
    }
    call->a[0] = call->a[7] + call->a[0] + call->a[5];
}

static bool on_fault(struct wk_frame *frame)
{
    last_cause = frame->cause;
    last_detail = frame->detail;
    CHECK(++faults < 100);
    frame->x[10] = 77;
    /* A jump into nowhere goes back to its caller, the rest steps over its instruction. */
    frame->pc = frame->cause == WK_UPCALL_CAUSE_FETCH_FAULT ? frame->x[1] : frame->pc + 4;
    return true;
}

static void on_interrupt(struct wk_frame *frame)
{
    CHECK(frame->cause == WK_UPCALL_CAUSE_INTERRUPT);
    interrupts++;
}

static const struct wk_upcall_handlers handlers = {
    .foreign_call = on_foreign_call, .fault = on_fault, .interrupt = on_interrupt};

static uint64_t foreign_call(uint64_t number, uint64_t first, uint64_t sixth)
{
    register uint64_t a0 __asm__("a0") = first;
    register uint64_t a5 __asm__("a5") = sixth;
    register uint64_t a7 __asm__("a7") = number;

    __asm__ volatile("ecall" : "+r"(a0) : "r"(a5), "r"(a7) : "memory");
    return a0;
}

/* registers.S-like check in C: every register but a0 survives a foreign call. */
static void registers_survive(void)
{
    uint64_t before[8] = {1, 2, 3, 4, 5, 6, 7, 8}, after[8];
    double pi = 3.25, held;

    __asm__ volatile("ld t0, 0(%2)\n\tld t1, 8(%2)\n\tld t6, 16(%2)\n\tld a1, 24(%2)\n\tld a6, 32(%2)\n\t"
                     "ld s3, 40(%2)\n\tld s11, 48(%2)\n\tld t3, 56(%2)\n\tfmv.d ft0, %3\n\t"
                     "li a0, 1\n\tli a5, 0\n\tli a7, 5\n\tecall\n\t"
                     "sd t0, 0(%1)\n\tsd t1, 8(%1)\n\tsd t6, 16(%1)\n\tsd a1, 24(%1)\n\tsd a6, 32(%1)\n\t"
                     "sd s3, 40(%1)\n\tsd s11, 48(%1)\n\tsd t3, 56(%1)\n\tfmv.d %0, ft0"
                     : "=f"(held)
                     : "r"(after), "r"(before), "f"(pi)
                     : "t0", "t1", "t3", "t6", "a0", "a1", "a5", "a6", "a7", "s3", "s11", "ft0", "memory");
    CHECK(memcmp(before, after, sizeof(before)) == 0);
    CHECK(held == pi);
}

static void foreign_calls(void)
{
    EQUAL(4095 + 11 + 22, foreign_call(4095, 11, 22));
    EQUAL(0, foreign_call(0, 0, 0));
    EQUAL(2000 + 1, foreign_call(2000, 1, 0));
    EQUAL(1, nested);
    for (uint64_t i = 0; i < 1000; i++)
        EQUAL(172 + 2 * i, foreign_call(172, i, i));
    registers_survive();
}

static void expect_fault(enum wk_upcall_cause cause, uint64_t detail, uint64_t a0)
{
    EQUAL(cause, last_cause);
    EQUAL(detail, last_detail);
    EQUAL(77, a0);
    last_cause = 0;
}

/* One instruction, not compressed, with a0 set by the handler. */
#define TRAPPING(instruction, value)                                                                                   \
    ({                                                                                                                 \
        register uint64_t trap_a0 __asm__("a0");                                                                       \
        register uint64_t trap_a1 __asm__("a1") = (value);                                                             \
        __asm__ volatile(".option push; .option norvc; " instruction "; .option pop"                                   \
                         : "=r"(trap_a0)                                                                               \
                         : "r"(trap_a1)                                                                                \
                         : "memory", "ra");                                                                            \
        trap_a0;                                                                                                       \
    })

static void all_faults(void)
{
    static uint64_t words[2];

    expect_fault(WK_UPCALL_CAUSE_LOAD_FAULT, NOWHERE, TRAPPING("lb zero, (a1)", NOWHERE));
    expect_fault(WK_UPCALL_CAUSE_STORE_FAULT, NOWHERE, TRAPPING("sb zero, (a1)", NOWHERE));
    expect_fault(WK_UPCALL_CAUSE_STORE_FAULT, (uint64_t)all_faults, TRAPPING("sb zero, (a1)", (uint64_t)all_faults));
    expect_fault(WK_UPCALL_CAUSE_FETCH_FAULT, NOWHERE, TRAPPING("jalr ra, 0(a1)", NOWHERE));
    TRAPPING(".4byte 0xffffffff", 0);
    EQUAL(WK_UPCALL_CAUSE_ILLEGAL_INSTRUCTION, last_cause);
    TRAPPING("ebreak", 0);
    EQUAL(WK_UPCALL_CAUSE_BREAKPOINT, last_cause);
    TRAPPING("amoadd.w zero, zero, (a1)", (uint64_t)words + 1);
    EQUAL(WK_UPCALL_CAUSE_MISALIGNED, last_cause);
    TRAPPING("csrr a0, sstatus", 0);
    EQUAL(WK_UPCALL_CAUSE_ILLEGAL_INSTRUCTION, last_cause);
}

static void guarded_copies(void)
{
    wk_handle memory;
    void *address;
    uint64_t from = 123, to = 0;

    EXPECT(WK_OK, wk_copy_guarded(&to, &from, sizeof(to)));
    EQUAL(123, to);
    EXPECT(WK_REVOKED, wk_copy_guarded(&to, (void *)NOWHERE, sizeof(to)));
    EXPECT(WK_REVOKED, wk_copy_guarded((void *)(NOWHERE + 1), &to, 3));
    EXPECT(WK_OK, wk_map_new(2, 0, &memory, &address));
    EXPECT(WK_OK, wk_copy_guarded((uint8_t *)address + 5, "text", 5));
    CHECK(strcmp((const char *)address + 5, "text") == 0);
    EXPECT(WK_REVOKED, wk_copy_guarded((uint8_t *)address + 2 * WK_PAGE_BYTES - 2, "text", 5));
    wk_unmap_delete(memory, address, 2);
    EXPECT(WK_REVOKED, wk_copy_guarded(&to, address, 8));
}

static struct wk_thread sleeper;
static wk_handle sleeper_event;
static volatile uint64_t sleeper_state;

static void sleep(void *unused)
{
    uint64_t bits;

    (void)unused;
    EXPECT(WK_OK, wk_upcalls_attach());
    sleeper_state = 1;
    EXPECT(WK_INTERRUPTED, wk_event_wait(sleeper_event, 1, WK_FOREVER, &bits));
    EQUAL(1, interrupts);
    /* Masked: the wait still ends, the handler runs only when the mask is gone and a call has returned. */
    wk_upcalls_call_frame()->interrupt_masked = 1;
    sleeper_state = 2;
    EXPECT(WK_INTERRUPTED, wk_event_wait(sleeper_event, 1, WK_FOREVER, &bits));
    EQUAL(1, interrupts);
    EQUAL(1, wk_upcalls_call_frame()->interrupt_pending);
    wk_upcalls_call_frame()->interrupt_masked = 0;
    foreign_call(1, 0, 0);
    EQUAL(2, interrupts);
    EQUAL(0, wk_upcalls_call_frame()->interrupt_pending);
    sleeper_state = 3;
    while (interrupts < 3)
        continue;
}

static void pause_for(uint64_t ns)
{
    uint64_t bits;

    EXPECT(WK_TIMED_OUT, wk_event_wait(sleeper_event, 2, wk_after_ns(ns), &bits));
}

static void wait_for_state(uint64_t state)
{
    while (sleeper_state != state)
        pause_for(1000000);
    pause_for(5000000);
}

static void thread_interrupts(void)
{
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &sleeper_event));
    EXPECT(WK_OK, wk_thread_run(&sleeper, sleep, NULL, STACK_PAGES, PRIORITY));
    for (uint64_t state = 1; state <= 3; state++) {
        wait_for_state(state);
        EXPECT(WK_OK, wk_thread_interrupt(sleeper.handle));
    }
    EXPECT(WK_OK, wk_thread_join(&sleeper, wk_after_ns(10 * WK_NS_PER_SECOND)));
    EQUAL(3, interrupts);
    EXPECT(WK_OK, wk_capability_delete(sleeper_event));
}

static bool decline(struct wk_frame *frame)
{
    (void)frame;
    return false;
}

static bool fault_again(struct wk_frame *frame)
{
    return *(volatile uint8_t *)frame->detail == 0;
}

/* Parts that die. */
static int play(const char *part)
{
    static const struct wk_upcall_handlers declining = {.fault = decline}, faulting = {.fault = fault_again};

    EXPECT(WK_OK,
           wk_upcalls_open(strcmp(part, "declined") == 0 || strcmp(part, "foreign") == 0 ? &declining : &faulting));
    if (strcmp(part, "foreign") == 0)
        foreign_call(64, 0, 0);
    *(volatile uint8_t *)NOWHERE = 1;
    return 0;
}

static void expect_end(const char *part, enum wk_end_reason reason, uint64_t detail)
{
    struct actor actor;
    struct wk_end end;

    actor_prepare(&actor, ACTOR_BANK_PAGES);
    actor_play(&actor, part);
    end = actor_end(&actor);
    EQUAL(reason, end.reason);
    EQUAL(detail, end.detail);
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return play(argv[1]);
    EXPECT(WK_NOT_AVAILABLE, wk_copy_guarded(argv, argv, 0));
    EXPECT(WK_OK, wk_upcalls_open(&handlers));
    foreign_calls();
    all_faults();
    guarded_copies();
    thread_interrupts();
    expect_end("declined", WK_END_REASON_STORE_FAULT, NOWHERE);
    expect_end("foreign", WK_END_REASON_FOREIGN_CALL, 64);
    expect_end("twice", WK_END_REASON_FAULT_IN_HANDLER, NOWHERE);
    wk_print("upcalls: good\n");
    return 0;
}
