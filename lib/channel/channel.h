/* SPDX-License-Identifier: MIT */
/*
 * Channels: messages of 64 bytes between two processes, both ways, in memory that both have. While both are awake the
 * kernel has no part in it. Who sleeps is woken by an event, once; who finds the ring full is told, and nothing is lost.
 * docs/channels.md tells how to use them.
 *
 * The *creator* makes a channel, the *opener* is told its terms. All of it belongs to the creator: memory, and an event for
 * each side. What the opener has of that is lent, so when the creator ends, the opener's waits end too, with `revoked`, and
 * its memory goes, which is no fault of its own (winkle/borrowed.h). That the opener has ended the creator learns by other
 * ways, and says so: wk_channel_peer_has_ended.
 *
 * The peer is not trusted: it can send what it likes, and end the channel. A status that is none of WK_OK,
 * WK_WOULD_BLOCK, WK_TIMED_OUT, WK_INTERRUPTED and WK_BUSY says that the channel has ended, and then stays: WK_REVOKED, the peer or
 * the memory has gone; WK_BAD_ARGUMENT, the peer wrote an index that cannot be.
 *
 * Of each side, one thread at a time uses a channel.
 */
#ifndef CHANNEL_CHANNEL_H
#define CHANNEL_CHANNEL_H

#include <winkle/borrowed.h>
#include <winkle/message.h>
#include <winkle/rings.h>

/* Messages that there is room for on the way to the opener and to the creator, powers of two up to WK_RING_MESSAGES_MAX;
 * and pages for larger data that lie in the same memory. */
#define WK_CHANNEL_SIZES(to_opener, to_creator, buffer_pages)                                                          \
    ((uint64_t)(to_opener) | (uint64_t)(to_creator) << 16 | (uint64_t)(buffer_pages) << 32)

/* What the opener is told: six words, as they go with a call or an answer. */
struct wk_channel_terms {
    wk_handle memory;     /* to read and write */
    wk_handle wait;       /* an event, to wait for */
    wk_handle signal;     /* an event, to signal */
    uint64_t sizes;       /* WK_CHANNEL_SIZES */
    uint64_t wait_bits;   /* by which the opener is woken */
    uint64_t signal_bits; /* by which it wakes the creator */
};

/* How these words are marked in a message that gives the capabilities away: in an answer's `capabilities`, or a call's operation. */
#define WK_CHANNEL_TERMS_GIVEN                                                                                         \
    (WK_MESSAGE_CAPABILITY(0) | WK_MESSAGE_CAPABILITY(1) | WK_MESSAGE_CAPABILITY(2) | WK_MESSAGE_GIVE(0) |             \
     WK_MESSAGE_GIVE(1) | WK_MESSAGE_GIVE(2))

struct wk_channel {
    struct wk_ring_producer out;
    struct wk_ring_consumer in;
    enum wk_status ended; /* WK_OK: it has not */
    bool is_peer_gone;    /* what it has sent can still be received */
    bool is_borrowed;     /* the memory may be taken back */
    wk_handle memory;
    struct wk_borrowed mapping;
    void *buffers; /* the pages for larger data; the creator finds zeros there */
    uint64_t buffer_pages;
    wk_handle wait;
    uint64_t wait_bits; /* the doorbell, and what comes with it */
    uint64_t end_bits;  /* bits of the same event that say that the peer has ended; see wk_channel_create */
    wk_handle signal;
    uint64_t signal_bits;
    uint32_t kept; /* so many messages of the room in `out` are kept for answers that were put off (server.h) */
    struct wk_carrier *carrier; /* by which capabilities travel (carrier.h), or NULL */
};

/* ---- beginning and end ---- */

struct wk_channel_plan {
    uint64_t sizes; /* WK_CHANNEL_SIZES */
    wk_handle bank; /* pays for the memory; 0: the own. Another's may be destroyed: the channel then ends */
    wk_handle
        event; /* by which the creator is woken, which it owns, and whose bits the opener can signal, all of them */
    uint64_t wait_bits; /* by this one of its bits, or several */
    uint64_t
        end_bits; /* the ones that somebody, such as the kernel, signals when the opener has ended; 0: none. Only where
                         * nobody else can signal the event: whoever can would end the channel */
};

