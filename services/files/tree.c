/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include "pool.h"

#include <winkle/text.h>

#define FIRST_COOKIE 3 /* listings count `.` and `..` before */

uint64_t tree_seed;

static struct name **buckets;
static wk_handle buckets_memory;
static uint64_t bucket_count; /* a power of two, at least a page of them */
static uint64_t name_count;
static uint64_t last_identity;

/* ---- the index ---- */

static struct name **bucket_of(const struct node *directory, uint32_t hash)
{
    const uint64_t mixed = (hash ^ directory->identity * UINT64_C(0xd6e8feb86659fd93)) * UINT64_C(0x9e3779b97f4a7c15);

    return &buckets[mixed >> 32 & (bucket_count - 1)];
}

static uint64_t bucket_pages(uint64_t count)
{
    return count * sizeof(struct name *) / WK_PAGE_BYTES;
}

/* If there is no memory for a larger one, the chains grow. */
static void index_grow(void)
{
    struct name **const old = buckets;
    const uint64_t old_count = bucket_count;
    const wk_handle old_memory = buckets_memory;
    struct name **larger = pool_take_pages(bucket_pages(2 * old_count), &buckets_memory);

    if (larger == NULL) {
        buckets_memory = old_memory;
        return;
    }
    buckets = larger;
    bucket_count = 2 * old_count;
    for (uint64_t i = 0; i < old_count; i++) {
        struct name *next;

        for (struct name *name = old[i]; name != NULL; name = next) {
            struct name **const bucket = bucket_of(name->directory, name->hash);

            next = name->chain;
            name->chain = *bucket;
            *bucket = name;
        }
    }
    pool_give_pages(old_memory);
}

static void index_add(struct name *name)
{
    struct name **bucket;

    if (name_count++ > 2 * bucket_count)
        index_grow();
    bucket = bucket_of(name->directory, name->hash);
    name->chain = *bucket;
    *bucket = name;
}

static void index_remove(const struct name *name)
{
    struct name **at = bucket_of(name->directory, name->hash);

    while (*at != name)
        at = &(*at)->chain;
    *at = name->chain;
    name_count--;
}

uint32_t name_hash(const char *text, size_t length)
{
    uint64_t hash = name_hash_begin();

    for (size_t i = 0; i < length; i++)
        hash = name_hash_add(hash, text[i]);
    return name_hash_end(hash);
}

struct name *name_find(const struct node *directory, const char *text, size_t length, uint32_t hash)
{
    struct name *name = *bucket_of(directory, hash);

    while (name != NULL && (name->hash != hash || name->directory != directory || name->length != length ||
                            memcmp(name->text, text, length) != 0))
        name = name->chain;
    return name;
}

/* ---- nodes ---- */

struct node *node_create(uint16_t mode)
{
    struct node *node = pool_take(sizeof(*node));

    if (node == NULL)
        return NULL;
    node->identity = ++last_identity;
    node->mode = mode;
    node->users = 1;
    node->created = node->accessed = node->modified = node->changed = time_now();
    if (node_is_directory(node))
        node->names.next_cookie = FIRST_COOKIE;
    return node;
}

static void end_if_unused(struct node *node)
{
    if (node->users != 0 || node->names_count != 0)
        return;
    if (node_kind(node) == MODE_FILE)
        content_drop(node);
    if (node_is_link(node) && node->text != NULL)
        pool_give(node->text, node->size + 1);
    pool_give(node, sizeof(*node));
}

void node_release(struct node *node)
{
    node->users--;
    end_if_unused(node);
}

void node_set_changed(struct node *node)
{
    node->changed = time_now();
}

void node_set_modified(struct node *node)
{
    node->modified = node->changed = time_now();
}

/* ---- names ---- */

static size_t record_bytes(const struct name *name)
{
    return sizeof(*name) + (name->text == (const char *)(name + 1) ? name->length : 0U);
}

static void append(struct names *names, struct name *name)
{
    name->cookie = names->next_cookie++;
    name->previous = names->last;
    if (names->last == NULL)
        names->first = name;
    else
        names->last->next = name;
    names->last = name;
    names->count++;
}

static void unlink_name(struct names *names, struct name *name)
{
    if (name->previous == NULL)
        names->first = name->next;
    else
        name->previous->next = name->next;
    if (name->next == NULL)
        names->last = name->previous;
    else
        name->next->previous = name->previous;
    if (names->resume == name)
        names->resume = name->next;
    names->count--;
}

static void attach(struct name *name, struct node *node)
{
    name->node = node;
    node->name = name;
    node->names_count++;
    if (node_is_directory(node))
        name->directory->names.directories++;
    node->changed = time_now();
}

static void detach(struct name *name)
{
    struct node *node = name->node;

    if (node->name == name)
        node->name = NULL;
    if (node_is_directory(node))
        name->directory->names.directories--;
    node->names_count--;
    node->changed = time_now();
    end_if_unused(node);
}

enum wk_status name_add(struct node *directory, const char *text, size_t length, uint32_t hash, enum name_text is,
                        struct node *node)
{
    struct name *name = pool_take(sizeof(*name) + (is == NAME_TEXT_COPIED ? length : 0));

    if (name == NULL)
        return WK_NO_MEMORY;
    name->text = is == NAME_TEXT_COPIED ? memcpy(name + 1, text, length) : text;
    name->length = (uint8_t)length;
    name->hash = hash;
    name->directory = directory;
    append(&directory->names, name);
    attach(name, node);
    index_add(name);
    node_set_modified(directory);
    return WK_OK;
}

void name_remove(struct name *name)
{
    struct node *directory = name->directory;

    index_remove(name);
    unlink_name(&directory->names, name);
    detach(name);
    node_set_modified(directory);
    pool_give(name, record_bytes(name));
}

void name_replace(struct name *name, struct node *node)
{
    detach(name);
    attach(name, node);
    node_set_modified(name->directory);
}

void name_exchange(struct name *first, struct name *second)
{
    struct node *node = first->node;

    node_use(node);
    node_use(second->node);
    detach(first);
    attach(first, second->node);
    detach(second);
    attach(second, node);
    node_set_modified(first->directory);
    node_set_modified(second->directory);
    node_release(node);
    node_release(first->node);
}

struct name *name_at(struct node *directory, uint64_t cookie)
{
    struct name *name = directory->names.resume;

    if (name == NULL || name->cookie > cookie)
        name = directory->names.first;
    while (name != NULL && name->cookie < cookie)
        name = name->next;
    return name;
}

enum wk_status tree_create(uint64_t seed, uint64_t names, struct node **root)
{
    uint64_t count = WK_PAGE_BYTES / sizeof(struct name *);

    while (count < names)
        count *= 2;
    tree_seed = seed;
    bucket_count = count;
    buckets = pool_take_pages(bucket_pages(count), &buckets_memory);
    *root = buckets == NULL ? NULL : node_create(MODE_DIRECTORY << MODE_KIND_SHIFT | 0755);
    if (*root == NULL)
        return WK_NO_MEMORY;
    (*root)->names_count = 1; /* it is nobody's to remove */
    return WK_OK;
}
