/* SPDX-License-Identifier: MIT */
/* The kernel's own string functions, which a host program has from its C library: compared with those. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void *(*const library_memmove)(void *, const void *, size_t) = memmove;
static void *(*const library_memset)(void *, int, size_t) = memset;
static int (*const library_memcmp)(const void *, const void *, size_t) = memcmp;

#define memcpy kernel_memcpy
#define memmove kernel_memmove
#define memset kernel_memset
#define memcmp kernel_memcmp
#define memchr kernel_memchr
#define strlen kernel_strlen
#define strnlen kernel_strnlen
#define strcmp kernel_strcmp
#define strncmp kernel_strncmp
#define strchr kernel_strchr
#define strrchr kernel_strrchr
#include "../../kernel/string.c"

#define BYTES 256

static unsigned char mine[BYTES];
static unsigned char theirs[BYTES];

static void fill(void)
{
    for (unsigned i = 0; i < BYTES; i++)
        mine[i] = theirs[i] = (unsigned char)(i * 7 + 3);
}

static void assert_same(void)
{
    assert_int_equal(library_memcmp(mine, theirs, BYTES), 0);
}

static void memmove_moves_up_and_down_at_any_alignment(void **state)
{
    static const size_t places[] = {0, 1, 7, 8, 9, 16, 40, 41};
    static const size_t lengths[] = {0, 1, 7, 8, 15, 64, 100};

    (void)state;
    for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++)
        for (unsigned j = 0; j < sizeof(places) / sizeof(*places); j++)
            for (unsigned k = 0; k < sizeof(lengths) / sizeof(*lengths); k++) {
                fill();
                assert_ptr_equal(memmove(mine + places[i], mine + places[j], lengths[k]), mine + places[i]);
                library_memmove(theirs + places[i], theirs + places[j], lengths[k]);
                assert_same();
            }
}

static void memcpy_copies(void **state)
{
    (void)state;
    fill();
    assert_ptr_equal(memcpy(mine + 128, mine, 65), mine + 128);
    library_memmove(theirs + 128, theirs, 65);
    assert_same();
}

static void memset_sets_no_more_than_it_should(void **state)
{
    (void)state;
    for (size_t place = 0; place < 9; place++)
        for (size_t length = 0; length < 150; length++) {
            fill();
            assert_ptr_equal(memset(mine + place, 0x1a5, length), mine + place);
            library_memset(theirs + place, 0xa5, length);
            assert_same();
        }
}

static void comparisons_go_by_unsigned_bytes(void **state)
{
    (void)state;
    assert_int_equal(memcmp("ab\0c", "ab\0d", 3), 0);
    assert_true(memcmp("ab\0c", "ab\0d", 4) < 0);
    assert_true(memcmp("\x80", "\x7f", 1) > 0);
    assert_int_equal(strcmp("same", "same"), 0);
    assert_true(strcmp("same", "samea") < 0);
    assert_true(strcmp("\x80", "a") > 0);
    assert_int_equal(strncmp("same", "samb", 3), 0);
    assert_true(strncmp("same", "samb", 4) > 0);
    assert_int_equal(strncmp("a", "b", 0), 0);
}

static void lengths_end_at_the_first_zero(void **state)
{
    (void)state;
    assert_int_equal(strlen(""), 0);
    assert_int_equal(strlen("four\0more"), 4);
    assert_int_equal(strnlen("four", 3), 3);
    assert_int_equal(strnlen("four", 9), 4);
}

static void searches_find_the_first_or_the_last(void **state)
{
    const char *text = "abcabc";

    (void)state;
    assert_ptr_equal(strchr(text, 'b'), text + 1);
    assert_ptr_equal(strrchr(text, 'b'), text + 4);
    assert_ptr_equal(strchr(text, 0), text + 6);
    assert_ptr_equal(strrchr(text, 0), text + 6);
    assert_null(strchr(text, 'x'));
    assert_null(strrchr(text, 'x'));
    assert_ptr_equal(memchr(text, 'c', 6), text + 2);
    assert_null(memchr(text, 'c', 2));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(memmove_moves_up_and_down_at_any_alignment),
        cmocka_unit_test(memcpy_copies),
        cmocka_unit_test(memset_sets_no_more_than_it_should),
        cmocka_unit_test(comparisons_go_by_unsigned_bytes),
        cmocka_unit_test(lengths_end_at_the_first_zero),
        cmocka_unit_test(searches_find_the_first_or_the_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
