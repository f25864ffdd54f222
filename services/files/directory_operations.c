/* SPDX-License-Identifier: MIT */
/* The operations of `directory`: all that begins with a path. */
#include "files.h"

#include "content.h"
#include "pool.h"

#include <winkle/capability.h>
#include <winkle/endpoint.h>
#include <winkle/memory.h>
#include <winkle/text.h>

#define OPTIONS 0xffffU
#define PERMISSIONS_SHIFT 16
#define RESOLVE_SHIFT 32
#define NUMBER_SHIFT 48

/* ---- paths ---- */

static struct text short_path(const uint64_t *words)
{
    return (struct text){(const char *)words, WK_PATH_SHORT_MAX};
}

/* Fetches bytes of a client's memory into the scratch pages. */
static enum wk_status fetch(wk_handle memory, uint64_t offset, uint64_t length)
{
    return wk_memory_copy(scratch_memory, 0, memory, offset, length);
}

static struct text fetched(uint64_t offset, uint64_t length)
{
    return (struct text){scratch + offset, length};
}

static enum wk_status find(const struct wk_message *message, struct text path, enum follow follow,
                           struct session **session, struct found *found)
{
    *session = session_with(message->badge);
    return *session == NULL ? WK_REVOKED : path_find((*session)->view, &(*session)->place, path, follow, found);
}

/* The same for a path whose last name is to be there. */
static enum wk_status find_node(const struct wk_message *message, struct text path, enum follow follow,
                                struct session **session, struct found *found)
{
    *session = session_with(message->badge);
    return *session == NULL ? WK_REVOKED : path_find_node((*session)->view, &(*session)->place, path, follow, found);
}

/* Whether a name can be added where a path leads: it is not there, and its directory is still somewhere. */
static enum wk_status check_addition(const struct found *found)
{
    if (found->place.node != NULL)
        return WK_EXISTS;
    if (found->directory.is_read_only)
        return WK_READ_ONLY;
    return found->directory.node->names_count == 0 ? WK_NOT_FOUND : WK_OK;
}

static enum wk_status add(const struct found *found, struct node *node)
{
    return name_add(found->directory.node, found->text, found->length, found->hash, NAME_TEXT_COPIED, node);
}

/* Makes a node and gives it the name. */
static enum wk_status add_new(struct found *found, enum mode_kind kind, uint64_t permissions, struct node **node)
{
    enum wk_status status;

    *node = node_create((uint16_t)((unsigned)kind << MODE_KIND_SHIFT | (permissions & MODE_PERMISSIONS)));
    if (*node == NULL)
        return WK_NO_MEMORY;
    status = add(found, *node);
    node_release(*node);
    return status;
}

/* How a path is to be walked that is opened. */
static unsigned resolve_of(uint64_t options)
{
    const uint64_t resolve = options >> RESOLVE_SHIFT;

    if (resolve == 0)
        return FOLLOW_ALL;
    return ((resolve & WK_RESOLVE_OPTIONS_NO_LINKS) != 0 ? (unsigned)FOLLOW_NONE : 0U) |
           ((resolve & WK_RESOLVE_OPTIONS_BENEATH) != 0 ? (unsigned)STAY_BENEATH : 0U) |
           ((resolve & WK_RESOLVE_OPTIONS_IN_START) != 0 ? (unsigned)STAY_IN_START : 0U) |
           ((resolve & WK_RESOLVE_OPTIONS_NO_CROSSING) != 0 ? (unsigned)STAY_UNCROSSED : 0U);
}

/* ---- open ---- */

static enum wk_node_kind kind_of(const struct node *node)
{
    switch (node_kind(node)) {
    case MODE_FILE:
        return WK_NODE_KIND_FILE;
    case MODE_DIRECTORY:
        return WK_NODE_KIND_DIRECTORY;
    case MODE_LINK:
        return WK_NODE_KIND_LINK;
    case MODE_FIFO:
        return WK_NODE_KIND_FIFO;
    case MODE_CHARACTER:
        return WK_NODE_KIND_CHARACTER;
    case MODE_BLOCK:
        return WK_NODE_KIND_BLOCK;
    case MODE_SOCKET:
        return WK_NODE_KIND_SOCKET;
    }
    return WK_NODE_KIND_FILE;
}

static enum wk_status create_file(struct found *found, uint64_t options)
{
    enum wk_status status;

