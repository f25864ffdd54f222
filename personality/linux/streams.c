/* SPDX-License-Identifier: MIT */
#include "streams.h"

#include "calls.h"
#include "memory.h"
#include "node.h"
#include "paths.h"
#include "pipes.h"
#include "signals.h"
#include "terminal.h"

#include <winkle/capability.h>
#include <winkle/directory.h>
#include <winkle/pipe.h>
#include <winkle/stream.h>

#include <linux/fcntl.h>

static const char *const names[STREAMS] = {"input", "output", "errors"};
static const int background_signals[STREAMS] = {SIGNAL_TTIN, SIGNAL_TTOU, SIGNAL_TTOU};

/* ---- to a native program ---- */

/* Bytes that the personality made up: a pipe that has them already. */
static int64_t fill_pipe(const struct file *file, wk_handle *reader)
{
    const uint64_t left = file->position < file->text_bytes ? file->text_bytes - file->position : 0;
    uint64_t count = 0;
    wk_handle writer;
    enum wk_status status = wk_pipe_create(pipes_maker(), reader, &writer);

    if (status != WK_OK)
        return error_of(status);
    if (left != 0)
        status = wk_pipe_write(writer, arena, (uint64_t)file->text + file->position, left, 0, &count);
    wk_capability_delete(writer);
    if (status != WK_OK)
        wk_capability_delete(*reader);
    return error_of(status);
}

/* The program's own copy, so that it has its end when the program has, however that goes. */
static int64_t grant_one(int fd, struct file *file, struct wk_grant *grants, unsigned *count)
{
    struct wk_grant *grant = &grants[*count];
    const enum wk_stream_kind kind = file->text != NULL ? WK_STREAM_PIPE : file->operations->stream;
    int64_t error = 0;

    *grant = (struct wk_grant){names[fd], 0, WK_TRANSFER_GIVE, WK_RIGHTS_ALL, kind, 0};
    if (kind == WK_STREAM_NONE)
        return 0;
    if (file->text != NULL)
        error = fill_pipe(file, &grant->handle);
    else
        error = error_of(wk_capability_dup(fd == 0 ? file->session : pipe_writer(file), WK_RIGHTS_ALL, &grant->handle));
    if (kind == WK_STREAM_TERMINAL)
        grant->bytes = terminal_group(background_signals[fd]);
    *count += error == 0;
    return error;
}

int64_t streams_grant(struct wk_grant *grants, unsigned *count)
{
    int64_t error = 0;

    *count = 0;
    for (int fd = 0; fd < STREAMS && error == 0; fd++) {
        struct file *file = descriptor_flags(fd) == 0 ? file_of(fd) : NULL;

        if (file == NULL)
            continue;
        error = grant_one(fd, file, grants, count);
        file_drop(file);
    }
    if (error != 0)
        streams_take_back(grants, *count);
    return error;
}

void streams_take_back(const struct wk_grant *grants, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        wk_capability_delete(grants[i].handle);
}

/* ---- from one ---- */

static int64_t open_one(int fd, struct wk_stream *stream, struct file **file)
{
    const struct wk_stream given = *stream;
    const uint32_t flags = fd == 0 ? O_RDONLY : O_WRONLY;
    struct path path;
    int64_t error;

    *stream = (struct wk_stream){0}; /* it is the descriptor's from here on, and goes with that */
    switch (given.kind) {
    case WK_STREAM_FILE:
        return node_take(given.session, flags, file);
    case WK_STREAM_PIPE:
        return pipe_take(given.session, flags, file);
    case WK_STREAM_NULL:
        error = path_begin_text(&path, AT_FDCWD, "/dev/null");
        if (error == 0)
            error = path_open(&path, WK_OPEN_OPTIONS_READ | WK_OPEN_OPTIONS_WRITE, 0, flags, file);
        path_end(&path);
        return error;
    case WK_STREAM_TERMINAL:
    case WK_STREAM_NONE:
        break;
    }
    if (given.session != 0)
        wk_capability_delete(given.session);
    return terminal_open(O_RDWR, file);
}

int64_t streams_open(void)
{
    struct wk_stream *const streams[STREAMS] = {&wk_input, &wk_output, &wk_errors};
    const bool begins_with_terminal = wk_input.kind == WK_STREAM_NONE;
    int64_t error = 0;

    for (int fd = 0; fd < STREAMS && error >= 0; fd++) {
        struct file *file = NULL;

        if (fd > 0 && begins_with_terminal && streams[fd]->kind == WK_STREAM_NONE) {
            error = linux_dup(0);
            continue;
        }
        error = open_one(fd, streams[fd], &file);
        if (error == 0)
            error = descriptor_make(file, fd, false);
    }
    return error < 0 ? error : 0;
}
