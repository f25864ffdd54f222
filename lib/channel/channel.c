/* SPDX-License-Identifier: MIT */
/* What of channels is not on their way while both sides are awake: beginning, end, sleep. See channel.h and winkle/rings.h. */
#include <channel/channel.h>

#include <channel/carrier.h>
#include <winkle/capability.h>
#include <winkle/event.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/start.h>

#define WAKING_BIT 1
#define NOINLINE __attribute__((noinline))

/* What the sizes say, checked. */
struct layout {
    uint32_t to_opener, to_creator;
    uint64_t ring_pages, pages;
};

static bool layout_read(struct layout *layout, uint64_t sizes)
{
    layout->to_opener = (uint32_t)(sizes & 0xffff);
    layout->to_creator = (uint32_t)(sizes >> 16 & 0xffff);
    layout->ring_pages = wk_pages(wk_ring_bytes(layout->to_opener) + wk_ring_bytes(layout->to_creator));
    layout->pages = layout->ring_pages + (sizes >> 32);
    return wk_ring_size_is_valid(layout->to_opener) && wk_ring_size_is_valid(layout->to_creator);
}

/* ---- ends ---- */

enum wk_status wk_channel_end(struct wk_channel *channel, enum wk_status why)
{
    if (channel->ended == WK_OK)
        channel->ended = why;
    channel->out.limit = channel->out.written; /* so that nobody goes on without a look */
    channel->in.end = channel->in.read;
    return channel->ended;
}

void wk_channel_peer_has_ended(struct wk_channel *channel)
{
    channel->is_peer_gone = true;
    channel->out.limit = channel->out.written;
}

/* ---- looks ---- */

/* What the look at an index means for the channel. */
static enum wk_status judge(struct wk_channel *channel, enum wk_status status)
{
    if (wk_borrowed_has_gone(&channel->mapping))
        return wk_channel_end(channel, WK_REVOKED);
    return status == WK_OK || status == WK_WOULD_BLOCK ? status : wk_channel_end(channel, status);
}

enum wk_status wk_channel_look_for_room(struct wk_channel *channel)
{
    if (channel->ended != WK_OK)
        return channel->ended;
    if (channel->is_peer_gone)
        return WK_REVOKED;
    return judge(channel, wk_ring_look_for_room(&channel->out));
}

enum wk_status wk_channel_look_for_messages(struct wk_channel *channel)
{
    enum wk_status status;

    if (channel->ended != WK_OK)
        return channel->ended;
    status = judge(channel, wk_ring_look_for_messages(&channel->in));
    return status == WK_WOULD_BLOCK && channel->is_peer_gone ? wk_channel_end(channel, WK_REVOKED) : status;
}

/* ---- bells ---- */

enum wk_status wk_channel_ring_bell(struct wk_channel *channel)
{
    if (wk_event_signal(channel->signal, channel->signal_bits) == WK_OK)
        return WK_OK;
    wk_channel_peer_has_ended(channel);
    return WK_REVOKED;
}

/* ---- sleep ---- */

enum wk_status wk_channel_about_to_wait(struct wk_channel *channel, unsigned wants)
{
    enum wk_status status = WK_WOULD_BLOCK;

    if (channel->ended != WK_OK)
        return channel->ended;
    if (wants & WK_CHANNEL_MESSAGES)
        wk_ring_announce(&channel->in.ring->consumer, &channel->in.sleeps);
    if (wants & WK_CHANNEL_ROOM)
        wk_ring_announce(&channel->out.ring->producer, &channel->out.sleeps);
    wk_ring_fence_sleep();
    if (wants & WK_CHANNEL_MESSAGES)
        status = wk_channel_look_for_messages(channel);
    if (status == WK_WOULD_BLOCK && wants & WK_CHANNEL_ROOM)
        status = wk_channel_look_for_room(channel);
    if (status != WK_WOULD_BLOCK)
        wk_channel_awake(channel, 0);
    return status;
}

