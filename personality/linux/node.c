/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing files: where the file's bytes lie in a memory object of their own, the service says which (`file: locate`) and one
 * `memory: copy` moves them, or a window (window.h); else the program's memory is lent to the service, which copies.
 */
#include "node.h"

#include "memory.h"

#include <winkle/capability.h>
#include <winkle/file.h>
#include <winkle/heap.h>
#include <winkle/memory.h>
#include <winkle/text.h>

#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/stat.h>

#define BOUNCE_BYTES UINT64_C(65536)
#define NS_PER_SECOND UINT64_C(1000000000)

/* The memory object with the file's bytes, if it can be had. */
static bool has_memory(struct file *file)
{
    if (file->memory == 0 && !file->has_no_memory)
        file->has_no_memory = wk_file_memory(file->session, &file->memory) != WK_OK;
    return file->memory != 0;
}

/* Moves bytes between the file and a span, which is at `buffer`, and says how many: 0 at the end of the file. `buffer` is 0 where
 * linux_lock may be held: then no window is looked for. */
static enum wk_status transfer(struct file *file, enum wk_direction direction, uint64_t buffer, const struct span *span,
                               uint64_t position, uint64_t *count)
{
    uint64_t at;
    enum wk_status status;

    *count = 0;
    if (file->memory == 0 && !has_memory(file)) {
        if (direction == WK_DIRECTION_READING)
            return wk_file_read(file->session, span->memory, span->offset, position, span->length, count);
        /* What a first write makes it have: the service is to make it. */
    }
    status = wk_file_locate(file->session, direction, position, span->length, &at, count);
    if (status != WK_OK || *count == 0)
        return status;
    if (file->memory == 0) {
        status = wk_file_memory(file->session, &file->memory);
        if (status != WK_OK)
            return status;
    }
    if (buffer != 0 && window_copy(file, direction, buffer, at, *count))
        return WK_OK;
    if (direction == WK_DIRECTION_READING)
        return wk_memory_copy(span->memory, span->offset, file->memory, at, *count);
    return wk_memory_copy(file->memory, at, span->memory, span->offset, *count);
}

/* By way of the personality's own memory: for pages of the program's that cannot be lent. */
static int64_t write_by_bounce(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position, uint64_t *count)
{
    const uint64_t part = bytes < BOUNCE_BYTES ? bytes : BOUNCE_BYTES;
    uint8_t *bounce = wk_allocate(part);
    struct span span = {arena, (uint64_t)bounce, part};
    int64_t error = -ENOMEM;

    if (bounce == NULL)
        return error;
    error = copy_in(bounce, buffer, part);
    if (error == 0)
        error = error_of(transfer(file, WK_DIRECTION_WRITING, (uint64_t)bounce, &span, position, count));
    wk_free(bounce);
    return error;
}

/* As much as lies in one span: how many, or an error. */
static int64_t move_part(struct file *file, enum wk_direction direction, uint64_t buffer, uint64_t bytes,
                         uint64_t position)
{
    struct span span;
    uint64_t count = 0;
    int64_t error = -EFAULT;

    if (memory_span(buffer, bytes, direction == WK_DIRECTION_READING, &span))
        error = error_of(transfer(file, direction, buffer, &span, position, &count));
    else if (direction == WK_DIRECTION_WRITING)
        error = write_by_bounce(file, buffer, bytes, position, &count);
    if (error == 0)
        return (int64_t)count;
    if (error == -ENOMEM && direction == WK_DIRECTION_WRITING)
        return -ENOSPC;
    return error == -EACCES ? -EBADF : error; /* it was not opened for that */
}

/* So many have been moved, and there are more. */
static int64_t move_on(struct file *file, enum wk_direction direction, uint64_t buffer, uint64_t bytes,
                       uint64_t position, uint64_t done)
{
    while (done < bytes) {
        const int64_t part = move_part(file, direction, buffer + done, bytes - done,
                                       position == POSITION_CURRENT ? position : position + done);

        if (part <= 0)
            break;
        done += (uint64_t)part;
    }
    return (int64_t)done;
}

static int64_t move(struct file *file, enum wk_direction direction, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    const int64_t part = bytes == 0 ? 0 : move_part(file, direction, buffer, bytes, position);

    return part <= 0 || (uint64_t)part == bytes ? part
                                                : move_on(file, direction, buffer, bytes, position, (uint64_t)part);
}

