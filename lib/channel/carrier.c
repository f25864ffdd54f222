/* SPDX-License-Identifier: MIT */
#include <channel/carrier.h>

#include <channel/connection.h>
#include <winkle/capability.h>
#include <winkle/mailbox.h>

#define ALL_TYPES 0xffff

static unsigned count_bits(unsigned bits)
{
    unsigned count = 0;

    for (; bits != 0; bits &= bits - 1)
        count++;
    return count;
}

static unsigned lowest(unsigned bits)
{
    return (unsigned)__builtin_ctz(bits);
}

/* ---- calls under way ---- */

static struct wk_carried *find(struct wk_carrier *carrier, uint32_t tag)
{
    for (unsigned i = 0; i < WK_CARRIED_MAX; i++) {
        struct wk_carried *call = &carrier->calls[i];

        if (call->is_used && call->left == 0 && call->tag == tag)
            return call;
    }
    return NULL;
}

static struct wk_carried *find_free(struct wk_carrier *carrier)
{
    for (unsigned i = 0; i < WK_CARRIED_MAX; i++) {
        if (!carrier->calls[i].is_used)
            return &carrier->calls[i];
    }
    return NULL;
}

static void release(struct wk_carrier *carrier, struct wk_carried *call)
{
    carrier->posting -= count_bits(call->posted);
    carrier->expecting -= count_bits(call->handles);
    call->is_used = false;
}

/* ---- what does not arrive ---- */

/* Takes what nobody wants out of the mailbox, as far as the table has room, so that its slots are free. */
static void sweep_call(struct wk_carrier *carrier, struct wk_carried *call)
{
    for (unsigned rest = call->left; rest != 0; rest &= rest - 1) {
        const unsigned word = lowest(rest);
        wk_handle handle = 0;
        const enum wk_status status = wk_mailbox_take(carrier->terms.take, call->tickets[word], ALL_TYPES, &handle);

        if (status == WK_NO_MEMORY || status == WK_TABLE_FULL)
            return;
        if (status == WK_OK)
            wk_capability_delete(handle);
        call->left &= (uint8_t) ~(1u << word);
    }
    release(carrier, call);
}

static void sweep(struct wk_carrier *carrier)
{
    for (unsigned i = 0; i < WK_CARRIED_MAX; i++) {
        if (carrier->calls[i].is_used && carrier->calls[i].left != 0)
            sweep_call(carrier, &carrier->calls[i]);
    }
}

static void end_loans(struct wk_carried *call)
{
    for (unsigned rest = call->posted; rest != 0; rest &= rest - 1) {
        if (call->lent[lowest(rest)] != 0)
            wk_capability_delete(call->lent[lowest(rest)]);
    }
}

/* Takes back what was to be given away: by its own ticket, or the one by which a server that had no room for all of
 * them has put it back. Returns which words came back, as handles in `words`. */
static unsigned take_back(struct wk_carrier *carrier, const struct wk_carried *call, uint64_t words[static 6])
{
    unsigned came = 0;

    for (unsigned rest = call->posted; rest != 0; rest &= rest - 1) {
        const unsigned word = lowest(rest);
        const uint64_t other = words[word];

        words[word] = 0;
        if (call->lent[word] == 0 &&
            (wk_mailbox_withdraw(carrier->terms.post, call->tickets[word], &words[word]) == WK_OK ||
             wk_mailbox_withdraw(carrier->terms.post, other, &words[word]) == WK_OK))
            came |= 1u << word;
    }
    return came;
}

static void keep_returned(struct wk_carrier *carrier, const uint64_t words[static 6], unsigned came)
{
    for (unsigned rest = came; rest != 0; rest &= rest - 1) {
        const unsigned word = lowest(rest);
        const wk_handle forgotten = wk_carrier_returned(carrier, word);

        if (forgotten != 0)
            wk_capability_delete(forgotten);
        carrier->returned[word] = words[word];
    }
}

void wk_carrier_keep_returned(struct wk_carrier *carrier, const struct wk_completion *completion)
{
    if (WK_RECEIVED_STATUS(completion->answer) != WK_OK)
        keep_returned(carrier, completion->words, (unsigned)WK_RECEIVED_CAPABILITIES(completion->answer));
}

