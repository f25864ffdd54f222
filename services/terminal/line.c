/* SPDX-License-Identifier: MIT */
/* The line discipline's input: what each byte means that is typed, and what is echoed of it. */
#include "line.h"

#define DISABLED 0 /* a control character that is not to be */
#define DELETE 0x7f
#define CONTROL(letter) ((letter) - 'A' + 1)

void line_init(struct line *line)
{
    *line = (struct line){
        .attributes =
            {
                .iflag = TTY_ICRNL | TTY_IXON,
                .oflag = TTY_OPOST | TTY_ONLCR,
                .cflag = TTY_B38400 | TTY_CS8 | TTY_CREAD | TTY_HUPCL,
                .lflag =
                    TTY_ISIG | TTY_ICANON | TTY_ECHO | TTY_ECHOE | TTY_ECHOK | TTY_ECHOCTL | TTY_ECHOKE | TTY_IEXTEN,
                .cc = {[TTY_VINTR] = CONTROL('C'),
                       [TTY_VQUIT] = CONTROL('\\'),
                       [TTY_VERASE] = DELETE,
                       [TTY_VKILL] = CONTROL('U'),
                       [TTY_VEOF] = CONTROL('D'),
                       [TTY_VMIN] = 1,
                       [TTY_VSTART] = CONTROL('Q'),
                       [TTY_VSTOP] = CONTROL('S'),
                       [TTY_VSUSP] = CONTROL('Z'),
                       [TTY_VREPRINT] = CONTROL('R'),
                       [TTY_VREPRINT + 1] = CONTROL('O'),
                       [TTY_VWERASE] = CONTROL('W'),
                       [TTY_VLNEXT] = CONTROL('V')},
            },
    };
}

void line_set_attributes(struct line *line, const struct tty_attributes *attributes)
{
    const uint32_t changed = line->attributes.lflag ^ attributes->lflag;

    line->attributes = *attributes;
    if ((changed & (TTY_ICANON | TTY_EXTPROC)) != 0) {
        for (unsigned i = 0; i < sizeof(line->ends); i++)
            line->ends[i] = 0;
        line->line_end = line->tail;
        if (line_has_local(line, TTY_ICANON) && line->head != line->tail) { /* what is there counts as a line */
            line_set_end(line, line->head - 1, true);
            line->line_end = line->head;
        }
        line->is_erasing = line->is_literal = false;
    }
    line->is_waiting = false;
    if (!line_has_input(line, TTY_IXON))
        line_start(line);
}

void line_flush_input(struct line *line)
{
    for (unsigned i = 0; i < sizeof(line->ends); i++)
        line->ends[i] = 0;
    line->tail = line->line_end = line->head = 0;
    line->is_erasing = line->is_literal = false;
}

/* ---- taking bytes back ---- */

static void finish_erasing(struct line *line)
{
    if (line->is_erasing)
        line_show(line, '/');
    line->is_erasing = false;
}

/* As Linux has it: letters and digits of ISO 8859-1. */
static bool is_of_word(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           byte == '_' || (byte >= 0xc0 && byte != 0xd7 && byte != 0xf7);
}

/* The bytes from the line's new end on have gone: the erased character's first is `byte`. */
static void show_tab_erased(struct line *line)
{
    uint32_t columns = 0;
    bool since_tab = false;

    for (uint32_t position = line->head; position != line->line_end && !since_tab; position--) {
        const uint8_t byte = *line_input_at(line, position - 1);

        if (byte == '\t')
            since_tab = true;
        else if (line_is_control(byte))
            columns += line_has_local(line, TTY_ECHOCTL) ? 2 : 0;
        else if (!line_is_continuation(line, byte))
            columns++;
    }
    line_erase_tab(line, columns, since_tab);
}

static void show_blank_over(struct line *line)
{
    line_show(line, '\b');
    line_show(line, ' ');
    line_show(line, '\b');
}

/* Between `\` and `/` what was erased is shown again, on paper. */
static void show_erased_on_paper(struct line *line, uint8_t byte, uint32_t length)
{
    if (!line->is_erasing)
        line_show(line, '\\');
    line->is_erasing = true;
    line_echo(line, byte);
    for (uint32_t i = 1; i < length; i++) {
        line_show(line, *line_input_at(line, line->head + i));
        line_move_back(line);
    }
}

