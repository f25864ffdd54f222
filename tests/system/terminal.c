/* SPDX-License-Identifier: MIT */
/*
 * The terminal service. The test is its driver, its clients and, for the signals it sends, the process service. With a word
 * it reads what terminal_cases.py types at the machine's console.
 */
#include "served.h"

#include <winkle/pages.h>
#include <winkle/periodic.h>
#include <winkle/posix_service.h>
#include <winkle/serve.h>
#include <winkle/terminal.h>
#include <winkle/threads.h>

#define BANK_PAGES 512
#define PATIENCE_NS (20 * WK_NS_PER_SECOND)
#define GROUP 7
#define OTHER_GROUP 8
#define SESSION 5
#define WHEN(when, group, waiter) ((uint64_t)(when) | (uint64_t)(group) << 8 | (waiter) << 32)

static struct served terminal;
static wk_handle line, line_event;

/* ---- the process service, as far as the terminal calls it ---- */

static uint64_t signals; /* bits of those that came for GROUP */
static struct wk_service posix;

static enum wk_status signal_group(struct wk_message *message, const struct wk_posix_signal_group_in *in)
{
    (void)message;
    EQUAL(GROUP, in->group);
    __atomic_fetch_or(&signals, UINT64_C(1) << in->signal, __ATOMIC_SEQ_CST);
    return WK_OK;
}

static void handle(struct wk_service *service, const struct wk_message *message, struct wk_answer *answer)
{
    static const struct wk_posix_handlers handlers = {.signal_group = signal_group};
    struct wk_message copy = *message;

    (void)service;
    wk_posix_dispatch(&handlers, &copy, answer);
}

static void serve_posix(void *argument)
{
    (void)argument;
    EXPECT(WK_OK, wk_serve_passively(&posix));
}

static void start(void)
{
    static struct wk_thread thread;
    uint64_t words[6] = {0};
    wk_handle session;

    posix.handle = handle;
    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &posix.endpoint));
    EXPECT(WK_OK, wk_endpoint_mint(posix.endpoint, 0, 0, &session));
    EXPECT(WK_OK, wk_thread_run(&thread, serve_posix, NULL, 4, 150));
    EXPECT(WK_NO_SUCH_OPERATION, wk_call(session, WK_MESSAGE_OPERATION, words, WK_NO_DEADLINE));
    served_prepare(&terminal, BANK_PAGES);
    actor_lend(&terminal.actor, "posix", session, WK_SESSION_RIGHT_CALL);
    served_run(&terminal, "terminal");
}

/* ---- clients ---- */

struct waiting {
    wk_handle event, keeper;
    uint64_t number;
};

static struct waiting make_waiter(void)
{
    struct waiting waiting = {0};
    wk_handle part;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &waiting.event));
    EXPECT(WK_OK, wk_capability_dup(waiting.event, WK_EVENT_RIGHT_SIGNAL, &part));
    EXPECT(WK_OK, wk_terminal_enlist(terminal.root, part, 1, &waiting.keeper, &waiting.number));
    CHECK(waiting.number != 0 && waiting.keeper != 0);
    return waiting;
}

static void drop_waiter(const struct waiting *waiting)
{
    EXPECT(WK_OK, wk_capability_delete(waiting->keeper));
    EXPECT(WK_OK, wk_capability_delete(waiting->event));
}

static void is_told(const struct waiting *waiting)
{
    uint64_t bits;

    EXPECT(WK_OK, wk_event_wait(waiting->event, 1, wk_after_ns(PATIENCE_NS), &bits));
}

static void is_not_told(const struct waiting *waiting)
{
    uint64_t bits;

    EXPECT(WK_WOULD_BLOCK, wk_event_poll(waiting->event, 1, &bits));
}

static enum wk_status try_read(uint64_t length, uint64_t waiter, uint64_t group, char text[41])
{
    uint64_t words[6] = {0}, count = 0;
    const enum wk_status status = wk_terminal_read_short(terminal.root, length, waiter, group, &count, &words[0],
                                                         &words[1], &words[2], &words[3], &words[4]);

