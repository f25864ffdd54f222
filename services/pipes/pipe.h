/* SPDX-License-Identifier: MIT */
/*
 * A pipe: bytes in order, in pages that it takes when they come and gives back when they go; who has its ends open; and who
 * is to be told when something can be done. Nothing here knows of calls or sessions.
 */
#ifndef PIPES_PIPE_H
#define PIPES_PIPE_H

#include <winkle/abi.h>
#include <winkle/links.h>

#include <stdbool.h>

#define PIPE_PAGES_MAX (WK_CAPACITY / WK_PAGE_BYTES + 1) /* the first and the last may be used in part */

/* Which end; also what is told to those who are at it. */
enum side { SIDE_READ, SIDE_WRITE, SIDES };

struct pipe {
    uint32_t pages[PIPE_PAGES_MAX]; /* a ring: those in use begin at first_page */
    uint32_t first_page, page_count;
    uint32_t head;              /* where in the first page the bytes begin */
    uint32_t count;             /* how many they are */
    uint32_t open[SIDES];       /* ends that are open */
    uint64_t opened[SIDES];     /* that ever were */
    struct wk_link arms[SIDES]; /* struct arm, in_pipe: who waits at that side */
    struct wk_link named;       /* pipes with names, see ends.c */
    uint64_t identity;
};

/* Among what an arm is for: that the end comes to be one that nobody waits at. Of no use to clients' words of readiness. */
#define PIPE_NON_BLOCKING (UINT32_C(1) << 31)

/* That a waiter is to be told of something. It goes when it has been. */
struct arm {
    struct waiter *waiter;
    struct pipe *pipe;
    struct wk_link in_pipe, in_waiter;
    enum side side;
    uint32_t wanted, need;
};

/* An event of a client, and what it is armed for. */
struct waiter {
    wk_handle event;
    uint64_t bits;
    uint32_t arm_count;
    struct wk_link arms; /* struct arm, in_waiter */
    struct arm first;    /* one of them, if has_first: who waits for several things is seldom */
    bool has_first;
};

/* A stretch of a pipe's bytes, or of its room. */
struct span {
    wk_handle memory;
    uint64_t offset;
    uint8_t *address;
    uint32_t length;
};

void pipe_init(struct pipe *pipe);
/* Gives back its pages, and forgets who waits. */
void pipe_end(struct pipe *pipe);

static inline uint32_t pipe_room(const struct pipe *pipe)
{
    return WK_CAPACITY - pipe->count;
}

/* Sees to it that there are pages for `length` more bytes; false: the bank cannot pay, all is as before.
 * Requires: length <= pipe_room(pipe). */
bool pipe_reserve(struct pipe *pipe, uint32_t length);
/* Gives back the pages behind the last byte. */
void pipe_unreserve(struct pipe *pipe);
/* The stretch that begins `position` bytes behind the first, and has at most `length`. Requires: it has its page. */
struct span pipe_span(const struct pipe *pipe, uint32_t position, uint32_t length);
/* What was reserved has been filled; what is first has been taken. */
void pipe_filled(struct pipe *pipe, uint32_t length);
void pipe_taken(struct pipe *pipe, uint32_t length);
/* Copies to or from ordinary memory. Requires: they are there, or reserved. */
void pipe_put(struct pipe *pipe, const uint8_t *bytes, uint32_t length);
void pipe_get(struct pipe *pipe, uint8_t *bytes, uint32_t length);

void waiter_init(struct waiter *waiter, wk_handle event, uint64_t bits);
void waiter_end(struct waiter *waiter);
/* The waiter is told once when one of the things of `wanted` (WK_READINESS_*, PIPE_NON_BLOCKING) comes to be so at that side; to write, when
 * there is room for `need` bytes. False: there is no room to note that. */
bool pipe_arm(struct pipe *pipe, enum side side, struct waiter *waiter, uint32_t wanted, uint32_t need);
/* Things have come to be so at that side: who waits for one of them is told. */
void pipe_tell(struct pipe *pipe, enum side side, uint32_t things);

#endif
