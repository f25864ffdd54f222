/* SPDX-License-Identifier: MIT */
/* The process service: numbers, families, signals, alarms and futexes, with processes that are only played, by empty ones
 * whose sessions this program has; and with real ones, that are killed, stopped and fault. */
#include "served.h"

#include <winkle/calls.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/posix.h>
#include <winkle/posix_page.h>
#include <winkle/process.h>
#include <winkle/thread.h>

#define BANK_PAGES 1024
#define PATIENCE_NS (20 * WK_NS_PER_SECOND)
#define CHLD 17
#define USR1 10
#define ANY UINT64_MAX

static struct served posix;

struct player {
    wk_handle process, thread, event, session, page;
    const struct wk_posix_page *mapped;
    uint64_t pid;
};

static wk_handle dup(wk_handle handle)
{
    wk_handle copy;

    EXPECT(WK_OK, wk_capability_dup(handle, WK_RIGHTS_ALL, &copy));
    return copy;
}

static enum wk_status enter(struct player *player, wk_handle parent)
{
    const wk_handle process = dup(player->process), thread = dup(player->thread), event = dup(player->event);

    if (parent == posix.root)
        return wk_posix_attach(parent, process, thread, event, &player->session, &player->page, &player->pid);
    return wk_posix_fork(parent, process, thread, event, CHLD, &player->session, &player->page, &player->pid);
}

/* An empty process and what belongs to it. */
static void make_player(struct player *player)
{
    *player = (struct player){0};
    EXPECT(WK_OK, wk_process_create(wk_self.bank, 0, 0, &player->process));
    EXPECT(WK_OK, wk_thread_create(player->process, 0, &player->thread));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &player->event));
}

static struct player born(wk_handle parent)
{
    struct player player;
    void *address;

    make_player(&player);
    EXPECT(WK_OK, enter(&player, parent));
    CHECK(player.session != 0 && player.page != 0 && player.pid != 0);
    EXPECT(WK_OK, wk_map(player.page, 0, 1, WK_PROTECTION_READ, &address));
    player.mapped = address;
    EQUAL(player.pid, player.mapped->pid);
    return player;
}

static void unmake(struct player *player)
{
    EXPECT(WK_OK, wk_capability_delete(player->process));
    EXPECT(WK_OK, wk_capability_delete(player->thread));
    EXPECT(WK_OK, wk_capability_delete(player->event));
}

/* Its session goes, and the service knows. */
static void die(struct player *player)
{
    wk_capability_delete(player->session);
    unmake(player);
}

static void exits(struct player *player, uint64_t status)
{
    EXPECT(WK_OK, wk_posix_exit(player->session, status << 8));
    die(player);
}

static bool has_news(const struct player *player)
{
    uint64_t bits;

    return wk_event_poll(player->event, 1, &bits) == WK_OK;
}

static void await_news(const struct player *player)
{
    uint64_t bits;

    EXPECT(WK_OK, wk_event_wait(player->event, 1, wk_after_ns(PATIENCE_NS), &bits));
}

static void wait_for(const struct player *parent, uint64_t which, uint64_t options, uint64_t pid, uint64_t status)
{
    uint64_t its_pid, its_status, user, used;

    EXPECT(WK_OK, wk_posix_wait(parent->session, which, options, &its_pid, &its_status, &user, &used));
    EQUAL(pid, its_pid);
    EQUAL(status, its_status);
}

static enum wk_status try_wait(const struct player *parent, uint64_t which, uint64_t options)
{
    uint64_t pid, status, user, used;

    return wk_posix_wait(parent->session, which, options, &pid, &status, &user, &used);
}

static void takes(const struct player *player, uint64_t signal, uint64_t sender, uint64_t value)
{
    uint64_t its_signal, its_sender, user, its_value, code;

    EXPECT(WK_OK, wk_posix_take_signals(player->session, ~UINT64_C(0), &its_signal, &its_sender, &user, &its_value, &code));
    EQUAL(signal, its_signal);
    EQUAL(sender, its_sender);
    EQUAL(value, its_value);
}

/* ---- families ---- */

static void families(void)
{
    struct player init = born(posix.root), parent, child, orphan;

    EQUAL(0, init.mapped->parent);
    parent = born(init.session);
    CHECK(parent.pid > init.pid);
    EQUAL(init.pid, parent.mapped->parent);
    EQUAL(init.pid, parent.mapped->group);
    EXPECT(WK_NOT_FOUND, try_wait(&parent, ANY, 0));
    child = born(parent.session);
    orphan = born(child.session);
    EXPECT(WK_WOULD_BLOCK, try_wait(&parent, ANY, 0));
    EXPECT(WK_NOT_FOUND, try_wait(&parent, orphan.pid, 0));
    wait_for(&parent, ANY, WK_WAIT_OPTIONS_NO_HANG, 0, 0);
    CHECK(!has_news(&parent));
    exits(&child, 7);
    await_news(&parent);
    EQUAL(UINT64_C(1) << (CHLD - 1), parent.mapped->pending);
    takes(&parent, CHLD, child.pid, 7);
    EQUAL(0, parent.mapped->pending);
    takes(&parent, 0, 0, 0);
    EQUAL(init.pid, orphan.mapped->parent);
    wait_for(&parent, child.pid, WK_WAIT_OPTIONS_NO_WAIT, child.pid, 7 << 8);
    wait_for(&parent, child.pid, 0, child.pid, 7 << 8);
    EXPECT(WK_NOT_FOUND, try_wait(&parent, child.pid, 0));
    die(&orphan); /* said nothing */
    await_news(&init);
    wait_for(&init, ANY, 0, orphan.pid, 9);
    child = born(parent.session);
    exits(&child, 1);
    await_news(&parent);
    exits(&parent, 0); /* its zombie goes to the first process */
    await_news(&init);
    wait_for(&init, child.pid, 0, child.pid, 1 << 8);
    wait_for(&init, ANY, 0, parent.pid, 0);
    exits(&init, 0);
}

int main(void)
{
    uint64_t before, after, objects_before, objects_after, limit, children;
    enum wk_bank_kind kind;

    actor_archive();
    EXPECT(WK_OK, wk_bank_info(wk_self.bank, &limit, &before, &objects_before, &children, &kind));
    served_start(&posix, "posix", BANK_PAGES);
    families();
    served_end(&posix);
    EXPECT(WK_OK, wk_bank_info(wk_self.bank, &limit, &after, &objects_after, &children, &kind));
    wk_print("before %lu after %lu\n", before, after);
    wk_print("posix: good\n");
    return 0;
}
