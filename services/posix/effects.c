/* SPDX-License-Identifier: MIT */
/*
 * Killing takes as long as the process is large. So it is done without the lock, by the thread that pays for itself; for who
 * sent the signal the process counts as killed at once. Those that have notice of it are few, and stand in the order in which
 * their time is over; whoever ends before leaves that list by itself (family.c).
 */
#include "kernel_effects.h"

#include "family.h"
#include "signals.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/pages.h>
#include <winkle/posix_page.h>
#include <winkle/process.h>
#include <winkle/start.h>
#include <winkle/thread.h>
#include <winkle/timer.h>

#define KILL_BIT 1
#define TIMER_BIT 2
#define LATER_BIT 4
#define NEWS_BIT 1
#define NOTICE_NS WK_NS_PER_SECOND

/* A page that no process has: in its own memory. Pages stay, mapped here; what processes have of one is taken back by the capability
 * through which it was lent to them. */
struct free_page {
    struct free_page *next;
    wk_handle memory;
};

static wk_handle timer, later_timer, own_event;
static struct free_page *free_pages;
static struct wk_link to_kill, to_kill_later;

static enum wk_status make_timer(wk_handle *handle, uint64_t bit)
{
    const enum wk_status status = wk_timer_create(wk_self.bank, handle);

    return status == WK_OK ? wk_timer_bind(*handle, own_event, bit) : status;
}

enum wk_status effects_prepare(wk_handle event)
{
    enum wk_status status;

    own_event = event;
    wk_link_init(&to_kill);
    wk_link_init(&to_kill_later);
    status = make_timer(&timer, TIMER_BIT);
    return status == WK_OK ? make_timer(&later_timer, LATER_BIT) : status;
}

enum wk_status effect_make_page(struct process *process)
{
    struct free_page *kept = free_pages;
    void *address = kept;

    if (kept == NULL) {
        wk_handle whole;
        enum wk_status status = wk_map_new(1, 0, &whole, &address);

        if (status != WK_OK)
            return status;
        status = wk_capability_lend(whole, WK_MEMORY_RIGHT_READ, &process->page);
        if (status != WK_OK) {
            wk_unmap_delete(whole, address, 1);
            return status;
        }
    } else {
        process->page = kept->memory;
        free_pages = kept->next;
    }
    process->told = address;
    return WK_OK;
}

void effect_keep_page(struct process *process)
{
    struct free_page *kept = (struct free_page *)process->told;

    if (kept == NULL)
        return;
    wk_capability_revoke(process->page);
    *kept = (struct free_page){free_pages, process->page};
    free_pages = kept;
    process->page = 0;
    process->told = NULL;
}

void effect_page(struct process *process)
{
    if (process->told != NULL)
        *process->told = (struct wk_posix_page){.pending = process->pending,
                                                .pid = process->pid,
                                                .parent = process->parent == NULL ? 0 : process->parent->pid,
                                                .group = process->group,
                                                .session = process->session};
}

void effect_interrupt(struct process *process)
{
    if (process->thread != 0)
        wk_thread_interrupt(process->thread);
}

void effect_news(struct process *process)
{
    if (process->event != 0)
        wk_event_signal(process->event, NEWS_BIT);
}

void effect_suspend(struct process *process)
{
    wk_process_suspend(process->process);
}

void effect_resume(struct process *process)
{
    wk_process_resume(process->process);
}

void effect_kill(struct process *process)
{
    wk_link_append(&to_kill, &process->to_kill);
    wk_event_signal(own_event, KILL_BIT);
}

void effect_kill_later(struct process *process)
{
    process->kill_at_ns = wk_after_ns(NOTICE_NS);
    if (wk_links_are_empty(&to_kill_later))
        wk_timer_set(later_timer, process->kill_at_ns, 0);
    wk_link_append(&to_kill_later, &process->to_kill);
}

