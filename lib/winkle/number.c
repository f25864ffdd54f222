/* SPDX-License-Identifier: MIT */
#include "text.h"

static unsigned digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return (unsigned)(digit - '0');
    if (digit >= 'a' && digit <= 'f')
        return (unsigned)(digit - 'a') + 10;
    if (digit >= 'A' && digit <= 'F')
        return (unsigned)(digit - 'A') + 10;
    return 16;
}

bool wk_parse_number(const char *text, size_t length, uint64_t *number)
{
    const bool hexadecimal = length > 2 && text[0] == '0' && text[1] == 'x';
    const unsigned base = hexadecimal ? 16 : 10;
    uint64_t value = 0;

    for (size_t i = hexadecimal ? 2 : 0; i < length; i++) {
        const unsigned digit = digit_value(text[i]);

        if (digit >= base || value > (UINT64_MAX - digit) / base)
            return false;
        value = value * base + digit;
    }
    *number = value;
    return length > 0;
}
