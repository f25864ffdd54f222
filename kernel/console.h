/* SPDX-License-Identifier: MIT */
/* Text on the console of last resort: boot messages, reports of processes that end by a fault, panics. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

/* Boot messages are left out when this is set. */
extern bool console_quiet;

/* %s, %c, %u (unsigned), %lu (uint64_t), %x and %lx (hexadecimal), %%. */
void console_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
