/* SPDX-License-Identifier: MIT */
#include <channel/group.h>

#include <winkle/event.h>

/* The lowest bit; there is one. */
static unsigned lowest(uint64_t bits)
{
    return (unsigned)__builtin_ctzll(bits);
}

enum wk_status wk_channel_group_plan(const struct wk_channel_group *group, struct wk_channel_plan *plan)
{
    const uint64_t free_bits = ~(group->members | group->extra_bits);

    if (free_bits == 0)
        return WK_TABLE_FULL;
    plan->event = group->event;
    plan->wait_bits = free_bits & -free_bits;
    plan->end_bits = 0;
    return WK_OK;
}

void wk_channel_group_add(struct wk_channel_group *group, struct wk_channel *channel)
{
    group->channel[lowest(channel->wait_bits)] = channel;
    group->members |= channel->wait_bits;
    group->ready |= channel->wait_bits; /* it has announced nothing yet */
}

void wk_channel_group_remove(struct wk_channel_group *group, const struct wk_channel *channel)
{
    group->members &= ~channel->wait_bits;
    group->ready &= ~channel->wait_bits;
    group->channel[lowest(channel->wait_bits)] = NULL;
}

void wk_channel_group_signalled(struct wk_channel_group *group, uint64_t bits)
{
    for (uint64_t rest = bits & group->members & ~group->ready; rest != 0; rest &= rest - 1)
        wk_channel_awake(group->channel[lowest(rest)], 0);
    group->ready |= bits & group->members;
}

/* Whether there is room for an answer, beside those that were put off. */
static enum wk_status has_room_to_answer(struct wk_channel *channel)
{
    enum wk_status status = WK_OK;

    if (wk_ring_room(&channel->out) <= channel->kept)
        status = wk_channel_look_for_room(channel);
    return status == WK_OK && wk_ring_room(&channel->out) <= channel->kept ? WK_WOULD_BLOCK : status;
}

/* What the channel has to do: a message, if there is room for another in return. */
static enum wk_status receive_from(struct wk_channel *channel, struct wk_ring_message *message)
{
    const enum wk_status status = has_room_to_answer(channel);

    /* Where the peer has ended, what it sent is received all the same. */
    return status == WK_WOULD_BLOCK ? status : wk_channel_try_receive(channel, message);
}

/* It has nothing to do. WK_WOULD_BLOCK: and will say when that changes. */
static enum wk_status let_sleep(struct wk_channel *channel)
{
    enum wk_status status = has_room_to_answer(channel);

    if (status != WK_WOULD_BLOCK)
        return wk_channel_about_to_wait(channel, WK_CHANNEL_MESSAGES);
    wk_ring_announce(&channel->out.ring->producer, &channel->out.sleeps);
    wk_ring_fence_sleep();
    status = has_room_to_answer(channel);
    if (status != WK_WOULD_BLOCK)
        wk_channel_awake(channel, 0);
    return status;
}

/* The ready channel whose turn it is: the first from `next` on. */
static unsigned choose(const struct wk_channel_group *group)
{
    const uint64_t from_next = group->ready >> group->next << group->next;

    return lowest(from_next != 0 ? from_next : group->ready);
}

enum wk_status wk_channel_group_try_receive(struct wk_channel_group *group, struct wk_channel **channel,
                                            struct wk_ring_message *message)
{
    while (group->ready != 0) {
        const unsigned bit = choose(group);
        enum wk_status status = receive_from(group->channel[bit], message);

        group->next = (bit + 1) % WK_CHANNEL_GROUP_MAX;
        if (status == WK_WOULD_BLOCK) {
            if (let_sleep(group->channel[bit]) == WK_WOULD_BLOCK)
                group->ready &= ~(UINT64_C(1) << bit);
            continue;
        }
        *channel = group->channel[bit];
        return status;
    }
    *channel = NULL;
    return WK_WOULD_BLOCK;
}

enum wk_status wk_channel_group_receive(struct wk_channel_group *group, struct wk_channel **channel,
                                        struct wk_ring_message *message, uint64_t *extra, uint64_t deadline_ns)
{
    enum wk_status status = wk_channel_group_try_receive(group, channel, message);

    *extra = 0;
    while (status == WK_WOULD_BLOCK && *channel == NULL) {
        uint64_t bits = 0;

        status = wk_event_wait(group->event, group->members | group->extra_bits, deadline_ns, &bits);
        if (status != WK_OK)
            return status;
        wk_channel_group_signalled(group, bits);
        *extra = bits & group->extra_bits;
        if (*extra != 0)
            return WK_OK;
        status = wk_channel_group_try_receive(group, channel, message);
    }
    return status;
}
