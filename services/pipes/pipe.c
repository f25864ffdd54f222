/* SPDX-License-Identifier: MIT */
#include "pipe.h"

#include "pages.h"

#include <winkle/event.h>
#include <winkle/records.h>
#include <winkle/text.h>

#define ARMS_OF_WAITER 256 /* a waiter's arms are looked through one by one */

static struct wk_records arms = {.bytes = sizeof(struct arm), .limit = WK_RECORDS_MAX};

/* ---- pages ---- */

static uint32_t page_at(const struct pipe *pipe, uint32_t index)
{
    return pipe->pages[(pipe->first_page + index) % PIPE_PAGES_MAX];
}

static uint32_t pages_for(const struct pipe *pipe, uint32_t count)
{
    return count == 0 ? 0 : (pipe->head + count - 1) / WK_PAGE_BYTES + 1;
}

static void cut(struct pipe *pipe, uint32_t page_count)
{
    while (pipe->page_count > page_count)
        page_give_back(page_at(pipe, --pipe->page_count));
}

bool pipe_reserve(struct pipe *pipe, uint32_t length)
{
    const uint32_t wanted = pages_for(pipe, pipe->count + length);

    while (pipe->page_count < wanted) {
        const uint32_t page = page_take();

        if (page == NO_PAGE) {
            pipe_unreserve(pipe);
            return false;
        }
        pipe->pages[(pipe->first_page + pipe->page_count++) % PIPE_PAGES_MAX] = page;
    }
    return true;
}

void pipe_unreserve(struct pipe *pipe)
{
    cut(pipe, pages_for(pipe, pipe->count));
}

struct span pipe_span(const struct pipe *pipe, uint32_t position, uint32_t length)
{
    uint32_t index = (pipe->head + position) / WK_PAGE_BYTES;
    const uint32_t within = (pipe->head + position) % WK_PAGE_BYTES;
    uint32_t page = page_at(pipe, index);
    struct span span = {.memory = page_memory(page),
                        .offset = page_offset(page) + within,
                        .address = page_address(page) + within,
                        .length = WK_PAGE_BYTES - within};

    while (span.length < length && page_is_next(page, page_at(pipe, index + 1))) {
        page = page_at(pipe, ++index);
        span.length += WK_PAGE_BYTES;
    }
    if (span.length > length)
        span.length = length;
    return span;
}

/* ---- bytes ---- */

void pipe_filled(struct pipe *pipe, uint32_t length)
{
    pipe->count += length;
}

static void drop_first_page(struct pipe *pipe)
{
    page_give_back(pipe->pages[pipe->first_page]);
    if (++pipe->first_page == PIPE_PAGES_MAX)
        pipe->first_page = 0;
    pipe->page_count--;
}

/* An empty pipe has no page, and begins again at a page's beginning. */
void pipe_taken(struct pipe *pipe, uint32_t length)
{
    pipe->count -= length;
    pipe->head += length;
    for (; pipe->head >= WK_PAGE_BYTES; pipe->head -= (uint32_t)WK_PAGE_BYTES)
        drop_first_page(pipe);
    if (pipe->count != 0)
        return;
    pipe->head = 0;
    while (pipe->page_count != 0)
        drop_first_page(pipe);
}

/* Few bytes: page by page, without looking which are adjacent; most lie in one. */
static inline uint8_t *piece(const struct pipe *pipe, uint32_t position, uint32_t length, uint32_t *part)
{
    const uint32_t at = pipe->head + position, within = at % WK_PAGE_BYTES;
    const uint32_t left = (uint32_t)WK_PAGE_BYTES - within;
    uint32_t index = pipe->first_page + at / (uint32_t)WK_PAGE_BYTES;

    if (index >= PIPE_PAGES_MAX)
        index -= (uint32_t)PIPE_PAGES_MAX;
    *part = length < left ? length : left;
    return page_address(pipe->pages[index]) + within;
}

void pipe_put(struct pipe *pipe, const uint8_t *bytes, uint32_t length)
{
    for (uint32_t done = 0, part; done < length; done += part) {
        uint8_t *to = piece(pipe, pipe->count + done, length - done, &part);

        memcpy(to, bytes + done, part);
    }
    pipe_filled(pipe, length);
}

