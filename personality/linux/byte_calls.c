/* SPDX-License-Identifier: MIT */
/* The calls that copy from one file to another, make room in them, or give advice about their bytes. */
#include "calls.h"
#include "node.h"

#include <winkle/directory.h>
#include <winkle/file.h>
#include <winkle/heap.h>

#include <linux/fadvise.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

#define COPY_BYTES UINT64_C(65536)

/* ---- copying ---- */

/* Writes what the personality itself has. */
static int64_t write_own(struct file *file, const uint8_t *bytes, uint64_t count, uint64_t position)
{
    int64_t result;

    current()->moves_own_bytes = true;
    result = file_transfer(file, WAY_WRITE, (uint64_t)bytes, count, position);
    current()->moves_own_bytes = false;
    return result;
}

/* By way of the personality's memory; `to_position` may be that of the open file. Both are moved. */
static int64_t copy_between(struct file *from, uint64_t *position, struct file *to, uint64_t *to_position,
                            uint64_t count)
{
    const uint64_t room = count < COPY_BYTES ? count : COPY_BYTES;
    uint8_t *buffer = wk_allocate(room);
    uint64_t done = 0;
    int64_t result = 0;

    if (buffer == NULL)
        return -ENOMEM;
    while (done < count) {
        const int64_t read = node_read_bytes(from, buffer, *position, count - done < room ? count - done : room);

        result = read <= 0 ? read : write_own(to, buffer, (uint64_t)read, *to_position);
        if (result <= 0)
            break;
        *position += (uint64_t)result;
        if (*to_position != POSITION_CURRENT)
            *to_position += (uint64_t)result;
        done += (uint64_t)result;
        if (result < read)
            break;
    }
    wk_free(buffer);
    return result < 0 && done == 0 ? result : (int64_t)done;
}

/* Where copying begins: at what an address says, or, without one, at the open file's position. */
static int64_t begin_at(struct file *file, uint64_t address, uint64_t *position)
{
    int64_t result;

    if (address == 0) {
        result = file->operations->seek(file, 0, SEEK_CUR);
        *position = (uint64_t)result;
        return result < 0 ? result : 0;
    }
    result = copy_in(position, address, sizeof(*position));
    return result == 0 && (int64_t)*position < 0 ? -EINVAL : result;
}

/* Tells where it ended. */
static int64_t end_at(struct file *file, uint64_t address, uint64_t position)
{
    if (address != 0)
        return copy_out(address, &position, sizeof(position));
    file->operations->seek(file, (int64_t)position, SEEK_SET);
    return 0;
}

