/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a ring's entries. Guarded by the kernel lock. Invariants: see ring.h.
 *
 * An entry is executed as an invocation by the ring's executor, with the same look-up, checks and wrapper as one by trap.
 * If it is done at once, its completion is written and the executor takes the next. If it waits or goes on in steps, the
 * executor becomes that operation, and another worker takes its place; when the operation ends, whoever ends it writes the
 * completion (ring_work_done). So nothing is scheduled for an entry but what has steps to make.
 *
 * The thread that enters executes entries as far as one hold of the lock allows, by the bounds that the interface files
 * state, and goes on if nothing else has come up; else the rest is done in steps of its operation.
 *
 * Entries that are linked to one that is pending are held, each by a worker: they and the pending one are a list without a
 * head, in their order.
 *
 * The other side may write whatever it wants whenever it wants. Each of its words is read once for each use; of its
 * indices only the difference to the kernel's own counts, and if that is more than the ring holds nothing is taken.
 */
#include "assert.h"
#include "handlers.h"
#include "lock.h"
#include "memory.h"
#include "message.h"
#include "meter.h"
#include "process.h"
#include "ring.h"
#include "schedule.h"

enum { REGISTER_A0 = 10, WORDS = 6, WORDS_OF_MESSAGE = 8, CANCEL_STEP = 4 };
#define MESSAGES_PER_PAGE (WK_PAGE_BYTES / WK_RING_MESSAGE_BYTES)
/* Entries are executed in one hold of the lock as far as their bounds add up to that. */
#define HOLD_MAX 700
/* What is not looked up before, a call perhaps; and what does nothing, of which so many are one piece of work. */
#define ANY_BOUND 700
#define NOOP_BOUND 20
#define NOOPS_MAX 32

/* ---- the memory ---- */

static inline uint64_t *message_at(const struct ring *ring, const struct ring_side *side, uint32_t index)
{
    const uint32_t place = side->first + (index & (side->size - 1));

    return (uint64_t *)(void *)(ring->pages[place / MESSAGES_PER_PAGE] +
                                place % MESSAGES_PER_PAGE * WK_RING_MESSAGE_BYTES);
}

/* A word of the other side, which may write it meanwhile. */
static inline uint64_t read_word(const uint64_t *message, unsigned number)
{
    return __atomic_load_n(message + number, __ATOMIC_RELAXED);
}

/* Acquire: what the other side wrote before its index is seen when the index is (RVWMO: a load with acquire is ordered
 * before all that follow), the entries; and of completions, that it has read them before they are written anew. */
static inline uint32_t read_index(const struct ring_side *side)
{
    return __atomic_load_n(&side->user_line->index, __ATOMIC_ACQUIRE);
}

/* Release: what was read, or written, comes before the index is seen (a store with release is ordered after all before). */
static inline void write_index(const struct ring_side *side)
{
    __atomic_store_n(&side->kernel_line->index, side->index, __ATOMIC_RELEASE);
}

static inline uint32_t completions_unread(const struct ring *ring)
{
    return ring->completions.index - read_index(&ring->completions);
}

/* Writes a completion, for which there is room, with the first `count` of the words. INV-RING-2 */
static inline void complete(struct ring *ring, uint32_t tag, uint64_t status, const uint64_t *words, unsigned count)
{
    uint64_t *message;

    if (__builtin_expect(ring_is_dead(ring), 0))
        return;
    message = message_at(ring, &ring->completions, ring->completions.index);
    message[0] = status;
    message[1] = tag;
    for (unsigned i = 0; i < count; i++)
        message[2 + i] = words[i];
    ring->completions.index++;
}

/* ---- who waits for completions ---- */

void ring_wait_end(struct ring *ring, enum wk_status status)
{
    if (ring->ready.waiter_count != 0)
        event_wait_end(container_of(ring->ready.waiters.next, struct thread, wait_link), status);
}

