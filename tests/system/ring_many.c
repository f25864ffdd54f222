/* SPDX-License-Identifier: MIT */
/* One thread has a thousand calls to eight servers open at a time, and each is answered, with its own answer. */
#include "check.h"

#include <winkle/calls.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/endpoint.h>
#include <winkle/event.h>
#include <winkle/heap.h>
#include <winkle/queue.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define CALLS 1000
#define SERVERS 8
#define ENTRIES 1024
#define ADD 0x2000
#define STACK_PAGES 4
#define PRIORITY 100
#define PATIENCE_NS (100 * WK_NS_PER_SECOND)

struct server {
    struct wk_thread thread;
    wk_handle endpoint, session;
    uint64_t number, served;
};

static struct server servers[SERVERS];
static struct wk_queue queue;
static wk_handle begins;

/* None is answered before all were made. Each second server takes all its calls before it answers one, the last one first. */
static void serve(void *argument)
{
    struct server *server = argument;
    struct wk_message message;
    static wk_handle saved[SERVERS][CALLS / SERVERS];
    static struct wk_answer answers[SERVERS][CALLS / SERVERS];
    uint64_t bits;

    EXPECT(WK_OK, wk_event_wait(begins, UINT64_C(1) << server->number, wk_after_ns(PATIENCE_NS), &bits));
    for (unsigned i = 0; i < CALLS / SERVERS; i++) {
        struct wk_answer *answer = &answers[server->number][i];

        EXPECT(WK_OK, wk_receive(server->endpoint, &message, wk_after_ns(PATIENCE_NS)));
        EQUAL(WK_MESSAGE_KIND_CALL, message.kind);
        EQUAL(server->number, message.badge);
        EQUAL(ADD, message.operation);
        *answer = (struct wk_answer){.status = WK_OK, .words = {message.words[0] + message.words[1]}};
        if (server->number % 2 == 0)
            EXPECT(WK_OK, wk_reply(server->endpoint, answer));
        else
            EXPECT(WK_OK, wk_endpoint_reply_save(server->endpoint, &saved[server->number][i]));
    }
    for (unsigned i = CALLS / SERVERS; server->number % 2 != 0 && i-- > 0;)
        EXPECT(WK_OK, wk_reply_send(saved[server->number][i], &answers[server->number][i]));
}

static void start(struct server *server, uint64_t number)
{
    server->number = number;
    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &server->endpoint));
    EXPECT(WK_OK, wk_endpoint_mint(server->endpoint, number, 0, &server->session));
    EXPECT(WK_OK, wk_thread_run(&server->thread, serve, server, STACK_PAGES, PRIORITY));
}

static void call_all(void)
{
    for (uint32_t i = 0; i < CALLS; i++) {
        uint64_t *words;

        CHECK(wk_queue_has_room(&queue));
        words = wk_queue_next(&queue);
        words[0] = WK_RING_ENTRY(ADD, 0, servers[i % SERVERS].session);
        words[1] = WK_RING_ENTRY_TAG(i, 0);
        words[2] = i;
        words[3] = 7 * (uint64_t)i;
    }
    EXPECT(WK_OK, wk_queue_enter(&queue, 0, 0));
    CHECK(wk_queue_is_taken(&queue));
    EQUAL(0, wk_queue_completed(&queue));
}

static void read_all(void)
{
    static bool seen[CALLS];
    struct wk_completion completion;

    for (unsigned done = 0; done < CALLS;) {
        if (!wk_queue_read(&queue, &completion)) {
            EXPECT(WK_OK, wk_queue_enter(&queue, 1, wk_after_ns(PATIENCE_NS)));
            continue;
        }
        CHECK(completion.tag < CALLS && !seen[completion.tag]);
        seen[completion.tag] = true;
        EXPECT(WK_OK, (enum wk_status)WK_RECEIVED_STATUS(completion.answer));
        EQUAL(8 * (uint64_t)completion.tag, completion.words[0]);
        done++;
    }
}

int main(void)
{
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &begins));
    EXPECT(WK_OK, wk_queue_create(&queue, ENTRIES, ENTRIES, CALLS, 0));
    for (unsigned i = 0; i < SERVERS; i++)
        start(&servers[i], i);
    call_all();
    EXPECT(WK_OK, wk_event_signal(begins, (UINT64_C(1) << SERVERS) - 1));
    read_all();
    for (unsigned i = 0; i < SERVERS; i++)
        EXPECT(WK_OK, wk_thread_join(&servers[i].thread, wk_after_ns(PATIENCE_NS)));
    wk_queue_destroy(&queue);
    wk_print("ring_many: good\n");
    return 0;
}