    memcpy(text, words, 40);
    text[status == WK_OK ? count : 0] = '\0';
    return status;
}

static void reads(uint64_t length, const char *wanted)
{
    char text[41];

    EXPECT(WK_OK, try_read(length, 0, 0, text));
    if (strcmp(text, wanted) != 0)
        wk_print("read: %s\n", text);
    CHECK(strcmp(text, wanted) == 0);
}

static enum wk_status try_write(const char *text, uint64_t group)
{
    uint64_t words[5] = {0}, count = 0;
    const uint64_t length = strlen(text);
    enum wk_status status;

    memcpy(words, text, length);
    status = wk_terminal_write_short(terminal.root, length | group << 8, words[0], words[1], words[2], words[3],
                                     words[4], &count);
    if (status == WK_OK)
        EQUAL(length, count);
    return status;
}

/* ---- the driver ---- */

/* The service has time for what it was told. */
static void pause(void)
{
    EXPECT(WK_OK, wk_sleep_until(wk_after_ns(1000000)));
}

static enum wk_status try_connect(wk_handle *handle)
{
    wk_handle part;

    EXPECT(WK_OK, wk_capability_dup(line_event, WK_EVENT_RIGHT_SIGNAL, &part));
    return wk_terminal_connect_line(terminal.root, part, 1, handle);
}

/* Once the end of the driver before has been told. */
static void connect(void)
{
    wk_handle other;
    enum wk_status status;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &line_event));
    while ((status = try_connect(&line)) == WK_BUSY)
        pause();
    EXPECT(WK_OK, status);
    EXPECT(WK_BUSY, try_connect(&other));
}

static uint64_t type(const char *text)
{
    uint64_t words[5] = {0}, count = 0;

    memcpy(words, text, strlen(text));
    EXPECT(WK_OK,
           wk_terminal_put_received(line, strlen(text), words[0], words[1], words[2], words[3], words[4], &count));
    return count;
}

/* Takes all that is to be sent, as a driver does that was told. */
static void take_all(char text[200])
{
    uint64_t words[6] = {0}, count = 0, done = 0;

    do {
        EXPECT(WK_OK,
               wk_terminal_take_to_send(line, 40, &count, &words[0], &words[1], &words[2], &words[3], &words[4]));
        memcpy(text + done, words, count);
        done += count;
    } while (count != 0);
    text[done] = '\0';
}

/* The line is told, and finds that to send. */
static void sends(const char *wanted)
{
    uint64_t bits;
    char text[200];

    EXPECT(WK_OK, wk_event_wait(line_event, 1, wk_after_ns(PATIENCE_NS), &bits));
    take_all(text);
    if (strcmp(text, wanted) != 0)
        wk_print("sent: %s\n", text);
    CHECK(strcmp(text, wanted) == 0);
    EXPECT(WK_WOULD_BLOCK, wk_event_poll(line_event, 1, &bits));
}

/* ---- what is tested ---- */

static void lines(void)
{
    struct waiting waiting = make_waiter();
    char text[41];
    uint64_t ready, input, output, count;

    EXPECT(WK_WOULD_BLOCK, try_read(40, waiting.number, 0, text));
    EQUAL(3, type("he\x7f"));
    is_not_told(&waiting);
    sends("he\b \b");
    EQUAL(5, type("allo\r"));
    is_told(&waiting);
    sends("allo\r\n");
    EXPECT(WK_OK, wk_terminal_poll(terminal.root, WK_READINESS_READABLE, 0, &ready, &input, &output));
    EQUAL(WK_READINESS_READABLE | WK_READINESS_WRITABLE, ready);
    EQUAL(6, input);
    EQUAL(0, output);
    reads(3, "hal");
    reads(40, "lo\n");
    EXPECT(WK_WOULD_BLOCK, try_read(40, 0, 0, text));
    EXPECT(WK_OK, try_write("out\n", 0));
    EXPECT(WK_WOULD_BLOCK, wk_terminal_drain(terminal.root, waiting.number, 0));
    EXPECT(WK_OK, wk_terminal_poll(terminal.root, 0, 0, &ready, &input, &output));
    EQUAL(5, output);
    is_not_told(&waiting);
    sends("out\r\n");
    is_told(&waiting);
    EXPECT(WK_OK, wk_terminal_drain(terminal.root, 0, 0));
    EXPECT(WK_BAD_ARGUMENT, wk_terminal_write_short(terminal.root, 0, 0, 0, 0, 0, 0, &count));
    EXPECT(WK_BAD_ARGUMENT, wk_terminal_write_short(terminal.root, 41, 0, 0, 0, 0, 0, &count));
    drop_waiter(&waiting);
}

