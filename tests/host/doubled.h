/* SPDX-License-Identifier: MIT */
/* An act in two machines: in the one that is, and before that in a copy of it (fork) in which a shorter way through the
 * kernel is off. What both then are has to be the same. */
#ifndef DOUBLED_H
#define DOUBLED_H

#include "harness.h"

#include <stdio.h>

struct doubled {
    void (*set_short_way)(bool is_on); /* off in the copy while it acts */
    void (*act)(const void *what);
    /* What can be seen of a machine, and what the kernel remembers, line by line. The caller frees it. */
    char *(*say)(void);
};

/* Acts in both; fails the test at the first line in which they differ. */
void doubled_act(const struct doubled *doubled, const void *what);
/* Says the registers that the thread still has while it waits in an invocation; all of them if it runs. */
void say_registers(FILE *text, const struct thread *thread);

#endif
