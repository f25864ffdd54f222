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

struct thread *ring_hold(struct ring *ring, struct thread *front, uint64_t word0, uint64_t word1,
                         const uint64_t words[RING_WORDS])
{
    struct thread *worker = ring->executor;

    ring_become_pending(ring, WK_RING_TAG(word1));
    for (unsigned i = 0; i < RING_WORDS; i++)
        arch_context_set(&worker->context, REGISTER_A1 + i, ring_word(words, i));
    arch_context_set(&worker->context, REGISTER_A7, word1 >> 32);
    worker->calls.badge = word0;
    list_append(&front->work.link, &worker->work.link);
    return worker;
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
           (ring->ready.waiter_count != 0 && ring_unread(ring) + 1 >= (uint32_t)ring->wanted);
}

bool ring_answer_at_once(struct hart *hart, struct thread *caller)
{
    struct thread *server = hart->current;
    struct thread *next = container_of(caller->work.link.next, struct thread, work.link);
    struct ring *ring = caller->work.ring;

    if (caller->obstacles != THREAD_OBSTACLES(THREAD_CALLING, HINDERED_BY_SPACE) || !next->work.follows ||
        next->obstacles != THREAD_OBSTACLES(THREAD_CREATED, HINDERED_BY_SPACE) || ring_is_dead(ring) ||
        is_awaited(ring) || !still_may_call(caller))
        return false;

    ring_complete(ring, caller->work.tag, WK_MESSAGE_HIGH(hart->invocation.operation), hart->invocation.arguments,
                  RING_WORDS);
    ring_write_indices(ring);
    ring->owed--;
    caller->work.tag = next->work.tag;
    next->work.is_pending = false;
    next->work.follows = false;
    list_unlink(&next->work.link);
    list_init(&next->work.link);
    ring_worker_free(ring, next);
    endpoint_of_server(server)->owes_call = false;
    arch_context_deliver(&server->context, WK_RECEIVED(WK_MESSAGE_KIND_CALL, 0), message_operation(caller),
                         caller->calls.badge, message_words(next));
    hart->left = server;
    return true;
}