static int64_t read(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    return move(file, WK_DIRECTION_READING, buffer, bytes, position);
}

static int64_t write(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    return move(file, WK_DIRECTION_WRITING, buffer, bytes, position);
}

int64_t node_read_bytes(struct file *file, void *to, uint64_t position, uint64_t bytes)
{
    uint64_t done = 0;

    while (done < bytes) {
        const struct span span = {arena, (uint64_t)to + done, bytes - done};
        uint64_t count;
        const enum wk_status status = transfer(file, WK_DIRECTION_READING, 0, &span, position + done, &count);

        if (status != WK_OK)
            return error_of(status);
        if (count == 0)
            break;
        done += count;
    }
    return (int64_t)done;
}

/* Copies from the program's memory to the file's, or only sees whether that can be done. */
static int64_t copy_part(const struct file *file, const uint64_t part[2], uint64_t at, bool copies)
{
    for (uint64_t done = 0; done < part[1];) {
        struct span span;

        if (!memory_span(part[0] + done, part[1] - done, false, &span))
            return -EFAULT;
        if (copies && wk_memory_copy(file->memory, at + done, span.memory, span.offset, span.length) != WK_OK)
            return -EFAULT;
        done += span.length;
    }
    return 0;
}

int64_t node_write_parts(struct file *file, const uint64_t (*parts)[2], unsigned count, uint64_t position)
{
    uint64_t total = 0, at, located;
    enum wk_status status;

    for (unsigned i = 0; i < count; i++) {
        if (copy_part(file, parts[i], 0, false) != 0)
            return -EFAULT;
        total += parts[i][1];
    }
    if (total == 0)
        return 0;
    status = wk_file_locate(file->session, WK_DIRECTION_WRITING, position, total, &at, &located);
    if (status == WK_OK && !has_memory(file))
        status = WK_NO_RIGHT;
    if (status != WK_OK)
        return status == WK_NO_RIGHT ? -EBADF : status == WK_NO_MEMORY ? -ENOSPC : error_of(status);
    for (unsigned i = 0; i < count; at += parts[i++][1]) {
        const int64_t error = copy_part(file, parts[i], at, true);

        if (error != 0)
            return error;
    }
    return (int64_t)total;
}

static int64_t seek(struct file *file, int64_t offset, int whence)
{
    static const enum wk_whence names[] = {[SEEK_SET] = WK_WHENCE_START,
                                           [SEEK_CUR] = WK_WHENCE_CURRENT,
                                           [SEEK_END] = WK_WHENCE_END,
                                           [SEEK_DATA] = WK_WHENCE_DATA,
                                           [SEEK_HOLE] = WK_WHENCE_HOLE};
    uint64_t position;
    enum wk_status status;

    if (whence < SEEK_SET || whence > SEEK_HOLE)
        return -EINVAL;
    status = wk_file_seek(file->session, (uint64_t)offset, names[whence], &position);
    if (status == WK_NOT_FOUND)
        return -ENXIO;
    return status == WK_OK ? (int64_t)position : error_of(status);
}

static bool is_device(const struct node_status *node)
{
    const uint64_t kind = node->mode & S_IFMT;

    return kind == S_IFCHR || kind == S_IFBLK;
}

bool node_has_access_time(const struct node_status *node)
{
    return !is_device(node) && node->mode >> 32 != 0;
}

void node_fill_status(const struct node_status *node, uint64_t accessed, struct stat *status)
{
    *status = (struct stat){
        .st_ino = node->identity,
        .st_mode = (uint32_t)(node->mode & 0xffff),
        .st_nlink = (uint32_t)(node->mode >> 16 & 0xffff),
        .st_rdev = is_device(node) ? node->mode >> 32 : 0,
        .st_dev = 1,
        .st_uid = (uint32_t)node->owner,
        .st_gid = (uint32_t)(node->owner >> 32),
        .st_size = (long)node->size,
        .st_blksize = WK_PAGE_BYTES,
        .st_blocks = (long)((node->size + WK_PAGE_BYTES - 1) / WK_PAGE_BYTES * (WK_PAGE_BYTES / 512)),
        .st_atime = (long)(accessed / NS_PER_SECOND),
        .st_atime_nsec = accessed % NS_PER_SECOND,
        .st_mtime = (long)(node->modified / NS_PER_SECOND),
        .st_mtime_nsec = node->modified % NS_PER_SECOND,
        .st_ctime = (long)(node->changed / NS_PER_SECOND),
        .st_ctime_nsec = node->changed % NS_PER_SECOND,
    };
}

