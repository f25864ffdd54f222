/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include "tree.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/clock_reading.h>
#include <winkle/event.h>
#include <winkle/launch.h>
#include <winkle/machine.h>
#include <winkle/pages.h>
#include <winkle/print.h>

#define END_BIT 1
#define PRIORITY 120
#define PATIENCE_NS UINT64_C(1000000000)

/* What the driver is given. */
struct clock {
    struct port port;
    wk_handle registers, event, memory;
    struct wk_clock_reading *reading;
};

static enum wk_status make(struct clock *clock)
{
    const uint64_t first = clock->port.address & ~(uint64_t)(WK_PAGE_BYTES - 1);
    void *address;
    enum wk_status status =
        wk_machine_claim_region(wk_self.machine, wk_self.bank, first,
                                wk_pages(clock->port.address - first + clock->port.bytes), &clock->registers);

    if (status == WK_OK)
        status = wk_event_create(wk_self.bank, &clock->event);
    if (status == WK_OK)
        status = wk_map_new(1, 0, &clock->memory, &address);
    if (status == WK_OK)
        clock->reading = address;
    return status;
}

static void give_back(const struct clock *clock)
{
    if (clock->reading != NULL)
        wk_unmap_delete(clock->memory, clock->reading, 1);
    if (clock->event != 0)
        wk_capability_delete(clock->event);
    if (clock->registers != 0)
        wk_capability_delete(clock->registers);
}

static void run(const struct clock *clock, const struct wk_file *file)
{
    const char *const argv[] = {clock->port.driver};
    const struct wk_grant grants[] = {
        {"machine", wk_self.machine, WK_TRANSFER_LEND, WK_MACHINE_RIGHT_CONSOLE, 0, 0},
        {"registers", clock->registers, WK_TRANSFER_LEND, WK_RIGHTS_ALL, clock->port.address % WK_PAGE_BYTES,
         clock->port.bytes},
        {"reading", clock->memory, WK_TRANSFER_LEND, WK_RIGHTS_ALL, 0, sizeof(*clock->reading)},
    };
    const struct wk_launch launch = {
        .elf = file->bytes,
        .elf_bytes = file->length,
        .argc = 1,
        .argv = argv,
        .bank = wk_self.bank,
        .ceiling = PRIORITY,
        .priority = PRIORITY,
        .end_event = clock->event,
        .end_bits = END_BIT,
        .grants = grants,
        .grant_count = sizeof(grants) / sizeof(grants[0]),
    };
    struct wk_child driver = {0};
    struct wk_end end;
    const char *problem = "";

    if (wk_launch(&launch, &driver, &problem) != WK_OK)
        wk_print("devices: %s: %s\n", clock->port.driver, problem);
    else if (wk_child_wait(&driver, clock->event, END_BIT, wk_after_ns(PATIENCE_NS), &end) != WK_OK)
        wk_print("devices: %s does not end\n", clock->port.driver);
    wk_child_release(&driver);
}

uint64_t clock_read(const struct wk_archive *archive, const void *tree, uint64_t tree_bytes)
{
    struct clock clock = {0};
    struct wk_file file;
    uint64_t wall_ns = 0;
    char path[WK_ARCHIVE_NAME_BYTES];

    if (!tree_find_clock(tree, tree_bytes, &clock.port))
        return 0;
    wk_print_text(path, sizeof(path), "bin/%s", clock.port.driver);
    if (wk_archive_find(archive, path, &file) != 0)
        return 0;
    if (make(&clock) == WK_OK) {
        run(&clock, &file);
        if (clock.reading->wall_ns > clock.reading->counter_ns)
            wall_ns = clock.reading->wall_ns - clock.reading->counter_ns;
    }
    give_back(&clock);
    return wall_ns;
}
