/* SPDX-License-Identifier: MIT */
/* The checker's walk over rings and their workers. */
#include "ring.h"
#include "census.h"
#include "check.h"
#include "check_parts.h"
#include "memory.h"

/* Members of the list without a head in which an entry and those linked to it stand: each is pending. */
static void check_chain(const struct thread *first)
{
    for (const struct list *link = first->work.link.next; link != &first->work.link; link = link->next) {
        check_link(link);
        CHECK("INV-RING-4", container_of(link, struct thread, work.link)->work.is_pending);
    }
}

/* Calls are held behind it, and it is the first of them. */
static bool is_followed(const struct thread *worker)
{
    return worker->work.is_pending && !worker->work.follows &&
           container_of(worker->work.link.next, struct thread, work.link)->work.follows;
}

static void check_followed(const struct thread *worker)
{
    const struct thread_calls *calls = &worker->calls;
    const bool is_served = (worker->stop & THREAD_CALLING) != 0 && calls->callee != NULL;

    CHECK("INV-RING-5", (worker->stop & THREAD_CALLING) == 0 || calls->reply == NULL);
    CHECK("INV-RING-5",
          !is_served || (calls->callee->budget == NULL && calls->callee->calls.serving->server_count == 1));
    for (const struct list *link = worker->work.link.next; link != &worker->work.link; link = link->next) {
        const struct thread *next = container_of(link, struct thread, work.link);

        CHECK("INV-RING-5", next->work.follows && (next->stop & THREAD_CREATED) != 0);
    }
}

void check_worker(const struct thread *worker)
{
    const struct ring *ring = worker->work.ring;
    const bool is_idle = worker->operation.step == NULL && (worker->stop & THREAD_WAITS) == 0;

    CHECK("ring", worker->work.no_pin == NULL);
    check_link(&worker->work.link);
    if (worker->process == NULL)
        return; /* it has ended */
    if (is_followed(worker))
        check_followed(worker);
    check_link(&worker->calls.ring_link);
    if (worker->work.is_pending)
        check_chain(worker);
    else if (ring->poller != worker)
        CHECK("INV-RING-1", (is_idle && (worker->stop & THREAD_CREATED) != 0) || (worker->stop & THREAD_ENDED) != 0);
    CHECK("INV-RING-1", !worker->work.is_pending || ring->executor != worker);
}

/* Where the next message stands, and up to where what stands in one piece with it. */
static void check_side(const struct ring *ring, const struct ring_side *side)
{
    const uint64_t place = side->first + (side->index & side->mask);
    const char *at =
        ring->pages[place * WK_RING_MESSAGE_BYTES / WK_PAGE_BYTES] + place * WK_RING_MESSAGE_BYTES % WK_PAGE_BYTES;
    const uint64_t left = (side->mask + 1 - (side->index & side->mask)) * WK_RING_MESSAGE_BYTES;
    const uint64_t in_page = WK_PAGE_BYTES - place * WK_RING_MESSAGE_BYTES % WK_PAGE_BYTES;

    CHECK("INV-RING-7",
          (const char *)side->at == at && (const char *)side->end == at + (left < in_page ? left : in_page));
}

/* Whoever waits for completions is told of them in time. */
static void check_telling(const struct ring *ring)
{
    const uint64_t last = ring->completions.index + ring->wanted;

    CHECK("INV-RING-6", ring->tells_at == 0 || (!ring_is_dead(ring) && ring->doorbell.event == NULL));
    CHECK("INV-RING-6", ring->ready.waiter_count == 0 || ring->tells_at <= last);
}

void check_ring(const struct ring *ring)
{
    uint32_t workers = 0, pending = 0, idle = 0;

    if (ring->object.dismantled)
        return;
    idle += ring->executor != NULL;
    idle += ring->poller != NULL;
    census_tally(ring->process)->references++;
    check_binding(&ring->doorbell);
    check_event(&ring->ready);
    CHECK("ring", ring->ready.waiter_count <= 1);
    for (const struct list *link = ring->workers.next; link != &ring->workers; link = link->next) {
        const struct thread *worker = container_of(link, struct thread, calls.ring_link);

        check_link(link);
        CHECK("INV-RING-1", worker->is_worker && worker->work.ring == ring);
        workers++;
        pending += worker->work.is_pending;
    }
    for (const struct list *link = ring->free.next; link != &ring->free; link = link->next) {
        check_link(link);
        CHECK("INV-RING-1", !container_of(link, struct thread, work.link)->work.is_pending);
        idle++;
    }
    CHECK("INV-RING-1", workers == ring->worker_count && workers == pending + idle);
    CHECK("INV-RING-1", ring->executor != NULL || list_is_empty(&ring->free));
    CHECK("INV-RING-2", pending == ring->owed);
    CHECK("INV-RING-4", ring->chain == NULL || ring->chain->work.is_pending);
    CHECK("INV-RING-5", ring->lead == NULL || (ring->lead->work.is_pending && !ring->lead->work.follows));
    check_telling(ring);
    if (ring_is_dead(ring) || ring->object.state != OBJECT_LIVE)
        return;
    check_side(ring, &ring->entries);
    check_side(ring, &ring->completions);
    for (uint32_t page = 0; page < ring->pin.pages; page++)
        CHECK("INV-RING-3", ring->pages[page] == memory_pin_pointer(&ring->pin, page));
}
