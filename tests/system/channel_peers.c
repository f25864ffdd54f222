/* SPDX-License-Identifier: MIT */
/*
 * Channels with hostile and dying peers: whatever the other side does to indices, messages, events and memory, and wherever
 * it ends, this side loses that channel at most, with an error, and goes on with its other work.
 */
#include "actors.h"

#include <channel/channel.h>
#include <channel/group.h>
#include <winkle/calls.h>
#include <winkle/endpoint.h>
#include <winkle/memory.h>
#include <winkle/process.h>
#include <winkle/thread.h>
#include <winkle/threads.h>
#include <winkle/upcalls.h>

#define SIZE 8
#define SIZES WK_CHANNEL_SIZES(SIZE, SIZE, 0)
#define LARGE_SIZE 64 /* more than a page */
#define LARGE_SIZES WK_CHANNEL_SIZES(LARGE_SIZE, LARGE_SIZE, 1)
#define ENDED 1 /* as actors.h has it */
#define BELL 2
#define PATIENCE_NS (100 * WK_NS_PER_SECOND)
#define STATUS 7
#define GIVE 0x2000

static uint64_t number(const char *text)
{
    uint64_t value = 0;

    CHECK(wk_parse_number(text, strlen(text), &value));
    return value;
}

static void pause_for(uint64_t ns)
{
    EXPECT(WK_OK, wk_thread_sleep(wk_self.start->thread, wk_after_ns(ns)));
}

__attribute__((noreturn)) static void stay(void)
{
    for (;;)
        pause_for(WK_NS_PER_SECOND);
}

/* Plays a part of this program, with a number. */
static void start_part(struct actor *actor, const char *part, unsigned kind)
{
    char text[8];

    wk_print_text(text, sizeof(text), "%u", kind);
    actor_start(actor, 3, (const char *const[]){"test-channel_peers", part, text});
}

/* ---- this side is the creator ---- */

/* A channel to an actor whose end it is told. */
struct line {
    struct wk_channel channel;
    struct actor actor;
};

static void lend_terms(struct actor *actor, const struct wk_channel_terms *terms)
{
    actor_lend(actor, "memory", terms->memory, WK_RIGHTS_ALL);
    actor_lend(actor, "wait", terms->wait, WK_RIGHTS_ALL);
    actor_lend(actor, "signal", terms->signal, WK_RIGHTS_ALL);
}

static void begin_line(struct line *line, const char *part, unsigned kind)
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
static void end_line(struct line *line)
{
    wk_channel_close(&line->channel);
    wk_process_kill(line->actor.child.process, STATUS);
    EXPECT(WK_OK, wk_event_signal(line->actor.event, ENDED));
    actor_end_well(&line->actor, STATUS);
}

static void open_lent(struct wk_channel *channel)
{
    EXPECT(WK_OK, wk_channel_open(channel, &(struct wk_channel_terms){.memory = wk_named_handle("memory"),
                                                                      .wait = wk_named_handle("wait"),
                                                                      .signal = wk_named_handle("signal"),
                                                                      .sizes = SIZES,
                                                                      .wait_bits = 1,
                                                                      .signal_bits = BELL}));
}

/* Nothing goes through it any more, and that does not change. */
static void is_over(struct wk_channel *channel, enum wk_status why)
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
static unsigned receive_all(struct wk_channel *channel, enum wk_status why)
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
static void send_all(struct wk_channel *channel, enum wk_status why)
{
    struct wk_ring_message message = {0};
    enum wk_status status;

    while ((status = wk_channel_send(channel, &message, wk_after_ns(PATIENCE_NS))) == WK_OK)
        ;
    EXPECT(why, status);
}

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

/* ---- this side is the opener; the creator ends, or takes its memory back ---- */

enum deed {
    ENDS,
    SENDS_AND_ENDS,
    ENDS_SUDDENLY, /* while this side sends and receives */
    REVOKES_MEMORY,
    REVOKES_SUDDENLY,
    DESTROYS_EVENT,
    DECOMMITS,
    CUTS_OFF,
    DEEDS
};

static void do_deed(struct wk_channel *channel, enum deed deed)
{
    struct wk_ring_message message = {0};

    switch (deed) {
    case SENDS_AND_ENDS:
        EXPECT(WK_OK, wk_channel_try_send(channel, &message));
        break;
    case REVOKES_MEMORY:
    case REVOKES_SUDDENLY:
        EXPECT(WK_OK, wk_capability_revoke(channel->memory));
        break;
    case DESTROYS_EVENT:
        EXPECT(WK_OK, wk_capability_delete(channel->signal));
        stay();
    case DECOMMITS: /* a message that it has received is then one that was never sent */
        EXPECT(WK_OK, wk_channel_try_send(channel, &message));
        while (wk_ring_look_for_room(&channel->out) != WK_OK || wk_ring_room(&channel->out) != LARGE_SIZE)
            pause_for(100000);
        EXPECT(WK_OK, wk_memory_decommit(channel->memory, 0, channel->mapping.pages));
        break;
    case CUTS_OFF:
        EXPECT(WK_OK, wk_memory_resize(channel->memory, 1));
        break;
    case ENDS:
    case ENDS_SUDDENLY:
    case DEEDS:
        break;
    }
    if (deed <= ENDS_SUDDENLY)
        wk_exit(STATUS);
    EXPECT(WK_OK, wk_event_signal(channel->signal, channel->signal_bits)); /* so that the other side looks */
    stay();
}