/* Rings the doorbell, if the consumer of completions sleeps and has not been rung for that. The fence stands between the
 * store of the index and the load of `sleeps`, as its counterpart does between the consumer's store of `sleeps` and its
 * last look at the index: one of the two sees the other's store. */
static void ring_doorbell(struct ring *ring)
{
    uint32_t sleeps;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    sleeps = __atomic_load_n(&ring->completions.user_line->sleeps, __ATOMIC_RELAXED);
    if (sleeps % 2 == 0 || sleeps == ring->rung)
        return;
    ring->rung = sleeps;
    event_binding_signal_later(&ring->doorbell);
}

/* There are completions: they can be read, and who waits for them is told. */
static inline void announce(struct ring *ring)
{
    if (ring_is_dead(ring))
        return;
    write_index(&ring->completions);
    if (ring->ready.waiter_count != 0 && (ring->owed == 0 || completions_unread(ring) >= ring->wanted))
        ring_wait_end(ring, WK_OK);
    if (ring->doorbell.event != NULL)
        ring_doorbell(ring);
}

/* ---- workers ---- */

void ring_worker_free(struct ring *ring, struct thread *worker)
{
    if (ring->executor == NULL)
        ring->executor = worker;
    else
        list_prepend(&ring->free, &worker->work.link);
}

struct thread *ring_worker_take(struct ring *ring)
{
    struct thread *worker = container_of(ring->free.next, struct thread, work.link);

    if (list_is_empty(&ring->free))
        return NULL;
    list_remove(&worker->work.link);
    return worker;
}

/* The executor's operation is pending: it stays with it. */
static void become_pending(struct ring *ring, uint32_t tag)
{
    struct thread *worker = ring->executor;

    worker->work.tag = tag;
    worker->work.is_pending = true;
    worker->work.fails = false;
    ring->owed++;
    ring->executor = ring_worker_take(ring);
}

static enum wk_status start_step(struct operation *operation);

/* What was linked to the worker's entry is executed, or is cancelled too. */
static void start_next(struct ring *ring, struct thread *worker, bool has_failed)
{
    struct thread *next = container_of(worker->work.link.next, struct thread, work.link);
    const bool is_last = list_is_empty(&worker->work.link);

    list_remove(&worker->work.link);
    if (ring->chain == worker) {
        ring->chain = is_last ? NULL : next;
        ring->cancels = is_last && has_failed;
    }
    if (is_last)
        return;
    if (has_failed)
        next->work.fails = true;
    operation_begin(&next->operation, start_step, NULL);
    thread_clear_stop(next, THREAD_CREATED);
}

/* The pending entry of a worker is completed. */
static void end_pending(struct ring *ring, struct thread *worker, uint64_t status, const uint64_t words[WORDS])
{
    worker->work.is_pending = false;
    ring->owed--;
    complete(ring, worker->work.tag, status, words, WORDS);
    start_next(ring, worker, WK_RECEIVED_STATUS(status) != WK_OK);
}

void ring_work_done(struct thread *worker)
{
    struct ring *ring = worker->work.ring;

    worker->stop |= THREAD_CREATED;
    worker->hindrance |= HINDERED_BY_SPACE;
    schedule_unready(worker);
    if (!worker->work.is_pending)
        return;
    worker->call_deadline_ns = DEADLINE_NEVER;
    end_pending(ring, worker, arch_context_get(&worker->context, REGISTER_A0), message_words(worker));
    ring_worker_free(ring, worker);
    announce(ring);
}

void ring_worker_gone(struct thread *worker)
{
    static const uint64_t no_words[WORDS];
    struct ring *ring = worker->work.ring;

    if (worker->work.is_pending) {
        end_pending(ring, worker, WK_REVOKED, no_words);
        announce(ring);
    }
    if (ring->executor == worker)
        ring->executor = ring_worker_take(ring);
    if (ring->poller == worker)
        ring->poller = NULL;
    list_remove(&worker->work.link);
    list_remove(&worker->calls.ring_link);
    ring->worker_count--;
}

