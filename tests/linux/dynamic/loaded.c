/* SPDX-License-Identifier: MIT */
/* The library that loading.c loads: it has a constructor, a destructor, a variable of each thread's, and calls the program. */
#include "loaded.h"

static _Thread_local int count;

static int twice(int value)
{
    return 2 * value;
}

const struct loaded_table loaded_table = {"loaded", twice};

int loaded_count(void);
int loaded_count(void)
{
    return ++count;
}

__attribute__((constructor)) static void begin(void)
{
    loading_called();
}

__attribute__((destructor)) static void end(void)
{
    loading_called();
}
