/* SPDX-License-Identifier: MIT */
/* The calls that read, write and wait for what is open. */
#include "calls.h"
#include "files.h"
#include "locks.h"
#include "memory.h"
#include "node.h"
#include "proc.h"
#include "signals.h"

#include <winkle/clock.h>
#include <winkle/directory.h>
#include <winkle/file.h>
#include <winkle/heap.h>
#include <winkle/text.h>

#include <asm/ioctls.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/uio.h>

#define PARTS_MAX 1024
#define PARTS_ON_STACK 8

static int64_t ask(struct file *file, enum way way, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    return way == WAY_READ ? file->operations->read(file, buffer, bytes, position)
                           : file->operations->write(file, buffer, bytes, position);
}

/* Whether that is what a call answers. What is written goes whole; reading is content with what there is. */
static bool is_all(enum way way, int64_t result, uint64_t bytes)
{
    return result >= 0 && (way == WAY_READ || (uint64_t)result == bytes || result == 0);
}

/* The file was asked once, which was not all. */
static int64_t go_on(struct file *file, enum way way, uint64_t buffer, uint64_t bytes, uint64_t position,
                     int64_t result)
{
    uint64_t done = 0;

    for (;;) {
        if (result >= 0)
            done += (uint64_t)result;
        else if (result == -EAGAIN && (file->flags & O_NONBLOCK) == 0)
            result = wait_for_event(WK_FOREVER);
        if (result < 0)
            return done != 0 ? (int64_t)done : result;
        result = ask(file, way, buffer + done, bytes - done, position);
        if (is_all(way, result, bytes - done))
            return (int64_t)done + result;
    }
}

int64_t file_transfer(struct file *file, enum way way, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    int64_t result;

    if ((way == WAY_READ ? file->operations->read : file->operations->write) == NULL || (file->flags & O_PATH) != 0)
        return way == WAY_READ && file->kind == WK_NODE_KIND_DIRECTORY ? -EISDIR : -EBADF;
    if (bytes > TRANSFER_MAX)
        bytes = TRANSFER_MAX;
    result = ask(file, way, buffer, bytes, position);
    return is_all(way, result, bytes) ? result : go_on(file, way, buffer, bytes, position, result);
}

static int64_t transfer_of(int fd, enum way way, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    struct file *file = file_of(fd);
    int64_t result;

    if (file == NULL)
        return -EBADF;
    result = file_transfer(file, way, buffer, bytes, position);
    file_drop(file);
    return result;
}

int64_t linux_read(int fd, uint64_t buffer, uint64_t bytes)
{
    return transfer_of(fd, WAY_READ, buffer, bytes, POSITION_CURRENT);
}

int64_t linux_write(int fd, uint64_t buffer, uint64_t bytes)
{
    return transfer_of(fd, WAY_WRITE, buffer, bytes, POSITION_CURRENT);
}

int64_t linux_pread64(int fd, uint64_t buffer, uint64_t bytes, int64_t offset)
{
    return offset < 0 ? -EINVAL : transfer_of(fd, WAY_READ, buffer, bytes, (uint64_t)offset);
}

int64_t linux_pwrite64(int fd, uint64_t buffer, uint64_t bytes, int64_t offset)
{
    return offset < 0 ? -EINVAL : transfer_of(fd, WAY_WRITE, buffer, bytes, (uint64_t)offset);
}

/* Where something has been read already, nobody waits for more. */
static int64_t transfer_part(struct file *file, enum way way, const uint64_t part[2], uint64_t position, bool is_more)
{
    if (part[1] == 0)
        return 0;
    return way == WAY_READ && is_more ? file->operations->read(file, part[0], part[1], position)
                                      : file_transfer(file, way, part[0], part[1], position);
}

/* Part by part, until one is not done whole. */
static int64_t transfer_each(struct file *file, enum way way, const uint64_t (*parts)[2], unsigned count,
                             uint64_t position)
{
    uint64_t done = 0;

    for (unsigned i = 0; i < count; i++) {
        const uint64_t at = position == POSITION_CURRENT ? position : position + done;
        const int64_t result = transfer_part(file, way, parts[i], at, done != 0);

        if (result < 0)
            return done == 0 ? result : (int64_t)done;
        done += (uint64_t)result;
        if ((uint64_t)result < parts[i][1])
            break;
    }
    return (int64_t)done;
}

