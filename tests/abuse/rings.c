/* SPDX-License-Identifier: MIT */
/*
 * Rings against the kernel. Without a word: threads on all harts write anything into the memory of rings while the kernel
 * executes their entries; entries that are nothing, or about the ring itself; doorbells and pollers without end; memory taken
 * away under both. With a word, one entry that is the end of the attacker or of its means: kill, stop, bank, budget.
 */
#include "../system/rings.h"

#include <winkle/budget.h>
#include <winkle/event.h>
#include <winkle/harts.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>

#include <stdbool.h>

#define ENTRIES 64
#define COMPLETIONS 128
#define PENDING 24
#define WRITERS 3
#define ROUNDS 300
#define REWRITES 40
#define POLLED 4
#define PRIORITY 60
#define DURATION_NS 100000000

static struct wk_queue queue;
static wk_handle event;
static volatile bool stop;

static uint64_t next(uint64_t *random, uint64_t limit)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*random >> 33) % limit;
}

/* ---- what is written by others ---- */

/* Anything that an attacker dares: not what ends it, or takes its means for the next round. */
static uint64_t any_operation(uint64_t *random)
{
    static const uint64_t operations[] = {
        0,
        WK_RING_NOOP,
        WK_RING_ENTER,
        WK_RING_TIMEOUT,
        WK_RING_CANCEL,
        WK_RING_BIND,
        WK_RING_POLL,
        WK_EVENT_SIGNAL,
        WK_EVENT_WAIT,
        WK_EVENT_SIGNAL_WAIT,
        WK_EVENT_CREATE,
        WK_MEMORY_CREATE,
        WK_CAPABILITY_DUP,
        WK_CAPABILITY_LEND,
        WK_CAPABILITY_CHECK,
        0x2000,
        0xffff,
    };

    return operations[next(random, sizeof(operations) / sizeof(*operations))];
}

static uint64_t any_word(uint64_t *random)
{
    const uint64_t words[] = {queue.ring, event, wk_self.bank, 0, UINT64_MAX, wk_now_ns(), *random, 1};

    return words[next(random, sizeof(words) / sizeof(*words))];
}

static void write_entry(uint64_t *random, volatile uint64_t *words)
{
    words[0] = WK_RING_ENTRY(any_operation(random), next(random, 3) == 0 ? WK_RING_LINK : 0, any_word(random));
    words[1] = next(random, 4) == 0 ? *random : next(random, 4);
    for (unsigned i = 2; i < 8; i++)
        words[i] = any_word(random);
}

static void write_line(uint64_t *random, struct wk_ring_line *line)
{
    volatile uint32_t *index = &line->index, *sleeps = &line->sleeps;

    switch (next(random, 4)) {
    case 0:
        *index = (uint32_t)*random;
        break;
    case 1:
        *index += (uint32_t)next(random, 8) - 4;
        break;
    default:
        *sleeps += (uint32_t)next(random, 3);
    }
}

static void write_on(void *argument)
{
    uint64_t random = (uint64_t)argument;
    struct wk_ring *entries = queue.entries.ring, *completions = queue.completions.ring;
    struct wk_ring_line *lines[] = {&entries->producer, &entries->consumer, &completions->producer,
                                    &completions->consumer};

    while (!stop) {
        for (unsigned i = 0; i < REWRITES; i++)
            write_entry(&random, entries->messages[next(&random, ENTRIES)].words);
        if (next(&random, 4) == 0)
            write_line(&random, lines[next(&random, 4)]);
    }
}

/* Makes the indices such that the kernel takes something, as far as that can be known. */
static void behave(void)
{
    struct wk_ring *entries = queue.entries.ring, *completions = queue.completions.ring;

    wk_ring_store(&completions->consumer.index, wk_ring_load(&completions->producer.index));
    wk_ring_store(&entries->producer.index, wk_ring_load(&entries->consumer.index) + ENTRIES);
}

/* The indices may promise entries for which there is never room. A poller whose idle time is long looks for it as long, before less
 * urgent threads of its hart; it is ended, and again if what it takes last starts another. */
