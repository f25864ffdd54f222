/* SPDX-License-Identifier: MIT */
/*
 * From one process's thread to another's: what happens in one, until the first instruction of the other. The one that
 * wakes is always more urgent, so that the switch is part of the figure. Instants are read by `rdinstret`; what reading
 * them takes is not counted.
 */
#include "bench.h"
#include "loops.h"
#include "partner.h"
#include "stamps.h"

#include <winkle/budget.h>
#include <winkle/capability.h>
#include <winkle/event.h>
#include <winkle/irq.h>
#include <winkle/machine.h>
#include <winkle/pages.h>
#include <winkle/thread.h>

#define TURNS 200
#define PAGES 64
#define URGENT 150
#define MIDDLE 140
#define TRIFLING 130
#define FOREVER_TURNS (UINT64_C(1) << 60)
#define SLEEP_NS 10000
#define PERIOD_NS 10000000
/* The real-time clock of QEMU's machine virt ("goldfish"): a time that has passed interrupts as soon as it is set. */
#define RTC_PHYSICAL 0x101000
#define RTC_LINE 11
enum { RTC_ALARM_LOW = 2, RTC_ALARM_HIGH = 3, RTC_IRQ_ENABLED = 4, RTC_CLEAR_INTERRUPT = 7 };

static void set_priority(uint64_t priority)
{
    expect("its priority", wk_thread_set_priority(wk_self.start->thread, priority));
}

/* ---- events ---- */

/* Waits again and again, and says when it woke. */
void play_waiter(void)
{
    struct shared *shared = partner_shared();
    const wk_handle event = wk_named_handle("event");

    for (;;) {
        struct stamps stamps;

        expect("a wait", invoke_stamped(event, 1, WK_FOREVER, WK_EVENT_WAIT, &stamps));
        shared->woken = stamps.after;
    }
}

/* From the `ecall` of a signal until the waiter's first instruction. */
void measure_signal_switch(const struct benchmark *benchmark)
{
    struct samples samples = {0};
    struct partner waiter;
    struct stamps stamps;
    wk_handle event;

    expect("an event", wk_event_create(wk_self.bank, &event));
    partner_prepare(&waiter, PAGES);
    partner_lend(&waiter, "event", event);
    set_priority(MIDDLE);
    partner_start(&waiter, "waiter", URGENT);
    expect("a signal", invoke_stamped(event, 1, 0, WK_EVENT_SIGNAL | WK_MESSAGE_QUICK, &stamps));
    for (unsigned i = 0; i < BATCHES; i++) {
        for (unsigned turn = 0; turn < TURNS; turn++) {
            expect("a signal", invoke_stamped(event, 1, 0, WK_EVENT_SIGNAL | WK_MESSAGE_QUICK, &stamps));
            samples.value[i] += partner_shared()->woken - stamps.before - 1;
        }
        samples.value[i] /= TURNS;
    }
    partner_end(&waiter);
    expect("deleting the event", wk_capability_delete(event));
    print_samples(benchmark, &samples);
}

/* The same while somebody else has been promised a part of the hart's time, so that the time of all others is limited. */
void measure_signal_switch_promised(const struct benchmark *benchmark)
{
    wk_handle part;

    expect("a part of the hart's time",
           wk_budget_split(wk_self.budget, wk_self.bank, PERIOD_NS / 10, PERIOD_NS, TRIFLING, 0, &part));
    measure_signal_switch(benchmark);
    expect("giving it back", wk_budget_destroy(part));
    wk_capability_delete(part);
    /* Until what was used meanwhile has come back to the others. */
    expect("sleeping", wk_thread_sleep(wk_self.start->thread, wk_after_ns(3 * PERIOD_NS)));
}

/* ---- turns ---- */

void play_yielder(void)
{
    loop_invocations(FOREVER_TURNS, wk_self.start->thread, WK_THREAD_YIELD | WK_MESSAGE_QUICK, 0);
}

/* Each turn is two switches, and twice what the loop takes. */
void measure_yield_switch(const struct benchmark *benchmark)
{
    const wk_handle thread = wk_self.start->thread;
    struct samples samples;
    struct partner yielder;

    partner_prepare(&yielder, PAGES);
    set_priority(URGENT);
    partner_start(&yielder, "yielder", URGENT);
    loop_invocations(TURNS, thread, WK_THREAD_YIELD | WK_MESSAGE_QUICK, 0);
    for (unsigned i = 0; i < BATCHES; i++) {
        const uint64_t loop = loop_invocations_without(TURNS, thread, WK_THREAD_YIELD | WK_MESSAGE_QUICK, 0);

        samples.value[i] =
            (loop_invocations(TURNS, thread, WK_THREAD_YIELD | WK_MESSAGE_QUICK, 0) - 2 * loop) / TURNS / 2;
    }
    partner_end(&yielder);
    print_samples(benchmark, &samples);
}