static int64_t status(struct file *file, struct stat *status)
{
    struct node_status node;
    uint64_t accessed, created;
    enum wk_status result = wk_file_status(file->session, &node.mode, &node.owner, &node.identity, &node.size,
                                           &node.modified, &node.changed);

    if (result == WK_OK)
        result = wk_file_accessed(file->session, &accessed, &created);
    if (result == WK_OK)
        node_fill_status(&node, accessed, status);
    return error_of(result);
}

const struct file_operations node_operations = {.read = read,
                                                .write = write,
                                                .seek = seek,
                                                .status = status,
                                                .get_flags = wk_file_description_flags,
                                                .set_flags = wk_file_set_description_flags,
                                                .stream = WK_STREAM_FILE};

int64_t node_take(wk_handle session, uint32_t flags, struct file **file)
{
    *file = file_make(&node_operations, session, flags);
    if (*file == NULL)
        return -ENOMEM;
    (*file)->is_node = true;
    (*file)->kind = WK_NODE_KIND_FILE;
    return 0;
}

/* Pages that the file has, from an offset on. */
static uint64_t pages_there(struct file *file, uint64_t offset)
{
    struct node_status node;

    if (wk_file_status(file->session, &node.mode, &node.owner, &node.identity, &node.size, &node.modified,
                       &node.changed) != WK_OK ||
        node.size <= offset)
        return 0;
    return (node.size - offset + WK_PAGE_BYTES - 1) / WK_PAGE_BYTES;
}

/* A backing of the file's own pages; NULL if it has none that can be mapped. */
static struct backing *file_backing(struct file *file, bool is_shared)
{
    wk_handle handle;
    struct backing *backing;
    const bool is_memory = has_memory(file);

    if (wk_capability_dup(is_memory ? file->memory : file->session, WK_RIGHTS_ALL, &handle) != WK_OK)
        return NULL;
    file->key = 0; /* what is mapped keeps the session open */
    backing = backing_make(is_memory ? BACKING_MEMORY : BACKING_NODE, is_shared, handle);
    if (backing == NULL)
        wk_capability_delete(handle);
    return backing;
}

/* The file's pages as the process's own: with its bytes, and zeros behind them. */
static int64_t map_copy(struct file *file, uint64_t start, uint64_t length, uint32_t protection, uint64_t offset)
{
    const int64_t error = memory_map_own(start, length, protection);
    int64_t count;

    if (error != 0)
        return error;
    count = node_read_bytes(file, (void *)start, offset, length);
    return count < 0 ? count : 0;
}

int64_t node_map(struct file *file, uint64_t start, uint64_t length, uint32_t protection, bool is_shared,
                 uint64_t offset)
{
    const uint64_t there = pages_there(file, offset) * WK_PAGE_BYTES;
    const uint64_t mapped = there < length ? there : length;
    struct backing *backing;
    int64_t error;

    if ((protection & PROT_WRITE) != 0 && !is_shared)
        return map_copy(file, start, length, protection, offset);
    if (mapped != 0) {
        backing = file_backing(file, is_shared);
        error = backing == NULL ? -ENOMEM : memory_map_backing(start, mapped, protection, backing, offset);
        if (error != 0 && is_shared)
            return error;
        if (error != 0)
            return map_copy(file, start, length, protection, offset);
    }
    return mapped == length ? 0 : memory_map_own(start + mapped, length - mapped, protection);
}

int64_t files_map(uint64_t start, uint64_t length, uint32_t protection, bool is_shared, int fd, uint64_t offset)
{
    struct file *file = descriptor_file(fd);

    if (file == NULL)
        return -EBADF;
    if (file->operations != &node_operations || file->kind == WK_NODE_KIND_DIRECTORY)
        return -ENODEV;
    if (is_shared && (protection & PROT_WRITE) != 0 && (file->flags & O_ACCMODE) != O_RDWR)
        return -EACCES;
    return node_map(file, start, length, protection, is_shared, offset);
}
