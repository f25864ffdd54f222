/* SPDX-License-Identifier: MIT */
/*
 * The two ends of a ring (winkle/ring_memory.h) between two processes. (A program trusts the kernel: its side of a kernel ring,
 * queue.h, checks nothing.) Who holds an end keeps
 * what it knows in a struct of its own, which the other side cannot reach; of the other side's line each use reads one
 * word, once, and checks it. Loads, stores and fences only; all that is shared is accessed by atomic loads or volatile stores,
 * so that no compiler reads or writes a word twice. One thread at a time uses an end.
 *
 * A status other than WK_OK and WK_WOULD_BLOCK says that the other side's index cannot be: it is then as if nothing
 * had been read, and the ring is not to be used any more.
 *
 * Why each order is kept, and what for. By RVWMO (Unprivileged ISA 20191213, chapter 14) memory operations of a hart on
 * different addresses may be seen in any order, but for what its preserved program order (PPO) has; rule 4 of that are
 * fences, and an acquiring load or releasing store is by the C ABI a plain one with a fence: `l; fence r,rw` and
 * `fence rw,w; s`. Both sides' memory is main memory, so the fences' i and o bits have no part in it.
 *
 *   PUBLISH  the producer's index is stored with release, after the messages; the consumer loads it with acquire (TAKE-IN),
 *            before it loads them. Message stores, fence, index store; index load, fence, message loads: by PPO rule 4 both
 *            stand in the global memory order in this order, and if the load of the index returned that store, it stands
 *            between them. So the messages are whole. Without either fence, old words could be read under a new index.
 *   RELEASE  the consumer's index is stored with release, after the messages were loaded: `fence rw,w` has loads come before
 *            the store. The producer loads it with acquire (ROOM) before it stores into the same slots. So what the
 *            consumer read were the old messages. Without the first, its loads could come after the new message's stores.
 *            Without the second, the hardware would still keep the order, for the stores hang on a branch by what was
 *            loaded (PPO rule 11); C has no such rule, and a compiler may move them.
 *   BELL     who writes its index then looks whether the other sleeps: store of the index, `fence rw,rw`, load of
 *            `sleeps`. Who is about to sleep stores `sleeps`, then `fence rw,rw`, then loads the index. Nothing but a fence
 *            that has w before and r behind keeps a load behind an earlier store to another address; release and acquire do
 *            not. If both loads missed the other's store, they would stand before it in the global memory order: index
 *            store, load of `sleeps`, store of `sleeps`, index load, index store, a circle. So one of them sees the
 *            other: either who is about to sleep finds something, or the doorbell is rung for it.
 *   WAKE     that who was woken by the doorbell sees what was written before needs no fence here: the index was stored
 *            before the fence of BELL, the signal is made behind it, and the kernel's lock, which one side releases when it
 *            has signalled and the other acquires when its wait ends, puts all that comes behind the wait later.
 *   AWAKE    that `sleeps` became even may be seen late, or never: then the doorbell is rung for nobody, and a later wait
 *            ends at once. It is no error, so no order is needed. So who was woken by the doorbell may leave an announcement
 *            standing, which has been answered; who is about to sleep always makes a new one.
 *
 * tests/model/ring.pml and doorbell.pml show the same, but for the memory model, where every access is a step of its own.
 */
#ifndef WINKLE_RINGS_H
#define WINKLE_RINGS_H

#include <winkle/abi.h>
#include <winkle/ring_memory.h>

#include <stdbool.h>

/* A ring has so many messages at most; a power of two, and so an index is far from coming round unseen. */
#define WK_RING_MESSAGES_MAX 32768

struct wk_ring_producer {
    struct wk_ring *ring;
    uint32_t size;
    uint32_t written; /* messages that have been published */
    uint32_t limit;   /* there is room for those below this index, by what was seen of the consumer's index last */
    uint32_t sleeps;  /* as in its own line */
    uint32_t rung;    /* the consumer's `sleeps` for which the doorbell was rung last */
};

struct wk_ring_consumer {
    struct wk_ring *ring;
    uint32_t size;
    uint32_t read; /* messages that have been taken and given back */
    uint32_t end;  /* those below this index can be read, by what was seen of the producer's index last */
    uint32_t sleeps;
    uint32_t rung;
};

static inline bool wk_ring_size_is_valid(uint64_t size)
{
    return size != 0 && size <= WK_RING_MESSAGES_MAX && (size & (size - 1)) == 0;
}

static inline uint64_t wk_ring_bytes(uint64_t size)
{
    return WK_RING_HEADER_BYTES + size * WK_RING_MESSAGE_BYTES;
}

/* The ends of a ring whose memory was zero and that nobody has used yet. The size is valid. */
static inline void wk_ring_producer_init(struct wk_ring_producer *producer, struct wk_ring *ring, uint32_t size)
{
    *producer = (struct wk_ring_producer){.ring = ring, .size = size, .limit = size};
}

