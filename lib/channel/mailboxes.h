/* SPDX-License-Identifier: MIT */
/*
 * Capabilities over a channel, the server's side (carrier.h is the client's). Both mailboxes are the server's, which
 * pays for them: what stands in them goes with the channel, whoever ends first.
 */
#ifndef CHANNEL_MAILBOXES_H
#define CHANNEL_MAILBOXES_H

#include <channel/carrier.h>
#include <winkle/calls.h>

struct wk_mailboxes {
    wk_handle post; /* to the client; 0: there are none */
    wk_handle take;
};

/* Makes both, and what the client is told, but for the types: capabilities that are to be given to it. Errors as
 * `mailbox: create` and `capability: lend`; then nothing is left. */
enum wk_status wk_mailboxes_create(struct wk_mailboxes *mailboxes, uint64_t slots, struct wk_mailbox_terms *terms);
void wk_mailboxes_destroy(struct wk_mailboxes *mailboxes);

/*
 * Takes what came with a request: words that are tickets become handles, and are noted in `message->capabilities`.
 * @types: that are taken, a bit each by number
 * @operation: the operation word with its bits (wk_request_operation)
 * @return else nothing was taken, and what could not be stands in the mailbox, for its sender to withdraw: words of
 *         `answer` say by which ticket, where it is a new one. WK_NOT_ACCEPTED: of another type, or there are no
 *         mailboxes; WK_BAD_HANDLE: nothing is there by that ticket; WK_NO_MEMORY, WK_TABLE_FULL: the table has no room
 */
enum wk_status wk_mailboxes_take(const struct wk_mailboxes *mailboxes, uint64_t types, uint64_t operation,
                                 struct wk_message *message, struct wk_answer *answer);
/*
 * Posts what an answer carries: its handles become tickets. If one cannot be posted, what was to be given is deleted,
 * and the answer is the status that says why, as with a call (winkle/serve.h).
 * @types: that the client takes
 */
void wk_mailboxes_post(const struct wk_mailboxes *mailboxes, uint64_t types, struct wk_answer *answer);

#endif
