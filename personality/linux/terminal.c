/* SPDX-License-Identifier: MIT */
/*
 * The terminal, of the terminal service: reading, writing, and the ioctls by which programs set it up and hand it from group to group. What
 * a background group may not do stops it by SIGTTIN or SIGTTOU.
 */
#include "terminal.h"

#include "console.h"
#include "memory.h"
#include "signals.h"
#include "waiters.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/directory.h>
#include <winkle/pipe.h>
#include <winkle/posix.h>
#include <winkle/terminal.h>
#include <winkle/text.h>

#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/stat.h>
#include <asm/termbits.h>
#include <asm/termios.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#define SHORT_BYTES 40
#define ORPHANED_BIT (UINT64_C(1) << 40) /* of what posix.describe tells of the session */
#define DEVICE_TTY UINT64_C(0x500)

static wk_handle terminal; /* 0: there is none, and the console stands in */

void terminal_start(wk_handle session)
{
    uint64_t group, owner;

    terminal = session;
    if (session == 0)
        return;
    if (linux_process.is_first)
        linux_process.has_terminal =
            wk_terminal_attach(session, linux_process.page->session, linux_process.page->group, 1) == WK_OK;
    else
        linux_process.has_terminal =
            wk_terminal_foreground(session, &group, &owner) == WK_OK && owner == linux_process.page->session;
}

wk_handle terminal_session(void)
{
    return terminal;
}

/* A session of the process's own has none. */
void terminal_leave(void)
{
    linux_process.has_terminal = false;
}

static uint64_t waiter(void)
{
    return waiter_number(WAITER_TERMINAL, terminal);
}

static bool is_unheard(int signal)
{
    return signal_is_ignored(signal) || (current()->blocked & SIGNAL_BIT(signal)) != 0;
}

uint64_t terminal_group(int signal)
{
    return !linux_process.has_terminal || is_unheard(signal) ? 0 : linux_process.page->group;
}

/* Whether nobody would have its group go on, if it stopped. */
static bool is_orphaned(void)
{
    uint64_t pid, parent_group, session_state, name[2], used;

    return wk_posix_describe(linux_process.posix, linux_process.page->pid, &pid, &parent_group, &session_state,
                             &name[0], &name[1], &used) == WK_OK &&
           (session_state & ORPHANED_BIT) != 0;
}

/* What a background group gets, instead of what it asked for. Nobody reads by not hearing SIGTTIN. */
static int64_t stop_group(int signal)
{
    if (is_unheard(signal) || is_orphaned())
        return -EIO;
    wk_posix_kill(linux_process.posix, 0, (uint64_t)signal, 0, 0x80 /* SI_KERNEL */);
    return signals_restart();
}

static int64_t result_of(enum wk_status status, int signal, uint64_t count)
{
    if (status == WK_OK)
        return (int64_t)count;
    return status == WK_NO_RIGHT ? stop_group(signal) : error_of(status);
}

/* Whether it is to be waited for is known by what the service answers. */
static int64_t transferred(struct file *file, enum wk_status status, int signal, uint64_t count)
{
    if (status == WK_WOULD_BLOCK)
        file->flags &= ~(uint32_t)O_NONBLOCK;
    if (status == WK_BUSY)
        file->flags |= O_NONBLOCK;
    return status == WK_BUSY ? -EAGAIN : result_of(status, signal, count);
}

static int64_t read(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    const uint64_t group = linux_process.has_terminal ? linux_process.page->group : 0,
                   wanted = bytes < SHORT_BYTES ? bytes : SHORT_BYTES;
    uint64_t words[5], count = 0;
    struct span span;
    enum wk_status status;

    if (position != POSITION_CURRENT)
        return -ESPIPE;
    if (bytes == 0)
        return 0;
    if (bytes > SHORT_BYTES && memory_span(buffer, bytes, true, &span)) {
        status = wk_terminal_read(file->session, span.memory, span.offset, span.length, waiter(), group, &count);
        return transferred(file, status, SIGNAL_TTIN, count);
    }
    status = wk_terminal_read_short(file->session, wanted, waiter(), group, &count, &words[0], &words[1], &words[2],
                                    &words[3], &words[4]);
    if (status == WK_OK && (count > wanted || copy_out(buffer, words, count) != 0))
        return -EFAULT;
    return transferred(file, status, SIGNAL_TTIN, count);
}