static void join_beside_poller(struct wk_thread *thread)
{
    enum wk_status status;

    do {
        (void)wk_ring_poll(queue.ring, 0);
        status = wk_thread_join(thread, wk_after_ns(MILLISECOND));
    } while (status == WK_TIMED_OUT);
    EQUAL(WK_OK, status);
}

static void entries_are_rewritten(void)
{
    struct wk_thread writers[WRITERS];
    uint64_t random = wk_now_ns();

    EXPECT(WK_OK, wk_queue_create(&queue, ENTRIES, COMPLETIONS, PENDING, 0));
    EXPECT(WK_OK, wk_ring_bind(queue.ring, event, 2));
    stop = false;
    for (uint64_t i = 0; i < WRITERS; i++)
        EXPECT(WK_OK, wk_thread_run_on(wk_budget_in_turn(), &writers[i], write_on, (void *)(random + i), STACK_PAGES,
                                       PRIORITY));
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t count;

        behave();
        (void)wk_ring_enter(queue.ring, next(&random, 2 * ENTRIES), next(&random, 3),
                            wk_after_ns(next(&random, 200000)));
        if (round % 16 == 0)
            (void)wk_ring_cancel(queue.ring, next(&random, 4), &count);
        if (round % 64 == 0)
            (void)wk_ring_poll(queue.ring, next(&random, 2) * 100000);
    }
    stop = true;
    for (unsigned i = 0; i < WRITERS; i++)
        join_beside_poller(&writers[i]);
    wk_queue_destroy(&queue);
}

/* ---- what is asked of the ring about itself ---- */

static void about_itself(void)
{
    wk_handle others[2] = {0};

    EXPECT(WK_OK, wk_queue_create(&queue, ENTRIES, COMPLETIONS, PENDING, 0));
    prepare_call(&queue, 0, queue.ring, WK_RING_ENTER, 0, 1, 1);
    CHECK(wk_ring_create_prepare(&queue, 1, wk_self.bank, queue.memory, 1, 1, 1, 0));
    CHECK(wk_ring_bind_prepare(&queue, 2, queue.ring, event, 1));
    CHECK(wk_ring_poll_prepare(&queue, 3, queue.ring, 1000));
    CHECK(wk_ring_cancel_prepare(&queue, 4, queue.ring, 4));
    CHECK(wk_ring_poll_prepare(&queue, 5, queue.ring, 0));
    CHECK(wk_capability_lend_prepare(&queue, 6, queue.ring, WK_RIGHTS_ALL));
    CHECK(wk_ring_noop_prepare(&queue, 7, queue.ring));
    submit(&queue);
    for (unsigned i = 0; i < 8; i++) {
        const struct wk_completion completion = await(&queue);

        if (completion.tag == 0)
            EQUAL(WK_NO_SUCH_OPERATION, completion.answer);
        else
            EQUAL(WK_OK, completion.answer);
        if (completion.tag == 1)
            others[0] = completion.words[0];
        if (completion.tag == 6)
            others[1] = completion.words[0];
    }
    EXPECT(WK_OK, wk_capability_delete(others[0]));
    EXPECT(WK_OK, wk_capability_delete(others[1]));
    CHECK(wk_capability_delete_prepare(&queue, 1, queue.ring));
    (void)wk_queue_enter(&queue, 1, WK_NO_DEADLINE);
    while (wk_capability_check(queue.ring) == WK_OK)
        pause_for(1000);
    wk_queue_destroy(&queue);
}

