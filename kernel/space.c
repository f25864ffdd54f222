/* SPDX-License-Identifier: MIT */
/*
 * Address spaces. Page tables are pages of the process's bank; their frame records count the present entries, so that a
 * table that becomes empty goes at once. Every walk is ARCH_TABLE_LEVELS steps.
 *
 * Address space identifiers: each space has its own from creation to release, as long as there are any; the rest share
 * number 0, and switching to one of those flushes. A hart flushes an identifier when it first meets the space, so that
 * reuse needs no shoot-down.
 *
 * Shoot-down: whoever takes something away flushes its own hart. Another hart on which the space is current is due: with
 * the next flush epoch, which begins when somebody has to wait for it, it is asked and notified, once for all that was taken
 * away until then; it flushes everything and notes the epoch that it has seen. A hart that has met the
 * space but runs another now is only forgotten by it: it flushes the identifier when it meets the space again. Guarded by
 * the kernel lock, but for `flush_seen` and the reading of `flush_asked`.
 */
#include "space.h"

#include "assert.h"
#include "bank.h"
#include "bits.h"
#include "config.h"

#include <stdatomic.h>

#define ENTRIES 512
#define LEAF_SHIFT 12
#define LEVEL_BITS 9
#define ASIDS_MAX 4096

static _Atomic uint64_t flush_epoch;
static uint64_t flush_due; /* harts, by index, that are to be asked with the next epoch */
static uint64_t asids_used[ASIDS_MAX / 64];
static uint64_t asid_words_full; /* a bit for each word of asids_used without a free number */

static inline unsigned level_shift(unsigned level)
{
    return LEAF_SHIFT + LEVEL_BITS * level;
}

static inline uint64_t *entry_in(uint64_t *table, uint64_t address, unsigned level)
{
    return &table[address >> level_shift(level) & (ENTRIES - 1)];
}

/* Remembers the lowest table, in which `entry` for `address` is: the next access most often is close to the last one. */
static void remember_table(struct space *space, uint64_t address, uint64_t *entry)
{
    space->last_place = address >> level_shift(1);
    space->last_table = (uint64_t *)((uintptr_t)entry & ~(uintptr_t)(WK_PAGE_BYTES - 1));
    space->last_frame = frame_of(entry);
}

static inline bool is_in_last_table(const struct space *space, uint64_t address)
{
    return __builtin_expect(space->last_place == address >> level_shift(1), 1);
}

/* The lowest free identifier from 1, or 0 if all are taken. */
SMALL static uint64_t asid_take(void)
{
    const unsigned bits = arch_asid_bits();
    unsigned word;
    uint64_t asid;

    if (bits == 0 || asid_words_full == UINT64_MAX)
        return 0;
    asids_used[0] |= 1;
    word = bit_lowest(~asid_words_full);
    asid = word * 64 + bit_lowest(~asids_used[word]);
    if (bits < 12 && asid >> bits != 0)
        return 0;
    asids_used[word] |= UINT64_C(1) << asid % 64;
    if (asids_used[word] == UINT64_MAX)
        asid_words_full |= UINT64_C(1) << word;
    return asid;
}

static void asid_release(uint64_t asid)
{
    if (asid == 0)
        return;
    asids_used[asid / 64] &= ~(UINT64_C(1) << asid % 64);
    asid_words_full &= ~(UINT64_C(1) << asid / 64);
}

SMALL enum wk_status space_init(struct space *space, struct bank *bank)
{
    uint64_t *root = bank_page(bank, space);

    if (root == NULL)
        return WK_NO_MEMORY;
    arch_space_prepare(root);
    space->root = root;
    space->root_physical = arch_physical(root);
    space->last_place = SPACE_NO_PLACE;
    space->bank = bank;
    space->harts = 0;
    space->asid = asid_take();
    return WK_OK;
}

SMALL void space_release(struct space *space)
{
    assert(frame_of(space->root)->next == 0); /* INV-SPACE-1 */
    for (unsigned i = 0; i < hart_count; i++)
        assert(harts[i]->space != space);
    frame_drop(frame_of(space->root), space->bank);
    asid_release(space->asid);
    space->root = NULL;
}

void space_activate(struct space *space)
{
    struct hart *hart = hart_current();
    const uint64_t bit = UINT64_C(1) << hart->index;

    hart->space = space;
    arch_space_switch(space->root_physical, space->asid);
    if (space->asid == 0) {
        arch_flush_all();
        space->harts |= bit;
    } else if (!(space->harts & bit)) {
        arch_flush_space(space->asid);
        space->harts |= bit;
    }
}

