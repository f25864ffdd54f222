/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: page tables, address space identifiers, and TLB shoot-down.
 *
 * A change that takes something away (entry removed, or less allowed) flushes this hart's TLB at once and asks the other
 * harts that may hold the entry by an epoch: nobody waits under the lock. An operation that owes its caller the effect
 * ends when space_flush_done(epoch).
 *
 * Stores to code become visible to a hart's fetches by a fence that only the hart itself executes. It does so where it
 * flushes: when it meets a space, and when it is asked. So an executable entry is made when all harts that run the space
 * have been asked, and those that run it later have to meet it anew (space_fetch_prepare).
 *
 * INV-SPACE-1 the frame record of a page-table page counts its present entries (root: user half only) in `next`;
 *             an empty table but the root is not kept. INV-SPARSE-1 holds of it.
 * INV-SPACE-2 last_table is the lowest table for the addresses that have last_place as their upper part, or last_place is
 *             SPACE_NO_PLACE.
 * INV-SPACE-3 the harts whose `space` it is are in `harts`.
 */
#ifndef SPACE_H
#define SPACE_H

#include "arch/arch.h"
#include "frame.h"

#define SPACE_NO_PLACE UINT64_MAX
#define SPACE_ENTRIES 512
#define SPACE_LEAF_SHIFT 12
#define SPACE_LEVEL_BITS 9

struct space {
    uint64_t *root;       /* the root table */
    uint64_t *last_table; /* the table of pages' entries that was used last, and its record */
    struct frame *last_frame;
    uint64_t last_place;  /* its addresses, without the part that it translates */
    uint64_t switch_word; /* for arch_space_switch: its root and its number */
    struct bank *bank;    /* pays for tables */
    uint64_t asid;        /* its own; 0: shared, and flushed at each switch */
    uint64_t harts;       /* harts that may hold entries of it, and have fenced their fetches for it, by index */
    uint64_t code_made;   /* how often pages became executable in it */
};

/* Takes one frame. */
enum wk_status space_init(struct space *space, struct bank *bank);
/* Requires: no entries are left (space_remove), no hart has it current. */
void space_release(struct space *space);
/* Makes it current on this hart. */
void space_activate(struct space *space);
/* Makes the kernel's own part, without any process, current on this hart. */
void space_kernel_activate(void);

/*
 * Enters one page; an existing entry of it is replaced. WK_NO_MEMORY if a table cannot be paid. Takes at most two frames.
 * Does not flush other harts: for upgrades and new entries only.
 */
enum wk_status space_enter(struct space *space, uint64_t address, struct physical page, uint64_t protection,
                           enum arch_leaf_kind kind);
/* The same for 512 contiguous pages where nothing is entered. Takes at most one frame. */
enum wk_status space_enter_large(struct space *space, uint64_t address, struct physical page, uint64_t protection);
/*
 * What this hart sees in memory now is what all harts are to fetch through the space, before an executable entry is made
 * or code was changed. False: others run it, and will have fenced when space_flush_done(space_flush_epoch()).
 */
bool space_fetch_prepare(struct space *space);
/* Whether its bank can pay now for the tables that a page at `address` needs. */
bool space_can_enter(const struct space *space, uint64_t address);
/* The leaf entry that translates `address`, 0 if none; *bytes becomes what it covers: a page, a large page, or without
 * an entry the part that is known to be empty. */
uint64_t space_lookup(const struct space *space, uint64_t address, uint64_t *bytes);
/*
 * Takes protection away from leaves in [start, end), or with `protection` 0 removes them, with tables that become empty;
 * flushes. From the end downwards, a group of entries at most, or to remove half of one: returns the end of what is left.
 */
uint64_t space_restrict(struct space *space, uint64_t start, uint64_t end, uint64_t protection);
/*
 * Removes all leaves with their tables, a few tables in one go; false when none are left. Requires: no thread runs in the space or
 * ever will, so that no hart flushes.
 */
bool space_clear_step(struct space *space);
/* Removes the leaf at `address`, if there is one. */
static inline void space_remove(struct space *space, uint64_t address)
{
    space_restrict(space, address, address + WK_PAGE_BYTES, 0);
}

/* Whether no other hart than this one may hold entries of it. */
static inline bool space_is_local(const struct space *space)
{
    return (space->harts & hart_current()->others) == 0;
}

static inline unsigned space_level_shift(unsigned level)
{
    return SPACE_LEAF_SHIFT + SPACE_LEVEL_BITS * level;
}

static inline uint64_t *space_entry_in(uint64_t *table, uint64_t address, unsigned level)
{
    return &table[address >> space_level_shift(level) & (SPACE_ENTRIES - 1)];
}

static inline bool space_is_in_last_table(const struct space *space, uint64_t address)
{
    return __builtin_expect(space->last_place == address >> space_level_shift(1), 1);
}

/* Whether what was removed last took longer: tables went, or other harts may hold it. */
static inline bool space_removal_is_long(const struct space *space)
{
    return space->last_place == SPACE_NO_PLACE || !space_is_local(space);
}

/* Whether what is entered for the page at `address` can be removed in a few instructions, by space_remove_shortly. */
static inline bool space_removal_is_short(const struct space *space, uint64_t address)
{
    return space_is_in_last_table(space, address) && space->last_frame->next != 1 && space_is_local(space);
}

static inline void space_remove_shortly(struct space *space, uint64_t address)
{
    uint64_t *entry = space_entry_in(space->last_table, address, 0);

    if (!arch_entry_is_present(*entry))
        return;
    *entry = 0;
    space->last_frame->next--;
    arch_flush_page(space->asid, address);
}

/* The hart is due, too: what is dropped from now on is not reused before it has been outside the kernel's assembly. */
void space_flush_hart(const struct hart *hart);
/* The epoch that all harts must have seen before what was taken away so far is out of every TLB; asks them, so it is to be
 * called at the end of many changes rather than after each. Requires: the lock. */
uint64_t space_flush_epoch(void);
bool space_flush_done_slowly(uint64_t epoch);
static inline bool space_flush_done(uint64_t epoch)
{
    return epoch == 0 || space_flush_done_slowly(epoch);
}
/* The same for the low half of an epoch that is less than 2^31 back. */
bool space_flush_done_low(uint32_t epoch);
/* This hart catches up with all requests. Without the lock or with it. */
void space_flush_serve(void);

#endif
