/* SPDX-License-Identifier: MIT */
/* Where paths start, and opening what they name. */
#include "paths.h"

#include "calls.h"
#include "devices.h"
#include "memory.h"
#include "node.h"
#include "pipes.h"
#include "proc.h"
#include "proc_list.h"
#include "spares.h"

#include <winkle/capability.h>
#include <winkle/directory.h>
#include <winkle/file.h>
#include <winkle/heap.h>
#include <winkle/print.h>
#include <winkle/text.h>

#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/openat2.h>

#define PERMISSIONS_SHIFT 16
#define RESOLVE_SHIFT 32
#define MEMFD_NAME_BYTES 249
#ifndef MFD_EXEC
#define MFD_EXEC 0x10U /* newer than some headers */
#endif

/* A buffer that no path uses; NULL: the next one has to be allocated. */
static char *free_text;

static void path_make(struct path *path)
{
    path->text = __atomic_exchange_n(&free_text, NULL, __ATOMIC_ACQUIRE);
    if (path->text == NULL)
        path->text = wk_allocate(PATH_BYTES);
    path->file = NULL;
    path->is_proc = false;
    for (unsigned i = 0; i < sizeof(path->words) / sizeof(path->words[0]); i++)
        path->words[i] = 0;
}

/* A path that starts in a directory that the personality makes up is one from the root. */
static int64_t path_below(struct path *path, const char *directory)
{
    const uint64_t length = strlen(directory);

    if (length + 1 + path->length >= PATH_BYTES)
        return -ENAMETOOLONG;
    memmove(path->text + length + 1, path->text, path->length + 1);
    memcpy(path->text, directory, length);
    path->text[length] = '/';
    path->length = proc_straighten(path->text);
    path->directory = root_session();
    path->is_proc = proc_has(path->text);
    return 0;
}

/* From the root: and perhaps into /proc. */
static void start_at_root(struct path *path)
{
    path->directory = root_session();
    if (path->text[1] != 'p' && path->text[1] != 'd')
        return;
    if (proc_has(path->text)) {
        path->length = proc_straighten(path->text);
        path->is_proc = proc_has(path->text);
    }
}

static int64_t start_at_descriptor(struct path *path, int directory)
{
    path->file = file_of(directory);
    if (path->file == NULL)
        return -EBADF;
    if (proc_is_directory(path->file))
        return path_below(path, path->file->text);
    if (path->file->operations != &node_operations)
        return -ENOTDIR;
    path->directory = path->file->session;
    return 0;
}

static int64_t path_start(struct path *path, int directory)
{
    int64_t result = 0;

    if (path->length == 0)
        return -ENOENT;
    if (path->text[0] == '/')
        start_at_root(path);
    else if (directory != AT_FDCWD)
        result = start_at_descriptor(path, directory);
    else if (working_made_up() != NULL)
        result = path_below(path, working_made_up());
    else
        path->directory = working_session();
    if (path->length <= sizeof(path->words))
        memcpy(path->words, path->text, path->length);
    return result;
}

int64_t path_begin(struct path *path, int directory, uint64_t text)
{
    int64_t length;

    path_make(path);
    if (path->text == NULL)
        return -ENOMEM;
    length = copy_text_in(path->text, text, PATH_BYTES);
    if (length < 0)
        return length;
    path->length = (uint64_t)length;
    return path_start(path, directory);
}

int64_t path_begin_text(struct path *path, int directory, const char *text)
{
    path_make(path);
    path->length = strlen(text);
    if (path->text == NULL)
        return -ENOMEM;
    if (path->length >= PATH_BYTES)
        return -ENAMETOOLONG;
    memcpy(path->text, text, path->length + 1);
    return path_start(path, directory);
}

void path_end(struct path *path)
{
    if (path->file != NULL)
        file_drop(path->file);
    wk_free(__atomic_exchange_n(&free_text, path->text, __ATOMIC_RELEASE));
}

static bool is_short(const struct path *path)
{
    return path->length <= sizeof(path->words);
}

static enum wk_status open_node(const struct path *path, uint64_t options, struct opened *opened)
{
    const uint64_t *words = path->words;
    const enum wk_status status = is_short(path) ? spares_open(path, options, opened) : WK_NOT_AVAILABLE;

    if (status != WK_NOT_AVAILABLE)
        return status;
    opened->forks = spares_forks();
    if (is_short(path))
        return wk_directory_open_short(path->directory, options, words[0], words[1], words[2], words[3], words[4],
                                       &opened->node, &opened->kind, &opened->device, &opened->identity, &opened->key);
    return wk_directory_open(path->directory, options, arena, (uint64_t)path->text, path->length, &opened->node,
                             &opened->kind, &opened->device, &opened->identity, &opened->key);
}

/* A record of what has been opened, whose session it is given. */
static int64_t node_file(const struct opened *opened, uint32_t flags, struct file **file)
{
    *file = file_make(&node_operations, opened->node, flags);
    if (*file == NULL)
        return -ENOMEM;
    (*file)->is_node = true;
    (*file)->key = opened->key;
    (*file)->forks = opened->forks;
    (*file)->kind = opened->kind;
    (*file)->device = opened->device;
    return 0;
}

