/* SPDX-License-Identifier: MIT */
/*
 * The pipe service: its sessions, which are ends of pipes and waiters, and a handler for each operation. The session with
 * badge 0 makes pipes; ends have the numbers of their records for badges, waiters theirs with a bit above.
 */
#include "pipe.h"

#include <winkle/capability.h>
#include <winkle/endpoint.h>
#include <winkle/memory.h>
#include <winkle/pipe_service.h>
#include <winkle/records.h>
#include <winkle/session_server.h>
#include <winkle/start.h>
#include <winkle/text.h>

#define MAKER_BADGE 0
#define WAITER_BADGE (UINT64_C(1) << WK_RECORDS_NUMBER_BITS)
#define SESSIONS_MAX WK_RECORDS_MAX
#define NAMED_BUCKETS 64
#define LENGTH_BITS 8

/* An end of a pipe that is open. */
struct end {
    struct pipe *pipe;
    enum side side;
    uint32_t flags;         /* WK_DESCRIPTION_FLAGS_* */
    uint64_t others_before; /* how many other ends had been opened before it and were closed */
};

static struct wk_records ends = {.bytes = sizeof(struct end), .limit = SESSIONS_MAX};
static struct wk_records waiters = {.bytes = sizeof(struct waiter), .limit = SESSIONS_MAX};
static struct wk_records pipes = {.bytes = sizeof(struct pipe), .limit = SESSIONS_MAX};
static struct wk_link named[NAMED_BUCKETS];
static struct wk_session_server server;

static enum side other(enum side side)
{
    return side == SIDE_READ ? SIDE_WRITE : SIDE_READ;
}

/* ---- sessions ---- */

/* A record and the capability by which its client has it; NULL and nothing if there is no room. */
static void *open_session(struct wk_records *records, uint64_t badge_bit, wk_handle *handle)
{
    uint64_t number;
    void *record = wk_records_take(records, &number);

    if (record == NULL)
        return NULL;
    if (wk_endpoint_mint(server.endpoint, number | badge_bit, 1, handle) == WK_OK)
        return record;
    wk_records_give_back(records, record);
    return NULL;
}

static struct pipe *new_pipe(void)
{
    uint64_t number;
    struct pipe *pipe = wk_records_take(&pipes, &number);

    if (pipe != NULL)
        pipe_init(pipe);
    return pipe;
}

static void drop_if_closed(struct pipe *pipe)
{
    if (pipe->open[SIDE_READ] != 0 || pipe->open[SIDE_WRITE] != 0)
        return;
    pipe_end(pipe);
    wk_records_give_back(&pipes, pipe);
}

static bool open_end(struct pipe *pipe, enum side side, wk_handle *handle)
{
    struct end *end = open_session(&ends, 0, handle);

    if (end == NULL)
        return false;
    end->side = side;
    end->pipe = pipe;
    end->others_before = pipe->opened[other(side)] - pipe->open[other(side)];
    pipe->open[side]++;
    pipe->opened[side]++;
    pipe_tell(pipe, other(side), WK_READINESS_JOINED);
    return true;
}

static void close_end(struct end *end)
{
    struct pipe *pipe = end->pipe;

    pipe->open[end->side]--;
    if (pipe->open[end->side] == 0)
        pipe_tell(pipe, other(end->side), WK_READINESS_HUNG_UP | WK_READINESS_READABLE | WK_READINESS_WRITABLE);
    wk_records_give_back(&ends, end);
    drop_if_closed(pipe);
}

static void close_waiter(struct waiter *waiter)
{
    waiter_end(waiter);
    wk_capability_delete(waiter->event);
    wk_records_give_back(&waiters, waiter);
}

static void closed(uint64_t badge)
{
    struct end *end = wk_records_find(&ends, badge);
    struct waiter *waiter = badge & WAITER_BADGE ? wk_records_find(&waiters, badge & ~WAITER_BADGE) : NULL;

    if (end != NULL)
        close_end(end);
    if (waiter != NULL)
        close_waiter(waiter);
}

static enum wk_status create(struct wk_message *message, struct wk_pipe_create_out *out)
{
    struct pipe *pipe;

