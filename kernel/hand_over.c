/* SPDX-License-Identifier: MIT */
/*
 * From the thread that runs straight to another: to a more urgent one that a signal, a timer or an interrupt wakes, or to
 * an equal. The one that is left goes into its queue, the other comes out of none or of the same; nothing is chosen. Only
 * where all is simple: the thread that runs pays for itself, nothing else awaits the hart's attention, neither has a
 * deadline. Else nothing has changed, and the usual way is taken: schedule_ready, and the choice. Compiled for speed, and
 * not at link time, so that no prologue is shared.
 */
#include "assert.h"
#include "deadline.h"
#include "endpoint.h"
#include "event.h"
#include "lock.h"
#include "process.h"
#include "ready.h"

/* Whether nothing but the timer has to be looked after when the hart goes to that thread, which is as far as `stop` says. */
static inline bool can_switch_to(const struct hart *hart, const struct thread *next, enum thread_stop stop)
{
    return (hart->attention.any & ATTENTION_AT_ONCE) == 0 &&
           (next->obstacles & THREAD_OBSTACLES(0xff, HINDERED_STRAIGHT)) == THREAD_OBSTACLES(stop, 0) &&
           (next->process->space.harts & hart->bit) != 0;
}

/* Whether the thread can pay on this hart without a deadline. */
static inline bool is_at_home(const struct hart *hart, const struct thread *thread)
{
    const struct budget *budget = thread->budget;

    return budget != NULL && budget->hart == hart && budget->relative_deadline_ns == 0;
}

/* The same for a thread of the hart's own. That no more urgent one is ready follows from attention.reschedule not being set
 * (INV-SCHED-3). */
static inline bool can_go_to(const struct hart *hart, const struct thread *next, enum thread_stop stop)
{
    return can_switch_to(hart, next, stop) && is_at_home(hart, next);
}

/* Whether the thread that runs can be left. */
static inline bool can_be_left(const struct thread *before)
{
    return (before->obstacles & THREAD_OBSTACLES(0xff, HINDERED_STRAIGHT)) == 0;
}

/* Whether it can, and pays for itself without a deadline. */
static inline bool can_be_left_alone(const struct hart *hart, const struct thread *before)
{
    return hart->payer == before && can_be_left(before) && !has_deadline(before);
}

/* Whether the next one can pay, without a look at accounts: the run of the pool on which both draw goes on. */
static inline bool is_paid(const struct hart *hart, const struct thread *next)
{
    return next->budget->pool == hart->pool;
}

/* The hart goes on with a thread, for which that one pays; whoever paid has been charged. */
static inline void go_on_for(struct hart *hart, struct thread *next, struct thread *payer)
{
    hart->left = hart->current;
    hart->payer = payer;
    make_current(hart, next);
}

/* Another pays from now on, for whom more deadlines may count: then the timer is looked at on the way out. */
static inline void count_deadlines(struct hart *hart, const struct thread *payer)
{
    if (deadline_class_of(payer->priority) < deadline_class_of(hart->payer->priority))
        hart->attention.timer_moved = true; /* INV-DEADLINE-3 */
}

/* The same with one that pays for itself. */
static inline enum wk_status go_on_with(struct hart *hart, struct thread *next)
{
    go_on_for(hart, next, next);
    return WK_SWITCHED_OK;
}

/* The thread's wait ends with that answer, and the hart goes on with it instead of what `payer` pays for, if
 * anything. */
static inline enum wk_status wake_before(struct hart *hart, struct thread *payer, struct thread *thread,
                                         enum wk_status status, uint64_t word)
{
    assert_debug(kernel_lock_is_held() && thread->place == THREAD_UNPLACED);
    arch_context_answer_late(&thread->context, status, word);
    thread->stop = 0;
    if (payer != NULL) {
        const unsigned priority = payer->priority;
        struct list *equals = &hart->ready.list[priority];

        __asm__("" : "+r"(equals)); /* one address serves for all */
        payer->place = THREAD_READY;
        list_prepend(equals, &payer->ready_link);
        queue_mark_quickly(&hart->ready, priority);
    }
    return go_on_with(hart, thread);
}

/* The usual way. */
static NOINLINE enum wk_status answer(struct thread *thread, enum wk_status status, uint64_t word)
{
    thread_answer(thread, status, word);
    return WK_OK;
}

/* Until when the account has capacity, if that is simply said: it has room. Not later than now if it is not, or has none. */
static inline uint64_t pays_until(const struct account *account, uint64_t now_ns)
{
    if (!account_has_room(account))
        return 0;
    return account_is_full(account, now_ns) ? DEADLINE_NEVER : account_end(account, now_ns);
}

/* The same as wake_before, if the thread can pay; the run of who paid, which drew on another pool, is charged when the hart has
 * the time (INV-SCHED-8). Else the usual way. */
