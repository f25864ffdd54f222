/* SPDX-License-Identifier: MIT */
/* The calls on names and on what they name. */
#include "calls.h"
#include "memory.h"
#include "node.h"
#include "paths.h"
#include "proc.h"

#include <winkle/capability.h>
#include <winkle/directory.h>
#include <winkle/file.h>
#include <winkle/heap.h>
#include <winkle/text.h>

#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <linux/time_types.h>

#define TIME_LEAVE UINT64_MAX
#define TIME_NOW (UINT64_MAX - 1)
#define NS_PER_SECOND UINT64_C(1000000000)

/* Utimensat's words for the two, which no header of these has. */
#define UTIME_NOW_NS 0x3fffffff
#define UTIME_OMIT_NS 0x3ffffffe

static bool is_short(const struct path *path)
{
    return path->length <= sizeof(path->words);
}

/* Opens a path for what its session can be asked without being read or written. */
static int64_t open_to_name(const struct path *path, bool follows, struct file **file)
{
    return path_open(path, WK_OPEN_OPTIONS_PATH | (follows ? 0 : WK_OPEN_OPTIONS_NO_FOLLOW), 0, O_PATH, file);
}

/* ---- status ---- */

/* With when it was last read, which only what is open tells. */
static int64_t whole_status(const struct path *path, bool follows, struct stat *status)
{
    struct file *file;
    int64_t result = open_to_name(path, follows, &file);

    if (result != 0)
        return result;
    result = node_operations.status(file, status);
    file_drop(file);
    return result;
}

static int64_t path_status(const struct path *path, bool follows, struct stat *status)
{
    struct node_status node;
    const uint64_t *words = path->words;
    enum wk_status result;

    if (is_short(path))
        result = wk_directory_status_short(path->directory, follows, words[0], words[1], words[2], words[3], words[4],
                                           &node.mode, &node.owner, &node.identity, &node.size, &node.modified,
                                           &node.changed);
    else
        result = wk_directory_status_of(path->directory, follows, arena, (uint64_t)path->text, path->length, &node.mode,
                                        &node.owner, &node.identity, &node.size, &node.modified, &node.changed);
    if (result != WK_OK)
        return error_of(result);
    node_fill_status(&node, node.modified, status);
    return node_has_access_time(&node) ? whole_status(path, follows, status) : 0;
}

static int64_t descriptor_status(int fd, struct stat *status)
{
    struct file *file = file_of(fd);
    int64_t result;

    if (file == NULL)
        return -EBADF;
    result = file->operations->status(file, status);
    file_drop(file);
    return result;
}

/* Whether a path is empty where that may stand for the directory itself. */
static bool names_descriptor(uint64_t text, uint64_t flags)
{
    char first = 1;

    return (flags & AT_EMPTY_PATH) != 0 && (text == 0 || (copy_in(&first, text, 1) == 0 && first == '\0'));
}

static int64_t status_at(int directory, uint64_t text, uint64_t flags, struct stat *status)
{
    struct path path;
    int64_t result;

    if ((flags & ~(uint64_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE)) != 0)
        return -EINVAL;
    if (names_descriptor(text, flags)) {
        if (directory != AT_FDCWD)
            return descriptor_status(directory, status);
        result = path_begin_text(&path, AT_FDCWD, ".");
    } else {
        result = path_begin(&path, directory, text);
    }
    if (result == 0 && path.is_proc)
        result = proc_status(path.text, (flags & AT_SYMLINK_NOFOLLOW) == 0, status);
    else if (result == 0)
        result = path_status(&path, (flags & AT_SYMLINK_NOFOLLOW) == 0, status);
    path_end(&path);
    return result;
}

int64_t linux_newfstatat(int directory, uint64_t text, uint64_t buffer, uint64_t flags)
{
    struct stat status = {0};
    const int64_t result = status_at(directory, text, flags, &status);

    return result != 0 ? result : copy_out(buffer, &status, sizeof(status));
}

int64_t linux_fstat(int fd, uint64_t buffer)
{
    struct stat status = {0};
    const int64_t result = descriptor_status(fd, &status);

    return result != 0 ? result : copy_out(buffer, &status, sizeof(status));
}

static uint32_t major_of(uint64_t device)
{
    return (uint32_t)(device >> 8 & 0xfff);
}

