/* SPDX-License-Identifier: MIT */
/* The serial port of SiFive's chips (FU540-C000 manual, chapter 13). Firmware has set its rate, and prints by it. */
#include <serial/serial.h>

enum { TRANSMIT = 0, RECEIVE = 1, TRANSMIT_CONTROL = 2, RECEIVE_CONTROL = 3, INTERRUPT_ENABLE = 4 }; /* by words */
#define FULL_OR_EMPTY (1U << 31)
#define ENABLE 1U
/* Pending while there is less than one byte to send, or more than none received. */
#define TRANSMIT_WATERMARK (1U << 16)
#define INTERRUPT_TRANSMIT 1U
#define INTERRUPT_RECEIVE 2U

static volatile uint32_t *at(volatile void *registers, unsigned index)
{
    return (volatile uint32_t *)registers + index;
}

static void begin(volatile void *registers)
{
    *at(registers, TRANSMIT_CONTROL) = ENABLE | TRANSMIT_WATERMARK;
    *at(registers, RECEIVE_CONTROL) = ENABLE;
}

static bool receive(volatile void *registers, uint8_t *byte)
{
    const uint32_t value = *at(registers, RECEIVE);

    *byte = (uint8_t)value;
    return (value & FULL_OR_EMPTY) == 0;
}

static bool send(volatile void *registers, uint8_t byte)
{
    if ((*at(registers, TRANSMIT) & FULL_OR_EMPTY) != 0)
        return false;
    *at(registers, TRANSMIT) = byte;
    return true;
}

static void set_wants(volatile void *registers, unsigned wants)
{
    *at(registers, INTERRUPT_ENABLE) = ((wants & SERIAL_RECEIVES) != 0 ? INTERRUPT_RECEIVE : 0) |
                                       ((wants & SERIAL_SENDS) != 0 ? INTERRUPT_TRANSMIT : 0);
}

int main(void)
{
    static const struct serial_port port = {.begin = begin, .receive = receive, .send = send, .set_wants = set_wants};

    serial_drive(&port);
}
