/* SPDX-License-Identifier: MIT */
/*
 * Threads: execution contexts. A thread is at home on the hart of its budget, and runs wherever it is chosen, unless one
 * of its stop bits says why not; inside a long operation it runs, in the kernel, until the operation is done, whatever stops
 * it.
 *
 * INV-THREAD-1 a thread with a process is in process->threads, and references the process.
 * INV-THREAD-2 call_frame is not NULL exactly if frame_pin pins its page.
 * INV-THREAD-3 with a budget, priority >= own_priority; they differ only inside a long operation. A passive thread's own
 *              priority is only remembered; its priority is how urgent its payer was when it last began to wait for an
 *              event, or what it had with a budget.
 * Guarded by the kernel lock, but for the context, which belongs to the hart while the thread is current.
 */
#include "thread.h"

#include "assert.h"
#include "bank.h"
#include "capability.h"
#include "endpoint.h"
#include "fault.h"
#include "handlers.h"
#include "invoke.h"
#include "process.h"
#include "ring.h"
#include "schedule.h"
#include "space.h"
#include "upcall.h"

#define REGISTERS 32 /* the number that thread: read_registers gives the latched interrupt */

/* A wait is as urgent as the thread; that of a passive one as who pays. Others who come to wait through it see to it that
 * it is as urgent as they are (choose.c). */
static struct deadline_class *wait_class(const struct thread *thread)
{
    if (thread->budget == NULL)
        return deadline_class(thread->hart, schedule_urgency(thread));
    return deadline_class(thread->budget->hart, thread->priority);
}

static void urge_wait(struct thread *thread)
{
    deadline_urge(&thread->wait_deadline, wait_class(thread)); /* INV-DEADLINE-4 */
}

void thread_arm(struct thread *thread, uint64_t deadline_ns)
{
    thread_wait_until(thread, deadline_ns);
    if (thread_has_to_set(thread, deadline_ns))
        deadline_set(&thread->wait_deadline, wait_class(thread), deadline_ns);
}

void thread_wait_end(struct thread *thread, enum wk_status status)
{
    if (thread->stop & THREAD_CALLING)
        endpoint_call_end(thread, status);
    else if (thread->stop & THREAD_RECEIVING)
        endpoint_receive_end(thread, status);
    else if (thread_sleeps(thread))
        thread_answer(thread, status, 0);
    else
        event_wait_end(thread, status);
}

void thread_init(struct thread *thread, struct budget *budget)
{
    thread->hart = budget == NULL ? hart_current() : budget->hart;
    list_init(&thread->budget_link);
    list_init(&thread->ready_link);
    list_init(&thread->helpers);
    list_init(&thread->calls.server_link);
    slot_cache_init(&thread->call_slot);
    slot_cache_init(&thread->receive_slot);
    slot_cache_init(&thread->quick_slot);
    thread->wait_until_ns = DEADLINE_NEVER;
    if (budget != NULL)
        budget_bind_thread(budget, thread);
    event_thread_init(thread);
    operation_init(&thread->operation, thread);
}

static void change_priority(struct thread *thread, uint8_t priority)
{
    if (thread->budget == NULL || thread->priority == priority)
        return;
    schedule_set_priority(thread, priority);
    if (thread->stop & THREAD_WAITING)
        event_wait_requeue(thread);
    urge_wait(thread);
}

void thread_change_budget(struct thread *thread, struct budget *budget)
{
    thread->becomes_passive = false;
    if (thread->budget == NULL)
        budget_unreserve(thread);
    if (thread->budget == budget)
        return;
    endpoint_unready_thread(thread);
    if (thread->budget != NULL) {
        schedule_leave(thread);
        budget_unbind_thread(thread);
    }
    if (budget != NULL) {
        budget_bind_thread(budget, thread);
        change_priority(thread, thread->own_priority);
        if (thread->depth != 0)
            thread->hindrance |= HINDERED_BY_BUDGET;
    }
    deadline_cancel(&thread->wait_deadline);
    thread_arm(thread, thread->wait_until_ns); /* INV-DEADLINE-4 */
    schedule_update(thread);
    if (budget != NULL)
        endpoint_server_changed(thread);
}

void thread_become_passive(struct thread *thread)
{
    struct budget *budget = thread->budget;

    if (budget == NULL)
        return;
    thread_change_budget(thread, NULL);
    budget_reserve(budget, thread);
}

void thread_carry_on(struct thread *thread)
{
    struct budget *reserve = thread->reserve;

    if (thread->budget != NULL || reserve == NULL)
        return;
    thread_limit_priority(thread, reserve->priority);
    thread_change_budget(thread, reserve);
    thread->becomes_passive = true;
}

struct thread *thread_make(struct process *process, uint8_t priority, struct budget *budget, struct bank *bank)
{
    struct thread *thread = object_create(WK_TYPE_THREAD, sizeof(struct thread), bank);

