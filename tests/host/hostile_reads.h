/* SPDX-License-Identifier: MIT */
/* Comes before all else where the kernel reads what a program may write at the same time (tests/tests.mk): after each
 * read a test can change it, at the same place each time that it runs, as another processor might. */
#ifndef HOSTILE_READS_H
#define HOSTILE_READS_H

#include <stddef.h>
#include <winkle/ring_memory.h>

/* NULL: nobody does. */
extern void (*hostile_reads_hook)(const void *word);

#define READ_HOSTILE(word, value)                                                                                      \
    __extension__({                                                                                                    \
        __typeof__(*(word)) hostile_reads_value = value;                                                               \
        if (hostile_reads_hook != NULL)                                                                                \
            hostile_reads_hook(word);                                                                                  \
        hostile_reads_value;                                                                                           \
    })
#define __atomic_load_n(word, order) READ_HOSTILE(word, __atomic_load_n(word, order))
#define wk_ring_load(word) READ_HOSTILE(word, wk_ring_load(word))

#endif
