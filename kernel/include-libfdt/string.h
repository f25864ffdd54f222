/* SPDX-License-Identifier: MIT */
/* What libfdt expects of <string.h>; kernel/string.c has the functions. */
#ifndef INCLUDE_LIBFDT_STRING_H
#define INCLUDE_LIBFDT_STRING_H

#include <stddef.h>

void *memchr(const void *bytes, int value, size_t length);
int memcmp(const void *left, const void *right, size_t length);
void *memcpy(void *restrict target, const void *restrict source, size_t length);
void *memmove(void *target, const void *source, size_t length);
void *memset(void *target, int value, size_t length);
char *strchr(const char *text, int letter);
int strcmp(const char *left, const char *right);
size_t strlen(const char *text);
int strncmp(const char *left, const char *right, size_t length);
size_t strnlen(const char *text, size_t length);
char *strrchr(const char *text, int letter);

#endif
