/* SPDX-License-Identifier: MIT */
/* The examples of docs/rings.md: a program with a queue, and one that waits for completions by an event. */
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/memory.h>
#include <winkle/names.h>
#include <winkle/print.h>
#include <winkle/queue.h>
#include <winkle/ring.h>
#include <winkle/start.h>

#define DONE 2

static void expect(const char *what, enum wk_status status)
{
    if (status != WK_OK)
        wk_fail(what, status);
}

static void handle(uint32_t tag, enum wk_status status)
{
    wk_print("%u: %s\n", tag, wk_status_name(status));
}

/* Submits three operations with one trap, and handles each when it is done. */
static void run(wk_handle event, wk_handle memory)
{
    struct wk_completion completion;
    struct wk_queue queue;
    unsigned done = 0;

    expect("a queue", wk_queue_create(&queue, 64, 64, 16, 0)); /* 64 entries, 64 completions, 16 may wait */
    wk_event_wait_prepare(&queue, 1, event, 1, WK_FOREVER);
    wk_memory_clone_prepare(&queue, 2, memory, wk_self.bank);
    wk_ring_timeout_prepare(&queue, 3, queue.ring, wk_after_ns(1000000));
    wk_event_signal_prepare(&queue, 4, event, 1);
    while (done < 4) {
        expect("entering", wk_queue_enter(&queue, 1, WK_FOREVER)); /* submits, waits for one completion at least */
        while (wk_queue_read(&queue, &completion)) {
            handle(completion.tag, WK_RECEIVED_STATUS(completion.answer));
            done++;
        }
    }
    wk_queue_destroy(&queue);
}

/* The next completion, by the doorbell: wk_ring_bind(queue->ring, event, DONE) was done once. */
static void next(struct wk_queue *queue, wk_handle event, struct wk_completion *completion)
{
    uint64_t bits = 0;

    expect("submitting", wk_queue_enter(queue, 0, 0));
    while (!wk_queue_read(queue, completion)) {
        if (!wk_queue_sleeps(queue))
            continue; /* there are some */
        expect("waiting", wk_event_wait(event, DONE, WK_FOREVER, &bits));
        wk_queue_wakes(queue);
    }
}

static void run_by_doorbell(wk_handle event)
{
    struct wk_completion completion;
    struct wk_queue queue;

    expect("a queue", wk_queue_create(&queue, 64, 64, 16, 0));
    expect("binding", wk_ring_bind(queue.ring, event, DONE));
    wk_ring_timeout_prepare(&queue, 5, queue.ring, wk_after_ns(1000000));
    next(&queue, event, &completion);
    handle(completion.tag, WK_RECEIVED_STATUS(completion.answer));
    wk_queue_destroy(&queue);
}

int main(void)
{
    wk_handle event, memory;

    expect("an event", wk_event_create(wk_self.bank, &event));
    expect("memory", wk_memory_create(wk_self.bank, 1, 0, &memory));
    run(event, memory);
    run_by_doorbell(event);
    wk_print("rings: good\n");
    return 0;
}
