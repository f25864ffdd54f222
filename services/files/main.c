/* SPDX-License-Identifier: MIT */
/*
 * The file service: `files [PREFIX]`. PREFIX is what the root has in the boot archive, `root` if it is not given.
 *
 * It is given "endpoint", of which it serves badge 0 as the root of the whole tree, and "archive". Calls are served by a
 * passive thread, which is as urgent as whoever calls and runs on what they bring; the first thread, with a budget, is told when
 * sessions end. One lock is around every message.
 *
 * To be told of each end at once would cost two switches of threads for each that closes something. So the first thread is the
 * least urgent there is, and becomes the most urgent of the service for a while when many sessions may have ended, or there is
 * no room. If the service is more urgent than its clients they cannot keep it from that.
 */
#include "files.h"

#include "archive_tree.h"
#include "content.h"
#include "random.h"

#include <winkle/budget.h>
#include <winkle/clock.h>
#include <winkle/endpoint.h>
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

#define ENDS_AT_ONCE                                                                                                   \
    64 /* so many sessions more than before are a reason to look for ends, and so many ends are enough */

static uint64_t priority; /* of the service */
static uint64_t calm_count = ENDS_AT_ONCE, ends_told;
static bool is_hurried;

/* Nothing tells what time it is: 1970 begins when the machine does. */
uint64_t time_now(void)
{
    return wk_now_ns();
}

static bool is_of_directory(uint64_t operation)
{
    return operation >= WK_DIRECTORY_OPEN_SHORT && operation <= WK_DIRECTORY_BIND;
}

static void hurry(void)
{
    is_hurried = wk_thread_set_priority(wk_self.start->thread, priority) == WK_OK;
    ends_told = 0;
}

static void calm(void)
{
    is_hurried = wk_thread_set_priority(wk_self.start->thread, 0) != WK_OK;
    calm_count = sessions_open() + ENDS_AT_ONCE;
}

static void serve_call(struct wk_message *message, struct wk_answer *answer)
{
    if (!is_of_directory(message->operation)) {
        wk_file_dispatch(&file_handlers, message, answer);
        return;
    }
    wk_directory_dispatch(&directory_handlers, message, answer);
    if ((sessions_open() > calm_count || answer->status == WK_NO_MEMORY) && !is_hurried)
        hurry();
}

static void end_session(uint64_t badge)
{
    struct session *session = badge == 0 ? NULL : session_with(badge);

    if (session != NULL)
        session_close(session);
    if (is_hurried && ++ends_told == ENDS_AT_ONCE)
        calm();
}

static void handle(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer)
{
    struct wk_message *request = (struct wk_message *)message;

    (void)service;
    wk_lock_take(&lock);
    switch (message->kind) {
    case WK_MESSAGE_KIND_CALL:
        serve_call(request, answer);
        break;
    case WK_MESSAGE_KIND_CLOSED:
        end_session(message->badge);
        break;
    case WK_MESSAGE_KIND_EVENT:
    case WK_MESSAGE_KIND_FAULT:
        answer->status = WK_NO_SUCH_OPERATION;
        break;
    }
    wk_lock_release(&lock);
}

static struct wk_service service = {.handle = handle};

static void serve_calls(void *unused)
{
    (void)unused;
    wk_serve_passively(&service);
}

static void expect(const char *what, enum wk_status status)
{
    if (status != WK_OK)
        wk_fail(what, status);
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
    const uint64_t types = UINT64_C(1) << WK_TYPE_MEMORY | UINT64_C(1) << WK_TYPE_PROCESS;
    static struct wk_thread caller;
    enum wk_thread_state state;
    uint64_t hart;
    void *address;

    files_endpoint = wk_named_handle("endpoint");
    if (files_endpoint == 0 || argc > 2)
        wk_fail("usage: files [PREFIX], with an endpoint to serve", WK_OK);
    service.endpoint = files_endpoint;
    expect("accepting memory", wk_endpoint_accept(files_endpoint, types, 1));
    stir_counters();
    expect("pages", wk_map_new(SCRATCH_BYTES / WK_PAGE_BYTES, 0, &scratch_memory, &address));
    scratch = address;
    make_tree(argc == 2 ? argv[1] : DEFAULT_PREFIX);
    stir_counters();
    expect("a lock", wk_lock_prepare(&lock));
    expect("its priority", wk_thread_info(wk_self.start->thread, &state, &priority, &hart));
    /* the one that serves calls comes first, and is there before any comes */
    expect("a priority", wk_thread_set_priority(wk_self.start->thread, 0));
    expect("a thread", wk_thread_run(&caller, serve_calls, NULL, STACK_PAGES, priority));
    expect("serving", wk_serve(&service));
    return 0;
}
