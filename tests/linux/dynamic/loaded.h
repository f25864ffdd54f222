/* SPDX-License-Identifier: MIT */
#ifndef LINUX_LOADED_H
#define LINUX_LOADED_H

/* What the library has for who loads it. */
struct loaded_table {
    const char *name;
    int (*twice)(int);
};

/* The program's, which the library calls when it begins and when it ends. */
void loading_called(void);

#endif
