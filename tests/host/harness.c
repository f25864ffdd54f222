/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include "lock.h"
#include "schedule.h"
#include "trap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often a thread is made current again until its operation is done. */
#define PATIENCE 1000

uint64_t answer_words[6];

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
    return (thread->stop & THREAD_WAITING) != 0;
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
    kernel_lock_release();
}

/* Back to the priority that the thread has of its own, unless it inherits another inside an operation. */
static void give_priority_back(struct thread *thread, uint64_t identity, uint8_t before)
{
    if (still_exists(thread, identity))
        give_priority(thread, thread->operation.step == NULL ? thread->own_priority : before);
}

/* Lets the hart choose again, with the thread the most urgent of all. */
static void urge(struct thread *thread)
{
    struct hart *before = host_hart;
    const uint64_t identity = thread->object.identity;
    const uint8_t priority = thread->priority;

    host_hart = thread->hart;
    kernel_lock_acquire();
    if (host_hart->current != NULL && host_hart->current != thread && host_hart->current->priority == 255)
        schedule_yield(host_hart->current);
    kernel_lock_release();
    give_priority(thread, 255);
    arch_hart_notify(host_hart);
    host_run();
    give_priority_back(thread, identity, priority);
    host_hart = before;
}

void make_current(struct thread *thread)
{
    for (unsigned tries = 0; !runs(thread); tries++) {
        if (tries == PATIENCE || !thread_is_runnable(thread))
            fail_msg("the thread cannot run");
        urge(thread);
    }
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
        urge(reaper);
    }
}

static bool can_answer(const struct thread *thread)
{
    return (thread->stop & (THREAD_WAITING | THREAD_ENDED)) == 0 && thread->operation.step == NULL;
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
}

static const uint64_t *registers_of(const struct thread *thread)
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
    if (thread_is_runnable(rival) && host_hart->current != NULL && host_hart->current->priority < 255)
        schedule_set_priority(rival, (uint8_t)(host_hart->current->priority + 1));
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
    host_ecall(thread->hart);
}

void step_partly(struct thread *thread, unsigned points, struct thread *rival)
{
    with_rival(thread, points, rival, urge);
}

void invoke_partly(struct thread *thread, uint64_t operation, wk_handle handle, const uint64_t words[6],
                   unsigned points, struct thread *rival)
{
    make_current(thread);
    load_registers(thread->hart, operation, handle, words);
    with_rival(thread, points, rival, ecall);
}

enum wk_status late_answer(struct thread *thread)
{
    const uint64_t *registers = registers_of(thread);

    if (!can_answer(thread))
        return NOT_ANSWERED;
    memcpy(answer_words, &registers[11], sizeof(answer_words));
    return (enum wk_status)registers[10];
}

const struct interface_operation *operation_by_number(uint64_t number)
{
    for (unsigned i = 0; i < INTERFACE_OPERATION_COUNT; i++)
        if (interface_operations[i].number == number)
            return &interface_operations[i];
    return NULL;
}

bool harness_collects_statuses;
static uint64_t collected[INTERFACE_STATUS_COUNT];

_Static_assert(INTERFACE_OPERATION_COUNT <= 64, "a bit for each operation");

/* The operation's interface file says that it may answer so. */
static void check_status(uint64_t number, enum wk_status status)
{
    const struct interface_operation *operation = operation_by_number(number);

    if (status == NOT_ANSWERED || operation == NULL || (operation->statuses >> status & 1) != 0)
        return;
    if (harness_collects_statuses) {
        if ((collected[status] >> (operation - interface_operations) & 1) == 0)
            print_message("%s answered %s, which its interface file does not mention\n", operation->name,
                          interface_status_names[status]);
        collected[status] |= UINT64_C(1) << (operation - interface_operations);
        return;
    }
    fail_msg("%s answered %s, which its interface file does not mention", operation->name,
             (unsigned)status < INTERFACE_STATUS_COUNT ? interface_status_names[status] : "no status");
}

enum wk_status wk_trap(uint64_t operation, wk_handle handle, uint64_t words[static 6])
{
    struct thread *thread = acting;
    const uint64_t identity = thread->object.identity;
    uint64_t before[32];
    enum wk_status status = NOT_ANSWERED;

