/* SPDX-License-Identifier: MIT */
/*
 * Tests with several processes: a test program starts itself, or another program of the boot archive, with a bank of
 * its own, and with words that say which part to play.
 */
#ifndef ACTORS_H
#define ACTORS_H

#include "check.h"

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/launch.h>
#include <winkle/machine.h>
#include <winkle/text.h>

#define ACTOR_BANK_PAGES 256
#define ACTOR_PRIORITY 100
#define ACTOR_GRANTS_MAX 8
#define ACTOR_PATIENCE_NS (100 * WK_NS_PER_SECOND)

struct actor {
    wk_handle bank;
    wk_handle event; /* bit 0: it ended */
    struct wk_child child;
    uint64_t priority;
    wk_handle fault_session; /* by which its faults are told, or 0 */
    wk_handle budget;        /* on which its first thread runs; 0: one made for it, on each hart in turn */
    struct wk_grant grants[ACTOR_GRANTS_MAX];
    unsigned grant_count;
};

/* The boot archive, mapped on first use. */
static inline const struct wk_archive *actor_archive(void)
{
    static struct wk_archive archive;

    if (archive.bytes == NULL)
        EXPECT(WK_OK, wk_archive_map(&archive));
    return &archive;
}

/* An actor with a bank and an event; it may print. */
static inline void actor_prepare(struct actor *actor, uint64_t bank_pages)
{
    *actor = (struct actor){.priority = ACTOR_PRIORITY};
    EXPECT(WK_OK, wk_bank_split(wk_self.bank, bank_pages, WK_BANK_KIND_RAM, &actor->bank));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &actor->event));
    actor->grants[actor->grant_count++] = (struct wk_grant){
        .name = "machine", .handle = wk_self.machine, .transfer = WK_TRANSFER_LEND, .rights = WK_MACHINE_RIGHT_CONSOLE};
}

/* Adds a capability that the actor is to be lent. */
static inline void actor_lend(struct actor *actor, const char *name, wk_handle handle, uint64_t rights)
{
    CHECK(actor->grant_count < ACTOR_GRANTS_MAX);
    actor->grants[actor->grant_count++] =
        (struct wk_grant){.name = name, .handle = handle, .transfer = WK_TRANSFER_LEND, .rights = rights};
}

/* Lends it the boot archive, so that it can start actors itself. */
static inline void actor_lend_archive(struct actor *actor)
{
    const struct wk_named *archive = wk_named_find("archive");

    CHECK(archive != NULL);
    actor_lend(actor, "archive", archive->handle, WK_MEMORY_RIGHT_READ);
    actor->grants[actor->grant_count - 1].offset = archive->offset;
    actor->grants[actor->grant_count - 1].bytes = archive->bytes;
}

/* Starts it: the program `bin/` argv[0]. */
static inline void actor_start(struct actor *actor, int argc, const char *const *argv)
{
    char path[WK_ARCHIVE_NAME_BYTES];
    struct wk_file file;
    const char *problem = "";
    enum wk_status status;

    wk_print_text(path, sizeof(path), "bin/%s", argv[0]);
    CHECK(wk_archive_find(actor_archive(), path, &file) == 0);
    status = wk_launch(&(struct wk_launch){.elf = file.bytes,
                                           .elf_bytes = file.length,
                                           .argc = argc,
                                           .argv = argv,
                                           .bank = actor->bank,
                                           .bank_rights = WK_BANK_RIGHTS_TO_SPEND,
                                           .budget = actor->budget,
                                           .harts = true,
                                           .ceiling = actor->priority,
                                           .priority = actor->priority,
                                           .fault_session = actor->fault_session,
                                           .end_event = actor->event,
                                           .end_bits = 1,
                                           .grants = actor->grants,
                                           .grant_count = actor->grant_count},
                       &actor->child, &problem);
    if (status != WK_OK)
        wk_fail(problem, status);
}

/* Starts this test program with one word. */
static inline void actor_play(struct actor *actor, const char *part)
{
    actor_start(actor, 2, (const char *const[]){wk_self.start->argv[0], part});
}

/* Waits for its end and gives back all that it had. */
static inline struct wk_end actor_end(struct actor *actor)
{
    struct wk_end end;

    EXPECT(WK_OK, wk_child_wait(&actor->child, actor->event, 1, wk_after_ns(ACTOR_PATIENCE_NS), &end));
    wk_child_release(&actor->child);
    EXPECT(WK_OK, wk_bank_destroy(actor->bank));
    wk_capability_delete(actor->bank);
    EXPECT(WK_OK, wk_capability_delete(actor->event));
    return end;
}

/* Waits for its end, which must be by that status. */
static inline void actor_end_well(struct actor *actor, uint64_t status)
{
    const struct wk_end end = actor_end(actor);

    EQUAL(WK_END_REASON_KILLED, end.reason);
    EQUAL(status, end.detail);
}

/* The actor's own side: whether it is to play that part. */
static inline bool plays(int argc, char **argv, const char *part)
{
    return argc >= 2 && strcmp(argv[1], part) == 0;
}

#endif
