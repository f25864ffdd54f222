/* SPDX-License-Identifier: MIT */
/*
 * Rings of random programs. What is invoked by their entries comes from the same grammar as what is invoked by traps. The
 * program's side of a ring keeps to the rules mostly; sometimes it writes anything anywhere, also between any two reads of
 * the kernel.
 */
#include "world_parts.h"

#include "harness_parts.h"
#include "ring.h"

#include <stdio.h>

#define ENTRIES_MAX 6
#define TAGS 4

void (*hostile_reads_hook)(const void *word);

/* The attack: who decides about it, on which ring, and after how many reads the next change comes. */
static struct choices *attack_choices;
static const struct ring *attacked;
static uint64_t reads_left;

static struct wk_ring_message *message_of(const struct ring *ring, const struct ring_side *side, uint32_t index)
{
    const uint64_t offset = (side->first + (index & side->mask)) * WK_RING_MESSAGE_BYTES;

    return (void *)(ring->pages[offset / WK_PAGE_BYTES] + offset % WK_PAGE_BYTES);
}

/* Rings of the process that have memory, and the handle by which it knows one. */
static struct ring *some_ring(struct choices *choices, const struct process *process, wk_handle *handle)
{
    const struct capability *slot = NULL;
    struct ring *ring;

    *handle = some_handle(choices, process, WK_TYPE_RING);
    slot = capability_find(&process->table, *handle);
    if (slot == NULL || slot->object == NULL || slot->object->type != WK_TYPE_RING)
        return NULL;
    ring = container_of(slot->object, struct ring, object);
    return ring_is_dead(ring) || !object_is_live(&ring->object) ? NULL : ring;
}

static void make_ring(struct choices *choices, struct thread *thread)
{
    const struct process *process = thread->process;
    uint64_t words[7] = {some_handle(choices, process, WK_TYPE_BANK),
                         some_handle(choices, process, WK_TYPE_MEMORY),
                         UINT64_C(1) << choose(choices, 4),
                         UINT64_C(1) << choose(choices, 4),
                         1 + choose(choices, 7),
                         one_in(choices, 2) ? some_handle(choices, process, WK_TYPE_BUDGET) : 0};

    say("ring: create", thread, words);
    act_as(thread);
    (void)wk_trap(WK_RING_CREATE, words[0], &words[1]);
}

/* ---- the program's side ---- */

/* Word 0 without flags, and what goes above the tag. */
static uint64_t choose_entry(struct choices *choices, const struct process *process, uint64_t *bits, uint64_t words[6])
{
    const struct interface_operation *operation;
    uint64_t number, handle;

    *bits = 0;
    if (one_in(choices, 3)) {
        number = some_call(choices, process, words);
        harness_deadline = 0; /* entries have none */
        *bits = number & ~WK_MESSAGE_DEADLINE;
        return WK_RING_ENTRY(number & WK_MESSAGE_OPERATION, 0, some_handle(choices, process, WK_TYPE_SESSION));
    }
    operation = some_operation(choices);
    if (operation == NULL)
        return WK_RING_ENTRY(WK_RING_NOOP, 0, some_handle(choices, process, WK_TYPE_RING));
    handle = some_handle(choices, process, operation->type);
    choose_words(choices, process, operation, words);
    return WK_RING_ENTRY(operation->number, 0, handle);
}

static void put_entry(struct choices *choices, const struct ring *ring, const struct thread *thread)
{
    struct wk_ring_line *line = ring->entries.user_line;
    uint64_t words[7] = {0}, bits;

    words[0] = choose_entry(choices, ring->process, &bits, &words[1]);
    if (one_in(choices, 4))
        words[0] |= WK_RING_LINK;
    *message_of(ring, &ring->entries, line->index) =
        (struct wk_ring_message){{words[0], WK_RING_ENTRY_TAG(choose(choices, TAGS), bits), words[1], words[2],
                                  words[3], words[4], words[5], words[6]}};
    line->index++;
    say("entry", thread, words);
}

static uint32_t entries_left(const struct ring *ring)
{
    return ring->entries.user_line->index - (uint32_t)ring->entries.index;
}

