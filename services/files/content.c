/* SPDX-License-Identifier: MIT */
#include "content.h"

#include <winkle/bank.h>
#include <winkle/capability.h>
#include <winkle/memory.h>
#include <winkle/pages.h>
#include <winkle/start.h>

#include "session.h"

#define RECORDS_SHARE 8 /* of what is left of the bank, one in so many pages stays for records */
#define RECORDS_PAGES_MIN 32

static wk_handle quota; /* bank */
static wk_handle archive, zeros;
static uint64_t archive_offset;
static const uint8_t *archive_bytes;

enum wk_status content_create(wk_handle memory, uint64_t offset, const uint8_t *bytes, uint64_t *kept_pages)
{
    uint64_t limit, used, objects, children;
    enum wk_bank_kind kind;
    enum wk_status status = wk_bank_info(wk_self.bank, &limit, &used, &objects, &children, &kind);

    archive = memory;
    archive_offset = offset;
    archive_bytes = bytes;
    if (status == WK_OK)
        status = wk_memory_create(wk_self.bank, 1, 0, &zeros);
    if (status != WK_OK)
        return status;
    *kept_pages = (limit - used) / RECORDS_SHARE;
    if (*kept_pages < RECORDS_PAGES_MIN)
        *kept_pages = RECORDS_PAGES_MIN;
    return limit - used <= *kept_pages
               ? WK_NO_MEMORY
               : wk_bank_split(wk_self.bank, limit - used - *kept_pages, WK_BANK_KIND_RAM, &quota);
}

enum wk_status content_space(uint64_t *total_pages, uint64_t *free_pages)
{
    uint64_t used, objects, children;
    enum wk_bank_kind kind;
    const enum wk_status status = wk_bank_info(quota, total_pages, &used, &objects, &children, &kind);

    *free_pages = status == WK_OK ? *total_pages - used : 0;
    return status;
}

/* ---- memory objects ---- */

/* What the table of capabilities or the bank have no room for is the same to clients. */
static enum wk_status as_no_memory(enum wk_status status)
{
    return status == WK_OK ? WK_OK : WK_NO_MEMORY;
}

/* Room for at least so many pages; some more, so that a file that grows is not made larger again and again. They cost nothing
 * until they are touched. */
static enum wk_status have_pages(struct content *content, uint64_t pages)
{
    uint64_t wanted = pages + pages / 4;
    enum wk_status status;

    if (pages <= content->pages)
        return WK_OK;
    if (pages > WK_PAGE_COUNT_MAX)
        return WK_NO_MEMORY;
    if (wanted > WK_PAGE_COUNT_MAX)
        wanted = WK_PAGE_COUNT_MAX;
    status = content->memory == 0 ? wk_memory_create(quota, wanted, WK_MEMORY_OPTIONS_ON_DEMAND, &content->memory)
                                  : wk_memory_resize(content->memory, wanted);
    if (status == WK_OK)
        content->pages = wanted;
    return as_no_memory(status);
}

enum wk_status content_have_memory(struct node *file)
{
    return have_pages(&file->content, 1);
}

void content_drop(struct node *node)
{
    if (node->content.memory != 0)
        wk_capability_delete(node->content.memory);
    node->content = (struct content){0};
}

enum wk_status content_own(struct node *file)
{
    struct content own = {0};
    enum wk_status status;

    if (!content_is_in_archive(file))
        return WK_OK;
    status = have_pages(&own, wk_pages(file->size));
    if (status == WK_OK)
        status = wk_memory_copy(own.memory, 0, archive, archive_offset + file->content.archive_offset, file->size);
    if (status != WK_OK && own.memory != 0)
        wk_capability_delete(own.memory);
    if (status == WK_OK)
        file->content = own;
    return as_no_memory(status);
}

/* ---- sizes ---- */

/* Pages that were never the file's are asked for at the bank, for the client that writes them can only be told too late. */
static enum wk_status expect_pages(const struct node *file, uint64_t position, uint64_t end)
{
    const uint64_t first = position > file->size ? position : file->size;
    uint64_t total_pages, free_pages;

    if (end <= first || wk_pages(end) <= wk_pages(file->size))
        return WK_OK;
    if (content_space(&total_pages, &free_pages) != WK_OK)
        return WK_NO_MEMORY;
    return wk_pages(end) - first / WK_PAGE_BYTES > free_pages ? WK_NO_MEMORY : WK_OK;
}

enum wk_status content_have_room(struct node *file, uint64_t position, uint64_t end)
{
    const enum wk_status status = expect_pages(file, position, end);

    return status == WK_OK ? have_pages(&file->content, wk_pages(end)) : status;
}