void pipe_get(struct pipe *pipe, uint8_t *bytes, uint32_t length)
{
    for (uint32_t done = 0, part; done < length; done += part) {
        const uint8_t *from = piece(pipe, done, length - done, &part);

        memcpy(bytes + done, from, part);
    }
    pipe_taken(pipe, length);
}

/* ---- who waits ---- */

static void disarm(struct arm *arm)
{
    struct waiter *waiter = arm->waiter;

    waiter->arm_count--;
    wk_link_remove(&arm->in_pipe);
    wk_link_remove(&arm->in_waiter);
    if (arm == &waiter->first)
        waiter->has_first = false;
    else
        wk_records_give_back(&arms, arm);
}

static struct arm *find_arm(struct waiter *waiter, const struct pipe *pipe, enum side side)
{
    for (struct wk_link *link = waiter->arms.next; link != &waiter->arms; link = link->next) {
        struct arm *arm = WK_LINKED(link, struct arm, in_waiter);

        if (arm->pipe == pipe && arm->side == side)
            return arm;
    }
    return NULL;
}

static struct arm *new_arm(struct waiter *waiter, struct pipe *pipe, enum side side)
{
    struct arm *arm = &waiter->first;
    uint64_t number;

    if (waiter->has_first)
        arm = waiter->arm_count == ARMS_OF_WAITER ? NULL : wk_records_take(&arms, &number);
    if (arm == NULL)
        return NULL;
    if (arm == &waiter->first)
        waiter->has_first = true;
    *arm = (struct arm){.waiter = waiter, .pipe = pipe, .side = side, .need = UINT32_MAX};
    wk_link_append(&waiter->arms, &arm->in_waiter);
    wk_link_append(&pipe->arms[side], &arm->in_pipe);
    waiter->arm_count++;
    return arm;
}

bool pipe_arm(struct pipe *pipe, enum side side, struct waiter *waiter, uint32_t wanted, uint32_t need)
{
    struct arm *arm = find_arm(waiter, pipe, side);

    if (arm == NULL)
        arm = new_arm(waiter, pipe, side);
    if (arm == NULL)
        return false;
    arm->wanted |= wanted;
    if (need < arm->need)
        arm->need = need;
    return true;
}

static bool is_meant(const struct pipe *pipe, const struct arm *arm, uint32_t things)
{
    const uint32_t meant = arm->wanted & things;

    if (meant == WK_READINESS_WRITABLE && pipe->open[SIDE_READ] != 0)
        return pipe_room(pipe) >= arm->need;
    return meant != 0;
}

/* All who wait are told, not as many as there are bytes for: who is told may have been interrupted meanwhile, and then
 * nobody else would come. */
void pipe_tell(struct pipe *pipe, enum side side, uint32_t things)
{
    struct wk_link *next;

    for (struct wk_link *link = pipe->arms[side].next; link != &pipe->arms[side]; link = next) {
        struct arm *arm = WK_LINKED(link, struct arm, in_pipe);

        next = link->next;
        if (!is_meant(pipe, arm, things))
            continue;
        wk_event_signal(arm->waiter->event, arm->waiter->bits); /* if it cannot be told, that is its loss */
        disarm(arm);
    }
}

void waiter_init(struct waiter *waiter, wk_handle event, uint64_t bits)
{
    *waiter = (struct waiter){.event = event, .bits = bits};
    wk_link_init(&waiter->arms);
}

void waiter_end(struct waiter *waiter)
{
    while (!wk_links_are_empty(&waiter->arms))
        disarm(WK_LINKED(waiter->arms.next, struct arm, in_waiter));
}

/* ---- beginning and end ---- */

void pipe_init(struct pipe *pipe)
{
    *pipe = (struct pipe){0};
    wk_link_init(&pipe->named);
    wk_link_init(&pipe->arms[SIDE_READ]);
    wk_link_init(&pipe->arms[SIDE_WRITE]);
}

void pipe_end(struct pipe *pipe)
{
    for (enum side side = SIDE_READ; side < SIDES; side++) {
        while (!wk_links_are_empty(&pipe->arms[side]))
            disarm(WK_LINKED(pipe->arms[side].next, struct arm, in_pipe));
    }
    cut(pipe, 0);
    wk_link_remove(&pipe->named);
}
