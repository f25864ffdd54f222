/* SPDX-License-Identifier: MIT */
/*
 * The boot archive: cpio, format "newc", plain files only. It is hostile until checked: every field, offset and name.
 */
#ifndef WINKLE_ARCHIVE_H
#define WINKLE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#define WK_ARCHIVE_NAME_BYTES 128

struct wk_archive {
    const uint8_t *bytes;
    size_t length;
};

struct wk_file {
    const char *name; /* in the archive; ends with a zero byte */
    const uint8_t *bytes;
    size_t length;
};

/* Reads the entry at `*offset` (0: the first) and moves `*offset` to the next. Returns NULL and a file; NULL and a file
 * whose name is NULL at the end of the archive; or what is wrong with the entry, and `*offset` stays. */
const char *wk_archive_next(const struct wk_archive *archive, size_t *offset, struct wk_file *file);

/* Reads every entry. NULL, or what is wrong, with the offset of the entry. Bound: linear in the number of files. */
const char *wk_archive_check(const struct wk_archive *archive, size_t *offset);

/* Finds a file of an archive that was checked. Returns 0, or -1 if there is none. */
int wk_archive_find(const struct wk_archive *archive, const char *name, struct wk_file *file);

#endif
