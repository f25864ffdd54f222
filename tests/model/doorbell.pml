/* SPDX-License-Identifier: MIT */
/*
 * Sleep and doorbell of a channel (lib/winkle/rings.h, lib/channel): who finds nothing to read, or no room, announces that it
 * sleeps, looks once more, and waits for its event; who has written its index rings the other's event if that one
 * sleeps, once for each time. Who was woken takes its announcement back, or leaves it, and makes a new one the next time.
 *
 * Modelled: a producer and a consumer who both sleep, a ring of one message, and the memory: a store stands in its hart's
 * buffer until the memory takes it, in any order but across a full fence. The doorbell also rings for nothing, as that of
 * a server with other clients does. The consumer may give up a wait, as with a deadline.
 *
 * Abstracted: the messages (ring.pml); indices and `sleeps` do not come round (who sleeps 2^31 times between two looks of the
 * other side, and no more and no less, is not woken by the second); an event is its bit.
 *
 * Shown: no wake-up is lost: all messages come to the other side, however both sleep (else it would be an invalid end).
 *
 * Four seeded bugs: no full fence between the index and the look whether the other sleeps; none between the announcement and
 * the last look; no last look; who was woken goes to sleep again with the announcement that has been answered.
 */
#define MESSAGES 3
#define SIZE 1
#define PRODUCER 0
#define CONSUMER 1
#define OTHER (1 - me)

byte index[2];          /* as the memory has them, by whose they are */
byte sleeps[2];
byte index_stored[2];   /* in the hart's buffer, */
bool is_index_stored[2]; /* if so */
byte sleeps_stored[2];
bool is_sleeps_stored[2];
bool event[2];          /* a pending bit, of who waits for it */
byte own_sleeps[2];     /* private */
byte rung[2];
byte floods;

#define IS_FENCED (!is_index_stored[me] && !is_sleeps_stored[me])

inline store_index(value) {
    atomic { !is_index_stored[me] -> index_stored[me] = value; is_index_stored[me] = true }
}

inline store_sleeps(more) {
    atomic {
        !is_sleeps_stored[me] ->
        own_sleeps[me] = own_sleeps[me] + more;
        sleeps_stored[me] = own_sleeps[me];
        is_sleeps_stored[me] = true
    }
}

/* wk_ring_must_wake, and the doorbell */
inline wake_other() {
#ifndef SEEDED_BUG_FENCE
    IS_FENCED;
#endif
    seen = sleeps[OTHER];
    if
    :: seen % 2 == 1 && seen != rung[me] -> rung[me] = seen; event[OTHER] = true
    :: else
    fi;
    seen = 0
}

/* Waits until it has `enough`, by the other's index. */
inline sleep_until(enough) {
    do
    :: seen = index[OTHER];
        if
        :: enough -> break
        :: else
        fi;
        if
        :: own_sleeps[me] % 2 == 0 -> store_sleeps(1)
#ifdef SEEDED_BUG_AGAIN
        :: else
#else
        :: else -> store_sleeps(2) /* the one that stands has been answered */
#endif
        fi;
#ifndef SEEDED_BUG_ANNOUNCED
        IS_FENCED;
#endif
#ifndef SEEDED_BUG_LOOK
        seen = index[OTHER];
#endif
        if
        :: enough -> store_sleeps(1); break
        :: else
        fi;
        if
        :: atomic { event[me] -> event[me] = false }
            if
            :: store_sleeps(1)
            :: skip /* wk_channel_exchange: the next announcement is a new one */
            fi
        :: me == CONSUMER && given_up < 1 -> given_up++; store_sleeps(1) /* the deadline */
        fi
    od;
    seen = 0
}

active proctype memory() {
end:
    do
    :: atomic { is_index_stored[0] -> index[0] = index_stored[0]; is_index_stored[0] = false }
    :: atomic { is_index_stored[1] -> index[1] = index_stored[1]; is_index_stored[1] = false }
    :: atomic { is_sleeps_stored[0] -> sleeps[0] = sleeps_stored[0]; is_sleeps_stored[0] = false }
    :: atomic { is_sleeps_stored[1] -> sleeps[1] = sleeps_stored[1]; is_sleeps_stored[1] = false }
    od
}

/* Rings for nothing. */
active proctype flood() {
end:
    do
    :: atomic { floods < 2 -> floods++; event[PRODUCER] = true }
    :: atomic { floods < 2 -> floods++; event[CONSUMER] = true }
    od
}

proctype producer(byte me) {
    byte written, seen, given_up;

    do
    :: written < MESSAGES ->
        sleep_until(written - seen < SIZE);
        written++;
        store_index(written);
        wake_other()
    :: else -> break
    od
}

proctype consumer(byte me) {
    byte read, seen, given_up;

    do
    :: read < MESSAGES ->
        sleep_until(seen > read);
        read++;
        store_index(read);
        wake_other()
    :: else -> break
    od
}

init {
    atomic { run producer(PRODUCER); run consumer(CONSUMER) }
}
