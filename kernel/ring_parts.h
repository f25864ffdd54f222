/* SPDX-License-Identifier: MIT */
/* What the files of rings know of each other: ring.c and ring_*.c. Nobody else includes this. */
#ifndef RING_PARTS_H
#define RING_PARTS_H

#include "assert.h"
#include "meter.h"
#include "process.h"
#include "ring.h"
#include "trace.h"

enum { RING_WORDS = 6, WORDS_OF_MESSAGE = 8 };
#define MESSAGES_PER_PAGE (WK_PAGE_BYTES / WK_RING_MESSAGE_BYTES)

/* ---- the memory ---- */

/* The side has come to the end of a page, or of its messages: says where the next ones stand. INV-RING-7 */
void ring_begin_piece(const struct ring *ring, struct ring_side *side);

/* So many messages, which stand in one piece, have been read, or written. True: ring_begin_piece has to be called. */
static inline bool ring_advance_in_piece(struct ring_side *side, uint64_t count)
{
    side->index += count;
    side->at += count * WORDS_OF_MESSAGE;
    return __builtin_expect(side->at == side->end, 0);
}

static inline void ring_advance(const struct ring *ring, struct ring_side *side, uint64_t count)
{
    if (ring_advance_in_piece(side, count))
        ring_begin_piece(ring, side);
}

/* How many messages from the index on, at most that many, stand in one piece. */
static inline uint64_t ring_in_one_piece(const struct ring_side *side, uint64_t most)
{
    const uint64_t in_piece = (uint64_t)(side->end - side->at) / WORDS_OF_MESSAGE;

    return most < in_piece ? most : in_piece;
}

/* A word of the other side, which may write it meanwhile. */
static inline uint64_t ring_word(const uint64_t *message, unsigned number)
{
    return __atomic_load_n(message + number, __ATOMIC_RELAXED);
}

/* Acquire: what the other side wrote before its index is seen when the index is (RVWMO: a load with acquire is ordered
 * before all that follow), the entries; and of completions, that it has read them before they are written anew. */
static inline uint32_t ring_read_index(const struct ring_side *side)
{
    const uint32_t index = wk_ring_load(&side->user_line->index);

    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return index;
}

/* Both indices. Release: what was read, or written, comes before the indices are seen (a fence orders all loads and stores before
 * it before all stores behind it). */
static inline void ring_write_indices(const struct ring *ring)
{
    const uint32_t taken = (uint32_t)ring->entries.index, completed = (uint32_t)ring->completions.index;

    __atomic_thread_fence(__ATOMIC_RELEASE);
    wk_ring_store(&ring->entries.kernel_line->index, taken);
    wk_ring_store(&ring->completions.kernel_line->index, completed);
}

/* That of completions only. */
static inline void ring_write_completed(const struct ring *ring, uint64_t index)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
    wk_ring_store(&ring->completions.kernel_line->index, (uint32_t)index);
}

static inline uint32_t ring_unread(const struct ring *ring)
{
    return (uint32_t)ring->completions.index - ring_read_index(&ring->completions);
}

/* Writes a completion, for which there is room, with the first `count` of the words. INV-RING-2 */
static inline void ring_complete(struct ring *ring, uint32_t tag, uint64_t status, const uint64_t *words,
                                 unsigned count)
{
    uint64_t *message;

    if (__builtin_expect(ring_is_dead(ring), 0))
        return;
    message = ring->completions.at;
    message[0] = status;
    message[1] = tag;
    for (unsigned i = 0; i < count; i++)
        message[2 + i] = words[i];
    ring_advance(ring, &ring->completions, 1);
}

/* ---- who waits for completions ---- */

/* Tells who waits for completions if there are enough, and rings the doorbell. */
void ring_tell(struct ring *ring);
/* There are completions: they can be read, and whoever is to be told of them is. */
static inline void ring_announce(struct ring *ring)
{
    if (ring_is_dead(ring))
        return;
    ring_write_indices(ring);
    if (ring->completions.index >= ring->tells_at || (ring->owed == 0 && ring->ready.waiter_count != 0))
        ring_tell(ring);
}

/* ---- entries ---- */

/* Its process stands still, and so does it. */
static inline bool ring_is_suspended(const struct ring *ring)
{
    return ring->process->state == WK_PROCESS_STATE_SUSPENDED;
}

