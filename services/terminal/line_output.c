/* SPDX-License-Identifier: MIT */
/* The line discipline's output: what becomes of bytes on their way to the screen, and where the cursor is then. */
#include "line.h"

#define TAB 8
/* The most that one byte becomes. */
#define EXPANDED_BYTES TAB

static uint32_t room(const struct line *line)
{
    return LINE_OUTPUT_BYTES - (line->output_head - line->output_tail);
}

void line_show_raw(struct line *line, uint8_t byte)
{
    if (room(line) != 0)
        line->output[line->output_head++ % LINE_OUTPUT_BYTES] = byte;
}

void line_move_back(struct line *line)
{
    if (line->column > 0)
        line->column--;
}

static bool has_output(const struct line *line, uint32_t flags)
{
    return (line->attributes.oflag & flags) != 0;
}

static void show_newline(struct line *line)
{
    if (has_output(line, TTY_ONLRET))
        line->column = 0;
    if (has_output(line, TTY_ONLCR)) {
        line->column = 0;
        line_show_raw(line, '\r');
    }
    line->line_column = line->column;
    line_show_raw(line, '\n');
}

static void show_return(struct line *line)
{
    const bool becomes_newline = has_output(line, TTY_OCRNL);

    if (has_output(line, TTY_ONOCR) && line->column == 0)
        return;
    if (!becomes_newline || has_output(line, TTY_ONLRET))
        line->column = line->line_column = 0;
    line_show_raw(line, becomes_newline ? '\n' : '\r');
}

static void show_tab(struct line *line)
{
    const uint32_t spaces = TAB - line->column % TAB;

    line->column += spaces;
    if ((line->attributes.oflag & TTY_TABDLY) != TTY_XTABS) {
        line_show_raw(line, '\t');
        return;
    }
    for (uint32_t i = 0; i < spaces; i++)
        line_show_raw(line, ' ');
}

static void show_other(struct line *line, uint8_t byte)
{
    if (!line_is_control(byte)) {
        if (has_output(line, TTY_OLCUC) && byte >= 'a' && byte <= 'z')
            byte = (uint8_t)(byte - 'a' + 'A');
        if (!line_is_continuation(line, byte))
            line->column++;
    }
    line_show_raw(line, byte);
}

void line_show(struct line *line, uint8_t byte)
{
    if (!has_output(line, TTY_OPOST)) {
        line_show_raw(line, byte);
        return;
    }
    switch (byte) {
    case '\n':
        show_newline(line);
        break;
    case '\r':
        show_return(line);
        break;
    case '\t':
        show_tab(line);
        break;
    case '\b':
        line_move_back(line);
        line_show_raw(line, byte);
        break;
    default:
        show_other(line, byte);
    }
}

void line_echo(struct line *line, uint8_t byte)
{
    if (line_has_local(line, TTY_ECHOCTL) && line_is_control(byte) && byte != '\t') {
        line_show_raw(line, '^');
        line_show_raw(line, byte ^ 0x40);
        line->column += 2;
    } else if (byte == 0xff) { /* a column even without OPOST, on Linux */
        line_show_raw(line, byte);
        line->column++;
    } else {
        line_show(line, byte);
    }
}

void line_erase_tab(struct line *line, uint32_t columns, bool since_tab)
{
    const uint32_t from = since_tab ? columns : columns + line->line_column;

    for (uint32_t back = TAB - from % TAB; back > 0; back--) {
        line_show_raw(line, '\b');
        line_move_back(line);
    }
}

size_t line_write(struct line *line, const uint8_t *bytes, size_t length)
{
    size_t done = 0;

    while (done < length && line_is_writable(line))
        line_show(line, bytes[done++]);
    return done;
}

bool line_is_writable(const struct line *line)
{
    return room(line) >= LINE_ECHO_BYTES + EXPANDED_BYTES;
}

bool line_has_output(const struct line *line)
{
    return line->output_head != line->output_tail;
}

size_t line_take_output(struct line *line, uint8_t *bytes, size_t most)
{
    size_t taken = 0;

    while (taken < most && !line->is_stopped && line_has_output(line))
        bytes[taken++] = line->output[line->output_tail++ % LINE_OUTPUT_BYTES];
    return taken;
}

void line_flush_output(struct line *line)
{
    line->output_tail = line->output_head;
}

void line_stop(struct line *line)
{
    line->is_stopped = true;
}

void line_start(struct line *line)
{
    line->is_stopped = false;
}