/* ---- executing ---- */

/* Executes an entry as that worker, which does nothing else. */
static inline enum wk_status execute(struct ring *ring, struct thread *worker, uint64_t word0, uint64_t word1,
                                     const uint64_t words[WORDS])
{
    struct invocation *invocation = &ring->invocation;
    enum wk_status status;

    ring->target.word0 = 0;
    invocation->thread = worker;
    invocation->handle = WK_RING_HANDLE(word0);
    invocation->operation = (WK_RING_OPERATION(word0) | word1 >> 32 << 16) & ~WK_MESSAGE_DEADLINE;
    worker->stop &= (uint8_t)~THREAD_CREATED;
    status = invoke(invocation, read_word(words, 0), read_word(words, 1), read_word(words, 2), read_word(words, 3),
                    read_word(words, 4), read_word(words, 5));
    invoke_check_commit(status);
    assert_debug(status != WK_SWITCHED && status != WK_SWITCHED_OK);
    if (status_is_final(status) && status != WK_OK && status != WK_ANSWERED)
        status = invoke_failed(invocation, status);
    return status;
}

/* The executor's entry is done, with that status. */
static inline void complete_at_once(struct ring *ring, uint64_t word1, enum wk_status status)
{
    ring->executor->stop |= THREAD_CREATED;
    if (status == WK_ANSWERED) {
        complete(ring, WK_RING_TAG(word1), WK_OK, ring->invocation.words, WORDS);
        invocation_forget_results(&ring->invocation);
    } else {
        complete(ring, WK_RING_TAG(word1), status, ring->invocation.words, 1);
        ring->invocation.words[0] = 0;
    }
}

/* The executor's entry waits, or is to make steps. */
static void go_on_pending(struct ring *ring, uint64_t word1)
{
    struct thread *worker = ring->executor;

    become_pending(ring, WK_RING_TAG(word1));
    worker->call_deadline_ns = DEADLINE_NEVER;
    invocation_forget_results(&ring->invocation);
    if (schedule_wants(worker))
        schedule_ready(worker); /* it has steps to make, or others run for it */
}

/* cursor: 0 is 1 if it was answered WK_AGAIN. Executes an entry that was held, whose message stands in its worker's
 * context. */
static enum wk_status start_step(struct operation *operation)
{
    static const uint64_t no_words[WORDS];
    struct thread *worker = operation->thread;
    struct ring *ring = worker->work.ring;
    struct hart *hart = hart_current();
    uint64_t words[WORDS];
    enum wk_status status = WK_CANCELLED;

    operation_end(operation);
    worker->is_silent = true;
    if (!worker->work.fails) {
        for (unsigned i = 0; i < WORDS; i++)
            words[i] = message_words(worker)[i];
        hart->invocation.is_again = operation->cursor[0] != 0;
        hart->attention.in_ring = true;
        status =
            execute(ring, worker, worker->calls.badge, arch_context_get(&worker->context, REGISTER_A7) << 32, words);
        hart->attention.in_ring = false;
        hart->invocation.is_again = false;
    }
    if (status == WK_AGAIN) {
        operation_begin(operation, start_step, NULL);
        operation->cursor[0] = 1;
        return WK_CONTINUE;
    }
    if (status_is_final(status))
        arch_context_answer(&worker->context, (uint64_t)status & 0xffff,
                            worker->work.fails ? no_words : ring->invocation.words);
    worker->is_silent = status_is_final(status);
    invocation_forget_results(&ring->invocation);
    return status_is_final(status) ? WK_OK : status;
}

/* ---- links ---- */

/* Keeps an entry until what it is linked to is done. */
static void hold(struct ring *ring, uint64_t word0, uint64_t word1, const uint64_t words[WORDS])
{
    struct thread *worker = ring->executor;

    become_pending(ring, WK_RING_TAG(word1));
    for (unsigned i = 0; i < WORDS; i++)
        arch_context_set(&worker->context, REGISTER_A1 + i, read_word(words, i));
    arch_context_set(&worker->context, REGISTER_A7, word1 >> 32);
    worker->calls.badge = word0;
    list_append(&ring->chain->work.link, &worker->work.link);
}