    if (thread == NULL)
        return NULL;
    thread->process = process;
    object_reference(&process->object);
    list_append(&process->threads, &thread->process_link);
    process->thread_count++;
    thread->priority = budget == NULL ? 0 : priority; /* INV-THREAD-3 */
    thread->own_priority = priority;
    thread->stop = THREAD_CREATED;
    if (process->space.asid == 0)
        thread->hindrance = HINDERED_BY_SPACE; /* none has been found yet, or there is none for it */
    thread_init(thread, budget);
    return thread;
}

void thread_begin(struct thread *thread, uint64_t entry, uint64_t stack, uint64_t thread_pointer, uint64_t argument0,
                  uint64_t argument1)
{
    arch_context_start(&thread->context, entry, stack, thread_pointer, argument0, argument1);
    if (thread->process->state == WK_PROCESS_STATE_CREATED)
        thread->process->state = WK_PROCESS_STATE_RUNNING;
    if (thread->process->state == WK_PROCESS_STATE_SUSPENDED)
        thread->stop |= THREAD_SUSPENDED;
    thread_clear_stop(thread, THREAD_CREATED);
}

void thread_set_stop(struct thread *thread, enum thread_stop reason)
{
    endpoint_unready_thread(thread);
    thread->stop |= (uint8_t)reason;
    if (!thread_is_runnable(thread))
        schedule_unready(thread);
}

void thread_clear_stop(struct thread *thread, enum thread_stop reason)
{
    const bool was_runnable = thread_is_runnable(thread);

    thread->stop &= (uint8_t)~reason;
    if (was_runnable || !thread_is_runnable(thread))
        return;
    if (thread->is_worker && thread->operation.step == NULL)
        ring_work_done(thread);
    else
        schedule_ready(thread);
}

void thread_answer(struct thread *thread, enum wk_status status, uint64_t word)
{
    arch_context_answer_late(&thread->context, status, word);
    thread_clear_stop(thread, THREAD_WAITING);
}

void thread_end(struct thread *thread)
{
    if (thread->stop & THREAD_ENDED)
        return;
    thread_set_stop(thread, THREAD_ENDED);
    if (thread->stop & THREAD_WAITS)
        thread_wait_end(thread, WK_REVOKED);
    endpoint_thread_ends(thread);
}

void thread_limit_priority(struct thread *thread, uint8_t priority)
{
    if (thread->own_priority <= priority)
        return;
    thread->own_priority = priority;
    if (thread->operation.step == NULL)
        change_priority(thread, priority);
}

/* Whether the hart's payer goes before its equals, so that to yield to them means nothing. */
static bool has_precedence(const struct hart *hart)
{
    return hart->payer != NULL && hart->payer->budget->relative_deadline_ns != 0;
}

void thread_give_way(struct thread *asker, struct thread *doer)
{
    uint8_t urgency = schedule_urgency(asker);

    if (asker->budget != NULL && asker->priority > urgency)
        urgency = asker->priority; /* another runs it, on another hart than its own */
    assert_debug(doer->operation.step != NULL);
    if ((doer->budget == NULL || doer->place == THREAD_PARKED || has_precedence(asker->hart)) && asker->doer == NULL) {
        asker->doer = doer;
        object_reference(&doer->object);
        asker->hart->attention.reschedule = true; /* its chain is another now */
    }
    if (doer->priority < urgency)
        change_priority(doer, urgency);
    asker->hart->polled = doer->hart != asker->hart;
    schedule_yield(asker); /* wherever the doer runs: it may itself wait for one of the asker's equals here */
}

void thread_operation_ended(struct thread *thread)
{
    change_priority(thread, thread->own_priority); /* INV-THREAD-3 */
    if (thread->doer != NULL)
        object_unreference(&thread->doer->object);
    thread->doer = NULL;
    if (thread->is_worker)
        thread->hindrance |= HINDERED_BY_SPACE; /* it was current: still nothing goes straight to it */
    if (!thread_is_runnable(thread))
        schedule_unready(thread);
}

enum wk_status thread_end_step(struct thread *thread, struct operation *asker)
{
    assert_debug(thread->stop & THREAD_ENDED);
    if (thread->operation.step != NULL) {
        thread_give_way(asker->thread, thread);
        return WK_CONTINUE;
    }
    return thread_is_current(thread) ? operation_poll() : WK_OK;
}

static void drop_frames(struct thread *thread)
{
    thread->call_frame = NULL;
    if (thread_is_current(thread))
        space_flush_hart(thread->hart); /* its assembly may be at the frame: the page is not reused before it is done */
    memory_unpin(&thread->frame_pin);
}