    make_current(thread);
    load_registers(thread->hart, operation, handle, words);
    memcpy(before, thread->hart->arch.x, sizeof(before));
    host_ecall(thread->hart);
    for (unsigned tries = 0; host_stopped == HOST_STOP_NONE && object_exists(identity); tries++) {
        if (thread->operation.step == NULL)
            break;
        if (tries == PATIENCE)
            fail_msg("the operation does not get done");
        urge(thread);
    }
    if (host_stopped != HOST_STOP_NONE)
        return NOT_ANSWERED;
    settle();
    if (object_exists(identity) && can_answer(thread)) {
        status = late_answer(thread);
        /* An interrupt may have taken it to its process's handler, with the answer in its registers. */
        if (registers_of(thread)[0] != thread->process->upcall_entry)
            check_registers(before, registers_of(thread));
        memcpy(words, answer_words, sizeof(answer_words));
    }
    check_kernel();
    check_status(operation, status);
    return status;
}

/* ---- user code ---- */

/* Where the access leads; takes page faults until it succeeds or they are not the kernel's to answer. */
static bool access_page(uint64_t address, enum arch_access access, void **pointer)
{
    struct thread *thread = acting;
    const uint64_t identity = thread->object.identity;
    struct physical physical;

    for (unsigned tries = 0; tries < 16; tries++) {
        uint64_t counter;

        make_current(thread);
        if (host_translate(thread->hart, address, access, &physical)) {
            *pointer = physical.address >= HOST_RAM_PHYSICAL ? arch_pointer(physical) : NULL;
            return true;
        }
        counter = thread->hart->arch.x[0];
        host_page_fault(thread->hart, access, address);
        while (object_exists(identity) && thread->operation.step != NULL)
            urge(thread);
        settle();
        check_kernel();
        if (!object_exists(identity) || !thread_is_runnable(thread) || registers_of(thread)[0] != counter)
            return false;
    }
    fail_msg("the page fault at %#lx is answered but does not go away", (unsigned long)address);
    return false;
}

/* Calls what follows page by page. */
static bool access_bytes(uint64_t address, enum arch_access access, void *to, const void *from, size_t bytes)
{
    while (bytes != 0) {
        const size_t room = WK_PAGE_BYTES - address % WK_PAGE_BYTES;
        const size_t part = bytes < room ? bytes : room;
        void *pointer;

        if (!access_page(address, access, &pointer))
            return false;
        if (to != NULL) {
            memcpy(to, pointer, part);
            to = (char *)to + part;
        } else if (from != NULL) {
            memcpy(pointer, from, part);
            from = (const char *)from + part;
        }
        address += part;
        bytes -= part;
    }
    return true;
}

bool user_load(uint64_t address, void *to, size_t bytes)
{
    return access_bytes(address, ARCH_LOAD, to, NULL, bytes);
}

bool user_store(uint64_t address, const void *from, size_t bytes)
{
    return access_bytes(address, ARCH_STORE, NULL, from, bytes);
}

bool user_fetch(uint64_t address)
{
    return access_bytes(address, ARCH_FETCH, NULL, NULL, 2);
}

uint64_t user_word(uint64_t address)
{
    uint64_t word = 0;

    assert_true(user_load(address, &word, sizeof(word)));
    return word;
}

void user_set_word(uint64_t address, uint64_t value)
{
    assert_true(user_store(address, &value, sizeof(value)));
}

uint64_t user_register(unsigned number)
{
    return registers_of(acting)[number];
}

void user_set_register(unsigned number, uint64_t value)
{
    make_current(acting);
    acting->hart->arch.x[number] = value;
}

void user_foreign_call(uint64_t number)
{
    make_current(acting);
    acting->hart->arch.x[17] = number;
    host_ecall(acting->hart);
    settle();
    check_kernel();
}

/* ---- programs ---- */

struct program program_make(uint64_t pages, unsigned priority)
{
    struct program program;

