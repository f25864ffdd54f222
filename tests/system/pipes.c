/* SPDX-License-Identifier: MIT */
/* The pipe service: bytes through pipes by words and by memory, who is told when, what ends tell, names, and clients that
 * mean no good. */
#include "served.h"

#include <winkle/calls.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/pipe.h>
#include <winkle/process.h>
#include <winkle/records.h>
#include <winkle/thread.h>
#include <winkle/threads.h>

#define BANK_PAGES                                                                                                     \
    440 /* a tenth is left when all that it keeps for pipes is made: enough for a full one, 17 pages of two chunks */
#define PATIENCE_NS (20 * WK_NS_PER_SECOND)
#define PATIENCE_TURNS 1000
#define TURN_NS 1000000

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

static void pause_for(uint64_t ns)
{
    wk_thread_sleep(wk_self.start->thread, wk_after_ns(ns));
}

/* The next bytes are those. That an end has gone the service learns a moment later. */
static void get(wk_handle reader, const char *text)
{
    uint64_t words[5], count = UINT64_MAX;

    for (unsigned i = 0; i < PATIENCE_TURNS; i++) {
        if (wk_pipe_read_short(reader, 40, 0, 0, &count, &words[0], &words[1], &words[2], &words[3], &words[4]) !=
            WK_WOULD_BLOCK)
            break;
        pause_for(TURN_NS);
    }
    EQUAL(strlen(text), count);
    CHECK(memcmp(words, text, count) == 0);
}

static enum wk_status try_get(wk_handle reader, uint64_t waiter, uint64_t *count)
{
    uint64_t words[5];

    return wk_pipe_read_short(reader, 40, waiter, 0, count, &words[0], &words[1], &words[2], &words[3], &words[4]);
}

