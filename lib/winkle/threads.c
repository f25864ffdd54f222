/* SPDX-License-Identifier: MIT */
#include <winkle/threads.h>

#include <winkle/capability.h>
#include <winkle/event.h>
#include <winkle/harts.h>
#include <winkle/heap.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/start.h>
#include <winkle/stream.h>
#include <winkle/thread.h>
#include <winkle/upcalls.h>

#define ENDED_BIT 1

/* start.S */
void wk_thread_entry(void);
__attribute__((noreturn)) void wk_thread_body(struct wk_thread *thread);

void wk_thread_body(struct wk_thread *thread)
{
    thread->function(thread->argument);
    wk_thread_finish();
}

void wk_thread_finish(void)
{
    const struct wk_thread *self = wk_thread_self();

    wk_event_signal(self->ended, ENDED_BIT);
    for (;;)
        wk_thread_stop(self->handle);
}

static void release(struct wk_thread *thread)
{
    wk_upcalls_release(thread);
    if (thread->handle != 0)
        wk_capability_delete(thread->handle);
    if (thread->stack_address != NULL)
        wk_unmap(thread->stack_address, thread->stack_pages);
    if (thread->stack != 0)
        wk_capability_delete(thread->stack);
    if (thread->ended != 0)
        wk_capability_delete(thread->ended);
    *thread = (struct wk_thread){0};
}

static enum wk_status prepare(struct wk_thread *thread, wk_handle budget, uint64_t priority)
{
    enum wk_status status = wk_heap_prepare();

    if (status == WK_OK)
        status = wk_streams_prepare();
    if (status == WK_OK)
        status = wk_event_create(wk_self.bank, &thread->ended);
    if (status == WK_OK)
        status = wk_memory_create(wk_self.bank, thread->stack_pages, WK_MEMORY_OPTIONS_ON_DEMAND, &thread->stack);
    if (status == WK_OK)
        status = wk_map(thread->stack, 0, thread->stack_pages, WK_READ_WRITE, &thread->stack_address);
    if (status == WK_OK)
        status = wk_thread_create(wk_self.process, 0, &thread->handle);
    if (status == WK_OK)
        status = wk_thread_set_budget(thread->handle, budget != 0 ? budget : wk_budget_in_turn());
    return status == WK_OK ? wk_thread_set_priority(thread->handle, priority) : status;
}

enum wk_status wk_thread_run_on(wk_handle budget, struct wk_thread *thread, void (*function)(void *), void *argument,
                                uint64_t stack_pages, uint64_t priority)
{
    enum wk_status status;

    *thread = (struct wk_thread){.function = function, .argument = argument, .stack_pages = stack_pages};
    status = prepare(thread, budget, priority);
    if (status == WK_OK) {
        const uint64_t top = (uint64_t)thread->stack_address + stack_pages * WK_PAGE_BYTES;

        status = wk_thread_start(thread->handle, (uint64_t)wk_thread_entry, top, (uint64_t)thread, (uint64_t)thread, 0);
    }
    if (status != WK_OK)
        release(thread);
    return status;
}

enum wk_status wk_thread_join(struct wk_thread *thread, uint64_t deadline_ns)
{
    uint64_t bits;
    enum wk_status status = wk_event_wait(thread->ended, ENDED_BIT, deadline_ns, &bits);

    if (status == WK_OK)
        wk_thread_abandon(thread);
    return status;
}

void wk_thread_abandon(struct wk_thread *thread)
{
    /* It has ended already or ends now; in both cases it does not touch its stack any more after this. */
    wk_thread_stop(thread->handle);
    release(thread);
}
