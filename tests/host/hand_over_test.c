/* SPDX-License-Identifier: MIT */
/*
 * Straight from the thread that runs to another (hand_over.c, and the way out behind it; now and then fast.c before it) leaves
 * what the general choice would have left. Threads signal, wait, sleep, yield and call at random, timers expire and a device interrupts; each act
 * is one in two machines (doubled.h). In the copy it is recorded what harts do, with nowhere to record it to: then none of
 * the straight ways is open.
 */
#include "doubled.h"

#include "lock.h"
#include "schedule.h"
#include "world_parts.h"

#include <stdio.h>
#include <stdlib.h>

#define PROGRAMS 4
#define ACTORS 8 /* several a program */
#define EVENTS 8
#define BITS 3
#define ALL_BITS ((1 << BITS) - 1)
#define TIMERS 3
#define LINE 5
#define HARTS 2
#define LOWEST 10
#define PRIORITIES_USED 4
#define CEILING (LOWEST + PRIORITIES_USED)
#define SERVER (ACTORS - 1)
#define OPERATION 0x2000
#define PAGES 100
#define ACTS 500
#define MICROSECOND UINT64_C(1000)
#define MILLISECOND (1000 * MICROSECOND)

/* What a process has, by handles of its own. */
struct holdings {
    struct program program;
    wk_handle events[EVENTS];
    wk_handle timers[TIMERS];
    wk_handle session;
};

struct actor {
    struct holdings *holdings;
    struct thread *thread;
    wk_handle handle;     /* the first process's */
    wk_handle own_handle; /* its process's */
};

enum act_kind {
    ACT_SIGNAL,
    ACT_YIELD,
    ACT_TIME,
    ACT_INTERRUPT,
    ACT_SIGNAL_WAIT,
    ACT_WAIT,
    ACT_SLEEP,
    ACT_TIMER_SET,
    ACT_CALL,
    ACT_REPLY,
    ACT_KINDS
};

struct act {
    enum act_kind kind;
    struct actor *actor;
    unsigned event, other, timer;
    uint64_t bits, mask, time_ns, period_ns;
};

/* actors[ACTORS] is the first thread, which is always ready, and less urgent than all. */
static struct holdings holdings[PROGRAMS], boot_holdings;
static struct actor actors[ACTORS + 1];
static wk_handle events[EVENTS], irq, served;
/* By hart: what all of its threads draw on, the same without a deadline of its own, and for a while a part of it. */
static wk_handle pools[HARTS], shares[HARTS], parts[HARTS];
static uint64_t acts_done[ACT_KINDS], straight[ACT_KINDS], fast[ACT_KINDS];

/* ---- the world ---- */

static void make_things(void)
{
    for (unsigned i = 0; i < EVENTS; i++)
        events[i] = boot_holdings.events[i] = make_event(BOOT_BANK);
    for (unsigned i = 0; i < TIMERS; i++) {
        assert_ok(wk_timer_create(BOOT_BANK, &boot_holdings.timers[i]));
        assert_ok(wk_timer_bind(boot_holdings.timers[i], events[i % EVENTS], 1 << i % BITS));
    }
    assert_ok(wk_machine_claim_irq(BOOT_MACHINE, BOOT_BANK, LINE, &irq));
    assert_ok(wk_irq_bind(irq, events[0], 1));
    served = make_endpoint(BOOT_BANK);
}

static void make_programs(void)
{
    for (unsigned i = 0; i < PROGRAMS; i++) {
        struct holdings *own = &holdings[i];

        own->program = program_make(PAGES, CEILING);
        for (unsigned j = 0; j < EVENTS; j++)
            own->events[j] = program_grant(&own->program, events[j], WK_TRANSFER_LEND, ALL_RIGHTS);
        for (unsigned j = 0; j < TIMERS; j++)
            own->timers[j] = program_grant(&own->program, boot_holdings.timers[j], WK_TRANSFER_LEND, ALL_RIGHTS);
        own->session = program_grant(&own->program, make_session(served, i), WK_TRANSFER_GIVE, ALL_RIGHTS);
    }
}

/* What it was on has nothing left, so that it cannot do that itself. */
static void move_first_thread(struct budget *budget)
{
    kernel_lock_acquire();
    thread_limit_priority(actors[ACTORS].thread, 1);
    thread_change_budget(actors[ACTORS].thread, budget);
    kernel_lock_release();
}

