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

/* Has the thread that is told of sessions' ends look at once. */
void files_look_now(void);
/* A session for a place, which is told when it ends. */
enum wk_status give_session(struct view *view, const struct place *place, unsigned rights, struct session **session,
                            wk_handle *handle);

/* lock_operations.c */
enum wk_status lock_enlist(struct wk_message *message, const struct wk_file_enlist_in *in,
                           struct wk_file_enlist_out *out);
enum wk_status lock_set(struct wk_message *message, const struct wk_file_lock_in *in);
enum wk_status lock_in_the_way(struct wk_message *message, const struct wk_file_lock_in_the_way_in *in,
                               struct wk_file_lock_in_the_way_out *out);
enum wk_status lock_give_up(struct wk_message *message, const struct wk_file_unlock_in *in);
enum wk_status lock_wait_no_more(struct wk_message *message, const struct wk_file_wait_no_more_in *in);

/* The first results of `status`, as three interfaces' operations have them. */
static inline void status_of_node(const struct node *node, struct wk_file_status_out *out)
{
    out->mode = node->mode | (uint64_t)(uint16_t)node_links(node) << 16 | (uint64_t)node->device << 32 |
                (uint64_t)node->has_access_time << 32;
    out->owner = node->user | (uint64_t)node->group << 32;
    out->identity = node->identity;
    out->size = node->size;
    out->modified = node->modified;
    out->changed = node->changed;
}

#endif
