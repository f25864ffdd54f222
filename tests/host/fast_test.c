/* SPDX-License-Identifier: MIT */
/*
 * The fast path of calls, and the quick one of those that are somewhat special and of faults, leave what the slow path
 * would have left. Clients and servers do at random what they can do to each other; before each call, answer and fault
 * the whole machine is doubled (fork): in the copy both are off, in the other now and then the fast one. Then all that
 * anybody can see of the two machines has to be the same, and what the kernel remembers, but for pointers that mean
 * nothing in their state, and registers that an invocation loses.
 */
#include "doubled.h"

#include "fault.h"
#include "lock.h"
#include "schedule.h"
#include "world_parts.h"

#include <stdio.h>
#include <stdlib.h>

#define SERVERS 3
#define CLIENTS 3
#define ACTORS (SERVERS + CLIENTS)
#define ACTS 500
#define OPERATION 0x2000
#define PAGES 200
#define THINGS 5

/* A program that may serve its endpoint, and call by sessions of all endpoints. */
struct actor {
    struct program program;
    wk_handle endpoint;
    wk_handle sessions[SERVERS];
    wk_handle things[THINGS]; /* to lend and to give */
};

static struct actor actors[ACTORS];
static uint64_t compared, fast, quick, lent, taken_back, told, answered;

static struct thread *thread_of_actor(unsigned actor)
{
    return actors[actor].program.thread_record;
}

static void give_things(struct actor *actor)
{
    const wk_handle things[THINGS] = {make_event(BOOT_BANK), make_memory(BOOT_BANK, 1, 0), BOOT_BANK,
                                      make_endpoint(BOOT_BANK), make_event(BOOT_BANK)};

    for (unsigned i = 0; i < THINGS; i++)
        actor->things[i] = program_grant(&actor->program, things[i],
                                         i == THINGS - 1 ? WK_TRANSFER_GIVE : WK_TRANSFER_LEND, ALL_RIGHTS);
}

static void make_actors(void)
{
    wk_handle endpoints[SERVERS];

    assert_ok(wk_thread_set_priority(BOOT_THREAD, 1));
    for (unsigned i = 0; i < SERVERS; i++)
        endpoints[i] = make_endpoint(BOOT_BANK);
    assert_ok(wk_endpoint_accept(endpoints[0], 1 << WK_TYPE_EVENT | 1 << WK_TYPE_MEMORY, 1));
    assert_ok(wk_endpoint_accept(endpoints[1], 0xffff, 6));
    for (unsigned i = 0; i < ACTORS; i++) {
        struct actor *actor = &actors[i];

        actor->program = program_make(PAGES, 13);
        for (unsigned j = 0; j < SERVERS; j++)
            actor->sessions[j] =
                program_grant(&actor->program, make_session(endpoints[j], 100 * i + j), WK_TRANSFER_GIVE, ALL_RIGHTS);
        give_things(actor);
        assert_ok(wk_process_set_fault_handler(actor->program.process, actor->sessions[(i + 1) % SERVERS]));
        if (i >= SERVERS)
            continue;
        actor->endpoint = program_grant(&actor->program, endpoints[i], WK_TRANSFER_LEND, ALL_RIGHTS);
        assert_status(receive_as(thread_of_actor(i), actor->endpoint), NOT_ANSWERED);
        make_passive(actor->program.thread);
    }
}

/* ---- what can be seen of a machine ---- */

static unsigned number_of(const struct thread *thread)
{
    for (unsigned i = 0; i < ACTORS; i++)
        if (thread_of_actor(i) == thread)
            return i + 1;
    return 0;
}

static void say_thread(FILE *text, const struct thread *thread)
{
    const struct thread_calls *calls = &thread->calls;
    const bool receives = (thread->stop & THREAD_RECEIVING) != 0;
    const bool calling = (thread->stop & THREAD_CALLING) != 0;

    fprintf(
        text,
        "thread %u: stop %u hindrance %u depth %u place %u caller %u callee %u serves %d queued %d badge %lu loans %u "
        "until %lx:",
        number_of(thread), thread->stop, thread->hindrance, receives ? 0 : thread->depth, thread->place,
        receives ? 0 : number_of(calls->caller), calling ? number_of(calls->callee) : 0, calls->serving != NULL,
        calls->endpoint != NULL, calls->endpoint != NULL ? (unsigned long)calls->badge : 0, thread->loan_count,
        (unsigned long)thread->wait_until_ns);
    say_registers(text, thread);
    fprintf(text, "\n");
}

static void say_capability(FILE *text, const struct capability *slot)
{
    const struct capability *parent = slot->parent;

    fprintf(text, " %lx object %lu word %x", (unsigned long)capability_handle(slot),
            (unsigned long)slot->object->identity, slot->word);
    if (parent != NULL)
        fprintf(text, " of %lx in %lu", (unsigned long)capability_handle(parent),
                (unsigned long)capability_process(parent)->object.identity);
    fprintf(text, "\n");
}

