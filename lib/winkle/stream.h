/* SPDX-License-Identifier: MIT */
/*
 * Streams of bytes: what a program was given to read and to print to, by whoever started it, and what it opens by a path. Behind one is
 * a session: a file's of the file service, a pipe's end, the terminal. Those that were given have names in the start block, "input",
 * "output", "errors"; wk_print writes to the second. Paths are names of the file service, in the view whose session the program has
 * under the name "files"; one that does not begin with `/` begins where that session is.
 *
 * Bytes pass through a buffer of the stream's own. Threads may share a stream: one moves bytes at a time.
 */
#ifndef WINKLE_STREAM_H
#define WINKLE_STREAM_H

#include <winkle/lock.h>

/* What is behind a stream. In `offset` of a capability's name in the start block. */
enum wk_stream_kind {
    WK_STREAM_NONE,
    WK_STREAM_FILE,     /* a session of the interface `file` */
    WK_STREAM_PIPE,     /* of `pipe` */
    WK_STREAM_TERMINAL, /* of `terminal`; `bytes` of the name is the group of processes for which it is asked */
    WK_STREAM_NULL,     /* reads as ended, and takes everything; no capability */
};

struct wk_stream {
    enum wk_stream_kind kind;
    wk_handle session;
    uint64_t group;
    struct wk_lock lock;
    wk_handle event, waiter; /* how it waits; made when it first has to */
    uint64_t waiter_number;
    wk_handle memory; /* the buffer, made when it is first needed */
    uint8_t *buffer;
};

extern struct wk_stream wk_input, wk_output, wk_errors;

/* Sets up the three from the start block, before main; and how wk_print writes to them, so that init, which has none, is linked without
 * what that takes. */
typedef enum wk_status (*wk_stream_writer)(struct wk_stream *stream, const void *bytes, size_t length);
extern wk_stream_writer wk_print_to_stream;
void wk_streams_start(void);
/* Makes their locks ready for several threads. */
enum wk_status wk_streams_prepare(void);

/* Reads at most `length` bytes; *count is how many there were, 0 at the end. Blocks until there is one. Errors as the service's;
 * WK_NOT_AVAILABLE: there is no such stream. */
enum wk_status wk_stream_read(struct wk_stream *stream, void *bytes, size_t length, size_t *count);
/* Writes all of them, and blocks until there was room. WK_BROKEN: it is a pipe that nobody reads any more. */
enum wk_status wk_stream_write(struct wk_stream *stream, const void *bytes, size_t length);

/* Opens what a path names, with `open_options` of the interface `directory`, permissions 0666 if it is made. Errors as `directory: open`;
 * WK_NOT_AVAILABLE: the program was given no files, or it is no file but a device or a pipe. */
enum wk_status wk_stream_open(const char *path, uint64_t options, struct wk_stream *stream);
/* Closes one that was opened. */
void wk_stream_close(struct wk_stream *stream);

#endif
