/* SPDX-License-Identifier: MIT */
/*
 * Processes: an address space, a capability table, and the threads that run with them. A process ends in steps: threads,
 * mappings, capabilities, address space; each step is safe to be taken by whoever comes first, since all progress is in
 * what is left. The operations that go through a process's address space are in mapping_operations.c, the report of an end
 * that nobody listens for in report.c.
 *
 * INV-PROCESS-1 state is `ended` exactly if it has no threads, mappings, capabilities and address space.
 * INV-PROCESS-2 while state is `suspended`, and the operation that suspends it is done, every started thread of it is.
 * Guarded by the kernel lock.
 */
#include "process.h"

#include "assert.h"
#include "bank.h"
#include "handlers.h"
#include "invoke.h"
#include "mapping.h"
#include "operation.h"
#include "ring.h"
#include "schedule.h"
#include "thread.h"
#include "trace.h"

#define THREADS_STEP 4
#define CLONE_STEP 3
#define HARTS_STEP 16

struct process *process_make(struct bank *bank)
{
    struct process *process = object_create(WK_TYPE_PROCESS, sizeof(struct process), bank);

    if (process == NULL)
        return NULL;
    if (space_init(&process->space, bank) != WK_OK) {
        object_abandon(&process->object);
        return NULL;
    }
    capability_table_init(&process->table);
    slot_cache_init(&process->fault_slot);
    list_init(&process->threads);
    event_binding_init(&process->end);
    return process;
}

void process_begin_end(struct process *process, enum wk_end_reason reason, uint64_t detail, uint64_t counter)
{
    if (process->state >= WK_PROCESS_STATE_ENDING)
        return;
    process->state = WK_PROCESS_STATE_ENDING;
    process->reason = (uint8_t)reason;
    process->end_detail = detail;
    process->end_counter = counter;
    trace(WK_TRACE_EVENT_END, process->object.identity, reason);
}

/* A thread leaves the process; a ring's worker, which no capability names, goes with that. */
static void detach(struct thread *thread, struct operation *operation)
{
    thread_detach(thread);
    if (thread->is_worker)
        object_condemn(&thread->object, operation);
}

enum wk_status process_end_step(struct process *process, struct operation *operation)
{
    if (process->state == WK_PROCESS_STATE_ENDED)
        return WK_OK;
    if (!list_is_empty(&process->threads)) {
        struct thread *thread = container_of(process->threads.next, struct thread, process_link);

        if (!(thread->stop & THREAD_ENDED))
            thread_end(thread); /* a step of its own */
        else if (thread_end_step(thread, operation) == WK_OK)
            detach(thread, operation);
        return WK_CONTINUE;
    }
    if (process->owes_report) {
        process_report_step(process);
        return WK_CONTINUE;
    }
    if (space_clear_step(&process->space))
        return WK_CONTINUE;
    if (process->mappings.first != NULL) {
        mapping_free_first(process);
        return WK_CONTINUE;
    }
    if (process->table.paged != 0) {
        (void)capability_table_clear_step(process, &process->end_cursor, operation);
        return WK_CONTINUE;
    }
    space_release(&process->space);
    process->state = WK_PROCESS_STATE_ENDED;
    event_binding_signal_later(&process->end);
    event_unbind(&process->end);
    return WK_OK;
}

void process_fault(struct thread *thread, enum wk_end_reason reason, uint64_t detail)
{
    struct process *process = thread->process;

    if (process->state < WK_PROCESS_STATE_ENDING) {
        process_begin_end(process, reason, detail, arch_context_get(&thread->context, 0));
        process->owes_report = process->end.event == NULL;
    }
    reaper_end_process(process, schedule_urgency(thread));
    thread_end(thread);
}

enum wk_status process_dismantle(struct object *object, struct operation *operation)
{
    struct process *process = container_of(object, struct process, object);

    process_begin_end(process, WK_END_REASON_KILLED, 0, 0);
    if (process_end_step(process, operation) == WK_CONTINUE)
        return WK_CONTINUE;
    event_unbind(&process->end);
    return WK_OK;
}

enum wk_status process_create(struct invocation *invocation, struct bank *bank, struct capability *end_event,
                              const struct wk_process_create_in *in, struct wk_process_create_out *out)
{
    enum wk_status status = capability_reserve(&invocation->process->table, invocation->process);
    struct process *process;

    if (status != WK_OK)
        return status;
    process = process_make(bank);
    if (process == NULL)
        return WK_NO_MEMORY;

    op_commit();
    if (end_event != NULL)
        event_bind(&process->end, container_of(end_event->object, struct event, object), in->end_bits);
    out->process = capability_handle(capability_make(invocation->process, &process->object, WK_RIGHTS_ALL, NULL));
    return WK_OK;
}

