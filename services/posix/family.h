/* SPDX-License-Identifier: MIT */
/* Parents and children: how a process is entered, ends, and is waited for. */
#ifndef POSIX_FAMILY_H
#define POSIX_FAMILY_H

#include "process.h"

/* News of a child, as `wait` answers it. */
struct child_news {
    uint64_t pid, end_status, user, used;
};

/* A child of `parent`, or one without a parent if that is NULL; NULL: there is no room. */
struct process *family_enter(struct process *parent);
/* The process has ended: its children get another parent, its own is told, and it becomes a zombie or is forgotten. */
void family_end(struct process *process);
/* Whether nobody of the group has a parent in the same session and another group: it is not to be stopped but by SIGSTOP, for
 * nobody would have it go on. The first process is a parent like others here, for it may be a shell. */
bool family_is_orphaned(uint64_t group);
/* Errors as `wait` has them; WK_WOULD_BLOCK if there is a child, but no news. */
enum wk_status family_wait(struct process *parent, uint64_t which, uint64_t options, struct child_news *news);

#endif
