/* SPDX-License-Identifier: MIT */
/*
 * Peers that say what is not so: of indices, of messages while they are read, of who sleeps; and that ring for nothing.
 */
#include "channel_peers.h"

#include <channel/group.h>
#include <winkle/threads.h>
#include <winkle/upcalls.h>

/* ---- lies ---- */

enum lie { TOO_MANY_WRITTEN, FAR_TOO_MANY, WRITTEN_BACKWARDS, READ_UNWRITTEN, READ_BACKWARDS, LIES };

static void set(uint32_t *shared, uint32_t value)
{
    *(volatile uint32_t *)shared = value;
}

static void tell(struct wk_channel *channel, enum lie lie)
{
    struct wk_ring_message message = {0};

    switch (lie) {
    case TOO_MANY_WRITTEN:
        set(&channel->out.ring->producer.index, SIZE + 1);
        break;
    case FAR_TOO_MANY:
        set(&channel->out.ring->producer.index, 0x80000000);
        break;
    case WRITTEN_BACKWARDS:
        for (unsigned i = 0; i < 3; i++)
            EXPECT(WK_OK, wk_channel_send(channel, &message, WK_FOREVER));
        EXPECT(WK_OK, wk_channel_receive(channel, &message, WK_FOREVER)); /* they have been read */
        set(&channel->out.ring->producer.index, 1);
        break;
    case READ_UNWRITTEN:
        set(&channel->in.ring->consumer.index, SIZE + 1);
        break;
    case READ_BACKWARDS:
        EXPECT(WK_OK, wk_channel_receive(channel, &message, WK_FOREVER));
        set(&channel->in.ring->consumer.index, UINT32_MAX);
        break;
    case LIES:
        CHECK(false);
    }
    EXPECT(WK_OK, wk_event_signal(channel->signal, BELL));
}

static void play_liar(unsigned lie)
{
    struct wk_channel channel;

    open_lent(&channel);
    tell(&channel, (enum lie)lie);
    stay();
}

static void lies(void)
{
    for (unsigned lie = 0; lie < LIES; lie++) {
        struct wk_ring_message message = {0};
        struct line line;

        begin_line(&line, "liar", lie);
        if (lie == WRITTEN_BACKWARDS) {
            for (unsigned i = 0; i < 3; i++)
                EXPECT(WK_OK, wk_channel_receive(&line.channel, &message, wk_after_ns(PATIENCE_NS)));
            EXPECT(WK_OK, wk_channel_send(&line.channel, &message, WK_FOREVER));
        }
        if (lie >= READ_UNWRITTEN)
            send_all(&line.channel, WK_BAD_ARGUMENT);
        EQUAL(0, receive_all(&line.channel, WK_BAD_ARGUMENT));
        end_line(&line);
    }
}

/* ---- messages and lines that change while they are read ---- */

static struct wk_channel scribbled;

/* Writes all over what the other side reads, and has sleep and wake look as they like; but its index tells the truth. */
static void scribble(void *unused)
{
    uint64_t random = 1;

    (void)unused;
    EXPECT(WK_OK, wk_upcalls_attach());
    for (;;) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
        *(volatile uint64_t *)&scribbled.out.ring->messages[random >> 61].words[random >> 58 & 7] = random;
        set(&scribbled.in.ring->consumer.sleeps, (uint32_t)(random >> 40));
        set(&scribbled.out.ring->producer.sleeps, (uint32_t)(random >> 41));
    }
}

static void play_scribbler(unsigned unused)
{
    static struct wk_thread thread;
    struct wk_ring_message message = {0};

    (void)unused;
    open_lent(&scribbled);
    EXPECT(WK_OK, wk_thread_run(&thread, scribble, NULL, 4, ACTOR_PRIORITY));
    for (;;) { /* nobody would wake it: the announcement is scribbled over, too */
        if (wk_channel_try_send(&scribbled, &message) == WK_WOULD_BLOCK)
            pause_for(50000);
    }
}

static uint64_t sum_of(const struct wk_ring_message *message)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < 8; i++)
        sum = sum * 31 + *(const volatile uint64_t *)&message->words[i];
    return sum;
}

/* What was received stays as it is; and the doorbell is rung more often than it need be, that is all. */
static void scribbles(void)
{
    struct wk_ring_message message;
    struct line line;

    begin_line(&line, "scribbler", 0);
    for (unsigned i = 0; i < 500; i++) {
        uint64_t sum;

        EXPECT(WK_OK, wk_channel_receive(&line.channel, &message, wk_after_ns(PATIENCE_NS)));
        sum = sum_of(&message);
        for (unsigned j = 0; j < 20; j++)
            EQUAL(sum, sum_of(&message));
    }
    end_line(&line);
}

