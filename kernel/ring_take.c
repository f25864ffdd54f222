/* SPDX-License-Identifier: MIT */
/*
 * Taking entries out of a ring, as fast as can be: what an entry invokes need not be looked up if it is what the one before
 * invoked, and what does nothing is only completed. Everything else is ring_entries.c's. Guarded by the kernel lock.
 * Compiled for speed, and not at link time, so that no prologue is shared.
 */
#include "handlers.h"
#include "ring_parts.h"

/* Entries are executed in one hold of the lock as far as their bounds add up to that. */
#define HOLD_MAX 700
/* What is not looked up before, a call perhaps; and what does nothing, of which so many are one piece of work. */
#define ANY_BOUND 700
#define NOOP_BOUND 20
#define NOOPS_MAX 32
#define BAD_INDEX UINT64_MAX
/* A call that is made at once; and each that follows it. */
#define CALL_BOUND 284
#define FOLLOWING_BOUND 32

/* Whether the entry invokes what the one before did. */
static inline bool is_same(const struct ring *ring, uint64_t word0)
{
    const struct ring_target *target = &ring->target;

    return slot_cache_holds(&target->found, word0) && target->found.slot->object->state == OBJECT_LIVE;
}

/* Looks up what the entry invokes, for it and for those behind it that are the same. False: it is not that simple. */
static NOINLINE bool find_target(struct ring *ring, uint64_t word0)
{
    const uint64_t index = WK_RING_OPERATION(word0) - WK_OPERATION_FIRST;
    struct capability *capability = capability_find(&ring->process->table, WK_RING_HANDLE(word0));
    struct ring_target *target = &ring->target;

    ring->is_quick = false;
    if (ring_is_special(ring, word0) || index >= OPERATION_SLOTS || operation_bounds[index] == OPERATION_TRAP_ONLY ||
        operation_needs[index] & OPERATION_MESSAGE || capability == NULL ||
        !capability_has(capability, operation_needs[index]) || capability->type == WK_TYPE_SESSION ||
        capability->object->state != OBJECT_LIVE)
        return false;
    slot_cache_fill(&target->found, word0, capability);
    target->bound = operation_bounds[index];
    target->wrapper =
        WK_RING_OPERATION(word0) == WK_RING_NOOP ? NULL : (operation_wrapper *)(intptr_t)operation_wrappers[index];
    ring->is_quick = target->wrapper == NULL && ring->ready.waiter_count == 0 && ring->doorbell.event == NULL &&
                     ring->poller == NULL;
    ring->invocation.capability = capability;
    ring->invocation.handle = WK_RING_HANDLE(word0);
    ring->invocation.operation = WK_RING_OPERATION(word0);
    return true;
}

/* Completes entries that do nothing, one after another as far as they do, of one or more. Returns how many. Then
 * begin_pieces has to be called, if is_at_end says so. */
static inline uint64_t take_noops(struct ring *ring, uint64_t most)
{
    const uint64_t word0 = ring->target.found.handle;
    const uint64_t *entry = ring->entries.at;
    uint64_t *completion = ring->completions.at;
    uint64_t left = most;

    if (most > 1)
        left = most = ring_in_one_piece(&ring->completions, ring_in_one_piece(&ring->entries, most));
    while (ring_word(entry, 0) == word0) {
        const uint64_t word1 = ring_word(entry, 1);

        if (word1 >> 32 != 0)
            break;
        completion[0] = WK_OK;
        completion[1] = word1;
        entry += WORDS_OF_MESSAGE;
        completion += WORDS_OF_MESSAGE;
        if (--left == 0)
            break;
    }
    (void)ring_advance_in_piece(&ring->entries, most - left);
    (void)ring_advance_in_piece(&ring->completions, most - left);
    return most - left;
}

static inline bool is_at_end(const struct ring *ring)
{
    return ring->entries.at == ring->entries.end || ring->completions.at == ring->completions.end;
}

static NOINLINE enum wk_status begin_pieces(struct ring *ring)
{
    ring_begin_piece(ring, &ring->entries);
    ring_begin_piece(ring, &ring->completions);
    return WK_OK;
}

/* The entry invokes what the one before did, and has nothing but arguments. False: it is to be executed again. */
static inline bool take_same(struct ring *ring, uint64_t word1, const uint64_t *entry)
{
    struct thread *worker = ring->executor;
    enum wk_status status;

    ring->invocation.thread = worker;
    worker->stop &= (uint8_t)~THREAD_CREATED;
    meter_entry_begins(worker);
    meter_operation(worker, (unsigned)(invocation_number(&ring->invocation) - WK_OPERATION_FIRST));
    status = ring->target.wrapper(&ring->invocation, ring_word(entry, 2), ring_word(entry, 3), ring_word(entry, 4),
                                  ring_word(entry, 5), ring_word(entry, 6), ring_word(entry, 7));
    return ring_settle(ring, word1, ring_executed(&ring->invocation, status));
}

/* How many entries may be taken, at most that many; BAD_INDEX: an index is out of range. */
static inline uint64_t takeable(const struct ring *ring, uint64_t most)
{
    const uint64_t waiting = (uint32_t)(ring_read_index(&ring->entries) - ring->entries.index);
    const uint64_t unread = ring_unread(ring);
    const uint64_t room = ring->completions.mask + 1 - ring->owed - unread; /* more than all of it: less than none */

    if (waiting > ring->entries.mask + 1 || room > ring->completions.mask + 1)
        return BAD_INDEX;
    most = most < waiting ? most : waiting;
    return most < room ? most : room;
}

