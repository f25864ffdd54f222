/* SPDX-License-Identifier: MIT */
#include "session.h"

#include "pool.h"

#define BLOCK_SESSIONS 48
#define BLOCKS (SESSIONS_MAX / BLOCK_SESSIONS)
#define TICKET_LISTS 256
_Static_assert(BLOCK_SESSIONS * sizeof(struct session) <= POOL_BYTES_MAX, "the pool has no larger records");

static struct session *blocks[BLOCKS];
static unsigned block_count;
static struct session *free_sessions;
static struct session *ended_sessions; /* atomic */
static uint64_t most_of_bearer, open_count;
static struct session *with_tickets[TICKET_LISTS];

static struct session *record(uint64_t badge)
{
    return badge >= block_count * BLOCK_SESSIONS ? NULL : &blocks[badge / BLOCK_SESSIONS][badge % BLOCK_SESSIONS];
}

struct session *session_with(uint64_t badge)
{
    struct session *session = record(badge);

    return session == NULL || session->place.node == NULL ? NULL : session;
}

struct session *session_empty_with(uint64_t badge, const struct view *view)
{
    struct session *session = record(badge);

    return session == NULL || !session->is_empty || session->view != view ? NULL : session;
}

static bool add_block(void)
{
    struct session *block = block_count == BLOCKS ? NULL : pool_take(BLOCK_SESSIONS * sizeof(struct session));

    if (block == NULL)
        return false;
    for (unsigned i = BLOCK_SESSIONS; i-- > 0;) {
        block[i].badge = (uint32_t)(block_count * BLOCK_SESSIONS + i);
        block[i].next = free_sessions;
        free_sessions = &block[i];
    }
    blocks[block_count++] = block;
    return true;
}

enum wk_status session_open(struct view *view, const struct place *place, unsigned rights, struct session **session)
{
    struct session *fresh;

    if (view->bearer->sessions >= most_of_bearer || (free_sessions == NULL && !add_block()))
        return WK_NO_MEMORY;
    fresh = free_sessions;
    free_sessions = fresh->next;
    view->bearer->sessions++;
    open_count++;
    view->users++;
    fresh->view = view;
    fresh->key = 0;
    session_reopen(fresh, place, rights);
    *session = fresh;
    return WK_OK;
}

void session_reopen(struct session *session, const struct place *place, unsigned rights)
{
    node_use(place->node);
    session->place = *place;
    session->rights = (uint8_t)rights;
    session->position = 0;
    session->ticket = 0;
    session->flags = 0;
    session->is_empty = false;
}

/* Nothing of the session changes meanwhile, for nobody can call by it any more. */
void session_note_end(uint64_t badge)
{
    struct session *session = badge == 0 ? NULL : record(badge);

    if (session == NULL || (session->place.node == NULL && !session->is_empty))
        return;
    session->ended = __atomic_load_n(&ended_sessions, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&ended_sessions, &session->ended, session, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
        continue;
}

void sessions_close_ended(void)
{
    struct session *session, *next;

    if (__atomic_load_n(&ended_sessions, __ATOMIC_RELAXED) == NULL)
        return;
    session = __atomic_exchange_n(&ended_sessions, NULL, __ATOMIC_ACQUIRE);
    for (; session != NULL; session = next) {
        next = session->ended;
        session_close(session);
    }
}

uint64_t sessions_open(void)
{
    return open_count;
}

uint64_t sessions_most(void)
{
    return most_of_bearer;
}

bool sessions_have_ended(void)
{
    return __atomic_load_n(&ended_sessions, __ATOMIC_RELAXED) != NULL;
}

static struct session **tickets_like(uint64_t ticket)
{
    return &with_tickets[ticket % TICKET_LISTS];
}

static void forget_ticket(struct session *session)
{
    struct session **at = tickets_like(session->ticket);

    while (*at != session)
        at = &(*at)->next;
    *at = session->next;
}

void session_empty(struct session *session)
{
    if (session->holds_locks || session->is_waiter)
        locks_session_ends(session);
    if (session->ticket != 0)
        forget_ticket(session);
    node_release(session->place.node);
    session->place.node = NULL;
    session->is_empty = true;
}

void session_close(struct session *session)
{
    struct view *view = session->view;

    if (!session->is_empty)
        session_empty(session);
    session->is_empty = false;
    session->next = free_sessions;
    free_sessions = session;
    view->bearer->sessions--;
    open_count--;
    view_release(view);
}

uint64_t session_ticket(struct session *session)
{
    if (session->ticket == 0) {
        struct session **list;

        do
            session->ticket = random_number();
        while (session->ticket == 0 || session_of_ticket(session->ticket) != NULL);
        list = tickets_like(session->ticket);
        session->next = *list;
        *list = session;
    }
    return session->ticket;
}

struct session *session_of_ticket(uint64_t ticket)
{
    struct session *session = ticket == 0 ? NULL : *tickets_like(ticket);

    while (session != NULL && session->ticket != ticket)
        session = session->next;
    return session;
}

enum wk_status sessions_create(struct node *root, uint64_t most)
{
    const struct place place = {root, false};
    struct view *view = view_create(NULL, &place);
    struct session *session;

    most_of_bearer = most;
    if (view == NULL)
        return WK_NO_MEMORY;
    return session_open(view, &place, SESSION_READ, &session);
}