static void show_erased(struct line *line, uint8_t byte, uint32_t length, bool is_one)
{
    const bool shows_controls = line_has_local(line, TTY_ECHOCTL);

    if (!line_has_local(line, TTY_ECHO))
        return;
    if (line_has_local(line, TTY_ECHOPRT)) {
        show_erased_on_paper(line, byte, length);
    } else if (is_one && !line_has_local(line, TTY_ECHOE)) {
        line_echo(line, line->attributes.cc[TTY_VERASE]);
    } else if (byte == '\t') {
        show_tab_erased(line);
    } else {
        if (line_is_control(byte) && shows_controls)
            show_blank_over(line);
        if (!line_is_control(byte) || shows_controls)
            show_blank_over(line);
    }
}

/* Where the last character of the line under way begins; `head` if there is but a part of one. */
static uint32_t last_character(struct line *line)
{
    uint32_t position = line->head;

    do
        position--;
    while (line_is_continuation(line, *line_input_at(line, position)) && position != line->line_end);
    return line_is_continuation(line, *line_input_at(line, position)) ? line->head : position;
}

enum erasing { ERASE_ONE, ERASE_WORD, ERASE_ALL };

static void erase(struct line *line, enum erasing erasing)
{
    bool was_in_word = false;

    while (line->head != line->line_end) {
        const uint32_t position = last_character(line), length = line->head - position;
        const uint8_t byte = *line_input_at(line, position);

        if (length == 0)
            break;
        if (erasing == ERASE_WORD && was_in_word && !is_of_word(byte))
            break;
        was_in_word = was_in_word || is_of_word(byte);
        line->head = position;
        show_erased(line, byte, length, erasing == ERASE_ONE);
        if (erasing == ERASE_ONE)
            break;
    }
    if (line->head == line->line_end && line_has_local(line, TTY_ECHO))
        finish_erasing(line);
}

static void kill_line(struct line *line)
{
    const uint32_t all = TTY_ECHOK | TTY_ECHOKE | TTY_ECHOE;

    if (line->head == line->line_end)
        return;
    if (line_has_local(line, TTY_ECHO) && (line->attributes.lflag & all) == all) {
        erase(line, ERASE_ALL);
        return;
    }
    line->head = line->line_end;
    if (!line_has_local(line, TTY_ECHO))
        return;
    finish_erasing(line);
    line_echo(line, line->attributes.cc[TTY_VKILL]);
    if (line_has_local(line, TTY_ECHOK))
        line_show(line, '\n');
}

/* ---- what a byte means ---- */

static bool is(const struct line *line, uint8_t byte, enum tty_character character)
{
    return byte != DISABLED && line->attributes.cc[character] == byte;
}

static bool is_extended(const struct line *line, uint8_t byte, enum tty_character character)
{
    return line_has_local(line, TTY_IEXTEN) && is(line, byte, character);
}

static void put(struct line *line, uint8_t byte)
{
    line_set_end(line, line->head, false);
    *line_input_at(line, line->head++) = byte;
}

static void put_marked(struct line *line, uint8_t byte)
{
    if (line_has_input(line, TTY_PARMRK) && byte == 0xff)
        put(line, byte);
    put(line, byte);
}

static void note_column(struct line *line)
{
    if (line->line_end == line->head)
        line->line_column = line->column;
}

static void start_if_any_byte_does(struct line *line)
{
    if (line_has_input(line, TTY_IXON) && line_has_input(line, TTY_IXANY))
        line_start(line);
}

static void take_plain(struct line *line, uint8_t byte)
{
    if (line_has_local(line, TTY_ECHO)) {
        finish_erasing(line);
        note_column(line);
        line_echo(line, byte);
    }
    put_marked(line, byte);
}

static void end_line(struct line *line, uint8_t byte)
{
    put(line, byte);
    line_set_end(line, line->head - 1, true);
    line->line_end = line->head;
}

static bool take_signal(struct line *line, uint8_t byte)
{
    enum tty_signal signal;

    if (is(line, byte, TTY_VINTR))
        signal = TTY_SIGINT;
    else if (is(line, byte, TTY_VQUIT))
        signal = TTY_SIGQUIT;
    else if (is(line, byte, TTY_VSUSP))
        signal = TTY_SIGTSTP;
    else
        return false;
    if (!line_has_local(line, TTY_NOFLSH)) {
        line_flush_output(line);
        line_flush_input(line);
    }
    line->signal(line, signal);
    if (line_has_input(line, TTY_IXON))
        line_start(line);
    if (line_has_local(line, TTY_ECHO))
        line_echo(line, byte);
    return true;
}

static void take_literal_next(struct line *line)
{
    line->is_literal = true;
    if (!line_has_local(line, TTY_ECHO))
        return;
    finish_erasing(line);
    if (line_has_local(line, TTY_ECHOCTL)) {
        line_show(line, '^');
        line_show(line, '\b');
    }
}

