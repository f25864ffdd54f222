/* SPDX-License-Identifier: MIT */
/*
 * Objects made, used, lent, revoked and destroyed at random. Each worker is a thread with its own pool of items, its
 * own random numbers and its own bank; whatever the workers do, the same seed does the same with one worker.
 */
#ifndef STRESS_H
#define STRESS_H

#include <winkle/launch.h>
#include <winkle/threads.h>

#define POOL_ITEMS 24
#define WORKERS_MAX 4

enum item_kind { ITEM_NONE, ITEM_MEMORY, ITEM_LOAN, ITEM_EVENT, ITEM_TIMER, ITEM_PROCESS, ITEM_BANK, ITEM_PROGRAM };
#define ITEM_KINDS 8

struct item {
    enum item_kind kind;
    wk_handle handle;
    wk_handle event;       /* a timer's or a program's */
    uint64_t pages;        /* a memory's */
    uint64_t pattern;      /* what a memory's pages hold; 0: nothing was written */
    struct wk_child child; /* a program */
};

struct worker {
    struct wk_thread thread;
    uint64_t random;
    uint64_t steps;
    wk_handle bank;
    struct item pool[POOL_ITEMS];
    uint64_t acts[ITEM_KINDS]; /* what it did, for the report */
};

/* The next random number below `limit`. */
uint64_t random_below(struct worker *worker, uint64_t limit);
/* Ends the program if the status is not one that random use can bring about. Returns whether it is WK_OK. */
bool tolerate(const char *what, enum wk_status status);

/* What can be done with an item of a kind. `make` fills an empty item, or leaves it empty; `use` does something at
 * random with it; `drop` empties it. */
struct item_operations {
    void (*make)(struct worker *worker, struct item *item);
    void (*use)(struct worker *worker, struct item *item);
    void (*drop)(struct item *item);
};
extern const struct item_operations item_operations[ITEM_KINDS];

/* memories.c */
void memory_make(struct worker *worker, struct item *item);
void memory_use(struct worker *worker, struct item *item);
/* programs.c */
void program_make(struct worker *worker, struct item *item);
void program_use(struct worker *worker, struct item *item);
void program_drop(struct item *item);
/* Finds this program in the boot archive, for program_make. */
void programs_open(void);

#endif
