/* SPDX-License-Identifier: MIT */
/* Bytes and strings, as in ISO C; and numbers read from strings. The compiler calls the first four by itself. */
#ifndef WINKLE_TEXT_H
#define WINKLE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *left, const void *right, size_t bytes);
size_t strlen(const char *text);
int strcmp(const char *left, const char *right);
int strncmp(const char *left, const char *right, size_t bytes);
void *memchr(const void *bytes, int value, size_t length);
size_t strnlen(const char *text, size_t length);
char *strchr(const char *text, int letter);
char *strrchr(const char *text, int letter);

/* Reads the whole of `text`, `length` bytes, as a decimal number, or with 0x in front as a hexadecimal one. False if
 * it is none, or does not fit. */
bool wk_parse_number(const char *text, size_t length, uint64_t *number);

#endif
