/* SPDX-License-Identifier: MIT */
/*
 * On which budgets a program's threads run. Every program has one, its own; one for several harts also has a budget on
 * each of them, by the names "hart0" to "hart7". What it starts without saying where, threads and programs, goes to
 * these in turn: a thread stays on its budget's hart.
 */
#ifndef WINKLE_HARTS_H
#define WINKLE_HARTS_H

#include <winkle/abi.h>

#define WK_HARTS_MAX 8

/* How many harts' budgets the program was given by name; 0 if its own budget is all it has. */
unsigned wk_hart_count(void);
/* The one of a hart, 0 if there is none. */
wk_handle wk_hart_budget(unsigned hart);
/* The one whose turn it is, of the last hart before; without any the program's own. */
wk_handle wk_budget_in_turn(void);

#endif
