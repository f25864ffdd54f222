/* SPDX-License-Identifier: MIT */
/* Pages of a file that the personality has mapped, for bytes that are moved again and again. */
#ifndef LINUX_WINDOW_H
#define LINUX_WINDOW_H

#include "linux.h"

#include <winkle/file.h>

/* Of one open file of this process. All zeros: there is none. */
struct window {
    uint8_t *address; /* NULL: nothing is mapped */
    uint64_t pages;   /* that are mapped */
    uint64_t chunk;   /* which piece of the file it is, or may become */
    uint64_t moved;   /* pages of it that were moved before */
    uint32_t again;   /* how often it was all pages that were moved before */
    uint32_t users;   /* threads that look at it, or copy */
};

struct file;

/* Moves bytes between the file, where the service has located them at `at`, and memory at `buffer`, by loads and stores. False: the
 * kernel is to move them, perhaps because a byte could not be reached; part may have been. */
bool window_copy(struct file *file, enum wk_direction direction, uint64_t buffer, uint64_t at, uint64_t bytes);
/* Of a file that nobody uses any more. */
void window_close(struct window *window);

#endif