/* With deadlines: all of a hart's time is one part, which has some, and a share of it, which has none. */
static void make_budgets_of(unsigned hart, bool has_deadlines)
{
    pools[hart] = WK_FIRST_HANDLE(WK_BOOT_BUDGET + hart);
    if (has_deadlines) {
        assert_ok(wk_budget_split(pools[hart], BOOT_BANK, BUDGET_WHOLE_NS, BUDGET_WHOLE_NS, 100, BUDGET_WHOLE_NS,
                                  &pools[hart]));
        if (hart == 0)
            move_first_thread(container_of(object_of(pools[hart]), struct budget, object));
    }
    assert_ok(wk_budget_split(pools[hart], BOOT_BANK, 0, 0, 100, 0, &shares[hart]));
}

static void make_actor(unsigned i)
{
    struct actor *actor = &actors[i];

    actor->holdings = &holdings[i % PROGRAMS];
    actor->handle = actor->holdings->program.thread;
    if (i >= PROGRAMS) {
        assert_ok(wk_thread_create(actor->holdings->program.process, LOWEST, &actor->handle));
        assert_ok(wk_thread_start(actor->handle, 0x10100, 0, 0, 0, 0));
    }
    actor->thread = thread_of(actor->handle);
    actor->own_handle = program_grant(&actor->holdings->program, actor->handle, WK_TRANSFER_LEND, ALL_RIGHTS);
    assert_ok(wk_thread_set_priority(actor->handle, LOWEST + i % PRIORITIES_USED));
    assert_ok(wk_thread_set_budget(actor->handle, (i & 1) != 0 ? pools[i % hart_count] : shares[i % hart_count]));
}

static void make_world(bool has_deadlines)
{
    struct actor *boot = &actors[ACTORS];

    *boot = (struct actor){&boot_holdings, actor(), BOOT_THREAD, BOOT_THREAD};
    assert_ok(wk_thread_set_priority(BOOT_THREAD, 1));
    for (unsigned i = 0; i < hart_count; i++)
        make_budgets_of(i, has_deadlines);
    assert_ok(wk_thread_set_budget(BOOT_THREAD, shares[0]));
    make_things();
    make_programs();
    for (unsigned i = 0; i < ACTORS; i++)
        make_actor(i);
    served = program_grant(&actors[SERVER].holdings->program, served, WK_TRANSFER_LEND, ALL_RIGHTS);
    assert_status(receive_as(actors[SERVER].thread, served), NOT_ANSWERED);
    make_passive(actors[SERVER].handle);
}

/* ---- what can be seen of a machine ---- */

/* 0: none; a reaper is 99. */
static unsigned number_of(const struct thread *thread)
{
    for (unsigned i = 0; i <= ACTORS; i++)
        if (actors[i].thread == thread)
            return i + 1;
    return thread == NULL ? 0 : 99;
}

static unsigned long time_of(const struct deadline *deadline)
{
    return deadline_is_set(deadline) ? (unsigned long)deadline->node.key : 0;
}

static void say_queue(FILE *text, const char *name, const struct list *list, size_t link_offset)
{
    if (list_is_empty(list))
        return;
    fprintf(text, " %s:", name);
    for (const struct list *link = list->next; link != list; link = link->next)
        fprintf(text, " %u", number_of((const struct thread *)(const void *)((const char *)link - link_offset)));
}

static void say_thread(FILE *text, const struct thread *thread)
{
    const struct thread_calls *calls = &thread->calls;
    const bool receives = (thread->stop & THREAD_RECEIVING) != 0;

    fprintf(text, "thread %u: hart %u stop %u hindrance %u place %u priority %u used %lu caller %u callee %u",
            number_of(thread), thread->hart->index, thread->stop, thread->hindrance, thread->place, thread->priority,
            (unsigned long)thread->used_ns, receives ? 0 : number_of(calls->caller),
            (thread->stop & THREAD_CALLING) != 0 ? number_of(calls->callee) : 0);
    fprintf(text, " latched %d until %lu deadline %lu waits %d for %lx by %lx urgency %lx", thread->interrupt_latched,
            (unsigned long)thread->wait_until_ns, time_of(&thread->wait_deadline), thread->wait_event != NULL,
            (unsigned long)thread->wait_mask,
            (thread->stop & THREAD_WAITING) != 0 ? (unsigned long)thread->wait_handle : 0,
            (unsigned long)thread->urgency_node.key);
    say_queue(text, "helpers", &thread->helpers, offsetof(struct thread, ready_link));
    fprintf(text, "\n  registers of %u:", number_of(thread));
    say_registers(text, thread);
    fprintf(text, "\n  floating point of %u: %d %lx\n", number_of(thread), thread->context.fp_valid != 0,
            (unsigned long)thread->context.f[0]);
}

