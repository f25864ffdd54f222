/* SPDX-License-Identifier: MIT */
/* The simple items: loans, events, timers, empty processes, banks. */
#include "stress.h"

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/memory.h>
#include <winkle/process.h>
#include <winkle/thread.h>
#include <winkle/timer.h>

#define SOON_NS 2000000

static void keep(struct item *item, enum item_kind kind, const char *what, enum wk_status status)
{
    if (tolerate(what, status))
        item->kind = kind;
}

static void drop_handle(struct item *item)
{
    if (item->event != 0)
        tolerate("deleting an event", wk_capability_delete(item->event));
    tolerate("deleting", wk_capability_delete(item->handle));
}

static void loan_make(struct worker *worker, struct item *item)
{
    const struct item *from = &worker->pool[random_below(worker, POOL_ITEMS)];

    if (from->kind == ITEM_NONE || from->kind == ITEM_PROGRAM)
        return;
    if (random_below(worker, 2) == 0)
        keep(item, ITEM_LOAN, "dup", wk_capability_dup(from->handle, WK_RIGHTS_ALL, &item->handle));
    else
        keep(item, ITEM_LOAN, "lend", wk_capability_lend(from->handle, WK_RIGHTS_ALL, &item->handle));
}

static void loan_use(struct worker *worker, struct item *item)
{
    uint64_t type, rights, borrowed, lent, badge, identity;

    if (random_below(worker, 4) == 0)
        tolerate("revoke", wk_capability_revoke(item->handle));
    else
        tolerate("info", wk_capability_info(item->handle, &type, &rights, &borrowed, &lent, &badge, &identity));
}

static void event_make(struct worker *worker, struct item *item)
{
    keep(item, ITEM_EVENT, "event: create", wk_event_create(worker->bank, &item->handle));
}

static void event_use(struct worker *worker, struct item *item)
{
    const uint64_t bits = 1 + random_below(worker, 255);
    uint64_t taken = 0;

    if (random_below(worker, 8) == 0)
        tolerate("revoking an event", wk_capability_revoke(item->handle));
    if (!tolerate("signal", wk_event_signal(item->handle, bits)))
        return;
    if (tolerate("poll", wk_event_poll(item->handle, UINT64_MAX, &taken)) && (taken & bits) != bits)
        wk_fail("an event lost bits", WK_OK);
}

static void timer_make(struct worker *worker, struct item *item)
{
    enum wk_status status = wk_timer_create(worker->bank, &item->handle);

    if (!tolerate("timer: create", status))
        return;
    status = wk_event_create(worker->bank, &item->event);
    if (!tolerate("a timer's event", status)) {
        item->event = 0;
        drop_handle(item);
        return;
    }
    item->kind = ITEM_TIMER;
    tolerate("timer: bind", wk_timer_bind(item->handle, item->event, 1));
}

static void timer_use(struct worker *worker, struct item *item)
{
    uint64_t was_set, bits;

    switch (random_below(worker, 3)) {
    case 0:
        tolerate("timer: set", wk_timer_set(item->handle, wk_after_ns(random_below(worker, SOON_NS)), 0));
        break;
    case 1:
        tolerate("timer: set", wk_timer_set(item->handle, wk_after_ns(random_below(worker, SOON_NS)), SOON_NS));
        tolerate("waiting for a timer", wk_event_wait(item->event, 1, WK_FOREVER, &bits));
        break;
    default:
        tolerate("timer: cancel", wk_timer_cancel(item->handle, &was_set));
        break;
    }
}

static void process_make(struct worker *worker, struct item *item)
{
    keep(item, ITEM_PROCESS, "process: create", wk_process_create(worker->bank, 0, 0, &item->handle));
}

static void process_use(struct worker *worker, struct item *item)
{
    const struct item *other = &worker->pool[random_below(worker, POOL_ITEMS)];
    wk_handle there, thread = 0;

    switch (random_below(worker, 5)) {
    case 0:
        if (other->kind != ITEM_NONE && other->kind != ITEM_PROGRAM)
            tolerate("grant", wk_process_grant(item->handle, other->handle, WK_TRANSFER_LEND, WK_RIGHTS_ALL, &there));
        break;
    case 1:
        if (tolerate("thread: create", wk_thread_create(item->handle, 5, &thread)))
            tolerate("deleting a thread", wk_capability_delete(thread));
        break;
    case 2:
        if (other->kind == ITEM_MEMORY) {
            const enum wk_status status = wk_memory_map(other->handle, item->handle, 0x100000 + other->pages * 0x10000,
                                                        0, other->pages, WK_PROTECTION_READ);

            if (status != WK_ALREADY_MAPPED)
                tolerate("mapping into a process", status);
        }
        break;
    case 3:
        tolerate("unmap", wk_process_unmap(item->handle, 0x100000, 0x1000));
        break;
    default:
        tolerate("kill", wk_process_kill(item->handle, 1));
        break;
    }
}

static void bank_make(struct worker *worker, struct item *item)
{
    keep(item, ITEM_BANK, "split",
         wk_bank_split(worker->bank, 8 + random_below(worker, 64), WK_BANK_KIND_RAM, &item->handle));
}

static void bank_use(struct worker *worker, struct item *item)
{
    wk_handle events[8] = {0}, memory = 0;
    unsigned count = 0;

    while (count < 8 && tolerate("an object of a bank", wk_event_create(item->handle, &events[count])))
        count++;
    tolerate("a memory of a bank", wk_memory_create(item->handle, 1 + random_below(worker, 8), 0, &memory));
    if (random_below(worker, 2) == 0)
        tolerate("destroy", wk_bank_destroy(item->handle));
    if (memory != 0)
        tolerate("deleting it", wk_capability_delete(memory));
    while (count > 0)
        tolerate("deleting what a bank paid for", wk_capability_delete(events[--count]));
}

static void bank_drop(struct item *item)
{
    tolerate("destroy", wk_bank_destroy(item->handle));
    drop_handle(item);
}

const struct item_operations item_operations[ITEM_KINDS] = {
    [ITEM_MEMORY] = {memory_make, memory_use, drop_handle},     [ITEM_LOAN] = {loan_make, loan_use, drop_handle},
    [ITEM_EVENT] = {event_make, event_use, drop_handle},        [ITEM_TIMER] = {timer_make, timer_use, drop_handle},
    [ITEM_PROCESS] = {process_make, process_use, drop_handle},  [ITEM_BANK] = {bank_make, bank_use, bank_drop},
    [ITEM_PROGRAM] = {program_make, program_use, program_drop},
};
