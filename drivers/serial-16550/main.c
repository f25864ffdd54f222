/* SPDX-License-Identifier: MIT */
/*
 * The serial port 16550A (National Semiconductor PC16550D, 8). Firmware has set its rate and form of bytes, and prints by
 * it what the kernel says; so only interrupts are set here. The registers are so many bytes apart as the first argument
 * says.
 */
#include <serial/serial.h>
#include <winkle/start.h>
#include <winkle/text.h>

enum {
    DATA = 0,             /* RBR, THR */
    INTERRUPT_ENABLE = 1, /* IER */
    FIFO_CONTROL = 2,     /* FCR */
    MODEM_CONTROL = 4,    /* MCR */
    LINE_STATUS = 5       /* LSR */
};
#define ENABLE_RECEIVED 1U
#define ENABLE_EMPTY 2U
#define FIFO_ENABLE 1U
#define MODEM_READY 0xbU /* DTR, RTS, and OUT2, which lets interrupts through on some boards */
#define STATUS_RECEIVED 1U
#define STATUS_EMPTY 0x20U
/* It has room for 16 when it is empty; one is left to what the kernel prints meanwhile. */
#define ROOM 15

static uint64_t stride = 1;
static unsigned room;

static volatile uint8_t *at(volatile void *registers, unsigned index)
{
    return (volatile uint8_t *)registers + index * stride;
}

static void begin(volatile void *registers)
{
    *at(registers, FIFO_CONTROL) = FIFO_ENABLE;
    *at(registers, MODEM_CONTROL) = MODEM_READY;
}

static bool receive(volatile void *registers, uint8_t *byte)
{
    if ((*at(registers, LINE_STATUS) & STATUS_RECEIVED) == 0)
        return false;
    *byte = *at(registers, DATA);
    return true;
}

static bool send(volatile void *registers, uint8_t byte)
{
    if ((*at(registers, LINE_STATUS) & STATUS_EMPTY) != 0)
        room = ROOM;
    if (room == 0)
        return false;
    *at(registers, DATA) = byte;
    room--;
    return true;
}

static void set_wants(volatile void *registers, unsigned wants)
{
    *at(registers, INTERRUPT_ENABLE) = (uint8_t)(((wants & SERIAL_RECEIVES) != 0 ? ENABLE_RECEIVED : 0) |
                                                 ((wants & SERIAL_SENDS) != 0 ? ENABLE_EMPTY : 0));
}

int main(int argc, char **argv)
{
    static const struct serial_port port = {.begin = begin, .receive = receive, .send = send, .set_wants = set_wants};

    if (argc > 1 && (!wk_parse_number(argv[1], strlen(argv[1]), &stride) || stride == 0))
        wk_fail("usage: serial-16550 [BYTES BETWEEN REGISTERS]", WK_OK);
    serial_drive(&port);
}
