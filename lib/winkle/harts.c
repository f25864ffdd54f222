/* SPDX-License-Identifier: MIT */
#include <winkle/harts.h>

#include <winkle/print.h>
#include <winkle/start.h>

#define NAME_BYTES 8

wk_handle wk_hart_budget(unsigned hart)
{
    char name[NAME_BYTES];

    if (hart >= WK_HARTS_MAX)
        return 0;
    wk_print_text(name, sizeof(name), "hart%u", hart);
    return wk_named_handle(name);
}

unsigned wk_hart_count(void)
{
    unsigned count = 0;

    while (wk_hart_budget(count) != 0)
        count++;
    return count;
}

wk_handle wk_budget_in_turn(void)
{
    static uint32_t turn;
    const unsigned count = wk_hart_count();

    /* The first to come goes beside the program's first thread, not on top of it. */
    return count == 0 ? wk_self.budget : wk_hart_budget(__atomic_add_fetch(&turn, 1, __ATOMIC_RELAXED) % count);
}
