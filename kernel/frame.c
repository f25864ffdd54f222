/* SPDX-License-Identifier: MIT */
/*
 * The pool of frames. A superframe (2 MiB) has a run of fresh frames whose records were never made, and a list of frames
 * that were given back. It stands in the list of partial superframes while it has some free frames, in that of whole ones
 * while it has all 512, and in none while it has none. Superframes of kind tim follow those of RAM and never are in these
 * lists. Guarded by the kernel lock. Invariants: see frame.h.
 */
#include "frame.h"

#include "assert.h"
#include "bank.h"
#include "config.h"
#include "lock.h"
#include "operation.h"
#include "space.h"

enum superframe_list { LIST_PARTIAL, LIST_WHOLE, LIST_COUNT, LIST_NONE = LIST_COUNT, LIST_TIM };

struct superframe {
    uint32_t previous;
    uint32_t next;
    uint32_t free_head;  /* frame number */
    uint16_t free_count; /* frames in the free list */
    uint16_t fresh;      /* the fresh run, as indices in the superframe: [fresh, fresh_end) */
    uint16_t fresh_end;
    uint16_t list;      /* enum superframe_list */
    uint32_t tim_page;  /* of kind tim: the number of its first physical page */
    uint32_t unused[2]; /* a power of two is quicker to index by */
};

#define QUARANTINE_STEP 8

static struct {
    struct physical base; /* aligned to a superframe */
    struct physical ram;
    uint64_t ram_bytes;
    struct frame *records;
    struct superframe *superframes;
    uint32_t tim_first; /* superframes from here up to tim_end are of kind tim */
    uint32_t tim_end;
    uint32_t head[LIST_COUNT];
    uint64_t free; /* frames in superframes of RAM */
    uint32_t quarantine_head;
    uint32_t quarantine_tail;
    uint64_t quarantined;
} pool;

uintptr_t frame_origin;

static uint64_t superframes_of(uint64_t bytes)
{
    /* One more than fit, because RAM need not begin at a superframe's boundary. */
    return bytes / WK_LARGE_PAGE_BYTES + 2;
}

struct physical frame_tim_place(struct physical ram, uint64_t bytes)
{
    const uint64_t base = ram.address & ~(uint64_t)(WK_LARGE_PAGE_BYTES - 1);

    return (struct physical){base + superframes_of(bytes) * WK_LARGE_PAGE_BYTES};
}

size_t frame_records_bytes(uint64_t ram_bytes, unsigned tim_superframes)
{
    const uint64_t count = superframes_of(ram_bytes) + tim_superframes;

    return count * sizeof(struct superframe) + count * FRAMES_PER_SUPERFRAME * sizeof(struct frame);
}

SLOW_PATH void frame_init(struct physical ram, uint64_t bytes, unsigned tim_superframes, void *records)
{
    pool.ram = ram;
    pool.ram_bytes = bytes;
    pool.base.address = ram.address & ~(uint64_t)(WK_LARGE_PAGE_BYTES - 1);
    pool.tim_first = (uint32_t)superframes_of(bytes);
    pool.tim_end = pool.tim_first;
    pool.superframes = records;
    pool.records = (void *)(pool.superframes + pool.tim_first + tim_superframes);
    frame_origin = (uintptr_t)pool.records - ((uintptr_t)arch_pointer(pool.base) >> 12 << 4);
    pool.free = 0;
    pool.quarantined = 0;
    pool.quarantine_head = FRAME_NONE;
    pool.quarantine_tail = FRAME_NONE;
    for (unsigned i = 0; i < LIST_COUNT; i++)
        pool.head[i] = FRAME_NONE;
    for (uint32_t i = 0; i < pool.tim_first; i++)
        pool.superframes[i] = (struct superframe){.free_head = FRAME_NONE, .list = LIST_NONE};
}