void wk_channel_awake(struct wk_channel *channel, uint64_t bits)
{
    wk_ring_retract(&channel->in.ring->consumer, &channel->in.sleeps);
    wk_ring_retract(&channel->out.ring->producer, &channel->out.sleeps);
    if (bits & channel->end_bits)
        wk_channel_peer_has_ended(channel);
}

enum wk_status wk_channel_wait_ended(struct wk_channel *channel, enum wk_status status, uint64_t bits)
{
    wk_channel_awake(channel, status == WK_OK ? bits : 0);
    switch ((unsigned)status) {
    case WK_OK:
    case WK_TIMED_OUT:
    case WK_INTERRUPTED:
    case WK_BUSY:
    case WK_CANCELLED:
        return status;
    default: /* the event has gone, and with it whoever lent it */
        wk_channel_peer_has_ended(channel);
        return WK_OK;
    }
}

enum wk_status wk_channel_wait(struct wk_channel *channel, unsigned wants, uint64_t deadline_ns)
{
    enum wk_status status = wk_channel_about_to_wait(channel, wants);
    uint64_t bits = 0;

    if (status != WK_WOULD_BLOCK)
        return WK_OK;
    status = wk_event_wait(channel->wait, channel->wait_bits | channel->end_bits, deadline_ns, &bits);
    return wk_channel_wait_ended(channel, status, bits);
}

static NOINLINE enum wk_status wait_for_room(struct wk_channel *channel, uint64_t deadline_ns)
{
    enum wk_status status = wk_channel_has_room(channel);

    while (status == WK_WOULD_BLOCK) {
        status = wk_channel_wait(channel, WK_CHANNEL_ROOM, deadline_ns);
        if (status == WK_OK)
            status = wk_channel_has_room(channel);
    }
    return status;
}

enum wk_status wk_channel_send(struct wk_channel *channel, const struct wk_ring_message *message, uint64_t deadline_ns)
{
    const enum wk_status status = wait_for_room(channel, deadline_ns);

    return status == WK_OK ? wk_channel_try_send(channel, message) : status;
}

enum wk_status wk_channel_receive(struct wk_channel *channel, struct wk_ring_message *message, uint64_t deadline_ns)
{
    enum wk_status status = wk_channel_try_receive(channel, message);

    while (status == WK_WOULD_BLOCK) {
        status = wk_channel_wait(channel, WK_CHANNEL_MESSAGES, deadline_ns);
        if (status == WK_OK)
            status = wk_channel_try_receive(channel, message);
    }
    return status;
}

/* When the message was sent and something was not as it is most often: the peer may still have to be woken. */
static NOINLINE enum wk_status exchange_slowly(struct wk_channel *channel, struct wk_ring_message *answer,
                                               bool must_wake, uint64_t deadline_ns)
{
    wk_channel_awake(channel, 0);
    if (must_wake)
        wk_channel_ring_bell(channel);
    return wk_channel_receive(channel, answer, deadline_ns);
}

/* When the wait brought something else than one doorbell for one message. */
static NOINLINE enum wk_status exchange_waited(enum wk_status status, uint64_t bits, struct wk_channel *channel,
                                               struct wk_ring_message *answer, uint64_t deadline_ns)
{
    if (status == WK_BUSY)
        wk_channel_ring_bell(channel); /* nothing was signalled */
    status = wk_channel_wait_ended(channel, status, bits);
    return status == WK_OK ? wk_channel_receive(channel, answer, deadline_ns) : status;
}

/* When the peer waits for room, which there is now; or memory has gone. */
static NOINLINE enum wk_status exchange_given_back(struct wk_channel *channel, bool must_wake)
{
    if (must_wake)
        wk_channel_ring_bell(channel);
    return wk_borrowed_has_gone(&channel->mapping) ? wk_channel_end(channel, WK_REVOKED) : WK_OK;
}

static NOINLINE enum wk_status exchange_when_room(struct wk_channel *channel, const struct wk_ring_message *message,
                                                  struct wk_ring_message *answer, uint64_t deadline_ns, bool *sent)
{
    const enum wk_status status = wait_for_room(channel, deadline_ns);

