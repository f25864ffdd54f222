/* SPDX-License-Identifier: MIT */
#include "census.h"

#include "check.h"
#include "host.h"

#include <stdlib.h>

#define TALLIES 65536 /* a power of two, well above the records of any test */

enum frame_use { USE_NONE, USE_KERNEL, USE_SLAB, USE_MEMORY };

struct frame_count {
    const struct frame *frame;
    uint32_t stamp;
    uint32_t sharers;
    enum frame_use use;
    const struct bank *bank;
};

static struct tally tallies[TALLIES];
static struct frame_count *counts; /* by frame number */
static uint32_t *counted;          /* the numbers of the frames that were counted */
static uint32_t counted_frames;
static uint32_t counts_size;
static uint32_t stamp;

void census_begin(void)
{
    if (counts == NULL) {
        counts_size = (uint32_t)((host_ram_bytes + host_tim_bytes) / WK_PAGE_BYTES + 3 * FRAMES_PER_SUPERFRAME);
        counts = calloc(counts_size, sizeof(*counts));
        counted = calloc(counts_size, sizeof(*counted));
    }
    stamp++;
    counted_frames = 0;
}

struct tally *census_tally(const void *record)
{
    uint64_t place = (uint64_t)(uintptr_t)record * UINT64_C(0x9e3779b97f4a7c15) >> 48;

    for (unsigned tries = 0; tries < TALLIES; tries++, place = (place + 1) % TALLIES) {
        struct tally *tally = &tallies[place];

        if (tally->stamp != stamp)
            *tally = (struct tally){.record = record, .stamp = stamp};
        if (tally->record == record)
            return tally;
    }
    check_failed("census", "there is room for every record", __FILE__, __LINE__);
}

static struct frame_count *count_of(const struct frame *frame)
{
    const uint32_t number = frame_number(frame);
    struct frame_count *count;

    CHECK("census", number < counts_size);
    count = &counts[number];
    if (count->stamp != stamp) {
        *count = (struct frame_count){.frame = frame, .stamp = stamp};
        counted[counted_frames++] = number;
    }
    return count;
}

static struct frame_count *count_of_page(const void *page)
{
    return count_of(frame_of(page));
}

static bool is_tim(const struct frame *frame)
{
    return frame_physical(frame).address - HOST_TIM_PHYSICAL < host_tim_bytes;
}

void census_kernel_page(const void *page, const struct bank *bank)
{
    struct frame_count *count = count_of_page(page);

    CHECK("INV-FRAME-1", count->use == USE_NONE);
    CHECK("INV-BANK-1", bank->kind == WK_BANK_KIND_RAM && !is_tim(count->frame));
    count->use = USE_KERNEL;
    count->bank = bank;
    census_tally(bank)->pages++;
}

void census_slab_record(const void *record, const struct bank *bank)
{
    struct frame_count *count = count_of_page(record);

    CHECK("INV-FRAME-1", count->use == USE_NONE || (count->use == USE_SLAB && count->bank == bank));
    CHECK("INV-BANK-1", bank->payer->kind == WK_BANK_KIND_RAM && !is_tim(count->frame));
    if (count->use == USE_NONE)
        census_tally(bank->payer)->pages++;
    count->use = USE_SLAB;
    count->bank = bank;
}

bool census_is_slab(const void *page)
{
    return count_of_page(page)->use == USE_SLAB;
}

void census_memory_page(struct frame *frame, const struct bank *bank)
{
    struct frame_count *count = count_of(frame);

    CHECK("INV-FRAME-1", count->use == USE_NONE || count->use == USE_MEMORY);
    CHECK("INV-BANK-1", is_tim(frame) == (bank->kind == WK_BANK_KIND_TIM));
    count->use = USE_MEMORY;
    count->sharers++;
    census_tally(bank)->pages++;
}

uint64_t census_compare_frames(bool pins_allowed)
{
    for (uint32_t i = 0; i < counted_frames; i++) {
        const struct frame_count *count = &counts[counted[i]];
        const struct frame *frame = count->frame;

        if (count->use == USE_MEMORY)
            CHECK("INV-MEMORY-2", frame_sharers(frame) == count->sharers);
        else
            CHECK("INV-FRAME-1", frame_sharers(frame) == 1);
        CHECK("INV-FRAME-1", pins_allowed || frame->references < FRAME_PIN);
        if (count->use == USE_SLAB)
            CHECK("INV-BANK-3", frame->owner == count->bank);
    }
    return counted_frames;
}