/* Makes a channel, and the terms for its opener: capabilities that are to be given to it. Errors as `memory: create` and
 * `event: create`; WK_BAD_ARGUMENT for sizes that cannot be. Then nothing is left. */
enum wk_status wk_channel_create(struct wk_channel *channel, const struct wk_channel_plan *plan,
                                 struct wk_channel_terms *terms);
/* Opens the channel whose terms were given: the capabilities then belong to the channel. Errors as wk_borrowed_map, and
 * WK_BAD_ARGUMENT for sizes that cannot be; then they still belong to the caller. Threads that use the channel beside the
 * calling one need wk_upcalls_attach. */
enum wk_status wk_channel_open(struct wk_channel *channel, const struct wk_channel_terms *terms);
/* Gives back all of it. The peer finds that it ended, if this is the creator; if not, the creator has to learn it otherwise. */
void wk_channel_close(struct wk_channel *channel);

/* Says that the peer has ended: what it had sent can be received, nothing can be sent. */
void wk_channel_peer_has_ended(struct wk_channel *channel);
/* Ends the channel, because of what the peer did. Returns why it has ended, which may be an earlier reason. */
enum wk_status wk_channel_end(struct wk_channel *channel, enum wk_status why);
/* Why it has ended; WK_OK if it has not. To be asked when something larger was copied out of `buffers`. */
static inline enum wk_status wk_channel_status(struct wk_channel *channel)
{
    if (channel->ended == WK_OK && wk_borrowed_has_gone(&channel->mapping))
        return wk_channel_end(channel, WK_REVOKED);
    return channel->ended;
}

/* ---- what is seldom needed by the functions below ---- */

/* Room or messages by a look at the ring: WK_OK, WK_WOULD_BLOCK, or why the channel has ended. */
enum wk_status wk_channel_look_for_room(struct wk_channel *channel);
enum wk_status wk_channel_look_for_messages(struct wk_channel *channel);
/* Wakes the peer. */
enum wk_status wk_channel_ring_bell(struct wk_channel *channel);

/* ---- sending ---- */

/* Has the peer see so many more messages, which have been written to wk_ring_slot(&channel->out, 0), 1, ...; wakes it if it sleeps. */
static inline enum wk_status wk_channel_publish(struct wk_channel *channel, uint32_t count)
{
    wk_ring_publish(&channel->out, count);
    return wk_ring_must_wake_consumer(&channel->out) ? wk_channel_ring_bell(channel) : WK_OK;
}

/* Whether there is room for a message. WK_WOULD_BLOCK: not now. */
static inline enum wk_status wk_channel_has_room(struct wk_channel *channel)
{
    return wk_ring_room(&channel->out) != 0 ? WK_OK : wk_channel_look_for_room(channel);
}

/* Sends a message. WK_WOULD_BLOCK: there is no room, and it was not sent. */
static inline enum wk_status wk_channel_try_send(struct wk_channel *channel, const struct wk_ring_message *message)
{
    const enum wk_status status = wk_channel_has_room(channel);

    if (status != WK_OK)
        return status;
    wk_ring_copy(wk_ring_slot(&channel->out, 0), message);
    return wk_channel_publish(channel, 1);
}

/* Sends as many of `count` messages as there is room for, *sent of them. WK_WOULD_BLOCK: none. */
static inline enum wk_status wk_channel_try_send_many(struct wk_channel *channel,
                                                      const struct wk_ring_message *messages, uint32_t count,
                                                      uint32_t *sent)
{
    uint32_t room = wk_ring_room(&channel->out);

    *sent = 0;
    if (room < count) {
        const enum wk_status status = wk_channel_look_for_room(channel);

        if (status != WK_OK)
            return status;
        room = wk_ring_room(&channel->out);
    }
    if (room > count)
        room = count;
    wk_ring_fill(&channel->out, messages, room);
    *sent = room;
    return wk_channel_publish(channel, room);
}

/* ---- receiving ---- */

/* Gives slots back whose messages have been copied; wakes the peer if it waits for them. Says if the memory was still
 * there when they were copied. */
