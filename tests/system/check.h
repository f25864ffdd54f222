/* SPDX-License-Identifier: MIT */
/* What a test program checks with: a failure is printed with its place, and ends the program with status 1. */
#ifndef CHECK_H
#define CHECK_H

#include <winkle/names.h>
#include <winkle/print.h>
#include <winkle/start.h>

#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))
/* That an invocation answers with a certain status. */
#define EXPECT(wanted, call) expect_status(__FILE__, __LINE__, #call, (wanted), (call))
/* That two numbers are equal. */
#define EQUAL(wanted, value) expect_equal(__FILE__, __LINE__, #value, (uint64_t)(wanted), (uint64_t)(value))

__attribute__((noreturn)) static inline void check_failed(const char *file, int line, const char *condition)
{
    wk_print("%s:%d: not true: %s\n", file, line, condition);
    wk_exit(1);
}

static inline void expect_status(const char *file, int line, const char *call, enum wk_status wanted,
                                 enum wk_status status)
{
    if (status == wanted)
        return;
    wk_print("%s:%d: %s: %s, expected %s\n", file, line, call, wk_status_name(status), wk_status_name(wanted));
    wk_exit(1);
}

static inline void expect_equal(const char *file, int line, const char *value, uint64_t wanted, uint64_t is)
{
    if (is == wanted)
        return;
    wk_print("%s:%d: %s: %lu (0x%lx), expected %lu (0x%lx)\n", file, line, value, is, is, wanted, wanted);
    wk_exit(1);
}

#endif
