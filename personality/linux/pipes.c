/* SPDX-License-Identifier: MIT */
/*
 * Pipes. Nothing waits in the service: what would is answered `would_block`, and the thread's waiter is told when it is worth while to
 * try again. Up to 40 bytes travel in the words of the call, more by lending the program's memory.
 */
#include "pipes.h"

#include "calls.h"
#include "memory.h"
#include "node.h"
#include "signals.h"
#include "waiters.h"

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/directory.h>
#include <winkle/heap.h>
#include <winkle/pipe.h>
#include <winkle/text.h>

#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#define BOUNCE_BYTES UINT64_C(4096)

static wk_handle maker;

void pipes_start(wk_handle session)
{
    maker = session;
}

wk_handle pipes_maker(void)
{
    return maker;
}

wk_handle pipe_writer(const struct file *file)
{
    return file->writer != 0 ? file->writer : file->session;
}

static inline uint64_t waiter(void)
{
    const struct waiter *known = &current()->waiters[WAITER_PIPES];

    return known->session != 0 ? known->number : waiter_number(WAITER_PIPES, maker);
}

/* The service has said that the pipe is empty and that this thread will be told: it need not be asked for that, once. */
static bool is_known_empty(const struct file *file)
{
    struct thread *self = current();

    if (self->told_of != file->session)
        return false;
    self->told_of = 0;
    return true;
}

/* Whether it is to be waited for is known by what the service answers. */
static int64_t result_of(struct file *file, enum wk_status status, uint64_t count)
{
    if (status == WK_OK)
        return (int64_t)count;
    if (status == WK_WOULD_BLOCK) {
        file->flags &= ~(uint32_t)O_NONBLOCK;
        return -EAGAIN;
    }
    if (status == WK_BUSY) {
        file->flags |= O_NONBLOCK;
        return -EAGAIN;
    }
    return status == WK_NO_RIGHT ? -EBADF : error_of(status);
}

/* Who had to wait for the pipe before asks to be told ahead: it takes one question less then to wait again. */
static enum wk_status read_short(struct file *file, uint64_t bytes, uint64_t words[static 5], uint64_t *count)
{
    const enum wk_status status = wk_pipe_read_short(file->session, bytes, waiter(), file->was_awaited, count,
                                                     &words[0], &words[1], &words[2], &words[3], &words[4]);

    if (status == WK_OK && (*count & WK_WILL_TELL) != 0) {
        current()->told_of = file->session;
        *count &= ~(uint64_t)WK_WILL_TELL;
    }
    if (status == WK_WOULD_BLOCK)
        file->was_awaited = true;
    return status;
}

static int64_t read(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    struct span span;
    uint64_t words[5], count = 0;
    enum wk_status status;

    if (position != POSITION_CURRENT)
        return -ESPIPE;
    if (bytes == 0)
        return 0;
    if (is_known_empty(file))
        return result_of(file, WK_WOULD_BLOCK, 0);
    if (bytes <= WK_SHORT_MAX) {
        status = read_short(file, bytes, words, &count);
        if (status == WK_OK && (count > bytes || copy_out(buffer, words, count) != 0))
            return -EFAULT;
    } else {
        if (!memory_span(buffer, bytes, true, &span))
            return -EFAULT;
        status = wk_pipe_read(file->session, span.memory, span.offset, span.length, waiter(), &count);
    }
    return result_of(file, status, count);
}

static enum wk_status write_span(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t *count)
{
    struct span span;
    uint8_t *bounce;
    enum wk_status status;

    if (memory_span(buffer, bytes, false, &span))
        return wk_pipe_write(pipe_writer(file), span.memory, span.offset, span.length, waiter(), count);
    if (bytes > BOUNCE_BYTES)
        bytes = BOUNCE_BYTES;
    bounce = wk_allocate(bytes);
    if (bounce == NULL)
        return WK_NO_MEMORY;
    status = WK_BAD_HANDLE;
    if (copy_in(bounce, buffer, bytes) == 0)
        status = wk_pipe_write(pipe_writer(file), arena, (uint64_t)bounce, bytes, waiter(), count);
    wk_free(bounce);
    return status;
}

