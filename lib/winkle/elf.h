/* SPDX-License-Identifier: MIT */
/*
 * Static RISC-V executables: ELF, 64 bits. A file is hostile until checked; a launcher looks at nothing of it but what
 * wk_elf_check hands out.
 */
#ifndef WINKLE_ELF_H
#define WINKLE_ELF_H

#include <stddef.h>
#include <stdint.h>

#define WK_ELF_SEGMENTS_MAX 8
#define WK_ELF_BYTES_MAX UINT64_C(0x40000000)

/* A part of the program: whole pages of memory from a page boundary on, the first `file_bytes` bytes from the file. */
struct wk_elf_segment {
    uint64_t address;
    uint64_t pages;
    const uint8_t *bytes;
    uint64_t file_bytes;
    uint64_t protection; /* flags wk_protection; never write and execute */
};

struct wk_elf {
    uint64_t entry;
    unsigned segment_count; /* in ascending order, not overlapping */
    struct wk_elf_segment segments[WK_ELF_SEGMENTS_MAX];
};

/* Reads and checks. NULL, or what is wrong with the file. Bound: at most 64 program headers. */
const char *wk_elf_check(const uint8_t *bytes, size_t length, struct wk_elf *elf);

#endif
