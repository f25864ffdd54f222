/* SPDX-License-Identifier: MIT */
/*
 * Tests of channels with hostile and dying peers: an actor is the other side. Whatever it does, and wherever it ends,
 * this side loses that channel at most, with an error, and goes on with its other work.
 */
#ifndef CHANNEL_PEERS_H
#define CHANNEL_PEERS_H

#include "actors.h"

#include <channel/channel.h>
#include <winkle/process.h>
#include <winkle/thread.h>

#define SIZE 8
#define SIZES WK_CHANNEL_SIZES(SIZE, SIZE, 0)
#define ENDED 1 /* as actors.h has it */
#define BELL 2
#define PATIENCE_NS (100 * WK_NS_PER_SECOND)
#define STATUS 7

static inline uint64_t number(const char *text)
{
    uint64_t value = 0;

    CHECK(wk_parse_number(text, strlen(text), &value));
    return value;
}

static inline void pause_for(uint64_t ns)
{
    EXPECT(WK_OK, wk_thread_sleep(wk_self.start->thread, wk_after_ns(ns)));
}

__attribute__((noreturn)) static inline void stay(void)
{
    for (;;)
        pause_for(WK_NS_PER_SECOND);
}

/* Plays a part of this program, with a number. */
static inline void start_part(struct actor *actor, const char *part, unsigned kind)
{
    char text[8];

    wk_print_text(text, sizeof(text), "%u", kind);
    actor_start(actor, 3, (const char *const[]){wk_self.start->argv[0], part, text});
}

/* ---- this side is the creator ---- */

/* A channel to an actor whose end it is told. */
struct line {
    struct wk_channel channel;
    struct actor actor;
};

static inline void lend_terms(struct actor *actor, const struct wk_channel_terms *terms)
{
    actor_lend(actor, "memory", terms->memory, WK_RIGHTS_ALL);
    actor_lend(actor, "wait", terms->wait, WK_RIGHTS_ALL);
    actor_lend(actor, "signal", terms->signal, WK_RIGHTS_ALL);
}

static inline void begin_line(struct line *line, const char *part, unsigned kind)
{
    struct wk_channel_terms terms;

    actor_prepare(&line->actor, ACTOR_BANK_PAGES);
    EXPECT(WK_OK,
           wk_channel_create(&line->channel,
                             &(struct wk_channel_plan){
                                 .sizes = SIZES, .event = line->actor.event, .wait_bits = BELL, .end_bits = ENDED},
                             &terms));
    lend_terms(&line->actor, &terms);
    start_part(&line->actor, part, kind);
}

/* It may have been told already that the actor ended; one that has not ended by itself is ended now. */
static inline void end_line(struct line *line)
{
    wk_channel_close(&line->channel);
    wk_process_kill(line->actor.child.process, STATUS);
    EXPECT(WK_OK, wk_event_signal(line->actor.event, ENDED));
    actor_end_well(&line->actor, STATUS);
}

static inline void open_lent(struct wk_channel *channel)
{
    EXPECT(WK_OK, wk_channel_open(channel, &(struct wk_channel_terms){.memory = wk_named_handle("memory"),
                                                                      .wait = wk_named_handle("wait"),
                                                                      .signal = wk_named_handle("signal"),
                                                                      .sizes = SIZES,
                                                                      .wait_bits = 1,
                                                                      .signal_bits = BELL}));
}

/* Nothing goes through it any more, and that does not change. */
static inline void is_over(struct wk_channel *channel, enum wk_status why)
{
    struct wk_ring_message message = {0};
    uint32_t count;
    bool sent;

    for (unsigned i = 0; i < 2; i++) {
        EXPECT(why, wk_channel_try_receive(channel, &message));
        EXPECT(why, wk_channel_try_receive_many(channel, &message, 1, &count));
        EXPECT(why, wk_channel_receive(channel, &message, WK_FOREVER));
        EXPECT(why, wk_channel_try_send(channel, &message));
        EXPECT(why, wk_channel_try_send_many(channel, &message, 1, &count));
        EXPECT(why, wk_channel_send(channel, &message, WK_FOREVER));
        EXPECT(why, wk_channel_exchange(channel, &message, &message, WK_FOREVER, &sent));
        EXPECT(why, wk_channel_about_to_wait(channel, WK_CHANNEL_MESSAGES));
        EXPECT(why, wk_channel_status(channel));
    }
}

/* Receives until it is over; returns how many. */
static inline unsigned receive_all(struct wk_channel *channel, enum wk_status why)
{
    struct wk_ring_message message;
    unsigned count = 0;
    enum wk_status status;

    while ((status = wk_channel_receive(channel, &message, wk_after_ns(PATIENCE_NS))) == WK_OK)
        count++;
    EXPECT(why, status);
    is_over(channel, why);
    return count;
}

/* Sends until it is over. */
static inline void send_all(struct wk_channel *channel, enum wk_status why)
{
    struct wk_ring_message message = {0};
    enum wk_status status;

    while ((status = wk_channel_send(channel, &message, wk_after_ns(PATIENCE_NS))) == WK_OK)
        ;
    EXPECT(why, status);
}

/* ---- parts that actors play ---- */

struct part {
    const char *name;
    void (*play)(unsigned kind);
};

/* Plays the part that the arguments name; returns if there are none. */
static inline void play_part(int argc, char **argv, const struct part *parts, unsigned count)
{
    for (unsigned i = 0; argc > 1 && i < count; i++) {
        if (strcmp(parts[i].name, argv[1]) == 0)
            parts[i].play((unsigned)number(argv[2]));
    }
    CHECK(argc == 1);
}

#endif
