/* SPDX-License-Identifier: MIT */
/* The pipe service: bytes through pipes by words and by memory, who is told when, what ends tell, names, and clients that
 * mean no good. */
#include "served.h"

#include <winkle/calls.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/pipe.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define BANK_PAGES 512
#define PATIENCE_NS (20 * WK_NS_PER_SECOND)

static struct served pipes;

struct ends {
    wk_handle reader, writer;
};

struct waiting {
    wk_handle event, keeper;
    uint64_t number;
};

static struct ends make_pipe(void)
{
    struct ends ends;

    EXPECT(WK_OK, wk_pipe_create(pipes.root, &ends.reader, &ends.writer));
    CHECK(ends.reader != 0 && ends.writer != 0);
    return ends;
}

static struct waiting make_waiter(void)
{
    struct waiting waiting = {0};
    wk_handle part;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &waiting.event));
    EXPECT(WK_OK, wk_capability_dup(waiting.event, WK_EVENT_RIGHT_SIGNAL, &part));
    EXPECT(WK_OK, wk_pipe_enlist(pipes.root, part, 1, &waiting.keeper, &waiting.number));
    CHECK(waiting.number != 0 && waiting.keeper != 0);
    return waiting;
}

static void drop_waiter(struct waiting *waiting)
{
    EXPECT(WK_OK, wk_capability_delete(waiting->keeper));
    EXPECT(WK_OK, wk_capability_delete(waiting->event));
}

static enum wk_status put(wk_handle writer, const char *text, uint64_t waiter)
{
    uint64_t words[5] = {0};

    memcpy(words, text, strlen(text));
    return wk_pipe_write_short(writer, strlen(text) | waiter << 8, words[0], words[1], words[2], words[3], words[4]);
}

/* The next bytes are those. */
static void get(wk_handle reader, const char *text)
{
    uint64_t words[5], count;

    EXPECT(WK_OK, wk_pipe_read_short(reader, 40, 0, &count, &words[0], &words[1], &words[2], &words[3], &words[4]));
    EQUAL(strlen(text), count);
    CHECK(memcmp(words, text, count) == 0);
}

static enum wk_status try_get(wk_handle reader, uint64_t waiter, uint64_t *count)
{
    uint64_t words[5];

    return wk_pipe_read_short(reader, 40, waiter, count, &words[0], &words[1], &words[2], &words[3], &words[4]);
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

static void close(wk_handle end)
{
    EXPECT(WK_OK, wk_capability_delete(end));
}

/* ---- bytes ---- */

static void words(void)
{
    const struct ends ends = make_pipe();
    struct waiting waiting = make_waiter();
    uint64_t count, word[5];

    EXPECT(WK_WOULD_BLOCK, try_get(ends.reader, 0, &count));
    EXPECT(WK_OK, put(ends.writer, "hello", 0));
    EXPECT(WK_OK, put(ends.writer, " world", 0));
    get(ends.reader, "hello world");
    EXPECT(WK_OK, put(ends.writer, "0123456789012345678901234567890123456789", 0));
    EXPECT(WK_OK, wk_pipe_read_short(ends.reader, 3, 0, &count, &word[0], &word[1], &word[2], &word[3], &word[4]));
    EQUAL(3, count);
    EQUAL(0x323130, word[0]);
    get(ends.reader, "3456789012345678901234567890123456789");

    EXPECT(WK_WOULD_BLOCK, try_get(ends.reader, waiting.number, &count));
    is_not_told(&waiting);
    EXPECT(WK_OK, put(ends.writer, "x", 0));
    is_told(&waiting);
    EXPECT(WK_OK, put(ends.writer, "y", 0)); /* told once */
    is_not_told(&waiting);
    get(ends.reader, "xy");
    close(ends.reader);
    close(ends.writer);
    drop_waiter(&waiting);
}

static void no_rights(void)
{
    const struct ends ends = make_pipe();
    struct ends more;
    uint64_t count, number;
    wk_handle memory, event, keeper;

    EXPECT(WK_OK, wk_memory_create(wk_self.bank, 1, 0, &memory));
    EXPECT(WK_NO_RIGHT, try_get(ends.writer, 0, &count));
    EXPECT(WK_NO_RIGHT, try_get(pipes.root, 0, &count));
    EXPECT(WK_NO_RIGHT, put(ends.reader, "x", 0));
    EXPECT(WK_NO_RIGHT, wk_pipe_read(ends.writer, memory, 0, 1, 0, &count));
    EXPECT(WK_NO_RIGHT, wk_pipe_write(ends.reader, memory, 0, 1, 0, &count));
    EXPECT(WK_NO_RIGHT, wk_pipe_poll(pipes.root, 1, 0, &number, &count));
    EXPECT(WK_NO_RIGHT, wk_pipe_create(ends.reader, &more.reader, &more.writer));
    EXPECT(WK_NO_RIGHT, wk_pipe_open_named(ends.reader, 1, 0, 0, &more.reader, &count));
    EXPECT(WK_BAD_ARGUMENT, wk_pipe_write_short(ends.writer, 0, 0, 0, 0, 0, 0));
    EXPECT(WK_BAD_ARGUMENT, wk_pipe_write_short(ends.writer, 41, 0, 0, 0, 0, 0));
    EXPECT(WK_BAD_ARGUMENT, wk_pipe_read(ends.reader, memory, 0, 0, 0, &count));
    EXPECT(WK_BAD_ARGUMENT, wk_pipe_enlist(pipes.root, memory, 0, &keeper, &number));
    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_NOT_ACCEPTED, wk_pipe_read(ends.reader, wk_self.process, 0, 1, 0, &count));
    EXPECT(WK_NO_SUCH_OPERATION, wk_call(ends.reader, 0x7000, (uint64_t[6]){0}, WK_NO_DEADLINE));
    close(event);
    close(ends.reader);
    close(ends.writer);
}

