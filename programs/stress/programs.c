/* SPDX-License-Identifier: MIT */
/* Whole programs: started, suspended, killed at any moment. The program is `hello`, without a console. */
#include "stress.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/process.h>

#define PATIENCE_NS 5000000

static struct wk_archive archive;
static struct wk_file file;

void programs_open(void)
{
    const enum wk_status status = wk_archive_map(&archive);

    if (status != WK_OK)
        wk_fail("it has no boot archive; grant it in boot.manifest", status);
    if (wk_archive_find(&archive, "bin/hello", &file) != 0)
        wk_fail("there is no bin/hello in the boot archive", WK_OK);
}

void program_make(struct worker *worker, struct item *item)
{
    static const char *const argv[] = {"hello"};
    struct wk_launch launch = {
        .elf = file.bytes,
        .elf_bytes = file.length,
        .argc = 1,
        .argv = argv,
        .bank = worker->bank,
        .bank_rights = WK_BANK_RIGHTS_TO_SPEND,
        .ceiling = 20,
        .priority = 10 + random_below(worker, 10),
        .end_bits = 1,
    };
    const char *problem;

    if (!tolerate("a program's event", wk_event_create(worker->bank, &item->event)))
        return;
    launch.end_event = item->event;
    if (tolerate("launching", wk_launch(&launch, &item->child, &problem)))
        item->kind = ITEM_PROGRAM;
    else
        tolerate("deleting an event", wk_capability_delete(item->event));
}

void program_use(struct worker *worker, struct item *item)
{
    struct wk_end end;

    switch (random_below(worker, 4)) {
    case 0:
        tolerate("suspend", wk_process_suspend(item->child.process));
        break;
    case 1:
        tolerate("resume", wk_process_resume(item->child.process));
        break;
    case 2:
        tolerate("kill", wk_process_kill(item->child.process, 3));
        break;
    default:
        wk_child_wait(&item->child, item->event, 1, wk_after_ns(PATIENCE_NS), &end);
        break;
    }
}

void program_drop(struct item *item)
{
    wk_child_release(&item->child);
    tolerate("deleting an event", wk_capability_delete(item->event));
}
