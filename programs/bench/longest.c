/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own meters of its longest stretches, after the work that might make them long: a memory of 100,000
 * pages, lent and mapped, is revoked, and a bank with 10,000 objects is destroyed, while the other harts are kept in
 * the kernel.
 */
#include "bench.h"

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/event.h>
#include <winkle/heap.h>
#include <winkle/machine.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/print.h>
#include <winkle/process.h>
#include <winkle/start.h>
#include <winkle/thread.h>
#include <winkle/threads.h>
#include <winkle/timer.h>

#include <stdbool.h>

#define PAGES_WANTED 100000
#define OBJECTS_WANTED 10000
/* What mapping and objects take besides the pages themselves: tables, records, slots. */
#define PAGES_OVERHEAD 2048
#define OBJECTS_PER_PAGE 4
#define LOANS 64
#define HELPERS_MAX 7
#define HELPER_PRIORITY 100

static uint32_t helpers_stop;
static struct wk_thread helpers[HELPERS_MAX];

static uint64_t free_pages(void)
{
    uint64_t limit_pages, used_pages, objects, children;
    enum wk_bank_kind kind;
    const enum wk_status status = wk_bank_info(wk_self.bank, &limit_pages, &used_pages, &objects, &children, &kind);

    if (status != WK_OK)
        wk_fail("its bank gives no information", status);
    return limit_pages - used_pages;
}

static void expect(const char *what, enum wk_status status)
{
    if (status != WK_OK)
        wk_fail(what, status);
}

/* Keeps a hart busy with short operations until told to stop. */
static void help(void *unused)
{
    (void)unused;
    while (__atomic_load_n(&helpers_stop, __ATOMIC_RELAXED) == 0) {
        wk_handle lent;

        if (wk_capability_lend(wk_self.bank, WK_BANK_RIGHT_INSPECT, &lent) == WK_OK)
            wk_capability_delete(lent);
    }
}

static unsigned start_helpers(void)
{
    uint64_t harts, timebase_hz, ram_pages, free, now_ns, asid_bits;
    unsigned count = 0;

    expect("machine: info",
           wk_machine_info(wk_self.machine, &harts, &timebase_hz, &ram_pages, &free, &now_ns, &asid_bits));
    __atomic_store_n(&helpers_stop, 0, __ATOMIC_RELAXED);
    while (count + 1 < harts && count < HELPERS_MAX) {
        expect("a helping thread", wk_thread_run(&helpers[count], help, NULL, 4, HELPER_PRIORITY));
        count++;
    }
    return count;
}

static void stop_helpers(unsigned count)
{
    __atomic_store_n(&helpers_stop, 1, __ATOMIC_RELAXED);
    while (count-- > 0)
        expect("the end of a helping thread", wk_thread_join(&helpers[count], UINT64_MAX));
}

/* Makes, lends, maps, and takes back at once. */
static uint64_t revoke_pages(void)
{
    const uint64_t room = free_pages() - free_pages() / 8;
    const uint64_t spare = room > 2 * PAGES_OVERHEAD ? room - PAGES_OVERHEAD : room / 2;
    const uint64_t pages = spare < PAGES_WANTED ? spare : PAGES_WANTED;
    wk_handle memory, lent;
    void *address;

    expect("a memory to revoke", wk_memory_create(wk_self.bank, pages, 0, &memory));
    expect("a loan", wk_capability_lend(memory, WK_RIGHTS_ALL, &lent));
    for (unsigned i = 0; i < LOANS; i++) {
        wk_handle further;

        expect("a further loan", wk_capability_lend(i % 8 == 0 ? memory : lent, WK_RIGHTS_ALL, &further));
    }
    expect("mapping", wk_map(lent, 0, pages, WK_READ_WRITE, &address));
    expect("revoking", wk_capability_revoke(memory));
    expect("deleting", wk_capability_delete(memory));
    return pages;
}

/* An object of any kind, most of them events. */
static enum wk_status make_object(wk_handle bank, uint64_t number, wk_handle event, wk_handle *object)
{
    wk_handle thread;
    enum wk_status status;

    switch (number % 32) {
    case 1:
        return wk_timer_create(bank, object);
    case 2:
        return wk_memory_create(bank, 3, WK_MEMORY_OPTIONS_ON_DEMAND, object);
    case 3:
        return wk_bank_split(bank, 1, WK_BANK_KIND_RAM, object);
    case 4:
        status = wk_process_create(bank, event, 1, object);
        return status != WK_OK ? status : wk_thread_create(*object, HELPER_PRIORITY, &thread);
    default:
        return wk_event_create(bank, object);
    }
}

static uint64_t destroy_objects(void)
{
    const uint64_t room = free_pages() / 2;
    const uint64_t most = room * OBJECTS_PER_PAGE;
    const uint64_t objects = most < OBJECTS_WANTED ? most : OBJECTS_WANTED;
    wk_handle *objects_made = wk_allocate(objects * sizeof(objects_made[0]));
    wk_handle bank;

    if (objects_made == NULL)
        wk_fail("a list of objects", WK_NO_MEMORY);
    expect("a bank to destroy", wk_bank_split(wk_self.bank, room, WK_BANK_KIND_RAM, &bank));
    for (uint64_t i = 0; i < objects; i++)
        expect("an object to destroy", make_object(bank, i, objects_made[0], &objects_made[i]));
    expect("destroying", wk_bank_destroy(bank));
    for (uint64_t i = 0; i < objects; i++)
        wk_capability_delete(objects_made[i]);
    wk_capability_delete(bank);
    wk_free(objects_made);
    return objects;
}

bool read_meter(enum wk_meter meter, uint64_t *value)
{
    const enum wk_status status = wk_machine_read_meter(wk_self.machine, meter, 0, 1, value);

    if (status != WK_OK && status != WK_NOT_AVAILABLE)
        wk_fail("machine: read_meter", status);
    return status == WK_OK;
}

void say_no_meters(const struct benchmark *benchmark)
{
    wk_print("%s: this build has no meters; use the build measure\n", benchmark->name);
}

static void measure_longest(const struct benchmark *benchmark, enum wk_meter meter)
{
    uint64_t value, firmware, pages, objects;
    unsigned count;

    if (!read_meter(meter, &value) || !read_meter(WK_METER_FIRMWARE, &firmware)) {
        say_no_meters(benchmark);
        return;
    }
    count = start_helpers();
    pages = revoke_pages();
    objects = destroy_objects();
    stop_helpers(count);
    if (!read_meter(meter, &value) || !read_meter(WK_METER_FIRMWARE, &firmware))
        return;
    wk_print("%s: over revoking %lu pages and destroying %lu objects, %u other harts busy; longest in firmware %lu\n",
             benchmark->name, pages, objects, count, firmware);
    print_figure(benchmark, value);
}

void measure_interrupts_off(const struct benchmark *benchmark)
{
    measure_longest(benchmark, WK_METER_INTERRUPTS_OFF);
}

void measure_lock_hold(const struct benchmark *benchmark)
{
    measure_longest(benchmark, WK_METER_LOCK_HOLD);
}

void measure_boot(const struct benchmark *benchmark)
{
    uint64_t value;

    if (wk_machine_read_meter(wk_self.machine, WK_METER_BOOT, 0, 0, &value) == WK_OK)
        print_figure(benchmark, value);
    else
        say_no_meters(benchmark);
}