/* What the new capability of a grant is a child of; NULL: it is owned. */
static struct capability *grant_parent(struct capability *capability, enum wk_transfer transfer)
{
    switch (transfer) {
    case WK_TRANSFER_GIVE:
        return capability->parent;
    case WK_TRANSFER_LEND:
        return capability;
    case WK_TRANSFER_DUP:
        return capability->parent == NULL ? NULL : capability;
    }
    return NULL;
}

enum wk_status process_grant(struct invocation *invocation, struct process *process, struct capability *capability,
                             const struct wk_process_grant_in *in, struct wk_process_grant_out *out)
{
    struct capability *parent = grant_parent(capability, (enum wk_transfer)in->transfer);
    enum wk_status status;

    assert_debug(capability != NULL); /* the argument is not optional */
    if (in->transfer == WK_TRANSFER_GIVE && !list_is_empty(&capability->children))
        return WK_IS_LENT;
    if (process->state >= WK_PROCESS_STATE_ENDING)
        return WK_REVOKED;
    if (process->cloning)
        return WK_BUSY;
    status = parent == NULL ? WK_OK : capability_check_derive(parent);
    if (status == WK_OK)
        status = capability_reserve(&process->table, process);
    if (status != WK_OK)
        return status;

    op_commit();
    out->handle = capability_handle(
        capability_make(process, capability->object, (uint16_t)(capability->rights & in->rights), parent));
    if (in->transfer == WK_TRANSFER_GIVE)
        capability_free(capability, &invocation->thread->operation);
    return WK_OK;
}

/* Whether a fork's child gets a copy: not of the parent itself and its threads. */
static bool is_cloned(const struct process *process, const struct capability *capability)
{
    const struct object *object = capability->object;

    if (object == NULL || capability_is_doomed(capability) || object == &process->object)
        return false;
    return object->type != WK_TYPE_THREAD ||
           container_of((struct object *)object, struct thread, object)->process != process;
}

/* Empties a table that could not be completed; cursor[1] is the place. */
static enum wk_status process_unclone_step(struct operation *operation)
{
    struct process *process = container_of(operation->object, struct process, object);
    enum wk_status status;

    if (process->table.paged != 0) {
        (void)capability_table_clear_step(process, &operation->cursor[1], operation);
        return WK_CONTINUE;
    }
    /* What it had the last capability of goes too. */
    status = object_dismantle_step(operation);
    if (status == WK_CONTINUE)
        return WK_CONTINUE;
    process->cloning = false;
    return status == WK_OK ? WK_NO_MEMORY : status;
}

/* cursor: 0 the next slot, 2 where to end. */
static enum wk_status process_clone_step(struct operation *operation)
{
    struct process *process = container_of(operation->object, struct process, object);
    struct process *source = operation->thread->process;

    for (unsigned i = 0; i < CLONE_STEP; i++) {
        const uint32_t index = (uint32_t)operation->cursor[0];
        struct capability *slot;

        if (process->state >= WK_PROCESS_STATE_ENDING || index == operation->cursor[2]) {
            process->cloning = false;
            return index == operation->cursor[2] ? WK_OK : WK_REVOKED;
        }
        slot = capability_slot(&source->table, index);
        if (capability_copy_slot(process, index, slot, is_cloned(source, slot)) != WK_OK) {
            operation->step = process_unclone_step;
            return WK_CONTINUE;
        }
        operation->cursor[0]++;
    }
    return WK_CONTINUE;
}

enum wk_status process_clone_table(struct invocation *invocation, struct process *process)
{
    struct operation *operation = &invocation->thread->operation;

    if (process->state >= WK_PROCESS_STATE_ENDING)
        return WK_REVOKED;
    if (process->state != WK_PROCESS_STATE_CREATED || process->table.made != 0 || process->cloning)
        return WK_BUSY;

    op_commit();
    process->cloning = true;
    operation_begin(operation, process_clone_step, &process->object);
    operation->cursor[2] = invocation->process->table.made;
    return WK_CONTINUE;
}

enum wk_status process_set_upcall(struct invocation *invocation, struct process *process,
                                  const struct wk_process_set_upcall_in *in)
{
    (void)invocation;
    if (process->state >= WK_PROCESS_STATE_ENDING)
        return WK_REVOKED;

    op_commit();
    process->upcall_entry = in->entry;
    process->upcall_return = in->return_address;
    return WK_OK;
}

/* The first thread, which becomes the last: so a walk goes round in steps. */
static struct thread *next_thread(struct process *process)
{
    struct list *link = process->threads.next;