static NOINLINE enum wk_status wake_if_it_can_pay(struct thread *thread, enum wk_status status, uint64_t word)
{
    struct hart *hart = hart_current();
    struct budget *pool = thread->budget->pool;
    const uint64_t now_ns = arch_time_ns();
    const uint64_t end_ns = pays_until(&pool->account, now_ns);

    if (end_ns <= now_ns || hart->owing != NULL)
        return answer(thread, status, word);
    charge_payer_until(hart, now_ns);
    owe_run(hart);
    hart->pool = pool;
    hart->expiry_ns = end_ns;
    hart->attention.timer_moved = true;
    return wake_before(hart, hart->payer, thread, status, word);
}

enum wk_status thread_answer_at_once(struct thread *thread, enum wk_status status, uint64_t word)
{
    struct hart *hart = hart_current();
    struct thread *payer = hart->payer;

    if (!can_go_to(hart, thread, THREAD_WAITING))
        return answer(thread, status, word);
    if (hart->current == NULL)
        return payer == NULL ? wake_if_it_can_pay(thread, status, word) : answer(thread, status, word);
    if (thread->priority <= payer->priority || !can_be_left(hart->current) || has_deadline(payer))
        return answer(thread, status, word);
    if (!is_paid(hart, thread))
        return wake_if_it_can_pay(thread, status, word);
    charge_payer(hart);
    return wake_before(hart, payer, thread, status, word);
}

/* Takes the only waiter out of an event, with its bits. */
static inline struct thread *take_waiter(struct event *event, uint64_t bits)
{
    struct thread *thread = container_of(event->waiters.next, struct thread, wait_link);
    const uint64_t pending = event->pending | bits;

    thread->wait_mask &= pending;
    event->pending = pending & ~thread->wait_mask; /* INV-EVENT-1 */
    event->waiter_count = 0;
    list_init(&event->waiters);
    list_init(&thread->wait_link);
    thread->wait_event = NULL;
    return thread;
}

enum wk_status event_signal_at_once(struct event *event, uint64_t bits)
{
    struct thread *first = container_of(event->waiters.next, struct thread, wait_link);

    if (event->waiter_count != 1 || event->endpoint != NULL || (first->wait_mask & (event->pending | bits)) == 0) {
        event_signal_bits(event, bits);
        return WK_OK;
    }
    first = take_waiter(event, bits);
    return thread_answer_at_once(first, WK_OK, first->wait_mask);
}

/* Whether the hart would choose `next`, which is woken, when `before` stops; INV-SCHED-3. */
static inline bool comes_next(const struct hart *hart, const struct thread *before, const struct thread *next)
{
    return next->priority > before->priority ||
           (hart->urgent.root == NULL && queue_highest_quickly(&hart->ready) < (int)next->priority);
}

/* Whether the hart can go from a thread that begins to wait to the first waiter of an event. */
static inline bool can_pass_on(const struct hart *hart, const struct thread *before, const struct event *event,
                               uint64_t bits)
{
    const struct thread *first = container_of(event->waiters.next, struct thread, wait_link);

    return event->waiter_count == 1 && event->endpoint == NULL && (first->wait_mask & (event->pending | bits)) != 0 &&
           can_go_to(hart, first, THREAD_WAITING) && can_be_left_alone(hart, before) && comes_next(hart, before, first);
}

/* Whether `next` can pay; who runs has been charged. */
static inline bool pays(struct hart *hart, const struct thread *next)
{
    if (is_paid(hart, next)) {
        charge_payer(hart);
        return true;
    }
    schedule_charge(hart);
    return schedule_can_pay(hart, next);
}

/* The thread waits for the event, as its only waiter. */
static NOINLINE void begin_wait(struct thread *thread, uint64_t handle, struct event *event, uint64_t mask,
                                uint64_t deadline_ns)
{
    thread->wait_mask = mask;
    thread->wait_handle = handle;
    thread_wait_until(thread, deadline_ns);
    list_append(&event->waiters, &thread->wait_link);
    event->waiter_count = 1;
    thread->wait_event = event;
    thread->stop = THREAD_WAITING;
}

SMALL bool event_pass_on(struct invocation *invocation, struct event *event, struct event *other,
                         const struct wk_event_signal_wait_in *in)
{
    struct hart *hart = hart_current();
    struct thread *before = invocation->thread;
    struct thread *next = container_of(other->waiters.next, struct thread, wait_link);

    if (event->waiter_count != 0 || thread_has_to_set(before, in->deadline) ||
        !can_pass_on(hart, before, other, in->bits) || !pays(hart, next))
        return false;
    (void)take_waiter(other, in->bits);
    arch_context_answer_late(&next->context, WK_OK, next->wait_mask);
    next->stop = 0;
    begin_wait(before, invocation->handle, event, in->mask, in->deadline);
    forget_slice(hart, before);
    count_deadlines(hart, next);
    (void)go_on_with(hart, next);
    return true;
}

