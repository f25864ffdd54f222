/* SPDX-License-Identifier: MIT */
/*
 * Sessions: what clients have open. The badge of a session is its number here; 0 is the root's, which is always open. A view
 * and those made from it have a bounded number of sessions together, so that none takes all there are.
 */
#ifndef FILES_SESSION_H
#define FILES_SESSION_H

#include "path.h"

#define SESSIONS_MAX 65536 /* `directory: reopen_short` has 16 bits for the number of one */

enum session_right {
    SESSION_READ = 1,
    SESSION_WRITE = 2,
    SESSION_EXECUTE = 4,
};

struct session {
    struct place place; /* node NULL: the session is free, or empty */
    struct view *view;
    uint64_t position;
    uint64_t ticket;       /* 0: none was asked for */
    uint64_t key;          /* by which who opened it may have it emptied; 0: nobody may */
    struct session *next;  /* in the list of free sessions, or with tickets of the same hash */
    struct session *ended; /* in the list of those that are known to have ended */
    uint32_t badge;
    uint8_t rights;
    uint8_t flags;               /* WK_DESCRIPTION_FLAGS_*, which all have in common who share it */
    bool holds_locks, is_waiter; /* locks.c has something of it */
    bool is_empty;               /* nothing is open, but it is there */
};

/* Makes session 0, of a view of the whole tree. No view, with those made from it, has more sessions than `most`. */
enum wk_status sessions_create(struct node *root, uint64_t most);
/* The session with a badge, or NULL: never one that is free or empty. */
struct session *session_with(uint64_t badge);
/* One that is empty, of that view; or NULL. */
struct session *session_empty_with(uint64_t badge, const struct view *view);
/* A new one; WK_NO_MEMORY: there are as many as there can be. */
enum wk_status session_open(struct view *view, const struct place *place, unsigned rights, struct session **session);
void session_close(struct session *session);
/* Closes what it has open, and opens something in one that is empty. */
void session_empty(struct session *session);
void session_reopen(struct session *session, const struct place *place, unsigned rights);
/* The two halves of that: notes that a session has ended, without the lock; closes those that have been noted. */
void session_note_end(uint64_t badge);
void sessions_close_ended(void);
/* How many are open, and how many a view may have with those made from it. */
uint64_t sessions_open(void);
uint64_t sessions_most(void);
/* Whether one has been noted that was not closed yet. */
bool sessions_have_ended(void);

/* A session's ticket, which it keeps, and the session whose ticket it is, or NULL. */
uint64_t session_ticket(struct session *session);
struct session *session_of_ticket(uint64_t ticket);

/* For what stands around: a number that nobody can guess. */
uint64_t random_number(void);
/* And what locks know of a session that ends. */
void locks_session_ends(struct session *session);

#endif
