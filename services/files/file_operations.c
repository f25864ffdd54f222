/* SPDX-License-Identifier: MIT */
/* The operations of `file`: all that concerns what a session has open. */
#include "files.h"

#include "content.h"

#include <winkle/capability.h>
#include <winkle/memory.h>
#include <winkle/text.h>

#define LEAVE UINT64_MAX
#define NOW (UINT64_MAX - 1)

/* ---- what it is ---- */

static enum wk_status status(struct wk_message *message, struct wk_file_status_out *out)
{
    const struct session *session = session_with(message->badge);

    if (session == NULL)
        return WK_REVOKED;
    status_of_node(session->place.node, out);
    return WK_OK;
}

static enum wk_status accessed(struct wk_message *message, struct wk_file_accessed_out *out)
{
    const struct session *session = session_with(message->badge);

    if (session == NULL)
        return WK_REVOKED;
    out->accessed = session->place.node->accessed;
    out->created = session->place.node->created;
    return WK_OK;
}

static enum wk_status space(struct wk_message *message, struct wk_file_space_out *out)
{
    return session_with(message->badge) == NULL ? WK_REVOKED : content_space(&out->total_pages, &out->free_pages);
}

static enum wk_status ticket(struct wk_message *message, struct wk_file_ticket_out *out)
{
    struct session *session = session_with(message->badge);

    if (session == NULL)
        return WK_REVOKED;
    out->ticket = session_ticket(session);
    return WK_OK;
}

static enum wk_status empty(struct wk_message *message, const struct wk_file_empty_in *in,
                            struct wk_file_empty_out *out)
{
    struct session *session = session_with(message->badge);

    if (session == NULL)
        return WK_REVOKED;
    if (session->key == 0 || session->key != in->key)
        return WK_NO_RIGHT;
    session_empty(session);
    out->number = session->badge;
    return WK_OK;
}

static enum wk_status path(struct wk_message *message, const struct wk_file_path_in *in, struct wk_file_path_out *out)
{
    const struct session *session = session_with(message->badge);
    char *begin;
    enum wk_status result;

    if (session == NULL)
        return WK_REVOKED;
    result = path_of(session->view, session->place.node, scratch, WK_PATH_MAX, &begin);
    if (result != WK_OK)
        return result;
    out->count = (uint64_t)(scratch + WK_PATH_MAX - begin);
    if (out->count > in->length)
        return WK_NAME_TOO_LONG;
    return wk_memory_copy(in->memory, in->offset, scratch_memory, (uint64_t)(begin - scratch), out->count);
}

/* ---- bytes ---- */

/* The session, if what it has open is a file that was opened for that. */
static enum wk_status file_session(const struct wk_message *message, unsigned right, struct session **session)
{
    *session = session_with(message->badge);
    if (*session == NULL)
        return WK_REVOKED;
    if (node_is_directory((*session)->place.node))
        return WK_IS_DIRECTORY;
    if (((*session)->rights & right) == 0)
        return WK_NO_RIGHT;
    return node_kind((*session)->place.node) == MODE_FILE ? WK_OK : WK_NOT_AVAILABLE;
}

static void locate_reading(struct session *session, const struct wk_file_locate_in *in, struct wk_file_locate_out *out)
{
    const uint64_t size = session->place.node->size;
    const uint64_t position = in->position == WK_CURRENT ? session->position : in->position;
    const uint64_t left = position < size ? size - position : 0;

    out->position = position;
    out->count = in->length < left ? in->length : left;
}

static enum wk_status locate_writing(struct session *session, const struct wk_file_locate_in *in,
                                     struct wk_file_locate_out *out)
{
    struct node *node = session->place.node;
    uint64_t position = in->position == WK_CURRENT ? session->position : in->position;
    enum wk_status result = WK_OK;

    if ((session->flags & WK_DESCRIPTION_FLAGS_APPEND) != 0)
        position = node->size;
    if (in->length > INT64_MAX || position > INT64_MAX - in->length)
        return WK_NO_MEMORY;
    if (in->length != 0)
        result = content_grow(node, position, position + in->length);
    if (result != WK_OK)
        return result;
    node_set_modified(node);
    out->position = position;
    out->count = in->length;
    return WK_OK;
}

