/* SPDX-License-Identifier: MIT */
/* The checker's walk over threads, harts, events and time. */
#include "bank.h"
#include "census.h"
#include "check.h"
#include "check_parts.h"
#include "deadline.h"
#include "endpoint.h"
#include "host.h"
#include "schedule.h"
#include "trace.h"
#include "trap.h"

/* ---- deadlines ---- */

/* How many deadlines the objects say are in a hart's tree. */
static uint64_t deadlines_set[HARTS_MAX];

void check_deadline(const struct deadline *deadline)
{
    if (deadline_is_set(deadline))
        deadlines_set[deadline->class->hart->index]++;
}

void check_timer(const struct timer *timer)
{
    check_deadline(&timer->deadline);
    check_binding(&timer->binding);
}

/* ---- events ---- */

void check_binding(const struct event_binding *binding)
{
    if (binding->event == NULL) {
        CHECK("event", list_is_empty(&binding->link));
        return;
    }
    check_link(&binding->link);
    CHECK("event", census_tally(binding->event)->is_object);
    census_tally(binding->event)->bindings++;
}

void check_event(const struct event *event)
{
    const struct thread *before = NULL;
    uint64_t count = 0;

    for (const struct list *link = event->waiters.next; link != &event->waiters; link = link->next) {
        const struct thread *thread = container_of(link, struct thread, wait_link);

        check_link(link);
        CHECK("INV-EVENT-3", thread->wait_event == event && (thread->stop & THREAD_WAITING) != 0);
        CHECK("INV-EVENT-1", (thread->wait_mask & event->pending) == 0 && thread->wait_mask != 0);
        CHECK("INV-EVENT-2", before == NULL || before->priority >= thread->priority);
        before = thread;
        count++;
    }
    CHECK("INV-EVENT-2", count == event->waiter_count && count <= WK_EVENT_WAITERS_MAX);
}

/* After all sources and mappings were met: each list has as many members as say that they are in it. */
void check_event_counts(const struct object *object)
{
    const struct tally *tally = census_tally(object);
    uint64_t count = 0;

    if (object->type == WK_TYPE_MEMORY)
        CHECK("mapping", container_of(object, struct memory, object)->mapping_count == tally->bindings);
    if (object->type == WK_TYPE_RING)
        CHECK("event", census_tally(&container_of(object, struct ring, object)->ready)->waiters ==
                           container_of(object, struct ring, object)->ready.waiter_count);
    if (object->type != WK_TYPE_EVENT)
        return;
    const struct event *event = container_of(object, struct event, object);

    for (const struct list *link = event->bindings.next; link != &event->bindings; link = link->next) {
        check_link(link);
        CHECK("event", container_of(link, struct event_binding, link)->event == event);
        count++;
    }
    CHECK("event", count == tally->bindings && event->waiter_count == tally->waiters);
}

/* ---- threads ---- */

static void check_wait(const struct thread *thread)
{
    check_deadline(&thread->wait_deadline);
    if (thread->budget != NULL && deadline_is_set(&thread->wait_deadline)) {
        const struct deadline_class *class = thread->wait_deadline.class;

        CHECK("INV-DEADLINE-4", class - class->hart->deadlines >= deadline_class_of(thread->priority));
    }
    if (thread->wait_event != NULL) {
        CHECK("INV-EVENT-3", (thread->stop & THREAD_WAITING) != 0 && !list_is_empty(&thread->wait_link));
        census_tally(thread->wait_event)->waiters++;
    } else {
        const bool is_granted = (thread->stop & THREAD_WAITING) != 0 && !thread_sleeps(thread);
        const bool is_elsewhere = (thread->stop & (THREAD_RECEIVING | THREAD_CALLING)) != 0;

        CHECK("INV-EVENT-3", is_elsewhere || is_granted == !list_is_empty(&thread->wait_link));
    }
}

/* What comes after a thread in its chain; NULL: nothing. */
static const struct thread *next_in_chain(const struct thread *thread)
{
    const struct thread_calls *calls = &thread->calls;

    if (thread->stop & THREAD_RECEIVING)
        return calls->partner;
    if (!thread_is_calling(thread))
        return NULL;
    if (calls->callee != NULL || calls->endpoint == NULL)
        return calls->callee;
    if (list_is_empty(&calls->endpoint->serving.servers))
        return NULL;
    return container_of(calls->endpoint->serving.servers.next, struct thread, calls.server_link);
}

