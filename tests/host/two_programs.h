/* SPDX-License-Identifier: MIT */
/* What tests begin with in which two do something to the same: `boot`, and two programs. */
#ifndef TWO_PROGRAMS_H
#define TWO_PROGRAMS_H

#include "programs.h"

extern struct program one;
extern struct program other;

/* A cmocka setup function. */
int two_programs_setup(void **state);
#define two_programs_test(function) cmocka_unit_test_setup(function, two_programs_setup)

#endif
