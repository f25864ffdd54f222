/* SPDX-License-Identifier: MIT */
/* The reader of boot archives: a good one, each way to be malformed, and every single byte changed. */
#include "../../lib/winkle/archive.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t bytes[1024];
static struct wk_archive archive = {.bytes = bytes};

static void pad_to_four(void)
{
    while (archive.length % 4 != 0)
        bytes[archive.length++] = 0;
}

static void add(unsigned mode, const char *name, const char *content)
{
    const unsigned values[FIELDS] = {[FIELD_MODE] = mode,
                                     [FIELD_FILE_BYTES] = (unsigned)strlen(content),
                                     [FIELD_NAME_BYTES] = (unsigned)strlen(name) + 1};

    archive.length += (size_t)sprintf((char *)bytes + archive.length, "070701");
    for (int i = 0; i < FIELDS; i++)
        archive.length += (size_t)sprintf((char *)bytes + archive.length, "%08X", values[i]);
    memcpy(bytes + archive.length, name, strlen(name) + 1);
    archive.length += strlen(name) + 1;
    pad_to_four();
    memcpy(bytes + archive.length, content, strlen(content));
    archive.length += strlen(content);
    pad_to_four();
}

static int good_archive(void **state)
{
    (void)state;
    memset(bytes, 0, sizeof(bytes));
    archive.length = 0;
    add(0100644, "bin/one", "first");
    add(0100644, "empty", "");
    add(0100755, "two", "second file");
    add(0, "TRAILER!!!", "");
    return 0;
}

static void assert_refused(size_t at, const char *part)
{
    size_t offset;
    const char *problem = wk_archive_check(&archive, &offset);

    assert_non_null(problem);
    assert_non_null(strstr(problem, part));
    assert_int_equal(offset, at);
}

static void files_are_found(void **state)
{
    struct wk_file file;
    size_t offset;

    (void)state;
    assert_null(wk_archive_check(&archive, &offset));
    assert_int_equal(wk_archive_find(&archive, "two", &file), 0);
    assert_int_equal(file.length, 11);
    assert_memory_equal(file.bytes, "second file", 11);
    assert_int_equal(wk_archive_find(&archive, "empty", &file), 0);
    assert_int_equal(file.length, 0);
    assert_int_equal(wk_archive_find(&archive, "tw", &file), -1);
}

static void empty_archive(void **state)
{
    (void)state;
    archive.length = 0;
    assert_refused(0, "ends without");
}

static void no_trailer(void **state)
{
    (void)state;
    archive.length = 0;
    add(0100644, "one", "1234");
    assert_refused(archive.length, "ends without");
}

static void wrong_magic(void **state)
{
    (void)state;
    bytes[5] = '2';
    assert_refused(0, "070701");
}

static void wrong_digit(void **state)
{
    (void)state;
    bytes[20] = 'g';
    assert_refused(0, "hexadecimal");
}

/* Directories and links are there, but no program is found under their names. */
static void other_kinds(void **state)
{
    struct wk_file file;
    size_t offset = 0;

    (void)state;
    archive.length = 0;
    add(0040755, "bin", "");
    add(0120777, "link", "bin/one");
    add(0, "TRAILER!!!", "");
    assert_null(wk_archive_check(&archive, &offset));
    assert_int_equal(wk_archive_find(&archive, "link", &file), -1);
    offset = 0;
    assert_null(wk_archive_next(&archive, &offset, &file));
    assert_int_equal(file.mode, 0040755);
    assert_null(wk_archive_next(&archive, &offset, &file));
    assert_int_equal(file.length, 7);
    archive.length = 0;
    add(0040755, "bin", "content");
    assert_refused(0, "directory has content");
    archive.length = 0;
    add(0120777, "link", "");
    assert_refused(0, "leads nowhere");
    archive.length = 0;
    add(0020666, "null", "");
    assert_refused(0, "no plain file");
}

