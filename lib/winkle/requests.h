/* SPDX-License-Identifier: MIT */
/*
 * What stands around the handlers of a service: the generated wk_NAME_dispatch (<winkle/NAME_service.h>) is made of it. What
 * a client sent is not trusted: a word is a capability if it came as one, and none may stay with the server that it did not ask
 * for.
 */
#ifndef WINKLE_REQUESTS_H
#define WINKLE_REQUESTS_H

#include <winkle/calls.h>

#include <stdbool.h>

/* Deletes the capabilities that came in some of the words. */
void wk_request_drop(const struct wk_message *message, uint64_t words);
/* Deletes the capabilities that an answer was to give away, for it cannot be sent. */
void wk_answer_drop(const struct wk_answer *answer);

/* Whether the capabilities that came are those that the operation has; an optional one that did not come is 0. */
static inline bool wk_request_carries(const struct wk_message *message, uint64_t required, uint64_t optional)
{
    const uint64_t came = message->capabilities;

    if ((came & required) != required || (came & ~(required | optional)) != 0)
        return false;
    for (uint64_t rest = optional & ~came; rest != 0; rest &= rest - 1) {
        if (message->words[__builtin_ctzll(rest)] != 0)
            return false;
    }
    return true;
}

/* It was not handled: nothing that came with it stays. */
static inline void wk_request_refuse(const struct wk_message *message, struct wk_answer *answer, enum wk_status status)
{
    if (message->capabilities != 0)
        wk_request_drop(message, message->capabilities);
    *answer = (struct wk_answer){.status = status};
}

/* It is made: results that are capabilities, if they are not 0, are given away, and there are none if it failed. */
static inline void wk_answer_done(struct wk_answer *answer, uint64_t handles)
{
    if (answer->status != WK_OK) {
        *answer = (struct wk_answer){.status = answer->status};
        return;
    }
    for (uint64_t rest = handles; rest != 0; rest &= rest - 1) {
        const unsigned word = (unsigned)__builtin_ctzll(rest);

        if (answer->words[word] != 0)
            answer->capabilities |= WK_MESSAGE_CAPABILITY(word) | WK_MESSAGE_GIVE(word);
    }
}

/*
 * It was handled. What the operation only borrows goes, for a client that gave it instead would fill the server's table. A
 * handler that needs it longer, because it puts the answer off, clears its bit in `message->capabilities`.
 * @lent: the words that are lent by what the interface says
 * @handles: the results that are capabilities, if they are not 0
 */
static inline void wk_request_done(const struct wk_message *message, struct wk_answer *answer, uint64_t lent,
                                   uint64_t handles)
{
    if ((message->capabilities & lent) != 0)
        wk_request_drop(message, message->capabilities & lent);
    wk_answer_done(answer, handles);
}

#endif