/* ---- interrupts ---- */

void play_stamper(void)
{
    store_stamps(&partner_shared()->last);
}

/*
 * A thread sleeps while another process stores the instant again and again, three instructions a turn: the last one it
 * stored is STAMP_LOOP_LEAST to STAMP_LOOP_LEAST + 2 instructions before the interrupt. The emulator takes the timer's
 * interrupt at the very instruction at which it is due.
 */
void measure_timer_to_user(const struct benchmark *benchmark)
{
    struct samples samples = {0};
    struct partner stamper;

    partner_prepare(&stamper, PAGES);
    set_priority(URGENT);
    partner_start(&stamper, "stamper", TRIFLING);
    for (unsigned i = 0; i < BATCHES; i++) {
        for (unsigned turn = 0; turn < TURNS; turn++) {
            struct stamps stamps;

            expect("sleeping", invoke_stamped(wk_self.start->thread, wk_after_ns(SLEEP_NS + turn * 10), 0,
                                              WK_THREAD_SLEEP, &stamps));
            samples.value[i] += stamps.after - partner_shared()->last - STAMP_LOOP_LEAST;
        }
        samples.value[i] /= TURNS;
    }
    partner_end(&stamper);
    print_samples(benchmark, &samples);
}

static volatile uint32_t *map_clock(wk_handle memory)
{
    void *address;

    expect("mapping the clock", wk_map(memory, 0, 1, WK_READ_WRITE, &address));
    return address;
}

/* Handles the clock's interrupt. */
void play_handler(void)
{
    struct shared *shared = partner_shared();
    const wk_handle event = wk_named_handle("event"), irq = wk_named_handle("irq");
    volatile uint32_t *clock = map_clock(wk_named_handle("clock"));

    for (;;) {
        struct stamps stamps;

        expect("a wait", invoke_stamped(event, 1, WK_FOREVER, WK_EVENT_WAIT, &stamps));
        shared->woken = stamps.after;
        clock[RTC_CLEAR_INTERRUPT] = 1;
        expect("acknowledging", wk_irq_acknowledge(irq));
    }
}

/* From the store into the clock by which it interrupts, until the handler's first instruction. */
static void raise_interrupts(volatile uint32_t *clock, struct samples *samples)
{
    clock[RTC_IRQ_ENABLED] = 1;
    clock[RTC_ALARM_HIGH] = 0;
    for (unsigned i = 0; i < BATCHES; i++) {
        for (unsigned turn = 0; turn < TURNS; turn++) {
            const uint64_t before = store_stamped(&clock[RTC_ALARM_LOW]);

            if (partner_shared()->woken < before)
                wk_fail("an interrupt came late", WK_OK);
            samples->value[i] += partner_shared()->woken - before - 1;
        }
        samples->value[i] /= TURNS;
    }
    clock[RTC_IRQ_ENABLED] = 0;
}

void measure_irq_to_user(const struct benchmark *benchmark)
{
    struct samples samples = {0};
    struct partner handler;
    wk_handle event, irq, memory;
    volatile uint32_t *clock;

    expect("the clock's registers", wk_machine_claim_region(wk_self.machine, wk_self.bank, RTC_PHYSICAL, 1, &memory));
    expect("the clock's interrupt", wk_machine_claim_irq(wk_self.machine, wk_self.bank, RTC_LINE, &irq));
    expect("an event", wk_event_create(wk_self.bank, &event));
    expect("binding", wk_irq_bind(irq, event, 1));
    clock = map_clock(memory);
    partner_prepare(&handler, PAGES);
    partner_lend(&handler, "event", event);
    partner_lend(&handler, "irq", irq);
    partner_lend(&handler, "clock", memory);
    set_priority(MIDDLE);
    partner_start(&handler, "handler", URGENT);
    raise_interrupts(clock, &samples);
    partner_end(&handler);
    wk_unmap_delete(memory, (const void *)(uintptr_t)clock, 1);
    expect("deleting the line", wk_capability_delete(irq));
    expect("deleting the event", wk_capability_delete(event));
    print_samples(benchmark, &samples);
}
