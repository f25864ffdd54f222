/* SPDX-License-Identifier: MIT */
/*
 * Threads. Each has a page with its two frames, which is a memory object of its own since the kernel pins it, and in the arena the stacks
 * on which the personality serves its calls and faults. A few that have ended are kept, parked: the kernel's thread, which it takes
 * long to make and to destroy, waits in the personality until it is another thread of Linux.
 */
#include "threads.h"

#include "calls.h"
#include "end.h"
#include "futex.h"
#include "heap.h"
#include "signals.h"
#include "spares.h"
#include "waiters.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/heap.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/posix.h>
#include <winkle/text.h>
#include <winkle/thread.h>

#include <linux/sched.h>

#define PARKED_MAX 4
#define NUMBER_SHIFT 16
/* The greatest with which a process's number, of at most 22 bits, stays below FUTEX_TID_MASK. */
#define NUMBERS ((1 << (30 - NUMBER_SHIFT)) - (1 << (22 - NUMBER_SHIFT)) - 1)

struct process linux_process;
struct wk_lock linux_lock;
static struct thread *ended;  /* those whose stacks may still be in use for an instant */
static struct thread *parked; /* those that wait for WAITER_BIT_START */
static unsigned parked_count;
static int32_t last_number; /* of a thread that came to be, under the lock */
static bool have_numbers_wrapped;

static struct entry_frame *fault_frame(const struct thread *thread)
{
    return (struct entry_frame *)((uint64_t)thread->frame + WK_FRAME_BYTES);
}

uint64_t thread_frame_address(const struct thread *thread)
{
    return (uint64_t)thread->frame;
}

enum wk_status thread_set_frames(const struct thread *thread, wk_handle handle)
{
    return wk_thread_set_frames(handle, thread->frames, 0, (uint64_t)thread->frame);
}

/* The page of a thread's two frames. */
static enum wk_status make_frames(struct thread *thread, uint64_t address)
{
    enum wk_status status = wk_memory_create(wk_self.bank, 1, 0, &thread->frames);
    void *frames = (void *)address;

    if (status != WK_OK)
        return status;
    status = address == 0 ? wk_map(thread->frames, 0, 1, WK_READ_WRITE, &frames)
                          : wk_memory_map(thread->frames, wk_self.process, address, 0, 1, WK_READ_WRITE);
    if (status == WK_OK)
        thread->frame = frames;
    return status;
}

/* NULL: none is parked. */
static struct thread *take_parked(void)
{
    struct thread *thread;

    wk_lock_take(&linux_lock);
    thread = parked;
    if (thread != NULL) {
        parked = thread->next;
        parked_count--;
    }
    wk_lock_release(&linux_lock);
    if (thread != NULL)
        *thread = (struct thread){.frame = thread->frame,
                                  .handle = thread->handle,
                                  .frames = thread->frames,
                                  .event = thread->event,
                                  .stack = thread->stack};
    return thread;
}

/* Goes on as another thread, once its record and frame are filled. Takes whatever was left in its event; an interrupt that comes
 * meanwhile, for whichever of the two, is delivered as it leaves. */
__attribute__((noreturn)) static void park(wk_handle event)
{
    uint64_t bits = 0;

    while (wk_event_wait(event, UINT64_MAX, WK_FOREVER, &bits) != WK_OK || (bits & WAITER_BIT_START) == 0)
        ;
    linux_leave_by_frame();
}

struct thread *thread_make(uint64_t frames_address)
{
    struct thread *thread = wk_allocate_zeroed(sizeof(*thread));
    void *stack;

    if (thread == NULL)
        return NULL;
    stack = heap_take_pages(THREAD_STACK_PAGES);
    thread->stack = (uint64_t)stack;
    if (stack == NULL || wk_event_create(wk_self.bank, &thread->event) != WK_OK ||
        make_frames(thread, frames_address) != WK_OK) {
        thread_release(thread);
        return NULL;
    }
    thread->frame->context.thread = thread;
    thread->frame->context.stack_top = thread->stack + CALL_STACK_PAGES * WK_PAGE_BYTES;
    fault_frame(thread)->context.thread = thread;
    fault_frame(thread)->context.stack_top = thread->stack + THREAD_STACK_PAGES * WK_PAGE_BYTES;
    return thread;
}

