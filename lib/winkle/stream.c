/* SPDX-License-Identifier: MIT */
#include <winkle/stream.h>

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/directory.h>
#include <winkle/event.h>
#include <winkle/file.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/pipe.h>
#include <winkle/start.h>
#include <winkle/terminal.h>
#include <winkle/text.h>

#define BUFFER_PAGES 4
#define BUFFER_BYTES (BUFFER_PAGES * WK_PAGE_BYTES)
#define PERMISSIONS (UINT64_C(0666) << 16)
/* How soon a program in the background tries the terminal again. */
#define BACKGROUND_NS UINT64_C(50000000)

static void start(struct wk_stream *stream, const char *name)
{
    const struct wk_named *named = wk_named_find(name);

    if (named != NULL)
        *stream = (struct wk_stream){
            .kind = (enum wk_stream_kind)named->offset, .session = named->handle, .group = named->bytes};
}

void wk_streams_start(void)
{
    start(&wk_input, "input");
    start(&wk_output, "output");
    start(&wk_errors, "errors");
    wk_print_to_stream = wk_stream_write;
}

enum wk_status wk_streams_prepare(void)
{
    struct wk_stream *const streams[] = {&wk_input, &wk_output, &wk_errors};
    enum wk_status status = WK_OK;

    for (unsigned i = 0; i < sizeof(streams) / sizeof(streams[0]) && status == WK_OK; i++) {
        if (streams[i]->kind != WK_STREAM_NONE)
            status = wk_lock_prepare(&streams[i]->lock);
    }
    return status;
}

/* ---- waiting ---- */

static enum wk_status enlist(struct wk_stream *stream)
{
    wk_handle part;
    enum wk_status status = WK_OK;

    if (stream->event == 0)
        status = wk_event_create(wk_self.bank, &stream->event);
    if (status == WK_OK)
        status = wk_capability_dup(stream->event, WK_EVENT_RIGHT_SIGNAL, &part);
    if (status != WK_OK)
        return status;
    status = stream->kind == WK_STREAM_PIPE
                 ? wk_pipe_enlist(stream->session, part, 1, &stream->waiter, &stream->waiter_number)
                 : wk_terminal_enlist(stream->session, part, 1, &stream->waiter, &stream->waiter_number);
    if (status != WK_OK)
        wk_capability_delete(part);
    return status;
}

/* Whether what a service answered is a reason to try again, and then waits until that is worth while. The first time nobody has been told
 * whom to signal. */
static bool is_to_be_tried_again(struct wk_stream *stream, enum wk_status *status)
{
    uint64_t bits;

    if (*status == WK_WOULD_BLOCK && stream->waiter == 0) {
        *status = enlist(stream);
        return *status == WK_OK;
    }
    if (*status == WK_WOULD_BLOCK) {
        *status = wk_event_wait(stream->event, 1, WK_FOREVER, &bits);
        return *status == WK_OK;
    }
    if (*status != WK_NO_RIGHT || stream->kind != WK_STREAM_TERMINAL || stream->group == 0)
        return false;
    /* It is in the background: another group has the terminal. */
    if (stream->event == 0 && wk_event_create(wk_self.bank, &stream->event) != WK_OK)
        return false;
    *status = wk_event_wait(stream->event, 1, wk_after_ns(BACKGROUND_NS), &bits);
    return *status == WK_OK || *status == WK_TIMED_OUT;
}

/* ---- a piece at a time, through the buffer ---- */

static enum wk_status make_buffer(struct wk_stream *stream)
{
    void *address;
    enum wk_status status;

    if (stream->buffer != NULL)
        return WK_OK;
    status = wk_map_new(BUFFER_PAGES, WK_MEMORY_OPTIONS_ON_DEMAND, &stream->memory, &address);
    if (status == WK_OK)
        stream->buffer = address;
    return status;
}

static enum wk_status read_piece(struct wk_stream *stream, uint64_t length, uint64_t *count)
{
    switch (stream->kind) {
    case WK_STREAM_FILE:
        return wk_file_read(stream->session, stream->memory, 0, WK_CURRENT, length, count);
    case WK_STREAM_PIPE:
        return wk_pipe_read(stream->session, stream->memory, 0, length, stream->waiter_number, count);
    case WK_STREAM_TERMINAL:
        return wk_terminal_read(stream->session, stream->memory, 0, length, stream->waiter_number, stream->group,
                                count);
    case WK_STREAM_NULL:
        *count = 0;
        return WK_OK;
    case WK_STREAM_NONE:
        break;
    }
    return WK_NOT_AVAILABLE;
}

