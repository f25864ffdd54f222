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

/* The first process, once the service knows that the one before has ended. */
static struct player first(void)
{
    uint64_t objects;

    served_used_pages(&posix, &objects);
    return born(posix.root);
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

static void takes_of(const struct player *player, uint64_t signals, uint64_t signal, uint64_t sender, uint64_t value)
{
    uint64_t its_signal, its_sender, user, its_value, code;

    EXPECT(WK_OK, wk_posix_take_signals(player->session, signals, &its_signal, &its_sender, &user, &its_value, &code));
    EQUAL(signal, its_signal);
    EQUAL(sender, its_sender);
    EQUAL(value, its_value);
}

static void takes(const struct player *player, uint64_t signal, uint64_t sender, uint64_t value)
{
    takes_of(player, ~UINT64_C(0), signal, sender, value);
}

struct waiting {
    wk_handle event, keeper;
    uint64_t number;
};

static struct waiting make_waiter(const struct player *player)
{
    struct waiting waiting;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &waiting.event));
    EXPECT(WK_OK, wk_posix_enlist(player->session, dup(waiting.event), 1, &waiting.keeper, &waiting.number));
    return waiting;
}

/* ---- families ---- */

static void families(void)
{
    struct player init = first(), parent, child, orphan;

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
    EXPECT(WK_OK,
           wk_process_grant(play->player.process, play->player.session, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, &there));
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
    struct player init = first();
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

/* One with notice of SIGKILL that does nothing about it is killed a second later, and does nothing that lasts until then. */
static void notice(void)
{
    struct player init = first(), one, late;
    struct actor_player spinner;
    uint64_t begin = wk_now_ns(), unparked;

    EXPECT(WK_OK, wk_posix_set_notice(init.session, 1)); /* for those that it forks, too */
    one = born(init.session);
    EXPECT(WK_OK, wk_posix_kill(init.session, one.pid, KILL, 0, 0));
    EQUAL(UINT64_C(1) << (KILL - 1), one.mapped->pending);
    EXPECT(WK_OK, wk_posix_unpark(one.session, 9, 9, 1, 1, &unparked));
    EXPECT(WK_NO_RIGHT, wk_posix_kill(one.session, init.pid, USR1, 0, 0));
    make_player(&late);
    EXPECT(WK_NO_RIGHT, enter(&late, one.session));
    unmake(&late);
    EXPECT(WK_WOULD_BLOCK, try_wait(&init, ANY, 0));
    await_news(&init);
    CHECK(wk_now_ns() - begin >= WK_NS_PER_SECOND);
    wait_for(&init, ANY, 0, one.pid, KILL);
    die(&one);

    play(&spinner, "spin", init.session);
    await_counting(&spinner);
    EXPECT(WK_OK, wk_posix_kill(init.session, spinner.player.pid, STOP, 0, 0));
    await_news(&init);
    one = born(init.session);
    begin = wk_now_ns();
    EXPECT(WK_OK, wk_posix_kill(init.session, ANY, KILL, 0, 0));
    die(&one); /* at once: who is left is killed then all the same */
    await_news(&init);
    wait_for(&init, ANY, 0, one.pid, KILL);
    CHECK(wk_now_ns() - begin < WK_NS_PER_SECOND);
    await_counting(&spinner); /* it goes on for it */
    await_news(&init);
    CHECK(wk_now_ns() - begin >= WK_NS_PER_SECOND);
    wait_for(&init, ANY, 0, spinner.player.pid, KILL);
    play_ends(&spinner);

    EXPECT(WK_OK, wk_posix_set_notice(init.session, 0));
    one = born(init.session);
    begin = wk_now_ns();
    EXPECT(WK_OK, wk_posix_kill(init.session, one.pid, KILL, 0, 0));
    await_news(&init);
    CHECK(wk_now_ns() - begin < WK_NS_PER_SECOND);
    wait_for(&init, ANY, 0, one.pid, KILL);
    die(&one);
    exits(&init, 0);
}

#define BUSY_CHILDREN 40 /* more its bank does not pay for */

/* Does all that a process does, with children that it enters and forgets, until it is killed. */
__attribute__((noreturn)) static void be_busy(const struct player *self)
{
    struct waiting waiting = make_waiter(self);

    for (uint64_t i = 0;; i++) {
        struct player child;
        uint64_t at, interval, overruns;

        try_wait(self, ANY, WK_WAIT_OPTIONS_UNTRACED);
        if (i >= BUSY_CHILDREN) {
            wk_thread_sleep(wk_self.start->thread, wk_after_ns(100000));
            continue;
        }
        make_player(&child);
        if (enter(&child, self->session) == WK_OK) {
            wk_posix_kill(self->session, 0, USR1, i, 0);
            wk_posix_set_alarm(self->session, i % 32, wk_after_ns(100000), 1000000, 14, 0, &at, &interval, &overruns);
            wk_posix_park(self->session, waiting.number, 1, i % 8, 1);
            if (i % 3 == 0)
                die(&child);
            else
                wk_posix_kill(self->session, child.pid, i % 3 == 1 ? KILL : STOP, 0, 0);
        }
    }
}

/* Wherever a process is killed: its parent learns it, its children are the first one's, and the service goes on. */
static void killed_anywhere(void)
{
    struct player init = first();

    for (uint64_t i = 0; i < 20; i++) {
        struct actor_player busy;
        uint64_t pid = 0, status = 0, user, used;

        play(&busy, "busy", init.session);
        EXPECT(WK_OK, wk_thread_sleep(wk_self.start->thread, wk_after_ns(300000 * (i + 1))));
        if (i % 2 == 0)
            EXPECT(WK_OK, wk_posix_kill(init.session, busy.player.pid, KILL, 0, 0));
        else
            EXPECT(WK_OK, wk_process_kill(busy.player.process, 0));
        while (pid != busy.player.pid) {
            if (wk_posix_wait(init.session, ANY, 0, &pid, &status, &user, &used) != WK_OK)
                await_news(&init);
        }
        EQUAL(KILL, status);
        play_ends(&busy);
    }
    EXPECT(WK_OK, wk_posix_kill(init.session, ANY, KILL, 0, 0));
    while (try_wait(&init, ANY, 0) != WK_NOT_FOUND)
        EXPECT(WK_OK, wk_thread_sleep(wk_self.start->thread, wk_after_ns(1000000)));
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
    if (strcmp(part, "busy") == 0)
        be_busy(&(struct player){.session = shared[1]});
    if (strcmp(part, "fault") == 0)
        shared[WK_PAGE_BYTES] = 0; /* far behind its end */
    if (strcmp(part, "illegal") == 0)
        __asm__ volatile("unimp");
    if (strcmp(part, "stop") == 0) {
        shared[0] = 1;
        EXPECT(WK_NOT_AVAILABLE, wk_posix_stop(shared[1], 20)); /* nobody of another group would have it go on */
        EXPECT(WK_OK, wk_posix_set_group(shared[1], 0, 0));
        EXPECT(WK_OK, wk_posix_stop(shared[1], 20));
        shared[0] = 2;
        EXPECT(WK_OK, wk_posix_exit(shared[1], 3 << 8));
        return 0;
    }
    for (;;)
        shared[0]++;
}

/* ---- groups, sessions, signals ---- */

static void groups(void)
{
    struct player init = first(), shell = born(init.session), one, two, stranger = born(posix.root);
    uint64_t sid, bits;
    wk_handle watch;

    EXPECT(WK_OK, wk_posix_new_session(shell.session, &sid));
    EQUAL(shell.pid, sid);
    EXPECT(WK_NO_RIGHT, wk_posix_new_session(shell.session, &sid));
    one = born(shell.session);
    two = born(shell.session);
    EQUAL(sid, one.mapped->session);
    EXPECT(WK_OK, wk_posix_set_group(shell.session, one.pid, 0));
    EXPECT(WK_OK, wk_posix_set_group(two.session, 0, one.pid));
    EQUAL(one.pid, two.mapped->group);
    EXPECT(WK_NO_RIGHT, wk_posix_set_group(shell.session, 0, 0));      /* it leads a session */
    EXPECT(WK_NO_RIGHT, wk_posix_set_group(one.session, 0, init.pid)); /* of another session */
    EXPECT(WK_NO_RIGHT, wk_posix_set_group(one.session, 0, 12345));    /* there is none */
    EXPECT(WK_NOT_FOUND, wk_posix_set_group(one.session, two.pid, 0)); /* no child */
    EXPECT(WK_NOT_FOUND, wk_posix_set_group(one.session, 54321, 0));
    EXPECT(WK_NO_RIGHT, wk_posix_new_session(one.session, &sid)); /* leads a group */

    EXPECT(WK_OK, wk_posix_kill(shell.session, -one.pid, USR1, 77, 5));
    takes(&one, USR1, shell.pid, 77);
    takes(&two, USR1, shell.pid, 77);
    EXPECT(WK_OK, wk_posix_kill(one.session, 0, USR1, 78, 5)); /* its own group, with itself */
    takes(&one, USR1, one.pid, 78);
    takes(&two, USR1, one.pid, 78);
    takes(&shell, 0, 0, 0);
    EXPECT(WK_OK, wk_posix_signal_group(posix.root, one.pid, 2, 0));
    takes(&two, 2, 0, 0);
    EXPECT(WK_OK, wk_posix_signal_session(posix.root, shell.pid, 1, 0));
    takes(&shell, 1, 0, 0);
    EQUAL(3, one.mapped->pending);
    EXPECT(WK_OK, wk_posix_kill(two.session, ANY, 15, 0, 0)); /* but itself and the first */
    EQUAL(0, two.mapped->pending >> 14);
    EQUAL(0, init.mapped->pending);
    takes(&shell, 15, two.pid, 0);
    takes(&stranger, 15, two.pid, 0);
    EXPECT(WK_NOT_FOUND, wk_posix_signal_group(posix.root, 54321, 1, 0));
    EXPECT(WK_NOT_FOUND, wk_posix_signal_session(posix.root, one.pid, 1, 0));
    EXPECT(WK_NOT_FOUND, wk_posix_kill(one.session, 54321, 0, 0, 0));
    EXPECT(WK_OK, wk_posix_kill(one.session, init.pid, 0, 0, 0));
    EXPECT(WK_NO_RIGHT, wk_posix_signal_group(one.session, one.pid, 1, 0));
    EXPECT(WK_NO_RIGHT, wk_posix_signal_session(one.session, shell.pid, 1, 0));
    EXPECT(WK_OK, wk_posix_set_owner(one.session, 1000, 1000));
    EXPECT(WK_NO_RIGHT, wk_posix_kill(one.session, shell.pid, USR1, 0, 0));

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &watch));
    EXPECT(WK_NOT_FOUND, wk_posix_watch_session(posix.root, one.pid, dup(watch), 4));
    EXPECT(WK_NO_RIGHT, wk_posix_watch_session(one.session, shell.pid, dup(watch), 4));
    EXPECT(WK_OK, wk_posix_watch_session(posix.root, shell.pid, dup(watch), 4));
    EXPECT(WK_WOULD_BLOCK, wk_event_poll(watch, 4, &bits));
    exits(&shell, 0);
    EXPECT(WK_OK, wk_event_wait(watch, 4, wk_after_ns(PATIENCE_NS), &bits));
    EXPECT(WK_OK, wk_capability_delete(watch));
    await_news(&init);
    wait_for(&init, ANY, 0, shell.pid, 0);
    die(&one);
    die(&two);
    die(&stranger);
    await_news(&init);
    exits(&init, 0);
}

