/* SPDX-License-Identifier: MIT */
/*
 * Calls: a client that calls a passive server in another process, which answers with the words that it got, and waits
 * for the next; and faults that are told to such a server. Round trips, from the client's `ecall` to the instruction
 * after it: the server's own four instructions count, the client's loop is taken off.
 */
#include "bench.h"
#include "partner.h"
#include "stamps.h"

#include <winkle/capability.h>
#include <winkle/endpoint.h>
#include <winkle/event.h>
#include <winkle/faults.h>
#include <winkle/thread.h>

#define CALLS 1000
#define PAGES 64
#define NOWHERE UINT64_C(0xdead000)
#define PRIORITY 100
#define OPERATION 0x2000
#define FAR_AWAY_NS (UINT64_C(1) << 62)

static wk_handle endpoint, session;
static struct partner server;

void play_server(void)
{
    const wk_handle served = wk_named_handle("endpoint");

    expect("becoming passive", wk_thread_set_budget(wk_self.start->thread, 0));
    expect("calls to serve",
           (enum wk_status)WK_RECEIVED_STATUS(serve_calls(served, WK_ENDPOINT_REPLY_RECEIVE | WK_MESSAGE_QUICK)));
    wk_fail("something else than a call came", WK_OK);
}

void play_borrower(void)
{
    const wk_handle served = wk_named_handle("endpoint");

    expect("becoming passive", wk_thread_set_budget(wk_self.start->thread, 0));
    expect("loans to serve",
           (enum wk_status)WK_RECEIVED_STATUS(serve_loans(served, WK_ENDPOINT_REPLY_RECEIVE | WK_MESSAGE_QUICK)));
    wk_fail("something else than a call came", WK_OK);
}

void play_fault_server(void)
{
    const wk_handle served = wk_named_handle("endpoint");

    expect("becoming passive", wk_thread_set_budget(wk_self.start->thread, 0));
    expect("faults to serve",
           (enum wk_status)WK_RECEIVED_STATUS(serve_faults(served, WK_ENDPOINT_REPLY_RECEIVE | WK_MESSAGE_QUICK)));
    wk_fail("something else than a fault came", WK_OK);
}

wk_handle server_session(void)
{
    return session;
}

void open_server(const char *part)
{
    expect("an endpoint", wk_endpoint_create(wk_self.bank, &endpoint));
    expect("a session", wk_endpoint_mint(endpoint, 1, 0, &session));
    expect("accepting an event", wk_endpoint_accept(endpoint, UINT64_C(1) << WK_TYPE_EVENT, 1));
    partner_prepare(&server, PAGES);
    partner_lend(&server, "endpoint", endpoint);
    partner_start(&server, part, PRIORITY);
}

void close_server(void)
{
    partner_end(&server);
    expect("deleting a session", wk_capability_delete(session));
    expect("deleting an endpoint", wk_capability_delete(endpoint));
}

/* Instructions of a call with these registers. Of its words, all but the first stand in the registers all the time. */
static uint64_t batch(const struct benchmark *benchmark, const struct wk_registers *call)
{
    struct wk_registers registers = *call, unused = *call;
    const uint64_t loop = loop_calls_without(CALLS, &unused);
    const uint64_t all = loop_calls(CALLS, &registers);

    expect(benchmark->name, (enum wk_status)WK_RECEIVED_STATUS(registers.a0));
    for (unsigned i = 1; i < 6; i++) {
        if (registers.words[i] != call->words[i])
            wk_fail("an answer has other words than the call", WK_OK);
    }
    return (all - loop) / CALLS;
}

static void measure_calls(const struct benchmark *benchmark, const struct wk_registers *call)
{
    struct samples samples;

    batch(benchmark, call);
    for (unsigned i = 0; i < BATCHES; i++)
        samples.value[i] = batch(benchmark, call);
    print_samples(benchmark, &samples);
}

/* All six words; without any it must cost the same, but for the bookkeeping of time now and then. */
void measure_call_reply(const struct benchmark *benchmark)
{
    struct wk_registers words = {.a7 = OPERATION, .words = {1, 2, 3, 4, 5, 6}};
    struct wk_registers no_words = {.a7 = OPERATION};
    uint64_t least = UINT64_MAX, least_without = UINT64_MAX;

    open_server("server");
    words.a0 = no_words.a0 = session;
    measure_calls(benchmark, &words);
    for (unsigned i = 0; i < BATCHES; i++) {
        const uint64_t with = batch(benchmark, &words), without = batch(benchmark, &no_words);

        least = with < least ? with : least;
        least_without = without < least_without ? without : least_without;
    }
    close_server();
    if (least != least_without)
        wk_fail("a call with words costs something else than one without", WK_OK);
}

void measure_call_reply_lend(const struct benchmark *benchmark)
{
    struct wk_registers call = {.a7 = OPERATION | WK_MESSAGE_CAPABILITY(0), .words = {0, 2, 3, 4, 5, 6}};

    open_server("borrower");
    expect("an event to lend", wk_event_create(wk_self.bank, &call.words[0]));
    call.a0 = session;
    measure_calls(benchmark, &call);
    close_server();
    expect("deleting the event", wk_capability_delete(call.words[0]));
}

/* With a deadline, which is set and cancelled, and never comes. */
void measure_call_reply_slow(const struct benchmark *benchmark)
{
    struct wk_registers call = {.a7 = OPERATION | WK_MESSAGE_DEADLINE, .t0 = FAR_AWAY_NS, .words = {1, 2, 3, 4, 5, 6}};

    open_server("server");
    call.a0 = session;
    measure_calls(benchmark, &call);
    close_server();
}

/* A load that nothing answers, told to a passive server in another process, which has it go on behind the load. */
void measure_fault_handler(const struct benchmark *benchmark)
{
    const uint64_t here = (uint64_t)partner_shared();
    struct samples samples;

    open_server("fault-server");
    expect("a fault handler", wk_fault_set_handler(wk_self.process, session));
    loop_loads(CALLS, NOWHERE);
    for (unsigned i = 0; i < BATCHES; i++) {
        const uint64_t loop = loop_loads(CALLS, here);

        samples.value[i] = (loop_loads(CALLS, NOWHERE) - loop) / CALLS;
    }
    close_server();
    print_samples(benchmark, &samples);
}
