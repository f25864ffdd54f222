/* SPDX-License-Identifier: MIT */
/* The line discipline's readers: whole lines, or as many bytes as VMIN and VTIME say. */
#include "line.h"

#define TENTH_NS UINT64_C(100000000)

static uint64_t time_ns(const struct line *line)
{
    return line->attributes.cc[TTY_VTIME] * TENTH_NS;
}

/* An end of file is a zero byte that ends a line; it is read by nobody. */
static bool is_end_of_file(const struct line *line, uint32_t position)
{
    return line_ends_at(line, position) && line->input[position % LINE_INPUT_BYTES] == '\0';
}

bool line_is_readable(const struct line *line)
{
    const uint32_t least = line->attributes.cc[TTY_VMIN];

    if (line_is_canonical(line))
        return line->line_end != line->tail;
    return line->head - line->tail >= (time_ns(line) != 0 || least == 0 ? 1 : least);
}

size_t line_readable_bytes(const struct line *line)
{
    size_t count = 0;

    if (!line_is_canonical(line))
        return line->head - line->tail;
    for (uint32_t position = line->tail; position != line->line_end; position++)
        count += !is_end_of_file(line, position);
    return count;
}

/* Up to the end of a line; if just that is left, an end of file goes with what stands before it. */
static size_t read_line(struct line *line, uint8_t *bytes, size_t length)
{
    size_t count = 0;
    bool is_at_end = false;

    while (count < length && line->tail != line->line_end && !is_at_end) {
        is_at_end = line_ends_at(line, line->tail);
        if (!is_end_of_file(line, line->tail))
            bytes[count++] = *line_input_at(line, line->tail);
        line->tail++;
    }
    if (!is_at_end && line->tail != line->line_end && is_end_of_file(line, line->tail))
        line->tail++;
    return count;
}

static size_t read_bytes(struct line *line, uint8_t *bytes, size_t length)
{
    size_t count = 0;

    while (count < length && line->tail != line->head)
        bytes[count++] = *line_input_at(line, line->tail++);
    line->line_end = line->tail;
    return count;
}

/* POSIX.1-2024, 11.1.7: cases A to D. */
static bool is_enough(struct line *line, size_t length, enum line_patience patience, uint64_t now_ns)
{
    const uint32_t there = line->head - line->tail, least = line->attributes.cc[TTY_VMIN];

    if (there >= length || (there > 0 && (least == 0 || patience == LINE_DOES_NOT_WAIT)) ||
        (least > 0 && there >= least))
        return true;
    if (least == 0 && time_ns(line) == 0)
        return true;
    if (patience == LINE_DOES_NOT_WAIT)
        return false;
    if (!line->is_waiting) {
        line->is_waiting = true;
        line->waiting_since_ns = now_ns;
    }
    return now_ns >= line_deadline(line);
}

uint64_t line_deadline(const struct line *line)
{
    if (!line->is_waiting || line_is_canonical(line) || time_ns(line) == 0)
        return UINT64_MAX;
    if (line->attributes.cc[TTY_VMIN] == 0)
        return line->waiting_since_ns + time_ns(line);
    if (line->head == line->tail)
        return UINT64_MAX;
    /* What was there before the read began counts from then. */
    return (line->typed_ns > line->waiting_since_ns ? line->typed_ns : line->waiting_since_ns) + time_ns(line);
}

bool line_read(struct line *line, uint8_t *bytes, size_t length, size_t *count, enum line_patience patience,
               uint64_t now_ns)
{
    if (line_is_canonical(line)) {
        if (line->line_end == line->tail)
            return false;
        *count = read_line(line, bytes, length);
        return true;
    }
    if (!is_enough(line, length, patience, now_ns))
        return false;
    line->is_waiting = false;
    *count = read_bytes(line, bytes, length);
    return true;
}
