/* SPDX-License-Identifier: MIT */
#include <winkle/print.h>

#include <winkle/machine.h>
#include <winkle/start.h>
#include <winkle/stream.h>
#include <winkle/text.h>

#define PIECE_BYTES 40
/* What shells say of a program that SIGPIPE ended. */
#define STATUS_BROKEN 141

/* ---- the machine's console ---- */

static enum wk_status machine_write(const char *bytes, size_t length)
{
    while (length > 0) {
        const size_t piece = length < PIECE_BYTES ? length : PIECE_BYTES;
        uint64_t words[PIECE_BYTES / sizeof(uint64_t)] = {0};
        enum wk_status status;

        memcpy(words, bytes, piece);
        status = wk_machine_console_write(wk_self.machine, piece, words[0], words[1], words[2], words[3], words[4]);
        if (status != WK_OK)
            return status;
        bytes += piece;
        length -= piece;
    }
    return WK_OK;
}

struct wk_stream wk_input, wk_output, wk_errors;
wk_stream_writer wk_print_to_stream;

/* A program that prints to a pipe which nobody reads any more has nothing left to do. */
static enum wk_status write_to(struct wk_stream *stream, const char *bytes, size_t length)
{
    enum wk_status status;

    if (stream->kind == WK_STREAM_NONE)
        return machine_write(bytes, length);
    status = wk_print_to_stream(stream, bytes, length);
    if (status == WK_BROKEN)
        wk_exit(STATUS_BROKEN);
    return status;
}

enum wk_status wk_console_write(const char *bytes, size_t length)
{
    return write_to(&wk_output, bytes, length);
}

/* Collects a piece's worth before it is written. */
struct console_sink {
    struct wk_text_sink sink;
    struct wk_stream *stream;
    char piece[PIECE_BYTES];
    size_t length;
};

static void console_take(struct wk_text_sink *sink, const char *bytes, size_t length)
{
    struct console_sink *console = (struct console_sink *)(void *)sink;

    while (length > 0) {
        const size_t room = PIECE_BYTES - console->length;
        const size_t part = length < room ? length : room;

        memcpy(console->piece + console->length, bytes, part);
        console->length += part;
        bytes += part;
        length -= part;
        if (console->length == PIECE_BYTES) {
            write_to(console->stream, console->piece, PIECE_BYTES);
            console->length = 0;
        }
    }
}

static void print_to(struct wk_stream *stream, const char *format, va_list arguments)
{
    struct console_sink console = {.sink = {console_take}, .stream = stream};

    wk_format(&console.sink, format, arguments);
    write_to(stream, console.piece, console.length);
}

void wk_print(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_to(&wk_output, format, arguments);
    va_end(arguments);
}

void wk_print_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_to(wk_errors.kind != WK_STREAM_NONE ? &wk_errors : &wk_output, format, arguments);
    va_end(arguments);
}

struct buffer_sink {
    struct wk_text_sink sink;
    char *text;
    size_t bytes;
    size_t length;
};

static void buffer_take(struct wk_text_sink *sink, const char *bytes, size_t length)
{
    struct buffer_sink *buffer = (struct buffer_sink *)(void *)sink;
    const size_t room = buffer->bytes - 1 - buffer->length;
    const size_t part = length < room ? length : room;

    memcpy(buffer->text + buffer->length, bytes, part);
    buffer->length += part;
}

size_t wk_print_text(char *text, size_t bytes, const char *format, ...)
{
    struct buffer_sink buffer = {.sink = {buffer_take}, .text = text, .bytes = bytes};
    va_list arguments;

    if (bytes == 0)
        return 0;
    va_start(arguments, format);
    wk_format(&buffer.sink, format, arguments);
    va_end(arguments);
    text[buffer.length] = '\0';
    return buffer.length;
}
