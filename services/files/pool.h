/* SPDX-License-Identifier: MIT */
/*
 * Memory for the service's records. It is paid when it is taken, never when it is touched: a bank that has run dry is an
 * answer, not the end of the service. What was given back stays for further records of its size.
 */
#ifndef FILES_POOL_H
#define FILES_POOL_H

#include <winkle/abi.h>

#define POOL_BYTES_MAX 4096

/* Memory of at least `bytes` bytes, at most POOL_BYTES_MAX, that reads as zero; NULL if the bank cannot pay. */
void *pool_take(size_t bytes);
/* Gives it back; `bytes` as it was taken. */
void pool_give(void *record, size_t bytes);

/* Whole pages that read as zero, and the capability to give them back by; NULL if the bank cannot pay. */
void *pool_take_pages(uint64_t pages, wk_handle *memory);
void pool_give_pages(wk_handle memory);

#endif