/* What is written to a file is written in one piece, if it can be. */
static int64_t transfer_all(struct file *file, enum way way, const uint64_t (*parts)[2], unsigned count,
                            uint64_t position)
{
    int64_t result = -EFAULT;
    uint64_t total = 0;

    for (unsigned i = 0; i < count; i++) {
        if (parts[i][1] > TRANSFER_MAX || (total += parts[i][1]) > TRANSFER_MAX)
            return -EINVAL;
    }
    if (way == WAY_WRITE && count > 1 && file->operations == &node_operations)
        result = node_write_parts(file, parts, count, position);
    return result == -EFAULT ? transfer_each(file, way, parts, count, position) : result;
}

static int64_t transfer_parts(int fd, enum way way, uint64_t list, int count, uint64_t position)
{
    uint64_t few[PARTS_ON_STACK][2], (*parts)[2] = few;
    struct file *file;
    int64_t result;

    if (count < 0 || count > PARTS_MAX)
        return -EINVAL;
    if (count > PARTS_ON_STACK)
        parts = wk_allocate((size_t)count * sizeof(*parts));
    if (parts == NULL)
        return -ENOMEM;
    file = file_of(fd);
    result = file == NULL ? -EBADF : copy_in(parts, list, (size_t)count * sizeof(*parts));
    if (result == 0)
        result = transfer_all(file, way, parts, (unsigned)count, position);
    if (file != NULL)
        file_drop(file);
    if (parts != few)
        wk_free(parts);
    return result;
}

int64_t linux_readv(int fd, uint64_t parts, int count)
{
    return transfer_parts(fd, WAY_READ, parts, count, POSITION_CURRENT);
}

int64_t linux_writev(int fd, uint64_t parts, int count)
{
    return transfer_parts(fd, WAY_WRITE, parts, count, POSITION_CURRENT);
}

int64_t linux_preadv(int fd, uint64_t parts, int count, int64_t offset)
{
    return offset < 0 ? -EINVAL : transfer_parts(fd, WAY_READ, parts, count, (uint64_t)offset);
}

int64_t linux_pwritev(int fd, uint64_t parts, int count, int64_t offset)
{
    return offset < 0 ? -EINVAL : transfer_parts(fd, WAY_WRITE, parts, count, (uint64_t)offset);
}

/* What the flags ask for beyond the call without them holds of memory anyway, but that each write goes to the end. */
static int64_t transfer_parts2(int fd, enum way way, uint64_t parts, int count, int64_t offset, uint64_t flags)
{
    if ((flags & ~(uint64_t)(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT)) != 0)
        return -EOPNOTSUPP;
    if (offset < -1)
        return -EINVAL;
    return transfer_parts(fd, way, parts, count, offset == -1 ? POSITION_CURRENT : (uint64_t)offset);
}

int64_t linux_preadv2(int fd, uint64_t parts, int count, int64_t offset, uint64_t high, uint64_t flags)
{
    (void)high; /* the offset is whole */
    return transfer_parts2(fd, WAY_READ, parts, count, offset, flags);
}

int64_t linux_pwritev2(int fd, uint64_t parts, int count, int64_t offset, uint64_t high, uint64_t flags)
{
    (void)high;
    return transfer_parts2(fd, WAY_WRITE, parts, count, offset, flags);
}

int64_t linux_lseek(int fd, int64_t offset, int whence)
{
    struct file *file = file_of(fd);
    int64_t result = -ESPIPE;

    if (file == NULL)
        return -EBADF;
    if (file->operations->seek != NULL)
        result = file->operations->seek(file, offset, whence);
    file_drop(file);
    return result;
}

int64_t linux_getdents64(int fd, uint64_t buffer, uint64_t bytes)
{
    struct file *file = file_of(fd);
    struct span span;
    uint64_t count = 0, next;
    int64_t result;

    if (file == NULL)
        return -EBADF;
    if (file->operations->list != NULL)
        result = file->operations->list(file, buffer, bytes);
    else if (file->operations != &node_operations || file->kind != WK_NODE_KIND_DIRECTORY)
        result = -ENOTDIR;
    else if (!memory_span(buffer, bytes, true, &span))
        result = -EFAULT;
    else
        result =
            error_of(wk_file_list(file->session, span.memory, span.offset, span.length, WK_CURRENT, &count, &next));
    file_drop(file);
    return result != 0 ? result : (int64_t)count;
}

/* ---- the flags of what is open ---- */

