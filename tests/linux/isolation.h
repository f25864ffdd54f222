/* SPDX-License-Identifier: MIT */
/*
 * Attempts to get out of a container. Each is a function that a child process runs: it calls `reached` if it got at anything that lies
 * outside; that it returns, or dies in trying, is as it should be.
 */
#ifndef LINUX_ISOLATION_H
#define LINUX_ISOLATION_H

#include "check.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What lies outside, as named there. */
#define OUTSIDE "/outside"
#define SECRET_FILE "/outside/secret"
#define SECRET_FIFO "/outside/fifo"
#define SECRET_BYTES 64
/* So many numbers of processes are tried: more than there are. */
#define PIDS 300

/* The secret's bytes, which no memory of an attacker holds. */
static inline char secret_byte(unsigned index)
{
    return (char)(((index * 2654435761U) >> 13 & 0x7f) | 1);
}

static inline bool has_secret(const char *bytes, size_t count)
{
    unsigned same = 0;

    for (size_t i = 0; i < count && same < SECRET_BYTES / 2; i++)
        same = bytes[i] == secret_byte(same) ? same + 1 : bytes[i] == secret_byte(0);
    return same == SECRET_BYTES / 2;
}

/* Ends the attempt as one that got out. */
__attribute__((noreturn)) void reached(const char *what);
/* What a path leads to by any call that takes one: nothing, or else it is reached. */
void try_path(int directory, const char *path);
/* Reads what a descriptor gives, if it is one, and closes it. */
void try_descriptor(int fd);
uint64_t random_number(void);

struct attempt {
    const char *name;
    void (*run)(void);
};

/* The tables of isolation_paths.c, isolation_processes.c and isolation_winkle.c; a name of NULL ends each. */
extern const struct attempt path_attempts[], process_attempts[], winkle_attempts[];

/* The other parts, in isolation_outside.c: who owns what is to be reached; one of two that are alike; one that stops its output. */
int be_outside(void);
int be_side(const char *own, const char *other);
int be_stopped(void);

#endif
