/* SPDX-License-Identifier: MIT */
/*
 * The quarantine of frames (kernel/frame.c, kernel/space.c). One hart takes a page away from an address space that
 * another hart runs, and drops its frame; the frame may be handed out anew only when no TLB can hold the old translation.
 * Harts fill their TLB from the page table at any time while they run user code; they flush when they see a new epoch.
 * Shown: no hart ever uses the translation of a frame that belongs to somebody else.
 *
 * The order matters: entry away, then the epoch is raised, then the frame is stamped with it. The seeded bug stamps the
 * frame before the epoch is raised.
 */
#define HARTS 3

bit entry = 1;         /* the page table's entry */
bit cached[HARTS];     /* the TLBs */
byte epoch = 0;
byte seen[HARTS];
bit reused = 0;        /* the frame belongs to somebody else */

active [HARTS - 1] proctype runner() {
    do
    :: atomic { entry == 1 -> cached[_pid] = 1 }
    :: atomic { cached[_pid] == 1 -> assert(reused == 0) }
    :: seen[_pid] != epoch ->
        byte asked = epoch;
        cached[_pid] = 0;
        seen[_pid] = asked
    :: timeout -> break
    od
}

active proctype remover() {
    byte stamp;
    byte other = 0;

    entry = 0;
#ifdef SEEDED_BUG
    stamp = epoch;
    epoch++;
#else
    epoch++;
    stamp = epoch;
#endif
    seen[HARTS - 1] = epoch;
    do
    :: other < HARTS -> (seen[other] >= stamp); other++
    :: else -> break
    od;
    reused = 1
}