enum wk_status content_grow(struct node *file, uint64_t position, uint64_t end)
{
    enum wk_status status;

    if (end <= file->size)
        return WK_OK;
    status = expect_pages(file, position, end);
    if (status == WK_OK)
        status = have_pages(&file->content, wk_pages(end));
    if (status == WK_OK)
        file->size = end;
    return status;
}

/* What is cut off reads as zero if the file grows again: whole pages go, the rest of the last one is cleared. */
static enum wk_status cut(struct node *file, uint64_t size)
{
    const struct content *content = &file->content;
    const uint64_t kept = wk_pages(size);
    enum wk_status status = WK_OK;

    if (content->memory == 0)
        return WK_OK;
    if (kept < content->pages)
        status = wk_memory_decommit(content->memory, kept, content->pages - kept);
    if (status == WK_OK && size % WK_PAGE_BYTES != 0)
        status = wk_memory_copy(content->memory, size, zeros, 0, WK_PAGE_BYTES - size % WK_PAGE_BYTES);
    return as_no_memory(status);
}

/* Within a page. */
static enum wk_status clear(const struct content *content, uint64_t position, uint64_t end)
{
    return end <= position ? WK_OK : wk_memory_copy(content->memory, position, zeros, 0, end - position);
}

enum wk_status content_punch(struct node *file, uint64_t position, uint64_t end)
{
    const struct content *content = &file->content;
    const uint64_t stop = end < file->size ? end : file->size;
    const uint64_t first = wk_pages(position), last = stop == file->size ? wk_pages(stop) : stop / WK_PAGE_BYTES;
    enum wk_status status;

    if (content->memory == 0 || position >= stop)
        return WK_OK;
    if (first > last)
        return as_no_memory(clear(content, position, stop));
    status = clear(content, position, first * WK_PAGE_BYTES < stop ? first * WK_PAGE_BYTES : stop);
    if (status == WK_OK && last > first)
        status = wk_memory_decommit(content->memory, first, last - first);
    if (status == WK_OK && last * WK_PAGE_BYTES < stop)
        status = clear(content, last * WK_PAGE_BYTES, stop);
    return as_no_memory(status);
}

enum wk_status content_set_size(struct node *file, uint64_t size)
{
    enum wk_status status;

    if (content_is_in_archive(file) && size == 0)
        content_drop(file);
    status = content_own(file);
    if (status == WK_OK)
        status = size < file->size ? cut(file, size) : have_pages(&file->content, wk_pages(size));
    if (status == WK_OK)
        file->size = size;
    return status;
}

/* ---- reading and mapping ---- */

enum wk_status content_read(const struct node *file, uint64_t position, uint64_t length, wk_handle memory,
                            uint64_t offset, uint64_t *count)
{
    const struct content *content = &file->content;
    const uint64_t left = position < file->size ? file->size - position : 0;
    const uint64_t wanted = length < left ? length : left;
    enum wk_status status = WK_OK;

    if (wanted == 0)
        status = WK_OK;
    else if (content_is_in_archive(file))
        status = wk_memory_copy(memory, offset, archive, archive_offset + content->archive_offset + position, wanted);
    else
        status = wk_memory_copy(memory, offset, content->memory, position, wanted);
    *count = status == WK_OK ? wanted : 0;
    return status;
}

/* Whether it begins with a page, and nothing else is in its last one. */
static bool is_mappable(const struct node *file)
{
    const uint8_t *const bytes = archive_bytes + file->content.archive_offset;
    const uint64_t rest = -file->size % WK_PAGE_BYTES;

    if ((archive_offset + file->content.archive_offset) % WK_PAGE_BYTES != 0)
        return false;
    for (uint64_t i = 0; i < rest; i++) {
        if (bytes[file->size + i] != 0)
            return false;
    }
    return true;
}

enum wk_status content_map(struct node *file, uint64_t position, uint64_t pages, uint64_t protection, wk_handle process,
                           uint64_t address)
{
    struct content *content = &file->content;
    const uint64_t first = position / WK_PAGE_BYTES;

    if (!content_is_in_archive(file))
        return WK_NOT_AVAILABLE;
    if (!content->is_checked)
        content->is_mappable = is_mappable(file);
    content->is_checked = true;
    if (!content->is_mappable)
        return WK_NOT_AVAILABLE;
    if (first > wk_pages(file->size) || pages > wk_pages(file->size) - first)
        return WK_BAD_ARGUMENT;
    return wk_memory_map(archive, process, address, (archive_offset + content->archive_offset) / WK_PAGE_BYTES + first,
                         pages, protection);
}
