/* SPDX-License-Identifier: MIT */
#ifndef LINUX_CONSOLE_H
#define LINUX_CONSOLE_H

#include "files.h"

/* Opens the machine's console of last resort, for a program that was given no terminal. */
int64_t console_open(uint32_t flags, struct file **file);

#endif
