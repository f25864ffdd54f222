/* SPDX-License-Identifier: MIT */
#include "archive_tree.h"

#include "pool.h"

#include <winkle/clock.h>
#include <winkle/text.h>

#define PROGRAMS "bin/"
#define PROGRAMS_DIRECTORY "winkle"
#define DIRECTORY_MODE (MODE_DIRECTORY << MODE_KIND_SHIFT | 0755)
#define DEVICE(major, minor) ((uint32_t)(major) << 8 | (minor))

uint64_t archive_entries(const struct wk_archive *archive)
{
    struct wk_file file;
    size_t offset = 0;
    uint64_t count = 0;

    while (wk_archive_next(archive, &offset, &file) == NULL && file.name != NULL)
        count++;
    return count;
}

/* Gives the node a name, and leaves it to that. */
static enum wk_status add_to(struct node *directory, const char *name, size_t length, struct node *node)
{
    enum wk_status status;

    if (node == NULL)
        return WK_NO_MEMORY;
    status = name_add(directory, name, length, name_hash(name, length), NAME_TEXT_STAYS, node);
    node_release(node);
    return status;
}

static struct node *child(const struct node *directory, const char *name, size_t length)
{
    const struct name *found = name_find(directory, name, length, name_hash(name, length));

    return found == NULL ? NULL : found->node;
}

/* The directory with that name, made if it is not there. NULL: no memory, or it is no directory. */
static struct node *subdirectory(struct node *directory, const char *name, size_t length)
{
    struct node *found = child(directory, name, length);

    if (found != NULL)
        return node_is_directory(found) ? found : NULL;
    if (add_to(directory, name, length, node_create(DIRECTORY_MODE)) != WK_OK)
        return NULL;
    return child(directory, name, length);
}

static size_t part_length(const char *path)
{
    size_t length = 0;

    while (path[length] != '\0' && path[length] != '/')
        length++;
    return length;
}

static void set_times(struct node *node, uint32_t seconds)
{
    node->accessed = node->modified = node->changed = node->created = seconds * WK_NS_PER_SECOND;
}

static struct node *node_of(const struct wk_archive *archive, const struct wk_file *file)
{
    struct node *node = node_create((uint16_t)file->mode);

    if (node == NULL)
        return NULL;
    if (node_is_link(node)) {
        node->text = pool_take(file->length + 1);
        if (node->text == NULL) {
            node_release(node);
            return NULL;
        }
        memcpy(node->text, file->bytes, file->length);
    } else if (!node_is_directory(node) && file->length != 0) {
        node->content.archive_offset = (uint64_t)(file->bytes - archive->bytes);
    }
    node->size = file->length;
    return node;
}

static enum wk_status add_entry(struct node *directory, const struct wk_archive *archive, const struct wk_file *file,
                                const char *path)
{
    size_t length = part_length(path);
    struct node *node;
    enum wk_status status = WK_OK;

    for (; path[length] != '\0'; path += length + 1, length = part_length(path)) {
        directory = subdirectory(directory, path, length);
        if (directory == NULL)
            return WK_OK;
    }
    node = child(directory, path, length);
    if (node == NULL) {
        status = add_to(directory, path, length, node_of(archive, file));
        node = child(directory, path, length);
    } else if (node_is_directory(node) && (file->mode & WK_ARCHIVE_KIND) == WK_ARCHIVE_DIRECTORY) {
        node->mode = (uint16_t)file->mode;
    }
    if (node != NULL)
        set_times(node, file->modified);
    return status;
}

/* What follows the prefix and a slash in the name, or NULL. */
static const char *below(const char *name, const char *prefix)
{
    const size_t length = strlen(prefix);

    return strncmp(name, prefix, length) == 0 && name[length] == '/' && name[length + 1] != '\0' ? name + length + 1
                                                                                                 : NULL;
}

enum wk_status archive_add(struct node *root, const struct wk_archive *archive, const char *prefix)
{
    struct node *programs = subdirectory(root, PROGRAMS_DIRECTORY, strlen(PROGRAMS_DIRECTORY));
    struct wk_file file;
    size_t offset = 0;
    enum wk_status status = programs == NULL ? WK_NO_MEMORY : WK_OK;

    while (status == WK_OK && wk_archive_next(archive, &offset, &file) == NULL && file.name != NULL) {
        const char *in_root = below(file.name, prefix);

        if (in_root != NULL)
            status = add_entry(root, archive, &file, in_root);
        else if (strncmp(file.name, PROGRAMS, strlen(PROGRAMS)) == 0)
            status = add_entry(programs, archive, &file, file.name + strlen(PROGRAMS));
    }
    return status;
}

struct standard {
    const char *directory, *name; /* directory "": the root */
    uint16_t mode;
    uint32_t device;
};

/* Source: Linux, Documentation/admin-guide/devices.txt. */
static const struct standard standards[] = {
    {"", "dev", DIRECTORY_MODE, 0},
    {"", "proc", MODE_DIRECTORY << MODE_KIND_SHIFT | 0555, 0},
    {"", "sys", MODE_DIRECTORY << MODE_KIND_SHIFT | 0555, 0},
    {"", "tmp", MODE_DIRECTORY << MODE_KIND_SHIFT | 01777, 0},
    {"", "run", DIRECTORY_MODE, 0},
    {"", "root", MODE_DIRECTORY << MODE_KIND_SHIFT | 0700, 0},
    {"dev", "null", MODE_CHARACTER << MODE_KIND_SHIFT | 0666, DEVICE(1, 3)},
    {"dev", "zero", MODE_CHARACTER << MODE_KIND_SHIFT | 0666, DEVICE(1, 5)},
    {"dev", "full", MODE_CHARACTER << MODE_KIND_SHIFT | 0666, DEVICE(1, 7)},
    {"dev", "random", MODE_CHARACTER << MODE_KIND_SHIFT | 0666, DEVICE(1, 8)},
    {"dev", "urandom", MODE_CHARACTER << MODE_KIND_SHIFT | 0666, DEVICE(1, 9)},
    {"dev", "tty", MODE_CHARACTER << MODE_KIND_SHIFT | 0666, DEVICE(5, 0)},
    {"dev", "console", MODE_CHARACTER << MODE_KIND_SHIFT | 0600, DEVICE(5, 1)},
};

enum wk_status standard_add(struct node *root)
{
    for (unsigned i = 0; i < sizeof(standards) / sizeof(standards[0]); i++) {
        const struct standard *wanted = &standards[i];
        const size_t length = strlen(wanted->name);
        struct node *directory =
            wanted->directory[0] == '\0' ? root : child(root, wanted->directory, strlen(wanted->directory));
        struct node *node;

        if (!node_is_directory(directory) || child(directory, wanted->name, length) != NULL)
            continue;
        node = node_create(wanted->mode);
        if (node != NULL)
            node->device = wanted->device;
        if (add_to(directory, wanted->name, length, node) != WK_OK)
            return WK_NO_MEMORY;
    }
    return WK_OK;
}
