/* SPDX-License-Identifier: MIT */
/*
 * /proc as far as it tells of the process itself: exe and cwd as links, fd, maps, stat, status, cmdline, comm; and of the system,
 * meminfo, cpuinfo, mounts, uptime, loadavg, version, filesystems. A file's text is made when it is opened.
 */
#include "proc.h"

#include "calls.h"
#include "exec.h"
#include "memory.h"
#include "node.h"
#include "paths.h"

#include <winkle/bank.h>
#include <winkle/clock.h>
#include <winkle/directory.h>
#include <winkle/heap.h>
#include <winkle/print.h>
#include <winkle/text.h>

#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/stat.h>

#define TEXT_BYTES 8192
#define KIB_PER_PAGE (WK_PAGE_BYTES / 1024)

struct writer {
    char *text;
    uint64_t used;
};

#define WRITE(writer, ...)                                                                                             \
    ((writer)->used += wk_print_text((writer)->text + (writer)->used, TEXT_BYTES - (writer)->used, __VA_ARGS__))

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
    return begins_with(path, "/proc/");
}

/* ---- the texts ---- */

static void write_meminfo(struct writer *writer)
{
    uint64_t total = 0, used = 0, objects, children;
    enum wk_bank_kind kind;

    wk_bank_info(wk_self.bank, &total, &used, &objects, &children, &kind);
    WRITE(writer, "MemTotal:       %lu kB\nMemFree:        %lu kB\nMemAvailable:   %lu kB\n", total * KIB_PER_PAGE,
          (total - used) * KIB_PER_PAGE, (total - used) * KIB_PER_PAGE);
    WRITE(writer, "Buffers:        0 kB\nCached:         0 kB\nSwapTotal:      0 kB\nSwapFree:       0 kB\n");
    WRITE(writer, "SReclaimable:   0 kB\n");
}

static void write_cpuinfo(struct writer *writer)
{
    WRITE(writer, "processor\t: 0\nhart\t\t: 0\nisa\t\t: rv64imafdc\nmmu\t\t: sv39\n\n");
}

static void write_mounts(struct writer *writer)
{
    WRITE(writer, "root / tmpfs rw 0 0\nproc /proc proc rw 0 0\n");
}

static void write_uptime(struct writer *writer)
{
    const uint64_t hundredths = wk_now_ns() / (WK_NS_PER_SECOND / 100);

    WRITE(writer, "%lu.%lu%lu 0.00\n", hundredths / 100, hundredths / 10 % 10, hundredths % 10);
}

static void write_loadavg(struct writer *writer)
{
    WRITE(writer, "0.00 0.00 0.00 1/1 %lu\n", linux_process.page->pid);
}

static void write_version(struct writer *writer)
{
    WRITE(writer, "Linux version 6.12.0-winkle (Winkle)\n");
}

static void write_filesystems(struct writer *writer)
{
    WRITE(writer, "nodev\ttmpfs\nnodev\tproc\n");
}

static void write_comm(struct writer *writer)
{
    WRITE(writer, "%s\n", linux_process.name);
}

/* The arguments lie on the program's stack, where it may have changed them. */
static void write_cmdline(struct writer *writer)
{
    const uint64_t first = linux_process.arguments, bytes = linux_process.arguments_bytes;
    const uint64_t count = bytes < TEXT_BYTES ? bytes : TEXT_BYTES;

    if (copy_in(writer->text, first, count) == 0)
        writer->used = count;
}

static void write_stat(struct writer *writer)
{
    WRITE(writer, "%lu (%s) R %lu %lu %lu 1280 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 0 0 0\n", linux_process.page->pid,
          linux_process.name, linux_process.page->parent, linux_process.page->group, linux_process.page->session);
}

static void write_status(struct writer *writer)
{
    WRITE(writer, "Name:\t%s\nState:\tR (running)\nTgid:\t%lu\nPid:\t%lu\nPPid:\t%lu\n", linux_process.name,
          linux_process.page->pid, linux_process.page->pid, linux_process.page->parent);
    WRITE(writer, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", linux_process.user, linux_process.effective_user,
          linux_process.saved_user, linux_process.effective_user, linux_process.group, linux_process.effective_group,
          linux_process.saved_group, linux_process.effective_group);
}

static void write_maps(struct writer *writer)
{
    for (uint64_t i = 0; i < space.count; i++) {
        const struct area *area = &space.areas[i];

        WRITE(writer, "%lx-%lx %c%c%c%c 00000000 00:00 0\n", area->start, area->end,
              (area->protection & PROT_READ) != 0 ? 'r' : '-', (area->protection & PROT_WRITE) != 0 ? 'w' : '-',
              (area->protection & PROT_EXEC) != 0 ? 'x' : '-', area->backing->is_shared ? 's' : 'p');
    }
}

static const struct {
    const char *name;
    void (*write)(struct writer *writer);
} texts[] = {
    {"/proc/meminfo", write_meminfo}, {"/proc/cpuinfo", write_cpuinfo},
    {"/proc/mounts", write_mounts},   {"/proc/self/mounts", write_mounts},
    {"/proc/uptime", write_uptime},   {"/proc/loadavg", write_loadavg},
    {"/proc/version", write_version}, {"/proc/filesystems", write_filesystems},
    {"/proc/self/comm", write_comm},  {"/proc/self/cmdline", write_cmdline},
    {"/proc/self/stat", write_stat},  {"/proc/self/status", write_status},
    {"/proc/self/maps", write_maps},
};

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