/* ---- what it costs ---- */

static uint64_t rounds = 1000;
#define BIG_PAGES 16

/* As a process of POSIX reads: tries, and waits if there is nothing. */
static uint64_t read_one(wk_handle reader, const struct waiting *waiting)
{
    uint64_t count = 0, words[5], bits;

    while (wk_pipe_read_short(reader, 1, waiting->number, &count, &words[0], &words[1], &words[2], &words[3],
                              &words[4]) == WK_WOULD_BLOCK)
        wk_event_wait(waiting->event, 1, WK_FOREVER, &bits);
    return count;
}

static void write_one(wk_handle writer)
{
    EXPECT(WK_OK, wk_pipe_write_short(writer, 1, 'x', 0, 0, 0, 0));
}

/* The other process: sends back what it gets, byte by byte, until nothing can come any more. */
static int play_echo(void)
{
    const struct waiting waiting = make_waiter();

    while (read_one(wk_named_handle("reader"), &waiting) != 0)
        write_one(wk_named_handle("writer"));
    return 0;
}

static void start_echo(struct actor *actor, const struct ends *there, const struct ends *back)
{
    actor_prepare(actor, ACTOR_BANK_PAGES);
    actor->priority = 100;
    actor_lend(actor, "pipes", pipes.root, WK_RIGHTS_ALL);
    actor_lend(actor, "reader", there->reader, WK_RIGHTS_ALL);
    actor_lend(actor, "writer", back->writer, WK_RIGHTS_ALL);
    actor_play(actor, "echo");
}

static void measure_round_trip(void)
{
    struct ends there = make_pipe(), back = make_pipe();
    struct waiting waiting = make_waiter();
    struct actor actor;
    uint64_t before;

    start_echo(&actor, &there, &back);
    EXPECT(WK_OK, wk_thread_set_priority(wk_self.start->thread, 100));
    for (unsigned i = 0; i < 100; i++) {
        write_one(there.writer);
        EQUAL(1, read_one(back.reader, &waiting));
    }
    before = wk_instructions();
    for (uint64_t i = 0; i < rounds; i++) {
        write_one(there.writer);
        read_one(back.reader, &waiting);
    }
    wk_print("a byte there and back: %lu instructions\n", (wk_instructions() - before) / rounds);
    close(there.writer);
    actor_end_well(&actor, 0);
    close(there.reader);
    close(back.reader);
    close(back.writer);
    drop_waiter(&waiting);
}

static void measure_throughput(void)
{
    struct ends ends = make_pipe();
    wk_handle memory;
    void *address;
    uint64_t before, count;

    EXPECT(WK_OK, wk_map_new(BIG_PAGES, 0, &memory, &address));
    memset(address, 'x', BIG_PAGES * WK_PAGE_BYTES);
    for (unsigned i = 0; i < 2; i++) {
        before = wk_instructions();
        EXPECT(WK_OK, wk_pipe_write(ends.writer, memory, 0, BIG_PAGES * WK_PAGE_BYTES, 0, &count));
        EQUAL(BIG_PAGES * WK_PAGE_BYTES, count);
        EXPECT(WK_OK, wk_pipe_read(ends.reader, memory, 0, BIG_PAGES * WK_PAGE_BYTES, 0, &count));
        before = wk_instructions() - before;
    }
    wk_print("64 KiB in and out: %lu instructions\n", before);
    wk_unmap_delete(memory, address, BIG_PAGES);
    close(ends.reader);
    close(ends.writer);
}

static void measure_alone(void)
{
    struct ends ends = make_pipe();
    struct waiting waiting = make_waiter();
    uint64_t before, count, words[5];

    for (unsigned n = 0; n < 2; n++) {
        before = wk_instructions();
        for (uint64_t i = 0; i < rounds; i++)
            write_one(ends.writer);
        wk_print("a write of one byte: %lu\n", (wk_instructions() - before) / rounds);
        before = wk_instructions();
        for (uint64_t i = 0; i < rounds; i++)
            read_one(ends.reader, &waiting);
        wk_print("a read of one byte: %lu\n", (wk_instructions() - before) / rounds);
        before = wk_instructions();
        for (uint64_t i = 0; i < rounds; i++)
            wk_pipe_read_short(ends.reader, 1, waiting.number, &count, &words[0], &words[1], &words[2], &words[3],
                              &words[4]);
        wk_print("a read of nothing: %lu\n", (wk_instructions() - before) / rounds);
    }
    close(ends.reader);
    close(ends.writer);
    drop_waiter(&waiting);
}

int main(int argc, char **argv)
{
    uint64_t before, after, objects_before, objects_after, limit, children;
    enum wk_bank_kind kind;

    pipes.root = wk_named_handle("pipes");
    if (plays(argc, argv, "echo"))
        return play_echo();
    actor_archive();
    EXPECT(WK_OK, wk_bank_info(wk_self.bank, &limit, &before, &objects_before, &children, &kind));
    served_start(&pipes, "pipes", BANK_PAGES);
    if (plays(argc, argv, "measure")) {
        if (argc > 2)
            CHECK(wk_parse_number(argv[2], strlen(argv[2]), &rounds));
        measure_alone();
        measure_round_trip();
        measure_throughput();
    } else {
        words();
        no_rights();
    }
    served_end(&pipes);
    EXPECT(WK_OK, wk_bank_info(wk_self.bank, &limit, &after, &objects_after, &children, &kind));
    wk_print("before %lu after %lu\n", before, after);
    wk_print("pipes: good\n");
    return 0;
}