void thread_release(struct thread *thread)
{
    waiters_forget(thread);
    if (thread->frame != NULL)
        wk_unmap(thread->frame, 1);
    if (thread->frames != 0)
        wk_capability_delete(thread->frames);
    if (thread->event != 0)
        wk_capability_delete(thread->event);
    if (thread->handle != 0)
        wk_capability_delete(thread->handle);
    if (thread->stack != 0)
        heap_give_back_pages((void *)thread->stack, THREAD_STACK_PAGES);
    wk_free(thread);
}

/* ---- clone ---- */

int64_t thread_clone(uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t tls, uint64_t child_tid)
{
    struct thread *self = current();

    if ((flags & CLONE_SETTLS) == 0)
        tls = self->frame->context.tp;
    self->clone = (struct clone_request){flags, stack, parent_tid, tls, child_tid};
    self->attention |= ATTENTION_CLONE;
    return 0;
}

/* Those that have stopped by now. */
static void release_ended(void)
{
    struct thread *list;

    wk_lock_take(&linux_lock);
    list = ended;
    ended = NULL;
    wk_lock_release(&linux_lock);
    while (list != NULL) {
        struct thread *thread = list;

        list = thread->next;
        wk_thread_stop(thread->handle);
        thread_release(thread);
    }
}

/* Adds it to the list of all, behind the first, which need not change. */
static void remember(struct thread *thread)
{
    wk_lock_take(&linux_lock);
    thread->next = linux_process.threads->next;
    linux_process.threads->next = thread;
    wk_lock_release(&linux_lock);
}

static enum wk_status start_new(struct thread *thread)
{
    enum wk_status status = wk_lock_prepare(&linux_lock);

    if (status == WK_OK)
        status = spares_prepare();
    if (status == WK_OK)
        status = wk_heap_prepare();
    if (status == WK_OK)
        status = wk_thread_create(wk_self.process, linux_process.priority, &thread->handle);
    if (status == WK_OK)
        status = thread_set_frames(thread, thread->handle);
    if (status != WK_OK)
        return status;
    remember(thread);
    return wk_thread_start(thread->handle, (uint64_t)linux_leave_by_frame, thread->frame->context.stack_top,
                           (uint64_t)thread, 0, 0);
}

static enum wk_status start_parked(struct thread *thread)
{
    remember(thread);
    return wk_event_signal(thread->event, WAITER_BIT_START);
}

/* Has the process service interrupt another thread, of those that are left, when a signal comes. */
static void tell_another(void)
{
    struct thread *thread = linux_process.threads;
    wk_handle handle;

    linux_process.told = thread;
    if (thread == NULL ||
        wk_capability_dup(thread->handle, WK_THREAD_RIGHT_CONTROL | WK_THREAD_RIGHT_INSPECT, &handle) != WK_OK)
        return;
    if (wk_posix_set_thread(linux_process.posix, handle) != WK_OK)
        wk_capability_delete(handle); /* if the call did not take it */
}

/* Takes a thread out of the list of all. */
static void forget_locked(struct thread *thread)
{
    struct thread **at = &linux_process.threads;

    while (*at != NULL && *at != thread)
        at = &(*at)->next;
    if (*at == thread)
        *at = thread->next;
    if (linux_process.told == thread)
        tell_another();
}

static void forget(struct thread *thread)
{
    wk_lock_take(&linux_lock);
    forget_locked(thread);
    wk_lock_release(&linux_lock);
}

/* A thread's number is its process's with one above that, which leaves free the bits that a futex's word needs. It is used again as late
 * as can be. 0: all are in use. */
static int32_t new_tid(void)
{
    int32_t tid = 0;

    wk_lock_take(&linux_lock);
    for (int32_t i = 0; i < NUMBERS && tid == 0; i++) {
        have_numbers_wrapped |= last_number == NUMBERS;
        last_number = last_number == NUMBERS ? 1 : last_number + 1;
        tid = (int32_t)linux_process.page->pid + (last_number << NUMBER_SHIFT);
        for (const struct thread *thread = linux_process.threads; have_numbers_wrapped && thread != NULL;
             thread = thread->next) {
            if (thread->tid == tid)
                tid = 0;
        }
    }
    wk_lock_release(&linux_lock);
    return tid;
}