static enum wk_status locate(struct wk_message *message, const struct wk_file_locate_in *in,
                             struct wk_file_locate_out *out)
{
    struct session *session;
    enum wk_status result =
        file_session(message, in->direction == WK_DIRECTION_READING ? SESSION_READ : SESSION_WRITE, &session);

    if (result != WK_OK)
        return result;
    if (content_is_in_archive(session->place.node))
        return WK_NOT_AVAILABLE;
    if (in->direction == WK_DIRECTION_READING)
        locate_reading(session, in, out);
    else
        result = locate_writing(session, in, out);
    if (result == WK_OK && in->position == WK_CURRENT)
        session->position = out->position + out->count;
    return result;
}

static enum wk_status memory(struct wk_message *message, struct wk_file_memory_out *out)
{
    struct session *session;
    enum wk_status result = file_session(message, SESSION_READ | SESSION_WRITE, &session);
    uint64_t rights;

    if (result != WK_OK)
        return result == WK_IS_DIRECTORY ? WK_NOT_AVAILABLE : result;
    if (content_is_in_archive(session->place.node))
        return WK_NOT_AVAILABLE;
    result = content_have_memory(session->place.node);
    if (result != WK_OK)
        return result;
    rights = ((session->rights & SESSION_READ) != 0 ? WK_MEMORY_RIGHT_READ : 0U) |
             ((session->rights & SESSION_WRITE) != 0 ? WK_MEMORY_RIGHT_WRITE : 0U) |
             ((session->rights & SESSION_EXECUTE) != 0 ? WK_MEMORY_RIGHT_EXECUTE : 0U);
    result = wk_capability_dup(session->place.node->content.memory, rights, &out->memory);
    return result == WK_OK ? WK_OK : WK_NO_MEMORY;
}

static enum wk_status read(struct wk_message *message, const struct wk_file_read_in *in, struct wk_file_read_out *out)
{
    struct session *session;
    enum wk_status result = file_session(message, SESSION_READ, &session);
    uint64_t position;

    if (result != WK_OK)
        return result;
    position = in->position == WK_CURRENT ? session->position : in->position;
    result = content_read(session->place.node, position, in->length, in->memory, in->offset, &out->count);
    if (result == WK_OK && in->position == WK_CURRENT)
        session->position += out->count;
    return result;
}

static enum wk_status map(struct wk_message *message, const struct wk_file_map_in *in)
{
    const uint64_t protection = WK_PROTECTION_READ | (in->is_executable != 0 ? WK_PROTECTION_EXECUTE : 0U);
    struct session *session;
    enum wk_status result = file_session(message, SESSION_READ, &session);

    if (result != WK_OK)
        return result == WK_IS_DIRECTORY ? WK_NOT_AVAILABLE : result;
    if (in->is_executable != 0 && (session->rights & SESSION_EXECUTE) == 0)
        return WK_NO_RIGHT;
    return content_map(session->place.node, in->position, in->pages, protection, in->process, in->address);
}

static enum wk_status set_size(struct wk_message *message, const struct wk_file_set_size_in *in)
{
    struct session *session;
    enum wk_status result = file_session(message, SESSION_WRITE, &session);

    if (result != WK_OK)
        return result == WK_REVOKED ? result : WK_NO_RIGHT;
    result = content_set_size(session->place.node, in->size);
    if (result == WK_OK)
        node_set_modified(session->place.node);
    return result;
}

static enum wk_status allocate(struct wk_message *message, const struct wk_file_allocate_in *in)
{
    struct session *session;
    enum wk_status result = file_session(message, SESSION_WRITE, &session);
    struct node *node;
    uint64_t end;

    if (result != WK_OK)
        return result == WK_IS_DIRECTORY ? WK_NO_RIGHT : result;
    if (in->position > INT64_MAX || in->length > INT64_MAX - in->position)
        return WK_NO_MEMORY;
    node = session->place.node;
    end = in->position + in->length;
    if (in->allocation == WK_ALLOCATION_PUNCH || in->allocation == WK_ALLOCATION_ZERO)
        result = content_punch(node, in->position, end);
    if (result == WK_OK && in->allocation == WK_ALLOCATION_KEEP)
        result = content_have_room(node, in->position, end);
    if (result == WK_OK && (in->allocation == WK_ALLOCATION_GROW || in->allocation == WK_ALLOCATION_ZERO))
        result = content_grow(node, in->position, end);
    if (result == WK_OK && in->allocation != WK_ALLOCATION_KEEP)
        node_set_modified(node);
    return result;
}