/* What is in a table, and in which order its free slots will be used. */
static void say_table(FILE *text, const struct capability_table *table)
{
    for (uint32_t index = 0; index < table->made; index++)
        if (capability_slot(table, index)->object != NULL)
            say_capability(text, capability_slot(table, index));
    fprintf(text, " %u, free", table->count);
    for (const struct capability *slot = table->free_head; slot != NULL; slot = slot->next_free)
        fprintf(text, " %lx", (unsigned long)slot->next_handle);
    fprintf(text, "\n");
}

static char *say_machine(void)
{
    char *rest = check_state_text();
    char *buffer;
    size_t bytes;
    FILE *text = open_memstream(&buffer, &bytes);

    for (unsigned i = 0; i < ACTORS; i++)
        say_thread(text, thread_of_actor(i));
    for (unsigned i = 0; i < ACTORS; i++)
        say_table(text, &actors[i].program.process_record->table);
    for (unsigned i = 0; i < hart_count; i++)
        fprintf(text, "hart %u: current %u payer %u attention %lx root %lx charged %lu\n", i,
                number_of(harts[i]->current), number_of(harts[i]->payer), (unsigned long)harts[i]->attention.any,
                (unsigned long)harts[i]->arch.root.address, (unsigned long)harts[i]->charged_ns);
    fputs(rest, text);
    fclose(text);
    free(rest);
    return buffer;
}

/* ---- acts ---- */

/* A call or an answer; or with operation 0, a fault that is told to another. */
struct message_to_send {
    unsigned actor;
    uint64_t operation;
    wk_handle handle;
    uint64_t words[6];
    uint64_t deadline;
    bool may_be_fast;
};

static void do_act(const void *what)
{
    const struct message_to_send *act = what;
    struct thread *thread = thread_of_actor(act->actor);
    uint32_t holds;

    if (act->operation == 0) {
        make_current(thread);
        holds = kernel_lock.serving;
        host_fault(thread->hart, WK_UPCALL_CAUSE_BREAKPOINT, act->words[0]);
        told += kernel_lock.serving - holds == 1 && fault_is_told(thread); /* the slow way has at least two holds */
        settle();
        check_kernel();
        return;
    }
    (void)send_as(thread_of_actor(act->actor), act->operation, act->handle, act->words, act->deadline);
}

static void set_short_ways(bool are_on)
{
    host_takes_fast_path = are_on;
    host_takes_quick_calls = are_on;
}

static bool is_server(unsigned actor)
{
    return actor < SERVERS;
}

static bool serves_fault(unsigned actor)
{
    const struct thread *caller = thread_of_actor(actor)->calls.caller;

    return caller != NULL && fault_is_told(caller);
}

static void compare(const struct message_to_send *act)
{
    static const struct doubled doubled = {.set_short_way = set_short_ways, .act = do_act, .say = say_machine};
    const uint64_t fast_before = host_fast_paths, quick_before = host_quick_calls;
    const struct thread *caller = thread_of_actor(act->actor)->calls.caller;
    const bool has_loan = caller != NULL && caller->loan_count != 0;
    const bool has_fault = serves_fault(act->actor);

    host_takes_fast_path = act->may_be_fast;
    doubled_act(&doubled, act);
    host_takes_fast_path = true;
    compared++;
    fast += host_fast_paths - fast_before;
    if (host_quick_calls != quick_before) {
        quick++;
        answered += has_fault && is_server(act->actor);
        lent += WK_MESSAGE_CAPABILITIES(act->operation) != 0;
        taken_back += has_loan && (act->operation & WK_MESSAGE_OPERATION) == WK_ENDPOINT_REPLY_RECEIVE;
    }
}

static void add_capabilities(struct choices *choices, struct message_to_send *act)
{
    do {
        const unsigned word = (unsigned)choose(choices, one_in(choices, 2) ? 6 : 2);

        act->operation |= WK_MESSAGE_CAPABILITY(word);
        if (one_in(choices, 10))
            act->operation |= WK_MESSAGE_GIVE(word);
        if (!one_in(choices, 10))
            act->words[word] = actors[act->actor].things[choose(choices, THINGS)];
    } while (one_in(choices, 5));
}

/* What the server has of the caller's loans, or 0. */
static wk_handle borrowed(unsigned actor)
{
    const struct capability_table *table = &actors[actor].program.process_record->table;
    const struct thread *caller = thread_of_actor(actor)->calls.caller;

    if (caller == NULL || caller->loan_count == 0)
        return 0;
    for (uint32_t index = 0; index < table->made; index++) {
        const struct capability *slot = capability_slot(table, index);

        if (slot->object != NULL && slot->parent != NULL && capability_process(slot->parent) == caller->process &&
            capability_handle(slot->parent) == caller->operation.loans[0])
            return capability_handle(slot);
    }
    return 0;
}

/* Now and then a server does something with what it has borrowed. */
static void use_loan(struct choices *choices, unsigned actor)
{
    const wk_handle handle = borrowed(actor);
    struct message_to_send act = {.actor = actor, .handle = handle, .words = {ALL_RIGHTS}};

    if (handle == 0 || !one_in(choices, 3))
        return;
    act.operation = one_in(choices, 2) ? WK_CAPABILITY_LEND : WK_CAPABILITY_DELETE;
    compare(&act);
}