static uint32_t minor_of(uint64_t device)
{
    return (uint32_t)((device & 0xff) | (device >> 12 & 0xfff00));
}

int64_t linux_statx(int directory, uint64_t text, uint64_t flags, uint64_t mask, uint64_t buffer)
{
    struct stat status = {0};
    struct statx statx;
    const int64_t result = status_at(directory, text, flags, &status);

    (void)mask; /* all that there is costs nothing more */
    if (result != 0)
        return result;
    statx = (struct statx){
        .stx_mask = STATX_BASIC_STATS,
        .stx_blksize = (uint32_t)status.st_blksize,
        .stx_nlink = status.st_nlink,
        .stx_uid = status.st_uid,
        .stx_gid = status.st_gid,
        .stx_mode = (uint16_t)status.st_mode,
        .stx_ino = status.st_ino,
        .stx_size = (uint64_t)status.st_size,
        .stx_blocks = (uint64_t)status.st_blocks,
        .stx_atime = {status.st_atime, (uint32_t)status.st_atime_nsec, 0},
        .stx_mtime = {status.st_mtime, (uint32_t)status.st_mtime_nsec, 0},
        .stx_ctime = {status.st_ctime, (uint32_t)status.st_ctime_nsec, 0},
        .stx_rdev_major = major_of(status.st_rdev),
        .stx_rdev_minor = minor_of(status.st_rdev),
        .stx_dev_minor = 1,
    };
    return copy_out(buffer, &statx, sizeof(statx));
}

/* Everybody may do what the capabilities allow; permissions say whether a file is a program. */
static int64_t access_at(int directory, uint64_t text, int mode, uint64_t flags)
{
    struct stat status = {0};
    int64_t result;

    if ((mode & ~7) != 0)
        return -EINVAL;
    result = status_at(directory, text, flags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW), &status);
    if (result != 0)
        return result;
    if ((mode & 1) != 0 && (status.st_mode & S_IFMT) == S_IFREG && (status.st_mode & 0111) == 0)
        return -EACCES;
    return 0;
}

int64_t linux_faccessat(int directory, uint64_t text, int mode)
{
    return access_at(directory, text, mode, 0);
}

