/* SPDX-License-Identifier: MIT */
/*
 * Calls of a ring that follow one another. A server that is passive and its endpoint's only one takes a call, answers it, and takes
 * the next. So of the calls that a ring makes by one session one is made, the lead; those behind it are held by their
 * workers, as linked entries are, and are in no queue. When the lead is answered its worker goes on with the message of the
 * first that follows: nobody is woken, queued, chosen or charged, for it is the same thread that calls, and pays if it did. Where
 * anything is not so simple, what follows is executed when the lead is done, as an entry. Guarded by the kernel lock.
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

/* The worker keeps that call until the one behind which it stands is answered. */
static inline void follow(struct thread *front, struct thread *worker, const uint64_t *entry, uint64_t word0,
                          uint64_t word1)
{
    ring_take_over(worker, WK_RING_TAG(word1));
    worker->work.follows = true;
    worker->calls.badge = word0;
    arch_context_set(&worker->context, REGISTER_A1, ring_word(entry, 2));
    arch_context_set(&worker->context, REGISTER_A1 + 1, ring_word(entry, 3));
    arch_context_set(&worker->context, REGISTER_A1 + 2, ring_word(entry, 4));
    arch_context_set(&worker->context, REGISTER_A1 + 3, ring_word(entry, 5));
    arch_context_set(&worker->context, REGISTER_A1 + 4, ring_word(entry, 6));
    arch_context_set(&worker->context, REGISTER_A1 + 5, ring_word(entry, 7));
    arch_context_set(&worker->context, REGISTER_A7, 0);
    list_append(&front->work.link, &worker->work.link);
}

uint64_t ring_take_following(struct ring *ring, uint64_t most)
{
    const uint64_t *entry = ring_message(ring, &ring->entries);
    const uint64_t word0 = ring->lead_word0;
    struct thread *worker = ring->executor;
    uint64_t left = most = ring_in_one_piece(&ring->entries, most);

    do {
        const uint64_t word1 = ring_word(entry, 1);

        if (ring_word(entry, 0) != word0 || word1 >> 32 != 0)
            break;
        follow(ring->lead, worker, entry, word0, word1);
        worker = ring_worker_take(ring);
        entry += WORDS_OF_MESSAGE;
    } while (--left != 0 && worker != NULL);
    ring->executor = worker;
    ring->entries.index += most - left;
    ring->owed += most - left;
    return most - left;
}

/* Whether what the thread called by is still there: the capability is the same, and the session is live. */
static inline bool still_may_call(const struct thread *caller)
{
    const struct capability *slot = caller->call_slot.slot;

    return slot->key == caller->call_slot.key && slot->object->state == OBJECT_LIVE;
}

/* Whether anybody has to be told of one more completion. */
static inline bool is_awaited(const struct ring *ring)
{
    return ring->doorbell.event != NULL ||
           (ring->ready.waiter_count != 0 && ring_unread(ring) + UINT64_C(1) >= ring->wanted);
}

/* The completion is written, and can be read: one that has all words. */
static inline void complete(struct ring *ring, uint32_t tag, uint64_t status, uint64_t word0, uint64_t word1,
                            uint64_t word2, uint64_t word3, uint64_t word4, uint64_t word5)
{
    uint64_t *message = ring_message(ring, &ring->completions);

    message[0] = status;
    message[1] = tag;
    message[2] = word0;
    message[3] = word1;
    message[4] = word2;
    message[5] = word3;
    message[6] = word4;
    message[7] = word5;
    ring->completions.index++;
    ring_write_completed(ring);
}

/* The worker's message has been passed on: it is free. */
static inline void let_go(struct ring *ring, struct thread *worker)
{
    worker->work.is_pending = false;
    worker->work.follows = false;
    ring->owed--;
    list_unlink(&worker->work.link);
    list_init(&worker->work.link);
    ring_worker_free(ring, worker);
}

/* Keeps the message for the usual way. */
static NOINLINE const struct thread *refuse(const struct thread *caller, uint64_t word0, uint64_t word1, uint64_t word2,
                                            uint64_t word3, uint64_t word4, uint64_t word5, uint64_t operation)
{
    struct invocation *invocation = &hart_current()->invocation;
    uint64_t *words = invocation->arguments;

    (void)caller;
    invocation->operation = operation;
    words[0] = word0;
    words[1] = word1;
    words[2] = word2;
    words[3] = word3;
    words[4] = word4;
    words[5] = word5;
    return NULL;
}

const struct thread *ring_answer_at_once(struct thread *caller, uint64_t word0, uint64_t word1, uint64_t word2,
                                         uint64_t word3, uint64_t word4, uint64_t word5, uint64_t operation)
{
    struct thread *next = container_of(caller->work.link.next, struct thread, work.link);
    struct ring *ring = caller->work.ring;

    if (caller->obstacles != THREAD_OBSTACLES(THREAD_CALLING, HINDERED_BY_SPACE) || !next->work.follows ||
        next->obstacles != THREAD_OBSTACLES(THREAD_CREATED, HINDERED_BY_SPACE) || ring_is_dead(ring) ||
        is_awaited(ring) || !still_may_call(caller))
        return refuse(caller, word0, word1, word2, word3, word4, word5, operation);
    complete(ring, caller->work.tag, WK_MESSAGE_HIGH(operation), word0, word1, word2, word3, word4, word5);
    caller->work.tag = next->work.tag;
    let_go(ring, next);
    return next;
}

/* Whether the thread that waits for completions has them with one more. */
static inline bool is_enough(const struct ring *ring)
{
    return ring->owed == 1 || ring_unread(ring) + UINT64_C(1) >= ring->wanted;
}

bool ring_finish_at_once(struct hart *hart, struct thread *caller)
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
    ring_end_pending(ring, caller, WK_MESSAGE_HIGH(hart->invocation.operation), hart->invocation.arguments);
    ring_worker_free(ring, caller);
    ring_write_completed(ring);
    server->stop = THREAD_RECEIVING;
    endpoint_of_server(server)->ready = server;
    waiter->stop = THREAD_RUNS;
    waiter->wait_event = NULL;
    ready->waiter_count = 0;
    list_remove(&waiter->wait_link);
    arch_context_answer_late(&waiter->context, WK_OK, 0);
    return true;
}
