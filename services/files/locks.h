/* SPDX-License-Identifier: MIT */
/*
 * Advisory locks: who has which bytes of a file, and who waits for them. A holder is a session: the one by which the file is
 * open, or one that stands for a process and is named by its ticket. What it holds goes with it.
 *
 * There are two spaces that know nothing of each other: ranges of bytes, as `fcntl` has them, and whole files, as `flock`.
 * Nothing waits here: who would have to is armed, and told once when it is worth while to try again.
 */
#ifndef FILES_LOCKS_H
#define FILES_LOCKS_H

#include "session.h"

#include <winkle/links.h>

#define LOCKS_OF_FILE_MAX 1024 /* they are looked through one by one */
#define WAITS_OF_FILE_MAX 256
#define LOCK_LAST UINT64_MAX /* of a range without end */

enum lock_space { LOCK_RANGES, LOCK_WHOLE, LOCK_SPACES };

/* What somebody wants, or asks about. */
struct lock_request {
    struct session *holder;
    struct node *node;
    uint64_t first, last; /* inclusive */
    uint32_t pid;         /* of the process that the holder stands for, as that says; 0: it stands for itself */
    enum lock_space space;
    bool is_lock; /* no lock: what is held there is given up */
    bool is_exclusive;
};

struct lock {
    struct wk_link in_file; /* by `first`, of one space */
    struct wk_link in_holder;
    struct file_locks *file;
    struct holder *holder;
    uint64_t first, last;
    uint32_t pid;
    bool is_exclusive;
    uint8_t space;
};

/* The lock of somebody else that stands in the way, or NULL. */
const struct lock *locks_conflict(const struct lock_request *request);
/*
 * Gives or takes. WK_WOULD_BLOCK: something stands in the way; WK_NO_MEMORY: there is no room. Then all is as before, but
 * that a whole file's lock that was to change is given up, as Linux has it.
 */
enum wk_status locks_set(const struct lock_request *request);
/* Gives up all ranges that a holder has of a node, or of all of them if `node` is NULL. */
void locks_give_up(struct session *holder, const struct node *node);

/* Makes a session a waiter, by which an event, which is given over, is signalled. */
enum wk_status locks_enlist(struct session *session, wk_handle event, uint64_t bits);
/* Has the waiter, a session, told when what stands in the way may have gone. WK_WOULD_BLOCK: it will be; WK_DEADLOCK: it waits for itself
 * by way of others; WK_NO_MEMORY. */
enum wk_status locks_wait(const struct lock_request *request, struct session *waiter);
/* Has it told when those sessions have been closed that have ended already. */
enum wk_status locks_wait_for_ends(struct session *waiter);
/* It waits no more. */
void locks_wait_no_more(struct session *waiter);
/* How many times somebody waited for ends; those up to a number are told. */
uint64_t locks_ends_wanted(void);
void locks_ends_seen(uint64_t wanted);
/* Whether anybody waits who would not be told if a session ended and nobody called. */
bool locks_are_waited_for(void);

#endif