/* Those that queue, those that do not, those that are dropped, and how many there may be. */
static void pending(void)
{
    struct player init = first(), one = born(init.session);

    EXPECT(WK_OK, wk_posix_kill(init.session, one.pid, USR1, 1, 0));
    EXPECT(WK_OK, wk_posix_kill(init.session, one.pid, USR1, 2, 0));
    for (uint64_t i = 0; i < 63; i++)
        EXPECT(WK_OK, wk_posix_kill(init.session, one.pid, 34, 10 + i, 0));
    EXPECT(WK_NO_MEMORY, wk_posix_kill(init.session, one.pid, 35, 0, 0));
    EXPECT(WK_OK, wk_posix_kill(init.session, one.pid, 2, 3, 0));
    takes(&one, 2, init.pid, 3); /* the lowest first */
    takes(&one, USR1, init.pid, 1);
    for (uint64_t i = 0; i < 63; i++)
        takes(&one, 34, init.pid, 10 + i);
    takes(&one, 0, 0, 0);
    EXPECT(WK_OK, wk_posix_kill(init.session, one.pid, USR1, 1, 0));
    EXPECT(WK_OK, wk_posix_kill(init.session, one.pid, 12, 1, 0));
    EXPECT(WK_OK, wk_posix_set_ignored(one.session, UINT64_C(1) << (USR1 - 1), 0, 0));
    EXPECT(WK_OK, wk_posix_kill(init.session, one.pid, USR1, 1, 0));
    EQUAL(UINT64_C(1) << 11, one.mapped->pending);
    EXPECT(WK_BAD_ARGUMENT, wk_posix_kill(init.session, one.pid, 65, 0, 0));
    EXPECT(WK_BAD_ARGUMENT, wk_call(init.session, WK_POSIX_STOP, (uint64_t[6]){65}, WK_NO_DEADLINE));
    die(&one);
    await_news(&init);
    wait_for(&init, ANY, 0, one.pid, KILL);
    EXPECT(WK_OK, wk_posix_set_ignored(init.session, 0, 1, 0));
    one = born(init.session);
    exits(&one, 0);
    await_news(&init);
    while (try_wait(&init, ANY, 0) == WK_WOULD_BLOCK) /* it leaves no zombie */
        ;
    EXPECT(WK_NOT_FOUND, try_wait(&init, ANY, 0));
    exits(&init, 0);
}