int64_t path_open(const struct path *path, uint64_t options, uint32_t permissions, uint32_t flags, struct file **file)
{
    struct opened opened;
    const enum wk_status status = open_node(path, options | (uint64_t)permissions << PERMISSIONS_SHIFT, &opened);

    if (status == WK_WRONG_KIND)
        return -ELOOP; /* a link, which was not to be followed */
    if (status != WK_OK)
        return status == WK_NO_MEMORY ? -ENOSPC : error_of(status);
    if ((flags & O_PATH) == 0 && opened.kind == WK_NODE_KIND_CHARACTER)
        return device_open(opened.node, opened.device, flags, file);
    if ((flags & O_PATH) == 0 && opened.kind == WK_NODE_KIND_FIFO)
        return pipe_open_named(opened.node, opened.identity, flags, file);
    if ((flags & O_PATH) == 0 && (opened.kind == WK_NODE_KIND_BLOCK || opened.kind == WK_NODE_KIND_SOCKET)) {
        wk_capability_delete(opened.node);
        return -ENXIO;
    }
    return node_file(&opened, flags, file);
}

/* What Linux's flags ask of the file service. */
static uint64_t options_of(uint32_t flags)
{
    static const struct {
        uint32_t flag;
        uint64_t option;
    } names[] = {
        {O_APPEND, WK_OPEN_OPTIONS_APPEND},       {O_CREAT, WK_OPEN_OPTIONS_CREATE},
        {O_EXCL, WK_OPEN_OPTIONS_EXCLUSIVE},      {O_TRUNC, WK_OPEN_OPTIONS_TRUNCATE},
        {O_DIRECTORY, WK_OPEN_OPTIONS_DIRECTORY}, {O_NOFOLLOW, WK_OPEN_OPTIONS_NO_FOLLOW},
        {O_PATH, WK_OPEN_OPTIONS_PATH},
    };
    uint64_t options = 0;

    if ((flags & O_PATH) != 0)
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_ACCMODE;
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((flags & names[i].flag) != 0)
            options |= names[i].option;
    }
    if ((flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_WRONLY)
        options |= WK_OPEN_OPTIONS_READ;
    if ((flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_RDONLY)
        options |= WK_OPEN_OPTIONS_WRITE;
    return options;
}

/* A file without a name, on the file system where a directory lies. */
static int64_t open_unnamed(const struct path *path, uint64_t options, uint32_t permissions, uint32_t flags,
                            struct file **file)
{
    struct opened opened = {.kind = WK_NODE_KIND_FILE};
    struct file *directory = NULL;
    int64_t result;

    if ((flags & O_ACCMODE) == O_RDONLY)
        return -EINVAL;
    result = path_open(path, WK_OPEN_OPTIONS_PATH | WK_OPEN_OPTIONS_DIRECTORY, 0, O_PATH, &directory);
    if (directory == NULL)
        return result;
    result =
        error_of(wk_directory_open_unnamed(directory->session, options | (uint64_t)permissions << PERMISSIONS_SHIFT,
                                           (flags & O_EXCL) == 0, &opened.node, &opened.identity));
    file_drop(directory);
    return result != 0 ? result : node_file(&opened, flags, file);
}

/* Opens a path, with further options above those that the flags ask for. */
static int64_t open_path(const struct path *path, uint64_t resolve, uint32_t permissions, uint32_t flags,
                         struct file **file)
{
    const uint64_t options = options_of(flags);

    if ((flags & O_TMPFILE) == O_TMPFILE)
        return open_unnamed(path, options & (WK_OPEN_OPTIONS_READ | WK_OPEN_OPTIONS_WRITE | WK_OPEN_OPTIONS_APPEND),
                            permissions, flags, file);
    if ((flags & O_CREAT) != 0 && (flags & O_DIRECTORY) != 0)
        return -EINVAL;
    if (resolve == 0 && path->is_proc)
        return proc_open(path->text, flags, file);
    return path_open(path, options | resolve << RESOLVE_SHIFT, permissions, flags, file);
}

static int64_t open_at(struct path *path, uint64_t resolve, uint32_t mode, uint32_t flags)
{
    struct file *file = NULL;
    const int64_t result = open_path(path, resolve, mode & 07777 & ~linux_process.umask, flags, &file);

    if (file == NULL)
        return result;
    if (file->references == 1) /* not one that was open before, as /proc/self/fd has them */
        file_tell_flags(file);
    return descriptor_make(file, 0, (flags & O_CLOEXEC) != 0);
}

int64_t linux_openat(int directory, uint64_t text, uint64_t flags, uint32_t mode)
{
    struct path path;
    int64_t result = path_begin(&path, directory, text);

    if (result == 0)
        result = open_at(&path, 0, mode, (uint32_t)flags);
    path_end(&path);
    return result;
}

/* ---- openat2 ---- */

#define OPEN_FLAGS                                                                                                     \
    (O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | FASYNC | O_DIRECT |          \
     O_LARGEFILE | O_TMPFILE | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH)

static int64_t read_how(uint64_t address, uint64_t bytes, struct open_how *how)
{
    static const struct open_how nothing;
    uint64_t rest;

    *how = nothing;
    if (bytes < sizeof(*how))
        return -EINVAL;
    if (bytes > WK_PAGE_BYTES)
        return -E2BIG;
    if (copy_in(how, address, sizeof(*how)) != 0)
        return -EFAULT;
    for (uint64_t at = sizeof(*how); at < bytes; at += sizeof(rest)) {
        const uint64_t part = bytes - at < sizeof(rest) ? bytes - at : sizeof(rest);

        rest = 0;
        if (copy_in(&rest, address + at, part) != 0)
            return -EFAULT;
        if (rest != 0)
            return -E2BIG;
    }
    return 0;
}

static int64_t check_how(const struct open_how *how)
{
    const uint64_t known = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH |
                           RESOLVE_IN_ROOT | RESOLVE_CACHED;
    const bool makes = (how->flags & O_CREAT) != 0 || (how->flags & O_TMPFILE) == O_TMPFILE;

    if ((how->flags & ~(uint64_t)OPEN_FLAGS) != 0 || (how->resolve & ~known) != 0 ||
        (how->mode & ~UINT64_C(07777)) != 0)
        return -EINVAL;
    if ((!makes && how->mode != 0) || (how->resolve & RESOLVE_BENEATH && how->resolve & RESOLVE_IN_ROOT))
        return -EINVAL;
    if ((how->flags & O_PATH) != 0 && (how->flags & ~(uint64_t)(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) != 0)
        return -EINVAL;
    return (how->resolve & RESOLVE_CACHED) != 0 ? -EAGAIN : 0; /* nothing is known without asking the service */
}

static uint64_t resolve_of(uint64_t resolve)
{
    return ((resolve & RESOLVE_NO_SYMLINKS) != 0 ? (uint64_t)WK_RESOLVE_OPTIONS_NO_LINKS : 0) |
           ((resolve & RESOLVE_BENEATH) != 0 ? (uint64_t)WK_RESOLVE_OPTIONS_BENEATH : 0) |
           ((resolve & RESOLVE_IN_ROOT) != 0 ? (uint64_t)WK_RESOLVE_OPTIONS_IN_START : 0) |
           ((resolve & RESOLVE_NO_XDEV) != 0 ? (uint64_t)WK_RESOLVE_OPTIONS_NO_CROSSING : 0);
}

/* Where a path starts that may not lead above the directory that it is given with. */
static int64_t stay_inside(struct path *path, int directory, uint64_t resolve)
{
    uint64_t slashes = 0;

    if (path->text[0] != '/' || (resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) == 0)
        return 0;
    if ((resolve & RESOLVE_BENEATH) != 0)
        return -EXDEV;
    while (path->text[slashes] == '/')
        slashes++;
    path->length -= slashes;
    memmove(path->text, path->text + slashes, path->length + 1);
    if (path->length == 0) {
        path->text[path->length++] = '.';
        path->text[path->length] = '\0';
    }
    memset(path->words, 0, sizeof(path->words));
    return path_start(path, directory);
}

int64_t linux_openat2(int directory, uint64_t text, uint64_t address, uint64_t bytes)
{
    struct open_how how;
    struct path path = {0};
    int64_t result = read_how(address, bytes, &how);

    if (result == 0)
        result = check_how(&how);
    if (result == 0)
        result = path_begin(&path, directory, text);
    if (result == 0)
        result = stay_inside(&path, directory, how.resolve);
    if (result == 0)
        result = open_at(&path, resolve_of(how.resolve), (uint32_t)how.mode, (uint32_t)how.flags);
    path_end(&path);
    return result == -EACCES && how.resolve != 0 ? -EXDEV : result;
}

int64_t linux_memfd_create(uint64_t name, uint64_t flags)
{
    struct opened opened = {.kind = WK_NODE_KIND_FILE};
    struct file *file = NULL;
    char text[MEMFD_NAME_BYTES + 1];
    int64_t result = copy_text_in(text, name, sizeof(text));

    if (result < 0)
        return result == -ENAMETOOLONG ? -EINVAL : result;
    if ((flags & ~(uint64_t)(MFD_CLOEXEC | MFD_EXEC)) != 0) /* there are no seals */
        return -EINVAL;
    result = error_of(wk_directory_open_unnamed(
        root_session(), WK_OPEN_OPTIONS_READ | WK_OPEN_OPTIONS_WRITE | UINT64_C(0777) << PERMISSIONS_SHIFT, 0,
        &opened.node, &opened.identity));
    if (result == 0)
        result = node_file(&opened, O_RDWR, &file);
    return result != 0 ? result : descriptor_make(file, 0, (flags & MFD_CLOEXEC) != 0);
}
