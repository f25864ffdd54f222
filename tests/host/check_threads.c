/* SPDX-License-Identifier: MIT */
/* The checker's walk over threads, harts, events and time. */
#include "bank.h"
#include "census.h"
#include "check.h"
#include "check_parts.h"
#include "deadline.h"
#include "host.h"
#include "schedule.h"
#include "trace.h"

/* ---- deadlines ---- */

/* How many deadlines the objects say are in a hart's tree. */
static uint64_t deadlines_set[HARTS_MAX];

static void check_deadline(const struct deadline *deadline)
{
    if (deadline->hart != NULL)
        deadlines_set[deadline->hart->index]++;
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
    if (thread->wait_event != NULL) {
        CHECK("INV-EVENT-3", (thread->stop & THREAD_WAITING) != 0 && !list_is_empty(&thread->wait_link));
        census_tally(thread->wait_event)->waiters++;
    } else {
        const bool is_granted = (thread->stop & THREAD_WAITING) != 0;

        CHECK("INV-EVENT-3", is_granted == !list_is_empty(&thread->wait_link));
    }
}

static void check_runs(const struct thread *thread)
{
    const bool is_current = thread->hart->current == thread;
    const bool is_queued = !list_is_empty(&thread->ready_link);

    check_link(&thread->ready_link);
    CHECK("INV-SCHED-1", is_queued == (thread_is_runnable(thread) && !is_current));
    for (unsigned i = 0; i < hart_count; i++)
        CHECK("INV-SCHED-1", harts[i] == thread->hart || harts[i]->current != thread);
    CHECK("thread", !is_current || thread_is_runnable(thread));
}

static void check_frame_pin(const struct thread *thread)
{
    const struct memory_pin *pin = &thread->frame_pin;

    CHECK("thread", (pin->memory != NULL) == (thread->call_frame != NULL));
    if (pin->memory == NULL)
        return;
    CHECK("INV-MEMORY-3", (const void *)thread->call_frame == memory_pin_pointer(pin));
    check_link(&pin->link);
}

void check_thread(const struct thread *thread)
{
    CHECK("thread", thread->operation.thread == thread);
    CHECK("thread", thread->operation.step == NULL || !(thread->stop & (THREAD_WAITING | THREAD_CREATED)));
    if (thread->process != NULL) {
        census_tally(thread->process)->references++;
        CHECK("thread", census_tally(thread->process)->is_object);
    }
    check_wait(thread);
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
            CHECK("INV-SCHED-1", thread->hart == hart && thread->priority == priority);
            CHECK("INV-SCHED-1", thread_is_runnable(thread) && hart->current != thread);
        }
    }
}

/* A hart on which timers are always due puts the next timer interrupt off by so much. */
#define PUT_OFF_NS 20000

/* What a hart that is out of the kernel has promised. */
static void check_choice(const struct hart *hart)
{
    const struct thread *current = hart->current;

    if (hart->arch.state == HOST_STATE_KERNEL)
        return; /* it only waits */
    if (current != NULL && hart->arch.state == HOST_STATE_ASLEEP) {
        CHECK("hart", current->operation.step != NULL); /* it waits for another hart, and rests */
        return;
    }
    CHECK("hart", (current == NULL) == (hart->arch.state == HOST_STATE_ASLEEP));
    if (current == NULL) {
        for (unsigned word = 0; word < PRIORITIES / 64; word++)
            CHECK("INV-SCHED-3", hart->ready.bits[word] == 0);
        CHECK("hart", hart->space == NULL);
        return;
    }
    CHECK("hart", hart->space == (current->process == NULL ? NULL : &current->process->space));
    CHECK("INV-SCHED-4", list_is_empty(&hart->ready.list[current->priority]) || deadline_is_set(&hart->slice) ||
                             hart->turn_over || hart->attention.reschedule);
    CHECK("INV-SCHED-5", hart->slice_thread == NULL || hart->slice_thread->hart == hart);
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
        CHECK("trace", (void *)buffer->page[i] == memory_pin_pointer(&buffer->pins[i]));
        pinned++;
    }
    CHECK("trace", pinned == buffer->pinned);
    CHECK("INV-TRACE-1", (hart->trace == buffer) == (pinned == buffer->page_count && !buffer->is_attaching));
}

static void check_hart(const struct hart *hart)
{
    check_ready_lists(hart);
    check_deadline(&hart->slice);
    CHECK("INV-EVENT-4", hart->attention.granted == !list_is_empty(&hart->granted));
    CHECK("INV-DEADLINE-1", check_tree(&hart->deadlines) == deadlines_set[hart->index]);
    for (const struct tree_node *node = hart->deadlines.first; node != NULL; node = tree_next(node))
        CHECK("INV-DEADLINE-1", container_of(node, struct deadline, node)->hart == hart);
    CHECK("INV-DEADLINE-2",
          hart->first_ns == (hart->deadlines.first == NULL ? DEADLINE_NEVER : hart->deadlines.first->key));
    if (hart->arch.state != HOST_STATE_KERNEL) {
        CHECK("INV-DEADLINE-3", hart->timer_ns == hart->arch.timer_ns);
        CHECK("INV-DEADLINE-3", hart->timer_ns <= hart->first_ns || hart->arch.software_interrupt ||
                                    (hart->first_ns <= host_time_ns && hart->timer_ns <= host_time_ns + PUT_OFF_NS));
    }
    CHECK("hart", hart->notify == 0 && !hart->attention.notify && hart->stock_count <= FRAME_STOCK);
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
        census_slab_record(harts[i]->reaper, bank_first);
        check_trace_buffer(harts[i]);
        check_hart(harts[i]);
        check_tlb(harts[i]);
    }
    for (unsigned i = 0; i < HARTS_MAX; i++)
        deadlines_set[i] = 0;
}
