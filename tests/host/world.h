/* SPDX-License-Identifier: MIT */
/*
 * Random programs: a source of choices decides who invokes what with which words, in a few processes that share one bank.
 * The grammar is the interface table. After each act the invariants are checked, and what the act did to the forest of
 * capabilities is compared with what a small model says (forest.h). At the end the bank is destroyed, and the machine
 * must be as it was before.
 */
#ifndef WORLD_H
#define WORLD_H

#include <stddef.h>
#include <stdint.h>

/* Choices: drawn from data until it ends, then (if `seed` is not 0) from a generator. */
struct choices {
    const uint8_t *data;
    size_t bytes;
    uint64_t seed;
};

/* A number below `limit`; 0 when there are no more choices. */
uint64_t choose(struct choices *choices, uint64_t limit);
int choices_are_left(const struct choices *choices);

/* The most acts of a world whose choices are a fuzzer's input. */
#define FUZZ_ACTS 1000

/* Once after boot. */
void world_prepare(void);
/* Makes programs, lets them act at most `acts` times, and takes everything apart again. */
void world_run(struct choices *choices, unsigned acts);
/* Invocations so far. */
extern uint64_t world_invocations;
/* Prints what is done, for a person who looks for the reason of a failure. */
extern int world_is_loud;

#endif
