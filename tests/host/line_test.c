/* SPDX-License-Identifier: MIT */
/*
 * The terminal's line discipline. Most of it is compared with the pseudo-terminal of the machine that runs the tests: both
 * get the same attributes and bytes, and must show the same and give readers the same.
 */
#include "../../services/terminal/line.c"
#include "../../services/terminal/line_output.c"
#include "../../services/terminal/line_read.c"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 2000
#define SETTLING_MS 3
#define SECOND_NS UINT64_C(1000000000)

static struct line line;
static enum tty_signal last_signal;

static void note_signal(struct line *from, enum tty_signal signal)
{
    assert_ptr_equal(from, &line);
    last_signal = signal;
}

static int begin(void **state)
{
    (void)state;
    line_init(&line);
    line.signal = note_signal;
    last_signal = 0;
    return 0;
}

static void type(const char *text)
{
    assert_int_equal(line_receive(&line, (const uint8_t *)text, strlen(text), 0), strlen(text));
}

static void assert_shown(const char *text)
{
    uint8_t bytes[LINE_OUTPUT_BYTES];
    const size_t count = line_take_output(&line, bytes, sizeof(bytes));

    assert_int_equal(count, strlen(text));
    assert_memory_equal(bytes, text, count);
}

static void assert_reads(size_t length, const char *text)
{
    uint8_t bytes[LINE_INPUT_BYTES];
    size_t count = 0;

    assert_true(line_read(&line, bytes, length, &count, LINE_WAITS, 0));
    assert_int_equal(count, strlen(text));
    assert_memory_equal(bytes, text, count);
}

static void assert_waits(uint64_t now_ns)
{
    uint8_t bytes[10];
    size_t count;

    assert_false(line_read(&line, bytes, sizeof(bytes), &count, LINE_WAITS, now_ns));
}

/* ---- by itself ---- */

static void lines(void **state)
{
    (void)state;
    type("hallo\x7f\x7f\x7f"
         "ello");
    assert_waits(0);
    assert_false(line_is_readable(&line));
    type("\rmore\n");
    assert_true(line_is_readable(&line));
    assert_int_equal(line_readable_bytes(&line), 12);
    assert_reads(100, "haello\n");
    assert_reads(2, "mo");
    assert_reads(100, "re\n");
    assert_shown("hallo\b \b\b \b\b \bello\r\nmore\r\n");
    type("again\n");
    {
        const struct line_mark mark = line_mark(&line);

        assert_reads(100, "again\n");
        line_put_back(&line, mark);
        assert_reads(2, "ag");
        assert_reads(100, "ain\n");
    }
    assert_shown("again\r\n");
    type("end\x04");
    assert_reads(3, "end");
    type("\x04");
    assert_int_equal(line_readable_bytes(&line), 0);
    assert_reads(10, "");
    assert_waits(0);
}

static void signals(void **state)
{
    (void)state;
    type("abc\x03");
    assert_int_equal(last_signal, TTY_SIGINT);
    assert_shown("^C");
    type("x\n");
    assert_reads(10, "x\n");
    type("\x1a");
    assert_int_equal(last_signal, TTY_SIGTSTP);
    type("\x1c");
    assert_int_equal(last_signal, TTY_SIGQUIT);
    last_signal = 0;
    type("\x16\x03\n");
    assert_int_equal(last_signal, 0);
    assert_reads(10, "\x03\n");
}

static void flow(void **state)
{
    (void)state;
    type("\x13");
    assert_int_equal(line_write(&line, (const uint8_t *)"a\n", 2), 2);
    assert_shown("");
    assert_true(line_has_output(&line));
    type("\x11");
    assert_shown("a\r\n");
}

/* Letters of ASCII only, where Linux goes by ISO 8859-1. */
static void cases_of_letters(void **state)
{
    struct tty_attributes attributes = line.attributes;

    (void)state;
    attributes.iflag |= TTY_IUCLC;
    attributes.oflag |= TTY_OLCUC;
    line_set_attributes(&line, &attributes);
    type("aBZ\xc4\n");
    assert_shown("ABZ\xc4\r\n");
    assert_reads(10, "abz\xc4\n");
}

static void set_raw(uint8_t least, uint8_t time)
{
    struct tty_attributes raw = {.cc = {[TTY_VMIN] = least, [TTY_VTIME] = time}};

    line_set_attributes(&line, &raw);
}