    list_remove(link);
    list_append(&process->threads, link);
    return container_of(link, struct thread, process_link);
}

/* cursor: 0 how many threads are left to be looked at, 1 the next hart that may run one. A resume meanwhile ends it. */
static enum wk_status process_suspend_step(struct operation *operation)
{
    struct process *process = container_of(operation->object, struct process, object);

    if (process->state != WK_PROCESS_STATE_SUSPENDED)
        return process->state >= WK_PROCESS_STATE_ENDING ? WK_REVOKED : WK_OK;
    for (unsigned i = 0; i < THREADS_STEP && operation->cursor[0] != 0 && !list_is_empty(&process->threads); i++) {
        struct thread *thread = next_thread(process);

        if (!(thread->stop & THREAD_CREATED))
            thread_set_stop(thread, THREAD_SUSPENDED);
        operation->cursor[0]--;
    }
    if (operation->cursor[0] != 0 && !list_is_empty(&process->threads))
        return WK_CONTINUE;
    for (unsigned i = 0; i < HARTS_STEP && operation->cursor[1] < hart_count; i++) {
        const struct thread *current = harts[operation->cursor[1]]->current;

        /* One inside an operation is in the kernel, and stops when that is done. */
        if (current != NULL && current->process == process && current->operation.step == NULL)
            return operation_poll();
        operation->cursor[1]++;
    }
    return operation->cursor[1] < hart_count ? WK_CONTINUE : WK_OK;
}

enum wk_status process_suspend(struct invocation *invocation, struct process *process)
{
    struct operation *operation = &invocation->thread->operation;

    if (process->state >= WK_PROCESS_STATE_ENDING)
        return WK_REVOKED;
    if (process->state == WK_PROCESS_STATE_CREATED)
        return WK_OK;

    op_commit();
    process->state = WK_PROCESS_STATE_SUSPENDED;
    operation_begin(operation, process_suspend_step, &process->object);
    operation->cursor[0] = process->thread_count;
    return WK_CONTINUE;
}

static enum wk_status process_resume_step(struct operation *operation)
{
    struct process *process = container_of(operation->object, struct process, object);

    if (process->state != WK_PROCESS_STATE_RUNNING)
        return WK_OK;
    for (unsigned i = 0; i < THREADS_STEP && operation->cursor[0] != 0 && !list_is_empty(&process->threads); i++) {
        struct thread *thread = next_thread(process);

        thread_clear_stop(thread, THREAD_SUSPENDED);
        if (thread->is_worker)
            ring_worker_resumes(thread);
        operation->cursor[0]--;
    }
    return operation->cursor[0] == 0 || list_is_empty(&process->threads) ? WK_OK : WK_CONTINUE;
}

enum wk_status process_resume(struct invocation *invocation, struct process *process)
{
    struct operation *operation = &invocation->thread->operation;

    if (process->state >= WK_PROCESS_STATE_ENDING)
        return WK_REVOKED;
    if (process->state != WK_PROCESS_STATE_SUSPENDED)
        return WK_OK;

    op_commit();
    process->state = WK_PROCESS_STATE_RUNNING;
    operation_begin(operation, process_resume_step, &process->object);
    operation->cursor[0] = process->thread_count;
    return WK_CONTINUE;
}

static enum wk_status process_kill_step(struct operation *operation)
{
    struct process *process = container_of(operation->object, struct process, object);

    /* Two may kill each other: who has been ended leaves the rest to the reaper, and waits for nobody. */
    if (operation->thread->stop & THREAD_ENDED) {
        reaper_end_process(process, schedule_urgency(operation->thread));
        reaper_take(operation);
        return WK_NO_ANSWER;
    }
    if (process_end_step(process, operation) == WK_CONTINUE)
        return WK_CONTINUE;
    return object_dismantle_step(operation);
}

enum wk_status process_kill(struct invocation *invocation, struct process *process, const struct wk_process_kill_in *in)
{
    if (process->state >= WK_PROCESS_STATE_ENDING)
        return WK_REVOKED;

    op_commit();
    process_begin_end(process, WK_END_REASON_KILLED, in->status, 0);
    if (process == invocation->process) {
        reaper_end_process(process, schedule_urgency(invocation->thread));
        thread_end(invocation->thread);
        return WK_NO_ANSWER;
    }
    return operation_begin(&invocation->thread->operation, process_kill_step, &process->object);
}

enum wk_status process_info(struct invocation *invocation, struct process *process, struct wk_process_info_out *out)
{
    (void)invocation;
    out->state = process->state;
    out->reason = process->reason;
    out->detail = process->end_detail;
    out->counter = process->end_counter;
    out->threads = process->thread_count;
    out->capabilities = process->table.count;
    return WK_OK;
}