    program.bank = make_bank(BOOT_BANK, pages);
    assert_ok(wk_process_create(program.bank, priority, 0, 0, &program.process));
    assert_ok(wk_thread_create(program.process, priority, &program.thread));
    assert_ok(wk_thread_start(program.thread, 0x10100, 0, 0, 0, 0));
    program.process_record = process_of(program.process);
    program.thread_record = thread_of(program.thread);
    return program;
}

wk_handle program_grant(const struct program *program, wk_handle handle, enum wk_transfer transfer, uint64_t rights)
{
    wk_handle granted;

    assert_ok(wk_process_grant(program->process, handle, transfer, rights, &granted));
    return granted;
}

/* ---- looking in ---- */

struct capability *slot_of(wk_handle handle)
{
    return capability_find(&acting->process->table, handle);
}

struct object *object_of(wk_handle handle)
{
    struct capability *slot = slot_of(handle);

    assert_non_null(slot);
    return slot->object;
}

static struct object *object_of_type(wk_handle handle, enum wk_type type)
{
    struct object *object = object_of(handle);

    assert_int_equal(object->type, type);
    return object;
}

struct bank *bank_of(wk_handle handle)
{
    return container_of(object_of_type(handle, WK_TYPE_BANK), struct bank, object);
}

struct memory *memory_of(wk_handle handle)
{
    return container_of(object_of_type(handle, WK_TYPE_MEMORY), struct memory, object);
}

struct process *process_of(wk_handle handle)
{
    return container_of(object_of_type(handle, WK_TYPE_PROCESS), struct process, object);
}

struct thread *thread_of(wk_handle handle)
{
    return container_of(object_of_type(handle, WK_TYPE_THREAD), struct thread, object);
}

struct event *event_of(wk_handle handle)
{
    return container_of(object_of_type(handle, WK_TYPE_EVENT), struct event, object);
}

uint64_t bank_used(wk_handle bank)
{
    return bank_of(bank)->used_pages;
}

uint64_t bank_left(wk_handle bank)
{
    return bank_of(bank)->limit_pages - bank_of(bank)->used_pages;
}

uint64_t identity_of(wk_handle handle)
{
    return object_of(handle)->identity;
}

/* ---- saying it short ---- */

/* Prints the lines in which two texts differ, in order, as far as they can be told apart simply. */
static void print_difference(const char *before, const char *after)
{
    while (*before != '\0' || *after != '\0') {
        const size_t before_length = strcspn(before, "\n");
        const size_t after_length = strcspn(after, "\n");

        if (before_length != after_length || memcmp(before, after, before_length) != 0)
            print_error("- %.*s\n+ %.*s\n", (int)before_length, before, (int)after_length, after);
        before += before_length + (before[before_length] != '\0');
        after += after_length + (after[after_length] != '\0');
    }
}

void assert_state_is(char *before)
{
    char *after = check_state_text();
    const bool same = strcmp(before, after) == 0;

    if (!same)
        print_difference(before, after);
    free(before);
    free(after);
    if (!same)
        fail_msg("the state is not as it was before");
}

wk_handle make_memory(wk_handle bank, uint64_t pages, uint64_t options)
{
    wk_handle memory;

    assert_ok(wk_memory_create(bank, pages, options, &memory));
    return memory;
}

wk_handle make_event(wk_handle bank)
{
    wk_handle event;

    assert_ok(wk_event_create(bank, &event));
    return event;
}

wk_handle make_bank(wk_handle bank, uint64_t pages)
{
    wk_handle child;

    assert_ok(wk_bank_split(bank, pages, WK_BANK_KIND_RAM, &child));
    return child;
}

wk_handle lend(wk_handle handle, uint64_t rights)
{
    wk_handle lent;

    assert_ok(wk_capability_lend(handle, rights, &lent));
    return lent;
}

wk_handle duplicate(wk_handle handle, uint64_t rights)
{
    wk_handle other;

    assert_ok(wk_capability_dup(handle, rights, &other));
    return other;
}

void map(wk_handle memory, uint64_t address, uint64_t protection)
{
    assert_ok(wk_memory_map(memory, BOOT_PROCESS, address, 0, memory_of(memory)->pages, protection));
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
