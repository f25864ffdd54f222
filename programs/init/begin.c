/* SPDX-License-Identifier: MIT */
/*
 * The first process has nobody who launches it: what a launcher writes into a start block, init makes of what the
 * kernel gives it (winkle/boot.h), and then starts as every program does.
 */
#include <winkle/boot.h>
#include <winkle/harts.h>
#include <winkle/start.h>
#include <winkle/text.h>

/* Called by entry.S; calls start.c. */
__attribute__((noreturn)) void init_begin(const struct wk_boot_page *boot);
__attribute__((noreturn)) void wk_start_program(const struct wk_start *start);

static struct wk_start start;
static const char *const arguments[] = {"init", NULL};

static void name_capability(const char *name, unsigned slot, uint64_t offset, uint64_t bytes)
{
    struct wk_named *named = &start.named[start.named_count++];

    memcpy(named->name, name, strlen(name) + 1);
    named->handle = WK_FIRST_HANDLE(slot);
    named->offset = offset;
    named->bytes = bytes;
}

static void name_harts(uint64_t harts)
{
    char name[] = "hart0";

    for (unsigned i = 0; i < harts && i < WK_HARTS_MAX; i++) {
        name[sizeof(name) - 2] = (char)('0' + i);
        name_capability(name, WK_BOOT_BUDGET + i, 0, 0);
    }
}

void init_begin(const struct wk_boot_page *boot)
{
    start.magic = WK_START_MAGIC;
    start.argc = 1;
    start.argv = arguments;
    start.timebase_hz = boot->timebase_hz;
    start.process = WK_FIRST_HANDLE(WK_BOOT_PROCESS);
    start.thread = WK_FIRST_HANDLE(WK_BOOT_THREAD);
    start.bank = WK_FIRST_HANDLE(WK_BOOT_BANK);
    start.budget = WK_FIRST_HANDLE(WK_BOOT_BUDGET);
    name_capability("machine", WK_BOOT_MACHINE, 0, 0);
    name_capability("trace", WK_BOOT_TRACE, 0, 0);
    name_capability("device-tree", WK_BOOT_DEVICE_TREE, boot->device_tree_offset, boot->device_tree_bytes);
    name_capability("tim", WK_BOOT_TIM, 0, 0);
    if (boot->archive_bytes != 0)
        name_capability("archive", WK_BOOT_ARCHIVE, boot->archive_offset, boot->archive_bytes);
    name_harts(boot->harts);
    wk_start_program(&start);
}