/* ---- positions ---- */

/* Holes are not kept account of: all bytes are data, and the one hole is behind them. */
static enum wk_status whence_begins(const struct session *session, const struct wk_file_seek_in *in, uint64_t *base)
{
    const uint64_t size = session->place.node->size;

    *base = 0;
    switch (in->whence) {
    case WK_WHENCE_START:
        return WK_OK;
    case WK_WHENCE_CURRENT:
        *base = session->position;
        return WK_OK;
    case WK_WHENCE_END:
        *base = size;
        return WK_OK;
    case WK_WHENCE_DATA:
        return in->offset < size ? WK_OK : WK_NOT_FOUND;
    case WK_WHENCE_HOLE:
        *base = in->offset < size ? size - in->offset : 0;
        return in->offset < size ? WK_OK : WK_NOT_FOUND;
    }
    return WK_BAD_ARGUMENT;
}

static enum wk_status seek(struct wk_message *message, const struct wk_file_seek_in *in, struct wk_file_seek_out *out)
{
    struct session *session = session_with(message->badge);
    uint64_t base;
    int64_t position;
    enum wk_status result = session == NULL ? WK_REVOKED : whence_begins(session, in, &base);

    if (result != WK_OK)
        return result;
    if (__builtin_add_overflow((int64_t)base, (int64_t)in->offset, &position) || position < 0)
        return WK_BAD_ARGUMENT;
    session->position = (uint64_t)position;
    out->position = (uint64_t)position;
    return WK_OK;
}

static enum wk_status description_flags(struct wk_message *message, struct wk_file_description_flags_out *out)
{
    const struct session *session = session_with(message->badge);

    if (session == NULL)
        return WK_REVOKED;
    out->flags = session->flags;
    return WK_OK;
}

static enum wk_status set_description_flags(struct wk_message *message,
                                            const struct wk_file_set_description_flags_in *in)
{
    struct session *session = session_with(message->badge);

    if (session == NULL)
        return WK_REVOKED;
    session->flags = (uint8_t)in->flags;
    return WK_OK;
}

/* ---- listings ---- */

/* Source: Linux, getdents64(2). */
struct linux_dirent64 {
    uint64_t d_ino;
    int64_t d_off;
    uint16_t d_reclen;
    uint8_t d_type;
    char d_name[];
};
#define NAME_OFFSET 19 /* of d_name */
_Static_assert(offsetof(struct linux_dirent64, d_name) == NAME_OFFSET, "as Linux has it");

/* Positions: 0 and 1 are `.` and `..`, from FIRST_COOKIE - 1 on it is the cookie of the last name that was given. */
struct listing {
    uint64_t room, used;
    uint64_t next;
};

static bool put(struct listing *listing, const struct node *node, const char *name, size_t length, uint64_t next)
{
    const uint64_t bytes = (NAME_OFFSET + length + 1 + 7) / 8 * 8;
    struct linux_dirent64 *entry = (struct linux_dirent64 *)(void *)(scratch + listing->used);

    if (bytes > listing->room - listing->used)
        return false;
    memset(entry, 0, bytes);
    entry->d_ino = node->identity;
    entry->d_off = (int64_t)next;
    entry->d_reclen = (uint16_t)bytes;
    entry->d_type = (uint8_t)node_kind(node);
    memcpy(entry->d_name, name, length);
    listing->used += bytes;
    listing->next = next;
    return true;
}

static bool put_dots(struct listing *listing, const struct session *session)
{
    struct node *directory = session->place.node;
    const struct node *parent = directory == session->view->root.node ? directory : node_parent(directory);

    if (listing->next == 0 && !put(listing, directory, ".", 1, 1))
        return false;
    return listing->next != 1 || put(listing, parent == NULL ? directory : parent, "..", 2, 2);
}

