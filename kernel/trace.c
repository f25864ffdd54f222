/* SPDX-License-Identifier: MIT */
/*
 * Trace buffers. Whoever traces provides memory; its pages are pinned, and each hart writes its records to its own
 * buffer, without looking at it ever again: what stands there is the owner's to read, and to spoil. Owns the table of
 * buffers, each buffer, each hart's `trace`, and trace_events, which is written under the kernel lock and read without
 * it. Invariants: see trace.h.
 *
 * When a page is taken back nothing is written to that buffer from then on. Its other pages are not unpinned at once,
 * for the memory is just going through its pins: that is done when the hart gets another buffer, or when the last of
 * them is taken back too.
 */
#include "trace.h"

#include "assert.h"
#include "bank.h"
#include "handlers.h"
#include "invoke.h"
#include "lock.h"
#include "string.h"

#define RECORDS_PER_PAGE (WK_PAGE_BYTES / sizeof(struct trace_record))

uint64_t trace_events;

struct trace_buffer *trace_buffers[HARTS_MAX];
static struct object trace_singleton;

struct object *trace_object(void)
{
    if (trace_singleton.type == WK_TYPE_NONE)
        object_init(&trace_singleton, WK_TYPE_TRACE, sizeof trace_singleton, NULL);
    return &trace_singleton;
}

/* Where record number `number` of the buffer stands. */
static struct trace_record *record_at(const struct trace_buffer *buffer, unsigned number)
{
    return buffer->page[number / RECORDS_PER_PAGE] + number % RECORDS_PER_PAGE;
}

/* The count of records is written last: who reads it finds the records that it counts. */
void trace_record(enum wk_trace_event event, uint64_t word0, uint64_t word1)
{
    struct hart *hart = hart_current();
    struct trace_buffer *buffer = hart->trace;

    assert_debug(kernel_lock_is_held());
    if (buffer == NULL)
        return;
    assert_debug(!buffer->is_revoked && buffer->pinned == buffer->page_count); /* INV-TRACE-1 */
    *record_at(buffer, buffer->next) = (struct trace_record){
        .time_ns = arch_time_ns(),
        .event = (uint16_t)event,
        .hart = (uint16_t)hart->index,
        .words = {word0, word1},
    };
    buffer->written++;
    buffer->next++;
    if (buffer->next == buffer->page_count * RECORDS_PER_PAGE)
        buffer->next = 1;
    __atomic_store_n(&record_at(buffer, 0)->time_ns, buffer->written, __ATOMIC_RELEASE);
}

/* Bound: TRACE_PAGES_MAX pins. */
static void buffer_release(struct trace_buffer *buffer)
{
    struct bank *bank = buffer->bank;

    assert_debug(trace_buffers[buffer->hart->index] == buffer); /* INV-TRACE-2 */
    for (unsigned i = 0; i < buffer->page_count; i++)
        memory_unpin(&buffer->pins[i]);
    if (buffer->hart->trace == buffer)
        buffer->hart->trace = NULL;
    trace_buffers[buffer->hart->index] = NULL;
    memset(buffer, 0, sizeof *buffer);
    bank_record_free(bank, buffer);
}

/* A page is taken back; page n is pinned by pins[n]. Touches no other pin than this one. */
static void buffer_revoked(struct memory_pin *pin)
{
    struct trace_buffer *buffer = container_of(pin - pin->page, struct trace_buffer, pins);

    buffer->is_revoked = true;
    buffer->pinned--;
    if (buffer->hart->trace == buffer)
        buffer->hart->trace = NULL; /* INV-TRACE-1 */
    if (buffer->pinned == 0 && !buffer->is_attaching)
        buffer_release(buffer);
}

/* Pins the next page; after the last one the hart writes to the buffer. */
static enum wk_status trace_attach_step(struct operation *operation)
{
    struct trace_buffer *buffer = operation->pointer;
    struct memory *memory = container_of(operation->object, struct memory, object);
    const unsigned page = (unsigned)operation->cursor[0];
    enum wk_status status = WK_REVOKED;

    if (!buffer->is_revoked && memory->pages >= buffer->page_count)
        status = memory_pin_page(memory, page, &buffer->pins[page], buffer_revoked);
    if (status != WK_OK) {
        buffer_release(buffer);
        return status;
    }
    buffer->page[page] = memory_pin_pointer(&buffer->pins[page], 0);
    buffer->pinned++;
    operation->cursor[0]++;
    if (buffer->pinned < buffer->page_count)
        return WK_CONTINUE;
    buffer->is_attaching = false;
    *record_at(buffer, 0) = (struct trace_record){0};
    buffer->hart->trace = buffer;
    return WK_OK;
}

enum wk_status trace_attach(struct invocation *invocation, struct trace *trace, struct capability *memory_capability,
                            const struct wk_trace_attach_in *in)
{
    struct memory *memory = container_of(memory_capability->object, struct memory, object);
    struct operation *operation = &invocation->thread->operation;
    struct trace_buffer *old;
    struct trace_buffer *buffer;

    (void)trace;
    if (in->hart >= hart_count)
        return invocation_bad_argument(invocation, 2);
    if (memory->is_physical || memory->pages > TRACE_PAGES_MAX || (memory->options & WK_MEMORY_OPTIONS_ON_DEMAND))
        return invocation_bad_argument(invocation, 1);
    old = trace_buffers[in->hart];
    if (old != NULL && (old->is_attaching || !old->is_revoked))
        return WK_BUSY;
    buffer = bank_record(memory->object.bank, sizeof *buffer);
    if (buffer == NULL)
        return WK_NO_MEMORY;

    op_commit();
    if (old != NULL)
        buffer_release(old);
    trace_buffers[in->hart] = buffer; /* INV-TRACE-2 */
    buffer->hart = harts[in->hart];
    buffer->bank = memory->object.bank;
    buffer->page_count = (unsigned)memory->pages;
    buffer->next = 1;
    buffer->is_attaching = true;
    operation_begin(operation, trace_attach_step, &memory->object);
    operation->pointer = buffer;
    return WK_CONTINUE;
}

enum wk_status trace_detach(struct invocation *invocation, struct trace *trace, const struct wk_trace_detach_in *in)
{
    struct trace_buffer *buffer = trace_buffers[in->hart];

    (void)invocation;
    (void)trace;
    if (buffer == NULL || buffer->is_attaching || buffer->is_revoked)
        return WK_WOULD_BLOCK;

    op_commit();
    buffer_release(buffer);
    return WK_OK;
}

/* Which events are recorded from now on. Invocations leave the kernel by their slow way while any is. */
static void trace_select(uint64_t events)
{
    trace_events = events;
    for (unsigned i = 0; i < hart_count; i++)
        harts[i]->attention.tracing = events != 0;
}

enum wk_status trace_start(struct invocation *invocation, struct trace *trace, const struct wk_trace_start_in *in)
{
    (void)invocation;
    (void)trace;

    op_commit();
    trace_select(in->events);
    return WK_OK;
}

enum wk_status trace_stop(struct invocation *invocation, struct trace *trace)
{
    (void)invocation;
    (void)trace;

    op_commit();
    trace_select(0);
    return WK_OK;
}
