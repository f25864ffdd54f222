/* SPDX-License-Identifier: MIT */
/*
 * Creators that end, or take away what the channel is made of, at once or while this side, the opener, sends and receives.
 */
#include "channel_peers.h"

#include <winkle/calls.h>
#include <winkle/endpoint.h>
#include <winkle/memory.h>

#define LARGE_SIZE 64 /* more than a page */
#define LARGE_SIZES WK_CHANNEL_SIZES(LARGE_SIZE, LARGE_SIZE, 1)
#define GIVE 0x2000

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

static const struct part parts[] = {
    {"creator", play_creator},
};

int main(int argc, char **argv)
{
    play_part(argc, argv, parts, sizeof(parts) / sizeof(parts[0]));
    creators_are_bad();
    wk_print("channel_creators: good\n");
    return 0;
}
