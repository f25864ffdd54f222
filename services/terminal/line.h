/* SPDX-License-Identifier: MIT */
/*
 * The line discipline: what stands between the bytes that are typed and those that a program reads, and between those it
 * writes and those that are shown (POSIX.1-2024, chapter 11). Where POSIX leaves a choice it does as Linux does; a test
 * compares the two. No part of it waits.
 */
#ifndef LINE_H
#define LINE_H

#include "termios.h"

#include <stdbool.h>
#include <stddef.h>

#define LINE_INPUT_BYTES 4096
#define LINE_OUTPUT_BYTES 16384
/* What programs leave of the room for output to what is echoed. */
#define LINE_ECHO_BYTES 1024

struct line {
    struct tty_attributes attributes;

    /* Input. Positions count on without end; the byte at one is input[position % LINE_INPUT_BYTES]. */
    uint8_t input[LINE_INPUT_BYTES];
    uint8_t ends[LINE_INPUT_BYTES / 8]; /* a bit for each byte that ends a line */
    uint32_t tail, line_end, head;      /* the first byte; behind the last whole line; behind the last byte */
    bool is_literal;                    /* the next byte is taken as it is */
    bool is_erasing;                    /* between the marks of ECHOPRT */
    bool is_waiting;                    /* somebody waits for a first byte, since then */
    uint64_t waiting_since_ns;
    uint64_t typed_ns; /* when the last byte came */

    /* Output, likewise. */
    uint8_t output[LINE_OUTPUT_BYTES];
    uint32_t output_tail, output_head;
    uint32_t column, line_column; /* where the cursor is, and where the line under way began */
    bool is_stopped;

    /* A signal for the foreground group. */
    void (*signal)(struct line *line, enum tty_signal signal);
};

/* As a terminal is when nobody has set anything. */
void line_init(struct line *line);
void line_set_attributes(struct line *line, const struct tty_attributes *attributes);

/* ---- line.c: what is typed ---- */

/* Takes bytes as they were typed; returns how many: the others when somebody has read. */
size_t line_receive(struct line *line, const uint8_t *bytes, size_t length, uint64_t now_ns);
/* Whether it takes another one now. */
bool line_has_room(const struct line *line);
void line_flush_input(struct line *line);

/* ---- line_read.c: what is read ---- */

enum line_patience { LINE_WAITS, LINE_DOES_NOT_WAIT };

/* A read that has something to return took what stood behind `tail`; this puts it back. Requires: nothing came since. */
struct line_mark {
    uint32_t tail, line_end;
};
static inline struct line_mark line_mark(const struct line *line)
{
    return (struct line_mark){line->tail, line->line_end};
}
static inline void line_put_back(struct line *line, struct line_mark mark)
{
    line->tail = mark.tail;
    line->line_end = mark.line_end;
}

/* Whether a read has something to return, be it nothing because of an end of file or of VTIME; then that is taken:
 * *count bytes, which have been written to `bytes`. */
bool line_read(struct line *line, uint8_t *bytes, size_t length, size_t *count, enum line_patience patience,
               uint64_t now_ns);
bool line_is_readable(const struct line *line);
size_t line_readable_bytes(const struct line *line);
/* When a read that waits has something to return because of VTIME; UINT64_MAX: never. */
uint64_t line_deadline(const struct line *line);

/* ---- line_output.c: what is shown ---- */

/* Takes bytes of a program; returns how many there was room for. */
size_t line_write(struct line *line, const uint8_t *bytes, size_t length);
/* Room for at least one byte of a program. */
bool line_is_writable(const struct line *line);
/* The next bytes to be shown. */
size_t line_take_output(struct line *line, uint8_t *bytes, size_t most);
bool line_has_output(const struct line *line);
void line_flush_output(struct line *line);
void line_stop(struct line *line);
void line_start(struct line *line);

/* Shows a byte as a program's; as it is; as what was typed: a control character as ^X. What there is no room for is left
 * out. */
void line_show(struct line *line, uint8_t byte);
void line_show_raw(struct line *line, uint8_t byte);
void line_echo(struct line *line, uint8_t byte);
/* The cursor counts as one column further left. */
void line_move_back(struct line *line);
/* Goes back over a tab, behind so many columns since the line's beginning or, if that is known, since the tab before. */
void line_erase_tab(struct line *line, uint32_t columns, bool since_tab);

/* ---- for these files ---- */

static inline bool line_has_local(const struct line *line, uint32_t flags)
{
    return (line->attributes.lflag & flags) != 0;
}

static inline bool line_has_input(const struct line *line, uint32_t flags)
{
    return (line->attributes.iflag & flags) != 0;
}

static inline bool line_is_canonical(const struct line *line)
{
    return line_has_local(line, TTY_ICANON) && !line_has_local(line, TTY_EXTPROC);
}

static inline uint8_t *line_input_at(struct line *line, uint32_t position)
{
    return &line->input[position % LINE_INPUT_BYTES];
}

static inline bool line_ends_at(const struct line *line, uint32_t position)
{
    return (line->ends[position % LINE_INPUT_BYTES / 8] >> position % 8 & 1) != 0;
}

static inline void line_set_end(struct line *line, uint32_t position, bool is_end)
{
    uint8_t *bits = &line->ends[position % LINE_INPUT_BYTES / 8];

    *bits = (uint8_t)((*bits & ~(1U << position % 8)) | (unsigned)is_end << position % 8);
}

static inline bool line_is_control(uint8_t byte)
{
    return byte < ' ' || byte == 0x7f;
}

/* Whether it goes on a character of UTF-8, if the terminal knows of that. */
static inline bool line_is_continuation(const struct line *line, uint8_t byte)
{
    return line_has_input(line, TTY_IUTF8) && (byte & 0xc0) == 0x80;
}

#endif
