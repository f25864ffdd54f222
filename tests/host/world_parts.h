/* SPDX-License-Identifier: MIT */
/* What the files of the random programs call of each other. */
#ifndef WORLD_PARTS_H
#define WORLD_PARTS_H

#include "harness.h"
#include "world.h"

/* The priority of the programs' threads, and their ceiling. */
#define PRIORITY 80

/* world_words.c */
bool one_in(struct choices *choices, uint64_t limit);
uint64_t some_address(struct choices *choices);
/* Mostly one that names something of that type in the process's table. */
uint64_t some_handle(struct choices *choices, const struct process *process, unsigned type);
/* Mostly one that the argument's description accepts. */
uint64_t some_word(struct choices *choices, const struct process *process, const struct interface_word *word);

/* world_traffic.c */
/* Sets a part of each hart's time aside for the programs. */
void make_budgets(wk_handle bank);
/* What a program begins with to have to do with others: an endpoint, sessions of the others', a budget. The first process
 * has `endpoint` too. */
void make_traffic(wk_handle process, wk_handle bank, wk_handle event, uint64_t index, wk_handle *endpoint);
/* A session of the endpoint for the process. */
void make_known(wk_handle endpoint, wk_handle process);
/* Makes a mailbox for all programs, and lets one of them have it. */
void make_mailbox(wk_handle bank);
void share_mailbox(wk_handle process);
/* Operations on mailboxes, and tickets of the one that the first word names, would seldom be met by chance. */
const struct interface_operation *some_mailbox_operation(struct choices *choices);
void choose_ticket_words(struct choices *choices, const struct process *process, uint64_t *words);
/* The thread calls, receives or answers. */
void act_message(struct choices *choices, struct thread *thread, struct thread *rival);
/* Numbers of a budget, which would seldom be such by chance. */
void choose_budget_words(struct choices *choices, uint64_t *numbers);
/* A call of whatever it is, with what travels along: its operation word. */
uint64_t some_call(struct choices *choices, const struct process *process, uint64_t words[6]);

/* world_rings.c */
/* The thread fills a ring of its process, and enters it; it makes one if there is none. */
void act_ring(struct choices *choices, struct thread *thread, struct thread *rival);
/* Whoever writes to a ring while the kernel reads it writes no more. */
void end_ring_attack(void);

/* world.c */
/* One that may come by chance; NULL: none. */
const struct interface_operation *some_operation(struct choices *choices);
/* Its argument words, mostly such as are accepted. */
void choose_words(struct choices *choices, const struct process *process, const struct interface_operation *operation,
                  uint64_t words[6]);
void say(const char *what, const struct thread *thread, const uint64_t *words);

#endif
