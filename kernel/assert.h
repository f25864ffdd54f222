/* SPDX-License-Identifier: MIT */
/*
 * Assertions state invariants, preconditions and held locks, never anything that a user or a peer can choose.
 * `assert` stays on in every build; `assert_debug` is for checks that cost more than a few instructions. In a release
 * build a failed assertion is a breakpoint in kernel mode, which panics; the backtrace says where.
 */
#ifndef ASSERT_H
#define ASSERT_H

/* Prints the message, the registers and a backtrace, stops all harts. Does not return. */
__attribute__((noreturn)) void panic(const char *message);

#define ASSERT_TEXT2(line) #line
#define ASSERT_TEXT(line) ASSERT_TEXT2(line)
#ifdef WINKLE_DEBUG
#define assert(condition)                                                                                              \
    (__builtin_expect(!(condition), 0) ? panic(__FILE__ ":" ASSERT_TEXT(__LINE__) ": " #condition) : (void)0)
#define assert_debug(condition) assert(condition)
#else
#define assert(condition) (__builtin_expect(!(condition), 0) ? __builtin_trap() : (void)0)
#define assert_debug(condition) ((void)sizeof(condition))
#endif

#endif
