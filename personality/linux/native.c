/* SPDX-License-Identifier: MIT */
/*
 * A native program that execve was asked for is a process of its own, for whose end this one waits, which has nothing to do any
 * more but to take signals. It gets its arguments, this process's bank and budget, and by name what this one has: its descriptors 0
 * to 2 (streams.h), its working directory as "files", its session of the process service as "parent", "pipes", "terminal". It ends with this
 * process, whose capabilities its memory is mapped through.
 */
#include "native.h"

#include "end.h"
#include "node.h"
#include "paths.h"
#include "pipes.h"
#include "signals.h"
#include "streams.h"
#include "terminal.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/heap.h>
#include <winkle/launch.h>
#include <winkle/posix.h>
#include <winkle/process.h>
#include <winkle/text.h>

#include <asm/stat.h>

#define NATIVE_BYTES_MAX INT64_C(0x1000000)
#define ARGUMENTS_MAX 256
#define END_BIT 2
#define SERVICES 4

static struct wk_child child;

/* ---- its start ---- */

static int64_t read_file(struct file *file, uint8_t **bytes, uint64_t *length)
{
    struct stat status;
    int64_t error = node_operations.status(file, &status);

    if (error != 0)
        return error;
    if (status.st_size > NATIVE_BYTES_MAX)
        return -ENOEXEC;
    *length = (uint64_t)status.st_size;
    *bytes = wk_allocate(*length);
    if (*bytes == NULL)
        return -ENOMEM;
    for (uint64_t done = 0; done < *length; done += (uint64_t)error) {
        error = node_read_bytes(file, *bytes + done, done, *length - done);
        if (error <= 0)
            return error == 0 ? -EIO : error;
    }
    return 0;
}

/* Beside its streams: the program's own copies, as those are. */
static int64_t grant_services(struct wk_grant *grants, unsigned *count)
{
    const struct {
        const char *name;
        wk_handle session;
    } services[SERVICES] = {{"files", working_session()},
                            {"parent", linux_process.posix},
                            {"pipes", pipes_maker()},
                            {"terminal", terminal_session()}};

    for (unsigned i = 0; i < SERVICES; i++) {
        struct wk_grant *grant = &grants[*count];

        if (services[i].session == 0)
            continue;
        *grant = (struct wk_grant){services[i].name, 0, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, 0, 0};
        if (wk_capability_dup(services[i].session, WK_RIGHTS_ALL, &grant->handle) != WK_OK)
            return -ENOMEM;
        ++*count;
    }
    return 0;
}

static int64_t launch(const uint8_t *bytes, uint64_t length, const struct strings *arguments)
{
    const char *argv[ARGUMENTS_MAX], *text = arguments->bytes, *problem;
    struct wk_grant grants[STREAMS + SERVICES];
    unsigned count = 0;
    enum wk_status status = WK_OK;
    int64_t error = streams_grant(grants, &count);

    if (error != 0)
        return error;
    error = grant_services(grants, &count);
    for (uint64_t i = 0; i < arguments->count; i++) {
        argv[i] = text;
        text += strlen(text) + 1;
    }
    if (error == 0)
        status = wk_launch_prepare(&(struct wk_launch){.elf = bytes,
                                                       .elf_bytes = length,
                                                       .argc = (int)arguments->count,
                                                       .argv = argv,
                                                       .bank = wk_self.bank,
                                                       .bank_rights = WK_BANK_RIGHTS_TO_SPEND,
                                                       .budget_of = wk_self.budget,
                                                       .ceiling = linux_process.priority,
                                                       .priority = linux_process.priority,
                                                       .end_event = current()->event,
                                                       .end_bits = END_BIT,
                                                       .grants = grants,
                                                       .grant_count = count},
                                   &child, &problem);
    if (error != 0 || status != WK_OK)
        streams_take_back(grants, count);
    if (error != 0)
        return error;
    return status == WK_NO_MEMORY ? -ENOMEM : status == WK_BAD_ARGUMENT ? -ENOEXEC : error_of(status);
}

int64_t native_prepare(struct file *file, const struct strings *arguments)
{
    uint8_t *bytes = NULL;
    uint64_t length;
    int64_t error = arguments->count > ARGUMENTS_MAX ? -E2BIG : read_file(file, &bytes, &length);

    if (error == 0)
        error = launch(bytes, length, arguments);
    wk_free(bytes);
    return error;
}

/* ---- while it runs ---- */

/* What it started itself are children of this process: that they have ended it learns by other ways. */
static void forget_children(void)
{
    uint64_t pid, status, user, used;

    while (wk_posix_wait(linux_process.posix, UINT64_MAX, WK_WAIT_OPTIONS_NO_HANG | WK_WAIT_OPTIONS_EXITED, &pid,
                         &status, &user, &used) == WK_OK &&
           pid != 0)
        ;
}

/* Waits; a signal that comes meanwhile ends or stops this process, and with it the program, or is ignored: there are no handlers. */
static void wait_or_be_signalled(void)
{
    uint64_t bits;

    if (wk_event_wait(current()->event, UINT64_MAX, WK_FOREVER, &bits) == WK_OK)
        return;
    current()->attention = 0;
    wk_process_suspend(child.process);
    signals_handle(current()->frame, 0);
    wk_process_resume(child.process);
    forget_children();
}

static int signal_of(enum wk_end_reason reason)
{
    switch ((unsigned)reason) {
    case WK_END_REASON_ILLEGAL_INSTRUCTION:
        return SIGNAL_ILL;
    case WK_END_REASON_BREAKPOINT:
        return SIGNAL_TRAP;
    default:
        return SIGNAL_SEGV;
    }
}

void native_run(void)
{
    struct wk_end end = {.reason = WK_END_REASON_NONE};

    if (wk_launch_start(&child) != WK_OK)
        end_by_signal(SIGNAL_KILL);
    while (wk_child_end(&child, &end) == WK_OK && end.reason == WK_END_REASON_NONE)
        wait_or_be_signalled();
    wk_child_release(&child);
    if (!wk_end_is_exit(&end))
        end_by_signal(signal_of(end.reason));
    end_process((uint32_t)(end.detail & 0xff) << 8);
}
