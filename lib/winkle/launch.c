/* SPDX-License-Identifier: MIT */
/*
 * The program's bytes go through staging pages of the launcher and `memory: copy`, which answers `no_memory` where a
 * store into the program's mapped pages would fault: a program whose bank is too small must not take its launcher
 * with it.
 */
#include <winkle/launch.h>

#include <winkle/budget.h>
#include <winkle/capability.h>
#include <winkle/elf.h>
#include <winkle/faults.h>
#include <winkle/harts.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/print.h>
#include <winkle/process.h>
#include <winkle/text.h>
#include <winkle/thread.h>

#define STAGING_PAGES 16
#define STAGING_BYTES (STAGING_PAGES * WK_PAGE_BYTES)

/* Where all that the program has mapped lies: behind its segments a gap, the stack, a gap, the start block. In the
 * memory object the same without gaps. */
struct layout {
    uint64_t segment_offset_pages[WK_ELF_SEGMENTS_MAX];
    uint64_t stack_offset_pages;
    uint64_t stack_pages;
    uint64_t stack_address;
    uint64_t start_offset_pages;
    uint64_t start_address;
};

/* A launch under way. */
struct work {
    const struct wk_launch *launch;
    struct wk_child *child;
    struct wk_elf elf;
    struct layout layout;
    struct wk_start start; /* what the start block will begin with */
    wk_handle budget;      /* of its threads */
    wk_handle staging;
    uint8_t *staging_bytes;
};

static void lay_out(struct work *work)
{
    const struct wk_elf_segment *last = &work->elf.segments[work->elf.segment_count - 1];
    struct layout *layout = &work->layout;
    uint64_t offset = 0;

    for (unsigned i = 0; i < work->elf.segment_count; i++) {
        layout->segment_offset_pages[i] = offset;
        offset += work->elf.segments[i].pages;
    }
    layout->stack_pages = work->launch->stack_pages == 0 ? WK_STACK_PAGES : work->launch->stack_pages;
    layout->stack_offset_pages = offset;
    layout->stack_address = last->address + (last->pages + 1) * WK_PAGE_BYTES;
    layout->start_offset_pages = offset + layout->stack_pages;
    layout->start_address = layout->stack_address + (layout->stack_pages + 1) * WK_PAGE_BYTES;
}

static enum wk_status copy_bytes(const struct work *work, uint64_t offset, const uint8_t *bytes, uint64_t length)
{
    while (length > 0) {
        const uint64_t part = length < STAGING_BYTES ? length : STAGING_BYTES;
        enum wk_status status;

        memcpy(work->staging_bytes, bytes, part);
        status = wk_memory_copy(work->child->memory, offset, work->staging, 0, part);
        if (status != WK_OK)
            return status;
        offset += part;
        bytes += part;
        length -= part;
    }
    return WK_OK;
}

static enum wk_status map_child(const struct work *work, uint64_t address, uint64_t offset_pages, uint64_t pages,
                                uint64_t protection)
{
    return wk_memory_map(work->child->memory, work->child->process, address, offset_pages, pages, protection);
}

static enum wk_status load_segments(const struct work *work)
{
    for (unsigned i = 0; i < work->elf.segment_count; i++) {
        const struct wk_elf_segment *segment = &work->elf.segments[i];
        const uint64_t offset_pages = work->layout.segment_offset_pages[i];
        enum wk_status status = copy_bytes(work, offset_pages * WK_PAGE_BYTES, segment->bytes, segment->file_bytes);

        if (status == WK_OK)
            status = map_child(work, segment->address, offset_pages, segment->pages, segment->protection);
        if (status != WK_OK)
            return status;
    }
    return map_child(work, work->layout.stack_address, work->layout.stack_offset_pages, work->layout.stack_pages,
                     WK_READ_WRITE);
}

static enum wk_status lend(const struct work *work, wk_handle handle, uint64_t rights, wk_handle *there)
{
    return wk_process_grant(work->child->process, handle, WK_TRANSFER_LEND, rights, there);
}

/* What it may hand on, if it is to be able to. */
static enum wk_status hand_over(const struct work *work, wk_handle handle, uint64_t rights, wk_handle *there)
{
    return wk_process_grant(work->child->process, handle, work->launch->forks ? WK_TRANSFER_DUP : WK_TRANSFER_LEND,
                            rights, there);
}

static struct wk_named *add_name(struct work *work, const char *name)
{
    struct wk_named *named = &work->start.named[work->start.named_count++];

