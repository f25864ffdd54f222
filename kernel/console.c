/* SPDX-License-Identifier: MIT */
/*
 * Formatted text on the console of last resort. No lock: lines of several harts may mix, but a panic inside anything
 * still gets its message out.
 */
#include "console.h"

#include "arch/arch.h"
#include "assert.h"

#include <stdarg.h>

bool console_quiet;

static void print_text(const char *text)
{
    while (*text != 0)
        arch_console_put(*text++);
}

static void print_number(uint64_t number, unsigned base)
{
    char digits[20];
    unsigned count = 0;

    do {
        digits[count++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    while (count > 0)
        arch_console_put(digits[--count]);
}

void console_print(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    for (; *format != 0; format++) {
        bool is_long;

        if (*format != '%') {
            arch_console_put(*format);
            continue;
        }
        format++;
        is_long = *format == 'l';
        format += is_long;
        if (*format == 's')
            print_text(va_arg(arguments, const char *));
        else if (*format == 'c')
            arch_console_put((char)va_arg(arguments, int));
        else if (*format == 'u' || *format == 'x')
            print_number(is_long ? va_arg(arguments, uint64_t) : va_arg(arguments, unsigned), *format == 'u' ? 10 : 16);
        else
            arch_console_put('%');
    }
    va_end(arguments);
}

void panic(const char *message)
{
    console_print("\npanic: %s\n", message);
    arch_panic_stop();
}
