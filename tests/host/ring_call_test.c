/* SPDX-License-Identifier: MIT */
/*
 * Calls of a ring to a passive server by their straight ways leave what the usual way would have left: the first, which is made at
 * once; to wait for completions, which leaves the hart to the server; an answer, after which the server goes straight on with the
 * call that follows, once the usual way has made that, or leaves the hart to who waits. Calls are submitted, answered, cancelled and
 * waited for at random; each submission and each answer is one in two machines (doubled.h). What can differ is which worker does what:
 * so of these is compared what they have to do.
 */
#include "doubled.h"
#include "harness_parts.h"
#include "message.h"
#include "ring_user.h"
#include "world_parts.h"

#include <stdio.h>
#include <stdlib.h>

#define ACTS 300

static uint64_t answered, went_straight, submitted, called_straight, waited_straight;

/* ---- what can be seen of a machine ---- */

static void say_thread(FILE *text, const char *name, const struct thread *thread)
{
    const bool receives = (thread->stop & THREAD_RECEIVING) != 0;
    const uint64_t *registers = harness_registers((struct thread *)thread);

    fprintf(text, "%s: stop %u hindrance %u serves a call %d receives %d until %lx:", name, thread->stop,
            thread->hindrance & ~HINDERED_BY_HART, !receives && thread->calls.caller != NULL, receives,
            thread->stop & THREAD_WAITING ? (unsigned long)thread->wait_until_ns : 0);
    for (unsigned number = 0; number < 32 && thread->stop == 0; number++)
        if (number <= 2 || number == 5 || number >= 8)
            fprintf(text, " %lx", (unsigned long)registers[number]);
    fprintf(text, "\n");
}

static void say_worker(FILE *text, const struct thread *worker)
{
    const struct thread_calls *calls = &worker->calls;
    const bool calling = (worker->stop & THREAD_CALLING) != 0;

    fprintf(text, "pending %u: stop %u fails %d follows %d served %d queued %d badge %lu until %lx place %d\n",
            worker->work.tag, worker->stop, worker->work.fails, worker->work.follows,
            calling && calls->callee == server, calls->endpoint != NULL, calling ? (unsigned long)calls->badge : 0,
            (unsigned long)worker->wait_until_ns, worker->place);
}

/* Who runs, and who pays. */
static void say_hart(FILE *text, const struct hart *hart)
{
    const struct thread *payer = hart->payer;

    fprintf(text, "runs: server %d client %d; pays: client %d worker %d\n", hart->current == server,
            hart->current == client, payer == client, payer != NULL && payer->is_worker ? (int)payer->work.tag : -1);
}

static int by_tag(const void *one, const void *other)
{
    const struct thread *const *first = one, *const *second = other;

    return (int)(*first)->work.tag - (int)(*second)->work.tag;
}

static void say_workers(FILE *text, const struct ring *record)
{
    const struct thread *pending[PENDING + 1];
    unsigned count = 0;

    for (const struct list *link = record->workers.next; link != &record->workers; link = link->next) {
        const struct thread *worker = container_of(link, struct thread, calls.ring_link);

        if (worker->work.is_pending)
            pending[count++] = worker;
    }
    qsort(pending, count, sizeof(*pending), by_tag);
    for (unsigned i = 0; i < count; i++)
        say_worker(text, pending[i]);
}

static char *say_machine(void)
{
    const struct ring *record = container_of(object_of(ring), struct ring, object);
    const struct endpoint *served = endpoint_of_server(server);
    char *buffer;
    size_t bytes;
    FILE *text = open_memstream(&buffer, &bytes);

    say_thread(text, "server", server);
    say_thread(text, "client", client);
    say_hart(text, client->hart);
    say_workers(text, record);
    fprintf(text, "owed %lu waiters %u workers %u lead %d\nentries %u of %u\n", (unsigned long)record->owed,
            record->ready.waiter_count, record->worker_count, record->lead == NULL ? -1 : (int)record->lead->work.tag,
            entries->consumer.index, entries->producer.index);
    fprintf(text, "endpoint: calls %d receivers %d\n", served->callers.first != NULL,
            served->ready != NULL || !list_is_empty(&served->receivers));
    for (uint32_t i = completions->consumer.index; i != completions->producer.index; i++) {
        const struct wk_ring_message *message = &completions->messages[i % COMPLETIONS];

        for (unsigned word = 0; word < 8; word++)
            fprintf(text, " %lx", (unsigned long)message->words[word]);
        fprintf(text, "\n");
    }
    fclose(text);
    return buffer;
}

