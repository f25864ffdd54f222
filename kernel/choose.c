/* SPDX-License-Identifier: MIT */
/*
 * The choice: which payer a hart runs next, who is at the end of its chain, and the switch to that thread; and who is
 * charged for the time until then. See schedule.c for the whole.
 */
#include "assert.h"
#include "config.h"
#include "endpoint.h"
#include "lock.h"
#include "meter.h"
#include "process.h"
#include "ready.h"
#include "trace.h"

/* Nobody runs on for so long when his capacity has ended, unless the machine itself stood still (an emulator's may). That
 * is no debt of his. */
#define OVERRUN_MAX_NS 100000

void schedule_settle(struct hart *hart)
{
    const uint64_t start_ns = hart->owed_ns;
    const uint64_t used_ns = hart->run_ns - start_ns;
    struct account *account;
    uint64_t most_ns;

    if (hart->owing == NULL)
        return;
    if (start_ns < hart->run_ns) {
        meter_event_begins();
        account = &hart->owing->account;
        most_ns = account->capacity_ns + OVERRUN_MAX_NS;
        account_charge(account, start_ns, used_ns < most_ns ? used_ns : most_ns);
        meter_event_done();
    }
    hart->owed_ns = hart->run_ns;
    if (hart->payer != NULL)
        hart->owing = NULL;
}

/* The run of the payer's pool, or of who was taken away, is charged; what comes is another. Requires: the payer has just been
 * charged. */
static void charge_pool(struct hart *hart)
{
    if (hart->payer != NULL)
        schedule_settle(hart);
    owe_run(hart);
    schedule_settle(hart);
}

uint64_t schedule_charge(struct hart *hart)
{
    charge_payer(hart);
    charge_pool(hart);
    return hart->charged_ns;
}

/* What comes after `thread` in the chain, which cannot run itself; NULL: nothing, and *where says who will tell. */
static struct thread *next_in_chain(struct thread *thread, struct list **where)
{
    struct thread_calls *calls = &thread->calls;
    struct serving *serving;

    if (thread->stop & THREAD_RECEIVING)
        return calls->partner; /* who has taken it for a call that is under way, and is to come to an end with that */
    if (!(thread->stop & THREAD_CALLING)) /* it may be ending: the chain is still the same */
        return NULL;
    if (calls->callee != NULL || calls->endpoint == NULL)
        return calls->callee;
    serving = &calls->endpoint->serving;
    if (!list_is_empty(&serving->servers))
        return container_of(serving->servers.next, struct thread, calls.server_link);
    *where = &serving->stalled;
    return NULL;
}

/* Whether it waits inside an operation for somebody who is inside one too. */
static bool waits_for_doer(const struct thread *thread)
{
    return thread->doer != NULL && thread->doer->operation.step != NULL && thread->operation.step != NULL;
}

/* Whoever it waits for inside an operation, as long as that one is inside one too. */
static struct thread *doer_of(struct thread *thread)
{
    struct thread *doer = thread->doer;

    if (doer == NULL)
        return NULL;
    if (waits_for_doer(thread) && !(thread_is_current(doer) && doer->hart != hart_current()))
        return doer;
    thread->doer = NULL;
    object_unreference(&doer->object);
    return NULL;
}

/* The thread that runs when `payer` is chosen here; NULL: none, and *where says who will tell. */
static struct thread *follow(struct hart *hart, struct thread *payer, struct list **where)
{
    struct thread *thread = payer;
    struct thread *last = payer;

    for (unsigned hops = 0; hops <= WK_CALL_DEPTH_MAX + 1 && thread != NULL; hops++) {
        struct thread *doer = doer_of(thread);

        *where = &thread->helpers;
        last = thread;
        if (thread_is_current(thread) && thread->hart != hart)
            break; /* INV-SCHED-6 */
        if (doer != NULL)
            thread = doer;
        else if (thread_is_runnable(thread))
            return thread;
        else
            thread = next_in_chain(thread, where);
        deadline_urge(&last->wait_deadline,
                      deadline_class(last->budget == NULL ? hart : home_of(last), payer->priority));
        if (thread != NULL && last->calls.endpoint != NULL)
            endpoint_urge(last, payer->priority);
    }
    if (*where == &last->helpers)
        endpoint_hinder(last, HINDERED_BY_HELPERS);
    return NULL;
}

void schedule_chain_breaks(struct thread *caller)
{
    struct list *where = NULL;
    struct thread *thread = caller;
    struct thread *last = caller;

    assert_debug(caller != NULL);
    for (unsigned hops = 0; hops <= WK_CALL_DEPTH_MAX + 1 && thread != NULL; hops++) {
        last = thread;
        if (!list_is_empty(&thread->helpers))
            schedule_unpark_helpers(
                thread); /* not only at the end: where a chain is a ring they stand anywhere in it */
        if (waits_for_doer(thread))
            thread = thread->doer;
        else
            thread = thread_is_runnable(thread) ? NULL : next_in_chain(thread, &where);
    }
    if (where != NULL)
        schedule_unpark(where);
    if (thread_is_current(last) && last->hart->payer != last)
        schedule_ask(last->hart); /* INV-SCHED-6 */
}

