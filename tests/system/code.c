/* SPDX-License-Identifier: MIT */
/* Code that one thread writes and others execute, on other harts: in new pages, in pages that become executable, and in
 * pages that were executable all the while. */
#include "actors.h"

#include <winkle/memory.h>
#include <winkle/process.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define READERS 3
#define ROUNDS 200
#define STACK_PAGES 4
#define PRIORITY 150 /* the first thread's, too: all take turns */
#define WRITABLE UINT64_C(0x7000000)
#define CODE UINT64_C(0x7100000)

/* What all look at: the writer sets `round` when the code is there, the readers answer what they executed. */
static volatile uint64_t round_number;
static volatile uint64_t answers[READERS];
static volatile uint64_t where;

/* A function that returns the number: lui a0, addiw a0, ret. */
static void write_function(uint64_t address, uint32_t number)
{
    volatile uint32_t *words = (volatile uint32_t *)address;

    words[0] = ((number + 0x800) & 0xfffff000) | 10 << 7 | 0x37;
    words[1] = (number & 0xfff) << 20 | 10 << 15 | 10 << 7 | 0x1b;
    words[2] = 0x00008067;
}

static uint64_t call(uint64_t address)
{
    uint64_t (*function)(void) = (uint64_t(*)(void))address;

    return function();
}

static void read_and_execute(void *argument)
{
    const uint64_t self = (uint64_t)argument;

    for (uint64_t round = 1; round <= ROUNDS; round++) {
        while (__atomic_load_n(&round_number, __ATOMIC_ACQUIRE) < round)
            wk_thread_yield(wk_thread_self()->handle);
        __atomic_store_n(&answers[self], call(where), __ATOMIC_RELEASE);
    }
}

static uint64_t number_of(uint64_t round)
{
    return round * 7919 & 0x7fffffff;
}

/* In turn: a mapping that is made anew, one that is made executable, one that is executable all the while. */
static void write_round(wk_handle memory, uint64_t round)
{
    const uint64_t page = round % 4 * WK_PAGE_BYTES;
    const uint64_t fresh = CODE + (16 + round) * WK_PAGE_BYTES;

    switch (round % 3) {
    case 0:
        write_function(WRITABLE + page, (uint32_t)number_of(round));
        EXPECT(WK_OK, wk_memory_map(memory, wk_self.process, fresh, page / WK_PAGE_BYTES, 1, WK_PROTECTION_EXECUTE));
        where = fresh;
        break;
    case 1:
        EXPECT(WK_OK, wk_memory_map(memory, wk_self.process, fresh, page / WK_PAGE_BYTES, 1,
                                    WK_PROTECTION_READ | WK_PROTECTION_WRITE));
        write_function(fresh, (uint32_t)number_of(round));
        EXPECT(WK_OK, wk_process_protect(wk_self.process, fresh, 1, WK_PROTECTION_READ | WK_PROTECTION_EXECUTE));
        where = fresh;
        break;
    default:
        write_function(WRITABLE + page, (uint32_t)number_of(round));
        EXPECT(WK_OK, wk_process_synchronize_code(wk_self.process));
        where = CODE + page;
    }
}

int main(void)
{
    struct wk_thread readers[READERS];
    wk_handle memory;

    EXPECT(WK_OK, wk_memory_create(wk_self.bank, 4, 0, &memory));
    EXPECT(WK_OK, wk_memory_map(memory, wk_self.process, WRITABLE, 0, 4, WK_PROTECTION_READ | WK_PROTECTION_WRITE));
    EXPECT(WK_OK, wk_memory_map(memory, wk_self.process, CODE, 0, 4, WK_PROTECTION_EXECUTE));
    for (uint64_t i = 0; i < READERS; i++)
        EXPECT(WK_OK, wk_thread_run(&readers[i], read_and_execute, (void *)i, STACK_PAGES, PRIORITY));
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        write_round(memory, round);
        __atomic_store_n(&round_number, round, __ATOMIC_RELEASE);
        EQUAL(number_of(round), call(where));
        for (unsigned i = 0; i < READERS; i++)
            while (__atomic_load_n(&answers[i], __ATOMIC_ACQUIRE) != number_of(round))
                wk_thread_yield(wk_self.start->thread);
    }
    for (unsigned i = 0; i < READERS; i++)
        EXPECT(WK_OK, wk_thread_join(&readers[i], wk_after_ns(60 * WK_NS_PER_SECOND)));
    EXPECT(WK_OK, wk_capability_delete(memory));
    wk_print("code: good\n");
    return 0;
}
