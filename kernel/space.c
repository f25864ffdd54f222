/* SPDX-License-Identifier: MIT */
/*
 * Address spaces. Page tables are pages of the process's bank; their frame records count the present entries, so that a
 * table that becomes empty goes at once. Every walk is ARCH_TABLE_LEVELS steps.
 *
 * Address space identifiers: each space has its own from when it is first run to release, as long as there are any; the
 * rest share number 0, and switching to one of those flushes. A hart flushes an identifier when it first meets the space, so that
 * reuse needs no shoot-down.
 *
 * Shoot-down: whoever takes something away flushes its own hart. Another hart on which the space is current is due: with
 * the next flush epoch, which begins when somebody has to wait for it, it is asked and notified, once for all that was taken
 * away until then; it flushes everything and notes the epoch that it has seen. A hart that has met the
 * space but runs another now is only forgotten by it: it flushes the identifier when it meets the space again. Instruction
 * fetches are fenced in the same two places. Guarded by the kernel lock, but for `flush_seen` and the reading of `flush_asked`.
 */
#include "space.h"

#include "assert.h"
#include "bank.h"
#include "bits.h"
#include "config.h"
#include "sparse.h"

#include <stdatomic.h>

#define ASIDS_MAX 4096
#define TABLES_STEP 4 /* that are dropped in one go */
#define LOOKS_MAX 16  /* at other harts, in one question whether they have flushed */

static _Atomic uint64_t flush_epoch;
static uint64_t flush_due;     /* harts, by index, that are to be asked with the next epoch */
static uint64_t flush_waiting; /* harts that were asked; those that have flushed are struck out when somebody looks */
static uint64_t asids_used[ASIDS_MAX / 64];
static uint64_t asid_words_full; /* a bit for each word of asids_used without a free number */

/* Remembers the lowest table, in which `entry` for `address` is: the next access most often is close to the last one. */
static void remember_table(struct space *space, uint64_t address, uint64_t *entry)
{
    space->last_place = address >> space_level_shift(1);
    space->last_table = (uint64_t *)((uintptr_t)entry & ~(uintptr_t)(WK_PAGE_BYTES - 1));
    space->last_frame = frame_of(entry);
}

/* The lowest free identifier from 1, or 0 if all are taken. */
static uint64_t asid_take(void)
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

/* Whether any hart has it current. */
static bool is_running(const struct space *space)
{
    for (uint64_t left = space->harts; left != 0; left &= left - 1) /* INV-SPACE-3 */
        if (harts[bit_lowest(left)]->space == space)
            return true;
    return false;
}

enum wk_status space_init(struct space *space, struct bank *bank)
{
    uint64_t *root = bank_page(bank, NULL);

    if (root == NULL)
        return WK_NO_MEMORY;
    arch_space_prepare(root);
    space->root = root;
    space->switch_word = arch_space_word(arch_physical(root), 0);
    space->last_place = SPACE_NO_PLACE;
    space->bank = bank;
    space->harts = 0;
    space->code_made = 0;
    space->asid = 0;
    return WK_OK;
}

void space_release(struct space *space)
{
    assert_debug(frame_of(space->root)->next == 0); /* INV-SPACE-1 */
    assert_debug(!is_running(space));
    frame_drop(frame_of(space->root), space->bank);
    asid_release(space->asid);
    space->root = NULL;
}

static void take_asid(struct space *space)
{
    space->asid = asid_take();
    if (space->asid == 0)
        return;
    space->switch_word = arch_space_word(arch_physical(space->root), space->asid);
    space->harts = 0; /* whoever met it until now has not met it under this number */
}

void space_activate(struct space *space)
{
    struct hart *hart = hart_current();
    const uint64_t bit = ~hart->others;

    if (space->asid == 0 && !is_running(space)) /* else others have entries under number 0 and flush them by it */
        take_asid(space);
    hart->space = space;
    arch_space_switch(space->switch_word);
    if (space->asid == 0)
        arch_flush_all();
    if (!(space->harts & bit)) {
        arch_flush_space(space->asid);
        arch_fetch_fence();
        space->harts |= bit;
    }
}

void space_kernel_activate(void)
{
    hart_current()->space = NULL;
    arch_space_switch(arch_space_word(arch_kernel_root(), 0));
}

void space_flush_hart(const struct hart *hart)
{
    if (hart != hart_current())
        flush_due |= UINT64_C(1) << hart->index;
}

