/* SPDX-License-Identifier: MIT */
/*
 * The kernel lock (kernel/lock.h) with the TLB flushes that spinners serve (kernel/space.c). Harts take tickets, wait for
 * their turn, and while they wait they serve flush requests; a holder may ask all others to flush and, without holding
 * the lock, waits until each has seen it. Shown: mutual exclusion, first come first served, and that nobody waits for
 * ever although a waiter of a flush waits for harts that wait for the lock.
 *
 * The seeded bug: a spinning hart does not serve flush requests while a holder waits for them under the lock.
 */
#define HARTS 3

byte next_ticket = 0;
byte serving = 0;
byte epoch = 0;
byte seen[HARTS];
byte inside = 0;

inline serve() {
    if
    :: seen[_pid] != epoch -> seen[_pid] = epoch
    :: else -> skip
    fi
}

active [HARTS] proctype hart() {
    byte ticket;
    byte wanted;
    byte other;
    byte rounds = 0;

    do
    :: rounds < 2 ->
        atomic { ticket = next_ticket; next_ticket++ };
        do
        :: serving == ticket -> break
        :: serving != ticket ->
#ifndef SEEDED_BUG
            serve()
#else
            serving == ticket
#endif
        od;
        inside++;
        assert(inside == 1);
        assert(serving == ticket);
        epoch++;
        wanted = epoch;
        seen[_pid] = wanted;
#ifdef SEEDED_BUG
        other = 0;
        do
        :: other < HARTS -> (seen[other] >= wanted); other++
        :: else -> break
        od;
#endif
        inside--;
        serving++;
        other = 0;
        do
        :: other < HARTS && seen[other] >= wanted -> other++
        :: other < HARTS && seen[other] < wanted -> serve()
        :: other == HARTS -> break
        od;
        rounds++
    :: else -> break
    od;
    /* Out of the kernel: interrupts are on, and requests are served. */
end:
    do
    :: seen[_pid] != epoch -> serve()
    od
}