/* An entry that is linked to another, or sets its deadline. False: it is to be executed now. */
static NOINLINE bool is_linked(struct ring *ring, uint64_t word0, uint64_t word1, const uint64_t words[WORDS])
{
    const bool is_deadline = WK_RING_OPERATION(word0) == WK_RING_TIMEOUT && word0 & WK_RING_LINK;

    if (ring->cancels) {
        complete(ring, WK_RING_TAG(word1), WK_CANCELLED, NULL, 0);
        ring->cancels = (word0 & WK_RING_LINK) != 0;
        return true;
    }
    ring->executor->call_deadline_ns = ring->timeout_ns;
    ring->timeout_ns = DEADLINE_NEVER;
    if (is_deadline) {
        ring->executor->call_deadline_ns = DEADLINE_NEVER;
        ring->timeout_ns = read_word(words, 0);
        complete(ring, WK_RING_TAG(word1), WK_OK, NULL, 0);
        return true;
    }
    if (ring->chain == NULL)
        return false;
    hold(ring, word0, word1, words);
    if (!(word0 & WK_RING_LINK))
        ring->chain = NULL;
    return true;
}

/* ---- taking entries ---- */

/* Links and deadlines, of the entry or of those before, are to be looked at. */
static inline bool is_special(const struct ring *ring, uint64_t word0)
{
    return (word0 & WK_RING_LINK) != 0 || ring->chain != NULL || ring->cancels || ring->timeout_ns != DEADLINE_NEVER;
}

/* The executor's entry has been executed. False: it is to be again. */
static inline bool settle(struct ring *ring, uint64_t word1, enum wk_status status)
{
    if (__builtin_expect(status_is_final(status), 1)) {
        complete_at_once(ring, word1, status);
    } else if (status == WK_AGAIN) {
        ring->executor->stop |= THREAD_CREATED;
        return false;
    } else {
        go_on_pending(ring, word1);
    }
    return true;
}

/* Any entry. False: it is to be executed again. */
static NOINLINE bool take_any(struct ring *ring, uint64_t word0, const uint64_t *entry)
{
    const uint64_t word1 = read_word(entry, 1);
    struct thread *worker = ring->executor;
    enum wk_status status;

    if (is_special(ring, word0) && is_linked(ring, word0, word1, entry + 2))
        return true;
    status = execute(ring, worker, word0, word1, entry + 2);
    if (!settle(ring, word1, status))
        return false;
    if (word0 & WK_RING_LINK) {
        ring->chain = status_is_final(status) ? NULL : worker;
        ring->cancels = status_is_final(status) && status != WK_OK && status != WK_ANSWERED;
    }
    return true;
}

/* Whether the entry invokes what the one before did. */
static inline bool is_same(const struct ring *ring, uint64_t word0)
{
    const struct ring_target *target = &ring->target;

    return target->word0 == word0 && target->slot->key == target->key && target->slot->object->state == OBJECT_LIVE;
}

/* Looks up what the entry invokes, for it and for those behind it that are the same. False: it is not that simple. */
static NOINLINE bool find_target(struct ring *ring, uint64_t word0)
{
    const uint64_t index = WK_RING_OPERATION(word0) - WK_OPERATION_FIRST;
    struct capability *capability = capability_find(&ring->process->table, WK_RING_HANDLE(word0));
    struct ring_target *target = &ring->target;

    if (is_special(ring, word0) || index >= OPERATION_SLOTS || operation_needs[index] & OPERATION_MESSAGE ||
        capability == NULL || !capability_has(capability, operation_needs[index]) ||
        capability->type == WK_TYPE_SESSION || capability->object->state != OBJECT_LIVE)
        return false;
    target->word0 = word0;
    target->slot = capability;
    target->key = capability->key;
    target->bound = operation_bounds[index];
    target->wrapper =
        WK_RING_OPERATION(word0) == WK_RING_NOOP ? NULL : (operation_wrapper *)(intptr_t)operation_wrappers[index];
    ring->invocation.capability = capability;
    ring->invocation.handle = WK_RING_HANDLE(word0);
    ring->invocation.operation = WK_RING_OPERATION(word0);
    return true;
}