    if (message->badge != MAKER_BADGE)
        return WK_NO_RIGHT;
    pipe = new_pipe();
    if (pipe == NULL)
        return WK_NO_MEMORY;
    if (!open_end(pipe, SIDE_READ, &out->reader)) {
        drop_if_closed(pipe);
        return WK_NO_MEMORY;
    }
    if (!open_end(pipe, SIDE_WRITE, &out->writer)) {
        wk_capability_delete(out->reader); /* whose end, and the pipe's, come as that of any other */
        return WK_NO_MEMORY;
    }
    return WK_OK;
}

static enum wk_status enlist(struct wk_message *message, const struct wk_pipe_enlist_in *in,
                             struct wk_pipe_enlist_out *out)
{
    struct waiter *waiter = open_session(&waiters, WAITER_BADGE, &out->waiter);

    (void)message;
    if (waiter == NULL) {
        wk_capability_delete(in->event);
        return WK_NO_MEMORY;
    }
    waiter_init(waiter, in->event, in->bits);
    out->number = wk_record_number(waiter);
    return WK_OK;
}

/* ---- names ---- */

static struct pipe *find_named(uint64_t identity)
{
    const struct wk_link *bucket = &named[identity % NAMED_BUCKETS];

    for (struct wk_link *link = bucket->next; link != bucket; link = link->next) {
        struct pipe *pipe = WK_LINKED(link, struct pipe, named);

        if (pipe->identity == identity)
            return pipe;
    }
    return NULL;
}

static struct pipe *name_pipe(uint64_t identity)
{
    struct pipe *pipe = new_pipe();

    if (pipe == NULL)
        return NULL;
    pipe->identity = identity;
    wk_link_append(&named[identity % NAMED_BUCKETS], &pipe->named);
    return pipe;
}

static enum wk_status open_named(struct wk_message *message, const struct wk_pipe_open_named_in *in,
                                 struct wk_pipe_open_named_out *out)
{
    const enum side side = in->is_writer ? SIDE_WRITE : SIDE_READ;
    struct waiter *waiter = wk_records_find(&waiters, in->waiter);
    struct pipe *pipe;

    if (message->badge != MAKER_BADGE)
        return WK_NO_RIGHT;
    pipe = find_named(in->identity);
    if (pipe == NULL)
        pipe = name_pipe(in->identity);
    if (pipe == NULL)
        return WK_NO_MEMORY;
    out->is_other_open = pipe->open[other(side)] != 0;
    if (!out->is_other_open && waiter != NULL && !pipe_arm(pipe, side, waiter, WK_READINESS_JOINED, 0)) {
        drop_if_closed(pipe);
        return WK_NO_MEMORY;
    }
    if (!open_end(pipe, side, &out->end)) {
        drop_if_closed(pipe);
        return WK_NO_MEMORY;
    }
    return WK_OK;
}

/* ---- bytes ---- */

/* The answer if nothing can be done yet: who is named is told when something can. */
static enum wk_status would_block(struct end *end, uint64_t number, uint32_t wanted, uint32_t need)
{
    struct waiter *waiter = wk_records_find(&waiters, number);

    if (waiter != NULL && !pipe_arm(end->pipe, end->side, waiter, wanted, need))
        return WK_NO_MEMORY;
    return WK_WOULD_BLOCK;
}

/* The same, unless the end is one that nobody waits at. */
static enum wk_status would_block_unless(struct end *end, uint64_t number, uint32_t wanted, uint32_t need)
{
    return (end->flags & WK_DESCRIPTION_FLAGS_NON_BLOCKING) != 0 ? WK_BUSY : would_block(end, number, wanted, need);
}

/* WK_OK: there are `*length` bytes to read, none if there never will be any. */
static enum wk_status begin_read(struct end *end, uint64_t waiter, uint64_t *length)
{
    struct pipe *pipe;

    if (end == NULL || end->side != SIDE_READ)
        return WK_NO_RIGHT;
    pipe = end->pipe;
    if (pipe->count == 0 && pipe->open[SIDE_WRITE] != 0)
        return would_block_unless(end, waiter, WK_READINESS_READABLE, 0);
    if (*length > pipe->count)
        *length = pipe->count;
    return WK_OK;
}