/* POSIX.1-2024, 11.1.7. */
static void times(void **state)
{
    (void)state;
    set_raw(3, 5); /* case A */
    assert_waits(0);
    assert_int_equal(line_deadline(&line), UINT64_MAX);
    line_receive(&line, (const uint8_t *)"a", 1, SECOND_NS);
    assert_int_equal(line_deadline(&line), SECOND_NS + 5 * TENTH_NS);
    assert_true(line_is_readable(&line));
    line.attributes.cc[TTY_VMIN] = 2;
    {
        uint8_t bytes[10];
        size_t count;

        assert_false(line_read(&line, bytes, 10, &count, LINE_WAITS, SECOND_NS + 5 * TENTH_NS - 1));
        assert_true(line_read(&line, bytes, 10, &count, LINE_WAITS, SECOND_NS + 5 * TENTH_NS));
        assert_int_equal(count, 1);
        set_raw(0, 5); /* case C */
        assert_false(line_read(&line, bytes, 10, &count, LINE_WAITS, SECOND_NS));
        assert_int_equal(line_deadline(&line), SECOND_NS + 5 * TENTH_NS);
        assert_false(line_read(&line, bytes, 10, &count, LINE_WAITS, SECOND_NS + 1));
        assert_true(line_read(&line, bytes, 10, &count, LINE_WAITS, 2 * SECOND_NS));
        assert_int_equal(count, 0);
        assert_int_equal(line_deadline(&line), UINT64_MAX);
    }
    set_raw(3, 0); /* case B */
    type("ab");
    assert_waits(0);
    assert_false(line_is_readable(&line));
    type("c");
    assert_true(line_is_readable(&line));
    assert_reads(10, "abc");
    set_raw(0, 0); /* case D */
    assert_reads(10, "");
}

/* What is too long goes on by its last byte; a whole line, or a byte of any in raw mode, is not lost. */
static void full(void **state)
{
    static uint8_t many[LINE_INPUT_BYTES + 100], bytes[LINE_INPUT_BYTES];
    size_t count;

    (void)state;
    memset(many, 'a', sizeof(many));
    assert_int_equal(line_receive(&line, many, sizeof(many), 0), sizeof(many));
    type("\n");
    assert_int_equal(line_receive(&line, many, 1, 0), 0);
    assert_true(line_read(&line, bytes, sizeof(bytes), &count, LINE_WAITS, 0));
    assert_int_equal(count, LINE_INPUT_BYTES);
    assert_int_equal(bytes[count - 1], '\n');
    set_raw(1, 0);
    assert_int_equal(line_receive(&line, many, sizeof(many), 0), LINE_INPUT_BYTES - 1);
    assert_int_equal(line_write(&line, many, 10), 10);
    assert_true(line_is_writable(&line));
    for (int i = 0; i < 10; i++)
        line_write(&line, many, sizeof(many));
    assert_false(line_is_writable(&line));
    assert_int_equal(line_write(&line, many, 1), 0);
}

/* ---- compared with Linux ---- */

static int master = -1, terminal = -1;

static int open_terminal(void **state)
{
    int number = -1, unlocked = 0;

    begin(state);
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) != 0)
        return 0;
    (void)number;
    terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK);
    return 0;
}

static int close_terminal(void **state)
{
    (void)state;
    close(master);
    close(terminal);
    return 0;
}

static void wait_for(int file, int milliseconds)
{
    struct pollfd poller = {.fd = file, .events = POLLIN};

    poll(&poller, 1, milliseconds);
}

static void print_bytes(const char *title, const uint8_t *bytes, size_t count)
{
    print_error("%s", title);
    for (size_t i = 0; i < count; i++)
        print_error(bytes[i] >= ' ' && bytes[i] <= '~' ? "%c" : "\\x%02x", bytes[i]);
    print_error("\n");
}

static void fail_different(const char *where, const uint8_t *ours, size_t our_count, const uint8_t *theirs,
                           size_t their_count)
{
    print_bytes("here:     ", ours, our_count);
    print_bytes("on Linux: ", theirs, their_count);
    fail_msg("%s (LINE_SEED repeats it)", where);
}