/* What is left to do when its time has come. */
static NOINLINE void end_wait(struct thread *thread)
{
    deadline_cancel(&thread->wait_deadline);
    if (thread_sleeps(thread))
        (void)thread_answer_at_once(thread, WK_OK, 0);
    else if (thread->stop & THREAD_RECEIVING)
        endpoint_receive_expired(thread);
    else
        thread_wait_end(thread, WK_TIMED_OUT);
}

/* It was set for a wait that has ended, or whose time was put off. */
static NOINLINE void expired_early(struct deadline *deadline, const struct thread *thread)
{
    const bool waits = (thread->stop & THREAD_WAITS) != 0; /* INV-EVENT-5 */

    deadline_set(deadline, deadline->class, waits ? thread->wait_until_ns : DEADLINE_NEVER);
}

void event_wait_expired(struct deadline *deadline, uint64_t now_ns)
{
    struct thread *thread = container_of(deadline, struct thread, wait_deadline);

    if (!(thread->stop & THREAD_WAITS) || thread->wait_until_ns > now_ns) {
        expired_early(deadline, thread);
        return;
    }
    thread_wait_until(thread, DEADLINE_NEVER);
    if (thread_sleeps(thread) && deadline_end_only(deadline))
        (void)thread_answer_at_once(thread, WK_OK, 0);
    else
        end_wait(thread);
}

/* The payer is about to stop: straight to that thread, which is as far as `stop` says and for which `payer` pays. Nobody who is ready
 * is to come first. */
static SMALL NOINLINE bool go_straight(struct hart *hart, struct thread *next, enum thread_stop stop,
                                       struct thread *payer)
{
    if (!can_switch_to(hart, next, stop) || !is_paid(hart, payer))
        return false;
    charge_payer(hart);
    forget_slice(hart, hart->payer);
    count_deadlines(hart, payer);
    go_on_for(hart, next, payer);
    return true;
}

SMALL bool schedule_go_on_with(struct hart *hart, struct thread *next)
{
    return is_at_home(hart, next) && list_is_empty(&hart->ready.list[next->priority]) &&
           !ready_has_before(hart, next->priority) && go_straight(hart, next, THREAD_WAITING, next);
}

/* Whether that thread is ready, the first of its equals, who have their slice if there are others. */
static inline bool is_first(const struct hart *hart, const struct thread *thread)
{
    const struct list *equals = &hart->ready.list[thread->priority];

    return equals->next == &thread->ready_link &&
           (thread->ready_link.next == equals || hart->slice_ns != DEADLINE_NEVER); /* INV-SCHED-4 */
}

SMALL bool event_wait_at_once(const struct invocation *invocation, struct event *event, uint64_t mask,
                              uint64_t deadline_ns)
{
    struct hart *hart = hart_current();
    struct thread *before = invocation->thread;
    int highest = before->priority; /* if an equal is ready: nobody who is more urgent is (INV-SCHED-3) */
    struct thread *next;

    if (list_is_empty(&hart->ready.list[highest]))
        highest = queue_highest_quickly(&hart->ready);
    if (highest == QUEUE_EMPTY || hart->urgent.root != NULL || event->waiter_count != 0 ||
        thread_has_to_set(before, deadline_ns) || !can_be_left_alone(hart, before))
        return false;
    next = container_of(hart->ready.list[highest].next, struct thread, ready_link);
    if (!is_first(hart, next) || next->operation.step != NULL || thread_is_current(next) || !is_at_home(hart, next) ||
        !go_straight(hart, next, THREAD_RUNS, next))
        return false;
    ready_remove(next);
    begin_wait(before, invocation->handle, event, mask, deadline_ns);
    return true;
}

SMALL bool schedule_go_on_for(struct hart *hart, struct thread *caller)
{
    struct thread *server = caller->calls.callee;

    if (caller->obstacles != THREAD_OBSTACLES(THREAD_CALLING, HINDERED_BY_SPACE) || server == NULL ||
        server->operation.step != NULL || thread_is_current(server) || !can_be_left_alone(hart, hart->current) ||
        !is_first(hart, caller) || ready_has_before(hart, caller->priority) ||
        !go_straight(hart, server, THREAD_RUNS, caller))
        return false;
    ready_remove(caller);
    return true;
}

bool schedule_yield_at_once(struct hart *hart)
{
    struct thread *thread = hart->current;
    struct list *equals = &hart->ready.list[thread->priority];
    struct thread *next = container_of(equals->next, struct thread, ready_link);

    if (list_is_empty(equals) || hart->slice_ns == DEADLINE_NEVER || next->operation.step != NULL ||
        thread_is_current(next) || !can_go_to(hart, next, THREAD_RUNS) || !can_be_left_alone(hart, thread) ||
        !is_paid(hart, next))
        return false;
    charge_payer(hart);
    list_unlink(&next->ready_link);
    list_init(&next->ready_link);
    list_append(equals, &thread->ready_link);
    next->place = THREAD_UNPLACED;
    thread->place = THREAD_READY;
    forget_slice(hart, thread);
    (void)go_on_with(hart, next);
    return true;
}