static SLOW_PATH void superframe_move(struct superframe *superframe, enum superframe_list list)
{
    const uint32_t index = (uint32_t)(superframe - pool.superframes);

    if (superframe->list != LIST_NONE) {
        if (superframe->previous == FRAME_NONE)
            pool.head[superframe->list] = superframe->next;
        else
            pool.superframes[superframe->previous].next = superframe->next;
        if (superframe->next != FRAME_NONE)
            pool.superframes[superframe->next].previous = superframe->previous;
    }
    superframe->list = (uint16_t)list;
    if (list == LIST_NONE)
        return;
    superframe->previous = FRAME_NONE;
    superframe->next = pool.head[list];
    if (superframe->next != FRAME_NONE)
        pool.superframes[superframe->next].previous = index;
    pool.head[list] = index;
}

/* A superframe that has no free frame of the pool's, or is of kind tim, has got one. */
static SLOW_PATH void superframe_put_first(struct superframe *superframe)
{
    if (superframe->list == LIST_NONE)
        superframe_move(superframe, LIST_PARTIAL);
    else if (superframe->list == LIST_TIM)
        pool.free--;
}

static void pool_put(struct frame *frame)
{
    const uint32_t number = frame_number(frame);
    struct superframe *superframe = &pool.superframes[number / FRAMES_PER_SUPERFRAME];

    frame->references = 0;
    frame->next = superframe->free_head;
    superframe->free_head = number;
    superframe->free_count++;
    pool.free++;
    if (superframe->list != LIST_PARTIAL) {
        superframe_put_first(superframe);
    } else if (superframe->free_count + superframe->fresh_end - superframe->fresh == FRAMES_PER_SUPERFRAME) {
        superframe->free_head = FRAME_NONE;
        superframe->free_count = 0;
        superframe->fresh = 0;
        superframe->fresh_end = FRAMES_PER_SUPERFRAME;
        superframe_move(superframe, LIST_WHOLE);
    }
}

/* A superframe with free frames, moved to the partial ones; NULL if there is none. */
static SLOW_PATH struct superframe *superframe_begin(void)
{
    struct superframe *superframe;

    if (pool.free == 0)
        return NULL;
    superframe = &pool.superframes[pool.head[LIST_WHOLE]];
    superframe_move(superframe, LIST_PARTIAL);
    return superframe;
}

/* A free frame of a superframe that has one. */
static inline struct frame *superframe_take(struct superframe *superframe)
{
    struct frame *frame;

    if (superframe->free_count == 0)
        return &pool.records[(superframe - pool.superframes) * FRAMES_PER_SUPERFRAME + superframe->fresh++];
    frame = &pool.records[superframe->free_head];
    superframe->free_head = frame->next;
    superframe->free_count--;
    return frame;
}

/* Any free frame, NULL if there is none. */
static inline struct frame *pool_take(void)
{
    const uint32_t partial = pool.head[LIST_PARTIAL];
    struct superframe *superframe = partial == FRAME_NONE ? superframe_begin() : &pool.superframes[partial];
    struct frame *frame;

    if (superframe == NULL)
        return NULL;
    frame = superframe_take(superframe);
    pool.free--;
    if (__builtin_expect(superframe->free_count == 0 && superframe->fresh == superframe->fresh_end, 0))
        superframe_move(superframe, LIST_NONE);
    return frame;
}

SLOW_PATH void frame_add_free(struct physical first, uint64_t bytes)
{
    uint64_t number = (first.address - pool.base.address + WK_PAGE_BYTES - 1) / WK_PAGE_BYTES;
    const uint64_t end = (first.address + bytes - pool.base.address) / WK_PAGE_BYTES;

    while (number < end) {
        struct superframe *superframe = &pool.superframes[number / FRAMES_PER_SUPERFRAME];
        const uint64_t offset = number % FRAMES_PER_SUPERFRAME;
        const uint64_t room = FRAMES_PER_SUPERFRAME - offset;
        const uint64_t run = end - number < room ? end - number : room;

        if (superframe->fresh == superframe->fresh_end) {
            superframe->fresh = (uint16_t)offset;
            superframe->fresh_end = (uint16_t)(offset + run);
            pool.free += run;
            superframe_move(superframe, run == FRAMES_PER_SUPERFRAME ? LIST_WHOLE : LIST_PARTIAL);
        } else {
            for (uint64_t i = 0; i < run; i++)
                pool_put(&pool.records[number + i]);
        }
        number += run;
    }
}