/* Asks the harts that are due, all for everything that was taken away until now. */
static SLOW_PATH void ask_for_flush(void)
{
    const uint64_t epoch = atomic_load_explicit(&flush_epoch, memory_order_relaxed) + 1;

    flush_waiting |= flush_due;
    __atomic_thread_fence(__ATOMIC_RELEASE); /* what was taken away goes before the question */
    for (uint64_t due = flush_due; due != 0; due &= due - 1) {
        struct hart *hart = harts[bit_lowest(due)];

        hart_store(&hart->flush_asked, epoch);
        if (hart == hart_current())
            space_flush_serve();
        else
            hart_notify(hart);
    }
    flush_due = 0;
    atomic_store_explicit(&flush_epoch, epoch, memory_order_seq_cst);
}

/* What was taken away from the space must leave all TLBs: this hart's is the caller's business, here the others'. */
static __attribute__((noinline)) void flush_others(struct space *space)
{
    for (uint64_t left = space->harts & hart_current()->others; __builtin_expect(left != 0, 0); left &= left - 1) {
        const uint64_t bit = left & -left;

        if (harts[bit_lowest(left)]->space == space)
            flush_due |= bit;
        else
            space->harts &= ~bit;
    }
}

bool space_fetch_prepare(struct space *space)
{
    arch_fetch_fence();
    flush_others(space);
    return space_is_local(space);
}

uint64_t space_flush_epoch(void)
{
    if (__builtin_expect(flush_due != 0, 0))
        ask_for_flush();
    return atomic_load_explicit(&flush_epoch, memory_order_relaxed);
}

/* With more harts to look at than one hold of the lock may, the answer comes with a later question. */
bool space_flush_done_slowly(uint64_t epoch)
{
    unsigned looks = 0;

    for (uint64_t waiting = flush_waiting; waiting != 0; waiting &= waiting - 1) {
        const struct hart *hart = harts[bit_lowest(waiting)];
        const uint64_t seen = __atomic_load_n(&hart->flush_seen, __ATOMIC_ACQUIRE);
        const bool served = seen >= hart->flush_asked;

        if (served)
            flush_waiting &= hart->others;
        if ((!served && seen < epoch) || looks++ == LOOKS_MAX)
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
    const uint64_t asked = __atomic_load_n(&hart->flush_asked, __ATOMIC_SEQ_CST);

    if (asked <= hart->flush_seen)
        return;
    arch_flush_all();
    arch_fetch_fence();
    __atomic_thread_fence(__ATOMIC_RELEASE);
    hart_store(&hart->flush_seen, asked);
}

/*
 * Walks down to `address`: path[level] becomes its entry on each level, down to the first that is no table, whose level is
 * returned.
 */
static unsigned walk(const struct space *space, uint64_t address, uint64_t *path[ARCH_TABLE_LEVELS])
{
    uint64_t *table = space->root;
    unsigned level = ARCH_TABLE_LEVELS - 1;

    for (;; level--) {
        path[level] = space_entry_in(table, address, level);
        if (level == 0 || !arch_entry_is_table(*path[level]))
            return level;
        table = arch_entry_table_pointer(*path[level]);
    }
}

/* Frees the tables on a path, which ends at `level`, that have no entries, and flushes the space. All leave the tree before the first is dropped, so
 * that one shoot-down is enough. */
static void release_empty_tables(struct space *space, uint64_t *path[ARCH_TABLE_LEVELS], unsigned level)
{
    struct frame *empty[ARCH_TABLE_LEVELS - 1];
    struct frame *lowest = frame_of(path[level]);
    unsigned count = 0;

    while (level < ARCH_TABLE_LEVELS - 1 && lowest->next == 0) {
        empty[count++] = lowest;
        *path[++level] = 0;
        lowest = frame_of(path[level]);
        lowest->next--;
    }
    space->last_place = SPACE_NO_PLACE; /* INV-SPACE-2 */
    arch_flush_space(space->asid);
    flush_others(space);
    while (count-- > 0)
        frame_drop(empty[count], space->bank);
}

/* Of a table of tables, drops those in a group of entries, with all that they have. */
static void drop_tables(const struct space *space, uint64_t *entry, struct frame *table)
{
    unsigned dropped = 0;

    for (unsigned left = sparse_room(entry); left != 0 && dropped < TABLES_STEP && table->next != 0; left--, entry++) {
        if (arch_entry_is_table(*entry)) {
            frame_drop(frame_of(arch_entry_table_pointer(*entry)), space->bank);
            dropped++;
        }
        table->next -= *entry != 0;
        *entry = 0;
    }
}

bool space_clear_step(struct space *space)
{
    struct frame *root = frame_of(space->root), *table;
    uint64_t *above, *entry;

    if (root->next == 0)
        return false;
    space->last_place = SPACE_NO_PLACE; /* INV-SPACE-2 */
    above = sparse_first(space->root);
    if (above == NULL)
        above = sparse_first(space->root);
    if (above == NULL)
        return true;
    table = frame_of(arch_entry_table_pointer(*above));
    entry = sparse_first(frame_pointer(table));
    if (entry == NULL)
        return true;
    drop_tables(space, entry, table);
    if (table->next == 0) {
        *above = 0;
        root->next--;
        frame_drop(table, space->bank);
    }
    return true;
}

/* Makes the tables that `address` has not down to `level`. WK_NO_MEMORY leaves none behind. */
static enum wk_status make_tables(struct space *space, uint64_t address, unsigned target, uint64_t **found)
{
    uint64_t *path[ARCH_TABLE_LEVELS];
    unsigned level = walk(space, address, path);
    uint64_t *entry;

    if (level < target)
        level = target;
    entry = path[level];
    if (level != target && !bank_can_pay(space->bank, level - target))
        return WK_NO_MEMORY;
    for (; level != target; level--) {
        uint64_t *table = bank_page(space->bank, NULL);

        if (table == NULL) {
            level = walk(space, address, path);
            release_empty_tables(space, path, level);
            return WK_NO_MEMORY;
        }
        assert_debug(!arch_entry_is_present(*entry)); /* a large leaf is removed before it is entered piecemeal */
        *entry = arch_entry_table(arch_physical(table));
        frame_of(entry)->next++;
        sparse_mark(entry);
        entry = space_entry_in(table, address, level - 1);
    }
    *found = entry;
    return WK_OK;
}

bool space_can_enter(const struct space *space, uint64_t address)
{
    uint64_t *path[ARCH_TABLE_LEVELS];
    const unsigned level = walk(space, address, path);

    return level == 0 || bank_can_pay(space->bank, level);
}

/* Writes a leaf entry in place of what is there; `table` is the record of its table. */
static inline __attribute__((always_inline)) void write_leaf(const struct space *space, uint64_t address,
                                                             uint64_t *entry, struct frame *table, uint64_t leaf)
{
    const bool replaces = arch_entry_is_present(*entry);

    *entry = leaf;
    if (__builtin_expect(replaces, 0)) {
        arch_flush_page(space->asid, address);
    } else {
        table->next++;
        table->groups |= UINT64_C(1) << sparse_group(entry);
    }
    arch_entry_published();
}

/* Where tables have to be made, or another one than the last is meant. */
static SLOW_PATH enum wk_status enter_slowly(struct space *space, uint64_t address, uint64_t leaf, unsigned level)
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

    if (!space_is_in_last_table(space, address))
        return enter_slowly(space, address, leaf, 0);
    write_leaf(space, address, space_entry_in(space->last_table, address, 0), space->last_frame, leaf);
    return WK_OK;
}