static inline void wk_ring_consumer_init(struct wk_ring_consumer *consumer, struct wk_ring *ring, uint32_t size)
{
    *consumer = (struct wk_ring_consumer){.ring = ring, .size = size};
}

/* ---- messages ---- */

/* Stores to what is shared are volatile, with a fence before them where they release: an atomic store is an `amoswap` to
 * some compilers, GCC 12 among them, and there is memory that has no such operations. Loads of words are, too: behind an atomic one
 * a compiler reads again what is its own. */
static inline uint64_t wk_ring_load_word(const uint64_t *from)
{
    return *(const volatile uint64_t *)from;
}

static inline void wk_ring_store_word(uint64_t *to, uint64_t word)
{
    *(volatile uint64_t *)to = word;
}

static inline void wk_ring_store_release(uint32_t *to, uint32_t value)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
    wk_ring_store(to, value);
}

static inline void wk_ring_copy_half(uint64_t to[static 4], const uint64_t from[static 4])
{
    const uint64_t word0 = wk_ring_load_word(&from[0]);
    const uint64_t word1 = wk_ring_load_word(&from[1]);
    const uint64_t word2 = wk_ring_load_word(&from[2]);
    const uint64_t word3 = wk_ring_load_word(&from[3]);

    wk_ring_store_word(&to[0], word0);
    wk_ring_store_word(&to[1], word1);
    wk_ring_store_word(&to[2], word2);
    wk_ring_store_word(&to[3], word3);
}

/* Each word is read once, then written: nobody can change a message between two looks at it. In halves, for which there are
 * registers whatever else there is. */
static inline void wk_ring_copy(struct wk_ring_message *to, const struct wk_ring_message *from)
{
    wk_ring_copy_half(&to->words[0], &from->words[0]);
    wk_ring_copy_half(&to->words[4], &from->words[4]);
}

static inline void wk_ring_copy_run(struct wk_ring_message *to, const struct wk_ring_message *from, uint32_t count)
{
    for (const struct wk_ring_message *end = from + count; from != end; from++, to++)
        wk_ring_copy(to, from);
}

/* Where the message of that index stands. Signed, and by an offset from the ring, since that takes the fewest instructions. */
static inline struct wk_ring_message *wk_ring_at(struct wk_ring *ring, uint32_t size, uint32_t index)
{
    const int64_t place = (int32_t)index & ((int64_t)(int32_t)size - 1);

    return ((struct wk_ring *)(void *)((char *)ring + place * WK_RING_MESSAGE_BYTES))->messages;
}

/* How many of `count` messages from an index on stand in one piece. */
static inline uint32_t wk_ring_run(uint32_t size, uint32_t index, uint32_t count)
{
    const uint32_t to_the_end = size - (index & (size - 1));

    return count < to_the_end ? count : to_the_end;
}

/* ---- the producer ---- */

/* Messages for which there is room, by what is known without a look at the ring. */
static inline uint32_t wk_ring_room(const struct wk_ring_producer *producer)
{
    return producer->limit - producer->written;
}

/* Looks at the consumer's index. WK_OK: there is room. WK_WOULD_BLOCK: there is none. WK_BAD_ARGUMENT: it runs backwards, or
 * says that something was read that has not been written. */
static inline enum wk_status wk_ring_look_for_room(struct wk_ring_producer *producer)
{
    const uint32_t seen = producer->limit - producer->size;
    const uint32_t index = __atomic_load_n(&producer->ring->consumer.index, __ATOMIC_ACQUIRE); /* ROOM */

    if (index - seen > producer->written - seen)
        return WK_BAD_ARGUMENT;
    producer->limit = index + producer->size;
    return producer->limit == producer->written ? WK_WOULD_BLOCK : WK_OK;
}

/* Where the next message goes, or the one so many behind it: to be filled in place. Requires: there is room for it. */
static inline struct wk_ring_message *wk_ring_slot(const struct wk_ring_producer *producer, uint32_t ahead)
{
    return wk_ring_at(producer->ring, producer->size, producer->written + ahead);
}

/* Copies messages to where the next ones go. Requires: there is room for them. */
static inline void wk_ring_fill(const struct wk_ring_producer *producer, const struct wk_ring_message *messages,
                                uint32_t count)
{
    const uint32_t run = wk_ring_run(producer->size, producer->written, count);

    wk_ring_copy_run(wk_ring_slot(producer, 0), messages, run);
    wk_ring_copy_run(producer->ring->messages, messages + run, count - run);
}

/* The consumer may read that many more. Requires: their slots have been filled. */
static inline void wk_ring_publish(struct wk_ring_producer *producer, uint32_t count)
{
    producer->written += count;
    wk_ring_store_release(&producer->ring->producer.index, producer->written); /* PUBLISH */
}

/* ---- the consumer ---- */

/* Messages that can be read, by what is known without a look at the ring. */
static inline uint32_t wk_ring_ready(const struct wk_ring_consumer *consumer)
{
    return consumer->end - consumer->read;
}

