/* SPDX-License-Identifier: MIT */
#include <serial/serial.h>

#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/irq.h>
#include <winkle/pages.h>
#include <winkle/start.h>
#include <winkle/terminal.h>

/* Bytes on their way one way, as they travel in the words of a call. */
struct batch {
    uint64_t words[5];
    uint64_t done, count;
};

struct driver {
    const struct serial_port *port;
    volatile void *registers;
    wk_handle line, event, irq;
    struct batch received, to_send;
    bool is_full; /* the terminal has no room for what was received; it signals when it has */
};

static void expect(const char *what, enum wk_status status)
{
    if (status != WK_OK)
        wk_fail(what, status);
}

static bool is_empty(const struct batch *batch)
{
    return batch->done == batch->count;
}

static uint8_t byte_at(const struct batch *batch, uint64_t index)
{
    return (uint8_t)(batch->words[index / 8] >> index % 8 * 8);
}

static void append(struct batch *batch, uint8_t byte)
{
    if (batch->count % 8 == 0)
        batch->words[batch->count / 8] = 0;
    batch->words[batch->count / 8] |= (uint64_t)byte << batch->count % 8 * 8;
    batch->count++;
}

/* Removes the bytes that are done. */
static void drop_done(struct batch *batch)
{
    struct batch rest = {.count = 0};

    for (uint64_t i = batch->done; i < batch->count; i++)
        append(&rest, byte_at(batch, i));
    *batch = rest;
}

/* Whether there was anything to be received. What the terminal does not take stays, and with it what is in the port. */
static bool receive(struct driver *driver)
{
    struct batch *batch = &driver->received;
    uint64_t taken = 0;
    uint8_t byte;

    while (batch->count < WK_SHORT_MAX && driver->port->receive(driver->registers, &byte))
        append(batch, byte);
    if (batch->count == 0)
        return false;
    expect("handing over what was received",
           wk_terminal_put_received(driver->line, batch->count, batch->words[0], batch->words[1], batch->words[2],
                                    batch->words[3], batch->words[4], &taken));
    if (taken > batch->count)
        wk_fail("the terminal took more than there was", WK_OK);
    batch->done = taken;
    drop_done(batch);
    driver->is_full = batch->count != 0;
    return taken != 0;
}

/* Whether there was anything to be sent, and room for it. */
static bool send(struct driver *driver)
{
    struct batch *batch = &driver->to_send;
    bool has_sent = false;

    if (is_empty(batch)) {
        batch->done = batch->count = 0;
        expect("fetching what is to be sent",
               wk_terminal_take_to_send(driver->line, WK_SHORT_MAX, &batch->count, &batch->words[0], &batch->words[1],
                                        &batch->words[2], &batch->words[3], &batch->words[4]));
        if (batch->count > WK_SHORT_MAX)
            wk_fail("the terminal gave more than it was asked for", WK_OK);
    }
    while (!is_empty(batch) && driver->port->send(driver->registers, byte_at(batch, batch->done))) {
        batch->done++;
        has_sent = true;
    }
    return has_sent;
}

static void work(struct driver *driver)
{
    bool has_received, has_sent;

    do {
        has_received = receive(driver);
        has_sent = send(driver);
    } while (has_received || has_sent);
    driver->port->set_wants(driver->registers,
                            (driver->is_full ? 0 : SERIAL_RECEIVES) | (is_empty(&driver->to_send) ? 0 : SERIAL_SENDS));
}

void serial_drive(const struct serial_port *port)
{
    const struct wk_named *registers = wk_named_find("registers");
    struct driver driver = {.port = port,
                            .line = wk_named_handle("line"),
                            .event = wk_named_handle("event"),
                            .irq = wk_named_handle("irq")};
    uint64_t bits;
    void *address;

    if (registers == NULL)
        wk_fail("it was given no registers", WK_OK);
    expect("mapping its registers",
           wk_map(registers->handle, 0, wk_pages(registers->offset + registers->bytes), WK_READ_WRITE, &address));
    driver.registers = (volatile uint8_t *)address + registers->offset;
    expect("binding its interrupt", wk_irq_bind(driver.irq, driver.event, SERIAL_IRQ_BIT));
    port->begin(driver.registers);
    for (;;) {
        work(&driver);
        wk_irq_acknowledge(driver.irq); /* there may be none, and one that a driver before this one left */
        expect("waiting", wk_event_wait(driver.event, SERIAL_LINE_BIT | SERIAL_IRQ_BIT, WK_FOREVER, &bits));
    }
}
