/* SPDX-License-Identifier: MIT */
/*
 * The tree of nodes: files, directories, links and the rest, and their names. What the boot archive has and what was made
 * since are one tree in memory: only the bytes of a file lie in the archive until somebody opens it to write. So the union of
 * the two needs no marks for what was removed, and no merging.
 *
 * A node lives while it has names or users: sessions, views, what is bound. Names are found by a hash of directory and text
 * whose seed nobody knows.
 */
#ifndef FILES_TREE_H
#define FILES_TREE_H

#include <winkle/abi.h>

#include <stdbool.h>

#define NAME_BYTES_MAX 255
#define MODE_PERMISSIONS 07777U
#define MODE_KIND_SHIFT 12
/* POSIX's kinds in `st_mode`, as Linux has them. */
enum mode_kind {
    MODE_FIFO = 1,
    MODE_CHARACTER = 2,
    MODE_DIRECTORY = 4,
    MODE_BLOCK = 6,
    MODE_FILE = 8,
    MODE_LINK = 10,
    MODE_SOCKET = 12,
};

struct name;

/* The bytes of a file: in the archive, or, once somebody may write them, in a memory object. */
struct content {
    uint64_t archive_offset; /* in the archive's memory object; 0: not there */
    wk_handle memory;        /* 0 until there is a byte */
    uint64_t pages;          /* of the object, present or not */
    bool is_checked;         /* whether it can be mapped out of the archive is known: */
    bool is_mappable;
};

struct names {
    struct name *first, *last;
    struct name *resume;  /* where the last listing stopped, or NULL */
    uint64_t next_cookie; /* of the next name: listings go by it */
    uint32_t directories; /* how many of them are directories */
    uint32_t count;
};

struct node {
    uint64_t identity;
    uint64_t size;
    uint64_t accessed, modified, changed, created; /* ns since 1970 */
    struct name *name;    /* a directory's own, or the one by which it was reached last; NULL: none */
    uint32_t names_count; /* how many names it has */
    uint32_t users;
    uint32_t device;
    uint32_t user, group;
    uint16_t mode;
    bool has_locks : 1;       /* locks.c has something of it */
    bool is_linkable : 1;     /* it was made without a name, and may get one */
    bool has_access_time : 1; /* somebody has set when it was last read */
    union {
        struct content content;
        struct names names;
        char *text; /* of a link: `size` bytes and a zero */
    };
};

struct name {
    struct name *chain; /* in the index */
    struct node *directory, *node;
    struct name *previous, *next; /* in the directory */
    uint64_t cookie;
    const char *text; /* in the archive, or behind the record */
    uint32_t hash;
    uint8_t length;
};

static inline enum mode_kind node_kind(const struct node *node)
{
    return (enum mode_kind)(node->mode >> MODE_KIND_SHIFT);
}

static inline bool node_is_directory(const struct node *node)
{
    return node_kind(node) == MODE_DIRECTORY;
}

static inline bool node_is_link(const struct node *node)
{
    return node_kind(node) == MODE_LINK;
}

/* As POSIX counts links: a directory has its name, its `.`, and the `..` of each directory in it. */
static inline uint32_t node_links(const struct node *node)
{
    if (!node_is_directory(node))
        return node->names_count;
    return node->names_count == 0 ? 0 : 2 + node->names.directories;
}

static inline struct node *node_parent(const struct node *directory)
{
    return directory->name == NULL ? NULL : directory->name->directory;
}

/* ---- hashes of names ---- */

extern uint64_t tree_seed;

static inline uint64_t name_hash_begin(void)
{
    return tree_seed;
}

static inline uint64_t name_hash_add(uint64_t hash, char byte)
{
    return (hash ^ (uint8_t)byte) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint32_t name_hash_end(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

uint32_t name_hash(const char *text, size_t length);

/* ---- the tree ---- */

/* Makes the root, with room in the index for so many names. */
enum wk_status tree_create(uint64_t seed, uint64_t names, struct node **root);

/* A new node without names; one user, who made it. `mode` with its kind. NULL: no memory. */
struct node *node_create(uint16_t mode);
/* One user more or less. With the last user of a node without names the node goes. */
static inline void node_use(struct node *node)
{
    node->users++;
}
void node_release(struct node *node);
/* A node's data were changed, or anything else of it. */
void node_set_modified(struct node *node);
void node_set_changed(struct node *node);

/* The name in a directory, or NULL. */
struct name *name_find(const struct node *directory, const char *text, size_t length, uint32_t hash);
/* Gives a node a name that is not there yet. `text` is copied, or, if it stays for ever, only referred to. */
enum name_text { NAME_TEXT_COPIED, NAME_TEXT_STAYS };
enum wk_status name_add(struct node *directory, const char *text, size_t length, uint32_t hash, enum name_text is,
                        struct node *node);
/* Takes a name away; the node goes if nothing else holds it. A directory must be empty. */
void name_remove(struct name *name);
/* Puts another node in its place. */
void name_replace(struct name *name, struct node *node);
/* Each of two names gets what the other one had. */
void name_exchange(struct name *first, struct name *second);
/* The first name of a directory whose cookie is at least that; NULL: none. */
struct name *name_at(struct node *directory, uint64_t cookie);

/* For what stands around the tree: the bytes of a file that goes. */
void content_drop(struct node *node);
/* Nanoseconds since 1970. */
uint64_t time_now(void);

#endif
