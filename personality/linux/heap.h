/* SPDX-License-Identifier: MIT */
#ifndef LINUX_HEAP_H
#define LINUX_HEAP_H

#include <winkle/abi.h>

/* Has the data of the personality's image lie in the arena, at the same place. Once, when that is there. */
enum wk_status heap_take_data(wk_handle image);
/* Has the native library's allocator take its pages from the arena. Once, when that is there. */
void heap_open(void);
/* Pages that read as zero, or NULL. */
void *heap_take_pages(uint64_t pages);
/* For fork: maps all of it, and the data, in the child, as memory_map_child does. */
enum wk_status heap_map_child(wk_handle child, wk_handle child_arena);
/* Copies what the personality has there into another arena. */
enum wk_status heap_copy(wk_handle child_arena);
void heap_give_back_pages(void *first, uint64_t pages);

#endif