uint64_t frame_free_count(void)
{
    uint64_t count = pool.free;

    for (unsigned i = 0; i < hart_count; i++)
        count += harts[i]->stock_count + harts[i]->taken_count;
    return count;
}

bool frame_is_memory(struct physical physical, uint64_t bytes)
{
    for (uint32_t i = pool.tim_first; i < pool.tim_end; i++) {
        const uint64_t start = (uint64_t)pool.superframes[i].tim_page * WK_PAGE_BYTES;

        if (physical.address < start + (uint64_t)pool.superframes[i].fresh_end * WK_PAGE_BYTES &&
            physical.address + bytes > start)
            return true;
    }
    return physical.address < pool.ram.address + pool.ram_bytes && physical.address + bytes > pool.ram.address;
}

SLOW_PATH void frame_add_tim(struct physical first, uint64_t bytes)
{
    for (uint64_t at = 0; at < bytes; at += WK_LARGE_PAGE_BYTES) {
        const uint64_t rest = (bytes - at) / WK_PAGE_BYTES;

        pool.superframes[pool.tim_end++] = (struct superframe){
            .free_head = FRAME_NONE,
            .fresh_end = (uint16_t)(rest < FRAMES_PER_SUPERFRAME ? rest : FRAMES_PER_SUPERFRAME),
            .list = LIST_TIM,
            .tim_page = (uint32_t)((first.address + at) / WK_PAGE_BYTES),
        };
    }
}

static unsigned superframe_free_count(const struct superframe *superframe)
{
    return superframe->free_count + superframe->fresh_end - (unsigned)superframe->fresh;
}

uint64_t frame_tim_free_count(void)
{
    uint64_t count = 0;

    for (uint32_t i = pool.tim_first; i < pool.tim_end; i++)
        count += superframe_free_count(&pool.superframes[i]);
    return count;
}

SMALL struct frame *frame_take_tim(void *owner)
{
    uint32_t at = pool.tim_first;
    struct frame *frame;

    while (at < pool.tim_end && superframe_free_count(&pool.superframes[at]) == 0)
        at++;
    assert(at < pool.tim_end); /* INV-FRAME-3 */
    frame = superframe_take(&pool.superframes[at]);
    frame_adopt(frame, owner);
    return frame;
}

struct physical frame_physical(const struct frame *frame)
{
    const uint32_t number = frame_number(frame);
    const struct superframe *superframe = &pool.superframes[number / FRAMES_PER_SUPERFRAME];

    if (superframe->list != LIST_TIM)
        return arch_physical(frame_pointer(frame));
    return (struct physical){(superframe->tim_page + (uint64_t)number % FRAMES_PER_SUPERFRAME) * WK_PAGE_BYTES};
}

uint32_t frame_number(const struct frame *frame)
{
    return (uint32_t)(frame - pool.records);
}

void frame_adopt(struct frame *frame, void *owner)
{
    frame->references = 1;
    frame->next = 0;
    frame->owner = owner;
}

struct frame *frame_take(void *owner)
{
    struct hart *hart = hart_current();
    struct frame *frame;

    assert(hart->stock_count != 0); /* INV-FRAME-3 and the step's limit of FRAMES_OF_STEP */
    frame = frame_of(hart->stock[--hart->stock_count]);
    hart->attention.stock_low = true;
    hart->taker = hart->payer;
    frame_adopt(frame, owner);
    return frame;
}

SMALL void *frame_take_large(void)
{
    struct superframe *superframe;

    if (pool.head[LIST_WHOLE] == FRAME_NONE)
        return NULL;
    superframe = &pool.superframes[pool.head[LIST_WHOLE]];
    superframe->fresh = FRAMES_PER_SUPERFRAME;
    pool.free -= FRAMES_PER_SUPERFRAME;
    superframe_move(superframe, LIST_NONE);
    return frame_pointer(&pool.records[(superframe - pool.superframes) * FRAMES_PER_SUPERFRAME]);
}

void frame_give_back(struct frame *frame)
{
    assert(frame->references == 1);
    pool_put(frame);
}