    if (found->wants_directory)
        return WK_IS_DIRECTORY;
    status = check_addition(found);
    if (status == WK_OK)
        status = add_new(found, MODE_FILE, options >> PERMISSIONS_SHIFT, &found->place.node);
    if (status != WK_OK)
        found->place.node = NULL;
    return status;
}

/* Whether what is there may be opened so. */
static enum wk_status check_open(const struct found *found, uint64_t options)
{
    const struct node *node = found->place.node;
    const bool is_directory = node_is_directory(node);

    if ((options & WK_OPEN_OPTIONS_DIRECTORY || found->wants_directory) && !is_directory)
        return WK_NOT_DIRECTORY;
    if ((options & WK_OPEN_OPTIONS_PATH) != 0)
        return WK_OK;
    if (node_is_link(node))
        return WK_TOO_MANY_LINKS;
    if (is_directory && (options & (WK_OPEN_OPTIONS_WRITE | WK_OPEN_OPTIONS_TRUNCATE | WK_OPEN_OPTIONS_CREATE)) != 0)
        return WK_IS_DIRECTORY;
    if ((options & (WK_OPEN_OPTIONS_WRITE | WK_OPEN_OPTIONS_TRUNCATE)) == 0)
        return WK_OK;
    return found->place.is_read_only && node_kind(node) == MODE_FILE ? WK_READ_ONLY : WK_OK;
}

/* Bytes that will be written are made the file's own; those that are to go go. */
static enum wk_status prepare_bytes(struct node *node, uint64_t options)
{
    enum wk_status status = WK_OK;

    if (node_kind(node) != MODE_FILE || (options & WK_OPEN_OPTIONS_PATH) != 0)
        return WK_OK;
    if ((options & WK_OPEN_OPTIONS_TRUNCATE) != 0 && node->size != 0) {
        status = content_set_size(node, 0);
        if (status == WK_OK)
            node_set_modified(node);
    }
    if (status == WK_OK && (options & WK_OPEN_OPTIONS_WRITE) != 0)
        status = content_own(node);
    return status;
}

static unsigned rights_of(uint64_t options)
{
    if ((options & WK_OPEN_OPTIONS_PATH) != 0)
        return 0;
    return ((options & WK_OPEN_OPTIONS_READ) != 0 ? SESSION_READ : 0U) |
           ((options & WK_OPEN_OPTIONS_WRITE) != 0 ? SESSION_WRITE : 0U) |
           ((options & WK_OPEN_OPTIONS_EXECUTE) != 0 ? SESSION_EXECUTE : 0U);
}

enum wk_status give_session(struct view *view, const struct place *place, unsigned rights, struct session **session,
                            wk_handle *handle)
{
    enum wk_status status = session_open(view, place, rights, session);

    if (status != WK_OK)
        return status;
    status = wk_endpoint_mint(files_endpoint, (*session)->badge, 1, handle);
    if (status == WK_OK)
        return WK_OK;
    session_close(*session);
    return WK_NO_MEMORY;
}

static enum wk_status find_to_open(const struct wk_message *message, struct text path, uint64_t options,
                                   struct session **session, struct found *found)
{
    const bool creates = (options & WK_OPEN_OPTIONS_CREATE) != 0;
    const bool is_exclusive = creates && (options & WK_OPEN_OPTIONS_EXCLUSIVE) != 0;
    const enum follow follow =
        is_exclusive || (options & WK_OPEN_OPTIONS_NO_FOLLOW) != 0 ? FOLLOW_ALL_BUT_LAST : FOLLOW_ALL;
    const enum wk_status status = find(message, path, (enum follow)(follow | resolve_of(options)), session, found);

    if (status != WK_OK)
        return status;
    if (found->place.node == NULL)
        return creates ? create_file(found, options) : WK_NOT_FOUND;
    return is_exclusive ? WK_EXISTS : check_open(found, options);
}

/* Finds or makes what is to be opened, and has its bytes be as they are to be. */
static enum wk_status find_and_prepare(const struct wk_message *message, uint64_t options, struct text path,
                                       struct session **directory, struct found *found)
{
    const enum wk_status status = find_to_open(message, path, options, directory, found);

    return status == WK_OK ? prepare_bytes(found->place.node, options) : status;
}

