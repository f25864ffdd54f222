/* SPDX-License-Identifier: MIT */
#include <winkle/print.h>

#include <winkle/capability.h>
#include <winkle/clock.h>
#include <winkle/event.h>
#include <winkle/machine.h>
#include <winkle/pipe.h>
#include <winkle/start.h>
#include <winkle/text.h>

#define PIECE_BYTES 40
#define WAIT_NS UINT64_C(10000000)

/* ---- a pipe, under the name "output" ---- */

static wk_handle event, waiter;
static uint64_t waiter_number;

/* Waits for room a moment; there may be others who wait by the same event. */
static enum wk_status wait_for_room(void)
{
    wk_handle part;
    uint64_t bits;
    enum wk_status status = WK_OK;

    if (event == 0)
        status = wk_event_create(wk_self.bank, &event);
    if (status == WK_OK && waiter == 0) {
        status = wk_capability_dup(event, WK_EVENT_RIGHT_SIGNAL, &part);
        if (status == WK_OK)
            status = wk_pipe_enlist(wk_self.output, part, 1, &waiter, &waiter_number);
    }
    if (status == WK_OK)
        status = wk_event_wait(event, 1, wk_after_ns(WAIT_NS), &bits);
    return status == WK_TIMED_OUT ? WK_OK : status;
}

static enum wk_status output_write(const char *bytes, size_t length)
{
    while (length > 0) {
        const size_t piece = length < PIECE_BYTES ? length : PIECE_BYTES;
        uint64_t words[PIECE_BYTES / sizeof(uint64_t)] = {0};
        enum wk_status status;

        memcpy(words, bytes, piece);
        status = wk_pipe_write_short(wk_self.output, piece | waiter_number << 8, words[0], words[1], words[2], words[3],
                                     words[4]);
        if (status == WK_WOULD_BLOCK) {
            status = wait_for_room();
            if (status == WK_OK)
                continue;
        }
        if (status != WK_OK)
            return status;
        bytes += piece;
        length -= piece;
    }
    return WK_OK;
}

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

enum wk_status wk_console_write(const char *bytes, size_t length)
{
    return wk_self.output != 0 ? output_write(bytes, length) : machine_write(bytes, length);
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
