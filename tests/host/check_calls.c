/* SPDX-License-Identifier: MIT */
/* The checker's walk over endpoints, sessions, saved rights to reply, and budgets. */
#include "bank.h"
#include "budget.h"
#include "census.h"
#include "check.h"
#include "check_parts.h"
#include "deadline.h"
#include "endpoint.h"
#include "fault.h"
#include "schedule.h"

/* ---- endpoints ---- */

static uint64_t check_receivers(const struct endpoint *endpoint, const struct list *list, bool are_set_aside)
{
    uint64_t count = 0;

    for (const struct list *link = list->next; link != list; link = link->next) {
        const struct thread *thread = container_of(link, struct thread, wait_link);

        check_link(link);
        CHECK("INV-ENDPOINT-2", thread->calls.serving == &endpoint->serving && (thread->stop & THREAD_RECEIVING) != 0);
        CHECK("INV-ENDPOINT-2", (thread->calls.partner != NULL) == are_set_aside);
        if (!are_set_aside && thread->budget != NULL) {
            CHECK("INV-ENDPOINT-4", list_is_empty(&endpoint->closed));
            CHECK("INV-ENDPOINT-4", endpoint->event == NULL || (endpoint->event->pending & endpoint->event_mask) == 0);
        }
        count++;
    }
    return count;
}

void check_endpoint(const struct endpoint *endpoint)
{
    const struct thread *ready = endpoint->ready;
    const uint64_t receivers = check_receivers(endpoint, &endpoint->receivers, false) + (ready != NULL);
    uint64_t servers = 0;

    CHECK("INV-ENDPOINT-4", receivers == 0 || endpoint->callers.first == NULL);
    check_receivers(endpoint, &endpoint->filling, true);
    if (ready != NULL) {
        CHECK("INV-ENDPOINT-6", ready->calls.serving == &endpoint->serving && ready->budget == NULL);
        CHECK("INV-ENDPOINT-6", ready->stop == THREAD_RECEIVING && ready->hindrance == 0);
    }
    check_tree(&endpoint->callers);
    for (const struct tree_node *node = endpoint->callers.first; node != NULL; node = tree_next(node)) {
        const struct thread *thread = container_of(node, struct thread, calls.queue_node);

        CHECK("INV-ENDPOINT-1", thread->calls.endpoint == endpoint && (thread->stop & THREAD_CALLING) != 0);
        CHECK("INV-ENDPOINT-1", thread->calls.callee == NULL && thread->calls.reply == NULL);
    }
    for (const struct list *link = endpoint->serving.servers.next; link != &endpoint->serving.servers;
         link = link->next) {
        check_link(link);
        CHECK("INV-ENDPOINT-3",
              container_of(link, struct thread, calls.server_link)->calls.serving == &endpoint->serving);
        servers++;
    }
    CHECK("INV-ENDPOINT-3", servers == endpoint->serving.server_count && servers <= WK_ENDPOINT_SERVERS_MAX);
    CHECK("endpoint", list_is_empty(&endpoint->serving.stalled) || servers == 0);
    for (const struct list *link = endpoint->sessions.next; link != &endpoint->sessions; link = link->next) {
        check_link(link);
        CHECK("endpoint", container_of(link, struct session, link)->endpoint == endpoint);
    }
    for (const struct list *link = endpoint->closed.next; link != &endpoint->closed; link = link->next) {
        const struct session *session = container_of(link, struct session, link);

        check_link(link);
        CHECK("INV-ENDPOINT-5", session->object.state == OBJECT_DYING);
        census_tally(session)->references++;
    }
    CHECK("endpoint", endpoint->event == NULL || endpoint->event->endpoint == endpoint);
}

void check_session(const struct session *session)
{
    for (const struct list *link = session->queued.next; link != &session->queued; link = link->next) {
        const struct thread *thread = container_of(link, struct thread, wait_link);

        check_link(link);
        CHECK("INV-ENDPOINT-1", thread->calls.endpoint == session->endpoint && (thread->stop & THREAD_CALLING) != 0);
    }
}

void check_reply(const struct reply *reply)
{
    CHECK("INV-ENDPOINT-1", reply->caller == NULL || reply->caller->calls.reply == reply);
}

