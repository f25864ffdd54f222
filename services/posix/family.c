/* SPDX-License-Identifier: MIT */
#include "family.h"

#include "alarms.h"
#include "effects.h"
#include "signals.h"

#include <winkle/text.h>

#define STATUS_STOPPED(signal) (0x7f | (signal) << 8)
#define STATUS_CONTINUED 0xffff
#define STATUS_SIGNAL(status) ((status)&0x7f)
#define STATUS_DUMPED 0x80
/* `si_code` of SIGCHLD, as Linux has it. */
#define CODE_EXITED 1
#define CODE_KILLED 2
#define CODE_DUMPED 3
#define NEWS_OPTIONS (WK_WAIT_OPTIONS_UNTRACED | WK_WAIT_OPTIONS_CONTINUED | WK_WAIT_OPTIONS_EXITED)

struct process *family_enter(struct process *parent)
{
    struct process *process = process_enter();

    if (process == NULL)
        return NULL;
    process_set_parent(process, parent);
    if (parent == NULL) {
        if (first_process == NULL)
            first_process = process;
        return process;
    }
    process->group = parent->group;
    process->session = parent->session;
    process->user = parent->user;
    process->owner_group = parent->owner_group;
    process->ignored = parent->ignored;
    process->has_no_zombies = parent->has_no_zombies;
    process->has_no_stops = parent->has_no_stops;
    process->has_notice = parent->has_notice;
    for (unsigned i = 0; i < NAME_WORDS; i++)
        process->name[i] = parent->name[i];
    memcpy(process->arguments, parent->arguments, sizeof(process->arguments));
    process->arguments_bytes = parent->arguments_bytes;
    return process;
}

/* ---- ends ---- */

static void tell_end(struct process *process)
{
    const uint64_t status = process->end_status;
    uint64_t code = CODE_EXITED;

    if (STATUS_SIGNAL(status) != 0)
        code = status & STATUS_DUMPED ? CODE_DUMPED : CODE_KILLED;
    process_to_front(process);
    signal_parent(process, process->end_signal, code, code == CODE_EXITED ? status >> 8 : STATUS_SIGNAL(status));
    if (process->parent == NULL || process->parent->has_no_zombies)
        process_forget(process);
}

static void give_children_away(struct process *process)
{
    struct process *parent = first_process == process ? NULL : first_process;

    while (!wk_links_are_empty(&process->children)) {
        struct process *child = WK_LINKED(process->children.next, struct process, sibling);

        process_set_parent(child, parent);
        child->end_signal = SIGNAL_CHLD;
        if (child->state == STATE_ZOMBIE)
            tell_end(child);
        else
            effect_page(child);
    }
}

/* Whether it has a parent in the same session and another group, who could have its group go on. */
static bool has_parent_outside(const struct process *process)
{
    const struct process *parent = process->parent;

    return parent != NULL && parent->state != STATE_ZOMBIE && parent->group != process->group &&
           parent->session == process->session;
}

/* The same, if the first process is none: when others end, it gets children that it knows nothing of. */
static bool has_parent_who_knows(const struct process *process)
{
    return process->parent != first_process && has_parent_outside(process);
}

static bool is_held_by_nobody(uint64_t group, bool (*holds)(const struct process *))
{
    for (struct process *process = process_next(NULL); process != NULL; process = process_next(process)) {
        if (process->group == group && process->state != STATE_ZOMBIE && holds(process))
            return false;
    }
    return true;
}

bool family_is_orphaned(uint64_t group)
{
    return is_held_by_nobody(group, has_parent_outside);
}

static bool has_stopped(uint64_t group)
{
    for (struct process *process = process_next(NULL); process != NULL; process = process_next(process)) {
        if (process->group == group && process->state == STATE_STOPPED)
            return true;
    }
    return false;
}

static void send_to_group(uint64_t group, uint64_t signal)
{
    for (struct process *process = process_next(NULL); process != NULL; process = process_next(process)) {
        if (process->group == group)
            signal_send(process, &(struct signal){.signal = signal});
    }
}

/* A stopped group that nobody is left to continue is hung up and goes on (POSIX.1-2024, _exit). */
static void free_group(uint64_t group)
{
    if (!has_stopped(group) || !is_held_by_nobody(group, has_parent_who_knows))
        return;
    send_to_group(group, SIGNAL_HUP);
    send_to_group(group, SIGNAL_CONT);
}

/* Groups that the process kept from being orphaned: its own, and those of its children. */
static void free_groups(struct process *process)
{
    if (has_parent_who_knows(process))
        free_group(process->group);
    for (struct wk_link *link = process->children.next; link != &process->children; link = link->next) {
        const struct process *child = WK_LINKED(link, struct process, sibling);

        if (child->state == STATE_STOPPED && child->group != process->group)
            free_group(child->group);
    }
}

void family_end(struct process *process)
{
    if (!process->has_end_status)
        process->end_status = effect_end_status(process);
    process->has_end_status = true;
    process->used = effect_usage(process);
    process->state = STATE_ZOMBIE;
    process->news = NEWS_NONE;
    wk_link_remove(&process->to_kill);
    alarms_drop(process);
    signals_drop(process, UINT64_MAX);
    effect_release(process);
    free_groups(process);
    give_children_away(process);
    if (process == first_process)
        first_process = NULL;
    tell_end(process);
}

/* ---- waiting ---- */

static bool is_meant(const struct process *child, const struct process *parent, uint64_t which)
{
    if (which == UINT64_MAX)
        return true;
    if (which == 0)
        return child->group == parent->group;
    if ((int64_t)which < 0)
        return child->group == -which;
    return child->pid == which;
}

static bool has_news(const struct process *child, uint64_t options)
{
    if (child->state == STATE_ZOMBIE)
        return (options & NEWS_OPTIONS) == 0 || options & WK_WAIT_OPTIONS_EXITED;
    if (child->news == NEWS_STOPPED)
        return options & WK_WAIT_OPTIONS_UNTRACED;
    return child->news == NEWS_CONTINUED && options & WK_WAIT_OPTIONS_CONTINUED;
}

static uint64_t status_of(const struct process *child)
{
    if (child->state == STATE_ZOMBIE)
        return child->end_status;
    return child->news == NEWS_STOPPED ? STATUS_STOPPED(child->stop_signal) : STATUS_CONTINUED;
}

static void take_news(struct process *parent, struct process *child, uint64_t options, struct child_news *news)
{
    *news = (struct child_news){.pid = child->pid,
                                .end_status = status_of(child),
                                .user = child->user,
                                .used = child->used + child->children_used};
    if (options & WK_WAIT_OPTIONS_NO_WAIT)
        return;
    child->news = NEWS_NONE;
    if (child->state != STATE_ZOMBIE)
        return;
    parent->children_used += news->used;
    process_forget(child);
}

enum wk_status family_wait(struct process *parent, uint64_t which, uint64_t options, struct child_news *news)
{
    bool is_any = false;

    *news = (struct child_news){0};
    for (struct wk_link *link = parent->children.next; link != &parent->children; link = link->next) {
        struct process *child = WK_LINKED(link, struct process, sibling);

        if (!is_meant(child, parent, which))
            continue;
        is_any = true;
        if (has_news(child, options)) {
            take_news(parent, child, options, news);
            return WK_OK;
        }
    }
    if (!is_any)
        return WK_NOT_FOUND;
    return options & WK_WAIT_OPTIONS_NO_HANG ? WK_OK : WK_WOULD_BLOCK;
}
