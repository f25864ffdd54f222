/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include "effects.h"

#include <winkle/records.h>

#define QUEUED_MAX 64 /* pending signals of a process that queue */
#define PENDING_MAX 8192
/* `si_code` of SIGCHLD, as Linux has it. */
#define CODE_STOPPED 5
#define CODE_CONTINUED 6

/* A pending signal. One that does not queue may be pending without it: then nothing is known of its sender. */
struct pending {
    struct signal signal;
    struct wk_link link;
};

static struct wk_records pendings = {.bytes = sizeof(struct pending), .limit = PENDING_MAX};
static const uint64_t stop_signals = UINT64_C(1) << (SIGNAL_STOP - 1) | UINT64_C(1) << (SIGNAL_TSTP - 1) |
                                     UINT64_C(1) << (SIGNAL_TTIN - 1) | UINT64_C(1) << (SIGNAL_TTOU - 1);

static void drop(struct process *process, struct pending *pending)
{
    wk_link_remove(&pending->link);
    wk_records_give_back(&pendings, pending);
    process->signal_count--;
}

/* The first that is pending of a signal and known, or NULL. */
static struct pending *find(struct process *process, uint64_t signal)
{
    for (struct wk_link *link = process->signals.next; link != &process->signals; link = link->next) {
        struct pending *pending = WK_LINKED(link, struct pending, link);

        if (pending->signal.signal == signal)
            return pending;
    }
    return NULL;
}

void signals_drop(struct process *process, uint64_t which)
{
    struct wk_link *next;

    for (struct wk_link *link = process->signals.next; link != &process->signals; link = next) {
        struct pending *pending = WK_LINKED(link, struct pending, link);

        next = link->next;
        if (which & signal_bit(pending->signal.signal))
            drop(process, pending);
    }
    process->pending &= ~which;
}

static enum wk_status make_pending(struct process *to, const struct signal *signal)
{
    const bool queues = signal->signal >= SIGNAL_REALTIME;
    struct pending *pending = NULL;
    uint64_t number;

    if (!queues && to->pending & signal_bit(signal->signal))
        return WK_OK;
    if (to->signal_count < QUEUED_MAX || !queues)
        pending = wk_records_take(&pendings, &number);
    if (pending == NULL && queues)
        return WK_NO_MEMORY;
    if (pending != NULL) {
        pending->signal = *signal;
        wk_link_append(&to->signals, &pending->link);
        to->signal_count++;
    }
    to->pending |= signal_bit(signal->signal);
    effect_page(to);
    effect_interrupt(to);
    return WK_OK;
}

void signal_parent(struct process *process, uint64_t signal, uint64_t code, uint64_t status)
{
    struct process *parent = process->parent;

    if (parent == NULL)
        return;
    if (signal != 0)
        signal_send(
            parent,
            &(struct signal){
                .signal = signal, .sender = process->pid, .user = process->user, .value = status, .code = code});
    effect_news(parent);
}

/* That it has stopped or gone on. */
static void tell_parent(struct process *process, uint64_t code, uint64_t status)
{
    const bool is_told = process->parent != NULL && !process->parent->has_no_stops;

    signal_parent(process, is_told ? SIGNAL_CHLD : 0, code, status);
}

void signal_stop(struct process *process, uint64_t signal)
{
    if (process->state != STATE_RUNNING)
        return;
    process->state = STATE_STOPPED;
    process->news = NEWS_STOPPED;
    process->stop_signal = signal;
    effect_suspend(process);
    tell_parent(process, CODE_STOPPED, signal);
}

static void go_on(struct process *process)
{
    if (process->state != STATE_STOPPED)
        return;
    process->state = STATE_RUNNING;
    process->news = NEWS_CONTINUED;
    effect_resume(process);
    tell_parent(process, CODE_CONTINUED, SIGNAL_CONT);
}

/* One that has notice goes on, if it was stopped: what it is told first of all is to end. */
static void kill(struct process *process)
{
    const bool was_stopped = process->state == STATE_STOPPED;

    process->state = STATE_KILLED;
    if (!process->has_end_status)
        process->end_status = SIGNAL_KILL;
    process->has_end_status = true;
    if (!process->has_notice) {
        effect_kill(process);
        return;
    }
    process->pending |= signal_bit(SIGNAL_KILL);
    effect_page(process);
    effect_kill_later(process);
    effect_interrupt(process);
    if (was_stopped)
        effect_resume(process);
}

/* The first process is not ended or stopped by what it has begun. */
static bool is_immune(const struct process *to, const struct signal *signal)
{
    return to == first_process && signal->sender != 0;
}

enum wk_status signal_send(struct process *to, const struct signal *signal)
{
    const uint64_t bit = signal_bit(signal->signal);

    if (to->state == STATE_KILLED || to->state == STATE_ZOMBIE)
        return WK_OK;
    if ((signal->signal == SIGNAL_KILL || signal->signal == SIGNAL_STOP) && is_immune(to, signal))
        return WK_OK;
    if (bit & stop_signals)
        signals_drop(to, signal_bit(SIGNAL_CONT));
    if (signal->signal == SIGNAL_KILL) {
        kill(to);
        return WK_OK;
    }
    if (signal->signal == SIGNAL_STOP) {
        signal_stop(to, SIGNAL_STOP);
        return WK_OK;
    }
    if (signal->signal == SIGNAL_CONT) {
        signals_drop(to, stop_signals);
        go_on(to);
    }
    return to->ignored & bit ? WK_OK : make_pending(to, signal);
}

bool signal_take(struct process *process, uint64_t wanted, struct signal *taken)
{
    const uint64_t pending = process->pending & wanted;
    struct pending *first;

    if (pending == 0)
        return false;
    *taken = (struct signal){.signal = (uint64_t)__builtin_ctzll(pending) + 1};
    first = find(process, taken->signal);
    if (first != NULL) {
        *taken = first->signal;
        drop(process, first);
    }
    if (find(process, taken->signal) == NULL) {
        process->pending &= ~signal_bit(taken->signal);
        effect_page(process);
    }
    return true;
}