/* A name may end with more zeros than one, and the next entry begins with a page if zeros follow. */
static void pages(void **state)
{
    static uint8_t large[3 * WK_ARCHIVE_PAGE_BYTES];
    const struct wk_archive padded_archive = {large, sizeof(large)};
    struct wk_file file;
    size_t offset;

    (void)state;
    archive.length = 0;
    add(0100644, "one", "1");
    memcpy(large, bytes, archive.length);
    memcpy(large + MAGIC_BYTES + FIELD_NAME_BYTES * FIELD_DIGITS, "00000f92",
           FIELD_DIGITS); /* the content behind a page */
    large[HEADER_BYTES + 4] = 0;
    large[WK_ARCHIVE_PAGE_BYTES] = '1';
    archive.length = 0;
    add(0100644, "two", "2");
    add(0, "TRAILER!!!", "");
    memcpy(large + 2 * WK_ARCHIVE_PAGE_BYTES, bytes, archive.length);
    assert_null(wk_archive_check(&padded_archive, &offset));
    assert_int_equal(wk_archive_find(&padded_archive, "one", &file), 0);
    assert_ptr_equal(file.bytes, large + WK_ARCHIVE_PAGE_BYTES);
    assert_int_equal(wk_archive_find(&padded_archive, "two", &file), 0);
}

static void assert_name_refused(const char *name)
{
    archive.length = 0;
    add(0100644, name, "");
    assert_refused(0, "a part of the name");
}

static void odd_names(void **state)
{
    static char name[300];

    (void)state;
    assert_name_refused("/a");
    assert_name_refused("a/");
    assert_name_refused("a//b");
    assert_name_refused("../a");
    assert_name_refused("a/./b");
    memset(name, 'n', 256);
    assert_name_refused(name);
    name[255] = '\0';
    archive.length = 0;
    add(0100644, name, "");
    assert_refused(archive.length, "ends without");
}

static void content_too_long(void **state)
{
    (void)state;
    memcpy(bytes + MAGIC_BYTES + FIELD_FILE_BYTES * FIELD_DIGITS, "ffffffff", FIELD_DIGITS);
    assert_refused(0, "content ends beyond");
}

static void name_too_long(void **state)
{
    (void)state;
    memcpy(bytes + MAGIC_BYTES + FIELD_NAME_BYTES * FIELD_DIGITS, "fffffff0", FIELD_DIGITS);
    assert_refused(0, "name ends beyond");
    memcpy(bytes + MAGIC_BYTES + FIELD_NAME_BYTES * FIELD_DIGITS, "00000001", FIELD_DIGITS);
    assert_refused(0, "empty");
    memcpy(bytes + MAGIC_BYTES + FIELD_NAME_BYTES * FIELD_DIGITS, "00000004", FIELD_DIGITS);
    assert_refused(0, "zero byte");
}

static void name_with_control_character(void **state)
{
    (void)state;
    archive.length = 0;
    add(0100644, "a\nb", "");
    assert_refused(0, "control");
}

/* Cut anywhere, or with any byte changed to anything of a kind: no read outside, which the sanitizers watch. */
static void cut_and_changed(void **state)
{
    const size_t whole = archive.length;
    size_t offset;

    (void)state;
    for (size_t length = 0; length <= whole; length++) {
        uint8_t *copy = malloc(length == 0 ? 1 : length);

        memcpy(copy, bytes, length);
        wk_archive_check(&(struct wk_archive){copy, length}, &offset);
        free(copy);
    }
    for (size_t at = 0; at < whole; at++) {
        for (unsigned value = 0; value < 256; value += (unsigned)(at % 3) + 1) {
            const uint8_t old = bytes[at];

            bytes[at] = (uint8_t)value;
            wk_archive_check(&archive, &offset);
            bytes[at] = old;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(files_are_found, good_archive),
        cmocka_unit_test_setup(empty_archive, good_archive),
        cmocka_unit_test_setup(no_trailer, good_archive),
        cmocka_unit_test_setup(wrong_magic, good_archive),
        cmocka_unit_test_setup(wrong_digit, good_archive),
        cmocka_unit_test_setup(other_kinds, good_archive),
        cmocka_unit_test_setup(pages, good_archive),
        cmocka_unit_test_setup(odd_names, good_archive),
        cmocka_unit_test_setup(content_too_long, good_archive),
        cmocka_unit_test_setup(name_too_long, good_archive),
        cmocka_unit_test_setup(name_with_control_character, good_archive),
        cmocka_unit_test_setup(cut_and_changed, good_archive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
