/* SPDX-License-Identifier: MIT */
/* Families of the process service, at random, with their invariants looked at after each step; and numbers that are used
 * again. */
#include "service_kernel.h"

/* clang-format off: these come behind what they ask for */
#include "../../lib/winkle/records.c"
#include "../../services/posix/process.c"
#include "../../services/posix/signals.c"
#include "../../services/posix/family.c"
/* clang-format on */

#define LIVE_MAX 100

static struct process *live[LIVE_MAX];
static unsigned live_count, killed, suspended;
static struct wk_link noticed; /* those that are to be killed later */

void alarms_drop(struct process *process)
{
    (void)process;
}

void effect_page(struct process *process)
{
    (void)process;
}

void effect_interrupt(struct process *process)
{
    assert_true(process->state != STATE_ZOMBIE);
}

/* Who is told news has a child, or had one until now. */
void effect_news(struct process *process)
{
    assert_true(!wk_links_are_empty(&process->children));
}

void effect_suspend(struct process *process)
{
    (void)process;
    suspended++;
}

void effect_resume(struct process *process)
{
    (void)process;
    suspended--;
}

void effect_kill(struct process *process)
{
    assert_int_equal(process->state, STATE_KILLED);
    killed++;
}

void effect_kill_later(struct process *process)
{
    assert_int_equal(process->state, STATE_KILLED);
    assert_true(process->pending & signal_bit(SIGNAL_KILL));
    wk_link_append(&noticed, &process->to_kill);
}

uint64_t effect_usage(struct process *process)
{
    (void)process;
    return 5;
}

uint64_t effect_end_status(struct process *process)
{
    (void)process;
    return SIGNAL_KILL;
}

void effect_release(struct process *process)
{
    (void)process;
}

/* ---- invariants ---- */

static void check_process(const struct process *process)
{
    unsigned queued = 0;

    assert_ptr_equal(process_of_pid(process->pid), process);
    assert_ptr_equal(process_of_badge(process_badge(process)), process);
    if (process->parent != NULL)
        assert_true(process->parent->state != STATE_ZOMBIE);
    else
        assert_true(process->state != STATE_ZOMBIE);
    if (process->state == STATE_ZOMBIE)
        assert_true(wk_links_are_empty(&process->children) && process->pending == 0);
    for (const struct wk_link *link = process->children.next; link != &process->children; link = link->next)
        assert_ptr_equal(WK_LINKED(link, struct process, sibling)->parent, process);
    for (const struct wk_link *link = process->signals.next; link != &process->signals; link = link->next) {
        const uint64_t signal = WK_LINKED(link, struct pending, link)->signal.signal;

        assert_true(process->pending & signal_bit(signal));
        queued++;
    }
    assert_int_equal(queued, process->signal_count);
    assert_false(process->pending & process->ignored);
}

static void check_all(void)
{
    unsigned stopped = 0;

    for (struct process *process = process_next(NULL); process != NULL; process = process_next(process)) {
        check_process(process);
        stopped += process->state == STATE_STOPPED;
    }
    assert_true(stopped <= suspended);
    for (const struct wk_link *link = noticed.next; link != &noticed; link = link->next)
        assert_int_equal(WK_LINKED(link, struct process, to_kill)->state, STATE_KILLED);
}

/* ---- random lives ---- */

static struct process *some(void)
{
    return live[(unsigned)rand() % live_count];
}

static void forget_live(const struct process *process)
{
    for (unsigned i = 0; i < live_count; i++) {
        if (live[i] == process)
            live[i] = live[--live_count];
    }
}

static void end_one(struct process *process)
{
    const uint64_t status = (uint64_t)rand() % 3 << 8;

    if (process == first_process && rand() % 50 != 0)
        return;
    suspended -= process->state == STATE_STOPPED;
    forget_live(process);
    process->has_end_status = status != 0;
    process->end_status = status;
    family_end(process);
}

static void wait_one(struct process *process)
{
    struct child_news news;
    const uint64_t options = (uint64_t)rand() % 32;
    const enum wk_status status = family_wait(process, UINT64_MAX, options, &news);

    if (wk_links_are_empty(&process->children) && news.pid == 0)
        assert_int_equal(status, WK_NOT_FOUND);
    if (status == WK_OK && news.pid == 0)
        assert_true(options & WK_WAIT_OPTIONS_NO_HANG);
}

