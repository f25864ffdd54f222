/* SPDX-License-Identifier: MIT */
#include "ring_user.h"

#include "frame.h"
#include "harness_parts.h"

#include <string.h>

#define TRIES_MAX 1000

wk_handle ring, memory, bank;
struct wk_ring *entries, *completions;
uint64_t ring_bank_pages;
uint64_t completion_words[6];
uint64_t completion_status;

int ring_setup(void **state)
{
    uint64_t before;

    call_setup(state);
    bank = make_bank(BOOT_BANK, 64);
    memory = make_memory(bank, 1, 0);
    before = bank_used(bank);
    assert_ok(wk_ring_create(bank, memory, ENTRIES, COMPLETIONS, PENDING, 0, &ring));
    ring_bank_pages = bank_used(bank) - before;
    entries = frame_pointer(memory_page(memory_of(memory), 0));
    completions = (struct wk_ring *)(void *)((char *)entries + WK_RING_HEADER_BYTES + ENTRIES * WK_RING_MESSAGE_BYTES);
    return 0;
}

static struct wk_ring_message *next_entry(void)
{
    return &entries->messages[entries->producer.index++ % ENTRIES];
}

void put(uint64_t operation, uint64_t flags, wk_handle handle, uint32_t tag, uint64_t word0, uint64_t word1,
         uint64_t word2)
{
    *next_entry() = (struct wk_ring_message){
        {WK_RING_ENTRY(operation, flags, handle), WK_RING_ENTRY_TAG(tag, 0), word0, word1, word2}};
}

void put_message(uint64_t operation, uint64_t bits, wk_handle handle, uint32_t tag, uint64_t word0)
{
    *next_entry() =
        (struct wk_ring_message){{WK_RING_ENTRY(operation, 0, handle), WK_RING_ENTRY_TAG(tag, bits), word0}};
}

enum wk_status enter(uint64_t count, uint64_t wait)
{
    return wk_ring_enter(ring, count, wait, NEVER);
}

enum wk_status enter_as(struct thread *thread, uint64_t count, uint64_t wait, uint64_t deadline_ns)
{
    return send_as(thread, WK_RING_ENTER, ring, (uint64_t[6]){count, wait, deadline_ns}, 0);
}

uint32_t taken(void)
{
    return entries->consumer.index;
}

static uint32_t unread(void)
{
    return completions->producer.index - completions->consumer.index;
}

/* A worker with steps to make, or NULL. */
static struct thread *busy_worker(const struct ring *record)
{
    for (struct list *link = record->workers.next; link != &record->workers; link = link->next) {
        struct thread *worker = container_of(link, struct thread, calls.ring_link);

        if (worker->operation.step != NULL)
            return worker;
    }
    return NULL;
}

void settle_ring(void)
{
    for (unsigned tries = 0; slot_of(ring) != NULL; tries++) {
        struct thread *worker = busy_worker(container_of(object_of(ring), struct ring, object));

        if (worker == NULL)
            break;
        if (tries == TRIES_MAX)
            fail_msg("a worker does not get done");
        harness_urge(worker);
    }
    settle();
    check_kernel();
}

static void read_completion(uint32_t index)
{
    const struct wk_ring_message *message = &completions->messages[index % COMPLETIONS];

    completion_status = message->words[0];
    memcpy(completion_words, message->words + 2, sizeof(completion_words));
}

void assert_completed(uint32_t tag, enum wk_status status)
{
    const uint32_t index = completions->consumer.index;

    assert_int_not_equal(unread(), 0);
    read_completion(index);
    assert_int_equal(completions->messages[index % COMPLETIONS].words[1], tag);
    assert_int_equal(WK_RECEIVED_STATUS(completion_status), status);
    completions->consumer.index++;
}

void assert_completed_any(uint32_t tag, enum wk_status status)
{
    for (uint32_t i = 0; i < unread(); i++) {
        const uint32_t index = completions->consumer.index + i;

        if (completions->messages[index % COMPLETIONS].words[1] != tag)
            continue;
        read_completion(index);
        assert_int_equal(WK_RECEIVED_STATUS(completion_status), status);
        return;
    }
    fail_msg("there is no completion %u", tag);
}

void assert_none(void)
{
    assert_int_equal(unread(), 0);
}
