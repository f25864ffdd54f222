/* SPDX-License-Identifier: MIT */
/* The table of descriptors. Guarded by linux_lock. */
#include "files.h"

#include <winkle/capability.h>
#include <winkle/file.h>
#include <winkle/heap.h>
#include <winkle/text.h>

#include "calls.h"
#include "locks.h"
#include "paths.h"
#include "spares.h"

#include <linux/close_range.h>
#include <linux/fcntl.h>

struct descriptor {
    struct file *file; /* NULL: free */
    bool close_on_exec;
};

static struct descriptor descriptors[DESCRIPTORS_MAX];
static int descriptors_end; /* none is in use from here on */
int descriptors_limit = DESCRIPTORS_MAX;

struct file *file_make(const struct file_operations *operations, wk_handle session, uint32_t flags)
{
    struct file *file = wk_allocate_zeroed(sizeof(*file));

    if (file == NULL) {
        if (session != 0)
            wk_capability_delete(session);
        return NULL;
    }
    file->references = 1;
    file->operations = operations;
    file->session = session;
    file->flags = flags;
    return file;
}

static bool is_open(int fd)
{
    return fd >= 0 && fd < descriptors_end && descriptors[fd].file != NULL;
}

struct file *descriptor_file(int fd)
{
    return is_open(fd) ? descriptors[fd].file : NULL;
}

struct file *file_of(int fd)
{
    struct file *file;

    wk_lock_take(&linux_lock);
    file = descriptor_file(fd);
    if (file != NULL)
        file->references++;
    wk_lock_release(&linux_lock);
    return file;
}

void file_drop(struct file *file)
{
    uint64_t left;

    wk_lock_take(&linux_lock);
    left = --file->references;
    wk_lock_release(&linux_lock);
    if (left != 0)
        return;
    if (file->operations->release != NULL)
        file->operations->release(file);
    window_close(&file->window);
    if (file->memory != 0)
        wk_capability_delete(file->memory);
    if (file->writer != 0)
        wk_capability_delete(file->writer);
    if (file->session != 0 && !spares_keep(file->session, file->key, file->forks))
        wk_capability_delete(file->session);
    if (file->is_locked)
        wk_file_look_for_ends(root_session());
    wk_free(file->text);
    wk_free(file);
}

/* Requires: the lock. -1 if all are in use. */
static int lowest_free(int least)
{
    for (int fd = least; fd < descriptors_limit; fd++) {
        if (descriptors[fd].file == NULL)
            return fd;
    }
    return -1;
}

static void set(int fd, struct file *file, bool close_on_exec)
{
    descriptors[fd] = (struct descriptor){file, close_on_exec};
    if (fd >= descriptors_end)
        descriptors_end = fd + 1;
}

int64_t descriptor_make(struct file *file, int least, bool close_on_exec)
{
    int fd;

    if (file == NULL)
        return -ENOMEM;
    wk_lock_take(&linux_lock);
    fd = lowest_free(least);
    if (fd >= 0)
        set(fd, file, close_on_exec);
    wk_lock_release(&linux_lock);
    if (fd < 0)
        file_drop(file);
    return fd < 0 ? -EMFILE : fd;
}

int64_t descriptor_flags(int fd)
{
    int64_t result = -EBADF;

    wk_lock_take(&linux_lock);
    if (is_open(fd))
        result = descriptors[fd].close_on_exec ? FD_CLOEXEC : 0;
    wk_lock_release(&linux_lock);
    return result;
}

int64_t descriptor_set_flags(int fd, bool close_on_exec)
{
    int64_t result = -EBADF;

    wk_lock_take(&linux_lock);
    if (is_open(fd)) {
        descriptors[fd].close_on_exec = close_on_exec;
        result = 0;
    }
    wk_lock_release(&linux_lock);
    return result;
}

/* What the descriptor stood for, which the caller drops; NULL. */
static struct file *take_out(int fd)
{
    struct file *file = NULL;

    wk_lock_take(&linux_lock);
    if (is_open(fd)) {
        file = descriptors[fd].file;
        descriptors[fd] = (struct descriptor){0};
    }
    wk_lock_release(&linux_lock);
    return file;
}

static void close_file(struct file *file)
{
    locks_close(file);
    file_drop(file);
}

void descriptors_begin_child(void)
{
    for (int fd = 0; fd < descriptors_end; fd++) {
        if (descriptors[fd].file != NULL)
            descriptors[fd].file->window = (struct window){0};
    }
}

void descriptors_close_on_exec(void)
{
    for (int fd = 0; fd < descriptors_end; fd++) {
        if (descriptors[fd].file != NULL && descriptors[fd].close_on_exec)
            close_file(take_out(fd));
    }
}

/* Without the lock, which the thread may have that finds the process to be at its end. */
void descriptors_close_locked(void)
{
    bool is_any = false;

    for (int fd = 0; fd < descriptors_end; fd++) {
        struct file *file = descriptors[fd].file;

        if (file == NULL || !file->is_locked)
            continue;
        wk_capability_delete(file->session);
        is_any = true;
    }
    if (is_any)
        wk_file_look_for_ends(root_session());
}

int64_t linux_close(int fd)
{
    struct file *file = take_out(fd);

    if (file == NULL)
        return -EBADF;
    close_file(file);
    return 0;
}

int64_t linux_close_range(uint64_t first, uint64_t last, uint64_t flags)
{
    if (first > last || (flags & ~(uint64_t)(CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE)) != 0)
        return -EINVAL;
    for (uint64_t fd = first; fd <= last && fd < (uint64_t)descriptors_end; fd++) {
        if ((flags & CLOSE_RANGE_CLOEXEC) != 0)
            descriptor_set_flags((int)fd, true);
        else
            linux_close((int)fd);
    }
    return 0;
}

int64_t linux_dup(int fd)
{
    struct file *file = file_of(fd);

    return file == NULL ? -EBADF : descriptor_make(file, 0, false);
}

int64_t linux_dup3(int old, int new, uint64_t flags)
{
    struct file *file, *before;

    if (old == new || (flags & ~(uint64_t)O_CLOEXEC) != 0)
        return -EINVAL;
    if (new < 0 || new >= descriptors_limit)
        return -EBADF;
    file = file_of(old);
    if (file == NULL)
        return -EBADF;
    wk_lock_take(&linux_lock);
    before = new < descriptors_end ? descriptors[new].file : NULL;
    set(new, file, (flags & O_CLOEXEC) != 0);
    wk_lock_release(&linux_lock);
    if (before != NULL)
        close_file(before);
    return new;
}
