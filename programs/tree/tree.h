/* SPDX-License-Identifier: MIT */
/* What a walk over all objects of the system found. */
#ifndef TREE_H
#define TREE_H

#include <winkle/abi.h>

#include <stdbool.h>

/* A capability of a process's table. */
struct found_capability {
    wk_handle handle;
    uint64_t type;
    uint64_t rights;
    uint64_t identity; /* of the object */
    uint64_t lender;   /* the process it was borrowed from, or 0 */
};

struct found_object {
    uint64_t type;
    uint64_t identity;
    uint64_t bank; /* who pays; a bank: its parent */
    uint64_t capabilities;
    uint64_t pages;
    uint64_t detail;
    uint64_t first_capability, capability_count; /* a process: its table, in `capabilities` */
};

struct found {
    struct found_object *objects;
    uint64_t object_count;
    struct found_capability *capabilities;
    uint64_t capability_count;
    bool cut_short; /* there were more than there was room for */
};

/* Walks. Ends the program if it may not inspect. */
void walk(struct found *found);

#endif
