/* SPDX-License-Identifier: MIT */
/*
 * Where bytes come from and go to: a driver that has connected itself, and fetches and brings them by calls; while there is
 * none, the machine's console of last resort, which takes what is written at once and is asked now and then for what was
 * typed.
 */
#include "terminal.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/machine.h>
#include <winkle/print.h>
#include <winkle/start.h>
#include <winkle/timer.h>

#define LOOK_EVERY_NS UINT64_C(10000000)
#define LOOK_BYTES 64
#define NO_BADGE 0 /* the root session is no driver */

static struct {
    uint64_t badge; /* of its session; NO_BADGE: there is none */
    wk_handle event;
    uint64_t bits;
    bool is_told;        /* that there are bytes to send; it has not found all gone since */
    bool waits_for_room; /* not all that it had received was taken */
} driver;

static wk_handle timer;
static uint64_t timer_ns = UINT64_MAX; /* when it expires */
static uint64_t look_ns;

enum wk_status hardware_start(wk_handle event, uint64_t timer_bit)
{
    enum wk_status status = wk_timer_create(wk_self.bank, &timer);

    if (status == WK_OK)
        status = wk_timer_bind(timer, event, timer_bit);
    look_ns = wk_now_ns();
    return status;
}

bool hardware_has_driver(void)
{
    return driver.badge != NO_BADGE;
}

bool hardware_is_driver(uint64_t badge)
{
    return badge != NO_BADGE && badge == driver.badge;
}

void hardware_connect(uint64_t badge, wk_handle event, uint64_t bits)
{
    driver.badge = badge;
    driver.event = event;
    driver.bits = bits;
    driver.is_told = driver.waits_for_room = false;
}

void hardware_disconnect(void)
{
    wk_capability_delete(driver.event);
    driver.badge = NO_BADGE;
    look_ns = wk_now_ns();
}

/* ---- the console of last resort ---- */

static void write_console(void)
{
    char bytes[WK_SHORT_MAX];
    size_t count;

    while ((count = line_take_output(&terminal.line, (uint8_t *)bytes, sizeof(bytes))) != 0)
        wk_console_write(bytes, count);
}

static void read_console(uint64_t now_ns)
{
    for (unsigned i = 0; i < LOOK_BYTES; i++) {
        uint64_t typed;
        uint8_t byte;

        /* Where there is no room it stays in the hardware. */
        if (!line_has_room(&terminal.line) || wk_machine_console_read(wk_self.machine, &typed) != WK_OK)
            break;
        byte = (uint8_t)typed;
        line_receive(&terminal.line, &byte, 1, now_ns);
    }
}

/* ---- the driver ---- */

static void tell_driver(void)
{
    const bool has_bytes = line_has_output(&terminal.line) && !terminal.line.is_stopped;
    const bool has_room = driver.waits_for_room && line_has_room(&terminal.line);

    if ((!has_bytes || driver.is_told) && !has_room)
        return;
    driver.is_told = driver.is_told || has_bytes;
    driver.waits_for_room = driver.waits_for_room && !has_room;
    wk_event_signal(driver.event, driver.bits);
}

size_t hardware_put_received(const uint8_t *bytes, size_t length, uint64_t now_ns)
{
    const size_t taken = line_receive(&terminal.line, bytes, length, now_ns);

    driver.waits_for_room = taken < length;
    return taken;
}

size_t hardware_take_to_send(uint8_t *bytes, size_t most)
{
    const size_t taken = line_take_output(&terminal.line, bytes, most);

    if (taken == 0)
        driver.is_told = false;
    return taken;
}

/* ---- either ---- */

/* What has passed has been told, and there is no more to it until somebody reads. */
static void set_timer(uint64_t now_ns)
{
    const uint64_t line_ns = line_deadline(&terminal.line);
    const uint64_t deadline_ns = line_ns <= now_ns ? UINT64_MAX : line_ns;
    const uint64_t next_ns = hardware_has_driver() || deadline_ns < look_ns ? deadline_ns : look_ns;

    if (next_ns == timer_ns)
        return;
    timer_ns = next_ns;
    if (next_ns == UINT64_MAX)
        wk_timer_cancel(timer, &(uint64_t){0});
    else
        wk_timer_set(timer, next_ns, 0);
}

void hardware_look(void)
{
    const uint64_t now_ns = wk_now_ns();

    timer_ns = UINT64_MAX;
    if (!hardware_has_driver() && now_ns >= look_ns) {
        read_console(now_ns);
        look_ns = now_ns + LOOK_EVERY_NS;
    }
    hardware_go_on(now_ns);
}

void hardware_go_on(uint64_t now_ns)
{
    if (hardware_has_driver())
        tell_driver();
    else
        write_console();
    waiters_tell(now_ns);
    jobs_send_signals();
    set_timer(now_ns);
}