static uint8_t flags_of(uint64_t options)
{
    return (options & WK_OPEN_OPTIONS_APPEND) != 0 ? WK_DESCRIPTION_FLAGS_APPEND : 0;
}

static enum wk_status open_path(const struct wk_message *message, uint64_t options, struct text path,
                                struct wk_directory_open_out *out)
{
    struct session *directory, *session;
    struct found found;
    enum wk_status status = find_and_prepare(message, options, path, &directory, &found);

    if (status == WK_OK)
        status = give_session(directory->view, &found.place, rights_of(options), &session, &out->node);
    if (status != WK_OK)
        return status;
    session->flags = flags_of(options);
    session->key = random_number() | 1;
    out->kind = kind_of(found.place.node);
    out->device = found.place.node->device;
    out->identity = found.place.node->identity;
    out->key = session->key;
    return WK_OK;
}

static enum wk_status open_short(struct wk_message *message, const struct wk_directory_open_short_in *in,
                                 struct wk_directory_open_short_out *out)
{
    return open_path(message, in->options, short_path(&in->path0), (struct wk_directory_open_out *)out);
}

static enum wk_status open(struct wk_message *message, const struct wk_directory_open_in *in,
                           struct wk_directory_open_out *out)
{
    const enum wk_status status = fetch(in->memory, in->offset, in->length);

    return status != WK_OK ? status : open_path(message, in->options, fetched(0, in->length), out);
}

/* Who guesses the number of another's empty session of the same view opens something for it, which then finds it not empty. */
static enum wk_status reopen_short(struct wk_message *message, const struct wk_directory_reopen_short_in *in,
                                   struct wk_directory_reopen_short_out *out)
{
    const uint64_t options = in->options & ((UINT64_C(1) << NUMBER_SHIFT) - 1);
    struct session *directory = session_with(message->badge), *session;
    struct found found;
    enum wk_status status;

    if (directory == NULL)
        return WK_REVOKED;
    session = session_empty_with(in->options >> NUMBER_SHIFT, directory->view);
    if (session == NULL)
        return WK_NOT_AVAILABLE;
    status = find_and_prepare(message, options, short_path(&in->path0), &directory, &found);
    if (status != WK_OK)
        return status;
    session_reopen(session, &found.place, rights_of(options));
    session->flags = flags_of(options);
    out->kind = kind_of(found.place.node);
    out->device = found.place.node->device;
    out->identity = found.place.node->identity;
    return WK_OK;
}

/* ---- status ---- */

static enum wk_status status_path(const struct wk_message *message, uint64_t follow, struct text path,
                                  struct wk_file_status_out *out)
{
    struct session *session;
    struct found found;
    const enum wk_status status =
        find_node(message, path, follow != 0 ? FOLLOW_ALL : FOLLOW_ALL_BUT_LAST, &session, &found);

    if (status == WK_OK)
        status_of_node(found.place.node, out);
    return status;
}

static enum wk_status status_short(struct wk_message *message, const struct wk_directory_status_short_in *in,
                                   struct wk_directory_status_short_out *out)
{
    return status_path(message, in->follow, short_path(&in->path0), (struct wk_file_status_out *)out);
}

static enum wk_status status_of(struct wk_message *message, const struct wk_directory_status_of_in *in,
                                struct wk_directory_status_of_out *out)
{
    const enum wk_status status = fetch(in->memory, in->offset, in->length);

    return status != WK_OK ? status
                           : status_path(message, in->follow, fetched(0, in->length), (struct wk_file_status_out *)out);
}

/* ---- making ---- */

static enum mode_kind mode_kind_of(enum wk_node_kind kind)
{
    static const enum mode_kind kinds[] = {
        [WK_NODE_KIND_FILE] = MODE_FILE,           [WK_NODE_KIND_DIRECTORY] = MODE_DIRECTORY,
        [WK_NODE_KIND_LINK] = MODE_LINK,           [WK_NODE_KIND_FIFO] = MODE_FIFO,
        [WK_NODE_KIND_CHARACTER] = MODE_CHARACTER, [WK_NODE_KIND_BLOCK] = MODE_BLOCK,
        [WK_NODE_KIND_SOCKET] = MODE_SOCKET,
    };

    return kinds[kind];
}

