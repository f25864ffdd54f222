/* SPDX-License-Identifier: MIT */
/* What tests of rings begin with: the machine just booted, with a ring of the first process, and its user's side. */
#ifndef RING_USER_H
#define RING_USER_H

#include "calls.h"
#include "ring.h"

#define ENTRIES 8
#define COMPLETIONS (2 * ENTRIES)
#define PENDING 6

extern wk_handle ring, memory, bank; /* the bank pays for the first two */
extern struct wk_ring *entries, *completions;
/* Pages of the bank that the ring, its workers and their slab take. */
extern uint64_t ring_bank_pages;

/* A cmocka setup function: call_setup, and the ring. */
int ring_setup(void **state);
#define ring_test(function) cmocka_unit_test_setup(function, ring_setup)

/* Writes an entry with its first three words. */
void put(uint64_t operation, uint64_t flags, wk_handle handle, uint32_t tag, uint64_t word0, uint64_t word1,
         uint64_t word2);
/* The same with message bits. */
void put_message(uint64_t operation, uint64_t bits, wk_handle handle, uint32_t tag, uint64_t word0);
enum wk_status enter(uint64_t count, uint64_t wait);
enum wk_status enter_as(struct thread *thread, uint64_t count, uint64_t wait, uint64_t deadline_ns);
/* How many entries the kernel has taken. */
uint32_t taken(void);
/* Lets workers make all their steps. */
void settle_ring(void);
/* The next completion is that one, and is read; its words stay here. */
extern uint64_t completion_words[6];
extern uint64_t completion_status; /* as a0 has it */
void assert_completed(uint32_t tag, enum wk_status status);
/* The completion with that tag, among those that can be read; it stays. */
void assert_completed_any(uint32_t tag, enum wk_status status);
/* No completion can be read. */
void assert_none(void);

#endif
