/* SPDX-License-Identifier: MIT */
/* What many tests begin with: the machine just booted, in which `boot` acts, and one program besides. */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include "harness.h"

extern struct thread *boot; /* the first thread */
extern struct program program;

/* A cmocka setup function. */
int program_setup(void **state);
#define program_test(function) cmocka_unit_test_setup(function, program_setup)

/* Maps memory of the first process into the program. */
void map_there(wk_handle memory, uint64_t address, uint64_t offset, uint64_t pages, uint64_t protection);
/* The program has ended for that reason, and nothing is left of it. Acts as the first thread from now on. */
void assert_ended(enum wk_end_reason reason, uint64_t detail);

#endif
