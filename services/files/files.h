/* SPDX-License-Identifier: MIT */
/* What the handlers of the file service share. All of them run under one lock. */
#ifndef FILES_H
#define FILES_H

#include "session.h"

#include <winkle/calls.h>
#include <winkle/directory_service.h>
#include <winkle/file_service.h>

/* Room for two paths, and for what a listing gives at a time. */
#define SCRATCH_BYTES (4 * WK_PAGE_BYTES)

extern wk_handle files_endpoint;
/* A memory object of the service's own, which is mapped: bytes go from and to clients by `memory: copy`. */
extern wk_handle scratch_memory;
extern char *scratch;

extern const struct wk_directory_handlers directory_handlers;
extern const struct wk_file_handlers file_handlers;

/* The first results of `status`, as three interfaces' operations have them. */
static inline void status_of_node(const struct node *node, struct wk_file_status_out *out)
{
    out->mode = node->mode | (uint64_t)(uint16_t)node_links(node) << 16 | (uint64_t)node->device << 32;
    out->owner = node->user | (uint64_t)node->group << 32;
    out->identity = node->identity;
    out->size = node->size;
    out->modified = node->modified;
    out->changed = node->changed;
}

#endif
