/* SPDX-License-Identifier: MIT */
/*
 * /proc: of the system and of the container's processes what proc_texts.c says, in directories (proc_list.c); of the process itself also
 * exe, cwd and root as links, and fd. A file's text is made when it is opened. Only paths that begin with `/` lead here, and those
 * that begin in one of these directories.
 */
#include "proc.h"

#include "calls.h"
#include "exec.h"
#include "node.h"
#include "paths.h"
#include "proc_list.h"
#include "proc_texts.h"

#include <winkle/directory.h>
#include <winkle/heap.h>
#include <winkle/print.h>
#include <winkle/text.h>

#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>

#define NAME_MAX_BYTES (PATH_BYTES / 16)

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* What is a link into /proc elsewhere. */
static const struct {
    const char *path, *means;
} aliases[] = {
    {"/dev/fd/", "/proc/self/fd/"},
    {"/dev/stdin", "/proc/self/fd/0"},
    {"/dev/stdout", "/proc/self/fd/1"},
    {"/dev/stderr", "/proc/self/fd/2"},
};

static bool is_hidden;

void proc_hide(void)
{
    is_hidden = true;
}

bool proc_has(const char *path)
{
    if (is_hidden || path[0] != '/' || (path[1] != 'd' && path[1] != 'p'))
        return false;
    for (unsigned i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        if (begins_with(path, aliases[i].path))
            return true;
    }
    return begins_with(path, "/proc/") || strcmp(path, "/proc") == 0;
}

/* Whether the last name before `end` is a link of a process's: what is above it is not where its name stands. */
static bool ends_in_link(const char *path, const char *end)
{
    const char *name = end;

    while (name > path && name[-1] != '/')
        name--;
    if (name - path >= 4 && strncmp(name - 4, "/fd/", 4) == 0)
        return true;
    for (unsigned i = 0; i < PROC_LINKS; i++) {
        if ((size_t)(end - name) == strlen(proc_links[i]) && strncmp(name, proc_links[i], (size_t)(end - name)) == 0)
            return true;
    }
    return false;
}

uint64_t proc_straighten(char *path)
{
    char *to = path;
    bool is_directory = false; /* the path says so by how it ends */

    for (const char *at = path; *at != '\0';) {
        const char *part = at, *end;

        while (*part == '/')
            part++;
        for (end = part; *end != '\0' && *end != '/'; end++)
            ;
        is_directory = end == part || (part[0] == '.' && (end - part == 1 || (end - part == 2 && part[1] == '.')));
        if (is_directory && end - part == 2 && !ends_in_link(path, to)) {
            while (to > path && *--to != '/')
                ;
        } else if (!is_directory || end - part == 2) {
            *to++ = '/';
            memmove(to, part, (size_t)(end - part));
            to += end - part;
        }
        at = end;
    }
    if (to == path || is_directory)
        *to++ = '/';
    *to = '\0';
    return (uint64_t)(to - path);
}

/* ---- what a path names ---- */

struct name {
    uint64_t pid;     /* the process in whose directory it is; 0: in none */
    bool is_own;      /* it is this one */
    bool is_link;     /* /proc/self, by that name */
    const char *rest; /* behind the directory, without `/`; empty: that itself */
    char text[NAME_MAX_BYTES];
};

static void expand_alias(const char *path, char *text)
{
    for (unsigned i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        if (begins_with(path, aliases[i].path)) {
            wk_print_text(text, NAME_MAX_BYTES, "%s%s", aliases[i].means, path + strlen(aliases[i].path));
            return;
        }
    }
    wk_print_text(text, NAME_MAX_BYTES, "%s", path);
}