static void pause_before(uint64_t deadline_ns)
{
    CHECK(wk_now_ns() < deadline_ns);
    EXPECT(WK_OK, wk_thread_sleep(wk_self.start->thread, wk_after_ns(1000000)));
}

static void alarms(void)
{
    struct player init = first();
    uint64_t at, interval, overruns;
    const uint64_t begin = wk_now_ns();

    EXPECT(WK_OK, wk_posix_set_alarm(init.session, 0, begin + 20000000, 0, 14, 5, &at, &interval, &overruns));
    EQUAL(0, at);
    EXPECT(WK_OK, wk_posix_set_alarm(init.session, 1, begin + 10000000, 10000000, USR1, 6, &at, &interval, &overruns));
    EXPECT(WK_OK, wk_posix_set_alarm(init.session, 2, UINT64_MAX, 1, 12, 6, &at, &interval, &overruns));
    while ((init.mapped->pending & UINT64_C(1) << 13) == 0)
        pause_before(begin + PATIENCE_NS);
    CHECK(wk_now_ns() >= begin + 20000000);
    takes(&init, USR1, 0, 6);
    takes_of(&init, UINT64_C(1) << 13, 14, 0, 5); /* the other one's time may have come again */
    while (init.mapped->pending == 0)
        pause_before(begin + PATIENCE_NS);
    EXPECT(WK_OK, wk_thread_sleep(wk_self.start->thread, wk_after_ns(50000000)));
    EXPECT(WK_OK, wk_posix_set_alarm(init.session, 1, 0, 0, USR1, 6, &at, &interval, &overruns));
    EQUAL(10000000, interval);
    CHECK(at > begin && overruns >= 3);
    takes(&init, USR1, 0, 6);
    EXPECT(WK_OK,
           wk_posix_set_alarm(init.session, 3, 1, 1, USR1, 6, &at, &interval, &overruns)); /* as often as can be */
    EXPECT(WK_OK, wk_thread_sleep(wk_self.start->thread, wk_after_ns(5000000)));
    EXPECT(WK_OK, wk_posix_set_alarm(init.session, 3, 0, 0, USR1, 6, &at, &interval, &overruns));
    CHECK(overruns > 0);
    EXPECT(WK_BAD_ARGUMENT, wk_posix_set_alarm(init.session, 32, 1, 1, USR1, 6, &at, &interval, &overruns));
    exits(&init, 0);
}

