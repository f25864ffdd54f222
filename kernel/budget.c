/* SPDX-License-Identifier: MIT */
/*
 * Budgets: the tree of processor time, and admission. How time is counted is in account.c, who pays in schedule.c. Owns
 * struct budget, and of each thread `budget`, `reserve` and `budget_link`. Guarded by the kernel lock. Invariants: see budget.h.
 *
 * A hart's whole is made at boot and has all of its time. A part takes capacity from the pool that its parent draws on; a
 * budget without capacity of its own shares that pool, and only its priority and deadline are its own. Capacities are
 * compared in nanoseconds of the pool's period, rounded up, so the parts never exceed the whole.
 *
 * The reaper's overhead is no part of the whole: what the kernel finishes for those who ended is paid by nobody, at the
 * priority of those who ended.
 */
#include "budget.h"

#include "assert.h"
#include "bank.h"
#include "deadline.h"
#include "handlers.h"
#include "invoke.h"
#include "meter.h"
#include "schedule.h"

#define PLACES_MAX 16 /* harts that are looked at for a new thread */
#define PERIOD_MIN_NS 100000

/* A pool has something again. */
static void replenished(struct deadline *deadline, uint64_t now_ns)
{
    struct budget *budget = container_of(deadline, struct budget, replenish);

    (void)now_ns;
    meter_event_begins();
    deadline_end(deadline);
    schedule_unpark(&budget->parked);
    meter_event_done();
}

static void prepare(struct budget *budget, struct hart *hart, struct budget *parent)
{
    budget->hart = hart;
    budget->parent = parent;
    budget->pool = parent == NULL ? budget : parent->pool;
    list_init(&budget->parked);
    list_init(&budget->children);
    list_init(&budget->sibling);
    list_init(&budget->threads);
    list_init(&budget->reserved);
    deadline_init(&budget->replenish, replenished);
    event_binding_init(&budget->exhaustion);
}

/* All that a hart has, twice: once to be shared out, once for the kernel's own. */
static struct budget *make_whole(struct hart *hart)
{
    struct budget *budget = bank_record(bank_first, sizeof *budget);

    if (budget == NULL)
        panic("the machine has too little memory");
    prepare(budget, hart, NULL);
    account_init(&budget->account, BUDGET_WHOLE_NS, BUDGET_WHOLE_NS, 0);
    budget->priority = WK_PRIORITY_HIGHEST;
    return budget;
}

void budget_init(struct hart *hart)
{
    hart->overhead = make_whole(hart);
    hart->whole = make_whole(hart);
    object_init(&hart->whole->object, WK_TYPE_BUDGET, sizeof *hart->whole, NULL); /* no bank: it never ends */
}

struct budget *budget_place(void)
{
    static unsigned next;
    struct budget *best = harts[next]->whole;

    for (unsigned i = 0; i < hart_count && i < PLACES_MAX; i++) {
        if (harts[next]->whole->thread_count < best->thread_count)
            best = harts[next]->whole;
        next = next + 1 == hart_count ? 0 : next + 1;
    }
    return best;
}

void budget_bind_thread(struct budget *budget, struct thread *thread)
{
    thread->budget = budget;
    list_append(&budget->threads, &thread->budget_link);
    budget->thread_count++;
}

void budget_unbind_thread(struct thread *thread)
{
    list_remove(&thread->budget_link);
    thread->budget->thread_count--;
    thread->budget = NULL;
    thread->reserve = NULL;
}

void budget_reserve(struct budget *budget, struct thread *thread)
{
    thread->reserve = budget;
    list_append(&budget->reserved, &thread->budget_link);
}

void budget_unreserve(struct thread *thread)
{
    list_remove(&thread->budget_link);
    thread->reserve = NULL;
}

/* ---- operations ---- */

/* A budget's numbers, in the order in which `split` and `adjust` have them. */
enum { CAPACITY, PERIOD, PRIORITY, DEADLINE };

/* Whether the arguments from `first` on are a budget's numbers; else the invocation says which is not. */
static enum wk_status check_numbers(struct invocation *invocation, const struct budget *parent, unsigned first)
{
    const uint64_t *numbers = &invocation->arguments[first - 1];
    const bool shares = numbers[CAPACITY] == 0;

