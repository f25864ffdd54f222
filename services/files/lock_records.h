/* SPDX-License-Identifier: MIT */
/* What the parts of the locks share: records of files, of holders and of those who wait (locks.h). */
#ifndef FILES_LOCK_RECORDS_H
#define FILES_LOCK_RECORDS_H

#include "locks.h"

#define LOCK_LISTS 64

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

/* In which of the lists the record of a node or session stands. */
static inline unsigned lock_list_of(const void *key)
{
    return (unsigned)(((uint64_t)key * UINT64_C(0x9e3779b97f4a7c15)) >> 58);
}

/* ---- lock_records.c: of files and holders; NULL: there is none, or no memory ---- */

struct file_locks *lock_file_find(const struct node *node);
struct file_locks *lock_file_have(struct node *node);
struct holder *lock_holder_find(const struct session *session);
struct holder *lock_holder_have(struct session *session);
/* Unless they are of use still, or pinned. */
void lock_file_drop(struct file_locks *file);
void lock_holder_drop(struct holder *holder);
/* The next lock behind a place in the list that stands in the way, or NULL. */
struct lock *lock_next_conflict(const struct file_locks *file, const struct wk_link *behind,
                                const struct lock_request *request);

/* ---- lock_waits.c ---- */

struct waiter *lock_waiter_find(const struct session *session);
void lock_disarm(struct waiter *waiter);
void lock_waiter_end(struct waiter *waiter);
/* Bytes have become free, perhaps for others to lock: who waits for some of them is to try again. The file's record stays,
 * even if it is of no use any more. */
void lock_tell_freed(struct file_locks *file, enum lock_space space, uint64_t first, uint64_t last);

#endif
