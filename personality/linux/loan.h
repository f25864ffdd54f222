/* SPDX-License-Identifier: MIT */
/*
 * vfork: until it executes another program or ends, the child lives in its parent's memory, and the calling thread of the parent waits.
 * The child is a process of its own all the same, with its own descriptors, handlers and identity; only the program's pages are the
 * parent's. What the child changes of the mappings, the thread that waits does first, so that both have the same ones.
 */
#ifndef LINUX_LOAN_H
#define LINUX_LOAN_H

#include "linux.h"

struct loan_page;

struct loan {
    wk_handle done;         /* event: the child has gone on to its own memory or ended, or asks for something */
    wk_handle memory;       /* of the page */
    struct loan_page *page; /* what it asks for, at the same address in both */
};

/* The parent: before the child's table is copied, after it, and when the child runs; `answered` is the child's event. */
enum wk_status loan_make(struct loan *loan);
enum wk_status loan_map(const struct loan *loan, wk_handle child);
void loan_wait(const struct loan *loan, wk_handle answered);
/* Gives back what loan_make made. */
void loan_end(struct loan *loan);
/* Bits of `done`. */
#define LOAN_DONE 1
#define LOAN_REQUEST 2

/* The child: as it begins; and when it needs the parent's memory no longer. */
void loan_begin(const struct loan *loan);
void loan_return(void);
/* Has the parent do a call of Linux on its mappings: its answer. */
int64_t loan_call(uint64_t number, uint64_t first, uint64_t second, uint64_t third, uint64_t fourth);

#endif
