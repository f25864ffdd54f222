/* SPDX-License-Identifier: MIT */
#include "archive.h"

#include "text.h"

#define FIELD_DIGITS 8
#define FIELDS 13
#define MAGIC_BYTES 6
#define HEADER_BYTES (MAGIC_BYTES + FIELDS * FIELD_DIGITS)
#define NAME_PART_BYTES_MAX 255
#define LINK_BYTES_MAX 4095

/* The fields that matter here, by their place in the header. */
enum field { FIELD_MODE = 1, FIELD_MODIFIED = 5, FIELD_FILE_BYTES = 6, FIELD_NAME_BYTES = 11 };

static int digit_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

static bool read_field(const uint8_t *header, enum field which, uint32_t *field)
{
    const uint8_t *digits = header + MAGIC_BYTES + which * FIELD_DIGITS;

    *field = 0;
    for (unsigned i = 0; i < FIELD_DIGITS; i++) {
        const int digit = digit_value(digits[i]);

        if (digit < 0)
            return false;
        *field = *field << 4 | (uint32_t)digit;
    }
    return true;
}

/* Only those that matter: programs look through the archive often when the machine starts. */
static bool read_fields(const uint8_t *header, uint32_t fields[FIELDS])
{
    return read_field(header, FIELD_MODE, &fields[FIELD_MODE]) &&
           read_field(header, FIELD_MODIFIED, &fields[FIELD_MODIFIED]) &&
           read_field(header, FIELD_FILE_BYTES, &fields[FIELD_FILE_BYTES]) &&
           read_field(header, FIELD_NAME_BYTES, &fields[FIELD_NAME_BYTES]);
}

static size_t padded(size_t bytes)
{
    return (bytes + 3) & ~(size_t)3;
}

static bool is_part(const uint8_t *part, size_t bytes)
{
    return bytes != 0 && bytes <= NAME_PART_BYTES_MAX && (bytes != 1 || part[0] != '.') &&
           (bytes != 2 || part[0] != '.' || part[1] != '.');
}

/* Requires: at least `bytes` bytes at `name`. It is a path of ordinary names from the top, without a slash before or behind. */
static const char *check_name(const uint8_t *name, size_t bytes)
{
    size_t part = 0, end = 0;

    if (bytes < 2)
        return "the name is empty";
    if (name[bytes - 1] != '\0')
        return "the name does not end with a zero byte";
    for (; name[end] != '\0'; end++) {
        if (name[end] < ' ' || name[end] == 0x7f)
            return "the name has control characters";
        if (name[end] != '/')
            continue;
        if (!is_part(name + part, end - part))
            return "a part of the name is empty, `.`, `..` or longer than 255 bytes";
        part = end + 1;
    }
    if (!is_part(name + part, end - part))
        return "a part of the name is empty, `.`, `..` or longer than 255 bytes";
    return end < WK_ARCHIVE_PATH_BYTES ? NULL : "the name is longer than 4095 bytes";
}

static const char *check_content(const struct wk_file *file, size_t room)
{
    const uint32_t kind = file->mode & WK_ARCHIVE_KIND;

    if (file->length > room)
        return "the content ends beyond the archive";
    if (kind == WK_ARCHIVE_DIRECTORY && file->length != 0)
        return "a directory has content";
    if (kind == WK_ARCHIVE_LINK && (file->length == 0 || file->length > LINK_BYTES_MAX))
        return "a symbolic link leads nowhere, or its text is longer than 4095 bytes";
    if (kind != WK_ARCHIVE_FILE && kind != WK_ARCHIVE_DIRECTORY && kind != WK_ARCHIVE_LINK)
        return "it is no plain file, directory or symbolic link";
    return NULL;
}

/* Where an entry begins that is said to begin at `offset`. */
static size_t skip_gap(const struct wk_archive *archive, size_t offset)
{
    if (offset >= archive->length || archive->bytes[offset] != 0)
        return offset;
    return (offset + WK_ARCHIVE_PAGE_BYTES - 1) / WK_ARCHIVE_PAGE_BYTES * WK_ARCHIVE_PAGE_BYTES;
}

const char *wk_archive_next(const struct wk_archive *archive, size_t *offset, struct wk_file *file)
{
    const size_t begin = skip_gap(archive, *offset);
    const uint8_t *header = archive->bytes + begin;
    const size_t left = begin < archive->length ? archive->length - begin : 0;
    uint32_t fields[FIELDS] = {0};
    size_t content;
    const char *problem;

    *file = (struct wk_file){0};
    if (left < HEADER_BYTES)
        return "the archive ends without its last entry, TRAILER!!!";
    if (memcmp(header, "070701", MAGIC_BYTES) != 0)
        return "the entry does not begin with 070701, as cpio's format newc does";
    if (!read_fields(header, fields))
        return "the header has a digit that is not hexadecimal";
    if (fields[FIELD_NAME_BYTES] > left - HEADER_BYTES)
        return "the name ends beyond the archive";
    problem = check_name(header + HEADER_BYTES, fields[FIELD_NAME_BYTES]);
    if (problem != NULL)
        return problem;
    if (strcmp((const char *)header + HEADER_BYTES, "TRAILER!!!") == 0)
        return NULL;
    content = padded(HEADER_BYTES + fields[FIELD_NAME_BYTES]);
    file->mode = fields[FIELD_MODE];
    file->modified = fields[FIELD_MODIFIED];
    file->length = fields[FIELD_FILE_BYTES];
    problem = check_content(file, left < content ? 0 : left - content);
    if (problem != NULL)
        return problem;
    file->name = (const char *)header + HEADER_BYTES;
    file->bytes = header + content;
    *offset = begin + padded(content + file->length);
    return NULL;
}

const char *wk_archive_check(const struct wk_archive *archive, size_t *offset)
{
    struct wk_file file;
    const char *problem;

    *offset = 0;
    do {
        problem = wk_archive_next(archive, offset, &file);
    } while (problem == NULL && file.name != NULL);
    return problem;
}

int wk_archive_find(const struct wk_archive *archive, const char *name, struct wk_file *file)
{
    size_t offset = 0;

    while (wk_archive_next(archive, &offset, file) == NULL && file->name != NULL) {
        if ((file->mode & WK_ARCHIVE_KIND) == WK_ARCHIVE_FILE && strcmp(file->name, name) == 0)
            return 0;
    }
    return -1;
}