    if (numbers[CAPACITY] > numbers[PERIOD])
        return invocation_bad_argument(invocation, first);
    if (shares ? numbers[PERIOD] != 0 : numbers[PERIOD] < PERIOD_MIN_NS)
        return invocation_bad_argument(invocation, first + 1);
    if (numbers[PRIORITY] > parent->priority)
        return invocation_bad_argument(invocation, first + 2);
    if (numbers[DEADLINE] != 0 && !shares &&
        (numbers[DEADLINE] < numbers[CAPACITY] || numbers[DEADLINE] > numbers[PERIOD]))
        return invocation_bad_argument(invocation, first + 3);
    return WK_OK;
}

/* Makes what the budget and its parent's pool remember less, if it is too much to be moved at once; false if it is not. */
static bool join(struct budget *budget)
{
    struct budget *pool = budget->parent->pool;

    schedule_charge(pool->hart);
    if (!account_join(&budget->account, &pool->account))
        return false;
    schedule_run_anew(pool->hart); /* some of it comes later now */
    return true;
}

/* Has that much of the parent's pool from now on; without capacity it shares that. Requires: it is admitted, and there was
 * nothing to join. */
static void set_part(struct budget *budget, uint64_t capacity_ns, uint64_t period_ns)
{
    struct account *account = &budget->account;
    struct budget *pool = budget->parent->pool;

    if (account->capacity_ns == capacity_ns && account->period_ns == period_ns)
        return;
    account_adjust(&pool->account, account, capacity_ns, period_ns, pool->hart->charged_ns);
    budget->pool = capacity_ns == 0 ? pool : budget;
    schedule_pool_changed(budget);
    schedule_pool_changed(pool);
}

/* One thread that is too urgent, or whose place depends on the deadline, a step: cursor[0] are left to be looked at. */
static enum wk_status limit_step(struct operation *operation)
{
    struct budget *budget = container_of(operation->object, struct budget, object);
    struct thread *thread;

    if (operation->cursor[0] == 0 || list_is_empty(&budget->threads))
        return WK_OK;
    operation->cursor[0]--;
    thread = container_of(budget->threads.next, struct thread, budget_link);
    list_remove(&thread->budget_link);
    list_append(&budget->threads, &thread->budget_link);
    thread_limit_priority(thread, budget->priority);
    return WK_CONTINUE;
}

/* Whether the budget can become that, as things are now. */
static enum wk_status check_adjust(const struct budget *budget, const uint64_t numbers[4])
{
    const struct account *pool;

    if (budget->object.state == OBJECT_DYING)
        return WK_REVOKED;
    pool = &budget->parent->pool->account;
    if (!list_is_empty(&budget->children) ||
        ((budget->relative_deadline_ns != 0) != (numbers[DEADLINE] != 0) && budget->thread_count != 0))
        return WK_BUSY;
    return account_share(pool, numbers[CAPACITY], numbers[PERIOD]) > pool->capacity_ns + budget->account.share_ns
               ? WK_NOT_ADMITTED
               : WK_OK;
}

/* What depends on others is looked at and decided in one step, when there is little enough to move for that. The cursor
 * has the numbers. If it cannot be, a budget that was being made goes, and its handle is no answer. */
static enum wk_status adjust_step(struct operation *operation)
{
    const uint64_t *numbers = operation->cursor;
    struct budget *budget = container_of(operation->object, struct budget, object);
    const enum wk_status status = check_adjust(budget, numbers);

    if (status != WK_OK) {
        operation->result = 0;
        if (budget->object.state == OBJECT_MAKING)
            object_condemn(&budget->object, operation);
        return object_dismantle_then(operation, status);
    }
    if (join(budget))
        return WK_CONTINUE;
    set_part(budget, numbers[CAPACITY], numbers[PERIOD]);
    budget->priority = (uint8_t)numbers[PRIORITY];
    budget->relative_deadline_ns = numbers[DEADLINE];
    budget->object.state = OBJECT_LIVE;
    operation->step = limit_step;
    operation->cursor[0] = budget->thread_count;
    return budget->thread_count == 0 ? WK_OK : WK_CONTINUE; /* who gave away what it runs on makes no further step */
}

/* Begins to make of it what the arguments from `first` on say, which have been checked. */
static __attribute__((noinline)) enum wk_status begin_adjust(const struct invocation *invocation, struct budget *budget,
                                                             unsigned first)
{
    const uint64_t *numbers = &invocation->arguments[first - 1];
    struct operation *operation = &invocation->thread->operation;

    operation_begin(operation, adjust_step, &budget->object);
    operation->cursor[CAPACITY] = numbers[CAPACITY];
    operation->cursor[PERIOD] = numbers[PERIOD];
    operation->cursor[PRIORITY] = numbers[PRIORITY];
    operation->cursor[DEADLINE] = numbers[DEADLINE];
    return WK_CONTINUE;
}