static void say_queues(FILE *text, const struct hart *hart)
{
    char name[16];

    for (unsigned priority = 0; priority < PRIORITIES; priority++) {
        snprintf(name, sizeof(name), "ready %u", priority);
        say_queue(text, name, &hart->ready.list[priority], offsetof(struct thread, ready_link));
    }
    for (const struct tree_node *node = hart->urgent.first; node != NULL; node = tree_next(node))
        fprintf(text, " urgent %u", number_of(container_of(node, struct thread, urgency_node)));
    say_queue(text, "unparked", &hart->unparked, offsetof(struct thread, ready_link));
    say_queue(text, "granted", &hart->granted, offsetof(struct thread, wait_link));
    for (unsigned i = 0; i < DEADLINE_CLASSES; i++)
        for (const struct tree_node *node = hart->deadlines[i].tree.first; node != NULL; node = tree_next(node))
            fprintf(text, " deadline %lu of %p, class %u", (unsigned long)node->key, (const void *)node, i);
}

static void say_budget(FILE *text, const struct budget *budget)
{
    fprintf(text, "budget: used %lu exhausted %lu replenish %lu account:", (unsigned long)budget->used_ns,
            (unsigned long)budget->exhausted, time_of(&budget->replenish));
    for (unsigned i = 0; i < budget->account.count; i++)
        fprintf(text, " %lu at %lu", (unsigned long)account_replenishment(&budget->account, i)->amount_ns,
                (unsigned long)account_replenishment(&budget->account, i)->time_ns);
    say_queue(text, "parked", &budget->parked, offsetof(struct thread, ready_link));
    fprintf(text, "\n");
}

/* But for frames that the stock lacks: the straight way leaves them for later. */
static void say_hart(FILE *text, const struct hart *hart)
{
    const uint64_t attention = hart->attention.any & ~ATTENTION_STOCK_LOW;

    fprintf(text, "hart %u: current %u payer %u attention %lx turn over %d slice %lu of %u expiry %lu", hart->index,
            number_of(hart->current), number_of(hart->payer), (unsigned long)attention, hart->turn_over,
            (unsigned long)hart->slice_ns, number_of(hart->slice_thread), (unsigned long)hart->expiry_ns);
    fprintf(text, " charged %lu run %lu of %p idle %lu timer %lu root %lx space %p process %p",
            (unsigned long)hart->charged_ns, (unsigned long)hart->run_ns, (void *)hart->pool,
            (unsigned long)hart->idle_ns, (unsigned long)hart->timer_ns, (unsigned long)hart->arch.root.address,
            (const void *)hart->space, (const void *)hart->invocation.process);
    fprintf(text, " state %d floating point %d %lx", (int)hart->arch.state, hart->arch.fp_dirty,
            (unsigned long)hart->arch.f[0]);
    say_queues(text, hart);
    fprintf(text, "\n");
}

static char *say_machine(void)
{
    char *rest = check_state_text();
    char *buffer;
    size_t bytes;
    FILE *text = open_memstream(&buffer, &bytes);

    for (unsigned i = 0; i <= ACTORS; i++)
        say_thread(text, actors[i].thread);
    for (unsigned i = 0; i < hart_count; i++)
        say_hart(text, harts[i]);
    for (const struct list *link = object_all.next; link != &object_all; link = link->next) {
        const struct object *object = container_of(link, struct object, all_link);

        if (object->type == WK_TYPE_BUDGET)
            say_budget(text, container_of(object, struct budget, object));
        if (object->type == WK_TYPE_EVENT) {
            say_queue(text, "waiters", &container_of(object, struct event, object)->waiters,
                      offsetof(struct thread, wait_link));
            fprintf(text, "\n");
        }
    }
    fputs(rest, text);
    fclose(text);
    free(rest);
    return buffer;
}

/* ---- acts that are compared ---- */