/* How many messages from the index on, at most that many, stand in one piece. */
static inline uint32_t in_one_piece(const struct ring_side *side, uint32_t most)
{
    const uint32_t place = side->first + (side->index & (side->size - 1));
    const uint32_t in_page = MESSAGES_PER_PAGE - place % MESSAGES_PER_PAGE;
    const uint32_t in_ring = side->size - (side->index & (side->size - 1));

    most = most < in_page ? most : in_page;
    return most < in_ring ? most : in_ring;
}

/* Completes entries that do nothing, one after another as far as they do. Returns how many. */
static uint32_t take_noops(struct ring *ring, uint32_t most)
{
    const uint64_t word0 = ring->target.word0;
    const uint64_t *entry = message_at(ring, &ring->entries, ring->entries.index);
    uint64_t *completion = message_at(ring, &ring->completions, ring->completions.index);
    const uint64_t *first = entry;
    const uint64_t *end;
    uint32_t count;

    most = in_one_piece(&ring->completions, in_one_piece(&ring->entries, most));
    end = entry + most * WORDS_OF_MESSAGE;
    for (; entry != end && read_word(entry, 0) == word0; entry += WORDS_OF_MESSAGE) {
        const uint64_t word1 = read_word(entry, 1);

        if (word1 >> 32 != 0)
            break;
        completion[0] = WK_OK;
        completion[1] = word1;
        completion += WORDS_OF_MESSAGE;
    }
    count = (uint32_t)((size_t)(entry - first) / WORDS_OF_MESSAGE);
    ring->entries.index += count;
    ring->completions.index += count;
    return count;
}

/* The entry invokes what the one before did, and has nothing but arguments. False: it is to be executed again. */
static inline bool take_same(struct ring *ring, uint64_t word1, const uint64_t *entry)
{
    struct thread *worker = ring->executor;
    enum wk_status status;

    ring->invocation.thread = worker;
    worker->stop &= (uint8_t)~THREAD_CREATED;
    status = ring->target.wrapper(&ring->invocation, read_word(entry, 2), read_word(entry, 3), read_word(entry, 4),
                                  read_word(entry, 5), read_word(entry, 6), read_word(entry, 7));
    invoke_check_commit(status);
    assert_debug(status != WK_SWITCHED && status != WK_SWITCHED_OK);
    if (status_is_final(status) && status != WK_OK && status != WK_ANSWERED)
        status = invoke_failed(&ring->invocation, status);
    return settle(ring, word1, status);
}

/* How many entries may be taken at most; UINT32_MAX: an index is out of range. */
static inline uint32_t takeable(const struct ring *ring, uint64_t wanted)
{
    const uint32_t waiting = read_index(&ring->entries) - ring->entries.index;
    const uint64_t held = (uint64_t)completions_unread(ring) + ring->owed;
    uint64_t most = waiting < wanted ? waiting : wanted;

    if (waiting > ring->entries.size || held > ring->completions.size)
        return UINT32_MAX;
    if (most > ring->completions.size - held)
        most = ring->completions.size - held;
    return (uint32_t)most;
}

bool ring_has_entries(const struct ring *ring)
{
    return read_index(&ring->entries) != ring->entries.index;
}

/* Takes the next entry, or some that do nothing; what they cost at most is added to *spent. Returns how many; 0: the
 * hold is spent, or the entry is to be executed again. */
