/* SPDX-License-Identifier: MIT */
/*
 * The first process of a program of Linux begins here, as a native program: linux [--strace] PROGRAM ARGUMENT... It makes itself the
 * program's personality and starts it. Others begin by fork.
 */
#include "calls.h"
#include "exec.h"
#include "files.h"
#include "fork.h"
#include "heap.h"
#include "memory.h"
#include "paths.h"
#include "pipes.h"
#include "signals.h"
#include "strace.h"
#include "streams.h"
#include "terminal.h"
#include "threads.h"
#include "vdso.h"

#include <winkle/capability.h>
#include <winkle/event.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/posix.h>
#include <winkle/print.h>
#include <winkle/process.h>
#include <winkle/text.h>
#include <winkle/thread.h>

#include <linux/fcntl.h>

#define UMASK_FIRST 022

static void must(const char *what, enum wk_status status)
{
    if (status != WK_OK)
        wk_fail(what, status);
}

static wk_handle need(const char *name)
{
    const wk_handle handle = wk_named_handle(name);

    if (handle == 0)
        wk_fail(name, WK_NOT_AVAILABLE);
    return handle;
}

static wk_handle dup_of(wk_handle handle, uint64_t rights)
{
    wk_handle copy;

    must("its capabilities cannot be duplicated", wk_capability_dup(handle, rights, &copy));
    return copy;
}

/* Its data becomes its own. What all processes share of its image, no process may store to. */
static void open_image(void)
{
    const wk_handle image = need("image");

    must("its data cannot be moved", heap_take_data(image));
    heap_open();
    fork_start(dup_of(image, WK_MEMORY_RIGHT_READ | WK_MEMORY_RIGHT_EXECUTE));
    wk_capability_delete(image);
}

/* The record of the thread that runs; from here on it is current(). */
static void start_thread(void)
{
    struct thread *thread = thread_make(FIRST_FRAMES);
    enum wk_thread_state state;
    uint64_t hart;

    if (thread == NULL)
        wk_fail("there is no memory for its thread", WK_NO_MEMORY);
    thread->handle = wk_self.start->thread;
    must("its thread tells nothing", wk_thread_info(thread->handle, &state, &linux_process.priority, &hart));
    must("its frames cannot be set", thread_set_frames(thread, thread->handle));
    must("it cannot serve its own traps",
         wk_process_set_upcall(wk_self.process, (uint64_t)linux_entry, (uint64_t)linux_return));
    linux_process.threads = linux_process.told = thread;
    __asm__ volatile("mv tp, %0" : : "r"(thread) : "memory");
}

/* Makes itself known to the process service: as a child of a process that it was started in the name of, or the first one. */
static void attach(void)
{
    const wk_handle parent = wk_named_handle("parent"), container = parent == 0 ? need("posix") : 0;
    wk_handle process, thread, children;
    uint64_t pid;

    must("it has no memory for its event", wk_event_create(wk_self.bank, &linux_process.children));
    process = dup_of(wk_self.process, WK_PROCESS_RIGHT_CONTROL | WK_PROCESS_RIGHT_INSPECT);
    thread = dup_of(current()->handle, WK_THREAD_RIGHT_CONTROL | WK_THREAD_RIGHT_INSPECT);
    children = dup_of(linux_process.children, WK_EVENT_RIGHT_SIGNAL);
    must("the process service refuses it",
         parent != 0 ? wk_posix_fork(parent, process, thread, children, SIGNAL_CHLD, &linux_process.posix,
                                     &linux_process.page_memory, &pid)
                     : wk_posix_attach(container, process, thread, children, &linux_process.posix,
                                       &linux_process.page_memory, &pid));
    must("the process service's page cannot be mapped",
         wk_memory_map(linux_process.page_memory, wk_self.process, PROCESS_PAGE, 0, 1, WK_PROTECTION_READ));
    linux_process.page = (const struct wk_posix_page *)PROCESS_PAGE;
    current()->tid = (int32_t)pid;
    linux_process.umask = UMASK_FIRST;
    linux_process.is_first = parent == 0;
    wk_capability_delete(parent != 0 ? parent : container); /* neither is for the program to have */
}

static void open_standard_files(void)
{
    terminal_start(wk_named_handle("terminal"));
    if (streams_open() != 0)
        wk_fail("its standard streams cannot be opened", WK_NO_MEMORY);
}

/* The child of a fork has not the start block, of which the clock is still asked for. */
static void keep_clock(void)
{
    static struct wk_start kept;

    kept.timebase_hz = wk_self.start->timebase_hz;
    wk_self.start = &kept;
}

/* Where a program that is named without a path is looked for. */
static int64_t exec_by_name(const char *name, struct strings *arguments, struct strings *environment)
{
    static const char *const folders[] = {"/usr/local/bin/", "/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"};
    char path[256];
    int64_t error = -ENOENT;

    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '/')
            return exec_program(name, arguments, environment);
    }
    for (unsigned i = 0; i < sizeof(folders) / sizeof(folders[0]) && error == -ENOENT; i++) {
        wk_print_text(path, sizeof(path), "%s%s", folders[i], name);
        error = exec_program(path, arguments, environment);
    }
    return error;
}

__attribute__((noreturn)) static void start_program(int argc, char **argv)
{
    static const char *const variables[] = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                                            "HOME=/root",
                                            "TERM=vt100",
                                            "USER=root",
                                            "LOGNAME=root",
                                            "SHELL=/bin/sh"};
    struct strings arguments = {0}, environment = {0};
    int64_t error = 0;

    for (int i = 0; i < argc && error == 0; i++)
        error = strings_add(&arguments, argv[i]);
    for (unsigned i = 0; i < sizeof(variables) / sizeof(variables[0]) && error == 0; i++)
        error = strings_add(&environment, variables[i]);
    if (error == 0)
        error = exec_by_name(argv[0], &arguments, &environment);
    if (error != 0) {
        if (error == -ENOENT)
            wk_print("linux: %s: there is no such program\n", argv[0]);
        else
            wk_print("linux: %s: it cannot be started: error %ld\n", argv[0], (long)-error);
        wk_exit(error == -ENOENT ? 127 : 126);
    }
    strings_end(&arguments);
    strings_end(&environment);
    linux_leave(current()->frame);
    linux_leave_by_frame();
}

int main(int argc, char **argv)
{
    bool is_traced;

    argc--;
    argv++;
    is_traced = argc > 0 && strcmp(argv[0], "--strace") == 0;
    argc -= is_traced;
    argv += is_traced;
    if (argc < 1)
        wk_fail("usage: linux [--strace] PROGRAM ARGUMENT...", WK_OK);
    must("there is no memory for its address space", memory_open());
    open_image();
    must("there is no memory for its vDSO", vdso_start());
    start_thread();
    attach();
    paths_start(need("files"));
    pipes_start(need("pipes"));
    open_standard_files();
    linux_process.is_watched = is_traced;
    if (is_traced)
        strace_start();
    keep_clock();
    start_program(argc, argv);
}