struct frame *frame_take_to_fill(void *owner)
{
    const uint32_t partial = pool.head[LIST_PARTIAL];
    struct superframe *superframe = &pool.superframes[partial];
    struct frame *frame;

    if (partial == FRAME_NONE || superframe->free_count < 2) /* it must not leave its list */
        return frame_take(owner);
    frame = &pool.records[superframe->free_head];
    superframe->free_head = frame->next;
    superframe->free_count--;
    pool.free--;
    frame_adopt(frame, owner);
    return frame;
}

/* Nobody refers to the frame any more: releases it now or when all TLBs have forgotten it. */
static void frame_retire(struct frame *frame)
{
    const uint64_t epoch = space_flush_epoch();

    if (space_flush_done(epoch)) {
        bank_credit(frame->payer, 1);
        pool_put(frame);
        return;
    }
    frame->epoch = (uint32_t)epoch;
    frame->next = FRAME_NONE;
    if (pool.quarantine_tail == FRAME_NONE)
        pool.quarantine_head = frame_number(frame);
    else
        pool.records[pool.quarantine_tail].next = frame_number(frame);
    pool.quarantine_tail = frame_number(frame);
    pool.quarantined++;
}

void frame_drop(struct frame *frame, struct bank *payer)
{
    assert_debug(frame_sharers(frame) != 0);
    frame->references--;
    if (frame_sharers(frame) != 0) {
        bank_credit(payer, 1);
        return;
    }
    frame->payer = payer;
    if (frame->references == 0)
        frame_retire(frame);
}

void frame_pin(struct frame *frame)
{
    frame->references += FRAME_PIN;
}

void frame_unpin(struct frame *frame)
{
    assert(frame->references >= FRAME_PIN);
    frame->references -= FRAME_PIN;
    if (frame->references == 0)
        frame_retire(frame);
}

SMALL bool frame_quarantine_release(void)
{
    unsigned count;

    for (count = 0; count < QUARANTINE_STEP && pool.quarantined != 0; count++) {
        struct frame *frame = &pool.records[pool.quarantine_head];

        if (!space_flush_done_low(frame->epoch))
            break;
        pool.quarantine_head = frame->next;
        if (pool.quarantine_head == FRAME_NONE)
            pool.quarantine_tail = FRAME_NONE;
        pool.quarantined--;
        bank_credit(frame->payer, 1);
        pool_put(frame);
    }
    return count != 0;
}

uint64_t frame_quarantine_count(void)
{
    return pool.quarantined;
}

bool frame_stock_is_full(const struct hart *hart)
{
    return hart->stock_count == FRAME_STOCK || (pool.free == 0 && hart->taken_count == 0);
}

bool frame_stock_suffices(const struct hart *hart)
{
    return hart->stock_count >= FRAMES_OF_STEP || frame_stock_is_full(hart);
}

void frame_stock_look(struct hart *hart)
{
    hart->attention.stock_low =
        !frame_stock_suffices(hart) || (hart->payer == hart->taker && !frame_stock_is_full(hart));
}

/* Takes what the stock lacks, as much as a step takes at most, in one hold: whoever waits for the lock waits for each other hart
 * once. Returns the last, the others are to be zeroed later; NULL: there is no more. */
static inline struct frame *take_for_stock(struct hart *hart)
{
    struct frame *frame;

    kernel_lock_acquire();
    while ((frame = pool_take()) != NULL && hart->taken_count + 1 < FRAMES_OF_STEP &&
           hart->stock_count + hart->taken_count + 1 < FRAME_STOCK)
        hart->stock[FRAME_STOCK - ++hart->taken_count] = frame_pointer(frame);
    kernel_lock_release_quietly();
    return frame;
}

void frame_stock_add(struct hart *hart)
{
    void *page = NULL;

    if (hart->taken_count != 0) {
        page = hart->stock[FRAME_STOCK - hart->taken_count--];
    } else {
        const struct frame *frame = take_for_stock(hart);

        if (frame != NULL)
            page = frame_pointer(frame);
    }
    if (page != NULL) {
        arch_page_zero(page);
        hart->stock[hart->stock_count++] = page;
    }
    hart->attention.stock_low = !frame_stock_is_full(hart);
}
