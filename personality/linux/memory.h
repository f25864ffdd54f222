/* SPDX-License-Identifier: MIT */
/* The program's address space: which areas it has mapped, and what lies behind them. */
#ifndef LINUX_MEMORY_H
#define LINUX_MEMORY_H

#include "linux.h"

/* What an area's pages are of. */
enum backing_kind {
    BACKING_ARENA,  /* the process's own: pages of the arena at their own addresses */
    BACKING_MEMORY, /* a memory object, which others may share */
    BACKING_NODE,   /* a file that the file service maps without copying */
};

/* What several areas may be of, after they were cut. */
struct backing {
    uint64_t references;
    enum backing_kind kind;
    bool is_shared;    /* stores are seen by others; otherwise pages become the arena's before the program may store */
    wk_handle handle;  /* the memory object, or the file's session; 0 for the arena */
    uint64_t identity; /* the memory object's number, once it was asked for; 0 */
};

struct area {
    uint64_t start, end;
    uint64_t offset;     /* of its first byte in the backing; the arena: its start */
    uint32_t protection; /* as Linux's PROT_ has it */
    struct backing *backing;
};

struct address_space {
    struct area *areas; /* in ascending order */
    uint64_t count, room;
    uint64_t found;                /* index of the one that was looked for last */
    uint64_t heap_first, heap_end; /* brk */
    uint64_t mmap_hint;            /* where the last mapping was made: the search begins there */
};

extern struct address_space space;
extern wk_handle arena;

/* Makes the arena and the personality's heap in it. At the process's start. */
enum wk_status memory_open(void);
/* Unmaps all of the program and forgets its pages. */
void memory_clear(void);
/* The area that an address lies in, or the first above it; NULL if there is none. */
struct area *area_find(uint64_t address);

/* A range of the program's memory as bytes of a memory object that can be lent. */
struct span {
    wk_handle memory;
    uint64_t offset;
    uint64_t length; /* at most as much as was asked for */
};
/* The longest span at an address: false if there is none, as for pages that the file service has mapped. */
bool memory_span(uint64_t address, uint64_t length, bool is_to_write, struct span *span);

/* What memory that processes share an address lies in, by the object's number, and where there; false if none. */
bool memory_shared_place(uint64_t address, uint64_t *identity, uint64_t *offset);

/* Maps `length` bytes, whole pages, of the process's own memory at `start`, in place of whatever is there. 0 or an error. */
int64_t memory_map_own(uint64_t start, uint64_t length, uint32_t protection);
/* The same of a backing that the caller made; it is consumed, also by an error. */
int64_t memory_map_backing(uint64_t start, uint64_t length, uint32_t protection, struct backing *backing,
                           uint64_t offset);
struct backing *backing_make(enum backing_kind kind, bool is_shared, wk_handle handle);
/* Whether all of a range is in areas. */
bool memory_is_mapped(uint64_t start, uint64_t length);
/* A free range, at the hint if that is one and free; 0 if there is none. */
uint64_t memory_choose(uint64_t hint, uint64_t length);
/* Takes the mappings of a range away. */
int64_t memory_unmap(uint64_t start, uint64_t length);

/* Changes what may be done in a range. -ENOMEM if a part of it is not mapped. */
int64_t memory_protect(uint64_t start, uint64_t length, uint32_t protection);
/* Has the process's own pages of a range read as zero again. */
void memory_discard(uint64_t start, uint64_t length);

/* For fork: makes an arena with the personality's pages, and the program's unless those are lent to the child. */
enum wk_status memory_make_child_arena(bool is_lent, wk_handle *child_arena);
/* Has the child's process map what this one has, with an arena that both have as `child_arena`, once its table has been copied. */
enum wk_status memory_map_child(wk_handle child, bool is_lent, wk_handle child_arena);
/* The child: the arena that it has, and where the program's pages are from now on. */
void memory_begin_child(bool is_lent, wk_handle child_arena);
/* Whether the program's pages are the parent's (loan.h), until memory_clear. */
bool memory_is_lent(void);

#endif
