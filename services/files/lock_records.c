/* SPDX-License-Identifier: MIT */
#include "lock_records.h"

#include "pool.h"

static struct file_locks *files[LOCK_LISTS];
static struct holder *holders[LOCK_LISTS];

struct file_locks *lock_file_find(const struct node *node)
{
    struct file_locks *file = node->has_locks ? files[lock_list_of(node)] : NULL;

    while (file != NULL && file->node != node)
        file = file->next;
    return file;
}

struct file_locks *lock_file_have(struct node *node)
{
    struct file_locks *file = lock_file_find(node);

    if (file == NULL)
        file = pool_take(sizeof(*file));
    if (file == NULL || file->node != NULL)
        return file;
    file->node = node;
    wk_link_init(&file->locks[LOCK_RANGES]);
    wk_link_init(&file->locks[LOCK_WHOLE]);
    wk_link_init(&file->waits);
    file->next = files[lock_list_of(node)];
    files[lock_list_of(node)] = file;
    node->has_locks = true;
    node_use(node);
    return file;
}

void lock_file_drop(struct file_locks *file)
{
    struct file_locks **at = &files[lock_list_of(file->node)];
    struct node *node = file->node;

    if (file->lock_count != 0 || file->wait_count != 0 || file->pins != 0)
        return;
    while (*at != file)
        at = &(*at)->next;
    *at = file->next;
    node->has_locks = false;
    pool_give(file, sizeof(*file));
    node_release(node);
}

struct holder *lock_holder_find(const struct session *session)
{
    struct holder *holder = session->holds_locks ? holders[lock_list_of(session)] : NULL;

    while (holder != NULL && holder->session != session)
        holder = holder->next;
    return holder;
}

struct holder *lock_holder_have(struct session *session)
{
    struct holder *holder = lock_holder_find(session);

    if (holder == NULL)
        holder = pool_take(sizeof(*holder));
    if (holder == NULL || holder->session != NULL)
        return holder;
    holder->session = session;
    wk_link_init(&holder->locks);
    wk_link_init(&holder->waits);
    holder->next = holders[lock_list_of(session)];
    holders[lock_list_of(session)] = holder;
    session->holds_locks = true;
    return holder;
}

void lock_holder_drop(struct holder *holder)
{
    struct holder **at = &holders[lock_list_of(holder->session)];

    if (!wk_links_are_empty(&holder->locks) || !wk_links_are_empty(&holder->waits) || holder->pins != 0)
        return;
    while (*at != holder)
        at = &(*at)->next;
    *at = holder->next;
    holder->session->holds_locks = false;
    pool_give(holder, sizeof(*holder));
}

/* ---- what stands in the way ---- */

static bool is_in_the_way(const struct lock *lock, const struct lock_request *request)
{
    return lock->first <= request->last && lock->last >= request->first && lock->holder->session != request->holder &&
           (lock->is_exclusive || request->is_exclusive);
}

struct lock *lock_next_conflict(const struct file_locks *file, const struct wk_link *behind,
                                const struct lock_request *request)
{
    const struct wk_link *list = &file->locks[request->space];

    for (struct wk_link *link = behind->next; link != list; link = link->next) {
        struct lock *lock = WK_LINKED(link, struct lock, in_file);

        if (lock->first > request->last)
            return NULL;
        if (is_in_the_way(lock, request))
            return lock;
    }
    return NULL;
}