static void undo(struct wk_carrier *carrier, struct wk_carried *call)
{
    uint64_t words[6] = {0};

    end_loans(call);
    keep_returned(carrier, words, take_back(carrier, call, words));
    release(carrier, call);
}

void wk_carrier_abandon(struct wk_carrier *carrier, uint32_t tag)
{
    struct wk_carried *call = find(carrier, tag);

    if (call != NULL)
        undo(carrier, call);
}

wk_handle wk_carrier_returned(struct wk_carrier *carrier, unsigned word)
{
    const wk_handle handle = carrier->returned[word];

    carrier->returned[word] = 0;
    return handle;
}

/* ---- beginning and end ---- */

void wk_carrier_open(struct wk_carrier *carrier, struct wk_channel *channel, const struct wk_mailbox_terms *terms)
{
    *carrier = (struct wk_carrier){.terms = *terms};
    channel->carrier = carrier;
}

/* What was given away and the server has not taken yet stays: it may still take it. */
void wk_carrier_close(struct wk_carrier *carrier)
{
    for (unsigned i = 0; i < WK_CARRIED_MAX; i++) {
        if (carrier->calls[i].is_used)
            end_loans(&carrier->calls[i]);
    }
    for (unsigned word = 0; word < 6; word++) {
        if (carrier->returned[word] != 0)
            wk_capability_delete(carrier->returned[word]);
    }
    wk_capability_delete(carrier->terms.post);
    wk_capability_delete(carrier->terms.take);
}

/* ---- sending ---- */

/* Whether all that the message carries is of types that the server takes: so that what it would refuse stays where it
 * is. */
static enum wk_status check_types(const struct wk_carrier *carrier, const uint64_t words[static 6], unsigned carries)
{
    for (unsigned rest = carries; rest != 0; rest &= rest - 1) {
        uint64_t type = 0, rights, borrowed, lent, badge, identity;
        const enum wk_status status =
            wk_capability_info(words[lowest(rest)], &type, &rights, &borrowed, &lent, &badge, &identity);

        if (status != WK_OK)
            return status;
        if ((carrier->terms.types >> type & 1) == 0)
            return WK_NOT_ACCEPTED;
    }
    return WK_OK;
}

/* A call's record, if there may be one more. */
static enum wk_status begin_call(struct wk_carrier *carrier, uint32_t tag, unsigned carries, unsigned handles,
                                 struct wk_carried **call)
{
    const unsigned to_post = count_bits(carries), to_expect = count_bits(handles);

    sweep(carrier);
    if (to_post > carrier->terms.slots || to_expect > carrier->terms.slots)
        return WK_NOT_ACCEPTED;
    if (find(carrier, tag) != NULL)
        return WK_BUSY;
    *call = find_free(carrier);
    if (*call == NULL || carrier->posting + to_post > carrier->terms.slots ||
        carrier->expecting + to_expect > carrier->terms.slots)
        return WK_WOULD_BLOCK;
    **call = (struct wk_carried){.is_used = true, .handles = (uint8_t)handles, .tag = tag};
    carrier->expecting += to_expect;
    return WK_OK;
}

static enum wk_status post(struct wk_carrier *carrier, struct wk_carried *call, unsigned word, uint64_t *value,
                           enum wk_transfer transfer)
{
    wk_handle handle = *value;
    enum wk_status status = WK_OK;

    if (transfer == WK_TRANSFER_LEND)
        status = wk_capability_lend(*value, WK_RIGHTS_ALL, &handle);
    if (status != WK_OK)
        return status;
    status = wk_mailbox_post(carrier->terms.post, handle, transfer, WK_RIGHTS_ALL, &call->tickets[word]);
    if (status != WK_OK) {
        if (transfer == WK_TRANSFER_LEND)
            wk_capability_delete(handle);
        return status;
    }
    call->lent[word] = transfer == WK_TRANSFER_LEND ? handle : 0;
    call->posted |= (uint8_t)(1u << word);
    carrier->posting++;
    *value = call->tickets[word];
    return WK_OK;
}

