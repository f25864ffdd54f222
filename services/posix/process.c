/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <winkle/records.h>

#define BUCKETS 256
#define PID_END 4194304 /* as Linux has it on machines of 64 bits */

struct process *first_process;

static struct wk_records records = {.bytes = sizeof(struct process), .limit = PROCESSES_MAX};
static struct wk_link buckets[BUCKETS], all;
static uint64_t last_pid;
static bool have_pids_wrapped;

void processes_init(void)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        wk_link_init(&buckets[i]);
    wk_link_init(&all);
}

struct process *process_of_badge(uint64_t badge)
{
    return wk_records_find(&records, badge);
}

uint64_t process_badge(const struct process *process)
{
    return wk_record_number(process);
}

struct process *process_of_pid(uint64_t pid)
{
    const struct wk_link *bucket = &buckets[pid % BUCKETS];

    for (struct wk_link *link = bucket->next; link != bucket; link = link->next) {
        struct process *process = WK_LINKED(link, struct process, bucket);

        if (process->pid == pid)
            return process;
    }
    return NULL;
}

struct process *process_next(const struct process *process)
{
    const struct wk_link *next = process == NULL ? all.next : process->all.next;

    return next == &all ? NULL : WK_LINKED(next, struct process, all);
}

struct process *process_at_least(uint64_t pid)
{
    struct process *least = NULL;

    for (struct process *process = process_next(NULL); process != NULL; process = process_next(process)) {
        if (process->pid >= pid && (least == NULL || process->pid < least->pid))
            least = process;
    }
    return least;
}

/* ---- numbers ---- */

static bool is_in_use(uint64_t pid)
{
    for (struct process *process = process_next(NULL); process != NULL; process = process_next(process)) {
        if (process->pid == pid || process->group == pid || process->session == pid)
            return true;
    }
    return false;
}

/* Ascending, so that a number is used again as late as can be. */
static uint64_t next_pid(void)
{
    do {
        if (++last_pid == PID_END) {
            last_pid = 1;
            have_pids_wrapped = true;
        }
    } while (have_pids_wrapped && is_in_use(last_pid));
    return last_pid;
}

bool group_exists(uint64_t group, uint64_t session)
{
    for (struct process *process = process_next(NULL); process != NULL; process = process_next(process)) {
        if (process->group == group && (session == 0 || process->session == session))
            return true;
    }
    return false;
}

/* ---- the table ---- */

struct process *process_enter(void)
{
    uint64_t number;
    struct process *process = wk_records_take(&records, &number);

    if (process == NULL)
        return NULL;
    process->pid = process->group = process->session = next_pid();
    wk_link_init(&process->children);
    wk_link_init(&process->sibling);
    wk_link_init(&process->signals);
    wk_link_init(&process->alarms);
    wk_link_init(&process->to_kill);
    wk_link_init(&process->all);
    wk_link_init(&process->bucket);
    wk_link_append(&all, &process->all);
    wk_link_append(&buckets[process->pid % BUCKETS], &process->bucket);
    return process;
}

void process_forget(struct process *process)
{
    wk_link_remove(&process->sibling);
    wk_link_remove(&process->to_kill);
    wk_link_remove(&process->all);
    wk_link_remove(&process->bucket);
    if (process == first_process)
        first_process = NULL;
    wk_records_give_back(&records, process);
}

void process_set_parent(struct process *process, struct process *parent)
{
    wk_link_remove(&process->sibling);
    process->parent = parent;
    if (parent != NULL)
        wk_link_append(&parent->children, &process->sibling);
}

void process_to_front(struct process *process)
{
    if (process->parent == NULL)
        return;
    wk_link_remove(&process->sibling);
    wk_link_append(process->parent->children.next, &process->sibling);
}