int64_t linux_faccessat2(int directory, uint64_t text, int mode, uint64_t flags)
{
    if ((flags & ~(uint64_t)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
        return -EINVAL;
    return access_at(directory, text, mode, flags);
}

/* ---- making and taking names ---- */

/* What a descriptor stands for, if the file service has it. */
static int64_t descriptor_node(int fd, struct file **file)
{
    *file = file_of(fd);
    if (*file == NULL)
        return -EBADF;
    if ((*file)->is_node)
        return 0;
    file_drop(*file);
    *file = NULL;
    return -EINVAL;
}

int64_t linux_unlinkat(int directory, uint64_t text, uint64_t flags)
{
    const uint64_t is_directory = (flags & AT_REMOVEDIR) != 0;
    struct path path;
    int64_t result = path_begin(&path, directory, text);
    const uint64_t *words = path.words;

    if ((flags & ~(uint64_t)AT_REMOVEDIR) != 0)
        result = -EINVAL;
    if (result == 0 && path.is_proc)
        result = -EPERM;
    if (result == 0 && is_short(&path))
        result = error_of(
            wk_directory_remove_short(path.directory, is_directory, words[0], words[1], words[2], words[3], words[4]));
    else if (result == 0)
        result = error_of(wk_directory_remove(path.directory, is_directory, arena, (uint64_t)path.text, path.length));
    path_end(&path);
    return result;
}

/* In /proc nothing is made. */
static int64_t refuse_in_proc(const struct path *path)
{
    struct stat status;

    return proc_status(path->text, false, &status) == 0 ? -EEXIST : -ENOENT;
}

static int64_t make(int directory, uint64_t text, enum wk_node_kind kind, uint32_t mode, uint64_t device)
{
    struct path path;
    int64_t result = path_begin(&path, directory, text);

    if (result == 0 && path.is_proc)
        result = refuse_in_proc(&path);
    if (result == 0)
        result = error_of(wk_directory_make(path.directory, kind, mode & 07777 & ~linux_process.umask, device, arena,
                                            (uint64_t)path.text, path.length));
    path_end(&path);
    return result == -ENOMEM ? -ENOSPC : result;
}

int64_t linux_mkdirat(int directory, uint64_t text, uint32_t mode)
{
    return make(directory, text, WK_NODE_KIND_DIRECTORY, mode & 01777, 0);
}

int64_t linux_mknodat(int directory, uint64_t text, uint32_t mode, uint64_t device)
{
    struct path path;
    struct file *file;
    int64_t result;

    switch (mode & S_IFMT) {
    case S_IFIFO:
        return make(directory, text, WK_NODE_KIND_FIFO, mode, 0);
    case S_IFCHR:
        return make(directory, text, WK_NODE_KIND_CHARACTER, mode, device);
    case S_IFBLK:
        return make(directory, text, WK_NODE_KIND_BLOCK, mode, device);
    case S_IFSOCK:
        return make(directory, text, WK_NODE_KIND_SOCKET, mode, 0);
    case 0:
    case S_IFREG:
        result = path_begin(&path, directory, text);
        if (result == 0)
            result = path_open(&path, WK_OPEN_OPTIONS_CREATE | WK_OPEN_OPTIONS_EXCLUSIVE | WK_OPEN_OPTIONS_READ,
                               mode & 07777 & ~linux_process.umask, 0, &file);
        if (result == 0)
            file_drop(file);
        path_end(&path);
        return result;
    default:
        return -EINVAL;
    }
}

int64_t linux_symlinkat(uint64_t target, int directory, uint64_t text)
{
    struct path path;
    char *both;
    int64_t length, result = path_begin(&path, directory, text);

    if (result != 0) {
        path_end(&path);
        return result;
    }
    both = wk_allocate(2 * PATH_BYTES);
    length = both == NULL ? -ENOMEM : copy_text_in(both, target, PATH_BYTES);
    if (length == 0)
        length = -ENOENT;
    if (length > 0) {
        memcpy(both + length, path.text, path.length);
        result = error_of(wk_directory_make_link(path.directory, (uint64_t)length, arena, (uint64_t)both, path.length));
    }
    wk_free(both);
    path_end(&path);
    return length < 0 ? length : result;
}

/* The text of a link, which the personality made up or the file service has. How many bytes. */
static int64_t read_link(struct path *path, char *text, uint64_t bytes)
{
    uint64_t count;
    enum wk_status status;

    if (path->is_proc)
        return proc_read_link(path->text, text, bytes);
    status = wk_directory_read_link(path->directory, arena, (uint64_t)path->text, path->length, PATH_BYTES, &count);
    if (status != WK_OK)
        return error_of(status);
    if (count > bytes)
        count = bytes;
    memcpy(text, path->text, count);
    return (int64_t)count;
}

int64_t linux_readlinkat(int directory, uint64_t text, uint64_t buffer, int bytes)
{
    struct path path;
    char *link;
    int64_t result;

    if (bytes <= 0)
        return -EINVAL;
    result = path_begin(&path, directory, text);
    link = wk_allocate(PATH_BYTES);
    if (link == NULL)
        result = -ENOMEM;
    if (result == 0)
        result = read_link(&path, link, bytes < PATH_BYTES ? (uint64_t)bytes : PATH_BYTES);
    if (result > 0 && copy_out(buffer, link, (size_t)result) != 0)
        result = -EFAULT;
    wk_free(link);
    path_end(&path);
    return result;
}

/* Where a second path starts, as the service is told: 0 if at the same place as the first. */
static int64_t ticket_of(const struct path *first, const struct path *second, uint64_t *ticket)
{
    *ticket = 0;
    if (second->directory == first->directory || second->text[0] == '/')
        return 0;
    return error_of(wk_file_ticket(second->directory, ticket));
}

int64_t linux_renameat2(int old_directory, uint64_t old_text, int new_directory, uint64_t new_text, uint64_t flags)
{
    struct path old, new;
    uint64_t ticket = 0;
    char *both = NULL;
    int64_t result;

    if ((flags & ~(uint64_t)(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0 || flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
        return -EINVAL;
    result = path_begin(&old, old_directory, old_text);
    new = (struct path){0};
    if (result == 0)
        result = path_begin(&new, new_directory, new_text);
    if (result == 0 && (old.is_proc || new.is_proc))
        result = -EXDEV;
    if (result == 0)
        result = ticket_of(&old, &new, &ticket);
    if (result == 0) {
        both = wk_allocate(2 * PATH_BYTES);
        result = both == NULL ? -ENOMEM : 0;
    }
    if (result == 0) {
        memcpy(both, old.text, old.length);
        memcpy(both + old.length, new.text, new.length);
        if ((flags & RENAME_EXCHANGE) != 0)
            result =
                error_of(wk_directory_exchange(old.directory, old.length, arena, (uint64_t)both, new.length, ticket));
        else
            result = error_of(wk_directory_rename(old.directory, old.length, arena, (uint64_t)both, new.length, ticket,
                                                  (flags & RENAME_NOREPLACE) != 0));
    }
    wk_free(both);
    path_end(&new);
    path_end(&old);
    return result;
}

/* What is to get a further name: what a path names, or what a descriptor stands for. */
static int64_t what_to_link(struct path *path, int directory, uint64_t text, uint64_t flags, struct file **file)
{
    int64_t result;

    *path = (struct path){0};
    if (names_descriptor(text, flags))
        return descriptor_node(directory, file);
    result = path_begin(path, directory, text);
    if (result != 0)
        return result;
    if ((flags & AT_SYMLINK_FOLLOW) != 0 && proc_descriptor(path->text) >= 0)
        return descriptor_node(proc_descriptor(path->text), file);
    return open_to_name(path, (flags & AT_SYMLINK_FOLLOW) != 0, file);
}

int64_t linux_linkat(int old_directory, uint64_t old_text, int new_directory, uint64_t new_text, uint64_t flags)
{
    struct path old = {0}, new = {0};
    struct file *file = NULL;
    uint64_t ticket = 0;
    int64_t result;

    if ((flags & ~(uint64_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0)
        return -EINVAL;
    result = what_to_link(&old, old_directory, old_text, flags, &file);
    if (result == 0)
        result = path_begin(&new, new_directory, new_text);
    if (result == 0)
        result = error_of(wk_file_ticket(file->session, &ticket));
    if (result == 0)
        result = error_of(wk_directory_link_here(new.directory, ticket, arena, (uint64_t) new.text, new.length));
    if (file != NULL)
        file_drop(file);
    path_end(&new);
    path_end(&old);
    return result == -EISDIR ? -EPERM : result;
}

/* ---- changing what is named ---- */

/* What a descriptor or path names, with a reference; for calls that change it. */
static int64_t node_at(int directory, uint64_t text, uint64_t flags, struct file **file)
{
    struct path path;
    int64_t result;

    if (text == 0 || (names_descriptor(text, flags) && directory != AT_FDCWD))
        return descriptor_node(directory, file);
    if (names_descriptor(text, flags)) {
        result = path_begin_text(&path, AT_FDCWD, ".");
        if (result == 0)
            result = open_to_name(&path, true, file);
        path_end(&path);
        return result;
    }
    result = path_begin(&path, directory, text);
    if (result == 0)
        result = open_to_name(&path, (flags & AT_SYMLINK_NOFOLLOW) == 0, file);
    path_end(&path);
    return result;
}

static int64_t change_permissions(int directory, uint64_t text, uint32_t mode, uint64_t flags)
{
    struct file *file;
    int64_t result = node_at(directory, text, flags, &file);

    if (result != 0)
        return result;
    result = -EOPNOTSUPP; /* a link's permissions stay as they are */
    if (file->kind != WK_NODE_KIND_LINK)
        result = error_of(wk_file_set_permissions(file->session, mode & 07777));
    file_drop(file);
    return result;
}

int64_t linux_fchmod(int fd, uint32_t mode)
{
    return change_permissions(fd, 0, mode, 0);
}

int64_t linux_fchmodat(int directory, uint64_t text, uint32_t mode)
{
    return text == 0 ? -EFAULT : change_permissions(directory, text, mode, 0);
}

int64_t linux_fchmodat2(int directory, uint64_t text, uint32_t mode, uint64_t flags)
{
    if ((flags & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
        return -EINVAL;
    return text == 0 ? -EFAULT : change_permissions(directory, text, mode, flags);
}

static uint64_t identity_of(uint64_t number)
{
    return (uint32_t)number == UINT32_MAX ? UINT64_MAX : (uint32_t)number;
}

int64_t linux_fchownat(int directory, uint64_t text, uint64_t user, uint64_t group, uint64_t flags)
{
    struct file *file;
    int64_t result = 0;

    if ((flags & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
        return -EINVAL;
    result = node_at(directory, text, flags, &file);
    if (result != 0)
        return result;
    result = error_of(wk_file_set_owner(file->session, identity_of(user), identity_of(group)));
    file_drop(file);
    return result;
}

int64_t linux_fchown(int fd, uint64_t user, uint64_t group)
{
    return linux_fchownat(fd, 0, user, group, 0);
}

static int64_t time_word(const struct __kernel_timespec *time, uint64_t *word)
{
    if (time->tv_nsec == UTIME_NOW_NS)
        *word = TIME_NOW;
    else if (time->tv_nsec == UTIME_OMIT_NS)
        *word = TIME_LEAVE;
    else if (time->tv_nsec < 0 || (uint64_t)time->tv_nsec >= NS_PER_SECOND || time->tv_sec < 0)
        return -EINVAL;
    else
        *word = (uint64_t)time->tv_sec * NS_PER_SECOND + (uint64_t)time->tv_nsec;
    return 0;
}

int64_t linux_utimensat(int directory, uint64_t text, uint64_t times, uint64_t flags)
{
    struct __kernel_timespec given[2];
    uint64_t accessed = TIME_NOW, modified = TIME_NOW;
    struct file *file;
    int64_t result = times == 0 ? 0 : copy_in(given, times, sizeof(given));

    if (result == 0 && times != 0)
        result = time_word(&given[0], &accessed);
    if (result == 0 && times != 0)
        result = time_word(&given[1], &modified);
    if ((flags & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
        result = -EINVAL;
    if (result == 0 && accessed == TIME_LEAVE && modified == TIME_LEAVE)
        return 0; /* whatever it is */
    if (result == 0)
        result = node_at(directory, text, flags, &file);
    if (result != 0)
        return result;
    result = error_of(wk_file_set_times(file->session, accessed, modified));
    file_drop(file);
    return result;
}

int64_t linux_ftruncate(int fd, int64_t size)
{
    struct file *file = file_of(fd);
    int64_t result = -EINVAL;

    if (file == NULL)
        return -EBADF;
    if (size >= 0 && file->operations == &node_operations)
        result = error_of(wk_file_set_size(file->session, (uint64_t)size));
    file_drop(file);
    return result == -EACCES ? -EINVAL : result;
}

int64_t linux_truncate(uint64_t text, int64_t size)
{
    struct path path;
    struct file *file = NULL;
    int64_t result = size < 0 ? -EINVAL : 0;

    path = (struct path){0};
    if (result == 0)
        result = path_begin(&path, AT_FDCWD, text);
    if (result == 0)
        result = path_open(&path, WK_OPEN_OPTIONS_WRITE, 0, O_WRONLY, &file);
    if (result == 0)
        result = error_of(wk_file_set_size(file->session, (uint64_t)size));
    if (file != NULL)
        file_drop(file);
    path_end(&path);
    return result;
}

/* ---- file systems ---- */

static int64_t fill_space(wk_handle session, uint64_t buffer)
{
    uint64_t total, free;
    struct statfs64 told;
    const enum wk_status status = wk_file_space(session, &total, &free);

    if (status != WK_OK)
        return error_of(status);
    told = (struct statfs64){
        .f_type = TMPFS_MAGIC,
        .f_bsize = WK_PAGE_BYTES,
        .f_blocks = total,
        .f_bfree = free,
        .f_bavail = free,
        .f_namelen = 255,
        .f_frsize = WK_PAGE_BYTES,
    };
    return copy_out(buffer, &told, sizeof(told));
}

int64_t linux_statfs(uint64_t text, uint64_t buffer)
{
    struct file *file;
    int64_t result = text == 0 ? -EFAULT : node_at(AT_FDCWD, text, 0, &file);

    if (result != 0)
        return result;
    result = fill_space(file->session, buffer);
    file_drop(file);
    return result;
}

int64_t linux_fstatfs(int fd, uint64_t buffer)
{
    struct file *file;
    int64_t result = node_at(fd, 0, 0, &file);

    if (result != 0)
        return result;
    result = fill_space(file->session, buffer);
    file_drop(file);
    return result;
}
