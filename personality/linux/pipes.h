/* SPDX-License-Identifier: MIT */
/* Pipes, of the pipe service. */
#ifndef LINUX_PIPES_H
#define LINUX_PIPES_H

#include "files.h"

/* Opens the pipe with a name; the node's session is given over. 0 or an error; waits for the other end. */
int64_t pipe_open_named(wk_handle node, uint64_t identity, uint32_t flags, struct file **file);
/* A record of a pipe's end, which it is given. 0 or an error. */
int64_t pipe_take(wk_handle end, uint32_t flags, struct file **file);
/* The session by which it is written: of a pipe that is open for both that is another one. */
wk_handle pipe_writer(const struct file *file);
/* The service's session that makes pipes; at the process's start. */
void pipes_start(wk_handle session);
wk_handle pipes_maker(void);

#endif
