/* SPDX-License-Identifier: MIT */
#ifndef LINUX_EXEC_H
#define LINUX_EXEC_H

#include "files.h"

#define PROGRAM_PATH_BYTES 4096

/* Strings for a program, one behind the other. */
struct strings {
    char *bytes; /* from wk_allocate */
    uint64_t used, room;
    uint64_t count;
};
int64_t strings_add(struct strings *strings, const char *text);
void strings_end(struct strings *strings);

/* Replaces the program. On success the calling thread's attention is set, and linux_leave begins the new one. */
int64_t exec_program(const char *path, struct strings *arguments, struct strings *environment);
/* Tells the process service the name that linux_process.name has. */
void exec_tell_name(void);
/* The path of the program that runs, for /proc/self/exe. */
extern char exec_path[PROGRAM_PATH_BYTES];

#endif