static void put_names(struct listing *listing, struct node *directory)
{
    struct name *name = name_at(directory, listing->next + 1);

    while (name != NULL && put(listing, name->node, name->text, name->length, name->cookie))
        name = name->next;
    directory->names.resume = name;
}

static enum wk_status list(struct wk_message *message, const struct wk_file_list_in *in, struct wk_file_list_out *out)
{
    struct session *session = session_with(message->badge);
    struct listing listing = {.room = in->length < SCRATCH_BYTES ? in->length : SCRATCH_BYTES};
    enum wk_status result;

    if (session == NULL)
        return WK_REVOKED;
    if (!node_is_directory(session->place.node))
        return WK_NOT_DIRECTORY;
    listing.next = in->position == WK_CURRENT ? session->position : in->position;
    if (put_dots(&listing, session))
        put_names(&listing, session->place.node);
    if (listing.used == 0 && (listing.next < 2 || name_at(session->place.node, listing.next + 1) != NULL))
        return WK_BAD_ARGUMENT;
    result = listing.used == 0 ? WK_OK : wk_memory_copy(in->memory, in->offset, scratch_memory, 0, listing.used);
    if (result != WK_OK)
        return result;
    out->count = listing.used;
    out->next = listing.next;
    if (in->position == WK_CURRENT)
        session->position = listing.next;
    return WK_OK;
}

/* ---- what can be changed of it ---- */

static enum wk_status changeable(const struct wk_message *message, struct node **node)
{
    const struct session *session = session_with(message->badge);

    if (session == NULL)
        return WK_REVOKED;
    *node = session->place.node;
    return session->place.is_read_only ? WK_READ_ONLY : WK_OK;
}

static enum wk_status set_permissions(struct wk_message *message, const struct wk_file_set_permissions_in *in)
{
    struct node *node;
    const enum wk_status result = changeable(message, &node);

    if (result != WK_OK)
        return result;
    node->mode = (uint16_t)((node->mode & ~MODE_PERMISSIONS) | in->permissions);
    node_set_changed(node);
    return WK_OK;
}

static enum wk_status set_owner(struct wk_message *message, const struct wk_file_set_owner_in *in)
{
    struct node *node;
    const enum wk_status result = changeable(message, &node);

    if (result != WK_OK)
        return result;
    if (in->user != LEAVE)
        node->user = (uint32_t)in->user;
    if (in->group != LEAVE)
        node->group = (uint32_t)in->group;
    node_set_changed(node);
    return WK_OK;
}

static void set_time(uint64_t *time, uint64_t wanted, uint64_t now)
{
    if (wanted != LEAVE)
        *time = wanted == NOW ? now : wanted;
}

static enum wk_status set_times(struct wk_message *message, const struct wk_file_set_times_in *in)
{
    struct node *node;
    const enum wk_status result = changeable(message, &node);

    if (result != WK_OK)
        return result;
    node_set_changed(node);
    set_time(&node->accessed, in->accessed, node->changed);
    node->has_access_time |=
        in->accessed != LEAVE && node_kind(node) != MODE_CHARACTER && node_kind(node) != MODE_BLOCK;
    set_time(&node->modified, in->modified, node->changed);
    return WK_OK;
}

static enum wk_status look_for_ends(struct wk_message *message)
{
    (void)message;
    files_look_now();
    return WK_OK;
}

const struct wk_file_handlers file_handlers = {
    .status = status,
    .accessed = accessed,
    .locate = locate,
    .memory = memory,
    .read = read,
    .map = map,
    .seek = seek,
    .set_size = set_size,
    .allocate = allocate,
    .list = list,
    .set_permissions = set_permissions,
    .set_owner = set_owner,
    .set_times = set_times,
    .description_flags = description_flags,
    .set_description_flags = set_description_flags,
    .enlist = lock_enlist,
    .lock = lock_set,
    .lock_in_the_way = lock_in_the_way,
    .unlock = lock_give_up,
    .wait_no_more = lock_wait_no_more,
    .look_for_ends = look_for_ends,
    .empty = empty,
    .path = path,
    .space = space,
    .ticket = ticket,
};