/* The same path as of the process itself, if it names the process by its number. */
static void canonical(const char *path, char *text, uint64_t bytes)
{
    char own[32];

    for (unsigned i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        if (begins_with(path, aliases[i].path)) {
            wk_print_text(text, bytes, "%s%s", aliases[i].means, path + strlen(aliases[i].path));
            return;
        }
    }
    wk_print_text(own, sizeof(own), "/proc/%lu/", linux_process.page->pid);
    if (begins_with(path, own))
        wk_print_text(text, bytes, "/proc/self/%s", path + strlen(own));
    else
        wk_print_text(text, bytes, "%s", path);
}

/* The number behind /proc/self/fd/, or -1. */
static int descriptor_in(const char *path)
{
    uint64_t number;

    if (!begins_with(path, "/proc/self/fd/") || !wk_parse_number(path + 14, strlen(path + 14), &number) ||
        number >= DESCRIPTORS_MAX)
        return -1;
    return (int)number;
}

int proc_descriptor(const char *path)
{
    char name[PATH_BYTES / 16];

    if (!proc_has(path))
        return -1;
    canonical(path, name, sizeof(name));
    return descriptor_in(name);
}

int64_t proc_open(const char *path, uint32_t flags, struct file **file)
{
    char name[PATH_BYTES / 16];
    struct writer writer = {0};

    canonical(path, name, sizeof(name));
    if (descriptor_in(name) >= 0) {
        *file = file_of(descriptor_in(name));
        return *file == NULL ? -ENOENT : 0;
    }
    if ((flags & O_ACCMODE) != O_RDONLY)
        return -EACCES;
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(texts[i].name, name) != 0)
            continue;
        writer.text = wk_allocate(TEXT_BYTES);
        *file = writer.text == NULL ? NULL : file_make(&text_operations, 0, flags);
        if (*file == NULL) {
            wk_free(writer.text);
            return -ENOMEM;
        }
        texts[i].write(&writer);
        (*file)->text = writer.text;
        (*file)->text_bytes = writer.used;
        return 0;
    }
    return -ENOENT;
}

int64_t proc_read_link(const char *path, char *text, uint64_t bytes)
{
    char name[PATH_BYTES / 16];
    char *link;
    struct file *file;
    int64_t length = -EINVAL;

    canonical(path, name, sizeof(name));
    link = wk_allocate(PATH_BYTES);
    if (link == NULL)
        return -ENOMEM;
    if (strcmp(name, "/proc/self/exe") == 0) {
        wk_print_text(link, PATH_BYTES, "%s", exec_path);
        length = (int64_t)strlen(link);
    } else if (strcmp(name, "/proc/self") == 0) {
        length = (int64_t)wk_print_text(link, PATH_BYTES, "%lu", linux_process.page->pid);
    } else if (strcmp(name, "/proc/self/cwd") == 0) {
        length = path_of_working(link, PATH_BYTES) - 1;
    } else if (strcmp(name, "/proc/self/root") == 0) {
        length = (int64_t)wk_print_text(link, PATH_BYTES, "/");
    } else if (descriptor_in(name) >= 0) {
        file = file_of(descriptor_in(name));
        length = file == NULL ? -ENOENT : -EINVAL;
        if (file != NULL && file->operations == &node_operations)
            length = path_of(file->session, link, PATH_BYTES) - 1;
        else if (file != NULL)
            length = (int64_t)wk_print_text(link, PATH_BYTES,
                                            file->kind == WK_NODE_KIND_CHARACTER ? "/dev/tty" : "pipe:[1]");
        if (file != NULL)
            file_drop(file);
    }
    if (length > (int64_t)bytes)
        length = (int64_t)bytes;
    if (length > 0)
        memcpy(text, link, (size_t)length);
    wk_free(link);
    return length;
}

int64_t proc_status(const char *path, bool follows, struct stat *status)
{
    char name[PATH_BYTES / 16], link[64];

    canonical(path, name, sizeof(name));
    *status =
        (struct stat){.st_mode = S_IFREG | 0444, .st_nlink = 1, .st_ino = 1, .st_dev = 3, .st_blksize = WK_PAGE_BYTES};
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(texts[i].name, name) == 0)
            return 0;
    }
    if (proc_read_link(name, link, sizeof(link)) < 0)
        return -ENOENT;
    if (!follows) {
        status->st_mode = S_IFLNK | 0777;
        return 0;
    }
    if (strcmp(name, "/proc/self/exe") == 0) {
        status->st_mode = S_IFREG | 0755;
        return 0;
    }
    if (descriptor_in(name) >= 0) {
        struct file *file = file_of(descriptor_in(name));
        int64_t result = file == NULL ? -ENOENT : file->operations->status(file, status);

        if (file != NULL)
            file_drop(file);
        return result;
    }
    status->st_mode = S_IFDIR | 0555;
    return 0;
}
