/* SPDX-License-Identifier: MIT */
/*
 * Kernel rings: how they are made and how they end. Guarded by the kernel lock. Invariants: see ring.h.
 *
 * A ring is made with all that it will ever need: its memory is pinned, and for each operation that can be pending it has
 * a *worker*, a thread of its process without user code. An entry is executed as an invocation by a worker; if the
 * operation waits, or is a long one, the worker is that operation until it ends, with all that threads have: a place in
 * queues, a deadline, a budget, calls with loans, an end with its process. So whatever holds for invocations by trap holds for
 * entries, and nobody who serves a call sees a difference. Rejected: a record of its own for pending operations, smaller, but with
 * everything that calls and waits do to threads once more.
 *
 * Workers are made and ended by steps. A ring whose memory is taken away is dead; what is pending goes on, and its
 * completions are dropped.
 */
#include "ring.h"

#include "assert.h"
#include "bank.h"
#include "budget.h"
#include "handlers.h"
#include "memory.h"
#include "process.h"
#include "ring_parts.h"
#include "schedule.h"

_Static_assert(sizeof(struct ring_work) <= sizeof(struct memory_pin), "a thread does not grow by it");
_Static_assert(offsetof(struct ring_work, no_pin) == offsetof(struct memory_pin, memory), "a worker has no frame");

static struct ring *ring_of(struct object *object)
{
    return container_of(object, struct ring, object);
}

static uint64_t ring_bytes(uint64_t entries, uint64_t completions)
{
    return 2 * WK_RING_HEADER_BYTES + (entries + completions) * WK_RING_MESSAGE_BYTES;
}

static bool is_power_of_two(uint64_t number)
{
    return (number & (number - 1)) == 0;
}

static void pages_revoked(struct memory_pin *pin)
{
    struct ring *ring = container_of(pin, struct ring, pin);

    ring_forget_target(ring);
    ring->tells_at = 0; /* INV-RING-6 */
    ring_wait_end(ring, WK_REVOKED);
}

/* ---- making one ---- */

static void side_init(struct ring_side *side, struct ring *ring, uint64_t offset, uint64_t mask)
{
    side->kernel_line = (void *)(ring->pages[offset / WK_PAGE_BYTES] + offset % WK_PAGE_BYTES);
    offset += WK_RING_LINE_BYTES;
    side->user_line = (void *)(ring->pages[offset / WK_PAGE_BYTES] + offset % WK_PAGE_BYTES);
    side->first = offset / WK_RING_MESSAGE_BYTES + 1;
    side->mask = mask;
}

void ring_begin_piece(const struct ring *ring, struct ring_side *side)
{
    const uint64_t index = side->index & side->mask, place = side->first + index;
    const uint64_t in_ring = side->mask + 1 - index, in_page = MESSAGES_PER_PAGE - place % MESSAGES_PER_PAGE;

    side->at =
        (uint64_t *)(void *)ring->pages[place / MESSAGES_PER_PAGE] + place % MESSAGES_PER_PAGE * WORDS_OF_MESSAGE;
    side->end = side->at + (in_ring < in_page ? in_ring : in_page) * WORDS_OF_MESSAGE;
}

/* All pages are pinned: says where in them what is. */
static void lay_out(struct ring *ring)
{
    struct ring_side *entries = &ring->entries;
    struct wk_ring_line *producer;

    side_init(entries, ring, 0, entries->mask);
    producer = entries->kernel_line; /* of entries, the kernel is the consumer */
    entries->kernel_line = entries->user_line;
    entries->user_line = producer;
    side_init(&ring->completions, ring, ring_bytes(entries->mask + 1, 0) - WK_RING_HEADER_BYTES,
              ring->completions.mask);
    ring_begin_piece(ring, entries);
    ring_begin_piece(ring, &ring->completions);
}

static void make_worker(struct ring *ring, struct thread *worker)
{
    worker->is_worker = true;
    worker->work.ring = ring;
    worker->call_deadline_ns = DEADLINE_NEVER;
    worker->hindrance |= HINDERED_BY_SPACE; /* nothing goes straight to it: it has no user code */
    list_init(&worker->work.link);
    list_append(&ring->workers, &worker->calls.ring_link);
    ring->worker_count++;
    ring_worker_free(ring, worker);
}

/* What has been made of it goes. */
static enum wk_status make_failed(struct operation *operation, struct ring *ring, enum wk_status status)
{
    operation->result = 0;
    if (ring->object.state != OBJECT_DYING)
        object_condemn(&ring->object, operation);
    return object_dismantle_then(operation, status);
}

/* cursor: 0 pages, 1 workers, still to be made; 2 the priority of these at most. other: their budget. */
static enum wk_status ring_make_step(struct operation *operation)
{
    struct ring *ring = ring_of(operation->object);
    struct budget *budget = container_of(operation->other, struct budget, object);
    enum wk_status status = WK_OK;

