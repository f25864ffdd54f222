/* SPDX-License-Identifier: MIT */
/*
 * Frames: the physical memory that banks account for. The pool knows superframes (2 MiB) and frames (4 KiB) in them;
 * every operation is O(1). A frame's record is made when the frame is first handed out, so that booting does not touch
 * the records of memory that nobody uses yet.
 *
 * Frames are handed out zeroed. Nothing is zeroed under the kernel lock: each hart holds a stock of zeroed frames, fills
 * it without the lock before an operation's step, and a step takes at most FRAMES_OF_STEP frames.
 *
 * INV-FRAME-1  A frame is in exactly one place: a superframe's fresh run, a superframe's free list, a hart's stock,
 *              quarantine, or in use with references > 0.
 * INV-FRAME-2  A frame in quarantine is charged to the bank in its record until it is released.
 * INV-FRAME-3  Frames in use and in quarantine are each charged to at least one bank of their kind; so the pool cannot
 *              run out before the first bank of that kind does.
 *
 * Frames of kind tim (tightly-integrated memory) have records like others, behind those of RAM, and so the kernel sees
 * their pages behind RAM: where they lie in physical memory, frame_physical tells. They are handed out as they are.
 */
#ifndef FRAME_H
#define FRAME_H

#include "arch/arch.h"
#include "hart.h"

struct bank;

#define FRAMES_PER_SUPERFRAME 512
#define TIM_SUPERFRAMES_MAX 8 /* every search for a frame of kind tim may look at so many */
#define FRAME_NONE UINT32_MAX

#define FRAME_PIN (1u << 24)          /* in `references`: the bits above count pins, which outlive a drop */
#define FRAME_SHARERS (FRAME_PIN - 1) /* the most; a clone that would need more is refused */

struct frame {
    union {
        uint32_t references; /* memory objects that share it, and pins; 1 for kernel pages */
        uint32_t epoch;      /* in quarantine: the flush epoch that must have been seen by all, its low half */
    };
    uint32_t next; /* in a free list or in quarantine; in use: what kind of page it is knows what this means */
    union {
        void *owner;        /* in use: likewise */
        uint64_t groups;    /* of a table: sparse.h */
        struct bank *payer; /* in quarantine, or dropped and pinned: whom to credit */
    };
};
_Static_assert(sizeof(struct frame) == 16, "a frame's place follows from its record's, and back, by shifts");

/* The record of the frame at kernel address 0, which exists in arithmetic only. */
extern uintptr_t frame_origin;

/* Boot: says where RAM lies, then which of its parts are free. `records` is memory for frame_records_bytes. */
size_t frame_records_bytes(uint64_t ram_bytes, unsigned tim_superframes);
void frame_init(struct physical ram, uint64_t bytes, unsigned tim_superframes, void *records);
void frame_add_free(struct physical first, uint64_t bytes);
/* Frames of RAM in the pool and the stocks. */
uint64_t frame_free_count(void);
/* Whether part of that is RAM or of kind tim. */
bool frame_is_memory(struct physical physical, uint64_t bytes);

/* Boot: a range of kind tim, in pages, which begins a superframe behind those that were added before it. */
void frame_add_tim(struct physical first, uint64_t bytes);
static inline unsigned frame_tim_superframes(uint64_t bytes)
{
    return (unsigned)((bytes + WK_LARGE_PAGE_BYTES - 1) / WK_LARGE_PAGE_BYTES);
}
/* Where the kernel sees the first superframe of kind tim, if that RAM is all that is directly mapped. */
struct physical frame_tim_place(struct physical ram, uint64_t bytes);
uint64_t frame_tim_free_count(void);
/* A frame of kind tim, with what was last written there. As frame_take. */
struct frame *frame_take_tim(void *owner);
/* Where a frame lies; one of RAM is where arch_physical says. */
struct physical frame_physical(const struct frame *frame);

/* The record of the frame that `pointer` points into, which is RAM in use; and back. */
static inline __attribute__((always_inline)) struct frame *frame_of(const void *pointer)
{
    return (struct frame *)(frame_origin + ((uintptr_t)pointer >> 12 << 4));
}

static inline void *frame_pointer(const struct frame *frame)
{
    return (void *)(((uintptr_t)frame - frame_origin) << 8);
}

/* A frame that was taken and is given back unused and uncharged. */
void frame_give_back(struct frame *frame);
/* Its number, for checks. */
uint32_t frame_number(const struct frame *frame);

/*
 * Takes a zeroed frame from this hart's stock. The caller has charged a bank for it.
 * Requires: the lock; this step took fewer than FRAMES_OF_STEP frames. Ensures: references is 1, owner is `owner`.
 */
struct frame *frame_take(void *owner);
/* The same for who fills the whole page: not zeroed, if the pool has one at hand. */
struct frame *frame_take_to_fill(void *owner);
/* frame_take for what needs the page rather than its record. */
static inline void *frame_take_page(void *owner)
{
    return frame_pointer(frame_take(owner));
}
/*
 * Takes 512 contiguous, aligned frames, not zeroed; NULL if no whole superframe is free (which is no lack of memory).
 * Each frame's record is the caller's to make, by frame_adopt.
 * Requires: the lock; the caller has charged a bank for all of them.
 */
void *frame_take_large(void);
/*
 * Drops one reference. The last one puts the frame into quarantine until no hart's TLB can hold it, and credits `payer`
 * then; otherwise `payer` is credited at once.
 */
void frame_drop(struct frame *frame, struct bank *payer);

/* Sharers of a frame in use. */
static inline uint32_t frame_sharers(const struct frame *frame)
{
    return frame->references & FRAME_SHARERS;
}
/* Keeps a frame from being reused while the kernel copies from or to it without the lock. */
void frame_pin(struct frame *frame);
void frame_unpin(struct frame *frame);
/* Takes the record of one frame of a superframe that frame_take_large gave. */
void frame_adopt(struct frame *frame, void *owner);

/* Moves what may leave quarantine to the pool, a bounded number of frames; false if there was none. Requires: the lock. */
bool frame_quarantine_release(void);
uint64_t frame_quarantine_count(void);
/* True if this hart's stock is full, or the pool has nothing for it. */
bool frame_stock_is_full(const struct hart *hart);
/* Whether a step can be made with it. */
bool frame_stock_suffices(const struct hart *hart);
/* The hart goes on with its payer: that fills the stock if it took of it last; for others it is enough that it suffices. */
void frame_stock_look(struct hart *hart);
/* Adds one frame to this hart's stock, which is not full. Takes the lock for a moment if it has none left to be zeroed; zeroes
 * without it. */
void frame_stock_add(struct hart *hart);

#endif
