/* SPDX-License-Identifier: MIT */
/* Executables of Linux: ELF files, static or dynamic, at fixed addresses or anywhere. */
#ifndef LINUX_LOAD_H
#define LINUX_LOAD_H

#include "files.h"

#define INTERPRETER_BYTES 256

/* What was read of a file, and checked. */
struct program {
    struct file *file;
    uint64_t entry;   /* as the file says */
    uint64_t headers; /* where its program headers are in memory, as the file says; 0 if nowhere */
    uint32_t header_count;
    uint64_t first, end;                 /* its addresses, as the file says, whole pages */
    bool is_anywhere;                    /* it can lie anywhere */
    bool is_native;                      /* it is no program of Linux at all */
    char interpreter[INTERPRETER_BYTES]; /* its path, or empty */
    uint8_t *page;                       /* the file's first bytes, from wk_allocate */
    uint64_t page_bytes;
};

/* Reads and checks; takes the file over, also by an error: -ENOEXEC if it is no such program. program_end gives all back. */
int64_t program_read(struct program *program, struct file *file);
void program_end(struct program *program);
/* Maps it so that its first address becomes `at`, where nothing is. */
int64_t program_map(const struct program *program, uint64_t at);

#endif
