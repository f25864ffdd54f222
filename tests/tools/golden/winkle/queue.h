/* SPDX-License-Identifier: MIT */
/* In place of lib/winkle/queue.h, whose ring is no object of these interfaces: a queue for one entry. */
#ifndef WINKLE_QUEUE_H
#define WINKLE_QUEUE_H

#include <winkle/ring_memory.h>

#include <stdbool.h>

struct wk_queue {
    struct wk_ring_message entry;
    bool is_full;
};

static inline bool wk_queue_has_room(const struct wk_queue *queue)
{
    return !queue->is_full;
}

static inline uint64_t *wk_queue_next(struct wk_queue *queue)
{
    queue->is_full = true;
    return queue->entry.words;
}

#endif