static bool is_in(const struct thread *thread, const struct list *head)
{
    for (const struct list *link = head->next; link != head; link = link->next)
        if (link == &thread->ready_link)
            return true;
    return false;
}

/* Whoever is parked stands where it will be told: with somebody in its chain, or an endpoint that nobody serves. */
static void check_parked(const struct thread *payer)
{
    const struct thread *thread = payer;
    bool is_found = is_in(payer, &payer->budget->pool->parked);

    for (unsigned i = 0; i < hart_count && !is_found; i++)
        is_found = is_in(payer, &harts[i]->unparked);
    for (unsigned hops = 0; hops <= WK_CALL_DEPTH_MAX + 1 && thread != NULL && !is_found; hops++) {
        const struct thread *doer = thread->doer;

        is_found = is_in(payer, &thread->helpers) || (doer != NULL && is_in(payer, &doer->helpers)) ||
                   (thread_is_calling(thread) && thread->calls.endpoint != NULL &&
                    is_in(payer, &thread->calls.endpoint->serving.stalled));
        thread = next_in_chain(thread);
    }
    CHECK("INV-SCHED-1", is_found);
}

static void check_runs(const struct thread *thread)
{
    const bool is_payer = thread->budget != NULL && thread->budget->hart->payer == thread;
    const bool is_linked = !list_is_empty(&thread->ready_link);

    check_link(&thread->ready_link);
    CHECK("INV-SCHED-1", (thread->place != THREAD_UNPLACED) == (schedule_wants(thread) && !is_payer));
    CHECK("INV-SCHED-1", thread->place != THREAD_PARKED || is_linked);
    if (thread->place == THREAD_PARKED)
        check_parked(thread);
    for (unsigned i = 0; i < hart_count; i++) {
        CHECK("INV-SCHED-6", harts[i] == thread->hart || harts[i]->current != thread);
        CHECK("INV-SCHED-1", harts[i]->payer != thread || (is_payer && harts[i] == thread->budget->hart));
    }
    CHECK("thread", !thread_is_current(thread) || thread_is_runnable(thread));
    for (const struct list *link = thread->helpers.next; link != &thread->helpers; link = link->next) {
        check_link(link);
        CHECK("INV-SCHED-1", container_of(link, struct thread, ready_link)->place == THREAD_PARKED);
    }
    if (thread->doer != NULL)
        census_tally(thread->doer)->references++;
}

static void check_frame_pin(const struct thread *thread)
{
    if (thread->is_worker) {
        check_worker(thread);
        return;
    }
    const struct memory_pin *pin = &thread->frame_pin;

    CHECK("thread", (pin->memory != NULL) == (thread->call_frame != NULL));
    if (pin->memory == NULL)
        return;
    CHECK("INV-MEMORY-3", (const void *)thread->call_frame == memory_pin_pointer(pin, 0));
    check_link(&pin->link);
}

void check_thread(const struct thread *thread)
{
    CHECK("thread", thread->operation.thread == thread);
    CHECK("thread", thread->operation.step == NULL || !(thread->stop & (THREAD_WAITS | THREAD_CREATED)));
    if (thread->process != NULL) {
        census_tally(thread->process)->references++;
        CHECK("thread", census_tally(thread->process)->is_object);
    }
    CHECK("INV-THREAD-3", thread->budget == NULL || thread->priority == thread->own_priority ||
                              (thread->operation.step != NULL && thread->priority > thread->own_priority));
    check_wait(thread);
    check_thread_calls(thread);
    check_runs(thread);
    check_frame_pin(thread);
}

/* ---- harts ---- */

static void check_ready_lists(const struct hart *hart)
{
    for (unsigned priority = 0; priority < PRIORITIES; priority++) {
        const struct list *list = &hart->ready.list[priority];
        const bool bit = (hart->ready.bits[priority / 64] & queue_bit(priority)) != 0;

        CHECK("INV-SCHED-2", bit == !list_is_empty(list));
        for (const struct list *link = list->next; link != list; link = link->next) {
            const struct thread *thread = container_of(link, struct thread, ready_link);

            check_link(link);
            CHECK("INV-SCHED-1", thread->budget->hart == hart && thread->priority == priority);
            CHECK("INV-SCHED-1", schedule_wants(thread) && thread->place == THREAD_READY && hart->payer != thread);
        }
    }
    check_tree(&hart->urgent);
    for (const struct tree_node *node = hart->urgent.first; node != NULL; node = tree_next(node))
        CHECK("INV-SCHED-1", container_of(node, struct thread, urgency_node)->place == THREAD_READY);
}

