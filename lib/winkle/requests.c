/* SPDX-License-Identifier: MIT */
#include <winkle/requests.h>

#include <winkle/capability.h>

void wk_request_drop(const struct wk_message *message, uint64_t words)
{
    uint64_t rest = words & message->capabilities;

    for (unsigned word = 0; rest != 0; word++, rest >>= 1) {
        if ((rest & 1) != 0)
            wk_capability_delete(message->words[word]);
    }
}

void wk_answer_drop(const struct wk_answer *answer)
{
    for (uint64_t rest = WK_MESSAGE_CAPABILITIES(answer->capabilities); rest != 0; rest &= rest - 1) {
        const unsigned word = (unsigned)__builtin_ctzll(rest);

        if (answer->capabilities & WK_MESSAGE_GIVE(word))
            wk_capability_delete(answer->words[word]);
    }
}