/* ---- futexes ---- */

static bool is_unparked(const struct waiting *waiting)
{
    uint64_t bits;

    return wk_event_poll(waiting->event, 1, &bits) == WK_OK;
}

static uint64_t unpark(const struct player *player, uint64_t key, uint64_t count, uint64_t bitset)
{
    uint64_t unparked;

    EXPECT(WK_OK, wk_posix_unpark(player->session, 9, key, count, bitset, &unparked));
    return unparked;
}

static void futexes(void)
{
    struct player init = first(), other = born(init.session);
    struct waiting waiting[4];
    uint64_t was_parked, unparked, moved;

    for (unsigned i = 0; i < 4; i++) {
        waiting[i] = make_waiter(i % 2 == 0 ? &init : &other);
        EXPECT(WK_OK, wk_posix_park(i % 2 == 0 ? init.session : other.session, waiting[i].number, 9, 64, 1 << i));
    }
    EXPECT(WK_NOT_FOUND, wk_posix_park(other.session, waiting[0].number, 9, 64, 1)); /* another's */
    EXPECT(WK_NOT_FOUND, wk_posix_leave(other.session, waiting[0].number, &was_parked));
    EXPECT(WK_NOT_FOUND, wk_posix_park(other.session, 12345, 9, 64, 1));
    EQUAL(0, unpark(&init, 68, 5, UINT64_MAX)); /* another key */
    EQUAL(1, unpark(&init, 64, 5, 4));
    CHECK(is_unparked(&waiting[2]) && !is_unparked(&waiting[0]));
    EQUAL(1, unpark(&other, 64, 1, UINT64_MAX));
    CHECK(is_unparked(&waiting[0]));
    EXPECT(WK_OK, wk_posix_leave(init.session, waiting[0].number, &was_parked));
    EQUAL(0, was_parked);
    EXPECT(WK_OK, wk_posix_park(init.session, waiting[0].number, 9, 64, 1));
    EXPECT(WK_OK, wk_posix_requeue(init.session, 9, 64, 9, 64 + 4 * 256, 1, 1, &unparked, &moved)); /* one bucket */
    EQUAL(1, unparked);
    EQUAL(1, moved);
    CHECK(is_unparked(&waiting[1]));
    EQUAL(1, unpark(&init, 64 + 4 * 256, 5, UINT64_MAX));
    CHECK(is_unparked(&waiting[3]));
    EXPECT(WK_OK, wk_posix_requeue(init.session, 9, 64, 9, 128, 0, 9, &unparked, &moved));
    EQUAL(1, moved);
    EXPECT(WK_OK, wk_posix_leave(init.session, waiting[0].number, &was_parked));
    EQUAL(1, was_parked);
    EXPECT(WK_OK, wk_posix_park(other.session, waiting[1].number, 9, 64, 1));
    EXPECT(WK_OK, wk_capability_delete(waiting[1].keeper)); /* it goes while it is parked */
    while (unpark(&init, 64, 0, 1) != 0 || wk_posix_leave(other.session, waiting[1].number, &was_parked) == WK_OK)
        EXPECT(WK_OK, wk_thread_sleep(wk_self.start->thread, wk_after_ns(1000000)));
    EQUAL(0, unpark(&init, 64, 5, UINT64_MAX));
    for (unsigned i = 0; i < 4; i++) {
        if (i != 1)
            EXPECT(WK_OK, wk_capability_delete(waiting[i].keeper));
        EXPECT(WK_OK, wk_capability_delete(waiting[i].event));
    }
    die(&other);
    exits(&init, 0);
}

