/* SPDX-License-Identifier: MIT */
#ifndef CAPABILITY_H
#define CAPABILITY_H

#include "assert.h"
#include "list.h"
#include "object.h"

struct process;

#define HANDLE_INDEX_BITS 18
#define HANDLE_GENERATION_BITS 26
#define CAPABILITY_INDEX_LIMIT (1u << HANDLE_INDEX_BITS)
#define CAPABILITY_GENERATION_LIMIT (1 << HANDLE_GENERATION_BITS)
#define CAPABILITIES_PER_PAGE 64
#define CAPABILITY_PAGES_PER_DIRECTORY 512
#define CAPABILITY_DIRECTORIES (CAPABILITY_INDEX_LIMIT / CAPABILITIES_PER_PAGE / CAPABILITY_PAGES_PER_DIRECTORY)
#define CAPABILITY_DEPTH_LIMIT 31
/* In a capability's word: all but its rights; one level of depth. */
#define CAPABILITY_INHERITED 0xffff0000u
#define CAPABILITY_DEPTH_ONE (1u << 27)
/* A type as it stands in a capability's word: the number, and the inverse of its bits, so that none is part of another. */
#define CAPABILITY_TYPE(type) ((type) | ((type) ^ 15u) << 4)
#define CAPABILITY_FREE INT32_MIN /* the bit that is set in a free slot's generation */

/* In a capability's word: `stays` and `lends`; `in_table`. */
#define CAPABILITY_USABLE 0x3000000u
#define CAPABILITY_IN_TABLE 0x4000000u

/*
 * A slot of a capability table or of a mailbox, or the derivation node of a mapping.
 *
 * INV-CAP-1 object == NULL exactly if the slot is free; a free slot of a table is in its free list or beyond `made`.
 * INV-CAP-2 children are linked through `sibling`; each child's parent is this; an owned capability's parent is NULL
 *           and its sibling link is in object->roots.
 * INV-CAP-3 a child's rights are a subset of its parent's, its object the same, its depth greater.
 * INV-CAP-4 a doomed capability gains no children.
 */
struct capability {
    struct object *object;
    union {
        struct {
            int32_t generation; /* negative in a free slot: no handle has that; 0 in a mapping */
            union {
                struct {
                    uint16_t rights;
                    uint8_t type : 4; /* the object's */
                    uint8_t type_inverse : 4;
                    uint8_t stays : 1;    /* it is not being taken back (doomed): or look-ups answer `revoked` */
                    uint8_t lends : 1;    /* nor is what was lent from it: likewise; of a mapping see mapping.h */
                    uint8_t in_table : 1; /* or it is posted in a mailbox, or the node inside a struct mapping */
                    uint8_t depth : 5;
                };
                uint32_t word; /* all in one: rights from bit 0, CAPABILITY_TYPE from 16, single bits from 24 */
            };
        };
        uint64_t key; /* generation and word */
    };
    union {
        uint64_t badge;               /* posted in a mailbox: the ticket */
        struct capability *next_free; /* in a free slot */
    };
    union {
        struct capability *parent;
        uint64_t next_handle; /* in a free slot: what names it when it is used again */
    };
    struct list children;
    struct list sibling;
};
_Static_assert(sizeof(struct capability) == 64, "a slot is one cache line");

static inline bool capability_is_doomed(const struct capability *capability)
{
    return !capability->stays;
}
static inline void capability_doom(struct capability *capability)
{
    capability->stays = false;
}
static inline bool capability_is_mapping(const struct capability *capability)
{
    return !capability->in_table && capability->generation == 0;
}
/* Neither it nor what was lent from it is being taken back. */
static inline bool capability_is_usable(const struct capability *capability)
{
    return (~capability->word & CAPABILITY_USABLE) == 0;
}
/*
 * What an operation needs of a capability, in the form of its word: the type, unless any will do, the rights, and not
 * being taken back, in one comparison. The word of an owned capability is that of all it can be used for.
 */
#define OPERATION_NEEDS(type, rights)                                                                                  \
    ((uint32_t)(rights) | ((type) == WK_TYPE_NONE ? 0 : CAPABILITY_TYPE((uint32_t)(type)) << 16) | CAPABILITY_USABLE)
static inline bool capability_has(const struct capability *capability, uint32_t needs)
{
    return (capability->word & needs) == needs;
}

