/* SPDX-License-Identifier: MIT */
/*
 * A small allocator over memory objects, paid by the program's own bank. Sizes are rounded up to powers of two,
 * header included; up to 16 KiB blocks come from lists, one for each size, and go back to them; larger ones are
 * memory objects of their own. All of it is O(1) but for mapping and zeroing pages.
 */
#ifndef WINKLE_HEAP_H
#define WINKLE_HEAP_H

#include <winkle/abi.h>

/* Memory of at least `bytes` bytes, aligned to 16, its content undefined; NULL if the bank cannot pay. */
void *wk_allocate(size_t bytes);
/* Memory that reads as zero. */
void *wk_allocate_zeroed(size_t bytes);
/* Gives back what wk_allocate returned; NULL is ignored. Small blocks stay with the process for further use. */
void wk_free(void *block);

/* Where the allocator takes pages from, if not from memory objects of its own: for a program that keeps all its memory in one. */
struct wk_page_source {
    void *(*take)(uint64_t pages); /* pages that read as zero; NULL if there are none */
    void (*give_back)(void *first, uint64_t pages);
};
/* Before the first allocation. */
void wk_heap_take_from(const struct wk_page_source *source);

/* For wk_thread_run: makes the allocator ready for several threads. */
enum wk_status wk_heap_prepare(void);

#endif