static enum wk_status make(struct wk_message *message, const struct wk_directory_make_in *in)
{
    struct session *session;
    struct found found = {.wants_directory = false};
    struct node *node;
    enum wk_status status = in->kind == WK_NODE_KIND_LINK ? WK_BAD_ARGUMENT : fetch(in->memory, in->offset, in->length);

    if (status == WK_OK)
        status = find(message, fetched(0, in->length), FOLLOW_ALL_BUT_LAST, &session, &found);
    if (status == WK_OK)
        status = check_addition(&found);
    if (status == WK_OK && found.wants_directory && in->kind != WK_NODE_KIND_DIRECTORY)
        status = WK_NOT_FOUND;
    if (status == WK_OK)
        status = add_new(&found, mode_kind_of((enum wk_node_kind)in->kind), in->permissions, &node);
    if (status == WK_OK && (in->kind == WK_NODE_KIND_CHARACTER || in->kind == WK_NODE_KIND_BLOCK))
        node->device = (uint32_t)in->device;
    return status;
}

static struct node *create_link(struct text text)
{
    struct node *node = node_create(MODE_LINK << MODE_KIND_SHIFT | 0777);

    if (node == NULL)
        return NULL;
    node->text = pool_take(text.length + 1);
    if (node->text == NULL) {
        node_release(node);
        return NULL;
    }
    node->size = text.length;
    memcpy(node->text, text.bytes, text.length);
    return node;
}

static enum wk_status make_link(struct wk_message *message, const struct wk_directory_make_link_in *in)
{
    struct session *session;
    struct found found = {.wants_directory = false};
    struct node *node;
    enum wk_status status = fetch(in->memory, in->offset, in->text_length + in->length);

    if (status == WK_OK)
        status = find(message, fetched(in->text_length, in->length), FOLLOW_ALL_BUT_LAST, &session, &found);
    if (status == WK_OK)
        status = check_addition(&found);
    if (status == WK_OK && found.wants_directory)
        status = WK_NOT_FOUND;
    if (status != WK_OK)
        return status;
    node = create_link(fetched(0, in->text_length));
    if (node == NULL)
        return WK_NO_MEMORY;
    status = add(&found, node);
    node_release(node);
    return status;
}

static enum wk_status read_link(struct wk_message *message, const struct wk_directory_read_link_in *in,
                                struct wk_directory_read_link_out *out)
{
    struct session *session;
    struct found found;
    enum wk_status status = fetch(in->memory, in->offset, in->length);

    if (status == WK_OK)
        status = find_node(message, fetched(0, in->length), FOLLOW_ALL_BUT_LAST, &session, &found);
    if (status != WK_OK)
        return status;
    if (!node_is_link(found.place.node))
        return WK_WRONG_KIND;
    out->count = in->room < found.place.node->size ? in->room : found.place.node->size;
    if (out->count == 0)
        return WK_OK;
    memcpy(scratch, found.place.node->text, out->count);
    return wk_memory_copy(in->memory, in->offset, scratch_memory, 0, out->count);
}

static enum wk_status link_here(struct wk_message *message, const struct wk_directory_link_here_in *in)
{
    const struct session *other = session_of_ticket(in->ticket);
    struct session *session;
    struct found found;
    enum wk_status status = fetch(in->memory, in->offset, in->length);

    if (status == WK_OK)
        status = find(message, fetched(0, in->length), FOLLOW_ALL_BUT_LAST, &session, &found);
    if (status == WK_OK)
        status = check_addition(&found);
    if (status != WK_OK)
        return status;
    if (other == NULL || found.wants_directory ||
        (other->place.node->names_count == 0 && !other->place.node->is_linkable))
        return WK_NOT_FOUND;
    if (other->place.is_read_only)
        return WK_READ_ONLY;
    return node_is_directory(other->place.node) ? WK_IS_DIRECTORY : add(&found, other->place.node);
}

/* ---- taking away ---- */

static bool is_empty(const struct node *directory)
{
    return directory->names.count == 0;
}

/* Whether the name that a path leads to may go. */
static enum wk_status check_removal(const struct found *found)
{
    if (found->directory.node == NULL)
        return WK_BAD_ARGUMENT;
    if (found->is_bound)
        return WK_BUSY;
    return found->directory.is_read_only ? WK_READ_ONLY : WK_OK;
}

static enum wk_status remove_path(const struct wk_message *message, uint64_t is_directory, struct text path)
{
    struct session *session;
    struct found found;
    enum wk_status status = find_node(message, path, FOLLOW_ALL_BUT_LAST, &session, &found);

