/* SPDX-License-Identifier: MIT */
/* Who is to be chosen by its hart so that a thread comes to run. */
#include "harness.h"
#include "harness_parts.h"

#include "schedule.h"

#define HOPS_MAX WK_CALL_DEPTH_MAX

/* How much the thread's budget has: now, or at some time. */
enum means { MEANS_NOW, MEANS_EVER };

static bool can_pay(const struct thread *thread, enum means means)
{
    const struct account *account;

    if (!schedule_wants(thread))
        return false;
    account = &thread->budget->pool->account;
    return means == MEANS_EVER ? account->capacity_ns != 0 : account_available(account, host_time_ns) != 0;
}

static struct thread *find(struct thread *thread, enum means means, unsigned hops);

/* Among those whose calls wait for the thread to take them. */
static struct thread *find_queued(const struct thread *thread, enum means means, unsigned hops)
{
    const struct thread_calls *calls = &thread->calls;
    struct thread *payer = NULL;

    if (calls->serving == NULL || calls->serving->servers.next != &calls->server_link)
        return NULL;
    for (struct tree_node *node = endpoint_of_server(thread)->callers.first; node != NULL && payer == NULL;
         node = tree_next(node))
        payer = find(container_of(node, struct thread, calls.queue_node), means, hops);
    return payer;
}

/* The thread itself, whoever has it run as its caller, or whoever waits for it. */
static struct thread *find(struct thread *thread, enum means means, unsigned hops)
{
    struct thread *payer = NULL;

    if (can_pay(thread, means))
        return thread;
    if (hops == HOPS_MAX)
        return NULL;
    if (!(thread->stop & THREAD_RECEIVING) && thread->calls.caller != NULL)
        payer = find(thread->calls.caller, means, hops + 1);
    return payer != NULL ? payer : find_queued(thread, means, hops + 1);
}

struct thread *harness_payer(struct thread *thread)
{
    struct thread *payer = find(thread, MEANS_NOW, 0);

    return payer != NULL ? payer : find(thread, MEANS_EVER, 0);
}

void harness_wait_for_means(const struct thread *payer)
{
    const struct account *account = &payer->budget->pool->account;

    if (account_available(account, host_time_ns) == 0)
        host_time_pass_to(account_next(account));
}
