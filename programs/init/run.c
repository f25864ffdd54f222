/* SPDX-License-Identifier: MIT */
/* Running one program: its bank, its capabilities, its end, and whether all of its memory came back. */
#include "init.h"

#include <winkle/bank.h>
#include <winkle/budget.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/names.h>
#include <winkle/print.h>

#define END_BIT 1
/* What `bank most` leaves init to launch with. */
#define PAGES_KEPT 96
/* Frames come back when no hart can reach them any more, which is after a moment. */
#define ACCOUNT_ATTEMPTS 100
#define ACCOUNT_PAUSE_NS 1000000

struct account {
    uint64_t limit_pages, used_pages, objects, children;
    uint64_t tim_pages; /* that it has left of that kind */
};

static uint64_t tim_pages_left(void)
{
    uint64_t limit_pages = 0, used_pages = 0, objects, children;
    enum wk_bank_kind kind;

    wk_bank_info(wk_named_handle("tim"), &limit_pages, &used_pages, &objects, &children, &kind);
    return limit_pages - used_pages;
}

static struct account read_account(void)
{
    struct account account = {.tim_pages = tim_pages_left()};
    enum wk_bank_kind kind;

    wk_bank_info(wk_self.bank, &account.limit_pages, &account.used_pages, &account.objects, &account.children, &kind);
    return account;
}

static void pause_for(const struct init *init, uint64_t ns)
{
    uint64_t bits;

    wk_event_wait(init->end_event, END_BIT << 1, wk_after_ns(ns), &bits);
}