static void set_raw(uint64_t least, uint64_t tenths)
{
    /* struct termios: four words of flags, the line, then VMIN and VTIME are the 7th and 6th character */
    EXPECT(WK_OK, wk_terminal_set_attributes(terminal.root, WHEN(WK_TERMINAL_WHEN_FLUSHED, 0, UINT64_C(0)), 0, 0,
                                             tenths << 48 | least << 56, 0, 0));
}

static void modes(void)
{
    struct waiting waiting = make_waiter();
    uint64_t usual[5], words[5];
    char text[41];

    EXPECT(WK_OK, wk_terminal_attributes(terminal.root, &usual[0], &usual[1], &usual[2], &usual[3], &usual[4]));
    EQUAL(0x500 | UINT64_C(5) << 32, usual[0]);
    EXPECT(WK_BAD_ARGUMENT, wk_terminal_set_attributes(terminal.root, 3, 0, 0, 0, 0, 0));
    set_raw(2, 0);
    EXPECT(WK_OK, wk_terminal_attributes(terminal.root, &words[0], &words[1], &words[2], &words[3], &words[4]));
    EQUAL(UINT64_C(2) << 56, words[2]);
    EXPECT(WK_WOULD_BLOCK, try_read(40, waiting.number, 0, text));
    EQUAL(1, type("a"));
    EXPECT(WK_WOULD_BLOCK, try_read(40, waiting.number, 0, text));
    is_not_told(&waiting);
    EQUAL(1, type("\x03"));
    is_told(&waiting);
    reads(40, "a\x03");
    set_raw(0, 1); /* a tenth of a second */
    EXPECT(WK_WOULD_BLOCK, try_read(40, waiting.number, 0, text));
    is_told(&waiting);
    EXPECT(WK_OK, try_read(40, waiting.number, 0, text));
    CHECK(text[0] == '\0');
    EXPECT(WK_OK, wk_terminal_set_attributes(terminal.root, 0, usual[0], usual[1], usual[2], usual[3], usual[4]));
    drop_waiter(&waiting);
}

static void memory(void)
{
    struct waiting waiting = make_waiter();
    wk_handle pages, part;
    void *address;
    char *bytes;
    uint64_t count;

    EXPECT(WK_OK, wk_map_new(2, 0, &pages, &address));
    bytes = address;
    for (unsigned i = 0; i < 8000; i++)
        bytes[i] = 'x';
    EXPECT(WK_OK, wk_terminal_write(terminal.root, pages, 100, 3, 0, 0, &count));
    EQUAL(3, count);
    sends("xxx");
    EXPECT(WK_BAD_ARGUMENT, wk_terminal_write(terminal.root, pages, 8190, 10, 0, 0, &count));
    EQUAL(5, type("word\n"));
    sends("word\r\n");
    EXPECT(WK_OK, wk_capability_lend(pages, WK_MEMORY_RIGHT_READ, &part));
    EXPECT(WK_NO_RIGHT, wk_terminal_read(terminal.root, part, 0, 100, 0, 0, &count)); /* and nothing is lost */
    EXPECT(WK_OK, wk_terminal_read(terminal.root, pages, 10, 100, 0, 0, &count));
    EQUAL(5, count);
    CHECK(memcmp(bytes + 10, "word\nx", 6) == 0);

    /* a flood, that nobody takes away */
    do
        count = 0;
    while (wk_terminal_write(terminal.root, pages, 0, 8000, waiting.number, 0, &count) == WK_OK);
    is_not_told(&waiting);
    EXPECT(WK_OK, wk_terminal_flush(terminal.root, WK_TERMINAL_QUEUES_OUTPUT, 0));
    is_told(&waiting);
    EXPECT(WK_OK, wk_capability_delete(part));
    wk_unmap_delete(pages, address, 2);
    drop_waiter(&waiting);
}

