/* SPDX-License-Identifier: MIT */
/* The file service, started for a test, and short ways to call it: paths are strings. */
#ifndef FILES_H
#define FILES_H

#include "actors.h"

#include <winkle/directory.h>
#include <winkle/endpoint.h>
#include <winkle/file.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>
#include <winkle/thread.h>

#define SHARED_PAGES 16
#define SHARED_BYTES (SHARED_PAGES * WK_PAGE_BYTES)

static wk_handle shared_memory; /* for paths and bytes */
static char *shared;

struct files {
    struct actor actor;
    wk_handle endpoint;
    wk_handle root; /* the session with badge 0 */
};

/* ---- calls with paths; long ones lie in memory ---- */

struct opened {
    wk_handle node;
    enum wk_node_kind kind;
    uint64_t device, identity, key;
};

struct node_status {
    uint64_t mode, owner, identity, size, modified, changed;
};

/* Puts one text behind another into the memory, which it is told the length of. */
static inline uint64_t put_text(uint64_t offset, const char *text)
{
    CHECK(offset + strlen(text) <= SHARED_BYTES);
    memcpy(shared + offset, text, strlen(text));
    return strlen(text);
}

struct path_words {
    uint64_t words[5];
};

static inline struct path_words path_words(const char *path)
{
    struct path_words path_words = {{0}};

    CHECK(strlen(path) <= WK_PATH_SHORT_MAX);
    memcpy(path_words.words, path, strlen(path));
    return path_words;
}

static inline enum wk_status try_open(wk_handle directory, const char *path, uint64_t options, struct opened *opened)
{
    struct path_words path_is;

    *opened = (struct opened){0};
    if (strlen(path) > WK_PATH_SHORT_MAX)
        return wk_directory_open(directory, options, shared_memory, 0, put_text(0, path), &opened->node, &opened->kind,
                                 &opened->device, &opened->identity, &opened->key);
    path_is = path_words(path);
    return wk_directory_open_short(directory, options, path_is.words[0], path_is.words[1], path_is.words[2],
                                   path_is.words[3], path_is.words[4], &opened->node, &opened->kind, &opened->device,
                                   &opened->identity, &opened->key);
}

static inline wk_handle open_node(wk_handle directory, const char *path, uint64_t options)
{
    struct opened opened;

    EXPECT(WK_OK, try_open(directory, path, options, &opened));
    return opened.node;
}

static inline void close_node(wk_handle node)
{
    EXPECT(WK_OK, wk_capability_delete(node));
}

/* Opens and closes it: what open answers. */
static inline enum wk_status probe(wk_handle directory, const char *path, uint64_t options)
{
    struct opened opened;
    const enum wk_status status = try_open(directory, path, options, &opened);

    if (status == WK_OK)
        close_node(opened.node);
    return status;
}

static inline enum wk_status status_at(wk_handle directory, const char *path, uint64_t follow,
                                       struct node_status *status)
{
    struct path_words path_is;

    if (strlen(path) > WK_PATH_SHORT_MAX)
        return wk_directory_status_of(directory, follow, shared_memory, 0, put_text(0, path), &status->mode,
                                      &status->owner, &status->identity, &status->size, &status->modified,
                                      &status->changed);
    path_is = path_words(path);
    return wk_directory_status_short(directory, follow, path_is.words[0], path_is.words[1], path_is.words[2],
                                     path_is.words[3], path_is.words[4], &status->mode, &status->owner,
                                     &status->identity, &status->size, &status->modified, &status->changed);
}

static inline struct node_status status_of(wk_handle node)
{
    struct node_status status = {0};

    EXPECT(WK_OK, wk_file_status(node, &status.mode, &status.owner, &status.identity, &status.size, &status.modified,
                                 &status.changed));
    return status;
}

static inline enum wk_status remove_at(wk_handle directory, const char *path, uint64_t is_directory)
{
    struct path_words path_is;

    if (strlen(path) > WK_PATH_SHORT_MAX)
        return wk_directory_remove(directory, is_directory, shared_memory, 0, put_text(0, path));
    path_is = path_words(path);
    return wk_directory_remove_short(directory, is_directory, path_is.words[0], path_is.words[1], path_is.words[2],
                                     path_is.words[3], path_is.words[4]);
}

static inline enum wk_status make_at(wk_handle directory, enum wk_node_kind kind, const char *path)
{
    return wk_directory_make(directory, kind, 0755, 0x103, shared_memory, 0, put_text(0, path));
}

static inline enum wk_status link_at(wk_handle directory, const char *text, const char *path)
{
    const uint64_t length = put_text(0, text);

    return wk_directory_make_link(directory, length, shared_memory, 0, put_text(length, path));
}

