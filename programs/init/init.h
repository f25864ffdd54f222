/* SPDX-License-Identifier: MIT */
/* What the parts of init share. */
#ifndef INIT_H
#define INIT_H

#include <winkle/archive.h>
#include <winkle/launch.h>

#include "manifest.h"

#define COMMAND_WORDS_MAX 32

/* Statuses of init's own, with which the machine powers off. A program's own status comes before them. */
enum init_status {
    INIT_LOST_PAGES = 121,
    INIT_CRASHED = 125,
    INIT_REFUSED = 126,
    INIT_NOT_FOUND = 127,
};

/* What init has read at its start. */
struct init {
    struct wk_archive archive;
    struct manifest manifest;
    wk_handle end_event;
    bool quiet;
    unsigned command_count; /* 0: a normal boot */
    const char *command[COMMAND_WORDS_MAX];
};

/* How a program's run ended. */
struct run_result {
    bool started; /* else it was refused, with a message */
    int refusal;  /* enum init_status then */
    struct wk_end end;
    uint64_t pages_lost;
};

/* Runs one program to its end, and takes back all that it had. */
struct run_result run_program(const struct init *init, const struct manifest_program *program, const char *name,
                              int argc, const char *const *argv);

/* The machine as init leaves it. Does not return. */
__attribute__((noreturn)) void power_off(int status);

#endif
