/* SPDX-License-Identifier: MIT */
/*
 * The boot archive: cpio, format "newc", of plain files, directories and symbolic links. It is hostile until checked: every
 * field, offset and name.
 *
 * A file that is to be mapped begins with a page of the archive, and the rest of its last page is zero: the name before it may
 * end with more zero bytes than one, and where no entry follows directly but a zero byte, the next one begins with the next page.
 */
#ifndef WINKLE_ARCHIVE_H
#define WINKLE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#define WK_ARCHIVE_NAME_BYTES 128  /* room for what a program is called; */
#define WK_ARCHIVE_PATH_BYTES 4096 /* a name in the archive has less than that, each part of it less than 256 */
#define WK_ARCHIVE_PAGE_BYTES 4096
/* Kinds in the mode of a file. */
#define WK_ARCHIVE_KIND 0170000U
#define WK_ARCHIVE_DIRECTORY 0040000U
#define WK_ARCHIVE_FILE 0100000U
#define WK_ARCHIVE_LINK 0120000U

struct wk_archive {
    const uint8_t *bytes;
    size_t length;
};

struct wk_file {
    const char *name;     /* in the archive; ends with a zero byte */
    const uint8_t *bytes; /* of a link: where it leads, without a zero at its end */
    size_t length;
    uint32_t mode;     /* kind and permissions, as POSIX's `st_mode` */
    uint32_t modified; /* seconds since 1970 */
};

/* Reads the entry at `*offset` (0: the first) and moves `*offset` to the next. Returns NULL and a file; NULL and a file
 * whose name is NULL at the end of the archive; or what is wrong with the entry, and `*offset` stays. */
const char *wk_archive_next(const struct wk_archive *archive, size_t *offset, struct wk_file *file);

/* Reads every entry. NULL, or what is wrong, with the offset of the entry. Bound: linear in the number of files. */
const char *wk_archive_check(const struct wk_archive *archive, size_t *offset);

/* Finds a plain file of an archive that was checked. Returns 0, or -1 if there is none. */
int wk_archive_find(const struct wk_archive *archive, const char *name, struct wk_file *file);

#endif
