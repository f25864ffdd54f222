/* SPDX-License-Identifier: MIT */
/*
 * The file service: `files [PREFIX]`. PREFIX is what the root has in the boot archive, `root` if it is not given.
 *
 * It is given "endpoint", of which it serves badge 0 as the root of the whole tree, and "archive". Calls are served by a
 * passive thread, which is as urgent as whoever calls and runs on what they bring.
 *
 * Only a thread with a budget is told when sessions end: the first one. To be told of each end at once would cost two switches
 * of threads whenever somebody closes something. So it does not wait at the endpoint: it looks there 20 ms after a call, or
 * at once when much has been opened or there is no room. What has ended is closed with the next call; as long as somebody waits
 * for a lock the thread makes that call itself, and looks every 20 ms. Should it meet a call there it serves it, so a lock is
 * around each.
 */
#include "files.h"

#include "archive_tree.h"
#include "content.h"
#include "locks.h"
#include "random.h"

#include <winkle/budget.h>
#include <winkle/clock.h>
#include <winkle/endpoint.h>
#include <winkle/event.h>
#include <winkle/harts.h>
#include <winkle/launch.h>
#include <winkle/lock.h>
#include <winkle/pages.h>
#include <winkle/print.h>
#include <winkle/serve.h>
#include <winkle/text.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define DEFAULT_PREFIX "root"
#define STACK_PAGES 8
/* A view, with those made from it, has at most so many sessions for each page of records, which are a quarter of them: one takes
 * less than 256 bytes here and in the kernel. */
#define SESSIONS_PER_PAGE 4

wk_handle files_endpoint;
wk_handle scratch_memory;
char *scratch;

static struct wk_lock lock;
static uint64_t wall_ns; /* the time of day when the counter was 0 */

/* Bits of the event by which the first thread is told that it is to look. */
#define LOOK_SOON UINT64_C(1)
#define LOOK_NOW UINT64_C(2)
#define SOON_NS 20000000
#define OPENED_MAX 64 /* so many sessions more than when it looked last are much */

#define OWN_BADGE UINT64_MAX
#define OWN_OPERATION 0xffff /* what the service calls itself with: no interface has that number */

static wk_handle event;
static wk_handle own_session;
static wk_handle elsewhere; /* an endpoint that nobody calls */
static uint64_t open_at_look;
static bool is_told_soon, is_told_now; /* the first thread has been told so since it looked */

/* Unless the machine's clock tells what time it is, 1970 begins when the machine does. */
uint64_t time_now(void)
{
    return wall_ns + wk_now_ns();
}

static bool is_of_directory(uint64_t operation)
{
    return (operation >= WK_DIRECTORY_OPEN_SHORT && operation <= WK_DIRECTORY_BIND) ||
           operation == WK_DIRECTORY_EXCHANGE || operation == WK_DIRECTORY_OPEN_UNNAMED ||
           operation == WK_DIRECTORY_REOPEN_SHORT;
}

static void expect(const char *what, enum wk_status status)
{
    if (status != WK_OK)
        wk_fail(what, status);
}

static void tell(bool *is_told, uint64_t bit)
{
    if (!*is_told)
        expect("telling", wk_event_signal(event, bit));
    *is_told = true;
}

void files_look_now(void)
{
    tell(&is_told_now, LOOK_NOW);
}

static void handle_call(struct wk_message *message, struct wk_answer *answer)
{
    wk_lock_take(&lock);
    sessions_close_ended();
    if (message->badge == OWN_BADGE)
        locks_ends_seen(message->words[0]);
    if (is_of_directory(message->operation))
        wk_directory_dispatch(&directory_handlers, message, answer);
    else
        wk_file_dispatch(&file_handlers, message, answer);
    if (message->badge != OWN_BADGE)
        tell(&is_told_soon, LOOK_SOON);
    if (answer->status == WK_NO_MEMORY || sessions_open() > open_at_look + OPENED_MAX)
        tell(&is_told_now, LOOK_NOW);
    wk_lock_release(&lock);
}

static void handle(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer)
{
    (void)service;
    handle_call((struct wk_message *)message, answer);
}

static void serve_calls(void *unused)
{
    struct wk_service service = {.endpoint = files_endpoint, .handle = handle};

    (void)unused;
    wk_serve_passively(&service);
}

/* ---- ends ---- */

/* Who waits for a lock is to learn of what has ended though nobody calls: so the service does, which also carries on a thread
 * whose caller has gone. `wanted`: how often somebody had wanted to know of ends before they were looked for. */
static enum wk_status close_for_waiters(uint64_t wanted)
{
    uint64_t words[6] = {wanted};
    enum wk_status status;