void space_kernel_activate(void)
{
    hart_current()->space = NULL;
    arch_space_switch(arch_kernel_root(), 0);
}

SMALL static __attribute__((noinline)) void flush_others_slowly(struct space *space, const struct hart *self)
{
    for (unsigned i = 0; i < hart_count; i++) {
        const uint64_t bit = UINT64_C(1) << i;

        if (harts[i] == self || !(space->harts & bit))
            continue;
        if (harts[i]->space == space)
            flush_due |= bit;
        else
            space->harts &= ~bit;
    }
}

void space_flush_hart(const struct hart *hart)
{
    if (hart != hart_current())
        flush_due |= UINT64_C(1) << hart->index;
}

/* Asks the harts that are due, all for everything that was taken away until now. */
SMALL static __attribute__((noinline)) void ask_for_flush(void)
{
    const uint64_t epoch = atomic_load_explicit(&flush_epoch, memory_order_relaxed) + 1;

    for (uint64_t due = flush_due; due != 0; due &= due - 1) {
        struct hart *hart = harts[bit_lowest(due)];

        atomic_store_explicit(&hart->flush_asked, epoch, memory_order_seq_cst);
        if (hart == hart_current())
            space_flush_serve();
        else
            hart_notify(hart);
    }
    flush_due = 0;
    atomic_store_explicit(&flush_epoch, epoch, memory_order_seq_cst);
}

/* What was taken away from the space must leave all TLBs: this hart's is the caller's business, here the others'. */
static inline void flush_others(struct space *space)
{
    if (!space_is_local(space))
        flush_others_slowly(space, hart_current());
}

uint64_t space_flush_epoch(void)
{
    if (__builtin_expect(flush_due != 0, 0))
        ask_for_flush();
    return atomic_load_explicit(&flush_epoch, memory_order_relaxed);
}

bool space_flush_done_slowly(uint64_t epoch)
{
    for (unsigned i = 0; i < hart_count; i++) {
        const uint64_t seen = atomic_load_explicit(&harts[i]->flush_seen, memory_order_acquire);

        /* A hart that has seen all that it was asked has seen enough. */
        if (seen < epoch && seen < atomic_load_explicit(&harts[i]->flush_asked, memory_order_relaxed))
            return false;
    }
    return true;
}

bool space_flush_done_low(uint32_t epoch)
{
    const uint64_t now = space_flush_epoch();

    return space_flush_done_slowly(now - (uint32_t)((uint32_t)now - epoch));
}

void space_flush_serve(void)
{
    struct hart *hart = hart_current();
    const uint64_t asked = atomic_load_explicit(&hart->flush_asked, memory_order_seq_cst);

    if (asked <= atomic_load_explicit(&hart->flush_seen, memory_order_relaxed))
        return;
    arch_flush_all();
    atomic_store_explicit(&hart->flush_seen, asked, memory_order_release);
}

/*
 * The entry for `address` on the way down to `level`, or the first above it that is no table; *level becomes its level.
 */
static uint64_t *walk(const struct space *space, uint64_t address, unsigned *level)
{
    uint64_t *table = space->root;
    unsigned at = ARCH_TABLE_LEVELS - 1;
    uint64_t *entry = entry_in(table, address, at);

    while (at > *level && arch_entry_is_table(*entry)) {
        table = arch_entry_table_pointer(*entry);
        at--;
        entry = entry_in(table, address, at);
    }
    *level = at;
    return entry;
}

/* Frees the tables on the way to `address` that have no entries. All leave the tree before the first is dropped, so that
 * one shoot-down is enough. */
static void release_empty_tables(struct space *space, uint64_t address)
{
    struct frame *empty[ARCH_TABLE_LEVELS - 1];
    unsigned count = 0;

    for (unsigned target = 1; target < ARCH_TABLE_LEVELS; target++) {
        unsigned level = target;
        uint64_t *entry = walk(space, address, &level);
        struct frame *table;

        if (level != target || !arch_entry_is_present(*entry))
            continue; /* the table that lost its last entry stands higher */
        if (arch_entry_is_leaf(*entry))
            break;
        table = frame_of(arch_entry_table_pointer(*entry));
        if (table->next != 0)
            break;
        *entry = 0;
        frame_of(entry)->next--;
        empty[count++] = table;
    }
    if (count == 0)
        return;
    space->last_place = SPACE_NO_PLACE; /* INV-SPACE-2 */
    arch_flush_space(space->asid);
    flush_others(space);
    while (count-- > 0)
        frame_drop(empty[count], space->bank);
}