/* WK_OK, or why no entry is executed: not any more, WK_REVOKED, or not while its process is suspended, WK_WOULD_BLOCK. */
static inline enum wk_status ring_check_alive(const struct ring *ring)
{
    if (!object_is_live(&ring->object) || ring_is_dead(ring) || ring->worker_count == 0)
        return WK_REVOKED;
    if (ring->process->state >= WK_PROCESS_STATE_SUSPENDED)
        return ring_is_suspended(ring) ? WK_WOULD_BLOCK : WK_REVOKED;
    return WK_OK;
}

/* The next entry is a call as simple as can be, to a passive server that waits alone: it is made, and is the lead. False: it is
 * not, and nothing has changed. */
bool ring_call_at_once(struct ring *ring, uint64_t word0, uint64_t word1, const uint64_t *entry);
/* Takes entries that are as the lead's, at most that many, of one or more: they follow it. Returns how many. */
uint64_t ring_take_following(struct ring *ring, uint64_t most);
/* An entry with that tag is the worker's. */
static inline void ring_take_over(struct thread *worker, uint32_t tag)
{
    worker->work.state = RING_WORK_PENDING | tag;
}

/* The executor's operation is pending: it stays with it. */
static inline void ring_become_pending(struct ring *ring, uint32_t tag)
{
    ring_take_over(ring->executor, tag);
    ring->owed++;
    ring->executor = ring_worker_take(ring);
}

/* The pending entry of a worker is completed. */
void ring_end_pending(struct ring *ring, struct thread *worker, uint64_t status, const uint64_t words[RING_WORDS]);
/* What the worker holds, and nobody waits for, is completed so. */
void ring_held_ends(struct thread *worker, enum wk_status status);

/* ring: enter, but for what is quick. */
enum wk_status ring_enter_any(struct invocation *invocation, struct ring *ring, uint64_t wanted, uint64_t completions,
                              uint64_t deadline_ns);

/* Links and deadlines, of the entry or of those before, are to be looked at. */
static inline bool ring_is_special(const struct ring *ring, uint64_t word0)
{
    return (word0 & WK_RING_LINK) != 0 || ring->chain != NULL || ring->cancels || ring->timeout_ns != DEADLINE_NEVER;
}

/* The poller has rested. */
void ring_poller_go_on(struct ring *ring);

/* Any entry. False: it is to be executed again. */
bool ring_take_any(struct ring *ring, uint64_t word0, const uint64_t *entry);
/* The worker's entry, which was held, is executed in its next step. */
bool ring_is_to_start(const struct thread *worker);
/* The executor's entry waits, or is to make steps. */
void ring_go_on_pending(struct ring *ring, uint64_t word1);
/* The wrapper has answered so: what has come of the entry. */
static inline enum wk_status ring_executed(struct invocation *invocation, enum wk_status status)
{
    invoke_check_commit(status);
    assert_debug(status != WK_SWITCHED && status != WK_SWITCHED_OK);
    if (status_is_final(status) && status != WK_OK && status != WK_ANSWERED)
        status = invoke_failed(invocation, status);
    meter_entry_done(invocation->thread);
    return status;
}

/* The executor's entry is done, with results; */
void ring_complete_answered(struct ring *ring, uint32_t tag);
/* or with that status. */
static inline void ring_complete_at_once(struct ring *ring, uint64_t word1, enum wk_status status)
{
    ring->executor->stop |= THREAD_CREATED;
    if (status == WK_ANSWERED) {
        ring_complete_answered(ring, WK_RING_TAG(word1));
    } else {
        ring_complete(ring, WK_RING_TAG(word1), status, ring->invocation.words, 1);
        ring->invocation.words[0] = 0;
    }
}

/* The executor's entry has been executed. False: it is to be again. */
static inline bool ring_settle(struct ring *ring, uint64_t word1, enum wk_status status)
{
    if (__builtin_expect(hart_current()->attention.tracing, 0))
        trace(WK_TRACE_EVENT_INVOKE, invocation_number(&ring->invocation), status);
    if (__builtin_expect(status_is_final(status), 1)) {
        ring_complete_at_once(ring, word1, status);
    } else if (status == WK_AGAIN) {
        ring->executor->stop |= THREAD_CREATED;
        return false;
    } else {
        ring_go_on_pending(ring, word1);
    }
    return true;
}

#endif
