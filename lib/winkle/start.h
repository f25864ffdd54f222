/* SPDX-License-Identifier: MIT */
/*
 * How a program starts, and what it then knows of itself.
 *
 * Whoever launches a program maps one page into it, read-only: the start block. Its address is in a0 of the first
 * thread, which has a stack. The block says what the program was given: its arguments and its capabilities, by name.
 * There is no environment. The start-up code reads it into `wk_self` and calls `main(argc, argv)`, argv[0] being the
 * program's name; what main returns is the process's status.
 */
#ifndef WINKLE_START_H
#define WINKLE_START_H

#include <winkle/abi.h>

#define WK_START_MAGIC UINT64_C(0x7472617473656b77) /* "wkestart" */
#define WK_NAME_BYTES 16
#define WK_NAMED_MAX 24

/* A capability with a name. `offset` and `bytes` say where in a memory object its content lies; of a stream (stream.h) what kind
 * it is and for which group of processes; else they are 0. */
struct wk_named {
    char name[WK_NAME_BYTES]; /* ends with a zero byte */
    wk_handle handle;
    uint64_t offset;
    uint64_t bytes;
};

struct wk_start {
    uint64_t magic;
    uint64_t argc;
    const char *const *argv; /* argc strings and a NULL, in the block */
    uint64_t timebase_hz;    /* ticks of the `time` counter in a second */
    wk_handle process;       /* this process, with all rights */
    wk_handle thread;        /* its first thread, with all rights */
    wk_handle bank;          /* what it may spend; 0 if nothing */
    wk_handle budget;        /* what its threads run on, to use, split and inspect */
    uint64_t stack_lowest;   /* the first thread's stack: its first address */
    uint64_t stack_bytes;
    uint64_t named_count;
    struct wk_named named[WK_NAMED_MAX];
};

/* What the program was given; 0 for what it was not. Set before main. */
struct wk_self {
    wk_handle process;
    wk_handle bank;
    wk_handle budget;  /* of processor time: no thread of it is more urgent, and all together get no more */
    wk_handle machine; /* the capability named "machine": console, power, inspection, as far as its rights go */
    wk_handle trace;   /* the one named "trace" */
    const struct wk_start *start;
};
extern struct wk_self wk_self;

/* The capability that the program was given under this name, or NULL. Bound: WK_NAMED_MAX comparisons. */
const struct wk_named *wk_named_find(const char *name);
/* Its handle, or 0. */
wk_handle wk_named_handle(const char *name);

/* Ends the process with all its threads; its launcher learns the status. */
__attribute__((noreturn)) void wk_exit(int status);
/* Prints "NAME: REASON" and a status if it is not WK_OK, and ends the process with status 1. */
__attribute__((noreturn)) void wk_fail(const char *what, enum wk_status status);

#endif
