/* SPDX-License-Identifier: MIT */
/* Who waits for locks, who for the news that ended sessions have been closed, and who would wait for himself. */
#include "lock_records.h"

#include "pool.h"

#include <winkle/capability.h>
#include <winkle/event.h>

#define SEARCH_STEPS 4096 /* so many locks are looked at for a chain of waits */

static struct waiter *waiters[LOCK_LISTS];
static struct wk_link for_ends = {&for_ends, &for_ends}; /* struct waiter */
static uint64_t search_count, ends_wanted;
static uint32_t armed_count; /* atomic */

struct waiter *lock_waiter_find(const struct session *session)
{
    struct waiter *waiter = session->is_waiter ? waiters[lock_list_of(session)] : NULL;

    while (waiter != NULL && waiter->session != session)
        waiter = waiter->next;
    return waiter;
}

void lock_disarm(struct waiter *waiter)
{
    struct file_locks *file = waiter->file;
    struct holder *holder = waiter->holder;

    if (!wk_links_are_empty(&waiter->for_ends)) {
        wk_link_remove(&waiter->for_ends);
        __atomic_sub_fetch(&armed_count, 1, __ATOMIC_RELAXED);
    }
    if (file == NULL)
        return;
    wk_link_remove(&waiter->in_file);
    wk_link_remove(&waiter->in_holder);
    waiter->file = NULL;
    file->wait_count--;
    __atomic_sub_fetch(&armed_count, 1, __ATOMIC_RELAXED);
    lock_file_drop(file);
    lock_holder_drop(holder);
}

/* That the event has gone is its owner's loss. */
static void tell(struct waiter *waiter)
{
    wk_event_signal(waiter->event, waiter->bits);
    lock_disarm(waiter);
}

void lock_tell_freed(struct file_locks *file, enum lock_space space, uint64_t first, uint64_t last)
{
    struct wk_link *next;

    file->pins++;
    for (struct wk_link *link = file->waits.next; link != &file->waits; link = next) {
        struct waiter *waiter = WK_LINKED(link, struct waiter, in_file);

        next = link->next;
        if (waiter->wanted.space == space && waiter->wanted.first <= last && waiter->wanted.last >= first)
            tell(waiter);
    }
    file->pins--;
}

enum wk_status locks_enlist(struct session *session, wk_handle event, uint64_t bits)
{
    struct waiter *waiter = pool_take(sizeof(*waiter));

    if (waiter == NULL)
        return WK_NO_MEMORY;
    *waiter = (struct waiter){.session = session, .event = event, .bits = bits, .next = waiters[lock_list_of(session)]};
    wk_link_init(&waiter->in_file);
    wk_link_init(&waiter->in_holder);
    wk_link_init(&waiter->for_ends);
    waiters[lock_list_of(session)] = waiter;
    session->is_waiter = true;
    return WK_OK;
}

void lock_waiter_end(struct waiter *waiter)
{
    struct waiter **at = &waiters[lock_list_of(waiter->session)];

    lock_disarm(waiter);
    while (*at != waiter)
        at = &(*at)->next;
    *at = waiter->next;
    waiter->session->is_waiter = false;
    wk_capability_delete(waiter->event);
    pool_give(waiter, sizeof(*waiter));
}

void locks_wait_no_more(struct session *session)
{
    struct waiter *waiter = lock_waiter_find(session);

    if (waiter != NULL)
        lock_disarm(waiter);
}

enum wk_status locks_wait_for_ends(struct session *session)
{
    struct waiter *waiter = lock_waiter_find(session);

    if (waiter == NULL)
        return WK_BAD_ARGUMENT;
    lock_disarm(waiter);
    waiter->ends_wanted = ++ends_wanted;
    wk_link_append(&for_ends, &waiter->for_ends);
    __atomic_add_fetch(&armed_count, 1, __ATOMIC_RELAXED);
    return WK_WOULD_BLOCK;
}

uint64_t locks_ends_wanted(void)
{
    return __atomic_load_n(&ends_wanted, __ATOMIC_RELAXED);
}

void locks_ends_seen(uint64_t wanted)
{
    while (!wk_links_are_empty(&for_ends)) {
        struct waiter *waiter = WK_LINKED(for_ends.next, struct waiter, for_ends);

        if (waiter->ends_wanted > wanted)
            return;
        tell(waiter);
    }
}

bool locks_are_waited_for(void)
{
    return __atomic_load_n(&armed_count, __ATOMIC_RELAXED) != 0;
}

/* ---- chains of waits ---- */

/* A search for a chain of processes each of which waits for the next. */
struct search {
    struct holder *to_visit;
    const struct session *asker;
    unsigned steps;
};

/* Notes those who stand in the way of what somebody wants; true: the asker is one of them. */
static bool visit(struct search *search, const struct lock_request *request)
{
    const struct file_locks *file = lock_file_find(request->node);
    const struct wk_link *at;
    struct lock *lock;

    if (file == NULL || (search->steps += file->lock_count) > SEARCH_STEPS)
        return false;
    at = &file->locks[request->space];
    while ((lock = lock_next_conflict(file, at, request)) != NULL) {
        if (lock->holder->session == search->asker)
            return true;
        if (lock->holder->search != search_count) {
            lock->holder->search = search_count;
            lock->holder->to_visit = search->to_visit;
            search->to_visit = lock->holder;
        }
        at = &lock->in_file;
    }
    return false;
}

/* Only of ranges of processes: a session may be another process's too, so that it waits means nothing. */
static bool would_deadlock(const struct lock_request *request)
{
    struct search search = {.asker = request->holder};

    if (request->space != LOCK_RANGES || request->pid == 0)
        return false;
    search_count++;
    visit(&search, request);
    while (search.to_visit != NULL) {
        const struct holder *holder = search.to_visit;

        search.to_visit = holder->to_visit;
        for (const struct wk_link *link = holder->waits.next; link != &holder->waits; link = link->next) {
            const struct waiter *waiter = WK_LINKED(link, struct waiter, in_holder);

            if (waiter->wanted.space == LOCK_RANGES && waiter->wanted.pid != 0 && visit(&search, &waiter->wanted))
                return true;
        }
    }
    return false;
}

enum wk_status locks_wait(const struct lock_request *request, struct session *session)
{
    struct waiter *waiter = lock_waiter_find(session);
    struct file_locks *file;
    struct holder *holder;

    if (waiter == NULL)
        return WK_BAD_ARGUMENT;
    lock_disarm(waiter);
    if (would_deadlock(request))
        return WK_DEADLOCK;
    file = lock_file_find(request->node);
    if (file == NULL || file->wait_count == WAITS_OF_FILE_MAX)
        return WK_NO_MEMORY;
    holder = lock_holder_have(request->holder);
    if (holder == NULL)
        return WK_NO_MEMORY;
    waiter->wanted = *request;
    waiter->file = file;
    waiter->holder = holder;
    file->wait_count++;
    wk_link_append(&file->waits, &waiter->in_file);
    wk_link_append(&holder->waits, &waiter->in_holder);
    __atomic_add_fetch(&armed_count, 1, __ATOMIC_RELAXED);
    return WK_WOULD_BLOCK;
}