/* Makes the tables that `address` has not down to `level`. WK_NO_MEMORY leaves none behind. */
SMALL static enum wk_status make_tables(struct space *space, uint64_t address, unsigned target, uint64_t **found)
{
    unsigned level = target;
    uint64_t *entry = walk(space, address, &level);

    if (level != target && !bank_can_pay(space->bank, level - target))
        return WK_NO_MEMORY;
    for (; level != target; level--) {
        uint64_t *table = bank_page(space->bank, space);

        if (table == NULL) {
            release_empty_tables(space, address);
            return WK_NO_MEMORY;
        }
        assert(!arch_entry_is_present(*entry)); /* a large leaf is removed before it is entered piecemeal */
        *entry = arch_entry_table(arch_physical(table));
        frame_of(entry)->next++;
        entry = entry_in(table, address, level - 1);
    }
    *found = entry;
    return WK_OK;
}

/* Writes a leaf entry in place of what is there; `table` is the record of its table. */
static inline void write_leaf(const struct space *space, uint64_t address, uint64_t *entry, struct frame *table,
                              uint64_t leaf)
{
    const bool replaces = arch_entry_is_present(*entry);

    *entry = leaf;
    if (__builtin_expect(replaces, 0))
        arch_flush_page(space->asid, address);
    else
        table->next++;
    arch_entry_published();
}

/* Where tables have to be made, or another one than the last is meant. */
static __attribute__((noinline)) enum wk_status enter_slowly(struct space *space, uint64_t address, uint64_t leaf,
                                                             unsigned level)
{
    uint64_t *entry;

    if (make_tables(space, address, level, &entry) != WK_OK)
        return WK_NO_MEMORY;
    if (level == 0)
        remember_table(space, address, entry);
    write_leaf(space, address, entry, frame_of(entry), leaf);
    return WK_OK;
}

enum wk_status space_enter(struct space *space, uint64_t address, struct physical page, uint64_t protection,
                           enum arch_leaf_kind kind)
{
    const uint64_t leaf = arch_entry_leaf(page, protection, kind);

    if (!is_in_last_table(space, address))
        return enter_slowly(space, address, leaf, 0);
    write_leaf(space, address, entry_in(space->last_table, address, 0), space->last_frame, leaf);
    return WK_OK;
}

enum wk_status space_enter_large(struct space *space, uint64_t address, struct physical page, uint64_t protection)
{
    return enter_slowly(space, address, arch_entry_leaf(page, protection, ARCH_LEAF_MEMORY), 1);
}

uint64_t space_lookup(const struct space *space, uint64_t address, uint64_t *bytes)
{
    unsigned level = 0;
    const uint64_t entry = *walk(space, address, &level);

    *bytes = UINT64_C(1) << level_shift(level);
    return arch_entry_is_present(entry) ? entry : 0;
}

/* Where another table than the last is meant, or others may hold the entry, or the table becomes empty. */
static __attribute__((noinline)) uint64_t remove_slowly(struct space *space, uint64_t address)
{
    unsigned level = 0;
    uint64_t *entry = walk(space, address, &level);
    struct frame *table = frame_of(entry);

    if (level == 0)
        remember_table(space, address, entry);
    if (arch_entry_is_present(*entry)) {
        *entry = 0;
        table->next--;
        arch_flush_page(space->asid, address);
        flush_others(space);
        if (table->next == 0)
            release_empty_tables(space, address);
    }
    return UINT64_C(1) << level_shift(level);
}

uint64_t space_remove(struct space *space, uint64_t address)
{
    uint64_t *entry;

    if (!is_in_last_table(space, address) || space_removal_is_long(space))
        return remove_slowly(space, address);
    entry = entry_in(space->last_table, address, 0);
    if (!arch_entry_is_present(*entry))
        return WK_PAGE_BYTES;
    *entry = 0;
    space->last_frame->next--;
    arch_flush_page(space->asid, address);
    return WK_PAGE_BYTES;
}

uint64_t space_restrict(struct space *space, uint64_t address, uint64_t protection)
{
    unsigned level = 0;
    uint64_t *entry = walk(space, address, &level);

    if (arch_entry_is_present(*entry)) {
        const uint64_t allowed = arch_entry_protection(*entry) & protection;

        if (allowed == 0)
            return space_remove(space, address);
        *entry = arch_entry_leaf(arch_entry_physical(*entry), allowed,
                                 frame_is_ram(arch_entry_physical(*entry), 1) ? ARCH_LEAF_MEMORY : ARCH_LEAF_DEVICE);
        arch_flush_page(space->asid, address);
        flush_others(space);
    }
    return UINT64_C(1) << level_shift(level);
}
