/* SPDX-License-Identifier: MIT */
/*
 * A ring's poller: a worker whose operation it is to take entries as they come. It has no stack and no user code; it is
 * scheduled as any thread, on the ring's budget, and each of its steps takes what one hold of the kernel lock allows. When
 * there is nothing it makes room for its equals. After a while it sleeps, by the protocol of winkle/ring_memory.h, and
 * whoever enters the ring wakes it. If there is something that it cannot take, nobody tells it when it can: it rests, and looks
 * now and then. Guarded by the kernel lock.
 */
#include "handlers.h"
#include "ring_parts.h"
#include "schedule.h"

#define AWAKE UINT64_MAX /* of idle_since_ns: it has found something last */
#define LOOK_NS 100000   /* as the interface says */

static bool rests(const struct ring *ring)
{
    return ring->poller->operation.step == NULL;
}

/* Says in the ring whether it sleeps: an odd number if it does. The fence stands between the store of `sleeps` and a last look at
 * the index, as its counterpart does between the producer's store of the index and its look at `sleeps`: one of the two sees
 * the other's store. */
static void say(struct ring *ring, bool is_asleep)
{
    uint32_t *flag = &ring->entries.kernel_line->sleeps;

    if (ring_is_dead(ring))
        return;
    ring->sleeps += (ring->sleeps % 2 == 1) != is_asleep;
    wk_ring_store(flag, ring->sleeps);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* It takes nothing until it is woken, or until then. */
static enum wk_status rest(struct thread *poller, uint64_t until_ns)
{
    thread_arm(poller, until_ns);
    poller->stop |= THREAD_WAITING; /* unqueued by the end of its operation */
    return WK_OK;
}

/* It takes nothing more until it is woken; or, if there is to be none, it is a worker like others from now on. A suspended one is
 * woken by `process: resume`, for its entries may have come while it said that it is awake. */
static enum wk_status stop(struct ring *ring)
{
    struct thread *worker = ring->poller;

    say(ring, true);
    if (ring->idle_ns != 0 || ring_is_suspended(ring))
        return rest(worker, DEADLINE_NEVER);
    ring->poller = NULL;
    worker->stop |= THREAD_CREATED;
    ring_worker_free(ring, worker);
    return WK_OK;
}

/* It is to sleep, unless an entry comes meanwhile; one that ends has said so before it looked. */
static enum wk_status fall_asleep(struct ring *ring)
{
    say(ring, true);
    if (!ring_is_dead(ring) && ring_has_entries(ring) && ring->idle_ns != 0) {
        say(ring, false);
        return WK_CONTINUE;
    }
    return stop(ring);
}

/* Entries are there, which could not be taken, or have come meanwhile. */
static enum wk_status look_later(struct ring *ring)
{
    const uint64_t before = ring->entries.index;
    uint64_t wanted = UINT64_MAX;

    if (ring_take(ring, &wanted) == WK_OK && ring->entries.index == before)
        return rest(ring->poller, arch_time_ns() + LOOK_NS);
    ring->idle_since_ns = AWAKE;
    return WK_CONTINUE;
}

/* Nothing could be taken. Whether it has been so for long enough. */
static bool is_tired(struct ring *ring)
{
    const uint64_t now_ns = arch_time_ns();

    if (ring->idle_since_ns == AWAKE)
        ring->idle_since_ns = now_ns;
    return now_ns - ring->idle_since_ns >= ring->idle_ns;
}

static enum wk_status poll_step(struct operation *operation)
{
    struct thread *poller = operation->thread;
    struct ring *ring = poller->work.ring;
    const uint64_t before = ring->entries.index;
    uint64_t wanted = UINT64_MAX;
    enum wk_status status = ring_check_alive(ring);

    if (poller->stop & THREAD_ENDED)
        return WK_NO_ANSWER;
    if (ring->idle_ns == 0)
        say(ring, true); /* who submits from now on enters; what was submitted before is taken */
    if (status == WK_OK)
        status = ring_take(ring, &wanted);
    if (status != WK_OK && status != WK_CONTINUE)
        return stop(ring); /* what is wrong is told to who enters */
    if (ring->entries.index != before) {
        ring->idle_since_ns = AWAKE;
        return WK_CONTINUE;
    }
    if (status == WK_OK && is_tired(ring))
        return ring->idle_ns != 0 && ring_has_entries(ring) ? look_later(ring) : fall_asleep(ring);
    schedule_yield(poller);
    return operation_poll();
}

void ring_poller_wake(struct ring *ring)
{
    if (!rests(ring))
        return;
    ring->idle_since_ns = AWAKE;
    ring_poller_go_on(ring);
}

void ring_poller_go_on(struct ring *ring)
{
    say(ring, false);
    operation_begin(&ring->poller->operation, poll_step, NULL);
    thread_clear_stop(ring->poller, THREAD_WAITING | THREAD_CREATED);
}

enum wk_status ring_poll(struct invocation *invocation, struct ring *ring, const struct wk_ring_poll_in *in)
{
    (void)invocation;
    if (in->idle != 0 && ring->poller == NULL && list_is_empty(&ring->free))
        return WK_BUSY;

    op_commit();
    ring_forget_target(ring);
    ring->idle_ns = in->idle;
    if (ring->poller == NULL && in->idle != 0)
        ring->poller = ring_worker_take(ring);
    if (ring->poller != NULL)
        ring_poller_wake(ring);
    return WK_OK;
}
