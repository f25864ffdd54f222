/* SPDX-License-Identifier: MIT */
/*
 * The kernel's entries and its way out: see trap.h. An invocation that is done at once goes straight back; everything
 * else ends in trap_leave, the kernel's one loop, in which long operations make their steps, interrupts are taken between
 * them, and the hart sleeps when there is nothing to do. The loop's turn is the unit of everything that is bounded: one
 * hold of the kernel lock, after which whatever is more urgent comes first.
 */
#include "trap.h"

#include "assert.h"
#include "frame.h"
#include "invoke.h"
#include "irq.h"
#include "lock.h"
#include "mapping.h"
#include "meter.h"
#include "process.h"
#include "ring.h"
#include "schedule.h"
#include "space.h"
#include "string.h"
#include "trace.h"
#include "upcall.h"

static enum wk_status invoke_kept(struct invocation *invocation)
{
    const uint64_t *words = invocation->arguments;

    return invoke(invocation, words[0], words[1], words[2], words[3], words[4], words[5]);
}

/* Once: who takes away what was made ready, meanwhile and again and again, only makes the hold longer. */
static int64_t invoke_again(struct invocation *invocation)
{
    enum wk_status status;

    kernel_lock_release();
    kernel_lock_acquire();
    invocation->is_again = true;
    status = invoke_kept(invocation);
    invocation->is_again = false;
    return trap_invocation_executed(status);
}

int64_t trap_invocation_executed(enum wk_status status)
{
    struct hart *hart = hart_current();

    invoke_check_commit(status);
    if (status == WK_SWITCHED_OK) {
        meter_operation_done(hart->left);
        return (int64_t)status;
    }
    if (status == WK_AGAIN)
        return invoke_again(&hart->invocation);
    if (hart->attention.tracing)
        trace(WK_TRACE_EVENT_INVOKE, invocation_number(&hart->invocation), status);
    if (status_is_final(status) && status != WK_OK && status != WK_ANSWERED)
        status = invoke_failed(&hart->invocation, status);
    if (status_is_final(status) && hart->attention.any == 0) {
        kernel_lock_release_quietly();
        meter_operation_done(hart->current);
        meter_left();
        return (int64_t)status;
    }
    schedule_stays_current(hart);
    kernel_lock_release();
    meter_operation_done(hart->current);
    if (status_is_final(status)) /* it is still current here: nobody else touches its registers */
        arch_context_answer(&hart->current->context, (uint64_t)status & 0xffff, hart->invocation.words);
    invocation_forget_results(&hart->invocation);
    return -1;
}

int64_t trap_operation_locked(uint64_t handle, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3,
                              uint64_t word4, uint64_t word5, uint64_t operation)
{
    struct invocation *invocation = &hart_current()->invocation;

    invocation->operation = operation;
    invocation->handle = handle;
    return trap_invocation_executed(invoke(invocation, word0, word1, word2, word3, word4, word5));
}

int64_t trap_invocation_kept(void)
{
    return trap_invocation_executed(invoke_kept(&hart_current()->invocation));
}

/* The answer of an operation that came to its end. */
static void finish_operation(struct thread *thread, enum wk_status status)
{
    struct operation *operation = &thread->operation;
    const uint64_t words[6] = {operation->result};

    operation_end(operation);
    if (status_is_final(status) && !thread->is_silent)
        arch_context_answer(&thread->context, status, words);
    thread->is_silent = false;
    thread_operation_ended(thread);
}

/* Does what a step wants done without the lock. True if the next step is to follow at once. */
static bool copy_page(struct page_copy *copy)
{
    if (copy->bytes == 0)
        return false;
    if (copy->from != NULL)
        arch_bytes_copy(copy->to, copy->from, copy->bytes);
    else if (copy->bytes == WK_PAGE_BYTES)
        arch_page_zero(copy->to);
    else
        memset(copy->to, 0, copy->bytes);
    copy->bytes = 0;
    return copy->step_at_once;
}

/* Whether the loop would find nothing to do before the next step of the operation that is under way. */
static bool steps_straight_on(const struct hart *hart)
{
    return hart->attention.any == 0 && !hart->polled && hart->timer_ns != 0 && frame_quarantine_count() == 0 &&
           hart->flush_asked == hart->flush_seen && arch_interrupts_waiting() == 0;
}

/*
 * Steps of the current thread's operation, each in a hold of the lock, and what they want copied, as long as nothing comes
 * between. Releases the lock.
 */