static void expect_signals(uint64_t wanted)
{
    EQUAL(wanted, __atomic_exchange_n(&signals, 0, __ATOMIC_SEQ_CST));
}

static void jobs(void)
{
    uint64_t group, session;
    char text[41];

    EQUAL(1, type("\x03"));
    expect_signals(0);
    EXPECT(WK_OK, wk_terminal_attach(terminal.root, SESSION, GROUP, 0));
    EXPECT(WK_BUSY, wk_terminal_attach(terminal.root, SESSION + 1, GROUP, 0));
    EXPECT(WK_OK, wk_terminal_foreground(terminal.root, &group, &session));
    EQUAL(GROUP, group);
    EQUAL(SESSION, session);
    EQUAL(3, type("\x03\x1a\x1c"));
    expect_signals(1 << 2 | 1 << 20 | 1 << 3);
    EXPECT(WK_NO_RIGHT, try_read(1, 0, OTHER_GROUP, text));
    EXPECT(WK_NO_RIGHT, wk_terminal_set_attributes(terminal.root, WHEN(0, OTHER_GROUP, UINT64_C(0)), 0, 0, 0, 0, 0));
    EXPECT(WK_NO_RIGHT, wk_terminal_flush(terminal.root, WK_TERMINAL_QUEUES_BOTH, OTHER_GROUP));
    EXPECT(WK_NO_RIGHT, wk_terminal_drain(terminal.root, 0, OTHER_GROUP));
    EXPECT(WK_NO_RIGHT, wk_terminal_flow(terminal.root, WK_TERMINAL_FLOW_ACTION_STOP_OUTPUT, OTHER_GROUP));
    EXPECT(WK_OK, try_write("y", OTHER_GROUP));
    EXPECT(WK_NO_RIGHT, wk_terminal_set_foreground(terminal.root, SESSION, OTHER_GROUP, OTHER_GROUP));
    EXPECT(WK_NOT_AVAILABLE, wk_terminal_set_foreground(terminal.root, SESSION + 1, GROUP, OTHER_GROUP));
    EXPECT(WK_OK, wk_terminal_set_foreground(terminal.root, SESSION, GROUP, OTHER_GROUP));
    EXPECT(WK_NO_RIGHT, try_read(1, 0, GROUP, text));
    EXPECT(WK_OK, wk_terminal_set_foreground(terminal.root, SESSION, 0, GROUP));
    EXPECT(WK_OK, wk_terminal_set_size(terminal.root, 24, 80, 0, 0));
    EXPECT(WK_OK, wk_terminal_set_size(terminal.root, 24, 80, 0, 0));
    expect_signals(1 << 28);
    EXPECT(WK_NOT_AVAILABLE, wk_terminal_detach(terminal.root, SESSION + 1));
    EXPECT(WK_OK, wk_terminal_detach(terminal.root, SESSION));
    expect_signals(1 << 1 | 1 << 18);
    EXPECT(WK_OK, wk_terminal_foreground(terminal.root, &group, &session));
    EQUAL(0, group);
}

static void flow(void)
{
    uint64_t bits;
    char text[200];

    take_all(text);
    wk_event_poll(line_event, 1, &bits);
    EXPECT(WK_OK, wk_terminal_flow(terminal.root, WK_TERMINAL_FLOW_ACTION_STOP_OUTPUT, 0));
    EXPECT(WK_OK, try_write("held", 0));
    EXPECT(WK_WOULD_BLOCK, wk_event_poll(line_event, 1, &bits));
    EXPECT(WK_OK, wk_terminal_flow(terminal.root, WK_TERMINAL_FLOW_ACTION_START_OUTPUT, 0));
    sends("held");
    EXPECT(WK_OK, wk_terminal_flow(terminal.root, WK_TERMINAL_FLOW_ACTION_STOP_INPUT, 0));
    sends("\x13");
    EXPECT(WK_OK, wk_terminal_flow(terminal.root, WK_TERMINAL_FLOW_ACTION_START_INPUT, 0));
    sends("\x11");
}

