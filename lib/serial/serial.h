/* SPDX-License-Identifier: MIT */
/*
 * The driver of a serial port: a process of its own that has the port's registers and interrupt line, and a session of the
 * terminal, and nothing else. What differs from port to port is a struct of functions; what is the same is here. The device
 * manager starts it with capabilities by these names: "registers", "irq", "line" (the session), "event" (what the terminal
 * signals).
 */
#ifndef SERIAL_H
#define SERIAL_H

#include <stdbool.h>
#include <stdint.h>

/* The bits of the event: by which the terminal tells that there is something to do, by which the port does, and by which the device
 * manager is told that the driver has ended. */
#define SERIAL_LINE_BIT 1
#define SERIAL_IRQ_BIT 2
#define SERIAL_END_BIT 4

enum serial_wants { SERIAL_RECEIVES = 1, SERIAL_SENDS = 2 };

struct serial_port {
    void (*begin)(volatile void *registers);
    /* Takes a byte out of the port; false: there is none. */
    bool (*receive)(volatile void *registers, uint8_t *byte);
    /* Puts one in; false: there is no room. */
    bool (*send)(volatile void *registers, uint8_t byte);
    /* Says what the port is to interrupt for: bytes received, room for bytes to send. */
    void (*set_wants)(volatile void *registers, unsigned wants);
};

/* Drives it for ever. Ends the process if it cannot: whoever started it starts another. */
__attribute__((noreturn)) void serial_drive(const struct serial_port *port);

#endif
