/* SPDX-License-Identifier: MIT */
/*
 * Openers that end at each step, or are killed while they wait: what they had sent is received, then the channel is over.
 */
#include "channel_peers.h"

/* ---- the opener ends, at each step ---- */

enum step { UNOPENED, OPENED, FILLED, PUBLISHED, RUNG, ANNOUNCED, ANNOUNCED_FOR_ROOM, SENT_ALL, RECEIVED_SOME, STEPS };

static void take_step(struct wk_channel *channel, enum step step)
{
    struct wk_ring_message message = {.words = {1, 2, 3, 4, 5, 6, 7, 8}};

    switch (step) {
    case FILLED:
    case PUBLISHED:
    case RUNG:
        wk_ring_fill(&channel->out, &message, 1);
        if (step >= PUBLISHED)
            wk_ring_publish(&channel->out, 1);
        if (step >= RUNG)
            EXPECT(WK_OK, wk_channel_ring_bell(channel));
        break;
    case ANNOUNCED:
        wk_ring_announce(&channel->in.ring->consumer, &channel->in.sleeps);
        break;
    case SENT_ALL:
    case ANNOUNCED_FOR_ROOM:
        for (unsigned i = 0; i < SIZE; i++)
            EXPECT(WK_OK, wk_channel_try_send(channel, &message));
        if (step == ANNOUNCED_FOR_ROOM)
            wk_ring_announce(&channel->out.ring->producer, &channel->out.sleeps);
        break;
    case RECEIVED_SOME:
        EXPECT(WK_OK, wk_channel_receive(channel, &message, WK_FOREVER));
        break;
    case UNOPENED:
    case OPENED:
    case STEPS:
        break;
    }
}

static void play_dying(unsigned step)
{
    struct wk_channel channel;

    if (step != UNOPENED) {
        open_lent(&channel);
        take_step(&channel, (enum step)step);
    }
    wk_exit(STATUS);
}

/* What it had sent is received; then the channel is over, for who waits for messages as for who waits for room. */
static void openers_end(void)
{
    for (unsigned step = 0; step < STEPS; step++) {
        const bool sends_all = step == SENT_ALL || step == ANNOUNCED_FOR_ROOM;
        const unsigned sent = sends_all ? SIZE : step == PUBLISHED || step == RUNG ? 1 : 0;
        struct wk_ring_message message = {0};
        struct line line;

        begin_line(&line, "dying", step);
        if (step == RECEIVED_SOME)
            EXPECT(WK_OK, wk_channel_send(&line.channel, &message, WK_FOREVER));
        if (step % 2 == 0)
            send_all(&line.channel, WK_REVOKED);
        EQUAL(sent, receive_all(&line.channel, WK_REVOKED));
        end_line(&line);
    }
}

/* Killed while it waits. */
static void play_waiting(unsigned for_room)
{
    struct wk_channel channel;
    struct wk_ring_message message = {0};

    open_lent(&channel);
    for (;;)
        EXPECT(WK_OK, for_room ? wk_channel_send(&channel, &message, WK_FOREVER)
                               : wk_channel_receive(&channel, &message, WK_FOREVER));
}

static void waiting_openers_end(void)
{
    for (unsigned for_room = 0; for_room < 2; for_room++) {
        struct line line;

        begin_line(&line, "waiting", for_room);
        pause_for(5000000);
        EXPECT(WK_OK, wk_process_kill(line.actor.child.process, STATUS));
        CHECK(receive_all(&line.channel, WK_REVOKED) <= SIZE);
        end_line(&line);
    }
}

/* ---- all ---- */

static const struct part parts[] = {
    {"dying", play_dying},
    {"waiting", play_waiting},
};

int main(int argc, char **argv)
{
    play_part(argc, argv, parts, sizeof(parts) / sizeof(parts[0]));
    openers_end();
    waiting_openers_end();
    wk_print("channel_ends: good\n");
    return 0;
}