static enum wk_status post_all(struct wk_carrier *carrier, struct wk_carried *call, uint64_t words[static 6],
                               unsigned carries, enum wk_transfer transfer)
{
    enum wk_status status = WK_OK;

    for (unsigned rest = carries; rest != 0 && status == WK_OK; rest &= rest - 1)
        status = post(carrier, call, lowest(rest), &words[lowest(rest)], transfer);
    return status;
}

/* What is lent goes first: that can be undone as if nothing had been. */
enum wk_status wk_carrier_pack(struct wk_channel *channel, struct wk_ring_message *message, unsigned handles)
{
    const uint64_t operation = wk_request_operation(message);
    const unsigned carries = (unsigned)WK_MESSAGE_CAPABILITIES(operation);
    const unsigned given = (unsigned)WK_MESSAGE_GIVEN(operation) & carries;
    struct wk_carrier *carrier = channel->carrier;
    struct wk_carried *call = NULL;
    enum wk_status status;

    if (carrier == NULL)
        return WK_NOT_ACCEPTED;
    status = check_types(carrier, message->words + 2, carries);
    if (status == WK_OK)
        status = wk_channel_has_room(channel);
    if (status == WK_OK)
        status = begin_call(carrier, WK_RING_TAG(message->words[1]), carries, handles, &call);
    if (status != WK_OK)
        return status;
    call->types = (uint16_t)WK_MESSAGE_HIGH(operation);
    status = post_all(carrier, call, message->words + 2, carries & ~given, WK_TRANSFER_LEND);
    if (status == WK_OK)
        status = post_all(carrier, call, message->words + 2, given, WK_TRANSFER_GIVE);
    if (status != WK_OK)
        undo(carrier, call);
    return status;
}

/* ---- receiving ---- */

/* Takes one result. That nothing is there is a lie of the server's, or it was revoked meanwhile. */
static enum wk_status take(const struct wk_carrier *carrier, const struct wk_carried *call, uint64_t *word)
{
    wk_handle handle = 0;
    const enum wk_status status = wk_mailbox_take(carrier->terms.take, *word, call->types, &handle);

    if (status == WK_OK)
        *word = handle;
    return status == WK_WOULD_BLOCK || status == WK_BAD_ARGUMENT ? WK_BAD_HANDLE : status;
}

/* Nothing stays of results of which not all could be taken: neither in the table nor, if it has room for them, in the
 * mailbox. */
static void drop_results(struct wk_carrier *carrier, struct wk_carried *call, const uint64_t words[static 6],
                         unsigned taken, unsigned untaken)
{
    for (unsigned word = 0; word < 6; word++) {
        call->tickets[word] = words[word];
        if (taken >> word & 1)
            wk_capability_delete(words[word]);
    }
    call->left = (uint8_t)untaken;
    sweep_call(carrier, call);
}

/* Takes all results that are capabilities, or none. */
static void take_results(struct wk_carrier *carrier, struct wk_carried *call, unsigned words,
                         struct wk_completion *completion)
{
    enum wk_status status = (words & ~(unsigned)call->handles) == 0 ? WK_OK : WK_NOT_ACCEPTED;
    unsigned taken = 0;

    while (taken != words && status == WK_OK) {
        const unsigned word = lowest(words & ~taken);

        status = take(carrier, call, &completion->words[word]);
        if (status == WK_OK)
            taken |= 1u << word;
    }
    if (status == WK_OK) {
        completion->answer |= WK_RECEIVED(0, words);
        release(carrier, call);
        return;
    }
    drop_results(carrier, call, completion->words, taken, words & ~taken);
    *completion = (struct wk_completion){.tag = completion->tag, .answer = status};
}

void wk_carrier_unpack(struct wk_carrier *carrier, const struct wk_ring_message *message,
                       struct wk_completion *completion)
{
    struct wk_carried *call = find(carrier, WK_RING_TAG(message->words[1]));

    wk_completion_of(message, completion);
    if (call == NULL)
        return; /* no word of it is a capability, whatever it says */
    end_loans(call);
    if (completion->answer == WK_OK) {
        take_results(carrier, call, (unsigned)WK_RECEIVED_CAPABILITIES(message->words[0]), completion);
        return;
    }
    completion->answer |= WK_RECEIVED(0, take_back(carrier, call, completion->words));
    release(carrier, call);
}
