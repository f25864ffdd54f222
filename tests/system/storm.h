/* SPDX-License-Identifier: MIT */
/*
 * What the storm's director (storm.c) and its players (storm_player.c), processes of their own, share: a memory in
 * which players find the handles that they were given last and count what they do, beyond their own end.
 */
#ifndef STORM_H
#define STORM_H

#include <winkle/abi.h>

#define PLAYERS 4
#define ENDPOINTS 4
/* The endpoint whose servers call nobody and keep no call: calls to it need no deadline. */
#define LEAF (ENDPOINTS - 1)
#define CLIENTS 3
/* The threads of a player that do something. */
enum part { PASSIVE_SERVER, ACTIVE_SERVER, FIRST_CLIENT, PARTS = FIRST_CLIENT + CLIENTS };

#define SHARED_PAGES 2
#define PLAYER_PRIORITY 100
#define OPERATION 0x2000
/* The players' status if something went wrong that must not. */
#define PLAYER_FAILED 1

/* Written by one thread alone; and by the director once that has ended. */
struct cell {
    uint64_t operations;   /* invocations */
    uint64_t begun, ended; /* calls */
    uint64_t answered;     /* with `ok` */
    uint64_t done;         /* a client that was told to stop has stopped */
};

struct player_page {
    struct cell cells[PARTS];
    uint64_t cut_off;              /* calls in which the player's main thread ended a client */
    wk_handle sessions[ENDPOINTS]; /* in the player's table; 0 if it has none */
    wk_handle endpoints[ENDPOINTS];
};

struct shared {
    uint64_t stop; /* 1: clients finish the call that they make, servers go on */
    struct player_page players[PLAYERS];
};
_Static_assert(sizeof(struct shared) <= SHARED_PAGES * WK_PAGE_BYTES, "it fits");

static inline uint64_t storm_read(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline void storm_write(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline void storm_add(uint64_t *word)
{
    storm_write(word, storm_read(word) + 1);
}

/* The part of a player that serves an endpoint, by the player's index. */
static inline unsigned storm_endpoint(unsigned player, enum part part)
{
    return part == PASSIVE_SERVER             ? player % ENDPOINTS
           : (player + 1) % ENDPOINTS == LEAF ? 0
                                              : (player + 1) % ENDPOINTS;
}

static inline uint64_t storm_random(uint64_t *random, uint64_t limit)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*random >> 33) % limit;
}

#endif