/* The table of a process; all of it paid by the process's bank. */
struct capability_table {
    struct capability *free_head; /* the free slot that is used next, or NULL */
    struct capability *free_tail; /* the last one, if there is any */
    uint32_t made;                /* slots that were ever used: indices below this */
    uint32_t paged;               /* slots for which there are pages */
    uint32_t count;               /* slots in use */
    /* Pages of pointers to pages of slots; a pointer is NULL where there is no page. A directory that does not exist yet is
     * one without pages, which all tables share. */
    struct capability **directory[CAPABILITY_DIRECTORIES];
};

/* The slot at an index of a page that exists. */
static inline struct capability *capability_slot(const struct capability_table *table, uint32_t index)
{
    struct capability *const *page =
        table->directory[index / (CAPABILITIES_PER_PAGE * CAPABILITY_PAGES_PER_DIRECTORY)] +
        (index / CAPABILITIES_PER_PAGE) % CAPABILITY_PAGES_PER_DIRECTORY;

    return *page + index % CAPABILITIES_PER_PAGE;
}

/* What the handle names, or NULL. It may be doomed. */
static inline struct capability *capability_find(const struct capability_table *table, uint64_t handle)
{
    const uint32_t index = handle & (CAPABILITY_INDEX_LIMIT - 1);
    struct capability *page = table->directory[index / (CAPABILITIES_PER_PAGE * CAPABILITY_PAGES_PER_DIRECTORY)]
                                              [(index / CAPABILITIES_PER_PAGE) % CAPABILITY_PAGES_PER_DIRECTORY];
    struct capability *capability;

    if (__builtin_expect(page == NULL, 0))
        return NULL;
    capability = &page[index % CAPABILITIES_PER_PAGE];
    /* Generation 0 is that of slots never made; a free slot's is negative. */
    if (__builtin_expect(
            handle >> HANDLE_INDEX_BITS == 0 || (uint64_t)capability->generation != handle >> HANDLE_INDEX_BITS, 0))
        return NULL;
    return capability;
}

static inline uint64_t capability_key(const struct capability *capability)
{
    return capability->key;
}

/* A slot that was looked up and found good for some use: it is still the same, and good for it, while its key is. There
 * is one from the beginning, for the fast path looks at its key whenever the handle is the same, which may be 0. */
struct slot_cache {
    uint64_t handle;
    const struct capability *slot; /* stays, since it is of the own process's table */
    uint64_t key;
};

/* Whether the handle names it, and it is what it was: same capability, same rights, not being taken back. */
static inline bool slot_cache_holds(const struct slot_cache *cache, uint64_t handle)
{
    return cache->handle == handle && cache->slot->key == cache->key;
}
/*
 * One place remembers either of two kinds of slot, of which the second kind's key is said to be less by this: a key that the slot
 * had when it was used last, if ever, and never has again, for generations only grow. So nobody takes it for the first kind.
 */
#define SLOT_CACHE_WAIT_PAST 1
static inline bool slot_cache_holds_wait(const struct slot_cache *cache, uint64_t handle)
{
    return cache->handle == handle && cache->slot->key - SLOT_CACHE_WAIT_PAST == cache->key;
}
void slot_cache_init(struct slot_cache *cache);
void slot_cache_fill(struct slot_cache *cache, uint64_t handle, const struct capability *slot);

void capability_table_init(struct capability_table *table);
/* The process in whose table a capability (not posted, no mapping) stands, and its handle there. */
struct process *capability_process(const struct capability *capability);
uint64_t capability_handle(const struct capability *capability);

/*
 * Makes sure that the process's table has a free slot, so that the next capability_make in this step cannot fail.
 * WK_AGAIN if it had to add a page of slots; WK_TABLE_FULL, WK_NO_MEMORY or WK_REVOKED (the process is ending). Takes at
 * most two frames.
 */
enum wk_status capability_reserve_page(struct process *process);
static inline enum wk_status capability_reserve(struct capability_table *table, struct process *process)
{
    return table->free_head != NULL || table->made < table->paged ? WK_OK : capability_reserve_page(process);
}
/* The same for two. */
static inline enum wk_status capability_reserve_two(struct capability_table *table, struct process *process)
{
    const uint32_t fresh = table->paged - table->made;
    const bool has_two = table->free_head != NULL ? fresh >= 1 || table->free_head->next_free != NULL : fresh >= 2;

    return has_two ? WK_OK : capability_reserve_page(process);
}
/* The operation that reserved failed: gives back the page that reserving added, if it did. */
void capability_unreserve(struct process *process);
/* Fills a reserved slot: an owned capability, or with a parent a borrowed one. Cannot fail. */
struct capability *capability_make(struct process *process, struct object *object, uint16_t rights,
                                   struct capability *parent);