/* What there is no room for the driver keeps, and is told when there is. */
static void floods(void)
{
    uint64_t bits, typed = 0, count;
    char text[41];

    set_raw(1, 0);
    while ((count = type("0123456789")) == 10)
        typed += count;
    typed += count;
    EQUAL(4095, typed);
    EXPECT(WK_WOULD_BLOCK, wk_event_poll(line_event, 1, &bits));
    for (uint64_t done = 0; done < typed; done += strlen(text))
        EXPECT(WK_OK, try_read(40, 0, 0, text));
    EXPECT(WK_OK, wk_event_wait(line_event, 1, wk_after_ns(PATIENCE_NS), &bits));
    EQUAL(1, type("z"));
    reads(40, "z");
}

/* Others than the driver may not do as if they were; a waiter's session is no line. When the driver ends there can be
 * another. */
static void drivers(void)
{
    struct waiting waiting = make_waiter();
    uint64_t words[6];

    EXPECT(WK_NO_RIGHT, wk_terminal_put_received(terminal.root, 1, 'x', 0, 0, 0, 0, &words[0]));
    EXPECT(WK_NO_RIGHT, wk_terminal_put_received(waiting.keeper, 1, 'x', 0, 0, 0, 0, &words[0]));
    EXPECT(WK_NO_RIGHT, wk_terminal_take_to_send(waiting.keeper, 40, &words[0], &words[1], &words[2], &words[3],
                                                 &words[4], &words[5]));
    EXPECT(WK_OK, wk_capability_delete(line));
    EXPECT(WK_OK, wk_capability_delete(line_event));
    drop_waiter(&waiting);
    EXPECT(WK_OK, try_write("the console of last resort\n", 0));
    connect();
    EQUAL(1, type("q"));
    reads(40, "q");
    EXPECT(WK_OK, wk_capability_delete(line));
}

/* ---- what is typed at the console ---- */

static void read_typed(void)
{
    struct waiting waiting = make_waiter();
    char text[41];

    EXPECT(WK_OK, wk_terminal_attach(terminal.root, SESSION, GROUP, 0));
    wk_print("type\n");
    do {
        while (try_read(40, waiting.number, GROUP, text) == WK_WOULD_BLOCK) {
            is_told(&waiting);
        }
        wk_print("[%s]\n", text);
    } while (text[0] != '\0');
    drop_waiter(&waiting);
}

/* Bytes of a flood as fast as the port brings them: each follows from the one before. */
static void read_flood(uint64_t bytes)
{
    struct waiting waiting = make_waiter();
    uint64_t done = 0;
    char text[41];

    set_raw(1, 0);
    wk_print("type\n");
    while (done < bytes) {
        if (try_read(40, waiting.number, 0, text) == WK_WOULD_BLOCK) {
            is_told(&waiting);
            continue;
        }
        for (const char *byte = text; *byte != '\0'; byte++, done++)
            EQUAL('a' + done % 26, *byte);
    }
    wk_print("%lu bytes\n", done);
    drop_waiter(&waiting);
}

/* As terminal_cases.py has it started: the terminal is init's. */
static int use_terminal(int argc, char **argv)
{
    uint64_t bytes;

    terminal.root = wk_named_handle("terminal");
    if (strcmp(argv[1], "typed") == 0) {
        read_typed();
    } else {
        CHECK(argc > 2 && wk_parse_number(argv[2], strlen(argv[2]), &bytes));
        read_flood(bytes);
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t before, after;

    if (argc > 1)
        return use_terminal(argc, argv);
    start();
    drop_waiter(&(struct waiting[]){make_waiter()}[0]);
    (void)served_used_pages(&terminal, &before);
    connect();
    lines();
    modes();
    memory();
    jobs();
    flow();
    floods();
    drivers();
    do /* its pages come on demand, and stay */
        pause();
    while (served_used_pages(&terminal, &after) != 0 && after > before);
    served_end(&terminal);
    wk_print("terminal: good\n");
    return 0;
}