static inline uint32_t take_next(struct ring *ring, uint32_t most, uint64_t *spent)
{
    const uint64_t *entry = message_at(ring, &ring->entries, ring->entries.index);
    const uint64_t word0 = read_word(entry, 0);
    const bool is_first = *spent == 0;
    uint64_t bound = 0, word1;

    if (is_same(ring, word0) || find_target(ring, word0))
        bound = ring->target.bound;
    word1 = read_word(entry, 1);
    if (bound != 0 && word1 >> 32 == 0 && ring->target.wrapper == NULL) {
        const uint32_t count = take_noops(ring, most < NOOPS_MAX ? most : NOOPS_MAX);

        *spent += count * NOOP_BOUND;
        return count;
    }
    *spent += bound == 0 ? ANY_BOUND : bound;
    if (*spent > HOLD_MAX && !is_first)
        return 0;
    ring->is_again = !(bound != 0 && word1 >> 32 == 0 ? take_same(ring, word1, entry) : take_any(ring, word0, entry));
    ring->entries.index += !ring->is_again;
    return !ring->is_again;
}

enum wk_status ring_take(struct ring *ring, uint64_t *wanted)
{
    struct hart *hart = hart_current();
    uint32_t most = takeable(ring, *wanted);
    uint64_t spent = 0;
    enum wk_status status = WK_OK;

    if (most == UINT32_MAX)
        return WK_BAD_ARGUMENT;
    hart->attention.in_ring = true;
    hart->invocation.is_again = ring->is_again;
    while (most != 0 && ring->executor != NULL) {
        const uint32_t count = take_next(ring, most, &spent);

        most -= count;
        *wanted -= count;
        if (count == 0 || spent >= HOLD_MAX || hart->attention.any != ATTENTION_IN_RING) {
            status = WK_CONTINUE;
            break;
        }
    }
    hart->attention.in_ring = false;
    hart->invocation.is_again = false;
    if (ring_is_dead(ring))
        return status;
    write_index(&ring->entries);
    announce(ring);
    return status;
}

/* ---- operations ---- */

enum wk_status ring_check_alive(const struct ring *ring)
{
    const bool is_gone = !object_is_live(&ring->object) || ring_is_dead(ring) ||
                         ring->process->state >= WK_PROCESS_STATE_ENDING || ring->worker_count == 0;

    return is_gone ? WK_REVOKED : WK_OK;
}

/* All that could be taken has been: waits for completions, if that is wanted. */
static enum wk_status wait_for_completions(struct ring *ring, struct thread *thread, uint64_t handle, uint64_t wanted,
                                           uint64_t deadline_ns)
{
    enum wk_status status;

    if (wanted == 0 || ring->owed == 0 || completions_unread(ring) >= wanted)
        return WK_OK;
    status = ring->ready.waiter_count != 0 ? WK_BUSY : event_check_wait(thread, &ring->ready);
    if (status == WK_INTERRUPTED)
        thread->interrupt_latched = false;
    if (status != WK_OK)
        return status;
    ring->wanted = (uint32_t)wanted;
    return event_begin_wait(thread, &ring->ready, handle, 1, deadline_ns);
}

/* cursor: 0 entries to be taken, 1 completions to wait for, 2 the deadline of that, 3 the ring's handle. */
static enum wk_status enter_step(struct operation *operation)
{
    struct ring *ring = container_of(operation->object, struct ring, object);
    enum wk_status status = ring_check_alive(ring);

    if (operation->thread->stop & THREAD_ENDED)
        return WK_OK;
    if (status == WK_OK)
        status = ring_take(ring, &operation->cursor[0]);
    if (status != WK_OK)
        return status;
    return wait_for_completions(ring, operation->thread, operation->cursor[3], operation->cursor[1],
                                operation->cursor[2]);
}