static void act_as_actor(const struct act *act)
{
    const struct holdings *own = act->actor->holdings;
    const wk_handle event = own->events[act->event];
    uint64_t ignored;

    switch (act->kind) {
    case ACT_SIGNAL:
        (void)wk_event_signal(event, act->bits);
        break;
    case ACT_YIELD:
        (void)wk_thread_yield(act->actor->own_handle);
        break;
    case ACT_WAIT:
        (void)wk_event_wait(event, act->mask, act->time_ns, &ignored);
        break;
    case ACT_SIGNAL_WAIT:
        (void)wk_event_signal_wait(event, own->events[act->other], act->bits, act->mask, act->time_ns, &ignored);
        break;
    case ACT_SLEEP:
        (void)wk_thread_sleep(act->actor->own_handle, act->time_ns);
        break;
    case ACT_TIMER_SET:
        (void)wk_timer_set(own->timers[act->timer], act->time_ns, act->period_ns);
        break;
    case ACT_CALL:
        (void)call_as(act->actor->thread, own->session, OPERATION, act->bits);
        break;
    case ACT_REPLY:
        (void)reply_receive_as(act->actor->thread, served, act->bits);
        break;
    case ACT_TIME:
    case ACT_INTERRUPT:
    case ACT_KINDS:
        break;
    }
}

static void do_act(const void *what)
{
    const struct act *act = what;

    if (act->kind == ACT_TIME) {
        host_time_pass_to(act->time_ns);
    } else if (act->kind == ACT_INTERRUPT) {
        host_irq_raise(LINE);
    } else {
        act_as(act->actor->thread);
        act_as_actor(act);
    }
    act_as(actors[ACTORS].thread);
    check_kernel();
    for (unsigned i = 0; i < hart_count; i++)
        schedule_settle(harts[i]); /* the straight way leaves that for later */
}

static void set_straight_ways(bool is_on)
{
    for (unsigned i = 0; i < hart_count; i++)
        harts[i]->attention.tracing = !is_on;
}

static void compare(const struct act *act)
{
    static const struct doubled doubled = {.set_short_way = set_straight_ways, .act = do_act, .say = say_machine};
    const uint64_t fast_before = host_fast_paths;

    for (unsigned i = 0; i < hart_count; i++)
        harts[i]->left = NULL; /* only who goes straight leaves anybody there */
    doubled_act(&doubled, act);
    acts_done[act->kind]++;
    fast[act->kind] += host_fast_paths - fast_before;
    for (unsigned i = 0; i < hart_count; i++)
        straight[act->kind] += harts[i]->left != NULL;
}

/* The harts run what they should, whatever the harness did to have the first thread act. */
static void let_harts_choose(void)
{
    for (unsigned i = 0; i < hart_count; i++)
        arch_hart_notify(harts[i]);
    host_run();
}

/* When something is due next on any hart, but not much later. */
static uint64_t next_time(struct choices *choices)
{
    uint64_t next_ns = host_time_ns + 50 * MICROSECOND;

    if (one_in(choices, 4))
        return host_time_ns + 1 + choose(choices, 2000);
    for (unsigned i = 0; i < hart_count; i++)
        if (harts[i]->arch.timer_ns > host_time_ns && harts[i]->arch.timer_ns < next_ns)
            next_ns = harts[i]->arch.timer_ns;
    return next_ns;
}

/* Mostly one for which nobody waits, for who is to wait. */
static unsigned some_free_event(struct choices *choices)
{
    const unsigned first = (unsigned)choose(choices, EVENTS);

    for (unsigned i = 0; i < EVENTS && !one_in(choices, 10); i++)
        if (event_of(events[(first + i) % EVENTS])->waiter_count == 0)
            return (first + i) % EVENTS;
    return first;
}

/* Mostly the one for which the most urgent thread waits alone, else little would go straight. */
static unsigned some_awaited_event(struct choices *choices)
{
    unsigned best = (unsigned)choose(choices, EVENTS);
    unsigned most_urgent = 0;

    for (unsigned i = 0; i < EVENTS && !one_in(choices, 20); i++) {
        const struct event *event = event_of(events[i]);
        const struct thread *waiter = container_of(event->waiters.next, struct thread, wait_link);

        if (event->waiter_count == 1 && waiter->stop == THREAD_WAITING && waiter->priority > most_urgent) {
            most_urgent = waiter->priority;
            best = i;
        }
    }
    return best;
}

/* What the thread does; the first one never waits. */
static enum act_kind some_kind(struct choices *choices, const struct actor *actor)
{
    static const enum act_kind kinds[] = {
        ACT_WAIT,        ACT_WAIT,   ACT_SIGNAL_WAIT, ACT_SLEEP,  ACT_CALL,  ACT_SIGNAL_WAIT, ACT_SIGNAL_WAIT,
        ACT_SIGNAL_WAIT, ACT_SIGNAL, ACT_SIGNAL,      ACT_SIGNAL, ACT_YIELD, ACT_YIELD,       ACT_TIMER_SET,
        ACT_TIMER_SET,   ACT_TIME,   ACT_TIME,        ACT_TIME,   ACT_TIME,  ACT_INTERRUPT,   ACT_INTERRUPT,
    };
    const bool is_first = actor == &actors[ACTORS];
    const unsigned waiting = 8;

