/* SPDX-License-Identifier: MIT */
#include "locks.h"

#include "lock_records.h"
#include "pool.h"

const struct lock *locks_conflict(const struct lock_request *request)
{
    const struct file_locks *file = lock_file_find(request->node);

    return file == NULL || !request->is_lock ? NULL : lock_next_conflict(file, &file->locks[request->space], request);
}

/* ---- giving and taking ---- */

static void insert(struct file_locks *file, struct lock *lock)
{
    struct wk_link *list = &file->locks[lock->space], *at = list->previous;

    while (at != list && WK_LINKED(at, struct lock, in_file)->first > lock->first)
        at = at->previous;
    lock->in_file.previous = at;
    lock->in_file.next = at->next;
    at->next->previous = &lock->in_file;
    at->next = &lock->in_file;
}

static struct lock *lock_take(void)
{
    struct lock *lock = pool_take(sizeof(*lock));

    if (lock != NULL) {
        wk_link_init(&lock->in_file);
        wk_link_init(&lock->in_holder);
    }
    return lock;
}

static void lock_begin(struct lock *lock, struct file_locks *file, struct holder *holder)
{
    lock->file = file;
    lock->holder = holder;
    wk_link_append(&holder->locks, &lock->in_holder);
    insert(file, lock);
    file->lock_count++;
    holder->session->view->bearer->locks++;
}

/* Its file and holder stay. */
static void lock_end(struct lock *lock)
{
    wk_link_remove(&lock->in_file);
    wk_link_remove(&lock->in_holder);
    lock->file->lock_count--;
    lock->holder->session->view->bearer->locks--;
    pool_give(lock, sizeof(*lock));
}

static bool has_first_above(const struct lock *lock, uint64_t last)
{
    return lock->first > last && (last == LOCK_LAST || lock->first > last + 1);
}

static bool is_apart(const struct lock *lock, const struct lock_request *request)
{
    return has_first_above(lock, request->last) || (lock->last < request->first && lock->last + 1 < request->first);
}

static bool overlaps(const struct lock *lock, const struct lock_request *request)
{
    return lock->first <= request->last && lock->last >= request->first;
}

/* A lock of the holder's own becomes what it is beside the new one, or a part of that. `spare` is used if it is split. */
static void give_way(struct lock *lock, struct lock_request *merged, struct lock *spare)
{
    struct file_locks *file = lock->file;

    if (merged->is_lock && lock->is_exclusive == merged->is_exclusive) {
        merged->first = lock->first < merged->first ? lock->first : merged->first;
        merged->last = lock->last > merged->last ? lock->last : merged->last;
        lock_end(lock);
    } else if (!overlaps(lock, merged)) {
        return;
    } else if (lock->first < merged->first && lock->last > merged->last && spare != NULL) {
        spare->first = merged->last + 1;
        spare->last = lock->last;
        spare->pid = lock->pid;
        spare->space = lock->space;
        spare->is_exclusive = lock->is_exclusive;
        lock->last = merged->first - 1;
        lock_begin(spare, file, lock->holder);
    } else if (lock->first < merged->first) {
        lock->last = merged->first - 1;
    } else if (lock->last > merged->last) {
        lock->first = merged->last + 1;
        wk_link_remove(&lock->in_file);
        insert(file, lock);
    } else {
        lock_end(lock);
    }
}

/* What the holder has there gives way to what it wants; the records are there. */
static void change(struct file_locks *file, struct holder *holder, const struct lock_request *request,
                   struct lock *fresh, struct lock *spare)
{
    struct lock_request merged = *request;
    struct wk_link *list = &file->locks[request->space], *next;

    for (struct wk_link *link = list->next; link != list; link = next) {
        struct lock *lock = WK_LINKED(link, struct lock, in_file);

        next = link->next;
        if (lock->holder == holder && !is_apart(lock, &merged))
            give_way(lock, &merged, spare);
    }
    if (!request->is_lock)
        return;
    fresh->first = merged.first;
    fresh->last = merged.last;
    fresh->pid = request->pid;
    fresh->space = (uint8_t)request->space;
    fresh->is_exclusive = request->is_exclusive;
    lock_begin(fresh, file, holder);
}

/* What it has there, if the request changes anything of it: whether one would be split, and whether some are freed. */
struct own {
    bool is_split, is_freed;
};

