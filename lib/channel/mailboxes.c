/* SPDX-License-Identifier: MIT */
#include <channel/mailboxes.h>

#include <winkle/capability.h>
#include <winkle/mailbox.h>
#include <winkle/requests.h>
#include <winkle/start.h>

static unsigned lowest(uint64_t bits)
{
    return (unsigned)__builtin_ctzll(bits);
}

/* ---- beginning and end ---- */

void wk_mailboxes_destroy(struct wk_mailboxes *mailboxes)
{
    if (mailboxes->post != 0)
        wk_capability_delete(mailboxes->post);
    if (mailboxes->take != 0)
        wk_capability_delete(mailboxes->take);
    *mailboxes = (struct wk_mailboxes){0};
}

static enum wk_status create(struct wk_mailboxes *mailboxes, uint64_t slots, struct wk_mailbox_terms *terms)
{
    enum wk_status status = wk_mailbox_create(wk_self.bank, slots, &mailboxes->post);

    if (status == WK_OK)
        status = wk_mailbox_create(wk_self.bank, slots, &mailboxes->take);
    if (status == WK_OK)
        status = wk_capability_lend(mailboxes->post, WK_MAILBOX_RIGHT_TAKE, &terms->take);
    if (status == WK_OK)
        status = wk_capability_lend(mailboxes->take, WK_MAILBOX_RIGHT_POST, &terms->post);
    return status;
}

enum wk_status wk_mailboxes_create(struct wk_mailboxes *mailboxes, uint64_t slots, struct wk_mailbox_terms *terms)
{
    enum wk_status status;

    *terms = (struct wk_mailbox_terms){.slots = slots};
    status = create(mailboxes, slots, terms);
    if (status != WK_OK)
        wk_mailboxes_destroy(mailboxes); /* and what is lent of them */
    return status;
}

/* ---- requests ---- */

/* Takes one. That nothing is there is a lie of the client's, or it was taken back meanwhile. */
static enum wk_status take(const struct wk_mailboxes *mailboxes, uint64_t types, struct wk_message *message,
                           unsigned word)
{
    wk_handle handle = 0;
    const enum wk_status status = wk_mailbox_take(mailboxes->take, message->words[word], types, &handle);

    if (status == WK_OK) {
        message->words[word] = handle;
        message->capabilities |= UINT64_C(1) << word;
    }
    return status == WK_WOULD_BLOCK || status == WK_BAD_ARGUMENT ? WK_BAD_HANDLE : status;
}

static enum wk_status take_all(const struct wk_mailboxes *mailboxes, uint64_t types, uint64_t words,
                               struct wk_message *message)
{
    enum wk_status status = WK_OK;

    for (uint64_t rest = words; rest != 0 && status == WK_OK; rest &= rest - 1)
        status = take(mailboxes, types, message, lowest(rest));
    return status;
}

/* What was given is put back, for its sender to withdraw: its slot is free. What was lent its sender still has. */
static void put_back(const struct wk_mailboxes *mailboxes, uint64_t given, struct wk_message *message,
                     struct wk_answer *answer)
{
    for (uint64_t rest = message->capabilities; rest != 0; rest &= rest - 1) {
        const unsigned word = lowest(rest);

        if ((given >> word & 1) == 0 || wk_mailbox_post(mailboxes->take, message->words[word], WK_TRANSFER_GIVE,
                                                        WK_RIGHTS_ALL, &answer->words[word]) != WK_OK)
            wk_capability_delete(message->words[word]);
    }
    message->capabilities = 0;
}

/* What is lent is taken first, so that there is least to be put back. */
enum wk_status wk_mailboxes_take(const struct wk_mailboxes *mailboxes, uint64_t types, uint64_t operation,
                                 struct wk_message *message, struct wk_answer *answer)
{
    const uint64_t words = WK_MESSAGE_CAPABILITIES(operation), given = WK_MESSAGE_GIVEN(operation);
    enum wk_status status;

    if (mailboxes->take == 0 || types == 0)
        return WK_NOT_ACCEPTED;
    status = take_all(mailboxes, types, words & ~given, message);
    if (status == WK_OK)
        status = take_all(mailboxes, types, words & given, message);
    if (status != WK_OK)
        put_back(mailboxes, given, message, answer);
    return status;
}

/* ---- answers ---- */

static enum wk_status post(const struct wk_mailboxes *mailboxes, struct wk_answer *answer, unsigned word)
{
    const enum wk_transfer transfer =
        answer->capabilities & WK_MESSAGE_GIVE(word) ? WK_TRANSFER_GIVE : WK_TRANSFER_LEND;

    return wk_mailbox_post(mailboxes->post, answer->words[word], transfer, WK_RIGHTS_ALL, &answer->words[word]);
}

static enum wk_status post_all(const struct wk_mailboxes *mailboxes, struct wk_answer *answer, uint64_t *posted)
{
    enum wk_status status = WK_OK;

    for (uint64_t rest = WK_MESSAGE_CAPABILITIES(answer->capabilities); rest != 0; rest &= rest - 1) {
        status = post(mailboxes, answer, lowest(rest));
        if (status != WK_OK)
            return status;
        *posted |= rest & -rest;
    }
    return WK_OK;
}

void wk_mailboxes_post(const struct wk_mailboxes *mailboxes, uint64_t types, struct wk_answer *answer)
{
    uint64_t posted = 0;
    enum wk_status status = WK_NOT_ACCEPTED;

    if (answer->capabilities == 0)
        return;
    if (mailboxes->post != 0 && types != 0)
        status = post_all(mailboxes, answer, &posted);
    if (status == WK_OK)
        return;
    for (uint64_t rest = posted; rest != 0; rest &= rest - 1) {
        const unsigned word = lowest(rest);
        wk_handle handle = 0;

        if (wk_mailbox_withdraw(mailboxes->post, answer->words[word], &handle) == WK_OK)
            wk_capability_delete(handle);
        answer->capabilities &= ~(WK_MESSAGE_CAPABILITY(word) | WK_MESSAGE_GIVE(word));
    }
    wk_answer_drop(answer);
    *answer = (struct wk_answer){.status = status};
}