/* Moves what is posted in a mailbox to a reserved slot. */
struct capability *capability_make_of_posted(struct capability_table *table, struct capability *posted);
/*
 * For a table that is built up slot by slot: fills the next slot with what dup of `source` makes, at the same handle, or
 * leaves it free (`copy` false). WK_NO_MEMORY. Takes at most two frames.
 */
enum wk_status capability_copy_slot(struct process *process, uint32_t index, const struct capability *source,
                                    bool copy);
/* Whether `parent` may have a further child: WK_OK, WK_REVOKED, or WK_TABLE_FULL if it is as deep as can be. */
static inline enum wk_status capability_check_derive(const struct capability *parent)
{
    /* Nothing is derived below what is being taken back: so taking back comes to its end. */
    if (__builtin_expect(!capability_is_usable(parent), 0))
        return WK_REVOKED;
    for (const struct capability *at = parent->parent; at != NULL; at = at->parent)
        if (__builtin_expect(!capability_is_usable(at), 0))
            return WK_REVOKED;
    return __builtin_expect(parent->depth < CAPABILITY_DEPTH_LIMIT, 1) ? WK_OK : WK_TABLE_FULL;
}

/* Whether a thread waits by it. Bound: 16 looks. */
bool capability_is_waited_by(const struct capability *capability);

/* The word of a child: type and rights as far as its parent has them, usable as it is, one level deeper. */
static inline uint32_t capability_child_word(const struct capability *parent, uint64_t rights)
{
    assert_debug(capability_is_usable(parent) && parent->depth < CAPABILITY_DEPTH_LIMIT); /* INV-CAP-4 */
    return (parent->word & (CAPABILITY_INHERITED | (uint32_t)rights)) + CAPABILITY_DEPTH_ONE;
}

/* Makes `node`, whose object and word are set, a child of `parent`, or a root without one. */
ALWAYS_INLINE void capability_link(struct capability *node, struct capability *parent)
{
    node->parent = parent;
    list_init(&node->children);
    list_append(parent == NULL ? &node->object->roots : &parent->children, &node->sibling);
}

/* Moves what has no children to a node whose word is set. It takes its place in the forest, so it need not be asked whether
 * that is being taken back: the work does not grow. */
static inline void capability_move(struct capability *from, struct capability *to)
{
    to->object = from->object;
    to->parent = from->parent;
    list_init(&to->children);
    list_insert_before(&from->sibling, &to->sibling);
    list_unlink(&from->sibling);
}

/* As capability_make makes a child of `parent`, where the table has a free slot. Returns its handle. */
static inline uint64_t capability_lend_quickly(struct capability_table *table, struct capability *parent,
                                               uint64_t rights)
{
    struct capability *slot = table->free_head;
    const uint64_t handle = slot->next_handle;

    slot->word = capability_child_word(parent, rights);
    table->free_head = slot->next_free;
    table->count++;
    slot->generation = (int32_t)(handle >> HANDLE_INDEX_BITS);
    slot->object = parent->object;
    slot->object->capabilities++;
    slot->badge = parent->badge;
    capability_link(slot, parent);
    return handle;
}

/* Puts a slot into its table's list of free ones, the last to be used again. */
static inline void capability_release_slot(struct capability_table *table, struct capability *slot,
                                           uint64_t next_handle)
{
    slot->next_free = NULL;
    slot->next_handle = next_handle;
    if (table->free_head == NULL)
        table->free_head = slot;
    else
        table->free_tail->next_free = slot;
    table->free_tail = slot;
}

/* Empties a slot whose links are gone and which `handle` names, for its next generation, or retires it. */
static inline void capability_clear(struct capability_table *table, struct capability *slot, uint64_t handle)
{
    const int32_t generation = slot->generation + 1;

    slot->object = NULL;
    slot->generation = generation | CAPABILITY_FREE;
    table->count--;
    if (__builtin_expect(generation != CAPABILITY_GENERATION_LIMIT, 1))
        capability_release_slot(table, slot, handle + (UINT64_C(1) << HANDLE_INDEX_BITS));
}

/* The same in whatever table it stands. */
void capability_empty(struct capability *capability, uint64_t handle);
/* One step of taking back all that is lent from `capability`: WK_CONTINUE until it has no children. */
enum wk_status capability_revoke_step(struct capability *capability, struct operation *operation);
/* Frees a slot, of a table or a mailbox, without children; condemns the object if it was the last capability. */
void capability_free(struct capability *capability, struct operation *operation);
/* One step of deleting every capability of a table from the index *cursor on: WK_CONTINUE until it is empty and its
 * pages are released. */
enum wk_status capability_table_clear_step(struct process *process, uint64_t *cursor, struct operation *operation);

#endif