/* Requires: proc_has(path). False: there is no such process. */
static bool parse(const char *path, struct name *name)
{
    struct proc_about about;
    const char *first, *end;
    char *last;

    *name = (struct name){.pid = 0};
    expand_alias(path, name->text);
    first = name->text + strlen("/proc");
    first += *first == '/';
    name->is_link = strcmp(first, "self") == 0;
    last = name->text + strlen(name->text) - 1;
    if (*last == '/' && last > first)
        *last = '\0';
    end = strchr(first, '/');
    end = end == NULL ? first + strlen(first) : end;
    name->rest = first;
    if (strncmp(first, "self", 4) == 0 && end == first + 4)
        name->pid = linux_process.page->pid;
    else if (!wk_parse_number(first, (size_t)(end - first), &name->pid))
        return true;
    name->rest = end + (*end == '/');
    name->is_own = name->pid == linux_process.page->pid;
    return name->pid != 0 && proc_find(name->pid, &about);
}

/* The descriptor that it is, or -1. */
static int descriptor_in(const struct name *name)
{
    uint64_t number;

    if (!name->is_own || !begins_with(name->rest, "fd/") ||
        !wk_parse_number(name->rest + 3, strlen(name->rest + 3), &number) || number >= DESCRIPTORS_MAX)
        return -1;
    return (int)number;
}

int proc_descriptor(const char *path)
{
    struct name name;

    return proc_has(path) && parse(path, &name) ? descriptor_in(&name) : -1;
}

static bool is_directory(const struct name *name, enum proc_directory *directory)
{
    *directory = name->pid == 0          ? PROC_DIRECTORY_SYSTEM
                 : name->rest[0] == '\0' ? PROC_DIRECTORY_PROCESS
                                         : PROC_DIRECTORY_DESCRIPTORS;
    return name->rest[0] == '\0' || (name->is_own && strcmp(name->rest, "fd") == 0);
}

static const struct proc_text *text_of(const struct name *name)
{
    const struct proc_text *text = name->pid == 0 ? proc_system_texts : proc_process_texts;

    for (; text->name != NULL; text++) {
        if (strcmp(text->name, name->rest) == 0 && (name->is_own || !text->is_own))
            return text;
    }
    return NULL;
}

/* ---- the files ---- */

static int64_t read(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    const uint64_t at = position == POSITION_CURRENT ? file->position : position;
    uint64_t count = at < file->text_bytes ? file->text_bytes - at : 0;

    if (count > bytes)
        count = bytes;
    if (copy_out(buffer, file->text + at, count) != 0)
        return -EFAULT;
    if (position == POSITION_CURRENT)
        file->position += count;
    return (int64_t)count;
}

static int64_t seek(struct file *file, int64_t offset, int whence)
{
    const int64_t from = whence == SEEK_SET   ? 0
                         : whence == SEEK_CUR ? (int64_t)file->position
                                              : (int64_t)file->text_bytes;

    if (whence < SEEK_SET || whence > SEEK_END || from + offset < 0)
        return -EINVAL;
    file->position = (uint64_t)(from + offset);
    return from + offset;
}

static int64_t status(struct file *file, struct stat *status)
{
    (void)file;
    *status =
        (struct stat){.st_mode = S_IFREG | 0444, .st_nlink = 1, .st_ino = 1, .st_dev = 3, .st_blksize = WK_PAGE_BYTES};
    return 0;
}

static const struct file_operations text_operations = {.read = read, .seek = seek, .status = status};

static int64_t open_text(const struct proc_text *text, uint64_t pid, uint32_t flags, struct file **file)
{
    struct proc_about about = {0};
    char *bytes;

    if (pid != 0 && !proc_find(pid, &about))
        return -ENOENT;
    bytes = wk_allocate(PROC_TEXT_BYTES);
    *file = bytes == NULL ? NULL : file_make(&text_operations, 0, flags);
    if (*file == NULL) {
        wk_free(bytes);
        return -ENOMEM;
    }
    (*file)->text = bytes;
    (*file)->text_bytes = text->write(bytes, &about);
    return 0;
}

