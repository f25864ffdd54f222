/* SPDX-License-Identifier: MIT */
/* Extended attributes: no file has any, and none can be set. */
#include "calls.h"
#include "files.h"
#include "paths.h"
#include "proc.h"

#include <winkle/directory.h>

#include <asm/stat.h>
#include <linux/fcntl.h>

/* 0 if the path names something. */
static int64_t find(uint64_t text, uint64_t options)
{
    struct file *file = NULL;
    struct stat status;
    struct path path;
    int64_t result = path_begin(&path, AT_FDCWD, text);

    if (result == 0 && path.is_proc)
        result = proc_status(path.text, (options & WK_OPEN_OPTIONS_NO_FOLLOW) == 0, &status);
    else if (result == 0)
        result = path_open(&path, WK_OPEN_OPTIONS_PATH | options, 0, O_PATH, &file);
    path_end(&path);
    if (file != NULL)
        file_drop(file);
    return result;
}

static int64_t find_open(int fd)
{
    struct file *file = file_of(fd);

    if (file == NULL)
        return -EBADF;
    file_drop(file);
    return 0;
}

static int64_t none_of(int64_t found)
{
    return found != 0 ? found : -EOPNOTSUPP;
}

int64_t linux_setxattr(uint64_t path, uint64_t name, uint64_t value, uint64_t bytes, uint64_t flags)
{
    (void)name;
    (void)value;
    (void)bytes;
    (void)flags;
    return none_of(find(path, 0));
}

int64_t linux_lsetxattr(uint64_t path, uint64_t name, uint64_t value, uint64_t bytes, uint64_t flags)
{
    (void)name;
    (void)value;
    (void)bytes;
    (void)flags;
    return none_of(find(path, WK_OPEN_OPTIONS_NO_FOLLOW));
}

int64_t linux_fsetxattr(int fd, uint64_t name, uint64_t value, uint64_t bytes, uint64_t flags)
{
    (void)name;
    (void)value;
    (void)bytes;
    (void)flags;
    return none_of(find_open(fd));
}

int64_t linux_getxattr(uint64_t path, uint64_t name, uint64_t value, uint64_t bytes)
{
    (void)name;
    (void)value;
    (void)bytes;
    return none_of(find(path, 0));
}

int64_t linux_lgetxattr(uint64_t path, uint64_t name, uint64_t value, uint64_t bytes)
{
    (void)name;
    (void)value;
    (void)bytes;
    return none_of(find(path, WK_OPEN_OPTIONS_NO_FOLLOW));
}

int64_t linux_fgetxattr(int fd, uint64_t name, uint64_t value, uint64_t bytes)
{
    (void)name;
    (void)value;
    (void)bytes;
    return none_of(find_open(fd));
}

int64_t linux_listxattr(uint64_t path, uint64_t list, uint64_t bytes)
{
    (void)list;
    (void)bytes;
    return find(path, 0);
}

int64_t linux_llistxattr(uint64_t path, uint64_t list, uint64_t bytes)
{
    (void)list;
    (void)bytes;
    return find(path, WK_OPEN_OPTIONS_NO_FOLLOW);
}

int64_t linux_flistxattr(int fd, uint64_t list, uint64_t bytes)
{
    (void)list;
    (void)bytes;
    return find_open(fd);
}

int64_t linux_removexattr(uint64_t path, uint64_t name)
{
    (void)name;
    return none_of(find(path, 0));
}

int64_t linux_lremovexattr(uint64_t path, uint64_t name)
{
    (void)name;
    return none_of(find(path, WK_OPEN_OPTIONS_NO_FOLLOW));
}

int64_t linux_fremovexattr(int fd, uint64_t name)
{
    (void)name;
    return none_of(find_open(fd));
}
