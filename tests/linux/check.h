/* SPDX-License-Identifier: MIT */
/* For programs that test calls of Linux, by its manual pages; they run on any Linux for riscv64 too. */
#ifndef LINUX_CHECK_H
#define LINUX_CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, strerror(errno));                                \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)
/* The call fails with that error number. */
#define FAILS(error, call)                                                                                             \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        CHECK((call) == -1 && errno == (error));                                                                       \
    } while (0)

#endif
