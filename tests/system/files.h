/* SPDX-License-Identifier: MIT */
/* The file service, started for a test, and short ways to call it. */
#ifndef FILES_H
#define FILES_H

#include "actors.h"

#include <winkle/directory.h>
#include <winkle/endpoint.h>
#include <winkle/file.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/process.h>

#define SHARED_PAGES 16

static wk_handle root;          /* the session with badge 0 */
static wk_handle shared_memory; /* for paths and bytes */
static char *shared;
static struct actor service;
static wk_handle service_endpoint;

static void service_start(uint64_t pages)
{
    void *address;

    EXPECT(WK_OK, wk_map_new(SHARED_PAGES, 0, &shared_memory, &address));
    shared = address;
    actor_prepare(&service, pages);
    EXPECT(WK_OK, wk_endpoint_create(service.bank, &service_endpoint));
    actor_lend(&service, "endpoint", service_endpoint, WK_ENDPOINT_RIGHT_SERVE | WK_ENDPOINT_RIGHT_MINT);
    actor_lend_archive(&service);
    service.grants[service.grant_count - 1].rights = WK_MEMORY_RIGHT_READ | WK_MEMORY_RIGHT_EXECUTE;
    actor_start(&service, 1, (const char *const[]){"files"});
    EXPECT(WK_OK, wk_endpoint_mint(service_endpoint, 0, 1, &root));
}

static void service_end(void)
{
    EXPECT(WK_OK, wk_capability_delete(root));
    EXPECT(WK_OK, wk_process_kill(service.child.process, 0));
    actor_end_well(&service, 0);
}

struct opened {
    wk_handle node;
    enum wk_node_kind kind;
    uint64_t device, identity;
};

static enum wk_status try_open(wk_handle directory, const char *path, uint64_t options, struct opened *opened)
{
    uint64_t words[5] = {0};

    *opened = (struct opened){0};
    if (strlen(path) > WK_PATH_SHORT_MAX) {
        memcpy(shared, path, strlen(path));
        return wk_directory_open(directory, options, shared_memory, 0, strlen(path), &opened->node, &opened->kind,
                                 &opened->device, &opened->identity);
    }
    memcpy(words, path, strlen(path));
    return wk_directory_open_short(directory, options, words[0], words[1], words[2], words[3], words[4], &opened->node,
                                   &opened->kind, &opened->device, &opened->identity);
}

static struct opened open_at(wk_handle directory, const char *path, uint64_t options)
{
    struct opened opened;

    EXPECT(WK_OK, try_open(directory, path, options, &opened));
    return opened;
}

#endif
