/* SPDX-License-Identifier: MIT */
#include "partner.h"

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/pages.h>
#include <winkle/text.h>

#define PLAY "play"

static wk_handle shared_memory;

struct shared *partner_shared(void)
{
    static void *address;
    const wk_handle lent = wk_named_handle("shared");

    if (address != NULL)
        return address;
    if (lent != 0)
        expect("mapping the shared page", wk_map(lent, 0, 1, WK_READ_WRITE, &address));
    else
        expect("a shared page", wk_map_new(1, 0, &shared_memory, &address));
    return address;
}

static const struct wk_file *own_file(void)
{
    static struct wk_archive archive;
    static struct wk_file file;

    if (archive.bytes != NULL)
        return &file;
    expect("the boot archive", wk_archive_map(&archive));
    if (wk_archive_find(&archive, "bin/bench", &file) != 0)
        wk_fail("there is no bin/bench in the boot archive", WK_OK);
    return &file;
}

void partner_lend(struct partner *partner, const char *name, wk_handle handle)
{
    if (partner->grant_count == PARTNER_GRANTS_MAX)
        wk_fail("a partner is lent too much", WK_OK);
    partner->grants[partner->grant_count++] =
        (struct wk_grant){.name = name, .handle = handle, .transfer = WK_TRANSFER_LEND, .rights = WK_RIGHTS_ALL};
}

void partner_lend_channel(struct partner *partner, const struct wk_channel_terms *terms)
{
    partner_lend(partner, "memory", terms->memory);
    partner_lend(partner, "wait", terms->wait);
    partner_lend(partner, "signal", terms->signal);
}

void partner_open_channel(struct wk_channel *channel, uint64_t sizes)
{
    const struct wk_channel_terms terms = {.memory = wk_named_handle("memory"),
                                           .wait = wk_named_handle("wait"),
                                           .signal = wk_named_handle("signal"),
                                           .sizes = sizes,
                                           .wait_bits = 1,
                                           .signal_bits = 1};

    expect("opening a channel", wk_channel_open(channel, &terms));
}

void partner_prepare(struct partner *partner, uint64_t bank_pages)
{
    *partner = (struct partner){0};
    expect("a partner's bank", wk_bank_split(wk_self.bank, bank_pages, WK_BANK_KIND_RAM, &partner->bank));
    partner_shared();
    partner_lend(partner, "machine", wk_self.machine);
    partner_lend(partner, "shared", shared_memory);
}

void partner_start(struct partner *partner, const char *part, uint64_t priority)
{
    const char *const argv[] = {"bench", PLAY, part};
    const struct wk_launch launch = {
        .elf = own_file()->bytes,
        .elf_bytes = own_file()->length,
        .argc = 3,
        .argv = argv,
        .bank = partner->bank,
        .bank_rights = WK_BANK_RIGHTS_TO_SPEND,
        .budget_of = partner->budget,
        .ceiling = priority,
        .priority = priority,
        .grants = partner->grants,
        .grant_count = partner->grant_count,
    };
    const char *problem;
    const enum wk_status status = wk_launch(&launch, &partner->child, &problem);

    if (status != WK_OK)
        wk_fail(problem, status);
}

void partner_end(struct partner *partner)
{
    wk_child_release(&partner->child);
    expect("destroying a partner's bank", wk_bank_destroy(partner->bank));
    wk_capability_delete(partner->bank);
}

const char *partner_part(int argc, char **argv)
{
    return argc == 3 && strcmp(argv[1], PLAY) == 0 ? argv[2] : NULL;
}