    *sent = false;
    return status == WK_OK ? wk_channel_exchange(channel, message, answer, deadline_ns, sent) : status;
}

/*
 * One fence stands between both stores, of the index and of `sleeps`, and both looks. What the channel's state is was seen
 * where there was room: an end leaves none. That memory has gone is seen by who looked at it (wk_borrowed_has_gone). The last
 * look before the wait only compares: an index that is anything but what it was is for wk_channel_receive to judge. The one
 * behind the wait is wk_ring_look_for_messages where nothing was known to be ready, and so refuses the same.
 * All that is otherwise leaves by a call, so that nothing has to be saved for it.
 */
enum wk_status wk_channel_exchange(struct wk_channel *channel, const struct wk_ring_message *message,
                                   struct wk_ring_message *answer, uint64_t deadline_ns, bool *sent)
{
    const volatile uint64_t kept_deadline_ns = deadline_ns; /* where it is in nobody's way */
    struct wk_ring_producer *const out = &channel->out;
    struct wk_ring_consumer *const in = &channel->in;
    struct wk_ring *const out_ring = out->ring;
    struct wk_ring *ring = in->ring;
    uint64_t bits = 0;
    enum wk_status status;
    uint32_t index, read;
    bool must_wake;

    if (wk_ring_room(out) == 0)
        return exchange_when_room(channel, message, answer, deadline_ns, sent);
    wk_ring_copy(wk_ring_at(out_ring, out->size, out->written), message);
    wk_ring_publish(out, 1);
    *sent = true;
    wk_ring_announce(&ring->consumer, &in->sleeps);
    must_wake = wk_ring_must_wake(&out_ring->consumer.sleeps, &out->rung);
    if (!must_wake || wk_ring_load(&ring->producer.index) != in->read || in->end != in->read ||
        channel->mapping.has_gone != 0)
        return exchange_slowly(channel, answer, must_wake, deadline_ns);

    status = wk_event_signal_wait(channel->wait, channel->signal, channel->signal_bits,
                                  channel->wait_bits | channel->end_bits, deadline_ns, &bits);
    if (status != WK_OK)
        return exchange_waited(status, 0, channel, answer, kept_deadline_ns);
    if (bits & channel->end_bits)
        return exchange_waited(WK_OK, bits, channel, answer, kept_deadline_ns);
    ring = in->ring;
    read = in->read;
    index = wk_ring_load(&ring->producer.index);
    if (index - read - 1 >= in->size)
        return exchange_waited(WK_OK, 0, channel, answer, kept_deadline_ns);
    in->end = index;
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* TAKE-IN */
    wk_ring_copy(answer, wk_ring_at(ring, in->size, read));
    in->read = read + 1;
    wk_ring_store_release(&ring->consumer.index, read + 1); /* RELEASE */
    must_wake = wk_ring_must_wake(&ring->producer.sleeps, &in->rung);
    if (must_wake || __atomic_load_n(&channel->mapping.has_gone, __ATOMIC_RELAXED) != 0)
        return exchange_given_back(channel, must_wake);
    return WK_OK;
}

/* ---- beginning and end ---- */

/* The two ends, in memory that is mapped. */
static void begin(struct wk_channel *channel, const struct layout *layout, bool is_creator)
{
    struct wk_ring *to_opener = channel->mapping.address;
    uint8_t *start = channel->mapping.address;
    struct wk_ring *to_creator = (struct wk_ring *)(void *)(start + wk_ring_bytes(layout->to_opener));

    wk_ring_producer_init(&channel->out, is_creator ? to_opener : to_creator,
                          is_creator ? layout->to_opener : layout->to_creator);
    wk_ring_consumer_init(&channel->in, is_creator ? to_creator : to_opener,
                          is_creator ? layout->to_creator : layout->to_opener);
    channel->buffers = start + layout->ring_pages * WK_PAGE_BYTES;
    channel->buffer_pages = layout->pages - layout->ring_pages;
}