uint64_t effect_usage(struct process *process)
{
    uint64_t used = 0;

    if (process->state == STATE_ZOMBIE && process->thread == 0)
        return process->used;
    return wk_thread_usage(process->thread, &used) == WK_OK ? used : 0;
}

bool effect_is_waiting(const struct process *process)
{
    enum wk_thread_state state;
    uint64_t priority, hart;

    return wk_thread_info(process->thread, &state, &priority, &hart) == WK_OK && state == WK_THREAD_STATE_WAITING;
}

uint64_t effect_end_status(struct process *process)
{
    uint64_t detail, counter, threads, capabilities;
    enum wk_process_state state;
    enum wk_end_reason reason;

    if (wk_process_info(process->process, &state, &reason, &detail, &counter, &threads, &capabilities) != WK_OK)
        return SIGNAL_KILL;
    switch (reason) {
    case WK_END_REASON_LOAD_FAULT:
    case WK_END_REASON_STORE_FAULT:
    case WK_END_REASON_FETCH_FAULT:
    case WK_END_REASON_FAULT_IN_HANDLER:
    case WK_END_REASON_REVOKED:
        return SIGNAL_SEGV;
    case WK_END_REASON_ILLEGAL_INSTRUCTION:
        return SIGNAL_ILL;
    case WK_END_REASON_BREAKPOINT:
        return SIGNAL_TRAP;
    case WK_END_REASON_MISALIGNED:
        return SIGNAL_BUS;
    case WK_END_REASON_NONE:
    case WK_END_REASON_KILLED:
    case WK_END_REASON_FOREIGN_CALL:
    case WK_END_REASON_NO_MEMORY:
        return SIGNAL_KILL;
    }
    return SIGNAL_KILL;
}

void effect_delete(wk_handle handle)
{
    if (handle != 0)
        wk_capability_delete(handle);
}

void effect_signal_event(wk_handle event, uint64_t bits)
{
    wk_event_signal(event, bits);
    wk_capability_delete(event);
}

void effect_release(struct process *process)
{
    effect_delete(process->thread);
    effect_delete(process->process);
    effect_delete(process->event);
    effect_keep_page(process);
    process->thread = process->process = process->event = 0;
    if (process->watch != 0)
        effect_signal_event(process->watch, process->watch_bits);
    process->watch = 0;
}

void effect_set_timer(uint64_t at_ns)
{
    uint64_t was_set;

    if (at_ns == UINT64_MAX)
        wk_timer_cancel(timer, &was_set);
    else
        wk_timer_set(timer, at_ns, 0);
}

/* ---- what is done later ---- */

/* Only this thread ends processes, so the one that is being killed stays what it is meanwhile. */
static void kill_next(struct wk_session_server *server)
{
    struct process *process = WK_LINKED(to_kill.next, struct process, to_kill);

    wk_link_remove(&process->to_kill);
    wk_session_server_unlock(server);
    wk_process_kill(process->process, SIGNAL_KILL);
    wk_session_server_lock(server);
    family_end(process);
}

/* Their time is over. */
static void kill_late_ones(uint64_t now_ns)
{
    while (!wk_links_are_empty(&to_kill_later)) {
        struct process *process = WK_LINKED(to_kill_later.next, struct process, to_kill);

        if (process->kill_at_ns > now_ns) {
            wk_timer_set(later_timer, process->kill_at_ns, 0);
            return;
        }
        wk_link_remove(&process->to_kill);
        wk_link_append(&to_kill, &process->to_kill);
    }
}

void effects_signalled(struct wk_session_server *server, uint64_t bits)
{
    wk_session_server_lock(server);
    if (bits & TIMER_BIT)
        alarms_run(wk_now_ns());
    if (bits & LATER_BIT)
        kill_late_ones(wk_now_ns());
    while (!wk_links_are_empty(&to_kill))
        kill_next(server);
    wk_session_server_unlock(server);
}
