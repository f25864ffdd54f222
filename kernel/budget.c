/* SPDX-License-Identifier: MIT */
/*
 * Budgets: the tree of processor time, and admission. How time is counted is in account.c, who pays in schedule.c. Owns
 * struct budget, and of each thread `budget` and `budget_link`. Guarded by the kernel lock. Invariants: see budget.h.
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
#include "schedule.h"

#define PLACES_MAX 16 /* harts that are looked at for a new thread */
#define PERIOD_MIN_NS 100000

/* A pool has something again. */
static void replenished(struct deadline *deadline, uint64_t now_ns)
{
    struct budget *budget = container_of(deadline, struct budget, replenish);

    (void)now_ns;
    deadline_cancel(deadline);
    schedule_unpark(&budget->parked);
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
}

/* ---- operations ---- */

/* Whether these are a budget's numbers, as `split` has them from argument `first` on; else the invocation says which is
 * not. */
static enum wk_status check_numbers(struct invocation *invocation, const struct budget *parent, unsigned first,
                                    const struct wk_budget_adjust_in *in)
{
    const bool shares = in->capacity == 0;

    if (in->capacity > in->period)
        return invocation_bad_argument(invocation, first);
    if (shares ? in->period != 0 : in->period < PERIOD_MIN_NS)
        return invocation_bad_argument(invocation, first + 1);
    if (in->priority > parent->priority)
        return invocation_bad_argument(invocation, first + 2);
    if (in->deadline != 0 && !shares && (in->deadline < in->capacity || in->deadline > in->period))
        return invocation_bad_argument(invocation, first + 3);
    return WK_OK;
}

/* Has that much of the parent's pool from now on; without capacity it shares that. Requires: it is admitted. */
static void set_part(struct budget *budget, uint64_t capacity_ns, uint64_t period_ns)
{
    struct account *account = &budget->account;
    struct budget *pool = budget->parent->pool;

    if (account->capacity_ns == capacity_ns && account->period_ns == period_ns)
        return;
    account_adjust(&pool->account, account, capacity_ns, period_ns, schedule_charge(pool->hart));
    budget->pool = capacity_ns == 0 ? pool : budget;
    schedule_pool_changed(budget);
    schedule_pool_changed(pool);
}

enum wk_status budget_split(struct invocation *invocation, struct budget *parent, struct capability *bank,
                            const struct wk_budget_split_in *in, struct wk_budget_split_out *out)
{
    const struct wk_budget_adjust_in numbers = {in->capacity, in->period, in->priority, in->deadline};
    enum wk_status status = check_numbers(invocation, parent, 2, &numbers);
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
    budget->priority = (uint8_t)in->priority;
    budget->relative_deadline_ns = in->deadline;
    set_part(budget, in->capacity, in->period);
    out->budget = capability_handle(capability_make(invocation->process, &budget->object, WK_RIGHTS_ALL, NULL));
    return WK_OK;
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

/* What depends on others is looked at and decided in one step, when there is little enough to move for that. The cursor
 * has the numbers. */
static enum wk_status adjust_step(struct operation *operation)
{
    const uint64_t *numbers = operation->cursor;
    const struct wk_budget_adjust_in in = {numbers[0], numbers[1], numbers[2], numbers[3]};
    struct budget *budget = container_of(operation->object, struct budget, object);
    const bool had_deadline = budget->relative_deadline_ns != 0;
    struct account *pool;

    if (budget->object.state != OBJECT_LIVE)
        return WK_REVOKED;
    pool = &budget->parent->pool->account;
    if (!list_is_empty(&budget->children) || (had_deadline != (in.deadline != 0) && budget->thread_count != 0))
        return WK_BUSY;
    if (account_share(pool, in.capacity, in.period) > pool->capacity_ns + budget->account.share_ns)
        return WK_NOT_ADMITTED;
    if (account_join(&budget->account, pool))
        return WK_CONTINUE;
    set_part(budget, in.capacity, in.period);
    budget->relative_deadline_ns = in.deadline;
    budget->priority = (uint8_t)in.priority;
    operation->step = limit_step;
    operation->cursor[0] = budget->thread_count;
    return WK_CONTINUE;
}

enum wk_status budget_adjust(struct invocation *invocation, struct budget *budget, const struct wk_budget_adjust_in *in)
{
    struct operation *operation = &invocation->thread->operation;
    enum wk_status status;

    if (budget_is_whole(budget))
        return WK_BUSY;
    status = check_numbers(invocation, budget->parent, 1, in);
    if (status != WK_OK)
        return status;

    operation_begin(operation, adjust_step, &budget->object);
    operation->cursor[0] = in->capacity;
    operation->cursor[1] = in->period;
    operation->cursor[2] = in->priority;
    operation->cursor[3] = in->deadline;
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
    if (budget->pool == budget) {
        if (!account_join(&budget->account, &budget->parent->pool->account))
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