static enum wk_status map(struct wk_channel *channel, uint64_t pages)
{
    if (channel->is_borrowed)
        return wk_borrowed_map(&channel->mapping, channel->memory, 0, pages, WK_READ_WRITE);
    channel->mapping.pages = pages;
    return wk_map(channel->memory, 0, pages, WK_READ_WRITE, &channel->mapping.address);
}

static void unmap(struct wk_channel *channel)
{
    if (channel->is_borrowed)
        wk_borrowed_unmap(&channel->mapping);
    else
        wk_unmap(channel->mapping.address, channel->mapping.pages);
}

static void drop(wk_handle handle)
{
    if (handle != 0)
        wk_capability_delete(handle);
}

/* Parts of what the creator has, to be given away. */
static enum wk_status make_terms(const struct wk_channel *channel, const struct wk_channel_plan *plan,
                                 struct wk_channel_terms *terms)
{
    enum wk_status status;

    *terms = (struct wk_channel_terms){.sizes = plan->sizes, .wait_bits = WAKING_BIT, .signal_bits = plan->wait_bits};
    status = wk_capability_lend(channel->memory, WK_MEMORY_RIGHT_READ | WK_MEMORY_RIGHT_WRITE, &terms->memory);
    if (status == WK_OK)
        status = wk_capability_lend(channel->signal, WK_EVENT_RIGHT_WAIT, &terms->wait);
    if (status == WK_OK)
        status = wk_capability_lend(plan->event, WK_EVENT_RIGHT_SIGNAL, &terms->signal);
    return status;
}

static enum wk_status make_objects(struct wk_channel *channel, wk_handle bank, uint64_t pages)
{
    enum wk_status status = wk_memory_create(bank, pages, 0, &channel->memory);

    if (status == WK_OK)
        status = wk_event_create(wk_self.bank, &channel->signal);
    return status == WK_OK ? map(channel, pages) : status;
}

enum wk_status wk_channel_create(struct wk_channel *channel, const struct wk_channel_plan *plan,
                                 struct wk_channel_terms *terms)
{
    struct layout layout;
    enum wk_status status;

    if (!layout_read(&layout, plan->sizes) || plan->wait_bits == 0)
        return WK_BAD_ARGUMENT;
    *channel = (struct wk_channel){.wait = plan->event,
                                   .wait_bits = plan->wait_bits,
                                   .end_bits = plan->end_bits,
                                   .signal_bits = WAKING_BIT,
                                   .is_borrowed = plan->bank != 0};
    status = make_objects(channel, plan->bank != 0 ? plan->bank : wk_self.bank, layout.pages);
    if (status != WK_OK) {
        drop(channel->signal);
        drop(channel->memory);
        return status;
    }
    begin(channel, &layout, true);
    status = make_terms(channel, plan, terms);
    if (status != WK_OK) {
        drop(terms->signal);
        wk_channel_close(channel);
    }
    return status;
}

enum wk_status wk_channel_open(struct wk_channel *channel, const struct wk_channel_terms *terms)
{
    struct layout layout;
    enum wk_status status;

    if (!layout_read(&layout, terms->sizes) || terms->wait_bits == 0)
        return WK_BAD_ARGUMENT;
    *channel = (struct wk_channel){.memory = terms->memory,
                                   .is_borrowed = true,
                                   .wait = terms->wait,
                                   .wait_bits = terms->wait_bits,
                                   .signal = terms->signal,
                                   .signal_bits = terms->signal_bits};
    status = map(channel, layout.pages);
    if (status == WK_OK)
        begin(channel, &layout, false);
    return status;
}

void wk_channel_close(struct wk_channel *channel)
{
    const bool is_opener = channel->in.ring == channel->mapping.address;

    if (channel->carrier != NULL)
        wk_carrier_close(channel->carrier);
    unmap(channel);
    drop(channel->memory);
    drop(channel->signal);
    if (is_opener)
        drop(channel->wait);
    channel->carrier = NULL;
    wk_channel_end(channel, WK_REVOKED);
}