#define FLAGS_CHANGEABLE (O_APPEND | O_NONBLOCK | O_NOATIME | O_DIRECT | FASYNC)

static const struct {
    uint32_t flag;
    uint64_t kept;
} flag_names[] = {
    {O_APPEND, WK_DESCRIPTION_FLAGS_APPEND},     {O_NONBLOCK, WK_DESCRIPTION_FLAGS_NON_BLOCKING},
    {O_DIRECT, WK_DESCRIPTION_FLAGS_DIRECT},     {O_NOATIME, WK_DESCRIPTION_FLAGS_NO_ACCESS_TIME},
    {FASYNC, WK_DESCRIPTION_FLAGS_ASYNCHRONOUS},
};
#define FLAG_NAMES (sizeof(flag_names) / sizeof(flag_names[0]))

/* Those that are the open file's are kept where all see them who share it. */
static int64_t get_flags(struct file *file)
{
    uint64_t kept = 0;

    if (file->operations->get_flags == NULL || file->operations->get_flags(file->session, &kept) != WK_OK)
        return file->flags;
    for (unsigned i = 0; i < FLAG_NAMES; i++)
        file->flags =
            (kept & flag_names[i].kept) != 0 ? file->flags | flag_names[i].flag : file->flags & ~flag_names[i].flag;
    return file->flags;
}

static int64_t set_flags(struct file *file, uint32_t flags)
{
    uint64_t kept = 0;

    file->flags = (file->flags & ~(uint32_t)FLAGS_CHANGEABLE) | (flags & FLAGS_CHANGEABLE);
    if (file->operations->set_flags == NULL)
        return 0;
    for (unsigned i = 0; i < FLAG_NAMES; i++)
        kept |= (flags & flag_names[i].flag) != 0 ? flag_names[i].kept : 0;
    if (file->writer != 0)
        file->operations->set_flags(file->writer, kept);
    return error_of(file->operations->set_flags(file->session, kept));
}

void file_tell_flags(struct file *file)
{
    if ((file->flags & (FLAGS_CHANGEABLE & ~O_APPEND)) != 0 && (file->flags & O_PATH) == 0)
        set_flags(file, file->flags);
}

/* FIONBIO. */
static int64_t set_non_blocking(struct file *file, uint64_t argument)
{
    int32_t number;
    uint32_t flags;

    if (copy_in(&number, argument, sizeof(number)) != 0)
        return -EFAULT;
    flags = (uint32_t)get_flags(file);
    return set_flags(file, number != 0 ? flags | O_NONBLOCK : flags & ~(uint32_t)O_NONBLOCK);
}

static int64_t control_of(struct file *file, int fd, int command, uint64_t argument)
{
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        if ((int64_t)argument < 0 || (int64_t)argument >= descriptors_limit)
            return -EINVAL;
        file_of(fd);
        return descriptor_make(file, (int)argument, command == F_DUPFD_CLOEXEC);
    case F_GETFD:
        return descriptor_flags(fd);
    case F_SETFD:
        return descriptor_set_flags(fd, (argument & FD_CLOEXEC) != 0);
    case F_GETFL:
        return get_flags(file);
    case F_SETFL:
        return set_flags(file, (uint32_t)argument);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return lock_control(file, command, argument);
    case F_SETOWN:
    case F_SETSIG:
        return 0;
    case F_GETPIPE_SZ:
        return file->kind == WK_NODE_KIND_FIFO ? 65536 : -EBADF;
    default:
        return -EINVAL;
    }
}

int64_t linux_fcntl(int fd, int command, uint64_t argument)
{
    struct file *file = file_of(fd);
    int64_t result;

    if (file == NULL)
        return -EBADF;
    result = control_of(file, fd, command, argument);
    file_drop(file);
    return result;
}

int64_t linux_ioctl(int fd, uint64_t request, uint64_t argument)
{
    struct file *file = file_of(fd);
    int64_t result = -ENOTTY;

    if (file == NULL)
        return -EBADF;
    switch ((uint32_t)request) {
    case FIOCLEX:
    case FIONCLEX:
        result = descriptor_set_flags(fd, (uint32_t)request == FIOCLEX);
        break;
    case FIONBIO:
        result = set_non_blocking(file, argument);
        break;
    default:
        if (file->operations->control != NULL)
            result = file->operations->control(file, (uint32_t)request, argument);
        break;
    }
    file_drop(file);
    return result;
}
