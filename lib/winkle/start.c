/* SPDX-License-Identifier: MIT */
#include <winkle/start.h>

#include <winkle/names.h>
#include <winkle/print.h>
#include <winkle/process.h>
#include <winkle/stream.h>
#include <winkle/text.h>
#include <winkle/threads.h>

struct wk_self wk_self;
static struct wk_thread first_thread;

/* The program. Its definition may leave the arguments out. */
int main(int argc, char **argv);
/* What init's own entry calls; and start.S, of whoever may have been given streams. */
__attribute__((noreturn)) void wk_start_program(const struct wk_start *start);
__attribute__((noreturn)) void wk_start_launched(const struct wk_start *start);

const struct wk_named *wk_named_find(const char *name)
{
    for (uint64_t i = 0; i < wk_self.start->named_count && i < WK_NAMED_MAX; i++) {
        if (strcmp(wk_self.start->named[i].name, name) == 0)
            return &wk_self.start->named[i];
    }
    return NULL;
}

wk_handle wk_named_handle(const char *name)
{
    const struct wk_named *named = wk_named_find(name);

    return named == NULL ? 0 : named->handle;
}

void wk_start_program(const struct wk_start *start)
{
    wk_self.start = start;
    wk_self.process = start->process;
    wk_self.bank = start->bank;
    wk_self.budget = start->budget;
    wk_self.machine = wk_named_handle("machine");
    wk_self.trace = wk_named_handle("trace");
    first_thread.handle = start->thread;
    wk_thread_set_self(&first_thread);
    wk_exit(main((int)start->argc, (char **)(uintptr_t)start->argv));
}

void wk_start_launched(const struct wk_start *start)
{
    wk_self.start = start;
    wk_streams_start();
    wk_start_program(start);
}

void wk_exit(int status)
{
    for (;;) {
        /* Killing oneself has no answer. If another thread does so already, that is about to stop this one; if there was no right to it, the
         * breakpoint ends the process all the same. */
        if (wk_process_kill(wk_self.process, (uint64_t)status) != WK_REVOKED)
            __asm__ volatile("ebreak");
    }
}

void wk_fail(const char *what, enum wk_status status)
{
    const char *name = wk_self.start->argc > 0 ? wk_self.start->argv[0] : "program";

    if (status == WK_OK)
        wk_print_error("%s: %s\n", name, what);
    else
        wk_print_error("%s: %s: %s\n", name, what, wk_status_name(status));
    wk_exit(1);
}