static int64_t write(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    const uint64_t group = terminal_group(SIGNAL_TTOU), part = bytes < SHORT_BYTES ? bytes : SHORT_BYTES;
    uint64_t words[5] = {0}, count = 0;
    struct span span;
    enum wk_status status;

    if (position != POSITION_CURRENT)
        return -ESPIPE;
    if (bytes == 0)
        return 0;
    if (bytes > SHORT_BYTES && memory_span(buffer, bytes, false, &span)) {
        status = wk_terminal_write(file->session, span.memory, span.offset, span.length, waiter(), group, &count);
        return transferred(file, status, SIGNAL_TTOU, count);
    }
    if (copy_in(words, buffer, part) != 0)
        return -EFAULT;
    status = wk_terminal_write_short(file->session, part | group << 8 | waiter() << 32, words[0], words[1], words[2],
                                     words[3], words[4], &count);
    return transferred(file, status, SIGNAL_TTOU, count);
}

static int64_t status(struct file *file, struct stat *status)
{
    (void)file;
    *status = (struct stat){
        .st_mode = S_IFCHR | 0620, .st_nlink = 1, .st_ino = 5, .st_dev = 5, .st_rdev = DEVICE_TTY, .st_blksize = 1024};
    return 0;
}

static int64_t poll(struct file *file, uint32_t events)
{
    const uint64_t wanted = ((events & (POLLIN | POLLRDNORM)) != 0 ? WK_READINESS_READABLE : 0) |
                            ((events & (POLLOUT | POLLWRNORM)) != 0 ? WK_READINESS_WRITABLE : 0);
    uint64_t ready = 0, input, output;
    const enum wk_status answer =
        wk_terminal_poll(terminal, wanted, waiter_number(WAITER_TERMINAL, terminal), &ready, &input, &output);

    (void)file;
    if (answer != WK_OK)
        return error_of(answer);
    return ((ready & WK_READINESS_READABLE) != 0 ? events & (POLLIN | POLLRDNORM) : 0U) |
           ((ready & WK_READINESS_WRITABLE) != 0 ? events & (POLLOUT | POLLWRNORM) : 0U);
}

/* ---- its attributes ---- */

static int64_t tell_attributes(uint64_t argument)
{
    uint64_t words[5];
    const enum wk_status answer =
        wk_terminal_attributes(terminal, &words[0], &words[1], &words[2], &words[3], &words[4]);

    return answer != WK_OK ? error_of(answer) : copy_out(argument, words, sizeof(struct termios));
}

static int64_t set_attributes(enum wk_terminal_when when, uint64_t argument)
{
    uint64_t words[5] = {0};
    enum wk_status answer;

    if (copy_in(words, argument, sizeof(struct termios)) != 0)
        return -EFAULT;
    for (;;) {
        int64_t waited;

        answer = wk_terminal_set_attributes(terminal, when | terminal_group(SIGNAL_TTOU) << 8 | waiter() << 32,
                                            words[0], words[1], words[2], words[3], words[4]);
        if (answer != WK_WOULD_BLOCK)
            return result_of(answer, SIGNAL_TTOU, 0);
        waited = wait_for_event(WK_FOREVER);
        if (waited != 0)
            return waited;
    }
}

static int64_t tell_size(uint64_t argument)
{
    uint64_t rows, columns, width, height;
    struct winsize size;
    const enum wk_status answer = wk_terminal_size(terminal, &rows, &columns, &width, &height);

    if (answer != WK_OK)
        return error_of(answer);
    size = (struct winsize){(uint16_t)rows, (uint16_t)columns, (uint16_t)width, (uint16_t)height};
    return copy_out(argument, &size, sizeof(size));
}

static int64_t set_size(uint64_t argument)
{
    struct winsize size;

    if (copy_in(&size, argument, sizeof(size)) != 0)
        return -EFAULT;
    return error_of(wk_terminal_set_size(terminal, size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel));
}

static int64_t drain(uint64_t group, uint64_t deadline)
{
    for (;;) {
        const enum wk_status answer = wk_terminal_drain(terminal, waiter(), group);
        int64_t waited;

        if (answer != WK_WOULD_BLOCK)
            return result_of(answer, SIGNAL_TTOU, 0);
        waited = wait_for_event(deadline);
        if (waited != 0)
            return waited;
    }
}

/* Nobody is left to let go on what was stopped; and whoever stops it again is waited for no longer than a serial line of Linux
 * waits when it is closed. */
void terminal_show_last(void)
{
    if (terminal == 0)
        return;
    wk_terminal_flow(terminal, WK_TERMINAL_FLOW_ACTION_START_OUTPUT, 0);
    drain(0, wk_after_ns(30 * WK_NS_PER_SECOND));
}

/* ---- whose it is ---- */

static int64_t tell_foreground(uint64_t argument, bool is_session)
{
    uint64_t group = 0, session = 0;
    int32_t number;
    const enum wk_status answer = wk_terminal_foreground(terminal, &group, &session);

    if (answer != WK_OK)
        return error_of(answer);
    if (!linux_process.has_terminal)
        return -ENOTTY;
    number = (int32_t)(is_session ? session : group);
    return copy_out(argument, &number, sizeof(number));
}

