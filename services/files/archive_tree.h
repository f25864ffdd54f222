/* SPDX-License-Identifier: MIT */
/* The tree of the boot archive: what lies there below a prefix is the root, and the native programs, `bin/NAME`, are
 * `/winkle/NAME`. */
#ifndef FILES_ARCHIVE_TREE_H
#define FILES_ARCHIVE_TREE_H

#include "tree.h"

#include <winkle/archive.h>

/* How many entries it has. The archive has been checked. */
uint64_t archive_entries(const struct wk_archive *archive);
/* Adds nodes for what it has. An entry below something that is no directory is left out. */
enum wk_status archive_add(struct node *root, const struct wk_archive *archive, const char *prefix);
/* Adds the directories and devices that programs expect, where they are absent. */
enum wk_status standard_add(struct node *root);

#endif
