/* SPDX-License-Identifier: MIT */
#include "world_parts.h"

#include "forest.h"
#include "ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAMS 3
#define BANK_PAGES 6000
#define PROGRAM_PAGES 900
#define TIM_PAGES 5 /* of each program */
#define THREADS 4   /* of each */
#define THREADS_MAX 64

uint64_t world_invocations;
int world_is_loud;

static struct thread *manager;
static wk_handle world_bank;
static wk_handle programs[PROGRAMS];
static wk_handle endpoints[PROGRAMS];
static char *state_before;

/* ---- who acts ---- */

enum who { WHO_ACTS, WHO_HAS_STEPS };

/* Those with user code, or with something to finish; a poller never has finished. */
static bool is_wanted(const struct thread *thread, enum who who)
{
    if (who == WHO_ACTS)
        return !thread->is_worker;
    return thread->operation.step != NULL && !(thread->is_worker && thread->work.ring->poller == thread);
}

static unsigned threads_of_programs(struct thread *threads[THREADS_MAX], enum who who)
{
    unsigned count = 0;

    for (const struct list *link = object_all.next; link != &object_all && count < THREADS_MAX; link = link->next) {
        const struct object *object = container_of(link, struct object, all_link);
        struct thread *thread;

        if (object->type != WK_TYPE_THREAD)
            continue;
        thread = container_of((struct object *)object, struct thread, object);
        if (thread != manager && thread->process != NULL && is_wanted(thread, who) && can_come_to_run(thread))
            threads[count++] = thread;
    }
    return count;
}

static struct thread *some_thread(struct choices *choices)
{
    struct thread *threads[THREADS_MAX];
    const unsigned count = threads_of_programs(threads, WHO_ACTS);

    return count == 0 ? NULL : threads[choose(choices, count)];
}

const struct interface_operation *some_operation(struct choices *choices)
{
    const struct interface_operation *operation = &interface_operations[choose(choices, INTERFACE_OPERATION_COUNT)];

    if (operation->is_service || operation->number == WK_MACHINE_POWER_OFF || operation->number == WK_MACHINE_REBOOT)
        return NULL;
    /* What takes much apart comes seldom, so that there is something to take apart. */
    if ((operation->number == WK_BANK_DESTROY || operation->number == WK_PROCESS_KILL ||
         operation->number == WK_THREAD_STOP || operation->number == WK_PROCESS_SUSPEND ||
         operation->number == WK_CAPABILITY_DELETE) &&
        !one_in(choices, 8))
        return NULL;
    return operation;
}

void choose_words(struct choices *choices, const struct process *process, const struct interface_operation *operation,
                  uint64_t words[6])
{
    for (unsigned i = 0; i < operation->in_count; i++)
        words[i] = some_word(choices, process, &operation->in[i]);
    if (operation->number == WK_BUDGET_SPLIT)
        choose_budget_words(choices, &words[1]);
    if (operation->number == WK_BUDGET_ADJUST)
        choose_budget_words(choices, &words[0]);
    if (operation->number == WK_PROCESS_SET_FAULT_HANDLER)
        words[0] = some_handle(choices, process, WK_TYPE_SESSION);
}

/* ---- acts ---- */

void say(const char *what, const struct thread *thread, const uint64_t *words)
{
    if (!world_is_loud)
        return;
    printf("%s: thread %lu of process %lu", what, (unsigned long)thread->object.identity,
           thread->process == NULL ? 0 : (unsigned long)thread->process->object.identity);
    for (unsigned i = 0; words != NULL && i < 7; i++)
        printf(" %#lx", (unsigned long)words[i]);
    printf("\n");
    fflush(stdout);
}

