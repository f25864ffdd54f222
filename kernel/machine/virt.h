/* SPDX-License-Identifier: MIT */
/* What is special to QEMU's machine virt: a device that ends the emulator with an exit status. */
#ifndef MACHINE_VIRT_H
#define MACHINE_VIRT_H

#include <stdint.h>

#define VIRT_FINISHER_COMPATIBLE "sifive,test0"

/* `registers` is the device that the device tree names VIRT_FINISHER_COMPATIBLE. */
void virt_init(volatile uint32_t *registers);
/* Ends the emulator. Returns if this is not such a machine. */
void virt_finish(unsigned status);

#endif
