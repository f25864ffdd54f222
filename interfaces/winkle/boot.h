/* SPDX-License-Identifier: MIT */
/*
 * What the first process finds when it starts. The kernel fills its table with exactly these capabilities, in this order,
 * all with all rights (the read-only memories without write and execute), and maps the boot page read-only.
 * The first thread starts with a0 = WK_BOOT_PAGE_ADDRESS and no stack: the program brings its own.
 */
#ifndef WINKLE_BOOT_H
#define WINKLE_BOOT_H

#include <stdint.h>

/* The n-th slot of a fresh table has index n and generation 1. */
#define WK_FIRST_HANDLE(index) ((UINT64_C(1) << 18) | (index))

enum {
    WK_BOOT_PROCESS,     /* process: the first process itself */
    WK_BOOT_THREAD,      /* thread: its first thread */
    WK_BOOT_BANK,        /* bank: the first bank, with all RAM */
    WK_BOOT_MACHINE,     /* machine */
    WK_BOOT_TRACE,       /* trace */
    WK_BOOT_IMAGE,       /* memory: the program's own pages, mapped at WK_INIT_ADDRESS */
    WK_BOOT_PAGE,        /* memory: the boot page, read-only */
    WK_BOOT_DEVICE_TREE, /* memory: the flattened device tree, read-only */
    WK_BOOT_TIM,         /* bank: all tightly-integrated memory, of which there may be none */
    WK_BOOT_ARCHIVE,     /* memory: the boot archive, read-only; absent if archive_bytes is 0 */
    WK_BOOT_BUDGET,      /* budget: all time of the first hart; those of the others follow */
};

#define WK_BOOT_PAGE_ADDRESS 0x8000
#define WK_INIT_ADDRESS 0x10000

struct wk_boot_page {
    uint64_t archive_offset; /* where the archive begins in its memory's first page */
    uint64_t archive_bytes;
    uint64_t device_tree_offset; /* as with the archive */
    uint64_t device_tree_bytes;
    uint64_t timebase_hz; /* ticks of the `time` counter in a second */
    uint64_t harts;
    char command_line[1024]; /* ends with a zero byte */
};

/*
 * The first program is a flat image that begins with this header and is loaded at WK_INIT_ADDRESS: text and read-only
 * data, then data, then zeroed memory, each from a page boundary.
 */
#define WK_INIT_MAGIC UINT64_C(0x74696e69656c6b77) /* "wkleinit" */
struct wk_init_header {
    uint64_t magic;
    uint64_t entry;      /* address */
    uint64_t text_bytes; /* whole pages, with the header */
    uint64_t data_bytes; /* whole pages that are in the image; the last may be cut short in the file */
    uint64_t bss_bytes;  /* whole pages that follow, zeroed */
};

#endif