static struct own look_at_own(const struct file_locks *file, const struct lock_request *request)
{
    const struct wk_link *list = &file->locks[request->space];
    struct own own = {false, false};

    for (const struct wk_link *link = list->next; link != list; link = link->next) {
        const struct lock *lock = WK_LINKED(link, struct lock, in_file);
        const bool differs = !request->is_lock || lock->is_exclusive != request->is_exclusive;

        if (lock->holder->session != request->holder || !overlaps(lock, request) || !differs)
            continue;
        own.is_split |= lock->first < request->first && lock->last > request->last;
        own.is_freed |= !request->is_exclusive;
    }
    return own;
}

static bool has_room(const struct file_locks *file, const struct lock_request *request, unsigned records)
{
    return file->lock_count + records <= LOCKS_OF_FILE_MAX &&
           request->holder->view->bearer->locks + records <= sessions_most();
}

static void drop_if_unused(struct file_locks *file, struct holder *holder)
{
    if (holder != NULL)
        lock_holder_drop(holder);
    lock_file_drop(file);
}

/* The same with the file's and the holder's records. */
static enum wk_status set(struct file_locks *file, struct holder *holder, const struct lock_request *request)
{
    const struct own own = look_at_own(file, request);
    const unsigned records = (request->is_lock ? 1U : 0U) + (own.is_split ? 1U : 0U);
    struct lock *fresh = NULL, *spare = NULL;

    if (records != 0 && !has_room(file, request, records))
        return WK_NO_MEMORY;
    if (request->is_lock && (fresh = lock_take()) == NULL)
        return WK_NO_MEMORY;
    if (own.is_split && (spare = lock_take()) == NULL) {
        if (fresh != NULL)
            pool_give(fresh, sizeof(*fresh));
        return WK_NO_MEMORY;
    }
    change(file, holder, request, fresh, spare);
    if (own.is_freed)
        lock_tell_freed(file, request->space, request->first, request->last);
    return WK_OK;
}

/* Linux gives a shared lock of a whole file up before it asks for an exclusive one. */
static void give_up_shared(const struct lock_request *request)
{
    struct lock_request none = *request;

    none.is_lock = none.is_exclusive = false;
    locks_set(&none);
}

enum wk_status locks_set(const struct lock_request *request)
{
    struct file_locks *file;
    struct holder *holder;
    enum wk_status status;

    if (locks_conflict(request) != NULL) {
        if (request->space == LOCK_WHOLE)
            give_up_shared(request);
        return WK_WOULD_BLOCK;
    }
    file = request->is_lock ? lock_file_have(request->node) : lock_file_find(request->node);
    if (file == NULL)
        return request->is_lock ? WK_NO_MEMORY : WK_OK;
    holder = request->is_lock ? lock_holder_have(request->holder) : lock_holder_find(request->holder);
    if (holder == NULL) {
        status = request->is_lock ? WK_NO_MEMORY : WK_OK;
    } else {
        holder->pins++;
        status = set(file, holder, request);
        holder->pins--;
    }
    drop_if_unused(file, holder);
    return status;
}

void locks_give_up(struct session *session, const struct node *node)
{
    struct holder *holder = lock_holder_find(session);
    struct wk_link *next;

    if (holder == NULL)
        return;
    holder->pins++;
    for (struct wk_link *link = holder->locks.next; link != &holder->locks; link = next) {
        struct lock *lock = WK_LINKED(link, struct lock, in_holder);
        struct file_locks *file = lock->file;
        const enum lock_space space = (enum lock_space)lock->space;
        const uint64_t first = lock->first, last = lock->last;

        next = link->next;
        if (node != NULL && (file->node != node || space != LOCK_RANGES))
            continue;
        lock_end(lock);
        lock_tell_freed(file, space, first, last);
        lock_file_drop(file);
    }
    holder->pins--;
    lock_holder_drop(holder);
}

void locks_session_ends(struct session *session)
{
    struct waiter *waiter = lock_waiter_find(session);
    struct holder *holder = lock_holder_find(session);

    if (waiter != NULL)
        lock_waiter_end(waiter);
    if (holder == NULL)
        return;
    holder->pins++;
    while (!wk_links_are_empty(&holder->waits))
        lock_disarm(WK_LINKED(holder->waits.next, struct waiter, in_holder));
    holder->pins--;
    locks_give_up(session, NULL);
}