    if (actor == &actors[SERVER] && !one_in(choices, 4))
        return ACT_REPLY;
    return kinds[is_first ? waiting + choose(choices, sizeof(kinds) / sizeof(*kinds) - waiting)
                          : choose(choices, sizeof(kinds) / sizeof(*kinds))];
}

/* Two take turns, each with an event of its own, which the fast path of `signal_wait` knows: mostly the one waits when the other has
 * the turn. */
static void take_turn(struct choices *choices, struct actor *actor)
{
    const unsigned own = (unsigned)(actor - actors);
    const bool has_turn = event_of(events[own ^ 1])->waiter_count != 0 || one_in(choices, 6);

    compare(&(struct act){.kind = has_turn ? ACT_SIGNAL_WAIT : ACT_WAIT,
                          .actor = actor,
                          .event = own,
                          .other = own ^ 1,
                          .bits = one_in(choices, 4) ? 1 + choose(choices, ALL_BITS) : ALL_BITS,
                          .mask = one_in(choices, 4) ? 1 + choose(choices, ALL_BITS) : ALL_BITS,
                          .time_ns = one_in(choices, 8) ? host_time_ns + choose(choices, 6000) : NEVER});
}

static void act_somehow(struct choices *choices, struct actor *actor)
{
    struct act act = {.kind = some_kind(choices, actor), .actor = actor};

    act.event = act.kind == ACT_SIGNAL ? some_awaited_event(choices) : some_free_event(choices);
    act.other = some_awaited_event(choices);
    act.timer = (unsigned)choose(choices, TIMERS);
    act.bits = one_in(choices, 2) ? ALL_BITS : 1 + choose(choices, ALL_BITS);
    act.mask = 1 + choose(choices, ALL_BITS);
    act.time_ns = host_time_ns + 1 + choose(choices, 6000);
    act.period_ns = one_in(choices, 3) ? 10000 + choose(choices, 30000) : 0;
    if ((act.kind == ACT_WAIT || act.kind == ACT_SIGNAL_WAIT) && !one_in(choices, 3))
        act.time_ns = NEVER;
    if (act.kind == ACT_CALL && (actor == &actors[SERVER] || !one_in(choices, 3)))
        act.kind = ACT_SIGNAL;
    if (act.kind == ACT_TIMER_SET)
        assert_ok(wk_timer_bind(boot_holdings.timers[act.timer], events[some_awaited_event(choices)], act.bits));
    if (act.kind == ACT_TIME)
        act.time_ns = next_time(choices);
    if (act.kind == ACT_INTERRUPT) { /* the first thread does that, in between */
        (void)wk_irq_acknowledge(irq);
        assert_ok(wk_irq_bind(irq, events[some_awaited_event(choices)], ALL_BITS));
        let_harts_choose();
    }
    compare(&act);
}

/* ---- what happens in between ---- */

/* A part of a hart's time, for a thread of it, and away with it again: until all of it has come back nothing is straight
 * there. */
static void change_parts(struct choices *choices, const struct actor *actor)
{
    const unsigned hart = (unsigned)choose(choices, hart_count);

    if (parts[hart] == 0) {
        if (wk_budget_split(pools[hart], BOOT_BANK, MILLISECOND / 10, MILLISECOND, 100, 0, &parts[hart]) != WK_OK)
            return;
        (void)wk_thread_set_budget(actor->handle, parts[hart]);
        return;
    }
    assert_ok(wk_capability_delete(parts[hart]));
    parts[hart] = 0;
    for (unsigned i = 0; i < SERVER; i++)
        if (actors[i].thread->budget == NULL)
            (void)wk_thread_set_budget(actors[i].handle, pools[i % hart_count]);
}

static void use_floating_point(struct thread *thread, uint64_t value)
{
    if (thread->hart->current != thread)
        return;
    thread->hart->arch.f[0] = value;
    host_fp_written(thread->hart);
}

