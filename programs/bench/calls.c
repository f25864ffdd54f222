/* SPDX-License-Identifier: MIT */
/* Ways into the kernel and straight back: invocations, and a foreign call reflected to the process's own handler. */
#include "bench.h"
#include "loops.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/start.h>
#include <winkle/thread.h>

#define CALLS 1000

static void measure_invocations(const struct benchmark *benchmark, wk_handle handle, uint64_t operation, uint64_t word)
{
    struct samples samples;

    loop_invocations(CALLS, handle, operation, word);
    for (unsigned i = 0; i < BATCHES; i++) {
        const uint64_t loop = loop_invocations_without(CALLS, handle, operation, word);

        samples.value[i] = (loop_invocations(CALLS, handle, operation, word) - loop) / CALLS;
    }
    print_samples(benchmark, &samples);
}

void measure_null_invocation(const struct benchmark *benchmark)
{
    measure_invocations(benchmark, wk_self.process, WK_CAPABILITY_CHECK, 0);
}

/* Nobody waits for the event. */
void measure_signal(const struct benchmark *benchmark)
{
    wk_handle event;
    const enum wk_status status = wk_event_create(wk_self.bank, &event);

    if (status != WK_OK)
        wk_fail(benchmark->name, status);
    measure_invocations(benchmark, event, WK_EVENT_SIGNAL | WK_MESSAGE_QUICK, 1);
    wk_capability_delete(event);
}

static enum wk_status install_empty_handler(wk_handle *frames, void **address)
{
    enum wk_status status = wk_map_new(1, 0, frames, address);

    if (status == WK_OK)
        status = wk_thread_set_frames(wk_self.start->thread, *frames, 0, (uint64_t)*address);
    if (status == WK_OK)
        status = wk_process_set_upcall(wk_self.process, (uint64_t)empty_handler, (uint64_t)empty_handler_return);
    return status;
}

void measure_foreign_call(const struct benchmark *benchmark)
{
    struct samples samples;
    wk_handle frames;
    void *address;
    const enum wk_status status = install_empty_handler(&frames, &address);

    if (status != WK_OK)
        wk_fail(benchmark->name, status);
    loop_foreign_calls(CALLS);
    for (unsigned i = 0; i < BATCHES; i++) {
        const uint64_t loop = loop_foreign_calls_without(CALLS);

        samples.value[i] = (loop_foreign_calls(CALLS) - loop) / CALLS;
    }
    wk_process_set_upcall(wk_self.process, 0, 0);
    wk_unmap_delete(frames, address, 1);
    print_samples(benchmark, &samples);
}
