/* SPDX-License-Identifier: MIT */
/*
 * Random operations with random words on whatever the process has. Only what would stop the attack itself for good is
 * left out. How it ends is of no interest: that the kernel and the neighbour stand is.
 */
#include "../system/check.h"

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/memory.h>
#include <winkle/process.h>
#include <winkle/thread.h>
#include <winkle/timer.h>

#include <stdbool.h>

#define STEPS 20000
#define KEPT 64

static uint64_t random_state;
static wk_handle kept[KEPT];

static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static wk_handle random_handle(void)
{
    const uint64_t choice = random_number() % (KEPT + 6);

    switch (choice) {
    case KEPT:
        return wk_self.process;
    case KEPT + 1:
        return wk_self.start->thread;
    case KEPT + 2:
        return wk_self.bank;
    case KEPT + 3:
        return wk_self.machine;
    case KEPT + 4:
        return random_number();
    case KEPT + 5:
        return 0;
    default:
        return kept[choice];
    }
}

static uint64_t random_word(void)
{
    switch (random_number() % 8) {
    case 0:
        return random_number();
    case 1:
        return UINT64_C(1) << random_number() % 64;
    case 2:
        return (UINT64_C(1) << random_number() % 64) - 1;
    case 3:
        return (random_number() % 0x4000000) << 12;
    case 4:
        return random_number() % 16;
    case 5:
        return random_number() % 300;
    default:
        return random_handle();
    }
}

/* Would end, suspend or silence this process before it has done its worst, or wait too long. */
static bool is_left_out(uint64_t operation, wk_handle handle)
{
    const bool own = handle == wk_self.process || handle == wk_self.start->thread;

    if (operation == WK_EVENT_WAIT || operation == WK_MACHINE_CONSOLE_WRITE || operation == WK_THREAD_SET_PRIORITY)
        return true;
    return own &&
           (operation == WK_PROCESS_KILL || operation == WK_PROCESS_SUSPEND || operation == WK_THREAD_STOP ||
            operation == WK_CAPABILITY_DELETE || operation == WK_PROCESS_UNMAP || operation == WK_PROCESS_PROTECT);
}

static void make_some(void)
{
    wk_handle *slot = &kept[random_number() % KEPT];
    wk_handle made = 0;

    switch (random_number() % 6) {
    case 0:
        wk_event_create(wk_self.bank, &made);
        break;
    case 1:
        wk_memory_create(wk_self.bank, 1 + random_number() % 20, random_number() % 2, &made);
        break;
    case 2:
        wk_process_create(wk_self.bank, 0, 0, &made);
        break;
    case 3:
        wk_timer_create(wk_self.bank, &made);
        break;
    case 4:
        wk_bank_split(wk_self.bank, 10, WK_BANK_KIND_RAM, &made);
        break;
    default:
        wk_capability_lend(random_handle(), WK_RIGHTS_ALL, &made);
        break;
    }
    if (*slot != 0)
        wk_capability_delete(*slot);
    *slot = made;
}

int main(void)
{
    random_state = wk_now_ns() | 1;
    for (int step = 0; step < STEPS; step++) {
        const uint64_t operation = WK_OPERATION_FIRST + random_number() % (WK_OPERATION_LAST - WK_OPERATION_FIRST + 3);
        const wk_handle handle = random_handle();
        uint64_t words[6];

        if (step % 4 == 0)
            make_some();
        for (int i = 0; i < 6; i++)
            words[i] = random_word();
        if (!is_left_out(operation, handle))
            wk_trap(operation, handle, words);
    }
    return 0;
}
