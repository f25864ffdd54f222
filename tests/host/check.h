/* SPDX-License-Identifier: MIT */
/*
 * The invariant checker: walks everything that the kernel knows and compares it with what the headers promise (INV-…). A
 * violation ends the program with a message. Nothing is changed by it.
 *
 * May be called whenever no hart is inside the kernel. Accounts are compared exactly when no long operation is under way
 * either; while one is, a bank may have been charged for what is still to come.
 */
#ifndef CHECK_H
#define CHECK_H

#include "tree.h"

#include <stdbool.h>
#include <stdint.h>

/* Called once after boot: remembers how many frames there are. */
void check_begin(void);
void check_kernel(void);

/* The members of a tree are in order and linked rightly, its ranks true. Returns how many there are. */
uint64_t check_tree(const struct tree *tree);

/* Whether any long operation is under way, or any hart's reaper has work. */
bool check_operation_under_way(void);

/*
 * Everything the kernel knows, as text: objects, accounts, tables, mappings, pages. Two states are the same if their
 * texts are. The caller frees it.
 */
char *check_state_text(void);

_Noreturn void check_failed(const char *invariant, const char *condition, const char *file, int line);
#define CHECK(invariant, condition) ((condition) ? (void)0 : check_failed(invariant, #condition, __FILE__, __LINE__))

#endif