int64_t thread_begin_clone(struct entry_frame *frame)
{
    struct thread *self = current(), *thread;
    const struct clone_request *request = &self->clone;
    enum wk_status status;

    release_ended();
    thread = take_parked();
    if (thread == NULL)
        thread = thread_make(0);
    if (thread == NULL)
        return -EAGAIN;
    thread->blocked = self->blocked;
    thread->tid = new_tid();
    if (thread->tid == 0) {
        if (thread->handle != 0)
            wk_thread_stop(thread->handle);
        thread_release(thread);
        return -EAGAIN;
    }
    linux_save_floats(&frame->frame);
    thread->frame->frame = frame->frame;
    thread->frame->frame.full = 1;
    thread->frame->frame.x[2] = request->stack;
    thread->frame->frame.x[4] = request->tls;
    thread->frame->frame.x[10] = 0;
    if ((request->flags & CLONE_CHILD_CLEARTID) != 0)
        thread->clear_at_end = request->child_tid;
    if ((request->flags & CLONE_CHILD_SETTID) != 0)
        copy_out(request->child_tid, &thread->tid, sizeof(thread->tid));
    if ((request->flags & CLONE_PARENT_SETTID) != 0)
        copy_out(request->parent_tid, &thread->tid, sizeof(thread->tid));
    const int32_t tid = thread->tid;

    status = thread->handle == 0 ? start_new(thread) : start_parked(thread);
    if (status != WK_OK) {
        if (thread->handle != 0)
            wk_thread_stop(thread->handle);
        forget(thread);
        thread_release(thread);
        return -EAGAIN;
    }
    return tid;
}

/* ---- ends ---- */

void thread_tell_end(struct thread *thread)
{
    const int32_t zero = 0;

    futex_forget_robust(thread);
    if (thread->clear_at_end == 0)
        return;
    if (copy_out(thread->clear_at_end, &zero, sizeof(zero)) == 0)
        futex_wake(thread->clear_at_end, 1);
    thread->clear_at_end = 0;
}

void thread_end(uint32_t wait_status)
{
    struct thread *self = current();
    const wk_handle event = self->event, handle = self->handle;
    struct thread **list = &parked;

    thread_tell_end(self);
    waiters_forget(self);
    wk_lock_take(&linux_lock);
    if (linux_process.threads == self && self->next == NULL) { /* the others have ended meanwhile */
        wk_lock_release(&linux_lock);
        end_process(wait_status);
    }
    forget_locked(self);
    if (parked_count == PARKED_MAX)
        list = &ended;
    else
        parked_count++;
    self->next = *list;
    *list = self;
    wk_lock_release(&linux_lock);
    if (list == &parked)
        park(event);
    for (;;)
        wk_thread_stop(handle);
}

/* A child has no capability of its parent's threads: what it has by such a handle is something else. */
static void release_parents(struct thread *list)
{
    while (list != NULL) {
        struct thread *thread = list;

        list = thread->next;
        thread->handle = 0;
        if (thread != current())
            thread_release(thread);
    }
}

void threads_begin_child(void)
{
    struct thread *self = current();
    const wk_handle handle = self->handle;

    release_parents(linux_process.threads);
    release_parents(ended);
    release_parents(parked);
    ended = parked = NULL;
    parked_count = 0;
    self->handle = handle;
    self->next = NULL;
    linux_process.threads = linux_process.told = self;
}

/* None of them holds the lock. */
static void end_parked(void)
{
    struct thread *thread;

    while ((thread = take_parked()) != NULL) {
        wk_thread_stop(thread->handle);
        thread_release(thread);
    }
}

void threads_end_others(void)
{
    struct thread *self = current(), *thread;

    spares_fork_begins(); /* nobody ends with that lock */
    while ((thread = linux_process.threads) != NULL && (thread != self || thread->next != NULL)) {
        if (thread == self)
            thread = thread->next;
        wk_lock_take(&linux_lock); /* it does not stop with it */
        wk_thread_stop(thread->handle);
        wk_lock_release(&linux_lock);
        forget(thread);
        futex_forget_thread(thread);
        thread_tell_end(thread);
        thread_release(thread);
    }
    spares_fork_ends();
    if (wk_lock_prepare(&linux_lock) != WK_OK)
        linux_lock.event = 0;
    release_ended();
    end_parked();
    self->tid = (int32_t)linux_process.page->pid;
}

int64_t linux_set_tid_address(uint64_t address)
{
    current()->clear_at_end = address;
    return current()->tid;
}

int64_t linux_set_robust_list(uint64_t list, uint64_t bytes)
{
    if (bytes != 24)
        return -EINVAL;
    current()->robust_list = list;
    return 0;
}