    if (!locks_are_waited_for())
        return WK_OK;
    status = wk_call(own_session, OWN_OPERATION, words, WK_NO_DEADLINE);
    return status == WK_NO_SUCH_OPERATION || status == WK_TOO_DEEP ? WK_OK : status; /* else it is tried anew */
}

/* Takes what there is at the endpoint, without waiting. */
static enum wk_status look(void)
{
    const uint64_t wanted = locks_ends_wanted();
    struct wk_message message;
    enum wk_status status;

    is_told_soon = is_told_now = false;
    while ((status = wk_receive(files_endpoint, &message, 0)) == WK_OK) {
        struct wk_answer answer = {.status = WK_OK};

        if (message.kind == WK_MESSAGE_KIND_CLOSED) {
            session_note_end(message.badge);
        } else if (message.kind == WK_MESSAGE_KIND_CALL) {
            handle_call(&message, &answer);
            if (wk_reply(files_endpoint, &answer) != WK_OK)
                wk_answer_drop(&answer);
        }
    }
    open_at_look = sessions_open();
    if (status != WK_TIMED_OUT)
        return status;
    /* Whoever waits at an endpoint helps the one thread that serves it; so this one serves it no more until it looks again. */
    status = wk_receive(elsewhere, &message, 0);
    return status == WK_TIMED_OUT ? close_for_waiters(wanted) : status;
}

static enum wk_status look_for_ends(void)
{
    enum wk_status status = WK_OK;
    uint64_t bits;

    while (status == WK_OK) {
        const uint64_t deadline = locks_are_waited_for() ? wk_after_ns(SOON_NS) : WK_FOREVER;

        status = wk_event_wait(event, LOOK_SOON | LOOK_NOW, deadline, &bits);
        if (status == WK_OK && (bits & LOOK_NOW) == 0)
            status = wk_event_wait(event, LOOK_NOW, wk_after_ns(SOON_NS), &bits);
        if (status == WK_OK || status == WK_TIMED_OUT)
            status = look();
    }
    return status;
}

static void stir_counters(void)
{
    uint64_t ticks, cycles;

    __asm__ volatile("rdtime %0" : "=r"(ticks));
    __asm__ volatile("rdcycle %0" : "=r"(cycles));
    random_stir(ticks);
    random_stir(cycles);
    random_stir(wk_instructions());
}

static void make_tree(const char *prefix)
{
    const struct wk_named *named = wk_named_find("archive");
    struct wk_archive archive = {0};
    uint64_t kept_pages;
    struct node *root;

    if (named != NULL)
        expect("the archive", wk_archive_map(&archive));
    expect("the tree", tree_create(random_number(), archive_entries(&archive), &root));
    expect("the archive's tree", archive_add(root, &archive, prefix));
    expect("the standard directories", standard_add(root));
    expect("the quota", content_create(named == NULL ? 0 : named->handle, named == NULL ? 0 : named->offset,
                                       archive.bytes, &kept_pages));
    expect("the first session", sessions_create(root, kept_pages * SESSIONS_PER_PAGE));
}

int main(int argc, char **argv)
{
    const uint64_t types =
        UINT64_C(1) << WK_TYPE_MEMORY | UINT64_C(1) << WK_TYPE_PROCESS | UINT64_C(1) << WK_TYPE_EVENT;
    static struct wk_thread caller;
    enum wk_thread_state state;
    uint64_t priority, hart;
    void *address;

    files_endpoint = wk_named_handle("endpoint");
    if (files_endpoint == 0 || argc > 2)
        wk_fail("usage: files [PREFIX], with an endpoint to serve", WK_OK);
    expect("accepting memory", wk_endpoint_accept(files_endpoint, types, 1));
    wall_ns = wk_wall_ns(wk_named_handle("devices"));
    stir_counters();
    expect("pages", wk_map_new(SCRATCH_BYTES / WK_PAGE_BYTES, 0, &scratch_memory, &address));
    scratch = address;
    make_tree(argc == 2 ? argv[1] : DEFAULT_PREFIX);
    stir_counters();
    expect("an event", wk_event_create(wk_self.bank, &event));
    expect("an endpoint", wk_endpoint_create(wk_self.bank, &elsewhere));
    expect("its own session", wk_endpoint_mint(files_endpoint, OWN_BADGE, 0, &own_session));
    expect("a lock", wk_lock_prepare(&lock));
    expect("its priority", wk_thread_info(wk_self.start->thread, &state, &priority, &hart));
    expect("a thread", wk_thread_run(&caller, serve_calls, NULL, STACK_PAGES, priority));
    expect("looking for ends", look_for_ends());
    return 0;
}
