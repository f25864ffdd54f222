/* SPDX-License-Identifier: MIT */
/* Several threads do to the same processes and memories what must not be done at once: each gets an answer, nothing
 * breaks. */
#include "../system/actors.h"

#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define VICTIMS 4
#define THREADS 3
#define TURNS 400
#define MEMORY_PAGES 64

static wk_handle process[VICTIMS], memory[VICTIMS], bank[VICTIMS];

static uint64_t next(uint64_t *random, uint64_t limit)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*random >> 33) % limit;
}

/* Answers are not looked at: every one of them can be right. */
static void meddle(void *argument)
{
    uint64_t random = (uint64_t)argument;
    wk_handle made;

    for (int turn = 0; turn < TURNS; turn++) {
        const wk_handle victim = process[next(&random, VICTIMS)], pages = memory[next(&random, VICTIMS)];

        switch (next(&random, 12)) {
        case 0:
            wk_process_suspend(victim);
            break;
        case 1:
            wk_process_resume(victim);
            break;
        case 2:
            wk_memory_map(pages, victim, next(&random, 100) << 16, 0, MEMORY_PAGES / 2, WK_READ_WRITE);
            break;
        case 3:
            wk_process_unmap(victim, next(&random, 100) << 16, 32);
            break;
        case 4:
            wk_capability_revoke(pages);
            break;
        case 5:
            wk_memory_resize(pages, 1 + next(&random, MEMORY_PAGES));
            break;
        case 6:
            wk_memory_decommit(pages, 0, 8);
            break;
        case 7:
            if (wk_memory_clone(pages, wk_self.bank, &made) == WK_OK)
                wk_capability_delete(made);
            break;
        case 8:
            wk_memory_copy(pages, 0, memory[next(&random, VICTIMS)], 4096, 8192);
            break;
        case 9:
            if (wk_thread_create(victim, 1, &made) == WK_OK) {
                wk_thread_start(made, 0x10000, 0x20000, 0, 0, 0);
                wk_capability_delete(made);
            }
            break;
        case 10:
            wk_process_grant(victim, pages, WK_TRANSFER_LEND, WK_RIGHTS_ALL, &made);
            break;
        default:
            if (next(&random, 20) == 0)
                wk_process_kill(victim, 1);
            if (next(&random, 60) == 0)
                wk_bank_destroy(bank[next(&random, VICTIMS)]);
            break;
        }
    }
}

int main(void)
{
    struct wk_thread threads[THREADS];

    for (unsigned i = 0; i < VICTIMS; i++) {
        EXPECT(WK_OK, wk_bank_split(wk_self.bank, 200, WK_BANK_KIND_RAM, &bank[i]));
        EXPECT(WK_OK, wk_process_create(bank[i], 0, 0, &process[i]));
        EXPECT(WK_OK,
               wk_memory_create(bank[i], MEMORY_PAGES, i % 2 == 0 ? 0 : WK_MEMORY_OPTIONS_ON_DEMAND, &memory[i]));
    }
    for (uint64_t i = 0; i < THREADS; i++)
        EXPECT(WK_OK, wk_thread_run(&threads[i], meddle, (void *)(i + wk_now_ns()), 4, 80));
    for (uint64_t i = 0; i < THREADS; i++)
        EXPECT(WK_OK, wk_thread_join(&threads[i], WK_FOREVER));
    return 0;
}
