/* SPDX-License-Identifier: MIT */
/* What tests of fault endpoints begin with: `program`, without handler of its own, whose faults the first process serves. */
#ifndef FAULT_PROGRAM_H
#define FAULT_PROGRAM_H

#include "calls.h"
#include "upcall_program.h"

#define CODE UINT64_C(0x10104) /* where its code faults */
#define SALT UINT64_C(0x5000)  /* of its registers */

/* The program's thread. */
#define faulter (program.thread_record)
extern wk_handle told_by; /* the session in the program's table */

/* A cmocka setup function; acts as the first thread, which serves. */
int fault_setup(void **state);
#define fault_test(function) cmocka_unit_test_setup(function, fault_setup)

/* The program's code faults with registers that assert_registers(CODE, SALT) knows. Acts as the first thread again. */
void fault_at(enum wk_upcall_cause cause, uint64_t detail);
/* `by` has received that fault of the program. */
void assert_told(struct thread *by, enum wk_upcall_cause cause, uint64_t detail, enum wk_end_reason reason);
/* The fault was answered: its code goes on there, and has all its registers. */
void assert_goes_on(uint64_t pc);
/* It was not: the program ends for that reason. */
void assert_ends(enum wk_end_reason reason, uint64_t detail);

#endif
