/* SPDX-License-Identifier: MIT */
#include <winkle/session_server.h>

#include <winkle/endpoint.h>
#include <winkle/event.h>
#include <winkle/pages.h>
#include <winkle/requests.h>
#include <winkle/serve.h>
#include <winkle/start.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#include <stdbool.h>

#define OWN_BADGE UINT64_MAX
#define NO_OPERATION 0xffff /* what the server calls itself with: `handle` knows none of that number */
#define STACK_PAGES 4
#define FREE 0
#define TAKEN 1
#define WAITED_FOR 2

/* ---- the lock ---- */

static bool try_lock(struct wk_session_server *server)
{
    uint32_t expected = FREE;

    return __atomic_compare_exchange_n(&server->lock, &expected, TAKEN, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* The active thread has it, and is about to release it. */
static void lock_passively(struct wk_session_server *server)
{
    if (try_lock(server))
        return;
    while (__atomic_exchange_n(&server->lock, WAITED_FOR, __ATOMIC_ACQUIRE) != FREE) {
        uint64_t bits;

        wk_event_wait(server->lock_event, 1, WK_FOREVER, &bits);
    }
}

/* Nobody waits for it. */
static void unlock_passively(struct wk_session_server *server)
{
    __atomic_store_n(&server->lock, FREE, __ATOMIC_RELEASE);
}

/* WK_TOO_DEEP: the call that the thread serves is so deep in a chain that it cannot carry the other on. */
static enum wk_status lock_actively(struct wk_session_server *server)
{
    while (!try_lock(server)) {
        uint64_t words[6] = {0};

        if (wk_call(server->own_session, NO_OPERATION, words, WK_NO_DEADLINE) == WK_TOO_DEEP)
            return WK_TOO_DEEP;
    }
    return WK_OK;
}

void wk_session_server_lock(struct wk_session_server *server)
{
    while (lock_actively(server) != WK_OK)
        ;
}

void wk_session_server_unlock(struct wk_session_server *server)
{
    if (__atomic_exchange_n(&server->lock, FREE, __ATOMIC_RELEASE) == WAITED_FOR)
        wk_event_signal(server->lock_event, 1);
}

/* ---- the two threads ---- */

static void serve_passively(void *argument)
{
    struct wk_session_server *server = argument;
    struct wk_message message;
    enum wk_status status = wk_thread_set_budget(wk_thread_self()->handle, 0);

    if (status == WK_OK)
        status = wk_receive(server->endpoint, &message, WK_NO_DEADLINE);
    while (status == WK_OK) {
        struct wk_answer answer = {.status = WK_OK};

        lock_passively(server);
        server->handle(&message, &answer);
        unlock_passively(server);
        status = answer.capabilities == 0 ? wk_reply_receive(server->endpoint, &answer, &message, WK_NO_DEADLINE)
                                          : wk_answer_and_receive(server->endpoint, &answer, &message, WK_NO_DEADLINE);
    }
    wk_fail("serving calls", status);
}

static void serve_call(struct wk_session_server *server, struct wk_message *message, struct wk_answer *answer)
{
    if (lock_actively(server) != WK_OK) {
        wk_request_refuse(message, answer, WK_TOO_DEEP);
        return;
    }
    server->handle(message, answer);
    wk_session_server_unlock(server);
}

static void take(struct wk_session_server *server, struct wk_message *message, struct wk_answer *answer)
{
    switch (message->kind) {
    case WK_MESSAGE_KIND_CALL:
        serve_call(server, message, answer);
        break;
    case WK_MESSAGE_KIND_EVENT:
        if (server->signalled != NULL)
            server->signalled(server, message->words[0]);
        break;
    case WK_MESSAGE_KIND_CLOSED:
        wk_session_server_lock(server);
        server->closed(message->badge);
        wk_session_server_unlock(server);
        break;
    case WK_MESSAGE_KIND_FAULT:
        answer->status = WK_NO_SUCH_OPERATION;
        break;
    }
}

static enum wk_status serve_actively(struct wk_session_server *server)
{
    struct wk_message message;
    enum wk_status status = wk_receive(server->endpoint, &message, WK_NO_DEADLINE);

    while (status == WK_OK) {
        struct wk_answer answer = {.status = WK_OK};

        take(server, &message, &answer);
        status = wk_answer_and_receive(server->endpoint, &answer, &message, WK_NO_DEADLINE);
    }
    return status;
}

/* ---- beginning ---- */

/* program.ld */
extern char wk_data_begin[], wk_data_end[];

/* Has pages present from now on: later there may be no memory for them, and then a store would be the service's end. */
static void touch(char *begin, const char *end)
{
    for (volatile char *byte = begin; byte < end; byte += WK_PAGE_BYTES) {
        const char value = *byte;

        *byte = value;
    }
}

static void touch_own_pages(void)
{
    char *here = __builtin_frame_address(0);
    char *lowest = (char *)wk_self.start->stack_lowest;

    touch(wk_data_begin, wk_data_end);
    touch((size_t)(here - lowest) > STACK_PAGES * WK_PAGE_BYTES ? here - STACK_PAGES * WK_PAGE_BYTES : lowest, here);
}

enum wk_status wk_session_server_prepare(struct wk_session_server *server)
{
    enum wk_status status = wk_event_create(wk_self.bank, &server->lock_event);

    touch_own_pages();
    if (status == WK_OK)
        status = wk_event_create(wk_self.bank, &server->event);
    if (status == WK_OK)
        status = wk_endpoint_mint(server->endpoint, OWN_BADGE, 0, &server->own_session);
    if (status == WK_OK)
        status = wk_endpoint_accept(server->endpoint, server->accept_types, server->accept_count);
    if (status == WK_OK)
        status = wk_endpoint_bind(server->endpoint, server->event, UINT64_MAX);
    return status;
}

/* The passive thread has to be the first of the endpoint's servers, for it is the one that queued calls carry on: so it has
 * answered before this one receives. */
enum wk_status wk_session_server_run(struct wk_session_server *server)
{
    static struct wk_thread passive;
    uint64_t words[6] = {0}, priority, hart;
    enum wk_thread_state state;
    enum wk_status status = wk_thread_info(wk_self.start->thread, &state, &priority, &hart);

    if (status == WK_OK)
        status = wk_thread_run(&passive, serve_passively, server, STACK_PAGES, priority);
    if (status != WK_OK)
        return status;
    touch(passive.stack_address, (char *)passive.stack_address + (STACK_PAGES - 1) * WK_PAGE_BYTES);
    status = wk_call(server->own_session, NO_OPERATION, words, WK_NO_DEADLINE);
    return status == WK_NO_SUCH_OPERATION ? serve_actively(server) : status;
}
