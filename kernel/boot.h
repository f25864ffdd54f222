/* SPDX-License-Identifier: MIT */
/*
 * From the architecture's boot code to the first process. The architecture reads the device tree, sets up the direct map
 * and every hart, then calls kernel_start on the boot hart.
 */
#ifndef BOOT_H
#define BOOT_H

#include "arch/arch.h"

#define BOOT_RANGES_MAX 16
#define BOOT_TIM_MAX 4
#define BOOT_COMMAND_LINE_BYTES 1024

struct boot_range {
    struct physical start;
    uint64_t bytes;
};

/* What the machine told, checked by the architecture. */
struct boot_information {
    struct boot_range ram;
    struct boot_range reserved[BOOT_RANGES_MAX]; /* firmware, kernel image, archive, device tree: in no order */
    unsigned reserved_count;
    struct boot_range archive; /* the boot archive; bytes 0 if there is none */
    struct boot_range device_tree;
    struct boot_range tim[BOOT_TIM_MAX]; /* mapped one behind the other at frame_tim_place, each from a large page on */
    unsigned tim_count;
    uint64_t tim_attributes; /* flags wk_memory_attributes that all of it has */
    const void *init_image;  /* the first program, linked into the kernel */
    uint64_t init_image_bytes;
    uint64_t timebase_hz;
    char command_line[BOOT_COMMAND_LINE_BYTES];
};

extern struct boot_information boot_information;

/*
 * Makes the pool, the first bank and the first process, and returns; the architecture then enters trap_leave on the boot
 * hart, and on each other hart. Panics if the machine is too small.
 */
void kernel_start(void);

#endif
