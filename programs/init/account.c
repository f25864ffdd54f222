/* SPDX-License-Identifier: MIT */
/* Whether all memory came back. */
#include "init.h"

#include <winkle/bank.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/print.h>

/* Frames come back when no hart can reach them any more, which is after a moment. */
#define ACCOUNT_ATTEMPTS 100
#define ACCOUNT_PAUSE_NS 1000000

static uint64_t tim_pages_left(void)
{
    uint64_t limit_pages = 0, used_pages = 0, objects, children;
    enum wk_bank_kind kind;

    wk_bank_info(wk_named_handle("tim"), &limit_pages, &used_pages, &objects, &children, &kind);
    return limit_pages - used_pages;
}

struct account account_read(void)
{
    struct account account = {.tim_pages = tim_pages_left()};
    enum wk_bank_kind kind;

    wk_bank_info(wk_self.bank, &account.limit_pages, &account.used_pages, &account.objects, &account.children, &kind);
    return account;
}

static void pause_for(const struct init *init, uint64_t ns)
{
    uint64_t bits;

    wk_event_wait(init->end_event, END_PAUSE, wk_after_ns(ns), &bits);
}

uint64_t account_missing(const struct init *init, const struct account *before)
{
    struct account after;
    uint64_t had = before->limit_pages - before->used_pages + before->tim_pages, has = 0;

    for (unsigned i = 0; i < ACCOUNT_ATTEMPTS; i++) {
        after = account_read();
        has = after.limit_pages - after.used_pages + after.tim_pages;
        if (has >= had && after.objects == before->objects && after.children == before->children)
            return 0;
        pause_for(init, ACCOUNT_PAUSE_NS);
    }
    wk_print("winkle: before: %lu of %lu pages used, %lu objects, %lu banks; after: %lu of %lu, %lu, %lu\n",
             before->used_pages, before->limit_pages, before->objects, before->children, after.used_pages,
             after.limit_pages, after.objects, after.children);
    return has < had ? had - has : 1;
}