static void show_again(struct line *line, uint8_t byte)
{
    finish_erasing(line);
    line_echo(line, byte);
    line_show(line, '\n');
    for (uint32_t position = line->line_end; position != line->head; position++)
        line_echo(line, *line_input_at(line, position));
}

static bool take_editing(struct line *line, uint8_t byte)
{
    if (is(line, byte, TTY_VERASE))
        erase(line, ERASE_ONE);
    else if (is(line, byte, TTY_VKILL))
        kill_line(line);
    else if (is_extended(line, byte, TTY_VWERASE))
        erase(line, ERASE_WORD);
    else if (is_extended(line, byte, TTY_VLNEXT))
        take_literal_next(line);
    else if (is_extended(line, byte, TTY_VREPRINT) && line_has_local(line, TTY_ECHO))
        show_again(line, byte);
    else
        return false;
    return true;
}

static bool take_end_of_line(struct line *line, uint8_t byte)
{
    if (byte == '\n') {
        if (line_has_local(line, TTY_ECHO | TTY_ECHONL))
            line_show(line, '\n');
        end_line(line, byte);
    } else if (is(line, byte, TTY_VEOF)) {
        end_line(line, DISABLED);
    } else if (is(line, byte, TTY_VEOL) || is_extended(line, byte, TTY_VEOL2)) {
        if (line_has_local(line, TTY_ECHO)) {
            note_column(line);
            line_echo(line, byte);
        }
        if (line_has_input(line, TTY_PARMRK) && byte == 0xff)
            put(line, byte);
        end_line(line, byte);
    } else {
        return false;
    }
    return true;
}

/* A return or newline that became the other, or that meant nothing. */
static void take_line_break(struct line *line, uint8_t byte)
{
    if (line_has_local(line, TTY_ECHO)) {
        finish_erasing(line);
        if (byte == '\n') {
            line_show(line, '\n');
        } else {
            note_column(line);
            line_echo(line, byte);
        }
    }
    put_marked(line, byte);
}

static void take_special_or_plain(struct line *line, uint8_t byte)
{
    bool is_break = false;

    if (line_has_input(line, TTY_IXON) && (is(line, byte, TTY_VSTART) || is(line, byte, TTY_VSTOP))) {
        line->is_stopped = !is(line, byte, TTY_VSTART);
        return;
    }
    if (line_has_local(line, TTY_ISIG) && take_signal(line, byte))
        return;
    start_if_any_byte_does(line);
    if (byte == '\r' && line_has_input(line, TTY_IGNCR | TTY_ICRNL)) {
        if (line_has_input(line, TTY_IGNCR))
            return;
        byte = '\n';
        is_break = true;
    } else if (byte == '\n' && line_has_input(line, TTY_INLCR)) {
        byte = '\r';
        is_break = true;
    }
    if (line_has_local(line, TTY_ICANON) && (take_editing(line, byte) || take_end_of_line(line, byte)))
        return;
    if (is_break)
        take_line_break(line, byte);
    else
        take_plain(line, byte);
}

static void take(struct line *line, uint8_t byte)
{
    const bool is_literal = line->is_literal;

    line->is_literal = false;
    if (line_has_input(line, TTY_ISTRIP))
        byte &= 0x7f;
    if (line_has_input(line, TTY_IUCLC) && line_has_local(line, TTY_IEXTEN) && byte >= 'A' && byte <= 'Z')
        byte = (uint8_t)(byte - 'A' + 'a');
    if (is_literal) {
        start_if_any_byte_does(line);
        take_plain(line, byte);
    } else if (line_has_local(line, TTY_EXTPROC)) {
        put(line, byte);
    } else {
        take_special_or_plain(line, byte);
    }
}

/* A line that is as long as there is room goes on by its last byte, so that it can be ended. */
bool line_has_room(const struct line *line)
{
    const uint32_t there = line->head - line->tail;
    const uint32_t room = (LINE_INPUT_BYTES - there) / (line_has_input(line, TTY_PARMRK) ? 3 : 1);

    return room > 1 || (line_has_local(line, TTY_ICANON) && line->line_end == line->tail);
}

static void make_room(struct line *line)
{
    const uint32_t most = LINE_INPUT_BYTES - (line_has_input(line, TTY_PARMRK) ? 2 : 1);

    if (line->head - line->tail > most)
        line->head = line->tail + most;
}

size_t line_receive(struct line *line, const uint8_t *bytes, size_t length, uint64_t now_ns)
{
    size_t taken = 0;

    while (taken < length && line_has_room(line)) {
        make_room(line);
        take(line, bytes[taken++]);
    }
    if (taken > 0)
        line->typed_ns = now_ns;
    return taken;
}