/* How many pages init has less than before, once all frames on their way back have arrived. */
static uint64_t pages_missing(const struct init *init, const struct account *before)
{
    struct account after;
    uint64_t had = before->limit_pages - before->used_pages + before->tim_pages, has = 0;

    for (unsigned i = 0; i < ACCOUNT_ATTEMPTS; i++) {
        after = read_account();
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

static unsigned grant_memory(struct wk_grant *grant, const char *name, uint64_t rights)
{
    const struct wk_named *named = wk_named_find(name);

    if (named == NULL)
        return 0;
    *grant = (struct wk_grant){name, named->handle, WK_TRANSFER_LEND, rights, named->offset, named->bytes};
    return 1;
}

/* Fills `grants`, which has room for all there are; returns how many. */
static unsigned list_grants(unsigned wanted, wk_handle tim, struct wk_grant *grants)
{
    const uint64_t machine_rights = ((wanted & GRANT_CONSOLE) != 0 ? WK_MACHINE_RIGHT_CONSOLE : 0) |
                                    ((wanted & GRANT_POWER) != 0 ? WK_MACHINE_RIGHT_POWER : 0) |
                                    ((wanted & GRANT_DEVICE) != 0 ? WK_MACHINE_RIGHT_DEVICE : 0) |
                                    ((wanted & GRANT_INSPECT) != 0 ? WK_MACHINE_RIGHT_INSPECT : 0);
    unsigned count = 0;

    if (machine_rights != 0)
        grants[count++] = (struct wk_grant){"machine", wk_self.machine, WK_TRANSFER_LEND, machine_rights, 0, 0};
    if ((wanted & GRANT_TRACE) != 0)
        grants[count++] = (struct wk_grant){"trace", wk_self.trace, WK_TRANSFER_LEND, WK_RIGHTS_ALL, 0, 0};
    if ((wanted & GRANT_ARCHIVE) != 0)
        count += grant_memory(&grants[count], "archive", WK_MEMORY_RIGHT_READ | WK_MEMORY_RIGHT_EXECUTE);
    if ((wanted & GRANT_DEVICE_TREE) != 0)
        count += grant_memory(&grants[count], "device-tree", WK_MEMORY_RIGHT_READ);
    if (tim != 0)
        grants[count++] = (struct wk_grant){"tim", tim, WK_TRANSFER_LEND, WK_BANK_RIGHTS_TO_SPEND, 0, 0};
    return count;
}

static struct run_result refused(int status, const char *path, const char *problem, enum wk_status reason)
{
    if (reason == WK_OK || reason == WK_BAD_ARGUMENT)
        wk_print("winkle: %s: %s\n", path, problem);
    else
        wk_print("winkle: %s: %s: %s\n", path, problem, wk_status_name(reason));
    return (struct run_result){.refusal = status};
}

static enum wk_status split_bank(const struct manifest_program *program, const struct account *before, wk_handle *bank)
{
    const uint64_t free_pages = before->limit_pages - before->used_pages;
    const uint64_t most = free_pages > 2 * PAGES_KEPT ? free_pages - PAGES_KEPT : free_pages / 2;

    return wk_bank_split(wk_self.bank, program->bank_pages == MANIFEST_BANK_MOST ? most : program->bank_pages,
                         WK_BANK_KIND_RAM, bank);
}

/* Its tightly-integrated memory, which its bank pays the records of and ends with; 0 if it gets none. */
static enum wk_status split_tim(const struct manifest_program *program, const struct account *before, wk_handle bank,
                                wk_handle *tim)
{
    const uint64_t pages = program->tim_pages == MANIFEST_BANK_MOST ? before->tim_pages : program->tim_pages;

    *tim = 0;
    return pages == 0 ? WK_OK : wk_bank_split_with_payer(wk_named_handle("tim"), bank, pages, tim);
}

/* The one with capacity of its own that the manifest gives it; 0 if it does not. */
static enum wk_status split_budget(const struct manifest_program *program, wk_handle bank, wk_handle *budget)
{
    *budget = 0;
    if (program->capacity_ns == 0)
        return WK_OK;
    return wk_budget_split(wk_self.budget, bank, program->capacity_ns, program->period_ns, program->ceiling,
                           program->deadline_ns, budget);
}

static struct run_result run_file(const struct init *init, const struct manifest_program *program, const char *path,
                                  const struct wk_file *file, wk_handle bank, wk_handle tim, wk_handle budget, int argc,
                                  const char *const *argv)
{
    struct wk_grant grants[5];
    const struct wk_launch launch = {
        .elf = file->bytes,
        .elf_bytes = file->length,
        .argc = argc,
        .argv = argv,
        .bank = bank,
        .bank_rights = WK_BANK_RIGHTS_TO_SPEND,
        .budget = budget,
        .budget_of = wk_self.budget,
        .harts = (program->grants & GRANT_HARTS) != 0,
        .ceiling = program->ceiling,
        .priority = program->priority,
        .end_event = init->end_event,
        .end_bits = END_BIT,
        .grants = grants,
        .grant_count = list_grants(program->grants, tim, grants),
    };
    struct run_result result = {.started = true};
    struct wk_child child;
    const char *problem;
    enum wk_status status = wk_launch(&launch, &child, &problem);

    if (status != WK_OK)
        return refused(INIT_REFUSED, path, problem, status);
    do
        status = wk_child_wait(&child, init->end_event, END_BIT, WK_FOREVER, &result.end);
    while (status == WK_INTERRUPTED);
    wk_child_release(&child);
    return result;
}

struct run_result run_program(const struct init *init, const struct manifest_program *program, const char *name,
                              int argc, const char *const *argv)
{
    char path[WK_ARCHIVE_NAME_BYTES];
    struct wk_file file;
    struct account before;
    struct run_result result;
    wk_handle bank, tim, budget;
    enum wk_status status;

    wk_print_text(path, sizeof(path), "%s%s", program->path == NULL ? "bin/" : "",
                  program->path == NULL ? name : program->path);
    if (wk_archive_find(&init->archive, path, &file) != 0)
        return refused(INIT_NOT_FOUND, path, "there is no such file in the boot archive", WK_OK);
    before = read_account();
    status = split_bank(program, &before, &bank);
    if (status != WK_OK)
        return refused(INIT_REFUSED, path, "its bank can't be split from init's", status);
    status = split_budget(program, bank, &budget);
    if (status != WK_OK)
        result = refused(INIT_REFUSED, path, "its budget can't be split from that of init's hart", status);
    else if ((status = split_tim(program, &before, bank, &tim)) != WK_OK)
        result = refused(INIT_REFUSED, path, "its tightly-integrated memory can't be split from init's", status);
    else
        result = run_file(init, program, path, &file, bank, tim, budget, argc, argv);
    if (budget != 0)
        wk_capability_delete(budget);
    wk_bank_destroy(bank);
    wk_capability_delete(bank);
    result.pages_lost = pages_missing(init, &before);
    if (result.pages_lost != 0)
        wk_print("winkle: %s: %lu pages lost\n", path, result.pages_lost);
    return result;
}