/* Who runs when the payer is chosen, as schedule.h has it; NULL: nobody. */
static const struct thread *end_of_chain(const struct thread *payer)
{
    const struct thread *thread = payer;

    for (unsigned hops = 0; hops <= WK_CALL_DEPTH_MAX + 1 && thread != NULL; hops++) {
        const struct thread *doer = thread->doer;

        if (doer != NULL && doer->operation.step != NULL && thread->operation.step != NULL)
            thread = doer;
        else if (thread_is_runnable(thread))
            return thread;
        else
            thread = next_in_chain(thread);
    }
    return NULL;
}

/* What a hart that is out of the kernel knows of who pays. */
static void check_run(const struct hart *hart)
{
    const struct account *account;
    uint64_t available_ns;

    CHECK("INV-SCHED-7", hart->run_ns <= hart->charged_ns && hart->charged_ns <= host_time_ns);
    CHECK("INV-SCHED-8", hart->owing == NULL || (hart->owing != hart->pool && hart->owing->hart == hart &&
                                                 hart->owing->pool == hart->owing && hart->owed_ns <= hart->run_ns));
    if (hart->pool == NULL) {
        CHECK("INV-SCHED-7", hart->expiry_ns == DEADLINE_NEVER);
        CHECK("INV-SCHED-7", hart->payer == NULL || hart->attention.reschedule);
        return;
    }
    CHECK("INV-SCHED-7", hart->payer != NULL && hart->payer->budget->pool == hart->pool);
    account = &hart->pool->account;
    available_ns = account_available(account, hart->run_ns);
    CHECK("INV-SCHED-7",
          hart->expiry_ns == (available_ns == UINT64_MAX ? DEADLINE_NEVER : hart->run_ns + available_ns));
}

/* It waits for another hart, in the midst of an operation. */
static bool is_resting(const struct hart *hart)
{
    return hart->current != NULL && hart->arch.state == HOST_STATE_ASLEEP;
}

/* What a hart that is out of the kernel has promised. */
static void check_choice(const struct hart *hart)
{
    const struct thread *current = hart->current;

    if (hart->arch.state == HOST_STATE_KERNEL)
        return; /* it only waits */
    if (is_resting(hart)) {
        CHECK("hart", current->operation.step != NULL);
        return;
    }
    CHECK("hart", (current == NULL) == (hart->arch.state == HOST_STATE_ASLEEP));
    check_run(hart);
    CHECK("INV-SCHED-3",
          !(hart->attention.granted || hart->attention.unparked) || hart->timer_ns <= host_time_ns + PUT_OFF_NS);
    if (current == NULL) {
        if (hart->attention.reschedule && hart->arch.software_interrupt)
            return; /* it is told */
        for (unsigned word = 0; word < PRIORITIES / 64; word++)
            CHECK("INV-SCHED-3", hart->ready.bits[word] == 0);
        CHECK("INV-SCHED-3", hart->payer == NULL && hart->urgent.first == NULL);
        CHECK("hart", hart->space == NULL);
        return;
    }
    CHECK("hart", hart->space == (current->process == NULL ? NULL : &current->process->space));
    CHECK("INV-SCHED-3", !hart->attention.reschedule || hart->arch.software_interrupt);
    if (hart->attention.reschedule)
        return;
    CHECK("INV-SCHED-6", hart->payer != NULL && end_of_chain(hart->payer) == current);
    CHECK("INV-SCHED-4", list_is_empty(&hart->ready.list[hart->payer->priority]) || hart->slice_ns != DEADLINE_NEVER ||
                             hart->turn_over || hart->payer->budget->relative_deadline_ns != 0);
    CHECK("INV-SCHED-5", hart->slice_thread == NULL || hart->slice_thread->budget->hart == hart);
}

static void check_trace_buffer(const struct hart *hart)
{
    const struct trace_buffer *buffer = trace_buffers[hart->index];
    unsigned pinned = 0;

    CHECK("INV-TRACE-1", hart->trace == NULL || hart->trace == buffer);
    if (buffer == NULL)
        return;
    CHECK("trace", buffer->hart == hart);
    census_slab_record(buffer, buffer->bank);
    for (unsigned i = 0; i < buffer->page_count; i++) {
        if (buffer->pins[i].memory == NULL)
            continue;
        CHECK("trace", (void *)buffer->page[i] == memory_pin_pointer(&buffer->pins[i], 0));
        pinned++;
    }
    CHECK("trace", pinned == buffer->pinned);
    CHECK("INV-TRACE-1", (hart->trace == buffer) == (pinned == buffer->page_count && !buffer->is_attaching));
}

