/* SPDX-License-Identifier: MIT */
#ifndef FILES_RANDOM_H
#define FILES_RANDOM_H

#include <stdint.h>

/* A number that nobody can guess who does not know what was stirred in. */
uint64_t random_number(void);
/* Makes the following numbers depend on `word` too. */
void random_stir(uint64_t word);

#endif