int64_t proc_open(const char *path, uint32_t flags, struct file **file)
{
    struct name name;
    enum proc_directory directory;
    const struct proc_text *text;

    if (!parse(path, &name))
        return -ENOENT;
    if (descriptor_in(&name) >= 0) {
        *file = file_of(descriptor_in(&name));
        return *file == NULL ? -ENOENT : 0;
    }
    if (is_directory(&name, &directory)) {
        if ((flags & O_ACCMODE) != O_RDONLY)
            return -EISDIR;
        return proc_open_directory(directory, name.pid, name.text, flags, file);
    }
    text = text_of(&name);
    if (text == NULL)
        return -ENOENT;
    if ((flags & O_DIRECTORY) != 0)
        return -ENOTDIR;
    return (flags & O_ACCMODE) != O_RDONLY ? -EACCES : open_text(text, name.pid, flags, file);
}

/* ---- the links ---- */

/* What a descriptor's link says: its length, or an error. */
static int64_t describe_descriptor(int fd, char *link)
{
    struct file *file = file_of(fd);
    int64_t length;

    if (file == NULL)
        return -ENOENT;
    if (file->operations == &node_operations)
        length = path_of(file->session, link, PATH_BYTES) - 1;
    else
        length = (int64_t)wk_print_text(link, PATH_BYTES, "%s",
                                        proc_is_directory(file)                ? file->text
                                        : file->kind == WK_NODE_KIND_CHARACTER ? "/dev/tty"
                                                                               : "pipe:[1]");
    file_drop(file);
    return length;
}

static int64_t read_own_link(const struct name *name, char *link)
{
    if (name->is_link)
        return (int64_t)wk_print_text(link, PATH_BYTES, "%lu", name->pid);
    if (strcmp(name->rest, "exe") == 0)
        return (int64_t)wk_print_text(link, PATH_BYTES, "%s", exec_path);
    if (strcmp(name->rest, "cwd") == 0)
        return path_of_working(link, PATH_BYTES) - 1;
    if (strcmp(name->rest, "root") == 0)
        return (int64_t)wk_print_text(link, PATH_BYTES, "/");
    return descriptor_in(name) >= 0 ? describe_descriptor(descriptor_in(name), link) : -EINVAL;
}

int64_t proc_read_link(const char *path, char *text, uint64_t bytes)
{
    struct name name;
    char *link;
    int64_t length;

    if (!parse(path, &name))
        return -ENOENT;
    if (!name.is_own)
        return -EINVAL;
    link = wk_allocate(PATH_BYTES);
    if (link == NULL)
        return -ENOMEM;
    length = read_own_link(&name, link);
    if (length > (int64_t)bytes)
        length = (int64_t)bytes;
    if (length > 0)
        memcpy(text, link, (size_t)length);
    wk_free(link);
    return length;
}

/* What a link leads to, as stat tells of it. */
static int64_t link_status(const struct name *name, struct stat *status)
{
    struct file *file;
    int64_t result;

    if (strcmp(name->rest, "exe") == 0)
        status->st_mode = S_IFREG | 0755;
    else
        status->st_mode = S_IFDIR | 0555;
    if (descriptor_in(name) < 0)
        return 0;
    file = file_of(descriptor_in(name));
    result = file == NULL ? -ENOENT : file->operations->status(file, status);
    if (file != NULL)
        file_drop(file);
    return result;
}

int64_t proc_status(const char *path, bool follows, struct stat *status)
{
    struct name name;
    struct proc_about about = {0};
    enum proc_directory directory;
    char link[64];

    if (!parse(path, &name) || (name.pid != 0 && !proc_find(name.pid, &about)))
        return -ENOENT;
    *status = (struct stat){.st_mode = S_IFREG | 0444,
                            .st_nlink = 1,
                            .st_ino = name.pid + 1,
                            .st_dev = 3,
                            .st_uid = about.user,
                            .st_blksize = WK_PAGE_BYTES};
    if (text_of(&name) != NULL)
        return 0;
    if (is_directory(&name, &directory) && (follows || !name.is_link)) {
        status->st_mode = S_IFDIR | 0555;
        status->st_nlink = 2;
        return 0;
    }
    if (!name.is_own || proc_read_link(path, link, sizeof(link)) < 0)
        return -ENOENT;
    if (follows)
        return link_status(&name, status);
    status->st_mode = S_IFLNK | 0777;
    return 0;
}
