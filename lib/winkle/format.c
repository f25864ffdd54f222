/* SPDX-License-Identifier: MIT */
/* The formatting behind wk_print; see print.h for what it knows. */
#include <winkle/print.h>

#include <winkle/text.h>

#include <stdbool.h>

#define DIGITS_MAX 20

struct directive {
    bool left;
    bool zeros;
    bool is_long;
    size_t width;
    char conversion;
};

static void put_repeated(struct wk_text_sink *sink, char byte, size_t count)
{
    while (count-- > 0)
        sink->take(sink, &byte, 1);
}

static void put_padded(struct wk_text_sink *sink, const struct directive *directive, const char *text, size_t length)
{
    const size_t padding = directive->width > length ? directive->width - length : 0;

    if (!directive->left)
        put_repeated(sink, ' ', padding);
    sink->take(sink, text, length);
    if (directive->left)
        put_repeated(sink, ' ', padding);
}

static void put_number(struct wk_text_sink *sink, const struct directive *directive, const char *prefix, uint64_t value,
                       unsigned base)
{
    char text[2 + DIGITS_MAX];
    char *first = text + sizeof(text);
    size_t length;

    do {
        *--first = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    length = (size_t)(text + sizeof(text) - first);
    if (directive->zeros && !directive->left) {
        const size_t used = strlen(prefix) + length;

        sink->take(sink, prefix, strlen(prefix));
        put_repeated(sink, '0', directive->width > used ? directive->width - used : 0);
        sink->take(sink, first, length);
        return;
    }
    first -= strlen(prefix);
    memcpy(first, prefix, strlen(prefix));
    put_padded(sink, directive, first, length + strlen(prefix));
}

static const char *read_directive(const char *at, struct directive *directive)
{
    *directive = (struct directive){0};
    for (; *at == '-' || *at == '0'; at++) {
        if (*at == '-')
            directive->left = true;
        else
            directive->zeros = true;
    }
    for (; *at >= '0' && *at <= '9'; at++)
        directive->width = directive->width * 10 + (size_t)(*at - '0');
    for (; *at == 'l'; at++)
        directive->is_long = true;
    directive->conversion = *at;
    return *at == '\0' ? at : at + 1;
}

static void put_signed(struct wk_text_sink *sink, const struct directive *directive, int64_t value)
{
    if (value < 0)
        put_number(sink, directive, "-", -(uint64_t)value, 10);
    else
        put_number(sink, directive, "", (uint64_t)value, 10);
}

struct arguments {
    va_list list;
};

static void put_directive(struct wk_text_sink *sink, const struct directive *directive, struct arguments *arguments)
{
    switch (directive->conversion) {
    case 'd':
        put_signed(sink, directive, directive->is_long ? va_arg(arguments->list, long) : va_arg(arguments->list, int));
        break;
    case 'u':
    case 'x':
        put_number(sink, directive, "",
                   directive->is_long ? va_arg(arguments->list, unsigned long) : va_arg(arguments->list, unsigned),
                   directive->conversion == 'x' ? 16 : 10);
        break;
    case 'p':
        put_number(sink, directive, "0x", (uint64_t)(uintptr_t)va_arg(arguments->list, void *), 16);
        break;
    case 'c':
        put_padded(sink, directive, &(char){(char)va_arg(arguments->list, int)}, 1);
        break;
    case 's': {
        const char *text = va_arg(arguments->list, const char *);

        put_padded(sink, directive, text, strlen(text));
        break;
    }
    case '\0':
        break;
    default:
        sink->take(sink, &directive->conversion, 1);
        break;
    }
}

void wk_format(struct wk_text_sink *sink, const char *format, va_list arguments)
{
    struct arguments remaining;
    struct directive directive;

    va_copy(remaining.list, arguments);
    while (*format != '\0') {
        size_t plain = 0;

        while (format[plain] != '\0' && format[plain] != '%')
            plain++;
        sink->take(sink, format, plain);
        format += plain;
        if (*format == '%') {
            format = read_directive(format + 1, &directive);
            put_directive(sink, &directive, &remaining);
        }
    }
    va_end(remaining.list);
}
