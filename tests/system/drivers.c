/* SPDX-License-Identifier: MIT */
/*
 * The device manager and the driver of the console's serial port, with this test as their terminal: what it gives is sent,
 * and a driver that ends, here because it is answered nonsense, is followed by another.
 */
#include "served.h"

#include <winkle/periodic.h>
#include <winkle/serve.h>
#include <winkle/terminal_service.h>
#include <winkle/threads.h>

#include <stdbool.h>

#define BANK_PAGES 512
#define DRIVERS 3

static struct served devices;
static struct wk_service terminal;
static unsigned connected; /* drivers so far */
static bool has_given;     /* the one now has its text */
static bool is_done;       /* the last one has sent it */

static enum wk_status connect_line(struct wk_message *message, const struct wk_terminal_connect_line_in *in,
                                   struct wk_terminal_connect_line_out *out)
{
    EQUAL(0, message->badge);
    EXPECT(WK_OK, wk_event_signal(in->event, in->bits));
    EXPECT(WK_OK, wk_capability_delete(in->event));
    has_given = false;
    return wk_endpoint_mint(terminal.endpoint, ++connected, 1, &out->line);
}

static void give(struct wk_terminal_take_to_send_out *out)
{
    char text[9];

    wk_print_text(text, sizeof(text), "driver%u\n", connected);
    out->count = strlen(text);
    memcpy(&out->bytes0, text, out->count);
    has_given = true;
}

/* First its text, then more bytes than there can be, which is the end of all drivers but the last. */
static enum wk_status take_to_send(struct wk_message *message, const struct wk_terminal_take_to_send_in *in,
                                   struct wk_terminal_take_to_send_out *out)
{
    EQUAL(WK_SHORT_MAX, in->length);
    EQUAL(connected, message->badge);
    if (!has_given)
        give(out);
    else if (connected < DRIVERS)
        out->count = WK_SHORT_MAX + 1;
    else
        __atomic_store_n(&is_done, true, __ATOMIC_SEQ_CST);
    return WK_OK;
}

static void handle(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer)
{
    static const struct wk_terminal_handlers handlers = {.connect_line = connect_line, .take_to_send = take_to_send};
    struct wk_message copy = *message;

    (void)service;
    if (message->kind == WK_MESSAGE_KIND_CALL)
        wk_terminal_dispatch(&handlers, &copy, answer);
}

static void serve(void *argument)
{
    (void)argument;
    EXPECT(WK_OK, wk_serve(&terminal));
}

static void start_devices(void)
{
    const struct wk_named *tree = wk_named_find("device-tree");
    wk_handle session;

    CHECK(tree != NULL);
    EXPECT(WK_OK, wk_endpoint_mint(terminal.endpoint, 0, 0, &session));
    served_prepare(&devices, BANK_PAGES);
    devices.actor.grants[0].rights |= WK_MACHINE_RIGHT_DEVICE; /* the machine's */
    actor_lend_archive(&devices.actor);
    actor_lend(&devices.actor, "device-tree", tree->handle, WK_MEMORY_RIGHT_READ);
    devices.actor.grants[devices.actor.grant_count - 1].offset = tree->offset;
    devices.actor.grants[devices.actor.grant_count - 1].bytes = tree->bytes;
    actor_lend(&devices.actor, "terminal", session, WK_SESSION_RIGHT_CALL);
    served_run(&devices, "devices");
}

int main(void)
{
    static struct wk_thread thread;

    terminal.handle = handle;
    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &terminal.endpoint));
    EXPECT(WK_OK, wk_endpoint_accept(terminal.endpoint, UINT64_C(1) << WK_TYPE_EVENT, 1));
    EXPECT(WK_OK, wk_thread_run(&thread, serve, NULL, 4, ACTOR_PRIORITY));
    start_devices();
    while (!__atomic_load_n(&is_done, __ATOMIC_SEQ_CST))
        EXPECT(WK_OK, wk_sleep_until(wk_after_ns(1000000)));
    served_end(&devices);
    wk_print("drivers: good\n");
    return 0;
}
