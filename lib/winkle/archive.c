/* SPDX-License-Identifier: MIT */
#include "archive.h"

#include "text.h"

#define FIELD_DIGITS 8
#define FIELDS 13
#define MAGIC_BYTES 6
#define HEADER_BYTES (MAGIC_BYTES + FIELDS * FIELD_DIGITS)
#define TYPE_MASK 0170000
#define TYPE_FILE 0100000

/* The fields that matter here, by their place in the header. */
enum field { FIELD_MODE = 1, FIELD_FILE_BYTES = 6, FIELD_NAME_BYTES = 11 };

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

static bool read_fields(const uint8_t *header, uint32_t fields[FIELDS])
{
    for (unsigned i = 0; i < FIELDS * FIELD_DIGITS; i++) {
        const int digit = digit_value(header[MAGIC_BYTES + i]);

        if (digit < 0)
            return false;
        fields[i / FIELD_DIGITS] = fields[i / FIELD_DIGITS] << 4 | (uint32_t)digit;
    }
    return true;
}

static size_t padded(size_t bytes)
{
    return (bytes + 3) & ~(size_t)3;
}

/* Requires: at least `bytes` bytes at `name`. */
static const char *check_name(const uint8_t *name, size_t bytes)
{
    if (bytes < 2 || bytes > WK_ARCHIVE_NAME_BYTES)
        return "the name is empty or longer than 127 bytes";
    if (name[bytes - 1] != '\0')
        return "the name does not end with a zero byte";
    for (size_t i = 0; i < bytes - 1; i++) {
        if (name[i] <= ' ' || name[i] > '~')
            return "the name has blanks or characters that are not ASCII";
    }
    return NULL;
}

static const char *check_file(const uint32_t fields[FIELDS], size_t room, struct wk_file *file)
{
    if ((fields[FIELD_MODE] & TYPE_MASK) != TYPE_FILE)
        return "it is no plain file";
    if (fields[FIELD_FILE_BYTES] > room)
        return "the file's content ends beyond the archive";
    file->length = fields[FIELD_FILE_BYTES];
    return NULL;
}

const char *wk_archive_next(const struct wk_archive *archive, size_t *offset, struct wk_file *file)
{
    const uint8_t *header = archive->bytes + *offset;
    const size_t left = *offset < archive->length ? archive->length - *offset : 0;
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
    file->name = (const char *)header + HEADER_BYTES;
    problem = check_file(fields, left < content ? 0 : left - content, file);
    if (problem != NULL)
        return problem;
    file->bytes = header + content;
    *offset += padded(content + file->length);
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
        if (strcmp(file->name, name) == 0)
            return 0;
    }
    return -1;
}
