/* SPDX-License-Identifier: MIT */
/* What tests of rings do with a queue: entries of any kind, and completions by their tags. */
#ifndef RINGS_H
#define RINGS_H

#include "actors.h"

#include <winkle/calls.h>
#include <winkle/queue.h>
#include <winkle/ring.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define STACK_PAGES 4
#define MILLISECOND UINT64_C(1000000)

static inline uint64_t patience(void)
{
    return wk_after_ns(ACTOR_PATIENCE_NS);
}

static inline void pause_for(uint64_t ns)
{
    EXPECT(WK_OK, wk_thread_sleep(wk_thread_self()->handle, wk_after_ns(ns)));
}

/* A call, of which two words are said; `bits` are as in a7. */
static inline void prepare_call(struct wk_queue *queue, uint32_t tag, wk_handle session, uint64_t operation,
                                uint64_t bits, uint64_t word0, uint64_t word1)
{
    uint64_t *words;

    CHECK(wk_queue_has_room(queue));
    words = wk_queue_next(queue);
    words[0] = WK_RING_ENTRY(operation, 0, session);
    words[1] = WK_RING_ENTRY_TAG(tag, bits);
    words[2] = word0;
    words[3] = word1;
    for (unsigned i = 4; i < 8; i++)
        words[i] = 0;
}

static inline void submit(struct wk_queue *queue)
{
    EXPECT(WK_OK, wk_queue_enter(queue, 0, WK_NO_DEADLINE));
}

/* The next completion, for which it waits. */
static inline struct wk_completion await(struct wk_queue *queue)
{
    struct wk_completion completion;

    while (!wk_queue_read(queue, &completion))
        EXPECT(WK_OK, wk_queue_enter(queue, 1, patience()));
    return completion;
}

static inline struct wk_completion await_tag(struct wk_queue *queue, uint32_t tag, enum wk_status status)
{
    const struct wk_completion completion = await(queue);

    EQUAL(tag, completion.tag);
    EQUAL(status, WK_RECEIVED_STATUS(completion.answer));
    return completion;
}

/* So many completions in any order, by their tags, which are below that; each comes once. */
static inline void await_all(struct wk_queue *queue, struct wk_completion *completions, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        completions[i].tag = UINT32_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const struct wk_completion completion = await(queue);

        CHECK(completion.tag < count);
        EQUAL(UINT32_MAX, completions[completion.tag].tag);
        completions[completion.tag] = completion;
    }
}

static inline void await_none(struct wk_queue *queue)
{
    struct wk_completion completion;

    CHECK(!wk_queue_read(queue, &completion));
}

#endif
