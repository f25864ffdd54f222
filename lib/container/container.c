/* SPDX-License-Identifier: MIT */
#include <container/container.h>

#include <winkle/bank.h>
#include <winkle/budget.h>
#include <winkle/calls.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/endpoint.h>
#include <winkle/process.h>
#include <winkle/terminal.h>
#include <winkle/text.h>

#define PERSONALITY "linux"
#define SERVICES_PRIORITY CONTAINER_CEILING
/* How long a service may take until it serves. */
#define PATIENCE_NS (10 * WK_NS_PER_SECOND)
#define PERIOD_NS (WK_NS_PER_SECOND / 10)
#define LINE_BYTES 40

/* Of the container's memory, what of its services each has: a share of it, within bounds. */
static const struct {
    const char *name;
    uint64_t divisor, most_pages;
} parts[CONTAINER_PARTS] = {[CONTAINER_POSIX] = {"posix", 8, 1024},
                            [CONTAINER_PIPES] = {"pipes", 8, 8192},
                            [CONTAINER_TERMINAL] = {"terminal", 16, 256}};

static uint64_t part_pages(const struct container_plan *plan, enum container_part part)
{
    const uint64_t pages = plan->pages / parts[part].divisor;

    return pages < parts[part].most_pages ? pages : parts[part].most_pages;
}

static enum wk_status find(const struct container_plan *plan, const char *name, struct wk_file *file)
{
    char path[WK_ARCHIVE_NAME_BYTES] = "bin/";

    memcpy(path + 4, name, strlen(name) + 1);
    return wk_archive_find(plan->archive, path, file) == 0 ? WK_OK : WK_NOT_FOUND;
}

/* ---- its services ---- */

enum wk_status container_session(const struct container *container, enum container_part part, wk_handle *session)
{
    return wk_endpoint_mint(container->services[part].endpoint, 0, 0, session);
}

/* A service takes capabilities only once it serves: waits for that by an operation that nobody has. */
static enum wk_status await_service(const struct container *container, enum container_part part)
{
    uint64_t words[6] = {0};
    wk_handle session;
    enum wk_status status = container_session(container, part, &session);

    if (status != WK_OK)
        return status;
    status = wk_call(session, WK_MESSAGE_OPERATION, words, wk_after_ns(PATIENCE_NS));
    wk_capability_delete(session);
    return status == WK_NO_SUCH_OPERATION ? WK_OK : status;
}

static enum wk_status launch_service(const struct container_plan *plan, struct container_service *service,
                                     enum container_part part, const char **problem, wk_handle posix)
{
    const struct wk_grant grants[] = {
        {"endpoint", service->endpoint, WK_TRANSFER_LEND, WK_ENDPOINT_RIGHT_SERVE | WK_ENDPOINT_RIGHT_MINT, 0, 0},
        {"posix", posix, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, 0, 0},
    };
    struct wk_file file;
    enum wk_status status = find(plan, parts[part].name, &file);

    if (status != WK_OK)
        return status;
    return wk_launch(&(struct wk_launch){.elf = file.bytes,
                                         .elf_bytes = file.length,
                                         .argc = 1,
                                         .argv = &parts[part].name,
                                         .bank = service->bank,
                                         .bank_rights = WK_BANK_RIGHTS_TO_SPEND,
                                         .budget_of = wk_self.budget,
                                         .ceiling = SERVICES_PRIORITY,
                                         .priority = SERVICES_PRIORITY,
                                         .end_event = plan->event,
                                         .end_bits = (uint64_t)CONTAINER_FAILED << plan->first_bit,
                                         .grants = grants,
                                         .grant_count = posix != 0 ? 2 : 1},
                     &service->child, problem);
}

static enum wk_status start_service(const struct container_plan *plan, struct container *container,
                                    enum container_part part, const char **problem)
{
    struct container_service *service = &container->services[part];
    wk_handle posix = 0;
    enum wk_status status = wk_bank_split(container->bank, part_pages(plan, part), WK_BANK_KIND_RAM, &service->bank);

    *problem = "its services do not fit into its memory";
    if (status == WK_OK)
        status = wk_endpoint_create(service->bank, &service->endpoint);
    if (status == WK_OK && part == CONTAINER_TERMINAL)
        status = container_session(container, CONTAINER_POSIX, &posix);
    if (status == WK_OK)
        status = launch_service(plan, service, part, problem, posix);
    if (status != WK_OK) {
        if (posix != 0)
            wk_capability_delete(posix);
        return status;
    }
    *problem = "one of its services does not serve";
    return await_service(container, part);
}

/* ---- its terminal ---- */

static enum wk_status connect_line(const struct container_plan *plan, struct container *container)
{
    wk_handle session, event = 0;
    enum wk_status status = container_session(container, CONTAINER_TERMINAL, &session);

    if (status != WK_OK)
        return status;
    status = wk_capability_dup(plan->event, WK_RIGHTS_ALL, &event);
    if (status == WK_OK)
        status =
            wk_terminal_connect_line(session, event, (uint64_t)CONTAINER_LINE << plan->first_bit, &container->line);
    wk_capability_delete(session);
    return status;
}

size_t container_take_shown(const struct container *container, char *bytes)
{
    uint64_t words[LINE_BYTES / sizeof(uint64_t)], count = 0;

    if (wk_terminal_take_to_send(container->line, LINE_BYTES, &count, &words[0], &words[1], &words[2], &words[3],
                                 &words[4]) != WK_OK ||
        count > LINE_BYTES)
        return 0;
    memcpy(bytes, words, count);
    return count;
}