/* Takes a byte, and wants to be told ahead: the count as it is answered. */
static uint64_t get_ahead(wk_handle reader, const struct waiting *waiting)
{
    uint64_t count = 0, words[5];

    EXPECT(WK_OK, wk_pipe_read_short(reader, 1, waiting->number, 1, &count, &words[0], &words[1], &words[2], &words[3],
                                     &words[4]));
    return count;
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
    EXPECT(WK_OK, wk_pipe_read_short(ends.reader, 3, 0, 0, &count, &word[0], &word[1], &word[2], &word[3], &word[4]));
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

/* Who has taken all there was is told of what comes next, if it wants that: once, and for one pipe at a time. */
static void ahead(void)
{
    const struct ends ends = make_pipe(), others = make_pipe();
    struct waiting waiting = make_waiter();

    EXPECT(WK_OK, put(ends.writer, "ab", 0));
    EQUAL(1, get_ahead(ends.reader, &waiting));
    EQUAL(1 + WK_WILL_TELL, get_ahead(ends.reader, &waiting));
    is_not_told(&waiting);
    EXPECT(WK_OK, put(others.writer, "e", 0));
    EQUAL(1, get_ahead(others.reader, &waiting));
    EXPECT(WK_OK, put(ends.writer, "f", 0));
    is_told(&waiting);
    EQUAL(1 + WK_WILL_TELL, get_ahead(ends.reader, &waiting));
    EXPECT(WK_OK, wk_pipe_set_description_flags(ends.reader, WK_DESCRIPTION_FLAGS_NON_BLOCKING));
    is_told(&waiting);
    EXPECT(WK_OK, put(ends.writer, "g", 0));
    EQUAL(1, get_ahead(ends.reader, &waiting));
    EXPECT(WK_OK, wk_pipe_set_description_flags(ends.reader, 0));
    EXPECT(WK_OK, put(ends.writer, "h", 0));
    EQUAL(1 + WK_WILL_TELL, get_ahead(ends.reader, &waiting));
    close(ends.writer);
    is_told(&waiting);
    get(ends.reader, "");
    close(others.writer);
    close(others.reader);
    close(ends.reader);
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

/* ---- memory ---- */

#define BIG_PAGES 16
#define BIG_BYTES (BIG_PAGES * WK_PAGE_BYTES)

static wk_handle big;
static uint8_t *bytes;
static uint64_t seed = 1;

static uint64_t next_random(uint64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (seed >> 33) % below;
}

/* What the byte at that place of a stream is. */
static uint8_t byte_at(uint64_t place)
{
    return (uint8_t)(place * 7 + place / 251);
}

static enum wk_status write_stream(wk_handle writer, uint64_t place, uint64_t length, uint64_t waiter, uint64_t *count)
{
    const uint64_t offset = next_random(BIG_BYTES - length + 1);

    for (uint64_t i = 0; i < length; i++)
        bytes[offset + i] = byte_at(place + i);
    *count = length;
    if (length <= 40 && next_random(2) == 0) {
        uint64_t word[5] = {0};

        memcpy(word, bytes + offset, length);
        return wk_pipe_write_short(writer, length | waiter << 8, word[0], word[1], word[2], word[3], word[4]);
    }
    return wk_pipe_write(writer, big, offset, length, waiter, count);
}

static enum wk_status read_stream(wk_handle reader, uint64_t place, uint64_t length, uint64_t waiter, uint64_t *count)
{
    const uint64_t offset = next_random(BIG_BYTES - length + 1);
    uint64_t word[5];
    enum wk_status status;

    if (length <= 40 && next_random(2) == 0) {
        status = wk_pipe_read_short(reader, length, waiter, 0, count, &word[0], &word[1], &word[2], &word[3], &word[4]);
        if (status == WK_OK)
            memcpy(bytes + offset, word, *count);
    } else {
        status = wk_pipe_read(reader, big, offset, length, waiter, count);
    }
    for (uint64_t i = 0; status == WK_OK && i < *count; i++)
        EQUAL(byte_at(place + i), bytes[offset + i]);
    return status;
}

static uint64_t random_length(void)
{
    static const uint64_t below[] = {40, 300, 5000, BIG_BYTES};

    return 1 + next_random(below[next_random(4)]);
}

/* Any lengths, against a count of what must be there. */
static void streams(void)
{
    const struct ends ends = make_pipe();
    uint64_t in = 0, out = 0, count;

    for (unsigned i = 0; i < 800; i++) {
        const uint64_t length = random_length();
        const uint64_t room = WK_CAPACITY - (in - out);
        enum wk_status status;

        if (next_random(2) == 0) {
            status = write_stream(ends.writer, in, length, 0, &count);
            if (room >= length || (length > WK_ATOMIC_MAX && room > 0)) {
                EXPECT(WK_OK, status);
                EQUAL(room < length ? room : length, count);
                in += count;
            } else {
                EXPECT(WK_WOULD_BLOCK, status);
            }
        } else {
            status = read_stream(ends.reader, out, length, 0, &count);
            EXPECT(in == out ? WK_WOULD_BLOCK : WK_OK, status);
            if (status == WK_OK) {
                EQUAL(in - out < length ? in - out : length, count);
                out += count;
            }
        }
    }
    close(ends.writer);
    for (unsigned i = 0; i < PATIENCE_TURNS && out < in; i++) {
        if (read_stream(ends.reader, out, 5000, 0, &count) == WK_OK)
            out += count;
    }
    get(ends.reader, "");
    EQUAL(in, out);
    close(ends.reader);
}

/* Memory that is not as it should be changes nothing. */
static void bad_memory(void)
{
    const struct ends ends = make_pipe();
    wk_handle part;
    uint64_t count;

    EXPECT(WK_OK, wk_pipe_write(ends.writer, big, 0, 5000, 0, &count));
    EXPECT(WK_BAD_ARGUMENT, wk_pipe_write(ends.writer, big, BIG_BYTES - 5, 6, 0, &count));
    EXPECT(WK_BAD_ARGUMENT, wk_pipe_write(ends.writer, big, UINT64_MAX - 5, 4000, 0, &count));
    EXPECT(WK_BAD_ARGUMENT, wk_pipe_read(ends.reader, big, BIG_BYTES - 5, 4000, 0, &count));
    EXPECT(WK_BAD_ARGUMENT, wk_pipe_read(ends.reader, big, UINT64_MAX - 1, UINT64_MAX, 0, &count));
    EXPECT(WK_OK, wk_capability_lend(big, WK_MEMORY_RIGHT_READ, &part));
    EXPECT(WK_NO_RIGHT, wk_pipe_read(ends.reader, part, 0, 5, 0, &count));
    EXPECT(WK_OK, wk_pipe_write(ends.writer, part, 0, 5, 0, &count));
    close(part);
    EXPECT(WK_OK, wk_capability_lend(big, WK_MEMORY_RIGHT_WRITE, &part));
    EXPECT(WK_NO_RIGHT, wk_pipe_write(ends.writer, part, 0, 5, 0, &count));
    close(part);
    EXPECT(WK_OK, wk_pipe_read(ends.reader, big, 0, UINT64_MAX, 0, &count));
    EQUAL(5005, count);
    close(ends.reader);
    close(ends.writer);
}

/* ---- who is told ---- */

static void fill(wk_handle writer, uint64_t length)
{
    uint64_t count;

    EXPECT(WK_OK, wk_pipe_write(writer, big, 0, length, 0, &count));
    EQUAL(length, count);
}

static void drain(wk_handle reader, uint64_t length)
{
    uint64_t count;

    EXPECT(WK_OK, wk_pipe_read(reader, big, 0, length, 0, &count));
    EQUAL(length, count);
}

static void full(void)
{
    const struct ends ends = make_pipe();
    struct waiting small = make_waiter(), large = make_waiter();
    uint64_t count;

    fill(ends.writer, WK_CAPACITY);
    EXPECT(WK_WOULD_BLOCK, put(ends.writer, "x", small.number));
    EXPECT(WK_WOULD_BLOCK, wk_pipe_write(ends.writer, big, 0, WK_ATOMIC_MAX, large.number, &count));
    EXPECT(WK_WOULD_BLOCK, wk_pipe_write(ends.writer, big, 0, WK_CAPACITY, large.number, &count));
    drain(ends.reader, 1);
    is_told(&small);
    is_not_told(&large);
    EXPECT(WK_OK, put(ends.writer, "x", small.number));
    drain(ends.reader, 100);
    is_not_told(&small); /* it was not armed again */
    is_not_told(&large);
    EXPECT(WK_WOULD_BLOCK, wk_pipe_write(ends.writer, big, 0, 101, 0, &count)); /* whole or not at all */
    drain(ends.reader, 5000);
    is_told(&large);
    EXPECT(WK_OK, wk_pipe_write(ends.writer, big, 0, WK_CAPACITY, 0, &count));
    EQUAL(5100, count); /* as many as there is room for */
    close(ends.reader);
    close(ends.writer);
    drop_waiter(&small);
    drop_waiter(&large);
}

static void polls(wk_handle end, uint64_t wanted, const struct waiting *waiting, uint64_t ready)
{
    uint64_t is, count;

    for (unsigned i = 0; i < PATIENCE_TURNS; i++) {
        EXPECT(WK_OK, wk_pipe_poll(end, wanted, waiting->number, &is, &count));
        if (is == ready)
            break;
        pause_for(TURN_NS);
    }
    EQUAL(ready, is);
}

#define READABLE WK_READINESS_READABLE
#define WRITABLE WK_READINESS_WRITABLE
#define HUNG_UP WK_READINESS_HUNG_UP
#define JOINED WK_READINESS_JOINED

static void ends_tell(void)
{
    struct waiting waiting = make_waiter(), other = make_waiter();
    struct ends ends = make_pipe();
    wk_handle second;
    uint64_t count;

    EXPECT(WK_WOULD_BLOCK, try_get(ends.reader, waiting.number, &count));
    polls(ends.reader, HUNG_UP, &other, JOINED);
    EXPECT(WK_OK, wk_capability_dup(ends.writer, WK_RIGHTS_ALL, &second));
    close(ends.writer);
    is_not_told(&waiting); /* the other one has it still */
    EXPECT(WK_OK, put(second, "last", 0));
    is_told(&waiting);
    is_not_told(&other);
    close(second);
    is_told(&other);
    polls(ends.reader, READABLE, &waiting, JOINED | READABLE | HUNG_UP);
    get(ends.reader, "last");
    get(ends.reader, "");
    close(ends.reader);

    ends = make_pipe();
    fill(ends.writer, WK_CAPACITY);
    EXPECT(WK_WOULD_BLOCK, put(ends.writer, "x", waiting.number));
    polls(ends.writer, WRITABLE, &other, JOINED);
    close(ends.reader);
    is_told(&waiting);
    is_told(&other);
    EXPECT(WK_BROKEN, put(ends.writer, "x", 0));
    EXPECT(WK_BROKEN, wk_pipe_write(ends.writer, big, 0, 5000, 0, &count));
    polls(ends.writer, WRITABLE, &other, JOINED | WRITABLE | HUNG_UP);
    close(ends.writer);
    drop_waiter(&waiting);
    drop_waiter(&other);
}

/* Many pipes by one waiter, many waiters at one pipe, waiters that go, and numbers that are none. */
static void many(void)
{
    struct waiting one = make_waiter(), several[20];
    struct ends ends[300];
    uint64_t ready, count;

    for (unsigned i = 0; i < 300; i++) {
        ends[i] = make_pipe();
        EXPECT(i < 256 ? WK_OK : WK_NO_MEMORY, wk_pipe_poll(ends[i].reader, READABLE, one.number, &ready, &count));
    }
    EXPECT(WK_OK, put(ends[255].writer, "x", 0));
    is_told(&one);
    EXPECT(WK_OK, wk_pipe_poll(ends[299].reader, READABLE, one.number, &ready, &count)); /* there is room again */
    EXPECT(WK_OK, put(ends[299].writer, "x", 0));
    is_told(&one);
    for (unsigned i = 0; i < 20; i++) {
        several[i] = make_waiter();
        EXPECT(WK_WOULD_BLOCK, try_get(ends[0].reader, several[i].number, &count));
        EXPECT(WK_WOULD_BLOCK, try_get(ends[0].reader, several[i].number, &count));
    }
    drop_waiter(&several[7]);
    pause_for(5 * TURN_NS);
    EXPECT(WK_WOULD_BLOCK, try_get(ends[0].reader, several[7].number, &count)); /* nobody of that number */
    EXPECT(WK_WOULD_BLOCK, try_get(ends[0].reader, UINT64_MAX, &count));
    EXPECT(WK_OK, put(ends[0].writer, "x", 0));
    for (unsigned i = 0; i < 20; i++) {
        if (i != 7) {
            is_told(&several[i]);
            drop_waiter(&several[i]);
        }
    }
    for (unsigned i = 0; i < 300; i++) {
        close(ends[i].reader);
        close(ends[i].writer);
    }
    drop_waiter(&one);
}

/* Numbers are counted, so whoever knows one can say those that no waiter has yet: nobody is found by them. */
static void numbers_to_come(void)
{
    struct waiting waiting = make_waiter();
    const struct ends ends = make_pipe();
    const uint64_t last = waiting.number / (WK_RECORDS_INDEX_MASK + 1) + 10;
    uint64_t count, bits;

    for (uint64_t times = 1; times <= last; times++) {
        for (uint64_t record = 0; record < 100; record++) {
            const uint64_t number = times * (WK_RECORDS_INDEX_MASK + 1) + record;

            if (number != waiting.number)
                EXPECT(WK_WOULD_BLOCK, try_get(ends.reader, number, &count));
        }
    }
    drop_waiter(&waiting);
    for (unsigned i = 0; i < 40; i++) {
        waiting = make_waiter();
        EXPECT(WK_OK, put(ends.writer, "x", 0));
        get(ends.reader, "x");
        EXPECT(WK_WOULD_BLOCK, wk_event_poll(waiting.event, 1, &bits));
        drop_waiter(&waiting);
    }
    close(ends.reader);
    close(ends.writer);
}

/* ---- names ---- */

static wk_handle open_named(uint64_t identity, uint64_t is_writer, const struct waiting *waiting,
                            uint64_t is_other_open)
{
    wk_handle end;
    uint64_t is;

    EXPECT(WK_OK, wk_pipe_open_named(pipes.root, identity, is_writer, waiting->number, &end, &is));
    EQUAL(is_other_open, is);
    return end;
}

static void names(void)
{
    struct waiting waiting = make_waiter();
    wk_handle reader = open_named(5, 0, &waiting, 0), writer, other;
    uint64_t count;

    polls(reader, JOINED, &waiting, 0);
    get(reader, ""); /* nobody writes */
    other = open_named(5 + 64, 1, &waiting, 0);
    is_not_told(&waiting); /* another name */
    writer = open_named(5, 1, &waiting, 1);
    is_told(&waiting);
    polls(reader, JOINED, &waiting, JOINED);
    EXPECT(WK_WOULD_BLOCK, try_get(reader, 0, &count));
    EXPECT(WK_OK, put(writer, "named", 0));
    close(writer);
    polls(reader, JOINED, &waiting, JOINED | READABLE | HUNG_UP);
    close(reader);                     /* with it all that was in it */
    served_used_pages(&pipes, &count); /* until it has gone */
    reader = open_named(5, 0, &waiting, 0);
    get(reader, "");
    polls(reader, HUNG_UP, &waiting, 0);
    writer = open_named(5, 1, &waiting, 1);
    EXPECT(WK_OK, put(writer, "again", 0));
    get(reader, "again");
    close(reader);
    polls(writer, HUNG_UP, &waiting, JOINED | WRITABLE | HUNG_UP);
    EXPECT(WK_BROKEN, put(writer, "x", 0));
    close(writer);
    close(other);
    drop_waiter(&waiting);
}

/* ---- processes ---- */

#define STREAM_BYTES 200000

static void wait_on(const struct waiting *waiting)
{
    uint64_t bits;

    EXPECT(WK_OK, wk_event_wait(waiting->event, 1, wk_after_ns(PATIENCE_NS), &bits));
}

static int play_stream_writer(void)
{
    const struct waiting waiting = make_waiter();
    uint64_t place = 0, count;

    while (place < STREAM_BYTES) {
        uint64_t length = random_length();

        if (length > STREAM_BYTES - place)
            length = STREAM_BYTES - place;
        if (write_stream(wk_named_handle("writer"), place, length, waiting.number, &count) == WK_OK)
            place += count;
        else
            wait_on(&waiting);
    }
    return 0;
}

static void read_to_the_end(wk_handle reader, uint64_t length)
{
    struct waiting waiting = make_waiter();
    uint64_t place = 0, count = 1;

    while (count != 0) {
        const enum wk_status status = read_stream(reader, place, random_length(), waiting.number, &count);

        if (status == WK_OK) {
            place += count;
        } else {
            EXPECT(WK_WOULD_BLOCK, status);
            wait_on(&waiting);
        }
    }
    EQUAL(length, place);
    drop_waiter(&waiting);
}

static void start_client(struct actor *actor, const char *part, const char *name, wk_handle end)
{
    actor_prepare(actor, ACTOR_BANK_PAGES);
    actor_lend(actor, "pipes", pipes.root, WK_RIGHTS_ALL);
    actor_lend(actor, name, end, WK_RIGHTS_ALL);
    actor->grants[actor->grant_count - 1].transfer = WK_TRANSFER_GIVE;
    actor_play(actor, part);
}

/* The writer is another process, with which its end goes. */
static void two_processes(void)
{
    struct ends ends = make_pipe();
    struct actor actor;

    start_client(&actor, "stream-writer", "writer", ends.writer);
    read_to_the_end(ends.reader, STREAM_BYTES);
    actor_end_well(&actor, 0);
    close(ends.reader);
}

/* Writes without end, in all ways. */
__attribute__((noreturn)) static void play_flood(void)
{
    const struct waiting waiting = make_waiter();
    struct ends own;
    uint64_t count;

    for (;;) {
        EXPECT(WK_OK, wk_pipe_create(pipes.root, &own.reader, &own.writer));
        write_stream(own.writer, 0, random_length(), waiting.number, &count);
        close(own.reader);
        if (write_stream(wk_named_handle("writer"), 0, 1 + next_random(5000), waiting.number, &count) != WK_OK)
            wait_on(&waiting);
        close(own.writer);
    }
}

/* Whatever a client was doing when it is killed: its reader comes to an end, and others are served. */
static void killed(void)
{
    for (unsigned i = 0; i < 15; i++) {
        struct ends ends = make_pipe();
        struct waiting waiting = make_waiter();
        struct actor actor;
        uint64_t count = 1;

        start_client(&actor, "flood", "writer", ends.writer);
        for (unsigned n = 0; n < i; n++)
            while (wk_pipe_read(ends.reader, big, 0, 3000, waiting.number, &count) == WK_WOULD_BLOCK)
                wait_on(&waiting);
        pause_for(next_random(300000));
        EXPECT(WK_OK, wk_process_kill(actor.child.process, 0));
        count = 1;
        while (count != 0) {
            if (wk_pipe_read(ends.reader, big, 0, BIG_BYTES, waiting.number, &count) == WK_WOULD_BLOCK)
                wait_on(&waiting);
        }
        actor_end(&actor);
        close(ends.reader);
        drop_waiter(&waiting);
    }
}

/* Calls whose callers give up in their midst, or before. */
static void impatient(void)
{
    struct ends ends = make_pipe();
    uint64_t count, total = 0, got = 0;

    for (uint64_t i = 0; i < 300; i++) {
        uint64_t word[6] = {big, 0, 1 + next_random(4096), 0, 0, 0};
        const enum wk_status status =
            wk_call(ends.writer, WK_PIPE_WRITE | WK_MESSAGE_CAPABILITY(0), word, wk_after_ns(next_random(60000)));

        total += status == WK_OK ? word[0] : 0;
        if (i % 8 == 7) {
            got += wk_pipe_read(ends.reader, big, 0, BIG_BYTES, 0, &count) == WK_OK ? count : 0;
        }
    }
    close(ends.writer);
    for (count = 1; count != 0;) {
        if (wk_pipe_read(ends.reader, big, 0, BIG_BYTES, 0, &count) == WK_OK)
            got += count;
        else
            pause_for(TURN_NS);
    }
    CHECK(got >= total); /* what was given up may have been written */
    close(ends.reader);
}

/* Gives up while it is about to be given ends; some may be in its table, which it does not know. */
static int play_giver_up(void)
{
    for (uint64_t i = 0; i < 200; i++) {
        uint64_t word[6] = {0};
        const uint64_t operation = WK_PIPE_CREATE | WK_MESSAGE_ACCEPT(0xffff);

        if (wk_call(pipes.root, operation, word, wk_after_ns(i * 500)) != WK_OK)
            continue;
        close(word[0]);
        close(word[1]);
    }
    return 0;
}

/* It leaves none behind in the service. What that one's bank holds then. */
static uint64_t give_up(void)
{
    struct actor actor;
    uint64_t objects;

    actor_prepare(&actor, ACTOR_BANK_PAGES);
    actor.priority = SERVICE_PRIORITY + 1; /* so its deadlines come in time */
    actor_lend(&actor, "pipes", pipes.root, WK_RIGHTS_ALL);
    actor_play(&actor, "giver-up");
    actor_end_well(&actor, 0);
    served_used_pages(&pipes, &objects);
    return objects;
}

static void gives_up(void)
{
    uint64_t before = 0, after = give_up();

    /* It makes records as it needs them, more or fewer by chance, and keeps them: that comes to an end. */
    for (unsigned round = 0; round < 20 && after > before; round++) {
        before = after;
        after = give_up();
    }
    CHECK(after <= before);
}

/* As many pipes as the bank pays for, and then one more; and as many bytes. */
static void exhausted(void)
{
    static struct ends ends[2000];
    unsigned made = 0, filled = 1; /* the first is tried while there is nothing left */
    uint64_t count;
    enum wk_status status;

    while (made < 2000 && wk_pipe_create(pipes.root, &ends[made].reader, &ends[made].writer) == WK_OK)
        made++;
    status = wk_pipe_write(ends[0].writer, big, 0, BIG_BYTES, 0, &count);
    CHECK(status == WK_NO_MEMORY || status == WK_OK);
    for (unsigned i = made / 2; i < made; i++) {
        close(ends[i].reader);
        close(ends[i].writer);
    }
    made /= 2;
    served_used_pages(&pipes, &count);
    while (filled < made && wk_pipe_write(ends[filled].writer, big, 0, BIG_BYTES, 0, &count) == WK_OK)
        filled++;
    CHECK(filled < made);
    EXPECT(WK_NO_MEMORY, wk_pipe_write(ends[filled].writer, big, 0, BIG_BYTES, 0, &count));
    for (unsigned i = 0; i < made; i++) {
        close(ends[i].reader);
        close(ends[i].writer);
    }
    served_used_pages(&pipes, &count);
    streams(); /* all of it is there again */
}

/* What was there once comes back each time. Each begins when what went before has gone, so that as much is there at a time. */
static void comes_back(void)
{
    static void (*const parts[])(void) = {streams, ends_tell, names, many};
    uint64_t objects = 0, pages = 0;

    for (unsigned i = 0; i < 4; i++) {
        uint64_t used = 0, now = 0;

        for (unsigned part = 0; part < sizeof(parts) / sizeof(*parts); part++) {
            parts[part]();
            used = served_used_pages(&pipes, &now);
        }
        if (i < 2) {
            objects = now;
            pages = used;
        }
        EQUAL(objects, now);
        CHECK(used <= pages);
    }
}

/* ---- what it costs ---- */

#define ROUNDS 1000
/* As a process of POSIX reads: tries, and waits if there is nothing. */
static uint64_t read_one(wk_handle reader, const struct waiting *waiting)
{
    uint64_t count = 0, words[5], bits;

    while (wk_pipe_read_short(reader, 1, waiting->number, 0, &count, &words[0], &words[1], &words[2], &words[3],
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

static void measure_round_trip(uint64_t rounds)
{
    struct ends there = make_pipe(), back = make_pipe();
    struct waiting waiting = make_waiter();
    struct actor actor;
    uint64_t before;

    start_echo(&actor, &there, &back);
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
    uint64_t before, count;

    for (unsigned i = 0; i < 2; i++) {
        before = wk_instructions();
        EXPECT(WK_OK, wk_pipe_write(ends.writer, big, 0, BIG_BYTES, 0, &count));
        EQUAL(BIG_BYTES, count);
        EXPECT(WK_OK, wk_pipe_read(ends.reader, big, 0, BIG_BYTES, 0, &count));
        before = wk_instructions() - before;
    }
    wk_print("64 KiB in and out: %lu instructions\n", before);
    close(ends.reader);
    close(ends.writer);
}

#define ALONE 1000

static void measure_alone(void)
{
    struct ends ends = make_pipe();
    struct waiting waiting = make_waiter();
    uint64_t before, count, words[5];

    for (unsigned n = 0; n < 2; n++) {
        before = wk_instructions();
        for (uint64_t i = 0; i < ALONE; i++)
            write_one(ends.writer);
        wk_print("a write of one byte: %lu\n", (wk_instructions() - before) / ALONE);
        before = wk_instructions();
        for (uint64_t i = 0; i < ALONE; i++)
            read_one(ends.reader, &waiting);
        wk_print("a read of one byte: %lu\n", (wk_instructions() - before) / ALONE);
        before = wk_instructions();
        for (uint64_t i = 0; i < ALONE; i++)
            wk_pipe_read_short(ends.reader, 1, waiting.number, 0, &count, &words[0], &words[1], &words[2], &words[3],
                               &words[4]);
        wk_print("a read of nothing: %lu\n", (wk_instructions() - before) / ALONE);
    }
    close(ends.reader);
    close(ends.writer);
    drop_waiter(&waiting);
}

int main(int argc, char **argv)
{
    uint64_t before, after, objects_before, objects_after, limit, children;
    enum wk_bank_kind kind;
    void *address;

    pipes.root = wk_named_handle("pipes");
    EXPECT(WK_OK, wk_map_new(BIG_PAGES, 0, &big, &address));
    bytes = address;
    if (plays(argc, argv, "echo"))
        return play_echo();
    if (plays(argc, argv, "stream-writer"))
        return play_stream_writer();
    if (plays(argc, argv, "giver-up"))
        return play_giver_up();
    if (plays(argc, argv, "flood"))
        play_flood();
    memset(bytes, 'x', BIG_BYTES);
    actor_archive();
    EXPECT(WK_OK, wk_bank_info(wk_self.bank, &limit, &before, &objects_before, &children, &kind));
    served_start(&pipes, "pipes", BANK_PAGES);
    if (plays(argc, argv, "measure")) {
        measure_alone();
        measure_round_trip(ROUNDS);
        measure_throughput();
    } else {
        words();
        ahead();
        no_rights();
        streams();
        bad_memory();
        full();
        ends_tell();
        many();
        numbers_to_come();
        names();
        comes_back();
        two_processes();
        killed();
        impatient();
        gives_up();
        exhausted();
    }
    served_end(&pipes);
    EXPECT(WK_OK, wk_bank_info(wk_self.bank, &limit, &after, &objects_after, &children, &kind));
    EQUAL(objects_before, objects_after); /* its own table may have grown */
    wk_print("pipes: good\n");
    return 0;
}
