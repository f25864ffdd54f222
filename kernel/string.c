/* SPDX-License-Identifier: MIT */
/*
 * Bytes and strings, small rather than fast: whole pages have arch_page_zero and arch_bytes_copy. Where both sides are
 * aligned, words are moved.
 */
#include "string.h"

#include <stdint.h>

/* Words that may stand where any type stands. */
typedef uint64_t __attribute__((may_alias)) word;

static int are_aligned(const void *left, const void *right)
{
    return (((uintptr_t)left | (uintptr_t)right) & (sizeof(word) - 1)) == 0;
}

static void move_up(char *target, const char *source, size_t length)
{
    if (are_aligned(target, source))
        for (; length >= sizeof(word); length -= sizeof(word)) {
            *(word *)(void *)target = *(const word *)(const void *)source;
            target += sizeof(word);
            source += sizeof(word);
        }
    while (length-- > 0)
        *target++ = *source++;
}

void *memcpy(void *restrict target, const void *restrict source, size_t length)
{
    move_up(target, source, length);
    return target;
}

void *memmove(void *target, const void *source, size_t length)
{
    char *to = target;
    const char *from = source;

    if ((uintptr_t)to - (uintptr_t)from >= length)
        move_up(to, from, length);
    else
        while (length-- > 0)
            to[length] = from[length];
    return target;
}

void *memset(void *target, int value, size_t length)
{
    const word pattern = (unsigned char)value * UINT64_C(0x0101010101010101);
    unsigned char *to = target;

    if (are_aligned(to, to)) {
        for (; length >= 8 * sizeof(word); length -= 8 * sizeof(word)) {
            word *words = (word *)(void *)to;

            words[0] = pattern;
            words[1] = pattern;
            words[2] = pattern;
            words[3] = pattern;
            words[4] = pattern;
            words[5] = pattern;
            words[6] = pattern;
            words[7] = pattern;
            to += 8 * sizeof(word);
        }
        for (; length >= sizeof(word); length -= sizeof(word)) {
            *(word *)(void *)to = pattern;
            to += sizeof(word);
        }
    }
    while (length-- > 0)
        *to++ = (unsigned char)value;
    return target;
}

int memcmp(const void *left, const void *right, size_t length)
{
    const unsigned char *l = left;
    const unsigned char *r = right;

    for (; length > 0; length--, l++, r++)
        if (*l != *r)
            return *l - *r;
    return 0;
}

void *memchr(const void *bytes, int value, size_t length)
{
    for (const unsigned char *at = bytes; length > 0; length--, at++)
        if (*at == (unsigned char)value)
            return (void *)(uintptr_t)at;
    return NULL;
}

size_t strlen(const char *text)
{
    size_t length = 0;

    while (text[length] != 0)
        length++;
    return length;
}

size_t strnlen(const char *text, size_t limit)
{
    size_t length = 0;

    while (length < limit && text[length] != 0)
        length++;
    return length;
}

int strcmp(const char *left, const char *right)
{
    return strncmp(left, right, SIZE_MAX);
}

int strncmp(const char *left, const char *right, size_t limit)
{
    for (; limit > 0; limit--, left++, right++)
        if (*left != *right || *left == 0)
            return (unsigned char)*left - (unsigned char)*right;
    return 0;
}

char *strchr(const char *text, int letter)
{
    for (; *text != (char)letter; text++)
        if (*text == 0)
            return NULL;
    return (char *)(uintptr_t)text;
}

char *strrchr(const char *text, int letter)
{
    char *last = NULL;

    do
        if (*text == (char)letter)
            last = (char *)(uintptr_t)text;
    while (*text++ != 0);
    return last;
}