/* What a thread has to do with calls. Pointers that mean nothing in its state may be anything. */
void check_thread_calls(const struct thread *thread)
{
    const struct thread_calls *calls = &thread->calls;

    if (thread->stop & THREAD_CALLING) {
        const bool is_queued = calls->endpoint != NULL;

        CHECK("INV-ENDPOINT-1", (calls->callee != NULL) + (calls->reply != NULL) + is_queued == 1);
        CHECK("INV-ENDPOINT-1", calls->callee == NULL || calls->callee->calls.caller == thread);
        CHECK("INV-ENDPOINT-1", calls->callee == NULL || !(calls->callee->stop & THREAD_RECEIVING));
        CHECK("INV-ENDPOINT-1", calls->reply == NULL || calls->reply->caller == thread);
        CHECK("INV-ENDPOINT-1", is_queued == !list_is_empty(&thread->wait_link));
    } else {
        CHECK("INV-ENDPOINT-1", calls->endpoint == NULL);
        CHECK("loans", thread->loan_count == 0 || thread->operation.step != NULL);
    }
    if (!(thread->stop & THREAD_RECEIVING) && calls->caller != NULL)
        CHECK("INV-ENDPOINT-1", (calls->caller->stop & THREAD_CALLING) != 0 && calls->caller->calls.callee == thread);
    CHECK("INV-ENDPOINT-3",
          thread->is_worker ? calls->serving == NULL : (calls->serving != NULL) == !list_is_empty(&calls->server_link));
    CHECK("INV-ENDPOINT-2", !(thread->stop & THREAD_RECEIVING) || calls->serving != NULL);
    CHECK("calls", thread->loan_count <= 6 && thread->depth <= WK_CALL_DEPTH_MAX);
    CHECK("hindrance", ((thread->hindrance & HINDERED_BY_DEADLINE) != 0) == (thread->wait_until_ns != DEADLINE_NEVER));
    CHECK("INV-EVENT-5",
          !(thread->stop & THREAD_WAITS) || thread->wait_until_ns == DEADLINE_NEVER || thread_awaits_partner(thread) ||
              (deadline_is_set(&thread->wait_deadline) && thread->wait_deadline.node.key <= thread->wait_until_ns));
    CHECK("hindrance", ((thread->hindrance & HINDERED_BY_LOANS) != 0) == (thread->loan_count != 0) ||
                           thread->operation.step != NULL);
    CHECK("hindrance",
          thread->process == NULL || thread->process->space.asid != 0 || (thread->hindrance & HINDERED_BY_SPACE) != 0);
    if (fault_is_told(thread)) {
        CHECK("INV-FAULT-1", (thread->stop & THREAD_CALLING) != 0 && thread->fault_reason != WK_END_REASON_NONE);
        CHECK("INV-FAULT-1", thread->operation.step == NULL && thread->loan_count == 0);
        CHECK("INV-FAULT-1", thread->wait_until_ns == DEADLINE_NEVER);
    }
    CHECK("hindrance", list_is_empty(&thread->helpers) || (thread->hindrance & HINDERED_BY_HELPERS) != 0);
}

/* ---- budgets ---- */

/* What of a pool's time is its own or has been split off. */
static uint64_t capacity_below(const struct budget *budget, const struct budget *pool)
{
    uint64_t sum = 0;

    for (const struct list *link = budget->children.next; link != &budget->children; link = link->next) {
        const struct budget *child = container_of(link, struct budget, sibling);

        sum += child->pool == child ? child->account.share_ns : capacity_below(child, pool);
    }
    return sum;
}

static void check_account(const struct account *account)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < account->count; i++) {
        CHECK("INV-ACCOUNT-2", account_replenishment(account, i)->amount_ns != 0);
        CHECK("INV-ACCOUNT-2",
              i == 0 || account_replenishment(account, i - 1)->time_ns <= account_replenishment(account, i)->time_ns);
        sum += account_replenishment(account, i)->amount_ns;
    }
    CHECK("INV-ACCOUNT-1", sum == account->capacity_ns);
    CHECK("INV-ACCOUNT-3", account->debt_ns == 0 || account->debt_ns < account_replenishment(account, 0)->amount_ns);
}

void check_budget(const struct budget *budget)
{
    uint64_t threads = 0;
    uint64_t given;

    check_binding(&budget->exhaustion);
    check_deadline(&budget->replenish);
    CHECK("INV-BUDGET-5",
          list_is_empty(&budget->parked) || deadline_is_set(&budget->replenish) || budget->account.capacity_ns == 0);
    for (const struct list *link = budget->parked.next; link != &budget->parked; link = link->next)
        CHECK("INV-SCHED-1", container_of(link, struct thread, ready_link)->place == THREAD_PARKED);
    for (const struct list *link = budget->threads.next; link != &budget->threads; link = link->next) {
        const struct thread *thread = container_of(link, struct thread, budget_link);

        check_link(link);
        CHECK("INV-BUDGET-4", thread->budget == budget);
        CHECK("INV-BUDGET-3", thread->own_priority <= budget->priority || check_operation_under_way());
        threads++;
    }
    CHECK("INV-BUDGET-4", threads == budget->thread_count);
    for (const struct list *link = budget->reserved.next; link != &budget->reserved; link = link->next) {
        const struct thread *thread = container_of(link, struct thread, budget_link);

        check_link(link);
        CHECK("INV-BUDGET-4", thread->budget == NULL && thread->reserve == budget);
    }
    for (const struct list *link = budget->children.next; link != &budget->children; link = link->next) {
        const struct budget *child = container_of(link, struct budget, sibling);

        check_link(link);
        CHECK("INV-BUDGET-3", child->parent == budget && child->priority <= budget->priority);
        CHECK("INV-BUDGET-1", child->pool == child || child->pool == budget->pool);
        CHECK("INV-BUDGET-1", child->hart == budget->hart);
    }
    if (budget->pool != budget)
        return;
    check_account(&budget->account);
    given = budget->account.capacity_ns + capacity_below(budget, budget);
    if (budget_is_whole(budget))
        CHECK("INV-BUDGET-2", given == BUDGET_WHOLE_NS);
    else if (budget->object.state == OBJECT_LIVE)
        CHECK("INV-BUDGET-2", account_share(&budget->parent->pool->account, given, budget->account.period_ns) ==
                                  budget->account.share_ns);
}