/* ---- acts ---- */

/* A worker whose operation has come to its end, but that no hart has run since; or NULL. */
static struct thread *unfinished_worker(void)
{
    const struct ring *record = container_of(object_of(ring), struct ring, object);

    for (const struct list *link = record->workers.next; link != &record->workers; link = link->next) {
        struct thread *worker = container_of(link, struct thread, calls.ring_link);

        if (worker->work.is_pending && worker->stop == 0)
            return worker;
    }
    return NULL;
}

/* What follows is made, and all that is done is completed. */
static void settle_calls(void)
{
    struct thread *worker;

    settle_ring();
    for (worker = unfinished_worker(); worker != NULL; worker = unfinished_worker()) {
        harness_urge(worker);
        settle_ring();
    }
}

/* How urgent the ring's workers are. */
static uint64_t ring_priority;

/* While ways are compared, the first thread is not to come before the workers, nor beside them, for which it acts otherwise. */
static void set_priorities(uint64_t of_boot, uint64_t of_client)
{
    assert_ok(wk_thread_set_priority(client_handle, of_client));
    assert_ok(wk_thread_set_priority(BOOT_THREAD, of_boot));
}

/* The thread runs, and its hart has nothing else to look after. False: it does not. */
static bool comes_to_run(struct thread *thread)
{
    if (thread->stop != 0 || !try_make_current(thread))
        return false;
    arch_hart_notify(thread->hart);
    host_run();
    return thread->stop == 0 && try_make_current(thread);
}

struct answer {
    uint64_t status;
    uint64_t words[6];
};

static void do_answer(const void *what)
{
    const struct answer *act = what;

    (void)send_as(server, WK_ENDPOINT_REPLY_RECEIVE | WK_MESSAGE_QUICK | WK_MESSAGE_STATUS(act->status), endpoint,
                  act->words, 0);
    settle_calls();
}

static void set_short_ways(bool are_on)
{
    host_takes_fast_path = are_on;
    host_takes_quick_calls = are_on;
}

static void answer(struct choices *choices)
{
    static const struct doubled doubled = {.set_short_way = set_short_ways, .act = do_answer, .say = say_machine};
    const uint64_t before = host_quick_calls;
    struct answer act = {.status = one_in(choices, 4) ? choose(choices, 3) : 0};

    for (unsigned i = 0; i < 6; i++)
        act.words[i] = choose(choices, 1000);
    set_priorities(1, 2);
    if (comes_to_run(server)) {
        doubled_act(&doubled, &act);
        answered++;
        went_straight += host_quick_calls != before;
    }
    set_priorities(ring_priority, ring_priority);
}

struct submission {
    uint64_t wanted;
    uint64_t deadline_ns;
};

static void do_enter(const void *what)
{
    const struct submission *act = what;

    (void)enter_as(client, ENTRIES, act->wanted, act->deadline_ns);
}

/* A call has been made at once: the usual way would have kept the message with the caller as well. */
static bool was_made_at_once(const struct thread *caller)
{
    return caller != NULL && (caller->stop & THREAD_CALLING) && caller->calls.callee == server &&
           arch_context_get(&caller->context, REGISTER_A1) != harness_registers(server)[REGISTER_A1];
}

static void enter_as_client(const struct submission *act)
{
    static const struct doubled doubled = {.set_short_way = set_short_ways, .act = do_enter, .say = say_machine};
    const struct ring *record = container_of(object_of(ring), struct ring, object);
    const struct thread *lead = record->lead;
    struct hart *hart = client->hart;

    set_priorities(1, ring_priority + 1);
    if (comes_to_run(client)) {
        hart->left = NULL; /* only who goes straight leaves anybody there */
        doubled_act(&doubled, act);
        submitted++;
        called_straight += record->lead != lead && was_made_at_once(record->lead);
        waited_straight += hart->left == client;
    }
    set_priorities(ring_priority, ring_priority);
}