/* WK_OK: there is room for `*length` bytes, and pages. */
static enum wk_status begin_write(struct end *end, uint64_t waiter, uint64_t *length)
{
    const uint32_t need = *length < WK_ATOMIC_MAX ? (uint32_t)*length : WK_ATOMIC_MAX;
    struct pipe *pipe;
    uint32_t room;

    if (end == NULL || end->side != SIDE_WRITE)
        return WK_NO_RIGHT;
    pipe = end->pipe;
    if (pipe->open[SIDE_READ] == 0)
        return WK_BROKEN;
    room = pipe_room(pipe);
    if (room < *length && (*length <= WK_ATOMIC_MAX || room == 0))
        return would_block_unless(end, waiter, WK_READINESS_WRITABLE, need);
    if (*length > room)
        *length = room;
    return pipe_reserve(pipe, (uint32_t)*length) ? WK_OK : WK_NO_MEMORY;
}

/* Whether the end's next reader will be told, which has taken all there was. A waiter is armed ahead for one thing at a time: it may never
 * come to wait for it. */
static bool arm_ahead(struct end *end, uint64_t number)
{
    struct pipe *pipe = end->pipe;
    struct waiter *waiter = wk_records_find(&waiters, number);

    return waiter != NULL && pipe->count == 0 && pipe->open[SIDE_WRITE] != 0 && waiter->arm_count == 0 &&
           (end->flags & WK_DESCRIPTION_FLAGS_NON_BLOCKING) == 0 &&
           pipe_arm(pipe, SIDE_READ, waiter, WK_READINESS_READABLE | PIPE_NON_BLOCKING, 0);
}

static enum wk_status read_short(struct wk_message *message, const struct wk_pipe_read_short_in *in,
                                 struct wk_pipe_read_short_out *out)
{
    struct end *end = wk_records_find(&ends, message->badge);
    uint64_t length = in->length;
    const enum wk_status status = begin_read(end, in->waiter, &length);

    if (status != WK_OK)
        return status;
    out->count = length;
    pipe_get(end->pipe, (uint8_t *)&out->bytes0, (uint32_t)length);
    pipe_tell(end->pipe, SIDE_WRITE, WK_READINESS_WRITABLE);
    if (in->is_ahead != 0 && arm_ahead(end, in->waiter))
        out->count |= WK_WILL_TELL;
    return WK_OK;
}

static enum wk_status write_short(struct wk_message *message, const struct wk_pipe_write_short_in *in)
{
    struct end *end = wk_records_find(&ends, message->badge);
    uint64_t length = in->length_waiter & ((1U << LENGTH_BITS) - 1);
    enum wk_status status;

    if (length == 0 || length > WK_SHORT_MAX)
        return WK_BAD_ARGUMENT;
    status = begin_write(end, in->length_waiter >> LENGTH_BITS, &length);
    if (status != WK_OK)
        return status;
    pipe_put(end->pipe, (const uint8_t *)&in->bytes0, (uint32_t)length);
    pipe_tell(end->pipe, SIDE_READ, WK_READINESS_READABLE);
    return WK_OK;
}

/* What can be wrong with memory that a client lent is the client's business: it learns what the kernel said. */
static enum wk_status read(struct wk_message *message, const struct wk_pipe_read_in *in, struct wk_pipe_read_out *out)
{
    struct end *end = wk_records_find(&ends, message->badge);
    uint64_t length = in->length;
    enum wk_status status = begin_read(end, in->waiter, &length);
    uint32_t done = 0;

    while (status == WK_OK && done < length) {
        const struct span span = pipe_span(end->pipe, done, (uint32_t)length - done);

        status = wk_memory_copy(in->memory, in->offset + done, span.memory, span.offset, span.length);
        done += span.length;
    }
    if (status != WK_OK)
        return status;
    out->count = length;
    pipe_taken(end->pipe, (uint32_t)length);
    pipe_tell(end->pipe, SIDE_WRITE, WK_READINESS_WRITABLE);
    return WK_OK;
}

