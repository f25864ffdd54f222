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

/* ---- real processes ---- */

#define STOP 19
#define CONT 18
#define KILL 9
#define SEGV 11
#define ILL 4
#define STOPPED_BY(signal) (0x7f | (signal) << 8)
#define CONTINUED 0xffff

/* A program that runs, and its session, which it has. */
struct actor_player {
    struct actor actor;
    struct player player;
    wk_handle shared;
    volatile uint64_t *counter;
};

/* It is this program again, in this part, with a page that is shared with it. */
static void play(struct actor_player *play, const char *part, wk_handle parent)
{
    void *address;
    wk_handle there;

    EXPECT(WK_OK, wk_map_new(1, 0, &play->shared, &address));
    play->counter = address;
    actor_prepare(&play->actor, ACTOR_BANK_PAGES);
    actor_lend(&play->actor, "shared", play->shared, WK_RIGHTS_ALL);
    actor_play(&play->actor, part);
    play->player.process = play->actor.child.process;
    play->player.thread = play->actor.child.thread;
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &play->player.event));
    EXPECT(WK_OK, enter(&play->player, parent));
    EXPECT(WK_OK, wk_process_grant(play->player.process, play->player.session, WK_TRANSFER_GIVE, WK_RIGHTS_ALL,
                                   &there));
    play->counter[1] = there; /* it begins */
}

static void play_ends(struct actor_player *play)
{
    EXPECT(WK_OK, wk_capability_delete(play->player.event));
    actor_end(&play->actor);
    wk_unmap_delete(play->shared, (const void *)play->counter, 1);
}

static bool counts(const struct actor_player *play)
{
    const uint64_t before = play->counter[0];

    EXPECT(WK_TIMED_OUT, wk_event_wait(play->player.event, UINT64_C(1) << 40, wk_after_ns(5000000), (uint64_t[1]){0}));
    return play->counter[0] != before;
}

static void await_counting(const struct actor_player *play)
{
    while (!counts(play))
        ;
}

static void real_ones(void)
{
    struct player init = born(posix.root);
    struct actor_player spinner, faulter, jumper, stopper;

    play(&spinner, "spin", init.session);
    await_counting(&spinner);
    EXPECT(WK_OK, wk_posix_kill(init.session, spinner.player.pid, STOP, 0, 0));
    await_news(&init);
    CHECK(!counts(&spinner));
    EXPECT(WK_WOULD_BLOCK, try_wait(&init, ANY, 0));
    EXPECT(WK_WOULD_BLOCK, try_wait(&init, ANY, WK_WAIT_OPTIONS_CONTINUED));
    wait_for(&init, ANY, WK_WAIT_OPTIONS_UNTRACED, spinner.player.pid, STOPPED_BY(STOP));
    EXPECT(WK_OK, wk_posix_kill(init.session, spinner.player.pid, CONT, 0, 0));
    await_counting(&spinner);
    await_news(&init);
    wait_for(&init, ANY, WK_WAIT_OPTIONS_CONTINUED, spinner.player.pid, CONTINUED);
    EXPECT(WK_OK, wk_posix_kill(init.session, spinner.player.pid, STOP, 0, 0));
    await_news(&init);
    EXPECT(WK_OK, wk_posix_kill(init.session, spinner.player.pid, KILL, 0, 0));
    await_news(&init);
    wait_for(&init, spinner.player.pid, 0, spinner.player.pid, KILL);
    play_ends(&spinner);

    play(&faulter, "fault", init.session);
    await_news(&init);
    wait_for(&init, ANY, 0, faulter.player.pid, SEGV);
    play_ends(&faulter);
    play(&jumper, "illegal", init.session);
    await_news(&init);
    wait_for(&init, ANY, 0, jumper.player.pid, ILL);
    play_ends(&jumper);

    play(&stopper, "stop", init.session); /* stops itself, then exits */
    await_news(&init);
    wait_for(&init, ANY, WK_WAIT_OPTIONS_UNTRACED, stopper.player.pid, STOPPED_BY(20));
    EQUAL(1, stopper.counter[0]);
    EXPECT(WK_OK, wk_posix_kill(init.session, stopper.player.pid, CONT, 0, 0));
    await_news(&init);
    while (try_wait(&init, ANY, WK_WAIT_OPTIONS_NO_WAIT) != WK_OK)
        await_news(&init);
    EQUAL(2, stopper.counter[0]);
    wait_for(&init, ANY, 0, stopper.player.pid, 3 << 8);
    play_ends(&stopper);
    exits(&init, 0);
}

static int be_real(const char *part)
{
    volatile uint64_t *shared;
    void *address;

    EXPECT(WK_OK, wk_map(wk_named_handle("shared"), 0, 1, WK_PROTECTION_READ | WK_PROTECTION_WRITE, &address));
    shared = address;
    while (shared[1] == 0)
        wk_thread_yield(wk_self.start->thread);
    if (strcmp(part, "fault") == 0)
        shared[WK_PAGE_BYTES] = 0; /* far behind its end */
    if (strcmp(part, "illegal") == 0)
        __asm__ volatile("unimp");
    if (strcmp(part, "stop") == 0) {
        shared[0] = 1;
        EXPECT(WK_OK, wk_posix_stop(shared[1], 20));
        shared[0] = 2;
        EXPECT(WK_OK, wk_posix_exit(shared[1], 3 << 8));
        return 0;
    }
    for (;;)
        shared[0]++;
}

int main(int argc, char **argv)
{
    uint64_t before, after, objects_before, objects_after, limit, children;
    enum wk_bank_kind kind;

    if (argc > 1)
        return be_real(argv[1]);
    actor_archive();
    EXPECT(WK_OK, wk_bank_info(wk_self.bank, &limit, &before, &objects_before, &children, &kind));
    served_start(&posix, "posix", BANK_PAGES);
    families();
    real_ones();
    served_end(&posix);
    EXPECT(WK_OK, wk_bank_info(wk_self.bank, &limit, &after, &objects_after, &children, &kind));
    wk_print("before %lu after %lu\n", before, after);
    wk_print("posix: good\n");
    return 0;
}
