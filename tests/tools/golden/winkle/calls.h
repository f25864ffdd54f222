/* SPDX-License-Identifier: MIT */
/* In place of lib/winkle/calls.h, whose endpoint is no object of these interfaces: what generated headers use of it. */
#ifndef WINKLE_CALLS_H
#define WINKLE_CALLS_H

#include <winkle/abi.h>
#include <winkle/message.h>

struct wk_message {
    uint64_t capabilities;
    uint64_t operation;
    uint64_t words[6];
};

struct wk_answer {
    enum wk_status status;
    uint64_t capabilities;
    uint64_t words[6];
};

#endif
