/* SPDX-License-Identifier: MIT */
/* In place of lib/channel/connection.h: what is sent goes to tests/tools/dispatch_check.c. */
#ifndef CHANNEL_CONNECTION_H
#define CHANNEL_CONNECTION_H

#include <winkle/abi.h>
#include <winkle/message.h>
#include <winkle/ring_memory.h>

struct wk_connection {
    uint64_t number;
};

struct wk_completion {
    uint32_t tag;
    uint64_t answer;
    uint64_t words[6];
};

enum wk_status wk_connection_call(const struct wk_connection *connection, const struct wk_ring_message *message,
                                  unsigned handles, struct wk_completion *completion);
enum wk_status wk_connection_start(const struct wk_connection *connection, const struct wk_ring_message *message,
                                   unsigned handles);

#endif