/* Whether the group is one of the session. Of one whose leader has ended it is only known whether it is there. */
static int64_t check_group(uint64_t group)
{
    uint64_t pid, parent_group, session_state, name[2], used;

    if (group == linux_process.page->group)
        return 0;
    if (wk_posix_describe(linux_process.posix, group, &pid, &parent_group, &session_state, &name[0], &name[1], &used) ==
            WK_OK &&
        pid == group && parent_group >> 32 == group)
        return (session_state & UINT32_MAX) == linux_process.page->session ? 0 : -EPERM;
    return wk_posix_kill(linux_process.posix, -group, 0, 0, 0) == WK_NOT_FOUND ? -ESRCH : 0;
}

/* Source: Linux's tty_jobctrl.c, for what is asked first. */
static int64_t set_foreground(uint64_t argument)
{
    int32_t group;
    int64_t result;
    enum wk_status answer;

    if (copy_in(&group, argument, sizeof(group)) != 0)
        return -EFAULT;
    if (group <= 0)
        return -EINVAL;
    if (!linux_process.has_terminal)
        return -ENOTTY;
    result = check_group((uint64_t)group);
    if (result != 0)
        return result;
    answer =
        wk_terminal_set_foreground(terminal, linux_process.page->session, terminal_group(SIGNAL_TTOU), (uint64_t)group);
    result = answer == WK_NOT_AVAILABLE ? -ENOTTY : result_of(answer, SIGNAL_TTOU, 0);
    return result == -EIO ? -ENOTTY : result;
}

static int64_t attach(uint64_t argument)
{
    if (linux_process.page->session != linux_process.page->pid)
        return -EPERM;
    if (wk_terminal_attach(terminal, linux_process.page->session, linux_process.page->group, argument == 1) != WK_OK)
        return -EPERM;
    linux_process.has_terminal = true;
    return 0;
}

static int64_t tell_waiting(uint64_t argument, bool is_input)
{
    uint64_t ready, input = 0, output = 0;
    int32_t number;
    const enum wk_status answer = wk_terminal_poll(terminal, 0, 0, &ready, &input, &output);

    number = (int32_t)(is_input ? input : output);
    return answer != WK_OK ? error_of(answer) : copy_out(argument, &number, sizeof(number));
}

static int64_t control(struct file *file, uint64_t request, uint64_t argument)
{
    (void)file;
    switch (request) {
    case TCGETS:
        return tell_attributes(argument);
    case TCSETS:
        return set_attributes(WK_TERMINAL_WHEN_NOW, argument);
    case TCSETSW:
        return set_attributes(WK_TERMINAL_WHEN_DRAINED, argument);
    case TCSETSF:
        return set_attributes(WK_TERMINAL_WHEN_FLUSHED, argument);
    case TIOCGWINSZ:
        return tell_size(argument);
    case TIOCSWINSZ:
        return set_size(argument);
    case TIOCGPGRP:
        return tell_foreground(argument, false);
    case TIOCGSID:
        return tell_foreground(argument, true);
    case TIOCSPGRP:
        return set_foreground(argument);
    case TIOCSCTTY:
        return attach(argument);
    case TIOCNOTTY:
        wk_terminal_detach(terminal, linux_process.page->session);
        linux_process.has_terminal = false;
        return 0;
    case TCFLSH:
        return argument > 2 ? -EINVAL
                            : error_of(wk_terminal_flush(terminal, (enum wk_terminal_queues)argument,
                                                         terminal_group(SIGNAL_TTOU)));
    case TCXONC:
        return argument > 3 ? -EINVAL
                            : error_of(wk_terminal_flow(terminal, (enum wk_terminal_flow_action)argument,
                                                        terminal_group(SIGNAL_TTOU)));
    case TCSBRK:
        return argument == 0 ? 0 : drain(terminal_group(SIGNAL_TTOU), WK_FOREVER);
    case FIONREAD:
        return tell_waiting(argument, true);
    case TIOCOUTQ:
        return tell_waiting(argument, false);
    default:
        return -ENOTTY;
    }
}

static const struct file_operations terminal_operations = {.read = read,
                                                           .write = write,
                                                           .status = status,
                                                           .control = control,
                                                           .poll = poll,
                                                           .get_flags = wk_terminal_description_flags,
                                                           .set_flags = wk_terminal_set_description_flags,
                                                           .stream = WK_STREAM_TERMINAL};

int64_t terminal_open(uint32_t flags, struct file **file)
{
    wk_handle session = 0;

    if (terminal == 0)
        return console_open(flags, file);
    if (wk_terminal_open(terminal, &session) != WK_OK)
        return -ENOMEM;
    *file = file_make(&terminal_operations, session, flags);
    if (*file == NULL)
        return -ENOMEM;
    (*file)->kind = WK_NODE_KIND_CHARACTER;
    return 0;
}
