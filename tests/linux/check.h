/* SPDX-License-Identifier: MIT */
/* For programs that test calls of Linux, by its manual pages; they run on any Linux for riscv64 too. */
#ifndef LINUX_CHECK_H
#define LINUX_CHECK_H

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

/* Waits for a child, and ends it after so many seconds. */
static inline int end_of_child(pid_t pid, long seconds)
{
    struct timespec now, begun;
    int status = 0;

    clock_gettime(CLOCK_MONOTONIC, &begun);
    while (pid > 0 && waitpid(pid, &status, WNOHANG) != pid) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - begun.tv_sec > seconds)
            kill(pid, SIGKILL);
        usleep(10000);
    }
    return status;
}

/* For programs that do to their system whatever they can: it is Winkle, and they are the first process of a container. */
static inline void check_contained(void)
{
    struct utsname name;

    CHECK(uname(&name) == 0 && strstr(name.release, "winkle") != NULL && getpid() == 1);
}

#endif