enum wk_status budget_adjust(struct invocation *invocation, struct budget *budget, const struct wk_budget_adjust_in *in)
{
    enum wk_status status;

    (void)in; /* the invocation has them */
    if (budget_is_whole(budget))
        return WK_BUSY;
    status = check_numbers(invocation, budget->parent, 1);
    return status == WK_OK ? begin_adjust(invocation, budget, 1) : status;
}

/* One without capacity, which answers `revoked` until it has been adjusted to what it is to be. */
enum wk_status budget_split(struct invocation *invocation, struct budget *parent, struct capability *bank,
                            const struct wk_budget_split_in *in, struct wk_budget_split_out *out)
{
    enum wk_status status = check_numbers(invocation, parent, 2);
    struct budget *budget;

    if (status != WK_OK)
        return status;
    if (account_share(&parent->pool->account, in->capacity, in->period) > parent->pool->account.capacity_ns)
        return WK_NOT_ADMITTED;
    status = capability_reserve(&invocation->process->table, invocation->process);
    if (status != WK_OK)
        return status;
    budget = object_create(WK_TYPE_BUDGET, sizeof *budget, container_of(bank->object, struct bank, object));
    if (budget == NULL)
        return WK_NO_MEMORY;

    op_commit();
    prepare(budget, parent->hart, parent);
    list_append(&parent->children, &budget->sibling);
    budget->object.state = OBJECT_MAKING;
    out->budget = capability_handle(capability_make(invocation->process, &budget->object, WK_RIGHTS_ALL, NULL));
    begin_adjust(invocation, budget, 2);
    invocation->thread->operation.result = out->budget;
    return WK_CONTINUE;
}

enum wk_status budget_bind(struct invocation *invocation, struct budget *budget, struct capability *event,
                           const struct wk_budget_bind_in *in)
{
    (void)invocation;

    op_commit();
    if (event == NULL)
        event_unbind(&budget->exhaustion);
    else
        event_bind(&budget->exhaustion, container_of(event->object, struct event, object), in->bits);
    return WK_OK;
}

enum wk_status budget_destroy(struct invocation *invocation, struct budget *budget)
{
    struct operation *operation = &invocation->thread->operation;

    if (budget_is_whole(budget))
        return invocation_bad_argument(invocation, 0);

    op_commit();
    object_condemn(&budget->object, operation);
    return operation_begin(operation, object_dismantle_and_flush_step, NULL);
}

/* Parts first, then threads, one a step, then its capacity. Whoever destroys what it runs on itself could not go on without it. */
enum wk_status budget_dismantle(struct object *object, struct operation *operation)
{
    struct budget *budget = container_of(object, struct budget, object);

    if (!list_is_empty(&budget->children)) {
        object_condemn(&container_of(budget->children.next, struct budget, sibling)->object, operation);
        return WK_CONTINUE;
    }
    if (!list_is_empty(&budget->threads)) {
        struct thread *thread = container_of(budget->threads.next, struct thread, budget_link);

        if (thread == operation->thread)
            reaper_take_condemned(operation);
        else
            thread_change_budget(thread, NULL);
        return WK_CONTINUE;
    }
    if (!list_is_empty(&budget->reserved)) {
        budget_unreserve(container_of(budget->reserved.next, struct thread, budget_link));
        return WK_CONTINUE;
    }
    if (budget->pool == budget) {
        if (!join(budget))
            set_part(budget, 0, 0);
        return WK_CONTINUE;
    }
    deadline_cancel(&budget->replenish);
    event_unbind(&budget->exhaustion);
    list_remove(&budget->sibling);
    return WK_OK;
}

enum wk_status budget_info(struct invocation *invocation, struct budget *budget, struct wk_budget_info_out *out)
{
    const bool shares = budget->pool != budget;

    (void)invocation;
    out->capacity = shares ? 0 : budget->account.capacity_ns;
    out->period = shares ? 0 : budget->account.period_ns;
    out->priority = budget->priority;
    out->deadline = budget->relative_deadline_ns;
    out->hart = budget->hart->index;
    out->threads = budget->thread_count;
    return WK_OK;
}

enum wk_status budget_usage(struct invocation *invocation, struct budget *budget, struct wk_budget_usage_out *out)
{
    (void)invocation;
    out->used = 0;
    out->available = account_available(&budget->pool->account, schedule_charge(budget->hart));
    out->next = account_next(&budget->pool->account);
    out->used = budget->used_ns;
    out->exhausted = budget->exhausted;
    return WK_OK;
}