/* An invocation by a thread that can make one; sometimes it is left unfinished, for others to act meanwhile. */
static void act_invoke(struct choices *choices, struct thread *thread)
{
    const struct interface_operation *operation =
        one_in(choices, 8) ? some_mailbox_operation(choices) : some_operation(choices);
    uint64_t words[7] = {0};
    enum wk_status status;

    if (operation == NULL || operation->is_message || thread->operation.step != NULL)
        return;
    words[0] = some_handle(choices, thread->process, operation->type);
    choose_words(choices, thread->process, operation, &words[1]);
    if (operation->number == WK_MAILBOX_TAKE || operation->number == WK_MAILBOX_WITHDRAW)
        choose_ticket_words(choices, thread->process, words);
    say(operation->name, thread, words);
    world_invocations++;
    if (operation->is_long && one_in(choices, 3)) {
        struct thread *rival = some_thread(choices);

        invoke_partly(thread, operation->number, words[0], &words[1], (unsigned)choose(choices, 12),
                      rival == thread ? NULL : rival);
        check_kernel();
        return;
    }
    act_as(thread);
    forest_expect(thread->process, operation->number, words[0], &words[1]);
    status = wk_trap(operation->number, words[0], &words[1]);
    if (world_is_loud)
        printf("    %s\n", status == NOT_ANSWERED ? "no answer" : interface_status_names[status]);
    forest_compare(status, words[1]);
}

static void act_access(struct choices *choices, struct thread *thread)
{
    const uint64_t address = some_address(choices);
    const uint64_t word = choose(choices, 256);
    uint64_t found;

    /* An access that nothing answers may end the process: that comes seldom. */
    if (thread->operation.step != NULL || (mapping_find(thread->process, address) == NULL &&
                                           !one_in(choices, thread->process->fault_slot.handle != 0 ? 8 : 40)))
        return;
    say("access", thread, (uint64_t[7]){address});
    act_as(thread);
    switch (choose(choices, 5)) {
    case 0:
        (void)user_fetch(address);
        break;
    case 1:
        (void)user_load(address, &found, sizeof(found));
        break;
    default:
        (void)user_store(address, &word, sizeof(word));
        break;
    }
}

static void act_trap(struct choices *choices, struct thread *thread)
{
    if (thread->operation.step != NULL)
        return;
    say("trap", thread, NULL);
    act_as(thread);
    make_current(thread);
    if (one_in(choices, 3)) {
        user_set_register(0, thread->process->upcall_return);
        user_set_register(5, thread->call_frame_address + choose(choices, 2) * WK_FRAME_BYTES);
        user_foreign_call(0);
    } else if (one_in(choices, 2)) {
        user_foreign_call(choose(choices, 4096));
    } else {
        host_fault(thread->hart, (enum wk_upcall_cause)(WK_UPCALL_CAUSE_ILLEGAL_INSTRUCTION + choose(choices, 3)),
                   0x10100);
        settle();
        check_kernel();
    }
}

static void act_go_on(struct choices *choices, struct thread *thread)
{
    if (thread->operation.step == NULL)
        return;
    say("goes on", thread, NULL);
    step_partly(thread, (unsigned)choose(choices, 6), some_thread(choices));
    check_kernel();
}

static void act_machine(struct choices *choices)
{
    if (one_in(choices, 3))
        host_irq_raise(1 + (unsigned)choose(choices, 8));
    else
        host_time_pass_to(host_time_ns + choose(choices, 40) * 1000000);
    check_kernel();
}

/* A process with some threads, which holds capabilities to most things, itself and the others among them. Takes the place
 * of the one before. */