    memcpy(named->name, name, strlen(name) + 1);
    return named;
}

static enum wk_status grant_capabilities(struct work *work)
{
    const struct wk_launch *launch = work->launch;
    enum wk_status status = lend(work, work->child->process, WK_RIGHTS_ALL, &work->start.process);

    if (status == WK_OK)
        status = lend(work, work->child->thread, WK_RIGHTS_ALL, &work->start.thread);
    if (status == WK_OK && launch->bank_rights != 0)
        status = hand_over(work, launch->bank, launch->bank_rights, &work->start.bank);
    if (status == WK_OK)
        status = hand_over(work, work->budget, WK_BUDGET_RIGHTS_TO_SPEND, &work->start.budget);
    if (status == WK_OK && launch->forks)
        status = hand_over(work, work->child->memory, WK_RIGHTS_ALL, &add_name(work, "image")->handle);
    for (unsigned i = 0; i < launch->grant_count && status == WK_OK; i++) {
        const struct wk_grant *grant = &launch->grants[i];
        struct wk_named *named = add_name(work, grant->name);

        named->offset = grant->offset;
        named->bytes = grant->bytes;
        status = wk_process_grant(work->child->process, grant->handle, grant->transfer, grant->rights, &named->handle);
    }
    return status;
}

/* A part of one of the launcher's budgets, for threads up to the ceiling; the launch's bank pays for its record. */
static enum wk_status share_budget(const struct wk_launch *launch, wk_handle of, wk_handle *budget)
{
    return wk_budget_split(of, launch->bank, 0, 0, launch->ceiling, 0, budget);
}

static unsigned hart_grants(const struct wk_launch *launch)
{
    return launch->harts ? wk_hart_count() : 0;
}

/* They are the program's: the launcher keeps nothing of them, so they end with the process. */
static enum wk_status give_harts(struct work *work)
{
    for (unsigned hart = 0; hart < hart_grants(work->launch); hart++) {
        char name[WK_NAME_BYTES];
        wk_handle budget;
        enum wk_status status = share_budget(work->launch, wk_hart_budget(hart), &budget);

        if (status != WK_OK)
            return status;
        wk_print_text(name, sizeof(name), "hart%u", hart);
        status = wk_process_grant(work->child->process, budget, WK_TRANSFER_GIVE, WK_BUDGET_RIGHTS_TO_SPEND,
                                  &add_name(work, name)->handle);
        if (status != WK_OK) {
            wk_capability_delete(budget);
            return status;
        }
    }
    return WK_OK;
}

/* Whether arguments and grants fit into the start block. */
static bool start_block_fits(const struct wk_launch *launch)
{
    uint64_t bytes = sizeof(struct wk_start) + ((uint64_t)launch->argc + 1) * sizeof(char *);

    for (int i = 0; i < launch->argc; i++)
        bytes += strlen(launch->argv[i]) + 1;
    for (unsigned i = 0; i < launch->grant_count; i++) {
        if (strlen(launch->grants[i].name) >= WK_NAME_BYTES)
            return false;
    }
    return launch->grant_count + launch->forks + hart_grants(launch) <= WK_NAMED_MAX && bytes <= WK_PAGE_BYTES;
}

static enum wk_status write_start_block(struct work *work)
{
    const uint64_t address = work->layout.start_address;
    const char **argv = (const char **)(work->staging_bytes + sizeof(struct wk_start));
    uint64_t used = sizeof(struct wk_start) + ((uint64_t)work->launch->argc + 1) * sizeof(char *);
    enum wk_status status;

    memset(work->staging_bytes, 0, WK_PAGE_BYTES);
    for (int i = 0; i < work->launch->argc; i++) {
        const size_t bytes = strlen(work->launch->argv[i]) + 1;

        memcpy(work->staging_bytes + used, work->launch->argv[i], bytes);
        argv[i] = (const char *)(address + used);
        used += bytes;
    }
    work->start.magic = WK_START_MAGIC;
    work->start.argc = (uint64_t)work->launch->argc;
    work->start.argv = (const char *const *)(address + sizeof(struct wk_start));
    work->start.timebase_hz = wk_self.start->timebase_hz;
    work->start.stack_lowest = work->layout.stack_address;
    work->start.stack_bytes = work->layout.stack_pages * WK_PAGE_BYTES;
    memcpy(work->staging_bytes, &work->start, sizeof(work->start));
    status = wk_memory_copy(work->child->memory, work->layout.start_offset_pages * WK_PAGE_BYTES, work->staging, 0,
                            WK_PAGE_BYTES);
    return status != WK_OK ? status : map_child(work, address, work->layout.start_offset_pages, 1, WK_PROTECTION_READ);
}