static void submit(struct choices *choices)
{
    static uint32_t tag;
    const struct submission act = {
        .wanted = one_in(choices, 5) ? UINT64_MAX : choose(choices, PENDING + 2),
        .deadline_ns = one_in(choices, 3) ? host_time_ns + choose(choices, 5000) : NEVER,
    };

    for (uint64_t left = 1 + choose(choices, 5); left != 0 && entries->producer.index - taken() < ENTRIES; left--) {
        if (one_in(choices, 12))
            put(WK_RING_NOOP, 0, ring, tag++, 0, 0, 0);
        else if (one_in(choices, 20) && left > 1)
            put(ASK, WK_RING_LINK, session, tag++, choose(choices, 1000), 0, 0);
        else if (one_in(choices, 20))
            put_message(ASK, WK_MESSAGE_ACCEPT(1), session, tag++, choose(choices, 1000));
        else
            put(one_in(choices, 10) ? ASK + 1 : ASK, 0, session, tag++, choose(choices, 1000), choose(choices, 1000),
                1);
    }
    if (client->stop == 0)
        enter_as_client(&act);
    else
        (void)enter(ENTRIES, 0);
    settle_calls();
}

static uint32_t pending_tag(struct choices *choices)
{
    const struct ring *record = container_of(object_of(ring), struct ring, object);
    const struct list *link = record->workers.next;

    for (uint64_t left = choose(choices, PENDING); left != 0; left--)
        link = link->next;
    return link == &record->workers ? 0 : container_of(link, struct thread, calls.ring_link)->work.tag;
}

static void disturb(struct choices *choices)
{
    uint64_t count;

    switch (choose(choices, 60)) {
    case 0:
        assert_ok(wk_ring_cancel(ring, pending_tag(choices), &count));
        break;
    case 1:
        assert_ok(wk_capability_delete(session));
        session = make_session(endpoint, BADGE + choose(choices, 10));
        break;
    case 2:
    case 6:
    case 7:
        assert_ok(wk_ring_bind(ring, one_in(choices, 4) ? event : 0, 1));
        break;
    case 3:
    case 8:
        assert_ok(wk_thread_set_budget(server_handle, one_in(choices, 3) ? BOOT_BUDGET : 0));
        break;
    case 4:
    case 9:
    case 10:
        if (middle == NULL && !one_in(choices, 3))
            break;
        if (middle == NULL)
            middle = spawn(SERVER_PRIORITY, &middle_handle);
        if (middle->stop == 0)
            (void)receive_as(middle, endpoint);
        else if (middle->stop & THREAD_RECEIVING)
            assert_ok(wk_thread_stop(middle_handle));
        if (middle->stop & THREAD_ENDED)
            middle = NULL;
        break;
    case 5:
        completions->consumer.sleeps++;
        break;
    case 11:
    case 12:
    case 13:
        host_time_pass_to(host_time_ns + choose(choices, 3000));
        break;
    default:
        break;
    }
    settle_calls();
}

/* Disturbed once in `calm` acts. */
static void run(uint64_t seed, uint64_t calm)
{
    struct choices choices = {.seed = seed};

    answered = went_straight = submitted = called_straight = waited_straight = 0;
    middle = NULL;
    ring_priority = boot->priority;
    make_server_passive();
    for (unsigned i = 0; i < ACTS; i++) {
        if (one_in(&choices, calm))
            disturb(&choices);
        if (one_in(&choices, 3))
            submit(&choices);
        completions->consumer.index +=
            (uint32_t)choose(&choices, completions->producer.index - completions->consumer.index + 1);
        if (server->budget != NULL && !(server->stop & THREAD_RECEIVING))
            assert_ok(wk_thread_set_budget(server_handle, one_in(&choices, 2) ? BOOT_BUDGET : 0));
        for (uint64_t left = 1 + choose(&choices, 4); left != 0; left--)
            answer(&choices);
    }
    print_message(
        "%lu answers compared, %lu of them straight; %lu submissions, with %lu calls and %lu waits straight\n",
        (unsigned long)answered, (unsigned long)went_straight, (unsigned long)submitted, (unsigned long)called_straight,
        (unsigned long)waited_straight);
    assert_true(went_straight > answered / 20);
    assert_true(called_straight > submitted / 20 && waited_straight > submitted / 20);
}

static void calls_go_on_straight(void **state)
{
    (void)state;
    run(1, 1);
}

static void calls_go_on_straight_otherwise(void **state)
{
    (void)state;
    run(2, 1);
}

static void calls_go_on_straight_if_little_disturbs(void **state)
{
    (void)state;
    run(3, 20);
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        ring_test(calls_go_on_straight),
        ring_test(calls_go_on_straight_otherwise),
        ring_test(calls_go_on_straight_if_little_disturbs),
    };

    return run_machine_tests(count, arguments, tests, sizeof(tests) / sizeof(*tests));
}
