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
#include "memory.h"
#include "message.h"
#include "ring_parts.h"
#include "schedule.h"

enum { REGISTER_A0 = 10 };

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
    sleeps = wk_ring_load(&ring->completions.user_line->sleeps);
    if (sleeps % 2 == 0 || sleeps == ring->rung)
        return;
    ring->rung = sleeps;
    event_binding_signal_later(&ring->doorbell);
}

void ring_tell(struct ring *ring)
{
    const uint64_t unread = ring_unread(ring);
    struct event *ready = &ring->ready;

    if (ready->waiter_count != 0 && (ring->owed == 0 || unread >= ring->wanted))
        ring_wait_end(ring, WK_OK);
    ring->tells_at = ready->waiter_count == 0 ? UINT64_MAX : ring->completions.index - unread + ring->wanted;
    if (ring->doorbell.event != NULL) {
        ring->tells_at = 0; /* INV-RING-6 */
        ring_doorbell(ring);
    }
}

/* ---- workers ---- */

static enum wk_status start_step(struct operation *operation);

/* What the worker holds is executed by steps of its own; where its process is suspended, when that goes on. */
static void start(struct thread *worker)
{
    worker->work.is_due = ring_is_suspended(worker->work.ring);
    if (worker->work.is_due)
        return;
    operation_begin(&worker->operation, start_step, NULL);
    thread_clear_stop(worker, THREAD_CREATED);
}

void ring_worker_resumes(struct thread *worker)
{
    struct ring *ring = worker->work.ring;

    if (worker == ring->poller)
        ring_poller_wake(ring);
    else if (worker->work.is_due)
        start(worker);
}

/* What was linked to the worker's entry is executed, or is cancelled too; what follows it is executed. */
static void start_next(struct ring *ring, struct thread *worker, bool has_failed)
{
    struct thread *next = container_of(worker->work.link.next, struct thread, work.link);
    const bool is_last = list_is_empty(&worker->work.link);

    list_remove(&worker->work.link);
    if (ring->chain == worker) {
        ring->chain = is_last ? NULL : next;
        ring->cancels = is_last && has_failed;
    }
    if (ring->lead == worker)
        ring->lead = is_last ? NULL : next;
    if (is_last)
        return;
    if (has_failed && !next->work.follows)
        next->work.fails = true;
    next->work.follows = false;
    start(next);
}

void ring_end_pending(struct ring *ring, struct thread *worker, uint64_t status, const uint64_t words[RING_WORDS])
{
    worker->work.is_pending = false;
    ring->owed--;
    ring_complete(ring, worker->work.tag, status, words, RING_WORDS);
    start_next(ring, worker, WK_RECEIVED_STATUS(status) != WK_OK);
}

void ring_complete_answered(struct ring *ring, uint32_t tag)
{
    ring_complete(ring, tag, WK_OK, ring->invocation.words, RING_WORDS);
    invocation_forget_results(&ring->invocation);
}

void ring_work_done(struct thread *worker)
{
    struct ring *ring = worker->work.ring;

    worker->stop |= THREAD_CREATED;
    worker->hindrance |= HINDERED_BY_SPACE;
    schedule_unready(worker);
    if (!worker->work.is_pending) {
        if (worker == ring->poller)
            ring_poller_go_on(ring);
        return;
    }
    worker->call_deadline_ns = DEADLINE_NEVER;
    ring_end_pending(ring, worker, arch_context_get(&worker->context, REGISTER_A0), message_words(worker));
    ring_worker_free(ring, worker);
    ring_announce(ring);
}

/* A held entry goes before its time: what it is linked to goes on, what is linked to it fails when its turn comes. */
static void leave_chain(struct thread *worker)
{
    struct thread *next = container_of(worker->work.link.next, struct thread, work.link);

    if (next->stop & THREAD_CREATED && !next->work.follows)
        next->work.fails = true;
    list_remove(&worker->work.link);
}

