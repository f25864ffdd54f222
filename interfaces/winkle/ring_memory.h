/* SPDX-License-Identifier: MIT */
/*
 * A ring: messages of 64 bytes from one producer to one consumer, in memory that both have. A kernel ring is two of them,
 * entries one way and completions the other; so is a channel between two processes.
 *
 *    offset 0    the producer's line: its index, and whether it sleeps until there is room
 *    offset 64   the consumer's line: its index, and whether it sleeps until there is a message
 *    offset 128  the messages, a power of two of them
 *
 * Indices count messages ever written and ever read, modulo 2^32: message i lies at i modulo the size. Each line is written
 * by its owner alone, and read by the other side once for each use, which checks it: the other side is not trusted. There
 * are loads, stores and fences only, so that a ring works in memory without atomic read-modify-write operations.
 *
 * Who is about to sleep makes its `sleeps` odd, then looks once more, then waits; awake again it makes it even. The other
 * side, having written its index, looks, and rings the doorbell once for each odd value. Between the one's store of
 * `sleeps` and its look, and the other's store of its index and its look, stands a full fence on either side: so one of
 * them sees the other.
 */
#ifndef WINKLE_RING_MEMORY_H
#define WINKLE_RING_MEMORY_H

#include <stdint.h>

#define WK_RING_LINE_BYTES 64
#define WK_RING_HEADER_BYTES (2 * WK_RING_LINE_BYTES)
#define WK_RING_MESSAGE_BYTES 64

struct wk_ring_line {
    _Alignas(WK_RING_LINE_BYTES) uint32_t index; /* written with release, read with acquire */
    uint32_t sleeps;                             /* odd: its owner sleeps, or is about to */
};

/* Entry: word 0 is operation, flags and handle (below), word 1 tag and message bits, the others the arguments.
 * Completion: word 0 is what the answer would have in a0 (winkle/message.h), word 1 the tag, the others the results;
 * words beyond those that the operation has are left as they were. */
struct wk_ring_message {
    _Alignas(WK_RING_MESSAGE_BYTES) uint64_t words[8];
};

struct wk_ring {
    struct wk_ring_line producer;
    struct wk_ring_line consumer;
    struct wk_ring_message messages[];
};

/* Loads and stores of what is shared: plain instructions, each once. (An atomic store is an `amoswap` to some compilers, GCC 12 among
 * them, and there is memory that has no such operations.) Order is the business of fences beside them. */
static inline uint32_t wk_ring_load(const uint32_t *from)
{
    return *(const volatile uint32_t *)from;
}

static inline void wk_ring_store(uint32_t *to, uint32_t value)
{
    *(volatile uint32_t *)to = value;
}

/* Word 0 of an entry: bits 0 to 15 are the operation, 16 to 19 flags, 20 to 63 the handle. */
#define WK_RING_OPERATION(word0) ((word0)&0xffff)
#define WK_RING_HANDLE(word0) ((word0) >> 20)
/* The next entry is executed if and when this one has succeeded, else it is completed as `cancelled`. */
#define WK_RING_LINK (UINT64_C(1) << 16)
#define WK_RING_ENTRY(operation, flags, handle) ((uint64_t)(operation) | (flags) | (uint64_t)(handle) << 20)
/* Word 1 of an entry: bits 0 to 31 are the tag; above it are bits 16 to 47 of what a7 would be (winkle/message.h). */
#define WK_RING_TAG(word1) ((uint32_t)(word1))
#define WK_RING_ENTRY_TAG(tag, message_bits) ((uint64_t)(uint32_t)(tag) | ((uint64_t)(message_bits) >> 16) << 32)

#endif