/* ---- those that mean no good ---- */

static void hostile(void)
{
    struct player init = first(), one;
    uint64_t number;
    wk_handle part, handle;

    make_player(&one);
    EXPECT(WK_NO_RIGHT,
           wk_posix_attach(init.session, dup(one.process), dup(one.thread), dup(one.event), &handle, &handle, &number));
    EXPECT(WK_NO_RIGHT,
           wk_posix_fork(posix.root, dup(one.process), dup(one.thread), dup(one.event), 17, &handle, &handle, &number));
    EXPECT(WK_BAD_ARGUMENT, wk_posix_fork(init.session, dup(one.thread), dup(one.process), dup(one.event), 17, &handle,
                                          &handle, &number));
    EXPECT(WK_OK, wk_capability_dup(one.process, WK_PROCESS_RIGHT_INSPECT, &part));
    EXPECT(WK_NO_RIGHT,
           wk_posix_fork(init.session, part, dup(one.thread), dup(one.event), 17, &handle, &handle, &number));
    EXPECT(WK_NOT_ACCEPTED, wk_posix_fork(init.session, init.session, one.thread, one.event, 17, &handle, &handle,
                                          &number)); /* nothing has moved */
    EXPECT(WK_BAD_ARGUMENT, wk_posix_set_thread(init.session, dup(one.process)));
    EXPECT(WK_NO_RIGHT, wk_posix_set_thread(posix.root, dup(one.thread)));
    EXPECT(WK_NO_RIGHT, wk_posix_exit(posix.root, 0));
    EXPECT(WK_NO_RIGHT, wk_posix_enlist(posix.root, dup(one.event), 1, &handle, &number));
    EXPECT(WK_OK, wk_posix_set_thread(init.session, dup(one.thread)));
    EXPECT(WK_OK, wk_posix_kill(posix.root, init.pid, USR1, 0, 0));   /* its thread was never started */
    EXPECT(WK_OK, wk_posix_kill(init.session, init.pid, KILL, 0, 0)); /* the first is immune to its own */
    takes(&init, USR1, 0, 0);
    unmake(&one);
    exits(&init, 0);
}