/* Completes the pending entry of a worker, which gave no results; it leaves whom it stands behind. */
static void end_without_results(struct thread *worker, enum wk_status status)
{
    static const uint64_t no_words[RING_WORDS];

    if (worker->stop & THREAD_CREATED)
        leave_chain(worker);
    ring_end_pending(worker->work.ring, worker, status, no_words);
    ring_announce(worker->work.ring);
}

void ring_held_ends(struct thread *worker, enum wk_status status)
{
    end_without_results(worker, status);
    worker->work.follows = false;
    ring_worker_free(worker->work.ring, worker);
}

void ring_worker_gone(struct thread *worker)
{
    struct ring *ring = worker->work.ring;

    if (worker->work.is_pending)
        end_without_results(worker, WK_REVOKED);
    ring_forget_target(ring);
    if (ring->executor == worker)
        ring->executor = ring_worker_take(ring);
    if (ring->poller == worker)
        ring->poller = NULL;
    list_remove(&worker->work.link);
    list_remove(&worker->calls.ring_link);
    ring->worker_count--;
}

/* ---- executing ---- */

void ring_forget_target(struct ring *ring)
{
    slot_cache_init(&ring->target.found);
    ring->is_quick = false;
}

/* Executes an entry as that worker, which does nothing else. */
static inline enum wk_status execute(struct ring *ring, struct thread *worker, uint64_t word0, uint64_t word1,
                                     const uint64_t words[RING_WORDS])
{
    const uint64_t index = WK_RING_OPERATION(word0) - WK_OPERATION_FIRST;
    struct invocation *invocation = &ring->invocation;
    enum wk_status status;

    ring_forget_target(ring); /* the invocation is about something else now */
    invocation->thread = worker;
    invocation->handle = WK_RING_HANDLE(word0);
    invocation->operation = (WK_RING_OPERATION(word0) | word1 >> 32 << 16) & ~WK_MESSAGE_DEADLINE;
    if (index < OPERATION_SLOTS && operation_bounds[index] == OPERATION_TRAP_ONLY)
        return invoke_failed(invocation, WK_NO_SUCH_OPERATION);
    worker->stop &= (uint8_t)~THREAD_CREATED;
    meter_entry_begins(worker);
    status = invoke(invocation, ring_word(words, 0), ring_word(words, 1), ring_word(words, 2), ring_word(words, 3),
                    ring_word(words, 4), ring_word(words, 5));
    return ring_executed(invocation, status);
}

/* A wait ends at the time that was linked to it, if its own deadline is later. */
static void limit_wait(struct thread *worker)
{
    if (worker->wait_event != NULL && worker->call_deadline_ns < worker->wait_until_ns)
        thread_arm(worker, worker->call_deadline_ns);
}

/* The executor's entry waits, or is to make steps. */
void ring_go_on_pending(struct ring *ring, uint64_t word1)
{
    struct thread *worker = ring->executor;

    ring_become_pending(ring, WK_RING_TAG(word1));
    limit_wait(worker);
    invocation_forget_results(&ring->invocation);
    if (schedule_wants(worker))
        schedule_ready(worker); /* it has steps to make, or others run for it */
}

/* cursor: 0 is 1 if it was answered WK_AGAIN. Executes an entry that was held, whose message stands in its worker's
 * context. */
static enum wk_status start_step(struct operation *operation)
{
    static const uint64_t no_words[RING_WORDS];
    struct thread *worker = operation->thread;
    struct ring *ring = worker->work.ring;
    struct hart *hart = hart_current();
    uint64_t words[RING_WORDS];
    enum wk_status status = WK_CANCELLED;