/* Looks at the producer's index. WK_OK: there are messages. WK_WOULD_BLOCK: there are none. WK_BAD_ARGUMENT: it runs backwards,
 * or says that more has been written than there was room for. */
static inline enum wk_status wk_ring_look_for_messages(struct wk_ring_consumer *consumer)
{
    const uint32_t ready = consumer->end - consumer->read;
    const uint32_t index = __atomic_load_n(&consumer->ring->producer.index, __ATOMIC_ACQUIRE); /* TAKE-IN */

    if (index - consumer->end > consumer->size - ready)
        return WK_BAD_ARGUMENT;
    consumer->end = index;
    return consumer->end == consumer->read ? WK_WOULD_BLOCK : WK_OK;
}

/* The next message, or the one so many behind it, where the producer can still change it. Requires: it can be read. */
static inline const struct wk_ring_message *wk_ring_message(const struct wk_ring_consumer *consumer, uint32_t ahead)
{
    return wk_ring_at(consumer->ring, consumer->size, consumer->read + ahead);
}

/* Copies the next messages. Requires: they can be read. */
static inline void wk_ring_take(const struct wk_ring_consumer *consumer, struct wk_ring_message *messages,
                                uint32_t count)
{
    const uint32_t run = wk_ring_run(consumer->size, consumer->read, count);

    wk_ring_copy_run(messages, wk_ring_message(consumer, 0), run);
    wk_ring_copy_run(messages + run, consumer->ring->messages, count - run);
}

/* Gives that many slots back. Requires: their messages have been copied. */
static inline void wk_ring_give_back(struct wk_ring_consumer *consumer, uint32_t count)
{
    consumer->read += count;
    wk_ring_store_release(&consumer->ring->consumer.index, consumer->read); /* RELEASE */
}

/* ---- sleep ---- */

/* Whether the doorbell has to be rung for who sleeps at the other end: after wk_ring_publish or wk_ring_give_back. True
 * once for each time that it sleeps. */
static inline bool wk_ring_must_wake(const uint32_t *sleeps, uint32_t *rung)
{
    uint32_t value;

    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* BELL */
    value = wk_ring_load(sleeps);
    if ((value & 1) == 0 || value == *rung)
        return false;
    *rung = value;
    return true;
}

static inline bool wk_ring_must_wake_consumer(struct wk_ring_producer *producer)
{
    return wk_ring_must_wake(&producer->ring->consumer.sleeps, &producer->rung);
}

static inline bool wk_ring_must_wake_producer(struct wk_ring_consumer *consumer)
{
    return wk_ring_must_wake(&consumer->ring->producer.sleeps, &consumer->rung);
}

/* Announces that this end is about to sleep; one that stands may have been answered. Then it looks once more, behind one fence for
 * all ends of which it does so (wk_ring_fence_sleep). */
static inline void wk_ring_announce(struct wk_ring_line *own, uint32_t *sleeps)
{
    *sleeps = (*sleeps + 1) | 1;
    wk_ring_store(&own->sleeps, *sleeps);
}

static inline void wk_ring_fence_sleep(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* BELL */
}

/* It does not sleep after all, or any more. */
static inline void wk_ring_retract(struct wk_ring_line *own, uint32_t *sleeps)
{
    if (*sleeps & 1)
        wk_ring_store(&own->sleeps, ++*sleeps); /* AWAKE */
}

/* The consumer is about to sleep. WK_OK or an error: it need not, and is awake. WK_WOULD_BLOCK: it may wait for the
 * doorbell; the announcement stands until it is retracted. */
static inline enum wk_status wk_ring_consumer_sleeps(struct wk_ring_consumer *consumer)
{
    enum wk_status status;

    wk_ring_announce(&consumer->ring->consumer, &consumer->sleeps);
    wk_ring_fence_sleep();
    status = wk_ring_look_for_messages(consumer);
    if (status != WK_WOULD_BLOCK)
        wk_ring_retract(&consumer->ring->consumer, &consumer->sleeps);
    return status;
}

static inline void wk_ring_consumer_wakes(struct wk_ring_consumer *consumer)
{
    wk_ring_retract(&consumer->ring->consumer, &consumer->sleeps);
}

/* The same for the producer, which waits for room. */
static inline enum wk_status wk_ring_producer_sleeps(struct wk_ring_producer *producer)
{
    enum wk_status status;

    wk_ring_announce(&producer->ring->producer, &producer->sleeps);
    wk_ring_fence_sleep();
    status = wk_ring_look_for_room(producer);
    if (status != WK_WOULD_BLOCK)
        wk_ring_retract(&producer->ring->producer, &producer->sleeps);
    return status;
}

static inline void wk_ring_producer_wakes(struct wk_ring_producer *producer)
{
    wk_ring_retract(&producer->ring->producer, &producer->sleeps);
}

#endif