static enum wk_status make_objects(struct work *work, const char **problem)
{
    const struct wk_launch *launch = work->launch;
    struct wk_child *child = work->child;
    void *staging;
    enum wk_status status = wk_map_new(STAGING_PAGES, 0, &work->staging, &staging);

    *problem = "the launcher has no memory to copy the program with";
    if (status != WK_OK)
        return status;
    work->staging_bytes = staging;
    *problem = "its memory can't be made";
    status = wk_memory_create(launch->bank, work->layout.start_offset_pages + 1, WK_MEMORY_OPTIONS_ON_DEMAND,
                              &child->memory);
    if (status != WK_OK)
        return status;
    *problem = "its process can't be made";
    status = wk_process_create(launch->bank, launch->end_event, launch->end_bits, &child->process);
    if (status != WK_OK)
        return status;
    *problem = "its first thread can't be made";
    return wk_thread_create(child->process, 0, &child->thread);
}

/* The thread began on the launcher's budget, with the one priority that any budget allows. */
static enum wk_status set_budget(struct work *work, const char **problem)
{
    const struct wk_launch *launch = work->launch;
    struct wk_child *child = work->child;
    enum wk_status status = WK_OK;

    *problem = "its budget can't be made: its ceiling is above that of its launcher's, or its bank is too small";
    work->budget = launch->budget;
    if (work->budget == 0) {
        status = share_budget(launch, launch->budget_of != 0 ? launch->budget_of : wk_budget_in_turn(), &child->budget);
        work->budget = child->budget;
    }
    if (status != WK_OK)
        return status;
    *problem = "its first thread can't run on its budget: its priority is above the budget's";
    status = wk_thread_set_budget(child->thread, work->budget);
    return status != WK_OK ? status : wk_thread_set_priority(child->thread, launch->priority);
}

static enum wk_status fill_process(struct work *work, const char **problem)
{
    enum wk_status status;

    *problem = "its segments and stack don't fit into its bank";
    status = load_segments(work);
    if (status != WK_OK)
        return status;
    *problem = "its capabilities can't be granted";
    status = grant_capabilities(work);
    if (status == WK_OK)
        status = give_harts(work);
    if (status == WK_OK && work->launch->fault_session != 0)
        status = wk_fault_set_handler(work->child->process, work->launch->fault_session);
    if (status != WK_OK)
        return status;
    *problem = "its start block doesn't fit into its bank";
    return write_start_block(work);
}

enum wk_status wk_launch_prepare(const struct wk_launch *launch, struct wk_child *child, const char **problem)
{
    struct work work = {.launch = launch, .child = child};
    enum wk_status status;

    *child = (struct wk_child){0};
    *problem = wk_elf_check(launch->elf, launch->elf_bytes, &work.elf);
    if (*problem != NULL)
        return WK_BAD_ARGUMENT;
    if (!start_block_fits(launch)) {
        *problem = "its arguments and capabilities don't fit into the start block, a page";
        return WK_BAD_ARGUMENT;
    }
    lay_out(&work);
    status = make_objects(&work, problem);
    if (status == WK_OK)
        status = set_budget(&work, problem);
    if (status == WK_OK)
        status = fill_process(&work, problem);
    if (work.staging_bytes != NULL)
        wk_unmap_delete(work.staging, work.staging_bytes, STAGING_PAGES);
    if (status != WK_OK) {
        wk_child_release(child);
        return status;
    }
    child->entry = work.elf.entry;
    child->stack_top = work.layout.stack_address + work.layout.stack_pages * WK_PAGE_BYTES;
    child->start_address = work.layout.start_address;
    *problem = NULL;
    return WK_OK;
}

enum wk_status wk_launch_start(const struct wk_child *child)
{
    return wk_thread_start(child->thread, child->entry, child->stack_top, 0, child->start_address, 0);
}

enum wk_status wk_launch(const struct wk_launch *launch, struct wk_child *child, const char **problem)
{
    enum wk_status status = wk_launch_prepare(launch, child, problem);

    if (status != WK_OK)
        return status;
    status = wk_launch_start(child);
    if (status != WK_OK) {
        *problem = "its first thread can't be started";
        wk_child_release(child);
    }
    return status;
}
