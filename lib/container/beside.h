/* SPDX-License-Identifier: MIT */
/*
 * Programs of Linux that a native program starts beside itself, as a shell does: in the view of the files that it has itself, with
 * the pipes and the terminal, and as children of the process in whose name it was started (or, where init gave it the services, of
 * none). It needs sessions under the names "files", "pipes", "terminal", and "parent" or "posix".
 */
#ifndef CONTAINER_BESIDE_H
#define CONTAINER_BESIDE_H

#include <winkle/launch.h>
#include <winkle/stream.h>

#define BESIDE_WORDS_MAX 32

struct beside_plan {
    const char *const *words;
    unsigned word_count;                       /* the program and its arguments, at most BESIDE_WORDS_MAX */
    const struct wk_stream *in, *out, *errors; /* what it has of them for its own; of no kind: the terminal */
    wk_handle event;                           /* signalled with `bits` when it has ended */
    uint64_t bits;
};

/* On failure nothing is left, and *problem says why. Its status is the shell's: what it exits with, or 128 and a signal's number. */
enum wk_status beside_start(const struct beside_plan *plan, struct wk_child *child, const char **problem);

#endif
