/* SPDX-License-Identifier: MIT */
/* What a random program says: choices, and the words of invocations, which are such as to meet each other often. */
#include "world_parts.h"

#define BASE UINT64_C(0x200000)

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * UINT64_C(0x2545f4914f6cdd1d) >> 8;
}

int choices_are_left(const struct choices *choices)
{
    return choices->bytes != 0 || choices->seed != 0;
}

uint64_t choose(struct choices *choices, uint64_t limit)
{
    uint64_t number = 0;

    if (limit <= 1)
        return 0;
    if (choices->bytes == 0)
        return choices->seed == 0 ? 0 : next_random(&choices->seed) % limit;
    for (uint64_t range = 1; range < limit && choices->bytes != 0; range = range > limit >> 8 ? limit : range << 8) {
        number = number << 8 | *choices->data++;
        choices->bytes--;
    }
    return number % limit;
}

bool one_in(struct choices *choices, uint64_t limit)
{
    return choose(choices, limit) == 1;
}

static uint64_t any_word(struct choices *choices)
{
    return choose(choices, UINT64_C(1) << 32) << 32 | choose(choices, UINT64_C(1) << 32);
}

/* ---- words of an invocation ---- */

static uint64_t some_pages(struct choices *choices)
{
    static const uint64_t special[] = {9, 17, 64, 100, 512, 513, 1024, 3000, WK_PAGE_COUNT_MAX};

    if (choose(choices, 8) == 7)
        return special[choose(choices, sizeof(special) / sizeof(*special))];
    return choose(choices, 8);
}

/* Few addresses, so that they meet often. */
uint64_t some_address(struct choices *choices)
{
    switch (choose(choices, 8)) {
    case 5:
        return 4 * WK_LARGE_PAGE_BYTES + choose(choices, 3) * WK_LARGE_PAGE_BYTES;
    case 6:
        return (UINT64_C(1) << 30) * choose(choices, 256) + choose(choices, 4) * WK_PAGE_BYTES;
    case 7:
        return WK_USER_ADDRESS_END - choose(choices, 3) * WK_PAGE_BYTES;
    default:
        return BASE + choose(choices, 24) * WK_PAGE_BYTES;
    }
}

uint64_t some_handle(struct choices *choices, const struct process *process, unsigned type)
{
    const uint32_t made = process->table.made;
    const uint32_t first = made == 0 ? 0 : (uint32_t)choose(choices, made);

    if (one_in(choices, 40))
        return any_word(choices);
    for (uint32_t i = 0; i < made; i++) {
        const struct capability *slot = capability_slot(&process->table, (first + i) % made);

        if (slot->object != NULL && (type == WK_TYPE_NONE || slot->object->type == type || one_in(choices, 60)))
            return capability_handle(slot);
    }
    return WK_FIRST_HANDLE(first);
}

static uint64_t some_time(struct choices *choices)
{
    if (one_in(choices, 4))
        return UINT64_MAX;
    return host_time_ns + choose(choices, 50) * 1000000;
}

static uint64_t within(uint64_t value, const struct interface_word *word)
{
    if (value < word->low)
        value = word->low;
    if (value > word->high)
        value = word->high;
    return value / word->align * word->align;
}

uint64_t some_word(struct choices *choices, const struct process *process, const struct interface_word *word)
{
    if (one_in(choices, 100))
        return any_word(choices);
    switch (word->kind) {
    case INTERFACE_WORD_CAPABILITY:
        return word->optional && one_in(choices, 3) ? 0 : some_handle(choices, process, word->type);
    case INTERFACE_WORD_COUNT:
        return within(some_pages(choices), word);
    case INTERFACE_WORD_ADDRESS:
        return within(some_address(choices), word);
    case INTERFACE_WORD_BYTES:
        if (word->low == 1)
            return within(choose(choices, 41), word);
        return within(choose(choices, 4) * WK_PAGE_BYTES + choose(choices, 64) * 64 + choose(choices, 64), word);
    case INTERFACE_WORD_NS:
        return some_time(choices);
    case INTERFACE_WORD_RIGHTS:
        return one_in(choices, 2) ? choose(choices, 0x10000) : WK_RIGHTS_ALL;
    case INTERFACE_WORD_BITS:
        return one_in(choices, 4) ? (any_word(choices) & word->high) | 1 : UINT64_C(1) << choose(choices, 4);
    case INTERFACE_WORD_PRIORITY:
        return PRIORITY + 1 - choose(choices, 4);
    case INTERFACE_WORD_FLAGS:
        return choose(choices, word->mask + 1);
    case INTERFACE_WORD_ENUM:
    case INTERFACE_WORD_STATUS:
        return choose(choices, word->high + 1);
    case INTERFACE_WORD_NUMBER:
    case INTERFACE_WORD_HANDLE:
        return within(choose(choices, 40), word);
    }
    return 0;
}