/* What has come out of the pseudo-terminal is what the line discipline shows; nothing more. */
static void compare_shown(const char *where)
{
    uint8_t ours[LINE_OUTPUT_BYTES], theirs[LINE_OUTPUT_BYTES];
    const size_t wanted = line_take_output(&line, ours, sizeof(ours));
    size_t count = 0;
    ssize_t got = 1;

    while (count < wanted && got > 0) {
        wait_for(master, PATIENCE_MS);
        got = read(master, theirs + count, sizeof(theirs) - count);
        count += got > 0 ? (size_t)got : 0;
    }
    if (count != wanted || memcmp(ours, theirs, count) != 0)
        fail_different(where, ours, wanted, theirs, count);
}

static void compare_silence(const char *where)
{
    uint8_t byte;

    wait_for(master, SETTLING_MS);
    if (read(master, &byte, 1) == 1)
        fail_msg("%s: on Linux 0x%x is shown also", where, byte);
}

static void compare_read(size_t length)
{
    uint8_t ours[LINE_INPUT_BYTES], theirs[LINE_INPUT_BYTES];
    size_t count = 0;
    const bool is_there = line_read(&line, ours, length, &count, LINE_DOES_NOT_WAIT, 0);
    ssize_t got;

    if (is_there && count > 0)
        wait_for(terminal, PATIENCE_MS);
    got = read(terminal, theirs, length);
    if (!is_there) {
        assert_int_equal(got, -1);
        assert_int_equal(errno, EAGAIN);
        return;
    }
    if (got != (ssize_t)count || memcmp(ours, theirs, count) != 0)
        fail_different("read", ours, count, theirs, got < 0 ? 0 : (size_t)got);
}

static void compare_count(void)
{
    int theirs = -1;

    assert_int_equal(ioctl(terminal, FIONREAD, &theirs), 0);
    assert_int_equal(theirs, line_readable_bytes(&line));
}

static void type_both(const uint8_t *bytes, size_t length)
{
    assert_int_equal(write(master, bytes, length), length);
    assert_int_equal(line_receive(&line, bytes, length, 0), length);
}

static void set_both(const struct tty_attributes *attributes)
{
    assert_int_equal(ioctl(terminal, TCSETS, attributes), 0);
    line_set_attributes(&line, attributes);
}

static uint32_t pick(uint32_t below)
{
    return (uint32_t)rand() % below;
}

static void set_random(void)
{
    static const uint32_t input[] = {TTY_PARMRK, TTY_ISTRIP, TTY_INLCR, TTY_IGNCR,
                                     TTY_ICRNL,  TTY_IXON,   TTY_IXANY, TTY_IUTF8};
    static const uint32_t output[] = {TTY_OPOST, TTY_ONLCR, TTY_OCRNL, TTY_ONOCR, TTY_ONLRET, TTY_XTABS};
    static const uint32_t local[] = {TTY_ISIG,   TTY_ICANON,  TTY_ECHO,    TTY_ECHOE,  TTY_ECHOK, TTY_ECHONL,
                                     TTY_NOFLSH, TTY_ECHOCTL, TTY_ECHOPRT, TTY_ECHOKE, TTY_IEXTEN};
    struct line usual;
    struct tty_attributes attributes;

    line_init(&usual);
    attributes = usual.attributes;
    for (uint32_t changes = pick(6); changes > 0; changes--) {
        attributes.iflag ^= input[pick(sizeof(input) / sizeof(input[0]))];
        attributes.oflag ^= output[pick(sizeof(output) / sizeof(output[0]))];
        attributes.lflag ^= local[pick(sizeof(local) / sizeof(local[0]))];
    }
    if (pick(4) == 0)
        attributes.cc[TTY_VEOL] = 'x';
    if (pick(4) == 0)
        attributes.cc[TTY_VEOL2] = 0xff;
    if (pick(4) == 0)
        attributes.cc[TTY_VMIN] = (uint8_t)pick(4);
    if (pick(8) == 0)
        attributes.cc[TTY_VERASE] = 0;
    set_both(&attributes);
}

static bool is_for_signal_or_flow(uint8_t byte)
{
    byte &= 0x7f;
    return byte == CONTROL('C') || byte == CONTROL('Z') || byte == CONTROL('\\') || byte == CONTROL('S') ||
           byte == CONTROL('Q');
}

/* Linux flushes at a signal what its workers have not handed over yet: it is typed alone, and not while echoes are held
 * back, whose columns then count for nothing there. */