static int64_t write(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    uint64_t words[5] = {0}, count = bytes;
    enum wk_status status;

    if (position != POSITION_CURRENT)
        return -ESPIPE;
    if (bytes == 0)
        return 0;
    if (bytes <= WK_SHORT_MAX) {
        if (copy_in(words, buffer, bytes) != 0)
            return -EFAULT;
        status = wk_pipe_write_short(pipe_writer(file), bytes | waiter() << 8, words[0], words[1], words[2], words[3],
                                     words[4]);
    } else {
        status = write_span(file, buffer, bytes, &count);
    }
    if (status == WK_BROKEN)
        signal_self(SIGNAL_PIPE);
    if (status == WK_BAD_HANDLE)
        return -EFAULT;
    return result_of(file, status, count);
}

static int64_t seek(struct file *file, int64_t offset, int whence)
{
    (void)file;
    (void)offset;
    (void)whence;
    return -ESPIPE;
}

static int64_t status(struct file *file, struct stat *status)
{
    *status = (struct stat){.st_mode = S_IFIFO | 0600,
                            .st_nlink = 1,
                            .st_ino = file->session,
                            .st_dev = 2,
                            .st_uid = linux_process.effective_user,
                            .st_gid = linux_process.effective_group,
                            .st_blksize = WK_PAGE_BYTES};
    return 0;
}

/* Who has both ends open is never hung up. */
static int64_t poll_both(struct file *file, uint64_t wanted, uint64_t *ready, uint64_t *count)
{
    uint64_t readable = 0, writable = 0, written;
    enum wk_status status = wk_pipe_poll(file->session, wanted & WK_READINESS_READABLE, waiter(), &readable, count);

    if (status == WK_OK)
        status = wk_pipe_poll(file->writer, wanted & WK_READINESS_WRITABLE, waiter(), &writable, &written);
    *ready = (readable & WK_READINESS_READABLE) | (writable & WK_READINESS_WRITABLE);
    return error_of(status);
}

static int64_t poll(struct file *file, uint32_t events)
{
    const uint64_t wanted = ((events & (POLLIN | POLLRDNORM)) != 0 ? WK_READINESS_READABLE : 0) |
                            ((events & (POLLOUT | POLLWRNORM)) != 0 ? WK_READINESS_WRITABLE : 0) | WK_READINESS_HUNG_UP;
    uint64_t ready = 0, count = 0;
    const int64_t error = file->writer != 0 ? poll_both(file, wanted, &ready, &count)
                                            : error_of(wk_pipe_poll(file->session, wanted, waiter(), &ready, &count));
    const bool is_writer = (file->flags & O_ACCMODE) != O_RDONLY;
    int64_t result = 0;

    if (error != 0)
        return error;
    if ((file->flags & O_ACCMODE) != O_WRONLY && (ready & WK_READINESS_READABLE) != 0 && count != 0)
        result |= POLLIN | POLLRDNORM;
    if (is_writer && (ready & WK_READINESS_WRITABLE) != 0)
        result |= POLLOUT | POLLWRNORM;
    if ((ready & WK_READINESS_HUNG_UP) != 0)
        result |= is_writer ? POLLERR : POLLHUP;
    return result & (events | POLLERR | POLLHUP);
}

static int64_t control(struct file *file, uint64_t request, uint64_t argument)
{
    uint64_t ready = 0, count = 0;
    int32_t number;
    enum wk_status status;

    if (request != FIONREAD)
        return -ENOTTY;
    status = wk_pipe_poll(file->session, 0, 0, &ready, &count);
    number = (int32_t)count;
    return status == WK_OK ? copy_out(argument, &number, sizeof(number)) : error_of(status);
}