/* Indices that are anything, at any time: it ends by that, some time. */
static void play_raver(unsigned unused)
{
    struct wk_channel channel;
    uint64_t random = 7;

    (void)unused;
    open_lent(&channel);
    for (;;) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
        set(&channel.out.ring->producer.index, (uint32_t)(random >> 60));
        set(&channel.in.ring->consumer.index, (uint32_t)(random >> 59) % 4);
        wk_event_signal(channel.signal, BELL);
    }
}

static void ravings(void)
{
    for (unsigned i = 0; i < 10; i++) {
        struct wk_ring_message message = {0};
        enum wk_status status = WK_OK;
        struct line line;

        begin_line(&line, "raver", 0);
        while (status == WK_OK) {
            status = wk_channel_receive(&line.channel, &message, wk_after_ns(PATIENCE_NS));
            if (status == WK_OK)
                status = wk_channel_try_send(&line.channel, &message);
            if (status == WK_WOULD_BLOCK)
                status = WK_OK;
        }
        EXPECT(WK_BAD_ARGUMENT, status);
        is_over(&line.channel, WK_BAD_ARGUMENT);
        end_line(&line);
    }
}

/* ---- doorbells ---- */

#define REQUESTS 300

static void play_flooder(unsigned unused)
{
    struct wk_channel channel;

    (void)unused;
    open_lent(&channel);
    for (;;)
        EXPECT(WK_OK, wk_event_signal(channel.signal, UINT64_MAX));
}

static void play_asker(unsigned unused)
{
    struct wk_channel channel;
    struct wk_ring_message message = {0};
    bool sent;

    (void)unused;
    open_lent(&channel);
    for (uint64_t i = 0; i < REQUESTS; i++) {
        message.words[0] = i;
        EXPECT(WK_OK, wk_channel_exchange(&channel, &message, &message, WK_FOREVER, &sent));
        EQUAL(i + 1, message.words[0]);
    }
    wk_exit(STATUS);
}

/* One client of a server rings for all, without a pause; another is served all the same. */
static void floods(void)
{
    static const char *const parts[2] = {"asker", "flooder"};
    struct wk_channel_group group = {0};
    struct wk_channel channels[2], *channel;
    struct actor actors[2];
    struct wk_ring_message message;
    uint64_t extra;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &group.event));
    for (unsigned i = 0; i < 2; i++) {
        struct wk_channel_plan plan = {.sizes = SIZES, .event = group.event, .wait_bits = BELL << i};
        struct wk_channel_terms terms;

        actor_prepare(&actors[i], ACTOR_BANK_PAGES);
        actors[i].priority = ACTOR_PRIORITY - i;
        EXPECT(WK_OK, wk_channel_create(&channels[i], &plan, &terms));
        wk_channel_group_add(&group, &channels[i]);
        lend_terms(&actors[i], &terms);
    }
    start_part(&actors[1], parts[1], 0);
    start_part(&actors[0], parts[0], 0);
    for (unsigned i = 0; i < REQUESTS; i++) {
        EXPECT(WK_OK, wk_channel_group_receive(&group, &channel, &message, &extra, wk_after_ns(PATIENCE_NS)));
        CHECK(channel == &channels[0]);
        message.words[0]++;
        EXPECT(WK_OK, wk_channel_try_send(channel, &message));
    }
    EXPECT(WK_OK, wk_process_kill(actors[1].child.process, STATUS));
    for (unsigned i = 0; i < 2; i++) {
        actor_end_well(&actors[i], STATUS);
        wk_channel_group_remove(&group, &channels[i]);
        wk_channel_close(&channels[i]);
    }
    EXPECT(WK_OK, wk_capability_delete(group.event));
}

/* ---- all ---- */

static const struct part parts[] = {
    {"liar", play_liar},       {"scribbler", play_scribbler}, {"raver", play_raver},
    {"flooder", play_flooder}, {"asker", play_asker},
};

int main(int argc, char **argv)
{
    play_part(argc, argv, parts, sizeof(parts) / sizeof(parts[0]));
    lies();
    scribbles();
    ravings();
    floods();
    wk_print("channel_lies: good\n");
    return 0;
}