/* How a process was called: what it says itself, whom others see it belong to. */
static void tell_arguments(const struct player *other, const struct player *teller)
{
    uint64_t user_length = 0, words[5] = {0};

    EXPECT(WK_OK, wk_posix_arguments(other->session, teller->pid, 0, &user_length, &words[0], &words[1], &words[2],
                                     &words[3], &words[4]));
    EQUAL(0, user_length);
    EXPECT(WK_OK, wk_posix_set_owner(teller->session, 77, 78));
    EXPECT(WK_OK, wk_posix_set_arguments(teller->session, UINT64_C(50) << 32, 1, 2, 3, 4, 5));
    EXPECT(WK_OK, wk_posix_set_arguments(teller->session, 40 | UINT64_C(50) << 32, 6, 7, 0, 0, 0));
    EXPECT(WK_OK, wk_posix_arguments(other->session, teller->pid, 40, &user_length, &words[0], &words[1], &words[2],
                                     &words[3], &words[4]));
    EQUAL(77 | UINT64_C(50) << 32, user_length);
    EQUAL(6, words[0]);
    EQUAL(7, words[1]);
    EXPECT(WK_BAD_ARGUMENT, wk_posix_set_arguments(teller->session, 41 | UINT64_C(50) << 32, 1, 2, 3, 4, 5));
    EXPECT(WK_BAD_ARGUMENT, wk_posix_set_arguments(teller->session, 240 | UINT64_C(50) << 32, 1, 2, 3, 4, 5));
    EXPECT(WK_BAD_ARGUMENT, wk_posix_set_arguments(teller->session, UINT64_C(241) << 32, 1, 2, 3, 4, 5));
    EXPECT(WK_NO_RIGHT, wk_posix_set_arguments(posix.root, UINT64_C(50) << 32, 1, 2, 3, 4, 5));
    EXPECT(WK_BAD_ARGUMENT, wk_posix_arguments(other->session, teller->pid, 39, &user_length, &words[0], &words[1],
                                               &words[2], &words[3], &words[4]));
    EXPECT(WK_NOT_FOUND, wk_posix_arguments(other->session, 4000000, 0, &user_length, &words[0], &words[1], &words[2],
                                            &words[3], &words[4]));
}

/* Who forks without end is told that it has to stop, and all of it comes back. What the service's bank holds then. */
static uint64_t fork_bomb(void)
{
    static struct player players[1100];
    struct player init = first();
    uint64_t objects, pid, parent, session, name[2], used;
    unsigned count = 0;
    enum wk_status status;

    for (status = WK_OK; count < 1100; count++) {
        make_player(&players[count]);
        status = enter(&players[count], init.session);
        if (status != WK_OK)
            break;
    }
    unmake(&players[count]);
    EXPECT(WK_NO_MEMORY, status);
    CHECK(count > 300);
    EXPECT(WK_OK, wk_posix_describe(init.session, init.pid + 1, &pid, &parent, &session, &name[0], &name[1], &used));
    EQUAL(players[0].pid, pid);
    EQUAL(init.pid | init.pid << 32, parent);
    EQUAL(init.pid | (uint64_t)'R' << 32, session);
    tell_arguments(&init, &players[0]);
    EXPECT(WK_NOT_FOUND, wk_posix_describe(init.session, players[count - 1].pid + 1, &pid, &parent, &session, &name[0],
                                           &name[1], &used));
    EXPECT(WK_OK, wk_posix_kill(init.session, ANY, KILL, 0, 0));
    for (unsigned i = 0; i < count; i++) {
        while (try_wait(&init, ANY, 0) == WK_WOULD_BLOCK)
            await_news(&init);
        die(&players[i]);
    }
    EXPECT(WK_NOT_FOUND, try_wait(&init, ANY, 0));
    exits(&init, 0);
    served_used_pages(&posix, &objects);
    return objects;
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
    groups();
    pending();
    alarms();
    futexes();
    hostile();
    objects_after = fork_bomb(); /* what records took stays for further ones */
    EQUAL(objects_after, fork_bomb());
    real_ones();
    notice();
    killed_anywhere();
    served_end(&posix);
    EXPECT(WK_OK, wk_bank_info(wk_self.bank, &limit, &after, &objects_after, &children, &kind));
    EQUAL(objects_before, objects_after); /* its own table may have grown */
    wk_print("posix: good\n");
    return 0;
}
