/* SPDX-License-Identifier: MIT */
#include "text.h"

/* In a loop: the compiler must not make of it a call of the very function that it stands in. */
#define STAY_LOOP() __asm__ volatile("")

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    uint8_t *target = to;
    const uint8_t *source = from;

    if (((uintptr_t)target | (uintptr_t)source) % sizeof(uint64_t) == 0) {
        for (; bytes >= sizeof(uint64_t); bytes -= sizeof(uint64_t)) {
            *(uint64_t *)(void *)target = *(const uint64_t *)(const void *)source;
            target += sizeof(uint64_t);
            source += sizeof(uint64_t);
            STAY_LOOP();
        }
    }
    while (bytes-- > 0) {
        *target++ = *source++;
        STAY_LOOP();
    }
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    uint8_t *target = to;
    const uint8_t *source = from;

    if (target <= source || target >= source + bytes)
        return memcpy(to, from, bytes);
    while (bytes-- > 0) {
        target[bytes] = source[bytes];
        STAY_LOOP();
    }
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    uint8_t *target = to;
    const uint64_t pattern = (uint8_t)value * UINT64_C(0x0101010101010101);

    for (; bytes > 0 && (uintptr_t)target % sizeof(uint64_t) != 0; bytes--) {
        *target++ = (uint8_t)value;
        STAY_LOOP();
    }
    for (; bytes >= sizeof(uint64_t); bytes -= sizeof(uint64_t), target += sizeof(uint64_t)) {
        *(uint64_t *)(void *)target = pattern;
        STAY_LOOP();
    }
    while (bytes-- > 0) {
        *target++ = (uint8_t)value;
        STAY_LOOP();
    }
    return to;
}

int memcmp(const void *left, const void *right, size_t bytes)
{
    const uint8_t *a = left, *b = right;

    for (size_t i = 0; i < bytes; i++) {
        if (a[i] != b[i])
            return a[i] - b[i];
    }
    return 0;
}

size_t strlen(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0') {
        length++;
        STAY_LOOP();
    }
    return length;
}

int strcmp(const char *left, const char *right)
{
    return strncmp(left, right, SIZE_MAX);
}

int strncmp(const char *left, const char *right, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (left[i] != right[i])
            return (unsigned char)left[i] - (unsigned char)right[i];
        if (left[i] == '\0')
            break;
    }
    return 0;
}

void *memchr(const void *bytes, int value, size_t length)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < length; i++) {
        if (at[i] == (uint8_t)value)
            return (void *)(uintptr_t)(at + i);
    }
    return NULL;
}

size_t strnlen(const char *text, size_t length)
{
    size_t count = 0;

    while (count < length && text[count] != '\0')
        count++;
    return count;
}

char *strrchr(const char *text, int letter)
{
    for (size_t i = strlen(text) + 1; i > 0; i--) {
        if (text[i - 1] == (char)letter)
            return (char *)(uintptr_t)(text + i - 1);
    }
    return NULL;
}

char *strchr(const char *text, int letter)
{
    return memchr(text, letter, strlen(text) + 1);
}
