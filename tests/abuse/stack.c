/* SPDX-License-Identifier: MIT */
/* Stack overflow: of the first thread, and with a word of another thread. The page below every stack is unmapped. */
#include "../system/check.h"

#include <winkle/clock.h>
#include <winkle/threads.h>

static void overflow(void *unused)
{
    (void)unused;
    __asm__ volatile("1: addi sp, sp, -1024; sd zero, 0(sp); j 1b" : : : "memory");
}

int main(int argc, char **argv)
{
    struct wk_thread thread;

    (void)argv;
    if (argc == 1)
        overflow(NULL);
    EXPECT(WK_OK, wk_thread_run(&thread, overflow, NULL, 4, 50));
    EXPECT(WK_OK, wk_thread_join(&thread, WK_FOREVER));
    return 0;
}