static void memory_is_taken(void)
{
    for (unsigned how = 0; how < 4; how++) {
        EXPECT(WK_OK, wk_queue_create(&queue, ENTRIES, COMPLETIONS, PENDING, 0));
        for (unsigned i = 0; i < PENDING; i++)
            CHECK(i < 6 ? wk_event_wait_prepare(&queue, i, event, 4, WK_FOREVER)
                        : wk_ring_timeout_prepare(&queue, i, queue.ring, WK_FOREVER));
        if (how == 0)
            CHECK(wk_capability_delete_prepare(&queue, 1, queue.memory));
        else if (how == 1)
            CHECK(wk_memory_decommit_prepare(&queue, 1, queue.memory, 0, 1));
        else if (how == 2)
            CHECK(wk_memory_resize_prepare(&queue, 1, queue.memory, 1));
        else
            CHECK(wk_capability_revoke_prepare(&queue, 1, queue.memory));
        for (unsigned i = 0; i < 16; i++)
            CHECK(wk_ring_noop_prepare(&queue, i, queue.ring));
        (void)wk_queue_enter(&queue, 100, wk_after_ns(10 * MILLISECOND));
        EXPECT(WK_OK, wk_event_signal(event, 4));
        while (how != 3 && wk_ring_enter(queue.ring, 1, 0, WK_NO_DEADLINE) != WK_REVOKED)
            pause_for(MILLISECOND); /* it is under way */
        EXPECT(WK_OK, wk_capability_delete(queue.ring));
        (void)wk_capability_delete(queue.memory);
        (void)wk_event_poll(event, 4, &(uint64_t){0});
    }
}

/* ---- floods ---- */

static void submit_on(void *argument)
{
    struct wk_queue *its = argument;

    while (!stop) {
        struct wk_completion completion;

        while (wk_ring_noop_prepare(its, 0, its->ring))
            continue;
        its->completions.ring->consumer.sleeps++;
        (void)wk_queue_submit(its);
        while (wk_queue_read(its, &completion))
            continue;
    }
}

/* Pollers that find something always, or look for it always, and give way to their equals only; each completion rings. */
static void floods(void)
{
    static struct wk_queue queues[POLLED];
    struct wk_thread threads[POLLED];
    uint64_t bits;

    stop = false;
    for (unsigned i = 0; i < POLLED; i++) {
        EXPECT(WK_OK, wk_queue_create(&queues[i], ENTRIES, COMPLETIONS, 1, wk_budget_in_turn()));
        EXPECT(WK_OK, wk_ring_bind(queues[i].ring, event, 8));
        EXPECT(WK_OK, wk_ring_poll(queues[i].ring, WK_FOREVER));
        EXPECT(WK_OK,
               wk_thread_run_on(wk_budget_in_turn(), &threads[i], submit_on, &queues[i], STACK_PAGES, ACTOR_PRIORITY));
    }
    pause_for(DURATION_NS);
    EXPECT(WK_OK, wk_event_wait(event, 8, patience(), &bits));
    stop = true;
    for (unsigned i = 0; i < POLLED; i++) {
        EXPECT(WK_OK, wk_thread_join(&threads[i], WK_FOREVER));
        wk_queue_destroy(&queues[i]);
    }
}

/* ---- ends ---- */

__attribute__((noreturn)) static void end_by(const char *how)
{
    const wk_handle budget = wk_budget_in_turn();

    EXPECT(WK_OK, wk_queue_create(&queue, ENTRIES, COMPLETIONS, PENDING, 0));
    CHECK(wk_event_wait_prepare(&queue, 1, event, 4, WK_FOREVER));
    wk_queue_link(&queue);
    CHECK(wk_event_signal_prepare(&queue, 2, event, 1));
    if (strcmp(how, "kill") == 0)
        CHECK(wk_process_kill_prepare(&queue, 3, wk_self.process, 0));
    else if (strcmp(how, "stop") == 0)
        CHECK(wk_thread_stop_prepare(&queue, 3, wk_self.start->thread));
    else if (strcmp(how, "bank") == 0)
        CHECK(wk_bank_destroy_prepare(&queue, 3, wk_self.bank));
    else
        CHECK(wk_budget_destroy_prepare(&queue, 3, budget));
    CHECK(wk_ring_noop_prepare(&queue, 4, queue.ring));
    (void)wk_queue_enter(&queue, 3, wk_after_ns(100 * MILLISECOND));
    wk_exit(0);
}

int main(int argc, char **argv)
{
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    if (argc > 1)
        end_by(argv[1]);
    entries_are_rewritten();
    about_itself();
    memory_is_taken();
    floods();
    return 0;
}
