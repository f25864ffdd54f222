/* SPDX-License-Identifier: MIT */
/* What tests of calls that carry capabilities begin with: `one` serves an endpoint, `other` calls. */
#ifndef CARRYING_H
#define CARRYING_H

#include "calls.h"
#include "two_programs.h"

/* Words 0 to `count` - 1 are capabilities; that word is given. */
#define CARRIES(count) (WK_MESSAGE_CAPABILITY(0) * ((UINT64_C(1) << (count)) - 1))
#define GIVES(word) WK_MESSAGE_GIVE(word)
#define TYPE(type) (UINT64_C(1) << (type))

/* What pays for `endpoint`; handles of `one` and of `other`, while the first process has `endpoint` and `session` too. */
extern wk_handle endpoint_bank, endpoint_there, session_there;
/* Events of the first process, and the handles of owned capabilities to them that `other` has. */
extern wk_handle events[6], carried[6];

/* A cmocka setup function: six capabilities to events are accepted. */
int carrying_setup(void **state);
/* All of it anew. */
void carrying_restart(void);
#define carrying_test(function) cmocka_unit_test_setup(function, carrying_setup)

/* `other` calls with its capabilities as words, `flags` say which; `one` takes the call. Answers what the call does. */
enum wk_status carry(uint64_t flags);
/* The same, and the call is under way. */
void carry_and_take(uint64_t flags);
/* `one` has got the call; answer_words and answer_kind tell of it. */
void assert_brought(void);
/* A slot of a program's table, or NULL. */
struct capability *slot_in(const struct program *owner, wk_handle handle);
/* `other` takes back what it lent, if its call has been answered. */
void let_caller_finish(void);
/* What `other` lent is its own again, and nothing else has it. */
void assert_nothing_is_lent(void);

#endif