enum wk_status space_enter_large(struct space *space, uint64_t address, struct physical page, uint64_t protection)
{
    return enter_slowly(space, address, arch_entry_leaf(page, protection, ARCH_LEAF_MEMORY), 1);
}

uint64_t space_lookup(const struct space *space, uint64_t address, uint64_t *bytes)
{
    uint64_t *path[ARCH_TABLE_LEVELS];
    const unsigned level = walk(space, address, path);
    const uint64_t entry = *path[level];

    *bytes = UINT64_C(1) << space_level_shift(level);
    return arch_entry_is_present(entry) ? entry : 0;
}

uint64_t space_restrict(struct space *space, uint64_t start, uint64_t end, uint64_t protection)
{
    const uint64_t last = end - WK_PAGE_BYTES;
    uint64_t *path[ARCH_TABLE_LEVELS];
    const unsigned level = walk(space, last, path), shift = space_level_shift(level);
    uint64_t *entry = path[level];
    struct frame *table = frame_of(entry);
    const unsigned group = sparse_group(entry);
    const uint64_t marked = table->groups & ((UINT64_C(2) << group) - 1);
    const uint64_t number = last >> shift, base = number & ~(uint64_t)(SPACE_ENTRIES - 1);
    uint64_t least = number & ~(uint64_t)((protection == 0 ? SPARSE_GROUP / 2 : SPARSE_GROUP) - 1), done = 0,
             removed = 0;

    if (marked >> group == 0) {
        end = (marked == 0 ? base : base + ((uint64_t)bit_highest(marked) + 1) * SPARSE_GROUP) << shift;
        return end < start ? start : end;
    }
    if (level == 0)
        remember_table(space, last, entry);
    if (least < start >> shift)
        least = start >> shift;
    for (; done <= number - least && !arch_entry_is_table(*entry); done++, entry--) {
        if (*entry != 0) {
            *entry = arch_entry_restricted(*entry, protection);
            removed += *entry == 0;
            arch_flush_page(space->asid, (number - done) << shift);
        }
    }
    table->next -= (uint32_t)removed;
    if (removed != 0 && table->next == 0)
        release_empty_tables(space, path, level);
    else
        flush_others(space);
    end = (number - done + 1) << shift;
    return end < start ? start : end;
}
