/* SPDX-License-Identifier: MIT */
/* Event buffers, one for each hart: see trace.c. Off, an event costs one predictable branch. */
#ifndef TRACE_H
#define TRACE_H

#include "memory.h"

#define TRACE_PAGES_MAX 16

struct trace_record {
    uint64_t time_ns;
    uint16_t event;
    uint16_t hart;
    uint32_t unused;
    uint64_t words[2];
};
_Static_assert(sizeof(struct trace_record) == WK_TRACE_RECORD_BYTES, "the record is part of the ABI");

/*
 * INV-TRACE-1 hart->trace is NULL or a buffer of which every page is pinned; only then are records written to it.
 * INV-TRACE-2 a buffer stands in the table of buffers until its record is freed.
 */
struct trace_buffer {
    struct memory_pin pins[TRACE_PAGES_MAX];
    struct trace_record *page[TRACE_PAGES_MAX]; /* the kernel's pointers to the pinned pages */
    struct hart *hart;
    struct bank *bank; /* who pays for this: the bank of the memory */
    unsigned page_count;
    unsigned pinned;   /* pages pinned and not taken back */
    unsigned next;     /* where the next record goes; 0 is the place of the header */
    uint64_t written;  /* records ever */
    bool is_attaching; /* the operation that attaches it is under way */
    bool is_revoked;   /* a page was taken back */
};

/* The one object of its type; boot gives the first process its capability. */
struct object *trace_object(void);
/* The table of buffers, by hart; NULL where there is none. */
extern struct trace_buffer *trace_buffers[HARTS_MAX];
/* A bit for each event that is recorded. */
extern uint64_t trace_events;
/* Writes a record, if this hart has a buffer. Requires: the lock. */
void trace_record(enum wk_trace_event event, uint64_t word0, uint64_t word1);

/* Requires: the lock. */
static inline void trace(enum wk_trace_event event, uint64_t word0, uint64_t word1)
{
    if (__builtin_expect(trace_events >> event & 1, 0))
        trace_record(event, word0, word1);
}

#endif