/* Whether the payer, which still wants to run, is to make room. */
static bool gives_way(struct hart *hart, const struct thread *payer)
{
    const struct thread *ready = ready_first(hart);

    if (ready == NULL)
        return false;
    return goes_before(ready, payer) || (hart->turn_over && ready->priority == payer->priority);
}

/* The payer of the next moment: the one that is, or the first that is ready, which is taken out of its queue. */
static struct thread *next_payer(struct hart *hart)
{
    struct thread *payer = hart->payer;
    const bool had_its_turn = hart->turn_over;
    struct thread *next;

    if (payer != NULL && schedule_wants(payer)) {
        if (!gives_way(hart, payer))
            return payer;
        if (had_its_turn)
            ready_enqueue_last(hart, payer);
        else
            ready_enqueue_first(hart, payer);
    } else if (payer != NULL) {
        forget_slice(hart, payer);
    }
    next = ready_first(hart);
    if (next != NULL)
        ready_remove(next);
    return next;
}

void schedule_switch_to(struct hart *hart, struct thread *next)
{
    struct process *process = next == NULL ? NULL : next->process;
    struct thread *before = hart->current;

    if (before != NULL)
        before->hindrance &= (uint8_t)~HINDERED_BY_HART;
    if (next == before)
        return;
    assert_debug(next == NULL || thread_is_runnable(next));
    arch_thread_switch(before, next);
    hart->current = next;
    hart->invocation.process = process;
    if (next != NULL)
        next->hart = hart;
    if (process != NULL && hart->space != &process->space)
        space_activate(&process->space);
    else if (process == NULL && hart->space != NULL)
        space_kernel_activate();
    trace(WK_TRACE_EVENT_SWITCH, next == NULL ? 0 : next->object.identity,
          process == NULL ? 0 : process->object.identity);
    if (before != NULL)
        schedule_unpark_helpers(before);
    if (process != NULL && process->space.asid == 0)
        next->hindrance |= HINDERED_BY_SPACE;
    else if (next != NULL)
        next->hindrance &= (uint8_t)~HINDERED_BY_SPACE;
}

void schedule_stays_current(const struct hart *hart)
{
    if (hart->current->stop & THREAD_WAITS)
        endpoint_hinder(hart->current, HINDERED_BY_HART);
}

bool schedule_can_pay(struct hart *hart, const struct thread *payer)
{
    struct budget *pool = payer->budget->pool;
    uint64_t available_ns;

    meter_event_begins();
    account_make_room(&pool->account, hart->charged_ns);
    available_ns = account_available(&pool->account, hart->charged_ns);
    meter_event_done();
    if (available_ns == 0)
        return false;
    hart->pool = pool;
    hart->expiry_ns = available_ns == UINT64_MAX ? DEADLINE_NEVER : hart->charged_ns + available_ns;
    hart->attention.timer_moved = true;
    return true;
}

/* The payer, which has been charged, changes. Whether it can pay is known if the run of its pool goes on. */
static bool become_payer(struct hart *hart, struct thread *payer)
{
    const bool goes_on = payer != NULL && payer->budget->pool == hart->pool;

    if (!goes_on) {
        charge_pool(hart);
        hart->owing = NULL;
        schedule_forget_pool(hart);
    }
    hart->payer = payer;
    return goes_on;
}

/* The payer, whose turn it would be, cannot go on. */
static void park_payer(struct hart *hart, struct list *where)
{
    struct thread *payer = hart->payer;

    become_payer(hart, NULL);
    forget_slice(hart, payer);
    park(payer, where);
}

/* The payer waits for capacity. */
static void park_for_capacity(struct hart *hart)
{
    struct budget *budget = hart->payer->budget;
    struct budget *pool = budget->pool;
    struct deadline_class *class = deadline_class(hart, hart->payer->priority);

    park_payer(hart, &pool->parked);
    budget->exhausted++;
    meter_event_begins();
    if (deadline_is_set(&pool->replenish))
        deadline_urge(&pool->replenish, class);
    else if (pool->account.count != 0)
        deadline_begin(&pool->replenish, class, account_next(&pool->account)); /* INV-BUDGET-5 */
    meter_event_done();
    event_binding_signal_later(&budget->exhaustion);
}

struct thread *schedule_choose(struct hart *hart)
{
    struct thread *next = hart->current;
    struct thread *payer;
    struct list *where;
    bool can_pay;

    assert_debug(kernel_lock_is_held() && hart == hart_current());
    if (!hart->attention.reschedule && next != NULL && thread_is_runnable(next))
        return next; /* INV-SCHED-3 */
    charge_payer(hart);
    payer = next_payer(hart);
    hart->attention.reschedule = false;
    hart->turn_over = false;
    can_pay = become_payer(hart, payer);
    if (payer == NULL) {
        schedule_switch_to(hart, NULL);
        return NULL;
    }
    if (!can_pay && !schedule_can_pay(hart, payer)) {
        park_for_capacity(hart);
    } else {
        next = follow(hart, payer, &where);
        if (next != NULL) {
            schedule_switch_to(hart, next);
            if (has_equal(hart, payer))
                schedule_slice_begin(hart, payer); /* INV-SCHED-4 */
            return next;
        }
        park_payer(hart, where);
    }
    hart->attention.reschedule = true;
    return NULL;
}
