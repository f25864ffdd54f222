/* SPDX-License-Identifier: MIT */
/*
 * The bytes of files: in the archive's memory object, which is only read and mapped, or in a memory object of the file's own,
 * paid by the bank that is the quota. Clients copy from and to that by themselves; nothing here is mapped into the service.
 */
#ifndef FILES_CONTENT_H
#define FILES_CONTENT_H

#include "tree.h"

/* Sets aside the quota, all of the service's bank but what records need. The archive: its memory object, where it begins there,
 * and where it is mapped. `*kept_pages`: what is left for records. */
enum wk_status content_create(wk_handle memory, uint64_t offset, const uint8_t *bytes, uint64_t *kept_pages);

static inline bool content_is_in_archive(const struct node *file)
{
    return file->content.archive_offset != 0;
}

/* Makes the bytes the file's own, so that they can be written. WK_NO_MEMORY: it stays as it was. */
enum wk_status content_own(struct node *file);
/* Makes sure of a memory object, even of a file without bytes. */
enum wk_status content_have_memory(struct node *file);
/* Room for bytes from `position` to `end`, which somebody will write; the size is at least `end` then. */
enum wk_status content_grow(struct node *file, uint64_t position, uint64_t end);
/* Cuts it off or makes it longer by a hole. */
enum wk_status content_set_size(struct node *file, uint64_t size);
/* There is room for bytes up to `end` now, however long the file is. */
enum wk_status content_have_room(struct node *file, uint64_t position, uint64_t end);
/* Bytes before the file's end read as zero, and whole pages of them take no room. */
enum wk_status content_punch(struct node *file, uint64_t position, uint64_t end);
/* Copies bytes to a client's memory; `count` is what is left before the end, at most `length`. */
enum wk_status content_read(const struct node *file, uint64_t position, uint64_t length, wk_handle memory,
                            uint64_t offset, uint64_t *count);
/* Maps pages of what is in the archive. */
enum wk_status content_map(struct node *file, uint64_t position, uint64_t pages, uint64_t protection, wk_handle process,
                           uint64_t address);
/* How large the quota is, and how much of it is free. */
enum wk_status content_space(uint64_t *total_pages, uint64_t *free_pages);

#endif
