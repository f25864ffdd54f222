/* SPDX-License-Identifier: MIT */
/*
 * Calls of a ring that follow one another. A server that is passive and its endpoint's only one takes a call, answers it, and takes
 * the next. So of the calls that a ring makes by one session one is made, the lead, at once if the server waits; those behind it are
 * held by their workers, as linked entries are, and are in no queue. When the lead is answered its worker goes on with the message of
 * the first that follows: nobody is woken, queued, chosen or charged, for it is the same thread that calls, and pays if it did. After
 * the last the hart goes straight to who waits for completions. Where anything is not so simple, what follows is executed when
 * the lead is done, as an entry. What the straight ways leave is what the usual way would have left, but for words of a message that a
 * caller does not need any more (tests/host/ring_call_test.c compares them). Guarded by the kernel lock.
 * Invariants: see ring.h. Compiled for speed, and not at link time, so that no prologue is shared.
 */
#include "endpoint.h"
#include "message.h"
#include "ring_parts.h"
#include "schedule.h"

void ring_worker_free(struct ring *ring, struct thread *worker)
{
    if (ring->executor == NULL)
        ring->executor = worker;
    else
        list_prepend(&ring->free, &worker->work.link);
}

struct thread *ring_worker_take(struct ring *ring)
{
    struct list *link = ring->free.next;

    if (link == &ring->free)
        return NULL;
    list_unlink(link);
    list_init(link);
    return container_of(link, struct thread, work.link);
}

/* ---- the lead ---- */

/* Who could take the call now and no other before it is answered, or NULL. */
static inline struct thread *only_server(const struct endpoint *endpoint)
{
    return endpoint->serving.server_count == 1 ? endpoint->ready : NULL;
}

/* The worker calls, and the server, which has waited, has the call: the words of the entry. */
SMALL static void call(struct thread *worker, struct thread *server, uint64_t operation, const uint64_t *entry)
{
    const uint64_t words[RING_WORDS] = {ring_word(entry, 2), ring_word(entry, 3), ring_word(entry, 4),
                                        ring_word(entry, 5), ring_word(entry, 6), ring_word(entry, 7)};

    worker->stop = THREAD_CALLING;
    worker->calls.callee = server;
    worker->calls.reply = NULL;
    arch_context_set(&worker->context, REGISTER_A7, operation);
    thread_wait_until(worker, DEADLINE_NEVER);
    server->stop = THREAD_RUNS;
    server->depth = 1;
    server->calls.caller = worker;
    arch_context_deliver(&server->context, WK_RECEIVED(WK_MESSAGE_KIND_CALL, 0), operation, worker->calls.badge, words);
}

SMALL bool ring_call_at_once(struct ring *ring, uint64_t word0, uint64_t word1, const uint64_t *entry)
{
    struct thread *worker = ring->executor;
    const struct session *session;
    struct thread *server;

    if (ring_is_special(ring, word0) || (hart_current()->attention.any & ATTENTION_AT_ONCE) != ATTENTION_IN_RING ||
        thread_state(worker, HINDERED_BY_DEADLINE) != THREAD_OBSTACLES(THREAD_CREATED, HINDERED_BY_SPACE) ||
        worker->budget == NULL || worker->budget->hart->payer == worker) /* so it is UNPLACED: INV-SCHED-1 */
        return false;
    session = session_to_call(worker, WK_RING_HANDLE(word0));
    if (session == NULL)
        return false;
    server = only_server(session->endpoint);
    if (server == NULL)
        return false;
    meter_entry_begins(worker);
    session->endpoint->ready = NULL;
    worker->calls.badge = session->badge;
    call(worker, server, WK_RING_OPERATION(word0), entry);
    schedule_place(worker);
    ring_become_pending(ring, WK_RING_TAG(word1));
    ring->lead = worker;
    ring->lead_word0 = word0;
    meter_entry_done(worker);
    return true;
}

/* ---- those that follow ---- */

/* The worker keeps that call until the one behind which it stands is answered. */
static inline void follow(struct thread *worker, const uint64_t *entry, uint64_t word0, uint64_t word1)
{
    worker->work.state = RING_WORK_PENDING | RING_WORK_FOLLOWS | word1;
    worker->calls.badge = word0;
    arch_context_set(&worker->context, REGISTER_A1, ring_word(entry, 2));
    arch_context_set(&worker->context, REGISTER_A1 + 1, ring_word(entry, 3));
    arch_context_set(&worker->context, REGISTER_A1 + 2, ring_word(entry, 4));
    arch_context_set(&worker->context, REGISTER_A1 + 3, ring_word(entry, 5));
    arch_context_set(&worker->context, REGISTER_A1 + 4, ring_word(entry, 6));
    arch_context_set(&worker->context, REGISTER_A1 + 5, ring_word(entry, 7));
    arch_context_set(&worker->context, REGISTER_A7, 0);
}