static void step(void)
{
    struct process *process = some();
    struct signal signal = {.signal = 1 + (uint64_t)rand() % 64, .sender = 1};
    struct process *child;

    switch (rand() % 8) {
    case 0:
    case 1:
        child = live_count == LIVE_MAX ? NULL : family_enter(process);
        if (child != NULL) {
            child->end_signal = SIGNAL_CHLD;
            live[live_count++] = child;
        }
        break;
    case 2:
        end_one(process);
        break;
    case 3:
        wait_one(process);
        break;
    case 4:
        signal_take(process, (uint64_t)rand() * 77777, &signal);
        break;
    case 5:
        process->has_no_zombies = rand() % 5 == 0;
        process->has_notice = rand() % 3 == 0;
        process->group = some()->group;
        break;
    default:
        if (rand() % 4 == 0)
            signal.signal = rand() % 2 == 0 ? SIGNAL_STOP : SIGNAL_CONT;
        signal_send(process, &signal);
    }
}

static int setup(void **state)
{
    (void)state;
    processes_init();
    first_process = NULL;
    wk_link_init(&noticed);
    suspended = live_count = 0;
    live[live_count++] = family_enter(NULL);
    assert_ptr_equal(first_process, live[0]);
    return 0;
}

static void random_families(void **state)
{
    (void)state;
    srand(2);
    for (unsigned i = 0; i < 60000; i++) {
        if (live_count == 0)
            live[live_count++] = family_enter(NULL);
        step();
        if (i % 16 == 0)
            check_all();
    }
    assert_true(killed > 100);
    while (live_count > 0) {
        struct process *process = live[--live_count];

        family_end(process);
    }
    assert_null(process_next(NULL));
    assert_true(wk_links_are_empty(&noticed));
    assert_int_equal(records.count, 0);
    assert_int_equal(pendings.count, 0);
}

/* A number that somebody has, as a group's or session's too, is passed over when they begin again. */
static void numbers_begin_again(void **state)
{
    struct process *first = family_enter(NULL), *leader, *member, *next;

    (void)state;
    leader = family_enter(first);
    member = family_enter(leader);
    leader->group = leader->session = member->group = member->session = leader->pid;
    family_end(leader);
    assert_int_equal(family_wait(first, leader->pid, 0, &(struct child_news){0}), WK_OK);
    last_pid = PID_END - 1;
    next = family_enter(first);
    assert_true(next->pid == 1 || next->pid < member->pid);
    last_pid = member->session - 1;
    next = family_enter(first);
    assert_true(next->pid > member->pid);
    assert_ptr_equal(process_at_least(member->pid + 1), next);
}

/* Its last relative in the session ends while it is stopped: it is hung up and goes on. */
static void orphaned_groups_go_on(void **state)
{
    struct process *first = family_enter(NULL), *shell, *job;

    (void)state;
    first_process = first;
    shell = family_enter(first);
    shell->group = shell->session = shell->pid;
    job = family_enter(shell);
    job->group = job->pid;
    signal_send(job, &(struct signal){.signal = SIGNAL_STOP, .sender = shell->pid});
    assert_int_equal(job->state, STATE_STOPPED);
    family_end(shell);
    assert_int_equal(job->state, STATE_RUNNING);
    assert_true(job->pending & signal_bit(SIGNAL_HUP));
    assert_true(job->pending & signal_bit(SIGNAL_CONT));
    assert_ptr_equal(job->parent, first);
}

/* That one of it ends who had no relative outside changes nothing for a group that is orphaned already. */
static void orphaned_groups_stay_stopped(void **state)
{
    struct process *first = family_enter(NULL), *shell, *job, *other;

    (void)state;
    first_process = first;
    shell = family_enter(first);
    job = family_enter(shell);
    other = family_enter(shell);
    shell->group = shell->session = job->group = job->session = other->group = other->session = shell->pid;
    signal_send(job, &(struct signal){.signal = SIGNAL_STOP, .sender = shell->pid});
    family_end(other);
    assert_int_equal(job->state, STATE_STOPPED);
    assert_false(job->pending & signal_bit(SIGNAL_HUP));
}

static void room_is_bounded(void **state)
{
    struct process *first = family_enter(NULL);
    unsigned entered = 0;

    (void)state;
    while (family_enter(first) != NULL)
        entered++;
    assert_true(entered > PROCESSES_MAX - 20 && entered < PROCESSES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(random_families, setup),
        cmocka_unit_test_setup(numbers_begin_again, setup),
        cmocka_unit_test_setup(orphaned_groups_go_on, setup),
        cmocka_unit_test_setup(orphaned_groups_stay_stopped, setup),
        cmocka_unit_test_setup(room_is_bounded, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
