/* SPDX-License-Identifier: MIT */
/*
 * Messages of a ring (lib/winkle/rings.h): from one producer to one consumer, each with its own index, and what it has seen
 * of the other's.
 *
 * Modelled: both ends, which write and read up to two messages before they publish or give back; indices that come round;
 * and the memory: a store stands in its hart's buffer until the memory takes it, in any order but across a fence. A load
 * that needs no fence before it may have been made early. Beside them a producer and a consumer whose peer writes whatever it
 * likes as its index.
 *
 * Abstracted: a message is one word, its index; a buffer holds one store to each slot and one of the index; SIZE messages
 * and indices modulo ROUND in place of 2^32; sleep (doorbell.pml).
 *
 * Shown: what is read is the message of that index, whole and once; an honest peer is never taken for a liar; who has a
 * lying peer never writes or reads more than the ring has.
 *
 * Four seeded bugs: the index is stored without a fence behind the message; the message is loaded before the index; the slot is
 * given back before the message is loaded; the peer's index is not checked.
 */
#define SIZE 2
#define ROUND 8
#define MINUS(a, b) (((a) + ROUND - (b)) % ROUND)
#define PLUS(a, b) (((a) + (b)) % ROUND)

byte slot[SIZE] = ROUND;          /* as the memory has them */
byte stored[SIZE];                /* in the producer's buffer, */
bool is_stored[SIZE];             /* if so */
byte producer_index, stored_index;
bool is_index_stored;
byte consumer_index;              /* its stores need no buffer here: each is behind all loads that matter */

/* The memory takes a store out of the buffer. */
active proctype memory() {
end:
    do
    :: atomic { is_stored[0] -> slot[0] = stored[0]; is_stored[0] = false }
    :: atomic { is_stored[1] -> slot[1] = stored[1]; is_stored[1] = false }
    :: atomic { is_index_stored -> producer_index = stored_index; is_index_stored = false }
    od
}

proctype producer() {
    byte written, filled;
    byte limit = SIZE;
    byte index;

end:
    do
    :: filled < MINUS(limit, written) && filled < SIZE ->
        atomic {
            !is_stored[(written + filled) % SIZE] ->
            stored[(written + filled) % SIZE] = PLUS(written, filled);
            is_stored[(written + filled) % SIZE] = true;
            filled++
        }
    :: filled > 0 ->
#ifndef SEEDED_BUG_PUBLISH
        !is_stored[0] && !is_stored[1]; /* fence rw,w */
#endif
        atomic {
            !is_index_stored ->
            written = PLUS(written, filled);
            filled = 0;
            stored_index = written;
            is_index_stored = true
        }
    :: filled == MINUS(limit, written) ->
        index = consumer_index;
        atomic {
            assert(MINUS(index, MINUS(limit, SIZE)) <= MINUS(written, MINUS(limit, SIZE)));
            limit = PLUS(index, SIZE);
            index = 0
        }
    od
}

proctype consumer() {
    byte read, end_seen;
    byte taken;
    byte index;
#ifdef SEEDED_BUG_ACQUIRE
    byte early;
#endif

end:
    do
    :: taken < MINUS(end_seen, read) ->
#ifdef SEEDED_BUG_ACQUIRE
        assert(early == ROUND || early == read);
        early = ROUND;
#elif !defined(SEEDED_BUG_RELEASE)
        assert(slot[(read + taken) % SIZE] == PLUS(read, taken));
#endif
        taken++
    :: taken > 0 ->
        atomic { consumer_index = PLUS(read, taken) };
#ifdef SEEDED_BUG_RELEASE
        assert(slot[read % SIZE] == read);
#endif
        atomic { read = PLUS(read, taken); taken = 0 }
    :: taken == MINUS(end_seen, read) ->
#ifdef SEEDED_BUG_ACQUIRE
        if
        :: taken == 0 -> early = slot[read % SIZE]
        :: else
        fi;
#endif
        index = producer_index;
        atomic {
            assert(MINUS(index, end_seen) <= SIZE - MINUS(end_seen, read));
            end_seen = index;
            index = 0
        }
    od
}

#ifdef SEEDED_BUG_CHECK
#define MAY_BE(condition) true
#else
#define MAY_BE(condition) (condition)
#endif

/* Its consumer lies. */
proctype producer_of_liar() {
    byte written;
    byte limit = SIZE;
    byte index;

end:
    do
    :: written != limit -> assert(MINUS(limit, written) <= SIZE); written = PLUS(written, 1)
    :: written == limit ->
        select(index : 0 .. ROUND - 1);
        if
        :: MAY_BE(MINUS(index, MINUS(limit, SIZE)) <= MINUS(written, MINUS(limit, SIZE))) -> limit = PLUS(index, SIZE)
        :: else -> break
        fi
    od
}

/* Its producer lies. */
proctype consumer_of_liar() {
    byte read, end_seen;
    byte index;

end:
    do
    :: read != end_seen -> assert(MINUS(end_seen, read) <= SIZE); read = PLUS(read, 1)
    :: read == end_seen ->
        select(index : 0 .. ROUND - 1);
        if
        :: MAY_BE(MINUS(index, end_seen) <= SIZE - MINUS(end_seen, read)) -> end_seen = index
        :: else -> break
        fi
    od
}

/* One of the three at a time: they have nothing to do with each other. */
init {
    if
    :: atomic { run producer(); run consumer() }
    :: run producer_of_liar()
    :: run consumer_of_liar()
    fi
}