    operation_end(operation);
    worker->is_silent = true;
    if (!worker->work.fails) {
        for (unsigned i = 0; i < RING_WORDS; i++)
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
    limit_wait(worker);
    invocation_forget_results(&ring->invocation);
    return status_is_final(status) ? WK_OK : status;
}

bool ring_is_to_start(const struct thread *worker)
{
    return worker->operation.step == start_step;
}

/* ---- links ---- */

/* Keeps an entry until what it is linked to is done. */
static void hold(struct ring *ring, uint64_t word0, uint64_t word1, const uint64_t words[RING_WORDS])
{
    struct thread *worker = ring->executor;

    ring_become_pending(ring, WK_RING_TAG(word1));
    for (unsigned i = 0; i < RING_WORDS; i++)
        arch_context_set(&worker->context, REGISTER_A1 + i, ring_word(words, i));
    arch_context_set(&worker->context, REGISTER_A7, word1 >> 32);
    worker->calls.badge = word0;
    list_append(&ring->chain->work.link, &worker->work.link);
}

/* An entry that is linked to another, or sets its deadline. False: it is to be executed now. */
static NOINLINE bool is_linked(struct ring *ring, uint64_t word0, uint64_t word1, const uint64_t words[RING_WORDS])
{
    const bool is_deadline = WK_RING_OPERATION(word0) == WK_RING_TIMEOUT && word0 & WK_RING_LINK;

    if (ring->cancels) {
        ring_complete(ring, WK_RING_TAG(word1), WK_CANCELLED, NULL, 0);
        ring->timeout_ns = DEADLINE_NEVER;
        ring->cancels = (word0 & WK_RING_LINK) != 0;
        return true;
    }
    ring->executor->call_deadline_ns = ring->timeout_ns;
    ring->timeout_ns = DEADLINE_NEVER;
    if (is_deadline) {
        ring->executor->call_deadline_ns = DEADLINE_NEVER;
        ring->timeout_ns = ring_word(words, 0);
        ring_complete(ring, WK_RING_TAG(word1), WK_OK, NULL, 0);
        return true;
    }
    if (ring->chain == NULL)
        return false;
    hold(ring, word0, word1, words);
    if (!(word0 & WK_RING_LINK))
        ring->chain = NULL;
    return true;
}

/* ---- calls that follow another ---- */

/* The worker calls, and whoever serves it can take no other call before that is answered, as far as is known. */
static bool takes_one_at_a_time(const struct thread *worker)
{
    const struct thread *server = worker->calls.callee;

    if (!(worker->stop & THREAD_CALLING))
        return false;
    if (server == NULL)
        return worker->calls.endpoint != NULL;
    return server->budget == NULL && server->calls.serving->server_count == 1;
}

void ring_call_served(struct thread *worker)
{
    struct ring *ring = worker->work.ring;

    if (takes_one_at_a_time(worker))
        return;
    if (container_of(worker->work.link.next, struct thread, work.link)->work.follows)
        start_next(ring, worker, false);
    else if (ring->lead == worker)
        ring->lead = NULL;
}

/* ---- any entry ---- */

/* Any entry. False: it is to be executed again. */
bool ring_take_any(struct ring *ring, uint64_t word0, const uint64_t *entry)
{
    const uint64_t word1 = ring_word(entry, 1);
    struct thread *worker = ring->executor;
    enum wk_status status;
    bool is_special;

    ring_forget_target(ring);
    ring->lead = NULL;
    is_special = ring_is_special(ring, word0);
    if (is_special && is_linked(ring, word0, word1, entry + 2))
        return true;
    status = execute(ring, worker, word0, word1, entry + 2);
    if (!ring_settle(ring, word1, status)) {
        ring->timeout_ns = worker->call_deadline_ns; /* it is this entry's still */
        worker->call_deadline_ns = DEADLINE_NEVER;
        return false;
    }
    worker->call_deadline_ns = DEADLINE_NEVER;
    if (!is_special && word1 >> 32 == 0 && takes_one_at_a_time(worker)) {
        ring->lead = worker;
        ring->lead_word0 = word0;
    }
    if (word0 & WK_RING_LINK) {
        ring->chain = status_is_final(status) ? NULL : worker;
        ring->cancels = status_is_final(status) && status != WK_OK && status != WK_ANSWERED;
    }
    return true;
}
