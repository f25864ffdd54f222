/* SPDX-License-Identifier: MIT */
#include "locks.h"

#include "pool.h"

#include <winkle/capability.h>
#include <winkle/event.h>

#define LISTS 64
#define SEARCH_STEPS 4096 /* so many locks are looked at for a chain of waits */

/* The locks of a node, as long as there is one or somebody waits for one. It uses the node. */
struct file_locks {
    struct file_locks *next;
    struct node *node;
    struct wk_link locks[LOCK_SPACES]; /* struct lock, in_file */
    struct wk_link waits;              /* struct waiter, in_file */
    uint32_t lock_count, wait_count;
    uint32_t pins; /* while it is looked through it stays */
};

/* A session that has locks or waits for one. */
struct holder {
    struct holder *next;
    struct session *session;
    struct wk_link locks; /* struct lock, in_holder */
    struct wk_link waits; /* struct waiter, in_holder */
    struct holder *to_visit;
    uint64_t search; /* the last one that came by */
    uint32_t pins;
};

struct waiter {
    struct waiter *next;
    struct session *session;
    wk_handle event;
    uint64_t bits;
    struct lock_request wanted;
    struct file_locks *file; /* NULL: it waits for no lock */
    struct holder *holder;
    struct wk_link in_file, in_holder;
    struct wk_link for_ends;
    uint64_t ends_wanted;
};

static struct file_locks *files[LISTS];
static struct holder *holders[LISTS];
static struct waiter *waiters[LISTS];
static struct wk_link for_ends = {&for_ends, &for_ends}; /* struct waiter */
static uint64_t search_count, ends_wanted;
static uint32_t armed_count; /* atomic */

static unsigned list_of(const void *key)
{
    return (unsigned)(((uint64_t)key * UINT64_C(0x9e3779b97f4a7c15)) >> 58);
}

/* ---- records ---- */

static struct file_locks *file_find(const struct node *node)
{
    struct file_locks *file = node->has_locks ? files[list_of(node)] : NULL;

    while (file != NULL && file->node != node)
        file = file->next;
    return file;
}

static struct file_locks *file_have(struct node *node)
{
    struct file_locks *file = file_find(node);

    if (file == NULL)
        file = pool_take(sizeof(*file));
    if (file == NULL || file->node != NULL)
        return file;
    file->node = node;
    wk_link_init(&file->locks[LOCK_RANGES]);
    wk_link_init(&file->locks[LOCK_WHOLE]);
    wk_link_init(&file->waits);
    file->next = files[list_of(node)];
    files[list_of(node)] = file;
    node->has_locks = true;
    node_use(node);
    return file;
}

static void file_drop_if_unused(struct file_locks *file)
{
    struct file_locks **at = &files[list_of(file->node)];
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

static struct holder *holder_find(const struct session *session)
{
    struct holder *holder = session->holds_locks ? holders[list_of(session)] : NULL;

    while (holder != NULL && holder->session != session)
        holder = holder->next;
    return holder;
}

static struct holder *holder_have(struct session *session)
{
    struct holder *holder = holder_find(session);

    if (holder == NULL)
        holder = pool_take(sizeof(*holder));
    if (holder == NULL || holder->session != NULL)
        return holder;
    holder->session = session;
    wk_link_init(&holder->locks);
    wk_link_init(&holder->waits);
    holder->next = holders[list_of(session)];
    holders[list_of(session)] = holder;
    session->holds_locks = true;
    return holder;
}

static void holder_drop_if_unused(struct holder *holder)
{
    struct holder **at = &holders[list_of(holder->session)];

    if (!wk_links_are_empty(&holder->locks) || !wk_links_are_empty(&holder->waits) || holder->pins != 0)
        return;
    while (*at != holder)
        at = &(*at)->next;
    *at = holder->next;
    holder->session->holds_locks = false;
    pool_give(holder, sizeof(*holder));
}

static struct waiter *waiter_find(const struct session *session)
{
    struct waiter *waiter = session->is_waiter ? waiters[list_of(session)] : NULL;

    while (waiter != NULL && waiter->session != session)
        waiter = waiter->next;
    return waiter;
}

/* ---- who waits ---- */

static void disarm(struct waiter *waiter)
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
    file_drop_if_unused(file);
    holder_drop_if_unused(holder);
}

