/* SPDX-License-Identifier: MIT */
#include <winkle/print.h>

#include <winkle/machine.h>
#include <winkle/start.h>
#include <winkle/text.h>

#define PIECE_BYTES 40

enum wk_status wk_console_write(const char *bytes, size_t length)
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

/* Collects a piece's worth before it invokes the console. */
struct console_sink {
    struct wk_text_sink sink;
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
            wk_console_write(console->piece, PIECE_BYTES);
            console->length = 0;
        }
    }
}

void wk_print(const char *format, ...)
{
    struct console_sink console = {.sink = {console_take}};
    va_list arguments;

    va_start(arguments, format);
    wk_format(&console.sink, format, arguments);
    va_end(arguments);
    wk_console_write(console.piece, console.length);
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
