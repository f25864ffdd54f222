/* SPDX-License-Identifier: MIT */
/* Capabilities, threads and processes, made and destroyed. */
#include "bench.h"

#include <winkle/capability.h>
#include <winkle/process.h>
#include <winkle/start.h>
#include <winkle/thread.h>

#define PAIRS 200

static enum wk_status lend_delete(void)
{
    wk_handle lent;
    const enum wk_status status = wk_capability_lend(wk_self.bank, WK_BANK_RIGHT_INSPECT, &lent);

    return status == WK_OK ? wk_capability_delete(lent) : status;
}

static enum wk_status thread_create_delete(void)
{
    wk_handle thread;
    const enum wk_status status = wk_thread_create(wk_self.process, 1, &thread);

    return status == WK_OK ? wk_capability_delete(thread) : status;
}

static enum wk_status process_create_delete(void)
{
    wk_handle process;
    const enum wk_status status = wk_process_create(wk_self.bank, 0, 0, &process);

    return status == WK_OK ? wk_capability_delete(process) : status;
}

void measure_lend_delete(const struct benchmark *benchmark)
{
    measure_operation(benchmark, PAIRS, lend_delete);
}

void measure_thread(const struct benchmark *benchmark)
{
    measure_operation(benchmark, PAIRS, thread_create_delete);
}

void measure_process(const struct benchmark *benchmark)
{
    measure_operation(benchmark, PAIRS, process_create_delete);
}
