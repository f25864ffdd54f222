/* SPDX-License-Identifier: MIT */
/* Capabilities, threads and processes, made and destroyed; capabilities that go through a mailbox. */
#include "bench.h"

#include <winkle/capability.h>
#include <winkle/mailbox.h>
#include <winkle/memory.h>
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

static wk_handle mailbox, carried;

/* Whoever takes it posts it anew. */
static enum wk_status give_take(void)
{
    uint64_t ticket;
    const enum wk_status status = wk_mailbox_post(mailbox, carried, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, &ticket);

    return status == WK_OK ? wk_mailbox_take(mailbox, ticket, 1 << WK_TYPE_MEMORY, &carried) : status;
}

static enum wk_status lend_take_delete(void)
{
    uint64_t ticket;
    wk_handle taken;
    enum wk_status status = wk_mailbox_post(mailbox, carried, WK_TRANSFER_LEND, WK_RIGHTS_ALL, &ticket);

    if (status == WK_OK)
        status = wk_mailbox_take(mailbox, ticket, 1 << WK_TYPE_MEMORY, &taken);
    return status == WK_OK ? wk_capability_delete(taken) : status;
}

static void measure_through_mailbox(const struct benchmark *benchmark, enum wk_status (*operation)(void))
{
    enum wk_status status = wk_mailbox_create(wk_self.bank, WK_MAILBOX_SLOTS_MAX, &mailbox);

    if (status == WK_OK)
        status = wk_memory_create(wk_self.bank, 1, 0, &carried);
    if (status != WK_OK)
        wk_fail(benchmark->name, status);
    measure_operation(benchmark, PAIRS, operation);
    wk_capability_delete(carried);
    wk_capability_delete(mailbox);
}

void measure_mailbox(const struct benchmark *benchmark)
{
    measure_through_mailbox(benchmark, give_take);
}

void measure_mailbox_lend(const struct benchmark *benchmark)
{
    measure_through_mailbox(benchmark, lend_take_delete);
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