static void disturb(struct choices *choices, const struct actor *actor)
{
    const unsigned hart = (unsigned)choose(choices, hart_count);

    switch (choose(choices, 60)) {
    case 0:
        if (one_in(choices, 2))
            (void)wk_process_suspend(actor->holdings->program.process);
        break;
    case 1:
    case 2:
    case 11:
        for (unsigned i = 0; i < PROGRAMS; i++)
            (void)wk_process_resume(holdings[i].program.process);
        break;
    case 3:
        (void)wk_thread_interrupt(actor->handle);
        break;
    case 4:
    case 5:
        if (actor != &actors[SERVER])
            (void)wk_thread_set_budget(actor->handle, one_in(choices, 2) ? pools[hart] : shares[hart]);
        break;
    case 6:
        if (one_in(choices, 8))
            change_parts(choices, actor);
        break;
    case 7:
        if (actor == &actors[1]) /* or else there soon is nobody without */
            use_floating_point(actor->thread, choose(choices, 1000));
        break;
    case 8:
    case 9:
    case 10:
        (void)wk_thread_set_priority(actor->handle, LOWEST + choose(choices, PRIORITIES_USED));
        break;
    default:
        break;
    }
}

static struct actor *some_current(struct choices *choices)
{
    const unsigned first = (unsigned)choose(choices, hart_count);

    let_harts_choose();
    for (unsigned i = 0; i < hart_count; i++) {
        const unsigned number = number_of(harts[(first + i) % hart_count]->current);

        if (number != 0 && number <= ACTORS + 1)
            return &actors[number - 1];
    }
    fail_msg("nobody runs");
    return NULL;
}

/* All but the first and the server mostly take turns, if that is asked for. */
static void act_often(uint64_t seed, bool in_pairs)
{
    struct choices choices = {.seed = seed};

    for (unsigned i = 0; i < ACTS; i++) {
        struct actor *actor;

        disturb(&choices, &actors[choose(&choices, ACTORS)]);
        actor = some_current(&choices);
        if (in_pairs && actor < &actors[SERVER - 1] && !one_in(&choices, 5))
            take_turn(&choices, actor);
        else
            act_somehow(&choices, actor);
    }
}

/* `least`: so often each way has to be a straight one; threads with deadlines go none. */
static void run_world(unsigned hart_number, bool has_deadlines, uint64_t seed, uint64_t least)
{
    const struct host_machine machine = {.harts = hart_number, .asid_bits = 8};
    uint64_t all = 0;

    machine_start(&machine);
    make_world(has_deadlines);
    act_often(seed, false);
    for (unsigned kind = ACT_SIGNAL; kind <= ACT_WAIT; kind++)
        print_message("act %u: %lu, straight %lu\n", kind, (unsigned long)acts_done[kind],
                      (unsigned long)straight[kind]);
    for (unsigned kind = ACT_SIGNAL; kind <= ACT_WAIT; kind++) {
        assert_true(straight[kind] >= least);
        all += straight[kind];
    }
    assert_true(all != 0);
}

static void run_pairs(unsigned hart_number, uint64_t seed)
{
    const struct host_machine machine = {.harts = hart_number, .asid_bits = 8};

    machine_start(&machine);
    make_world(false);
    act_often(seed, true);
    print_message("%lu passed on, straight %lu, %lu of them by the fast path\n",
                  (unsigned long)acts_done[ACT_SIGNAL_WAIT], (unsigned long)straight[ACT_SIGNAL_WAIT],
                  (unsigned long)fast[ACT_SIGNAL_WAIT]);
    assert_true(fast[ACT_SIGNAL_WAIT] > 10 && straight[ACT_SIGNAL_WAIT] > fast[ACT_SIGNAL_WAIT] + 5);
}

static void in_pairs(void **state)
{
    (void)state;
    run_pairs(1, 4);
}

static void in_pairs_on_two_harts(void **state)
{
    (void)state;
    run_pairs(2, 7);
}

static void one_hart(void **state)
{
    (void)state;
    run_world(1, false, 9, 2);
}

static void two_harts(void **state)
{
    (void)state;
    run_world(2, false, 8, 1);
}

static void with_deadlines(void **state)
{
    (void)state;
    run_world(1, true, 14, 0);
}

static void with_deadlines_on_two_harts(void **state)
{
    (void)state;
    run_world(2, true, 5, 0);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_hart),       cmocka_unit_test(two_harts),
        cmocka_unit_test(with_deadlines), cmocka_unit_test(with_deadlines_on_two_harts),
        cmocka_unit_test(in_pairs),       cmocka_unit_test(in_pairs_on_two_harts),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