void thread_detach(struct thread *thread)
{
    struct process *process = thread->process;

    assert_debug(!thread_is_current(thread) && thread->place == THREAD_UNPLACED && !(thread->stop & THREAD_WAITS));
    if (process == NULL)
        return;
    if (thread->is_worker)
        ring_worker_gone(thread);
    else
        drop_frames(thread);
    list_remove(&thread->process_link);
    process->thread_count--;
    thread->process = NULL;
    thread_change_budget(thread, NULL);
    deadline_cancel(&thread->wait_deadline);
    object_unreference(&process->object);
}

enum wk_status thread_dismantle(struct object *object, struct operation *operation)
{
    struct thread *thread = container_of(object, struct thread, object);

    thread_end(thread);
    if (thread_end_step(thread, operation) == WK_CONTINUE)
        return WK_CONTINUE;
    thread_detach(thread);
    return WK_OK;
}

/* A thread of that priority may not run on the budget; without one it is not as urgent as it says (INV-THREAD-3). */
static bool is_too_urgent(uint64_t priority, const struct budget *budget)
{
    return budget != NULL && priority > budget->priority;
}

/* A new thread runs on what its creator runs on; from the whole of a hart it is placed on the whole of any. */
static struct budget *budget_of_new(const struct thread *creator)
{
    return creator->budget != NULL && budget_is_whole(creator->budget) ? budget_place() : creator->budget;
}

enum wk_status thread_create(struct invocation *invocation, struct process *process,
                             const struct wk_thread_create_in *in, struct wk_thread_create_out *out)
{
    enum wk_status status = capability_reserve(&invocation->process->table, invocation->process);
    struct budget *budget = budget_of_new(invocation->thread);
    struct thread *thread;

    if (is_too_urgent(in->priority, budget))
        return invocation_bad_argument(invocation, 1);
    if (process->state >= WK_PROCESS_STATE_ENDING)
        return WK_REVOKED;
    if (status != WK_OK)
        return status;
    thread = thread_make(process, (uint8_t)in->priority, budget, process->object.bank);
    if (thread == NULL)
        return WK_NO_MEMORY;

    op_commit();
    out->thread = capability_handle(capability_make(invocation->process, &thread->object, WK_RIGHTS_ALL, NULL));
    return WK_OK;
}

enum wk_status thread_start(struct invocation *invocation, struct thread *thread, const struct wk_thread_start_in *in)
{
    (void)invocation;
    if (!(thread->stop & THREAD_CREATED))
        return WK_ALREADY_STARTED;
    if (thread->stop & THREAD_ENDED || thread->process->state >= WK_PROCESS_STATE_ENDING)
        return WK_REVOKED;
    if (thread->process->cloning)
        return WK_BUSY;

    op_commit();
    thread_begin(thread, in->entry, in->stack, in->thread_pointer, in->argument0, in->argument1);
    return WK_OK;
}

static enum wk_status thread_stop_step(struct operation *operation)
{
    /* Two may stop each other: who has been ended waits for nobody. */
    if (operation->thread->stop & THREAD_ENDED)
        return WK_NO_ANSWER;
    return thread_end_step(container_of(operation->object, struct thread, object), operation);
}

enum wk_status thread_stop(struct invocation *invocation, struct thread *thread)
{
    if (thread->stop & THREAD_ENDED)
        return WK_NOT_STARTED;

    op_commit();
    thread_end(thread);
    if (thread == invocation->thread)
        return WK_NO_ANSWER;
    return operation_begin(&invocation->thread->operation, thread_stop_step, &thread->object);
}

enum wk_status thread_set_frames(struct invocation *invocation, struct thread *thread,
                                 struct capability *memory_capability, const struct wk_thread_set_frames_in *in)
{
    struct memory *memory = container_of(memory_capability->object, struct memory, object);
    struct memory_pin pin = {0};
    enum wk_status status;

    if (in->offset_pages >= memory->pages)
        return invocation_bad_argument(invocation, 2);
    if (thread->process == NULL)
        return WK_REVOKED;
    status = memory_pin_page(memory, in->offset_pages, &pin, upcall_frames_revoked);
    if (status != WK_OK)
        return status;

    op_commit();
    drop_frames(thread);
    memory_pin_transfer(&thread->frame_pin, &pin);
    thread->call_frame_address = in->address;
    thread->call_frame = memory_pin_pointer(&thread->frame_pin, 0);
    return WK_OK;
}

enum wk_status thread_read_registers(struct invocation *invocation, struct thread *thread,
                                     const struct wk_thread_read_registers_in *in,
                                     struct wk_thread_read_registers_out *out)
{
    uint64_t values[6];

