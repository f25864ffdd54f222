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

/* The thread that has begun to end the process before; NULL: none has, and this one has now. */
static struct thread *begin_end(void)
{
    static struct thread *ending;
    struct thread *before = NULL;

    __atomic_compare_exchange_n(&ending, &before, current(), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return before;
}

/* The native status is the shell's: the launcher of the first process sees no other. */
static int native_status(uint32_t wait_status)
{
    return (wait_status & 0x7f) == 0 ? (int)(wait_status >> 8 & 0xff) : 128 + (int)(wait_status & 0x7f);
}

__attribute__((noreturn)) static void finish(uint32_t wait_status)
{
    if (linux_process.is_first)
        terminal_show_last();
    locks_end();
    descriptors_close_locked();
    if (linux_process.posix != 0)
        wk_posix_exit(linux_process.posix, wait_status);
    wk_exit(native_status(wait_status));
}

/* So that none takes a lock after it has been looked at, or goes on with one that is another's by then. Twice, since one may have been
 * starting another. */
static void stop_others(void)
{
    wk_lock_take(&linux_lock); /* none stops with it */
    for (unsigned i = 0; i < 2; i++) {
        for (const struct thread *thread = linux_process.threads; thread != NULL; thread = thread->next) {
            if (thread != current())
                wk_thread_stop(thread->handle);
        }
    }
    wk_lock_release(&linux_lock);
}

/* What the first thread that ends the process says counts; that one may come here again if it cannot finish. What robust locks the
 * process held is nothing to anybody if it shares no memory. */
void end_process(uint32_t wait_status)
{
    const struct thread *before = begin_end();

    if (before == current())
        wk_exit(native_status(wait_status));
    while (before != NULL)
        wk_thread_stop(current()->handle);
    if (linux_process.has_notice) {
        stop_others();
        for (struct thread *thread = linux_process.threads; thread != NULL; thread = thread->next)
            futex_forget_robust(thread);
    }
    finish(wait_status);
}

void end_by_signal(int signal)
{
    end_process((uint32_t)signal);
}

void linux_die(const char *what, enum wk_status status)
{
    const uint32_t wait_status = 127 << 8;

    wk_print("linux: %s: %s: %s\n", linux_process.name, what, wk_status_name(status));
    if (begin_end() == NULL)
        finish(wait_status);
    wk_exit(native_status(wait_status));
}

int64_t linux_exit_group(int status)
{
    end_process((uint32_t)(status & 0xff) << 8);
}

int64_t linux_exit(int status)
{
    const uint32_t wait_status = (uint32_t)(status & 0xff) << 8;

    if (linux_process.threads->next == NULL)
        end_process(wait_status);
    thread_end(wait_status);
}
