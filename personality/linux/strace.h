/* SPDX-License-Identifier: MIT */
/* The calls by name, for `./winkle run --strace`. */
#ifndef LINUX_STRACE_H
#define LINUX_STRACE_H

#include "linux.h"

enum linux_argument {
    LINUX_ARGUMENT_NUMBER,
    LINUX_ARGUMENT_UNSIGNED,
    LINUX_ARGUMENT_DESCRIPTOR,
    LINUX_ARGUMENT_ADDRESS,
    LINUX_ARGUMENT_TEXT,
    LINUX_ARGUMENT_BITS,
    LINUX_ARGUMENT_OCTAL,
};

struct linux_call_name {
    uint16_t number;
    const char *name;
    uint8_t count;
    uint8_t arguments[6]; /* enum linux_argument */
};

/* Generated from calls.list. */
extern const linux_handler linux_calls[LINUX_TABLE_COUNT + 1];
extern const struct linux_call_name linux_call_names[];
extern const unsigned linux_call_count;

/* From now on each call is printed with its result. */
void strace_start(void);

#endif
