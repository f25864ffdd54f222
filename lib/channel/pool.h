/* SPDX-License-Identifier: MIT */
/*
 * Buffers of one size in memory that two processes share, for what does not fit a message: a message says which buffer, and
 * with it the buffer passes to who receives it, until a message brings it back. One side has the pool and hands buffers
 * out; each side that sends larger data has one of its own. Who has which buffer stands where the peer cannot reach it.
 *
 * A peer can write to a buffer that it has passed on, as long as it has the memory. So what is read there is copied before
 * it is checked; and if the memory may be taken back, wk_channel_status is asked when it has been copied.
 */
#ifndef CHANNEL_POOL_H
#define CHANNEL_POOL_H

#include <winkle/abi.h>

#define WK_POOL_BUFFERS_MAX 1024

/* Where the buffers are: both sides. */
struct wk_buffers {
    uint8_t *address;
    uint64_t bytes; /* of each */
    uint32_t count;
};

/* The side that hands them out. */
struct wk_pool {
    struct wk_buffers buffers;
    uint32_t free_count;
    uint64_t free_bits[WK_POOL_BUFFERS_MAX / 64];
};

/* Divides memory into buffers of so many bytes, at most WK_POOL_BUFFERS_MAX. Both sides must do so alike. */
struct wk_buffers wk_buffers_of(void *address, uint64_t length, uint64_t bytes);
/* The buffer with a number that the peer sent. NULL: there is no such buffer. */
static inline void *wk_buffer(const struct wk_buffers *buffers, uint64_t number)
{
    return number < buffers->count ? buffers->address + number * buffers->bytes : NULL;
}

/* All buffers are free. */
void wk_pool_init(struct wk_pool *pool, const struct wk_buffers *buffers);
/* Takes one. WK_WOULD_BLOCK: none is free. */
enum wk_status wk_pool_take(struct wk_pool *pool, uint64_t *number);
/* One has come back. WK_BAD_ARGUMENT: there is no such buffer, or it is free: a peer that says so is wrong, and nothing has
 * changed. */
enum wk_status wk_pool_give_back(struct wk_pool *pool, uint64_t number);

#endif