bool ring_has_entries(const struct ring *ring)
{
    return ring_read_index(&ring->entries) != (uint32_t)ring->entries.index;
}

/* Takes calls that follow the lead, as many as the hold allows. */
static inline uint64_t take_following(struct ring *ring, uint64_t most, uint64_t *spent)
{
    const uint64_t room = (HOLD_MAX - *spent) / FOLLOWING_BOUND;
    const uint64_t count = room == 0 ? 0 : ring_take_following(ring, most < room ? most : room);

    *spent += count * FOLLOWING_BOUND;
    return count;
}

/* The entry is a call, and is made at once. False: it is any entry, and nothing has changed. */
static inline bool take_call(struct ring *ring, uint64_t word0, uint64_t word1, const uint64_t *entry, uint64_t *spent)
{
    if (WK_RING_OPERATION(word0) - WK_OPERATION_FIRST < OPERATION_SLOTS || *spent > HOLD_MAX - CALL_BOUND ||
        !ring_call_at_once(ring, word0, word1, entry))
        return false;
    *spent += CALL_BOUND;
    ring->is_again = false;
    ring_advance(ring, &ring->entries, 1);
    return true;
}

/* Takes the next entry, or some that do nothing; what they cost at most is added to *spent. Returns how many; 0: the
 * hold is spent, or the entry is to be executed again. */
static inline uint64_t take_next(struct ring *ring, uint64_t most, uint64_t *spent)
{
    const uint64_t *entry = ring->entries.at;
    const uint64_t word0 = ring_word(entry, 0), word1 = ring_word(entry, 1);
    const bool is_known = is_same(ring, word0), is_first = *spent == 0;
    uint64_t bound = 0;

    if (!is_known && word1 >> 32 == 0) {
        if (ring->lead != NULL && ring->lead_word0 == word0)
            return take_following(ring, most, spent);
        if (take_call(ring, word0, word1, entry, spent))
            return 1;
    }
    if (is_known || find_target(ring, word0))
        bound = ring->target.bound;
    if (bound != 0 && word1 >> 32 == 0 && ring->target.wrapper == NULL) {
        const uint64_t count = take_noops(ring, most < NOOPS_MAX ? most : NOOPS_MAX);

        if (is_at_end(ring))
            (void)begin_pieces(ring);
        *spent += count * NOOP_BOUND;
        return count;
    }
    *spent += bound == 0 ? ANY_BOUND : bound;
    if (*spent > HOLD_MAX && !is_first)
        return 0;
    ring->is_again =
        !(bound != 0 && word1 >> 32 == 0 ? take_same(ring, word1, entry) : ring_take_any(ring, word0, entry));
    if (ring->is_again)
        return 0;
    ring_advance(ring, &ring->entries, 1);
    return 1;
}

enum wk_status ring_take(struct ring *ring, uint64_t *wanted)
{
    struct hart *hart = hart_current();
    uint64_t most = takeable(ring, *wanted);
    uint64_t spent = 0;
    enum wk_status status = WK_OK;

    if (most == BAD_INDEX)
        return WK_BAD_ARGUMENT;
    hart->attention.in_ring = true;
    hart->invocation.is_again = ring->is_again;
    while (most != 0 && ring->executor != NULL && !ring_is_dead(ring)) {
        const uint64_t count = take_next(ring, most, &spent);

        hart->invocation.is_again = false;
        most -= count;
        *wanted -= count;
        if (count == 0 || spent >= HOLD_MAX || hart->attention.any != ATTENTION_IN_RING) {
            status = WK_CONTINUE;
            break;
        }
    }
    hart->attention.in_ring = false;
    hart->invocation.is_again = false;
    ring_announce(ring);
    return status;
}

/* Some of the entries have been taken. */
static NOINLINE enum wk_status enter_again(struct invocation *invocation, struct ring *ring,
                                           const struct wk_ring_enter_in *in, uint64_t taken)
{
    if (is_at_end(ring))
        (void)begin_pieces(ring);
    return ring_enter_any(invocation, ring, in->entries - taken, in->completions, in->deadline);
}

/* Entries that do nothing are completed at once, so that what a ring costs by itself is little. */
enum wk_status ring_enter(struct invocation *invocation, struct ring *ring, const struct wk_ring_enter_in *in)
{
    if (ring->is_quick && in->completions == 0 && ring->target.found.slot->key == ring->target.found.key) {
        const uint64_t most = takeable(ring, in->entries < NOOPS_MAX ? in->entries : NOOPS_MAX);

        if (most != 0 && most != BAD_INDEX) {
            const uint64_t taken = take_noops(ring, most);

            ring_write_indices(ring);
            if (taken == most && (most < NOOPS_MAX || most == in->entries))
                return is_at_end(ring) ? begin_pieces(ring) : WK_OK;
            return enter_again(invocation, ring, in, taken);
        }
    }
    return ring_enter_any(invocation, ring, in->entries, in->completions, in->deadline);
}
