/* SPDX-License-Identifier: MIT */
/*
 * Other processes that a measurement needs: this program again, started with `play PART`. They have a bank of their own,
 * what they are lent, and a page that they share with the measuring process.
 */
#ifndef PARTNER_H
#define PARTNER_H

#include <channel/channel.h>
#include <winkle/launch.h>

#include <stdbool.h>

#define PARTNER_GRANTS_MAX 6

/* The kinds of neighbours that keep the kernel busy; see neighbours.c. */
enum neighbour {
    NEIGHBOUR_CALLER,
    NEIGHBOUR_MAPPER,
    NEIGHBOUR_REVOKER,
    NEIGHBOUR_DESTROYER,
    NEIGHBOUR_MAKER,
    NEIGHBOUR_FAULTER,
    NEIGHBOUR_TIMEKEEPER,
    NEIGHBOURS
};

/* The page that all partners share with the measuring process. */
struct shared {
    volatile uint64_t woken;                 /* the instant at which a partner woke */
    uint64_t last;                           /* the instant that a partner stored last */
    volatile uint64_t count;                 /* how far a partner has counted */
    volatile uint64_t crowd, is_crowd_ready; /* how many there are to be, and are */
    volatile uint64_t rounds[NEIGHBOURS];    /* what neighbours have done */
};

struct partner {
    wk_handle bank;
    wk_handle budget; /* what it shares in; 0: any */
    struct wk_child child;
    struct wk_grant grants[PARTNER_GRANTS_MAX];
    unsigned grant_count;
};

/* The page, made when it is first asked for; in a partner, the one it was lent. */
struct shared *partner_shared(void);

/* A partner with so many pages, to be lent capabilities by these names and then started. A failure ends the program. */
void partner_prepare(struct partner *partner, uint64_t bank_pages);
void partner_lend(struct partner *partner, const char *name, wk_handle handle);
/* The terms of a channel that this process waits for by bit 0 alone; in the partner, that channel. */
void partner_lend_channel(struct partner *partner, const struct wk_channel_terms *terms);
void partner_open_channel(struct wk_channel *channel, uint64_t sizes);
void partner_start(struct partner *partner, const char *part, uint64_t priority);
/* Ends it, wherever it is, and gives back all that it had. */
void partner_end(struct partner *partner);

/* The part that this process is to play; NULL if it is the measuring one. */
const char *partner_part(int argc, char **argv);

/* A thing that must not fail. */
static inline void expect(const char *what, enum wk_status status)
{
    if (status != WK_OK)
        wk_fail(what, status);
}

#endif