static inline enum wk_status rename_at(wk_handle directory, const char *from, const char *to, uint64_t ticket,
                                       uint64_t options)
{
    const uint64_t length = put_text(0, from);

    return wk_directory_rename(directory, length, shared_memory, 0, put_text(length, to), ticket, options);
}

static inline uint64_t ticket_of(wk_handle node)
{
    uint64_t ticket = 0;

    EXPECT(WK_OK, wk_file_ticket(node, &ticket));
    return ticket;
}

/* ---- bytes, as a client reads and writes them ---- */

static inline enum wk_status write_at(wk_handle node, uint64_t position, const char *text)
{
    uint64_t at = 0, count = 0;
    wk_handle memory = 0;
    enum wk_status status = wk_file_locate(node, WK_DIRECTION_WRITING, position, strlen(text), &at, &count);

    if (status != WK_OK)
        return status;
    EQUAL(strlen(text), count);
    EXPECT(WK_OK, wk_file_memory(node, &memory));
    status = wk_memory_copy(memory, at, shared_memory, 0, put_text(0, text));
    EXPECT(WK_OK, wk_capability_delete(memory));
    return status;
}

/* Reads through the service: what is there is `text`, and no more if it is read from there to the end. */
static inline void expect_text(wk_handle node, uint64_t position, const char *text)
{
    uint64_t count = 0;

    EXPECT(WK_OK, wk_file_read(node, shared_memory, 0, position, SHARED_BYTES, &count));
    EQUAL(strlen(text), count);
    CHECK(memcmp(shared, text, count) == 0);
}

static inline void expect_path(wk_handle node, const char *path)
{
    uint64_t count = 0;

    EXPECT(WK_OK, wk_file_path(node, shared_memory, 0, SHARED_BYTES, &count));
    EQUAL(strlen(path), count);
    CHECK(memcmp(shared, path, count) == 0);
}

static inline uint64_t files_free_pages(wk_handle root)
{
    uint64_t total = 0, pages = 0;

    EXPECT(WK_OK, wk_file_space(root, &total, &pages));
    return pages;
}

static inline void files_nap(void)
{
    EXPECT(WK_OK, wk_thread_sleep(wk_self.start->thread, wk_after_ns(1000000)));
}

/* Ends of sessions are told when nothing more urgent is to be done: waits until so much room is free again. */
static inline void files_expect_free(wk_handle root, uint64_t pages)
{
    const uint64_t deadline = wk_after_ns(ACTOR_PATIENCE_NS);

    while (files_free_pages(root) != pages && wk_now_ns() < deadline)
        files_nap();
    EQUAL(pages, files_free_pages(root));
}

/* ---- the service ---- */

/* Starts the service with so many pages of a bank, to show what the archive has below a prefix. */
static inline void files_start(struct files *files, uint64_t pages, const char *prefix)
{
    void *address;

    if (shared == NULL) {
        EXPECT(WK_OK, wk_map_new(SHARED_PAGES, 0, &shared_memory, &address));
        shared = address;
    }
    actor_prepare(&files->actor, pages);
    files->actor.priority = ACTOR_PRIORITY + 10; /* no client of its keeps it from looking after those that end */
    EXPECT(WK_OK, wk_endpoint_create(files->actor.bank, &files->endpoint));
    actor_lend(&files->actor, "endpoint", files->endpoint, WK_ENDPOINT_RIGHT_SERVE | WK_ENDPOINT_RIGHT_MINT);
    actor_lend_archive(&files->actor);
    files->actor.grants[files->actor.grant_count - 1].rights = WK_MEMORY_RIGHT_READ | WK_MEMORY_RIGHT_EXECUTE;
    actor_start(&files->actor, 2, (const char *const[]){"files", prefix});
    EXPECT(WK_OK, wk_endpoint_mint(files->endpoint, 0, 1, &files->root));
    status_of(files->root); /* waits until it serves: before that it takes no capabilities */
}

static inline void files_end(struct files *files)
{
    EXPECT(WK_OK, wk_capability_delete(files->root));
    EXPECT(WK_OK, wk_process_kill(files->actor.child.process, 0));
    actor_end_well(&files->actor, 0); /* its bank had paid for the endpoint */
}

static inline uint64_t used_pages(wk_handle bank)
{
    uint64_t limit = 0, used = 0, objects = 0, children = 0;
    enum wk_bank_kind kind;

    EXPECT(WK_OK, wk_bank_info(bank, &limit, &used, &objects, &children, &kind));
    return used;
}

#endif
