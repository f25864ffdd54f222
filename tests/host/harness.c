/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include "harness_parts.h"
#include "lock.h"
#include "schedule.h"
#include "trap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often a thread is made current again until its operation is done. */
#define PATIENCE 1000
/* The priority of whoever is to run; above it is only a rival's. */
#define URGENT 254
#define RIVAL 255

uint64_t answer_words[6];
uint64_t answer_kind, answer_badge, answer_operation;
/* t0 of the next invocation, if it is not 0. */
uint64_t harness_deadline;

static struct thread *acting;

/* ---- acting ---- */

void act_as(struct thread *thread)
{
    acting = thread;
}

struct thread *actor(void)
{
    return acting;
}

bool is_waiting(const struct thread *thread)
{
    return (thread->stop & THREAD_WAITS) != 0;
}

static bool runs(const struct thread *thread)
{
    return thread->hart->current == thread && thread->hart->arch.state == HOST_STATE_USER;
}

/* Whether the object still exists, by the only thing that tells it from another at its place. */
bool object_exists(uint64_t identity)
{
    for (const struct list *link = object_all.next; link != &object_all; link = link->next)
        if (container_of(link, struct object, all_link)->identity == identity)
            return true;
    return false;
}

/* A reaper is no object of the list, and stays. */
static bool still_exists(const struct thread *thread, uint64_t identity)
{
    return identity == 0 || (object_exists(identity) && thread->object.identity == identity);
}

static void give_priority(struct thread *thread, uint8_t priority)
{
    kernel_lock_acquire();
    schedule_set_priority(thread, priority);
    if (thread->wait_event != NULL)
        event_wait_requeue(thread);
    if (thread->budget != NULL)
        deadline_urge(&thread->wait_deadline, deadline_class(thread->budget->hart, priority));
    kernel_lock_release();
    /* The hart may be out of the kernel, where nothing but an interrupt tells it. */
    for (unsigned i = 0; i < hart_count; i++)
        if (harts[i]->attention.timer_moved || harts[i]->attention.reschedule)
            arch_hart_notify(harts[i]);
}

/* Back to the priority that the thread has of its own, unless it inherits another inside an operation. */
static void give_priority_back(struct thread *thread, uint64_t identity, uint8_t before)
{
    if (!still_exists(thread, identity))
        return;
    if (thread->operation.step == NULL || before < thread->own_priority) /* which may be another now */
        before = thread->own_priority;
    give_priority(thread, before);
}

/* A hart that waits for another rests for a moment now and then; but time stands still. */
static void wake_resting_harts(void)
{
    for (unsigned i = 0; i < hart_count; i++)
        if (harts[i]->current != NULL && harts[i]->arch.state == HOST_STATE_ASLEEP)
            arch_hart_notify(harts[i]);
}

static void urge_payer(struct thread *thread)
{
    struct hart *before = host_hart;
    const uint64_t identity = thread->object.identity;
    const uint8_t priority = thread->priority;

    host_hart = thread->budget->hart;
    kernel_lock_acquire();
    if (host_hart->current != NULL && host_hart->payer != thread && host_hart->payer->priority == URGENT)
        schedule_yield(host_hart->current);
    kernel_lock_release();
    give_priority(thread, URGENT);
    arch_hart_notify(host_hart);
    wake_resting_harts();
    host_run();
    give_priority_back(thread, identity, priority);
    host_hart = before;
}

void harness_urge(struct thread *thread)
{
    const uint64_t identity = thread->object.identity;
    struct thread *payer = harness_payer(thread);

    if (payer == NULL)
        return;
    harness_wait_for_means(payer);
    if (!still_exists(thread, identity))
        return; /* something happened meanwhile */
    payer = harness_payer(thread);
    if (payer != NULL)
        urge_payer(payer);
}

bool can_come_to_run(struct thread *thread)
{
    return thread_is_runnable(thread) && harness_payer(thread) != NULL;
}

bool try_make_current(struct thread *thread)
{
    const uint64_t identity = thread->object.identity;

    for (unsigned tries = 0; still_exists(thread, identity) && can_come_to_run(thread); tries++) {
        if (runs(thread))
            return true;
        if (tries == PATIENCE)
            fail_msg("the thread does not come to run");
        harness_urge(thread);
    }
    return false;
}

