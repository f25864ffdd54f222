/* SPDX-License-Identifier: MIT */
/*
 * A program's side of a kernel ring (interfaces/ring.interface): invocations are prepared one after another, submitted
 * together, and answered by completions. Beside each stub that traps, of the kernel's operations and of services, there is
 * one that prepares an entry, `wk_NAME_prepare` in <winkle/INTERFACE.h>, unless only a trap can invoke it. One thread at
 * a time uses a queue. (Why these are not the functions of rings.h: docs/decisions/0025-two-users-of-a-ring.md.)
 *
 *     wk_event_wait_prepare(&queue, EVENT_TAG, event, 1, WK_FOREVER);
 *     wk_memory_clone_prepare(&queue, CLONE_TAG, memory, bank);
 *     status = wk_queue_enter(&queue, 1, WK_FOREVER);
 *     while (wk_queue_read(&queue, &completion)) …
 */
#ifndef WINKLE_QUEUE_H
#define WINKLE_QUEUE_H

#include <winkle/invoke.h>
#include <winkle/message.h>
#include <winkle/ring_memory.h>

#include <stdbool.h>

/* The ring of entries, and where in it the next one goes. Indices are counted in full here; of them the low 32 bits stand in the
 * memory. */
struct wk_queue_entries {
    struct wk_ring_message *at; /* the next one's place, */
    uint64_t left;              /* and how many from there on have room, in one piece; */
    uint64_t end;               /* the index behind these */
    struct wk_ring *ring;
    uint64_t size;
};

/* The ring of completions. */
struct wk_queue_completions {
    uint64_t next; /* the one to be read next */
    uint64_t end;  /* those before this one can be, by what was seen of the kernel's index last */
    struct wk_ring *ring;
    uint64_t mask; /* how many, less one */
};

struct wk_queue {
    wk_handle ring;
    struct wk_queue_entries entries;
    struct wk_queue_completions completions;
    wk_handle memory; /* what both lie in */
    uint64_t pages;
    uint64_t pending; /* so many entries can be under way whatever they are; of more some may not have been taken */
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

/* The kernel's index, in full, of which `before` was seen before. */
static inline uint64_t wk_queue_kernel_index(const struct wk_ring_line *line, uint64_t before)
{
    const uint32_t index = wk_ring_load(&line->index);

    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* messages are looked at behind the index */
    return before + (uint32_t)(index - (uint32_t)before);
}

/* Has the kernel see what was prepared, and what was read. */
static inline void wk_queue_publish(struct wk_queue *queue)
{
    const uint64_t prepared = queue->entries.end - queue->entries.left;

    __atomic_thread_fence(__ATOMIC_RELEASE); /* messages were written, or read, before the indices say so */
    wk_ring_store(&queue->entries.ring->producer.index, (uint32_t)prepared);
    wk_ring_store(&queue->completions.ring->consumer.index, (uint32_t)queue->completions.next);
}

/* No entry has room where the last one ended: looks where and for how many there is. False: for none. */
bool wk_queue_look_for_room(struct wk_queue_entries *entries);

/* Whether there is room for an entry; else enter, and try again. What wk_NAME_prepare begins with. */
static inline bool wk_queue_has_room(struct wk_queue *queue)
{
    return __builtin_expect(queue->entries.left != 0, 1) || wk_queue_look_for_room(&queue->entries);
}

/* The words of the next entry. Requires: wk_queue_has_room. */
static inline uint64_t *wk_queue_next(struct wk_queue *queue)
{
    queue->entries.left--;
    return (queue->entries.at++)->words;
}

/* The entry that was prepared last is linked to the next one: that is executed if and when this one has succeeded. Prepare both before
 * anything is submitted: else the next one is whichever comes then. */
static inline void wk_queue_link(struct wk_queue *queue)
{
    queue->entries.at[-1].words[0] |= WK_RING_LINK;
}

/*
 * Submits what was prepared, and waits until so many completions can be read, or nothing is pending; 0: does not wait.
 * @return as `ring: enter`, which may end early with WK_OK, and less. What was not taken, for want of room or records or since
 *         the thread was suspended, stays submitted; see wk_queue_is_taken.
 */
static inline enum wk_status wk_queue_enter(struct wk_queue *queue, uint64_t completions, uint64_t deadline_ns)
{
    uint64_t words[6] = {UINT64_MAX, completions, deadline_ns};

    wk_queue_publish(queue);
    return wk_trap(WK_RING_ENTER, queue->ring, words);
}

/* Whether all that was submitted, and prepared, has been taken. */
static inline bool wk_queue_is_taken(const struct wk_queue *queue)
{
    const uint64_t prepared = queue->entries.end - queue->entries.left;

    return wk_ring_load(&queue->entries.ring->consumer.index) == (uint32_t)prepared;
}

/* Whether all that was prepared has been completed, and every completion was read: each entry has one. */
static inline bool wk_queue_is_done(const struct wk_queue *queue)
{
    return queue->entries.end - queue->entries.left == queue->completions.next;
}

/* Whether so many entries are prepared, or not completed, or their completion not read, that some may not be taken. */
static inline bool wk_queue_is_crowded(const struct wk_queue *queue)
{
    return queue->entries.end - queue->entries.left - queue->completions.next > queue->pending;
}

/* For a ring that has, or had, a poller: submits, and enters only if the poller sleeps or has ended. (A ring that never had one looks as if
 * it were awake: enter it.) */
static inline enum wk_status wk_queue_submit(struct wk_queue *queue)
{
    wk_queue_publish(queue);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the index is stored before this looks whether the poller sleeps */
    if ((wk_ring_load(&queue->entries.ring->consumer.sleeps) & 1) == 0)
        return WK_OK;
    return wk_queue_enter(queue, 0, 0);
}

/* This side is about to wait for the event that is bound to the ring (`ring: bind`). False: completions are there already, and
 * nothing was announced. */
static inline bool wk_queue_sleeps(struct wk_queue *queue)
{
    struct wk_ring *ring = queue->completions.ring;

    wk_queue_publish(queue);
    wk_ring_store(&ring->consumer.sleeps, ring->consumer.sleeps + 1);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* it is stored before this looks for completions */
    if (wk_ring_load(&ring->producer.index) == (uint32_t)queue->completions.next)
        return true;
    wk_ring_store(&ring->consumer.sleeps, ring->consumer.sleeps + 1);
    return false;
}

/* It is awake again. */
static inline void wk_queue_wakes(struct wk_queue *queue)
{
    struct wk_ring_line *line = &queue->completions.ring->consumer;

    wk_ring_store(&line->sleeps, line->sleeps + 1);
}

/* How many completions can be read. */
static inline uint64_t wk_queue_completed(const struct wk_queue *queue)
{
    return wk_queue_kernel_index(&queue->completions.ring->producer, queue->completions.next) - queue->completions.next;
}

/* Reads the next completion; false if there is none. The kernel learns of it with the next submission. */
static inline bool wk_queue_read(struct wk_queue *queue, struct wk_completion *completion)
{
    struct wk_queue_completions *completions = &queue->completions;
    const uint64_t next = completions->next;
    const uint64_t *words;

    if (next == completions->end) {
        completions->end = wk_queue_kernel_index(&completions->ring->producer, next);
        if (completions->end == next)
            return false;
    }
    words = completions->ring->messages[next & completions->mask].words;
    completion->answer = words[0];
    completion->tag = WK_RING_TAG(words[1]);
    for (unsigned i = 0; i < 6; i++)
        completion->words[i] = words[2 + i];
    completions->next = next + 1;
    return true;
}

#endif