/* Another hold of the lock, if nothing else has come up. */
static inline bool hold_anew(const struct hart *hart)
{
    if (hart->attention.any != 0 || arch_interrupts_waiting() != 0)
        return false;
    kernel_lock_release_quietly();
    meter_left();
    meter_entered();
    kernel_lock_acquire();
    return true;
}

/* Takes what can be taken by holds of the lock one after another. */
static enum wk_status take_at_once(struct ring *ring, uint64_t *wanted)
{
    enum wk_status status = ring_check_alive(ring);

    object_reference(&ring->object);
    while (status == WK_OK) {
        status = ring_take(ring, wanted);
        if (status != WK_CONTINUE || !hold_anew(hart_current()))
            break;
        status = ring_check_alive(ring);
    }
    object_unreference(&ring->object);
    return status;
}

enum wk_status ring_enter(struct invocation *invocation, struct ring *ring, const struct wk_ring_enter_in *in)
{
    struct operation *operation = &invocation->thread->operation;
    uint64_t wanted = in->entries;
    enum wk_status status;

    if (invocation->thread->is_worker)
        return WK_NO_SUCH_OPERATION;
    if (ring->poller != NULL)
        ring_poller_wake(ring);
    status = take_at_once(ring, &wanted);
    if (status == WK_OK)
        return wait_for_completions(ring, invocation->thread, invocation->handle, in->completions, in->deadline);
    if (status != WK_CONTINUE)
        return status;
    operation_begin(operation, enter_step, &ring->object);
    operation->cursor[0] = wanted;
    operation->cursor[1] = in->completions;
    operation->cursor[2] = in->deadline;
    operation->cursor[3] = invocation->handle;
    return WK_CONTINUE;
}

/* The first worker, which becomes the last: so a walk goes round in steps. */
static struct thread *next_worker(struct ring *ring)
{
    struct list *link = ring->workers.next;

    list_remove(link);
    list_append(&ring->workers, link);
    return container_of(link, struct thread, calls.ring_link);
}

/* Ends what the worker waits for, or that it is to be executed. False: it is in the midst of a long operation. */
static bool cancel(struct thread *worker)
{
    if (worker->operation.step != NULL)
        return false;
    if (worker->stop & THREAD_WAITS)
        thread_wait_end(worker, WK_CANCELLED);
    else
        worker->work.fails = true;
    return true;
}

/* cursor: 0 workers still to be looked at, 1 the tag. */
static enum wk_status cancel_step(struct operation *operation)
{
    struct ring *ring = container_of(operation->object, struct ring, object);

    for (unsigned i = 0; i < CANCEL_STEP; i++) {
        struct thread *worker;

        if (operation->cursor[0]-- == 0 || list_is_empty(&ring->workers))
            return WK_OK;
        worker = next_worker(ring);
        if (worker->work.is_pending && worker->work.tag == operation->cursor[1] && cancel(worker)) {
            operation->result++;
            return WK_CONTINUE;
        }
    }
    return WK_CONTINUE;
}

enum wk_status ring_cancel(struct invocation *invocation, struct ring *ring, const struct wk_ring_cancel_in *in,
                           struct wk_ring_cancel_out *out)
{
    struct operation *operation = &invocation->thread->operation;

    (void)out;
    op_commit();
    operation_begin(operation, cancel_step, &ring->object);
    operation->cursor[0] = ring->worker_count;
    operation->cursor[1] = in->tag;
    return WK_CONTINUE;
}

enum wk_status ring_noop(struct invocation *invocation, struct ring *ring)
{
    (void)invocation;
    (void)ring;
    return WK_OK;
}

enum wk_status ring_timeout(struct invocation *invocation, struct ring *ring, const struct wk_ring_timeout_in *in)
{
    struct thread *thread = invocation->thread;

    (void)ring;
    if (!thread->is_worker)
        return invocation_bad_argument(invocation, 0);

    op_commit();
    arch_context_prepare_answer(&thread->context);
    thread_arm(thread, in->until);
    thread_set_stop(thread, THREAD_WAITING);
    return WK_WAITS;
}