static void check_deadlines(const struct hart *hart)
{
    uint64_t count = 0;

    for (const struct deadline_class *class = hart->deadlines; class < &hart->deadlines[DEADLINE_CLASSES]; class ++) {
        const struct tree_node *first = class->tree.first;

        CHECK("INV-DEADLINE-2",
              class->hart == hart && class->first_ns == (first == NULL ? DEADLINE_NEVER : first->key));
        count += check_tree(&class->tree);
        for (const struct tree_node *node = first; node != NULL; node = tree_next(node))
            CHECK("INV-DEADLINE-1", container_of(node, struct deadline, node)->class == class);
    }
    CHECK("INV-DEADLINE-1", count == deadlines_set[hart->index]);
}

static void check_hart(const struct hart *hart)
{
    check_ready_lists(hart);
    check_deadline(&hart->overhead->replenish);
    census_slab_record(hart->overhead, bank_first);
    census_slab_record(hart->whole, bank_first);
    CHECK("INV-SCHED-1", hart->attention.unparked || list_is_empty(&hart->unparked)); /* others take from it too */
    CHECK("INV-EVENT-4", hart->attention.granted == !list_is_empty(&hart->granted));
    check_deadlines(hart);
    if (hart->arch.state != HOST_STATE_KERNEL && !is_resting(hart)) {
        const uint64_t next_ns = deadline_next(hart, schedule_class(hart));

        CHECK("INV-DEADLINE-3", hart->timer_ns == hart->arch.timer_ns);
        CHECK("INV-DEADLINE-3", hart->timer_ns <= next_ns || hart->arch.software_interrupt ||
                                    (next_ns <= host_time_ns && hart->timer_ns <= host_time_ns + PUT_OFF_NS));
    }
    CHECK("hart", hart->notify == 0 && !hart->attention.notify && hart->stock_count + hart->taken_count <= FRAME_STOCK);
    check_choice(hart);
}

/* ---- TLBs ---- */

/* Who has that address space identifier now; NULL: nobody. */
static const struct process *process_of_asid(const struct hart *hart, uint64_t asid)
{
    if (arch_asid_bits() == 0 || asid == 0)
        return hart->space == NULL || hart->space->asid != 0 ? NULL : container_of(hart->space, struct process, space);
    for (const struct list *link = object_all.next; link != &object_all; link = link->next) {
        const struct object *object = container_of(link, struct object, all_link);

        if (object->type == WK_TYPE_PROCESS && container_of(object, struct process, object)->space.root != NULL &&
            container_of(object, struct process, object)->space.asid == asid)
            return container_of(object, struct process, object);
    }
    return NULL;
}

/*
 * What a TLB remembers is in the page tables and allowed there, unless the hart has yet to serve a flush request. What it
 * remembers of an identifier that it will flush before it uses it again does not matter.
 */
static void check_tlb_entry(const struct hart *hart, const struct host_tlb_entry *cached)
{
    const struct process *process = process_of_asid(hart, cached->asid);
    uint64_t entry;
    uint64_t bytes;

    if (process == NULL || (process->space.harts >> hart->index & 1) == 0)
        return;
    if (process->space.asid == 0 && hart->space != &process->space)
        return;
    entry = space_lookup(&process->space, cached->page, &bytes);
    CHECK("TLB", entry != 0);
    CHECK("TLB", arch_entry_physical(entry).address + cached->page % bytes == cached->frame);
    CHECK("TLB", (arch_entry_protection(cached->entry) & ~arch_entry_protection(entry)) == 0);
}

static void check_tlb(const struct hart *hart)
{
    if (hart->flush_seen < hart->flush_asked)
        return;
    for (unsigned i = 0; i < HOST_TLB_ENTRIES; i++)
        if (hart->arch.tlb[i].entry != 0)
            check_tlb_entry(hart, &hart->arch.tlb[i]);
}

void check_harts(void)
{
    for (unsigned i = 0; i < hart_count; i++) {
        check_deadline(&harts[i]->reaper->wait_deadline);
        if (harts[i]->reaper->doer != NULL)
            census_tally(harts[i]->reaper->doer)->references++;
        census_slab_record(harts[i]->reaper, bank_first);
        check_trace_buffer(harts[i]);
        check_hart(harts[i]);
        check_tlb(harts[i]);
    }
    for (unsigned i = 0; i < HARTS_MAX; i++)
        deadlines_set[i] = 0;
}
