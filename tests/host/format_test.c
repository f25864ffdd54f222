/* SPDX-License-Identifier: MIT */
/* Formatted output and numbers read from text. */
#include "../../lib/winkle/format.c"
#include "../../lib/winkle/number.c"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char printed[256];
static size_t printed_length;

static void take(struct wk_text_sink *sink, const char *bytes, size_t length)
{
    (void)sink;
    memcpy(printed + printed_length, bytes, length);
    printed_length += length;
}

__attribute__((format(printf, 1, 2))) static const char *print(const char *format, ...)
{
    struct wk_text_sink sink = {take};
    va_list arguments;

    memset(printed, 0, sizeof(printed));
    printed_length = 0;
    va_start(arguments, format);
    wk_format(&sink, format, arguments);
    va_end(arguments);
    return printed;
}

static void numbers(void **state)
{
    (void)state;
    assert_string_equal(print("%d %d %u", 0, -2147483647 - 1, 4294967295u), "0 -2147483648 4294967295");
    assert_string_equal(print("%lu %ld", UINT64_MAX, INT64_MIN), "18446744073709551615 -9223372036854775808");
    assert_string_equal(print("%x %lx", 0xbeefu, UINT64_MAX), "beef ffffffffffffffff");
    assert_string_equal(print("%p", (void *)0x1000), "0x1000");
}

static void widths(void **state)
{
    (void)state;
    assert_string_equal(print("[%5d][%-5d][%05d]", -42, -42, -42), "[  -42][-42  ][-0042]");
    assert_string_equal(print("[%3s][%-4s][%2s]", "ab", "cd", "efg"), "[ ab][cd  ][efg]");
    assert_string_equal(print("[%016lx]", UINT64_C(0xabc)), "[0000000000000abc]");
    assert_string_equal(print("[%3c%%]", 'x'), "[  x%]");
}

static void plain(void **state)
{
    (void)state;
    assert_string_equal(print("nothing to do\n"), "nothing to do\n");
    assert_string_equal(print("%s", ""), "");
}

static bool read(const char *source, uint64_t *number)
{
    return wk_parse_number(source, strlen(source), number);
}

static void reading(void **state)
{
    uint64_t number;

    (void)state;
    assert_true(read("0", &number) && number == 0);
    assert_true(read("18446744073709551615", &number) && number == UINT64_MAX);
    assert_true(read("0xFfFfFfFfFfFfFfFf", &number) && number == UINT64_MAX);
    assert_false(read("18446744073709551616", &number));
    assert_false(read("0x10000000000000000", &number));
    assert_false(read("", &number));
    assert_false(read("12a", &number));
    assert_false(read("0x", &number));
    assert_false(read("-1", &number));
    assert_false(read(" 1", &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(widths),
        cmocka_unit_test(plain),
        cmocka_unit_test(reading),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