void make_current(struct thread *thread)
{
    if (!try_make_current(thread))
        fail_msg("the thread cannot run");
}

/* Whether the reapers have anything to do. */
static struct thread *busy_reaper(void)
{
    for (unsigned i = 0; i < hart_count; i++)
        if (harts[i]->reaper->operation.step != NULL)
            return harts[i]->reaper;
    return NULL;
}

void settle(void)
{
    struct thread *reaper = busy_reaper();

    for (unsigned tries = 0; reaper != NULL; tries++, reaper = busy_reaper()) {
        if (tries == PATIENCE)
            fail_msg("a reaper does not get done");
        harness_urge(reaper);
    }
}

static bool can_answer(const struct thread *thread)
{
    return (thread->stop & (THREAD_WAITS | THREAD_ENDED)) == 0 && thread->operation.step == NULL;
}

/* Loads registers that nobody could mistake for another's, and the invocation. */
static void load_registers(struct hart *hart, uint64_t operation, wk_handle handle, const uint64_t words[6])
{
    static uint64_t different = 0x1000;

    for (unsigned number = 1; number < 32; number++)
        hart->arch.x[number] = different++ << 8 | number;
    hart->arch.x[0] = 0x10100;
    hart->arch.x[10] = handle;
    memcpy(&hart->arch.x[11], words, 6 * sizeof(*words));
    hart->arch.x[17] = operation;
    if (harness_deadline != 0)
        hart->arch.x[5] = harness_deadline;
    harness_deadline = 0;
}

const uint64_t *harness_registers(const struct thread *thread)
{
    return runs(thread) ? thread->hart->arch.x : thread->context.x;
}

/* What every answer keeps and clears of the registers. */
static void check_registers(const uint64_t before[32], const uint64_t after[32])
{
    CHECK("answer", after[0] == before[0] + 4);
    for (unsigned number = 1; number < 32; number++) {
        if (number >= 10 && number <= 16)
            continue;
        if (number == 17 || (number >= 5 && number <= 7) || number >= 28)
            CHECK("answer", after[number] == 0);
        else
            CHECK("answer", after[number] == before[number]);
    }
}

/* ---- operations left unfinished ---- */

static unsigned points_left;
static struct thread *waiting_rival;

/* At the chosen preemption point, as an interrupt might, makes the rival the most urgent thread of its hart. */
static void let_rival_run(void)
{
    struct thread *rival = waiting_rival;

    if (rival == NULL || rival->hart != host_hart || points_left-- != 0)
        return;
    waiting_rival = NULL;
    kernel_lock_acquire();
    if (thread_is_runnable(rival) && host_hart->current != rival)
        schedule_set_priority(rival, RIVAL);
    kernel_lock_release();
}

static void with_rival(struct thread *thread, unsigned points, struct thread *rival, void (*act)(struct thread *thread))
{
    const uint64_t identity = rival == NULL ? 0 : rival->object.identity;
    const uint8_t priority = rival == NULL ? 0 : rival->priority;

    points_left = points;
    waiting_rival = rival;
    host_preemption_hook = let_rival_run;
    act(thread);
    host_preemption_hook = NULL;
    if (rival != NULL)
        give_priority_back(rival, identity, priority);
}

static void ecall(struct thread *thread)
{
    const uint64_t identity = thread->object.identity;
    const uint8_t priority = thread->priority;

    give_priority(thread, URGENT);
    host_ecall(thread->hart);
    give_priority_back(thread, identity, priority);
}

void step_partly(struct thread *thread, unsigned points, struct thread *rival)
{
    with_rival(thread, points, rival, harness_urge);
}

void invoke_partly(struct thread *thread, uint64_t operation, wk_handle handle, const uint64_t words[6],
                   unsigned points, struct thread *rival)
{
    make_current(thread);
    load_registers(thread->hart, operation, handle, words);
    answer_owe(thread, operation);
    with_rival(thread, points, rival, ecall);
}

static enum arch_access fault_access;
static uint64_t fault_address;