static enum wk_status write(struct wk_message *message, const struct wk_pipe_write_in *in,
                            struct wk_pipe_write_out *out)
{
    struct end *end = wk_records_find(&ends, message->badge);
    uint64_t length = in->length;
    enum wk_status status = begin_write(end, in->waiter, &length);
    uint32_t done = 0;

    if (status != WK_OK)
        return status;
    while (status == WK_OK && done < length) {
        const struct span span = pipe_span(end->pipe, end->pipe->count + done, (uint32_t)length - done);

        status = wk_memory_copy(span.memory, span.offset, in->memory, in->offset + done, span.length);
        done += span.length;
    }
    if (status != WK_OK) {
        pipe_unreserve(end->pipe);
        return status;
    }
    out->count = length;
    pipe_filled(end->pipe, (uint32_t)length);
    pipe_tell(end->pipe, SIDE_READ, WK_READINESS_READABLE);
    return WK_OK;
}

/* ---- flags ---- */

static enum wk_status description_flags(struct wk_message *message, struct wk_pipe_description_flags_out *out)
{
    const struct end *end = wk_records_find(&ends, message->badge);

    if (end == NULL)
        return WK_NO_RIGHT;
    out->flags = end->flags;
    return WK_OK;
}

static enum wk_status set_description_flags(struct wk_message *message,
                                            const struct wk_pipe_set_description_flags_in *in)
{
    struct end *end = wk_records_find(&ends, message->badge);

    if (end == NULL)
        return WK_NO_RIGHT;
    end->flags = (uint32_t)in->flags;
    if ((end->flags & WK_DESCRIPTION_FLAGS_NON_BLOCKING) != 0)
        pipe_tell(end->pipe, end->side, PIPE_NON_BLOCKING);
    return WK_OK;
}

/* ---- poll ---- */

static uint32_t readiness(const struct end *end)
{
    const struct pipe *pipe = end->pipe;
    const bool has_met = pipe->opened[other(end->side)] != end->others_before;
    const bool is_hung_up = has_met && pipe->open[other(end->side)] == 0;
    const bool is_ready = is_hung_up || (end->side == SIDE_READ ? pipe->count != 0 : pipe_room(pipe) >= WK_ATOMIC_MAX);
    const uint32_t ready = end->side == SIDE_READ ? WK_READINESS_READABLE : WK_READINESS_WRITABLE;

    return (is_ready ? ready : 0) | (is_hung_up ? WK_READINESS_HUNG_UP : 0) | (has_met ? WK_READINESS_JOINED : 0);
}

static enum wk_status poll(struct wk_message *message, const struct wk_pipe_poll_in *in, struct wk_pipe_poll_out *out)
{
    struct end *end = wk_records_find(&ends, message->badge);

    if (end == NULL)
        return WK_NO_RIGHT;
    out->ready = readiness(end);
    out->count = end->pipe->count;
    if ((out->ready & in->wanted) == 0 &&
        would_block(end, in->waiter, (uint32_t)in->wanted, WK_ATOMIC_MAX) == WK_NO_MEMORY)
        return WK_NO_MEMORY;
    return WK_OK;
}

/* ---- all of it ---- */

static const struct wk_pipe_handlers handlers = {.create = create,
                                                 .enlist = enlist,
                                                 .read_short = read_short,
                                                 .write_short = write_short,
                                                 .read = read,
                                                 .write = write,
                                                 .description_flags = description_flags,
                                                 .set_description_flags = set_description_flags,
                                                 .poll = poll,
                                                 .open_named = open_named};

static void handle(struct wk_message *message, struct wk_answer *answer)
{
    wk_pipe_dispatch(&handlers, message, answer);
}

static struct wk_session_server server = {
    .handle = handle,
    .closed = closed,
    .accept_types = UINT64_C(1) << WK_TYPE_EVENT | UINT64_C(1) << WK_TYPE_MEMORY,
    .accept_count = 1,
};

int main(void)
{
    enum wk_status status;

    server.endpoint = wk_named_handle("endpoint");
    for (unsigned i = 0; i < NAMED_BUCKETS; i++)
        wk_link_init(&named[i]);
    status = wk_session_server_prepare(&server);
    if (status == WK_OK)
        status = wk_session_server_run(&server);
    wk_fail("serving", status);
}
