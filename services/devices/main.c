/* SPDX-License-Identifier: MIT */
/*
 * The device manager: finds the console's serial port in the device tree, claims its registers and interrupt line, and starts
 * its driver with these and a line of the terminal. A driver that has ended, for whatever reason, is started again. That of the
 * clock is run once.
 */
#include "clock.h"
#include "tree.h"

#include <serial/serial.h>

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/devices_service.h>
#include <winkle/endpoint.h>
#include <winkle/event.h>
#include <winkle/launch.h>
#include <winkle/machine.h>
#include <winkle/pages.h>
#include <winkle/periodic.h>
#include <winkle/print.h>
#include <winkle/serve.h>
#include <winkle/terminal.h>

#define PRIORITY 120
#define PAUSE_NS UINT64_C(1000000)
/* A driver that ends at once shall not keep the machine busy. */
#define RESTART_PAUSE_NS UINT64_C(20000000)
#define PATH_BYTES 32

static struct port port;
static struct wk_archive archive;
static const uint8_t *tree_bytes;
static uint64_t tree_length, wall_ns; /* the time of day when the counter was 0; 0: nobody knows */
static wk_handle registers, irq, event;
static struct wk_file file;
static struct wk_child driver;

static void expect(const char *what, enum wk_status status)
{
    if (status != WK_OK)
        wk_fail(what, status);
}

static void find_console(void)
{
    const struct wk_named *tree = wk_named_find("device-tree");
    const char *problem;
    void *address;

    if (tree == NULL)
        wk_fail("it was given no device tree", WK_OK);
    expect("the device tree",
           wk_map(tree->handle, 0, wk_pages(tree->offset + tree->bytes), WK_PROTECTION_READ, &address));
    tree_bytes = (const uint8_t *)address + tree->offset;
    tree_length = tree->bytes;
    problem = tree_find_console(tree_bytes, tree_length, &port);
    if (problem != NULL)
        wk_fail(problem, WK_OK);
}

static void claim(void)
{
    const uint64_t first = port.address & ~(uint64_t)(WK_PAGE_BYTES - 1);

    expect("the console's registers", wk_machine_claim_region(wk_self.machine, wk_self.bank, first,
                                                              wk_pages(port.address - first + port.bytes), &registers));
    expect("the console's interrupt", wk_machine_claim_irq(wk_self.machine, wk_self.bank, port.line, &irq));
    expect("an event", wk_event_create(wk_self.bank, &event));
}

/* The terminal learns the end of a driver's session after a moment. */
static wk_handle connect_line(void)
{
    wk_handle part, line = 0;
    enum wk_status status;

    for (;;) {
        expect("a part of the event", wk_capability_dup(event, WK_EVENT_RIGHT_SIGNAL, &part));
        status = wk_terminal_connect_line(wk_named_handle("terminal"), part, SERIAL_LINE_BIT, &line);
        if (status != WK_BUSY)
            break;
        wk_sleep_until(wk_after_ns(PAUSE_NS));
    }
    expect("a line of the terminal", status);
    return line;
}

static void start_driver(void)
{
    char stride[8];
    const char *const argv[] = {port.driver, stride};
    const struct wk_grant grants[] = {
        {"machine", wk_self.machine, WK_TRANSFER_LEND, WK_MACHINE_RIGHT_CONSOLE, 0, 0},
        {"registers", registers, WK_TRANSFER_LEND, WK_RIGHTS_ALL, port.address % WK_PAGE_BYTES, port.bytes},
        {"irq", irq, WK_TRANSFER_LEND, WK_RIGHTS_ALL, 0, 0},
        {"event", event, WK_TRANSFER_LEND, WK_RIGHTS_ALL, 0, 0},
        {"line", connect_line(), WK_TRANSFER_GIVE, WK_RIGHTS_ALL, 0, 0},
    };
    const struct wk_launch launch = {
        .elf = file.bytes,
        .elf_bytes = file.length,
        .argc = 2,
        .argv = argv,
        .bank = wk_self.bank,
        .ceiling = PRIORITY,
        .priority = PRIORITY,
        .end_event = event,
        .end_bits = SERIAL_END_BIT,
        .grants = grants,
        .grant_count = sizeof(grants) / sizeof(grants[0]),
    };
    const char *problem = "";

    wk_print_text(stride, sizeof(stride), "%lu", port.stride);
    if (wk_launch(&launch, &driver, &problem) != WK_OK)
        wk_fail(problem, WK_OK);
}

static void find_file(void)
{
    char path[PATH_BYTES];

    expect("the archive", wk_archive_map(&archive));
    wk_print_text(path, sizeof(path), "bin/%s", port.driver);
    if (wk_archive_find(&archive, path, &file) != 0)
        wk_fail("the console's driver is not in the archive", WK_OK);
}

static enum wk_status time_of_day(struct wk_message *message, struct wk_devices_time_of_day_out *out)
{
    (void)message;
    out->wall = wall_ns;
    return wall_ns == 0 ? WK_NOT_AVAILABLE : WK_OK;
}

static void handle(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer)
{
    static const struct wk_devices_handlers handlers = {.time_of_day = time_of_day};
    struct wk_message copy = *message;

    (void)service;
    if (message->kind == WK_MESSAGE_KIND_EVENT) {
        wk_child_release(&driver);
        wk_sleep_until(wk_after_ns(RESTART_PAUSE_NS));
        start_driver();
    }
    if (message->kind == WK_MESSAGE_KIND_CALL)
        wk_devices_dispatch(&handlers, &copy, answer);
}

int main(void)
{
    struct wk_service service = {.endpoint = wk_named_handle("endpoint"), .handle = handle};

    find_console();
    find_file();
    claim();
    start_driver();
    wall_ns = clock_read(&archive, tree_bytes, tree_length);
    expect("its endpoint", wk_endpoint_bind(service.endpoint, event, SERIAL_END_BIT));
    wk_fail("serving", wk_serve(&service));
}