/* Makes the indices such as they may be, and reads all completions. */
static void behave(const struct ring *ring)
{
    if (entries_left(ring) > ring->entries.mask + 1)
        ring->entries.user_line->index = (uint32_t)ring->entries.index;
    ring->completions.user_line->index = (uint32_t)ring->completions.index;
}

static void put_entries(struct choices *choices, const struct ring *ring, const struct thread *thread)
{
    for (uint64_t count = choose(choices, ENTRIES_MAX); count != 0; count--)
        if (entries_left(ring) <= ring->entries.mask)
            put_entry(choices, ring, thread);
}

/* ---- attacks ---- */

/* Writes anything anywhere in the ring, most likely where it matters. */
static void change(struct choices *choices, const struct ring *ring, uint64_t *read_last)
{
    struct wk_ring_line *lines[] = {ring->entries.user_line, ring->entries.kernel_line, ring->completions.user_line,
                                    ring->completions.kernel_line};
    const struct ring_side *side = one_in(choices, 2) ? &ring->entries : &ring->completions;
    struct wk_ring_line *line = lines[choose(choices, 4)];

    switch (choose(choices, 6)) {
    case 0:
        line->index = (uint32_t)choose(choices, UINT64_C(1) << 32);
        break;
    case 1:
        line->index += (uint32_t)choose(choices, 8) - 4;
        break;
    case 2:
        line->sleeps += (uint32_t)choose(choices, 4);
        break;
    case 3:
        message_of(ring, side, (uint32_t)choose(choices, 16))->words[choose(choices, 8)] ^=
            choose(choices, UINT64_C(1) << 32) << choose(choices, 33);
        break;
    case 4: {
        uint64_t bits, *words = message_of(ring, &ring->entries, (uint32_t)choose(choices, 16))->words;

        words[0] = choose_entry(choices, ring->process, &bits, &words[2]);
        break;
    }
    default:
        if (read_last != NULL && (uintptr_t)read_last % 8 == 0)
            *read_last = choose(choices, 3) == 0 ? 0 : *read_last ^ UINT64_C(1) << choose(choices, 64);
    }
}

static void change_after_read(const void *word)
{
    if (ring_is_dead(attacked) || reads_left-- != 0)
        return;
    change(attack_choices, attacked, (uint64_t *)word);
    reads_left = choose(attack_choices, 12);
}

static void begin_attack(struct choices *choices, const struct ring *ring)
{
    attack_choices = choices;
    attacked = ring;
    reads_left = choose(choices, 30);
    hostile_reads_hook = change_after_read;
}

void end_ring_attack(void)
{
    hostile_reads_hook = NULL;
}

/* ---- acts ---- */

static void enter(struct choices *choices, struct thread *thread, wk_handle handle, struct thread *rival)
{
    uint64_t words[7] = {handle, choose(choices, 8), choose(choices, 3),
                         one_in(choices, 3) ? UINT64_MAX : host_time_ns + choose(choices, 20) * 1000000};
    enum wk_status status;

    say("ring: enter", thread, words);
    world_invocations++;
    if (one_in(choices, 4)) {
        invoke_partly(thread, WK_RING_ENTER, handle, &words[1], (unsigned)choose(choices, 6),
                      rival == thread ? NULL : rival);
        end_ring_attack();
        check_kernel();
        return;
    }
    act_as(thread);
    status = wk_trap(WK_RING_ENTER, handle, &words[1]);
    if (world_is_loud)
        printf("    %lu\n", (unsigned long)status);
}

void act_ring(struct choices *choices, struct thread *thread, struct thread *rival)
{
    wk_handle handle;
    struct ring *ring;

    if (thread->operation.step != NULL)
        return;
    ring = some_ring(choices, thread->process, &handle);
    if (ring == NULL || one_in(choices, 16)) {
        make_ring(choices, thread);
        return;
    }
    if (!one_in(choices, 6))
        behave(ring);
    put_entries(choices, ring, thread);
    if (one_in(choices, 6))
        change(choices, ring, NULL);
    if (one_in(choices, 3))
        begin_attack(choices, ring);
    enter(choices, thread, handle, rival);
    end_ring_attack();
}