static const struct file_operations pipe_operations = {.read = read,
                                                       .write = write,
                                                       .seek = seek,
                                                       .status = status,
                                                       .control = control,
                                                       .poll = poll,
                                                       .get_flags = wk_pipe_description_flags,
                                                       .set_flags = wk_pipe_set_description_flags,
                                                       .stream = WK_STREAM_PIPE};

int64_t pipe_take(wk_handle end, uint32_t flags, struct file **file)
{
    *file = file_make(&pipe_operations, end, flags);
    if (*file == NULL)
        return -ENOMEM;
    (*file)->kind = WK_NODE_KIND_FIFO;
    file_tell_flags(*file);
    return 0;
}

int64_t linux_pipe2(uint64_t ends, uint64_t flags)
{
    wk_handle reader = 0, writer = 0;
    struct file *file;
    int32_t fds[2] = {-1, -1};
    const uint32_t kept = (uint32_t)flags & O_NONBLOCK;
    const bool close_on_exec = (flags & O_CLOEXEC) != 0;
    int64_t result;

    if ((flags & ~(uint64_t)(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) != 0)
        return -EINVAL;
    result = error_of(wk_pipe_create(maker, &reader, &writer));
    if (result != 0)
        return result == -ENOMEM ? -ENFILE : result;
    result = pipe_take(reader, O_RDONLY | kept, &file);
    if (result == 0)
        result = descriptor_make(file, 0, close_on_exec);
    if (result < 0) {
        wk_capability_delete(writer);
        return result;
    }
    fds[0] = (int32_t)result;
    result = pipe_take(writer, O_WRONLY | kept, &file);
    if (result == 0)
        result = descriptor_make(file, 0, close_on_exec);
    fds[1] = (int32_t)result;
    if (result >= 0)
        result = copy_out(ends, fds, sizeof(fds));
    if (result < 0) {
        linux_close(fds[0]);
        linux_close(fds[1]);
        return result;
    }
    return 0;
}

/* Undefined in POSIX; as Linux has it, it waits for nobody: fifo(7). */
static int64_t open_both(uint64_t identity, uint32_t flags, struct file **file)
{
    uint64_t is_other_open;
    wk_handle reader = 0, writer = 0;
    int64_t result = error_of(wk_pipe_open_named(maker, identity, 0, 0, &reader, &is_other_open));

    if (result != 0)
        return result;
    result = error_of(wk_pipe_open_named(maker, identity, 1, 0, &writer, &is_other_open));
    if (result != 0) {
        wk_capability_delete(reader);
        return result;
    }
    result = pipe_take(reader, flags, file);
    if (result != 0) {
        wk_capability_delete(writer);
        return result;
    }
    (*file)->writer = writer;
    file_tell_flags(*file);
    return 0;
}

/* Until somebody has the other end open. What the thread is told may be something else. */
static int64_t wait_for_other(wk_handle end)
{
    uint64_t ready = 0, count;
    int64_t result = 0;

    while (result == 0 && (ready & WK_READINESS_JOINED) == 0) {
        result = wait_for_event(WK_FOREVER);
        if (result == 0)
            result = error_of(wk_pipe_poll(end, WK_READINESS_JOINED, waiter(), &ready, &count));
    }
    return result;
}

int64_t pipe_open_named(wk_handle node, uint64_t identity, uint32_t flags, struct file **file)
{
    const bool is_writer = (flags & O_ACCMODE) == O_WRONLY;
    uint64_t is_other_open = 0;
    wk_handle end = 0;
    int64_t result = 0;

    wk_capability_delete(node);
    if ((flags & O_ACCMODE) == O_RDWR)
        return open_both(identity, flags, file);
    result = error_of(wk_pipe_open_named(maker, identity, is_writer, waiter(), &end, &is_other_open));
    if (result != 0)
        return result;
    if (is_other_open == 0 && (flags & O_NONBLOCK) != 0 && is_writer)
        result = -ENXIO;
    if (is_other_open == 0 && (flags & O_NONBLOCK) == 0)
        result = wait_for_other(end);
    if (result != 0) {
        wk_capability_delete(end);
        return result;
    }
    return pipe_take(end, flags, file);
}
