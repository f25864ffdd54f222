/* SPDX-License-Identifier: MIT */
/*
 * Capabilities over a channel, the client's side. The channel carries words, and a mailbox each way what words cannot
 * (docs/mailboxes.md): who sends posts a capability and writes the ticket in place of its handle, who receives takes it
 * by that. The carrier does so for the functions of <channel/connection.h>, which stay the same.
 *
 *     wk_notes_mailboxes(session, &terms.post, &terms.take, &terms.slots, &terms.types);
 *     wk_carrier_open(&carrier, &channel, &terms);     wk_channel_close ends it, too
 *
 * What is lent is lent until the answer, as with a call by a session: it is a child of a child that the carrier keeps,
 * and deletes when the answer comes. What a message says of capabilities is believed of nobody: a word of an answer is
 * one only where the operation has a result that is, and if it could be taken.
 *
 * So many capabilities are under way as a mailbox has slots, each way, and at most WK_CARRIED_MAX calls that have to do
 * with any; then `would_block`. They are told apart by their tags: no two of them have the same at a time.
 */
#ifndef CHANNEL_CARRIER_H
#define CHANNEL_CARRIER_H

#include <channel/channel.h>
#include <winkle/queue.h>

#define WK_CARRIED_MAX 16

/* What a client is told of its channel's mailboxes: four words, as they go with an answer. */
struct wk_mailbox_terms {
    wk_handle post;
    wk_handle take;
    uint64_t slots; /* of each */
    uint64_t types; /* that the server takes, a bit each by number */
};

/* A call under way that carries capabilities, or whose answer may. Words are bits, 0 to 5. */
struct wk_carried {
    bool is_used;
    uint8_t posted;  /* words whose capabilities have been posted */
    uint8_t handles; /* words of the answer that may be capabilities */
    uint8_t left;    /* words of an answer that came whose capabilities could not be taken for want of room */
    uint16_t types;  /* that these may be of */
    uint32_t tag;
    wk_handle lent[6]; /* by posted word: what is to be taken back; 0: it was given */
    uint64_t tickets[6];
};

struct wk_carrier {
    struct wk_mailbox_terms terms;
    unsigned posting;      /* slots that calls under way may have in use on the way to the server, */
    unsigned expecting;    /* and on the way back */
    wk_handle returned[6]; /* wk_carrier_returned */
    struct wk_carried calls[WK_CARRIED_MAX];
};

/* From now on capabilities travel over the channel. What the terms name belongs to it. */
void wk_carrier_open(struct wk_carrier *carrier, struct wk_channel *channel, const struct wk_mailbox_terms *terms);
/* Ends all loans, and gives the mailboxes back: wk_channel_close does it. */
void wk_carrier_close(struct wk_carrier *carrier);

/*
 * A capability that was to be given away by word `word`, and came back: by another handle, for it was in the mailbox.
 * That can be when wk_NAME_by or wk_NAME_start answers an error; the completion of what was started says by itself what
 * came back. 0: nothing did. Who asks has it from then on; who does not loses it when another one comes back.
 */
wk_handle wk_carrier_returned(struct wk_carrier *carrier, unsigned word);

/* ---- what <channel/connection.h> is made of ---- */

/*
 * Posts what a message carries, and makes its handles tickets. The channel has room for it then.
 * @handles: words of the answer that may be capabilities, a bit each
 * @return WK_NOT_ACCEPTED: capabilities do not travel over this channel, or not of that type, or not so many;
 *         WK_WOULD_BLOCK: too many are under way, or there is no room; WK_BUSY: the tag is another's, or as `mailbox:
 *         post`. Errors as of that, `capability: info` and `capability: lend`, or why the channel has ended. Then
 *         nothing is posted
 */
enum wk_status wk_carrier_pack(struct wk_channel *channel, struct wk_ring_message *message, unsigned handles);
/* The message was not sent after all, or there will be no answer. */
void wk_carrier_abandon(struct wk_carrier *carrier, uint32_t tag);
/* What came over the channel as a completion: loans have ended, results were taken; or, with any other status than
 * WK_OK, what was to be given away and was not taken has come back, in words that are marked as capabilities. */
void wk_carrier_unpack(struct wk_carrier *carrier, const struct wk_ring_message *message,
                       struct wk_completion *completion);
/* What came back with a completion is kept for wk_carrier_returned. */
void wk_carrier_keep_returned(struct wk_carrier *carrier, const struct wk_completion *completion);

#endif