    if (status == WK_OK)
        status = check_removal(&found);
    if (status != WK_OK)
        return status;
    if (is_directory != 0 && !node_is_directory(found.place.node))
        return WK_NOT_DIRECTORY;
    if (is_directory == 0 && node_is_directory(found.place.node))
        return WK_IS_DIRECTORY;
    if (is_directory != 0 && !is_empty(found.place.node))
        return WK_NOT_EMPTY;
    name_remove(found.name);
    return WK_OK;
}

static enum wk_status remove_short(struct wk_message *message, const struct wk_directory_remove_short_in *in)
{
    return remove_path(message, in->is_directory, short_path(&in->path0));
}

static enum wk_status remove(struct wk_message *message, const struct wk_directory_remove_in *in)
{
    const enum wk_status status = fetch(in->memory, in->offset, in->length);

    return status != WK_OK ? status : remove_path(message, in->is_directory, fetched(0, in->length));
}

/* ---- renaming ---- */

/* Whether what has the new name already may give way to what is renamed. */
static enum wk_status check_replacement(const struct found *from, const struct found *to, uint64_t options)
{
    const struct node *old = to->place.node;

    if (old == NULL)
        return to->directory.node->names_count == 0 ? WK_NOT_FOUND : WK_OK;
    if (options != 0)
        return WK_EXISTS;
    if (old == from->place.node)
        return WK_OK;
    if (to->is_bound)
        return WK_BUSY;
    if (node_is_directory(from->place.node))
        return !node_is_directory(old) ? WK_NOT_DIRECTORY : is_empty(old) ? WK_OK : WK_NOT_EMPTY;
    return node_is_directory(old) ? WK_IS_DIRECTORY : WK_OK;
}

static enum wk_status check_rename(const struct found *from, const struct found *to, uint64_t options)
{
    const bool is_directory = node_is_directory(from->place.node);
    enum wk_status status = check_removal(from);

    if (status == WK_OK && to->directory.node == NULL)
        status = WK_BAD_ARGUMENT;
    if (status == WK_OK && to->directory.is_read_only)
        status = WK_READ_ONLY;
    if (status == WK_OK && is_directory && directory_is_within(to->directory.node, from->place.node))
        status = WK_BAD_ARGUMENT;
    if (status == WK_OK && to->wants_directory && !is_directory)
        status = WK_NOT_DIRECTORY;
    return status != WK_OK ? status : check_replacement(from, to, options);
}

static enum wk_status do_rename(struct found *from, struct found *to)
{
    struct node *node = from->place.node;
    enum wk_status status = WK_OK;

    if (to->place.node == node)
        return WK_OK; /* two names of one file both stay, as POSIX has it */
    node_use(node);
    if (to->name != NULL) {
        name_remove(from->name);
        name_replace(to->name, node);
    } else {
        status = add(to, node);
        if (status == WK_OK)
            name_remove(from->name);
        if (status == WK_OK)
            node->name = name_find(to->directory.node, to->text, to->length, to->hash);
    }
    node_release(node);
    return status;
}

static enum wk_status rename(struct wk_message *message, const struct wk_directory_rename_in *in)
{
    const struct session *other = session_of_ticket(in->ticket);
    struct session *session;
    struct found from, to;
    enum wk_status status = fetch(in->memory, in->offset, in->old_length + in->length);

    if (status == WK_OK && in->ticket != 0 && other == NULL)
        status = WK_NOT_FOUND;
    if (status == WK_OK)
        status = find_node(message, fetched(0, in->old_length), FOLLOW_ALL_BUT_LAST, &session, &from);
    if (status != WK_OK)
        return status;
    if (other == NULL)
        other = session;
    status = path_find(other->view, &other->place, fetched(in->old_length, in->length), FOLLOW_ALL_BUT_LAST, &to);
    if (status == WK_OK)
        status = check_rename(&from, &to, in->options);
    return status == WK_OK ? do_rename(&from, &to) : status;
}

/* Whether each of the two may come to be where the other one is. */
static enum wk_status check_exchange(const struct found *first, const struct found *second)
{
    enum wk_status status = check_removal(first);

