/* SPDX-License-Identifier: MIT */
/*
 * Assertions state invariants, preconditions and held locks, never anything that a user or a peer can choose.
 * `assert` stays on in every build; `assert_debug` is for checks that cost more than a few instructions. In a release
 * build a failed assertion is a breakpoint in kernel mode, which panics; the backtrace says where.
 */
#ifndef ASSERT_H
#define ASSERT_H

#include "config.h"

/* Prints the message, the registers and a backtrace, stops all harts. Does not return. */
__attribute__((noreturn)) void panic(const char *message);

#define ASSERT_TEXT2(line) #line
#define ASSERT_TEXT(line) ASSERT_TEXT2(line)
#define assert(condition)                                                                                              \
    (__builtin_expect(!(condition), 0)                                                                                 \
         ? (CONFIG_DEBUG ? panic(__FILE__ ":" ASSERT_TEXT(__LINE__) ": " #condition) : __builtin_trap())               \
         : (void)0)
#define assert_debug(condition) (CONFIG_DEBUG && !(condition) ? panic(#condition) : (void)0)

#endif
