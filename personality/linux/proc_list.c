/* SPDX-License-Identifier: MIT */
/*
 * A position in such a directory is how many entries have been told, and behind those that are always there, for numbers of
 * processes or descriptors, how many entries there are always and the number from which to go on.
 */
#include "proc_list.h"

#include "proc_texts.h"

#include <winkle/directory.h>
#include <winkle/heap.h>
#include <winkle/print.h>
#include <winkle/text.h>

#include <asm/stat.h>
#include <linux/fs.h>
#include <linux/stat.h>

#define NUMBER_BYTES 24
#define TYPE_DIRECTORY 4
#define TYPE_FILE 8
#define TYPE_LINK 10
#define ENTRY_HEAD 19 /* of struct linux_dirent64, before the name */

struct entry {
    const char *name;
    uint8_t type;
    char number[NUMBER_BYTES]; /* what `name` is, if it is one */
};

const char *const proc_links[PROC_LINKS] = {"cwd", "exe", "root"};

/* By enum proc_directory. */
#define DIRECTORIES 3
static const struct file_operations directories[DIRECTORIES];

static enum proc_directory directory_of(const struct file *file)
{
    return (enum proc_directory)(file->operations - directories);
}

static bool is_own(const struct file *file)
{
    return file->device == linux_process.page->pid;
}

/* The entry of a process's directory with that number among them; false: there are no more. */
static bool process_entry(const struct file *file, uint64_t number, struct entry *entry)
{
    for (const struct proc_text *text = proc_process_texts; text->name != NULL; text++) {
        if (text->is_own && !is_own(file))
            continue;
        if (number-- == 0) {
            *entry = (struct entry){.name = text->name, .type = TYPE_FILE};
            return true;
        }
    }
    if (!is_own(file) || number > PROC_LINKS)
        return false;
    *entry = number == PROC_LINKS ? (struct entry){.name = "fd", .type = TYPE_DIRECTORY}
                                  : (struct entry){.name = proc_links[number], .type = TYPE_LINK};
    return true;
}

static bool system_entry(uint64_t number, struct entry *entry)
{
    for (const struct proc_text *text = proc_system_texts; text->name != NULL; text++) {
        if (number-- == 0) {
            *entry = (struct entry){.name = text->name, .type = TYPE_FILE};
            return true;
        }
    }
    *entry = (struct entry){.name = "self", .type = TYPE_LINK};
    return number == 0;
}

/* A process or descriptor from a number on, and the number after it. */
static bool numbered_entry(const struct file *file, uint64_t *least, struct entry *entry)
{
    uint64_t number = *least;

    if (directory_of(file) == PROC_DIRECTORY_PROCESS)
        return false;
    if (directory_of(file) == PROC_DIRECTORY_SYSTEM) {
        struct proc_about about;

        if (!proc_describe(number, &about))
            return false;
        number = about.pid;
        entry->type = TYPE_DIRECTORY;
    } else {
        while (number < DESCRIPTORS_MAX && descriptor_flags((int)number) < 0)
            number++;
        if (number == DESCRIPTORS_MAX)
            return false;
        entry->type = TYPE_LINK;
    }
    *least = number + 1;
    wk_print_text(entry->number, sizeof(entry->number), "%lu", number);
    entry->name = entry->number;
    return true;
}

/* How many entries are always there, with `.` and `..`. */
static uint64_t constant_entries(const struct file *file)
{
    struct entry entry;
    uint64_t count = 0;

    if (directory_of(file) == PROC_DIRECTORY_SYSTEM) {
        while (system_entry(count, &entry))
            count++;
    } else if (directory_of(file) == PROC_DIRECTORY_PROCESS) {
        while (process_entry(file, count, &entry))
            count++;
    }
    return count + 2;
}

/* The entry at a position, and the position behind it; false at the end. */
static bool entry_at(const struct file *file, uint64_t *position, struct entry *entry)
{
    const uint64_t constant = constant_entries(file);
    uint64_t least;

    if (*position < 2) {
        *entry = (struct entry){.name = *position == 0 ? "." : "..", .type = TYPE_DIRECTORY};
        return ++*position != 0;
    }
    if (*position < constant) {
        least = (*position)++ - 2;
        return directory_of(file) == PROC_DIRECTORY_SYSTEM ? system_entry(least, entry)
                                                           : process_entry(file, least, entry);
    }
    least = *position - constant;
    if (!numbered_entry(file, &least, entry))
        return false;
    *position = constant + least;
    return true;
}

static int64_t list(struct file *file, uint64_t buffer, uint64_t bytes)
{
    uint64_t done = 0, position = file->position;
    struct entry entry = {0};

    while (entry_at(file, &position, &entry)) {
        const uint64_t name_bytes = strlen(entry.name) + 1;
        const uint16_t length = (uint16_t)((ENTRY_HEAD + name_bytes + 7) & ~UINT64_C(7));
        const uint64_t head[2] = {position + 1, position};

        if (done + length > bytes)
            return done == 0 ? -EINVAL : (int64_t)done;
        if (copy_out(buffer + done, head, sizeof(head)) != 0 ||
            copy_out(buffer + done + 16, &length, sizeof(length)) != 0 ||
            copy_out(buffer + done + 18, &entry.type, 1) != 0 ||
            copy_out(buffer + done + ENTRY_HEAD, entry.name, name_bytes) != 0)
            return -EFAULT;
        done += length;
        file->position = position;
    }
    return (int64_t)done;
}

static int64_t seek(struct file *file, int64_t offset, int whence)
{
    if (whence == SEEK_CUR)
        offset += (int64_t)file->position;
    if (whence == SEEK_END || offset < 0)
        return -EINVAL;
    file->position = (uint64_t)offset;
    return offset;
}

static int64_t read(struct file *file, uint64_t buffer, uint64_t bytes, uint64_t position)
{
    (void)file;
    (void)buffer;
    (void)bytes;
    (void)position;
    return -EISDIR;
}

static int64_t status(struct file *file, struct stat *status)
{
    struct proc_about about = {0};

    if (file->device != 0 && !proc_find(file->device, &about))
        return -ENOENT;
    *status = (struct stat){.st_mode = S_IFDIR | 0555,
                            .st_nlink = 2,
                            .st_ino = file->device + 1,
                            .st_dev = 3,
                            .st_uid = about.user,
                            .st_blksize = WK_PAGE_BYTES};
    return 0;
}

#define DIRECTORY                                                                                                      \
    {                                                                                                                  \
        .read = read, .seek = seek, .status = status, .list = list                                                     \
    }
static const struct file_operations directories[DIRECTORIES] = {DIRECTORY, DIRECTORY, DIRECTORY};

int64_t proc_open_directory(enum proc_directory directory, uint64_t pid, const char *path, uint32_t flags,
                            struct file **file)
{
    char *text = wk_allocate(strlen(path) + 1);

    *file = text == NULL ? NULL : file_make(&directories[directory], 0, flags);
    if (*file == NULL) {
        wk_free(text);
        return -ENOMEM;
    }
    memcpy(text, path, strlen(path) + 1);
    (*file)->text = text;
    (*file)->kind = WK_NODE_KIND_DIRECTORY;
    (*file)->device = pid;
    return 0;
}

bool proc_is_directory(const struct file *file)
{
    return file->operations->list == list;
}
