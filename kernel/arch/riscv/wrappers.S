/* SPDX-License-Identifier: MIT */
/* Where the operations' wrappers are: in the last 2 GiB, as 32 bits say it. They come right behind what the operations need
 * (kernel.ld). */
#include "wrappers.h"

#define ENTRY(name) .word name;

    .section .rodata.operation_wrappers, "a"
    .globl  operation_wrappers
    .balign 4
operation_wrappers:
    OPERATION_WRAPPERS(ENTRY)
    .globl  operation_wrappers_end
operation_wrappers_end:
