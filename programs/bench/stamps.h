/* SPDX-License-Identifier: MIT */
/* Instants, in instructions that the hart has retired: stamps.S. Each is read by `rdinstret` and nothing in between. */
#ifndef STAMPS_H
#define STAMPS_H

#include <winkle/calls.h>

/* An invocation: the instants right before its `ecall`, and at the first instruction after it. */
struct stamps {
    uint64_t before, after;
};

/* An end of sleep: the instant of the first instruction after it; then the next tick of the `time` counter that was not
 * missed because of an interrupt, and the instant at which it was seen, at most nine instructions late. */
struct wake {
    uint64_t first, tick, tick_seen;
};

/* Invokes with two words. */
enum wk_status invoke_stamped(wk_handle handle, uint64_t word0, uint64_t word1, uint64_t operation,
                              struct stamps *stamps);
/* The same with one word, for an operation that waits until a time. */
enum wk_status invoke_waking(wk_handle handle, uint64_t word0, uint64_t operation, struct wake *wake);
/* Tells the emulator's plugin (tools/turns.c), if there is one, by how many instructions the end of the last sleep was late. */
void tell_emulator(uint64_t instructions);
/* Stores 0 into a device's register. Returns the instant before the store. */
uint64_t store_stamped(volatile uint32_t *device_register);
/* Stores the instant again and again: what stands there when the hart turns to something else is STAMP_LOOP_LEAST
 * instructions old, or up to two more. */
__attribute__((noreturn)) void store_stamps(uint64_t *last);
#define STAMP_LOOP_LEAST 2

/* Counts, COUNT_LOOP instructions each time. The entry of a thread without a stack. */
__attribute__((noreturn)) void count_for_ever(volatile uint64_t *counter);
#define COUNT_LOOP 3

/* A stretch during which a counter was watched: all instructions of the hart, those of the watching, how far it went. */
struct watch {
    uint64_t instructions, own, counted;
};

/* Watches until the counter was seen to change so many times. */
void watch_count(const volatile uint64_t *counter, uint64_t changes, struct watch *watch);

/* Answers each call with the words that came with it, until something else comes: returns the a0 that it came with. */
uint64_t serve_calls(wk_handle endpoint, uint64_t reply_receive);
/* The same for calls that bring a capability, which the answer does not. */
uint64_t serve_loans(wk_handle endpoint, uint64_t reply_receive);
/* The same for faults, whose threads go on four bytes behind them. */
uint64_t serve_faults(wk_handle endpoint, uint64_t reply_receive);

/* Instructions of so many turns, each of which loads from the address. */
uint64_t loop_loads(uint64_t turns, uint64_t address);

/* Instructions of so many turns with a call each, and of the same turns without; the registers are then those of the
 * last answer. */
uint64_t loop_calls(uint64_t turns, struct wk_registers *registers);
uint64_t loop_calls_without(uint64_t turns, struct wk_registers *registers);

#endif
