/* SPDX-License-Identifier: MIT */
/*
 * `test-containers SEED ROUNDS`: a container whose processes come and go and are killed at random (tests/linux/stress.c). When the storm is
 * over its services have as many processes, and all of its banks as many pages and objects in use, as before.
 */
#include "check.h"

#include <container/container.h>

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/posix.h>
#include <winkle/print.h>
#include <winkle/text.h>

#define PATIENCE_NS (60 * WK_NS_PER_SECOND)
/* Records of clients stay with their services for further use, and so do pages of tables: what the most at a time have needed. */
#define KEPT_PAGES 16
#define KEPT_BLOCKS 4 /* of records, an object each, that a service keeps for further ones: one of each kind */

struct usage {
    uint64_t pages[CONTAINER_PARTS + 1], objects[CONTAINER_PARTS + 1], processes;
};

static struct container container;
static wk_handle event;

static uint64_t count_processes(void)
{
    uint64_t count = 0, pid = 0, parent, session_is, name0, name1, used;
    wk_handle session;

    EXPECT(WK_OK, container_session(&container, CONTAINER_POSIX, &session));
    while (wk_posix_describe(session, pid + 1, &pid, &parent, &session_is, &name0, &name1, &used) == WK_OK)
        count++;
    EXPECT(WK_OK, wk_capability_delete(session));
    return count;
}

static struct usage usage_now(void)
{
    struct usage usage = {.processes = count_processes()};

    for (unsigned part = 0; part <= CONTAINER_PARTS; part++) {
        uint64_t limit, children;
        enum wk_bank_kind kind;

        EXPECT(WK_OK, wk_bank_info(part < CONTAINER_PARTS ? container.services[part].bank : container.program_bank,
                                   &limit, &usage.pages[part], &usage.objects[part], &children, &kind));
    }
    return usage;
}

/* What is on its way back comes within a moment. */
static bool is_as_before(const struct usage *before)
{
    const uint64_t deadline = wk_after_ns(5 * WK_NS_PER_SECOND);
    struct usage now = *before;
    bool is_same = false;

    while (!is_same && wk_now_ns() < deadline) {
        now = usage_now();
        is_same = now.processes == before->processes;
        for (unsigned part = 0; part <= CONTAINER_PARTS; part++)
            is_same = is_same && now.pages[part] <= before->pages[part] + KEPT_PAGES &&
                      now.objects[part] <= before->objects[part] + KEPT_BLOCKS;
        wk_event_wait(event, UINT64_C(1) << 60, wk_after_ns(10000000), &(uint64_t){0});
    }
    for (unsigned part = 0; part <= CONTAINER_PARTS; part++)
        wk_print("part %u: %lu pages, %lu objects; after: %lu, %lu\n", part, before->pages[part], before->objects[part],
                 now.pages[part], now.objects[part]);
    wk_print("%lu processes; after: %lu\n", before->processes, now.processes);
    return is_same;
}

/* Reads what the container shows, until a line has this. */
static void await_line(const char *wanted)
{
    const uint64_t deadline = wk_after_ns(PATIENCE_NS);
    static char line[256];
    size_t length = 0;

    for (;;) {
        char bytes[40];
        const size_t count = container_take_shown(&container, bytes);
        uint64_t bits;

        CHECK(wk_now_ns() < deadline);
        if (count == 0)
            wk_event_wait(event, CONTAINER_LINE, wk_after_ns(100000000), &bits);
        for (size_t i = 0; i < count; i++) {
            line[length++ % (sizeof(line) - 1)] = bytes[i];
            if (bytes[i] != '\n')
                continue;
            if (length > strlen(wanted) && strncmp(line, wanted, strlen(wanted)) == 0)
                return;
            length = 0;
        }
    }
}

int main(int argc, char **argv)
{
    static struct wk_archive archive;
    const char *const words[] = {"/tests/stress", argc > 1 ? argv[1] : "1", argc > 2 ? argv[2] : "8", "observed"};
    struct container_plan plan = {.archive = &archive,
                                  .root = "/",
                                  .pages = 16384,
                                  .words = words,
                                  .word_count = 4,
                                  .files = wk_named_handle("files")};
    struct usage before;
    struct wk_end end;
    const char *problem = "";
    enum wk_status status;

    EXPECT(WK_OK, wk_archive_map(&archive));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    plan.event = event;
    status = container_start(&plan, &container, &problem);
    if (status != WK_OK)
        wk_fail(problem, status);
    await_line("stress: before");
    before = usage_now();
    CHECK(container_type(&container, '\n'));
    await_line("stress: after");
    CHECK(is_as_before(&before));
    CHECK(container_type(&container, '\n'));
    await_line("stress: good");
    EXPECT(WK_OK, wk_child_wait(&container.program, event, CONTAINER_ENDED, wk_after_ns(PATIENCE_NS), &end));
    CHECK(wk_end_is_exit(&end) && end.detail == 0);
    container_end(&container);
    wk_print("containers: as before\n");
    return 0;
}
