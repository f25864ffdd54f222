/* SPDX-License-Identifier: MIT */
/* The two ways into the kernel and back: an invocation, and a foreign call reflected to the process's own handler. */
#include "bench.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/start.h>
#include <winkle/thread.h>

#define CALLS 1000

/* loops.S: instructions of CALLS turns with one `ecall` each, and of the same turns without it. */
uint64_t loop_invocations(uint64_t turns, wk_handle handle, uint64_t operation);
uint64_t loop_invocations_without(uint64_t turns, wk_handle handle, uint64_t operation);
uint64_t loop_foreign_calls(uint64_t turns);
uint64_t loop_foreign_calls_without(uint64_t turns);
extern const char empty_handler[], empty_handler_return[];

void measure_null_invocation(const struct benchmark *benchmark)
{
    struct samples samples;

    loop_invocations(CALLS, wk_self.process, WK_CAPABILITY_CHECK);
    for (unsigned i = 0; i < BATCHES; i++) {
        const uint64_t loop = loop_invocations_without(CALLS, wk_self.process, WK_CAPABILITY_CHECK);

        samples.value[i] = (loop_invocations(CALLS, wk_self.process, WK_CAPABILITY_CHECK) - loop) / CALLS;
    }
    print_samples(benchmark, &samples);
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
