/* SPDX-License-Identifier: MIT */
/*
 * usage: stress [SEED [STEPS [WORKERS]]] Does STEPS random things in each of WORKERS threads, then takes everything
 * back and checks that its bank holds what it held before.
 */
#include "stress.h"

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/heap.h>
#include <winkle/names.h>
#include <winkle/print.h>
#include <winkle/text.h>

#define STEPS_DEFAULT 2000
#define HANDLES_WARM 1024
#define STACK_WARM_BYTES 32768
#define WORKER_STACK_PAGES 8
#define WORKER_PRIORITY 50
#define BANK_PAGES_MAX 4096
#define ACCOUNT_ATTEMPTS 100
#define ACCOUNT_PAUSE_NS 1000000

static struct worker workers[WORKERS_MAX];

struct account {
    uint64_t limit_pages, used_pages, objects, children;
};

uint64_t random_below(struct worker *worker, uint64_t limit)
{
    worker->random ^= worker->random >> 12;
    worker->random ^= worker->random << 25;
    worker->random ^= worker->random >> 27;
    return (worker->random * UINT64_C(0x2545f4914f6cdd1d) >> 20) % limit;
}

bool tolerate(const char *what, enum wk_status status)
{
    static const enum wk_status tolerated[] = {
        WK_BAD_HANDLE, /* what it was lent from was taken back */
        WK_NO_MEMORY,  WK_TABLE_FULL, WK_IS_LENT, WK_REVOKED, WK_BUSY, WK_WOULD_BLOCK,
    };

    if (status == WK_OK)
        return true;
    for (unsigned i = 0; i < sizeof(tolerated) / sizeof(tolerated[0]); i++) {
        if (status == tolerated[i])
            return false;
    }
    wk_fail(what, status);
}

static struct account read_account(void)
{
    struct account account;
    enum wk_bank_kind kind;
    const enum wk_status status = wk_bank_info(wk_self.bank, &account.limit_pages, &account.used_pages,
                                               &account.objects, &account.children, &kind);

    if (status != WK_OK)
        wk_fail("its bank gives no information", status);
    return account;
}

/* What stays with the process once it is there comes first: the table's pages, its own data and stack on demand. */
static void warm_up(void)
{
    static wk_handle handles[HANDLES_WARM];
    volatile uint8_t stack[STACK_WARM_BYTES];
    unsigned count = 0;

    for (size_t i = 0; i < sizeof(stack); i += WK_PAGE_BYTES)
        stack[i] = 0;
    memset(workers, 0, sizeof(workers));
    while (count < HANDLES_WARM && wk_capability_dup(wk_self.bank, 0, &handles[count]) == WK_OK)
        count++;
    while (count > 0)
        wk_capability_delete(handles[--count]);
    wk_heap_prepare();
}

static void work(void *argument)
{
    struct worker *worker = argument;

    for (uint64_t step = 0; step < worker->steps; step++) {
        struct item *item = &worker->pool[random_below(worker, POOL_ITEMS)];

        if (item->kind == ITEM_NONE) {
            const uint64_t kind = 1 + random_below(worker, ITEM_KINDS - 1);

            item_operations[kind].make(worker, item);
            worker->acts[item->kind]++;
        } else if (random_below(worker, 4) == 0) {
            item_operations[item->kind].drop(item);
            *item = (struct item){0};
        } else {
            item_operations[item->kind].use(worker, item);
        }
    }
    for (unsigned i = 0; i < POOL_ITEMS; i++) {
        if (worker->pool[i].kind != ITEM_NONE)
            item_operations[worker->pool[i].kind].drop(&worker->pool[i]);
        worker->pool[i] = (struct item){0};
    }
}

static void expect(const char *what, enum wk_status status)
{
    if (status != WK_OK)
        wk_fail(what, status);
}

static void run_workers(uint64_t seed, uint64_t steps, unsigned count, uint64_t pages)
{
    for (unsigned i = 0; i < count; i++) {
        workers[i].random = (seed + i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
        workers[i].steps = steps;
        expect("a worker's bank", wk_bank_split(wk_self.bank, pages, WK_BANK_KIND_RAM, &workers[i].bank));
        expect("a worker's thread",
               wk_thread_run(&workers[i].thread, work, &workers[i], WORKER_STACK_PAGES, WORKER_PRIORITY));
    }
    for (unsigned i = 0; i < count; i++) {
        expect("the end of a worker", wk_thread_join(&workers[i].thread, WK_FOREVER));
        expect("destroying a worker's bank", wk_bank_destroy(workers[i].bank));
        wk_capability_delete(workers[i].bank);
    }
}

/* Whether the bank holds what it held before, once all frames on their way back have arrived. */
static bool all_came_back(const struct account *before)
{
    wk_handle event;
    struct account after = read_account();

    expect("an event to wait with", wk_event_create(wk_self.bank, &event));
    for (unsigned i = 0; i < ACCOUNT_ATTEMPTS; i++) {
        uint64_t bits;

        wk_event_wait(event, 1, wk_after_ns(ACCOUNT_PAUSE_NS), &bits);
    }
    wk_capability_delete(event);
    after = read_account();
    if (memcmp(before, &after, sizeof(after)) == 0)
        return true;
    wk_print("stress: before: %lu of %lu pages, %lu objects, %lu banks; after: %lu of %lu, %lu, %lu\n",
             before->used_pages, before->limit_pages, before->objects, before->children, after.used_pages,
             after.limit_pages, after.objects, after.children);
    return false;
}

static uint64_t read_argument(int argc, char **argv, int index, uint64_t otherwise)
{
    uint64_t value = otherwise;

    if (index < argc && !wk_parse_number(argv[index], strlen(argv[index]), &value)) {
        wk_print("stress: '%s' is no number; usage: stress [SEED [STEPS [WORKERS]]]\n", argv[index]);
        wk_exit(2);
    }
    return value;
}

static void report(unsigned count)
{
    uint64_t acts[ITEM_KINDS] = {0};

    for (unsigned i = 0; i < count; i++) {
        for (unsigned kind = 0; kind < ITEM_KINDS; kind++)
            acts[kind] += workers[i].acts[kind];
    }
    wk_print("stress: made %lu memories, %lu loans, %lu events, %lu timers, %lu processes, %lu banks, %lu programs\n",
             acts[ITEM_MEMORY], acts[ITEM_LOAN], acts[ITEM_EVENT], acts[ITEM_TIMER], acts[ITEM_PROCESS],
             acts[ITEM_BANK], acts[ITEM_PROGRAM]);
}

int main(int argc, char **argv)
{
    const uint64_t seed = read_argument(argc, argv, 1, 1);
    const uint64_t steps = read_argument(argc, argv, 2, STEPS_DEFAULT);
    const uint64_t wanted = read_argument(argc, argv, 3, 2);
    const unsigned count = wanted < 1 ? 1 : wanted > WORKERS_MAX ? WORKERS_MAX : (unsigned)wanted;
    struct account before;
    uint64_t pages;

    programs_open();
    warm_up();
    before = read_account();
    pages = (before.limit_pages - before.used_pages) / (count + 1);
    run_workers(seed, steps, count, pages < BANK_PAGES_MAX ? pages : BANK_PAGES_MAX);
    report(count);
    if (!all_came_back(&before))
        return 1;
    wk_print("stress: seed %lu, %lu steps in each of %u threads: all memory came back\n", seed, steps, count);
    return 0;
}
