/* SPDX-License-Identifier: MIT */
/* What the files of the random programs call of each other. */
#ifndef WORLD_PARTS_H
#define WORLD_PARTS_H

#include "harness.h"
#include "world.h"

/* The priority of the programs' threads, and their ceiling. */
#define PRIORITY 20

/* world_words.c */
bool one_in(struct choices *choices, uint64_t limit);
uint64_t some_address(struct choices *choices);
/* Mostly one that names something of that type in the process's table. */
uint64_t some_handle(struct choices *choices, const struct process *process, unsigned type);
/* Mostly one that the argument's description accepts. */
uint64_t some_word(struct choices *choices, const struct process *process, const struct interface_word *word);

#endif