static inline enum wk_status wk_channel_give_back(struct wk_channel *channel, uint32_t count)
{
    wk_ring_give_back(&channel->in, count);
    if (wk_ring_must_wake_producer(&channel->in))
        wk_channel_ring_bell(channel); /* that it cannot be woken any more does not take back what it sent */
    /* Behind the full fence of wk_ring_must_wake_producer, so that no other is needed: see wk_borrowed_has_gone. */
    if (__atomic_load_n(&channel->mapping.has_gone, __ATOMIC_RELAXED) != 0)
        return wk_channel_end(channel, WK_REVOKED);
    return WK_OK;
}

/* Receives a message, a copy that nobody can change any more. WK_WOULD_BLOCK: there is none. */
static inline enum wk_status wk_channel_try_receive(struct wk_channel *channel, struct wk_ring_message *message)
{
    if (wk_ring_ready(&channel->in) == 0) {
        const enum wk_status status = wk_channel_look_for_messages(channel);

        if (status != WK_OK)
            return status;
    }
    wk_ring_copy(message, wk_ring_message(&channel->in, 0));
    return wk_channel_give_back(channel, 1);
}

/* Receives up to `most` messages, *received of them. WK_WOULD_BLOCK: there is none. */
static inline enum wk_status wk_channel_try_receive_many(struct wk_channel *channel, struct wk_ring_message *messages,
                                                         uint32_t most, uint32_t *received)
{
    uint32_t ready = wk_ring_ready(&channel->in);
    enum wk_status status;

    *received = 0;
    if (ready == 0) {
        status = wk_channel_look_for_messages(channel);
        if (status != WK_OK)
            return status;
        ready = wk_ring_ready(&channel->in);
    }
    if (ready > most)
        ready = most;
    wk_ring_take(&channel->in, messages, ready);
    status = wk_channel_give_back(channel, ready);
    if (status == WK_OK)
        *received = ready;
    return status;
}

/* ---- waiting ---- */

/* Deadlines are absolute, in ns since boot (winkle/clock.h), WK_FOREVER for none. All of these may answer WK_TIMED_OUT,
 * WK_INTERRUPTED, WK_BUSY as `event: wait` does. */

/* Sends a message, waiting for room if there is none. */
enum wk_status wk_channel_send(struct wk_channel *channel, const struct wk_ring_message *message, uint64_t deadline_ns);
/* Receives a message, waiting for one if there is none. */
enum wk_status wk_channel_receive(struct wk_channel *channel, struct wk_ring_message *message, uint64_t deadline_ns);
/* Sends a message, then receives one: where both have to wait for each other, with one trap each. If it fails because of a
 * wait, *sent tells whether the message has been sent. */
enum wk_status wk_channel_exchange(struct wk_channel *channel, const struct wk_ring_message *message,
                                   struct wk_ring_message *answer, uint64_t deadline_ns, bool *sent);

enum wk_channel_want { WK_CHANNEL_MESSAGES = 1, WK_CHANNEL_ROOM = 2 };

/* Waits for messages, for room, or for both, whichever is there first. WK_OK: a look is worth while, which may also find that
 * the channel has ended, or nothing. */
enum wk_status wk_channel_wait(struct wk_channel *channel, unsigned wants, uint64_t deadline_ns);

/*
 * For who waits for several things at a time. Announces that the caller is about to wait for what it wants, one of them
 * or both. WK_OK: it need not wait, it is there. WK_WOULD_BLOCK: it may wait for the channel's `wait_bits` and `end_bits`; then
 * wk_channel_awake, with the bits that came, if any, and a look at what there is, whatever the bits say.
 */
enum wk_status wk_channel_about_to_wait(struct wk_channel *channel, unsigned wants);
void wk_channel_awake(struct wk_channel *channel, uint64_t bits);
/* The wait ended so, of which wk_channel_awake is a part. WK_OK: look at what there is. Whatever else is answered is no matter of the peer's:
 * any other status means that the event has gone, and the peer with it. */
enum wk_status wk_channel_wait_ended(struct wk_channel *channel, enum wk_status status, uint64_t bits);

#endif