    if (status == WK_OK)
        status = check_removal(second);
    if (status != WK_OK)
        return status;
    if ((first->wants_directory && !node_is_directory(second->place.node)) ||
        (second->wants_directory && !node_is_directory(first->place.node)))
        return WK_NOT_DIRECTORY;
    if ((node_is_directory(first->place.node) && directory_is_within(second->directory.node, first->place.node)) ||
        (node_is_directory(second->place.node) && directory_is_within(first->directory.node, second->place.node)))
        return WK_BAD_ARGUMENT;
    return WK_OK;
}

static enum wk_status exchange(struct wk_message *message, const struct wk_directory_exchange_in *in)
{
    const struct session *other = session_of_ticket(in->ticket);
    struct session *session;
    struct found first, second;
    enum wk_status status = fetch(in->memory, in->offset, in->first_length + in->length);

    if (status == WK_OK && in->ticket != 0 && other == NULL)
        status = WK_NOT_FOUND;
    if (status == WK_OK)
        status = find_node(message, fetched(0, in->first_length), FOLLOW_ALL_BUT_LAST, &session, &first);
    if (status != WK_OK)
        return status;
    if (other == NULL)
        other = session;
    status =
        path_find_node(other->view, &other->place, fetched(in->first_length, in->length), FOLLOW_ALL_BUT_LAST, &second);
    if (status == WK_OK)
        status = check_exchange(&first, &second);
    if (status == WK_OK && first.place.node != second.place.node)
        name_exchange(first.name, second.name);
    return status;
}

static enum wk_status open_unnamed(struct wk_message *message, const struct wk_directory_open_unnamed_in *in,
                                   struct wk_directory_open_unnamed_out *out)
{
    struct session *directory = session_with(message->badge), *session;
    struct place place = {0};
    enum wk_status status;

    if (directory == NULL)
        return WK_REVOKED;
    if (directory->place.is_read_only)
        return WK_READ_ONLY;
    place.node =
        node_create((uint16_t)(MODE_FILE << MODE_KIND_SHIFT | (in->options >> PERMISSIONS_SHIFT & MODE_PERMISSIONS)));
    if (place.node == NULL)
        return WK_NO_MEMORY;
    place.node->is_linkable = in->is_linkable != 0;
    out->identity = place.node->identity;
    status = give_session(directory->view, &place, rights_of(in->options), &session, &out->node);
    if (status == WK_OK && (in->options & WK_OPEN_OPTIONS_APPEND) != 0)
        session->flags = WK_DESCRIPTION_FLAGS_APPEND;
    node_release(place.node);
    return status;
}

/* ---- views ---- */

static enum wk_status view(struct wk_message *message, const struct wk_directory_view_in *in,
                           struct wk_directory_view_out *out)
{
    struct session *session = session_with(message->badge), *root;
    struct place place;
    struct view *view;
    enum wk_status status;

    if (session == NULL)
        return WK_REVOKED;
    if (!node_is_directory(session->place.node))
        return WK_NOT_DIRECTORY;
    place = session->place;
    place.is_read_only |= in->is_read_only != 0;
    view = view_create(session->view, &place);
    if (view == NULL)
        return WK_NO_MEMORY;
    status = give_session(view, &place, SESSION_READ, &root, &out->root);
    view_release(view);
    return status;
}

static enum wk_status bind(struct wk_message *message, const struct wk_directory_bind_in *in)
{
    const struct session *other = session_of_ticket(in->ticket);
    struct session *session;
    struct found found;
    enum wk_status status = fetch(in->memory, in->offset, in->length);

    if (status == WK_OK)
        status = find_node(message, fetched(0, in->length), FOLLOW_ALL, &session, &found);
    if (status != WK_OK)
        return status;
    if (other == NULL)
        return WK_NOT_FOUND;
    if (!node_is_directory(found.place.node) || !node_is_directory(other->place.node))
        return WK_NOT_DIRECTORY;
    return view_bind(session->view, &found.place, &other->place);
}

const struct wk_directory_handlers directory_handlers = {
    .open_short = open_short,
    .open = open,
    .reopen_short = reopen_short,
    .status_short = status_short,
    .status_of = status_of,
    .remove_short = remove_short,
    .remove = remove,
    .make = make,
    .make_link = make_link,
    .read_link = read_link,
    .link_here = link_here,
    .rename = rename,
    .exchange = exchange,
    .open_unnamed = open_unnamed,
    .view = view,
    .bind = bind,
};