/* Creates a channel for the other side, gives it away by a call, and is then as bad as it can be. */
static void play_creator(unsigned deed)
{
    struct wk_channel channel;
    struct wk_channel_terms terms;
    struct wk_ring_message message = {0};
    uint64_t words[6];
    wk_handle event;

    EXPECT(WK_OK, wk_event_create(wk_self.bank, &event));
    EXPECT(WK_OK, wk_channel_create(&channel,
                                    &(struct wk_channel_plan){.sizes = LARGE_SIZES, .event = event, .wait_bits = BELL},
                                    &terms));
    memcpy(words, &terms, sizeof(words));
    EXPECT(WK_OK, wk_call(wk_named_handle("session"), GIVE | WK_CHANNEL_TERMS_GIVEN, words, WK_FOREVER));
    EXPECT(WK_OK, wk_channel_receive(&channel, &message, WK_FOREVER)); /* it is open */
    if (deed == ENDS_SUDDENLY || deed == REVOKES_SUDDENLY) {
        const uint64_t until = wk_after_ns(message.words[0]);

        while (wk_now_ns() < until) {
            wk_channel_try_send(&channel, &message);
            wk_channel_try_receive(&channel, &message);
        }
    }
    do_deed(&channel, (enum deed)deed);
}

static void begin_creator(struct actor *actor, struct wk_channel *channel, unsigned deed)
{
    struct wk_channel_terms terms;
    struct wk_message message;
    wk_handle endpoint, session;

    EXPECT(WK_OK, wk_endpoint_create(wk_self.bank, &endpoint));
    EXPECT(WK_OK, wk_endpoint_accept(endpoint, UINT64_C(1) << WK_TYPE_MEMORY | UINT64_C(1) << WK_TYPE_EVENT, 3));
    EXPECT(WK_OK, wk_endpoint_mint(endpoint, 1, 0, &session));
    actor_prepare(actor, ACTOR_BANK_PAGES);
    actor_lend(actor, "session", session, WK_SESSION_RIGHT_CALL);
    start_part(actor, "creator", deed);
    EXPECT(WK_OK, wk_receive(endpoint, &message, wk_after_ns(PATIENCE_NS)));
    EQUAL(7, message.capabilities);
    memcpy(&terms, message.words, sizeof(terms));
    EXPECT(WK_OK, wk_channel_open(channel, &terms));
    EXPECT(WK_OK, wk_reply(endpoint, &(struct wk_answer){.status = WK_OK}));
    EXPECT(WK_OK, wk_capability_delete(session));
    EXPECT(WK_OK, wk_capability_delete(endpoint));
}

/* Sends and receives until it is over. */
static enum wk_status use_up(struct wk_channel *channel, uint64_t seed)
{
    struct wk_ring_message messages[16] = {{.words = {seed}}};
    enum wk_status status = WK_OK;

    while (status == WK_OK) {
        uint32_t count;

        status = wk_channel_try_send_many(channel, messages, 16, &count);
        if (status == WK_OK || status == WK_WOULD_BLOCK)
            status = wk_channel_try_receive_many(channel, messages, 16, &count);
        if (status == WK_WOULD_BLOCK)
            status = wk_channel_wait(channel, WK_CHANNEL_MESSAGES, wk_after_ns(PATIENCE_NS));
    }
    return status;
}

/* What the buffers hold when they have gone is nobody's any more, but no fault. */
static void touch_buffers(struct wk_channel *channel)
{
    uint8_t *bytes = channel->buffers;

    for (uint64_t i = 0; i < channel->buffer_pages * WK_PAGE_BYTES; i += 64)
        ((volatile uint8_t *)bytes)[i]++;
}

static void creator_is_bad(unsigned deed, uint64_t delay_ns)
{
    struct wk_ring_message message = {.words = {delay_ns}};
    struct wk_channel channel;
    struct actor actor;
    enum wk_status status;

    begin_creator(&actor, &channel, deed);
    EXPECT(WK_OK, wk_channel_send(&channel, &message, WK_FOREVER));
    if (deed == ENDS_SUDDENLY || deed == REVOKES_SUDDENLY || deed == CUTS_OFF) {
        status = use_up(&channel, delay_ns);
    } else {
        while ((status = wk_channel_receive(&channel, &message, wk_after_ns(PATIENCE_NS))) == WK_OK)
            ;
    }
    EXPECT(deed == DECOMMITS ? WK_BAD_ARGUMENT : WK_REVOKED, status);
    is_over(&channel, status);
    touch_buffers(&channel);
    wk_channel_close(&channel);
    wk_process_kill(actor.child.process, STATUS);
    actor_end_well(&actor, STATUS);
}

static void creators_are_bad(void)
{
    for (unsigned deed = 0; deed < DEEDS; deed++)
        creator_is_bad(deed, 1000000);
    for (uint64_t i = 0; i < 12; i++)
        creator_is_bad(i % 2 == 0 ? ENDS_SUDDENLY : REVOKES_SUDDENLY, 100000 + 37000 * i);
}

/* ---- all ---- */

static const struct {
    const char *name;
    void (*play)(unsigned kind);
} parts[] = {
    {"liar", play_liar},   {"scribbler", play_scribbler}, {"raver", play_raver},     {"flooder", play_flooder},
    {"asker", play_asker}, {"dying", play_dying},         {"waiting", play_waiting}, {"creator", play_creator},
};

int main(int argc, char **argv)
{
    for (unsigned i = 0; argc > 1 && i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcmp(parts[i].name, argv[1]) == 0)
            parts[i].play((unsigned)number(argv[2]));
    }
    CHECK(argc == 1);
    lies();
    scribbles();
    ravings();
    floods();
    openers_end();
    waiting_openers_end();
    creators_are_bad();
    wk_print("channel_peers: good\n");
    return 0;
}