/* The service makes room in the file's memory, and tells where. */
static enum wk_status write_file(const struct wk_stream *stream, uint64_t length, uint64_t *count)
{
    wk_handle bytes;
    uint64_t at;
    enum wk_status status = wk_file_locate(stream->session, WK_DIRECTION_WRITING, WK_CURRENT, length, &at, count);

    if (status != WK_OK)
        return status;
    status = wk_file_memory(stream->session, &bytes);
    if (status != WK_OK)
        return status;
    status = wk_memory_copy(bytes, at, stream->memory, 0, *count);
    wk_capability_delete(bytes);
    return status;
}

static enum wk_status write_piece(struct wk_stream *stream, uint64_t length, uint64_t *count)
{
    switch (stream->kind) {
    case WK_STREAM_FILE:
        return write_file(stream, length, count);
    case WK_STREAM_PIPE:
        return wk_pipe_write(stream->session, stream->memory, 0, length, stream->waiter_number, count);
    case WK_STREAM_TERMINAL:
        return wk_terminal_write(stream->session, stream->memory, 0, length, stream->waiter_number, stream->group,
                                 count);
    case WK_STREAM_NULL:
        *count = length;
        return WK_OK;
    case WK_STREAM_NONE:
        break;
    }
    return WK_NOT_AVAILABLE;
}

enum wk_status wk_stream_read(struct wk_stream *stream, void *bytes, size_t length, size_t *count)
{
    enum wk_status status;

    *count = 0;
    if (stream->kind == WK_STREAM_NONE)
        return WK_NOT_AVAILABLE;
    if (length == 0)
        return WK_OK;
    wk_lock_take(&stream->lock);
    status = make_buffer(stream);
    if (status == WK_OK) {
        do {
            status = read_piece(stream, length < BUFFER_BYTES ? length : BUFFER_BYTES, count);
        } while (is_to_be_tried_again(stream, &status));
    }
    if (status == WK_OK && *count <= length)
        memcpy(bytes, stream->buffer, *count);
    wk_lock_release(&stream->lock);
    return status;
}

enum wk_status wk_stream_write(struct wk_stream *stream, const void *bytes, size_t length)
{
    enum wk_status status;

    if (stream->kind == WK_STREAM_NONE)
        return WK_NOT_AVAILABLE;
    wk_lock_take(&stream->lock);
    status = make_buffer(stream);
    for (size_t done = 0; done < length && status == WK_OK;) {
        const size_t piece = length - done < BUFFER_BYTES ? length - done : BUFFER_BYTES;
        uint64_t count = 0;

        memcpy(stream->buffer, (const uint8_t *)bytes + done, piece);
        do {
            status = write_piece(stream, piece, &count);
        } while (is_to_be_tried_again(stream, &status));
        done += count;
    }
    wk_lock_release(&stream->lock);
    return status;
}

/* ---- opening ---- */

enum wk_status wk_stream_open(const char *path, uint64_t options, struct wk_stream *stream)
{
    const wk_handle files = wk_named_handle("files");
    const size_t length = strlen(path);
    enum wk_node_kind kind = WK_NODE_KIND_FILE;
    uint64_t device, identity, key;
    enum wk_status status;

    *stream = (struct wk_stream){0};
    if (files == 0)
        return WK_NOT_AVAILABLE;
    if (length == 0)
        return WK_NOT_FOUND;
    if (length > WK_PATH_MAX)
        return WK_NAME_TOO_LONG;
    status = make_buffer(stream);
    if (status != WK_OK)
        return status;
    memcpy(stream->buffer, path, length);
    status = wk_directory_open(files, options | PERMISSIONS, stream->memory, 0, length, &stream->session, &kind,
                               &device, &identity, &key);
    if (status == WK_OK && kind != WK_NODE_KIND_FILE && kind != WK_NODE_KIND_DIRECTORY)
        status = WK_NOT_AVAILABLE;
    if (status == WK_OK)
        status = wk_lock_prepare(&stream->lock);
    if (status == WK_OK)
        stream->kind = WK_STREAM_FILE;
    else
        wk_stream_close(stream);
    return status;
}

void wk_stream_close(struct wk_stream *stream)
{
    const wk_handle handles[] = {stream->session, stream->waiter, stream->event};

    for (unsigned i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
        if (handles[i] != 0)
            wk_capability_delete(handles[i]);
    }
    if (stream->buffer != NULL)
        wk_unmap_delete(stream->memory, stream->buffer, BUFFER_PAGES);
    wk_lock_discard(&stream->lock);
    *stream = (struct wk_stream){0};
}