    if (ring->object.state == OBJECT_DYING || ring_is_dead(ring) || !object_is_live(&budget->object) ||
        ring->process->state >= WK_PROCESS_STATE_ENDING) {
        status = WK_REVOKED;
    } else if (operation->cursor[0] != 0) {
        status = memory_pin_next(&ring->pin);
        if (status == WK_OK)
            operation->cursor[0]--;
    } else if (operation->cursor[1] != 0) {
        const uint64_t priority = operation->cursor[2] < budget->priority ? operation->cursor[2] : budget->priority;
        struct thread *worker = thread_make(ring->process, (uint8_t)priority, budget, ring->object.bank);

        if (worker == NULL)
            return make_failed(operation, ring, WK_NO_MEMORY);
        make_worker(ring, worker);
        operation->cursor[1]--;
    } else {
        for (uint32_t page = 0; page < ring->pin.pages; page++)
            ring->pages[page] = memory_pin_pointer(&ring->pin, page);
        lay_out(ring);
        ring->object.state = OBJECT_LIVE;
        return WK_OK;
    }
    return status == WK_OK ? WK_CONTINUE : make_failed(operation, ring, status);
}

/* What entries' operations run on, or NULL. */
static struct budget *budget_for(const struct invocation *invocation, const struct capability *budget)
{
    return budget == NULL ? invocation->thread->budget : container_of(budget->object, struct budget, object);
}

static void begin_making(struct ring *ring, const struct invocation *invocation, const struct wk_ring_create_in *in,
                         struct budget *budget)
{
    struct operation *operation = &invocation->thread->operation;
    const uint64_t bytes = ring_bytes(in->entries, in->completions);

    ring->object.state = OBJECT_MAKING;
    operation_begin(operation, ring_make_step, &ring->object);
    operation_also(operation, &budget->object);
    operation->cursor[0] = (bytes + WK_PAGE_BYTES - 1) / WK_PAGE_BYTES - 1;
    operation->cursor[1] = in->pending + 1; /* one for those that do not wait */
    operation->cursor[2] = invocation->thread->own_priority;
}

static enum wk_status check_sizes(struct invocation *invocation, const struct memory *memory,
                                  const struct wk_ring_create_in *in)
{
    const uint64_t bytes = ring_bytes(in->entries, in->completions);

    if (bytes > memory->pages * WK_PAGE_BYTES || bytes > WK_RING_PAGES_MAX * WK_PAGE_BYTES)
        return invocation_bad_argument(invocation, 1);
    if (!is_power_of_two(in->entries))
        return invocation_bad_argument(invocation, 2);
    return is_power_of_two(in->completions) ? WK_OK : invocation_bad_argument(invocation, 3);
}

enum wk_status ring_create(struct invocation *invocation, struct bank *bank, struct capability *memory_capability,
                           struct capability *budget_capability, const struct wk_ring_create_in *in,
                           struct wk_ring_create_out *out)
{
    struct memory *memory = container_of(memory_capability->object, struct memory, object);
    struct budget *budget = budget_for(invocation, budget_capability);
    enum wk_status status = check_sizes(invocation, memory, in);
    struct ring *ring;

    if (status == WK_OK && budget == NULL)
        status = WK_NO_BUDGET;
    if (status == WK_OK)
        status = capability_reserve(&invocation->process->table, invocation->process);
    if (status != WK_OK)
        return status;
    ring = object_create(WK_TYPE_RING, sizeof *ring, bank);
    if (ring == NULL)
        return WK_NO_MEMORY;
    status = memory_pin_page(memory, 0, &ring->pin, pages_revoked);
    if (status != WK_OK) {
        object_abandon(&ring->object);
        return status;
    }

    op_commit();
    ring->process = invocation->process;
    object_reference(&ring->process->object);
    ring->invocation.process = ring->process;
    ring->entries.mask = in->entries - 1;
    ring->completions.mask = in->completions - 1;
    ring->timeout_ns = DEADLINE_NEVER;
    ring->tells_at = UINT64_MAX;
    ring_forget_target(ring);
    list_init(&ring->free);
    list_init(&ring->workers);
    list_init(&ring->ready.waiters);
    event_binding_init(&ring->doorbell);
    out->ring = capability_handle(capability_make(invocation->process, &ring->object, WK_RIGHTS_ALL, NULL));
    begin_making(ring, invocation, in, budget);
    invocation->thread->operation.result = out->ring;
    return WK_CONTINUE;
}

/* ---- its end ---- */

/* The workers go first: they come before it in the operation's list. */
enum wk_status ring_dismantle(struct object *object, struct operation *operation)
{
    struct ring *ring = ring_of(object);

    if (ring->ready.waiter_count != 0)
        ring_wait_end(ring, WK_REVOKED);
    memory_unpin(&ring->pin);
    ring->tells_at = 0; /* INV-RING-6 */
    event_unbind(&ring->doorbell);
    if (!list_is_empty(&ring->workers)) {
        object_condemn(&container_of(ring->workers.next, struct thread, calls.ring_link)->object, operation);
        return WK_CONTINUE;
    }
    object_unreference(&ring->process->object);
    return WK_OK;
}

enum wk_status ring_bind(struct invocation *invocation, struct ring *ring, struct capability *event,
                         const struct wk_ring_bind_in *in)
{
    (void)invocation;

    op_commit();
    event_unbind(&ring->doorbell);
    if (event != NULL)
        event_bind(&ring->doorbell, container_of(event->object, struct event, object), in->bits);
    ring->rung = 0;
    ring->tells_at = 0; /* INV-RING-6 */
    ring_forget_target(ring);
    return WK_OK;
}