static int64_t send(struct file *from, struct file *to, uint64_t offset, uint64_t count)
{
    uint64_t position = 0, to_position = POSITION_CURRENT;
    int64_t result;

    if (from->operations != &node_operations || to->operations->write == NULL)
        return -EINVAL;
    if ((from->flags & O_ACCMODE) == O_WRONLY || (to->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    result = begin_at(from, offset, &position);
    if (result == 0)
        result = copy_between(from, &position, to, &to_position, count < TRANSFER_MAX ? count : TRANSFER_MAX);
    return result > 0 && end_at(from, offset, position) != 0 ? -EFAULT : result;
}

int64_t linux_sendfile(int out, int in, uint64_t offset, uint64_t count)
{
    struct file *from = file_of(in), *to = file_of(out);
    const int64_t result = from == NULL || to == NULL ? -EBADF : send(from, to, offset, count);

    if (from != NULL)
        file_drop(from);
    if (to != NULL)
        file_drop(to);
    return result;
}

static bool overlap(struct file *from, uint64_t position, struct file *to, uint64_t to_position, uint64_t count)
{
    struct node_status first, second;

    if (wk_file_status(from->session, &first.mode, &first.owner, &first.identity, &first.size, &first.modified,
                       &first.changed) != WK_OK ||
        wk_file_status(to->session, &second.mode, &second.owner, &second.identity, &second.size, &second.modified,
                       &second.changed) != WK_OK)
        return false;
    return first.identity == second.identity && position < to_position + count && to_position < position + count;
}

static int64_t copy_range(struct file *from, uint64_t in_offset, struct file *to, uint64_t out_offset, uint64_t count)
{
    uint64_t position = 0, to_position = 0;
    int64_t result;

    if (from->kind == WK_NODE_KIND_DIRECTORY || to->kind == WK_NODE_KIND_DIRECTORY)
        return -EISDIR;
    if (from->operations != &node_operations || to->operations != &node_operations)
        return -EINVAL;
    if ((from->flags & O_ACCMODE) == O_WRONLY || (to->flags & O_ACCMODE) == O_RDONLY || (to->flags & O_APPEND) != 0)
        return -EBADF;
    result = begin_at(from, in_offset, &position);
    if (result == 0)
        result = begin_at(to, out_offset, &to_position);
    if (count > TRANSFER_MAX)
        count = TRANSFER_MAX;
    if (result == 0 && overlap(from, position, to, to_position, count))
        result = -EINVAL;
    if (result == 0)
        result = copy_between(from, &position, to, &to_position, count);
    if (result > 0 && (end_at(from, in_offset, position) != 0 || end_at(to, out_offset, to_position) != 0))
        result = -EFAULT;
    return result;
}

int64_t linux_copy_file_range(int in, uint64_t in_offset, int out, uint64_t out_offset, uint64_t count, uint64_t flags)
{
    struct file *from, *to;
    int64_t result;

    if (flags != 0)
        return -EINVAL;
    from = file_of(in);
    to = file_of(out);
    result = from == NULL || to == NULL ? -EBADF : copy_range(from, in_offset, to, out_offset, count);
    if (from != NULL)
        file_drop(from);
    if (to != NULL)
        file_drop(to);
    return result;
}

/* ---- room ---- */

static int64_t allocation_of(int mode, enum wk_allocation *allocation)
{
    switch (mode) {
    case 0:
        *allocation = WK_ALLOCATION_GROW;
        return 0;
    case FALLOC_FL_KEEP_SIZE:
        *allocation = WK_ALLOCATION_KEEP;
        return 0;
    case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
        *allocation = WK_ALLOCATION_PUNCH;
        return 0;
    case FALLOC_FL_ZERO_RANGE:
        *allocation = WK_ALLOCATION_ZERO;
        return 0;
    default:
        return -EOPNOTSUPP;
    }
}

static int64_t allocate(struct file *file, enum wk_allocation allocation, int64_t offset, int64_t length)
{
    int64_t result;

    if ((file->flags & O_ACCMODE) == O_RDONLY || (file->flags & O_PATH) != 0)
        return -EBADF;
    if (file->operations != &node_operations)
        return file->kind == WK_NODE_KIND_FIFO ? -ESPIPE : -ENODEV;
    result = error_of(wk_file_allocate(file->session, (uint64_t)offset, (uint64_t)length, allocation));
    return result == -ENOMEM ? -ENOSPC : result == -EACCES ? -EBADF : result;
}

int64_t linux_fallocate(int fd, int mode, int64_t offset, int64_t length)
{
    enum wk_allocation allocation = WK_ALLOCATION_GROW;
    struct file *file = file_of(fd);
    int64_t result = 0, end;

    if (file == NULL)
        return -EBADF;
    if (offset < 0 || length <= 0)
        result = -EINVAL;
    if (result == 0)
        result = allocation_of(mode, &allocation);
    if (result == 0 && __builtin_add_overflow(offset, length, &end))
        result = -EFBIG;
    if (result == 0)
        result = allocate(file, allocation, offset, length);
    file_drop(file);
    return result;
}

/* ---- advice; and files lie in memory: what was written is as safe as it gets ---- */

static int64_t check_open(int fd)
{
    struct file *file = file_of(fd);

    if (file == NULL)
        return -EBADF;
    file_drop(file);
    return 0;
}

/* Whether it is something that could be made safe. */
static int64_t check_synced(int fd)
{
    struct file *file = file_of(fd);
    int64_t result;

    if (file == NULL)
        return -EBADF;
    result = file->is_node ? 0 : -EINVAL;
    file_drop(file);
    return result;
}

int64_t linux_fsync(int fd)
{
    return check_synced(fd);
}

int64_t linux_fdatasync(int fd)
{
    return check_synced(fd);
}

int64_t linux_sync(void)
{
    return 0;
}

int64_t linux_syncfs(int fd)
{
    return check_open(fd);
}

/* Of what is no file there is nothing to be said; `-ESPIPE` of a pipe. */
static int64_t check_file(int fd, int64_t otherwise)
{
    struct file *file = file_of(fd);
    int64_t result = 0;

    if (file == NULL)
        return -EBADF;
    if (file->kind == WK_NODE_KIND_FIFO)
        result = -ESPIPE;
    else if (file->operations != &node_operations)
        result = otherwise;
    file_drop(file);
    return result;
}

int64_t linux_sync_file_range(int fd, int64_t offset, int64_t length, uint64_t flags)
{
    const uint64_t known = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;

    if (offset < 0 || length < 0 || (flags & ~known) != 0)
        return -EINVAL;
    return check_file(fd, 0);
}

int64_t linux_fadvise64(int fd, int64_t offset, int64_t length, int advice)
{
    const int64_t result = check_file(fd, 0);

    (void)offset;
    return result != 0 ? result : advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE || length < 0 ? -EINVAL : 0;
}

int64_t linux_readahead(int fd, int64_t offset, uint64_t length)
{
    const int64_t result = check_file(fd, -EINVAL);

    (void)offset;
    (void)length;
    return result == -ESPIPE ? -EINVAL : result;
}
