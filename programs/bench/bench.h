/* SPDX-License-Identifier: MIT */
/*
 * Measuring in instructions. Each entry is measured in BATCHES batches; what the loop itself costs is measured the same
 * way and taken off; minimum, median and maximum are of the batches, for one operation.
 */
#ifndef BENCH_H
#define BENCH_H

#include <winkle/abi.h>

#include <stdbool.h>

#define BATCHES 11
#define NO_LIMIT 0

struct samples {
    uint64_t value[BATCHES]; /* instructions, or ns, for one operation */
};

/* A benchmark: a name, a limit or NO_LIMIT, and what prints it. */
struct benchmark {
    const char *name;
    uint64_t limit;
    void (*measure)(const struct benchmark *benchmark);
};

/* Prints the line that tools/bench.py reads: `bench NAME UNIT MIN MEDIAN MAX LIMIT`. Sorts the samples. */
void print_samples(const struct benchmark *benchmark, struct samples *samples);
/* The same for times by the clock, in ns. */
void print_times(const struct benchmark *benchmark, struct samples *samples);
/* The same for a single figure. */
void print_figure(const struct benchmark *benchmark, uint64_t value);

/* The same of many samples, which it sorts; and lines for what 99.9 % of them do not exceed, `bench-tail NAME VALUE`, and
 * how they are distributed, `bench-histogram NAME LEAST COUNT`. */
void print_distribution(const struct benchmark *benchmark, uint64_t *values, unsigned count);
/* As long as the figures need, and not only as long as the tests have patience. */
extern bool is_full_measurement;

/* Runs `operation` BATCHES times `count` times and prints; ends the program if it fails. */
void measure_operation(const struct benchmark *benchmark, unsigned count, enum wk_status (*operation)(void));

/* calls.c */
void measure_null_invocation(const struct benchmark *benchmark);
void measure_signal(const struct benchmark *benchmark);
void measure_foreign_call(const struct benchmark *benchmark);
/* messages.c */
/* A server in another process, passive, that plays this part; the session by which it is called. */
void open_server(const char *part);
wk_handle server_session(void);
void close_server(void);
void measure_call_reply(const struct benchmark *benchmark);
void measure_call_reply_lend(const struct benchmark *benchmark);
void measure_call_reply_slow(const struct benchmark *benchmark);
void measure_fault_handler(const struct benchmark *benchmark);
void play_server(void);
void play_fault_server(void);
void play_borrower(void);
/* switches.c */
void measure_signal_switch(const struct benchmark *benchmark);
void measure_signal_switch_promised(const struct benchmark *benchmark);
void measure_yield_switch(const struct benchmark *benchmark);
void measure_timer_to_user(const struct benchmark *benchmark);
void measure_irq_to_user(const struct benchmark *benchmark);
void play_waiter(void);
void play_yielder(void);
void play_stamper(void);
void play_handler(void);
/* channels.c */
void measure_channel_message(const struct benchmark *benchmark);
void measure_channel_message_single(const struct benchmark *benchmark);
void measure_channel_pingpong(const struct benchmark *benchmark);
void play_echo(void);
/* throughput.c */
void measure_throughput_message(const struct benchmark *benchmark);
void measure_throughput_bulk(const struct benchmark *benchmark);
void play_message_sink(void);
void play_bulk_sink(void);
/* budgets.c */
void measure_replenish_10(const struct benchmark *benchmark);
void measure_replenish_100(const struct benchmark *benchmark);
void measure_replenish_1000(const struct benchmark *benchmark);
void measure_round_10(const struct benchmark *benchmark);
void measure_round_100(const struct benchmark *benchmark);
void measure_round_1000(const struct benchmark *benchmark);
void play_crowd(void);
/* wakeup.c */
void measure_wakeup_idle(const struct benchmark *benchmark);
void measure_wakeup_load(const struct benchmark *benchmark);
void measure_wakeup_load_harts(const struct benchmark *benchmark);
/* objects.c */
void measure_lend_delete(const struct benchmark *benchmark);
void measure_mailbox(const struct benchmark *benchmark);
void measure_mailbox_lend(const struct benchmark *benchmark);
void measure_thread(const struct benchmark *benchmark);
void measure_process(const struct benchmark *benchmark);
/* pages.c */
void measure_demand_fault(const struct benchmark *benchmark);
void measure_map_unmap(const struct benchmark *benchmark);
/* rings.c */
void measure_ring_noop_1(const struct benchmark *benchmark);
void measure_ring_noop_32(const struct benchmark *benchmark);
void measure_ring_check_32(const struct benchmark *benchmark);
void measure_ring_call_32(const struct benchmark *benchmark);
void measure_ring_poll_user(const struct benchmark *benchmark);
/* longest.c */
void measure_interrupts_off(const struct benchmark *benchmark);
void measure_lock_hold(const struct benchmark *benchmark);
void measure_boot(const struct benchmark *benchmark);
/* Reads and resets. The measuring build has meters; others say that they have none. */
bool read_meter(enum wk_meter meter, uint64_t *value);
void say_no_meters(const struct benchmark *benchmark);

#endif