/* Workers become part of another list as they stand: from the first of a list to the one before `end`. */
static inline void move_first(struct list *from, struct list *end, struct list *to)
{
    struct list *first = from->next, *last = end->previous;

    if (first == end)
        return;
    from->next = end;
    end->previous = from;
    first->previous = to->previous;
    to->previous->next = first;
    last->next = to;
    to->previous = last;
}

uint64_t ring_take_following(struct ring *ring, uint64_t most)
{
    const uint64_t *entry = ring->entries.at;
    const uint64_t word0 = ring->lead_word0;
    struct list *link = &ring->executor->work.link;
    uint64_t left = most = ring_in_one_piece(&ring->entries, most);

    list_prepend(&ring->free, link);
    do {
        const uint64_t word1 = ring_word(entry, 1);

        if (ring_word(entry, 0) != word0 || word1 >> 32 != 0)
            break;
        follow(container_of(link, struct thread, work.link), entry, word0, word1);
        link = link->next;
        entry += WORDS_OF_MESSAGE;
    } while (--left != 0 && link != &ring->free);
    move_first(&ring->free, link, &ring->lead->work.link);
    ring->executor = ring_worker_take(ring);
    ring->owed += most - left;
    ring_advance(ring, &ring->entries, most - left);
    return most - left;
}

/* Whether what the thread called by is still there: the capability is the same, and the session is live. */
static inline bool still_may_call(const struct thread *caller)
{
    const struct capability *slot = caller->call_slot.slot;

    return slot->key == caller->call_slot.key && slot->object->state == OBJECT_LIVE;
}

/* The completion is written, and can be read: one that has all words. */
static inline void complete(struct ring *ring, uint64_t tag, uint64_t status, const uint64_t words[RING_WORDS])
{
    const uint64_t index = ring->completions.index + 1;
    uint64_t *message = ring->completions.at;

    message[0] = status;
    message[1] = tag;
    for (unsigned i = 0; i < RING_WORDS; i++)
        message[2 + i] = words[i];
    ring->completions.index = index;
    ring->completions.at = message + WORDS_OF_MESSAGE;
    ring_write_completed(ring, index);
    if (ring->completions.at == ring->completions.end)
        ring_begin_piece(ring, &ring->completions);
}

/* The worker's message has been passed on: it is free. */
static inline void let_go(struct ring *ring, struct thread *worker)
{
    worker->work.state = 0;
    ring->owed--;
    list_unlink(&worker->work.link);
    if (ring->executor == NULL)
        list_init(&worker->work.link);
    ring_worker_free(ring, worker);
}

/* The same is in arch/riscv/fast.inc, for builds without checks and the status 0. */
SMALL const struct thread *ring_answer_at_once(struct thread *caller, const uint64_t words[RING_WORDS], uint64_t status)
{
    struct thread *next = container_of(caller->work.link.next, struct thread, work.link);
    struct ring *ring = caller->work.ring;

    if (caller->obstacles != THREAD_OBSTACLES(THREAD_CALLING, HINDERED_BY_SPACE) || !next->work.follows ||
        next->obstacles != THREAD_OBSTACLES(THREAD_CREATED, HINDERED_BY_SPACE) ||
        ring->completions.index + 1 >= ring->tells_at || !still_may_call(caller))
        return NULL;
    complete(ring, caller->work.tag, status, words);
    caller->work.tag = next->work.tag;
    let_go(ring, next);
    return next;
}

/* Whether the thread that waits for completions has them with one more. */
static inline bool is_enough(const struct ring *ring)
{
    return ring->owed == 1 || ring_unread(ring) + UINT64_C(1) >= ring->wanted;
}

SMALL bool ring_finish_at_once(struct hart *hart, struct thread *caller)
{
    struct thread *server = hart->current;
    struct ring *ring = caller->work.ring;
    struct event *ready = &ring->ready;
    struct thread *waiter = container_of(ready->waiters.next, struct thread, wait_link);

    if (hart->payer != caller || caller->obstacles != THREAD_OBSTACLES(THREAD_CALLING, HINDERED_BY_SPACE) ||
        !list_is_empty(&caller->work.link) || ring_is_dead(ring) || ring->doorbell.event != NULL ||
        ring->chain == caller || ready->waiter_count == 0 || !is_enough(ring) || !schedule_go_on_with(hart, waiter))
        return false;
    caller->stop = THREAD_CREATED;
    caller->calls.callee = NULL;
    caller->work.is_pending = false;
    ring->owed--;
    if (ring->lead == caller)
        ring->lead = NULL;
    complete(ring, caller->work.tag, WK_MESSAGE_HIGH(hart->invocation.operation), hart->invocation.arguments);
    ring->tells_at = UINT64_MAX;
    ring_worker_free(ring, caller);
    server->stop = THREAD_RECEIVING;
    endpoint_of_server(server)->ready = server;
    waiter->stop = THREAD_RUNS;
    waiter->wait_event = NULL;
    ready->waiter_count = 0;
    list_remove(&waiter->wait_link);
    arch_context_answer_late(&waiter->context, WK_OK, 0);
    return true;
}
