/* SPDX-License-Identifier: MIT */
/*
 * Sessions of the file service in which nothing is open. What is closed leaves its session here, if the process shares it with
 * nobody, and what is opened next takes it: to open so and to close are short calls without capabilities.
 */
#ifndef LINUX_SPARES_H
#define LINUX_SPARES_H

#include "paths.h"

/* What the file service says of what has been opened. */
struct opened {
    wk_handle node;
    enum wk_node_kind kind;
    uint64_t device, identity;
    uint64_t key;   /* by which the session can be emptied; 0: it cannot */
    uint64_t forks; /* how many there had been */
};

enum wk_status spares_prepare(void);
/* Opens a short path in a session of these; WK_NOT_AVAILABLE: there is none. */
enum wk_status spares_open(const struct path *path, uint64_t options, struct opened *opened);
/* Closes what a session has open, and keeps it: false if it is to be deleted, for it may be shared. */
bool spares_keep(wk_handle session, uint64_t key, uint64_t forks);
/* How often the process forked: what was open then is shared. */
uint64_t spares_forks(void);

/* Around the copying of the table, in which there is none of them. The third is for the copy. */
void spares_fork_begins(void);
void spares_fork_ends(void);
void spares_forked(void);

#endif
