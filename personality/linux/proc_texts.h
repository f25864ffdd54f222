/* SPDX-License-Identifier: MIT */
/* What the files of /proc say. */
#ifndef LINUX_PROC_TEXTS_H
#define LINUX_PROC_TEXTS_H

#include "linux.h"

#define PROC_TEXT_BYTES 8192

/* A process of the same container, as the process service knows it. */
struct proc_about {
    uint64_t pid, parent, group, session;
    uint64_t used_ns;
    uint32_t user;
    char state; /* a letter as in /proc/PID/stat */
    char name[NAME_BYTES + 1];
};
/* The process with the least number that is not less; false: there is none. */
bool proc_describe(uint64_t at_least, struct proc_about *about);
/* That process. */
bool proc_find(uint64_t pid, struct proc_about *about);

struct proc_text {
    const char *name;
    /* Writes at most PROC_TEXT_BYTES; how many. `about` is NULL for what concerns no process. */
    uint64_t (*write)(char *text, const struct proc_about *about);
    bool is_own; /* only of the process itself: nobody knows it of another */
};

/* What is in /proc itself, and of each process; each ends with a name that is NULL. */
extern const struct proc_text proc_system_texts[], proc_process_texts[];

#endif
