/* SPDX-License-Identifier: MIT */
/*
 * Formatted output. Formats are those of ISO C that the compiler can check, of them: %d %u %x with `l`, %s %c %p %%, a
 * width, and in front of the width `-` for left or `0` for leading zeros. Anything else is printed as it stands.
 */
#ifndef WINKLE_PRINT_H
#define WINKLE_PRINT_H

#include <winkle/abi.h>

#include <stdarg.h>

/* Takes bytes of formatted text, some at a time. */
struct wk_text_sink {
    void (*take)(struct wk_text_sink *sink, const char *bytes, size_t length);
};

/* Formats into a sink. */
void wk_format(struct wk_text_sink *sink, const char *format, va_list arguments);

/* Prints to the stream "output" (stream.h), which ends the program with status 141 if it is a pipe that nobody reads any more. Without such
 * a stream, on the console of last resort, by the capability "machine"; without that, or its console right, nothing is printed.
 * Pieces of 40 bytes of several printers may mix. Blocks while the bytes are taken. */
void wk_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same to the stream "errors", if there is one. */
void wk_print_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Writes bytes as they are. The status of the first invocation that failed, else WK_OK. */
enum wk_status wk_console_write(const char *bytes, size_t length);

/* Formats into `text`, which has `bytes` bytes; what does not fit is left out; a zero byte ends it. Returns the
 * length. */
size_t wk_print_text(char *text, size_t bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