static void send_something(struct choices *choices, unsigned actor)
{
    struct message_to_send act = {.actor = actor, .may_be_fast = one_in(choices, 2)};
    const bool answers = is_server(actor) && choose(choices, 3) != 0;

    for (unsigned i = 0; i < 6; i++)
        act.words[i] = choose(choices, 1000);
    act.operation = answers ? WK_ENDPOINT_REPLY_RECEIVE | (one_in(choices, 2) ? WK_MESSAGE_QUICK : 0)
                            : OPERATION + choose(choices, 8);
    act.handle = answers ? actors[actor].endpoint : actors[actor].sessions[choose(choices, SERVERS)];
    if (!is_server(actor) && one_in(choices, 6)) {
        act.operation = 0;
        compare(&act);
        return;
    }
    if (one_in(choices, answers ? 20 : 6)) {
        act.operation |= WK_MESSAGE_DEADLINE;
        act.deadline = host_time_ns + 1 + choose(choices, 10000);
    }
    if (one_in(choices, answers && serves_fault(actor) ? 60 : 4)) /* a process ends by the answer */
        act.operation |= answers ? WK_MESSAGE_STATUS(choose(choices, 3)) : WK_MESSAGE_ACCEPT(0xffff);
    if (one_in(choices, answers ? 12 : 2))
        add_capabilities(choices, &act);
    compare(&act);
}

static void act_somehow(struct choices *choices, unsigned actor)
{
    use_loan(choices, actor);
    send_something(choices, actor);
}

/* Something that decides whether the next act is for the fast path. */
static void disturb(struct choices *choices, unsigned actor)
{
    const struct program *program = &actors[actor].program;

    switch (choose(choices, 40)) {
    case 0:
        (void)wk_process_suspend(program->process);
        break;
    case 1:
        (void)wk_thread_set_budget(program->thread, BOOT_BUDGET);
        break;
    case 2:
    case 3:
        (void)wk_thread_set_budget(program->thread, is_server(actor) ? 0 : BOOT_BUDGET);
        break;
    case 4:
        if (one_in(choices, 8) && try_make_current(thread_of_actor(actor)))
            host_fp_written(thread_of_actor(actor)->hart);
        break;
    case 6:
    case 7:
    case 8:
    case 9:
        (void)wk_thread_set_priority(program->thread, 10 + choose(choices, 4));
        break;
    case 5:
        host_time_pass_to(host_time_ns + 1000);
        break;
    default:
        break;
    }
}

/* The harts run what they should: to make a thread act, the harness has changed priorities. */
static void let_harts_choose(void)
{
    for (unsigned i = 0; i < hart_count; i++)
        arch_hart_notify(harts[i]);
    host_run();
}

/* An actor that some hart runs. If none does, those who were suspended go on, and time-outs come. */
static unsigned some_actor(struct choices *choices)
{
    for (unsigned tries = 0; tries < 100; tries++) {
        const unsigned first = (unsigned)choose(choices, hart_count);

        let_harts_choose();
        for (unsigned i = 0; i < hart_count; i++) {
            const struct thread *current = harts[(first + i) % hart_count]->current;

            if (current != NULL && number_of(current) != 0)
                return number_of(current) - 1;
        }
        for (unsigned i = 0; i < ACTORS; i++)
            (void)wk_process_resume(actors[i].program.process);
        host_time_pass_to(host_time_ns + 20000);
    }
    fail_msg("nobody can act any more");
    return 0;
}

static void run_world(unsigned hart_number, uint64_t seed)
{
    const struct host_machine machine = {.harts = hart_number, .asid_bits = seed % 8 == 7 ? 0 : 8};
    struct choices choices = {.seed = seed};

    machine_start(&machine);
    make_actors();
    for (unsigned i = 0; i < ACTS; i++) {
        disturb(&choices, (unsigned)choose(&choices, ACTORS));
        act_somehow(&choices, some_actor(&choices));
    }
    print_message(
        "%lu messages compared, %lu of them by the fast path, %lu quick, %lu of which lent and %lu took back; "
        "%lu faults told and %lu answered quickly\n",
        (unsigned long)compared, (unsigned long)fast, (unsigned long)quick, (unsigned long)lent,
        (unsigned long)taken_back, (unsigned long)told, (unsigned long)answered);
    assert_true(fast > compared / 80 || machine.asid_bits == 0);
    assert_true((quick > compared / 20 && lent > 1 && taken_back > 1) || machine.asid_bits == 0);
    assert_true((told > 1 && answered > 1) || machine.asid_bits == 0);
}

static void one_hart(void **state)
{
    (void)state;
    run_world(1, 1);
}

static void one_hart_otherwise(void **state)
{
    (void)state;
    run_world(1, 22);
}

static void two_harts(void **state)
{
    (void)state;
    run_world(2, 3);
}

static void without_address_space_identifiers(void **state)
{
    (void)state;
    run_world(1, 7);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_hart),
        cmocka_unit_test(one_hart_otherwise),
        cmocka_unit_test(two_harts),
        cmocka_unit_test(without_address_space_identifiers),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
