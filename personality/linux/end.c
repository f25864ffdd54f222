/* SPDX-License-Identifier: MIT */
#include "end.h"

#include "calls.h"
#include "files.h"
#include "futex.h"
#include "locks.h"
#include "terminal.h"
#include "threads.h"

#include <winkle/names.h>
#include <winkle/posix.h>
#include <winkle/print.h>
#include <winkle/thread.h>

/* What the first thread that ends the process says counts; that one may come here again if it cannot finish. */
static void wait_if_another_ends(int status)
{
    static struct thread *ending;
    struct thread *expected = NULL;

    if (__atomic_compare_exchange_n(&ending, &expected, current(), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return;
    if (expected == current())
        wk_exit(status);
    for (;;)
        wk_thread_stop(current()->handle);
}

__attribute__((noreturn)) static void finish(uint32_t wait_status)
{
    /* The native status is the shell's: the launcher of the first process sees no other. */
    const int status = (wait_status & 0x7f) == 0 ? (int)(wait_status >> 8 & 0xff) : 128 + (int)(wait_status & 0x7f);

    wait_if_another_ends(status);
    if (linux_process.is_first)
        terminal_drain();
    locks_end();
    descriptors_close_locked();
    if (linux_process.posix != 0)
        wk_posix_exit(linux_process.posix, wait_status);
    wk_exit(status);
}

void end_process(uint32_t wait_status)
{
    for (struct thread *thread = linux_process.threads; thread != NULL; thread = thread->next)
        futex_forget_robust(thread);
    finish(wait_status);
}

void end_by_signal(int signal)
{
    end_process((uint32_t)signal);
}

void linux_die(const char *what, enum wk_status status)
{
    wk_print("linux: %s: %s: %s\n", linux_process.name, what, wk_status_name(status));
    finish(127 << 8);
}

int64_t linux_exit_group(int status)
{
    end_process((uint32_t)(status & 0xff) << 8);
}

int64_t linux_exit(int status)
{
    if (linux_process.threads->next == NULL)
        end_process((uint32_t)(status & 0xff) << 8);
    thread_end();
}
