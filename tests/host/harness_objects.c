/* SPDX-License-Identifier: MIT */
/* Making objects for a test, and looking into the kernel's own records of them. */
#include "harness.h"
#include "harness_parts.h"

#include <stdlib.h>
#include <string.h>

struct program program_make(uint64_t pages, unsigned priority)
{
    struct program program;

    program.bank = make_bank(BOOT_BANK, pages);
    assert_ok(wk_process_create(program.bank, 0, 0, &program.process));
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

/* ---- threads ---- */

struct thread *spawn(unsigned priority, wk_handle *handle)
{
    wk_handle thread;

    assert_ok(wk_thread_create(BOOT_PROCESS, priority, &thread));
    assert_ok(wk_thread_start(thread, 0x10100, 0, 0, 0, 0));
    if (handle != NULL)
        *handle = thread;
    return thread_of(thread);
}

void begin_wait(struct thread *thread, wk_handle event, uint64_t mask, uint64_t deadline)
{
    struct thread *before = actor();
    uint64_t bits;

    act_as(thread);
    assert_status(wk_event_wait(event, mask, deadline, &bits), NOT_ANSWERED);
    act_as(before);
}

void assert_answered(struct thread *thread, enum wk_status status, uint64_t bits)
{
    assert_int_equal(late_answer(thread), status);
    assert_int_equal(answer_words[0], bits);
}

/* ---- calls ---- */

wk_handle make_endpoint(wk_handle bank)
{
    wk_handle endpoint;

    assert_ok(wk_endpoint_create(bank, &endpoint));
    return endpoint;
}

wk_handle make_session(wk_handle endpoint, uint64_t badge)
{
    wk_handle session;

    assert_ok(wk_endpoint_mint(endpoint, badge, 1, &session));
    return session;
}

enum wk_status send_as(struct thread *thread, uint64_t operation, wk_handle handle, const uint64_t words[6],
                       uint64_t deadline)
{
    struct thread *before = actor();
    uint64_t copy[6];
    enum wk_status status;

    memcpy(copy, words, sizeof(copy));
    act_as(thread);
    harness_deadline = deadline;
    status = wk_trap(operation, handle, copy);
    act_as(before);
    return status;
}

enum wk_status call_as(struct thread *thread, wk_handle session, uint64_t operation, uint64_t word)
{
    return send_as(thread, operation, session, (uint64_t[6]){word}, 0);
}

enum wk_status receive_as(struct thread *thread, wk_handle endpoint)
{
    return send_as(thread, WK_ENDPOINT_RECEIVE, endpoint, (uint64_t[6]){0}, 0);
}

enum wk_status reply_receive_as(struct thread *thread, wk_handle endpoint, uint64_t word)
{
    return send_as(thread, WK_ENDPOINT_REPLY_RECEIVE, endpoint, (uint64_t[6]){word}, 0);
}

void assert_received(struct thread *thread, enum wk_message_kind kind, uint64_t badge, uint64_t operation,
                     uint64_t word)
{
    assert_int_equal(late_answer(thread), WK_OK);
    assert_int_equal(answer_kind & 0xf, kind);
    assert_int_equal(answer_badge, badge);
    assert_int_equal(answer_operation, operation);
    assert_int_equal(answer_words[0], word);
}

void make_passive(wk_handle thread)
{
    assert_ok(wk_thread_set_budget(thread, 0));
}

/* ---- looking in ---- */

struct capability *slot_of(wk_handle handle)
{
    return capability_find(&actor()->process->table, handle);
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

uint64_t pages_of(wk_handle memory)
{
    uint64_t pages, present, options, mappings, identity, attributes;

    assert_ok(wk_memory_info(memory, &pages, &present, &options, &mappings, &identity, &attributes));
    return pages;
}

uint64_t present_pages_of(wk_handle memory)
{
    uint64_t pages, present, options, mappings, identity, attributes;

    assert_ok(wk_memory_info(memory, &pages, &present, &options, &mappings, &identity, &attributes));
    return present;
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

wk_handle bank_with(uint64_t pages)
{
    for (uint64_t size = pages + 1;; size++) {
        const wk_handle bank = make_bank(BOOT_BANK, size);

        make_memory(bank, 1, ON_DEMAND);
        if (bank_left(bank) == pages)
            return bank;
        assert_ok(wk_bank_destroy(bank));
        assert_true(size < pages + 8);
    }
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
