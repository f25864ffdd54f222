/* SPDX-License-Identifier: MIT */
/* Processes that keep the kernel busy: see neighbours.c. */
#ifndef NEIGHBOURS_H
#define NEIGHBOURS_H

#include "partner.h"

struct neighbours {
    wk_handle endpoint, session;
    struct partner server;
    struct partner partners[NEIGHBOURS];
    unsigned kinds; /* the first of them */
};

/* Starts one of each of the first kinds, on a budget that shares this one; 0: any. */
void neighbours_start(struct neighbours *all, unsigned kinds, wk_handle budget);
/* Ends them, and prints what they did; `name` is the benchmark's. */
void neighbours_end(struct neighbours *all, const char *name);

void play_caller(void);
void play_mapper(void);
void play_revoker(void);
void play_destroyer(void);
void play_maker(void);
void play_faulter(void);
void play_timekeeper(void);

#endif