static void page_fault(struct thread *thread)
{
    host_page_fault(thread->hart, fault_access, fault_address);
}

void fault_partly(struct thread *thread, enum arch_access access, uint64_t address, unsigned points,
                  struct thread *rival)
{
    make_current(thread);
    fault_access = access;
    fault_address = address;
    with_rival(thread, points, rival, page_fault);
}

void begin_operation(struct thread *thread, uint64_t operation, wk_handle handle, const uint64_t words[6],
                     unsigned points)
{
    struct thread *before = acting;

    invoke_partly(thread, operation, handle, words, points, before);
    act_as(before);
    if (thread->operation.step == NULL)
        fail_msg("the operation ended before it could be interrupted");
}

enum wk_status finish_operation(struct thread *thread)
{
    for (unsigned tries = 0; thread->operation.step != NULL; tries++) {
        if (tries == PATIENCE)
            fail_msg("the operation does not end");
        step_partly(thread, 0, NULL);
    }
    settle();
    check_kernel();
    return late_answer(thread);
}

enum wk_status late_answer(struct thread *thread)
{
    const uint64_t *registers = harness_registers(thread);

    if (!can_answer(thread))
        return NOT_ANSWERED;
    memcpy(answer_words, &registers[11], sizeof(answer_words));
    answer_kind = registers[10] >> 16;
    answer_badge = registers[5];
    answer_operation = registers[17];
    answer_check_owed(thread, (enum wk_status)WK_RECEIVED_STATUS(registers[10]), answer_words);
    return (enum wk_status)WK_RECEIVED_STATUS(registers[10]);
}

/* Whether the answer is a message, which has more registers. */
static bool is_received(uint64_t operation)
{
    const uint64_t number = operation & WK_MESSAGE_OPERATION;

    return number == WK_ENDPOINT_RECEIVE || number == WK_ENDPOINT_REPLY_RECEIVE;
}

/* Whether a process answers, whose answers no interface file of the kernel knows. */
static bool is_call(const struct thread *thread, uint64_t operation, wk_handle handle)
{
    const struct capability *slot = capability_find(&thread->process->table, handle);
    const struct interface_operation *described = operation_by_number(operation);

    return slot != NULL && slot->type == WK_TYPE_SESSION && (described == NULL || described->type != WK_TYPE_NONE);
}

enum wk_status wk_trap(uint64_t operation, wk_handle handle, uint64_t words[static 6])
{
    struct thread *thread = acting;
    const uint64_t identity = thread->object.identity;
    uint64_t before[32];
    enum wk_status status = NOT_ANSWERED;

    make_current(thread);
    load_registers(thread->hart, operation, handle, words);
    answer_owe(thread, is_call(thread, operation, handle) ? 0 : operation);
    memcpy(before, thread->hart->arch.x, sizeof(before));
    host_ecall(thread->hart);
    for (unsigned tries = 0; host_stopped == HOST_STOP_NONE && object_exists(identity); tries++) {
        if (thread->operation.step == NULL || !can_come_to_run(thread))
            break;
        if (tries == PATIENCE)
            fail_msg("the operation does not get done");
        harness_urge(thread);
    }
    if (host_stopped != HOST_STOP_NONE)
        return NOT_ANSWERED;
    settle();
    if (object_exists(identity) && can_answer(thread)) {
        status = late_answer(thread);
        /* An interrupt may have taken it to its process's handler, with the answer in its registers. */
        if (harness_registers(thread)[0] != thread->process->upcall_entry && !is_received(operation))
            check_registers(before, harness_registers(thread));
        memcpy(words, answer_words, sizeof(answer_words));
    }
    check_kernel();
    return status;
}

/* ---- the machine ---- */

void machine_start(const struct host_machine *machine)
{
    static const struct host_machine usual = {.asid_bits = 8};

    host_boot(machine != NULL ? machine : &usual);
    if (host_hart->current == NULL) {
        fprintf(stderr, "no thread runs after boot; the console:\n%s\n", host_console);
        abort();
    }
    act_as(host_hart->current);
    check_begin();
    check_kernel();
}

int machine_setup(void **state)
{
    (void)state;
    machine_start(NULL);
    return 0;
}