    (void)invocation;
    if (!fault_is_told(thread) && (thread->stop == 0 || thread_is_current(thread)))
        return WK_BUSY;
    for (unsigned i = 0; i < 6; i++)
        values[i] = in->first + i == REGISTERS ? thread_is_owed_interrupt(thread)
                                               : arch_context_get(&thread->context, (unsigned)in->first + i);
    *out = (struct wk_thread_read_registers_out){values[0], values[1], values[2], values[3], values[4], values[5]};
    return WK_OK;
}

enum wk_status thread_write_register(struct invocation *invocation, struct thread *thread,
                                     const struct wk_thread_write_register_in *in)
{
    (void)invocation;
    if (!fault_is_told(thread) && (thread->stop == 0 || thread->stop & THREAD_WAITS || thread->operation.step != NULL ||
                                   thread_is_current(thread)))
        return WK_BUSY;

    op_commit();
    arch_context_set(&thread->context, (unsigned)in->register_number, in->value);
    return WK_OK;
}

enum wk_status thread_interrupt(struct invocation *invocation, struct thread *thread)
{
    (void)invocation;
    if (thread->stop & (THREAD_CREATED | THREAD_ENDED))
        return WK_NOT_STARTED;

    op_commit();
    upcall_interrupt_latch(thread);
    if (thread_is_current(thread)) {
        thread->hart->attention.reschedule = true;
        hart_notify(thread->hart);
    }
    return WK_OK;
}

enum wk_status thread_set_priority(struct invocation *invocation, struct thread *thread,
                                   const struct wk_thread_set_priority_in *in)
{
    const uint8_t priority = (uint8_t)in->priority;

    if (thread->stop & THREAD_ENDED)
        return WK_NOT_STARTED;
    if (is_too_urgent(priority, thread->budget))
        return invocation_bad_argument(invocation, 1);

    op_commit();
    thread->own_priority = priority;
    if (thread->operation.step == NULL || priority > thread->priority)
        change_priority(thread, priority);
    return WK_OK;
}

enum wk_status thread_set_budget(struct invocation *invocation, struct thread *thread, struct capability *budget,
                                 const struct wk_thread_set_budget_in *in)
{
    struct budget *wanted = budget == NULL ? NULL : container_of(budget->object, struct budget, object);

    (void)in;
    if (thread->stop & THREAD_ENDED)
        return WK_NOT_STARTED;
    if (is_too_urgent(thread->own_priority, wanted))
        return invocation_bad_argument(invocation, 1);

    op_commit();
    if (wanted != NULL)
        thread_change_budget(thread, wanted);
    else if (thread->stop & (THREAD_RECEIVING | THREAD_CREATED))
        thread_become_passive(thread);
    else
        thread->becomes_passive = true;
    if (wanted != NULL && thread->stop & THREAD_RECEIVING)
        endpoint_receiver_paid(endpoint_of_server(thread));
    return WK_OK;
}

enum wk_status thread_sleep(struct invocation *invocation, struct thread *thread, const struct wk_thread_sleep_in *in)
{
    if (thread != invocation->thread)
        return invocation_bad_argument(invocation, 0);
    if (thread->interrupt_latched) {
        thread->interrupt_latched = false;
        return WK_INTERRUPTED;
    }
    if (thread->stop & THREAD_ENDED)
        return WK_REVOKED; /* as with event: wait */

    op_commit();
    arch_context_prepare_answer(&thread->context);
    thread_arm(thread, in->until);
    thread_set_stop(thread, THREAD_WAITING);
    return WK_WAITS;
}

enum wk_status thread_usage(struct invocation *invocation, struct thread *thread, struct wk_thread_usage_out *out)
{
    (void)invocation;
    out->used = thread->used_ns;
    if (thread->budget != NULL && thread->budget->hart->payer == thread)
        out->used += arch_time_ns() - thread->budget->hart->charged_ns; /* charged when it stops */
    return WK_OK;
}

enum wk_status thread_yield(struct invocation *invocation, struct thread *thread)
{
    if (thread != invocation->thread)
        return invocation_bad_argument(invocation, 0);
    slot_cache_fill(&thread->quick_slot, invocation->handle, invocation->capability);

    op_commit();
    schedule_yield(thread);
    return WK_OK;
}

enum wk_status thread_info(struct invocation *invocation, struct thread *thread, struct wk_thread_info_out *out)
{
    (void)invocation;
    if (thread->stop & THREAD_ENDED)
        out->state = WK_THREAD_STATE_ENDED;
    else if (thread->stop & THREAD_CREATED)
        out->state = WK_THREAD_STATE_CREATED;
    else if (thread->stop & THREAD_SUSPENDED)
        out->state = WK_THREAD_STATE_SUSPENDED;
    else
        out->state = thread->stop & THREAD_WAITS ? WK_THREAD_STATE_WAITING : WK_THREAD_STATE_READY;
    out->priority = thread->own_priority;
    out->hart = thread->hart->index;
    return WK_OK;
}
