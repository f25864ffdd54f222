/* SPDX-License-Identifier: MIT */
/*
 * What is invoked on a ring: to enter it, which takes entries as far as one hold of the lock allows, and again and again if
 * nothing else has come up, else in steps of a long operation; to cancel what is pending; and what is invoked by entries only.
 * Guarded by the kernel lock.
 */
#include "handlers.h"
#include "lock.h"
#include "meter.h"
#include "ring_parts.h"
#include "schedule.h"

#define CANCEL_STEP 4
/* Completions that nobody can have before him. */
#define MORE_THAN_ANY (UINT64_C(1) << 32)

/* The capability by which the thread entered, if it is still there. */
static bool find_way_in(const struct thread *thread, uint64_t handle, const struct ring *ring, struct slot_cache *by)
{
    const struct capability *capability = capability_find(&thread->process->table, handle);

    if (capability == NULL || capability->object != &ring->object || !capability_is_usable(capability))
        return false;
    slot_cache_fill(by, handle, capability);
    return true;
}

/* The thread, which runs, waits for completions, and the hart goes straight to who serves the lead, if it is that one's turn. False:
 * nothing has changed. */
static bool wait_at_once(struct ring *ring, struct thread *thread, uint64_t handle, uint64_t deadline_ns)
{
    struct event *ready = &ring->ready;

    if (ring->lead == NULL || thread->operation.step != NULL || !schedule_go_on_for(hart_current(), ring->lead))
        return false;
    thread->stop = THREAD_WAITING;
    thread->wait_mask = 1;
    thread->wait_handle = handle;
    thread->wait_event = ready;
    thread_arm(thread, deadline_ns);
    list_append(&ready->waiters, &thread->wait_link);
    ready->waiter_count = 1;
    return true;
}

/* All that could be taken has been: waits for completions, if that is wanted. */
static enum wk_status wait_for_completions(struct ring *ring, struct thread *thread, const struct slot_cache *by,
                                           uint64_t wanted, uint64_t deadline_ns)
{
    enum wk_status status;
    uint64_t unread;

    if (wanted == 0 || ring->owed == 0)
        return WK_OK;
    unread = ring_unread(ring);
    if (unread >= wanted)
        return WK_OK;
    if (!slot_cache_holds(by, by->handle))
        return WK_REVOKED; /* nothing would end the wait */
    status = ring->ready.waiter_count != 0 ? WK_BUSY : event_check_wait(thread, &ring->ready);
    if (status == WK_INTERRUPTED)
        thread->interrupt_latched = false;
    if (status != WK_OK)
        return status;
    ring->wanted = wanted < MORE_THAN_ANY ? wanted : MORE_THAN_ANY;
    if (ring->tells_at != 0)
        ring->tells_at = ring->completions.index - unread + ring->wanted; /* INV-RING-6 */
    if (ring->is_quick)
        ring_forget_target(ring);
    if (wait_at_once(ring, thread, by->handle, deadline_ns))
        return WK_SWITCHED_OK;
    return event_begin_wait(thread, &ring->ready, by->handle, 1, deadline_ns);
}

/* cursor: 0 entries to be taken, 1 completions to wait for, 2 the deadline of that, 3 the ring's handle. */
static enum wk_status enter_step(struct operation *operation)
{
    struct ring *ring = container_of(operation->object, struct ring, object);
    enum wk_status status = ring_check_alive(ring);
    struct slot_cache by;

    if (operation->thread->stop & (THREAD_ENDED | THREAD_SUSPENDED) || status == WK_WOULD_BLOCK)
        return WK_OK; /* others may see to it that there is always something to take */
    if (status == WK_OK && !find_way_in(operation->thread, operation->cursor[3], ring, &by))
        status = WK_REVOKED;
    if (status == WK_OK)
        status = ring_take(ring, &operation->cursor[0]);
    if (status != WK_OK)
        return status;
    return wait_for_completions(ring, operation->thread, &by, operation->cursor[1], operation->cursor[2]);
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

enum wk_status ring_enter_any(struct invocation *invocation, struct ring *ring, uint64_t wanted, uint64_t completions,
                              uint64_t deadline_ns)
{
    struct operation *operation = &invocation->thread->operation;
    struct slot_cache by;
    enum wk_status status;

    slot_cache_fill(&by, invocation->handle, invocation->capability);
    if (ring->poller != NULL && ring_check_alive(ring) == WK_OK)
        ring_poller_wake(ring);
    status = take_at_once(ring, &wanted);
    if (status == WK_OK)
        return wait_for_completions(ring, invocation->thread, &by, completions, deadline_ns);
    if (status != WK_CONTINUE)
        return status == WK_WOULD_BLOCK ? WK_OK : status;
    operation_begin(operation, enter_step, &ring->object);
    operation->cursor[0] = wanted;
    operation->cursor[1] = completions;
    operation->cursor[2] = deadline_ns;
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

/* Ends what the worker waits for, or that it is to be executed. False: it is in the midst of a long operation, or done. */
static bool cancel(struct thread *worker)
{
    const bool is_to_start = ring_is_to_start(worker);
    const bool is_held = ((worker->stop & THREAD_CREATED) != 0 || is_to_start) && !worker->work.fails;

    if (worker->operation.step != NULL && !is_to_start)
        return false;
    if (worker->stop & THREAD_WAITS)
        thread_wait_end(worker, WK_CANCELLED);
    else if (worker->work.follows)
        ring_held_ends(worker, WK_CANCELLED);
    else if (is_held)
        worker->work.fails = true;
    else
        return false;
    return true;
}

/* cursor: 0 workers still to be looked at, 1 the tag. */
static enum wk_status cancel_step(struct operation *operation)
{
    struct ring *ring = container_of(operation->object, struct ring, object);

    for (unsigned i = 0; i < CANCEL_STEP; i++) {
        struct thread *worker;

        if (operation->cursor[0]-- == 0 || list_is_empty(&ring->workers)) {
            ring->is_walked = false;
            return WK_OK;
        }
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
    if (ring->is_walked)
        return WK_BUSY;

    op_commit();
    ring->is_walked = true;
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
    if (thread->stop & THREAD_ENDED)
        return WK_REVOKED; /* as with event: wait */

    op_commit();
    arch_context_prepare_answer(&thread->context);
    thread_arm(thread, in->until);
    thread_set_stop(thread, THREAD_WAITING);
    return WK_WAITS;
}
