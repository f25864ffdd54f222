/* SPDX-License-Identifier: MIT */
/*
 * A program's side of a kernel ring (interfaces/ring.interface): invocations are prepared one after another, submitted
 * together, and answered by completions. For each operation of the kernel and of services there is beside the stub that traps
 * one that prepares an entry, `wk_NAME_prepare` in <winkle/INTERFACE.h>. One thread at a time uses a queue.
 *
 *     wk_event_wait_prepare(&queue, EVENT_TAG, event, 1, WK_NO_DEADLINE);
 *     wk_memory_clone_prepare(&queue, CLONE_TAG, memory, bank);
 *     status = wk_queue_enter(&queue, 1, WK_NO_DEADLINE);
 *     while (wk_queue_read(&queue, &completion)) …
 */
#ifndef WINKLE_QUEUE_H
#define WINKLE_QUEUE_H

#include <winkle/invoke.h>
#include <winkle/message.h>
#include <winkle/rings.h>

struct wk_queue {
    wk_handle ring;
    struct wk_ring_producer entries;
    struct wk_ring_consumer completions;
    uint32_t prepared; /* entries that are written and not submitted yet */
    wk_handle memory;  /* what both lie in */
    uint64_t pages;
};

struct wk_completion {
    uint32_t tag;
    uint64_t answer;   /* what would be in a0: WK_RECEIVED_STATUS of it is the status */
    uint64_t words[6]; /* the results, as many as the operation has; the others are anything */
};

/*
 * Makes a ring with memory of the program's own bank.
 * @entries, completions: how many messages; powers of two, 1024 at most
 * @pending: so many operations can wait at a time
 * @budget: what they run on when they have steps to make; 0: what the calling thread runs on
 * @return errors as of `memory: create`, `memory: map` and `ring: create`; nothing is left behind then.
 */
enum wk_status wk_queue_create(struct wk_queue *queue, uint32_t entries, uint32_t completions, uint32_t pending,
                               wk_handle budget);
/* Cancels what is pending, and gives everything back. */
void wk_queue_destroy(struct wk_queue *queue);

/* Where the next entry goes; NULL if the ring is full: enter, and try again. What wk_NAME_prepare begins with. */
static inline uint64_t *wk_queue_next(struct wk_queue *queue)
{
    struct wk_ring_producer *entries = &queue->entries;

    if (__builtin_expect(wk_ring_room(entries) == queue->prepared, 0) &&
        (wk_ring_look_for_room(entries) != WK_OK || wk_ring_room(entries) == queue->prepared))
        return NULL;
    return wk_ring_slot(entries, queue->prepared++)->words;
}

/* The entry that was prepared last is linked to the next one: that is executed if and when this one has succeeded. */
static inline void wk_queue_link(struct wk_queue *queue)
{
    wk_ring_slot(&queue->entries, queue->prepared - 1)->words[0] |= WK_RING_LINK;
}

/*
 * Submits what was prepared, and waits until so many completions can be read, or nothing is pending; 0: does not wait.
 * @return as `ring: enter`. What was not taken, for want of room or records, stays submitted.
 */
static inline enum wk_status wk_queue_enter(struct wk_queue *queue, uint32_t completions, uint64_t deadline_ns)
{
    const uint32_t index = __atomic_load_n(&queue->entries.ring->consumer.index, __ATOMIC_RELAXED);
    uint64_t words[6];

    wk_ring_publish(&queue->entries, queue->prepared);
    queue->prepared = 0;
    words[0] = queue->entries.written - index;
    words[1] = completions;
    words[2] = deadline_ns;
    words[3] = words[4] = words[5] = 0;
    return wk_trap(WK_RING_ENTER, queue->ring, words);
}

/* Reads the next completion; false if there is none. */
static inline bool wk_queue_read(struct wk_queue *queue, struct wk_completion *completion)
{
    struct wk_ring_consumer *completions = &queue->completions;
    const struct wk_ring_message *message;

    if (wk_ring_ready(completions) == 0 && wk_ring_look_for_messages(completions) != WK_OK)
        return false;
    message = wk_ring_message(completions, 0);
    completion->answer = message->words[0];
    completion->tag = WK_RING_TAG(message->words[1]);
    for (unsigned i = 0; i < 6; i++)
        completion->words[i] = message->words[2 + i];
    wk_ring_give_back(completions, 1);
    return true;
}

#endif