static void step_operation(struct thread *thread)
{
    struct hart *hart = hart_current();
    struct operation *operation = &thread->operation;
    enum wk_status status;

    /* What began the operation may have left a copy to be made before its first step: a fault does. */
    if (operation->copy.bytes != 0) {
        kernel_lock_release();
        copy_page(&operation->copy);
        kernel_lock_acquire();
    }
    for (;;) {
        meter_step_begins();
        status = operation->step(operation);
        if (status != WK_CONTINUE) {
            finish_operation(thread, status);
            schedule_stays_current(hart);
        }
        meter_step_done(thread);
        kernel_lock_release();
        if (!copy_page(&operation->copy)) {
            if (status != WK_CONTINUE || !steps_straight_on(hart))
                return;
            meter_left();
            meter_entered();
            kernel_lock_acquire();
            if (hart->attention.any != 0) {
                kernel_lock_release();
                return;
            }
        } else {
            kernel_lock_acquire();
        }
    }
}

static enum wk_upcall_cause access_cause(enum arch_access access)
{
    switch (access) {
    case ARCH_LOAD:
        return WK_UPCALL_CAUSE_LOAD_FAULT;
    case ARCH_STORE:
        return WK_UPCALL_CAUSE_STORE_FAULT;
    case ARCH_FETCH:
        return WK_UPCALL_CAUSE_FETCH_FAULT;
    }
    return WK_UPCALL_CAUSE_LOAD_FAULT;
}

/* Fills the stock as far as no interrupt waits, and says whether the thread goes straight on. */
static enum trap_way refill_and_go_on(struct hart *hart)
{
    while (hart->attention.stock_low && arch_interrupts_waiting() == 0) {
        meter_left();
        meter_entered();
        frame_stock_add(hart);
    }
    if (hart->attention.any != 0)
        return TRAP_LEAVE;
    meter_left();
    return TRAP_STRAIGHT_ON;
}

/* The fault has begun an operation, to copy a page most often, which is done at once. Whether that is its end. Releases the
 * lock. */
static bool do_at_once(const struct hart *hart, struct thread *thread)
{
    thread->is_silent = true;
    kernel_lock_release();
    if (!steps_straight_on(hart))
        return false;
    kernel_lock_acquire();
    step_operation(thread);
    return thread->operation.step == NULL;
}

/* Whether something has come that goes before what a thread wants; what other harts ask for is served by the way. */
static inline bool is_due(void)
{
    return (arch_interrupts_waiting() & ~(uint64_t)ARCH_INTERRUPT_SOFTWARE) != 0;
}

/* Tells the fault to whom it may concern, or says that it is to be delivered, which takes a further hold of the lock; if something
 * has come meanwhile, that goes first, once, and the thread faults again. Releases the lock, or switches. */
static enum trap_way report_fault(struct hart *hart, struct thread *thread, enum wk_upcall_cause cause,
                                  uint64_t address)
{
    bool gives_way;

    if (upcall_fault_at_once(thread, cause, address))
        return TRAP_SWITCHED;
    hart->fault_address = address;
    hart->fault_cause = cause;
    gives_way = !thread->gave_way && is_due();
    thread->gave_way = gives_way;
    kernel_lock_release();
    return gives_way ? TRAP_LEAVE : TRAP_DELIVER;
}

enum trap_way trap_page_fault(enum arch_access access, uint64_t address)
{
    struct hart *hart = hart_current();
    struct thread *thread = hart->current;
    enum wk_status status;

    meter_entered();
    kernel_lock_acquire();
    status = mapping_fault(thread->process, address, access, &thread->operation);
    if (status == WK_CONTINUE) {
        if (!do_at_once(hart, thread))
            return TRAP_LEAVE;
    } else if (status == WK_OK) {
        kernel_lock_release_in_line(hart);
    } else {
        return report_fault(hart, thread,
                            status == WK_NO_MEMORY ? WK_UPCALL_CAUSE_NO_MEMORY
                            : status == WK_REVOKED ? WK_UPCALL_CAUSE_REVOKED
                                                   : access_cause(access),
                            address);
    }
    return refill_and_go_on(hart);
}

struct thread *trap_deliver_page_fault(void)
{
    const struct hart *hart = hart_current();

    return trap_fault((enum wk_upcall_cause)hart->fault_cause, hart->fault_address);
}

struct thread *trap_fault(enum wk_upcall_cause cause, uint64_t detail)
{
    const struct hart *hart = hart_current();
    struct thread *thread = hart->current;

    kernel_lock_acquire();
    trace(WK_TRACE_EVENT_TRAP, cause, detail);
    upcall_fault(thread, cause, detail);
    if (hart->current != thread)
        return trap_left();
    kernel_lock_release();
    return trap_leave();
}

void trap_foreign_call(void)
{
    kernel_lock_acquire();
    upcall_foreign_call(hart_current()->current);
    kernel_lock_release();
}

