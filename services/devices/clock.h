/* SPDX-License-Identifier: MIT */
/* The machine's clock of the time of day, which a driver reads once. */
#ifndef DEVICES_CLOCK_H
#define DEVICES_CLOCK_H

#include <winkle/archive.h>

/* Runs its driver to the end: what time it was, in ns since 1970, when the counter was 0; 0 if that cannot be learned. */
uint64_t clock_read(const struct wk_archive *archive, const void *tree, uint64_t tree_bytes);

#endif