/* That the event has gone is its owner's loss. */
static void tell(struct waiter *waiter)
{
    wk_event_signal(waiter->event, waiter->bits);
    disarm(waiter);
}

/* Bytes have become free, perhaps for others to lock: who waits for some of them is to try again. The file's record stays,
 * even if it is of no use any more. */
static void tell_freed(struct file_locks *file, enum lock_space space, uint64_t first, uint64_t last)
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
    *waiter = (struct waiter){.session = session, .event = event, .bits = bits, .next = waiters[list_of(session)]};
    wk_link_init(&waiter->in_file);
    wk_link_init(&waiter->in_holder);
    wk_link_init(&waiter->for_ends);
    waiters[list_of(session)] = waiter;
    session->is_waiter = true;
    return WK_OK;
}

static void waiter_end(struct waiter *waiter)
{
    struct waiter **at = &waiters[list_of(waiter->session)];

    disarm(waiter);
    while (*at != waiter)
        at = &(*at)->next;
    *at = waiter->next;
    waiter->session->is_waiter = false;
    wk_capability_delete(waiter->event);
    pool_give(waiter, sizeof(*waiter));
}

void locks_wait_no_more(struct session *session)
{
    struct waiter *waiter = waiter_find(session);

    if (waiter != NULL)
        disarm(waiter);
}

enum wk_status locks_wait_for_ends(struct session *session)
{
    struct waiter *waiter = waiter_find(session);

    if (waiter == NULL)
        return WK_BAD_ARGUMENT;
    disarm(waiter);
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

/* ---- what stands in the way ---- */

static bool is_in_the_way(const struct lock *lock, const struct lock_request *request)
{
    return lock->first <= request->last && lock->last >= request->first && lock->holder->session != request->holder &&
           (lock->is_exclusive || request->is_exclusive);
}

/* The next lock behind a place in the list that stands in the way, or NULL. */
static struct lock *next_conflict(const struct file_locks *file, const struct wk_link *behind,
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

const struct lock *locks_conflict(const struct lock_request *request)
{
    const struct file_locks *file = file_find(request->node);

    return file == NULL || !request->is_lock ? NULL : next_conflict(file, &file->locks[request->space], request);
}

/* A search for a chain of processes each of which waits for the next. */
struct search {
    struct holder *to_visit;
    const struct session *asker;
    unsigned steps;
};

/* Notes those who stand in the way of what somebody wants; true: the asker is one of them. */
static bool visit(struct search *search, const struct lock_request *request)
{
    const struct file_locks *file = file_find(request->node);
    const struct wk_link *at;
    struct lock *lock;

    if (file == NULL || (search->steps += file->lock_count) > SEARCH_STEPS)
        return false;
    at = &file->locks[request->space];
    while ((lock = next_conflict(file, at, request)) != NULL) {
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
    struct waiter *waiter = waiter_find(session);
    struct file_locks *file;
    struct holder *holder;

    if (waiter == NULL)
        return WK_BAD_ARGUMENT;
    disarm(waiter);
    if (would_deadlock(request))
        return WK_DEADLOCK;
    file = file_find(request->node);
    if (file == NULL || file->wait_count == WAITS_OF_FILE_MAX)
        return WK_NO_MEMORY;
    holder = holder_have(request->holder);
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
        holder_drop_if_unused(holder);
    file_drop_if_unused(file);
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
        tell_freed(file, request->space, request->first, request->last);
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
    file = request->is_lock ? file_have(request->node) : file_find(request->node);
    if (file == NULL)
        return request->is_lock ? WK_NO_MEMORY : WK_OK;
    holder = request->is_lock ? holder_have(request->holder) : holder_find(request->holder);
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
    struct holder *holder = holder_find(session);
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
        tell_freed(file, space, first, last);
        file_drop_if_unused(file);
    }
    holder->pins--;
    holder_drop_if_unused(holder);
}

void locks_session_ends(struct session *session)
{
    struct waiter *waiter = waiter_find(session);
    struct holder *holder = holder_find(session);

    if (waiter != NULL)
        waiter_end(waiter);
    if (holder == NULL)
        return;
    holder->pins++;
    while (!wk_links_are_empty(&holder->waits))
        disarm(WK_LINKED(holder->waits.next, struct waiter, in_holder));
    holder->pins--;
    locks_give_up(session, NULL);
}