bool container_type(const struct container *container, char byte)
{
    uint64_t count = 0;

    return wk_terminal_put_received(container->line, 1, (uint8_t)byte, 0, 0, 0, 0, &count) == WK_OK && count == 1;
}

/* ---- its first process ---- */

/* What it is given: sessions, which are its own. */
static enum wk_status make_grants(const struct container_plan *plan, const struct container *container,
                                  struct wk_grant *grants, unsigned *count, const char **problem)
{
    wk_handle session;
    enum wk_status status = container_make_view(plan, &session, problem);

    if (status == WK_OK)
        grants[(*count)++] = (struct wk_grant){"files", session, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, 0, 0};
    for (enum container_part part = 0; part < CONTAINER_PARTS && status == WK_OK; part++) {
        *problem = "its services have no room for its sessions";
        status = container_session(container, part, &session);
        if (status == WK_OK)
            grants[(*count)++] = (struct wk_grant){parts[part].name, session, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, 0, 0};
    }
    return status;
}

static enum wk_status launch_program(const struct container_plan *plan, struct container *container,
                                     const struct wk_grant *grants, unsigned grant_count, const char **problem)
{
    const char *words[1 + CONTAINER_WORDS_MAX] = {PERSONALITY};
    struct wk_file file;
    enum wk_status status = find(plan, PERSONALITY, &file);

    *problem = "there is no personality of Linux in the boot archive";
    if (status != WK_OK)
        return status;
    memcpy(words + 1, plan->words, plan->word_count * sizeof(words[0]));
    return wk_launch(&(struct wk_launch){.elf = file.bytes,
                                         .elf_bytes = file.length,
                                         .argc = 1 + (int)plan->word_count,
                                         .argv = words,
                                         .bank = container->program_bank,
                                         .bank_rights = WK_BANK_RIGHTS_TO_SPEND,
                                         .budget = container->budget,
                                         .budget_of = wk_self.budget,
                                         .forks = true,
                                         .ceiling = CONTAINER_PRIORITY,
                                         .priority = CONTAINER_PRIORITY,
                                         .end_event = plan->event,
                                         .end_bits = (uint64_t)CONTAINER_ENDED << plan->first_bit,
                                         .grants = grants,
                                         .grant_count = grant_count},
                     &container->program, problem);
}

static uint64_t pages_left(wk_handle bank)
{
    uint64_t limit = 0, used = 0, objects, children;
    enum wk_bank_kind kind;

    wk_bank_info(bank, &limit, &used, &objects, &children, &kind);
    return limit - used;
}

static enum wk_status start_program(const struct container_plan *plan, struct container *container,
                                    const char **problem)
{
    struct wk_grant grants[1 + CONTAINER_PARTS];
    unsigned count = 0;
    enum wk_status status;

    *problem = "its memory is too little";
    status = wk_bank_split(container->bank, pages_left(container->bank) * 15 / 16, WK_BANK_KIND_RAM,
                           &container->program_bank);
    if (status == WK_OK && plan->percent != 0) {
        *problem = "there is no such share of the hart's time left";
        status = wk_budget_split(wk_self.budget, container->program_bank, PERIOD_NS / 100 * plan->percent, PERIOD_NS,
                                 CONTAINER_PRIORITY, 0, &container->budget);
    }
    if (status == WK_OK)
        status = make_grants(plan, container, grants, &count, problem);
    if (status == WK_OK)
        status = launch_program(plan, container, grants, count, problem);
    for (unsigned i = 0; i < count && status != WK_OK; i++)
        wk_capability_delete(grants[i].handle);
    return status;
}

/* ---- all of it ---- */

enum wk_status container_start(const struct container_plan *plan, struct container *container, const char **problem)
{
    enum wk_status status = WK_BAD_ARGUMENT;

    *container = (struct container){0};
    *problem = "it has too little memory, or too many words";
    if (plan->pages >= CONTAINER_PAGES_MIN && plan->word_count >= 1 && plan->word_count <= CONTAINER_WORDS_MAX) {
        *problem = "there is not so much memory";
        status = wk_bank_split(wk_self.bank, plan->pages, WK_BANK_KIND_RAM, &container->bank);
    }
    for (enum container_part part = 0; part < CONTAINER_PARTS && status == WK_OK; part++)
        status = start_service(plan, container, part, problem);
    if (status == WK_OK) {
        *problem = "its terminal cannot be connected";
        status = connect_line(plan, container);
    }
    if (status == WK_OK)
        status = start_program(plan, container, problem);
    if (status != WK_OK)
        container_end(container);
    return status;
}

static void drop(wk_handle *handle)
{
    if (*handle != 0)
        wk_capability_delete(*handle);
    *handle = 0;
}

void container_end(struct container *container)
{
    wk_child_release(&container->program);
    for (enum container_part part = CONTAINER_PARTS; part-- > 0;) {
        wk_child_release(&container->services[part].child);
        drop(&container->services[part].endpoint);
        drop(&container->services[part].bank);
    }
    drop(&container->line);
    drop(&container->budget);
    drop(&container->program_bank);
    if (container->bank != 0)
        wk_bank_destroy(container->bank);
    drop(&container->bank);
}