void trap_upcall_return(void)
{
    kernel_lock_acquire();
    upcall_return(hart_current()->current);
    kernel_lock_release();
}

void trap_timer(void)
{
    /* The loop finds out what has expired: the timer is written again when the hart leaves the kernel. */
    hart_current()->timer_ns = 0;
}

void trap_external(void)
{
    kernel_lock_acquire();
    irq_deliver();
    kernel_lock_release();
}

void trap_software(void)
{
    hart_notified(hart_current());
}

#define POLLS_MAX 64

/* A preemption point: what waits is taken. Ends a stretch of interrupts off. */
static void take_interrupts(void)
{
    meter_left();
    meter_entered();
    if (arch_interrupts_waiting() != 0)
        arch_interrupts_take();
    space_flush_serve();
}

/* Timers can be so many that one is always due. When so many have been served one after another, only what is more urgent
 * than who goes on counts, which is of `class`; then nothing. The least class whose deadlines count, or NULL. */
static const struct deadline_class *later_class(const struct hart *hart, const struct deadline_class *class)
{
    if (hart->served < SERVED_MAX)
        return class;
    return hart->served < URGENT_SERVED_MAX && class < &hart->deadlines[DEADLINE_CLASSES - 1] ? class + 1 : NULL;
}

/* If many were due, what is not more urgent than who goes on is put off before user code, so that it makes progress. */
static void program_timer(struct hart *hart)
{
    const struct deadline_class *least = later_class(hart, schedule_class(hart));

    if (hart->served < SERVED_MAX) {
        deadline_write_timer(hart, deadline_next(hart, least));
    } else {
        const uint64_t time_ns = arch_time_ns() + PUT_OFF_NS;

        deadline_write_timer(hart, least == NULL ? time_ns : deadline_first(hart, least, time_ns));
    }
    hart->served = 0;
    hart->polls = 0;
}

/* The step only asked whether another hart has done its part: now and then this one rests. */
static void poll_patiently(struct hart *hart, const struct thread *thread)
{
    hart->polled = false;
    if (thread->operation.step == NULL || ++hart->polls < POLLS_MAX)
        return;
    hart->polls = 0;
    meter_left();
    hart_rest();
    meter_entered();
}

/* The chosen thread is about to go on in user code, or in its handler if an interrupt is latched. False if it ended, or has
 * none. */
static bool goes_to_user(struct thread *thread)
{
    if (thread->is_worker)
        ring_work_done(thread);
    if (thread_is_owed_interrupt(thread))
        upcall_interrupt(thread);
    return thread_is_runnable(thread);
}

/* The choice is not at its end, or has itself woken or unparked threads. */
static bool is_to_choose_again(const struct hart *hart)
{
    return hart->attention.reschedule ||
           ((hart->attention.granted || hart->attention.unparked) && hart->served < SERVED_MAX);
}

static bool has_step(const struct thread *thread)
{
    return thread != NULL && thread->operation.step != NULL;
}

/* A choice and a step are too much for one hold of the lock. False if something came meanwhile, that another hart had this one choose
 * again at least. */
static bool hold_anew(const struct hart *hart)
{
    kernel_lock_release();
    kernel_lock_acquire();
    return !hart->attention.reschedule && !is_due();
}

/* The least class whose deadlines count now. */
static inline const struct deadline_class *counting_class(struct hart *hart)
{
    if (!hart->attention.reschedule && hart->served < SERVED_MAX)
        return schedule_class(hart);
    return later_class(hart, schedule_next_class(hart));
}

/* Whether it is known that nothing has to be looked for whose time has come: the timer is right, and has not fired (INV-DEADLINE-3). */
static inline bool is_timer_right(const struct hart *hart)
{
    return hart->timer_ns != 0 && !hart->attention.timer_moved;
}

/* Whether frames come first: whatever is due does not wait for more than a step needs. */
static inline bool is_to_fill_stock(const struct hart *hart)
{
    return hart->attention.stock_low && (is_timer_right(hart) || !frame_stock_suffices(hart));
}

/* The same where the hart is about to go on with its payer. */
static inline bool has_to_fill_stock(struct hart *hart)
{
    if (hart->stock_count != FRAME_STOCK)
        frame_stock_look(hart);
    return is_to_fill_stock(hart);
}

/* One thing whose time has come, if there is one, and enough has not been done. While a long operation is under way the timer
 * is put right as well, so that its steps need not look at the clock. */
