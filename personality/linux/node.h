/* SPDX-License-Identifier: MIT */
/* Files and directories of the file service. */
#ifndef LINUX_NODE_H
#define LINUX_NODE_H

#include "files.h"

extern const struct file_operations node_operations;

/* The words of `file: status` as Linux's struct stat has them. */
struct node_status {
    uint64_t mode, owner, identity, size, modified, changed;
};
/* Whether when it was last read is something else than when it was last changed. */
bool node_has_access_time(const struct node_status *node);
void node_fill_status(const struct node_status *node, uint64_t accessed, struct stat *status);

/* A record of a plain file's session, which it is given. 0 or an error. */
int64_t node_take(wk_handle session, uint32_t flags, struct file **file);
/* Bytes of a file into memory of the personality's own, which is in the arena: how many, or an error. */
int64_t node_read_bytes(struct file *file, void *to, uint64_t position, uint64_t bytes);
/* Writes several parts of the program's memory, `struct iovec` as words, in one piece: nobody else's bytes come between. How many bytes,
 * or an error; -EFAULT also if they cannot all be lent, and then nothing was written. */
int64_t node_write_parts(struct file *file, const uint64_t (*parts)[2], unsigned count, uint64_t position);
/* Maps a file's bytes: shared, or so that the program's stores are its own. With linux_lock held. */
int64_t node_map(struct file *file, uint64_t start, uint64_t length, uint32_t protection, bool is_shared,
                 uint64_t offset);

#endif