static void make_program(uint64_t index)
{
    wk_handle bank, machine, made, event, handle, thread, tim;

    act_as(manager);
    if (slot_of(world_bank) == NULL || wk_bank_split(world_bank, PROGRAM_PAGES, WK_BANK_KIND_RAM, &bank) != WK_OK)
        return;
    if (slot_of(programs[index]) != NULL)
        (void)wk_capability_delete(programs[index]); /* unless somebody is just destroying it */
    machine = duplicate(BOOT_MACHINE, ALL_RIGHTS & ~(uint64_t)WK_MACHINE_RIGHT_POWER);
    assert_ok(wk_process_create(bank, 0, 0, &programs[index]));
    for (unsigned i = 0; i < THREADS; i++) {
        assert_ok(wk_thread_create(programs[index], PRIORITY, &thread));
        assert_ok(wk_thread_start(thread, 0x10100, 0, 0, 0, 0));
        assert_ok(wk_process_grant(programs[index], thread, WK_TRANSFER_GIVE, ALL_RIGHTS, &handle));
    }
    assert_ok(wk_event_create(bank, &event));
    make_traffic(programs[index], bank, event, index, &endpoints[index]);
    assert_ok(wk_process_grant(programs[index], event, WK_TRANSFER_GIVE, ALL_RIGHTS, &handle));
    for (unsigned i = 0; i < 2; i++) {
        assert_ok(i == 0 ? wk_memory_create(bank, 12, 0, &made) : wk_memory_create(bank, 600, ON_DEMAND, &made));
        assert_ok(wk_process_grant(programs[index], made, WK_TRANSFER_GIVE, ALL_RIGHTS, &handle));
    }
    if (wk_bank_split_with_payer(BOOT_TIM, bank, TIM_PAGES, &tim) == WK_OK) { /* unless others still have it */
        assert_ok(wk_memory_create(tim, 2, 0, &made));
        assert_ok(wk_process_grant(programs[index], made, WK_TRANSFER_GIVE, ALL_RIGHTS, &handle));
        assert_ok(wk_process_grant(programs[index], tim, WK_TRANSFER_GIVE, ALL_RIGHTS, &handle));
    }
    assert_ok(wk_process_grant(programs[index], bank, WK_TRANSFER_GIVE, ALL_RIGHTS, &handle));
    assert_ok(wk_process_grant(programs[index], machine, WK_TRANSFER_GIVE, ALL_RIGHTS, &handle));
    assert_ok(wk_process_grant(programs[index], BOOT_TRACE, WK_TRANSFER_LEND, ALL_RIGHTS, &handle));
    share_mailbox(programs[index]);
    for (unsigned i = 0; i < PROGRAMS; i++) {
        /* One that somebody is just destroying may be left in the table. */
        if (slot_of(programs[i]) == NULL || !object_is_live(object_of(programs[i])))
            continue;
        assert_ok(wk_process_grant(programs[index], programs[i], WK_TRANSFER_DUP, ALL_RIGHTS, &handle));
        make_known(endpoints[i], programs[index]);
        make_known(endpoints[index], programs[i]);
    }
}

static void act(struct choices *choices)
{
    struct thread *thread = some_thread(choices);

    if (thread == NULL || one_in(choices, 24)) {
        if (one_in(choices, 3))
            make_program(choose(choices, PROGRAMS));
        else
            act_machine(choices);
        return;
    }
    if (thread->operation.step == NULL && !try_make_current(thread))
        return;
    switch (choose(choices, 20)) {
    case 16:
    case 17:
    case 18:
    case 19:
        act_ring(choices, thread, some_thread(choices));
        break;
    case 10:
    case 11:
    case 12:
    case 13:
    case 14:
    case 15:
        act_message(choices, thread, some_thread(choices));
        break;
    case 7:
    case 8:
        act_access(choices, thread);
        break;
    case 9:
        if (one_in(choices, 16) || (one_in(choices, 2) && thread->call_frame != NULL))
            act_trap(choices, thread);
        else
            act_go_on(choices, thread);
        break;
    default:
        act_invoke(choices, thread);
        break;
    }
}

/* ---- beginning and end ---- */

void world_prepare(void)
{
    manager = actor();
}

static void let_all_finish(void)
{
    for (unsigned tries = 0; check_operation_under_way(); tries++) {
        struct thread *threads[THREADS_MAX];

        if (tries == 100000)
            fail_msg("operations do not come to an end");
        settle();
        if (threads_of_programs(threads, WHO_HAS_STEPS) == 0)
            return; /* those that are left are passive, and nobody runs for them */
        step_partly(threads[0], 0, NULL);
    }
}

void world_run(struct choices *choices, unsigned acts)
{
    act_as(manager);
    state_before = check_state_text();
    world_bank = make_bank(BOOT_BANK, BANK_PAGES);
    make_budgets(world_bank);
    make_mailbox(world_bank);
    for (unsigned i = 0; i < PROGRAMS; i++)
        make_program(i);
    for (unsigned i = 0; i < acts && choices_are_left(choices); i++)
        act(choices);
    if (one_in(choices, 2))
        let_all_finish();
    act_as(manager);
    assert_ok(wk_bank_destroy(world_bank));
    wk_trace_stop(BOOT_TRACE);
    assert_ok(wk_machine_inspect_start(BOOT_MACHINE));
    host_console_clear();
    assert_state_is(state_before);
}