static void type_random(void)
{
    static const char bytes[] =
        "aaaaBbxyz_ 09\t\t\n\n\r\x04\x04\x7f\x7f\x7f\x15\x17\x17\x16\x12\x03\x1a\x1c\x13\x11\b\x01\xff\xc3\xa4"
        "\xe2\x82\xac\xa4\x1b\x80";
    uint8_t text[24];
    size_t length = 1 + pick(sizeof(text));

    for (size_t i = 0; i < length; i++) {
        text[i] = (uint8_t)bytes[pick(sizeof(bytes))];
        if (is_for_signal_or_flow(text[i])) {
            text[0] = line.is_stopped ? CONTROL('Q') : text[i];
            length = 1;
        }
    }
    type_both(text, length);
}

static void write_random(void)
{
    static const char bytes[] = "abcAB\t\t\n\n\r\b\x01\x7f\xc3\xa4\xff ";
    uint8_t text[24];
    const size_t length = 1 + pick(sizeof(text));

    if (line.is_stopped)
        return;
    for (size_t i = 0; i < length; i++)
        text[i] = (uint8_t)bytes[pick(sizeof(bytes))];
    assert_int_equal(write(terminal, text, length), length);
    assert_int_equal(line_write(&line, text, length), length);
}

static void play(unsigned seed)
{
    char where[64];

    srand(seed);
    line_flush_input(&line);
    set_random();
    for (unsigned step = 0; step < 30; step++) {
        snprintf(where, sizeof(where), "seed %u, step %u", seed, step);
        switch (pick(8)) {
        case 0:
            compare_silence(where); /* what was typed has been taken, here and below */
            if (!line.is_stopped)   /* what is held back Linux shows by the flags of when it goes on */
                set_random();
            break;
        case 1:
            compare_silence(where);
            write_random();
            break;
        case 2:
        case 3:
            compare_silence(where);
            compare_read(1 + pick(40));
            break;
        default:
            type_random();
            break;
        }
        compare_shown(where);
    }
    compare_silence(where);
    compare_count();
}

static void as_on_linux(void **state)
{
    const char *seed = getenv("LINE_SEED");

    if (terminal < 0)
        skip();
    for (unsigned i = seed == NULL ? 0 : (unsigned)atoi(seed); i < (seed == NULL ? 60U : (unsigned)atoi(seed) + 1);
         i++) {
        play(i);
        close_terminal(state);
        open_terminal(state);
    }
}

/* ---- hostile ---- */

/* No attributes and bytes make it leave its memory: the sanitizers watch. */
static void any_attributes(void **state)
{
    (void)state;
    srand(7);
    for (unsigned turn = 0; turn < 20000; turn++) {
        struct tty_attributes attributes;
        uint8_t bytes[64];
        size_t count;

        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)pick(pick(2) == 0 ? 256 : 32);
        if (turn % 16 == 0) {
            attributes = (struct tty_attributes){pick(0x8000), pick(0x2000), 0, pick(0x20000), 0, {0}};
            memcpy(attributes.cc, bytes, sizeof(attributes.cc));
            line_set_attributes(&line, &attributes);
        }
        line_receive(&line, bytes, pick(sizeof(bytes)), turn);
        line_write(&line, bytes, pick(sizeof(bytes)));
        assert_true(line.head - line.tail <= LINE_INPUT_BYTES);
        assert_true(line.line_end - line.tail <= line.head - line.tail);
        assert_true(line.output_head - line.output_tail <= LINE_OUTPUT_BYTES);
        if (pick(3) == 0)
            line_read(&line, bytes, 1 + pick(sizeof(bytes)), &count, pick(2), turn);
        if (pick(3) == 0)
            line_take_output(&line, bytes, sizeof(bytes));
        assert_true(line_readable_bytes(&line) <= LINE_INPUT_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lines, begin),
        cmocka_unit_test_setup(signals, begin),
        cmocka_unit_test_setup(flow, begin),
        cmocka_unit_test_setup(cases_of_letters, begin),
        cmocka_unit_test_setup(times, begin),
        cmocka_unit_test_setup(full, begin),
        cmocka_unit_test_setup(any_attributes, begin),
        cmocka_unit_test_setup_teardown(as_on_linux, open_terminal, close_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
