/* SPDX-License-Identifier: MIT */
/* The part of the C library's <string.h> that the kernel, its compiler and libfdt need. */
#ifndef STRING_H
#define STRING_H

#include <stddef.h>

void *memcpy(void *restrict target, const void *restrict source, size_t length);
void *memmove(void *target, const void *source, size_t length);
void *memset(void *target, int value, size_t length);
int memcmp(const void *left, const void *right, size_t length);
void *memchr(const void *bytes, int value, size_t length);

size_t strlen(const char *text);
size_t strnlen(const char *text, size_t limit);
int strcmp(const char *left, const char *right);
int strncmp(const char *left, const char *right, size_t limit);
char *strchr(const char *text, int letter);
char *strrchr(const char *text, int letter);

#endif
