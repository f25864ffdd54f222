/* SPDX-License-Identifier: MIT */
#include <channel/pool.h>

#define BITS 64

struct wk_buffers wk_buffers_of(void *address, uint64_t length, uint64_t bytes)
{
    const uint64_t count = bytes == 0 ? 0 : length / bytes;

    return (struct wk_buffers){
        .address = address,
        .bytes = bytes,
        .count = (uint32_t)(count < WK_POOL_BUFFERS_MAX ? count : WK_POOL_BUFFERS_MAX),
    };
}

void wk_pool_init(struct wk_pool *pool, const struct wk_buffers *buffers)
{
    *pool = (struct wk_pool){.buffers = *buffers, .free_count = buffers->count};
    for (uint32_t number = 0; number < buffers->count; number++)
        pool->free_bits[number / BITS] |= UINT64_C(1) << number % BITS;
}

enum wk_status wk_pool_take(struct wk_pool *pool, uint64_t *number)
{
    uint64_t word = 0, bit = 0;

    if (pool->free_count == 0)
        return WK_WOULD_BLOCK;
    while (pool->free_bits[word] == 0)
        word++;
    while ((pool->free_bits[word] >> bit & 1) == 0)
        bit++;
    pool->free_bits[word] &= ~(UINT64_C(1) << bit);
    pool->free_count--;
    *number = word * BITS + bit;
    return WK_OK;
}

enum wk_status wk_pool_give_back(struct wk_pool *pool, uint64_t number)
{
    const uint64_t bit = UINT64_C(1) << number % BITS;

    if (number >= pool->buffers.count || pool->free_bits[number / BITS] & bit)
        return WK_BAD_ARGUMENT;
    pool->free_bits[number / BITS] |= bit;
    pool->free_count++;
    return WK_OK;
}
