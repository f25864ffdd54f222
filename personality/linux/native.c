/* SPDX-License-Identifier: MIT */
/*
 * A native program that execve was asked for is a process of its own, for whose end this one waits, which has nothing to do any
 * more but to carry what it prints to descriptor 1 and to take signals. It gets its arguments, this process's bank and budget, and
 * a pipe's end under the name "output"; it ends with this process, whose capabilities its memory is mapped through.
 */
#include "native.h"

#include "calls.h"
#include "end.h"
#include "memory.h"
#include "node.h"
#include "pipes.h"
#include "signals.h"
#include "waiters.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/heap.h>
#include <winkle/launch.h>
#include <winkle/pipe.h>
#include <winkle/text.h>

#include <asm/stat.h>
#include <linux/mman.h>

#define NATIVE_BYTES_MAX INT64_C(0x1000000)
#define ARGUMENTS_MAX 256
#define END_BIT 2
#define STANDARD_OUTPUT 1
/* Where in the program's memory, which is empty, what was printed passes through. */
#define BUFFER PROGRAM_FIRST

static struct wk_child child;
static wk_handle output; /* the end to read from */

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

static int64_t launch(const uint8_t *bytes, uint64_t length, const struct strings *arguments)
{
    const char *argv[ARGUMENTS_MAX], *text = arguments->bytes, *problem;
    wk_handle writer;
    enum wk_status status;

    for (uint64_t i = 0; i < arguments->count; i++) {
        argv[i] = text;
        text += strlen(text) + 1;
    }
    status = wk_pipe_create(pipes_maker(), &output, &writer);
    if (status != WK_OK)
        return error_of(status);
    const struct wk_grant grant = {"output", writer, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, 0, 0};
    const struct wk_launch wanted = {
        .elf = bytes,
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
        .grants = &grant,
        .grant_count = 1,
    };

    status = wk_launch_prepare(&wanted, &child, &problem);
    if (status == WK_OK)
        return 0;
    wk_capability_delete(output);
    wk_capability_delete(writer);
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

/* Waits; a signal that comes meanwhile ends or stops this process, or is ignored: there are no handlers. */
static void wait_or_be_signalled(void)
{
    if (wait_for_event(WK_FOREVER) == 0)
        return;
    current()->attention = 0;
    signals_handle(current()->frame, 0);
}

/* Where descriptor 1 takes nothing, what was printed is lost. */
static void print(uint64_t count)
{
    for (uint64_t done = 0; done < count;) {
        const int64_t written = linux_write(STANDARD_OUTPUT, BUFFER + done, count - done);

        if (current()->attention != 0 || written == -RESTART) {
            current()->attention = 0;
            signals_handle(current()->frame, 0);
        }
        if (written == -RESTART)
            continue;
        if (written <= 0)
            return;
        done += (uint64_t)written;
    }
}

/* Carries what it prints, until it and whoever else has the pipe's other end have gone. */
static void carry_output(void)
{
    uint64_t count = 0;

    for (;;) {
        const enum wk_status status =
            wk_pipe_read(output, arena, BUFFER, WK_PAGE_BYTES, waiter_number(WAITER_PIPES, pipes_maker()), &count);

        if (status == WK_WOULD_BLOCK)
            wait_or_be_signalled();
        else if (status == WK_OK && count != 0)
            print(count);
        else
            return;
    }
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

    if (memory_map_own(BUFFER, WK_PAGE_BYTES, PROT_READ | PROT_WRITE) != 0 || wk_launch_start(&child) != WK_OK)
        end_by_signal(SIGNAL_KILL);
    carry_output();
    while (wk_child_end(&child, &end) == WK_OK && end.reason == WK_END_REASON_NONE)
        wait_or_be_signalled();
    wk_child_release(&child);
    if (!wk_end_is_exit(&end))
        end_by_signal(signal_of(end.reason));
    end_process((uint32_t)(end.detail & 0xff) << 8);
}
