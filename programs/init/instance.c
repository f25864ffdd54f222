/* SPDX-License-Identifier: MIT */
/* What a program runs on: its bank, its budget, its capabilities; and its start. */
#include "init.h"

#include <winkle/bank.h>
#include <winkle/budget.h>
#include <winkle/capability.h>
#include <winkle/endpoint.h>
#include <winkle/names.h>
#include <winkle/print.h>

/* What `bank most` leaves init to launch with. */
#define PAGES_KEPT 96
/* machine, trace, archive, device-tree, tim, endpoint, and the services used */
#define GRANTS_MAX (6 + MANIFEST_USES_MAX)

void say_refused(const char *path, const char *problem, enum wk_status status)
{
    if (status == WK_OK || status == WK_BAD_ARGUMENT)
        wk_print("winkle: %s: %s\n", path, problem);
    else
        wk_print("winkle: %s: %s: %s\n", path, problem, wk_status_name(status));
}

int program_find(const struct init *init, const struct manifest_program *program, const char *name, char *path,
                 struct wk_file *file)
{
    wk_print_text(path, WK_ARCHIVE_NAME_BYTES, "%s%s", program->path == NULL ? "bin/" : "",
                  program->path == NULL ? name : program->path);
    if (wk_archive_find(&init->archive, path, file) == 0)
        return 0;
    say_refused(path, "there is no such file in the boot archive", WK_OK);
    return INIT_NOT_FOUND;
}

/* ---- what it runs on ---- */

static enum wk_status split_bank(const struct manifest_program *program, const struct account *before, wk_handle *bank)
{
    const uint64_t free_pages = before->limit_pages - before->used_pages;
    const uint64_t most = free_pages > 2 * PAGES_KEPT ? free_pages - PAGES_KEPT : free_pages / 2;

    return wk_bank_split(wk_self.bank,
                         program->bank_pages == MANIFEST_BANK_MOST ? most / program->bank_divisor : program->bank_pages,
                         WK_BANK_KIND_RAM, bank);
}

/* Its tightly-integrated memory, which its bank pays the records of and ends with; 0 if it gets none. */
static enum wk_status split_tim(const struct manifest_program *program, const struct account *before, wk_handle bank,
                                wk_handle *tim)
{
    const uint64_t pages =
        program->tim_pages == MANIFEST_BANK_MOST ? before->tim_pages / program->tim_divisor : program->tim_pages;

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

int instance_create(struct instance *instance, const struct manifest_program *program, const char *path)
{
    const struct account before = account_read();
    const char *problem = "its bank can't be split from init's";
    enum wk_status status;

    *instance = (struct instance){0};
    status = split_bank(program, &before, &instance->bank);
    if (status == WK_OK) {
        problem = "its budget can't be split from that of init's hart";
        status = split_budget(program, instance->bank, &instance->budget);
    }
    if (status == WK_OK) {
        problem = "its tightly-integrated memory can't be split from init's";
        status = split_tim(program, &before, instance->bank, &instance->tim);
    }
    if (status == WK_OK && program->serves != NULL) {
        problem = "its endpoint doesn't fit into its bank";
        status = wk_endpoint_create(instance->bank, &instance->endpoint);
    }
    if (status == WK_OK)
        return 0;
    say_refused(path, problem, status);
    instance_destroy(instance);
    return INIT_REFUSED;
}

void instance_destroy(struct instance *instance)
{
    wk_child_release(&instance->child);
    if (instance->endpoint != 0)
        wk_capability_delete(instance->endpoint);
    if (instance->budget != 0)
        wk_capability_delete(instance->budget);
    if (instance->bank != 0) {
        wk_bank_destroy(instance->bank);
        wk_capability_delete(instance->bank);
    }
    *instance = (struct instance){0};
}

/* ---- what it is granted ---- */

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

/* A session of each service that the program uses, which is the program's: it may hand it on to whom it starts. Init
 * does not want to hear of its end, nor does the service. */
static enum wk_status mint_sessions(const struct init *init, const struct manifest_program *program,
                                    struct wk_grant *grants, unsigned *count)
{
    for (unsigned i = 0; i < program->use_count; i++) {
        const struct manifest_program *used = manifest_find_service(&init->manifest, program->uses[i]);
        const struct instance *service = &init->services[used - init->manifest.programs].instance;
        wk_handle session;
        const enum wk_status status = wk_endpoint_mint(service->endpoint, 0, 0, &session);

        if (status != WK_OK)
            return status;
        grants[(*count)++] = (struct wk_grant){program->uses[i], session, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, 0, 0};
    }
    return WK_OK;
}

/* What a launch that failed has not given away. */
static void delete_sessions(const struct wk_grant *grants, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (grants[i].transfer == WK_TRANSFER_GIVE)
            wk_capability_delete(grants[i].handle);
    }
}

/* ---- its start ---- */

int instance_launch(const struct init *init, struct instance *instance, const struct manifest_program *program,
                    const char *path, const struct wk_file *file, uint64_t end_bits, int argc, const char *const *argv)
{
    struct wk_grant grants[GRANTS_MAX];
    struct wk_launch launch = {
        .elf = file->bytes,
        .elf_bytes = file->length,
        .argc = argc,
        .argv = argv,
        .bank = instance->bank,
        .bank_rights = WK_BANK_RIGHTS_TO_SPEND,
        .budget = instance->budget,
        .budget_of = wk_self.budget,
        .harts = (program->grants & GRANT_HARTS) != 0,
        .forks = program->forks,
        .ceiling = program->ceiling,
        .priority = program->priority,
        .end_event = init->end_event,
        .end_bits = end_bits,
        .grants = grants,
        .grant_count = list_grants(program->grants, instance->tim, grants),
    };
    const char *problem = "the services that it uses have no room for its sessions";
    enum wk_status status;

    if (instance->endpoint != 0)
        grants[launch.grant_count++] = (struct wk_grant){
            "endpoint", instance->endpoint, WK_TRANSFER_LEND, WK_ENDPOINT_RIGHT_SERVE | WK_ENDPOINT_RIGHT_MINT, 0, 0};
    for (unsigned i = 0; program->forks && i < launch.grant_count; i++)
        grants[i].transfer = WK_TRANSFER_DUP;
    status = mint_sessions(init, program, grants, &launch.grant_count);
    if (status == WK_OK)
        status = wk_launch(&launch, &instance->child, &problem);
    if (status == WK_OK)
        return 0;
    say_refused(path, problem, status);
    delete_sessions(grants, launch.grant_count);
    return INIT_REFUSED;
}