ALWAYS_INLINE enum deadline_turn expire(struct hart *hart)
{
    const struct deadline_class *least;
    enum deadline_turn turn = DEADLINE_NONE;
    uint64_t now_ns;

    if (is_timer_right(hart) && (arch_interrupts_waiting() & ARCH_INTERRUPT_TIMER) == 0)
        return DEADLINE_NONE; /* nor did it fire while the lock was waited for */
    now_ns = arch_time_ns();
    least = counting_class(hart);
    if (least != NULL)
        turn = deadline_expire(hart, least, now_ns);
    if (turn != DEADLINE_NONE || schedule_expire(hart, now_ns))
        return turn == DEADLINE_NONE ? DEADLINE_CALLED : turn;
    if (hart->attention.reschedule || !has_step(hart->current) || hart->served >= SERVED_MAX)
        return DEADLINE_NONE;
    deadline_write_timer(hart, deadline_next(hart, least));
    return DEADLINE_CALLED;
}

/* One thing that was left for later; false if there is none, or enough has been done. Where an urgent thread waits to go on, only
 * what may have to do with one that is more urgent. */
static NOINLINE bool catch_up(struct hart *hart, bool is_urgent)
{
    return hart->served < SERVED_MAX &&
           (event_wake_granted(hart) || schedule_unpark_later(hart) ||
            (!is_urgent &&
             (schedule_settle_later(hart) || (frame_quarantine_count() != 0 && frame_quarantine_release()))));
}

/* The one or the other, by turns, so that neither keeps the other from its turn. */
ALWAYS_INLINE enum deadline_turn serve(struct hart *hart, bool is_urgent)
{
    enum deadline_turn turn = DEADLINE_NONE;

    if (hart->served % 2 == 1 && catch_up(hart, is_urgent))
        turn = DEADLINE_CALLED;
    if (turn == DEADLINE_NONE)
        turn = expire(hart);
    if (turn == DEADLINE_NONE && catch_up(hart, is_urgent))
        turn = DEADLINE_CALLED;
    if (turn == DEADLINE_CALLED)
        hart->served++;
    return turn;
}

void trap_await(const struct hart *hart)
{
    const struct deadline_class *class = &hart->deadlines[DEADLINE_CLASSES - 1];
    const uint64_t latest_ns = arch_time_ns() + ARCH_TIMER_LEAD_NS;
    uint64_t due_ns;

    while (class->first_ns > latest_ns) /* there is one: it is soon, and the lock has been held since */
        class --;
    due_ns = class->first_ns;
    kernel_lock_release_quietly();
    while (arch_time_ns() < due_ns)
        arch_relax();
}

/* Something was served: on with the loop (NULL), or straight on with the thread that it woke. Releases the lock. */
static struct thread *go_on(struct hart *hart, bool has_woken)
{
    struct thread *thread;

    if (!has_woken) {
        kernel_lock_release();
        return NULL;
    }
    thread = trap_straight_on(hart->charged_ns);
    if (thread != NULL) {
        hart->served = 0;
        hart->polls = 0;
    }
    return thread;
}

/* Nothing more is to be served: the choice, and a step of what is chosen. NULL: on with the loop. Releases the lock. */
static struct thread *choose_and_go_on(struct hart *hart)
{
    const bool chooses = hart->attention.reschedule;
    struct thread *thread = schedule_choose(hart);

    if (is_to_choose_again(hart) || (chooses && has_step(thread) && !hold_anew(hart))) {
        kernel_lock_release();
    } else if (thread == NULL) {
        kernel_lock_release();
        program_timer(hart);
        hart->attention.stock_low = !frame_stock_is_full(hart);
        if (hart->attention.stock_low)
            return NULL;
        meter_left();
        arch_idle();
        return trap_interrupt_alone();
    } else if (has_step(thread)) {
        step_operation(thread);
        hart->served = 0;
        if (hart->polled)
            poll_patiently(hart, thread);
        else
            hart->polls = 0;
    } else {
        const bool goes = goes_to_user(thread);

        kernel_lock_release();
        if (!goes || has_to_fill_stock(hart))
            return NULL;
        program_timer(hart);
        meter_first_user();
        meter_left();
        return thread;
    }
    return NULL;
}

struct thread *trap_leave(void)
{
    struct hart *hart = hart_current();
    struct thread *thread = NULL;
    bool has_woken = false;

    do {
        const struct thread *before;
        enum deadline_turn turn;

        take_interrupts();
        if (is_to_fill_stock(hart)) {
            frame_stock_add(hart);
            continue;
        }
        kernel_lock_acquire();
        before = hart->current;
        turn = serve(hart, has_woken);
        has_woken = turn == DEADLINE_CALLED && (has_woken || hart->current != before);
        if (turn == DEADLINE_SOON)
            trap_await(hart);
        else
            thread = turn == DEADLINE_CALLED ? go_on(hart, has_woken) : choose_and_go_on(hart);
    } while (thread == NULL);
    return thread;
}
